"""Files that lie on the hub: a step downloads them over the agent's own line, documents attach them, by whoever has a right on them."""

import itertools
import json
import os

import pytest

from conftest import Bed, boto
from harness.process import TERMINAL
from harness.wait import until
from test_documents import script, steps

LARGE = os.urandom(1 << 20) * 24


class Place:
    """A hub of its own with files and one node."""

    def __init__(self, hub):
        self.hub, self.agent, self.ssm, self.numbers = hub, hub.join("fetcher"), boto(hub), itertools.count(1)
        files = hub.data / "files"
        for name, content in {"tools/set-up.sh": b"echo set up $1\n", "tools/inner/a.txt": b"A", "secret/key": b"k", "large": LARGE}.items():
            (files / name).parent.mkdir(parents=True, exist_ok=True)
            (files / name).write_bytes(content)
        (files / "link").symlink_to("/etc/hostname")

    def document(self, path, *lines, ssm=None, **inputs):
        name = f"Hub-{next(self.numbers)}"
        fetch = {"action": "aws:downloadContent", "name": "fetch", "inputs": {"sourceType": "Hub", "sourceInfo": json.dumps({"path": path}), **inputs}}
        (ssm or self.ssm).create_document(Name=name, Content=steps(fetch, script(*(lines or ["true"]), name="use")), DocumentType="Command")
        return name

    def send(self, name, ssm=None, **parameters):
        sent = (ssm or self.ssm).send_command(DocumentName=name, InstanceIds=[self.agent.node], Parameters=parameters)
        return sent["Command"]["CommandId"]

    def ended(self, command):
        def shares():
            (share,) = self.ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
            return share if share["Status"] in TERMINAL else None

        return {plugin["Name"]: (plugin["Status"], plugin["Output"]) for plugin in until(shares, 60, "the download ending")["CommandPlugins"]}

    def run(self, path, *lines, **inputs):
        return self.ended(self.send(self.document(path, *lines, **inputs)))

    def grants(self):
        filter = {"Join": "and", "Terms": [{"Key": "operation", "Op": "eq", "Value": "NodeReadObjects"}]}
        return self.hub.api.hub("ListAuditEvents", Filter=filter)["Events"]


@pytest.fixture(scope="module")
def place(binary):
    with Bed(binary, "hub-files") as hub:
        yield Place(hub)


@pytest.fixture(scope="module")
def narrow(place):
    """A user who may use what lies below `tools` and nothing else."""
    allow = lambda actions, *things: {"Effect": "Allow", "Actions": actions, "Resources": list(things)}  # noqa: E731
    everything = allow(["ssm:*"], {"Kind": "node"}, {"Kind": "document"}, {"Kind": "command"})
    tools = allow(["ssm:SendCommand", "ssm:CreateDocument"], {"Kind": "hub-file", "Ids": ["tools/*", "tools"]})
    place.hub.api.hub("PutPolicy", PolicyName="tools", Document={"Statements": [everything, tools]})
    place.hub.api.hub("CreateRole", RoleName="tools", Policies=["tools"])
    place.hub.api.hub("CreateUser", UserName="tools", Roles=["tools"])
    key = json.loads(place.hub.cli("access-key", "create", "--user", "tools", "-o", "json", check=0).out)
    return boto(place.hub, key=key["access_key_id"], secret=key["secret_access_key"])


def code(call, **members):
    with pytest.raises(Exception) as caught:
        call(**members)
    return caught.value.response["Error"]["Code"]


def test_a_file_and_a_folder_come_over_the_agents_own_line(place):
    assert place.run("tools/set-up.sh", "sh set-up.sh it; ls | wc -l")["use"] == ("Success", "set up it\n1\n")
    newest = place.grants()[0]
    assert (newest["Outcome"], newest["Target"], newest["Caller"]) == ("done", "hub-file/tools/set-up.sh", f"node:{place.agent.node}")
    assert place.run("hub://tools/", "find . -type f | sort; cat inner/a.txt")["use"] == ("Success", "./inner/a.txt\n./set-up.sh\nA")
    assert "2 files below it" in place.grants()[0]["Detail"]
    assert place.run("large", "wc -c <x; cksum <x | cut -d' ' -f2", destinationPath="x")["use"] == ("Success", f"{len(LARGE)}\n{len(LARGE)}\n")
    name = "AWS-RunRemoteScript"
    ended = place.ended(place.send(name, sourceType=["Hub"], sourceInfo=['{"path":"tools/set-up.sh"}'], commandLine=["sh set-up.sh remote"]))
    assert list(ended.values())[-1] == ("Success", "set up remote\n"), ended


def test_what_is_not_there_fails_the_step_and_is_named(place):
    for path, said in [("none", "has no readable `none`"), ("link", "has no readable `link`"), ("tools/../secret/key", "no path below"),
                       ("/etc/passwd", "no path below")]:
        status, output = place.run(path)["fetch"]
        assert status == "Failed" and said in output, (path, output)


def test_a_right_on_the_file_is_needed_to_send_it_and_to_attach_it(place, narrow):
    assert place.ended(place.send(place.document("tools", "cat inner/a.txt", ssm=narrow), ssm=narrow))["use"] == ("Success", "A")
    for path in ("secret/key", "secret", "large", "toolsx"):
        name = place.document(path, ssm=narrow)
        assert code(narrow.send_command, DocumentName=name, InstanceIds=[place.agent.node]) == "AccessDeniedException", path
    # Another spelling is no way round.
    name = place.document("tools/../secret/key", ssm=narrow)
    assert place.ended(place.send(name, ssm=narrow))["fetch"][0] == "Failed"
    content = steps(script("true"))
    attach = lambda path: [{"Key": "SourceUrl", "Values": [f"hub://{path}"], "Name": "attached"}]  # noqa: E731
    narrow.create_document(Name="Attached", Content=content, DocumentType="Command", Attachments=attach("tools/set-up.sh"))
    for path in ("secret/key", "none"):
        given = {"Name": "Refused", "Content": content, "DocumentType": "Command", "Attachments": attach(path)}
        assert code(narrow.create_document, **given) == "AccessDeniedException", path
    given = {"Name": "Refused", "Content": content, "DocumentType": "Command", "Attachments": attach("tools/../secret/key")}
    assert code(narrow.create_document, **given) == "InvalidDocumentContent"


def test_a_file_survives_the_end_of_the_hub_on_its_way(place):
    command = place.send(place.document("large", "cksum <large | cut -d' ' -f2"))
    until(lambda: len(place.grants()) and place.grants()[0]["CommandId"] == command, 30, "the file on its way")
    place.hub.kill()
    place.hub.start()
    place.agent.wait_online()
    assert place.ended(command)["use"] == ("Success", f"{len(LARGE)}\n")
