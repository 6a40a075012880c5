"""Users, roles, scopes and policies as boto3 and our own command line meet them."""

import json

import pytest

from conftest import boto

OK, FAILED, USAGE, NOT_FOUND, DENIED = 0, 1, 2, 3, 4


def rows(hub, *args):
    return json.loads(hub.cli(*args, "-o", "json", check=OK).out)


@pytest.fixture
def make_user(hub):
    """Makes users through the command line's contract, and removes them."""
    made = []

    def make(name, *args):
        shown = rows(hub, "user", "create", name, *args)
        made.append(name)
        key = rows(hub, "access-key", "create", "--user", name)
        return shown, boto(hub, key=key["access_key_id"], secret=key["secret_access_key"])

    yield make
    for name in made:
        hub.cli("user", "delete", name, "--yes")


def test_a_user_is_made_by_a_script_and_has_its_role(hub, node, make_user, refuses):
    shown, client = make_user("reader", "--role", "viewer")
    assert shown["user_name"] == "reader" and shown["roles"] == ["viewer"] and shown["has_password"] is False
    assert client.describe_instance_information()["InstanceInformationList"]
    refuses("AccessDeniedException", client.send_command, InstanceIds=[node], DocumentName="AWS-RunShellScript",
            Parameters={"commands": ["true"]})


def test_a_scope_hides_the_rest_of_the_fleet(hub, nodes, make_user, ssm, refuses):
    ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], Tags=[{"Key": "part", "Value": "mine"}])
    try:
        _, client = make_user("narrow", "--role", "operator", "--scope-tag", "part=mine")
        seen = [node["InstanceId"] for node in client.describe_instance_information()["InstanceInformationList"]]
        assert seen == [nodes[0]]
        command = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
        refuses("AccessDeniedException", client.send_command, InstanceIds=[nodes[1]], **command)
        refuses("AccessDeniedException", client.send_command, InstanceIds=nodes, **command)
        refuses("AccessDeniedException", client.send_command, InstanceIds=["mi-00000000000000000"], **command)
        everywhere = {"Key": "roadstead:filter", "Values": ["status=online"]}
        sent = client.send_command(Targets=[everywhere], **command)["Command"]
        assert sent["TargetCount"] == 1
        foreign = ssm.send_command(InstanceIds=nodes, **command)["Command"]["CommandId"]
        listed = [c["CommandId"] for c in client.list_commands()["Commands"]]
        assert sent["CommandId"] in listed and foreign not in listed
        shares = client.list_command_invocations(CommandId=foreign)["CommandInvocations"]
        assert [share["InstanceId"] for share in shares] == [nodes[0]]
        refuses("AccessDeniedException", client.add_tags_to_resource, ResourceType="ManagedInstance", ResourceId=nodes[0],
                Tags=[{"Key": "part", "Value": "other"}])
        refuses("AccessDeniedException", client.start_session, Target=nodes[1])
    finally:
        ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], TagKeys=["part"])


def test_an_iam_policy_is_pasted_in_and_counts(hub, node, make_user, tmp_path, refuses):
    iam = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["ssm:Describe*", "ssm:List*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "ssm:ListCommands", "Resource": "*"}]}
    file = tmp_path / "iam.json"
    file.write_text(json.dumps(iam))
    try:
        hub.cli("policy", "import", "pasted", str(file), check=OK)
        _, client = make_user("imported")
        hub.cli("policy", "attach", "pasted", "--user", "imported", check=OK)
        assert client.describe_instance_information()["InstanceInformationList"]
        refuses("AccessDeniedException", client.list_commands)
        why = rows(hub, "why", "ssm:ListCommands", "command/x", "--user", "imported")
        assert why["allowed"] is False and "pasted" in why["reason"]
        may = [row["user_name"] for row in rows(hub, "who-can", "ssm:DescribeInstanceInformation", node)]
        assert "imported" in may
    finally:
        hub.cli("policy", "detach", "pasted", "--user", "imported")
        hub.cli("policy", "delete", "pasted", "--yes")


TAG_IS_MINE = {"Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*", "Condition": {"StringLike": {"ssm:resourceTag/part": ["mine"]}}}
ALL_SHELLS = {"Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*"}
NOT_OTHERS = {"Effect": "Deny", "Action": "ssm:StartSession", "Resource": "*", "Condition": {"StringNotLike": {"aws:ResourceTag/part": ["mi*"]}}}


@pytest.mark.parametrize("statements", [[TAG_IS_MINE], [ALL_SHELLS, NOT_OTHERS]], ids=["allowed-by-tag", "denied-by-tag"])
def test_a_pasted_policy_about_the_tags_of_nodes_opens_shells_on_those(hub, nodes, make_user, ssm_plain, tmp_path, refuses, statements):
    file = tmp_path / "iam.json"
    file.write_text(json.dumps({"Statement": statements}))
    ssm_plain.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], Tags=[{"Key": "part", "Value": "mine"}])
    try:
        pasted = hub.cli("policy", "import", "shells", str(file), check=OK)
        assert "note: Statement" in pasted.err
        _, client = make_user("sheller")
        hub.cli("policy", "attach", "shells", "--user", "sheller", check=OK)
        session = client.start_session(Target=nodes[0])["SessionId"]
        ssm_plain.terminate_session(SessionId=session)
        refuses("AccessDeniedException", client.start_session, Target=nodes[1])
        may = [[row["user_name"] for row in rows(hub, "who-can", "ssm:StartSession", node)] for node in nodes[:2]]
        assert "sheller" in may[0] and "sheller" not in may[1]
    finally:
        ssm_plain.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], TagKeys=["part"])
        hub.cli("policy", "detach", "shells", "--user", "sheller")
        hub.cli("policy", "delete", "shells", "--yes")


def test_a_refusal_that_repeats_is_explained_by_each_of_its_ids(hub, make_user):
    _, client = make_user("stubborn", "--role", "viewer")
    ids = []
    for _ in range(3):
        with pytest.raises(client.exceptions.ClientError) as refused:
            client.get_parameter(Name="/why/a")
        ids.append(refused.value.response["ResponseMetadata"]["RequestId"])
    for request in ids:
        said = rows(hub, "why", "--user", "stubborn", "--request", request)
        assert said["resource"] == "parameter//why/a" and said["recorded_reason"] == "no policy allows it"


def test_an_untranslatable_policy_is_named_and_not_stored(hub, tmp_path):
    iam = {"Statement": {"Effect": "Allow", "Action": "ssm:*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}}
    file = tmp_path / "iam.json"
    file.write_text(json.dumps(iam))
    done = hub.cli("policy", "import", "half", str(file), check=FAILED)
    assert "Statement[0].Condition.IpAddress.aws:SourceIp" in done.err
    assert hub.cli("policy", "show", "half").returncode == NOT_FOUND


@pytest.mark.parametrize(("actions", "kind", "meant"), [
    (["ssm:SendCommand", "ssm:StartSesion"], "node", "Statements[0].Actions[1]: there is no action `ssm:StartSesion`; did you mean `ssm:StartSession`?"),
    (["foo:Bar"], "node", "Statements[0].Actions[0]: there is no action `foo:Bar`"),
    (["ssm:SendCommand"], "nodez", "Statements[0].Resources[0].Kind: there is no kind `nodez`; did you mean `node`?"),
])
def test_a_policy_of_words_that_there_are_not_is_refused(hub, tmp_path, actions, kind, meant):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"Statements": [{"Effect": "Deny", "Actions": actions, "Resources": [{"Kind": kind}]}]}))
    done = hub.cli("policy", "put", "slip", str(file), check=USAGE)
    assert meant in done.err
    assert hub.cli("policy", "show", "slip").returncode == NOT_FOUND


def test_an_import_tells_what_nobody_has_from_what_only_upstream_has(hub, tmp_path):
    file = tmp_path / "iam.json"
    iam = {"Statement": {"Effect": "Deny", "Action": ["ssm:Nope", "ssm:CreateAssociation", "ec2:DescribeInstances"], "Resource": "*"}}
    file.write_text(json.dumps(iam))
    done = hub.cli("policy", "import", "slip", str(file), "--dry-run", check=FAILED)
    assert "unsupported: Statement[0].Action: there is no action `ssm:Nope`" in done.err
    assert "note: Statement[0].Action: this hub has no `ssm:CreateAssociation`: kept" in done.err
    assert "note: Statement[0].Action: `ec2:DescribeInstances` are of other services" in done.err
    iam["Statement"]["Action"].remove("ssm:Nope")
    file.write_text(json.dumps(iam))
    done = hub.cli("policy", "import", "slip", str(file), "--dry-run", check=OK)
    assert json.loads(done.out)["Statements"][0]["Actions"] == ["ssm:CreateAssociation"]


@pytest.mark.parametrize("question", [("ssm:SendComand", "command/x"), ("ssm:SendCommand", "comand/x")])
@pytest.mark.parametrize("verb", ["who-can", "why"])
def test_a_question_about_what_there_is_not_is_a_mistake_and_says_what_was_meant(hub, verb, question):
    done = hub.cli(verb, *question, check=USAGE)
    assert "did you mean `ssm:SendCommand`?" in done.err or "did you mean `command`?" in done.err


def test_a_key_is_not_narrowed_to_actions_that_there_are_not(hub):
    done = hub.cli("access-key", "create", "--scope", "ssm:GetParametr", check=USAGE)
    assert "did you mean `ssm:GetParameter`?" in done.err


def test_what_a_role_says_starts_a_policy_of_ones_own(hub, tmp_path):
    missing = hub.cli("policy", "show", "operator", check=NOT_FOUND)
    assert "roadstead role show operator" in missing.err
    said = hub.cli("role", "show", "operator", check=OK).out
    file = tmp_path / "policy.json"
    file.write_text(said)
    try:
        put = hub.cli("policy", "put", "my-operator", str(file), check=OK)
        assert "note: Statements[0].Actions[" in put.err and "`ssm:GetInventory*`: it is upstream's" in put.err
        shown = hub.cli("policy", "show", "my-operator", check=OK)
        assert json.loads(shown.out) == json.loads(said) and "`ssm:GetInventory*`" in shown.err
        hub.cli("role", "create", "mine", "--policy", "my-operator", check=OK)
        assert json.loads(hub.cli("role", "show", "mine", check=OK).out) == json.loads(said)
        assert "did you mean mine?" in hub.cli("role", "show", "mien", check=NOT_FOUND).err
    finally:
        hub.cli("role", "delete", "mine", "--yes")
        hub.cli("policy", "delete", "my-operator", "--yes")


def test_a_disabled_user_is_refused_at_once(hub, make_user, refuses):
    _, client = make_user("leaver", "--role", "viewer")
    client.list_commands()
    hub.cli("user", "set", "leaver", "--disable", check=OK)
    refuses("UnrecognizedClientException", client.list_commands)


def test_an_open_view_ends_when_a_tag_takes_its_right_away(hub, nodes, make_user, ssm_plain):
    from harness.sigv4 import sign
    from harness.websocket import WebSocket

    def tag(value):
        ssm_plain.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], Tags=[{"Key": "part", "Value": value}])

    tag("open")
    make_user("watcher", "--role", "operator", "--scope-tag", "part=open")
    key = rows(hub, "access-key", "create", "--user", "watcher")
    sent = ssm_plain.send_command(InstanceIds=[nodes[0]], DocumentName="AWS-RunShellScript", Parameters={"commands": ["sleep 60"]})
    command = sent["Command"]["CommandId"]
    try:
        headers = sign("GET", "/live", hub.api.authority, {}, b"", key["access_key_id"], key["secret_access_key"])
        socket = WebSocket(hub.http.replace("http", "ws") + "/live", "roadstead.live.v1", headers=headers)
        wishes = [("command", {"CommandId": command}), ("output", {"CommandId": command, "NodeId": nodes[0], "Stream": "stdout", "Offset": 0})]
        for number, (topic, arguments) in enumerate(wishes):
            socket.send(json.dumps({"Subscribe": {"Id": number, "Topic": topic, "Args": arguments}}))
        first = json.loads(socket.receive()[1])
        assert first["Id"] == 0 and "Event" in first, first
        tag("closed")
        ended = {}
        while len(ended) < len(wishes):
            answer = json.loads(socket.receive()[1])
            if "Error" in answer:
                ended[answer["Id"]] = answer["Error"]["Code"]
        assert ended == {0: "AccessDeniedException", 1: "AccessDeniedException"}
    finally:
        ssm_plain.cancel_command(CommandId=command)
        ssm_plain.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], TagKeys=["part"])


def test_a_subscription_that_was_refused_is_refused_once(hub, node, make_user, ssm_plain):
    from harness.sigv4 import sign
    from harness.websocket import WebSocket

    make_user("follower", "--role", "viewer")
    key = rows(hub, "access-key", "create", "--user", "follower")
    sent = ssm_plain.send_command(InstanceIds=[node], DocumentName="AWS-RunShellScript", Parameters={"commands": ["sleep 60"]})
    command = sent["Command"]["CommandId"]
    headers = sign("GET", "/live", hub.api.authority, {}, b"", key["access_key_id"], key["secret_access_key"])
    socket = WebSocket(hub.http.replace("http", "ws") + "/live", "roadstead.live.v1", headers=headers)

    def subscribe(number, topic, **arguments):
        socket.send(json.dumps({"Subscribe": {"Id": number, "Topic": topic, "Args": arguments}}))

    def next_error():
        while True:
            answer = json.loads(socket.receive()[1])
            if "Error" in answer:
                return answer["Id"]

    try:
        subscribe(1, "command", CommandId=command)
        assert "Event" in json.loads(socket.receive()[1])
        subscribe(2, "nothing")
        assert next_error() == 2
        denial = [{"Effect": "Deny", "Actions": ["roadstead:DescribeCommand"], "Resources": [{"Kind": "command"}]}]
        hub.api.hub("PutPolicy", PolicyName="not-followed", Document={"Statements": denial})
        hub.api.hub("AttachPolicy", PolicyName="not-followed", UserName="follower")
        assert next_error() == 1, "the one that was allowed until now"
        subscribe(3, "nothing")
        assert next_error() == 3
    finally:
        ssm_plain.cancel_command(CommandId=command)


def test_a_shell_is_taken_up_again_only_with_the_right_to_its_document(hub, node, make_user, ssm_plain, refuses):
    _, client = make_user("sheller", "--role", "operator")
    session = client.start_session(Target=node)["SessionId"]
    assert client.resume_session(SessionId=session)["TokenValue"]
    denial = [{"Effect": "Deny", "Actions": ["ssm:StartSession"], "Resources": [{"Kind": "document"}]}]
    hub.api.hub("PutPolicy", PolicyName="no-shell", Document={"Statements": denial})
    hub.api.hub("AttachPolicy", PolicyName="no-shell", UserName="sheller")
    refuses("AccessDeniedException", client.resume_session, SessionId=session)
    ssm_plain.terminate_session(SessionId=session)


def test_tags_that_come_with_a_thing_need_the_right_to_tag(hub, make_user, ssm, tmp_path, refuses):
    _, client = make_user("maker", "--role", "viewer")
    document = json.dumps({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["true"]}}]})
    statements = [
        {"Effect": "Allow", "Action": ["ssm:PutParameter", "ssm:CreateDocument"], "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/locked": "yes"}}},
    ]
    put = {"Name": "/maker/a", "Value": "1", "Type": "String"}

    def allow(name, statements):
        file = tmp_path / name
        file.write_text(json.dumps({"Version": "2012-10-17", "Statement": statements}))
        hub.cli("policy", "import", name, str(file), check=OK)
        hub.cli("policy", "attach", name, "--user", "maker", check=OK)

    try:
        allow("making", statements)
        refuses("AccessDeniedException", client.put_parameter, **put, Tags=[{"Key": "env", "Value": "dev"}])
        refuses("AccessDeniedException", client.create_document, Name="Maker-A", Content=document, DocumentType="Command",
                Tags=[{"Key": "env", "Value": "dev"}])
        refuses("ParameterNotFound", ssm.get_parameter, Name="/maker/a")
        allow("tagging", [{"Effect": "Allow", "Action": "ssm:AddTagsToResource", "Resource": "*"}])
        refuses("AccessDeniedException", client.put_parameter, **put, Tags=[{"Key": "locked", "Value": "yes"}])
        client.put_parameter(**put, Tags=[{"Key": "env", "Value": "dev"}])
        many = [{"Key": f"k{n}", "Value": ""} for n in range(51)]
        refuses("ValidationException", client.put_parameter, Name="/maker/b", Value="1", Type="String", Tags=many)
    finally:
        ssm.delete_parameters(Names=["/maker/a", "/maker/b"])
        for name in ("making", "tagging"):
            hub.cli("policy", "detach", name, "--user", "maker")
            hub.cli("policy", "delete", name, "--yes")
