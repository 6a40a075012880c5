"""Parameter Store over keep-alive connections: requests signed beforehand, clients of bare sockets in processes of their own."""

import json
import multiprocessing
import socket
import time

from harness.measure import percentile
from harness.process import Bed
from harness.sigv4 import sign
from result import Probe, at_least, at_most

MANY = 100_000
PUTS = 20_000
SECONDS = 4


def run(_options):
    with Bed(tag="bench-parameters") as hub:
        for clients, goal in ((8, 1500), (64, 4000)):
            rate, latencies = puts(hub, clients)
            yield at_least(f"put-parameter-{clients}", rate, "1/s", goal, f"durable, p99 {percentile(latencies, 99) * 1e3:.1f} ms")
        hub.api.ssm("PutParameter", Name="/plain", Value="v" * 64, Type="String")
        hub.api.ssm("PutParameter", Name="/secret", Value="v" * 64, Type="SecureString")
        plain, _ = gets(hub, 8, "GetParameter", {"Name": "/plain"})
        yield at_least("get-parameter-8", plain, "1/s", 8000, "8 clients on this machine's cores too")
        secret, _ = gets(hub, 8, "GetParameter", {"Name": "/secret", "WithDecryption": True})
        yield at_most("get-secret-to-plain", plain / secret, "x", 1.2, f"{secret:.0f}/s decrypted, audited")
        fill(hub)
        pages = [{"Path": f"/bench/many/f{n * 37 % (MANY // 20)}", "MaxResults": 10} for n in range(200)]
        _, latencies = gets(hub, 1, "GetParametersByPath", *pages)
        yield at_most("by-path-p99", percentile(latencies, 99) * 1e3, "ms", 3, f"10 of {MANY} parameters")


def signed(hub, operation, body):
    data = json.dumps(body).encode()
    target = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"AmazonSSM.{operation}"}
    headers = sign("POST", "/", hub.api.authority, target, data, hub.key, hub.secret)
    lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), f"content-length: {len(data)}", "", ""]
    return "\r\n".join(lines).encode() + data


def puts(hub, clients):
    names = [f"/bench/c{clients}/f{n % 300}/p{n}" for n in range(PUTS)]
    requests = [signed(hub, "PutParameter", {"Name": name, "Value": "v" * 64, "Type": "String"}) for name in names]
    return spread(hub, requests, clients)


def fill(hub):
    requests = [
        signed(hub, "PutParameter", {"Name": f"/bench/many/f{n % (MANY // 20)}/p{n}", "Value": "v" * 64, "Type": "String"})
        for n in range(MANY)
    ]
    spread(hub, requests, 64)


def gets(hub, clients, operation, *bodies):
    """For some seconds the same requests over and over."""
    requests = [signed(hub, operation, body) for body in bodies]
    with multiprocessing.Pool(clients) as pool:
        parts = pool.map(repeat, [(hub.port, requests, SECONDS)] * clients, chunksize=1)
    latencies = [one for part in parts for one in part]
    return len(latencies) / SECONDS, latencies


def spread(hub, requests, clients):
    """Each request once, by so many connections at the same time; few processes, so that the client leaves the hub a core."""
    processes = min(clients, 4)
    work = [(hub.port, [requests[c::clients] for c in range(p, clients, processes)]) for p in range(processes)]
    with multiprocessing.Pool(processes) as pool:
        began = time.perf_counter()
        parts = pool.map(once, work, chunksize=1)
        took = time.perf_counter() - began
    latencies = [one for part in parts for one in part]
    return len(requests) / took, latencies


def once(work):
    """Several connections of one process, each with one request on its way."""
    import selectors

    port, shares = work
    selector, latencies = selectors.DefaultSelector(), []
    for share in shares:
        connection = Connection(port)
        queue = iter(share)
        selector.register(connection.socket, selectors.EVENT_READ, (connection, queue))
        connection.send(next(queue))
    left = len(shares)
    while left:
        for event, _ in selector.select():
            connection, queue = event.data
            if not connection.received():
                continue
            latencies.append(time.perf_counter() - connection.began)
            following = next(queue, None)
            if following is None:
                selector.unregister(connection.socket)
                connection.socket.close()
                left -= 1
            else:
                connection.send(following)
    return latencies


def repeat(work):
    port, requests, seconds = work
    latencies, connection = [], Connection(port)
    end, number = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        connection.send(requests[number % len(requests)])
        while not connection.received():
            pass
        latencies.append(time.perf_counter() - connection.began)
        number += 1
    connection.socket.close()
    return latencies


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request):
        self.began, self.buffer = time.perf_counter(), b""
        self.socket.sendall(request)

    def received(self):
        """Reads once; whether the answer is whole."""
        self.buffer += self.socket.recv(65536)
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        assert head.startswith(b"HTTP/1.1 200"), self.buffer[:300]
        length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1])
        return len(rest) >= length


FIGURES = ["put-parameter-8", "put-parameter-64", "get-parameter-8", "get-secret-to-plain", "by-path-p99"]
PROBES = [Probe("parameters", FIGURES, run)]
