"""Signed requests over keep-alive connections: signed beforehand, sent by bare sockets in processes of their own, so that the client
leaves the hub as much of the machine as it can."""

import contextlib
import json
import multiprocessing
import select
import socket
import time

from harness.sigv4 import sign

#: Of the client: one more would take from the hub what it hardly needs itself.
PROCESSES = 2


def signed(hub, operation, body, prefix="AmazonSSM", credentials=None):
    """The bytes of a request of the admin, or of somebody else."""
    data = json.dumps(body).encode()
    target = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"{prefix}.{operation}"}
    headers = sign("POST", "/", hub.api.authority, target, data, *(credentials or (hub.key, hub.secret)), region="us-east-1")
    lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), f"content-length: {len(data)}", "", ""]
    return "\r\n".join(lines).encode() + data


@contextlib.contextmanager
def workers(count):
    """Processes of the client. They are let go, not terminated: Python may just then start one more, and wait for it for ever."""
    pool = multiprocessing.Pool(count)
    try:
        yield pool
    finally:
        pool.close()
        pool.join()


def spread(hub, requests, clients, refused=None):
    """Answers a second and their latencies, each request sent once, by so many connections at the same time. Every answer must be 200;
    with `refused`, a list, others are only left out of the rate and put into it."""
    processes = min(clients, PROCESSES)
    work = [(hub.port, [requests[c::clients] for c in range(p, clients, processes)]) for p in range(processes)]
    with workers(processes) as pool:
        began = time.perf_counter()
        parts = pool.map(once, work, chunksize=1)
        took = time.perf_counter() - began
    latencies = [one for done, _ in parts for one in done]
    bad = [one for _, others in parts for one in others]
    assert refused is not None or not bad, bad[0]
    if refused is not None:
        refused.extend(bad)
    return len(latencies) / took, latencies


def once(work):
    """Several connections of one process, each with one request on its way."""
    port, shares = work
    poll, connections, latencies, bad = select.epoll(), {}, [], []

    def forward(connection, queue):
        """Its next request; on a new connection where the server closes them."""
        if not connection.is_open:
            connection.open()
            connections[connection.socket.fileno()] = connection, queue
            poll.register(connection.socket.fileno(), select.EPOLLIN)
        following = next(queue, None)
        if following is None:
            connections.pop(connection.socket.fileno())
            connection.close()
        else:
            connection.send(following)

    for share in shares:
        forward(Connection(port), iter(share))
    while connections:
        for number, _ in poll.poll():
            connection, queue = connections[number]
            try:
                if not connection.received():
                    continue
                latencies.append(time.perf_counter() - connection.began)
            except Refused as refused:
                bad.append(str(refused))
            if connection.is_last:
                connections.pop(number)
                connection.close()
            forward(connection, queue)
    return latencies, bad


def repeat(work):
    """For some seconds the same requests over and over on one connection."""
    port, requests, seconds = work
    latencies, connection = [], Connection(port)
    connection.open()
    end, number = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        connection.send(requests[number % len(requests)])
        while not connection.received():
            pass
        latencies.append(time.perf_counter() - connection.began)
        number += 1
    connection.close()
    return latencies


class Refused(Exception):
    """An answer that is not 200."""


class Connection:
    def __init__(self, port):
        self.port, self.is_open = port, False

    def open(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_open, self.is_last = True, False

    def close(self):
        self.socket.close()
        self.is_open = False

    def send(self, request):
        self.began, self.buffer = time.perf_counter(), b""
        self.socket.sendall(request)

    def received(self):
        """Reads once; whether the answer is whole."""
        piece = self.socket.recv(65536)
        self.buffer += piece
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found and piece:
            return False
        head = head.lower()
        self.is_last = b"\r\nconnection: close" in head or not piece
        if not head.startswith(b"http/1.1 200"):
            raise Refused(self.buffer[:300])
        _, _, length = head.partition(b"\r\ncontent-length:")
        return len(rest) >= int(length.partition(b"\r\n")[0])
