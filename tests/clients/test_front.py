"""The one port: health, certificate, console, script and binaries, plain HTTP, the drain."""

import hashlib
import http.client
import re
import socket
import ssl
import subprocess
import threading

from harness.process import send_script, wait_invocation
from harness.wait import until


def test_health_and_readiness(hub):
    assert hub.get("/healthz")[0] == 200 and hub.get("/readyz")[0] == 200


def test_the_certificate_is_served_with_its_fingerprint(hub):
    status, pem, headers = hub.get("/ca.pem")
    assert status == 200
    der = ssl.PEM_cert_to_DER_cert(pem.decode())
    given = headers["x-fingerprint-sha256"].replace(":", "").lower()
    assert given == hashlib.sha256(der).hexdigest() == hub.api.hub("DescribeHub")["CaFingerprint"].replace(":", "").lower()


def test_the_web_certificate_is_signed_by_it_and_names_the_address(hub):
    with socket.create_connection(("127.0.0.1", hub.port), 10) as s, hub.tls_context().wrap_socket(s, server_hostname="127.0.0.1") as tls:
        assert tls.version() in ("TLSv1.2", "TLSv1.3")
    with socket.create_connection(("127.0.0.1", hub.port), 10) as s, hub.tls_context().wrap_socket(s, server_hostname="localhost"):
        pass


def test_tls_1_2_is_good_enough_for_old_clients(hub):
    context = hub.tls_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", hub.port), 10) as s, context.wrap_socket(s, server_hostname="127.0.0.1"):
        pass


def test_the_console_is_served_with_its_headers(hub):
    for path in ("/", "/nodes", "/commands/anything"):
        status, body, headers = hub.get(path)
        assert status == 200 and b"<div id=" in body and headers["content-type"].startswith("text/html")
        policy = headers["content-security-policy"]
        assert "default-src" in policy and "frame-ancestors 'none'" in policy and "'unsafe-inline'" not in policy.split("style-src")[0]
        assert headers["x-content-type-options"] == "nosniff"
    asset = re.search(rb'(?:src|href)="(/assets/[^"]+)"', hub.get("/")[1]).group(1).decode()
    status, _, headers = hub.get(asset)
    assert status == 200 and "immutable" in headers["cache-control"]
    assert hub.get("/assets/absent.js")[0] == 404


def test_nothing_outside_the_console_is_served(hub):
    for path in ("/../hub.db", "/assets/../../hub.db", "/assets/%2e%2e/%2e%2e/hub.db", "/binaries/../hub.db", "/binaries/..%2f/roadstead"):
        connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=10)
        connection.putrequest("GET", path, skip_host=False)
        connection.endheaders()
        body = connection.getresponse().read()
        assert b"SQLite format" not in body
        connection.close()


def test_the_binary_is_served_and_its_hash_is_listed(hub):
    import os

    status, sums, _ = hub.get("/binaries/SHA256SUMS")
    assert status == 200
    listed = dict(reversed(line.split()) for line in sums.decode().splitlines())
    name = f"{os.uname().machine}/roadstead"
    status, binary, _ = hub.get(f"/binaries/{name}")
    assert status == 200 and hashlib.sha256(binary).hexdigest() == listed[name]


def test_a_binary_of_another_cpu_is_refused_with_the_remedy(hub):
    status, body, _ = hub.get("/binaries/riscv64/roadstead")
    assert status == 404 and b"binaries/riscv64" in body


def test_the_join_script_is_posix_and_readable(hub):
    status, script, headers = hub.get("/join.sh")
    assert status == 200 and script.startswith(b"#!/bin/sh") and headers["content-type"].startswith("text/")
    assert len(script) < 32_000 and b"sha256" in script.lower()
    subprocess.run(["sh", "-n"], input=script, check=True)


def test_plain_http_from_elsewhere_is_sent_to_https(hub, binary, bed):
    address = next((a for a in own_addresses() if not a.startswith("127.")), None)
    if address is None:
        return
    from harness.process import free_port

    port = free_port()
    own = bed(port=port, args=["--listen", f"{address}:{port}"])
    connection = http.client.HTTPConnection(address, own.port, timeout=10)
    connection.request("GET", "/nodes?x=1")
    answer = connection.getresponse()
    assert answer.status == 308 and answer.getheader("location") == f"https://{address}:{own.port}/nodes?x=1"
    refused = own.cli("node", "list", env={"ROADSTEAD_URL": f"http://{address}:{own.port}"})
    assert refused.returncode == 1 and f"https://{address}:{own.port}" in refused.err, refused.err


def own_addresses():
    shown = subprocess.run(["ip", "-4", "-o", "addr", "show", "scope", "global"], capture_output=True, text=True)
    return re.findall(r"inet ([\d.]+)/", shown.stdout) if shown.returncode == 0 else []


def test_term_drains_and_nothing_acknowledged_is_lost(bed):
    """Requests go on while TERM arrives: each that was answered is there after the restart, and the exit is clean."""
    own = bed()
    agent = own.join("worker")
    answered, stop = [], threading.Event()

    def sender():
        while not stop.is_set():
            try:
                answered.append(send_script(own, [agent.node], "true"))
            except Exception:
                return

    senders = [threading.Thread(target=sender) for _ in range(4)]
    for one in senders:
        one.start()
    until(lambda: len(answered) > 20, 20, "commands being sent")
    assert own.stop() == 0, own.log()
    stop.set()
    for one in senders:
        one.join()
    own.start()
    agent.wait_online()
    for command in answered:
        assert wait_invocation(own, command, agent.node)["Status"] == "Success"


def test_a_draining_hub_can_be_asked_how_it_is(bed):
    """While a request goes on after TERM, health is answered, and everything else is sent away."""
    own = bed()
    slow = socket.create_connection(("127.0.0.1", own.port), 30)
    slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert slow.recv(100).startswith(b"HTTP/1.1 100"), "the hub waits for the body"
    own.child.terminate()
    until(lambda: own.get("/readyz")[0] == 503, 5, "the hub saying that it stops")
    assert own.get("/healthz")[0] == 200
    status, body, headers = own.get("/ca.pem")
    assert status == 503 and b"stopping" in body and headers["connection"] == "close"
    slow.sendall(b"{}")
    assert slow.recv(100).startswith(b"HTTP/1.1 4"), "what was begun is answered"
    assert own.child.wait(20) == 0


def test_a_second_hub_on_the_same_data_is_named(bed, binary):
    own = bed()
    from harness.process import base_env, free_port

    done = subprocess.run(
        [binary, "serve", "--data", str(own.data), "--listen", f"127.0.0.1:{free_port()}"], capture_output=True, text=True, timeout=30, env=base_env()
    )
    assert done.returncode != 0 and str(own.data) in done.stderr + done.stdout


def test_a_busy_port_is_named(hub, binary, tmp_path):
    from harness.process import base_env

    done = subprocess.run(
        [binary, "serve", "--data", str(tmp_path / "d"), "--listen", f"127.0.0.1:{hub.port}"], capture_output=True, text=True, timeout=30, env=base_env()
    )
    assert done.returncode != 0 and str(hub.port) in done.stderr + done.stdout


def test_secrets_on_disk_are_the_owners_alone(hub):
    assert (hub.data.stat().st_mode & 0o777) == 0o700
    for name in ("identity.key", "master.key", "ca.key", "web.key", "local.json"):
        assert (hub.data / name).stat().st_mode & 0o077 == 0, name
    assert not (hub.data / "setup-token").exists(), "an administrator exists"
