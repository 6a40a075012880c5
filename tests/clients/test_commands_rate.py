"""Rate control through boto3 with real nodes: never more at once than allowed, nothing twice, whoever is killed."""

import random

import pytest

from conftest import boto
from harness.wait import throughout, until

SHELL = "AWS-RunShellScript"
EVERYWHERE = [{"Key": "roadstead:filter", "Values": ["id^mi-"]}]
ENDED = {"Success", "Failed", "TimedOut", "Cancelled"}


def fleet(bed, count):
    own = bed()
    token = own.token(count=count)
    return own, [own.join(f"n{i}", token=token) for i in range(count)]


def counting(folder, seconds):
    """A script that writes down how many of its kind run while it does, and that it ran."""
    return (
        f"touch {folder}/$$.on; ls {folder}/*.on | wc -l >>{folder}/seen; sleep {seconds}; "
        f"ls {folder}/*.on | wc -l >>{folder}/seen; rm {folder}/$$.on; echo run >>{folder}/runs"
    )


def most_at_once(folder):
    return max(int(n) for n in (folder / "seen").read_text().split())


def send(ssm, script, **members):
    members = {"Targets": EVERYWHERE, **members}
    return ssm.send_command(DocumentName=SHELL, Parameters={"commands": [script]}, **members)["Command"]["CommandId"]


def ended(ssm, command, seconds=60):
    def check():
        shown = ssm.list_commands(CommandId=command)["Commands"][0]
        return shown if shown["Status"] in ENDED else None

    return until(check, seconds, f"command {command} ending")


def details(ssm, command):
    pages = ssm.get_paginator("list_command_invocations").paginate(CommandId=command)
    return sorted(one["StatusDetails"] for page in pages for one in page["CommandInvocations"])


def test_no_more_nodes_run_at_once_than_allowed(bed, tmp_path):
    own, _ = fleet(bed, 5)
    ssm = boto(own)
    shown = ended(ssm, send(ssm, counting(tmp_path, 0.2), MaxConcurrency="2"))
    assert (shown["Status"], shown["StatusDetails"], shown["CompletedCount"], shown["TargetCount"]) == ("Success", "Success", 5, 5)
    assert (tmp_path / "runs").read_text() == "run\n" * 5
    assert most_at_once(tmp_path) <= 2
    # A percentage is one of the targets, rounded down, and at least one.
    (tmp_path / "seen").unlink()
    ended(ssm, send(ssm, counting(tmp_path, 0.1), MaxConcurrency="10%"))
    assert most_at_once(tmp_path) == 1


def test_errors_stop_what_is_not_begun(bed, tmp_path):
    own, _ = fleet(bed, 4)
    ssm = boto(own)
    command = send(ssm, f"mkdir {tmp_path}/first || exit 3", MaxConcurrency="1", MaxErrors="1")
    shown = ended(ssm, command)
    assert (shown["Status"], shown["StatusDetails"], shown["ErrorCount"], shown["MaxErrors"]) == ("Failed", "Failed", 2, "1")
    assert details(ssm, command) == ["Failed", "Failed", "Success", "Terminated"]
    stopped = ssm.list_command_invocations(CommandId=command, Filters=[{"key": "Status", "value": "Cancelled"}])["CommandInvocations"]
    assert [one["StatusDetails"] for one in stopped] == ["Terminated"]
    answer = ssm.get_command_invocation(CommandId=command, InstanceId=stopped[0]["InstanceId"])
    assert (answer["Status"], answer["StatusDetails"], answer["ResponseCode"]) == ("Cancelled", "Terminated", -1)
    assert "MaxErrors" in answer["StandardErrorContent"]
    # Run again where it did not succeed: the ones that were stopped too.
    again = own.api.hub("RerunCommand", CommandId=command, Scope="failed")["CommandId"]
    assert ended(ssm, again)["TargetCount"] == 3


def test_the_first_node_stands_for_the_others(bed, tmp_path):
    own, _ = fleet(bed, 3)
    ssm = boto(own)
    shell = {"DocumentName": SHELL, "Targets": EVERYWHERE, "MaxConcurrency": "100%", "MaxErrors": "100%", "Canary": "1"}
    script = f"echo begun >>{tmp_path}/begun; exit 1"
    command = own.api.ssm("SendCommand", **shell, Parameters={"commands": [script]})["Command"]["CommandId"]
    assert ended(ssm, command)["StatusDetails"] == "Failed"
    assert details(ssm, command) == ["Failed", "Terminated", "Terminated"]
    assert (tmp_path / "begun").read_text() == "begun\n"


@pytest.mark.parametrize("members", [
    {"MaxConcurrency": "0"}, {"MaxConcurrency": "0%"}, {"MaxConcurrency": "101%"}, {"MaxConcurrency": "x"}, {"MaxConcurrency": "007"},
    {"MaxErrors": "-1"}, {"MaxErrors": "101%"}, {"MaxErrors": "1.5"}, {"MaxErrors": "+5"},
])
def test_a_rate_that_is_none_is_refused(ssm, node, refuses, members):
    refuses("ValidationException", ssm.send_command, InstanceIds=[node], DocumentName=SHELL, Parameters={"commands": ["true"]}, **members)


def test_upstreams_defaults_are_named(ssm, node):
    command = ssm.send_command(InstanceIds=[node], DocumentName=SHELL, Parameters={"commands": ["true"]})["Command"]
    assert (command["MaxConcurrency"], command["MaxErrors"]) == ("50", "0")
    assert (command["TargetCount"], command["CompletedCount"], command["ErrorCount"], command["DeliveryTimedOutCount"]) == (1, 0, 0, 0)


def test_a_hub_that_is_killed_again_and_again_keeps_the_pace(bed, tmp_path):
    """P1 with rate control: kill -9 of the hub at random moments; nothing runs twice, never more at once, all of it ends."""
    own, agents = fleet(bed, 6)
    ssm = boto(own)
    dice = random.Random(20261126)
    command = send(ssm, counting(tmp_path, 0.3), MaxConcurrency="2", MaxErrors="0")
    for _ in range(6):
        # The moment itself is what is random.
        throughout(own.alive, dice.random() * 0.6, "the hub being alive")
        own.kill()
        own.start()
    for agent in agents:
        agent.wait_online()
    shown = ended(ssm, command, 120)
    assert (shown["Status"], shown["CompletedCount"], shown["TargetCount"]) == ("Success", 6, 6)
    assert (tmp_path / "runs").read_text() == "run\n" * 6, "each node once"
    assert most_at_once(tmp_path) <= 2


def test_the_command_line_sets_the_pace(bed, tmp_path):
    own, _ = fleet(bed, 3)
    done = own.cli("run", "--filter", "id^mi-", "--concurrency", "1", "--", f"mkdir {tmp_path}/first", timeout=60)
    assert done.returncode == 6, done.err
    assert "On 1 at a time; the first failure stops it." in done.err
    assert "1 Success" in done.err and "1 Failed" in done.err and "1 Terminated" in done.err, done.err
    done = own.cli("run", "--filter", "id^mi-", "--canary", "1", "--max-errors", "100%", "--", "true", check=0)
    assert "First on 1, then on 50 at a time; no failure stops it." in done.err
    command = own.cli("run", "--filter", "id^mi-", "--concurrency", "1", "--no-wait", "--", "sleep 600", check=0).out.strip()
    until(lambda: "InProgress" in details(boto(own), command), 20, "the first node running it")
    done = own.cli("command", "cancel", command, check=0)
    assert "2 nodes not begun, and never will be; 1 node told to stop" in done.err, done.err
    assert ended(boto(own), command)["StatusDetails"] == "Canceled"
    done = own.cli("command", "rerun", command, "--no-wait", check=0)
    again = done.out.strip()
    assert boto(own).list_commands(CommandId=again)["Commands"][0]["MaxConcurrency"] == "1", "with the same limits"
    own.cli("command", "cancel", again, check=0)
    own.agents[0].kill()
    until(lambda: own.api.hub("DescribeHub")["NodesOnline"] == 2, 60, "the node being shown offline")
    done = own.cli("run", "--filter", "id^mi-", "--offline", "skip", "--", "true")
    assert "They are left out." in done.err and "2 Success" in done.err and "1 Undeliverable" in done.err, done.err
    wrong = own.cli("run", "--filter", "id^mi-", "--concurrency", "200%", "--", "true")
    assert wrong.returncode != 0 and "maxConcurrency" in wrong.err
