"""Input that is wrong before any operation looks at it, and the doors that see no valid request at all."""

import json
import socket
import ssl

import pytest

from harness.api import session_cookie
from harness.wait import until

SSM_OPERATIONS = [
    "CreateActivation", "DescribeActivations", "DeleteActivation", "DescribeInstanceInformation", "DescribeInstanceProperties",
    "DeregisterManagedInstance", "UpdateManagedInstanceRole", "AddTagsToResource", "RemoveTagsFromResource", "ListTagsForResource", "SendCommand", "ListCommands",
    "ListCommandInvocations", "GetCommandInvocation", "CancelCommand", "StartSession", "ResumeSession", "TerminateSession",
    "DescribeSessions", "GetConnectionStatus",
]
HUB_OPERATIONS = [
    "GetCaller", "DescribeHub", "GetOverview", "CreateAccessKey", "ListAccessKeys", "DeleteAccessKey", "CreateJoinLine", "SearchNodes",
    "DescribeNode", "RenameNode", "ResolveTargets", "SuggestValues", "DescribeCommand", "SearchInvocations", "GroupOutputs", "GetOutput",
    "SearchOutputs", "RerunCommand",
]


def refusal(answer, status=400):
    assert answer[0] == status, answer[:2]
    return json.loads(answer[1])["__type"].rsplit("#", 1)[-1]


@pytest.mark.parametrize("target", ["AmazonSSM.NoSuchThing", "AmazonSSM", "", "Nobody.ListCommands", "Roadstead.Nothing"])
def test_an_unknown_operation_is_named_so(hub, target):
    assert refusal(hub.api.raw(target, b"{}")) == "UnknownOperationException"


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"{}{}", b'{"CommandId": }'])
@pytest.mark.parametrize("operation", ["AmazonSSM.ListCommands", "AmazonSSM.SendCommand", "Roadstead.SearchNodes"])
def test_malformed_json_is_refused(hub, operation, body):
    assert refusal(hub.api.raw(operation, body)) in ("SerializationException", "ValidationException")


@pytest.mark.parametrize(
    "operation, body",
    [
        ("AmazonSSM.ListCommands", {"CommandId": None, "MaxResults": None, "Filters": None, "NextToken": None}),
        ("AmazonSSM.DescribeParameters", {"Filters": None, "ParameterFilters": None, "Shared": None}),
        ("AmazonSSM.DescribeInstanceInformation", {"Filters": None, "InstanceInformationFilterList": None}),
        ("AmazonSSM.GetParametersByPath", {"Path": "/nulls", "Recursive": None, "WithDecryption": None, "ParameterFilters": [{"Key": "Type", "Option": None, "Values": ["String"]}]}),
        ("Roadstead.SearchNodes", {"Filter": None, "MaxResults": None}),
        ("Logs_20140328.DescribeLogGroups", {"limit": None, "logGroupIdentifiers": None}),
    ],
)
def test_a_member_that_is_null_is_not_there(hub, operation, body):
    status, answer, *_ = hub.api.raw(operation, json.dumps(body).encode())
    assert status == 200, answer


COMMAND = '{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"a","inputs":{"runCommand":["true"]}}]}'


@pytest.mark.parametrize(
    "operation, body, member",
    [
        ("ListCommands", {"Filters": []}, "filters"),
        ("ListCommandInvocations", {"Filters": []}, "filters"),
        ("ListDocuments", {"DocumentFilterList": []}, "documentFilterList"),
        ("ListDocuments", {"DocumentFilterList": [{"key": "Colour", "value": "red"}]}, "documentFilterList.1.member.key"),
        ("ListDocuments", {"Filters": [{"Key": "Name", "Values": ["x"]}, {"Key": "Name", "Values": [""]}]}, "filters.2.member.values"),
        ("ListDocuments", {"Filters": [{"Key": "k" * 129, "Values": ["x"]}]}, "filters.1.member.key"),
        ("SendCommand", {"DocumentName": "AWS-RunShellScript", "DocumentVersion": ""}, "documentVersion"),
        ("CreateDocument", {"Requires": [{"Name": "!!"}]}, "requires.1.member.name"),
        ("CreateDocument", {"Requires": [{"Name": "abc", "Version": "x"}]}, "requires.1.member.version"),
        ("CreateDocument", {"Requires": [{"Name": "abc", "RequireType": "a b"}]}, "requires.1.member.requireType"),
        ("CreateDocument", {"Requires": [{"Name": "abc", "VersionName": "a b"}]}, "requires.1.member.versionName"),
        ("CreateDocument", {"Attachments": [{"Key": "Url", "Values": ["x"]}]}, "attachments.1.member.key"),
        ("CreateDocument", {"Attachments": [{"Key": "SourceUrl", "Values": [""]}]}, "attachments.1.member.values"),
        ("CreateDocument", {"Attachments": [{"Key": "SourceUrl", "Values": ["x"], "Name": "a b"}]}, "attachments.1.member.name"),
        ("UpdateDocumentMetadata", {"Name": "abc", "DocumentReviews": {"Action": "Approve", "Comment": [{"Type": "Remark"}]}}, "documentReviews.comment.1.member.type"),
        ("CreateActivation", {"IamRole": "r", "DefaultInstanceName": "a!b"}, "defaultInstanceName"),
        ("CreateActivation", {"IamRole": "r", "RegistrationMetadata": [{"Key": "k"}]}, "registrationMetadata.1.member.value"),
        ("CreateActivation", {"IamRole": "r", "RegistrationMetadata": [{"Key": " ", "Value": "v"}]}, "registrationMetadata.1.member.key"),
        ("UpdateManagedInstanceRole", {"InstanceId": "mi-0123456789abcdef0", "IamRole": "r" * 65}, "iamRole"),
    ],
)
def test_what_breaks_the_model_is_named_by_its_place(hub, operation, body, member):
    if operation == "CreateDocument":
        body = {"Name": "Breaks-the-model", "Content": COMMAND, **body}
    status, answer, *_ = hub.api.raw(f"AmazonSSM.{operation}", json.dumps(body).encode())
    assert status == 400 and json.loads(answer)["__type"].endswith("ValidationException"), answer
    assert f"at '{member}' failed to satisfy constraint" in json.loads(answer)["message"], answer


def test_a_required_member_that_is_null_is_missing(hub):
    for body in ({"InstanceId": None}, {}):
        status, answer, *_ = hub.api.raw("AmazonSSM.DeregisterManagedInstance", json.dumps(body).encode())
        assert status == 400 and "Value null at 'instanceId'" in json.loads(answer)["message"], answer


def test_deep_json_is_refused(hub):
    body = b'{"Filters":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    assert refusal(hub.api.raw("AmazonSSM.ListCommands", body)) in ("SerializationException", "ValidationException")


@pytest.mark.parametrize("operation", [f"AmazonSSM.{name}" for name in SSM_OPERATIONS] + [f"Roadstead.{name}" for name in HUB_OPERATIONS])
def test_wrong_types_are_refused_in_every_operation(hub, operation):
    wrong = {"CommandId": 7, "InstanceId": [], "NodeId": {}, "MaxResults": "many", "Filters": 3, "ResourceId": 1, "Target": 5, "State": 0,
             "SessionId": 9, "ActivationId": [1], "IamRole": 4, "DocumentName": False, "AccessKeyId": 3, "Count": "x", "Filter": "no",
             "Key": 1, "Collection": 2, "Description": [], "Name": [], "Scope": 9}  # fmt: skip
    answer = hub.api.raw(operation, json.dumps(wrong).encode())
    if answer[0] == 200:
        assert operation in ("Roadstead.GetCaller", "Roadstead.DescribeHub", "Roadstead.GetOverview", "Roadstead.ListAccessKeys"), (
            "only an operation without members may overlook them"
        )
        return
    assert refusal(answer) in ("SerializationException", "ValidationException")


@pytest.mark.parametrize("operation", [f"AmazonSSM.{name}" for name in SSM_OPERATIONS] + [f"Roadstead.{name}" for name in HUB_OPERATIONS])
def test_every_operation_wants_a_caller(hub, operation):
    assert refusal(hub.api.raw(operation, b"{}", signed=False)) == "MissingAuthenticationTokenException"


def test_an_oversized_body_is_refused_and_the_refusal_can_be_read(hub):
    with socket.create_connection(("127.0.0.1", hub.port), 10) as s:
        s.settimeout(20)
        s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSSM.ListCommands\r\nContent-Length: 20000000\r\n\r\n")
        try:
            for _ in range(2000):
                s.sendall(bytes(10_000))
        except OSError:
            pass  # the hub need not take all of it
        assert s.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_an_announced_size_is_not_believed(hub):
    with socket.create_connection(("127.0.0.1", hub.port), 10) as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSSM.ListCommands\r\nContent-Length: 99999999999999\r\n\r\n")
        s.settimeout(20)
        assert b" 4" in s.recv(4096).split(b"\r\n", 1)[0]


@pytest.mark.parametrize("garbage", [b"\x00" * 64, b"\x16\x03\x01\xff\xff" + b"A" * 600, b"GET\r\n\r\n", b"\xff" * 300, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"z" * 99])
def test_garbage_closes_the_connection_and_hurts_nobody(hub, garbage):
    with socket.create_connection(("127.0.0.1", hub.port), 10) as s:
        s.settimeout(30)
        s.sendall(garbage)
        try:
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except OSError:
            pass
    assert hub.get("/healthz")[0] == 200


def test_an_ssh_client_is_turned_away(hub):
    with socket.create_connection(("127.0.0.1", hub.port), 10) as s:
        s.settimeout(30)
        s.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        told = b""
        while piece := s.recv(1000):
            told += piece
    assert told == b"" or not told.startswith(b"SSH-"), "words at most, and never the banner of an SSH server"


def test_the_agents_door_wants_a_raw_key(hub):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["roadstead/1"])
    with socket.create_connection(("127.0.0.1", hub.port), 10) as s, pytest.raises(ssl.SSLError):
        context.wrap_socket(s).recv(1)


def test_many_idle_connections_do_not_keep_others_out(hub):
    """Half a request each, more than one address may hold unauthenticated; who speaks is served."""
    idle = []
    try:
        for _ in range(300):
            s = socket.create_connection(("127.0.0.1", hub.port), 10)
            s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
            idle.append(s)
        until(lambda: hub.api.ssm("ListCommands") is not None, 30, "a request being served beside idle connections")
    finally:
        for s in idle:
            s.close()


def test_a_foreign_page_cannot_use_a_session_cookie(hub):
    """A cookie counts only together with the CSRF token and the console's own origin."""
    from harness.process import ADMIN, ADMIN_PASSWORD

    body = json.dumps({"UserName": ADMIN, "Password": ADMIN_PASSWORD}).encode()
    status, answer, headers = hub.api.raw("Roadstead.Login", body, signed=False, headers={"origin": hub.http})
    assert status == 200, answer
    cookie = session_cookie(headers)
    assert all("HttpOnly" in line and "SameSite=Strict" in line for line in headers["set-cookie"].split("\n"))
    csrf = json.loads(answer)["CsrfToken"]

    def ask(**extra):
        return hub.api.raw("Roadstead.GetOverview", b"{}", signed=False, headers={"cookie": cookie, **extra})[0]

    assert ask(**{"origin": hub.http, "x-roadstead-csrf": csrf}) == 200
    assert ask(**{"origin": hub.http}) == 400
    assert ask(**{"origin": "http://evil.example", "x-roadstead-csrf": csrf}) == 400
    assert ask(**{"origin": "null", "x-roadstead-csrf": csrf}) == 400
    assert ask(**{"origin": hub.http, "x-roadstead-csrf": "guess"}) == 400


def test_a_wrong_password_is_refused_and_slowed_down(bed):
    own = bed()

    def login(password):
        return refusal(own.api.raw("Roadstead.Login", json.dumps({"UserName": "admin", "Password": password}).encode(), signed=False))

    seen = {login("guess%d" % i) for i in range(12)}
    assert seen == {"InvalidCredentialsException", "TooManyAttemptsException"}
