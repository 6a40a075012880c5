"""The command line: every verb, its formats and its exit codes, as a user or a script meets them."""

import csv
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from harness.process import ADMIN, ADMIN_PASSWORD, base_env, free_port
from harness.wait import until

OK, FAILED, USAGE, NOT_FOUND, DENIED, CONFLICT, PARTLY, TIMED_OUT, UNREACHABLE = 0, 1, 2, 3, 4, 5, 6, 7, 8


def rows(hub, *args):
    return json.loads(hub.cli(*args, "-o", "json", check=OK).out)


def test_version_needs_nobody(binary):
    done = subprocess.run([binary, "version"], capture_output=True, text=True, env=base_env(), timeout=20)
    assert done.returncode == OK and re.fullmatch(r"roadstead \d+\.\d+\.\d+\n", done.stdout)
    asked = subprocess.run([binary, "--version"], capture_output=True, text=True, env=base_env(), timeout=20)
    assert (asked.returncode, asked.stdout) == (OK, done.stdout)


@pytest.mark.parametrize("verb", [["node", "list"], ["document", "default", "x"], ["serve"]])
def test_a_verb_that_knows_no_version_does_not_print_one(binary, verb):
    done = subprocess.run([binary, *verb, "--version"], capture_output=True, text=True, env=base_env(), timeout=20)
    assert done.returncode == USAGE and done.stdout == "" and "'--version'" in done.stderr


def test_it_runs_in_an_empty_root(binary, tmp_path):
    """The binary needs no library and no file beside it."""
    if os.geteuid() != 0:
        ldd = subprocess.run(["ldd", binary], capture_output=True, text=True)
        assert "statically linked" in ldd.stdout + ldd.stderr
        return
    import shutil

    root = tmp_path / "root"
    (root / "data").mkdir(parents=True)
    shutil.copy(binary, root / "roadstead")
    chroot = shutil.which("chroot") or "/usr/sbin/chroot"
    done = subprocess.run([chroot, root, "/roadstead", "version"], capture_output=True, text=True, timeout=30, env={})
    assert done.returncode == OK, done.stderr
    port = free_port()
    argv = [chroot, root, "/roadstead", "serve", "--data", "/data", "--listen", f"127.0.0.1:{port}"]
    with open(tmp_path / "log", "wb") as log:
        hub = subprocess.Popen(argv, stdout=log, stderr=log, env={})
    try:
        import urllib.request

        until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz").status == 200, 30, "a hub in an empty root being ready")
    finally:
        hub.terminate()
        assert hub.wait(20) == 0, (tmp_path / "log").read_text()


def test_nodes_in_every_format(hub, agents):
    listed = {row["name"]: row for row in rows(hub, "node", "list")}
    assert listed["north"]["node_id"] == agents[0].node and listed["north"]["status"] == "Online"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", listed["north"]["joined_at"])
    assert hub.cli("node", "list", "-o", "name", "--filter", "name=north", check=OK).out == agents[0].node + "\n"
    table = hub.cli("node", "list", "--filter", "name=north", check=OK).out.splitlines()
    assert table[0].startswith("NODE ID") and len(table) == 2 and "north" in table[1]
    read = list(csv.DictReader(io.StringIO(hub.cli("node", "list", "-o", "csv", check=OK).out)))
    assert {"north", "south"} <= {row["name"] for row in read}
    assert f"node_id: {agents[0].node}" in hub.cli("node", "list", "-o", "yaml", check=OK).out
    assert hub.cli("node", "list", "--columns", "name", "--no-headers", "--filter", "name=south", check=OK).out.strip() == "south"


def test_a_node_is_shown_tagged_and_renamed(hub, agents):
    hub.cli("node", "tag", "north", "team=deck", "spare=1", check=OK)
    hub.cli("node", "tag", "north", "spare-", check=OK)
    shown = rows(hub, "node", "show", "north")
    assert shown["node_id"] == agents[0].node and shown["kernel"] and "deck" in json.dumps(shown["tags"]) and "spare" not in json.dumps(shown["tags"])
    assert [row["name"] for row in rows(hub, "node", "list", "--filter", "tag:team=deck")] == ["north"]


def test_an_unknown_node_is_not_found_and_an_ambiguous_one_is_listed(hub, agents):
    done = hub.cli("node", "show", "no-such-node", check=NOT_FOUND)
    assert "no-such-node" in done.err and done.out == ""
    pair = [hub.join("twin-a"), hub.join("twin-b")]
    for one in pair:
        hub.api.hub("RenameNode", NodeId=one.node, Name="twin")
    done = hub.cli("node", "show", "twin")
    assert done.returncode in (USAGE, CONFLICT) and all(one.node in done.err for one in pair)
    for one in pair:
        hub.cli("node", "remove", one.node, "--yes", check=OK)
    until(lambda: not any(one.alive() for one in pair), 60, "the removed agents ending")


def test_removing_asks_first(hub, agents):
    done = hub.cli("node", "remove", "south", check=USAGE)
    assert "--yes" in done.err and hub.node(agents[1].node)["Status"] == "Online"


def test_a_command_prints_what_the_node_said(hub, agents):
    done = hub.cli("run", "--node", "north", "--", "echo out; echo err >&2", check=OK)
    assert "out" in done.out and "err" not in done.out


def test_words_after_the_dashes_stay_words(hub, agents):
    assert "a  b;c" in hub.cli("run", "--node", "north", "--", "printf", "%s\n", "a  b;c", check=OK).out


def test_a_script_comes_from_stdin(hub, agents):
    assert "from stdin" in hub.cli("run", "--node", "north", "--script", "-", stdin=b"echo from stdin\n", check=OK).out


def test_the_verdict_is_the_exit_code(hub, agents, tmp_path):
    hub.cli("run", "--node", "north", "--", "exit 7", check=FAILED)
    hub.cli("run", "--node", "north", "--exit-code", "--", "exit 7", check=7)
    hub.cli("run", "--filter", "name=north or name=south", "--yes", "--", f"mkdir {tmp_path}/only-one", check=PARTLY)
    hub.cli("run", "--node", "north", "--execution-timeout", "1s", "--", "sleep 30", check=TIMED_OUT)
    hub.cli("run", "--node", "nobody", "--", "true", check=NOT_FOUND)
    hub.cli("run", "--", "true", check=USAGE)
    hub.cli("run", "--node", "north", "--param", "a=b", "--", "true", check=USAGE)
    hub.cli("run", "--node", "north", "--group", "web", "--", "true", check=USAGE)


def test_the_targets_are_counted_before_anything_is_sent(hub, agents):
    done = hub.cli("run", "--filter", "name=north or name=south", "--", "true", check=OK)
    assert done.err.startswith("2 nodes")
    done = hub.cli("run", "--filter", "name=north or name=south", "--yes", "-o", "json", "--", "echo both", check=OK)
    shown = json.loads(done.out)
    assert "both" in json.dumps(shown)


def test_offline_targets_are_told_before_anything_is_sent(hub):
    agent = hub.join("harbour")
    agent.leave()
    done = hub.cli("run", "--node", "harbour", "--no-wait", "-o", "json", "--", "true", check=OK)
    assert "harbour" in done.err and "offline" in done.err.lower()
    hub.cli("command", "cancel", json.loads(done.out)["command_id"], check=OK)


def test_a_rerun_tells_which_nodes_it_waits_for(hub):
    agent = hub.join("quay")
    command = hub.cli("run", "--node", "quay", "--timeout", "5m", "--comment", "rerun me", "-o", "name", "--", "exit 3", check=FAILED).out.strip()
    agent.leave()
    done = hub.cli("command", "rerun", command, "--no-wait", check=OK)
    again = done.out.strip()
    assert "1 node offline:" in done.err and re.search(r"quay  offline since \S+ \S+ \(", done.err), done.err
    assert re.search(r"The command waits for them until .* \(in (5 min|4 min|299 s)", done.err), done.err
    hub.cli("command", "cancel", again, check=OK)
    hub.cli("node", "remove", agent.node, "--yes", check=OK)


def test_commands_are_listed_shown_and_read_again(hub, agents):
    command = json.loads(hub.cli("run", "--node", "north", "--no-wait", "-o", "json", "--", "echo kept; sleep 0.2; echo whole", check=OK).out)["command_id"]
    followed = hub.cli("command", "logs", command, "--follow", check=OK).out
    assert "kept" in followed and "whole" in followed
    assert "kept" in hub.cli("command", "logs", command, "--node", "north", check=OK).out
    assert command in [row["command_id"] for row in rows(hub, "command", "list")]
    assert rows(hub, "command", "show", command)["status_details"] == "Success"
    hub.cli("command", "show", "01234567-89ab-cdef-0123-456789abcdef", check=NOT_FOUND)
    hub.cli("command", "show", "no-uuid", check=USAGE)


def test_a_command_is_cancelled(hub, agents):
    command = json.loads(hub.cli("run", "--node", "north", "--no-wait", "-o", "json", "--", "sleep 300", check=OK).out)["command_id"]
    until(lambda: rows(hub, "command", "show", command)["status"] == "InProgress", 20, "the command running")
    hub.cli("command", "cancel", command, check=OK)
    until(lambda: rows(hub, "command", "show", command)["status"] == "Cancelled", 20, "the command being cancelled")


def test_ctrl_c_leaves_the_command_running_and_says_how_to_go_on(hub, agents, tmp_path):
    gate = tmp_path / "gate"
    child = subprocess.Popen(
        [hub.binary, "run", "--node", "north", "--", f"echo up; while [ -d {gate.parent} ] && [ ! -e {gate} ]; do sleep 0.05; done"],
        env=hub.client_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    assert select.select([child.stdout], [], [], 20)[0]
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    command = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", err.decode()).group()
    assert "logs" in err.decode() and "cancel" in err.decode()
    gate.touch()
    until(lambda: rows(hub, "command", "show", command)["status"] == "Success", 20, "the command ending by itself")


def test_who_loses_the_hub_is_told_the_command_and_finds_it_again(bed):
    hub = bed()
    agent = hub.join("far")
    gate = hub.folder / "gate"
    child = subprocess.Popen(
        [hub.binary, "run", "--node", "far", "--", f"echo up; while [ -d {gate.parent} ] && [ ! -e {gate} ]; do sleep 0.05; done; echo down"],
        env=hub.client_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    try:
        assert select.select([child.stdout], [], [], 20)[0]
        hub.kill()
        said = b""
        while b"out of reach" not in said:
            assert select.select([child.stderr], [], [], 30)[0], said
            said += os.read(child.stderr.fileno(), 4096)
        command = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", said.decode()).group()
        hub.start()
        gate.touch()
        out, _ = child.communicate(timeout=60)
        assert child.returncode == OK and out.endswith(b"up\ndown\n")
        assert hub.cli("command", "logs", command, check=OK).out == "up\ndown\n"
        assert agent.alive()
    finally:
        gate.touch()
        child.kill()
        child.communicate()


def test_a_watcher_whose_key_is_taken_away_is_told_the_command(hub, agents, tmp_path):
    key = json.loads(hub.cli("access-key", "create", "--description", "short", "-o", "json", check=OK).out)
    env = {**hub.client_env(), "ROADSTEAD_ACCESS_KEY_ID": key["access_key_id"], "ROADSTEAD_SECRET_ACCESS_KEY": key["secret_access_key"]}
    gate = tmp_path / "gate"
    child = subprocess.Popen(
        [hub.binary, "run", "--node", "north", "--", f"echo up; while [ -d {gate.parent} ] && [ ! -e {gate} ]; do sleep 0.05; done"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    assert select.select([child.stdout], [], [], 20)[0]
    hub.cli("access-key", "delete", key["access_key_id"], "--yes", check=OK)
    _, err = child.communicate(timeout=60)
    gate.touch()
    assert child.returncode == DENIED, err
    assert re.search(r"roadstead command logs --follow [0-9a-f-]{36}\n", err.decode() + "\n"), err


def test_activations_and_keys(hub):
    made = json.loads(hub.cli("join-line", "--tags", "a=b", "--count", "3", "--expires", "2h", "-o", "json", check=OK).out)
    assert {"token", "line", "expires_at"} <= set(made) and made["token"].startswith("rs1_") and made["token"] in made["line"]
    assert made["activation_id"] in [row["activation_id"] for row in rows(hub, "activation", "list")]
    hub.cli("activation", "delete", made["activation_id"], check=OK)
    hub.cli("activation", "delete", "01234567-89ab-cdef-0123-456789abcdef", check=NOT_FOUND)
    hub.cli("activation", "delete", "01234567-89ab-cdef-0123-456789abcdef", "11234567-89ab-cdef-0123-456789abcdef", check=NOT_FOUND)
    key = json.loads(hub.cli("access-key", "create", "--description", "cli", "-o", "json", check=OK).out)
    other = {"ROADSTEAD_ACCESS_KEY_ID": key["access_key_id"], "ROADSTEAD_SECRET_ACCESS_KEY": key["secret_access_key"]}
    hub.cli("node", "list", env=other, check=OK)

    def used():
        (row,) = [row for row in rows(hub, "access-key", "list") if row["access_key_id"] == key["access_key_id"]]
        return row.get("last_used_at")

    until(used, 20, "the use of the key being known")
    asked = hub.cli("access-key", "delete", key["access_key_id"], check=USAGE)
    assert "is in use" in asked.err and "from 127.0.0.1" in asked.err and "--yes" in asked.err
    hub.cli("node", "list", env=other, check=OK)
    fresh = json.loads(hub.cli("access-key", "create", "-o", "json", check=OK).out)["access_key_id"]
    hub.cli("access-key", "delete", fresh, check=OK)
    done = hub.cli("access-key", "delete", "AKIANOTTHERE00000000", key["access_key_id"], "--yes", check=PARTLY)
    assert "error: AKIANOTTHERE00000000: " in done.err and f"access key {key['access_key_id']} is deleted" in done.err
    hub.cli("node", "list", env=other, check=DENIED)


def test_any_operation_can_be_called(hub, agents):
    listed = json.loads(hub.cli("api", "DescribeInstanceInformation", check=OK).out)
    assert agents[0].node in [one["InstanceId"] for one in listed["InstanceInformationList"]]
    assert json.loads(hub.cli("api", "Roadstead.GetOverview", check=OK).out)["Nodes"]["Total"] >= 2
    hub.cli("run", "--node", "north", "--", "true", check=OK)
    assert json.loads(hub.cli("api", "ListCommands", "--json", "-", stdin=b'{"MaxResults": 1}', check=OK).out)["Commands"]
    hub.cli("api", "NoSuchOperation", check=USAGE)
    hub.cli("api", "ListCommands", "--json", "{", check=USAGE)


def test_outputs_come_as_records(hub, agents):
    sent = hub.cli(
        "run", "--node", "north", "--log-group=cli/records", "--no-wait", "-o", "yaml", "--", "echo one; echo two >&2", check=OK
    ).out
    command = re.fullmatch(r"command_id: (\S+)\n", sent)[1]
    records = json.loads(hub.cli("command", "logs", command, "--follow", "-o", "json", check=OK).out)
    assert [(row["name"], row["stream"], row["text"]) for row in records] == [("north", "stdout", "one\n"), ("north", "stderr", "two\n")]
    only = hub.cli("command", "logs", command, "--stream", "stderr", "-o", "csv", check=OK).out
    assert [row["text"] for row in csv.DictReader(io.StringIO(only))] == ["two\\n"]
    (shown,) = json.loads(hub.cli("command", "show", command, "--outputs", "-o", "json", check=OK).out)["invocations"]
    assert (shown["stdout"], shown["stderr"]) == ("one\n", "two\n")
    lines = json.loads(hub.cli("logs", "tail", "cli/records", "-o", "json", check=OK).out)
    assert sorted(line["message"] for line in lines) == ["one", "two"] and all(line["log_stream_name"].startswith(command) for line in lines)
    hub.cli("logs", "tail", "cli/records", "--follow", "-o", "json", check=USAGE)


def test_what_has_no_rows_comes_as_json_or_yaml_and_what_is_text_as_it_is(hub, agents, tmp_path):
    document = tmp_path / "document.json"
    document.write_text('{"schemaVersion": "2.2", "mainSteps": []}')
    key = json.loads(hub.cli("aws-env", "-o", "json", check=OK).out)["AWS_ACCESS_KEY_ID"]
    rows_of_env = list(csv.DictReader(io.StringIO(hub.cli("aws-env", "-o", "csv", check=OK).out)))
    assert {"name": "AWS_ACCESS_KEY_ID", "value": key} in rows_of_env
    assert json.loads(hub.cli("lock", "document-hash", str(document), "-o", "json", check=OK).out)["hash"].startswith("sha256:")
    shown = hub.cli("document", "show", "AWS-RunShellScript", "-o", "csv", check=OK).out
    assert [row["name"] for row in csv.DictReader(io.StringIO(shown))] == ["AWS-RunShellScript"]
    for verb in (["api", "GetCaller"], ["role", "show", "viewer"], ["audit", "verify"]):
        json.loads(hub.cli(*verb, "-o", "json", check=OK).out)
        assert not hub.cli(*verb, "-o", "yaml", check=OK).out.startswith("{")
        assert "-o json" in hub.cli(*verb, "-o", "csv", check=USAGE).err
    for verb in (["document", "diff", "AWS-RunShellScript"], ["completions", "bash"], ["ssh", "north"], ["param", "export", "--path", "/x"]):
        refused = hub.cli(*verb, "-o", "json", check=USAGE)
        assert refused.out == "" and "one form only" in refused.err


def test_who_is_not_known_is_told_both_ways_in(hub, tmp_path):
    done = hub.cli("node", "list", env={"ROADSTEAD_ACCESS_KEY_ID": "", "ROADSTEAD_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path)}, check=DENIED)
    assert "roadstead login" in done.err and "host" in done.err
    hub.cli("node", "list", env={"ROADSTEAD_SECRET_ACCESS_KEY": "wrong"}, check=DENIED)


def test_a_hub_that_is_not_there_is_unreachable(hub):
    done = hub.cli("node", "list", env={"ROADSTEAD_URL": f"http://127.0.0.1:{free_port()}"}, check=UNREACHABLE)
    assert "127.0.0.1" in done.err


def test_the_hubs_own_user_needs_no_login(hub, agents, tmp_path):
    env = {"ROADSTEAD_URL": "", "ROADSTEAD_ACCESS_KEY_ID": "", "ROADSTEAD_SECRET_ACCESS_KEY": "", "ROADSTEAD_DATA": str(hub.data), "HOME": str(tmp_path)}
    assert "north" in hub.cli("node", "list", env=env, check=OK).out


def test_login_pins_the_hub_and_keeps_a_key(hub, agents, tmp_path):
    env = {"ROADSTEAD_URL": "", "ROADSTEAD_ACCESS_KEY_ID": "", "ROADSTEAD_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path)}
    fingerprint = hub.api.hub("DescribeHub")["CaFingerprint"]
    login = ["login", hub.https, "--user", ADMIN, "--password-stdin", "--fingerprint"]
    done = hub.cli(*login, "ab" * 32, stdin=ADMIN_PASSWORD.encode() + b"\n", env=env, check=DENIED)
    assert "fingerprint" in done.err
    hub.cli(*login, fingerprint, stdin=b"wrong password\n", env=env, check=DENIED)
    hub.cli(*login, fingerprint, stdin=ADMIN_PASSWORD.encode() + b"\n", env=env, check=OK)
    kept = tmp_path / ".config" / "roadstead" / "config.json"
    assert kept.stat().st_mode & 0o777 == 0o600 and ADMIN_PASSWORD not in kept.read_text()
    assert "north" in hub.cli("node", "list", env=env, check=OK).out


def test_a_hub_with_another_certificate_is_refused_after_login(hub, bed, tmp_path):
    other = bed()
    env = {"ROADSTEAD_URL": other.https, "ROADSTEAD_CA_FILE": hub.ca_file()}
    done = other.cli("node", "list", env=env)
    assert done.returncode == DENIED and "certificate" in done.err.lower(), done.err


def test_aws_env_points_aws_cli_at_this_hub(hub, agents, tmp_path):
    env = {"ROADSTEAD_URL": "", "ROADSTEAD_ACCESS_KEY_ID": "", "ROADSTEAD_SECRET_ACCESS_KEY": "", "ROADSTEAD_DATA": str(hub.data), "HOME": str(tmp_path)}
    block = hub.cli("aws-env", env=env, check=OK).out
    import pathlib
    import sys

    aws = pathlib.Path(sys.executable).parent / "aws"
    done = subprocess.run(
        ["sh", "-c", f'{block}\nexec "$0" ssm describe-instance-information --output json', aws], capture_output=True, text=True, timeout=60,
        env={**base_env(), "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_MAX_ATTEMPTS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert agents[0].node in done.stdout


def test_set_up_is_open_until_it_is_done(binary, bed, tmp_path):
    """A hub without seeded credentials prints a one-time link; who has its token becomes admin, once."""
    port = free_port()
    data = tmp_path / "hub"
    with open(tmp_path / "log", "wb") as log:
        hub = subprocess.Popen([binary, "serve", "--data", data, "--listen", f"127.0.0.1:{port}", "--advertise", f"127.0.0.1:{port}"], stdout=log, stderr=log, env=base_env())
    try:
        from harness.api import Api

        api = Api(f"http://127.0.0.1:{port}", "", "")
        ask = lambda op, **members: api.raw(f"Roadstead.{op}", json.dumps(members).encode(), signed=False)  # noqa: E731
        state = until(lambda: json.loads(ask("GetSetupState")[1]), 30, "the hub answering")
        assert state["NeedsAdmin"] is True
        link = subprocess.run([binary, "setup-link", "--data", data], capture_output=True, text=True, env=base_env(), timeout=20)
        assert link.returncode == OK and link.stdout.startswith(f"https://127.0.0.1:{port}/setup#token="), link.stderr
        token = link.stdout.strip().split("token=")[1]
        assert b"InvalidTokenException" in ask("CreateFirstAdmin", Token="guess", UserName="eve", Password="long enough password")[1]
        assert b"ValidationException" in ask("CreateFirstAdmin", Token=token, UserName="ann", Password="short")[1]
        assert ask("CreateFirstAdmin", Token=token, UserName="ann", Password="long enough password")[0] == 200
        assert b"SetupClosedException" in ask("CreateFirstAdmin", Token=token, UserName="eve", Password="long enough password")[1]
        assert not (data / "setup-token").exists()
        gone = subprocess.run([binary, "setup-link", "--data", data], capture_output=True, text=True, env=base_env(), timeout=20)
        assert gone.returncode == CONFLICT
    finally:
        hub.terminate()
        assert hub.wait(20) == 0


class Terminal:
    """The program on a terminal, as a user sees it."""

    def __init__(self, argv, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], argv, env)
        self.text = ""

    def until(self, needle, seconds=60):
        deadline = time.monotonic() + seconds
        while needle not in self.text:
            assert time.monotonic() < deadline, f"{needle!r} did not appear in {self.text[-500:]!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    raise AssertionError(f"it ended before {needle!r}: {self.text[-500:]!r}")
        at = self.text.index(needle) + len(needle)
        seen, self.text = self.text[:at], self.text[at:]
        return seen

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self):
        deadline = time.monotonic() + 60
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, "it does not end"
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    time.sleep(0.02)


def test_a_shell_from_the_terminal(hub, agents):
    terminal = Terminal([hub.binary, "ssh", "north"], {**hub.client_env(), "TERM": "xterm"})
    terminal.type("echo I-AM-$((40+2)) 漢字\n")
    terminal.until("I-AM-42 漢字")
    terminal.type("exit 5\n")
    assert terminal.wait() == 5


def test_a_tilde_and_a_dot_leave_a_frozen_session(hub, agents):
    terminal = Terminal([hub.binary, "ssh", "north"], {**hub.client_env(), "TERM": "xterm"})
    terminal.type("echo READY-$((40+2)); exec sleep 600\n")
    terminal.until("READY-42")
    terminal.type("\r~.")
    assert terminal.wait() != 0
    session = [row for row in rows(hub, "session", "list") if row["target"] == agents[0].node]
    for one in session:
        hub.cli("session", "end", one["session_id"], check=OK)
    until(lambda: not [row for row in rows(hub, "session", "list") if row["target"] == agents[0].node], 20, "the session being gone")


def test_the_end_of_a_pipe_ends_the_shell(hub, nodes):
    assert hub.cli("ssh", "north", stdin=b"", timeout=30).returncode == OK
    done = hub.cli("ssh", "north", stdin=b"echo piped-$((40+2))\ncat\nfor-cat\n", timeout=30)
    assert done.returncode == OK and "piped-42" in done.out


def test_what_is_not_there_is_said(hub):
    assert "there is no session `nope`" in hub.cli("session", "end", "nope", check=NOT_FOUND).err
    assert "error: nor-this: there is no session" in hub.cli("session", "end", "nope", "nor-this", check=NOT_FOUND).err
    for verb in ("command", "session", "activation", "user", "group", "access-key", "document"):
        refused = hub.cli(verb, "list", "--filter", "nosuch=1", check=USAGE).err
        assert "`nosuch`" in refused, (verb, refused)


def test_ssh_to_nobody_and_to_an_offline_node(hub):
    hub.cli("ssh", "nobody-here", check=NOT_FOUND)
    agent = hub.join("adrift")
    agent.leave()
    done = hub.cli("ssh", "adrift")
    assert done.returncode == UNREACHABLE and "adrift" in done.err + agent.node, done.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_printed(binary, shell):
    done = subprocess.run([binary, "completions", shell], capture_output=True, text=True, timeout=20, env=base_env())
    assert done.returncode == OK and "join-line" in done.stdout


def test_wrong_usage_is_told_with_a_hint(binary):
    done = subprocess.run([binary, "nod", "list"], capture_output=True, text=True, timeout=20, env=base_env())
    assert done.returncode == USAGE and "node" in done.stderr


def test_control_characters_of_a_node_are_shown_not_obeyed(hub, agents):
    done = hub.cli("run", "--node", "north", "--", r"printf '\033]0;title\007red\n'", check=OK)
    assert "\x1b" not in done.out and "red" in done.out
    raw = hub.cli("run", "--node", "north", "--raw", "--", r"printf '\033]0;title\007red\n'", check=OK)
    assert "\x1b]0;title" in raw.out
