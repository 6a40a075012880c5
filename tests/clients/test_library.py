"""The built-in library: each document runs on a real node and is judged by what it changed there, and by what it leaves alone
the second time. Everything happens below the test's own folder."""

import gzip
import json
import os
import shutil
import subprocess
import tarfile
import time

import pytest

from harness.wait import until

TESTED = set()


@pytest.fixture
def run(ssm_plain, node):
    def run(document, fails=False, **parameters):
        TESTED.add(document)
        given = {key: [str(value)] for key, value in parameters.items()}
        command = ssm_plain.send_command(DocumentName=document, InstanceIds=[node], Parameters=given)["Command"]["CommandId"]

        def over():
            (one,) = ssm_plain.list_command_invocations(CommandId=command, InstanceId=node, Details=True)["CommandInvocations"] or [None]
            return one if one and one["Status"] not in ("Pending", "InProgress", "Delayed") else None

        ended = until(over, 60, f"{document} ending")
        output = "\n".join(plugin["Output"] for plugin in ended["CommandPlugins"])
        assert ended["Status"] == ("Failed" if fails else "Success"), output
        return output

    return run


def twice(run, document, **parameters):
    """It changes something, and the same again changes nothing."""
    assert "changed:" in (first := run(document, **parameters)), first
    second = run(document, **parameters)
    assert "unchanged:" in second and "changed:" not in second.replace("unchanged:", ""), second


def test_hosts_entries(run, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1\tlocalhost\n10.0.0.7\told\n")
    twice(run, "Roadstead-SetHostsEntry", file=hosts, address="10.0.0.7", names="db db.example.net")
    assert hosts.read_text() == "127.0.0.1\tlocalhost\n10.0.0.7\tdb db.example.net\n"
    run("Roadstead-SetHostsEntry", file=hosts, address="127.0.0.1", names="localhost here")
    assert hosts.read_text() == "127.0.0.1\tlocalhost here\n10.0.0.7\tdb db.example.net\n"
    run("Roadstead-SetHostsEntry", file=hosts, address="10.0.0.7", state="absent")
    assert hosts.read_text() == "127.0.0.1\tlocalhost here\n"
    assert "needs names" in run("Roadstead-SetHostsEntry", fails=True, file=hosts, address="10.0.0.9")


def test_cron_entries(run, tmp_path):
    settings = dict(directory=tmp_path, name="backup", schedule="5 4 * * mon", command="/usr/bin/backup --all '$HOME'")
    twice(run, "Roadstead-SetCronEntry", **settings)
    assert (tmp_path / "backup").read_text().splitlines()[1] == "5 4 * * mon root /usr/bin/backup --all '$HOME'"
    assert "removed:" in run("Roadstead-SetCronEntry", directory=tmp_path, name="backup", state="absent")
    assert not (tmp_path / "backup").exists()


def test_sysctl_settings(run, tmp_path):
    twice(run, "Roadstead-SetSysctl", directory=tmp_path, key="net.ipv4.ip_forward", value="1", apply="false")
    assert (tmp_path / "60-roadstead-net-ipv4-ip_forward.conf").read_text() == "net.ipv4.ip_forward = 1\n"


def test_lines_of_a_file(run, tmp_path):
    file = tmp_path / "file"
    file.write_text("one\ntwo")
    twice(run, "Roadstead-SetFileLine", file=file, line="three; $(id) 'x'")
    assert file.read_text() == "one\ntwo\nthree; $(id) 'x'\n"
    run("Roadstead-SetFileLine", file=file, line="one", state="absent")
    assert file.read_text() == "two\nthree; $(id) 'x'\n"
    file.write_text("10\n")
    assert "unchanged:" in run("Roadstead-SetFileLine", file=file, line="10.0", state="absent")
    assert "unchanged:" in run("Roadstead-SetFileLine", file=tmp_path / "none", line="x", state="absent")
    assert file.read_text() == "10\n" and not (tmp_path / "none").exists()


def test_whole_files(run, tmp_path):
    file = tmp_path / "deep/er/file"
    twice(run, "Roadstead-WriteFile", file=file, content="a = 1\n\n$(id) `id` \"q\"", mode="0640")
    assert file.read_text() == "a = 1\n\n$(id) `id` \"q\"\n" and oct(file.stat().st_mode)[-3:] == "640"
    file.chmod(0o600)
    assert "changed: mode" in run("Roadstead-WriteFile", file=file, content="a = 1\n\n$(id) `id` \"q\"", mode="0640")
    run("Roadstead-WriteFile", file=file, state="absent")
    assert not file.exists()


def test_links_are_not_followed(run, tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("precious\n")
    link.symlink_to(target)
    for document, settings in {
        "Roadstead-WriteFile": dict(content="x"),
        "Roadstead-SetFileLine": dict(line="x"),
        "Roadstead-RotateLog": {},
    }.items():
        assert "is a link" in run(document, fails=True, file=link, **settings), document
    assert target.read_text() == "precious\n" and sorted(p.name for p in tmp_path.iterdir()) == ["link", "target"]


def test_authorized_keys(run, tmp_path):
    file = tmp_path / "ssh/authorized_keys"
    settings = dict(file=file, key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample ann@example", user="root")
    twice(run, "Roadstead-SetAuthorizedKey", **settings)
    assert file.read_text() == settings["key"] + "\n" and oct(file.stat().st_mode)[-3:] == "600"
    others = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample2 bob@example", "# AAAA"]
    file.write_text("\n".join(['from="10.0.0.1" ' + settings["key"], *others]) + "\n")
    twice(run, "Roadstead-SetAuthorizedKey", **settings)
    assert file.read_text().splitlines() == [settings["key"], *others]
    run("Roadstead-SetAuthorizedKey", file=file, key="ssh-ed25519 AAAA", user="root", state="absent")
    run("Roadstead-SetAuthorizedKey", state="absent", **settings)
    assert file.read_text().splitlines() == others[:1]


def test_disk_cleanup(run, tmp_path):
    old, young, spaced = tmp_path / "old", tmp_path / "young", tmp_path / "old and\nodd"
    for file in (old, young, spaced):
        file.write_text("12345")
    for file in (old, spaced):
        os.utime(file, (time.time() - 40 * 86400,) * 2)
    assert "would remove: 2 files, 10 bytes" in run("Roadstead-DiskCleanup", directory=tmp_path, dryRun="true")
    assert old.exists()
    assert "removed: 2 files, 10 bytes" in run("Roadstead-DiskCleanup", directory=tmp_path)
    assert young.exists() and not old.exists() and not spaced.exists()
    assert "removed: 0 files, 0 bytes" in run("Roadstead-DiskCleanup", directory=tmp_path)
    assert "is not cleaned" in run("Roadstead-DiskCleanup", fails=True, directory="/etc")


def test_log_rotation(run, tmp_path):
    log = tmp_path / "app.log"
    for n in range(4):
        log.write_text(f"round {n}\n")
        run("Roadstead-RotateLog", file=log, keep=2)
    assert log.read_text() == "" and sorted(p.name for p in tmp_path.iterdir()) == ["app.log", "app.log.1.gz", "app.log.2.gz"]
    assert gzip.decompress((tmp_path / "app.log.1.gz").read_bytes()) == b"round 3\n"
    assert "unchanged:" in run("Roadstead-RotateLog", file=log, keep=2)


def test_logrotate_rules(run, tmp_path):
    twice(run, "Roadstead-SetLogrotate", directory=tmp_path, name="app", paths="/var/log/app/*.log", frequency="daily", keep=3)
    rule = (tmp_path / "app").read_text()
    assert rule.startswith("/var/log/app/*.log {\n  daily\n  rotate 3\n") and rule.endswith("}\n")


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_certificates(run, tmp_path):
    file = tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "/dev/null", "-out", file, "-days", "10", "-subj", "/CN=short"],
        check=True, capture_output=True,
    )
    assert "good until" in run("Roadstead-CheckCertificate", file=file, days=5)
    assert "within 30 days" in run("Roadstead-CheckCertificate", fails=True, file=file, days=30)


def test_disk_space(run, tmp_path):
    assert "of the space" in run("Roadstead-CheckDiskSpace", path=tmp_path, percent=100)
    assert "more than -1 %" in run("Roadstead-CheckDiskSpace", fails=True, path=tmp_path, percent=-1)
    assert "does not say" in run("Roadstead-CheckDiskSpace", fails=True, path=tmp_path / "none", percent=100)


def test_diagnostics(run, tmp_path):
    output = run("Roadstead-CollectDiagnostics", directory=tmp_path / "out", lines=5)
    (archive,) = (tmp_path / "out").iterdir()
    assert f"written: {archive}" in output and oct(archive.stat().st_mode)[-3:] == "600"
    with tarfile.open(archive) as tar:
        names = {name.removeprefix("diagnostics/") for name in tar.getnames()}
        assert {"uname", "uptime", "disks", "memory", "processes", "mounts"} <= names
        assert b"Linux" in tar.extractfile("diagnostics/uname").read()


def test_large_files(run, tmp_path):
    for size in (10, 3000, 200):
        (tmp_path / f"f{size}").write_bytes(b"x" * size)
    lines = run("Roadstead-FindLargeFiles", directory=tmp_path, count=2).splitlines()
    assert [line.split("\t") for line in lines] == [["3000", f"{tmp_path}/f3000"], ["200", f"{tmp_path}/f200"]]


def test_sshd_options(run, tmp_path):
    twice(run, "Roadstead-SetSshdOption", directory=tmp_path, option="PermitRootLogin", value="prohibit-password", reload="false")
    assert (tmp_path / "60-roadstead-PermitRootLogin.conf").read_text() == "PermitRootLogin prohibit-password\n"


def test_environment_variables(run, tmp_path):
    file = tmp_path / "environment"
    file.write_text('PATH="/bin"\nHTTP_PROXY="old"\n')
    twice(run, "Roadstead-SetEnvironmentVariable", file=file, name="HTTP_PROXY", value="http://proxy:3128/$x")
    assert file.read_text() == 'PATH="/bin"\nHTTP_PROXY="http://proxy:3128/$x"\n'


def test_limits(run, tmp_path):
    twice(run, "Roadstead-SetLimit", directory=tmp_path, domain="@web", item="nofile", value="65536")
    twice(run, "Roadstead-SetLimit", directory=tmp_path, domain="@web", type="soft", item="nofile", value="1024")
    assert (tmp_path / "60-roadstead-_web-nofile.conf").read_text() == "@web - nofile 65536\n"
    assert (tmp_path / "60-roadstead-_web-nofile-soft.conf").read_text() == "@web soft nofile 1024\n"


def test_remote_scripts_and_documents(run, tmp_path, ssm_plain):
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "hello.sh").write_text("echo hello $1\n")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x"]
    for argv in (["git", "init", "-q"], ["git", "add", "."], [*git, "commit", "-qm", "one"]):
        subprocess.run(argv, cwd=origin, check=True)
    info = json.dumps({"repository": f"file://{origin}"})
    assert "hello you" in run("AWS-RunRemoteScript", sourceType="Git", sourceInfo=info, commandLine="sh ./hello.sh you")
    output = run(
        "AWS-RunDocument", sourceType="SSMDocument", sourceInfo=json.dumps({"name": "Roadstead-CheckDiskSpace"}),
        documentPath="Roadstead-CheckDiskSpace.json", documentParameters=json.dumps({"path": "/", "percent": "100"}),
    )
    assert "of the space" in output


def test_values_outside_a_documents_patterns_are_refused(ssm_plain, node, refuses):
    for document, parameters in {
        "Roadstead-SetCronEntry": {"name": ["../../etc/passwd"], "command": ["x"]},
        "Roadstead-SetHostsEntry": {"address": ["1.2.3.4\n5.6.7.8"]},
        "Roadstead-WriteFile": {"file": ["relative"]},
        "Roadstead-SetEnvironmentVariable": {"name": ["A=B"]},
    }.items():
        refuses("InvalidParameters", ssm_plain.send_command, DocumentName=document, InstanceIds=[node], Parameters=parameters)
