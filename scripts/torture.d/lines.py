"""P4, P5, P6: the line between hub and agents breaks, goes silent, comes back."""

import os
import pathlib
import random
import shutil
import subprocess
import threading
import time

from harness.measure import percentile
from harness.process import Agent, Bed, base_env, find_binary, send_script
from harness.proxy import Proxy, readdressed
from harness.wait import until
from kills import GIVE_UP, guarded, same_output, verdict


def p4(sums, deadline, count):
    """After kill -9 of the hub all agents are back within 30 s, and the console answers within 500 ms meanwhile."""
    count = count or 10_000
    with Bed(tag="p4") as hub:
        argv = [find_binary("fleet_sim"), "--hub", f"127.0.0.1:{hub.port}", "--token", hub.token(count=count), "--agents", str(count)]
        with open(hub.folder / "fleet.log", "ab") as log:
            simulator = subprocess.Popen(argv, env=base_env(), stdout=log, stderr=log)
        try:
            until(lambda: online(hub) >= count, 600, f"{count} agents being online", every=0.2)
            while time.monotonic() < deadline:
                p4_round(hub, count, sums)
        finally:
            simulator.terminate()
            simulator.wait(30)


def online(hub):
    return hub.api.hub("GetOverview")["Nodes"]["Online"]


def p4_round(hub, count, sums):
    hub.kill()
    began = time.monotonic()
    hub.start(60)
    calls, most = [], None
    while True:
        asked = time.monotonic()
        there = online(hub)
        calls.append(time.monotonic() - asked)
        since = time.monotonic() - began
        if most is None and there >= 0.95 * count:
            most = since
        if there >= count:
            break
        if since > 300:
            sums.broke("not_back", f"{there} of {count} after {since:.0f} s")
            return
        time.sleep(0.05)
    sums.worst(all_back_s=since, most_back_s=most, call_s=max(calls), call_p99_s=percentile(calls, 99))
    if since > 30:
        sums.broke("late", f"all back after {since:.1f} s")
    if max(calls) > 0.5:
        sums.broke("slow_calls", f"a console call took {max(calls):.2f} s")
    sums.add(agents_back=count)
    sums.round()


def behind(hub, name, proxy):
    agent = Agent(hub, hub.folder / name, readdressed(hub.token(), f"127.0.0.1:{proxy.port}"))
    hub.agents.append(agent)
    agent.spawn()
    return agent.wait_online(60)


def p5(sums, deadline, count):
    """A partition in the middle of a command: it goes on, and its result arrives once, whole, soon after the line heals."""
    with Bed(tag="p5") as hub:
        stop = threading.Event()

        def worker(name):
            with Proxy(("127.0.0.1", hub.port)) as proxy:
                p5_agent(hub, behind(hub, name, proxy), proxy, sums, deadline)

        threads = [threading.Thread(target=guarded, args=(sums, stop, worker, f"n{i}")) for i in range(count or 10)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()


def p5_agent(hub, agent, proxy, sums, deadline):
    dice, node = random.Random(), agent.node
    folder = pathlib.Path(agent.folder) / "marks"
    while time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        lines = dice.randint(10, 200_000)
        command = send_script(hub, [node], f"echo run >>{folder}/runs; while [ -d {folder} ] && [ ! -e {folder}/gate ]; do sleep 0.02; done; seq 1 {lines}")
        until((folder / "runs").exists, GIVE_UP, "the script having started")
        proxy.silence()
        time.sleep(dice.choice([0, 0.05, 0.5]))
        (folder / "gate").touch()
        # Mostly short cuts; now and then one that both sides must notice by themselves (their keep-alive gives up).
        long = dice.random() < 0.1
        time.sleep(dice.uniform(60, 90) if long else dice.uniform(0.1, 3))
        healed = time.time()
        if long:
            proxy.heal()
        else:
            proxy.reset()
        # The hub may still show the old connection for a moment; only a newer one counts.
        back = until(lambda: connected_at(hub, node) >= healed and time.monotonic(), GIVE_UP, "the node being back")
        answer = verdict(hub, command, node)
        sums.worst(result_after_reconnect_s=time.monotonic() - back)
        sums.add(long_cuts=int(long))
        if time.monotonic() - back > 5:
            sums.broke("late", f"{command}: {time.monotonic() - back:.1f} s after the line was back")
        if answer["Status"] != "Success" or (folder / "runs").read_text() != "run\n":
            sums.broke("wrong_end", f"{command}: {answer['StatusDetails']}, ran {(folder / 'runs').read_text().count('run')} times")
        if not same_output(hub, command, node, "".join(f"{i}\n" for i in range(1, lines + 1))):
            sums.broke("output_differs", command)
        sums.round()


def connected_at(hub, node):
    shown = hub.node(node)
    return shown.get("ConnectedAt", 0) if shown["Status"] == "Online" else 0


def p6(sums, deadline, _count):
    """A half-open line is found, and no descriptor is leaked: first one cycle at the real pace, then many at a quick one."""
    p6_cycles(sums, time.monotonic() + 1, {}, limit=45, slow=True)
    p6_cycles(sums, deadline, {"ROADSTEAD_KEEP_ALIVE_MS": "200"}, limit=5, slow=False)


def p6_cycles(sums, deadline, env, limit, slow):
    with Bed(tag="p6", env=env) as hub, Proxy(("127.0.0.1", hub.port)) as proxy:
        agent = Agent(hub, hub.folder / "half-open", readdressed(hub.token(), f"127.0.0.1:{proxy.port}"), env=env)
        hub.agents.append(agent)
        agent.spawn().wait_online(60)
        node, before = agent.node, None
        while True:
            proxy.silence()
            began = time.monotonic()
            until(lambda: hub.node(node)["Status"] == "Offline", limit * 3, "the silent node being shown offline")
            took = time.monotonic() - began
            sums.worst(**{"found_s" if slow else "found_quick_s": took})
            if took > limit:
                sums.broke("late", f"shown offline after {took:.1f} s")
            proxy.reset()
            agent.wait_online(90)
            count = descriptors(hub.pid), descriptors(agent.pid)
            before = before or count
            if count[0] > before[0] + 8 or count[1] > before[1] + 8:
                sums.broke("leaked_descriptors", f"{before} → {count}")
                before = count
            sums.add(real_cycles=int(slow), quick_cycles=int(not slow))
            sums.round()
            if time.monotonic() > deadline:
                return


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


PROMISES = {"P4": p4, "P5": p5, "P6": p6}
