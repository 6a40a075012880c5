"""Downloads from a real store that checks every signature, by a real agent that has no key of it."""

import itertools
import json
import pathlib
import sqlite3
import ssl
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config

from conftest import Bed, boto
from harness.object_store import LOOPBACK, ObjectStore
from harness.process import TERMINAL
from harness.wait import until
from test_documents import script, steps


@pytest.fixture(scope="module")
def store(tmp_path_factory, authority):
    with ObjectStore(tmp_path_factory.mktemp("store"), authority) as one:
        for bucket in ("tools", "logs"):
            one.s3.create_bucket(Bucket=bucket)
        for key, body in [("prod/one tool+é.sh", b"echo fetched $1\n"), ("prod/set/a.txt", b"A"), ("prod/set/deep/b.txt", b"B"),
                          ("other/x", b"x"), ("prod/empty", b"")]:
            one.s3.put_object(Bucket="tools", Key=key, Body=body)
        one.s3.put_object(Bucket="tools", Key="prod/large", Body=b"0123456789abcdef" * 200_000)
        one.s3.put_object(Bucket="logs", Key="x", Body=b"x")
        yield one


class Place:
    """A hub of its own with one node, which knows the store."""

    def __init__(self, hub, store, authority):
        self.hub, self.store, self.authority = hub, store, authority
        self.agent = hub.join("fetcher")
        self.ssm, self.numbers = boto(hub), itertools.count(1)
        self.put("tools/prod")

    def put(self, *readable, secret=None):
        settings = {"Endpoint": self.store.url, "AccessKeyId": self.store.key, "OutputPlaces": ["logs"], "DownloadPlaces": list(readable),
                    "AllowedNetworks": LOOPBACK, "CaPem": self.authority[2]}
        self.hub.api.hub("PutObjectStore", Name="nanio", Settings=settings, SecretAccessKey=secret or self.store.secret)

    def run(self, info, *lines, **settings):
        fetch = {"action": "aws:downloadContent", "name": "fetch", "inputs": {"sourceType": "S3", "sourceInfo": json.dumps(info)}}
        return self.run_document(steps(fetch, *([script(*lines, name="use")] if lines else [])), **settings)

    def run_document(self, content, **settings):
        name = f"Fetch-{next(self.numbers)}"
        self.ssm.create_document(Name=name, Content=content, DocumentType="Command")
        return self.send(name, settings)

    def send(self, name, settings=None, **parameters):
        members = {"DocumentName": name, "InstanceIds": [self.agent.node], "Parameters": parameters, **({"RunSettings": settings} if settings else {})}
        command = self.hub.api.ssm("SendCommand", **members)["Command"]["CommandId"]

        def ended():
            (share,) = self.ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
            return share if share["Status"] in TERMINAL else None

        invocation = until(ended, 60, "the download ending")
        return {plugin["Name"]: (plugin["Status"], plugin["Output"]) for plugin in invocation["CommandPlugins"]}

    def grants(self):
        filter = {"Join": "and", "Terms": [{"Key": "operation", "Op": "eq", "Value": "NodeReadObjects"}]}
        return self.hub.api.hub("ListAuditEvents", Filter=filter)["Events"]


@pytest.fixture(scope="module")
def place(binary, store, authority):
    with Bed(binary, "fetching") as hub:
        yield Place(hub, store, authority)


def test_an_object_comes_straight_from_the_store(place):
    ended = place.run({"path": f"{place.store.url}/tools/prod/one%20tool%2B%C3%A9.sh"}, "sh './one tool+é.sh' it", "ls -A | wc -l")
    assert ended["use"] == ("Success", "fetched it\n1\n"), ended
    newest = place.grants()[0]
    assert (newest["Outcome"], newest["Target"], newest["Caller"]) == ("done", "object-store/nanio", f"node:{place.agent.node}")
    assert "`tools/prod/one tool+é.sh`" in newest["Detail"] and newest["CommandId"]
    for info in ({"path": "s3://tools/prod/large"}, {"path": "s3://tools/prod/large", "endpoint": place.store.url}):
        ended = place.run(info, "wc -c <large; cksum <large")
        assert ended["use"][0] == "Success" and ended["use"][1].startswith("3200000\n"), ended
    assert place.run({"path": "s3://tools/prod/empty"}, "wc -c <empty")["use"] == ("Success", "0\n")


def test_the_store_gives_nothing_without_the_right_signature(store, authority):
    """Or the tests here would prove nothing."""
    def status(url):
        try:
            return urllib.request.urlopen(url, context=ssl.create_default_context(cafile=authority[0])).status
        except urllib.error.HTTPError as error:
            return error.code

    signer = boto3.client("s3", endpoint_url=store.url, region_name="us-east-1", aws_access_key_id=store.key, aws_secret_access_key=store.secret,
                          verify=str(authority[0]), config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    signed = signer.generate_presigned_url("get_object", {"Bucket": "tools", "Key": "prod/set/a.txt"})
    assert "X-Amz-Signature=" in signed and status(signed) == 200
    broken = signed[:-1] + ("0" if signed[-1] != "0" else "1")
    assert (status(broken), status(signed.split("?")[0])) == (403, 403)


def test_a_folder_comes_whole(place):
    for path in ("s3://tools/prod/set", f"{place.store.url}/tools/prod/set/"):
        ended = place.run({"path": path}, "find . -type f | sort; cat a.txt deep/b.txt")
        assert ended["use"] == ("Success", "./a.txt\n./deep/b.txt\nAB"), ended
        assert "2 objects below `tools/prod/set" in place.grants()[0]["Detail"]


def test_a_step_with_ceilings_downloads_too(place):
    ended = place.run({"path": "s3://tools/prod/large"}, "wc -c <large; nice", MemoryMiB=256, CpuPercent=80, Nice=7)
    assert ended["use"] == ("Success", "3200000\n7\n"), ended


def test_a_document_inside_a_document_downloads_too(place):
    fetch = {"action": "aws:downloadContent", "name": "fetch", "inputs": {"sourceType": "S3", "sourceInfo": {"path": "s3://tools/prod/set/{{ file }}"}}}
    inner = steps(fetch, script("cat a.txt; env | grep -c X-Amz || true", name="use"), parameters={"file": {"type": "String"}})
    place.ssm.create_document(Name="Inner-Fetch", Content=inner, DocumentType="Command")
    run = {"action": "aws:runDocument", "name": "nest", "inputs": {
        "documentType": "SSMDocument", "documentPath": "Inner-Fetch", "documentParameters": {"file": "a.txt"}}}
    ended = place.run_document(steps(run))
    assert ended["nest"][0] == "Success" and "A0\n" in ended["nest"][1], ended
    ended = place.send("AWS-RunRemoteScript", sourceType=["S3"], sourceInfo=[json.dumps({"path": "s3://tools/prod/set/"})], commandLine=["cat deep/b.txt"])
    assert [status for status, _ in ended.values()] == ["Success", "Success"] and list(ended.values())[1][1] == "B", ended


@pytest.mark.parametrize("path, words", [
    ("s3://tools/prod/none", "there is no object `tools/prod/none` at the object store `nanio`"),
    ("s3://tools/other/x", "the object store `nanio` does not let nodes read `tools/other/x`"),
    ("s3://logs/x", "`--readable logs`"),
    ("s3://tools/prod/../other/x", "dotted parts"),
    ("s3://of-nobody/x", "needs the `endpoint`"),
])
def test_what_cannot_be_had_fails_the_step_and_says_why(place, path, words):
    ended = place.run({"path": path}, "touch never")
    assert ended["fetch"][0] == "Failed" and words in ended["fetch"][1], ended


def test_a_wrong_secret_is_said(place):
    place.put("tools/prod", secret="not the secret")
    ended = place.run({"path": "s3://tools/prod/large"})
    place.put("tools/prod")
    assert ended["fetch"][0] == "Failed" and "`nanio`" in ended["fetch"][1] and "not the secret" not in ended["fetch"][1], ended
    assert "its secret is another" in ended["fetch"][1], ended


def test_no_signature_and_no_secret_is_left_anywhere(bed, store, authority):
    place = Place(bed(), store, authority)
    assert place.run({"path": "s3://tools/prod/large"})["fetch"][0] == "Success"
    place.hub.stop()
    database = sqlite3.connect(place.hub.data / "hub.db")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    # Nobody puts another file in the place of one that is being looked at.
    place.agent.stop()
    looked, found = 0, []
    for folder in (place.hub.folder, place.agent.folder):
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file() and not path.is_symlink():
                content, looked = path.read_bytes(), looked + 1
                found += [str(path) for text in (b"X-Amz-Signature=", place.store.secret.encode()) if text in content]
    assert found == [] and looked > 10
