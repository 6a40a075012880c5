"""Ansible's unmodified lookup `amazon.aws.ssm_parameter` against the hub."""

import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import uuid
import zipfile

import pytest

from harness.process import base_env

FOLDER = pathlib.Path(__file__).parent / "ansible"
SITE, COLLECTIONS, STAMP = FOLDER / "site", FOLDER / "collections", FOLDER / ".stamp"
# The large package is fetched for one folder of it: the collection `amazon.aws` 9.5.2.
BUNDLE, BUNDLE_SHA256 = "ansible==11.13.0", "7f1c9c6a6026ff214d9240647e4d2b019b2a9d4c7a2bc733932bcf92af80ab04"
WANTED = "ansible_collections/amazon/aws/"


def pip(*args):
    subprocess.run([sys.executable, "-m", "pip", *args, "--quiet", "--disable-pip-version-check", "--no-deps"], check=True, timeout=600)


def install():
    for folder in [SITE, COLLECTIONS]:
        shutil.rmtree(folder, ignore_errors=True)
    pip("install", "--target", str(SITE), "-r", str(FOLDER / "requirements.txt"))
    with tempfile.TemporaryDirectory() as fetched:
        pip("download", "--only-binary", ":all:", "--dest", fetched, BUNDLE)
        (wheel,) = pathlib.Path(fetched).iterdir()
        assert hashlib.sha256(wheel.read_bytes()).hexdigest() == BUNDLE_SHA256, f"{wheel.name} is not the one that was looked at"
        with zipfile.ZipFile(wheel) as bundle:
            bundle.extractall(COLLECTIONS, [name for name in bundle.namelist() if name.startswith(WANTED)])


@pytest.fixture(scope="session")
def ansible():
    """Installs Ansible as its requirements say, once, whichever worker comes first."""
    requirements = FOLDER / "requirements.txt"
    pins = f"{requirements.read_text()}{BUNDLE}"
    with open(requirements) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not STAMP.exists() or STAMP.read_text() != pins:
            install()
            STAMP.write_text(pins)
    return [sys.executable, str(SITE / "bin" / "ansible-playbook"), "-i", "localhost,", str(FOLDER / "parameters.yml")]


def test_a_play_looks_parameters_up(hub, ansible, tmp_path):
    root = f"/ansible-{uuid.uuid4().hex[:8]}"

    def put(name, value, kind="String", **more):
        hub.api.ssm("PutParameter", Name=f"{root}/{name}", Value=value, Type=kind, **more)

    put("db/host", "old")
    hub.api.ssm("LabelParameterVersion", Name=f"{root}/db/host", ParameterVersion=1, Labels=["live"])
    put("db/host", "db1", Overwrite=True)
    put("db/pass", "open sesame", "SecureString")
    put("port", "80")
    for n in range(11):
        put(f"many/{n:02}", str(n))
    put("hidden", "x")
    key = hub.api.hub("CreateAccessKey", UserName=reader(hub, root))
    out = tmp_path / "out.json"
    env = base_env(
        HOME=tmp_path, PYTHONPATH=SITE, ANSIBLE_COLLECTIONS_PATH=COLLECTIONS, ANSIBLE_LOCAL_TEMP=tmp_path / "local", ANSIBLE_LOCALHOST_WARNING="false",
        AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"], AWS_DEFAULT_REGION="eu-central-1",
        AWS_ENDPOINT_URL_SSM=hub.http, AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true",
    )
    done = subprocess.run([*ansible, "-e", f"root={root}", "-e", f"out={out}"], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text())
    assert found["one"] == "db1" and found["secret"] == "open sesame" and found["labelled"] == "old"
    assert found["sealed"] not in ("", "open sesame")
    assert found["many"] == ["db1", "80"]
    assert found["level"] == {f"{root}/db/host": "db1", f"{root}/db/pass": "open sesame"}
    assert found["short"] == {"host": "db1", "pass": "open sesame"}
    assert found["tree"] == {"/db/host": "db1", "/db/pass": "open sesame", "/port": "80", **{f"/many/{n:02}": str(n) for n in range(11)}}
    assert found["skipped"] == "fallback" and found["denied"] == "fallback"
    assert f"{root}/none" in found["failure"]


def reader(hub, root):
    """A user who reads parameters, all but one."""
    name = root.strip("/")
    parameter = lambda *ids: [{"Kind": "parameter", "Ids": [f"{root}/{one}" for one in ids]}]
    statements = [
        {"Effect": "Allow", "Actions": ["ssm:GetParameter*"], "Resources": parameter("*")},
        {"Effect": "Deny", "Actions": ["ssm:GetParameter*"], "Resources": parameter("hidden")},
    ]
    hub.api.hub("PutPolicy", PolicyName=name, Document={"Statements": statements})
    hub.api.hub("CreateUser", UserName=name)
    hub.api.hub("AttachPolicy", PolicyName=name, UserName=name)
    return name
