"""A search over the stored output of ten thousand nodes that all wrote something else: by a word, by an expression, and by its absence."""

import os
import time

import fleet
from harness.measure import median
from harness.process import Bed
from result import Probe, at_most

ROUNDS = 7
# One simulated node in a hundred warns (tests/fleet_sim).
ODD_ONE_IN = 100
SEARCHES = {
    "search-word": {"Text": "WARNING"},
    "search-expression": {"Text": r"checked in [0-9]+ ms: W", "Regex": True},
    "search-without": {"Text": "ms: ok", "IgnoreCase": True, "WithoutMatch": True},
}


def run(options):
    count = options.agents
    with Bed(tag="bench") as hub, fleet.simulated(hub, count, "--distinct-output") as simulator:
        fleet.wait_online(hub, count, 600, simulator)
        fleet.to_all(hub, count)
        command = hub.api.ssm("ListCommands")["Commands"][0]["CommandId"]
        for name, members in SEARCHES.items():
            walls, requests = zip(*(whole(hub, command, count, members) for _ in range(ROUNDS)))
            detail = f"{count} nodes, each with an output of its own; {max(requests)} request(s), slowest {max(walls):.2f} s; load {os.getloadavg()[0]:.1f}"
            yield at_most(name, median(walls), "s", 1, detail)


def whole(hub, command, count, members):
    """Until every node has been searched and counted: seconds and requests."""
    began, requests, token = time.perf_counter(), 0, {}
    while True:
        answer = hub.api.hub("SearchOutputs", CommandId=command, MaxResults=100, **members, **token)
        requests += 1
        if answer["Whole"]:
            break
        token = {"NextToken": answer["NextToken"]}
    took = time.perf_counter() - began
    assert (answer["NodesSearched"], answer["NodesMatched"]) == (count, -(-count // ODD_ONE_IN)), answer
    return took, requests


PROBES = [Probe("search", list(SEARCHES), run)]
