"""`/live`, topic `node-output`: all that a node writes for a command, by one subscription."""

import json

import pytest

from harness.process import send_script, wait_invocation
from harness.sigv4 import sign
from harness.websocket import WebSocket

SHELL = "aws:runShellScript"


class Follower:
    """Subscriptions on one socket; what they were told, by their number."""

    def __init__(self, hub, key=None, secret=None):
        key, secret = (key, secret) if key else (hub.api.key, hub.api.secret)
        headers = sign("GET", "/live", hub.api.authority, {}, b"", key, secret)
        self.socket = WebSocket(hub.http.replace("http", "ws") + "/live", "roadstead.live.v1", headers=headers)
        self.told, self.errors = {}, {}

    def follow(self, number, command, node, **arguments):
        wish = {"Id": number, "Topic": "node-output", "Args": {"CommandId": command, "NodeId": node, **arguments}}
        self.socket.send(json.dumps({"Subscribe": wish}))
        return self

    def until(self, check):
        """Receives until `check` holds."""
        while not check():
            message = json.loads(self.socket.receive()[1])
            if "Error" in message:
                self.errors[message["Id"]] = message["Error"]["Code"]
            else:
                self.told.setdefault(message["Id"], []).append(message["Event"])
        return self

    def ended(self, number=1):
        self.until(lambda: number in self.errors or any(event.get("End") for event in self.told.get(number, [])))
        return self

    def text(self, step=0, stream="stdout", number=1):
        return "".join(e["Text"] for e in self.told.get(number, []) if e.get("Step") == step and e.get("Stream") == stream and "Text" in e)

    def refused(self, number=1):
        self.until(lambda: number in self.errors)
        return self.errors[number]


@pytest.fixture
def steps(ssm_plain, request):
    """Makes a document of these steps; answers its name."""
    made = []

    def create(*steps):
        name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:100]
        content = {"schemaVersion": "2.2", "mainSteps": list(steps)}
        ssm_plain.create_document(Name=name, Content=json.dumps(content), DocumentType="Command")
        made.append(name)
        return name

    yield create
    for name in made:
        ssm_plain.delete_document(Name=name)


def step(name, line, **members):
    return {"action": SHELL, "name": name, "inputs": {"runCommand": [line]}, **members}


def gate(folder, name):
    """A file, and a line of shell that waits for it."""
    file = folder / name
    return file, f"while [ -d {folder} ] && [ ! -e {file} ]; do sleep 0.05; done"


def test_steps_and_streams_come_as_they_are_written(hub, ssm_plain, node, steps, tmp_path):
    first, waits_first = gate(tmp_path, "first")
    second, waits_second = gate(tmp_path, "second")
    name = steps(
        step("one", f"echo 錨; {waits_first}; echo up >&2"),
        step("elsewhere", "echo never", precondition={"StringEquals": ["platformType", "Windows"]}),
        step("two", f"echo away; {waits_second}; exit 3"),
    )
    command = ssm_plain.send_command(DocumentName=name, InstanceIds=[node])["Command"]["CommandId"]
    one = Follower(hub).follow(1, command, node)
    one.until(lambda: one.text() == "錨\n")
    assert one.text(0, "stderr") == ""
    first.touch()
    one.until(lambda: one.text(0, "stderr") == "up\n" and one.text(2) == "away\n")
    second.touch()
    one.ended()
    assert one.told[1][-1] == {"End": True, "StatusDetails": "Failed", "Incomplete": False}
    assert (one.text(), one.text(1), one.text(2)) == ("錨\n", "", "away\n")
    # Afterwards it is the same, from what the hub has.
    late = Follower(hub).follow(1, command, node).ended()
    assert [late.text(number, stream) for number in range(3) for stream in ("stdout", "stderr")] == ["錨\n", "up\n", "", "", "away\n", ""]


def test_a_reader_goes_on_where_it_was_cut_off(hub, node, tmp_path):
    opened, waits = gate(tmp_path, "go")
    command = send_script(hub, [node], f"printf 'begun, '; {waits}; echo ended")
    before = Follower(hub).follow(1, command, node)
    before.until(lambda: before.text() == "begun, ")
    place = {"Step": 0, "Stream": "stdout", "Offset": before.told[1][-1]["NextOffset"]}
    before.socket.close()
    after = Follower(hub).follow(1, command, node, From=[place])
    opened.touch()
    assert after.ended().text() == "ended\n"
    again = Follower(hub).follow(1, command, node, From=[{**place, "Offset": 999}]).ended()
    assert again.text() == ""


def test_many_nodes_are_followed_on_one_socket(hub, nodes, tmp_path):
    opened, waits = gate(tmp_path, "go")
    command = send_script(hub, nodes, f"echo early; {waits}; echo late >&2")
    one = Follower(hub)
    for number, node in enumerate(nodes):
        one.follow(number, command, node)
    one.until(lambda: all(one.text(number=number) == "early\n" for number in range(len(nodes))))
    opened.touch()
    for number in range(len(nodes)):
        assert one.ended(number).text(0, "stderr", number) == "late\n"


def test_a_long_output_comes_whole_in_bounded_pieces(hub, node):
    command = send_script(hub, [node], "seq -f '水 %06.0f' 1 20000")
    one = Follower(hub).follow(1, command, node).ended()
    assert one.text() == "".join(f"水 {number:06}\n" for number in range(1, 20001))
    assert all(len(event.get("Text", "").encode()) <= 32 * 1024 for event in one.told[1])


def test_what_cannot_be_followed_is_refused(hub, node):
    command = send_script(hub, [node], "true")
    wait_invocation(hub, command, node)
    assert Follower(hub).follow(1, command, "mi-" + "0" * 17).refused() == "InvocationDoesNotExist"
    assert Follower(hub).follow(1, "0" * 8 + "-0000-0000-0000-" + "0" * 12, node).refused() in ("InvalidCommandId", "InvocationDoesNotExist")
    assert Follower(hub).follow(1, "x", node).refused() == "ValidationException"
    places = [{"Step": number, "Stream": "stdout", "Offset": 0} for number in range(401)]
    assert Follower(hub).follow(1, command, node, From=places).refused() == "ValidationException"
    far = [{"Step": 2**32 - 1, "Stream": "stderr", "Offset": 2**64 - 1}]
    assert Follower(hub).follow(1, command, node, From=far).ended().errors == {}


def test_who_may_not_see_the_output_may_not_follow_it(hub, node):
    command = send_script(hub, [node], "echo secret")
    hub.cli("user", "create", "outsider", check=0)
    try:
        key = json.loads(hub.cli("access-key", "create", "--user", "outsider", "-o", "json", check=0).out)
        one = Follower(hub, key["access_key_id"], key["secret_access_key"])
        assert one.follow(1, command, node).refused() == "AccessDeniedException"
        assert one.told == {}
    finally:
        hub.cli("user", "delete", "outsider", "--yes")
    wait_invocation(hub, command, node)
