"""Notifications to real receivers on this machine: an https server, and a mail server that is not ours."""

import email
import email.policy
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from harness.api import Refused
from harness.process import free_port, send_script, wait_invocation
from harness.wait import until

LOOPBACK = ["127.0.0.0/8", "::1"]


def tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority[:2])
    return context


class Receiver:
    """An https server that keeps what it is sent, and answers what it is told to."""

    def __init__(self, authority):
        receiver = self
        self.calls, self.status, self.answers = [], 200, threading.Event()
        self.answers.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.calls.append((self.path, dict(self.headers), json.loads(body), body.decode()))
                receiver.answers.wait(60)
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = tls(authority).wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.answers.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver(authority):
    one = Receiver(authority)
    yield one
    one.close()


def put(hub, name, authority, secret=None, **receiver):
    settings = {**receiver, "AllowedNetworks": LOOPBACK, "CaPem": authority[2]}
    hub.api.hub("PutNotificationChannel", Name=name, Settings=settings, **({"Secret": secret} if secret is not None else {}))


def log(hub, channel):
    return hub.api.hub("GetNotificationLog", Channel=channel)["Notifications"]


def config(channel, kind, *events):
    return {"NotificationArn": f"arn:aws:sns:eu-central-1:000000000000:{channel}", "NotificationEvents": list(events), "NotificationType": kind}


def test_states_of_a_command_reach_a_webhook_signed(hub, ssm_plain, node, authority, receiver):
    put(hub, "hook", authority, secret="a key of sixteen and more", Webhook={"Url": receiver.url})
    command = ssm_plain.send_command(
        InstanceIds=[node], DocumentName="AWS-RunShellScript", Parameters={"commands": ["exit 3"]}, Comment="try it",
        NotificationConfig=config("hook", "Command", "All"), ServiceRoleArn="arn:aws:iam::000000000000:role/any",
    )["Command"]
    assert command["NotificationConfig"]["NotificationType"] == "Command"
    until(lambda: len(receiver.calls) == 2, 30, "both states being told")
    assert [call[2]["details"]["status"] for call in receiver.calls] == ["InProgress", "Failed"]
    path, headers, body, raw = receiver.calls[1]
    details = body["details"]
    assert path == "/hook" and details["commandId"] == command["CommandId"] and details["instanceIds"] == [node]
    assert body["subject"] == "Failed: try it (AWS-RunShellScript)" and "1 failed" in body["text"]
    stamp, signature = (part.split("=", 1)[1] for part in headers["x-roadstead-signature"].split(","))
    assert hmac.new(b"a key of sixteen and more", f"{stamp}.{raw}".encode(), hashlib.sha256).hexdigest() == signature
    until(lambda: [one["State"] for one in log(hub, "hook")] == ["Delivered"] * 2, 20, "the log saying so")
    assert "Secret" not in json.dumps(hub.api.hub("GetNotificationChannel", Name="hook")["Settings"])


def test_states_of_invocations_are_told_by_node_and_only_those_asked_for(hub, nodes, authority, receiver):
    put(hub, "each", authority, Webhook={"Url": receiver.url})
    send_script(hub, nodes, "true", NotificationConfig=config("each", "Invocation", "Success", "Failed"))
    until(lambda: len(receiver.calls) == 2, 30, "both nodes being told of")
    assert {call[2]["details"]["instanceId"] for call in receiver.calls} == set(nodes)
    assert {call[2]["details"]["detailedStatus"] for call in receiver.calls} == {"Success"}


def test_a_receiver_that_refuses_is_tried_again(hub, node, authority, receiver):
    put(hub, "again", authority, Webhook={"Url": receiver.url})
    receiver.status = 503
    send_script(hub, [node], "true", NotificationConfig=config("again", "Command", "Success"))
    first = until(lambda: (one := log(hub, "again")) and one[0]["Attempts"] == 1 and one[0], 30, "the first attempt")
    assert first["State"] == "Waiting" and "503" in first["LastError"] and first["NextAttemptAt"] > first["QueuedAt"]
    began = time.monotonic()
    for attempt in (2, 3, 4):
        receiver.status = 200 if attempt == 4 else 503
        hub.api.hub("RetryNotification", Id=first["Id"])
        until(lambda wanted=attempt: log(hub, "again")[0]["Attempts"] == wanted, 30, "the next attempt")
    # The hub looks by itself every five seconds, which three in a row would have to wait for at least twice.
    assert time.monotonic() - began < 9, "what is asked for is done at once"
    done = log(hub, "again")[0]
    assert (done["State"], done["Attempts"]) == ("Delivered", 4)
    assert {call[1]["x-roadstead-notification"] for call in receiver.calls} == {str(first["Id"])}, "the same number again"


def test_a_receiver_that_does_not_want_it_is_not_asked_again(hub, node, authority, receiver):
    put(hub, "never", authority, Webhook={"Url": receiver.url})
    receiver.status = 410
    send_script(hub, [node], "true", NotificationConfig=config("never", "Command", "Success"))
    given_up = until(lambda: (one := log(hub, "never")) and one[0]["Attempts"] == 1 and one[0], 30, "the attempt")
    assert given_up["State"] == "Failed" and "410" in given_up["LastError"] and "NextAttemptAt" not in given_up
    receiver.status = 200
    hub.api.hub("RetryNotification", Id=given_up["Id"])
    until(lambda: log(hub, "never")[0]["State"] == "Delivered", 30, "the attempt that was asked for")


def test_a_test_is_tried_once(hub, authority, receiver):
    put(hub, "try", authority, Webhook={"Url": receiver.url})
    receiver.status = 503
    tried = hub.api.hub("TestNotificationChannel", Name="try")["Notification"]
    assert (tried["State"], tried["Attempts"]) == ("Failed", 1) and "503" in tried["LastError"], tried
    assert "503" in hub.cli("channel", "test", "try", check=1).err
    assert [one["State"] for one in log(hub, "try")] == ["Failed", "Failed"]


def test_what_is_to_be_told_outlives_the_hub(bed, authority, receiver):
    """kill -9 while the receiver holds its answer back, and after a command's end that nobody could be told of."""
    own = bed()
    agent = own.join("a")
    put(own, "kept", authority, Webhook={"Url": receiver.url})
    receiver.answers.clear()
    command = send_script(own, [agent.node], "true", NotificationConfig=config("kept", "Command", "All"))
    assert wait_invocation(own, command, agent.node)["Status"] == "Success"
    until(lambda: receiver.calls, 30, "the first state being on its way")
    own.kill()
    receiver.answers.set()
    own.start()
    until(lambda: [one["State"] for one in log(own, "kept")] == ["Delivered"] * 2, 60, "both states being told")
    told = [(call[1]["x-roadstead-notification"], call[2]["details"]["status"]) for call in receiver.calls]
    assert len(told) == 3 and told[0] == told[1] and [status for _, status in told[1:]] == ["InProgress", "Success"], told
    assert {number for number, _ in told} == {str(one["Id"]) for one in log(own, "kept")}


def test_a_channel_that_is_slow_holds_up_no_other(hub, node, authority, receiver):
    slow = Receiver(authority)
    slow.answers.clear()
    try:
        put(hub, "slow", authority, Webhook={"Url": slow.url})
        put(hub, "quick", authority, Webhook={"Url": receiver.url})
        send_script(hub, [node], "true", NotificationConfig=config("slow", "Command", "Success"))
        until(lambda: slow.calls, 30, "the slow one being called")
        send_script(hub, [node], "true", NotificationConfig=config("quick", "Command", "Success"))
        until(lambda: [one["State"] for one in log(hub, "quick")] == ["Delivered"], 30, "the quick one being told")
        assert log(hub, "slow")[0]["State"] == "Waiting" and len(slow.calls) == 1
    finally:
        slow.close()


class Mailbox:
    """Keeps what a mail server was given, from those who may write to it."""

    def __init__(self, answer="250 ok"):
        self.mails, self.answer = [], answer

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope, session.ssl is not None, getattr(session, "auth_data", None)))
        return "250 taken"


def server_of(authority, box, **options):
    def judge(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and data.login == b"hub" and data.password == b"pass word"
        return AuthResult(success=good, handled=False, auth_data=data)

    port = free_port()
    controller = Controller(box, hostname="localhost", port=port, authenticator=judge, ready_timeout=60, **options)
    controller.start()
    return controller, port


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_mail_arrives_whole_in_every_language(hub, node, authority, security):
    box = Mailbox()
    options = {
        "starttls": {"tls_context": tls(authority), "require_starttls": True, "auth_required": True, "auth_require_tls": True},
        "tls": {"ssl_context": tls(authority), "auth_required": True, "auth_require_tls": False},
        "none": {},
    }[security]
    controller, port = server_of(authority, box, **options)
    try:
        mail = {"Host": "localhost", "Port": port, "Security": security, "From": "hub@example.org", "To": ["a@example.org", "b@example.org"]}
        secret = None
        if security != "none":
            mail["User"], secret = "hub", "pass word"
        put(hub, f"mail-{security}", authority, secret=secret, Mail=mail)
        send_script(hub, [node], "true", Comment="夜の更新 é", NotificationConfig=config(f"mail-{security}", "Command", "Success"))
        until(lambda: box.mails, 30, "the mail")
        envelope, was_private, _ = box.mails[0]
        assert (envelope.mail_from, envelope.rcpt_tos) == ("hub@example.org", ["a@example.org", "b@example.org"])
        # A server that speaks TLS from the first byte does not note it; nothing else could have reached it.
        assert security == "tls" or was_private == (security == "starttls")
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert parsed["subject"] == "Success: 夜の更新 é (AWS-RunShellScript)"
        assert parsed["to"] == "a@example.org, b@example.org" and "夜の更新 é" in parsed.get_content()
    finally:
        controller.stop()


def test_a_wrong_password_and_a_plain_server_are_named(hub, authority):
    box = Mailbox()
    controller, port = server_of(authority, box, tls_context=tls(authority), require_starttls=True, auth_required=True)
    plain, plain_port = server_of(authority, box, auth_require_tls=False)
    try:
        mail = {"Host": "localhost", "Port": port, "User": "hub", "From": "hub@example.org", "To": ["a@example.org"]}
        put(hub, "wrong", authority, secret="not it", Mail=mail)
        tried = hub.api.hub("TestNotificationChannel", Name="wrong")["Notification"]
        assert tried["State"] == "Failed" and "535" in tried["LastError"], tried
        put(hub, "plain", authority, secret="pass word", Mail={**mail, "Port": plain_port})
        tried = hub.api.hub("TestNotificationChannel", Name="plain")["Notification"]
        assert "STARTTLS" in tried["LastError"] and not box.mails, tried
    finally:
        controller.stop()
        plain.stop()


@pytest.mark.parametrize("answer, state", [("550 no such user", "Failed"), ("450 later, please", "Waiting")])
def test_a_mail_server_that_refuses_is_believed(hub, node, authority, answer, state):
    controller, port = server_of(authority, Mailbox(answer))
    channel = f"refused-{answer[:3]}"
    try:
        mail = {"Host": "localhost", "Port": port, "Security": "none", "From": "hub@example.org", "To": ["a@example.org"]}
        put(hub, channel, authority, Mail=mail)
        send_script(hub, [node], "true", NotificationConfig=config(channel, "Command", "Success"))
        tried = until(lambda: (one := log(hub, channel)) and one[0]["Attempts"] and one[0], 30, "the attempt")
        assert tried["State"] == state and answer in tried["LastError"], tried
    finally:
        hub.api.hub("DeleteNotificationChannel", Name=channel)
        controller.stop()


def test_ntfy_gets_topic_token_and_text(hub, authority, receiver):
    put(hub, "phone", authority, secret="tk_abc", Ntfy={"Url": receiver.url.replace("/hook", "/"), "Topic": "ops"})
    assert hub.api.hub("TestNotificationChannel", Name="phone")["Notification"]["State"] == "Delivered"
    path, headers, body, _ = receiver.calls[0]
    assert path == "/" and headers["authorization"] == "Bearer tk_abc"
    assert body["topic"] == "ops" and body["title"] == "Roadstead: a test" and "phone" in body["message"]


def test_what_cannot_be_is_refused(hub, ssm_plain, node, refuses, authority):
    def send(**given):
        ssm_plain.send_command(
            InstanceIds=[node], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}, NotificationConfig=given
        )

    refuses("InvalidNotificationConfig", send, **config("nobody-made-this", "Command", "All"))
    refuses("InvalidNotificationConfig", send, NotificationArn="not an arn", NotificationEvents=["All"])
    refuses("ValidationException", send, **config("hook", "Command", "Sometimes"))
    for settings in (
        {}, {"Webhook": {"Url": "http://localhost/"}},
        {"Webhook": {"Url": "https://x.example/"}, "Ntfy": {"Url": "https://x.example/", "Topic": "a"}},
        {"Mail": {"Host": "x", "Port": 25, "Security": "none", "User": "u", "From": "a@x", "To": ["b@x"]}},
        {"Mail": {"Host": "x", "Port": 25, "From": "a@x", "To": ["b@x>\r\nDATA"]}},
    ):
        with pytest.raises(Refused) as caught:
            hub.api.hub("PutNotificationChannel", Name="bad", Settings=settings)
        assert caught.value.code == "ValidationException", settings
    # Nothing is sent to the hub's own machine unless its network is allowed.
    hub.api.hub("PutNotificationChannel", Name="inward", Settings={"Webhook": {"Url": "https://localhost:1/"}})
    assert "allow" in hub.api.hub("TestNotificationChannel", Name="inward")["Notification"]["LastError"]


def test_the_command_line_keeps_channels_and_asks_to_be_told(hub, node, authority, receiver, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("a key of sixteen and more\n")
    hub.cli("channel", "set", "cli", "--webhook", receiver.url, "--secret-file", str(secret), "--ca", str(authority[0]),
            "--allow", "127.0.0.0/8", "--allow", "::1", check=0)
    hub.cli("channel", "test", "cli", check=0)
    assert receiver.calls[0][2]["details"]["event"] == "Test"
    hub.cli("run", "--node", node, "--notify", "cli", "--notify-on", "success", "--", "true", check=0)
    until(lambda: len(receiver.calls) == 2, 30, "the command's end being told")

    # The hub notes it after it was answered.
    def states():
        return [one["state"] for one in json.loads(hub.cli("channel", "log", "--channel", "cli", "-o", "json", check=0).out)]

    until(lambda: states() == ["Delivered", "Delivered"], 30, "both being noted as delivered")
    assert "cli" in hub.cli("channel", "list", check=0).out
    assert "sixteen" not in hub.cli("channel", "show", "cli", "-o", "json", check=0).out
    hub.cli("channel", "delete", "cli", check=0)
    assert hub.cli("channel", "show", "cli").returncode == 3


def test_channels_and_the_log_are_filtered(hub, authority):
    def filtered(operation, key, op, value):
        return hub.api.hub(operation, Filter={"Join": "and", "Terms": [{"Key": key, "Op": op, "Value": value}]})

    def names(*term):
        return [channel["Name"] for channel in filtered("ListNotificationChannels", *term)["Channels"]]

    def logged(*term):
        return {notification["Channel"] for notification in filtered("GetNotificationLog", *term)["Notifications"]}

    put(hub, "sift-hook", authority, Webhook={"Url": "https://localhost:9/hook"})
    put(hub, "sift-ntfy", authority, Ntfy={"Url": "https://localhost:9/", "Topic": "t"})
    try:
        for name in ("sift-hook", "sift-ntfy"):
            assert hub.api.hub("TestNotificationChannel", Name=name)["Notification"]["State"] != "Delivered"
        assert names("name", "prefix", "sift-") == ["sift-hook", "sift-ntfy"]
        assert "sift-hook" not in names("kind", "eq", "ntfy") and "sift-ntfy" in names("kind", "eq", "ntfy")
        assert names("text", "contains", "SIFT-HOOK webhook") == ["sift-hook"]
        assert logged("channel", "eq", "sift-hook") == {"sift-hook"}
        assert {"sift-hook", "sift-ntfy"} <= logged("subject", "contains", "test")
        assert "sift-hook" not in logged("state", "eq", "Delivered")
        assert logged("text", "contains", "sift-ntfy") == {"sift-ntfy"}
        for operation in ("ListNotificationChannels", "GetNotificationLog"):
            with pytest.raises(Refused) as caught:
                filtered(operation, "secret", "eq", "x")
            assert caught.value.code == "ValidationException" and "`secret` is not a filter key" in str(caught.value)
    finally:
        for name in ("sift-hook", "sift-ntfy"):
            hub.api.hub("DeleteNotificationChannel", Name=name)
