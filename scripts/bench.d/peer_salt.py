"""Salt on the loopback, when it is installed: the same `true` on as many minions, for the ratio."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from harness.measure import Group, median
from harness.process import free_port
from harness.wait import TimedOut, until

PROGRAMS = ("salt-master", "salt-minion")
# One long-lived client of the API, as ours is; a bare `true` would be read as a YAML value.
CLIENT = """
import sys, time, salt.client, salt.exceptions
wanted, rounds, there = int(sys.argv[2]), int(sys.argv[3]), 0
while there < wanted:
    # The client reads the master's key when it is made, so it is made anew until the master has one.
    try:
        client = salt.client.LocalClient(sys.argv[1])
        there = len(client.cmd("*", "test.ping", timeout=20))
    except salt.exceptions.SaltException:
        time.sleep(1)
print("ready", flush=True)
time.sleep(5)
for _ in range(rounds):
    began = time.perf_counter()
    assert len(client.cmd("*", "cmd.run", ["true;"], timeout=60)) == wanted
    print("took", time.perf_counter() - began, flush=True)
"""


def find(program):
    return shutil.which(program, path=os.pathsep.join(filter(None, [os.environ.get("SALT_BIN"), os.environ.get("PATH")])))


def installed():
    return all(find(program) for program in PROGRAMS)


def measure(counts, rounds=7):
    """{count: (milliseconds, master's CPU-ms per node, minion's CPU-ms per job)}"""
    return {count: one(count, rounds) for count in counts}


def one(count, rounds):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="roadstead-salt-"))
    master, minions, started = Group(f"salt-master-{count}"), Group(f"salt-minions-{count}"), []
    publish, answers = free_port(), free_port()
    configure(folder / "master", "master", f"interface: 127.0.0.1\npublish_port: {publish}\nret_port: {answers}\nauto_accept: True\n")
    try:
        with open(folder / "log", "ab") as log:

            def start(program, of, group):
                started.append(subprocess.Popen(
                    [find(program), "-c", str(folder / of)], stdout=log, stderr=log, preexec_fn=group.enter, start_new_session=True
                ))  # fmt: skip

            start("salt-master", "master", master)
            for i in range(count):
                configure(
                    folder / f"n{i}", "minion",
                    f"id: n{i}\nmaster: 127.0.0.1\nmaster_port: {answers}\npublish_port: {publish}\nacceptance_wait_time: 1\n",
                )
                start("salt-minion", f"n{i}", minions)
            # Salt brings its own interpreter: the one its programs are started with.
            with open(find("salt-master")) as f:
                python = f.readline()[2:].strip().split()[0]
            client = subprocess.Popen(
                [python, "-c", CLIENT, str(folder / "master" / "master"), str(count), str(rounds)], stdout=subprocess.PIPE, stderr=log, text=True
            )
            started.append(client)
            assert client.stdout.readline() == "ready\n", "Salt's minions did not answer"
            time.sleep(3)
            before = master.cpu(started[0].pid), minions.cpu(*(p.pid for p in started[1:-1]))
            walls = [float(line.split()[1]) for line in client.stdout]
            time.sleep(0.5)
            after = master.cpu(started[0].pid), minions.cpu(*(p.pid for p in started[1:-1]))
        jobs = count * rounds
        return median(walls) * 1e3, (after[0] - before[0]) * 1e3 / jobs, (after[1] - before[1]) * 1e3 / jobs
    finally:
        stop(started)
        master.close()
        minions.close()
        shutil.rmtree(folder, ignore_errors=True)


def configure(folder, name, text):
    folder.mkdir()
    (folder / name).write_text(f"root_dir: {folder}\nuser: {os.environ.get('USER', 'root')}\nlog_level_logfile: warning\n{text}")


def stop(processes):
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            until(lambda: process.poll() is not None, 15, "Salt ending")
        except TimedOut as error:
            print(error, file=sys.stderr)
            process.kill()
        process.wait()
