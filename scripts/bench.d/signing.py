"""What a signed order costs: made at the hub and checked at the agent, CPU of one node's share."""

import json
import subprocess

from harness.process import find_binary
from result import Probe, at_most


def run(_options):
    done = subprocess.run([find_binary("fleet_sim"), "--signing"], capture_output=True, text=True, check=True, timeout=120)
    cost = json.loads(done.stdout)
    both = cost["sign_cpu_ms"] + cost["verify_cpu_ms"]
    detail = f"sign {cost['sign_cpu_ms'] * 1e3:.0f} us, verify {cost['verify_cpu_ms'] * 1e3:.0f} us, 20,000 orders"
    yield at_most("signing", both, "CPU-ms/node", 0.1, detail)


PROBES = [Probe("signing", ["signing"], run)]
