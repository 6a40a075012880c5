"""A WebSocket client in small: text and binary messages, pings answered, nothing else."""

import base64
import os
import socket
import struct
import urllib.parse

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Closed(Exception):
    pass


class Refused(Exception):
    def __init__(self, head):
        self.status = int(head.split(b" ", 2)[1])
        super().__init__(head.decode(errors="replace"))


class WebSocket:
    def __init__(self, url, protocol=None, headers=None, context=None, timeout=30):
        parts = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "wss":
            self.socket = context.wrap_socket(self.socket, server_hostname=parts.hostname)
        lines = [
            f"GET {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        ]
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items() if name.lower() != "host"]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer = bytearray()
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer = bytearray(rest)
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            self.socket.close()
            raise Refused(head)
        self.head = head.decode()

    def fileno(self):
        return self.socket.fileno()

    def _more(self):
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise Closed("the other side closed the connection")
        self.buffer += piece

    def _need(self, n):
        while len(self.buffer) < n:
            self._more()

    def send(self, data, kind=None):
        kind = kind or (TEXT if isinstance(data, str) else BINARY)
        data = data.encode() if isinstance(data, str) else bytes(data)
        n = len(data)
        head = bytes([0x80 | kind]) + (
            bytes([0x80 | n]) if n < 126 else bytes([0xFE]) + struct.pack(">H", n) if n < 65536 else bytes([0xFF]) + struct.pack(">Q", n)
        )
        mask = os.urandom(4)
        if n:
            key = (mask * (n // 4 + 1))[:n]
            data = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(n, "big")
        self.socket.sendall(head + mask + data)

    def receive(self):
        """(kind, bytes) of the next message; `Closed` at the end."""
        whole, first = b"", None
        while True:
            self._need(2)
            kind, length, skip = self.buffer[0] & 15, self.buffer[1] & 127, 2
            final = self.buffer[0] & 0x80
            if length == 126:
                self._need(4)
                length, skip = struct.unpack(">H", self.buffer[2:4])[0], 4
            elif length == 127:
                self._need(10)
                length, skip = struct.unpack(">Q", self.buffer[2:10])[0], 10
            self._need(skip + length)
            data = bytes(self.buffer[skip : skip + length])
            del self.buffer[: skip + length]
            if kind == PING:
                self.send(data, PONG)
            elif kind == CLOSE:
                raise Closed(data[2:].decode(errors="replace"))
            elif kind != PONG:
                first = first or kind
                whole += data
                if final:
                    return first, whole

    def close(self):
        self.socket.close()
