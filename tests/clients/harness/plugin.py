"""Amazon's session-manager-plugin, played: written from what is known of its protocol, not from the hub's code.

As a program it takes the arguments that aws-cli hands over, so that `aws ssm start-session` finds it under the plugin's name; in a
test it is a `Channel` whose every message can be looked at. It keeps the plugin's habits: silent about messages that it has had, and
about data that comes before its session is ready; what is not acknowledged is sent again, the oldest first; after a break it asks
ResumeSession for another token and goes on with its counters where they were.
"""

import hashlib
import json
import os
import pathlib
import signal
import socket
import struct
import sys
import threading
import time
import uuid

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.websocket import BINARY, TEXT, Closed, Refused, WebSocket  # noqa: E402

INPUT, OUTPUT, ACKNOWLEDGE, CLOSED = "input_stream_data", "output_stream_data", "acknowledge", "channel_closed"
BYTES, SIZE, REQUEST, RESPONSE, COMPLETE, FLAG, STDERR, EXIT_CODE = 1, 3, 5, 6, 7, 10, 11, 12
DISCONNECT, TERMINATE, CONNECT_ERROR = 1, 2, 3
HEAD = struct.Struct(">I32sIQqQ16s32sII")
VERSION = "1.2.764.0"


def pack(kind, sequence, payload_type, payload, flags=0, name=None):
    name = name or uuid.uuid4()
    halves = name.bytes[8:] + name.bytes[:8]
    digest = hashlib.sha256(payload).digest()
    head = HEAD.pack(116, kind.encode().ljust(32), 1, int(time.time() * 1000), sequence, flags, halves, digest, payload_type, len(payload))
    return head + payload


class Message:
    def __init__(self, data):
        (length, kind, schema, self.created, self.sequence, self.flags, halves, digest, self.payload_type, size) = HEAD.unpack(data[: HEAD.size])
        self.kind = kind.rstrip(b"\0 ").decode()
        self.id = uuid.UUID(bytes=halves[8:] + halves[:8])
        self.payload = data[length + 4 :]
        assert length == 116 and schema == 1 and self.created > 0 and size == len(self.payload), data[:120]
        assert not size or digest == hashlib.sha256(self.payload).digest()


class Channel:
    """One data channel, over as many connections as it takes."""

    def __init__(self, session, url, token, resume=None, version=VERSION, context=None):
        self.session, self.url, self.resume, self.version, self.context = session, url, resume, version, context
        self.client_id = str(uuid.uuid4())
        self.lock, self.changed = threading.RLock(), threading.Condition()
        self.expected, self.early = 0, {}
        self.next, self.unacknowledged = 0, {}
        self.ready, self.opened = False, False
        self.session_type = self.properties = self.agent_version = None
        self.output, self.errors, self.flags, self.exit_code = bytearray(), bytearray(), [], None
        self.closed = None  # the last word, or why there is none
        self.connections = 0
        self.sink = None
        self.received = []  # (sequence, payload type) of everything that came, again and again included
        self.connect(token)
        threading.Thread(target=self.read, daemon=True).start()
        threading.Thread(target=self.repeat, daemon=True).start()

    def connect(self, token):
        self.socket = WebSocket(self.url, context=self.context, timeout=60)
        opening = {
            "MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": token, "ClientId": self.client_id, "ClientVersion": self.version,
        }
        self.socket.send(json.dumps(opening))
        self.connections += 1

    def read(self):
        while self.closed is None:
            try:
                kind, data = self.socket.receive()
                assert kind in (BINARY, TEXT)
                self.take(Message(data))
            except (OSError, Closed) as error:
                if self.closed is not None or not self.come_back(error):
                    return

    def come_back(self, error):
        if self.resume is None:
            self.finish({"lost": str(error)})
            return False
        for attempt in range(20):
            try:
                token = self.resume()
                if not token:
                    self.finish({"timed_out": True})
                    return False
                with self.lock:
                    self.connect(token)
                return True
            except (OSError, Closed, Refused, BotoCoreError, ClientError):
                time.sleep(min(0.1 * 2**attempt, 2))
        self.finish({"lost": str(error)})
        return False

    def finish(self, word):
        with self.changed:
            self.closed = self.closed or word
            self.changed.notify_all()

    def take(self, message):
        with self.lock:
            if message.kind == ACKNOWLEDGE:
                content = json.loads(message.payload)
                assert content["IsSequentialMessage"] is True and message.flags == 3 and message.sequence == 0
                self.unacknowledged.pop(content["AcknowledgedMessageSequenceNumber"], None)
            elif message.kind == CLOSED:
                content = json.loads(message.payload)
                assert content["SessionId"] == self.session and content["MessageType"] == CLOSED
                self.finish({"output": content["Output"]})
            elif message.kind == OUTPUT:
                self.received.append((message.sequence, message.payload_type))
                self.in_order(message)
        with self.changed:
            self.changed.notify_all()

    def in_order(self, message):
        if message.sequence > self.expected:
            self.acknowledge(message)
            self.early[message.sequence] = message
            return
        if message.sequence < self.expected:
            return
        if message.payload_type not in (REQUEST, COMPLETE) and not self.ready:
            return
        self.acknowledge(message)
        while message:
            self.hear(message)
            self.expected += 1
            message = self.early.pop(self.expected, None)

    def hear(self, message):
        kind, payload = message.payload_type, message.payload
        if kind == REQUEST:
            request = json.loads(payload)
            self.agent_version = request["AgentVersion"]
            (action,) = request["RequestedClientActions"]
            assert action["ActionType"] == "SessionType"
            self.session_type, self.properties = action["ActionParameters"]["SessionType"], action["ActionParameters"]["Properties"]
            done = {"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""}
            self.send(RESPONSE, json.dumps({"ClientVersion": self.version, "ProcessedClientActions": [done], "Errors": None}).encode())
        elif kind == COMPLETE:
            assert json.loads(payload)["HandshakeTimeToComplete"] >= 0
            self.opened = True
        elif kind == FLAG:
            self.flags.append(struct.unpack(">I", payload)[0])
        elif kind == EXIT_CODE:
            self.exit_code = payload.decode()
        elif kind == STDERR:
            self.errors += payload
        else:
            assert kind == BYTES, kind
            self.output += payload
            if self.sink:
                self.sink(payload)

    def acknowledge(self, message):
        content = {
            "AcknowledgedMessageType": message.kind, "AcknowledgedMessageId": str(message.id), "AcknowledgedMessageSequenceNumber": message.sequence,
            "IsSequentialMessage": True,
        }
        self.put(pack(ACKNOWLEDGE, 0, 0, json.dumps(content).encode(), flags=3))

    def put(self, data):
        try:
            self.socket.send(data)
        except OSError:
            pass  # the reader notices

    def send(self, payload_type, payload):
        with self.lock:
            data = pack(INPUT, self.next, payload_type, payload)
            self.unacknowledged[self.next] = [data, time.monotonic()]
            self.next += 1
            self.put(data)

    def repeat(self):
        while self.closed is None:
            time.sleep(0.1)
            with self.lock:
                if self.unacknowledged:
                    oldest = self.unacknowledged[min(self.unacknowledged)]
                    if time.monotonic() - oldest[1] > 0.3:
                        oldest[1] = time.monotonic()
                        self.put(oldest[0])

    def wait(self, enough, what, seconds=60):
        with self.changed:
            assert self.changed.wait_for(enough, seconds), f"{what}; closed {self.closed}, output {bytes(self.output[-300:])!r}"

    def handshake(self):
        self.wait(lambda: self.opened or self.closed is not None, "the handshake")
        assert self.opened, self.closed
        return self

    def begin(self, cols=120, rows=40):
        """The session is ready, as a shell's is: its size is told, and what was not acknowledged may come."""
        self.handshake()
        self.ready = True
        if self.session_type != "Port":
            self.send(SIZE, json.dumps({"cols": cols, "rows": rows}).encode())
        return self

    def type(self, data):
        data = data.encode() if isinstance(data, str) else bytes(data)
        for at in range(0, len(data), 1024):
            piece = data[at : at + 1024]
            self.send(BYTES, b"\r" if piece == b"\n" else piece)

    def until(self, needle, seconds=60):
        needle = needle.encode()
        self.wait(lambda: needle in self.output or self.closed is not None, f"{needle!r}", seconds)
        assert needle in self.output, (self.closed, bytes(self.output[-300:]))
        at = self.output.index(needle) + len(needle)
        with self.lock:
            seen = bytes(self.output[:at])
            del self.output[:at]
        return seen

    def run(self, line):
        self.type(f"{line}; echo MARK$((40+2))\n")
        return self.until("MARK42").decode(errors="replace")

    def flag(self, number):
        self.send(FLAG, struct.pack(">I", number))

    def wait_closed(self, seconds=60):
        self.wait(lambda: self.closed is not None, "the end of the session", seconds)
        return self.closed

    def drop(self):
        """The connection breaks, without a word."""
        try:
            self.socket.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has broken by itself


class Mux:
    """The client's side of smux version 1 on a channel."""

    def __init__(self, channel):
        self.channel, self.buffer = channel, bytearray()
        self.next_id, self.streams, self.lock, self.sending = 3, {}, threading.Lock(), threading.Lock()
        channel.sink = self.take
        channel.ready = True

    def open(self):
        with self.lock:
            stream = Stream(self, self.next_id)
            self.streams[self.next_id] = stream
            self.next_id += 2
        self.frame(0, stream.id)
        return stream

    def frame(self, command, id, data=b""):
        for at in range(0, len(data) or 1, 16384):
            piece = data[at : at + 16384]
            with self.sending:
                self.channel.type(struct.pack("<BBHI", 1, command, len(piece), id) + piece)

    def take(self, data):
        self.buffer += data
        while len(self.buffer) >= 8:
            version, command, length, id = struct.unpack("<BBHI", self.buffer[:8])
            assert version == 1 and command in (1, 2)
            if len(self.buffer) < 8 + length:
                return
            piece = bytes(self.buffer[8 : 8 + length])
            del self.buffer[: 8 + length]
            stream = self.streams.get(id)
            if stream:
                stream.take(piece, command == 1)


class Stream:
    def __init__(self, mux, id):
        self.mux, self.id, self.data, self.finished, self.changed = mux, id, bytearray(), False, threading.Condition()

    def take(self, piece, finished):
        with self.changed:
            self.data += piece
            self.finished |= finished
            self.changed.notify_all()

    def send(self, data):
        self.mux.frame(2, self.id, data)

    def close(self):
        self.mux.frame(1, self.id)

    def read(self, seconds=60):
        """What is there; empty at the end."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.data or self.finished, seconds), "the stream says nothing"
            piece = bytes(self.data)
            self.data.clear()
            return piece

    def read_all(self):
        whole = bytearray()
        while piece := self.read():
            whole += piece
        return bytes(whole)


def copy(read, write, close):
    try:
        while data := read():
            write(data)
    except OSError:
        pass
    close()


def forward(channel):
    """Local connections to the node's port, as many as come."""
    mux = Mux(channel)
    with socket.create_server(("localhost", int(channel.properties.get("localPortNumber") or 0))) as server:
        print(f"Port {server.getsockname()[1]} opened for sessionId {channel.session}.\nWaiting for connections...", flush=True)
        threading.Thread(target=lambda: (channel.wait_closed(1 << 20), os._exit(0)), daemon=True).start()
        while True:
            connection, _ = server.accept()
            stream = mux.open()
            threading.Thread(target=copy, args=(lambda c=connection: c.recv(1024), stream.send, stream.close), daemon=True).start()
            threading.Thread(target=copy, args=(stream.read, connection.sendall, connection.close), daemon=True).start()


def stdio(channel):
    """Standard input and output are the session's."""
    out = sys.stdout.buffer

    def write(data):
        out.write(data)
        out.flush()

    channel.sink = write
    channel.begin()

    def feed():
        while data := os.read(0, 1024):
            channel.type(data)

    threading.Thread(target=feed, daemon=True).start()
    channel.wait_closed(1 << 20)


def main(argv):
    if argv[1:] == ["--version"]:
        return print(VERSION)
    response = json.loads(os.environ[argv[1]] if argv[1].startswith("AWS_SSM_START_SESSION_RESPONSE") else argv[1])
    region, operation, _profile, request, endpoint = argv[2:7]
    assert operation == "StartSession" and json.loads(request)["Target"]
    client = botocore.session.get_session().create_client("ssm", region_name=region, endpoint_url=endpoint)
    print(f"\nStarting session with SessionId: {response['SessionId']}", flush=True)

    def resume():
        return client.resume_session(SessionId=response["SessionId"]).get("TokenValue")

    channel = Channel(response["SessionId"], response["StreamUrl"], response["TokenValue"], resume).handshake()
    signal.signal(signal.SIGTERM, lambda *_: channel.flag(TERMINATE))
    if channel.session_type == "Port" and channel.properties.get("type") == "LocalPortForwarding":
        forward(channel)
    else:
        stdio(channel)
    sys.stderr.write(bytes(channel.errors).decode())
    if channel.exit_code:
        print(channel.exit_code)
    last = channel.closed.get("output")
    print(f"\n\nSessionId: {channel.session} : {last}\n\n" if last else f"\n\nExiting session with sessionId: {channel.session}.\n\n", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv)
