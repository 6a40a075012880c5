"""The output of commands in buckets: a real server that checks signatures, and one that fails as it is told to."""

import hashlib
import json

import pytest
from conftest import boto
from harness.api import Refused
from harness.object_store import LOOPBACK, FakeStore, ObjectStore, register, upload, uploaded
from harness.process import send_script, stored_output, wait_invocation
from harness.wait import until

SHELL = "awsrunShellScript/0.awsrunShellScript"


@pytest.fixture(scope="module")
def store(tmp_path_factory, authority):
    with ObjectStore(tmp_path_factory.mktemp("store"), authority) as one:
        for bucket in ("logs", "runs-a"):
            one.s3.create_bucket(Bucket=bucket)
        yield one


@pytest.fixture(scope="module")
def known(hub, store, authority):
    """The real store, as the hub knows it."""
    register(hub, "real", store, authority, "logs", "runs-*/kept", "gone")
    return store


@pytest.fixture
def fake(authority):
    with FakeStore(authority) as one:
        yield one


def test_output_lies_where_upstream_puts_it(hub, ssm_plain, nodes, known):
    command = ssm_plain.send_command(
        InstanceIds=nodes, DocumentName="AWS-RunShellScript", Parameters={"commands": ["echo out é; echo err >&2; exit 3"]},
        OutputS3BucketName="logs", OutputS3KeyPrefix="/team//nightly/", OutputS3Region="eu-central-1",
    )["Command"]
    assert (command["OutputS3BucketName"], command["OutputS3KeyPrefix"]) == ("logs", "/team//nightly/")
    id = command["CommandId"]
    for node in nodes:
        assert wait_invocation(hub, id, node)["Status"] == "Failed"
        done = uploaded(hub, id, node)
        folder = f"team/nightly/{id}/{node}"
        assert (done["Store"], done["KeyPrefix"], done["Attempts"]) == ("real", folder, 1)
        assert known.objects("logs", folder) == {
            f"{folder}/{SHELL}/stdout": "out é\n".encode(), f"{folder}/{SHELL}/stderr": b"err\n",
        }
        answer = ssm_plain.get_command_invocation(CommandId=id, InstanceId=node)
        assert answer["StandardOutputUrl"] == f"{known.url}/logs/{folder}/{SHELL}/stdout"
        assert answer["StandardErrorUrl"] == f"{known.url}/logs/{folder}/{SHELL}/stderr"
        assert answer["StandardOutputContent"] == "out é\n"
    kind = known.s3.head_object(Bucket="logs", Key=f"{folder}/{SHELL}/stdout")["ContentType"]
    assert kind == "text/plain; charset=utf-8"
    share = ssm_plain.list_command_invocations(CommandId=id, InstanceId=node, Details=True)["CommandInvocations"][0]
    plugin = share["CommandPlugins"][0]
    assert share["StandardOutputUrl"] == plugin["StandardOutputUrl"] == answer["StandardOutputUrl"]
    assert (plugin["OutputS3BucketName"], plugin["OutputS3KeyPrefix"]) == ("logs", "/team//nightly/")


def test_every_step_has_its_folder_and_silence_leaves_nothing(hub, ssm_plain, node, known):
    step = lambda name, line: {"name": name, "action": "aws:runShellScript", "inputs": {"runCommand": [line]}}  # noqa: E731
    content = {"schemaVersion": "2.2", "mainSteps": [step("first", "echo 1"), step("quiet", "true"), step("a.b", "echo 3 >&2")]}
    ssm_plain.create_document(Name="Steps-S3", Content=json.dumps(content), DocumentType="Command")
    send = lambda: ssm_plain.send_command(InstanceIds=[node], DocumentName="Steps-S3", OutputS3BucketName="runs-a", OutputS3KeyPrefix="kept")  # noqa: E731
    id = send()["Command"]["CommandId"]
    wait_invocation(hub, id, node, step="first")
    uploaded(hub, id, node)
    share = f"kept/{id}/{node}"
    assert known.objects("runs-a", share) == {
        f"{share}/awsrunShellScript/first/stdout": b"1\n", f"{share}/awsrunShellScript/a.b/stderr": b"3\n",
    }
    invocation = ssm_plain.list_command_invocations(CommandId=id)["CommandInvocations"][0]
    assert invocation["StandardOutputUrl"] == "", "there is more than one plugin"
    silent = send_script(hub, [node], "true", OutputS3BucketName="logs")
    wait_invocation(hub, silent, node)
    assert upload(hub, silent, node) is None


def test_large_output_goes_in_parts_and_arrives_whole(hub, node, known):
    id = send_script(hub, [node], "seq 1 1200000; printf é", OutputS3BucketName="logs")
    wait_invocation(hub, id, node)
    uploaded(hub, id, node)
    body = known.s3.get_object(Bucket="logs", Key=f"{id}/{node}/{SHELL}/stdout")["Body"].read()
    assert len(body) > 8 * 1024 * 1024 and body.decode() == stored_output(hub, id, node)
    assert known.s3.list_multipart_uploads(Bucket="logs").get("Uploads", []) == []


def test_what_cannot_be_uploaded_never_fails_the_command_and_says_why(hub, node, known, authority):
    for bucket, prefix, word in (("nobody", "a", "no object store of this hub takes output to `nobody/a`"), ("runs-a", "elsewhere", "takes output"),
                                 ("gone", "", "there is no bucket `gone` at the object store `real`")):
        id = send_script(hub, [node], "echo x", OutputS3BucketName=bucket, OutputS3KeyPrefix=prefix)
        assert wait_invocation(hub, id, node)["Status"] == "Success"
        failed = uploaded(hub, id, node, "Failed")
        assert word in failed["LastError"] and failed["Attempts"] == 1, failed
    # The last one, once the bucket is there: tried again by hand.
    known.s3.create_bucket(Bucket="gone")
    hub.api.hub("RetryOutputUpload", CommandId=id, NodeId=node)
    assert uploaded(hub, id, node)["Attempts"] == 2
    with pytest.raises(Refused) as caught:
        hub.api.hub("RetryOutputUpload", CommandId=id, NodeId=node)
    assert caught.value.code == "ResourceNotFoundException"


def test_with_the_right_secret_what_had_failed_goes_by_itself(hub, node, store, authority):
    store.s3.create_bucket(Bucket="secrets")
    register(hub, "wrong", store, authority, "secrets", secret="not the secret")
    id = send_script(hub, [node], "echo late", OutputS3BucketName="secrets")
    failed = uploaded(hub, id, node, "Failed")
    assert "its secret is another" in failed["LastError"] and "not the secret" not in json.dumps(failed)
    register(hub, "wrong", store, authority, "secrets")
    assert uploaded(hub, id, node)["Store"] == "wrong"
    assert store.objects("secrets", id) == {f"{id}/{node}/{SHELL}/stdout": b"late\n"}


def test_a_store_that_fails_for_a_while_is_tried_again(hub, node, fake, authority):
    register(hub, "shaky", fake, authority, "shaky")
    fake.answers = [(503, {}, b"<Error><Code>SlowDown</Code><Message>not now</Message></Error>"), None]
    id = send_script(hub, [node], "echo x", OutputS3BucketName="shaky")
    first = until(lambda: (one := upload(hub, id, node)) and one["Attempts"] == 1 and one, 30, "the first attempt")
    assert first["State"] == "Waiting" and "503 SlowDown: not now" in first["LastError"] and first["NextAttemptAt"] > first["QueuedAt"]
    hub.api.hub("RetryOutputUpload", CommandId=id, NodeId=node)
    second = until(lambda: (one := upload(hub, id, node))["Attempts"] == 2 and one, 30, "the second attempt")
    assert second["State"] == "Waiting" and "`shaky`" in second["LastError"], "the connection was closed"
    hub.api.hub("RetryOutputUpload", CommandId=id, NodeId=node)
    uploaded(hub, id, node)
    assert fake.objects == {f"/shaky/{id}/{node}/{SHELL}/stdout": b"x\n"}
    signed = {(path, headers["x-amz-content-sha256"] == digest) for _, path, headers, digest in fake.requests}
    assert signed == {(f"/shaky/{id}/{node}/{SHELL}/stdout", True)}, "the same key, and the hash of the body"


@pytest.mark.parametrize("answer", [
    (301, {"x-amz-bucket-region": "eu-west-1", "location": "https://localhost:1/"}, b""),
    (400, {}, b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"),
])
def test_a_bucket_of_another_region_is_named_and_not_followed(hub, node, fake, authority, answer):
    # A name of its own: a store that is changed is tried again with what had failed before.
    name = f"far-{answer[0]}"
    register(hub, name, fake, authority, name, Region="us-east-1")
    fake.answers = [answer]
    id = send_script(hub, [node], "echo x", OutputS3BucketName=name)
    failed = uploaded(hub, id, node, "Failed")
    assert "lies in region `eu-west-1`" in failed["LastError"] and len(fake.requests) == 1


def test_a_store_without_tls_gets_the_output_and_never_the_secret(hub, node, authority):
    with FakeStore() as plain:
        register(hub, "plain", plain, authority, "plain", Region="garage")
        id = send_script(hub, [node], "echo x", OutputS3BucketName="plain")
        uploaded(hub, id, node)
        (_, path, headers, _), = plain.requests
        assert plain.objects == {path: b"x\n"} and "/garage/s3/aws4_request" in headers["authorization"]
        assert plain.secret not in str(headers)


def test_a_store_that_is_slow_holds_up_no_other(hub, node, fake, known, authority):
    register(hub, "slow", fake, authority, "slow")
    fake.open.clear()
    slow = send_script(hub, [node], "echo x", OutputS3BucketName="slow")
    until(lambda: fake.requests, 30, "the slow one being asked")
    quick = send_script(hub, [node], "echo x", OutputS3BucketName="logs")
    uploaded(hub, quick, node)
    assert upload(hub, slow, node)["State"] == "Waiting" and len(fake.requests) == 1
    fake.open.set()
    uploaded(hub, slow, node)


def test_an_upload_outlives_the_hub(bed, fake, authority):
    """kill -9 between two parts: what was begun is forgotten, and all of it comes under the same key."""
    own = bed()
    agent = own.join("a")
    register(own, "kept", fake, authority, "kept")
    fake.holds = lambda method, path: "partNumber=2" in path
    fake.open.clear()
    id = send_script(own, [agent.node], "seq 1 1200000; echo err >&2", OutputS3BucketName="kept")
    until(lambda: any("partNumber=2" in path for _, path, _, _ in fake.requests), 60, "the second part being on its way")
    own.kill()
    begun = list(fake.uploads)
    fake.open.set()
    own.start()
    uploaded(own, id, agent.node, seconds=60)
    body = fake.objects[f"/kept/{id}/{agent.node}/{SHELL}/stdout"]
    text = "".join(f"{n}\n" for n in range(1, 1200001)).encode()
    assert hashlib.sha256(body).digest() == hashlib.sha256(text).digest()
    assert fake.objects[f"/kept/{id}/{agent.node}/{SHELL}/stderr"] == b"err\n" and len(fake.objects) == 2
    assert len(begun) == 1 and fake.uploads == {}, "nothing half done is left at the store"


def test_the_secret_lies_nowhere_in_clear(bed, fake, authority):
    own = bed()
    agent = own.join("a")
    register(own, "kept", fake, authority, "kept")
    id = send_script(own, [agent.node], "echo x", OutputS3BucketName="kept")
    uploaded(own, id, agent.node)
    shown = json.dumps([own.api.hub("GetObjectStore", Name="kept"), own.api.hub("ListObjectStores"), own.api.hub("ListAuditEvents")])
    assert "kept" in shown and fake.secret not in shown
    assert fake.secret not in own.log() and fake.secret not in str(fake.requests)
    own.kill()
    agent.kill()
    for path in own.folder.rglob("*"):
        if path.is_file() and not path.is_socket():
            assert fake.secret.encode() not in path.read_bytes(), path


def test_a_store_is_tried_out(hub, known, fake, authority):
    tried = {one["Place"]: one.get("Error") for one in hub.api.hub("TestObjectStore", Name="real")["Places"]}
    assert tried["logs"] is None and "roadstead-test" not in str(known.objects("logs", "roadstead"))
    assert hub.api.hub("TestObjectStore", Name="real", Place="runs-a/kept")["Places"] == [{"Place": "runs-a/kept", "Purpose": "output"}]
    register(hub, "tried", fake, authority, "tried/below")
    fake.answers = [(403, {}, b"<Error><Code>AccessDenied</Code></Error>")]
    assert "`tried`" in hub.api.hub("TestObjectStore", Name="tried")["Places"][0]["Error"]
    assert [(method, path) for method, path, _, _ in fake.requests] == [("PUT", "/tried/below/roadstead-test")]
    with pytest.raises(Refused) as caught:
        hub.api.hub("TestObjectStore", Name="tried", Place="tried")
    assert caught.value.code == "ValidationException"


def test_what_cannot_be_is_refused(hub, ssm_plain, node, refuses):
    def send(**given):
        ssm_plain.send_command(InstanceIds=[node], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}, **given)

    for given in ({"OutputS3BucketName": "b" * 64}, {"OutputS3BucketName": "logs", "OutputS3KeyPrefix": "p" * 501},
                  {"OutputS3Region": "r" * 21}):
        refuses("ValidationException", send, **given)
    fine = {"Endpoint": "https://store.example", "AccessKeyId": "AK", "OutputPlaces": ["logs"]}
    for settings in ({"Endpoint": "store.example"}, {"Endpoint": "https://store.example/logs"}, {"Endpoint": "file:///etc"},
                     {"Region": ""}, {"AccessKeyId": "a b"}, {"OutputPlaces": ["a b"]}, {"CaPem": "none"}, {"Addressing": "dns"}):
        with pytest.raises(Refused) as caught:
            hub.api.hub("PutObjectStore", Name="bad", Settings={**fine, **settings}, SecretAccessKey="s")
        assert caught.value.status == 400, settings
    with pytest.raises(Refused) as caught:
        hub.api.hub("PutObjectStore", Name="bad", Settings=fine)
    assert "SecretAccessKey" in caught.value.message
    # Nothing is sent to the hub's own machine unless its network is allowed, and a secret does not move with its store.
    hub.api.hub("PutObjectStore", Name="inward", Settings={**fine, "Endpoint": "https://localhost:1"}, SecretAccessKey="s")
    assert "allow" in hub.api.hub("TestObjectStore", Name="inward")["Places"][0]["Error"]
    with pytest.raises(Refused):
        hub.api.hub("PutObjectStore", Name="inward", Settings={**fine, "Endpoint": "https://localhost:2"})
    hub.api.hub("DeleteObjectStore", Name="inward")


def test_a_store_is_used_by_those_who_may(hub, node, known):
    allow = lambda *things: {"Effect": "Allow", "Actions": ["ssm:SendCommand"], "Resources": list(things)}  # noqa: E731
    statements = [allow({"Kind": "node"}, {"Kind": "document"})]
    hub.api.hub("PutPolicy", PolicyName="few-stores", Document={"Statements": statements})
    hub.api.hub("CreateRole", RoleName="few-stores", Policies=["few-stores"])
    hub.api.hub("CreateUser", UserName="few-stores", Roles=["few-stores"])
    key = json.loads(hub.cli("access-key", "create", "--user", "few-stores", "-o", "json", check=0).out)
    own = boto(hub, key=key["access_key_id"], secret=key["secret_access_key"])

    def send(**given):
        return own.send_command(InstanceIds=[node], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}, **given)

    assert send()["Command"]["CommandId"]
    with pytest.raises(own.exceptions.ClientError) as caught:
        send(OutputS3BucketName="logs")
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    statements.append(allow({"Kind": "object-store", "Ids": ["real"]}))
    hub.api.hub("PutPolicy", PolicyName="few-stores", Document={"Statements": statements})
    assert send(OutputS3BucketName="logs")["Command"]["CommandId"]


def test_a_store_that_takes_the_place_later_is_used_for_those_who_may(hub, node, known, authority):
    allow = {"Effect": "Allow", "Actions": ["ssm:SendCommand"], "Resources": [{"Kind": "node"}, {"Kind": "document"}]}
    put = lambda: hub.api.hub("PutPolicy", PolicyName="no-stores", Document={"Statements": [allow]})  # noqa: E731
    put()
    hub.api.hub("CreateRole", RoleName="no-stores", Policies=["no-stores"])
    hub.api.hub("CreateUser", UserName="no-stores", Roles=["no-stores"])
    key = json.loads(hub.cli("access-key", "create", "--user", "no-stores", "-o", "json", check=0).out)
    own = boto(hub, key=key["access_key_id"], secret=key["secret_access_key"])
    sent = own.send_command(InstanceIds=[node], DocumentName="AWS-RunShellScript", Parameters={"commands": ["echo x"]}, OutputS3BucketName="later")
    id = sent["Command"]["CommandId"]
    assert "no object store of this hub" in uploaded(hub, id, node, "Failed")["LastError"]
    known.s3.create_bucket(Bucket="later")
    register(hub, "later", known, authority, "later")
    until(lambda: "no right to the object store `later`" in upload(hub, id, node)["LastError"], 30, "the refusal")
    assert known.objects("later", id) == {}
    allow["Resources"].append({"Kind": "object-store", "Ids": ["later"]})
    put()
    hub.api.hub("RetryOutputUpload", CommandId=id, NodeId=node)
    uploaded(hub, id, node)


def test_the_command_line_keeps_stores_and_asks_for_output_there(hub, node, store, authority, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(store.secret + "\n")
    store.s3.create_bucket(Bucket="cli")
    add = ["object-store", "add", "cli", "--endpoint", store.url, "--key-id", store.key, "--bucket", "cli", "--ca", str(authority[0])]
    hub.cli(*add, "--secret-file", str(secret), *(part for network in LOOPBACK for part in ("--allow", network)), check=0)
    assert "cli: written" in hub.cli("object-store", "test", "cli", check=0).err
    hub.cli("run", "--node", node, "--output-s3", "cli/by-hand", "--", "echo hello", check=0)
    shown = lambda: json.loads(hub.cli("object-store", "uploads", "-o", "json", check=0).out)[0]  # noqa: E731
    done = until(lambda: (one := shown())["state"] == "Uploaded" and one, 30, "the upload")
    assert list(store.objects("cli", done["key_prefix"]).values()) == [b"hello\n"] and done["key_prefix"].startswith("by-hand/")
    assert "cli" in hub.cli("object-store", "list", check=0).out
    assert store.secret not in hub.cli("object-store", "show", "cli", "-o", "json", check=0).out
    assert hub.cli("object-store", "retry", done["command_id"], node).returncode != 0
    hub.cli("object-store", "delete", "cli", check=0)
    assert hub.cli("object-store", "show", "cli").returncode == 3
