"""What is fetched: attachments at signed addresses, and aws:downloadContent from servers that want to know who asks."""

import hashlib
import http.server
import json
import os
import re
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

import pytest
from conftest import boto

from harness.process import wait_invocation
from harness.ssh_server import SshServer

SHELL = "aws:runShellScript"


@pytest.fixture
def document(ssm_plain, request):
    """Makes a document of this test's own; answers its name."""
    made = []

    def create(*steps, ssm=ssm_plain, **members):
        name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:100] + str(len(made))
        ssm.create_document(Name=name, Content=json.dumps({"schemaVersion": "2.2", "mainSteps": list(steps)}), DocumentType="Command", **members)
        made.append((ssm, name))
        return name

    yield create
    for ssm, name in made:
        ssm.delete_document(Name=name)


def script(name, line):
    return {"action": SHELL, "name": name, "inputs": {"runCommand": [line]}}


def download(kind, to="", **info):
    inputs = {"sourceType": kind, "sourceInfo": json.dumps(info), "destinationPath": str(to)}
    return {"action": "aws:downloadContent", "name": "fetch", "inputs": inputs}


def send(ssm, node, name):
    return ssm.send_command(DocumentName=name, InstanceIds=[node])["Command"]["CommandId"]


# Attachments.


def fetched(hub, url):
    context = ssl.create_default_context(cafile=hub.ca_file()) if url.startswith("https") else None
    with urllib.request.urlopen(url, timeout=30, context=context) as response:
        return response.headers, response.read()


def refused(hub, url):
    with pytest.raises(urllib.error.HTTPError) as error:
        fetched(hub, url)
    return error.value.code, error.value.read().decode()


def test_an_attachment_is_fetched_at_its_signed_address(hub, ssm, document):
    files = hub.data / "files"
    files.mkdir(exist_ok=True)
    contents = {"tool.sh": b"echo tool\n", "large.bin": os.urandom(700_000)}
    for name, content in contents.items():
        (files / name).write_bytes(content)
    sources = [{"Key": "SourceUrl", "Values": [f"hub://{name}"], "Name": name} for name in contents]
    name = document(script("one", "true"), ssm=ssm, Attachments=sources)
    attachments = {one["Name"]: one for one in ssm.get_document(Name=name)["AttachmentsContent"]}
    assert attachments.keys() == contents.keys()
    for file, content in contents.items():
        url = attachments[file]["Url"]
        assert url.startswith(ssm.meta.endpoint_url), url
        headers, body = fetched(hub, url)
        assert body == content and hashlib.sha256(body).hexdigest() == attachments[file]["Hash"]
        assert headers["Content-Disposition"] == f'attachment; filename="{file}"' and headers["Content-Length"] == str(len(content))
    url = attachments["tool.sh"]["Url"]
    for other in (url.replace("tool.sh", "large.bin"), re.sub(r"Expires=\d+", "Expires=99999999999", url), url.split("?")[0], url + "0"):
        code, said = refused(hub, other)
        assert code == 403 and "no address that the hub has signed" in said, other
    filter = {"Join": "and", "Terms": [{"Key": "target", "Op": "eq", "Value": f"document/{name}"}]}
    events = hub.api.hub("ListAuditEvents", Filter=filter)["Events"]
    details = sorted(event["Detail"] for event in events if event["Operation"].endswith("GetDocument"))
    assert details == [f"attachment `{file}` of version 1 fetched at its signed address" for file in sorted(contents)], events
    assert all(hub.key in event["Caller"] for event in events if event["Operation"].endswith("GetDocument")), events
    ssm.update_document(Name=name, Content=json.dumps({"schemaVersion": "2.2", "mainSteps": [script("two", "true")]}), DocumentVersion="$LATEST")
    assert fetched(hub, ssm.get_document(Name=name, DocumentVersion="2")["AttachmentsContent"][1]["Url"])[1] == contents["tool.sh"]


# What comes to lie on the node.


class Files(http.server.BaseHTTPRequestHandler):
    """A script at any path; what is asked for as `/short/…` breaks off in the middle."""

    def do_GET(self):
        content = b'#!/bin/sh\necho "deployed $*"\n'
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:5] if self.path.startswith("/short/") else content)

    def log_message(self, *_):
        pass


@pytest.fixture
def files():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_script_that_was_fetched_is_called_by_its_name(hub, ssm_plain, node, files):
    for line in ("deploy.sh one", "./deploy.sh one"):
        parameters = {"sourceType": ["HTTP"], "sourceInfo": [json.dumps({"url": f"{files}/deploy.sh", "allowInsecureDownload": True})], "commandLine": [line]}
        command = ssm_plain.send_command(DocumentName="AWS-RunRemoteScript", InstanceIds=[node], Parameters=parameters)["Command"]["CommandId"]
        ran = wait_invocation(hub, command, node, step="runShellScript")
        assert (ran["Status"], ran["StandardOutputContent"]) == ("Success", "deployed one\n"), ran


def test_nothing_is_left_of_a_transfer_that_broke_off(hub, ssm_plain, node, document, files, tmp_path):
    folder = tmp_path / "cron.d"
    folder.mkdir()
    (folder / "job").write_text("before")
    name = document(download("HTTP", folder / "job", url=f"{files}/short/job", allowInsecureDownload=True))
    fetch = wait_invocation(hub, send(ssm_plain, node, name), node, step="fetch")
    assert fetch["Status"] == "Failed" and "broke off" in fetch["StandardErrorContent"], fetch
    assert [(one.name, one.read_text()) for one in folder.iterdir()] == [("job", "before")]


@pytest.mark.parametrize("format", ["JSON", "YAML"])
def test_a_document_comes_as_its_author_wrote_it(hub, ssm_plain, node, document, format):
    written = {
        "JSON": '{ "schemaVersion" : "2.2",\n\t"mainSteps": [ {"name": "zero", "action": "aws:runShellScript",\n "inputs": {"runCommand": ["true"] }}]}\n',
        "YAML": "schemaVersion: '2.2'\ndescription: d\nmainSteps:\n- name: zero\n  action: aws:runShellScript\n  inputs:\n    runCommand: ['true']\n",
    }[format]
    name = f"Written-{format}"
    ssm_plain.create_document(Name=name, Content=written, DocumentType="Command", DocumentFormat=format)
    try:
        command = send(ssm_plain, node, document(download("SSMDocument", name=name), script("show", f"cat {name}.json")))
        shown = wait_invocation(hub, command, node, step="show")["StandardOutputContent"]
        assert shown == ssm_plain.get_document(Name=name, DocumentFormat="JSON")["Content"]
        assert (shown == written) == (format == "JSON") and shown.index('"name"') < shown.index('"action"') < shown.index('"inputs"')
    finally:
        ssm_plain.delete_document(Name=name)


# HTTP with a login by Digest.


class Digest(http.server.BaseHTTPRequestHandler):
    """Knows one user; the path says by which hash it asks."""

    PASSWORD, NONCE = "open sesame", "dcd98b7102dd2f0e8b11d0f600bfb0c093"

    def do_GET(self):
        name, _, file = self.path.lstrip("/").partition("/")
        kind = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[name.removesuffix("-sess")]

        def digest(*parts):
            return kind(":".join(parts).encode()).hexdigest()

        said = dict(re.findall(r'(\w+)="?([^",]*)"?', self.headers.get("Authorization", "")))
        if said:
            secret = digest("ann", "the store", self.PASSWORD)
            if name.endswith("-sess"):
                secret = digest(secret, self.NONCE, said["cnonce"])
            expected = digest(secret, self.NONCE, said["nc"], said["cnonce"], "auth", digest("GET", self.path))
            is_right = said["username"] == "ann" and said["response"] == expected and said["uri"] == self.path
        if not said or not is_right:
            self.send_response(401)
            self.send_header("WWW-Authenticate", f'Digest realm="the store", qop="auth", nonce="{self.NONCE}", algorithm={name}')
            self.send_header("Content-Length", "0")
            return self.end_headers()
        content = f"fetched by {name}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def test_a_server_that_asks_for_a_digest_is_answered(hub, ssm_plain, node, document):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Digest)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def run(name, password):
        url = f"http://127.0.0.1:{server.server_port}/{name}/note.txt?v=1"
        info = {"url": url, "allowInsecureDownload": True, "authMethod": "Digest", "userName": "ann", "password": password}
        command = send(ssm_plain, node, document(download("HTTP", **info), script("show", "cat note.txt")))
        return [wait_invocation(hub, command, node, step=step) for step in ("fetch", "show")]

    try:
        for name in ("MD5", "SHA-256", "SHA-256-sess"):
            fetch, show = run(name, Digest.PASSWORD)
            assert (fetch["Status"], show["StandardOutputContent"]) == ("Success", f"fetched by {name}\n"), fetch
        fetch, _ = run("MD5", "wrong")
        assert fetch["Status"] == "Failed" and "answered 401" in fetch["StandardErrorContent"], fetch
    finally:
        server.shutdown()


# Git over SSH.


@pytest.fixture
def ssh():
    server = SshServer()
    yield server
    server.close()


def test_a_repository_behind_ssh_is_fetched_with_a_key_from_the_store(bed, ssh, tmp_path):
    origin = tmp_path / "origin"
    commit = f"cd {origin}; git -c user.name=x -c user.email=x@x commit -q"
    subprocess.run(f"git init -q {origin} && {commit} --allow-empty -m zero && echo one >a.txt && git add . && {commit} -m one", shell=True, check=True)
    hub = bed()
    node = hub.join("fetcher").node
    ssm = boto(hub)
    for name, key in ssh.keys.items():
        ssm.put_parameter(Name=f"/git/{name}", Value=key, Type="SecureString")
    hub.api.hub("PutNodeParameterAccess", Name="git", Path="/git", Nodes={"NodeIds": [node]}, WithDecryption=True)

    def run(name, key, **info):
        info = {"repository": f"{ssh.url}{origin}", "privateSSHKey": f"{{{{ssm-secure:/git/{key}}}}}", **info}
        content = {"schemaVersion": "2.2", "mainSteps": [download("Git", **info), script("show", "ls -A; cat a.txt")]}
        ssm.create_document(Name=name, Content=json.dumps(content), DocumentType="Command")
        command = send(ssm, node, name)
        return [wait_invocation(hub, command, node, step=step) for step in ("fetch", "show")]

    fetch, show = run("Right", "known", skipHostKeyChecking=True)
    assert (fetch["Status"], show["StandardOutputContent"]) == ("Success", "a.txt\none\n"), fetch
    fetch, show = run("WrongKey", "other", skipHostKeyChecking=True)
    assert fetch["Status"] == "Failed" and "Permission denied" in fetch["StandardErrorContent"] and show["StandardOutputContent"] == "", fetch
    fetch, show = run("UnknownHost", "known")
    assert fetch["Status"] == "Failed" and "Host key verification failed" in fetch["StandardErrorContent"], fetch
    fetch, show = run("WrongCommit", "known", skipHostKeyChecking=True, getOptions="commitID:0123456789abcdef0123456789abcdef01234567")
    assert fetch["Status"] == "Failed" and show["StandardOutputContent"] == "", "nothing is left of the clone or the key"
