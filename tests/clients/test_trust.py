"""What a node's owner forbids, operators that must sign, and who is let in: real hub, real agents, the real `ssh-keygen`."""

import json
import shutil
import subprocess

import pytest

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
