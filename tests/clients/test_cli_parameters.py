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
        run(hub, "param", "list", there)
        run(hub, "param", "import", str(file), "--format", form, "--path", there, "--secret")
        name = "DB_PASS" if form == "env" else "db/pass"
        assert run(hub, "param", "get", f"{there}/{name}", "--decrypt").stdout == SECRET + "\n"
    run(hub, "param", "import", str(tmp_path / "env"), "--format", "json", "--path", root, check=USAGE)


def test_keys_are_made_rotated_and_disabled(hub, root):
    alias = f"alias/{uuid.uuid4().hex[:8]}"
    made = json.loads(run(hub, "key", "create", alias, "--description", "payments", "-o", "json").stdout)
    assert made["alias"] == alias and made["status"] == "Enabled"
    run(hub, "param", "put", f"{root}/s", "--secret", "--key", alias, given=SECRET)
    assert "1 values are being moved" in run(hub, "key", "rotate", alias).stderr
    run(hub, "key", "disable", alias, check=USAGE)
    run(hub, "key", "disable", alias, "--yes")
    assert "InvalidKeyId" in run(hub, "param", "get", f"{root}/s", "--decrypt", check=USAGE).stderr
    run(hub, "key", "enable", alias)
    assert run(hub, "param", "get", f"{root}/s", "--decrypt").stdout == SECRET + "\n"
    (row,) = [one for one in json.loads(run(hub, "key", "list", "-o", "json").stdout) if one["alias"] == alias]
    assert row["value_count"] == 1
