"""CPU and memory of processes, and figures over samples.

CPU of a living process comes from its own CPU clock (nanoseconds, threads that have ended included). What a side has started and
lost sight of is counted by a private control group where one can be made; without one, children are counted when reaped.
"""

import os
import statistics
import time

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of this one process."""
    return time.clock_gettime(((~pid) << 3) | 2)


def reaped_seconds(pid):
    """User and system time of its children that have ended and were waited for."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / TICK


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                found += [int(child) for child in f.read().split()]
    except OSError:
        pass
    return found


def tree(pid):
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += children(one)
    return found


def tree_cpu(pid):
    total = 0.0
    for one in tree(pid):
        try:
            total += cpu_seconds(one) + reaped_seconds(one)
        except OSError:
            pass
    return total


def memory(pid):
    """(PSS, RSS) in bytes."""
    pss = rss = 0
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith("Rss:"):
                rss = int(line.split()[1]) * 1024
            elif line.startswith("Pss:"):
                pss = int(line.split()[1]) * 1024
    return pss, rss


class Group:
    """A control group that counts the CPU of everything started in it, orphans included."""

    def __init__(self, name):
        self.folder = None
        self.usage = None
        for base, file, scale in (
            ("/sys/fs/cgroup/cpuacct", "cpuacct.usage", 1e-9),
            ("/sys/fs/cgroup", "cpu.stat", 1e-6),
            ("/sys/fs/cgroup/unified", "cpu.stat", 1e-6),
        ):
            folder = f"{base}/roadstead-{os.getpid()}-{name}"
            try:
                os.mkdir(folder)
                if os.path.exists(f"{folder}/{file}") and os.path.exists(f"{folder}/cgroup.procs"):
                    self.folder, self.usage = folder, (f"{folder}/{file}", scale)
                    return
                os.rmdir(folder)
            except OSError:
                continue

    def enter(self):
        """Runs in the child, before its program is started."""
        if self.folder:
            with open(f"{self.folder}/cgroup.procs", "w") as f:
                f.write("0")

    def cpu(self, *pids):
        """Seconds so far; of the trees of these processes when there is no control group."""
        if not self.usage:
            return sum(tree_cpu(pid) for pid in pids)
        with open(self.usage[0]) as f:
            text = f.read()
        value = text.split("usage_usec", 1)[1].split()[0] if "usage_usec" in text else text
        return int(value) * self.usage[1]

    def close(self):
        if self.folder:
            for _ in range(100):
                try:
                    return os.rmdir(self.folder)
                except OSError:
                    time.sleep(0.02)


def median(samples):
    return statistics.median(samples)


def percentile(samples, percent):
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]
