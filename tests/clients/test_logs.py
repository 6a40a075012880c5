"""Output of commands as logs, through an unmodified boto3 `logs` client, aws-cli and our own command line."""

import json

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
    assert sent["CloudWatchOutputConfig"] == config
    answer = wait_invocation(hub, sent["CommandId"], node)
    assert answer["CloudWatchOutputConfig"] == config
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
