"""Output of commands as logs, through an unmodified boto3 `logs` client, aws-cli and our own command line."""

import json
import subprocess

import pytest

from conftest import boto
from harness.process import wait_invocation
from harness.wait import until

GROUP = "/aws/ssm/AWS-RunShellScript"


@pytest.fixture(scope="module")
def logs(hub):
    return boto(hub, service="logs")


def run(hub, ssm, node, *lines, name=None):
    config = {"CloudWatchOutputEnabled": True, **({"CloudWatchLogGroupName": name} if name else {})}
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript", InstanceIds=[node], Parameters={"commands": list(lines)}, CloudWatchOutputConfig=config
    )["Command"]
    shown = {"CloudWatchLogGroupName": "", **config}
    assert sent["CloudWatchOutputConfig"] == shown
    answer = wait_invocation(hub, sent["CommandId"], node)
    assert answer["CloudWatchOutputConfig"] == shown
    return sent["CommandId"]


def test_a_commands_output_is_read_as_a_log(hub, ssm_plain, node, logs):
    command = run(hub, ssm_plain, node, "echo one; echo two; echo wrong >&2")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert group["logGroupName"] == GROUP and group["arn"].endswith(f":log-group:{GROUP}:*") and group["creationTime"] > 0
    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=command)["logStreams"]
    stdout, stderr = (f"{command}/{node}/aws-runShellScript/{name}" for name in ("stdout", "stderr"))
    assert [s["logStreamName"] for s in streams] == [stderr, stdout]
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=stdout, startFromHead=True)
    assert [e["message"] for e in events["events"]] == ["one", "two"]
    assert [e["message"] for e in logs.get_log_events(logGroupName=GROUP, logStreamName=stderr)["events"]] == ["wrong"]
    found = logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix=command, filterPattern="?two ?wrong")["events"]
    assert sorted(e["message"] for e in found) == ["two", "wrong"]


def test_paginators_walk_groups_streams_and_lines(hub, ssm_plain, node, logs):
    name = "paged/of-a-test"
    commands = [run(hub, ssm_plain, node, "seq 1 25", name=name) for _ in range(2)]
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=name, PaginationConfig={"PageSize": 1})
    assert {s["logStreamName"].split("/")[0] for page in pages for s in page["logStreams"]} == set(commands)
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name, PaginationConfig={"PageSize": 7})
    assert [e["message"] for page in pages for e in page["events"]] == [str(n) for n in range(1, 26)] * 2
    assert name in [g["logGroupName"] for page in logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 1}) for g in page["logGroups"]]
    stream = f"{commands[0]}/{node}/aws-runShellScript/stdout"
    seen, token = [], {}
    while True:
        page = logs.get_log_events(logGroupName=name, logStreamName=stream, startFromHead=True, limit=10, **token)
        seen += [e["message"] for e in page["events"]]
        if token.get("nextToken") == page["nextForwardToken"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert seen == [str(n) for n in range(1, 26)]


def test_a_large_output_is_one_view_of_what_is_stored(hub, ssm_plain, node, logs):
    command = run(hub, ssm_plain, node, "seq 1 200000", name="large")
    stream = f"{command}/{node}/aws-runShellScript/stdout"
    last = lambda: [e["message"] for e in logs.get_log_events(logGroupName="large", logStreamName=stream, limit=2)["events"]]
    until(lambda: last() == ["199999", "200000"], 30, "the whole output")
    (found,) = [e for page in logs.get_paginator("filter_log_events").paginate(logGroupName="large", filterPattern="199999") for e in page["events"]]
    assert found["message"] == "199999"


def test_a_group_is_listed_to_who_may_read_it_and_to_nobody_else(hub, ssm_plain, nodes, logs, refuses):
    ssm_plain.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], Tags=[{"Key": "log-part", "Value": "mine"}])
    hub.cli("user", "create", "log-reader", "--role", "operator", "--scope-tag", "log-part=mine", check=0)
    key = json.loads(hub.cli("access-key", "create", "--user", "log-reader", "-o", "json", check=0).out)
    theirs = boto(hub, key=key["access_key_id"], secret=key["secret_access_key"], service="logs")
    run(hub, ssm_plain, nodes[0], "echo 12345", name="of-both")
    run(hub, ssm_plain, nodes[1], "echo 1234567890", name="of-both")
    run(hub, ssm_plain, nodes[1], "echo other", name="of-one")
    group = lambda client, name: [(g["logGroupName"], g["storedBytes"]) for g in client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]]
    assert group(logs, "of-") == [("of-both", 17), ("of-one", 6)]
    assert group(theirs, "of-") == [("of-both", 6)]
    assert len(theirs.describe_log_streams(logGroupName="of-both")["logStreams"]) == 1
    refuses("ResourceNotFoundException", theirs.describe_log_streams, logGroupName="of-one")
    # A command that reached no node has a group's name, and nothing in it.
    empty = ssm_plain.send_command(
        DocumentName="AWS-RunShellScript", Targets=[{"Key": "tag:log-part", "Values": ["nobody"]}], Parameters={"commands": ["true"]},
        CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "of-none"},
    )
    assert empty["Command"]["TargetCount"] == 0 and group(logs, "of-none") == []
    hub.cli("user", "delete", "log-reader", "--yes", check=0)
    ssm_plain.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], TagKeys=["log-part"])


class Steps:
    """A command that writes a line for each file that is made, and ends with the last one."""

    def __init__(self, hub, node, folder, group, count):
        self.folder, self.count, self.done = folder, count, 0
        folder.mkdir()
        script = f"for n in $(seq 1 {count}); do while [ -d {folder} ] && [ ! -e {folder}/$n ]; do sleep 0.02; done; echo line $n; printf part; printf 'ed %s\\n' $n >&2; done"
        sent = hub.api.ssm(
            "SendCommand", DocumentName="AWS-RunShellScript", InstanceIds=[node], Parameters={"commands": [script]},
            CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": group},
        )
        self.command = sent["Command"]["CommandId"]
        self.stream = f"{self.command}/{node}/aws-runShellScript/stdout"

    def step(self):
        self.done += 1
        (self.folder / str(self.done)).touch()

    def written(self):
        """What of stdout is whole lines now."""
        return ["line 1", *(f"partline {n}" for n in range(2, self.done + 1))] if self.done else []


class Tail:
    """Follows a group as aws-cli does: from the time of the newest line on, without those of that time that were seen."""

    def __init__(self, logs, group):
        self.logs, self.group, self.start, self.seen, self.lines = logs, group, 0, set(), []

    def look(self):
        request = {"logGroupName": self.group, "startTime": self.start}
        while True:
            page = self.logs.filter_log_events(**request)
            for event in page["events"]:
                key = (event["timestamp"], event["eventId"])
                if key not in self.seen:
                    self.seen.add(key)
                    self.lines.append((event["logStreamName"].split("/")[-1], event["message"]))
            if not page.get("nextToken"):
                break
            request["nextToken"] = page["nextToken"]
        self.start = max((at for at, _ in self.seen), default=0)
        self.seen = {(at, one) for at, one in self.seen if at == self.start}

    def of(self, stream):
        return [line for name, line in self.lines if name == stream]

    def until(self, lines):
        def there():
            self.look()
            return self.of("stdout") == lines

        until(there, 30, f"the lines {lines}, there are {self.lines}")


def test_lines_are_followed_while_the_command_runs_and_none_comes_twice(hub, node, logs, tmp_path):
    steps = Steps(hub, node, tmp_path / "steps", "live/followed", 4)
    stream = {"logGroupName": "live/followed", "logStreamName": steps.stream, "startFromHead": True}
    until(lambda: logs.describe_log_groups(logGroupNamePrefix="live/followed")["logGroups"], 10, "the group")
    tail, seen, token = Tail(logs, "live/followed"), [], {}
    for _ in range(3):
        steps.step()
        tail.until(steps.written())
        page = logs.get_log_events(**stream, **token)
        seen += page["events"]
        token = {"nextToken": page["nextForwardToken"]}
        assert [e["message"] for e in seen] == steps.written()
        (shown,) = [s for s in logs.describe_log_streams(logGroupName="live/followed", orderBy="LastEventTime")["logStreams"] if s["logStreamName"] == steps.stream]
        assert shown["lastEventTimestamp"] >= seen[-1]["timestamp"] and shown["firstEventTimestamp"] == seen[0]["timestamp"]
        backwards = logs.get_log_events(logGroupName="live/followed", logStreamName=steps.stream, limit=1)["events"]
        assert [e["message"] for e in backwards] == steps.written()[-1:]
    steps.step()
    assert wait_invocation(hub, steps.command, node)["Status"] == "Success"
    tail.until([*steps.written(), "part"])
    assert tail.of("stderr") == [f"ed {n}" for n in range(1, 5)]
    assert seen[0]["timestamp"] < seen[1]["timestamp"] < seen[2]["timestamp"]
    whole = logs.get_log_events(**stream)["events"]
    assert whole[:3] == seen, "a line keeps its time when the command has ended"
    assert [e["message"] for e in whole] == [*steps.written(), "part"]
    between = logs.filter_log_events(logGroupName="live/followed", startTime=seen[1]["timestamp"], endTime=seen[1]["timestamp"])["events"]
    assert [e["message"] for e in between if e["logStreamName"] == steps.stream] == ["partline 2"]


def test_a_hub_that_is_killed_goes_on_with_the_lines_of_what_runs(bed, tmp_path):
    hub = bed()
    agent = hub.join("steady")
    steps = Steps(hub, agent.node, tmp_path / "steps", "live/killed", 5)
    logs = boto(hub, service="logs")
    tail = Tail(logs, "live/killed")
    for turn in range(4):
        steps.step()
        if turn % 2:
            tail.until(steps.written())
        hub.kill()
        hub.start()
    agent.wait_online()
    tail.until(steps.written())
    steps.step()
    assert wait_invocation(hub, steps.command, agent.node)["Status"] == "Success"
    tail.until([*steps.written(), "part"])
    assert tail.of("stderr") == [f"ed {n}" for n in range(1, 6)]
    events = logs.get_log_events(logGroupName="live/killed", logStreamName=steps.stream, startFromHead=True)["events"]
    assert [e["message"] for e in events] == [*steps.written(), "part"]


def test_our_command_line_follows_what_runs(hub, node, tmp_path):
    steps = Steps(hub, node, tmp_path / "steps", "live/tailed", 2)
    out = tmp_path / "out"
    until(lambda: hub.cli("logs", "group", "live/tailed", check=0).out, 10, "the group")
    with open(out, "wb") as file:
        tail = subprocess.Popen([hub.binary, "logs", "tail", "live/tailed", "--follow"], env=hub.client_env(), stdout=file)
    try:
        for expected in ("| line 1\n", "| partline 2\n"):
            steps.step()
            until(lambda: expected in out.read_text(), 30, expected)
        assert wait_invocation(hub, steps.command, node)["Status"] == "Success"
        until(lambda: "| part\n" in out.read_text(), 30, "the last line")
        lines = [line.split(" | ")[1] for line in out.read_text().splitlines() if "/stdout | " in line]
        assert lines == ["line 1", "partline 2", "part"]
    finally:
        tail.kill()
        tail.wait()


def test_what_is_wrong_is_said_in_the_services_words(logs, refuses):
    refuses("ResourceNotFoundException", logs.describe_log_streams, logGroupName="nobody")
    refuses("ResourceNotFoundException", logs.get_log_events, logGroupName=GROUP, logStreamName="nobody")
    refuses("ResourceNotFoundException", logs.filter_log_events, logGroupName="nobody")
    refuses("InvalidParameterException", logs.describe_log_streams)
    refuses("InvalidParameterException", logs.describe_log_groups, nextToken="made-up")
    refuses("UnknownOperationException", logs.create_log_group, logGroupName="own")


def test_our_command_line_lists_and_tails(hub, ssm_plain, node):
    command = run(hub, ssm_plain, node, "echo 'a line to tail'; printf '\\033[31mred\\n'", name="cli/logs")
    assert "cli/logs" in hub.cli("logs", "group", "cli", check=0).out
    rows = json.loads(hub.cli("logs", "stream", "cli/logs", "-o", "json", check=0).out)
    assert rows[0]["log_stream_name"] == f"{command}/{node}/aws-runShellScript/stdout"
    tailed = hub.cli("logs", "tail", "cli/logs", check=0).out
    assert f"{node}/aws-runShellScript/stdout | a line to tail\n" in tailed and "\033[31m" not in tailed
    assert hub.cli("logs", "tail", "cli/logs", "--pattern", "nowhere", check=0).out == ""
    assert hub.cli("logs", "tail", "none").returncode == 3


def test_our_command_line_sends_with_a_log_group(hub, node):
    hub.cli("run", "--node", node, "--log-group=cli/sent", "--", "echo named", check=0)
    hub.cli("run", "--node", node, "--log-group", "--", "echo by document", check=0)
    assert "| named\n" in hub.cli("logs", "tail", "cli/sent", check=0).out
    assert "| by document\n" in hub.cli("logs", "tail", "/aws/ssm/AWS-RunShellScript", check=0).out


def test_a_command_says_its_group_also_when_none_was_named(hub, ssm_plain, node):
    def group(command):
        return hub.api.hub("DescribeCommand", CommandId=command)["Command"].get("LogGroup")

    assert group(run(hub, ssm_plain, node, "true")) == GROUP
    assert group(run(hub, ssm_plain, node, "true", name="mine/own")) == "mine/own"
    plain = ssm_plain.send_command(DocumentName="AWS-RunShellScript", InstanceIds=[node], Parameters={"commands": ["true"]})
    assert group(plain["Command"]["CommandId"]) is None
