"""P9, P10: more output than anybody reads, and readers who have stopped."""

import contextlib
import os
import threading
import time

from harness.measure import memory, percentile
from harness.process import Bed, run_script, stored_output, wait_invocation, send_script
from harness.proxy import Proxy
from harness.session import Shell
from lines import behind

MIB = 1 << 20


class MemoryLimit:
    """A memory control group of 256 MiB, where one can be made; the hub starts in it."""

    def __init__(self, limit=256 * MIB):
        self.folder = None
        for base, file in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            folder = f"{base}/roadstead-torture-{os.getpid()}"
            with contextlib.suppress(OSError):
                os.mkdir(folder)
                if not os.path.exists(f"{folder}/{file}"):
                    os.rmdir(folder)
                    continue
                with open(f"{folder}/{file}", "w") as f:
                    f.write(str(limit))
                self.folder = folder
                return

    def enter(self):
        if self.folder:
            with open(f"{self.folder}/cgroup.procs", "w") as f:
                f.write("0")

    def close(self):
        if self.folder:
            with contextlib.suppress(OSError):
                os.rmdir(self.folder)


class Peak:
    """The largest resident size of a process while the block runs."""

    def __init__(self, pid):
        self.pid, self.base, self.done = pid, memory(pid)[1], threading.Event()
        self.value = self.base

    def __enter__(self):
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.done.wait(0.05):
            with contextlib.suppress(OSError, IndexError):
                self.value = max(self.value, memory(self.pid)[1])

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def growth(self):
        return (self.value - self.base) / MIB


def p9(sums, deadline, count):
    """Ten gigabytes of output of one node: the hub's memory stays put, the other nodes answer as before."""
    limit = MemoryLimit()
    try:
        with Bed(tag="p9", group=limit) as hub:
            token = hub.token(count=21)
            loud, *others = [hub.join(f"n{i}", token=token) for i in range((count or 20) + 1)]
            nodes = [one.node for one in others]
            run_script(hub, [loud.node], "head -c 300000000 /dev/zero", wait=120)
            sums.add(in_memory_limit=int(limit.folder is not None))
            while time.monotonic() < deadline:
                quiet = latencies(hub, nodes, 10, lambda: True)
                with Peak(hub.pid) as peak:
                    command = send_script(hub, [loud.node], "yes roadstead | head -c 10000000000")
                    busy = latencies(hub, nodes, 10_000, lambda: hub.api.ssm("ListCommands", CommandId=command)["Commands"][0]["CompletedCount"] == 0)
                    answer = wait_invocation(hub, command, loud.node, 600)
                    page, after = kept_output(hub, command, loud.node, 60)
                ratio = percentile(busy, 99) / percentile(quiet, 99)
                worst = {"hub_growth_mib": peak.growth(), "latency_ratio_p99": ratio, "latency_p99_s": percentile(busy, 99)}
                sums.worst(kept_after_s=after, **worst)
                sums.add(gigabytes=10, commands_meanwhile=len(busy))
                if answer["Status"] != "Success":
                    sums.broke("wrong_end", str(answer))
                cut = page.get("Cut")
                if not cut or cut["OmittedBytes"] + page["StoredBytes"] != 10_000_000_000:
                    sums.broke("wrong_cut", str(page)[:200])
                if peak.growth() > 64:
                    sums.broke("hub_grew", f"{peak.growth():.0f} MiB")
                sums.round()
    finally:
        limit.close()


def kept_output(hub, command, node, limit):
    """The first page once the hub has fetched all it keeps, or the last one seen, and the seconds that took."""
    began = time.monotonic()
    while True:
        page = hub.api.hub("GetOutput", CommandId=command, NodeId=node, Stream="stdout", Offset=0, MaxBytes=100)
        took = time.monotonic() - began
        if page["Source"] == "stored" or took > limit:
            return page, took
        time.sleep(0.05)


def latencies(hub, nodes, most, going_on):
    """Seconds from SendCommand to the answer stored, one node after the other, while it goes on."""
    took = []
    while len(took) < most and (going_on() or not took):
        node = nodes[len(took) % len(nodes)]
        began = time.monotonic()
        command = send_script(hub, [node], "true")
        while hub.api.ssm("ListCommands", CommandId=command)["Commands"][0]["CompletedCount"] == 0:
            time.sleep(0.002)
        took.append(time.monotonic() - began)
    return took


def p10(sums, deadline, _count):
    """A browser that has stopped reading and a line that is slow: memory is bounded, others go on, nothing is lost."""
    with Bed(tag="p10") as hub, Proxy(("127.0.0.1", hub.port)) as proxy:
        agent = behind(hub, "slow", proxy)
        quick = hub.join("quick")
        while time.monotonic() < deadline:
            with Peak(hub.pid) as peak:
                stalled = [Shell.start(hub, quick.node) for _ in range(10)]
                for shell in stalled:
                    shell.type("seq 1 200000; echo LAST$((40+2))\n")
                other = Shell.start(hub, quick.node)
                turns = []
                for i in range(50):
                    began = time.monotonic()
                    if f"turn-{i}" not in other.run(f"echo turn-{i}"):
                        sums.broke("wrong_answer", f"turn {i}")
                    turns.append(time.monotonic() - began)
                sums.worst(other_shell_s=max(turns))
                for shell in stalled:
                    # Read from here on: everything arrives in order (Shell checks the offsets), to the last line.
                    shell.until("LAST42")
                    shell.end()
                    shell.wait_end()
                    shell.close()
                other.end()
                other.close()
                proxy.rate = 400_000
                answer = run_script(hub, [agent.node], "head -c 2000000 /dev/zero | tr '\\0' z; exit 9", wait=120)[agent.node]
                if answer["ResponseCode"] != 9:
                    sums.broke("exit_code_lost", str(answer))
                end = time.monotonic() + 60
                while len(stored_output(hub, answer["CommandId"], agent.node)) < 2_000_000:
                    if time.monotonic() > end:
                        sums.broke("output_missing", answer["CommandId"])
                        break
                    time.sleep(0.2)
                proxy.rate = None
            sums.worst(hub_growth_mib=peak.growth())
            sums.add(stalled_shells=10)
            if peak.growth() > 64:
                sums.broke("hub_grew", f"{peak.growth():.0f} MiB")
            sums.round()


PROMISES = {"P9": p9, "P10": p10}
