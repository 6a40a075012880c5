"""What a hub refuses at its start: settings that are wrong, ports and data that are in use."""

import subprocess

import pytest

from harness.process import base_env, free_port

USAGE, CONFLICT = 2, 5


@pytest.fixture
def serve(binary, tmp_path):
    """Runs `roadstead serve`, which is to end by itself."""

    def run(*args, verb="serve", data=tmp_path / "hub", port=None, **env):
        argv = [binary, verb, "--data", data, "--listen", f"127.0.0.1:{port or free_port()}", *args]
        return subprocess.run(argv, env=base_env(HOME=tmp_path, **env), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    return run


def test_the_first_admins_password_follows_the_rule_for_all(serve, tmp_path, binary, bed):
    password = tmp_path / "password"
    password.write_text("abc\n")
    by_file = serve(ROADSTEAD_ADMIN_USER="admin", ROADSTEAD_ADMIN_PASSWORD_FILE=password)
    by_value = serve(ROADSTEAD_ADMIN_USER="admin", ROADSTEAD_ADMIN_PASSWORD="abc")
    for refused in (by_file, by_value):
        assert refused.returncode == USAGE, refused.stderr
        assert "ROADSTEAD_ADMIN_PASSWORD" in refused.stderr and "at least 10" in refused.stderr


def test_once_there_is_an_admin_the_password_is_not_looked_at(bed, tmp_path):
    own = bed()
    own.stop()
    (tmp_path / "short").write_text("abc")
    own.env["ROADSTEAD_ADMIN_PASSWORD_FILE"] = str(tmp_path / "short")
    own.start()


@pytest.mark.parametrize(
    "name", ["ROADSTEAD_ADMIN_ACCESS_KEY_ID", "ROADSTEAD_ADMIN_SECRET_ACCESS_KEY", "ROADSTEAD_ADMIN_SECRET_ACCESS_KEY_FILE", "ROADSTEAD_ADMIN_PASSWORD_FILE"]
)
def test_credentials_for_nobody_are_refused(serve, name):
    refused = serve(**{name: "something"})
    assert refused.returncode == USAGE and name in refused.stderr and "ROADSTEAD_ADMIN_USER" in refused.stderr


def test_a_region_that_is_no_label_is_refused(serve):
    refused = serve(ROADSTEAD_REGION="a/b c")
    assert refused.returncode == USAGE and "ROADSTEAD_REGION" in refused.stderr


@pytest.mark.parametrize("verb", ["serve", "up"])
@pytest.mark.parametrize("wrong", ["infoo", "nonsense[[", "info,h2"])
def test_a_log_level_that_is_none_is_refused(serve, verb, wrong):
    refused = serve(verb=verb, ROADSTEAD_LOG=wrong)
    assert refused.returncode == USAGE and f"ROADSTEAD_LOG is `{wrong}`" in refused.stderr and "info,h2=debug" in refused.stderr


@pytest.mark.parametrize("name", ["ROADSTEAD_ADMIN_PASSWORD_FILE", "ROADSTEAD_ADMIN_SECRET_ACCESS_KEY_FILE"])
def test_a_secret_whose_file_is_missing_is_named(serve, tmp_path, name):
    refused = serve(ROADSTEAD_ADMIN_USER="admin", **{name: tmp_path / "absent"})
    assert refused.returncode == USAGE and name in refused.stderr and "absent" in refused.stderr, refused.stderr


@pytest.mark.parametrize("wrong", [{"ROADSTEAD_ADMIN_USER": "no such/name"}, {"ROADSTEAD_ADMIN_ACCESS_KEY_ID": "short"}])
def test_a_first_admin_who_cannot_be_is_wrong_usage(serve, wrong):
    sound = {"ROADSTEAD_ADMIN_USER": "admin", "ROADSTEAD_ADMIN_ACCESS_KEY_ID": "AKIA0123456789ABCDEF", "ROADSTEAD_ADMIN_SECRET_ACCESS_KEY": "s" * 32}
    refused = serve(**{**sound, **wrong})
    assert refused.returncode == USAGE and "ROADSTEAD_ADMIN_USER" in refused.stderr, refused.stderr


def test_a_data_folder_that_cannot_be_is_told_with_its_cause_once(serve, tmp_path):
    (tmp_path / "file").write_text("")
    refused = serve(data=tmp_path / "file" / "hub")
    assert refused.returncode == 1 and refused.stderr.count("Not a directory") == 1, refused.stderr


@pytest.mark.parametrize("verb", ["serve", "up"])
def test_a_busy_port_of_ipv6_alone_is_a_conflict_too(binary, tmp_path, verb):
    import socket

    try:
        held = socket.create_server(("::", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with held:
        argv = [binary, verb, "--data", tmp_path / "hub", "--listen", f"[::]:{held.getsockname()[1]}"]
        refused = subprocess.run(argv, env=base_env(HOME=tmp_path), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert refused.returncode == CONFLICT and "is busy" in refused.stderr, refused.stderr


@pytest.mark.parametrize("verb", ["serve", "up"])
def test_a_busy_port_is_a_conflict_and_the_advice_keeps_the_address(hub, serve, verb):
    refused = serve(verb=verb, port=hub.port)
    assert refused.returncode == CONFLICT, refused.stderr
    assert f"port {hub.port} is busy" in refused.stderr and f"--listen 127.0.0.1:{hub.port + 1}" in refused.stderr
    assert "0.0.0.0" not in refused.stderr


@pytest.mark.parametrize("verb", ["serve", "up"])
def test_data_of_a_running_hub_is_a_conflict(hub, serve, verb):
    refused = serve(verb=verb, data=hub.data)
    assert refused.returncode == CONFLICT, refused.stderr
    assert f"a hub runs already on {hub.data}" in refused.stderr and str(hub.port) in refused.stderr


def test_the_folder_of_a_running_agent_is_a_conflict(hub, agents, binary):
    argv = [binary, "serve", "--agent", "--data", agents[0].data]
    refused = subprocess.run(argv, env=base_env(), capture_output=True, text=True, timeout=60)
    assert refused.returncode == CONFLICT and "runs already" in refused.stderr
