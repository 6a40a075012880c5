"""The audit log: the contract of `roadstead audit verify`, with and without a hub; witnesses; receivers; kill -9."""

import hashlib
import hmac
import http.server
import json
import shutil
import socket
import sqlite3
import ssl
import threading
import time

from harness.process import run_script
from harness.wait import until

HEALTHY, BROKEN = 0, 1


def write(hub, count=1):
    for _ in range(count):
        hub.api.ssm("CreateActivation", IamRole="r")


def events(hub, text):
    return json.loads(hub.cli("audit", "list", "--filter", text, "-o", "json", check=0).out)


def change(hub, sql):
    with sqlite3.connect(hub.data / "hub.db") as database:
        database.executescript(sql)
    database.close()


def test_the_log_says_who_did_what_on_which_node(hub, agents):
    run_script(hub, [agents[0].node], "true")
    (row,) = events(hub, f"node={agents[0].node} operation=SendCommand")[:1]
    assert row["user_name"] == "admin" and row["outcome"] == "done" and agents[0].node in row["node_ids"]
    assert row["command_id"] and events(hub, f"command={row['command_id']}")[-1]["seq"] == row["seq"]
    assert "true" not in row["detail"], "never a script"
    assert events(hub, "node=north operation=SendCommand")[0]["seq"] >= row["seq"], "a node may be named"
    assert hub.cli("audit", "list", "--filter", "colour=red").returncode == 2
    wrong = hub.cli("audit", "list", "--filter", "outcome=foo", check=2)
    assert "`foo` is no outcome: use done or denied" in wrong.err


def test_verify_ends_with_0_when_healthy_and_with_1_and_the_place_when_broken(bed):
    own = bed()
    write(own, 5)
    done = own.cli("audit", "verify", check=HEALTHY)
    assert done.out.startswith("healthy: 6 rows (1 to 6)"), done.out
    change(own, "UPDATE audit SET caller = 'user:nobody' WHERE seq = 3")
    done = own.cli("audit", "verify", check=BROKEN)
    assert "row 3" in done.out and "changed" in done.out
    verdict = json.loads(own.cli("audit", "verify", "-o", "json", check=BROKEN).out)
    finding = verdict["findings"][0]
    assert (verdict["healthy"], finding["seq"], finding["problem"]) == (False, 3, "Changed")
    assert len(finding["expected"]) == len(finding["found"]) == 64


def test_verify_needs_no_hub(bed, tmp_path):
    own = bed()
    write(own, 5)
    export = tmp_path / "audit.jsonl"
    # What the hub has signed so far lies beside the rows; the end is signed when it stops.
    own.cli("audit", "verify", "--data", str(own.data), check=HEALTHY)
    assert own.stop() == 0
    own.start()
    own.cli("audit", "export", "--file", str(export), check=0)
    assert own.stop() == 0
    offline = {"ROADSTEAD_URL": "http://127.0.0.1:1"}
    done = own.cli("audit", "verify", "--data", str(own.data), env=offline, check=HEALTHY)
    assert "signed heads fit" in done.out and "0 signed heads" not in done.out
    head = tmp_path / "head.json"
    shutil.copy(own.data / "audit" / "head.json", head)
    lines = export.read_text().splitlines()
    assert list(json.loads(lines[-1])) == ["Head"]
    own.cli("audit", "verify", str(export), "--against", str(head), env=offline, check=HEALTHY)
    copy = tmp_path / "copy.db"
    for part in ("", "-wal"):
        if (own.data / f"hub.db{part}").exists():
            shutil.copy(own.data / f"hub.db{part}", f"{copy}{part}")
    own.cli("audit", "verify", str(copy), "--against", str(head), env=offline, check=HEALTHY)
    other_key = "0" * 64
    assert "forged" in own.cli("audit", "verify", str(copy), "--key", other_key, env=offline, check=BROKEN).out

    export.write_text("\n".join(lines[:3]) + "\n")
    assert "cut" in own.cli("audit", "verify", str(export), "--against", str(head), env=offline, check=BROKEN).out
    with sqlite3.connect(copy) as database:
        database.executescript("DELETE FROM audit WHERE seq > 4; DELETE FROM audit_head")
    database.close()
    assert "cut" in own.cli("audit", "verify", str(copy), "--against", str(head), env=offline, check=BROKEN).out
    change(own, "DELETE FROM audit WHERE seq = 2")
    assert "row 2" in own.cli("audit", "verify", "--data", str(own.data), env=offline, check=BROKEN).out


def test_kill_9_leaves_a_whole_chain(bed):
    own = bed()
    done, stop = [], threading.Event()

    def writer():
        while not stop.is_set():
            try:
                write(own)
                done.append(1)
            except Exception:
                time.sleep(0.01)

    writers = [threading.Thread(target=writer) for _ in range(8)]
    for thread in writers:
        thread.start()
    try:
        for _ in range(4):
            seen = len(done)
            until(lambda: len(done) > seen + 20, 60, "writes being acknowledged")
            own.kill()
            own.start(60)
    finally:
        stop.set()
        for thread in writers:
            thread.join(30)
    verdict = json.loads(own.cli("audit", "verify", "-o", "json", check=HEALTHY).out)
    assert verdict["rows"] >= len(done), "every acknowledged write has its row"


def test_an_agent_brings_a_cut_log_to_light(bed):
    own = bed()
    agent = own.join("witness")
    write(own, 5)
    # The end is signed when the hub stops; agents that come back are given it.
    assert own.stop() == 0
    own.start()
    agent.wait_online(60)
    kept = agent.data / "witness.json"
    head = json.loads((own.data / "audit" / "head.json").read_text())
    until(lambda: json.loads(kept.read_text())["Seq"] >= head["Seq"], 30, "the agent keeping the head")
    agent.stop()
    assert own.stop() == 0
    # Whoever cuts the log removes all that lies beside it, too.
    change(own, "DELETE FROM audit WHERE seq > 3; DELETE FROM audit_node WHERE seq > 3; DELETE FROM audit_head")
    (own.data / "audit" / "head.json").unlink()
    own.start()
    own.cli("audit", "verify", check=HEALTHY)
    agent.restart(60)
    until(lambda: events(own, "operation=AuditContradiction"), 30, "the contradiction being written down")
    done = own.cli("audit", "verify", check=BROKEN)
    assert f"node:{agent.node}" in done.out, done.out


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(500 if len(self.server.got) == 1 else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_the_log_is_shipped_to_a_file_a_syslog_receiver_and_a_webhook(bed, tmp_path):
    own = bed()
    write(own, 3)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(30)
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    receiver.got = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.data / "web.pem", own.data / "web.key")
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    secret = tmp_path / "secret"
    secret.write_text("a secret of the receiver")

    def shipping():
        return {d["sink"]: d for d in json.loads(own.cli("audit", "shipping", "show", "-o", "json", check=0).out)["deliveries"]}

    try:
        own.cli("audit", "shipping", "set", "--file", "log.jsonl", "--rows", check=0)
        own.cli("audit", "shipping", "set", "--syslog", f"udp://127.0.0.1:{udp.getsockname()[1]}", "--rows", check=0)
        refused = until(lambda: shipping()["syslog"].get("last_error"), 30, "the loopback being refused")
        assert "this machine itself" in refused and shipping()["syslog"]["pending"] > 0
        own.cli(
            "audit", "shipping", "set", "--webhook", f"https://127.0.0.1:{receiver.server_port}/hook", "--rows", "--ca", own.ca_file(),
            "--secret-file", str(secret), "--allow", "127.0.0.0/8", check=0,
        )
        message = udp.recv(65536).decode()
        assert message.startswith("<110>1 ") and " roadstead " in message and json.loads(message.split(" - ", 1)[1])["Seq"] == 1
        log = own.data / "audit" / "log.jsonl"
        until(lambda: log.exists() and len(log.read_text().splitlines()) >= 4, 30, "the file being written")
        assert json.loads(log.read_text().splitlines()[0])["Seq"] == 1
        until(lambda: shipping()["webhook"]["failures"] == 0 and shipping()["webhook"].get("delivered_at"), 60, "the webhook being served")
        assert len(receiver.got) >= 2 and receiver.got[0][1].splitlines()[0] == receiver.got[1][1].splitlines()[0], "tried again"
        headers, body = receiver.got[-1]
        stamp, _, given = headers["x-roadstead-signature"].removeprefix("t=").partition(",v1=")
        assert given == hmac.new(secret.read_bytes(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        assert "a secret" not in own.cli("audit", "shipping", "show", "-o", "json").out
        own.cli("audit", "shipping", "off", "webhook", check=0)
        assert "webhook" not in shipping()
        assert own.cli("audit", "shipping", "set", "--webhook", "http://127.0.0.1/").returncode == 2
        assert own.cli("audit", "shipping", "set", "--file", "../x").returncode == 2
    finally:
        receiver.shutdown()
        udp.close()
