"""Who may call: signatures, keys, clocks, and requests that are no requests."""

import datetime
import json

import pytest

from conftest import boto

LIST = "AmazonSSM.ListCommands"


def code_of(answer):
    status, body, headers = answer
    assert status == 400, (status, body)
    assert headers.get("x-amzn-requestid"), "every answer carries a request id"
    parsed = json.loads(body)
    assert parsed.get("message") and parsed.get("Message"), "both spellings, because clients differ"
    return parsed["__type"].rsplit("#", 1)[-1]


def test_a_wrong_secret_is_an_invalid_signature(hub, ssm, refuses):
    client = boto(hub, ssm.meta.endpoint_url, secret="wrong" * 8)
    refuses("InvalidSignatureException", client.list_commands)


def test_an_unknown_key_is_an_unrecognized_client(hub, ssm, refuses):
    client = boto(hub, ssm.meta.endpoint_url, key="AKIAUNKNOWNUNKNOWN00")
    refuses("UnrecognizedClientException", client.list_commands)


def test_an_unsigned_request_lacks_a_token(hub):
    assert code_of(hub.api.raw(LIST, b"{}", signed=False)) == "MissingAuthenticationTokenException"


@pytest.mark.parametrize("minutes", [-6, 6, -60 * 24 * 400])
def test_a_skewed_clock_is_refused(hub, minutes):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    assert code_of(hub.api.raw(LIST, b"{}", now=now)) == "InvalidSignatureException"


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_inside_the_window_is_accepted(hub, minutes):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    assert hub.api.raw(LIST, b"{}", now=now)[0] == 200


def test_the_same_signed_request_again_is_accepted(hub):
    now = datetime.datetime.now(datetime.timezone.utc)
    assert [hub.api.raw(LIST, b"{}", now=now)[0] for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize("target, service", [
    (LIST, "ssm"), ("Roadstead.GetCaller", "ssm"), ("Logs_20140328.DescribeLogGroups", "logs"),
    ("ResourceGroupsTaggingAPI_20170126.GetTagKeys", "tagging"), ("Ardi.ListGroups", "resource-groups"),
    ("AWSSecurityTokenServiceV20110615.GetCallerIdentity", "sts"),
])
def test_a_request_is_signed_for_the_service_it_asks(hub, target, service):
    from harness.sigv4 import sign

    def signed_for(service):
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
        return hub.api.send("POST", "/", sign("POST", "/", hub.api.authority, headers, b"{}", hub.key, hub.secret, service=service), b"{}")

    assert signed_for(service)[0] == 200
    for other in {"ssm", "logs", "tagging", "resource-groups", "sts", "ssmmessages", "s3", ""} - {service}:
        status, body, headers = answer = signed_for(other)
        assert (status, code_of(answer)) == (400, "InvalidSignatureException"), other
        assert json.loads(body)["message"] == f"Credential should be scoped to correct service: '{service}'."


def test_the_other_protocols_refuse_another_service_in_their_own_words(hub):
    from harness.sigv4 import sign

    form = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    status, body, _ = hub.api.send("POST", "/", sign("POST", "/", hub.api.authority, headers, form, hub.key, hub.secret), form)
    assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in body and b"correct service: &apos;sts&apos;" in body.replace(b"'", b"&apos;")
    signed = sign("POST", "/groups-list", hub.api.authority, {"content-type": "application/json"}, b"{}", hub.key, hub.secret)
    status, body, answered = hub.api.send("POST", "/groups-list", signed, b"{}")
    assert (status, answered["x-amzn-errortype"]) == (403, "InvalidSignatureException"), body


def test_a_body_changed_after_signing_is_refused(hub):
    from harness.sigv4 import sign

    headers = sign(
        "POST", "/", hub.api.authority, {"content-type": "application/x-amz-json-1.1", "x-amz-target": LIST}, b"{}", hub.key, hub.secret
    )
    answer = hub.api.send("POST", "/", headers, b'{"MaxResults":1}')
    assert code_of(answer) == "InvalidSignatureException"


@pytest.mark.parametrize("region", ["local", "us-east-1", "some-word-of-ours"])
def test_any_region_may_be_signed_for(hub, region):
    assert "Commands" in boto(hub, region=region).list_commands()


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic YTpi", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b", "AWS4-HMAC-SHA256 " + "x" * 4000],
)
def test_a_malformed_authorization_is_refused_not_a_fault(hub, authorization):
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": LIST, "authorization": authorization, "host": hub.api.authority}
    status, body, _ = hub.api.send("POST", "/", headers, b"{}")
    assert status in (400, 403), (status, body)
    assert json.loads(body)["__type"].rsplit("#", 1)[-1] in {
        "MissingAuthenticationTokenException", "IncompleteSignatureException", "InvalidSignatureException", "UnrecognizedClientException",
    }


def test_a_deleted_access_key_is_refused_at_once(hub, refuses):
    made = hub.api.hub("CreateAccessKey", Description="short-lived")
    client = boto(hub, key=made["AccessKeyId"], secret=made["SecretAccessKey"])
    assert "Commands" in client.list_commands()
    hub.api.hub("DeleteAccessKey", AccessKeyId=made["AccessKeyId"])
    refuses("UnrecognizedClientException", client.list_commands)
