"""Documents of the library that reach through the whole system: packages, users, services. They run in a system of their own, which lies
in memory over the one that is there, and are judged as in test_library.py."""

import hashlib
import http.server
import json
import pathlib
import shutil
import socketserver
import subprocess
import threading
import urllib.request

import pytest

from harness.library import Library
from harness.process import free_port
from harness.system import OwnSystem, why_not
from harness.wait import until

pytestmark = [pytest.mark.early, pytest.mark.skipif(bool(why_not()), reason=str(why_not()))]


@pytest.fixture(scope="module")
def system(hub):
    return OwnSystem(hub, "own")


@pytest.fixture
def run(ssm_plain, system):
    return Library(ssm_plain, system.node)


def account(system, database, name):
    lines = system.path(f"/etc/{database}").read_text().splitlines()
    return next((line.split(":") for line in lines if line.startswith(name + ":")), None)


def test_the_name_of_the_node(run, system):
    run.twice("Roadstead-SetHostname", name="other.example.net")
    assert system.path("/etc/hostname").read_text() == "other.example.net\n" and system.run("uname", "-n") == "other.example.net\n"


def test_the_time_zone(run, system):
    run.twice("Roadstead-SetTimezone", zone="Asia/Tokyo")
    assert system.run("date", "+%Z") == "JST\n"


def test_mounting(run, system):
    settings = dict(path="/mnt/scratch", source="tmpfs", type="tmpfs", options="size=1m,mode=700")
    run.twice("Roadstead-SetMount", **settings)
    assert "tmpfs /mnt/scratch tmpfs" in system.run("cat", "/proc/self/mounts")
    assert "tmpfs /mnt/scratch tmpfs size=1m,mode=700 0 0\n" in system.path("/etc/fstab").read_text()
    run("Roadstead-SetMount", path="/mnt/scratch", state="absent")
    assert "/mnt/scratch" not in system.run("cat", "/proc/self/mounts") + system.path("/etc/fstab").read_text()
    before = system.path("/etc/fstab").read_text()
    run("Roadstead-SetMount", fails=True, path="/mnt/no", source="/nothing", type="ext4")
    assert system.path("/etc/fstab").read_text() == before


def test_users(run, system):
    run.twice("Roadstead-SetUser", name="ann", groups="adm users", shell="/bin/sh", comment="Ann Example")
    assert account(system, "passwd", "ann")[4:] == ["Ann Example", "/home/ann", "/bin/sh"]
    assert {"adm", "users"} <= set(system.run("id", "-nG", "ann").split()) and system.path("/home/ann").is_dir()
    run.twice("Roadstead-SetUser", name="ann", shell="/bin/bash", groups="tty")
    assert account(system, "passwd", "ann")[6] == "/bin/bash" and {"adm", "tty"} <= set(system.run("id", "-nG", "ann").split())
    assert "no group nobodys" in run("Roadstead-SetUser", fails=True, name="bob", groups="nobodys")
    assert account(system, "passwd", "bob") is None
    assert "removed:" in run("Roadstead-SetUser", name="ann", state="absent", deleteHome="true")
    assert account(system, "passwd", "ann") is None and not system.path("/home/ann").exists()
    assert "unchanged:" in run("Roadstead-SetUser", name="ann", state="absent")
    assert "is not deleted" in run("Roadstead-SetUser", fails=True, name="root", state="absent")


def test_locked_users(run, system):
    run("Roadstead-SetUser", name="carl")
    system.run("usermod", "-p", "$6$x$y", "carl")
    sleeper = system.run("su", "carl", "-s", "/bin/sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!").strip()
    run.twice("Roadstead-LockUser", name="carl", endProcesses="true")
    entry = account(system, "shadow", "carl")
    assert entry[1] == "!$6$x$y" and entry[7] == "1" and not system.path(f"/proc/{sleeper}").exists()
    run.twice("Roadstead-LockUser", name="carl", state="unlocked")
    entry = account(system, "shadow", "carl")
    assert entry[1] == "$6$x$y" and entry[7] == ""
    assert "is not locked" in run("Roadstead-LockUser", fails=True, name="root")


def test_passwords_that_expire(run, system):
    run("Roadstead-SetUser", name="dora")
    run.twice("Roadstead-SetPasswordExpiry", name="dora", maxDays=30, minDays=1, warnDays=5, accountEnds="2030-12-31")
    assert account(system, "shadow", "dora")[3:8] == ["1", "30", "5", "", "22279"]
    run("Roadstead-SetPasswordExpiry", name="dora", accountEnds="never")
    assert account(system, "shadow", "dora")[4:8] == ["90", "7", "", ""]


MIRROR = "http://deb.debian.org/debian"
NEEDS_APT = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="it is about packages of Debian")


def only_from(system, source):
    """Packages come from there alone, and are unpacked fast; whether that is new."""
    if system.packages_from == source:
        return False
    for file in system.path("/etc/apt").glob("sources.list*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    system.path("/etc/apt/sources.list.d").mkdir()
    system.path("/etc/dpkg/dpkg.cfg.d/test").write_text("force-unsafe-io\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\n")
    system.path("/var/lib/man-db/auto-update").unlink(missing_ok=True)
    system.stand_in("py3compile", "exit 0")
    system.packages_from = source
    return True


@pytest.fixture
def packages(system):
    only_from(system, "the test")


@pytest.fixture
def mirror(system):
    release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    if release.get("ID") != "debian":
        pytest.skip("it is about packages of Debian")
    suite = release["VERSION_CODENAME"]
    try:
        urllib.request.urlopen(f"{MIRROR}/dists/{suite}/Release", timeout=5).close()
    except OSError:
        pytest.skip("the mirror of Debian cannot be reached")
    if only_from(system, MIRROR):
        system.path("/etc/apt/sources.list").write_text(f"deb {MIRROR} {suite} main\n")
        system.run("apt-get", "-q", "update")


def build_package(folder, name, version):
    tree = folder / f"{name}-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/share/rs-test").mkdir(parents=True)
    (tree / f"usr/share/rs-test/{name}").write_text(version)
    control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@example.net>\nDescription: x\n"
    (tree / "DEBIAN/control").write_text(control)
    deb = folder / f"{name}_{version}.deb"
    subprocess.run(["dpkg-deb", "--build", "-Znone", tree, deb], check=True, capture_output=True)
    shutil.rmtree(tree)
    content = deb.read_bytes()
    entry = f"{control}Filename: ./{deb.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n\n"
    with open(folder / "Packages", "a") as index:
        index.write(entry)


@NEEDS_APT
def test_packages_and_repositories(run, system, packages):
    folder = system.path("/srv/repository")
    folder.mkdir()
    for name in ("rs-one", "rs-two"):
        build_package(folder, name, "1.0")
    settings = dict(name="local", url="file:/srv/repository", suite="./", isTrusted="true")
    run.twice("Roadstead-SetRepository", **settings)
    assert "URIs: file:" in system.path("/etc/apt/sources.list.d/local.sources").read_text()

    installed = system.path("/usr/share/rs-test")
    run.twice("Roadstead-SetPackage", names="rs-one rs-two", refresh="false")
    assert sorted(p.name for p in installed.iterdir()) == ["rs-one", "rs-two"]
    run.twice("Roadstead-HoldPackage", names="rs-two")
    for name in ("rs-one", "rs-two"):
        build_package(folder, name, "2.0")
    found = run("Roadstead-CheckUpdates", refresh="true")
    assert "rs-one 1.0 -> 2.0" in found and "rs-two" not in found
    assert "updates wait" in run("Roadstead-CheckUpdates", fails=True, fail="true")
    run.twice("Roadstead-SetPackage", names="rs-one", state="latest", refresh="false")
    assert (installed / "rs-one").read_text() == "2.0" and (installed / "rs-two").read_text() == "1.0"
    run.twice("Roadstead-HoldPackage", names="rs-two", state="free")
    assert "rs-two 1.0 -> 2.0" in run("Roadstead-CheckUpdates")
    run.twice("Roadstead-SetPackage", names="rs-one rs-two", state="absent")
    assert not installed.exists()
    run("Roadstead-SetPackage", fails=True, names="rs-nothing", refresh="false")

    assert "not an armoured" in run("Roadstead-SetRepository", fails=True, name="keyed", url="http://127.0.0.1/x", key="nonsense")
    key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nx\n-----END PGP PUBLIC KEY BLOCK-----"
    run.twice("Roadstead-SetRepository", name="keyed", url="http://127.0.0.1/x", key=key, refresh="false")
    text = system.path("/etc/apt/sources.list.d/keyed.sources").read_text()
    assert text == "Types: deb\nURIs: http://127.0.0.1/x\nSuites: stable\nComponents: main\nSigned-By: /etc/apt/keyrings/keyed.asc\n"
    run("Roadstead-SetRepository", name="keyed", state="absent")
    run("Roadstead-SetRepository", name="local", state="absent")
    assert not any(system.path("/etc/apt/sources.list.d").iterdir()) and not system.path("/etc/apt/keyrings/keyed.asc").exists()


RPM = """for name; do :; done
if [ -f "/srv/rpm/$name" ]; then cat "/srv/rpm/$name"; else echo "package $name is not installed"; exit 1; fi"""
DNF = """shift; [ "$1" != -y ] || shift
act=$1; shift
case $act in
  makecache) : >/srv/rpm/.lists ;;
  install) for name; do case $name in rs-skipped) ;; *) echo 1.0-1 >"/srv/rpm/$name" ;; esac; done ;;
  upgrade) for name; do echo 2.0-1 >"/srv/rpm/$name"; done ;;
  remove) for name; do rm "/srv/rpm/$name"; done ;;
  check-update) echo 'rs-one.noarch 2.0-1 updates'; exit 100 ;;
  versionlock) case $1 in list) cat /srv/rpm/.locks ;; add) echo "$2-0:1.0-1.*" >>/srv/rpm/.locks ;; delete) : >/srv/rpm/.locks ;; esac ;;
  *) echo "not recorded: $act" >&2; exit 99 ;;
esac"""


@pytest.fixture
def dnf(system):
    """A node where dnf is what there is: what dnf and rpm answer there is recorded."""
    apt = [path for path in (system.path("/usr/bin/apt-get"),) if path.exists()]
    for path in apt:
        path.rename(path.with_name("apt-get.away"))
    system.path("/srv/rpm").mkdir()
    (system.path("/srv/rpm") / ".locks").write_text("rs-one-more-0:1.0-1.*\n")
    programs = [system.stand_in("rpm", RPM), system.stand_in("dnf", DNF)]
    yield system.path("/srv/rpm")
    for program in programs:
        program.unlink()
    for path in apt:
        path.with_name("apt-get.away").rename(path)


def test_packages_with_dnf(run, system, dnf):
    run.twice("Roadstead-SetPackage", names="rs-one rs-two")
    assert sorted(p.name for p in dnf.iterdir()) == [".lists", ".locks", "rs-one", "rs-two"]
    assert "did not work for rs-skipped" in run("Roadstead-SetPackage", fails=True, names="rs-one rs-skipped")
    run.twice("Roadstead-HoldPackage", names="rs-one")
    assert "rs-one-0:1.0-1.*\n" in (dnf / ".locks").read_text()
    run.twice("Roadstead-HoldPackage", names="rs-one", state="free")
    found = run("Roadstead-CheckUpdates")
    assert "rs-one.noarch 2.0-1 updates" in found and "1 updates wait" in found
    run.twice("Roadstead-SetPackage", names="rs-one", state="latest")
    run.twice("Roadstead-SetPackage", names="rs-two", state="absent")
    assert (dnf / "rs-one").read_text() == "2.0-1\n" and not (dnf / "rs-two").exists()
    run.twice("Roadstead-SetRepository", name="ours", url="http://10.0.0.1/el9", isTrusted="true")
    text = system.path("/etc/yum.repos.d/ours.repo").read_text()
    assert text == "[ours]\nname=ours\nbaseurl=http://10.0.0.1/el9\nenabled=1\ngpgcheck=0\n"


def metrics(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return None


def test_a_monitoring_agent(run, system, mirror):
    first, second = free_port(), free_port()
    only = "--collector.disable-defaults --collector.uname --web.listen-address=127.0.0.1:"
    settings = dict(agent="node_exporter", refresh="false", within=240)
    said = run("Roadstead-InstallMonitoringAgent", configuration=f"{only}{first}", **settings)
    assert "changed: prometheus-node-exporter" in said
    assert "node_uname_info" in until(lambda: metrics(first), 30, "the agent's answer")
    before = system.run("pgrep", "-x", "prometheus-node")
    again = run("Roadstead-InstallMonitoringAgent", configuration=f"{only}{first}", **settings)
    assert "unchanged: prometheus-node-exporter" in again and system.run("pgrep", "-x", "prometheus-node") == before
    run("Roadstead-InstallMonitoringAgent", configuration=f"{only}{second}", **settings)
    assert until(lambda: metrics(second), 30, "the agent's answer") and metrics(first) is None
    assert "removed:" in run("Roadstead-InstallMonitoringAgent", agent="node_exporter", state="absent")
    assert metrics(second) is None and not system.path("/usr/bin/prometheus-node-exporter").exists()
    assert "unchanged:" in run("Roadstead-InstallMonitoringAgent", agent="node_exporter", state="absent")


def test_rules_for_sudo_and_the_firewall(run, system, mirror, tmp_path):
    run("Roadstead-SetPackage", names="sudo nftables", refresh="false", within=240)
    run.twice("Roadstead-SetUser", name="eve")
    run.twice("Roadstead-SetSudoRule", name="eve", who="eve", commands="/usr/bin/id -u", needsPassword="false")
    assert system.path("/etc/sudoers.d/eve").stat().st_mode & 0o777 == 0o440
    assert system.run("su", "eve", "-s", "/bin/sh", "-c", "sudo -n /usr/bin/id -u") == "0\n"
    assert "visudo refuses" in run("Roadstead-SetSudoRule", fails=True, name="bad", who="eve", commands="/bin/x, ,(")
    run("Roadstead-SetSudoRule", name="eve", state="absent")
    assert sorted(p.name for p in system.path("/etc/sudoers.d").iterdir()) == ["README"]

    table = f"roadstead_test_{system.agent.pid}"
    file = tmp_path / "rules.nft"
    try:
        run.twice("Roadstead-SetFirewall", file=file, rules=f"table inet {table} {{\n  set allowed {{ type ipv4_addr; }}\n}}")
        assert table in file.read_text() and file.stat().st_mode & 0o777 == 0o600
        assert "set allowed" in system.run("nft", "list", "table", "inet", table)
        before = file.read_text()
        assert "nft refuses" in run("Roadstead-SetFirewall", fails=True, file=file, rules="table inet x {")
        assert file.read_text() == before
    finally:
        system.run("nft", "delete", "table", "inet", table)


@pytest.mark.skipif(not shutil.which("openssl") or not shutil.which("update-ca-certificates"), reason="the certificate's tools")
def test_certificate_authorities(run, system, tmp_path):
    file = tmp_path / "ca.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "/dev/null", "-out", file, "-days", "10", "-subj", "/CN=ours"],
        check=True, capture_output=True,
    )
    certificate = file.read_text().strip()
    run.twice("Roadstead-SetCaCertificate", name="ours", certificate=certificate)
    assert certificate in system.path("/etc/ssl/certs/ca-certificates.crt").read_text()
    assert "OK" in system.run("openssl", "verify", "-CApath", "/etc/ssl/certs", str(file))
    run("Roadstead-SetCaCertificate", name="ours", state="absent")
    assert certificate not in system.path("/etc/ssl/certs/ca-certificates.crt").read_text()
    broken = certificate.replace("MII", "MIJ", 1).replace("A", "B")
    run("Roadstead-SetCaCertificate", fails=True, name="broken", certificate=broken)
    assert "not in PEM" in run("Roadstead-SetCaCertificate", fails=True, name="broken", certificate="x")


INIT_SCRIPT = """#!/bin/sh
pid=/run/tiny.pid
up() { [ -f $pid ] && kill -0 "$(cat $pid)" 2>/dev/null; }
start() { up || { setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $! >$pid; }; }
stop() { if up; then kill "$(cat $pid)"; rm -f $pid; fi; }
case $1 in start) start ;; stop) stop ;; restart) stop; start ;; reload) : >/run/tiny.reloaded ;; status) up ;; esac
"""


def test_units_with_an_init_script(run, system):
    script = system.path("/etc/init.d/tiny")
    script.write_text(INIT_SCRIPT)
    script.chmod(0o755)
    run.twice("Roadstead-RestartUnit", unit="tiny", act="start")
    first = system.path("/run/tiny.pid").read_text()
    assert "changed:" in run("Roadstead-RestartUnit", unit="tiny")
    second = system.path("/run/tiny.pid").read_text()
    assert first != second and "sleep" in system.run("cat", f"/proc/{second.strip()}/cmdline")
    run("Roadstead-RestartUnit", unit="tiny", act="reload")
    assert system.path("/run/tiny.reloaded").exists()
    run.twice("Roadstead-RestartUnit", unit="tiny", act="stop")
    assert not system.path("/run/tiny.pid").exists()
    assert "no /etc/init.d/nothing" in run("Roadstead-RestartUnit", fails=True, unit="nothing")


SYSTEMCTL = """echo "$*" >>/run/units/calls
case "$*" in
  *--root=*) exec /usr/bin/systemctl "$@" ;;
  '--failed --plain --no-legend --no-pager') cat /run/units/failed ;;
  '-q is-active '*) [ -e "/run/units/up-$3" ] ;;
  'start '* | 'restart '*) : >"/run/units/up-$2" ;;
  'stop '*) rm -f "/run/units/up-$2" ;;
  'reload '* | daemon-reload) ;;
  *) echo "not recorded: $*" >&2; exit 99 ;;
esac"""


@pytest.fixture
def systemd(system):
    """systemd does not run here: what its client would do is recorded."""
    if not shutil.which("systemctl"):
        pytest.skip("it keeps the links of units")
    system.path("/run/systemd/system").mkdir(parents=True)
    system.path("/run/units").mkdir()
    (system.path("/run/units") / "failed").write_text("")
    program = system.stand_in("systemctl", SYSTEMCTL)
    yield system.path("/run/units")
    program.unlink()
    shutil.rmtree(system.path("/run/units"))
    system.path("/run/systemd/system").rmdir()


def test_units_with_systemd(run, system, systemd):
    calls = systemd / "calls"
    run.twice("Roadstead-RestartUnit", unit="app.service", act="start")
    assert (systemd / "up-app.service").exists()
    run("Roadstead-RestartUnit", unit="app.service")
    assert "restart app.service" in calls.read_text().splitlines()
    unit = system.path("/etc/systemd/system/app.service")
    unit.write_text("[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
    run.twice("Roadstead-SetUnit", unit="app.service")
    assert system.path("/etc/systemd/system/multi-user.target.wants/app.service").is_symlink()
    run.twice("Roadstead-SetUnit", unit="app.service", state="disabled")
    assert not (systemd / "up-app.service").exists()
    calls.write_text("")
    run.twice("Roadstead-SetTimer", name="tidy", calendar="daily", command="/bin/true")
    assert calls.read_text().splitlines() == ["daemon-reload", "restart tidy.timer"]
    run.twice("Roadstead-SetJournalLimits", maxUse="100M")
    assert calls.read_text().splitlines()[-1] == "restart systemd-journald"


def test_failed_units(run, systemd):
    assert "no unit has failed" in run("Roadstead-CheckFailedUnits")
    (systemd / "failed").write_text("app.service loaded failed failed The app\nother.service loaded failed failed Another\n")
    output = run("Roadstead-CheckFailedUnits", fails=True, ignore="other.service")
    assert "failed: app.service" in output and "failed: other.service" not in output
    assert "no unit has failed" in run("Roadstead-CheckFailedUnits", ignore="app.service other.service")


def test_no_service_manager_is_said(run):
    assert "neither systemd nor OpenRC runs here" in run("Roadstead-CheckFailedUnits", fails=True)


def test_wanted_restarts(run, system, ssm_plain, tmp_path):
    system.stand_in("reboot", ": >/run/restarts")
    assert "no restart is wanted" in run("Roadstead-CheckReboot")
    assert "unchanged:" in run("Roadstead-Reboot", directory=tmp_path)
    system.path("/run/reboot-required").write_text("")
    system.path("/run/reboot-required.pkgs").write_text("linux-image\nlibc6\n")
    assert "libc6 linux-image" in run("Roadstead-CheckReboot", fails=True)
    assert "is wanted" in run("Roadstead-CheckReboot", fail="false")


def test_a_restart_of_the_node(hub, ssm_plain, tmp_path):
    """The node goes down when it asks for it, and comes back as another boot."""
    system = OwnSystem(hub, "restarts", env={"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"})
    system.stand_in("reboot", f": >{tmp_path}/asked")
    run = Library(ssm_plain, system.node)
    command = run.send("Roadstead-Reboot", onlyIfWanted="false", directory=tmp_path / "notes")
    until((tmp_path / "asked").exists, 30, "the restart")
    system.agent.kill()
    system.agent.restart()
    ended = run.ended(command)
    assert ended["Status"] == "Success" and "changed: the node was restarted" in ended["CommandPlugins"][0]["Output"], ended
    assert not any((tmp_path / "notes").iterdir())
    system.agent.kill()


def test_journals(run, system):
    system.stand_in("journalctl", 'echo "$*" >/run/journal-asked; printf "one\\ntwo it\\nthree it\\n"')
    assert run("Roadstead-TailLog", unit="app.service", lines=1, contains="it") == "three it\n"
    assert "-u app.service" in system.path("/run/journal-asked").read_text()
    system.path("/usr/local/sbin/journalctl").unlink()


class Daemon(http.server.BaseHTTPRequestHandler):
    """What a daemon of Docker answers when one prunes; `deleted` is what it finds."""

    protocol_version = "HTTP/1.1"
    deleted, asked = [], []

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        for header in (("Api-Version", "1.43"), ("Ostype", "linux"), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))):
            self.send_header(*header)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if self.path.split("?")[0].endswith("/images/json"):
            return self.answer([{"Id": "sha256:" + "a" * 64, "RepoTags": ["app:7"], "RepoDigests": [], "Created": 1, "Size": 2, "Containers": 0}])
        return self.answer({"ApiVersion": "1.43", "Version": "24"})

    do_HEAD = do_GET

    def do_POST(self):
        kind = self.path.split("?")[0].split("/")[-2]
        self.asked.append(kind)
        found = self.deleted if kind == "images" else []
        self.answer({"SpaceReclaimed": 42 * len(found), f"{kind.title()}Deleted": [{"Deleted": name} for name in found], "CachesDeleted": []})

    def log_message(self, *_):
        pass


@pytest.mark.skipif(not shutil.which("docker"), reason="the client of Docker")
def test_what_docker_does_not_use(run, system):
    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

        def get_request(self):
            return self.socket.accept()[0], ("local", 0)

    with Server(str(system.path("/run/docker.sock")), Daemon) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Daemon.deleted = ["sha256:abc"]
        output = run("Roadstead-DockerPrune", volumes="true")
        assert output.startswith("changed:") and "sha256:abc" in output
        assert {"containers", "networks", "images", "volumes"} <= set(Daemon.asked)
        Daemon.deleted = []
        assert "unchanged:" in run("Roadstead-DockerPrune")
        images = [line.split() for line in run("AWS-RunDockerAction", action="Images").splitlines()]
        assert ["app", "7", "a" * 12] in [line[:3] for line in images] or any(line[0] == "app:7" for line in images if line), images
        assert "needs the input" in run("AWS-RunDockerAction", fails=True, action="Pull")
        assert "Docker is installed" in run("AWS-ConfigureDocker")
        server.shutdown()


def test_playbooks_of_ansible(run, system, mirror, tmp_path):
    (tmp_path / "site.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: {dest: '/srv/{{ who }}', content: 'by {{ who }}', mode: '0600'}\n"
    )
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x"]
    for argv in (["git", "init", "-q"], ["git", "add", "."], [*git, "commit", "-qm", "one"]):
        subprocess.run(argv, cwd=tmp_path, check=True)
    settings = dict(SourceType="Git", SourceInfo=json.dumps({"repository": f"file://{tmp_path}"}), within=240)
    run("AWS-ApplyAnsiblePlaybooks", PlaybookFile="site.yml", ExtraVariables="who=ann", **settings)
    assert system.path("/srv/ann").read_text() == "by ann"
    assert "changed=0" in run("AWS-ApplyAnsiblePlaybooks", PlaybookFile="site.yml", ExtraVariables="who=ann", **settings)
    run("AWS-ApplyAnsiblePlaybooks", PlaybookFile="site.yml", ExtraVariables="who=bob", Check="True", **settings)
    assert not system.path("/srv/bob").exists()
    assert "no playbook other.yml" in run("AWS-ApplyAnsiblePlaybooks", fails=True, PlaybookFile="other.yml", **settings)


def test_states_of_salt(run, system, hub):
    """Debian has no Salt: what it would be called with is recorded."""
    system.stand_in("salt-call", 'cp "$4" /run/state; shift 4; printf "%s\\n" "$@" >/run/salt-asked')
    run("AWS-RunSaltState", stateurl=hub.http + "/healthz", pillars='{"a": "$(id)"}', test="True")
    assert system.path("/run/salt-asked").read_text() == 'pillar={"a": "$(id)"}\ntest=True\n'
    assert system.path("/run/state").read_bytes() == hub.get("/healthz")[1]
    run("AWS-RunSaltState", fails=True, stateurl="http://127.0.0.1:1/none")
    system.path("/usr/local/sbin/salt-call").unlink()
