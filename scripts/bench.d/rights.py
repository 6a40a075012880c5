"""What rights cost: a decision about one node, and a list over a large fleet, each against the same call of an admin."""

import json
import sqlite3
import statistics
import time

from harness.measure import percentile
from harness.process import Bed
from load import once, signed
from result import Probe, at_most

NODES = 10_000
POLICIES = 1_000
OF_CALLER = 10
ROUNDS = 7
CALLS = 400
# Short and many: the machine is quicker or slower from one second to the next, which a pair of short ones hardly notices.
LIST_ROUNDS = 31
LISTS = 7


def run(_options):
    with Bed(tag="bench") as hub:
        fill(hub)
        policies(hub)
        hub.api.hub("CreateUser", UserName="few")
        for number in range(OF_CALLER):
            hub.api.hub("AttachPolicy", PolicyName=f"p{number}", UserName="few")
        hub.api.hub("CreateUser", UserName="half", Roles=["viewer"], Scope={"Tags": [{"Key": "half", "Values": ["a"]}]})
        admin = (hub.key, hub.secret)
        few, half = key(hub, "few"), key(hub, "half")
        point = {"NodeId": node(2)}
        added = [
            (median(hub, few, "DescribeNode", point, CALLS) - median(hub, admin, "DescribeNode", point, CALLS)) * 1e6
            for _ in range(ROUNDS)
        ]
        detail = f"{POLICIES} policies, {OF_CALLER} of the caller, by a node's tags; median of {ROUNDS} rounds of {CALLS} calls each"
        yield at_most("rights-point", max(statistics.median(added), 0), "us", 60, detail)
        page = {"MaxResults": 20}
        ratios = [
            (median(hub, half, "SearchNodes", page, LISTS) / median(hub, admin, "SearchNodes", page, LISTS) - 1) * 100
            for _ in range(LIST_ROUNDS)
        ]
        detail = f"SearchNodes over {NODES} nodes, half of them in the caller's scope, total and page; median of {LIST_ROUNDS} pairs"
        yield at_most("rights-list", max(statistics.median(ratios), 0), "%", 20, detail)


def node(number):
    return f"mi-{number:017x}"


def fill(hub):
    """Rows of nodes, written beside the hub: joining as many would measure something else."""
    db = sqlite3.connect(hub.data / "hub.db", timeout=30)
    now = int(time.time() * 1000)
    facts = json.dumps({"computer_name": "c", "platform_name": "Debian", "addresses": ["10.0.0.1"]})
    nodes = [
        (node(n), n.to_bytes(32, "big"), f"node-{n:05}", now, "Debian", facts) for n in range(NODES)
    ]
    with db:
        db.executemany(
            "INSERT INTO node (id, key_hash, name, iam_role, joined_at, status, source_address, computer_name, platform_id, platform_name,"
            " platform_version, architecture, agent_version, addresses, facts)"
            " VALUES (?, ?, ?, '', ?, 'Offline', '', 'c', 'debian', ?, '12', 'x86_64', '1', '10.0.0.1', ?)",
            nodes,
        )
        db.executemany(
            "INSERT INTO tag (kind, id, key, value) VALUES ('ManagedInstance', ?, ?, ?)",
            [(node(n), k, v) for n in range(NODES) for k, v in (("half", "ab"[n % 2]), ("env", "prod"))],
        )
    db.close()


def policies(hub):
    for number in range(POLICIES):
        mine = {"Kind": "node", "Tags": [{"Key": "env", "Values": [f"e{number}", "prod"] if number == OF_CALLER - 1 else [f"e{number}"]}]}
        document = {"Statements": [
            {"Effect": "Allow", "Actions": ["roadstead:Describe*", "ssm:Send*"], "Resources": [mine]},
            {"Effect": "Deny", "Actions": ["roadstead:DescribeNode"], "Resources": [{"Kind": "node", "Tags": [{"Key": "secret"}]}]}]}
        hub.api.hub("PutPolicy", PolicyName=f"p{number}", Document=document)


def key(hub, user):
    made = hub.api.hub("CreateAccessKey", UserName=user)
    return made["AccessKeyId"], made["SecretAccessKey"]


def median(hub, credentials, operation, body, count):
    """Seconds of one call, over one connection."""
    request = signed(hub, operation, body, prefix="Roadstead", credentials=credentials)
    latencies, _ = once((hub.port, [[request] * count]))
    return percentile(latencies, 50)


PROBES = [Probe("rights", ["rights-point", "rights-list"], run)]
