"""The unmodified JavaScript SDK (`@aws-sdk/client-ssm`) against the hub."""

import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import uuid

import pytest

from harness.process import base_env

FOLDER = pathlib.Path(__file__).parent / "js"


@pytest.fixture(scope="session")
def sdk():
    """Installs the SDK as its lock file says, once, whichever worker comes first."""
    if not shutil.which("npm"):
        pytest.skip("there is no npm here")
    with open(FOLDER / "package.json") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (FOLDER / "node_modules" / "@aws-sdk" / "client-ssm").is_dir():
            subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=FOLDER, check=True, timeout=600)
    return FOLDER


def test_parameters(hub, sdk):
    root = f"/js-{uuid.uuid4().hex[:8]}"
    env = base_env(
        ENDPOINT=hub.http, ROOT=root, AWS_ACCESS_KEY_ID=hub.key, AWS_SECRET_ACCESS_KEY=hub.secret, AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    )
    done = subprocess.run(["node", "parameters.mjs"], cwd=sdk, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "version": 2,
        "labelled": "one",
        "isDate": True,
        "many": ["two", "open sesame"],
        "invalid": ["none"],
        "paged": [1, 1],
        "labels": [["first"], []],
        "described": [[f"{root}/a", "String"], [f"{root}/b", "SecureString"]],
        "deleted": 2,
        "error": ["ParameterNotFound", f"Parameter {root}/a not found."],
    }
