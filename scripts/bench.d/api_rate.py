"""GetCommandInvocation over keep-alive connections: requests signed beforehand, sent by clients of bare sockets."""

import time

from harness.measure import percentile
from harness.process import Bed, run_script
from load import repeat, signed, workers
from result import Probe, at_least, at_most

CLIENTS = 8
SECONDS = 5


def run(_options):
    with Bed(tag="bench") as hub:
        agent = hub.join("one")
        answer = run_script(hub, [agent.node], "echo hello")[agent.node]
        requests = [signed(hub, "GetCommandInvocation", {"CommandId": answer["CommandId"], "InstanceId": agent.node})]
        with workers(CLIENTS) as pool:
            pool.map(repeat, [(hub.port, requests, 0.5)] * CLIENTS)
            began = time.perf_counter()
            latencies = [one for part in pool.map(repeat, [(hub.port, requests, SECONDS)] * CLIENTS, chunksize=1) for one in part]
            took = time.perf_counter() - began
        detail = f"{CLIENTS} clients on this machine's cores too, p99 {percentile(latencies, 99) * 1e3:.2f} ms"
        yield at_least("get-invocation-rate", len(latencies) / took, "1/s", 5000, detail)
        yield at_most("get-invocation-p50", percentile(latencies, 50) * 1e3, "ms", 1, detail)
        alone = repeat((hub.port, requests, 2))
        yield at_most("get-invocation-p50-alone", percentile(alone, 50) * 1e3, "ms", 1, "one client")


PROBES = [Probe("get-invocation", ["get-invocation-rate", "get-invocation-p50", "get-invocation-p50-alone"], run)]
