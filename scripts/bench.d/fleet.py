"""Ten thousand simulated agents in one process: memory each, a command to all, and all back after kill -9 of the hub."""

import contextlib
import os
import subprocess
import tempfile
import time

from harness.measure import cpu_seconds, memory, percentile
from harness.process import Bed, base_env, find_binary
from harness.wait import until
from result import Probe, at_most


@contextlib.contextmanager
def simulated(hub, count, *switches):
    """The process that plays so many agents of the hub."""
    argv = [find_binary("fleet_sim"), "--hub", f"127.0.0.1:{hub.port}", "--token", hub.token(count=count), "--agents", str(count), *switches]
    with tempfile.TemporaryFile() as log:
        simulator = subprocess.Popen(argv, env=base_env(), stdout=log, stderr=log)
        try:
            yield simulator
        finally:
            simulator.terminate()
            try:
                simulator.wait(20)
            except subprocess.TimeoutExpired:
                simulator.kill()
                simulator.wait()


def run(options):
    count = options.agents
    with Bed(tag="bench") as hub:
        base = memory(hub.pid)[1]
        with simulated(hub, count) as simulator:
            began = time.perf_counter()
            wait_online(hub, count, 600, simulator)
            joined = time.perf_counter() - began
            time.sleep(5)
            each = (memory(hub.pid)[1] - base) / count
            yield at_most("fleet-memory", each / 1e3, "kB/agent", 60, f"{count} agents, RSS; joined in {joined:.0f} s")
            times = preview(hub, count)
            medians = [percentile(calls, 50) * 1e3 for calls in times]
            shown = ", ".join(f"{median:.0f}" for median in medians)
            yield at_most(
                "fleet-preview", max(medians), "ms", 50,
                f"which of {count} nodes an expression of tags names, median of {PREVIEWS} calls of the slowest of three ({shown}); slowest call {max(map(max, times)) * 1e3:.0f} ms",
            )
            walls, spent = [], cpu_seconds(hub.pid)
            for _ in range(3):
                walls.append(to_all(hub, count))
            each = (cpu_seconds(hub.pid) - spent) / len(walls) / count
            shown = ", ".join(f"{wall:.1f}" for wall in walls)
            yield at_most("fleet-send-command", min(walls), "s", 6, f"{count} nodes, SendCommand to every result durable; {shown} s")
            yield at_most("fleet-hub-cpu", each * 1e3, "CPU-ms/node", 0.35, f"of the hub for a command to {count} nodes, somebody polling")
            yield from comes_back(hub, count, simulator)


def online(hub):
    return hub.api.hub("DescribeHub")["NodesOnline"]


def wait_online(hub, count, seconds, simulator):
    def all_there():
        assert simulator.poll() is None, "fleet_sim has ended"
        return online(hub) >= count

    until(all_there, seconds, f"{count} agents being online", every=0.1)


#: As the console does it.
BATCH = 250
#: The longest that the hub gives.
PAGE = 100
PREVIEWS = 20


def preview(hub, count):
    """Seconds of each call that says which nodes a command would go to, for each of the expressions."""
    nodes = everybody(hub)
    assert len(nodes) == count, len(nodes)
    for at in range(0, count, BATCH):
        changes = [
            {"ResourceType": "ManagedInstance", "ResourceId": node, "Set": [{"Key": "env", "Value": ENVIRONMENTS[n % 2]}]}
            for n, node in enumerate(nodes[at:at + BATCH], at)
        ]
        hub.api.hub("ChangeTags", Changes=changes)
    times = [[] for _ in WISHES]
    for calls, (targets, share) in list(zip(times, WISHES)) * PREVIEWS:
        began = time.perf_counter()
        answer = hub.api.hub("ResolveTargets", Targets=targets, TimeoutSeconds=600)
        calls.append(time.perf_counter() - began)
        assert answer["Total"] == count * share // 2, answer["Total"]
    return times


ENVIRONMENTS = ["test", "prod"]
WISHES = [
    ([{"Key": "tag:env", "Values": ["prod"]}], 1),
    ([{"Key": "tag:env", "Values": ENVIRONMENTS}], 2),
    ([{"Key": "tag-key", "Values": ["env"]}, {"Key": "tag:env", "Values": ["prod"]}], 1),
]


def everybody(hub):
    nodes, token = [], None
    while True:
        page = hub.api.hub("SearchNodes", MaxResults=PAGE, **({"NextToken": token} if token else {}))
        nodes += [node["NodeId"] for node in page["Nodes"]]
        token = page.get("NextToken")
        if token is None:
            return nodes


def to_all(hub, count):
    began = time.perf_counter()
    command = hub.api.ssm(
        "SendCommand", DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}, MaxConcurrency="100%",
        Targets=[{"Key": "roadstead:filter", "Values": ["status=online"]}],
    )["Command"]["CommandId"]

    def ended():
        shown = hub.api.ssm("ListCommands", CommandId=command)["Commands"][0]
        return shown if shown["CompletedCount"] >= count else None

    shown = until(ended, 300, "every result being stored", every=0.05)
    took = time.perf_counter() - began
    assert shown["Status"] == "Success" and shown["TargetCount"] == count, shown
    return took


def comes_back(hub, count, simulator):
    hub.kill()
    calls = []
    began = time.perf_counter()
    hub.start(60)
    ready = time.perf_counter() - began
    p95 = None
    while True:
        assert simulator.poll() is None, "fleet_sim has ended"
        asked = time.perf_counter()
        there = hub.api.hub("GetOverview")["Nodes"]["Online"]
        hub.api.hub("SearchNodes", MaxResults=20)
        calls.append((time.perf_counter() - asked) / 2)
        since = time.perf_counter() - began
        if p95 is None and there >= 0.95 * count:
            p95 = since
        if there >= count:
            break
        assert since < 300, f"only {there} of {count} are back after {since:.0f} s"
        time.sleep(0.05)
    yield at_most("fleet-reconnect", since, "s", 30, f"{count} agents; 95 % after {p95:.1f} s, hub ready after {ready:.1f} s")
    yield at_most(
        "fleet-reconnect-calls", max(calls) * 1e3, "ms", 500,
        f"slowest of {len(calls)} console calls meanwhile, median {percentile(calls, 50) * 1e3:.0f} ms; load {os.getloadavg()[0]:.1f}",
    )


PROBES = [Probe("fleet", ["fleet-memory", "fleet-preview", "fleet-send-command", "fleet-hub-cpu", "fleet-reconnect", "fleet-reconnect-calls"], run)]
