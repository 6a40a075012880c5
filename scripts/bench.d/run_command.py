"""`true` on real agents of this machine: from the API call until every answer is durable at the hub."""

import time

import peer_salt
from harness.measure import Group, median, percentile
from harness.process import Bed
from harness.wait import until
from result import Probe, at_most

GOALS = {1: 20, 10: 50, 30: 120}
# Salt's figures as docs/performance.md has recorded them: milliseconds, the master's CPU per node, the minion's per job.
SALT = {1: (300, 59, 144), 10: (690, 12.5, 107), 30: (2640, 10.1, 146)}
ROUNDS = 15
CPU_ROUNDS = 20
# The same work costs now more, now less, by a sixth, within a minute: what else the machine does decides.
CPU_TIMES = 3


def run(options):
    theirs = peer_salt.measure(GOALS) if options.with_peers and peer_salt.installed() else {}
    hub_cpu, agent_cpu = Group("hub"), Group("agents")
    try:
        with Bed(tag="bench", group=hub_cpu) as hub:
            token = hub.token(count=max(GOALS))
            agents = [hub.join(f"n{i}", token=token, group=agent_cpu, wait=False) for i in range(max(GOALS))]
            for agent in agents:
                agent.wait_online(60)
            nodes = [agent.node for agent in agents]
            for count, goal in GOALS.items():
                walls = [fan_out(hub, nodes[:count]) for _ in range(ROUNDS + 2)][2:]
                detail = f"p90 {percentile(walls, 90) * 1e3:.1f} ms of {ROUNDS} rounds"
                yield beside_salt(f"run-command-{count}", median(walls) * 1e3, "ms", goal, detail, theirs, count, 0)
            pids = [agent.pid for agent in agents]
            hub_ms, agent_ms = (median(figures) for figures in zip(*(cpu(hub, nodes, hub_cpu, agent_cpu, pids) for _ in range(CPU_TIMES))))
            yield beside_salt("run-command-hub-cpu", hub_ms, "CPU-ms/node", 0.5, "30 nodes, nobody polling", theirs, 30, 1)
            yield beside_salt("run-command-agent-cpu", agent_ms, "CPU-ms/job", 4, "with the spawn", theirs, 30, 2)
    finally:
        hub_cpu.close()
        agent_cpu.close()


def beside_salt(name, value, unit, goal, detail, theirs, count, figure):
    if count in theirs:
        return at_most(name, value, unit, goal, f"{detail}; peer is Salt in this run", theirs[count][figure])
    return at_most(name, value, unit, goal, f"{detail}; Salt recorded {SALT[count][figure]} (docs/performance.md)")


def send(hub, nodes):
    return hub.api.ssm("SendCommand", DocumentName="AWS-RunShellScript", InstanceIds=nodes, Parameters={"commands": ["true"]})["Command"][
        "CommandId"
    ]


def shown(hub, command):
    return hub.api.ssm("ListCommands", CommandId=command)["Commands"][0]


def fan_out(hub, nodes):
    began = time.perf_counter()
    command = send(hub, nodes)
    deadline = began + 60
    while shown(hub, command)["CompletedCount"] < len(nodes):
        assert time.perf_counter() < deadline, "the fan-out does not end"
        time.sleep(0.001)
    took = time.perf_counter() - began
    assert shown(hub, command)["Status"] == "Success"
    return took


def cpu(hub, nodes, hub_cpu, agent_cpu, agent_pids):
    """CPU-milliseconds per node at the hub and at the agents, over fan-outs that nobody watches, less what idling costs."""

    def spend(seconds, commands):
        before = hub_cpu.cpu(hub.pid), agent_cpu.cpu(*agent_pids)
        sent = []
        for _ in range(commands):
            sent.append(send(hub, nodes))
            time.sleep(seconds / commands)
        if not commands:
            time.sleep(seconds)
        after = hub_cpu.cpu(hub.pid), agent_cpu.cpu(*agent_pids)
        for command in sent:
            until(lambda: shown(hub, command)["Status"] == "Success", 30, "the fan-out ending")
        return after[0] - before[0], after[1] - before[1]

    time.sleep(1)
    idle = spend(5.0, 0)
    busy = spend(CPU_ROUNDS * 0.5, CPU_ROUNDS)
    share = CPU_ROUNDS * 0.5 / 5.0
    jobs = CPU_ROUNDS * len(nodes)
    return tuple(max(0.0, b - i * share) * 1e3 / jobs for b, i in zip(busy, idle))


PROBES = [Probe("run-command", [f"run-command-{n}" for n in GOALS] + ["run-command-hub-cpu", "run-command-agent-cpu"], run)]
