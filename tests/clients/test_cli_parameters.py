"""`roadstead param` and `roadstead key`: every verb, its formats and its exit codes."""

import json
import subprocess
import uuid

import pytest

OK, USAGE, NOT_FOUND, CONFLICT, PARTLY = 0, 2, 3, 5, 6
SECRET = "it's a $ecret"


@pytest.fixture
def root():
    return f"/cli-{uuid.uuid4().hex[:8]}"


def run(hub, *args, check=OK, given=None):
    done = subprocess.run([hub.binary, *args], input=given, capture_output=True, text=True, env=hub.client_env(), timeout=30)
    assert check is None or done.returncode == check, f"{args} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done


def filled(hub, root):
    run(hub, "param", "put", f"{root}/db/host", "db1")
    run(hub, "param", "put", f"{root}/db/pass", "--secret", given=SECRET + "\n")


def test_a_value_is_put_read_overwritten_labelled_and_deleted(hub, root):
    name = f"{root}/db/host"
    run(hub, "param", "put", name, "db1", "--description", "where it is", "--tags", "env=test")
    run(hub, "param", "put", name, "db2", check=CONFLICT)
    run(hub, "param", "put", name, "db2", "--overwrite")
    assert run(hub, "param", "get", name).stdout == "db2\n"
    run(hub, "param", "label", f"{name}:1", "live")
    assert run(hub, "param", "get", f"{name}:live").stdout == "db1\n"
    assert "9x" in run(hub, "param", "label", name, "9x", "fine", check=PARTLY).stderr
    kept = json.loads(run(hub, "param", "history", name, "-o", "json").stdout)
    assert [(one["version"], one["value"], one["labels"]) for one in kept] == [(2, "db2", ["fine"]), (1, "db1", ["live"])]
    run(hub, "param", "label", name, "live", "--remove", check=USAGE)
    run(hub, "param", "label", f"{name}:1", "live", "--remove")
    (row,) = json.loads(run(hub, "param", "list", root, "-o", "json").stdout)
    assert (row["name"], row["type"], row["version"], row["description"]) == (name, "String", 2, "where it is")
    assert "none" in run(hub, "param", "delete", name, f"{root}/none", "--yes", check=PARTLY).stderr
    run(hub, "param", "get", name, check=NOT_FOUND)


def test_a_secret_is_never_on_the_command_line_and_opened_only_on_demand(hub, root, tmp_path):
    name = f"{root}/pass"
    assert "command line" in run(hub, "param", "put", name, SECRET, "--secret", check=USAGE).stderr
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    run(hub, "param", "put", name, "--secret", "--file", str(file))
    sealed = run(hub, "param", "get", name)
    assert SECRET not in sealed.stdout and "--decrypt" in sealed.stderr
    assert run(hub, "param", "get", name, "--decrypt").stdout == SECRET + "\n"


def test_values_reach_a_program_and_a_file_and_come_back(hub, root, tmp_path):
    filled(hub, root)
    printing = ("--", "sh", "-c", 'echo "$DB_HOST,$DB_PASS"; exit 7')
    left_out = run(hub, "param", "exec", "--path", root, *printing, check=7)
    assert left_out.stdout == "db1,\n" and "1 secret left out" in left_out.stderr
    assert run(hub, "param", "exec", "--path", f"{root}/", "--decrypt", *printing, check=7).stdout == f"db1,{SECRET}\n"
    for form in ("json", "yaml", "env"):
        file = tmp_path / form
        file.write_text(run(hub, "param", "export", "--path", root, "--decrypt", "--format", form).stdout)
        there = f"{root}-{form}"
        said = run(hub, "param", "import", str(file), "--format", form, "--path", there, "--secret", "--dry-run").stderr
        assert said.count("would write") == 2
        assert values_below(hub, there) == {}
        run(hub, "param", "import", str(file), "--format", form, "--path", there, "--secret")
        name = "DB_PASS" if form == "env" else "db/pass"
        assert run(hub, "param", "get", f"{there}/{name}", "--decrypt").stdout == SECRET + "\n"
    run(hub, "param", "import", str(tmp_path / "env"), "--format", "json", "--path", root, check=USAGE)


def values_below(hub, path):
    return json.loads(run(hub, "param", "export", "--path", path, "--format", "json").stdout)


@pytest.mark.parametrize(
    "form, text",
    [
        ("yaml", "port: 0755\nver: 1.10\nyes: no\nhex: 0x1F\nnum: 12345678901234567890123\nlist: [1e3, '', True]\n"),
        ("json", '{"port": "0755", "ver": 1.10, "yes": "no", "hex": "0x1F", "num": 12345678901234567890123, "list": [1e3, "", "True"]}'),
    ],
)
def test_an_imported_value_is_the_text_that_was_written(hub, root, form, text):
    run(hub, "param", "import", "-", "--format", form, "--path", root, given=text)
    expected = {"port": "0755", "ver": "1.10", "yes": "no", "hex": "0x1F", "num": "12345678901234567890123", "list": ["1e3", "", "True"]}
    assert values_below(hub, root) == expected
    types = {row["name"]: row["type"] for row in json.loads(run(hub, "param", "list", root, "-o", "json").stdout)}
    assert types[f"{root}/list"] == "StringList" and types[f"{root}/ver"] == "String"


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_file_with_faults_is_refused_whole_and_every_fault_is_named(hub, root, dry):
    env = "A=1\nEMPTY=\nA=2\nssm name=x\nX=\"unclosed\n"
    said = run(hub, "param", "import", "-", "--path", root, *dry, check=USAGE, given=env).stderr
    assert "4 faults in stdin; nothing is written" in said
    for fault in ("line 2, column 1, at `EMPTY`", "line 3, column 1, at `A`", "line 4, column 1, at `ssm name`", "line 5, column 1, at `X`"):
        assert fault in said
    json_file = '{"a": null,\n "b": ["x,y"]}'
    said = run(hub, "param", "import", "-", "--format", "json", "--path", root, *dry, check=USAGE, given=json_file).stderr
    assert "line 1, column 2, at `a`" in said and "line 2, column 8, at `b[0]`" in said
    assert values_below(hub, root) == {}
    run(hub, "param", "put", f"{root}/B", "old")
    said = run(hub, "param", "import", "-", "--path", root, *dry, check=CONFLICT, given="A=1\nB=2\n").stderr
    assert "at `B`" in said and "--overwrite" in said
    assert values_below(hub, root) == {"B": "old"}


def test_an_import_that_stops_half_way_says_where_and_goes_on_with_overwrite(hub, root):
    run(hub, "param", "put", f"{root}/B", "1", "--allowed-pattern", r"\d+")
    run(hub, "param", "put", f"{root}/C", "--secret", given="old")
    stopped = run(hub, "param", "import", "-", "--path", root, "--overwrite", check=PARTLY, given="A=1\nB=x\nC=3\n").stderr
    assert f"{root}/B (line 2) could not be written" in stopped and "1 of 3 were written" in stopped and "--overwrite" in stopped
    run(hub, "param", "import", "-", "--path", root, "--overwrite", given="A=1\nB=2\nC=3\n")
    assert values_below(hub, root) == {"A": "1", "B": "2"}
    assert run(hub, "param", "get", f"{root}/C", "--decrypt").stdout == "3\n"


def test_who_may_write_and_not_look_can_import_and_is_told_what_was_not_judged(hub, root, tmp_path):
    name = f"writer{uuid.uuid4().hex[:8]}"
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:PutParameter", "Resource": "*"}]}
    (tmp_path / "policy").write_text(json.dumps(policy))
    hub.cli("user", "create", name, check=OK)
    try:
        hub.cli("policy", "import", name, str(tmp_path / "policy"), check=OK)
        hub.cli("policy", "attach", name, "--user", name, check=OK)
        key = json.loads(hub.cli("access-key", "create", "--user", name, "-o", "json", check=OK).out)
        env = {"ROADSTEAD_ACCESS_KEY_ID": key["access_key_id"], "ROADSTEAD_SECRET_ACCESS_KEY": key["secret_access_key"]}
        done = hub.cli("param", "import", "-", "--path", root, stdin=b"A=1\n", env=env, check=OK)
        assert "DescribeParameters" in done.err
        again = hub.cli("param", "import", "-", "--path", root, stdin=b"A=1\n", env=env, check=CONFLICT)
        assert f"{root}/A (line 1) could not be written" in again.err and "0 of 1 were written" in again.err
    finally:
        hub.cli("user", "delete", name, "--yes")
        hub.cli("policy", "delete", name, "--yes")


@pytest.mark.parametrize("form", ["env", "json", "yaml"])
def test_export_and_import_are_inverses_for_nasty_values(hub, root, form):
    nasty = ["it's", 'a "b"', "C:\\new", "$HOME `x`", "two\nlines\n", " blanks ", "# no comment", "x # y", "日本 é", "a\r\nb", "no", "\x1b[2J", "\t"]
    values = {f"V{at}": value for at, value in enumerate(nasty)}
    run(hub, "param", "import", "-", "--format", "json", "--path", root, given=json.dumps(values))
    run(hub, "param", "put", f"{root}/LIST", "a,,b", "--type", "string-list")
    # Bytes, for Python's text mode would mend line breaks.
    exported = subprocess.run(
        [hub.binary, "param", "export", "--path", root, "--format", form], capture_output=True, check=True, env=hub.client_env(), timeout=30
    ).stdout
    arguments = [hub.binary, "param", "import", "-", "--format", form, "--path", f"{root}/again"]
    subprocess.run(arguments, input=exported, check=True, env=hub.client_env(), timeout=30)
    again = values_below(hub, f"{root}/again")
    assert again.pop("LIST") == ("a,,b" if form == "env" else ["a", "", "b"])
    assert again == values


def test_a_long_value_does_not_widen_the_table_of_versions(hub, root):
    name, long = f"{root}/long", "x" * 5000
    run(hub, "param", "put", name, "short")
    run(hub, "param", "put", name, long, "--overwrite", "--tier", "intelligent")
    assert max(map(len, run(hub, "param", "history", name).stdout.splitlines())) < 160
    assert json.loads(run(hub, "param", "history", name, "-o", "json").stdout)[0]["value"] == long


def test_keys_are_made_rotated_and_disabled(hub, root):
    alias = f"alias/{uuid.uuid4().hex[:8]}"
    made = json.loads(run(hub, "key", "create", alias, "--description", "payments", "-o", "json").stdout)
    assert made["alias"] == alias and made["status"] == "Enabled"
    run(hub, "param", "put", f"{root}/s", "--secret", "--key", alias, given=SECRET)
    assert "1 value is being moved" in run(hub, "key", "rotate", alias).stderr
    run(hub, "key", "disable", alias, check=USAGE)
    run(hub, "key", "disable", alias, "--yes")
    assert "InvalidKeyId" in run(hub, "param", "get", f"{root}/s", "--decrypt", check=USAGE).stderr
    run(hub, "key", "enable", alias)
    assert run(hub, "param", "get", f"{root}/s", "--decrypt").stdout == SECRET + "\n"
    (row,) = [one for one in json.loads(run(hub, "key", "list", "-o", "json").stdout) if one["alias"] == alias]
    assert row["value_count"] == 1
