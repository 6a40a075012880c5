"""What survives kill -9, restarts, cuts and silence: promises P1, P2, P4, P5, P6, P7 and P10 at a size for every day.

`scripts/torture` runs the same promises for as long as one likes.
"""

import hashlib
import os
import random
import signal
import threading

import pytest
from harness.measure import tree
from harness.process import invocation, kill_marked, run_script, send_script, stored_output, wait_invocation
from harness.proxy import Proxy, readdressed
from harness.wait import throughout, until


def gated(gate, before="echo begun", after="echo done"):
    """A script that waits for a file; it leaves a mark each time it is started."""
    return f"echo run >>{gate}.runs; {before}; while [ -d {gate.parent} ] && [ ! -e {gate} ]; do sleep 0.05; done; {after}"


def runs(gate):
    path = f"{gate}.runs"
    return len(open(path).read().split()) if os.path.exists(path) else 0


def test_a_command_goes_on_while_its_agent_is_killed(bed, tmp_path):
    own = bed()
    agent = own.join("a")
    gate = tmp_path / "gate"
    command = send_script(own, [agent.node], gated(gate, before="seq 1 5000", after="seq 5001 10000"))
    until(lambda: runs(gate) == 1, 20, "the script having started")
    agent.kill()
    gate.touch()
    agent.restart()
    answer = wait_invocation(own, command, agent.node)
    assert answer["Status"] == "Success" and answer["ResponseCode"] == 0
    assert stored_output(own, command, agent.node) == "".join(f"{i}\n" for i in range(1, 10001)), "whole, in order, once"
    assert runs(gate) == 1


def test_a_command_that_is_still_running_is_attached_to_again(bed, tmp_path):
    own = bed()
    agent = own.join("a")
    gate = tmp_path / "gate"
    command = send_script(own, [agent.node], f"echo $$ >{tmp_path}/pid; " + gated(gate))
    until(lambda: runs(gate) == 1, 20, "the script having started")
    pid = int((tmp_path / "pid").read_text())
    for _ in range(3):
        agent.kill()
        agent.restart()
        # The agent may have died before it told that it had begun: then it tells when it is back.
        until(lambda: invocation(own, command, agent.node)["Status"] == "InProgress", 20, "the node telling that it has begun")
        os.kill(pid, 0)
    gate.touch()
    assert wait_invocation(own, command, agent.node)["StandardOutputContent"] == "begun\ndone\n"
    assert runs(gate) == 1


def test_a_stopped_agent_leaves_its_command_running(bed, tmp_path):
    own = bed()
    agent = own.join("a")
    gate = tmp_path / "gate"
    command = send_script(own, [agent.node], gated(gate))
    until(lambda: runs(gate) == 1, 20, "the script having started")
    assert agent.stop() == 0
    gate.touch()
    agent.restart()
    assert wait_invocation(own, command, agent.node)["Status"] == "Success" and runs(gate) == 1


def test_a_cancel_reaches_a_command_whose_agent_was_restarted(bed, tmp_path):
    own = bed()
    agent = own.join("a")
    gate = tmp_path / "gate"
    command = send_script(own, [agent.node], gated(gate))
    until(lambda: runs(gate) == 1, 20, "the script having started")
    agent.kill()
    own.api.ssm("CancelCommand", CommandId=command)
    agent.restart()
    assert wait_invocation(own, command, agent.node)["Status"] == "Cancelled"


def test_only_a_vanished_step_host_makes_a_command_interrupted(bed, tmp_path):
    own = bed()
    agent = own.join("a")
    gate = tmp_path / "gate"
    command = send_script(own, [agent.node], gated(gate))
    written = lambda: own.api.hub("GetOutput", CommandId=command, NodeId=agent.node, Stream="stdout")["Text"]  # noqa: E731
    until(lambda: written() == "begun\n", 20, "the script having written")
    agent.kill()
    kill_all_but_hub(own)
    agent.restart()
    answer = wait_invocation(own, command, agent.node)
    assert (answer["Status"], answer["ResponseCode"]) == ("Failed", -1)
    (share,) = own.api.hub("SearchInvocations", CommandId=command)["Invocations"]
    assert "step host" in share["Message"], "the reason is told"
    assert (answer["StandardOutputContent"], answer["StandardErrorContent"]) == ("begun\n", ""), "what it wrote is kept"
    assert runs(gate) == 1, "it is never run a second time"


def kill_all_but_hub(own):
    """A power cut of the node: everything that was started under the bed except the hub is gone at once."""
    needle = f"ROADSTEAD_TEST_MARK={own.marker}".encode()
    keep = set(tree(own.pid))
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) not in keep:
            try:
                with open(f"/proc/{entry}/environ", "rb") as f:
                    if needle in f.read().split(b"\0"):
                        os.kill(int(entry), signal.SIGKILL)
            except OSError:
                pass


def test_the_hub_may_die_while_a_command_runs(bed, tmp_path):
    own = bed()
    agent = own.join("a")
    gate = tmp_path / "gate"
    command = send_script(own, [agent.node], gated(gate))
    until(lambda: runs(gate) == 1, 20, "the script having started")
    own.kill()
    gate.touch()
    own.start()
    answer = wait_invocation(own, command, agent.node)
    assert answer["Status"] == "Success" and answer["StandardOutputContent"] == "begun\ndone\n" and runs(gate) == 1


def test_an_acknowledged_command_survives_the_hub(bed, tmp_path):
    """P2, small: whatever SendCommand has answered is run exactly once, kill -9 in between."""
    own = bed()
    agent = own.join("a")
    acknowledged = []
    for i in range(6):
        stop = threading.Event()

        def sender():
            n = 0
            while not stop.is_set():
                mark = tmp_path / f"{i}-{n}-{threading.get_ident()}"
                try:
                    acknowledged.append((send_script(own, [agent.node], f"echo run >>{mark}"), mark))
                except Exception:
                    return
                n += 1

        senders = [threading.Thread(target=sender) for _ in range(3)]
        before = len(acknowledged)
        for one in senders:
            one.start()
        until(lambda: len(acknowledged) >= before + random.randint(1, 8), 20, "commands being acknowledged")
        own.kill()
        stop.set()
        for one in senders:
            one.join()
        own.start()
    agent.wait_online()
    for command, mark in acknowledged:
        assert wait_invocation(own, command, agent.node)["Status"] == "Success"
        assert mark.read_text() == "run\n", f"{command} ran once"


def test_nothing_runs_twice_under_random_kills(bed, tmp_path):
    """P1, small: hub and agents are killed at random; each command ran at most once and has a verdict."""
    own = bed()
    token = own.token(count=4)
    agents = [own.join(f"n{i}", token=token) for i in range(4)]
    dice = random.Random(20240601)
    sent = []
    for turn in range(12):
        for agent in agents:
            mark = tmp_path / f"{turn}-{agent.node}"
            try:
                sent.append((send_script(own, [agent.node], f"echo run >>{mark}; sleep 0.0{dice.randint(0, 9)}; echo end"), agent.node, mark))
            except Exception:
                pass  # not acknowledged: whether it exists is nobody's promise
        victim = dice.choice(agents + [own])
        victim.kill()
        if victim is own:
            own.start()
        else:
            victim.argv = [own.binary, "serve", "--agent", "--data", str(victim.data)]
            victim.spawn()
    for command, node, mark in sent:
        answer = wait_invocation(own, command, node)
        ran = mark.read_text().count("run") if mark.exists() else 0
        assert ran <= 1, f"{command} ran {ran} times on {node}"
        if answer["Status"] == "Success":
            assert ran == 1 and answer["StandardOutputContent"] == "end\n"


def test_all_agents_are_back_after_a_hub_restart(bed):
    own = bed()
    token = own.token(count=8)
    agents = [own.join(f"n{i}", token=token) for i in range(8)]
    own.kill()
    own.start()
    until(lambda: own.api.hub("DescribeHub")["NodesOnline"] == 8, 30, "all agents being back")
    assert all(agent.alive() for agent in agents)


def behind_proxy(own, name, proxy):
    """An agent whose only way to the hub is the proxy."""
    token = own.api.hub("CreateJoinLine")["Token"]
    return own.join(name, token=readdressed(token, f"127.0.0.1:{proxy.port}"))


def test_a_partition_in_the_middle_delays_the_result_only(bed, tmp_path):
    """P5: the line goes silent while a command runs; after it heals the result is there at once, whole, once."""
    own = bed()
    with Proxy(("127.0.0.1", own.port)) as proxy:
        agent = behind_proxy(own, "cut-off", proxy)
        gate = tmp_path / "gate"
        command = send_script(own, [agent.node], gated(gate, after="head -c 3000000 /dev/zero | tr '\\0' x"))
        until(lambda: runs(gate) == 1, 20, "the script having started")
        proxy.silence()
        gate.touch()
        until(lambda: ended_on_node(agent, command), 30, "the script having ended while nobody could be told")
        proxy.reset()
        answer = wait_invocation(own, command, agent.node, 60)
        assert answer["Status"] == "Success" and runs(gate) == 1
        expected = "begun\n" + "x" * 3_000_000
        whole = stored_output(own, command, agent.node)
        assert hashlib.sha256(whole.encode()).digest() == hashlib.sha256(expected.encode()).digest()


def ended_on_node(agent, command):
    """Whether the agent has nothing of this command running any more: no process but its own is left."""
    return len(tree(agent.pid)) <= 2


@pytest.mark.early
def test_a_half_open_line_is_found(bed):
    """P6: bytes vanish without a reset; the node is shown offline within 45 s with the reason, and comes back by itself."""
    own = bed()
    with Proxy(("127.0.0.1", own.port)) as proxy:
        agent = behind_proxy(own, "half-open", proxy)
        proxy.silence()
        shown = until(lambda: (n := own.node(agent.node))["Status"] == "Offline" and n, 45, "the silent node being shown offline")
        assert shown["OfflineReason"] == "HeartbeatLost"
        proxy.heal()
        agent.wait_online(60)
        assert run_script(own, [agent.node], "echo back")[agent.node]["StandardOutputContent"] == "back\n"


def test_a_slow_line_does_not_lose_the_exit_code(bed):
    """P10: the node's line carries 200 kB/s while 1 MB of output is pulled; the verdict does not wait for the bytes."""
    own = bed()
    with Proxy(("127.0.0.1", own.port)) as proxy:
        agent = behind_proxy(own, "slow", proxy)
        proxy.rate = 200_000
        answer = run_script(own, [agent.node], "head -c 1000000 /dev/zero | tr '\\0' y; exit 5")[agent.node]
        assert (answer["Status"], answer["ResponseCode"]) == ("Failed", 5)
        assert len(stored_output(own, answer["CommandId"], agent.node)) == 1_000_000, "all bytes arrive"


@pytest.mark.early
def test_a_wrong_hub_is_not_talked_to(bed):
    """An agent pins its hub's key: another hub on the same address gets nothing, and the log says what happened."""
    own = bed()
    agent = own.join("loyal")
    own.stop()
    other = bed(port=own.port)
    until(lambda: "key" in agent.log().lower() and ("pin" in agent.log().lower() or "match" in agent.log().lower() or "expected" in agent.log().lower()), 60, "the agent's complaint")
    assert agent.alive() and other.api.hub("SearchNodes")["Total"] == 0
    other.stop()
    own.start()
    # It asks again at leisure: only a person could have made that right.
    agent.wait_online(120)


def test_an_unreachable_hub_is_named_and_tried_again(bed):
    own = bed()
    agent = own.join("patient")
    own.kill()
    until(lambda: str(own.port) in agent.log(), 30, "the agent naming the address that it cannot reach")
    throughout(agent.alive, 1, "the agent")
    own.start()
    agent.wait_online(60)


def test_a_second_agent_on_the_same_data_is_named(bed):
    import subprocess

    own = bed()
    agent = own.join("only")
    done = subprocess.run(
        [own.binary, "serve", "--agent", "--data", str(agent.data)], env=agent.env, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 5 and str(agent.data) in done.stdout + done.stderr


def test_joining_twice_keeps_the_first_identity(bed):
    own = bed()
    agent = own.join("once")
    before = agent.node
    agent.stop()
    agent.restart(token=own.token())
    assert agent.node == before and own.api.hub("SearchNodes")["Total"] == 1


def test_a_copied_identity_is_kept_out(bed, tmp_path):
    """Two agents with one key: the hub never lets both be the node at once."""
    import shutil

    from harness.process import Agent

    own = bed()
    agent = own.join("original")
    copy = Agent(own, own.folder / "copy", "unused")
    shutil.copytree(agent.data, copy.data)
    (copy.data / "lock").unlink(missing_ok=True)
    own.agents.append(copy)
    copy.argv = [own.binary, "serve", "--agent", "--data", str(copy.data)]
    copy.spawn()
    # What came of the copy is known when the hub has met both; before, it may be in the quarantine at any moment.
    until(lambda: own.node(agent.node)["Quarantine"], 30, "the hub having met both")
    assert own.api.hub("SearchNodes")["Total"] == 1 and agent.connections() == 1
    copy.kill()
    agent.kill()
    agent.restart()
    own.cli("node", "release", agent.node, check=0)
    assert run_script(own, [agent.node], "echo mine")[agent.node]["StandardOutputContent"] == "mine\n"


def test_nothing_is_left_behind(bed):
    """After hub and agent have stopped by themselves no process of theirs runs."""
    own = bed()
    agent = own.join("tidy")
    run_script(own, [agent.node], "true")
    assert agent.stop() == 0 and own.stop() == 0
    left = []
    needle = f"ROADSTEAD_TEST_MARK={own.marker}".encode()

    def marked():
        left.clear()
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/environ", "rb") as f:
                        if needle in f.read().split(b"\0"):
                            left.append(int(entry))
                except OSError:
                    pass
        return not left

    until(marked, 20, "everything having ended")
    kill_marked(own.marker)
