"""A shell as the console in the browser has it: StartSession, then frames over a WebSocket.

A shell reads its user's profile first. One that is killed while it does may leave a lock of some tool behind, for which the next one
waits: let a shell answer once before it is ended.
"""

import json
import struct

from harness.websocket import BINARY, Closed, WebSocket

PROTOCOL = "roadstead.session.v1"
INPUT, RESIZE, END, OUTPUT, ENDED = 1, 2, 3, 17, 18


class Shell:
    def __init__(self, url, token, cols=80, rows=24, start_from=None, take_over=False, before=None, context=None, timeout=60):
        self.socket = WebSocket(url, PROTOCOL, context=context, timeout=timeout)
        self.token = token
        opening = {"Token": token, "Cols": cols, "Rows": rows, "From": start_from, "TakeOver": take_over}
        if before:
            opening["Before"] = before
        self.socket.send(json.dumps(opening))
        _, first = self.socket.receive()
        self.first = json.loads(first)
        self.offset = self.first.get("Attached", {}).get("Offset")
        self.text = b""
        self.ended = None

    @classmethod
    def start(cls, hub, node, **options):
        answer = hub.api.ssm("StartSession", Target=node)
        shell = cls(answer["StreamUrl"], answer["TokenValue"], **options)
        shell.id, shell.url = answer["SessionId"], answer["StreamUrl"]
        return shell

    def resume(self, hub, **options):
        """The same shell again as the console takes it up: naming the attachment it had, whose end the hub may not have seen yet."""
        answer = hub.api.ssm("ResumeSession", SessionId=self.id)
        back = type(self)(answer["StreamUrl"], answer["TokenValue"], before=self.token, **options)
        back.id, back.url = answer["SessionId"], answer["StreamUrl"]
        return back

    @property
    def attached(self):
        return self.first.get("Attached")

    @property
    def error(self):
        return self.first.get("Error")

    def type(self, data):
        self.socket.send(bytes([INPUT]) + (data.encode() if isinstance(data, str) else data))

    def resize(self, cols, rows):
        self.socket.send(bytes([RESIZE]) + json.dumps({"cols": cols, "rows": rows}).encode())

    def end(self):
        self.socket.send(bytes([END]))

    def read(self):
        """The next piece of output; None once the session has ended."""
        while self.ended is None:
            try:
                kind, data = self.socket.receive()
            except Closed as closed:
                self.ended = {"closed": str(closed)}
                break
            if kind != BINARY:
                self.ended = json.loads(data)
            elif data[0] == OUTPUT:
                (offset,) = struct.unpack(">Q", data[1:9])
                assert offset == self.offset, f"output continues at {offset}, expected {self.offset}"
                self.offset += len(data) - 9
                return data[9:]
            elif data[0] == ENDED:
                self.ended = json.loads(data[1:])
        return None

    def until(self, needle, limit=64 << 20):
        """Reads until the text appears; returns everything up to its end."""
        needle = needle.encode() if isinstance(needle, str) else needle
        while needle not in self.text:
            piece = self.read()
            if piece is None:
                raise AssertionError(f"the session ended before {needle!r}: {self.ended} after {self.text[-300:]!r}")
            self.text += piece
            assert len(self.text) < limit, "too much output"
        at = self.text.index(needle) + len(needle)
        seen, self.text = self.text[:at], self.text[at:]
        return seen

    def run(self, line):
        """Types a line and returns what it printed. The mark is computed by the shell, so its echo cannot be taken for it."""
        self.type(f"{line}; echo MARK$((40+2))\n")
        return self.until("MARK42").decode(errors="replace")

    def wait_end(self):
        while self.read() is not None:
            pass
        return self.ended

    def close(self):
        self.socket.close()
