"""The built-in library: each document runs on a real node and is judged by what it changed there, and by what it leaves alone
the second time. Everything happens below the test's own folder."""

import gzip
import io
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tarfile
import time

import pytest

from harness.library import Library
from harness.wait import until

pytestmark = pytest.mark.early

@pytest.fixture
def run(ssm_plain, node):
    return Library(ssm_plain, node)


def test_hosts_entries(run, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1\tlocalhost\n10.0.0.7\told\n")
    run.twice("Roadstead-SetHostsEntry", file=hosts, address="10.0.0.7", names="db db.example.net")
    assert hosts.read_text() == "127.0.0.1\tlocalhost\n10.0.0.7\tdb db.example.net\n"
    run("Roadstead-SetHostsEntry", file=hosts, address="127.0.0.1", names="localhost here")
    assert hosts.read_text() == "127.0.0.1\tlocalhost here\n10.0.0.7\tdb db.example.net\n"
    run("Roadstead-SetHostsEntry", file=hosts, address="10.0.0.7", state="absent")
    assert hosts.read_text() == "127.0.0.1\tlocalhost here\n"
    assert "needs names" in run("Roadstead-SetHostsEntry", fails=True, file=hosts, address="10.0.0.9")


def test_cron_entries(run, tmp_path):
    settings = dict(directory=tmp_path, name="backup", schedule="5 4 * * mon", command="/usr/bin/backup --all '$HOME'")
    run.twice("Roadstead-SetCronEntry", **settings)
    assert (tmp_path / "backup").read_text().splitlines()[1] == "5 4 * * mon root /usr/bin/backup --all '$HOME'"
    assert "removed:" in run("Roadstead-SetCronEntry", directory=tmp_path, name="backup", state="absent")
    assert not (tmp_path / "backup").exists()


def test_sysctl_settings(run, tmp_path):
    run.twice("Roadstead-SetSysctl", directory=tmp_path, key="net.ipv4.ip_forward", value="1", apply="false")
    assert (tmp_path / "60-roadstead-net-ipv4-ip_forward.conf").read_text() == "net.ipv4.ip_forward = 1\n"


def test_lines_of_a_file(run, tmp_path):
    file = tmp_path / "file"
    file.write_text("one\ntwo")
    run.twice("Roadstead-SetFileLine", file=file, line="three; $(id) 'x'")
    assert file.read_text() == "one\ntwo\nthree; $(id) 'x'\n"
    run("Roadstead-SetFileLine", file=file, line="one", state="absent")
    assert file.read_text() == "two\nthree; $(id) 'x'\n"
    file.write_text("10\n")
    assert "unchanged:" in run("Roadstead-SetFileLine", file=file, line="10.0", state="absent")
    assert "unchanged:" in run("Roadstead-SetFileLine", file=tmp_path / "none", line="x", state="absent")
    assert file.read_text() == "10\n" and not (tmp_path / "none").exists()


def test_whole_files(run, tmp_path):
    file = tmp_path / "deep/er/file"
    run.twice("Roadstead-WriteFile", file=file, content="a = 1\n\n$(id) `id` \"q\"", mode="0640")
    assert file.read_text() == "a = 1\n\n$(id) `id` \"q\"" and oct(file.stat().st_mode)[-3:] == "640"
    file.chmod(0o600)
    assert "changed: mode" in run("Roadstead-WriteFile", file=file, content="a = 1\n\n$(id) `id` \"q\"", mode="0640")
    for exact in ("one\n", "two\n\n", "", " "):
        run.twice("Roadstead-WriteFile", file=file, content=exact)
        assert file.read_text() == exact
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
    run.twice("Roadstead-SetAuthorizedKey", **settings)
    assert file.read_text() == settings["key"] + "\n" and oct(file.stat().st_mode)[-3:] == "600"
    others = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample2 bob@example", "# AAAA"]
    file.write_text("\n".join(['from="10.0.0.1" ' + settings["key"], *others]) + "\n")
    run.twice("Roadstead-SetAuthorizedKey", **settings)
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
    assert "days must be 0 or more" in run("Roadstead-DiskCleanup", fails=True, directory=tmp_path, days="-5") and young.exists()


def test_log_rotation(run, tmp_path):
    log = tmp_path / "app.log"
    for n in range(4):
        log.write_text(f"round {n}\n")
        run("Roadstead-RotateLog", file=log, keep=2)
    assert log.read_text() == "" and sorted(p.name for p in tmp_path.iterdir()) == ["app.log", "app.log.1.gz", "app.log.2.gz"]
    assert gzip.decompress((tmp_path / "app.log.1.gz").read_bytes()) == b"round 3\n"
    assert "unchanged:" in run("Roadstead-RotateLog", file=log, keep=2)


def test_logrotate_rules(run, tmp_path):
    run.twice("Roadstead-SetLogrotate", directory=tmp_path, name="app", paths="/var/log/app/*.log", frequency="daily", keep=3)
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
    run.twice("Roadstead-SetSshdOption", directory=tmp_path, option="PermitRootLogin", value="prohibit-password", reload="false")
    assert (tmp_path / "60-roadstead-PermitRootLogin.conf").read_text() == "PermitRootLogin prohibit-password\n"


def test_environment_variables(run, tmp_path):
    file = tmp_path / "environment"
    file.write_text('PATH="/bin"\nHTTP_PROXY="old"\n')
    run.twice("Roadstead-SetEnvironmentVariable", file=file, name="HTTP_PROXY", value="http://proxy:3128/$x")
    assert file.read_text() == 'PATH="/bin"\nHTTP_PROXY="http://proxy:3128/$x"\n'


def test_limits(run, tmp_path):
    run.twice("Roadstead-SetLimit", directory=tmp_path, domain="@web", item="nofile", value="65536")
    run.twice("Roadstead-SetLimit", directory=tmp_path, domain="@web", type="soft", item="nofile", value="1024")
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
    document = {"sourceType": "SSMDocument", "sourceInfo": json.dumps({"name": "Roadstead-CheckDiskSpace"})}
    parameters = json.dumps({"path": "/", "percent": "100"})
    assert "of the space" in run("AWS-RunDocument", **document, documentParameters=parameters), "the one that was fetched"
    assert "of the space" in run("AWS-RunDocument", **document, documentPath="Roadstead-CheckDiskSpace.json", documentParameters=parameters)


def test_values_outside_a_documents_patterns_are_refused(ssm_plain, node, refuses):
    for document, parameters in {
        "Roadstead-SetCronEntry": {"name": ["../../etc/passwd"], "command": ["x"]},
        "Roadstead-SetHostsEntry": {"address": ["1.2.3.4\n5.6.7.8"]},
        "Roadstead-WriteFile": {"file": ["relative"]},
        "Roadstead-SetEnvironmentVariable": {"name": ["A=B"]},
    }.items():
        refuses("InvalidParameters", ssm_plain.send_command, DocumentName=document, InstanceIds=[node], Parameters=parameters)


def test_time_zones(run, tmp_path):
    zones, etc = tmp_path / "zones", tmp_path / "etc"
    for zone in ("Europe/Berlin", "UTC"):
        (zones / zone).parent.mkdir(parents=True, exist_ok=True)
        (zones / zone).write_text(zone)
    etc.mkdir()
    (etc / "timezone").write_text("UTC\n")
    (etc / "localtime").symlink_to(zones / "UTC")
    run.twice("Roadstead-SetTimezone", zone="Europe/Berlin", zones=zones, directory=etc)
    assert (etc / "localtime").read_text() == "Europe/Berlin" and (etc / "timezone").read_text() == "Europe/Berlin\n"
    assert "knows no zone" in run("Roadstead-SetTimezone", fails=True, zone="Europe/Atlantis", zones=zones, directory=etc)
    assert sorted(p.name for p in etc.iterdir()) == ["localtime", "timezone"]


def test_host_names(run, tmp_path):
    run.twice("Roadstead-SetHostname", name="web1.example.net", directory=tmp_path, apply="false")
    assert (tmp_path / "hostname").read_text() == "web1.example.net\n"


def test_locales(run, tmp_path):
    file = tmp_path / "locale"
    file.write_text("# ours\nLANG=de_DE.UTF-8\nLC_TIME=C\n")
    run.twice("Roadstead-SetLocale", lang="C.UTF-8", file=file, generate="false")
    assert file.read_text() == "# ours\nLANG=C.UTF-8\nLC_TIME=C\n"
    assert "no locale xx_XX" in run("Roadstead-SetLocale", fails=True, lang="xx_XX.UTF-8", file=file, generate="false")


def test_resolvers(run, tmp_path):
    file, stub, link = tmp_path / "resolv.conf", tmp_path / "systemd/resolve/stub.conf", tmp_path / "link"
    settings = dict(servers="10.0.0.1 fd00::1", search="example.net lab")
    run.twice("Roadstead-SetResolver", file=file, options="timeout:2", **settings)
    assert file.read_text() == "nameserver 10.0.0.1\nnameserver fd00::1\nsearch example.net lab\noptions timeout:2\n"
    stub.parent.mkdir(parents=True)
    stub.write_text("theirs\n")
    link.symlink_to(stub)
    if not os.path.exists("/run/systemd/system"):
        run.twice("Roadstead-SetResolver", file=link, dropIns=tmp_path / "d", **settings)
        assert (tmp_path / "d/60-roadstead.conf").read_text() == "[Resolve]\nDNS=10.0.0.1 fd00::1\nDomains=example.net lab\n"
    link.unlink()
    link.symlink_to(file)
    assert "is a link" in run("Roadstead-SetResolver", fails=True, file=link, servers="10.0.0.9")
    assert stub.read_text() == "theirs\n" and "10.0.0.9" not in file.read_text()


def test_mounts(run, tmp_path):
    table = tmp_path / "fstab"
    table.write_text("# /data is below\nUUID=1 / ext4 defaults 0 1\nUUID=2 /data ext4 defaults 0 2\n")
    settings = dict(path="/data", file=table, apply="false")
    run.twice("Roadstead-SetMount", source="nas:/data", type="nfs", options="ro,nofail", **settings)
    assert table.read_text().splitlines()[1:] == ["UUID=1 / ext4 defaults 0 1", "nas:/data /data nfs ro,nofail 0 0"]
    run("Roadstead-SetMount", state="absent", **settings)
    assert table.read_text() == "# /data is below\nUUID=1 / ext4 defaults 0 1\n"
    assert "needs a source" in run("Roadstead-SetMount", fails=True, **settings)


@pytest.mark.skipif(not shutil.which("mkswap"), reason="mkswap writes the head of the file")
def test_swap_files(run, tmp_path):
    table, file = tmp_path / "fstab", tmp_path / "swap"
    table.write_text("UUID=1 / ext4 defaults 0 1\n")
    settings = dict(file=file, table=table, apply="false")
    run.twice("Roadstead-SetSwapFile", sizeMiB=1, **settings)
    assert table.read_text() == f"UUID=1 / ext4 defaults 0 1\n{file} none swap sw 0 0\n"
    assert file.read_bytes()[4086:4096] == b"SWAPSPACE2" and file.stat().st_size == 1 << 20 and file.stat().st_mode & 0o777 == 0o600
    run.twice("Roadstead-SetSwapFile", sizeMiB=2, **settings)
    assert file.stat().st_size == 2 << 20
    assert "removed:" in run("Roadstead-SetSwapFile", state="absent", **settings)
    assert not file.exists() and table.read_text() == "UUID=1 / ext4 defaults 0 1\n"


def test_kernel_modules(run, tmp_path):
    load, never = tmp_path / "modules-load.d/60-roadstead-pcspkr.conf", tmp_path / "modprobe.d/60-roadstead-pcspkr.conf"
    settings = dict(module="pcspkr", directory=tmp_path, apply="false")
    run.twice("Roadstead-SetKernelModule", **settings)
    assert load.read_text() == "pcspkr\n"
    run("Roadstead-SetKernelModule", state="blacklist", **settings)
    assert never.read_text() == "blacklist pcspkr\ninstall pcspkr /bin/false\n" and not load.exists()
    run("Roadstead-SetKernelModule", state="absent", **settings)
    assert not never.exists() and not load.exists()


@pytest.mark.skipif(os.path.exists("/run/systemd/system"), reason="it would restart this system's journal")
def test_journal_limits(run, tmp_path):
    run.twice("Roadstead-SetJournalLimits", directory=tmp_path / "d", maxUse="500M", maxAge="30day")
    settings = (tmp_path / "d/60-roadstead.conf").read_text().splitlines()
    assert settings[0] == "[Journal]" and {"SystemMaxUse=500M", "MaxRetentionSec=30day", "Storage=auto"} <= set(settings)
    assert "removed:" in run("Roadstead-SetJournalLimits", directory=tmp_path / "d", state="absent")


@pytest.mark.skipif(not shutil.which("systemd-tmpfiles"), reason="systemd-tmpfiles acts by the rule")
def test_rules_of_tmpfiles(run, tmp_path):
    made = tmp_path / "made"
    run.twice("Roadstead-SetTmpfiles", directory=tmp_path / "d", name="app", rule=f"d {made} 0710 - - -")
    assert made.is_dir() and made.stat().st_mode & 0o777 == 0o710
    assert (tmp_path / "d/60-roadstead-app.conf").read_text() == f"d {made} 0710 - - -\n"
    run("Roadstead-SetTmpfiles", fails=True, directory=tmp_path / "d", name="bad", rule="y /x")
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["60-roadstead-app.conf"]


@pytest.mark.skipif(os.path.exists("/run/systemd/system"), reason="it would reload this system's units")
def test_timers(run, tmp_path):
    units = tmp_path / "units"
    settings = dict(directory=units, name="tidy", calendar="Mon *-*-* 04:00:00", command="/bin/true --all '%%'")
    run.twice("Roadstead-SetTimer", **settings)
    assert "ExecStart=/bin/true --all '%%'\n" in (units / "tidy.service").read_text()
    assert os.readlink(units / "timers.target.wants/tidy.timer") == "../tidy.timer"
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "verify", units / "tidy.timer", units / "tidy.service"], check=True)
        assert "Mon" in run("Roadstead-SetTimer", fails=True, **{**settings, "calendar": "Mon nonsense"})
    run("Roadstead-SetTimer", directory=units, name="tidy", state="absent")
    assert [p.name for p in units.rglob("*")] == ["timers.target.wants"]


def test_checks_of_urls_ports_and_names(run, hub):
    assert "answers 200" in run("Roadstead-CheckUrl", url=hub.http + "/healthz")
    assert "should be 204" in run("Roadstead-CheckUrl", fails=True, url=hub.http + "/healthz", status=204)
    assert "does not contain" in run("Roadstead-CheckUrl", fails=True, url=hub.http + "/healthz", contains="nothing like it")
    assert "listens" in run("Roadstead-CheckPort", address="127.0.0.1", port=hub.port)
    assert "cannot be reached" in run("Roadstead-CheckPort", fails=True, address="127.0.0.1", port=1)
    assert "127.0.0.1" in run("Roadstead-CheckName", name="localhost", address="127.0.0.1")
    assert "not among them" in run("Roadstead-CheckName", fails=True, name="localhost", address="10.9.8.7")
    assert "is not resolved" in run("Roadstead-CheckName", fails=True, name="nothing.invalid")


@pytest.mark.skipif(not shutil.which("systemctl"), reason="systemctl keeps the links of units")
def test_units_of_an_image(run, tmp_path):
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "app.service").write_text("[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
    link = units / "multi-user.target.wants/app.service"
    settings = dict(unit="app.service", root=tmp_path)
    run.twice("Roadstead-SetUnit", **settings)
    assert link.is_symlink()
    run.twice("Roadstead-SetUnit", state="disabled", **settings)
    assert not link.is_symlink()
    assert "no unit none" in run("Roadstead-SetUnit", fails=True, unit="none.service", root=tmp_path)
    (units / "app.service").rename(units / "../app.service")
    (tmp_path / "usr/lib/systemd/system").mkdir(parents=True)
    (units / "../app.service").rename(tmp_path / "usr/lib/systemd/system/app.service")
    run.twice("Roadstead-SetUnit", state="masked", **settings)
    assert os.readlink(units / "app.service") == "/dev/null"
    run.twice("Roadstead-SetUnit", state="enabled", **settings)
    assert link.is_symlink() and not (units / "app.service").exists()


def test_time_servers(run, tmp_path):
    chrony, timesyncd = tmp_path / "chrony.conf", tmp_path / "d/timesyncd.conf"
    chrony.write_text("# ours\npool old.example.net iburst\nserver older.example.net\nmakestep 1 3\n")
    settings = dict(servers="ntp1.example.net 10.0.0.1", apply="false")
    run.twice("Roadstead-SetTimeSync", service="chrony", file=chrony, **settings)
    assert chrony.read_text() == "# ours\nserver ntp1.example.net iburst\nserver 10.0.0.1 iburst\nmakestep 1 3\n"
    run.twice("Roadstead-SetTimeSync", service="timesyncd", file=timesyncd, **settings)
    assert timesyncd.read_text() == "[Time]\nNTP=ntp1.example.net 10.0.0.1\n"


def test_processes_are_ended(run, tmp_path):
    kind, stubborn = tmp_path / "rs-kind", tmp_path / "rs-stubborn"
    for program in (kind, stubborn):
        shutil.copy(shutil.which("sleep"), program)
    first, other = subprocess.Popen([kind, "600"]), subprocess.Popen([kind, "600"], preexec_fn=lambda: os.setgid(os.getgid()))
    deaf = subprocess.Popen(["sh", "-c", f"trap '' TERM; exec {stubborn} 600"])
    try:
        until(lambda: pathlib.Path(f"/proc/{deaf.pid}/comm").read_text() == "rs-stubborn\n", 10, "the program running")
        assert "changed: 2 ended, 0 of them killed" in run("Roadstead-KillProcess", name="rs-kind")
        assert (first.wait(5), other.wait(5)) == (-15, -15)
        assert "unchanged:" in run("Roadstead-KillProcess", name="rs-stubborn", user="nobody")
        assert "changed: 1 ended, 1 of them killed" in run("Roadstead-KillProcess", name="rs-stubborn", graceSeconds=1)
        assert deaf.wait(5) == -9
        assert "unchanged:" in run("Roadstead-KillProcess", name="rs-kind")
        assert "is not ended" in run("Roadstead-KillProcess", fails=True, name="roadstead")
    finally:
        for child in (first, other, deaf):
            child.kill()
            child.wait()


def test_ends_of_logs(run, tmp_path):
    log = tmp_path / "app.log"
    log.write_text("".join(f"line {n} {'odd' if n % 2 else 'even'}\n" for n in range(20)))
    assert run("Roadstead-TailLog", file=log, lines=2) == "line 18 even\nline 19 odd\n"
    assert run("Roadstead-TailLog", file=log, lines=2, contains="odd") == "line 17 odd\nline 19 odd\n"
    assert "no file" in run("Roadstead-TailLog", fails=True, file=tmp_path / "none")
    assert "is needed" in run("Roadstead-TailLog", fails=True)


@pytest.mark.skipif(not shutil.which("zstd"), reason="zstd packs and unpacks")
def test_backups(run, tmp_path):
    source, kept = tmp_path / "source", tmp_path / "kept"
    source.mkdir()
    (source / "cache").write_text("not this\n")
    kept.mkdir()
    (kept / "app-notes.tar.zst").write_text("not ours\n")
    for n in range(3):
        (source / "file").write_text(f"round {n}\n")
        run("Roadstead-BackupDirectory", directory=source, destination=kept, name="app", keep=2, exclude="cache")
    archives = sorted(kept.glob("app-2*.tar.zst"))
    assert len(archives) == 2 and sorted(p.name for p in kept.iterdir()) == [*(a.name for a in archives), "app-notes.tar.zst"]
    assert all(a.stat().st_mode & 0o777 == 0o600 for a in archives)
    plain = subprocess.run(["zstd", "-dc", archives[-1]], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert tar.getnames() == ["source", "source/file"] and tar.extractfile("source/file").read() == b"round 2\n"
    run("Roadstead-BackupDirectory", directory=source, destination=kept, name="other", compression="gzip")
    with tarfile.open(next(kept.glob("other-*.tar.gz"))) as tar:
        assert "source/cache" in tar.getnames()
    assert "no directory" in run("Roadstead-BackupDirectory", fails=True, directory=tmp_path / "none", destination=kept, name="x")


def test_facts(run, tmp_path, node):
    file = tmp_path / "facts.json"
    facts = json.loads(run("Roadstead-GatherFacts", file=file))
    assert facts == json.loads(file.read_text())
    name = os.uname()
    assert (facts["node"], facts["name"], facts["kernel"], facts["architecture"]) == (node, name.nodename, name.release, name.machine)
    assert facts["processors"] == len(re.findall("^processor", pathlib.Path("/proc/cpuinfo").read_text(), re.M))
    total = int(re.search(r"MemTotal: *(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    assert facts["memoryBytes"] == total * 1024 and "127.0.0.1" in facts["addresses"]
    assert facts["system"]["id"] == platform.freedesktop_os_release()["ID"] and facts["packages"] >= 0


def test_every_document_of_the_library_is_tested(ssm_plain):
    names = {
        document["Name"]
        for owner in ("Amazon", "ThirdParty")
        for page in ssm_plain.get_paginator("list_documents").paginate(Filters=[{"Key": "Owner", "Values": [owner]}])
        for document in page["DocumentIdentifiers"]
    }
    tests = "".join(file.read_text() for file in pathlib.Path(__file__).parent.glob("test_*.py"))
    assert len(names) >= 45 and {name for name in names if f'"{name}"' not in tests} == set()


@pytest.mark.parametrize(
    "document, missing, parameters",
    [
        ("AWS-ConfigureAWSPackage", "distributes no packages", {"action": "Install", "name": "tool"}),
        ("AWS-UpdateSSMAgent", "updates no agents", {}),
        ("AWS-GatherSoftwareInventory", "gathers no inventory", {}),
        ("AWS-RefreshAssociation", "keeps no associations", {}),
    ],
)
def test_a_document_whose_other_half_is_not_here_says_so(run, document, missing, parameters):
    assert f"cannot be done: this hub {missing}" in run(document, fails=True, **parameters)
