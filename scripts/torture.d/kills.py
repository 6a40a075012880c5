"""P1, P2, P7: kill -9 of hub and agents, at random moments, over and over."""

import contextlib
import hashlib
import os
import pathlib
import random
import shutil
import signal
import threading
import time
import uuid

from harness.measure import tree
from harness.process import TERMINAL, Bed, send_script
from harness.wait import TimedOut, until

GIVE_UP = 120


def patiently(call, seconds=GIVE_UP):
    """The call's answer, however often the hub is away meanwhile."""
    answer = []

    def once():
        answer.append(call())
        return True

    until(once, seconds, "the hub answering")
    return answer[-1]


def verdict(hub, command, node):
    def ended():
        answer = hub.api.ssm("GetCommandInvocation", CommandId=command, InstanceId=node)
        return answer if answer["Status"] in TERMINAL else None

    return until(ended, GIVE_UP, f"{command} having a verdict on {node}")


def resume(agent):
    agent.argv = [agent.hub.binary, "serve", "--agent", "--data", str(agent.data)]
    agent.spawn()


def power_cut(agent):
    """The agent and everything that it has started ends at once."""
    for pid in tree(agent.pid):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    agent.child.wait()


def p1(sums, deadline, count):
    """A command runs at most once per node and its end is known, whatever is killed."""
    with Bed(tag="p1") as hub:
        marks = hub.folder / "marks"
        marks.mkdir()
        count = count or 20
        token = hub.token(count=count)
        agents = [hub.join(f"n{i}", token=token) for i in range(count)]
        stop = threading.Event()
        threads = [threading.Thread(target=guarded, args=(sums, stop, p1_agent, hub, agent, marks, sums, deadline)) for agent in agents]
        threads.append(threading.Thread(target=guarded, args=(sums, stop, p1_hub, hub, sums, stop)))
        for one in threads:
            one.start()
        for one in threads[:-1]:
            one.join()
        stop.set()
        threads[-1].join()


def guarded(sums, stop, work, *arguments):
    try:
        work(*arguments)
    except TimedOut as error:
        sums.broke("without_verdict", str(error))
    except Exception as error:
        if not stop.is_set():
            sums.broke("harness_error", repr(error))


def p1_hub(hub, sums, stop):
    dice = random.Random()
    while not stop.wait(dice.uniform(1, 5)):
        hub.kill()
        sums.add(hub_kills=1)
        hub.start(60)


def p1_agent(hub, agent, marks, sums, deadline):
    dice, node = random.Random(), agent.node
    while time.monotonic() < deadline:
        mark = marks / uuid.uuid4().hex
        try:
            command = send_script(hub, [node], f"echo run >>{mark}; sleep 0.0{dice.randint(0, 9)}; echo end")
        except Exception:
            # Not acknowledged: it may have been taken or not, but never twice.
            command = None
        time.sleep(dice.choice([0, 0, 0.005, 0.01, 0.02, 0.05, 0.1]) * dice.random() * 2)
        cut = dice.random() < 0.2
        (power_cut if cut else type(agent).kill)(agent)
        sums.add(agent_kills=1, power_cuts=int(cut))
        resume(agent)
        if command is None:
            sums.add(unacknowledged=1)
            continue
        answer = verdict(hub, command, node)
        ran = mark.read_text().count("run") if mark.exists() else 0
        sums.add(commands=1, **{f"verdict_{answer['Status']}": 1})
        if ran > 1:
            sums.broke("doubles", f"{command} ran {ran} times on {node}")
        elif answer["Status"] == "Success" and (ran != 1 or answer["StandardOutputContent"] != "end\n"):
            sums.broke("false_success", f"{command}: ran {ran}, output {answer['StandardOutputContent']!r}")
        elif answer["Status"] != "Success" and not cut:
            sums.broke("lost_without_cause", f"{command}: {answer['StatusDetails']} {answer['StandardErrorContent'][:200]!r}")
        mark.unlink(missing_ok=True)
        sums.round()


def p2(sums, deadline, _count):
    """An acknowledged write survives kill -9 of the hub."""
    with Bed(tag="p2") as hub:
        while time.monotonic() < deadline:
            acknowledged, stop = [], threading.Event()
            writers = [threading.Thread(target=p2_writer, args=(hub, acknowledged, stop)) for _ in range(8)]
            for one in writers:
                one.start()
            wanted = random.randint(5, 300)
            until(lambda: len(acknowledged) >= wanted, 60, "writes being acknowledged")
            hub.kill()
            stop.set()
            for one in writers:
                one.join()
            hub.start(60)
            known = activations(hub)
            lost = [one for one in acknowledged if one not in known]
            sums.add(acknowledged=len(acknowledged))
            if lost:
                sums.broke("lost", f"{len(lost)} of {len(acknowledged)}, such as {lost[0]}")
            for one in acknowledged:
                with contextlib.suppress(Exception):
                    hub.api.ssm("DeleteActivation", ActivationId=one)
            sums.round()


def p2_writer(hub, acknowledged, stop):
    while not stop.is_set():
        try:
            acknowledged.append(hub.api.ssm("CreateActivation", IamRole="torture", Description=uuid.uuid4().hex)["ActivationId"])
        except Exception:
            return


def activations(hub):
    known, token = set(), None
    while True:
        page = hub.api.ssm("DescribeActivations", MaxResults=50, **({"NextToken": token} if token else {}))
        known |= {one["ActivationId"] for one in page["ActivationList"]}
        token = page.get("NextToken")
        if not token:
            return known


def p7(sums, deadline, count):
    """An agent that is stopped, killed or restarted in the middle of a command attaches to it again; the output is whole."""
    with Bed(tag="p7") as hub:
        count = count or 10
        token = hub.token(count=count)
        agents = [hub.join(f"n{i}", token=token) for i in range(count)]
        stop = threading.Event()
        threads = [threading.Thread(target=guarded, args=(sums, stop, p7_agent, hub, agent, sums, deadline)) for agent in agents]
        for one in threads:
            one.start()
        for one in threads:
            one.join()


def p7_agent(hub, agent, sums, deadline):
    dice, node = random.Random(), agent.node
    folder = pathlib.Path(agent.folder) / "marks"
    while time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        lines = dice.randint(100, 60_000)
        script = f"echo $$ >>{folder}/pid; seq 1 {lines}; while [ -d {folder} ] && [ ! -e {folder}/gate ]; do sleep 0.02; done; seq 1 {lines}"
        command = send_script(hub, [node], script)
        until(lambda: (folder / "pid").exists() and (folder / "pid").read_text().strip(), GIVE_UP, "the script having started")
        pid = int((folder / "pid").read_text().split()[0])
        for _ in range(dice.randint(1, 3)):
            time.sleep(dice.random() * 0.1)
            if dice.random() < 0.5:
                agent.kill()
            else:
                agent.stop()
            sums.add(restarts=1)
            resume(agent)
        os.kill(pid, 0)
        (folder / "gate").touch()
        answer = verdict(hub, command, node)
        if answer["Status"] != "Success" or (folder / "pid").read_text().split() != [str(pid)]:
            sums.broke("not_reattached", f"{command}: {answer['StatusDetails']} {answer['StandardErrorContent'][:200]!r}")
        expected = "".join(f"{i}\n" for i in range(1, lines + 1)) * 2
        if not same_output(hub, command, node, expected):
            sums.broke("output_differs", command)
        sums.round()


def same_output(hub, command, node, expected):
    from harness.process import stored_output

    want = hashlib.sha256(expected.encode()).digest()
    try:
        return until(lambda: hashlib.sha256(stored_output(hub, command, node).encode()).digest() == want, 30, "the output being whole")
    except TimedOut:
        return False


PROMISES = {"P1": p1, "P2": p2, "P7": p7}
