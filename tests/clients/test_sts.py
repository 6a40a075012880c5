"""The security token service, driven by unmodified boto3 and aws-cli at the hub's one address."""

import datetime
import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import boto


def with_credentials(hub, service, credentials):
    return boto3.client(
        service, endpoint_url=hub.https, region_name="eu-central-1", verify=hub.ca_file(),
        aws_access_key_id=credentials["AccessKeyId"], aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"], config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module", params=["http", "https"])
def sts(request, hub):
    return boto(hub, getattr(hub, request.param), service="sts")


def refused(call, *args, **kwargs):
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_who_am_i(sts):
    who = sts.get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{who['Account']}:user/admin"
    assert len(who["Account"]) == 12 and len(who["UserId"]) == 21 and who["UserId"].startswith("AIDA")
    assert who["ResponseMetadata"]["RequestId"]


def test_who_am_i_from_the_shell(aws, hub):
    done = aws("sts", "get-caller-identity", "--endpoint-url", hub.https)
    assert json.loads(done.stdout)["Arn"].endswith(":user/admin")


def test_temporary_credentials_work_and_end(hub, sts):
    answer = sts.get_session_token(DurationSeconds=900)["Credentials"]
    assert answer["AccessKeyId"].startswith("ASIA")
    left = answer["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(seconds=850) < left <= datetime.timedelta(seconds=900)
    assert "Commands" in with_credentials(hub, "ssm", answer).list_commands()
    assert with_credentials(hub, "sts", answer).get_caller_identity()["Arn"].endswith(":user/admin")
    assert refused(with_credentials(hub, "sts", answer).get_session_token) == ("AccessDenied", 403)


def test_a_role_is_assumed(hub, sts):
    account = sts.get_caller_identity()["Account"]
    role = f"arn:aws:iam::{account}:role/admin"
    answer = sts.assume_role(RoleArn=role, RoleSessionName="build-7")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/admin/build-7"
    assert "Commands" in with_credentials(hub, "ssm", answer["Credentials"]).list_commands()
    assert refused(sts.assume_role, RoleArn=role.replace("admin", "nobody"), RoleSessionName="build-7")[0] in ("ValidationError", "AccessDenied")
    narrowed = {"RoleArn": role, "RoleSessionName": "build-7", "Policy": "{}"}
    assert refused(sts.assume_role, **narrowed) == ("ValidationError", 400)


def test_a_wrong_key_secret_or_token_is_refused_as_upstream_does(hub, sts):
    assert refused(boto(hub, service="sts", key="AKIAUNKNOWNUNKNOWN00").get_caller_identity) == ("InvalidClientTokenId", 403)
    assert refused(boto(hub, service="sts", secret="wrong" * 8).get_caller_identity) == ("SignatureDoesNotMatch", 403)
    answer = sts.get_session_token()["Credentials"]
    wrong = {**answer, "SessionToken": "0" * 128}
    assert refused(with_credentials(hub, "sts", wrong).get_caller_identity) == ("InvalidClientTokenId", 403)
    assert refused(with_credentials(hub, "ssm", wrong).list_commands) == ("UnrecognizedClientException", 400)


@pytest.mark.parametrize("form", [b"", b"Action=GetCallerIdentity", b"Action=Nothing&Version=2011-06-15", b"Action=%ff&Version=2011-06-15", b"%"])
def test_a_form_that_is_none_is_refused_never_a_fault(hub, form):
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    status, body, answered = hub.api.send("POST", "/", headers, form)
    assert status == 400 and body.startswith(b"<ErrorResponse"), (status, body)
    assert answered["content-type"] == "text/xml"


def test_an_unsigned_form_lacks_a_token(hub):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    status, body, _ = hub.api.send("POST", "/", headers, b"Action=GetCallerIdentity&Version=2011-06-15")
    assert status == 403 and b"<Code>MissingAuthenticationToken</Code>" in body
