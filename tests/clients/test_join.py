"""Joining as a user does it: the line, the script, what they refuse, and `roadstead up`."""

import base64
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import threading

import pytest

from harness.process import Agent, base_env, free_port, kill_marked
from harness.wait import until


@pytest.fixture
def place(tmp_path, hub):
    """A home of its own for a node that joins by the line; what it has started is ended."""
    env = base_env(HOME=tmp_path, XDG_STATE_HOME=tmp_path / "state", ROADSTEAD_TEST_MARK=hub.marker + str(os.getpid()))
    yield tmp_path, env
    kill_marked(hub.marker + str(os.getpid()))


def no_service(line, folder):
    """The line as printed, with the switches that keep a test away from this host's own service and folders."""
    switched = re.sub(r"(?= rs1_)", f" --no-service --data {folder}/data --bin-dir {folder}/bin", line, count=1)
    assert switched != line, line
    return switched


def run(line, env):
    return subprocess.run(["sh", "-c", line], env=env, capture_output=True, text=True, timeout=120, cwd=env["HOME"], stdin=subprocess.DEVNULL)


def joined(hub, folder):
    node = json.loads((folder / "data" / "hub.json").read_text())["node_id"]
    until(lambda: hub.node(node)["Status"] == "Online", 30, "the node being online")
    return node


def test_the_line_joins_a_node(hub, place):
    folder, env = place
    line = json.loads(hub.cli("join-line", "--tags", "by=line", "-o", "json", check=0).out)["line"]
    assert "\n" not in line
    done = run(no_service(line, folder), env)
    assert done.returncode == 0, done.stdout + done.stderr
    node = joined(hub, folder)
    assert {"Key": "by", "Value": "line"} in hub.node(node)["Tags"] and node in done.stdout
    assert "serve --agent" in done.stdout, "without a service the line for the host's init is printed"
    again = run(no_service(hub.api.hub("CreateJoinLine")["Line"], folder), env)
    assert again.returncode == 0 and "joined already" in again.stdout
    assert joined(hub, folder) == node


def pid_of(folder):
    return int((folder / "data" / "agent.pid").read_text())


def test_a_damaged_token_leaves_a_joined_node_alone(hub, place):
    folder, env = place
    assert run(no_service(hub.api.hub("CreateJoinLine")["Line"], folder), env).returncode == 0
    node, pid = joined(hub, folder), pid_of(folder)
    cut = re.sub(r"\S{14}'$", "'", hub.api.hub("CreateJoinLine")["Line"])
    done = run(no_service(cut, folder), env)
    assert done.returncode == 1 and "cut short" in done.stderr and "nothing was changed" in done.stderr
    os.kill(pid, 0)
    assert pid_of(folder) == pid and hub.node(node)["Status"] == "Online"


def test_a_join_that_fails_leaves_the_agent_that_ran_before(hub, place):
    """The hub answers, and takes the token no more: the node goes back to what it was, also when it was to leave its hub."""
    folder, env = place
    assert run(no_service(hub.api.hub("CreateJoinLine")["Line"], folder), env).returncode == 0
    node, pid = joined(hub, folder), pid_of(folder)
    made = hub.api.hub("CreateJoinLine")
    hub.cli("activation", "delete", made["ActivationId"], check=0)
    done = run(no_service(made["Line"], folder).replace(" --no-service", " --rejoin --no-service"), env)
    assert done.returncode == 1 and "starting the agent that ran before again" in done.stderr, done.stdout + done.stderr
    assert pid_of(folder) != pid and joined(hub, folder) == node
    assert [entry.name for entry in folder.iterdir() if entry.name.startswith("data")] == ["data"], "nothing is left lying about"


def test_a_removed_node_stays_away_until_it_gets_a_new_token(hub):
    token = hub.token(count=5)
    agent = hub.join("castaway", token)
    old = agent.node
    hub.cli("node", "remove", old, "--yes", check=0)
    assert agent.child.wait(30) == 4
    agent.spawn()
    assert agent.child.wait(30) == 4, "whatever starts it again with the same words gets the same answer"
    assert agent.node == old and "joining anew" not in agent.log()
    agent.argv[agent.argv.index(token)] = hub.token()
    agent.spawn()
    until(lambda: agent.node != old and hub.node(agent.node)["Status"] == "Online", 30, "the node being back as another")
    hub.cli("node", "remove", agent.node, "--yes", check=0)


def test_a_copied_folder_on_the_same_system_is_quarantined(hub):
    agent = hub.join("original")
    node = agent.node
    for _ in range(3):
        agent.kill()
        agent.restart()
    assert hub.node(node)["Quarantine"] == [], "an agent that comes back quickly is no copy"
    shutil.copytree(agent.data, hub.folder / "copied" / "agent")
    copy = Agent(hub, hub.folder / "copied", "")
    copy.argv = [hub.binary, "serve", "--agent", "--data", str(copy.data)]
    hub.agents.append(copy.spawn())
    systems = until(lambda: hub.node(node)["Quarantine"], 30, "the quarantine")
    assert len(systems) == 2 and systems[0]["BootId"] != systems[1]["BootId"] and systems[0]["MachineId"] == systems[1]["MachineId"]
    assert agent.connections() == 4, "the original did not notice"
    assert "QuarantineNode" in hub.cli("audit", "export", check=0).out
    copy.stop()
    hub.cli("node", "release", node, check=0)
    assert hub.node(node)["Quarantine"] == [] and hub.node(node)["Status"] == "Online"
    hub.cli("node", "remove", node, "--yes", check=0)


def test_a_token_is_checked_without_a_trace(hub, binary, tmp_path):
    def check(token):
        argv = [binary, "serve", "--agent", "--join", token, "--check", "--data", tmp_path / "agent"]
        return subprocess.run(argv, env=base_env(), capture_output=True, text=True, timeout=60)

    token = hub.token()
    fields = json.loads(base64.urlsafe_b64decode(token[4:] + "=" * (-len(token[4:]) % 4)))
    nowhere = {**fields, "addresses": [f"127.0.0.1:{free_port()}"]}
    wrong = {**fields, "hub_key": "0" * 64}
    pack = lambda fields: "rs1_" + base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")  # noqa: E731
    assert [check(t).returncode for t in (token, pack(nowhere), pack(wrong), token[:-14])] == [0, 8, 4, 2]
    assert not (tmp_path / "agent").exists()


def test_a_dry_run_changes_nothing(hub, place):
    folder, env = place
    line = no_service(hub.api.hub("CreateJoinLine")["Line"], folder).replace(" --no-service", " --no-service --dry-run")
    done = run(line, env)
    assert done.returncode == 0, done.stderr
    assert not (folder / "data").exists() and not (folder / "bin").exists()


def test_the_offline_line_joins_a_node_without_fetching(hub, place, binary):
    folder, env = place
    line = hub.api.hub("CreateJoinLine")["OfflineLine"]
    shutil.copy(binary, folder / "roadstead")
    (folder / "join.sh").write_bytes(hub.get("/join.sh")[1])
    done = run(no_service(line, folder), env)
    assert done.returncode == 0, done.stdout + done.stderr
    joined(hub, folder)


def test_the_offline_line_is_printed_with_what_to_carry(hub):
    done = hub.cli("join-line", "--offline", check=0)
    assert f"{hub.http}/join.sh" in done.err and "/binaries/ARCH/roadstead" in done.err and "--binary ./roadstead" in done.out


def test_the_offline_line_refuses_another_binary(hub, place):
    folder, env = place
    shutil.copy("/bin/true", folder / "roadstead")
    (folder / "join.sh").write_bytes(hub.get("/join.sh")[1])
    done = run(no_service(hub.api.hub("CreateJoinLine")["OfflineLine"], folder), env)
    assert done.returncode != 0 and not (folder / "data").exists() and not (folder / "bin" / "roadstead").exists()


class ManInTheMiddle:
    """Answers on TLS with a certificate of its own, and serves whatever it likes."""

    def __init__(self, folder, pages):
        key, cert = folder / "mitm.key", folder / "mitm.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days", "1",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True,
        )  # fmt: skip
        import http.server

        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                body = pages.get(self.path)
                self.send_response(200 if body is not None else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_somebody_in_between_who_changes_the_script_is_refused(hub, place, binary):
    folder, env = place
    evil = b"#!/bin/sh\ntouch '%s/owned'\n" % str(folder).encode()
    with ManInTheMiddle(folder, {"/join.sh": evil}) as middle:
        line = no_service(hub.api.hub("CreateJoinLine")["Line"], folder).replace(f"127.0.0.1:{hub.port}", f"127.0.0.1:{middle.port}")
        done = run(line, env)
        assert "/join.sh" in middle.asked
    assert done.returncode != 0 and not (folder / "owned").exists() and not (folder / "data").exists()
    assert done.stderr.strip(), "the refusal is told"


def test_somebody_in_between_who_changes_the_binary_is_refused(hub, place):
    folder, env = place
    arch = os.uname().machine
    pages = {"/join.sh": hub.get("/join.sh")[1], "/binaries/SHA256SUMS": hub.get("/binaries/SHA256SUMS")[1],
             f"/binaries/{arch}/roadstead": f"#!/bin/sh\ntouch {folder}/owned\n".encode()}  # fmt: skip
    with ManInTheMiddle(folder, pages) as middle:
        line = no_service(hub.api.hub("CreateJoinLine")["Line"], folder).replace(f"127.0.0.1:{hub.port}", f"127.0.0.1:{middle.port}")
        done = run(line, env)
        assert f"/binaries/{arch}/roadstead" in middle.asked
    assert done.returncode != 0 and "checksum" in done.stderr and not (folder / "owned").exists() and not (folder / "bin" / "roadstead").exists()
    with ManInTheMiddle(folder, {**pages, "/binaries/SHA256SUMS": b"0" * 64 + f"  {arch}/roadstead\n".encode()}) as middle:
        line = no_service(hub.api.hub("CreateJoinLine")["Line"], folder).replace(f"127.0.0.1:{hub.port}", f"127.0.0.1:{middle.port}")
        done = run(line, env)
    assert done.returncode != 0 and not (folder / "owned").exists()


def test_a_token_for_another_hub_key_is_refused(hub, place, binary):
    """Somebody who answers at the hub's address with another key gets nothing from an agent."""
    folder, env = place
    token = hub.token()
    fields = json.loads(base64.urlsafe_b64decode(token[4:] + "=" * (-len(token[4:]) % 4)))
    fields["hub_key"] = "0" * 64
    forged = "rs1_" + base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode().rstrip("=")
    with open(folder / "log", "w") as log:
        agent = subprocess.Popen([binary, "serve", "--agent", "--join", forged, "--data", str(folder / "data")], env=env, stdout=log, stderr=log)
    try:
        until(lambda: agent.poll() is not None or "key" in (folder / "log").read_text().lower(), 30, "the agent's complaint")
    finally:
        agent.kill()
        agent.wait()
    assert not (folder / "data" / "hub.json").exists() or "node_id" not in (folder / "data" / "hub.json").read_text()


@pytest.mark.parametrize("token", ["rs1_", "rs1_!!!", "nonsense", "rs1_" + "A" * 5000])
def test_a_damaged_token_is_refused_in_words(binary, tmp_path, token):
    done = subprocess.run([binary, "serve", "--agent", "--join", token, "--data", tmp_path / "d"], capture_output=True, text=True, timeout=30, env=base_env())
    assert done.returncode in (1, 2) and "token" in done.stderr.lower()


def test_an_agent_that_never_joined_says_how(binary, tmp_path):
    done = subprocess.run([binary, "serve", "--agent", "--data", tmp_path / "d"], capture_output=True, text=True, timeout=30, env=base_env())
    assert done.returncode == 4 and "join" in done.stderr.lower()


class Up:
    """`roadstead up` in a home of its own."""

    def __init__(self, binary, home, port):
        self.env = base_env(HOME=home, XDG_STATE_HOME=home / "state", ROADSTEAD_TEST_MARK=f"up-{port}")
        self.argv = [binary, "up", "--listen", f"127.0.0.1:{port}", "--advertise", f"127.0.0.1:{port}"]
        self.log = home / "up.log"
        self.mark = f"up-{port}"

    def start(self):
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.argv, env=self.env, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
        return self

    def text(self):
        return self.log.read_text(errors="replace")

    def stop(self, sign=signal.SIGINT):
        self.child.send_signal(sign)
        return self.child.wait(30)


def test_up_starts_both_prints_a_link_and_resumes(binary, tmp_path):
    port = free_port()
    up = Up(binary, tmp_path, port)
    # As root the data would be this host's own; the environment moves it.
    up.env["ROADSTEAD_DATA"] = str(tmp_path / "state" / "roadstead")
    cli = lambda *args: subprocess.run([binary, *args], env=up.env, capture_output=True, text=True, timeout=30)  # noqa: E731
    try:
        up.start()
        until(lambda: "/setup#token=" in up.text(), 60, "the set-up link")
        nodes = until(lambda: [n for n in json.loads(cli("node", "list", "-o", "json").stdout) if n["status"] == "Online"], 60, "this host being a node")
        assert len(nodes) == 1
        second = Up(binary, tmp_path, free_port())
        second.env = up.env
        refused = subprocess.run(second.argv, env=second.env, capture_output=True, text=True, timeout=30)
        assert refused.returncode != 0 and "already" in (refused.stderr + refused.stdout).lower()
        assert "AWS_ENDPOINT_URL" in up.text()
        assert up.stop() in (0, 130)
        left = lambda: subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True).returncode == 0  # noqa: E731
        until(lambda: not left(), 20, "nothing being left running")
        up.start()
        again = until(lambda: [n for n in json.loads(cli("node", "list", "-o", "json").stdout) if n["status"] == "Online"], 60, "the node being back")
        assert [n["node_id"] for n in again] == [n["node_id"] for n in nodes]
        assert up.stop(signal.SIGTERM) in (0, 143)
    finally:
        kill_marked(up.mark)


@pytest.fixture
def up(binary, tmp_path):
    """`roadstead up` with data of its own, and the command line that goes with it."""
    up = Up(binary, tmp_path, free_port())
    up.env["ROADSTEAD_DATA"] = str(tmp_path / "state" / "roadstead")
    up.cli = lambda *args: subprocess.run([binary, *args], env=up.env, capture_output=True, text=True, timeout=30)
    up.online = lambda: [n["node_id"] for n in json.loads(up.cli("node", "list", "-o", "json").stdout) if n["status"] == "Online"]
    up.told = lambda: re.findall(r"Node +(mi-\w+), this very host", up.text())
    yield up
    kill_marked(up.mark)


def test_up_on_another_port_keeps_its_node(up):
    up.start()
    (node,) = until(up.told, 60, "this host being a node")
    assert up.online() == [node]
    assert up.stop() in (0, 130)
    other = f"127.0.0.1:{free_port()}"
    up.argv[2:] = ["--listen", other, "--advertise", other]
    up.start()
    assert until(lambda: up.told()[1:], 60, "this host being named again") == [node]
    assert up.online() == [node]


def test_up_takes_its_host_in_again_after_it_was_removed(up):
    up.start()
    (node,) = until(up.told, 60, "this host being a node")
    assert up.cli("node", "remove", node, "--yes").returncode == 0
    until(lambda: "The agent has ended for good" in up.text(), 30, "the agent being told")
    assert up.online() == [] and "again" in up.text().split("ended for good")[1]
    assert up.stop() in (0, 130)
    up.start()
    (another,) = until(lambda: up.told()[1:], 60, "this host being a node again")
    assert another != node and up.online() == [another]


def test_a_line_whose_join_must_be_approved_leaves_the_agent_waiting(hub, place):
    folder, env = place
    line = json.loads(hub.cli("join-line", "--approval", "-o", "json", check=0).out)["line"]
    done = run(no_service(line, folder), env)
    assert done.returncode == 0 and "roadstead join-request approve" in done.stdout, done.stdout + done.stderr
    assert not (folder / "data" / "hub.json").exists()
    status = subprocess.run([hub.binary, "agent", "status", "--data", folder / "data", "-o", "json"], env=env, capture_output=True, text=True, timeout=30)
    key = json.loads(status.stdout)["key_fingerprint"]
    (waiting,) = [r for r in json.loads(hub.cli("join-request", "list", "-o", "json", check=0).out) if r["key_fingerprint"] == key]
    assert f"roadstead join-request approve {waiting['request_id']}" in done.stdout
    os.kill(pid_of(folder), 0)
    assert (folder / "data" / "join.token").stat().st_mode & 0o777 == 0o600
    hub.cli("join-request", "approve", waiting["request_id"], check=0)
    until((folder / "data" / "hub.json").exists, 30, "the agent being let in")
    assert joined(hub, folder) and not (folder / "data" / "join.token").exists()


def test_a_line_without_a_name_is_refused(hub):
    assert "--name" in hub.cli("join-line", "--name", "", check=2).err


def test_up_names_a_busy_port(binary, hub, tmp_path):
    up = Up(binary, tmp_path, hub.port)
    up.env["ROADSTEAD_DATA"] = str(tmp_path / "state" / "roadstead")
    done = subprocess.run(up.argv, env=up.env, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and str(hub.port) in done.stderr + done.stdout
