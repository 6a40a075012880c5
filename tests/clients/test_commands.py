"""Run Command through boto3: results, states, errors, filters, paging, time-outs, cancel."""

import datetime
import hashlib
import os
import platform
import re
import signal
import sqlite3

import pytest
from botocore.exceptions import WaiterError

from harness.api import Refused
from harness.process import invocation, run_script, send_script, stored_output, wait_invocation
from harness.wait import until

UNKNOWN_NODE = "mi-00000000000000000"
UNKNOWN_COMMAND = "01234567-89ab-cdef-0123-456789abcdef"
SHELL = "AWS-RunShellScript"


def send(ssm, nodes, *lines, **members):
    parameters = {"commands": list(lines), **members.pop("Parameters", {})}
    return ssm.send_command(DocumentName=SHELL, InstanceIds=nodes, Parameters=parameters, **members)["Command"]


def finished(ssm, command, node):
    ssm.get_waiter("command_executed").wait(CommandId=command, InstanceId=node, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return ssm.get_command_invocation(CommandId=command, InstanceId=node)


def test_a_command_runs_and_its_result_has_upstreams_members(ssm, node):
    command = send(ssm, [node], "echo out", "echo err >&2", Comment="first light")
    assert command["Status"] in ("Pending", "InProgress") and command["DocumentName"] == SHELL and command["TargetCount"] == 1
    assert command["InstanceIds"] == [node] and command["Comment"] == "first light"
    answer = finished(ssm, command["CommandId"], node)
    assert answer["Status"] == "Success" and answer["StatusDetails"] == "Success" and answer["ResponseCode"] == 0
    assert answer["StandardOutputContent"] == "out\n" and answer["StandardErrorContent"] == "err\n"
    assert answer["PluginName"] == "aws:runShellScript" and answer["InstanceId"] == node and answer["Comment"] == "first light"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", answer["ExecutionStartDateTime"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", answer["ExecutionEndDateTime"])
    assert re.fullmatch(r"PT[\d.]+S", answer["ExecutionElapsedTime"])


def test_members_that_were_not_given_are_empty_and_not_absent(ssm_plain, node):
    told = {"NotificationArn": "", "NotificationEvents": []}
    logged = {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False}
    sent = send(ssm_plain, [node], "true")
    answer = finished(ssm_plain, sent["CommandId"], node)
    (listed,) = ssm_plain.list_commands(CommandId=sent["CommandId"])["Commands"]
    (share,) = ssm_plain.list_command_invocations(CommandId=sent["CommandId"], Details=True)["CommandInvocations"]
    for command in (sent, listed):
        assert (command["NotificationConfig"], command["CloudWatchOutputConfig"], command["OutputS3BucketName"]) == (told, logged, "")
        assert (command["AlarmConfiguration"], command["TriggeredAlarms"]) == ({"IgnorePollAlarmFailure": False, "Alarms": []}, [])
        assert command["OutputS3Region"] == ssm_plain.meta.region_name
    assert (share["NotificationConfig"], share["CloudWatchOutputConfig"]) == (told, logged)
    assert share["CommandPlugins"][0]["OutputS3Region"] == ssm_plain.meta.region_name
    assert answer["CloudWatchOutputConfig"] == logged


def test_the_commands_own_times_are_numbers(hub, node):
    sent = hub.api.ssm("SendCommand", DocumentName=SHELL, InstanceIds=[node], Parameters={"commands": ["true"]})["Command"]
    assert isinstance(sent["RequestedDateTime"], (int, float)) and isinstance(sent["ExpiresAfter"], (int, float))
    # the delivery time-out and the execution time-out, an hour each when nothing is said
    assert sent["ExpiresAfter"] - sent["RequestedDateTime"] == pytest.approx(7200, abs=2)


def test_an_exit_code_is_a_failure_and_the_waiter_says_so(ssm, node):
    command = send(ssm, [node], "echo before", "exit 7")["CommandId"]
    with pytest.raises(WaiterError):
        finished(ssm, command, node)
    answer = ssm.get_command_invocation(CommandId=command, InstanceId=node)
    assert (answer["Status"], answer["StatusDetails"], answer["ResponseCode"]) == ("Failed", "Failed", 7)
    assert answer["StandardOutputContent"] == "before\n"
    (listed,) = ssm.list_commands(CommandId=command)["Commands"]
    assert (listed["Status"], listed["StatusDetails"], listed["ErrorCount"], listed["CompletedCount"]) == ("Failed", "Failed", 1, 1)


def test_a_killed_shell_is_a_failure(hub, node):
    answer = run_script(hub, [node], "kill -9 $$")[node]
    assert answer["Status"] == "Failed" and answer["ResponseCode"] in (137, -1, 128 + signal.SIGKILL)


@pytest.mark.parametrize("plugin", ["aws:runShellScript", None])
def test_the_stock_plugin_name_is_answered_to(ssm, node, plugin):
    command = send(ssm, [node], "true")["CommandId"]
    finished(ssm, command, node)
    named = {"PluginName": plugin} if plugin else {}
    assert ssm.get_command_invocation(CommandId=command, InstanceId=node, **named)["PluginName"] == "aws:runShellScript"


def test_invocations_are_listed_with_their_plugins(ssm, nodes):
    command = send(ssm, nodes, "echo shown; echo wrong >&2")["CommandId"]
    for node in nodes:
        finished(ssm, command, node)
    listed = ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
    assert {one["InstanceId"] for one in listed} == set(nodes) and all(not one.get("CommandPlugins") for one in listed)
    listed = ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
    for one in listed:
        (plugin,) = one["CommandPlugins"]
        assert plugin["Name"] == "aws:runShellScript" and plugin["Status"] == "Success" and plugin["ResponseCode"] == 0
        assert "shown" in plugin["Output"] and "wrong" in plugin["Output"]
        assert isinstance(plugin["ResponseStartDateTime"], datetime.datetime)
    assert {one["InstanceName"] for one in listed} == {platform.node()}, "upstream's member is the node's own host name"


def test_a_command_to_many_counts_its_answers(ssm, nodes):
    command = send(ssm, nodes, "true")["CommandId"]
    for node in nodes:
        finished(ssm, command, node)
    (shown,) = ssm.list_commands(CommandId=command)["Commands"]
    assert (shown["TargetCount"], shown["CompletedCount"], shown["ErrorCount"], shown["DeliveryTimedOutCount"]) == (2, 2, 0, 0)
    assert (shown["Status"], shown["StatusDetails"]) == ("Success", "Success")


def test_tags_choose_the_targets(ssm, hub, nodes):
    for node, ship in zip(nodes, ("ketch", "sloop")):
        ssm.add_tags_to_resource(
            ResourceType="ManagedInstance", ResourceId=node, Tags=[{"Key": "ship", "Value": ship}, {"Key": "port", "Value": "home"}]
        )

    def targets(*targets):
        command = ssm.send_command(DocumentName=SHELL, Parameters={"commands": ["true"]}, Targets=list(targets))["Command"]
        listed = until(
            lambda: (c := ssm.list_commands(CommandId=command["CommandId"])["Commands"][0])["Status"] == "Success" and c, 30, "the command ending"
        )
        found = {one["InstanceId"] for one in ssm.list_command_invocations(CommandId=command["CommandId"])["CommandInvocations"]}
        assert listed["TargetCount"] == len(found)
        return found

    assert targets({"Key": "tag:ship", "Values": ["ketch"]}) == {nodes[0]}
    assert targets({"Key": "tag:ship", "Values": ["ketch", "sloop"]}) == set(nodes)
    assert targets({"Key": "tag:port", "Values": ["home"]}, {"Key": "tag:ship", "Values": ["sloop"]}) == {nodes[1]}
    assert targets({"Key": "tag-key", "Values": ["ship"]}) == set(nodes)
    assert targets({"Key": "InstanceIds", "Values": [nodes[1]]}) == {nodes[1]}
    assert targets({"Key": "instanceids", "Values": [nodes[1]]}) == {nodes[1]}
    assert targets({"Key": "roadstead:filter", "Values": ["name=north"]}) == {nodes[0]}


def test_all_targets_must_hold_and_none_means_more_than_it_says(hub, ssm_plain, nodes, refuses):
    for node, crew in zip(nodes, ("red", "blue")):
        ssm_plain.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node, Tags=[{"Key": "crew", "Value": crew}])

    def meant(*targets):
        resolved = hub.api.hub("ResolveTargets", Targets=[{"Key": key, "Values": values} for key, values in targets], WithIds=True)
        assert resolved["Total"] == len(resolved["NodeIds"])
        return set(resolved["NodeIds"])

    red, blue = ("tag:crew", ["red"]), ("instanceIds", [nodes[1]])
    assert meant(red, blue) == set() and meant(blue, red) == set()
    assert meant(("InstanceIds", nodes), blue) == {nodes[1]} and meant(("InstanceIds", [nodes[0]]), blue) == set()
    assert meant(("roadstead:filter", ["name=north or name=south"]), blue) == {nodes[1]}
    # No value is no node: nothing runs, and it is said.
    for wrong in ([{"Key": "tag-key", "Values": []}], [{"Key": "tag-key"}], [{"Key": "tag:crew"}], [{"Key": "InstanceIds", "Values": []}],
                  [{"Key": "tag:!!x", "Values": ["y"]}], [{"Key": "tag:" + "k" * 200, "Values": ["y"]}],
                  [{"Key": "resource-groups:ResourceTypeFilters", "Values": ["AWS::SSM::ManagedInstance"]}]):  # fmt: skip
        refuses("ValidationException", ssm_plain.send_command, DocumentName=SHELL, Parameters={"commands": ["true"]}, Targets=wrong)
    twice = [{"Key": "InstanceIds", "Values": [nodes[0], nodes[0]]}]
    refuses("DuplicateInstanceId", ssm_plain.send_command, DocumentName=SHELL, Parameters={"commands": ["true"]}, Targets=twice)
    with pytest.raises(Refused) as caught:
        hub.api.hub("ResolveTargets", Targets=twice)
    assert caught.value.code == "DuplicateInstanceId"


def test_a_structure_is_no_array_and_an_alarm_has_upstreams_form(hub, node, ssm_plain):
    def refusal(operation="SendCommand", **members):
        if operation == "SendCommand":
            members = {"DocumentName": SHELL, "InstanceIds": [node], "Parameters": {"commands": ["true"]}, **members}
        with pytest.raises(Refused) as caught:
            hub.api.ssm(operation, **members)
        return caught.value.code

    for wrong in ({"AlarmConfiguration": 5}, {"AlarmConfiguration": []}, {"AlarmConfiguration": "x"}, {"NotificationConfig": []},
                  {"InstanceIds": [], "Targets": [["tag-key", ["x"]]]}, {"RunSettings": []}):  # fmt: skip
        assert refusal(**wrong) == "SerializationException", wrong
    assert refusal("ListCommands", Filters=[["Status", "Success"]]) == "SerializationException"
    one = {"Name": "disk full"}
    for alarms in ({"Foo": 1}, {"Alarms": []}, {"Alarms": [one, one]}, {"Alarms": [{"Name": ""}]}, {"Alarms": [{"Name": "x" * 256}]}, {"Alarms": [{}]}):
        assert refusal(AlarmConfiguration=alarms) == "ValidationException", alarms
    kept = send(ssm_plain, [node], "true", AlarmConfiguration={"IgnorePollAlarmFailure": True, "Alarms": [one]})
    (shown,) = ssm_plain.list_commands(CommandId=kept["CommandId"])["Commands"]
    assert shown["AlarmConfiguration"] == {"IgnorePollAlarmFailure": True, "Alarms": [one]}
    assert ssm_plain.list_commands()["Commands"]


def test_a_tag_that_nobody_has_is_success_with_nobody(ssm):
    command = ssm.send_command(
        DocumentName=SHELL, Parameters={"commands": ["true"]}, Targets=[{"Key": "tag:nobody-has-this", "Values": ["x"]}]
    )["Command"]["CommandId"]
    shown = until(lambda: (c := ssm.list_commands(CommandId=command)["Commands"][0])["Status"] == "Success" and c, 20, "the empty command ending")
    assert (shown["StatusDetails"], shown["TargetCount"]) == ("NoInstancesInTag", 0)


def test_send_command_names_what_is_wrong(ssm, node, refuses):
    ok = {"DocumentName": SHELL, "InstanceIds": [node], "Parameters": {"commands": ["true"]}}

    def wrong(code, **change):
        request = {k: v for k, v in {**ok, **change}.items() if v is not None}
        return refuses(code, ssm.send_command, **request)

    assert UNKNOWN_NODE in wrong("InvalidInstanceId", InstanceIds=[node, UNKNOWN_NODE])["Message"]
    wrong("DuplicateInstanceId", InstanceIds=[node, node])
    assert "No-Such-Document" in wrong("InvalidDocument", DocumentName="No-Such-Document")["Message"]
    wrong("InvalidDocumentVersion", DocumentVersion="99")
    wrong("InvalidParameters", Parameters={})
    wrong("InvalidParameters", Parameters={"commands": ["true"], "colour": ["red"]})
    wrong("InvalidParameters", Parameters={"commands": ["true"], "executionTimeout": ["soon"]})
    wrong("ValidationException", InstanceIds=["mi-%017x" % i for i in range(51)])
    wrong("ValidationException", TimeoutSeconds=2592001)
    wrong("ValidationException", MaxErrors="many")
    wrong("ValidationException", MaxConcurrency="0")
    wrong("ValidationException", Comment="x" * 101)
    wrong(("ValidationException", "InvalidInstanceId", "InvalidParameters"), InstanceIds=None)
    wrong(
        ("ValidationException", "InvalidParameters"), InstanceIds=None,
        Targets=[{"Key": f"tag:{i}", "Values": ["x"]} for i in range(6)],
    )
    wrong("MaxDocumentSizeExceeded", Parameters={"commands": ["x" * 70_000]})
    for bucket in ("bad bucket", "x..y", "UPPER", "192.168.1.1"):
        wrong("InvalidOutputFolder", OutputS3BucketName=bucket)
    wrong("InvalidOutputFolder", OutputS3BucketName="logs", OutputS3KeyPrefix="a\0b")
    wrong("InvalidRole", ServiceRoleArn="arn:aws:iam::000000000000:user/me")
    wrong("ValidationException", DocumentHashType="MD5")
    wrong("ValidationException", DocumentHash="x" * 257)
    assert "'documentName'" in wrong("ValidationException", DocumentName="no name")["Message"]


def test_unknown_commands_and_nodes_are_told_apart(ssm, node, refuses):
    known = send(ssm, [node], "true")["CommandId"]
    refuses("InvocationDoesNotExist", ssm.get_command_invocation, CommandId=UNKNOWN_COMMAND, InstanceId=node)
    refuses(("InvocationDoesNotExist", "InvalidInstanceId"), ssm.get_command_invocation, CommandId=known, InstanceId=UNKNOWN_NODE)
    refuses("InvalidCommandId", ssm.get_command_invocation, CommandId="x" * 36, InstanceId=node)
    finished(ssm, known, node)
    refuses("InvalidPluginName", ssm.get_command_invocation, CommandId=known, InstanceId=node, PluginName="aws:none")
    refuses("InvalidCommandId", ssm.list_commands, CommandId="x" * 36)
    refuses("InvalidCommandId", ssm.cancel_command, CommandId=UNKNOWN_COMMAND)
    refuses("InvalidInstanceId", ssm.cancel_command, CommandId=known, InstanceIds=[UNKNOWN_NODE])
    refuses("InvalidFilterKey", ssm.list_commands, Filters=[{"key": "Colour", "value": "red"}])
    refuses("InvalidFilterKey", ssm.list_command_invocations, Filters=[{"key": "ExecutionStage", "value": "Complete"}])


def test_cancelling_what_has_ended_changes_nothing(ssm, node):
    command = send(ssm, [node], "true")["CommandId"]
    finished(ssm, command, node)
    assert "ResponseMetadata" in ssm.cancel_command(CommandId=command)
    assert ssm.get_command_invocation(CommandId=command, InstanceId=node)["Status"] == "Success"


def test_lists_are_filtered_and_paged(ssm, node):
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    sent = [send(ssm, [node], "true", Comment=f"listed {i}")["CommandId"] for i in range(5)]
    for one in sent:
        finished(ssm, one, node)
    pages = list(ssm.get_paginator("list_commands").paginate(InstanceId=node, PaginationConfig={"PageSize": 2, "MaxItems": 6}))
    listed = [one["CommandId"] for page in pages for one in page["Commands"]]
    assert listed[:5] == sent[::-1], "newest first"
    pages = ssm.get_paginator("list_command_invocations").paginate(InstanceId=node, PaginationConfig={"PageSize": 2, "MaxItems": 6})
    assert [one["CommandId"] for page in pages for one in page["CommandInvocations"]][:5] == sent[::-1]

    def keys(**filters):
        return {c["CommandId"] for c in ssm.list_commands(Filters=[{"key": k, "value": v} for k, v in filters.items()], MaxResults=50)["Commands"]}

    stamp = before.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert set(sent) <= keys(InvokedAfter=stamp) and not set(sent) & keys(InvokedBefore=stamp)
    assert set(sent) <= keys(DocumentName=SHELL, InvokedAfter=stamp) and not set(sent) & keys(DocumentName="AWS-Other")
    assert set(sent) <= keys(ExecutionStage="Complete", InvokedAfter=stamp) and not set(sent) & keys(Status="Failed", InvokedAfter=stamp)


def test_cancel_kills_the_whole_process_group(hub, ssm_plain, node, tmp_path):
    mark = tmp_path / "pids"
    command = send(ssm_plain, [node], f"sleep 600 & echo $! >{mark}.tmp; echo $$ >>{mark}.tmp; mv {mark}.tmp {mark}; wait")["CommandId"]
    until(mark.exists, 20, "the script having started")
    pids = [int(line) for line in mark.read_text().split()]
    ssm_plain.cancel_command(CommandId=command, InstanceIds=[node])
    answer = wait_invocation(hub, command, node, 30)
    assert (answer["Status"], answer["StatusDetails"]) == ("Cancelled", "Cancelled")
    until(lambda: not any(runs(pid) for pid in pids), 10, "the process group being gone")
    (shown,) = ssm_plain.list_commands(CommandId=command)["Commands"]
    assert shown["Status"] == "Cancelled"


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_the_execution_timeout_kills_the_process_group(hub, node, tmp_path):
    mark = tmp_path / "pid"
    # The script is on its way to `wait` long before.
    answer = run_script(
        hub, [node], f"echo seen; sleep 600 & echo $! >{mark}; wait", Parameters={"executionTimeout": ["4"]}
    )[node]
    assert (answer["Status"], answer["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    assert answer["StandardOutputContent"] == "seen\n"
    until(lambda: not runs(int(mark.read_text())), 10, "the child being gone")


def test_a_background_child_that_keeps_the_pipe_does_not_hold_the_result(hub, node):
    """The shell ended; a daemon that it left behind with its output open must not keep the command running for ever."""
    answer = run_script(hub, [node], "setsid sleep 600 & echo left")[node]
    assert answer["Status"] == "Success" and answer["StandardOutputContent"].startswith("left")


def test_parameters_reach_the_script_as_written(hub, node, tmp_path):
    nasty = """quote ' double " dollar $HOME back` slash \\ {{ commands }} %s 日本語"""
    answer = run_script(hub, [node], ["cat <<'END'", nasty, "END", "pwd"], Parameters={"workingDirectory": [str(tmp_path)]})[node]
    assert answer["StandardOutputContent"].split("\n")[0] == nasty and answer["StandardOutputContent"].split("\n")[1] == str(tmp_path)


def test_a_missing_working_directory_is_a_clear_failure(hub, node):
    answer = run_script(hub, [node], "true", Parameters={"workingDirectory": ["/no/such/folder"]})[node]
    assert answer["Status"] == "Failed" and "/no/such/folder" in answer["StandardErrorContent"]


def test_the_api_shortens_output_and_the_hub_keeps_it_whole(hub, ssm_plain, node):
    answer = run_script(hub, [node], "seq 1 20000; seq 1 5000 >&2")[node]
    whole = "".join(f"{i}\n" for i in range(1, 20001))
    assert answer["StandardOutputContent"] == whole[:24000] or answer["StandardOutputContent"].startswith(whole[:23000])
    assert len(answer["StandardOutputContent"]) <= 24000 and len(answer["StandardErrorContent"]) <= 8000
    assert stored_output(hub, answer["CommandId"], node) == whole
    assert stored_output(hub, answer["CommandId"], node, "stderr") == "".join(f"{i}\n" for i in range(1, 5001))
    (listed,) = ssm_plain.list_command_invocations(CommandId=answer["CommandId"], Details=True)["CommandInvocations"]
    assert len(listed["CommandPlugins"][0]["Output"]) <= 2500


def test_twenty_megabytes_arrive_unchanged(hub, node):
    answer = run_script(hub, [node], "head -c 15000000 /dev/zero | base64 -w 0", wait=120)[node]
    import base64

    expected = base64.b64encode(bytes(15_000_000)).decode()
    whole = stored_output(hub, answer["CommandId"], node)
    assert hashlib.sha256(whole.encode()).hexdigest() == hashlib.sha256(expected.encode()).hexdigest()


def test_bytes_that_are_no_text_do_no_harm(hub, node):
    answer = run_script(hub, [node], r"printf 'a\377\000\033[31mb'")[node]
    assert answer["Status"] == "Success" and "a" in answer["StandardOutputContent"] and "b" in answer["StandardOutputContent"]


def test_processes_run_as_the_sender_says(hub, node, tmp_path, refuses):
    def run(script, **settings):
        return run_script(hub, [node], script, RunSettings=settings)[node]

    def said(answer):
        return hub.api.hub("SearchInvocations", CommandId=answer["CommandId"])["Invocations"][0]["Message"]

    answer = run('echo "$A"; pwd; nice', Environment={"A": "b c"}, Directory="/usr", Nice=3)
    assert answer["StandardOutputContent"] == "b c\n/usr\n3\n"
    if os.geteuid() == 0:
        answer = run("id -un; id -G; touch /root/owned-by-nobody-else", User="daemon", Directory="/")
        assert answer["StandardOutputContent"] == "daemon\n1\n" and answer["Status"] == "Failed", answer
        answer = run("true", User="nobody-has-this-name")
        assert "nobody-has-this-name" in answer["StandardErrorContent"]
    # Either a cgroup or limits of each process hold it, and the result says which.
    answer = run("ulimit -v", MemoryMiB=64)
    assert answer["StandardErrorContent"] == "", "the script wrote nothing there"
    held = (answer["StandardOutputContent"].strip(), said(answer))
    assert held == ("unlimited", "its ceilings were held by a cgroup") or (held[0] == "65536" and "rlimit" in held[1]), held
    for wrong in ({"Nice": 20}, {"Environment": {"LD_PRELOAD": "x"}}, {"User": "a:b"}, {"Directory": "here"}, {"MemoryMiB": 1},
                  {"MemoryMib": 64}, {"Environment": {"A": "{{ssm-secure:/any}}"}}, {"Directory": "/srv/{{ ssm-secure:/any }}"}):  # fmt: skip
        with pytest.raises(Refused) as caught:
            run("true", **wrong)
        assert caught.value.code == "ValidationException", wrong


def test_equal_outputs_are_folded(hub, nodes):
    command = send_script(hub, nodes, "echo the same everywhere")
    for node in nodes:
        wait_invocation(hub, command, node)
    (group,) = hub.api.hub("GroupOutputs", CommandId=command)["Groups"]
    assert group["Count"] == 2 and set(group["NodeIds"]) == set(nodes) and group["Stdout"] == "the same everywhere\n"


def test_failed_nodes_are_run_again_alone(hub, nodes, tmp_path):
    first = send_script(hub, nodes, f"mkdir {tmp_path}/once")
    states = {node: wait_invocation(hub, first, node)["Status"] for node in nodes}
    assert sorted(states.values()) == ["Failed", "Success"]
    again = hub.api.hub("RerunCommand", CommandId=first, Scope="failed")["CommandId"]
    until(lambda: hub.api.ssm("ListCommands", CommandId=again)["Commands"][0]["Status"] == "Failed", 20, "the repeat ending")
    (only,) = hub.api.ssm("ListCommandInvocations", CommandId=again)["CommandInvocations"]
    assert states[only["InstanceId"]] == "Failed"


def test_output_can_be_watched_while_it_runs(hub, node, tmp_path):
    gate = tmp_path / "gate"
    command = send_script(hub, [node], f"echo early; while [ -d {gate.parent} ] && [ ! -e {gate} ]; do sleep 0.05; done; echo late")

    def early():
        page = hub.api.hub("GetOutput", CommandId=command, NodeId=node, Stream="stdout", Offset=0)
        return page["Text"] == "early\n" and page["Complete"] is False and page["Source"] == "live"

    until(early, 20, "the first line being seen while the script runs")
    # The node's word that it has begun waits a few milliseconds for company; its output does not.
    until(lambda: invocation(hub, command, node)["Status"] == "InProgress", 20, "the command being known to run")
    assert invocation(hub, command, node)["StandardOutputContent"] == "", "the API shows output once it has ended"
    gate.touch()
    assert wait_invocation(hub, command, node)["StandardOutputContent"] == "early\nlate\n"


def test_output_that_still_lies_on_an_offline_node_is_not_complete(bed):
    hub = bed()
    agent = hub.join("gone")
    command = send_script(hub, [agent.node], "seq 1 20000")
    assert wait_invocation(hub, command, agent.node)["Status"] == "Success"
    until(lambda: len(stored_output(hub, command, agent.node)) == 108_894, 30, "the whole output being stored")
    assert agent.stop() == 0 and hub.stop() == 0
    with sqlite3.connect(hub.data / "hub.db") as database:
        # As a hub leaves it that was stopped before it had fetched the rest.
        database.execute("UPDATE step_output SET wanted = 1, head = ? WHERE stream = 'stdout'", (b"1\n2\n3\n",))
    hub.start()
    page = hub.api.hub("GetOutput", CommandId=command, NodeId=agent.node, Stream="stdout", Offset=2)
    assert (page["Text"], page["NextOffset"], page["Complete"]) == ("2\n3\n", 6, False)
    page = hub.api.hub("GetOutput", CommandId=command, NodeId=agent.node, Stream="stdout", Offset=6)
    assert (page["Text"], page["NextOffset"], page["Complete"]) == ("", 6, False)


def test_a_pending_invocation_has_upstreams_shape(hub):
    agent = hub.join("asleep")
    agent.leave()
    command = send_script(hub, [agent.node], "echo awake")
    answer = invocation(hub, command, agent.node)
    assert answer["Status"] in ("Pending", "Delayed") and answer["ResponseCode"] == -1
    assert answer["ExecutionStartDateTime"] == "" and answer["StandardOutputContent"] == ""
    preview = hub.api.hub("ResolveTargets", InstanceIds=[agent.node], TimeoutSeconds=600)
    assert (preview["Total"], preview["Online"], preview["Offline"]) == (1, 0, 1)
    assert preview["OfflineNodes"][0]["NodeId"] == agent.node and preview["OfflineNodes"][0]["OfflineReason"] == "CleanStop"
    agent.restart()
    assert wait_invocation(hub, command, agent.node)["StandardOutputContent"] == "awake\n"


def test_a_command_for_an_offline_node_can_be_cancelled(hub, tmp_path):
    agent = hub.join("away")
    agent.leave()
    command = send_script(hub, [agent.node], f"touch {tmp_path}/never")
    hub.api.ssm("CancelCommand", CommandId=command)
    assert wait_invocation(hub, command, agent.node, 20)["Status"] == "Cancelled"
    agent.restart()
    assert invocation(hub, command, agent.node)["Status"] == "Cancelled"
    run_script(hub, [agent.node], "true")
    assert not (tmp_path / "never").exists()


def test_upstreams_operations_answer_with_upstreams_members(hub, node, ssm):
    """What is ours would be unknown to a client that checks its answers against the model."""

    def known(operation, answer):
        shape = ssm.meta.service_model.operation_model(operation).output_shape
        return set(answer) <= set(shape.members), shape

    sent = hub.api.ssm("SendCommand", DocumentName="AWS-RunShellScript", InstanceIds=[node], Parameters={"commands": ["true"]})
    listed = hub.api.ssm("ListCommands", CommandId=sent["Command"]["CommandId"])
    for operation, answer, inner in (("SendCommand", sent, sent["Command"]), ("ListCommands", listed, listed["Commands"][0])):
        is_known, shape = known(operation, answer)
        member = shape.members["Command"] if operation == "SendCommand" else shape.members["Commands"].member
        assert is_known and set(inner) <= set(member.members), set(inner) - set(member.members)
    assert hub.api.ssm("CancelCommand", CommandId=sent["Command"]["CommandId"]) == {}
