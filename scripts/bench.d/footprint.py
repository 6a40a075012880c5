"""What hub, agent and command line cost at rest and at their start."""

import os
import resource
import subprocess
import time

from harness.measure import cpu_seconds, median, memory, tree
from harness.process import Bed, find_binary
from result import Probe, at_most

MIB = 1 << 20


def hub(_options):
    ready, pss = [], []
    for _ in range(5):
        bed = Bed(tag="bench")
        began = time.perf_counter()
        with bed as one:
            ready.append(time.perf_counter() - began)
            time.sleep(1)
            pss.append(sum(memory(pid)[0] for pid in tree(one.pid)))
    yield at_most("hub-ready", median(ready), "s", 0.5, "process start to /readyz, empty folder, keys and certificates made")
    yield at_most("hub-empty-pss", median(pss) / MIB, "MiB", 30)
    size = os.stat(find_binary()).st_size
    yield at_most("binary-size", size / 1e6, "MB", 25, "stripped, console inside")


def agent(_options):
    with Bed(tag="bench") as one:
        starts = []
        first = one.join("first")
        for _ in range(9):
            first.stop()
            began = time.perf_counter()
            first.argv = [one.binary, "serve", "--agent", "--data", str(first.data)]
            first.spawn()
            while one.node(first.node)["Status"] != "Online":
                time.sleep(0.002)
            starts.append(time.perf_counter() - began)
        yield at_most("agent-start", median(starts) * 1e3, "ms", 150, "process start to shown online")
        token = one.token(count=29)
        agents = [first] + [one.join(f"n{i}", token=token, wait=False) for i in range(29)]
        for each in agents:
            each.wait_online(60)
        time.sleep(3)
        sizes = [[memory(pid) for pid in tree(each.pid)] for each in agents]
        rss = [max(r for _, r in size) for size in sizes]
        zygote = [sum(r for _, r in size) - max(r for _, r in size) for size in sizes]
        yield at_most("agent-idle-rss", median(rss) / MIB, "MiB", 8, f"30 agents; its helper process besides has {median(zygote) / MIB:.1f} MiB, shared")
        pss = [sum(p for p, _ in size) for size in sizes]
        yield at_most("agent-idle-pss", median(pss) / MIB, "MiB", 4, "30 agents of one binary, helper process included")
        before = {pid: cpu_seconds(pid) for each in agents for pid in tree(each.pid)}
        seconds = 40
        time.sleep(seconds)
        spent = sum(cpu_seconds(pid) - cpu for pid, cpu in before.items())
        yield at_most("agent-idle-cpu", spent / len(agents) / seconds * 100, "% of a core", 0.02, f"mean of 30 agents over {seconds} s")


def cli(_options):
    """`roadstead version`: what every verb pays before it does anything."""
    binary, samples = find_binary(), []
    for _ in range(30):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([binary, "version"], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        samples.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    yield at_most("cli-start-cpu", median(samples) * 1e3, "CPU-ms", 15, "`roadstead version`, with the harness's own fork")


PROBES = [
    Probe("hub", ["hub-ready", "hub-empty-pss", "binary-size"], hub),
    Probe("agent", ["agent-start", "agent-idle-rss", "agent-idle-pss", "agent-idle-cpu"], agent),
    Probe("cli", ["cli-start-cpu"], cli),
]
