"""A full disk (P11): a clear refusal, nothing lost, recovery by itself. Needs root for a small mount of its own."""

import os
import subprocess

import pytest

from harness.api import Refused
from harness.process import Bed, run_script, send_script, wait_invocation
from harness.wait import until

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can only be mounted by root")


@pytest.fixture
def small(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    # Without a buffer: what it still held would be written when it is closed, and that has no room either.
    with open(folder / "ballast", "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(65536))
        except OSError:
            pass


@root_only
def test_a_full_hub_refuses_writes_serves_reads_and_recovers(binary, small):
    bed = Bed(binary, "full")
    hub = bed.hub
    hub.data = small / "hub"
    hub.argv[hub.argv.index("--data") + 1] = str(hub.data)
    with bed:
        agent = hub.join("node")
        before = send_script(hub, [agent.node], "echo before")
        wait_invocation(hub, before, agent.node)
        fill(small)

        def refused():
            try:
                send_script(hub, [agent.node], "true")
            except Refused as error:
                return error
            return None

        error = until(refused, 30, "a write being refused")
        assert error.status == 507 and error.code == "InsufficientStorageException", error
        assert "disk" in error.message.lower() or "space" in error.message.lower()
        assert hub.api.ssm("ListCommands", CommandId=before)["Commands"][0]["Status"] == "Success", "reads go on"
        assert hub.alive() and hub.get("/healthz")[0] == 200
        (small / "ballast").unlink()
        until(lambda: refused() is None, 30, "writes being taken again")
        assert run_script(hub, [agent.node], "echo after")[agent.node]["StandardOutputContent"] == "after\n"
        assert hub.api.ssm("GetCommandInvocation", CommandId=before, InstanceId=agent.node)["StandardOutputContent"] == "before\n"


@root_only
def test_a_full_node_refuses_a_run_and_recovers(hub, small):
    from harness.process import Agent

    agent = Agent(hub, hub.folder / "full-node", hub.token())
    agent.data = small / "agent"
    agent.argv[-1] = str(agent.data)
    hub.agents.append(agent)
    agent.spawn()
    agent.wait_online()
    assert run_script(hub, [agent.node], "echo before")[agent.node]["Status"] == "Success"
    fill(small)
    answer = run_script(hub, [agent.node], "head -c 1000000 /dev/zero | tr '\\0' z")[agent.node]
    assert answer["Status"] == "Failed" and any(word in answer["StandardErrorContent"].lower() for word in ("disk", "space", "room")), answer
    assert agent.alive()
    os.truncate(small / "ballast", (small / "ballast").stat().st_size - 500_000)
    shown = hub.cli("run", "--node", agent.node, "--", "head -c 1000000 /dev/zero | tr '\\0' z")
    assert "found no room on the node's disk" in shown.err and "cap" not in shown.err, shown.err
    (small / "ballast").unlink()
    assert run_script(hub, [agent.node], "echo after")[agent.node]["StandardOutputContent"] == "after\n"
