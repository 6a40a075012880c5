"""Unmodified aws-cli over TLS, for every operation of this issue at least once."""

import json

import pytest

from harness.wait import until


def out(done):
    return json.loads(done.stdout) if done.stdout.strip() else {}


def test_a_command_from_the_shell(aws, node):
    sent = out(
        aws("ssm", "send-command", "--document-name", "AWS-RunShellScript", "--instance-ids", node, "--parameters", '{"commands":["echo from aws-cli"]}')
    )["Command"]["CommandId"]
    aws("ssm", "wait", "command-executed", "--command-id", sent, "--instance-id", node)
    answer = out(aws("ssm", "get-command-invocation", "--command-id", sent, "--instance-id", node, "--plugin-name", "aws:runShellScript"))
    assert answer["StandardOutputContent"] == "from aws-cli\n"
    listed = out(aws("ssm", "list-commands", "--command-id", sent))["Commands"]
    assert [one["CommandId"] for one in listed] == [sent]
    listed = out(aws("ssm", "list-command-invocations", "--command-id", sent, "--details"))["CommandInvocations"]
    assert listed[0]["CommandPlugins"][0]["Name"] == "aws:runShellScript"
    aws("ssm", "cancel-command", "--command-id", sent)


def test_nodes_tags_and_activations_from_the_shell(aws, node):
    aws("ssm", "add-tags-to-resource", "--resource-type", "ManagedInstance", "--resource-id", node, "--tags", "Key=by,Value=aws-cli")
    listed = out(aws("ssm", "describe-instance-information", "--filters", "Key=tag:by,Values=aws-cli"))["InstanceInformationList"]
    assert [one["InstanceId"] for one in listed] == [node]
    tags = out(aws("ssm", "list-tags-for-resource", "--resource-type", "ManagedInstance", "--resource-id", node))["TagList"]
    assert {"Key": "by", "Value": "aws-cli"} in tags
    aws("ssm", "remove-tags-from-resource", "--resource-type", "ManagedInstance", "--resource-id", node, "--tag-keys", "by")
    properties = out(aws("ssm", "describe-instance-properties", "--instance-property-filter-list", f"key=InstanceIds,valueSet={node}"))
    assert properties["InstanceProperties"][0]["InstanceId"] == node
    made = out(aws("ssm", "create-activation", "--iam-role", "any", "--description", "by aws-cli"))
    shown = out(aws("ssm", "describe-activations", "--filters", f"FilterKey=ActivationIds,FilterValues={made['ActivationId']}"))
    assert shown["ActivationList"][0]["Description"] == "by aws-cli"
    aws("ssm", "delete-activation", "--activation-id", made["ActivationId"])
    assert out(aws("ssm", "get-connection-status", "--target", node))["Status"] == "connected"


def test_sessions_from_the_shell(aws, hub, node):
    # aws-cli starts a session through its plugin; without one it ends the session again and says so.
    done = aws("ssm", "start-session", "--target", node, check=None)
    assert done.returncode != 0 and "plugin" in done.stderr.lower(), done.stderr
    until(
        lambda: not [s for s in hub.api.ssm("DescribeSessions", State="Active")["Sessions"] if s["Target"] == node and s["Status"] == "Connecting"],
        20, "aws-cli having ended the session that it could not open",
    )
    started = hub.api.ssm("StartSession", Target=node)["SessionId"]
    active = out(aws("ssm", "describe-sessions", "--state", "Active", "--filters", f"key=SessionId,value={started}"))["Sessions"]
    assert [one["SessionId"] for one in active] == [started]
    assert out(aws("ssm", "resume-session", "--session-id", started))["TokenValue"]
    assert out(aws("ssm", "terminate-session", "--session-id", started))["SessionId"] == started


def test_a_node_is_deregistered_from_the_shell(aws, hub):
    agent = hub.join("dismissed")
    aws("ssm", "deregister-managed-instance", "--instance-id", agent.node)
    until(lambda: not agent.alive(), 60, "the agent ending")


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("get-command-invocation", "--command-id", "01234567-89ab-cdef-0123-456789abcdef", "--instance-id", "mi-00000000000000000"), "InvocationDoesNotExist"),
        (("send-command", "--document-name", "None-Such", "--instance-ids", "mi-00000000000000000"), "InvalidDocument"),
        (("describe-patch-baselines",), "UnknownOperationException"),
    ],
)
def test_refusals_reach_the_user_by_name(aws, arguments, code):
    done = aws("ssm", *arguments, check=None)
    assert done.returncode in (254, 255) and f"({code})" in done.stderr, done.stderr


def test_a_wrong_secret_reaches_the_user_by_name(aws):
    assert "InvalidSignatureException" in aws("ssm", "list-commands", secret="wrong", check=None).stderr
    assert "UnrecognizedClientException" in aws("ssm", "list-commands", key="AKIANOBODY0000000000", check=None).stderr


def test_a_certificate_of_somebody_else_is_refused(aws, hub, tmp_path):
    done = aws("ssm", "list-commands", "--ca-bundle", "/etc/ssl/certs/ca-certificates.crt", check=None)
    assert done.returncode != 0 and "CERTIFICATE_VERIFY_FAILED" in done.stderr, done.stderr
