"""P14: thousands of half-open requests, trickled bodies, garbage on the port; the console goes on answering."""

import contextlib
import os
import random
import socket
import threading
import time

from harness.measure import percentile
from harness.process import Bed
from loads import Peak

HALF_OPEN = 5000


def p14(sums, deadline, _count):
    with Bed(tag="p14") as hub:
        hub.join("bystander")
        while time.monotonic() < deadline:
            with Peak(hub.pid) as peak:
                stop = threading.Event()
                attackers = [
                    threading.Thread(target=work, args=(hub.port, stop, sums))
                    for work in [slow_headers, slow_bodies] + [garbage] * 2
                ]
                for one in attackers:
                    one.start()
                calls = watch_console(hub, 20)
                stop.set()
                for one in attackers:
                    one.join()
            sums.worst(call_p99_s=percentile(calls, 99), call_s=max(calls), hub_growth_mib=peak.growth())
            if percentile(calls, 99) > 1:
                sums.broke("slow_console", f"p99 {percentile(calls, 99):.2f} s of {len(calls)} calls")
            if peak.growth() > 128:
                sums.broke("hub_grew", f"{peak.growth():.0f} MiB")
            if "panicked" in hub.log():
                sums.broke("panic", hub.log()[-500:])
            if not hub.alive():
                sums.broke("hub_ended", hub.log()[-500:])
                return
            sums.add(calls=len(calls))
            sums.round()


def watch_console(hub, seconds):
    """Latencies of the console's calls, each on a connection of its own, as a new visitor has it."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        hub.api.close()
        hub.api.hub("GetOverview")
        took.append(time.monotonic() - began)
        time.sleep(0.05)
    return took


def connect(port):
    # The whole of 127/8 is this machine: a flood from many addresses.
    s = socket.socket()
    s.settimeout(5)
    s.bind((f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.{random.randint(1, 254)}", 0))
    s.connect(("127.0.0.1", port))
    return s


def slow_headers(port, stop, sums):
    open_ = []
    with contextlib.ExitStack() as stack:
        while len(open_) < HALF_OPEN and not stop.is_set():
            with contextlib.suppress(OSError):
                s = stack.enter_context(connect(port))
                s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
                open_.append(s)
        sums.add(half_open=len(open_))
        while not stop.wait(0.5):
            for s in random.sample(open_, min(200, len(open_))):
                with contextlib.suppress(OSError):
                    s.sendall(b"X-A: b\r\n")


def slow_bodies(port, stop, sums):
    with contextlib.ExitStack() as stack:
        open_ = []
        for _ in range(300):
            with contextlib.suppress(OSError):
                s = stack.enter_context(connect(port))
                s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSSM.ListCommands\r\nContent-Length: 100000\r\n\r\n{")
                open_.append(s)
        sums.add(slow_bodies=len(open_))
        while not stop.wait(1):
            for s in open_:
                with contextlib.suppress(OSError):
                    s.sendall(b" ")


STARTS = [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"SSH-2.0-", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"POST / HTTP/1.1\r\n",
          b"GET /live HTTP/1.1\r\nUpgrade: websocket\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"]  # fmt: skip


def garbage(port, stop, sums):
    dice, sent = random.Random(), 0
    while not stop.is_set():
        with contextlib.suppress(OSError), connect(port) as s:
            s.sendall(dice.choice(STARTS) + os.urandom(dice.randint(0, 3000)))
            s.settimeout(0.2)
            sent += 1
            with contextlib.suppress(OSError):
                s.recv(1000)
    sums.add(garbage=sent)


PROMISES = {"P14": p14}
