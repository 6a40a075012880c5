"""Ten gigabytes of output of one command: what the hub grows by."""

import threading
import time

from harness.measure import memory
from harness.process import Bed, run_script
from result import Probe, at_most

GIGABYTES = 10


def run(_options):
    with Bed(tag="bench") as hub:
        agent = hub.join("loud")
        run_script(hub, [agent.node], "head -c 50000000 /dev/zero", wait=60)
        base = peak = memory(hub.pid)[1]
        done = threading.Event()

        def watch():
            nonlocal peak
            while not done.is_set():
                peak = max(peak, memory(hub.pid)[1])
                time.sleep(0.05)

        watcher = threading.Thread(target=watch)
        watcher.start()
        began = time.perf_counter()
        answer = run_script(hub, [agent.node], f"head -c {GIGABYTES}000000000 /dev/zero", wait=600)[agent.node]
        took = time.perf_counter() - began
        time.sleep(3)
        done.set()
        watcher.join()
        assert answer["Status"] == "Success", answer
        yield at_most("output-10gb-hub-rss", (peak - base) / (1 << 20), "MiB", 64, f"growth; the command took {took:.0f} s")


PROBES = [Probe("output", ["output-10gb-hub-rss"], run)]
