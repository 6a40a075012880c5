"""GetCommandInvocation over keep-alive connections: requests signed beforehand, sent by clients of bare sockets."""

import json
import multiprocessing
import socket
import time

from harness.measure import percentile
from harness.process import Bed, run_script
from harness.sigv4 import sign
from result import Probe, at_least, at_most

CLIENTS = 8
SECONDS = 5


def run(_options):
    with Bed(tag="bench") as hub:
        agent = hub.join("one")
        answer = run_script(hub, [agent.node], "echo hello")[agent.node]
        body = json.dumps({"CommandId": answer["CommandId"], "InstanceId": agent.node}).encode()
        bytes_ = request(hub, body)
        with multiprocessing.Pool(CLIENTS) as pool:
            pool.map(ask, [(hub.port, bytes_, 0.5)] * CLIENTS)
            began = time.perf_counter()
            latencies = [one for part in pool.map(ask, [(hub.port, bytes_, SECONDS)] * CLIENTS, chunksize=1) for one in part]
            took = time.perf_counter() - began
        detail = f"{CLIENTS} clients on this machine's cores too, p99 {percentile(latencies, 99) * 1e3:.2f} ms"
        yield at_least("get-invocation-rate", len(latencies) / took, "1/s", 5000, detail)
        yield at_most("get-invocation-p50", percentile(latencies, 50) * 1e3, "ms", 1, detail)
        alone = ask((hub.port, bytes_, 2))
        yield at_most("get-invocation-p50-alone", percentile(alone, 50) * 1e3, "ms", 1, "one client")


def request(hub, body, operation="GetCommandInvocation"):
    headers = sign(
        "POST", "/", hub.api.authority, {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"AmazonSSM.{operation}"},
        body, hub.key, hub.secret,
    )
    lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def ask(work):
    """Latencies of one client's requests, one after the other."""
    port, bytes_, seconds = work
    end = time.perf_counter() + seconds
    return ask_while(port, bytes_, lambda _: time.perf_counter() < end)


def ask_times(port, bytes_, count):
    """The same, for a number of requests."""
    return ask_while(port, bytes_, lambda done: done < count)


def ask_while(port, bytes_, goes_on):
    latencies = []
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while goes_on(len(latencies)):
            began = time.perf_counter()
            s.sendall(bytes_)
            whole = s.recv(65536)
            head, _, rest = whole.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), whole[:300]
            length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1])
            while len(rest) < length:
                rest += s.recv(65536)
            latencies.append(time.perf_counter() - began)
    return latencies


PROBES = [Probe("get-invocation", ["get-invocation-rate", "get-invocation-p50", "get-invocation-p50-alone"], run)]
