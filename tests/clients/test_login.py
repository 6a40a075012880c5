"""Logins as people and scripts meet them on the command line: second factors, forced changes, fresh proofs, the way back in."""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import struct
import time

import pytest

from harness.process import ADMIN, ADMIN_PASSWORD
from test_cli import DENIED, OK, USAGE, Terminal, rows

OTHER = "another long pass phrase"


class Phone:
    """A code generator that never shows a code twice, because the hub takes none twice."""

    def __init__(self, key):
        self.key, self.last = base64.b32decode(key), 0

    def next(self):
        # Of the present, not of the step before: that one may be over for the hub when it arrives. The one after counts already.
        self.last = max(self.last + 1, int(time.time()) // 30)
        tag = hmac.new(self.key, struct.pack(">Q", self.last), hashlib.sha1).digest()
        at = tag[-1] & 0xF
        return f"{(struct.unpack('>I', tag[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


@pytest.fixture
def own(bed):
    """Rules and factors belong to a whole hub, so each test has its own."""
    return bed()


@pytest.fixture
def nobody(own, tmp_path):
    """The environment of somebody who has not logged in yet."""
    return {**own.client_env(), "ROADSTEAD_URL": "", "ROADSTEAD_ACCESS_KEY_ID": "", "ROADSTEAD_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path)}


def login(own, env, password=ADMIN_PASSWORD):
    fingerprint = own.api.hub("DescribeHub")["CaFingerprint"]
    terminal = Terminal([own.binary, "login", own.https, "--user", ADMIN, "--fingerprint", fingerprint], env)
    terminal.until("Password: ")
    terminal.type(password + "\n")
    return terminal


def enrol(terminal):
    terminal.until("authenticator app")
    key = next(word for line in terminal.until("The code that it shows: ").splitlines() for word in line.split() if len(word) == 32 and word.isalnum())
    phone = Phone(key)
    terminal.type(phone.next() + "\n")
    return phone


def test_a_demanded_second_factor_is_set_up_on_the_terminal_and_then_asked_for(own, nobody):
    own.cli("login-rule", "set", "admin", "--require-second-factor", check=OK)
    assert rows(own, "login-rule", "list")[0]["require_second_factor"] is True
    terminal = login(own, nobody)
    phone = enrol(terminal)
    terminal.until("recovery codes")
    assert terminal.wait() == OK
    assert own.cli("node", "list", env=nobody).returncode == OK
    terminal = login(own, nobody)
    terminal.until("recovery code): ")
    terminal.type("000000\n")
    terminal.until("recovery code): ")
    terminal.type(phone.next() + "\n")
    assert terminal.wait() == OK
    unattended = own.cli("login", own.https, "--user", ADMIN, "--password-stdin", "--fingerprint", own.api.hub("DescribeHub")["CaFingerprint"],
                         stdin=ADMIN_PASSWORD.encode() + b"\n", env=nobody)
    assert unattended.returncode == DENIED and "code" in unattended.err


def test_demanded_recovery_codes_that_are_used_up_are_made_anew_on_the_terminal(own, nobody):
    own.cli("login-rule", "set", "admin", "--require-second-factor", "--require-recovery-codes", check=OK)
    terminal = login(own, nobody)
    phone = enrol(terminal)
    assert terminal.wait() == OK
    with sqlite3.connect(own.data / "hub.db", timeout=10) as database:
        database.execute("UPDATE recovery_code SET used_at = 1")
    terminal = login(own, nobody)
    terminal.until("recovery code): ")
    terminal.type(phone.next() + "\n")
    terminal.until("yours are used up")
    terminal.until("Keep these recovery codes")
    assert terminal.wait() == OK
    with sqlite3.connect(own.data / "hub.db", timeout=10) as database:
        assert database.execute("SELECT count(*) FROM recovery_code WHERE used_at IS NULL").fetchone() == (10,)



def test_the_hubs_own_shell_lets_an_admin_in_again(own, nobody):
    own.cli("admin", "reset", ADMIN, "--data", "/nowhere", check=1)
    made = json.loads(own.cli("admin", "reset", ADMIN, "--data", own.data, "-o", "json", check=OK).out)
    made = made[0] if isinstance(made, list) else made
    terminal = login(own, nobody, made["password"])
    terminal.until("New password: ")
    terminal.type(OTHER + "\n")
    terminal.until("Once more: ")
    terminal.type(OTHER + "\n")
    assert terminal.wait() == OK
    assert own.cli("access-key", "list", env=nobody).returncode == OK


def test_a_shell_asks_on_the_terminal_who_is_there(own):
    own.join("quay")
    own.cli("login-rule", "set", "*", "--step-up-for-shell", "--step-up-for-root", check=OK)
    refused = own.cli("run", "--node", "quay", "--yes", "--", "true")
    assert refused.returncode == DENIED and "fresh proof" in refused.err, refused.err
    terminal = Terminal([own.binary, "ssh", "quay"], {**own.client_env(), "TERM": "xterm"})
    terminal.until("or password: ")
    terminal.type(ADMIN_PASSWORD + "\n")
    terminal.until("# " if os.geteuid() == 0 else "$ ")
    terminal.type("echo I-AM-$((40+2))\n")
    terminal.until("I-AM-42")
    terminal.type("exit 0\n")
    assert terminal.wait() == OK
    # It counts for this key for a while.
    own.cli("run", "--node", "quay", "--yes", "--", "true", check=OK)


def test_keys_end_and_are_narrowed_and_switched_off(own):
    made = json.loads(own.cli("access-key", "create", "--user", ADMIN, "--expires", "90d", "--scope", "ssm:List*", "-o", "json", check=OK).out)
    made = made[0] if isinstance(made, list) else made
    env = {"ROADSTEAD_ACCESS_KEY_ID": made["access_key_id"], "ROADSTEAD_SECRET_ACCESS_KEY": made["secret_access_key"]}
    own.cli("api", "AmazonSSM.ListCommands", "--json", "{}", env=env, check=OK)
    own.cli("node", "list", env=env, check=DENIED)
    own.cli("access-key", "disable", made["access_key_id"], check=OK)
    own.cli("api", "AmazonSSM.ListCommands", "--json", "{}", env=env, check=DENIED)
    listed = {row["access_key_id"]: row for row in rows(own, "access-key", "list")}[made["access_key_id"]]
    assert listed["status"] == "Inactive" and listed["scope"] == ["ssm:List*"] and listed["expires_at"] > "2026"
    own.cli("access-key", "enable", made["access_key_id"], check=OK)
    own.cli("api", "AmazonSSM.ListCommands", "--json", "{}", env=env, check=OK)
    own.cli("access-key", "create", "--scope", "everything", check=USAGE)


def test_logins_are_listed_and_revoked(own):
    status, body, headers = own.api.send(
        "POST", "/", {"content-type": "application/x-amz-json-1.1", "x-amz-target": "Roadstead.Login"},
        json.dumps({"UserName": ADMIN, "Password": ADMIN_PASSWORD}).encode(),
    )
    assert status == 200 and json.loads(body)["Next"] == "Done" and "HttpOnly" in headers["set-cookie"]
    listed = rows(own, "login-session", "list")
    assert [row["user_name"] for row in listed] == [ADMIN] and listed[0]["address"] == "127.0.0.1"
    own.cli("login-session", "revoke", listed[0]["login_session_id"], check=OK)
    assert rows(own, "login-session", "list") == []
    own.cli("login-session", "revoke", check=USAGE)
