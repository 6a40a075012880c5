"""`aws ssm start-session`: sessions over the data channel of Amazon's plugin, which `harness/plugin.py` plays."""

import http.client
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import types

import pytest

from conftest import boto
from harness import plugin
from harness.plugin import Channel, Mux
from harness.process import base_env
from harness.session import Shell
from harness.wait import until


def start(hub, node, document=None, client=None, version=plugin.VERSION, context=None, **parameters):
    client = client or boto(hub)
    more = {"DocumentName": document} if document else {}
    if parameters:
        more["Parameters"] = {name: [value] for name, value in parameters.items()}
    answer = client.start_session(Target=node, **more)

    def resume():
        return client.resume_session(SessionId=answer["SessionId"]).get("TokenValue")

    return Channel(answer["SessionId"], answer["StreamUrl"], answer["TokenValue"], resume, version, context)


def history(hub, channel):
    found = hub.api.ssm("DescribeSessions", State="History", Filters=[{"key": "SessionId", "value": channel.session}])["Sessions"]
    return found[0] if found else None


def ended(hub, channel):
    return until(lambda: history(hub, channel), 20, "the session being history")


def write_document(ssm, name, content):
    ssm.create_document(Name=name, DocumentType="Session", DocumentFormat="JSON", Content=json.dumps(content))
    return name


@pytest.fixture
def target():
    """A server on a port of this machine: it says back what it hears, and finishes when its peer has."""
    server = socket.create_server(("127.0.0.1", 0))
    open_now = []

    def serve(connection):
        open_now.append(connection)
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)
        open_now.remove(connection)

    def accept():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield types.SimpleNamespace(open_now=open_now, number=str(server.getsockname()[1]))
    server.close()


# Shells


def test_a_shell_runs_commands_knows_its_size_and_exits(hub, node):
    shell = start(hub, node).begin(cols=120, rows=40)
    assert shell.session_type == "Standard_Stream" and not shell.properties
    assert tuple(map(int, shell.agent_version.split("."))) > (3, 1, 1511, 0), "what the plugin decides by"
    assert "40 120" in shell.run("stty size")
    shell.send(plugin.SIZE, json.dumps({"cols": 132, "rows": 50}).encode())
    until(lambda: "50 132" in shell.run("stty size"), 10, "the new size")
    assert "漢字カナ" in shell.run("echo 漢字カナ")
    shell.type("exit 0\n")
    assert shell.wait_closed() == {"output": ""}
    shown = ended(hub, shell)
    assert shown["Status"] == "Terminated" and shown["DocumentName"] == "SSM-SessionManagerRunShell"
    assert not shell.resume(), "there is nothing to come back to"


def test_the_exit_code_of_a_shell_is_said(hub, node):
    shell = start(hub, node).begin()
    shell.run("true")
    shell.type("exit 3\n")
    assert shell.wait_closed()["output"] == "the shell exited with 3"


def test_tls_carries_it_as_well(hub, node):
    shell = start(hub, node, client=boto(hub, hub.https), context=hub.tls_context()).begin()
    assert shell.url.startswith("wss://") and "secure" in shell.run("echo secure")
    shell.flag(plugin.TERMINATE)
    assert "output" in shell.wait_closed()


def test_a_session_is_ended_by_the_operation_and_by_the_flag(hub, node):
    first, second = start(hub, node).begin(), start(hub, node).begin()
    for shell in (first, second):
        shell.run("true")
    hub.api.ssm("TerminateSession", SessionId=first.session)
    assert "ended this session" in first.wait_closed()["output"] or "ended by" in first.wait_closed()["output"]
    second.flag(plugin.TERMINATE)
    second.wait_closed()
    assert ended(hub, second)["Status"] == "Terminated"


def test_interrupts_reach_what_runs(hub, node):
    shell = start(hub, node).begin()
    shell.type("sh -c 'echo asleep$((40+2)); exec sleep 100'\n")
    shell.until("asleep42")
    shell.type(b"\x03")
    assert "status 130" in shell.run("echo status $?")
    shell.flag(plugin.TERMINATE)


def test_output_waits_for_a_client_that_is_not_ready(hub, node):
    shell = start(hub, node, "AWS-StartNonInteractiveCommand", command="echo early").handshake()
    until(lambda: shell.received.count((2, plugin.BYTES)) >= 3, 20, "the output being sent again")
    assert not shell.output and shell.closed is None
    shell.ready = True
    assert shell.until("early\n") and shell.wait_closed() == {"output": ""}


def test_a_connection_that_breaks_again_and_again_loses_nothing(hub, node):
    shell = start(hub, node).begin()
    shell.run("stty -echo; mark=still-here")
    # Less than the scroll-back: a shell that nobody is attached to is not stopped.
    shell.type("seq 1 30000; echo do''ne$((40+2))\n")
    for _ in range(4):
        before = shell.connections
        until(lambda: len(shell.output) > 20_000 * before, 20, "some output")
        shell.drop()
        until(lambda: shell.connections > before, 20, "the client being back")
    seen = shell.until("done42").decode().replace("\r", "")
    numbers = [int(line) for line in seen.split("\n") if line.isdigit()]
    assert numbers == list(range(1, 30001))
    assert "still-here" in shell.run("echo $mark")
    shell.flag(plugin.TERMINATE)


def test_a_large_paste_over_breaking_lines_arrives_unchanged(hub, node, tmp_path):
    shell = start(hub, node).begin()
    shell.run("stty raw -echo")
    text = "".join(f"{i:09d}\n" for i in range(20_000)).encode()
    shell.type(f"head -c {len(text)} > {tmp_path}/pasted; echo DONE$((40+2))\n")
    for at in range(0, len(text), 1000):
        shell.type(text[at : at + 1000])
        if at in (50_000, 120_000):
            shell.drop()
    shell.until("DONE42", 60)
    assert (tmp_path / "pasted").read_bytes() == text
    shell.flag(plugin.TERMINATE)


def test_a_session_goes_on_over_a_restart_of_the_hub(bed):
    own = bed()
    agent = own.join("steady")
    shell = start(own, agent.node).begin()
    shell.run("mark=through-it-all")
    own.kill()
    own.start()
    agent.wait_online()
    assert "through-it-all" in shell.run("echo $mark")
    shell.flag(plugin.TERMINATE)
    assert "output" in shell.wait_closed()


def test_the_console_and_the_plugin_share_a_shell_one_at_a_time(hub, node):
    shell = start(hub, node).begin()
    shell.run("mark=shared")
    again = hub.api.ssm("ResumeSession", SessionId=shell.session)
    assert Shell(again["StreamUrl"], again["TokenValue"]).error["Code"] == "InUse"
    again = hub.api.ssm("ResumeSession", SessionId=shell.session)
    console = Shell(again["StreamUrl"], again["TokenValue"], take_over=True)
    assert "took over" in shell.wait_closed()["output"]
    assert "shared" in console.run("echo $mark")
    again = hub.api.ssm("ResumeSession", SessionId=shell.session)
    refused = Channel(shell.session, again["StreamUrl"], again["TokenValue"])
    assert "is attached" in refused.wait_closed()["output"]
    console.end()


def test_a_token_opens_one_connection_and_a_wrong_one_is_told(hub, node):
    answer = boto(hub).start_session(Target=node)
    first = Channel(answer["SessionId"], answer["StreamUrl"], answer["TokenValue"]).begin()
    first.run("true")
    for token in (answer["TokenValue"], "guessed"):
        again = Channel(answer["SessionId"], answer["StreamUrl"], token)
        assert "token" in again.wait_closed()["output"]
    first.flag(plugin.TERMINATE)


def test_hostile_messages_neither_end_nor_enter_a_session(hub, node):
    shell = start(hub, node).begin()
    shell.run("true")
    good = plugin.pack(plugin.INPUT, shell.next, plugin.BYTES, b"echo hostile\n")
    for bad in (b"", b"x", os.urandom(119), os.urandom(4000), good[:-1], good[:80] + b"\0" * 32 + good[112:], good[:3] + b"\xff" + good[4:],
                plugin.pack("no_such_type", 0, 1, b"x"), plugin.pack(plugin.INPUT, -5, 1, b"x"), plugin.pack(plugin.INPUT, 1 << 62, 1, b"x"),
                plugin.pack(plugin.ACKNOWLEDGE, 0, 0, b"not json"), plugin.pack(plugin.CLOSED, 0, 0, b"{}")):
        shell.put(bad)
    assert "hostile" not in shell.run("echo unharmed")
    shell.socket.send("text")
    until(lambda: shell.connections == 2, 20, "the client being back after the hub has hung up")
    assert "alive" in shell.run("echo alive")
    shell.socket.send(b"\0" * 40_000)
    until(lambda: shell.connections == 3, 20, "the client being back after the hub has hung up")
    shell.flag(plugin.TERMINATE)


# Commands


def test_an_interactive_command_has_a_terminal_and_ends_the_session(hub, node):
    session = start(hub, node, "AWS-StartInteractiveCommand", command="tty; read line; echo got-$line").begin()
    assert session.session_type == "InteractiveCommands"
    session.until("/dev/pts/")
    session.type("this\n")
    session.until("got-this")
    assert session.wait_closed() == {"output": ""}
    assert ended(hub, session)["DocumentName"] == "AWS-StartInteractiveCommand"


def test_a_command_on_pipes_gives_its_output_byte_for_byte(hub, node):
    session = start(hub, node, "AWS-StartNonInteractiveCommand", command="test -t 1 || echo plain; echo problem >&2; seq 1 50000; exit 4").begin()
    assert session.session_type == "NonInteractiveCommands"
    assert session.wait_closed(60)["output"] == "the shell exited with 4"
    assert bytes(session.output) == b"plain\nproblem\n" + "".join(f"{i}\n" for i in range(1, 50001)).encode()


def test_streams_apart_have_their_own_types_and_the_exit_code(hub, node, ssm_plain):
    name = write_document(ssm_plain, "Apart", {
        "schemaVersion": "1.0", "sessionType": "NonInteractiveCommands",
        "parameters": {"who": {"type": "String", "interpolationType": "ENV_VAR"}},
        "properties": {"linux": {"commands": "echo out-{{ who }}; echo err >&2; exit 7", "separateOutputStream": True}},
    })
    session = start(hub, node, name, who="$(reboot); x").begin()
    session.wait_closed()
    assert (bytes(session.output), bytes(session.errors), session.exit_code) == (b"out-$(reboot); x\n", b"err\n", "EXIT_CODE: 7")


def test_an_own_shell_document_has_its_profile_and_its_times(hub, node, ssm_plain):
    name = write_document(ssm_plain, "Short", {
        "schemaVersion": "1.0", "sessionType": "Standard_Stream",
        "inputs": {"idleSessionTimeout": "1", "maxSessionDuration": "60", "shellProfile": {"linux": "cd /var; mark=profiled"}},
    })
    shell = start(hub, node, name).begin()
    assert "profiled /var" in shell.run("echo $mark $PWD")
    (shown,) = hub.api.ssm("DescribeSessions", State="Active", Filters=[{"key": "SessionId", "value": shell.session}])["Sessions"]
    assert shown["MaxSessionDuration"] == "60" and shown["DocumentName"] == name
    shell.flag(plugin.TERMINATE)


def test_what_a_document_cannot_have_is_named(hub, node, ssm_plain, refuses):
    for element, value in (("s3BucketName", "logs"), ("kmsKeyId", "alias/a"), ("cloudWatchLogGroupName", "g"), ("runAsEnabled", True)):
        name = write_document(ssm_plain, f"Wants-{element}", {"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {element: value}})
        assert element in refuses("InvalidDocument", ssm_plain.start_session, Target=node, DocumentName=name)["Message"]
    refuses("InvalidDocument", ssm_plain.start_session, Target=node, DocumentName="AWS-RunShellScript")
    refuses("InvalidParameters", ssm_plain.start_session, Target=node, DocumentName="AWS-StartInteractiveCommand")
    refuses("InvalidParameters", ssm_plain.start_session, Target=node, Parameters={"command": ["id"]})
    refuses("InvalidParameters", ssm_plain.start_session, Target=node, DocumentName="AWS-StartSSHSession", Parameters={"portNumber": ["0"]})


def test_the_right_is_needed_on_the_node_and_on_the_document(hub, node, refuses):
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ssm:StartSession", "ssm:ResumeSession"], "Resource": [
        f"arn:aws:ec2:*:*:instance/{node}", f"arn:aws:ssm:*:*:managed-instance/{node}", "arn:aws:ssm:*:*:document/AWS-StartInteractiveCommand"]}]}
    file = pathlib.Path(hub.folder) / "narrow.json"
    file.write_text(json.dumps(policy))
    hub.cli("policy", "import", "only-this-command", str(file), check=0)
    hub.cli("user", "create", "narrow-user", check=0)
    hub.cli("policy", "attach", "only-this-command", "--user", "narrow-user", check=0)
    key = json.loads(hub.cli("access-key", "create", "--user", "narrow-user", "-o", "json", check=0).out)
    client = boto(hub, key=key["access_key_id"], secret=key["secret_access_key"])
    refuses("AccessDeniedException", client.start_session, Target=node)
    refuses("AccessDeniedException", client.start_session, Target=node, DocumentName="No-Such-Document")
    session = start(hub, node, "AWS-StartInteractiveCommand", client=client, command="echo allowed").begin()
    session.until("allowed")
    session.wait_closed()
    hub.cli("user", "delete", "narrow-user", "--yes")


# Ports


def test_many_connections_share_a_port_session(hub, node, target):
    session = start(hub, node, "AWS-StartPortForwardingSession", portNumber=target.number, localPortNumber="0").handshake()
    assert session.session_type == "Port"
    assert session.properties == {"portNumber": target.number, "localPortNumber": "0", "type": "LocalPortForwarding"}
    mux = Mux(session)
    streams = [mux.open() for _ in range(10)]
    sent = [os.urandom(40_000) for _ in streams]

    def say(stream, data):
        stream.send(data)
        stream.close()

    threads = [threading.Thread(target=say, args=pair) for pair in zip(streams, sent)]
    for thread in threads:
        thread.start()
    assert [stream.read_all() for stream in streams] == sent
    until(lambda: not target.open_now, 20, "the connections being closed")
    session.flag(plugin.TERMINATE)
    session.wait_closed()
    assert ended(hub, session)["Status"] == "Terminated"


def test_a_port_session_survives_breaks_without_losing_a_byte(hub, node, target):
    session = start(hub, node, "AWS-StartPortForwardingSession", portNumber=target.number).handshake()
    stream = Mux(session).open()
    sent = os.urandom(300_000)

    def say():
        for at in range(0, len(sent), 10_000):
            stream.send(sent[at : at + 10_000])
            if at in (50_000, 150_000):
                before = session.connections
                session.drop()
                until(lambda: session.connections > before, 30, "the client being back")
        stream.close()

    threading.Thread(target=say).start()
    assert stream.read_all() == sent and session.connections >= 3
    session.flag(plugin.TERMINATE)


def test_nobody_at_the_port_is_told_and_the_session_goes_on(hub, node):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        session = start(hub, node, "AWS-StartPortForwardingSession", portNumber=str(free.getsockname()[1])).handshake()
    stream = Mux(session).open()
    assert stream.read_all() == b"" and session.flags == [plugin.CONNECT_ERROR] and session.closed is None
    session.flag(plugin.TERMINATE)


def test_a_remote_host_is_reached_and_metadata_is_not(hub, node, target):
    document = "AWS-StartPortForwardingSessionToRemoteHost"
    session = start(hub, node, document, host="localhost", portNumber=target.number).handshake()
    stream = Mux(session).open()
    stream.send(b"hello")
    assert stream.read() == b"hello"
    session.flag(plugin.TERMINATE)
    for host in ("169.254.169.254", "::ffff:169.254.169.254"):
        withheld = start(hub, node, document, host=host, portNumber="80").handshake()
        assert Mux(withheld).open().read_all() == b"" and withheld.flags == [plugin.CONNECT_ERROR]
        withheld.flag(plugin.TERMINATE)


def test_a_client_without_multiplexing_has_one_connection_after_the_other(hub, node, target):
    session = start(hub, node, "AWS-StartPortForwardingSession", version="1.1.26.0", portNumber=target.number).handshake()
    session.ready = True
    session.type(b"first")
    session.until("first")
    session.flag(plugin.DISCONNECT)
    session.type(b"second")
    session.until("second")
    session.flag(plugin.TERMINATE)


def test_the_console_has_no_part_in_a_port_session(hub, node, target):
    answer = boto(hub).start_session(Target=node, DocumentName="AWS-StartSSHSession", Parameters={"portNumber": [target.number]})
    assert Shell(answer["StreamUrl"], answer["TokenValue"]).error["Code"] == "WrongClient"
    hub.api.ssm("TerminateSession", SessionId=answer["SessionId"])


# aws-cli


@pytest.fixture
def start_session(hub, tmp_path):
    """`aws ssm start-session`, unmodified, with the plugin's player under the plugin's name."""
    player = tmp_path / "session-manager-plugin"
    player.write_text(f"#!/bin/sh\nexec {sys.executable} {plugin.__file__} \"$@\"\n")
    player.chmod(0o755)
    running = []

    def run(*args):
        env = base_env(
            AWS_ACCESS_KEY_ID=hub.key, AWS_SECRET_ACCESS_KEY=hub.secret, AWS_DEFAULT_REGION="eu-central-1", AWS_ENDPOINT_URL_SSM=hub.http,
            AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true",
        )
        env["PATH"] = f"{tmp_path}:{env['PATH']}"
        aws = pathlib.Path(sys.executable).parent / "aws"
        process = subprocess.Popen(
            [aws, "ssm", "start-session", *args], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        running.append(process)
        return process

    yield run
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.communicate()


def test_aws_cli_opens_a_shell(start_session, node):
    out, err = start_session("--target", node).communicate(b"echo from-$((40+2))-cli; exit 0\n", timeout=60)
    text = out.decode()
    assert "Starting session with SessionId: " in text and "from-42-cli" in text and "Exiting session" in text, (text, err)


def test_aws_cli_runs_a_command(start_session, node):
    out, err = start_session("--target", node, "--document-name", "AWS-StartNonInteractiveCommand", "--parameters", "command=echo one-line").communicate(timeout=60)
    assert "one-line\n" in out.decode(), (out, err)


def test_aws_cli_forwards_a_port(start_session, node, tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("through the tunnel" * 1000)

    class Page(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "page"))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        process = start_session("--target", node, "--document-name", "AWS-StartPortForwardingSession",
                                "--parameters", json.dumps({"portNumber": [str(server.server_port)], "localPortNumber": ["0"]}))
        local = None
        while not local:
            line = process.stdout.readline().decode()
            assert line, process.stderr.read()
            local = re.match(r"Port (\d+) opened", line)
        for _ in range(3):
            connection = http.client.HTTPConnection("localhost", int(local[1]), timeout=30)
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"through the tunnel" * 1000
            connection.close()
        server.shutdown()


def test_aws_cli_is_a_proxy_command_for_ssh(start_session, node, target):
    process = start_session("--target", node, "--document-name", "AWS-StartSSHSession", "--parameters", f"portNumber={target.number}")
    sent = os.urandom(50_000)

    def feed():
        for at in range(0, len(sent), 1000):
            process.stdin.write(sent[at : at + 1000])
            process.stdin.flush()

    threading.Thread(target=feed, daemon=True).start()
    head = process.stdout.readline() + process.stdout.readline()
    assert b"Starting session" in head
    seen = b""
    while len(seen) < len(sent):
        seen += process.stdout.read1(65536)
    assert seen == sent
