"""One hub with two agents per worker, and the clients that drive it: boto3, aws-cli, our own command line, and bare HTTP."""

import os
import pathlib
import subprocess
import sys

import boto3
import pytest
from botocore.config import Config

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness.process import Bed, base_env, find_binary  # noqa: E402


def pytest_collection_modifyitems(items):
    """A file's tests share a hub, so they stay together on one worker; a test with a hub of its own runs wherever there is room. What
    takes long in one piece begins first."""
    for item in items:
        if "bed" not in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: (item.get_closest_marker("early") is None, "bed" not in item.fixturenames))


@pytest.fixture(scope="session")
def binary():
    return find_binary()


@pytest.fixture(scope="session")
def hub(binary):
    """A hub that tests share; a test that kills or fills it starts its own with `bed`."""
    with Bed(binary, "clients") as hub:
        yield hub


@pytest.fixture(scope="session")
def agents(hub):
    return [hub.join("north"), hub.join("south")]


@pytest.fixture(scope="session")
def node(agents):
    return agents[0].node


@pytest.fixture(scope="session")
def nodes(agents):
    return [agent.node for agent in agents]


@pytest.fixture
def bed(binary):
    """Starts hubs of a test's own."""
    beds = []

    def start(**options):
        one = Bed(binary, "own", **options)
        beds.append(one)
        return one.__enter__()

    yield start
    for one in beds:
        one.__exit__(None, None, None)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A certificate for localhost: its file, its key's file, and itself as PEM."""
    folder = tmp_path_factory.mktemp("authority")
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run(argv, check=True, capture_output=True)
    return folder / "cert", folder / "key", (folder / "cert").read_text()


def boto(hub, url=None, key=None, secret=None, region="eu-central-1", service="ssm", **config):
    return boto3.client(
        service,
        endpoint_url=url or hub.http,
        region_name=region,
        aws_access_key_id=key or hub.key,
        aws_secret_access_key=secret or hub.secret,
        verify=hub.ca_file() if (url or hub.http).startswith("https") else None,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


@pytest.fixture(scope="session", params=["http", "https"])
def ssm(request, hub):
    """Unmodified boto3, once over plain HTTP from the loopback and once over TLS."""
    return boto(hub, getattr(hub, request.param))


@pytest.fixture(scope="session")
def ssm_plain(hub):
    return boto(hub)


@pytest.fixture(scope="session")
def aws(hub):
    """Unmodified aws-cli: `aws("ssm", "list-commands")` returns the finished process."""
    program = pathlib.Path(sys.executable).parent / "aws"

    def run(*args, url=None, key=None, secret=None, check=0):
        url = url or hub.https
        env = base_env(
            AWS_ACCESS_KEY_ID=key or hub.key, AWS_SECRET_ACCESS_KEY=secret or hub.secret, AWS_DEFAULT_REGION="ap-northeast-1",
            AWS_ENDPOINT_URL_SSM=url, AWS_ENDPOINT_URL_STS=url, AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_MAX_ATTEMPTS="1",
            AWS_EC2_METADATA_DISABLED="true", AWS_PAGER="", **({"AWS_CA_BUNDLE": hub.ca_file()} if url.startswith("https") else {}),
        )
        done = subprocess.run([program, *args, "--output", "json"], env=env, capture_output=True, text=True, timeout=120)
        if check is not None:
            assert done.returncode == check, f"aws {args} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def refuses():
    """`refuses("InvalidDocument", client.send_command, …)`: the call is refused with that code (or one of those);
    returns the error."""
    from botocore.exceptions import ClientError

    def check(code, call, *args, **kwargs):
        with pytest.raises(ClientError) as caught:
            call(*args, **kwargs)
        error = caught.value.response
        assert error["Error"]["Code"] in ((code,) if isinstance(code, str) else code), error
        assert error["Error"]["Message"], "an error names the thing"
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
        return error["Error"]

    return check
