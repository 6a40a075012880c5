"""`{{ssm-secure:…}}` through boto3 on a real node: it reaches the process, and nobody else ever sees it."""

import json
import os
import pathlib
import sqlite3

import pytest

from conftest import boto
from harness.process import wait_invocation
from harness.wait import until
from test_documents import script, steps

PLAIN = "open \"sesame\" it's-4711"
KEY = "-----BEGIN THING-----\nMIIEvAIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END THING-----\n"


class Place:
    """A hub of its own with one node, secrets, and a file outside for what processes have seen."""

    def __init__(self, hub, tmp_path):
        self.hub, self.seen = hub, tmp_path / "seen"
        self.agent = hub.join("keeper")
        self.node = self.agent.node
        self.ssm = boto(hub)
        for name, value in [("/app/pass", PLAIN), ("/app/key", KEY), ("/other/pass", "not for this node")]:
            self.ssm.put_parameter(Name=name, Value=value, Type="SecureString")
        self.ssm.put_parameter(Name="/app/plain", Value="plain text", Type="String")
        hub.api.hub("PutNodeParameterAccess", Name="app", Path="/app", Nodes={"NodeIds": [self.node]}, WithDecryption=True)

    def send(self, name="AWS-RunShellScript", **parameters):
        return self.ssm.send_command(DocumentName=name, InstanceIds=[self.node], Parameters=parameters)["Command"]

    def run(self, *lines, name="AWS-RunShellScript", **parameters):
        command = self.send(name, **({"commands": list(lines)} if lines else {}), **parameters)
        return wait_invocation(self.hub, command["CommandId"], self.node)

    def document(self, content, name="Secretive"):
        self.ssm.create_document(Name=name, Content=content, DocumentType="Command")
        return name

    def reads(self):
        filter = {"Join": "and", "Terms": [{"Key": "operation", "Op": "eq", "Value": "NodeGetSecret"}]}
        return self.hub.api.hub("ListAuditEvents", Filter=filter)["Events"]


@pytest.fixture
def place(bed, tmp_path):
    return Place(bed(), tmp_path)


def holders(folder, texts):
    """Every file below a folder that has one of the texts, plain."""
    found = []
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # whoever lives there has put another in its place meanwhile
        found += [str(path) for text in texts if text.encode() in content]
    return found


def test_a_secret_reaches_the_script_and_is_masked_everywhere_else(place):
    hub, seen = place.hub, place.seen
    lines = [
        f"printf '%s' '{{{{ssm-secure:/app/pass}}}}' >{seen}",
        f"printf '|%s' {{{{ ssm-secure:/app/pass:1 }}}} >>{seen}",
        "echo \"it is {{ssm-secure:/app/pass}}.\"; echo 'or {{ssm-secure:/app/pass}}' >&2",
        "printf '%s' \"{{ssm-secure:/app/key}}\" | sed 's/^/> /'",
        "ps -ww -o args= -p $$ | cat",
    ]
    sent = place.send(commands=lines)
    assert sent["Parameters"]["commands"] == lines, "the answer has the name"
    answer = wait_invocation(hub, sent["CommandId"], place.node)
    assert answer["Status"] == "Success", answer
    assert seen.read_text() == f"{PLAIN}|{PLAIN}"
    masked = "it is ****.\n> ****\n> ****\n> ****\n> ****\n"
    assert answer["StandardOutputContent"].startswith(masked), answer["StandardOutputContent"]
    assert answer["StandardErrorContent"] == "or ****\n"
    (listed,) = place.ssm.list_commands(CommandId=sent["CommandId"])["Commands"]
    assert listed["Parameters"]["commands"] == lines
    (read,) = [e for e in place.reads() if e["Target"] == "parameter//app/pass"]
    assert (read["Caller"], read["CommandId"], read["Outcome"]) == (f"node:{place.node}", sent["CommandId"], "done")
    # database, blobs, logs; the agent's journal, orders, scripts, spools, log
    hub.stop()
    database = sqlite3.connect(hub.data / "hub.db")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    assert holders(hub.folder, [PLAIN, json.dumps(PLAIN)[1:-1], "sesame", "MIIEvAIBADANBgkq", "hkiG9w0BAQEFAASC"]) == []
    assert list((place.agent.data / "runs").iterdir()), "there was something to look at"


def test_a_variable_of_the_document_has_it_and_its_pattern_holds(place):
    parameters = {
        "password": {"type": "String", "interpolationType": "ENV_VAR", "default": "{{ssm-secure:/app/pass}}"},
        "word": {"type": "String", "interpolationType": "ENV_VAR", "default": "x", "allowedPattern": "[a-z]+"},
    }
    lines = [f"printf '%s' \"{{{{password}}}}\" >{place.seen}", "python3 -c 'import os; print(len(os.environ[\"SSM_password\"]))'"]
    name = place.document(steps(script(*lines), parameters=parameters))
    answer = place.run(name=name)
    assert (answer["Status"], answer["StandardOutputContent"]) == ("Success", f"{len(PLAIN)}\n")
    assert place.seen.read_text() == PLAIN
    place.seen.unlink()
    given = place.run(name=name, password=["postgres://u:{{ssm-secure:/app/pass}}@db"])
    assert given["Status"] == "Success" and place.seen.read_text() == f"postgres://u:{PLAIN}@db"
    refused = place.run(name=name, word=["{{ssm-secure:/app/pass}}"])
    assert refused["Status"] == "Failed" and "`word`" in refused["StandardErrorContent"]
    assert "sesame" not in json.dumps(refused, default=str)


def test_inner_documents_and_their_parameters_may_name_secrets(place):
    inner = steps(
        script(f"printf '%s' \"{{{{who}}}}\" >{place.seen}", f"printf '|%s' '{{{{ssm-secure:/app/pass}}}}' >>{place.seen}", "echo {{who}} {{ssm-secure:/app/pass}}"),
        parameters={"who": {"type": "String", "interpolationType": "ENV_VAR"}},
    )
    place.document(inner, "Inner")
    run = {"action": "aws:runDocument", "name": "inner",
           "inputs": {"documentType": "SSMDocument", "documentPath": "Inner", "documentParameters": {"who": "{{who}}"}}}
    outer = place.document(steps(run, parameters={"who": {"type": "String"}}), "Outer")
    answer = place.run(name=outer, who=["<{{ssm-secure:/app/pass}}>"])
    assert answer["Status"] == "Success", answer
    assert place.seen.read_text() == f"<{PLAIN}>|{PLAIN}"
    assert "sesame" not in json.dumps(answer, default=str) and "****" in answer["StandardOutputContent"]
    assert holders(place.agent.folder, ["sesame"]) == [], "nested scripts have the name only"


def test_a_node_without_a_rule_fails_with_the_reason_and_begins_nothing(place):
    answer = place.run(f"touch {place.seen}; : {{{{ssm-secure:/other/pass}}}}")
    assert answer["Status"] == "Failed" and "no rule" in answer["StandardErrorContent"], answer
    assert not place.seen.exists()
    (denied,) = place.reads()
    assert (denied["Outcome"], denied["Target"]) == ("denied", "parameter//other/pass")


def test_what_cannot_be_sent_is_said_to_the_sender(place, refuses):
    send = place.ssm.send_command
    for line in ["{{ssm-secure:/app/none}}", "{{ssm-secure:/app/plain}}", "{{ssm-secure:/app/pass:9}}", "{{ssm:/app/pass}}"]:
        error = refuses("InvalidParameters", send, DocumentName="AWS-RunShellScript", InstanceIds=[place.node], Parameters={"commands": [line]})
        assert line.strip("{}") in error["Message"]
    refuses("InvalidParameters", send, DocumentName="AWS-RunShellScript", InstanceIds=[place.node],
            Parameters={"commands": ["true"], "workingDirectory": ["{{ssm-secure:/app/pass}}"]})
    hub = place.hub.api.hub
    hub("CreateUser", UserName="sam", Roles=["operator"])
    hub("PutPolicy", PolicyName="blind", Document={"Statements": [
        {"Effect": "Deny", "Actions": ["ssm:GetParameter*"], "Resources": [{"Kind": "parameter"}]}]})
    hub("AttachPolicy", PolicyName="blind", UserName="sam")
    key = hub("CreateAccessKey", UserName="sam")
    other = boto(place.hub, key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    refuses("AccessDeniedException", other.send_command, DocumentName="AWS-RunShellScript", InstanceIds=[place.node],
            Parameters={"commands": ["{{ssm-secure:/app/pass}}"]})


def test_a_run_goes_on_when_the_hub_comes_back(place):
    """The first step waits for a file; the hub dies meanwhile, so the second asks a hub that is away."""
    gate = place.seen.with_name("gate")
    waits = f"touch {place.seen}; while ! [ -e {gate} ]; do [ -d {gate.parent} ] || exit 1; sleep 0.05; done"
    name = place.document(steps(script(waits, name="waits"), script("echo then {{ssm-secure:/app/pass}}", name="then")))
    command = place.send(name)["CommandId"]
    until(place.seen.exists, 20, "the first step")
    place.hub.kill()
    gate.touch()
    place.hub.start()
    answer = wait_invocation(place.hub, command, place.node, step="then")
    assert (answer["Status"], answer["StandardOutputContent"]) == ("Success", "then ****\n")


def test_only_the_steps_own_processes_have_it_in_their_environment(place):
    gate = place.seen.with_name("gate")
    line = f": {{{{ssm-secure:/app/pass}}}}; echo $$ >{place.seen}; while ! [ -e {gate} ]; do [ -d {gate.parent} ] || exit 1; sleep 0.05; done"
    command = place.send(commands=[line])["CommandId"]
    until(lambda: place.seen.exists() and place.seen.read_text().strip(), 20, "the script")
    shell = int(place.seen.read_text())
    environ = pathlib.Path(f"/proc/{shell}/environ")
    assert PLAIN.encode() in environ.read_bytes() and environ.stat().st_mode & 0o077 == 0
    with_argument = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if b"sesame" in pathlib.Path(f"/proc/{entry}/cmdline").read_bytes():
                with_argument.append(entry)
        except OSError:
            continue
    assert with_argument == []
    limits = pathlib.Path(f"/proc/{shell}/limits").read_text()
    assert [line.split()[4] for line in limits.splitlines() if line.startswith("Max core")] == ["0"], "it leaves no core"
    gate.touch()
    assert wait_invocation(place.hub, command, place.node)["Status"] == "Success"
