"""What a node's owner forbids, operators that must sign, and who is let in: real hub, real agents, the real `ssh-keygen`."""

import json
import shutil
import subprocess

import pytest

from harness.api import Refused
from harness.wait import until

OK, DENIED = 0, 4


@pytest.fixture(scope="module")
def fortress(hub):
    agent = hub.join("fortress")
    yield agent
    hub.cli("node", "remove", agent.node, "--yes", check=OK)


def lock(hub, agent, *args):
    done = hub.cli("lock", "set", "--file", str(agent.data / "lock.yaml"), *args, check=OK)
    wanted = json.loads(hub.cli("lock", "show", "--data", str(agent.data), "-o", "json", check=OK).out)
    expected = {key: wanted[key] for key in ("monitor_only", "no_shell", "no_update", "no_root")}

    def told():
        shown = hub.node(agent.node).get("NodeLock", {})
        names = {"monitor_only": "MonitorOnly", "no_shell": "NoShell", "no_update": "NoUpdate", "no_root": "NoRoot"}
        return all(shown.get(names[key]) == value for key, value in expected.items()) and shown.get("OperatorClasses") == wanted["operator_classes"]

    until(told, 20, "the hub knowing the lock")
    return done


def test_a_lock_set_on_the_node_is_shown_and_refused_early(hub, fortress):
    lock(hub, fortress, "--no-shell", "--no-update")
    listed = json.loads(hub.cli("node", "list", "--filter", "lock:no-shell", "-o", "json", check=OK).out)
    assert [row["name"] for row in listed] == ["fortress"]
    refused = hub.cli("run", "--node", fortress.node, "--", "true", check=DENIED)
    assert "no-shell" in refused.err and "lock.yaml" in refused.err
    assert "no-shell" in hub.cli("ssh", fortress.node, check=DENIED).err
    lock(hub, fortress, "--no-shell=false", "--no-update=false")
    hub.cli("run", "--node", fortress.node, "--", "true", check=OK)


def test_a_hub_that_does_not_know_the_lock_yet_is_told_by_the_node(hub, fortress):
    (fortress.data / "lock.yaml").write_text("monitor-only: true\n")
    try:
        sent = hub.api.ssm(
            "SendCommand", DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]},
            Targets=[{"Key": "InstanceIds", "Values": [fortress.node]}],
        )
        command = sent["Command"]["CommandId"]

        def ended():
            shown = hub.api.ssm("GetCommandInvocation", CommandId=command, InstanceId=fortress.node)
            return shown if shown["Status"] == "Failed" else None

        assert "monitor-only" in until(ended, 20, "the refusal")["StandardErrorContent"]
    finally:
        (fortress.data / "lock.yaml").unlink()
    until(lambda: "NodeLock" not in hub.node(fortress.node), 20, "the hub knowing that the lock is gone")


def command(*lines, parameters=None):
    """A document with one script."""
    step = {"name": "one", "action": "aws:runShellScript", "inputs": {"runCommand": list(lines)}}
    return {"schemaVersion": "2.2", "parameters": parameters or {}, "mainSteps": [step]}


def running(inner):
    inputs = {"documentType": "SSMDocument", "documentPath": inner}
    return {"schemaVersion": "2.2", "mainSteps": [{"name": "one", "action": "aws:runDocument", "inputs": inputs}]}


class Kept:
    """Documents of a hub, and what becomes of them on one node."""

    def __init__(self, hub, agent, tmp_path):
        self.hub, self.agent, self.folder = hub, agent, tmp_path

    def create(self, name, content):
        self.hub.api.ssm("CreateDocument", Name=name, Content=json.dumps(content), DocumentType="Command")
        return self.pinned(name, content)

    def change(self, name, content):
        self.hub.api.ssm("UpdateDocument", Name=name, Content=json.dumps(content), DocumentVersion="$LATEST")
        self.hub.api.ssm("UpdateDocumentDefaultVersion", Name=name, DocumentVersion="2")
        return self.pinned(name, content)

    def pinned(self, name, content):
        file = self.folder / "document.json"
        file.write_text(json.dumps(content))
        return f"{name}@{self.hub.cli('lock', 'document-hash', str(file), check=OK).out.strip()}"

    def lock(self, member, wanted, *args):
        lock(self.hub, self.agent, *args)
        until(lambda: self.hub.node(self.agent.node).get("NodeLock", {}).get(member) == wanted, 20, "the hub knowing the lock")

    def run(self, name):
        """The invocation's end."""
        sent = self.hub.api.ssm("SendCommand", DocumentName=name, Targets=[{"Key": "InstanceIds", "Values": [self.agent.node]}])

        def ended():
            shown = self.hub.api.ssm("GetCommandInvocation", CommandId=sent["Command"]["CommandId"], InstanceId=self.agent.node)
            return shown if shown["Status"] not in ("Pending", "InProgress", "Delayed") else None

        return until(ended, 20, "an end")

    def refusal(self, name):
        """Before the command is made, as for every node that is named."""
        with pytest.raises(Refused) as refused:
            self.hub.api.ssm("SendCommand", DocumentName=name, InstanceIds=[self.agent.node])
        assert refused.value.code == "AccessDeniedException"
        return refused.value.message


def test_of_allowed_documents_a_hub_decides_the_parameters_only(hub, fortress, tmp_path):
    kept = Kept(hub, fortress, tmp_path)
    hub.api.ssm("PutParameter", Name="/look/x", Value="$(id)", Type="String")
    word = {"word": {"type": "String", "interpolationType": "ENV_VAR", "default": "{{ssm:/look/x}}"}}
    allowed = [
        kept.create("Kept-Inner", command("echo honest")),
        kept.create("Kept-Outer", running("Kept-Inner")),
        kept.create("Kept-Reference", command("echo {{ssm:/look/x}}")),
        kept.create("Kept-Parameter", command('echo "{{ word }}"', parameters=word)),
    ]
    kept.lock("AllowedDocuments", sorted(allowed), "--no-shell", *[part for name in allowed for part in ("--allow-document", name)])
    try:
        assert kept.run("Kept-Outer")["StandardOutputContent"].split() == ["honest"]
        assert kept.run("Kept-Parameter")["StandardOutputContent"] == "$(id)\n"
        assert "{{ssm:/look/x}}" in kept.refusal("Kept-Reference")
        changed = kept.change("Kept-Inner", command("id"))
        assert changed in kept.refusal("Kept-Outer")
        refused = kept.run("Kept-Outer")
        assert refused["Status"] == "Failed" and changed in refused["StandardErrorContent"]
    finally:
        kept.lock("AllowedDocuments", None, "--no-shell=false", "--allow-any-document")


def test_the_hash_of_a_document_comes_with_what_its_parameters_can_do(hub, tmp_path):
    def told(**more):
        file = tmp_path / "document.json"
        file.write_text(json.dumps(command("systemctl restart {{ unit }}", parameters={"unit": {"type": "String", **more}})))
        return hub.cli("lock", "document-hash", str(file), check=OK)

    assert "`{{ unit }}` is put into the script as text" in told().err and told().out.startswith("sha256:")
    assert told(allowedPattern="[a-z]+").err == ""


def test_a_document_that_wants_a_signature_wants_it_inside_another_too(hub, fortress, tmp_path):
    kept = Kept(hub, fortress, tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-C", "ann", "-f", tmp_path / "ann"], check=True)
    guarded = f"document:{kept.create('Kept-Guarded', command('echo guarded'))}"
    kept.create("Kept-Wrapper", running("Kept-Guarded"))
    kept.create("Kept-Free", command("echo free"))
    kept.lock("OperatorClasses", [guarded], "--operator-class", guarded, "--operator-key", str(tmp_path / "ann.pub"))
    try:
        for name in ["Kept-Guarded", "Kept-Wrapper"]:
            assert guarded in kept.refusal(name)
        assert kept.run("Kept-Free")["StandardOutputContent"] == "free\n"
    finally:
        kept.lock("OperatorClasses", [], "--no-operator-lock")


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs OpenSSH's client")
def test_an_operator_signs_with_the_real_openssh(hub, fortress, tmp_path):
    for name, kind in [("ann", "ed25519"), ("bob", "ecdsa"), ("eve", "ed25519")]:
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", kind, "-C", name, "-f", tmp_path / name], check=True)
    marker = tmp_path / "ran"
    lock(
        hub, fortress, "--operator-class", "shell", "--operator-key", str(tmp_path / "ann.pub"), "--operator-key", str(tmp_path / "bob.pub")
    )
    refused = hub.cli("run", "--node", fortress.node, "--", f"echo x >> {marker}", check=DENIED)
    assert "--sign-with" in refused.err
    for name in ["ann", "bob"]:
        done = hub.cli("run", "--node", fortress.node, "--sign-with", str(tmp_path / name), "--", f"echo {name} >> {marker}", check=OK)
        assert "roadstead operator approval v1" in done.err and fortress.node in done.err
    foreign = hub.cli("run", "--node", fortress.node, "--sign-with", str(tmp_path / "eve"), "--", f"echo eve >> {marker}")
    assert foreign.returncode != OK and "not one of those that may sign" in foreign.out + foreign.err
    assert marker.read_text().split() == ["ann", "bob"]

    signed = json.loads(
        hub.cli(
            "sign", "--node", fortress.node, "--parameters", json.dumps({"commands": [f"echo api >> {marker}"]}), "--key", str(tmp_path / "ann")
        ).out
    )
    request = {
        "DocumentName": "AWS-RunShellScript", "InstanceIds": [fortress.node], "Parameters": {"commands": [f"echo api >> {marker}"]},
        "OperatorApproval": signed,
    }
    states = []
    for _ in range(2):
        command = hub.api.ssm("SendCommand", **request)["Command"]["CommandId"]

        def ended(command=command):
            shown = hub.api.ssm("GetCommandInvocation", CommandId=command, InstanceId=fortress.node)
            return shown if shown["Status"] in ("Success", "Failed") else None

        states.append(until(ended, 20, "an end"))
    assert [state["Status"] for state in states] == ["Success", "Failed"]
    assert "used here before" in states[1]["StandardErrorContent"]
    assert marker.read_text().split() == ["ann", "bob", "api"]
    lock(hub, fortress, "--no-operator-lock")


def test_the_hub_says_early_what_no_signature_covers(hub, fortress, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", tmp_path / "ann"], check=True)
    file = hub.data / "files" / "signed" / "motd"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("hello\n")
    scripts = {"action": "aws:runShellScript", "inputs": {"runCommand": ["true"]}}
    steps = {
        "Signed-Inner": [{"name": "inner", **scripts}],
        "Signed-Outer": [{"name": "outer", "action": "aws:runDocument", "inputs": {"documentType": "SSMDocument", "documentPath": "Signed-Inner"}}],
        "Signed-Fetch": [{"name": "fetch", "action": "aws:downloadContent", "inputs": {
            "sourceType": "Hub", "sourceInfo": {"path": "signed/motd"}, "destinationPath": str(tmp_path)}}],
    }
    contents = {name: json.dumps({"schemaVersion": "2.2", "mainSteps": list(all_of)}) for name, all_of in steps.items()}
    for name, content in contents.items():
        hub.api.ssm("CreateDocument", Name=name, DocumentType="Command", Content=content)
    lock(hub, fortress, "--operator-class", "shell", "--operator-key", str(tmp_path / "ann.pub"))
    try:
        for name, added in [("Signed-Outer", "document `Signed-Inner`"), ("Signed-Fetch", "step `fetch` downloads")]:
            (tmp_path / name).write_text(contents[name])
            signed = hub.cli(
                "sign", "--node", fortress.node, "--document", name, "--content", str(tmp_path / name), "--key", str(tmp_path / "ann"), check=OK
            )
            for approval in ({}, {"OperatorApproval": json.loads(signed.out)}):
                with pytest.raises(Refused) as refused:
                    hub.api.ssm("SendCommand", DocumentName=name, InstanceIds=[fortress.node], **approval)
                assert refused.value.code == "AccessDeniedException"
                assert added in refused.value.message and "does not cover" in refused.value.message, refused.value.message
                assert "lock.yaml" in refused.value.message
    finally:
        lock(hub, fortress, "--no-operator-lock")
        for name in contents:
            hub.api.ssm("DeleteDocument", Name=name)


def test_a_join_that_waits_is_listed_and_let_in(hub):
    token = json.loads(hub.cli("join-line", "--approval", "-o", "json", check=OK).out)["token"]
    agent = hub.join("patient", token, wait=False)

    def waiting():
        return json.loads(hub.cli("join-request", "list", "-o", "json", check=OK).out)

    request = until(waiting, 20, "the request")[0]
    assert request["state"] == "Pending" and len(request["key_fingerprint"]) == 64
    hub.cli("join-request", "approve", request["request_id"], check=OK)
    agent.wait_online(40)
    assert waiting() == []
    hub.cli("node", "remove", agent.node, "--yes", check=OK)
