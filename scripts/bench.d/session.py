"""A shell through the hub (`roadstead ssh`) against `ssh -tt` to the same machine, and the browser's protocol."""

import contextlib
import ctypes
import os
import pathlib
import pty
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
import time
import tty

from harness.measure import median, percentile
from harness.process import Bed, free_port
from harness.session import Shell
from harness.wait import until
from result import Probe, against, at_most

KEYS = 1000
OPENS = 9
DOWNLOADS = 11
MEBIBYTES = 100
# What docs/performance.md has recorded for `ssh -tt` on the loopback of the machine of reference.
SSH = {"echo_p50": 400, "echo_p99": 1300, "down": 34.5, "open": 475}


class Terminal:
    """A program on a terminal of its own, typed at and read."""

    def __init__(self, argv, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, env)
        tty.setraw(self.fd)
        self.buffer = b""

    def type(self, data):
        while data:
            data = data[os.write(self.fd, data) :]

    def read(self, seconds=30):
        if not select.select([self.fd], [], [], seconds)[0]:
            raise AssertionError(f"nothing came for {seconds} s after {self.buffer[-200:]!r}")
        return os.read(self.fd, 1 << 20)

    def until(self, needle):
        while needle not in self.buffer:
            self.buffer += self.read()
        at = self.buffer.index(needle) + len(needle)
        self.buffer = self.buffer[at:]

    def drain(self):
        while select.select([self.fd], [], [], 0.2)[0]:
            os.read(self.fd, 1 << 20)
        self.buffer = b""

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def opened(argv, env):
    began = time.perf_counter()
    terminal = Terminal(argv, env)
    terminal.type(b"echo READY$((40+2))\n")
    terminal.until(b"READY42")
    return terminal, time.perf_counter() - began


def at_work(side, command, sign):
    """A raw terminal on which this side's shell has run the command that ends with this sign."""
    terminal, _ = opened(*side)
    terminal.type(command)
    terminal.until(sign)
    terminal.drain()
    return terminal


def time_to_open(side):
    terminal, took = opened(*side)
    terminal.type(b"exit\n")
    terminal.close()
    return took


def time_of_key(terminal, key):
    began = time.perf_counter()
    os.write(terminal.fd, key)
    assert terminal.read(10) == key
    took = time.perf_counter() - began
    time.sleep(0.002)
    return took


def download_rate(side):
    terminal = at_work(side, b"stty raw -echo; echo RAW$((40+2))\n", b"RAW42")
    wanted = MEBIBYTES << 20
    began = time.perf_counter()
    terminal.type(b"head -c %d /dev/zero; echo END$((40+2))\n" % wanted)
    got, tail = 0, b""
    while b"END42" not in tail:
        piece = terminal.read()
        got += len(piece)
        tail = (tail + piece)[-64:]
    rate = MEBIBYTES / (time.perf_counter() - began)
    assert got >= wanted, f"{got} of {wanted} bytes"
    terminal.close()
    return rate


def measure(sides):
    """Open, echo and download figures of programs (argv, environment) that give a remote shell on a terminal.

    They take turns at every opening, key and download: what the machine is busy with otherwise meets all of them."""
    opens = [[time_to_open(side) for side in sides] for _ in range(OPENS)]
    terminals = [at_work(side, b"stty raw -echo; echo RAW$((40+2)); exec cat\n", b"RAW42") for side in sides]
    keys = [[time_of_key(terminal, bytes([97 + i % 26])) for terminal in terminals] for i in range(KEYS)]
    for terminal in terminals:
        terminal.close()
    rates = [[download_rate(side) for side in sides] for _ in range(DOWNLOADS)]
    return [
        {"open": median(opened) * 1e3, "echo_p50": percentile(typed, 50) * 1e6, "echo_p99": percentile(typed, 99) * 1e6, "down": median(loaded)}
        for opened, typed, loaded in zip(zip(*opens), zip(*keys), zip(*rates))
    ]


class PlainShells:
    """Makes the login shells of one process find no start-up files at home: doors are compared and not what a profile does.

    Needs root (a mount namespace); else the profile's time is part of what opening takes, on both sides."""

    MS_BIND, MS_REC, MS_PRIVATE, CLONE_NEWNS = 0x1000, 0x4000, 0x40000, 0x20000

    def __init__(self):
        home = pathlib.Path(pwd.getpwuid(os.geteuid()).pw_dir)
        names = [".profile", ".bash_profile", ".bash_login", ".bashrc", ".zprofile", ".zshrc", ".zlogin", ".zshenv"]
        self.files = [os.fsencode(home / name) for name in names if (home / name).is_file()]
        self.libc = ctypes.CDLL(None, use_errno=True)

    @property
    def detail(self):
        return "login shell without files of its user" if os.geteuid() == 0 else "login shell with its user's files (root is needed to leave them out)"

    def enter(self):
        """In the child, before its program."""
        if os.geteuid() != 0:
            return
        if self.libc.unshare(self.CLONE_NEWNS) or self.libc.mount(None, b"/", None, self.MS_REC | self.MS_PRIVATE, None):
            raise OSError(ctypes.get_errno(), "no mount namespace of its own")
        for file in self.files:
            if self.libc.mount(b"/dev/null", file, None, self.MS_BIND, None):
                raise OSError(ctypes.get_errno(), "not hidden", file)


@contextlib.contextmanager
def ssh_client(shells):
    """What opens a shell at a private sshd of this user on the loopback."""
    folder, port = tempfile.mkdtemp(prefix="roadstead-sshd-"), free_port()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{name}"], check=True)
    with open(f"{folder}/config", "w") as f:
        f.write(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\n"
            f"PasswordAuthentication no\nPermitRootLogin yes\nPrintMotd no\nPrintLastLog no\nPidFile {folder}/pid\n"
        )
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    daemon = subprocess.Popen([shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", f"{folder}/config"], stderr=subprocess.DEVNULL, preexec_fn=shells.enter)
    client = [
        "ssh", "-tt", "-F", "none", "-p", str(port), "-i", f"{folder}/user", "-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no",
        "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "127.0.0.1",
    ]
    try:
        until(lambda: subprocess.run([*client[:1], *client[2:], "true"], capture_output=True).returncode == 0, 20, "sshd answering")
        yield client
    finally:
        daemon.terminate()
        daemon.wait()
        shutil.rmtree(folder)


def through_the_hub(options):
    shells = PlainShells()
    with Bed(tag="bench") as hub:
        agent = hub.join("shell", group=shells)
        sides = [([hub.binary, "ssh", "shell"], {**hub.client_env(HOME=os.path.expanduser("~")), "TERM": "xterm"})]
        with contextlib.ExitStack() as peers:
            if options.with_peers:
                sides.append((peers.enter_context(ssh_client(shells)), os.environ))
            ours, theirs = [*measure(sides), {}][:2]
        yield against("session-echo-p50", ours["echo_p50"], "us", 1.5, theirs.get("echo_p50"), SSH["echo_p50"], f"{KEYS} keys, terminal to terminal, in turn with the peer")
        yield against("session-echo-p99", ours["echo_p99"], "us", 2, theirs.get("echo_p99"), SSH["echo_p99"], f"{KEYS} keys")
        yield against("session-down", ours["down"], "MiB/s", 1, theirs.get("down"), SSH["down"], f"{MEBIBYTES} MiB, median of {DOWNLOADS}", less=False)
        detail = f"process start to the shell's first answer, median of {OPENS}, {shells.detail}"
        yield against("session-open", ours["open"], "ms", 0.5, theirs.get("open"), SSH["open"], detail)
        yield from browser(hub, agent.node)


def browser(hub, node):
    shell = Shell.start(hub, node)
    shell.run("stty raw -echo")
    shell.type("exec cat\n")
    time.sleep(0.5)
    shell.type("!")
    shell.until("!")
    keys = []
    for i in range(KEYS):
        key = bytes([97 + i % 26])
        began = time.perf_counter()
        shell.type(key)
        assert shell.read() == key
        keys.append(time.perf_counter() - began)
        time.sleep(0.002)
    yield at_most("browser-echo-p50", percentile(keys, 50) * 1e3, "ms", 1, f"WebSocket frames, p99 {percentile(keys, 99) * 1e3:.2f} ms")
    shell.end()


PROBES = [Probe("session", ["session-echo-p50", "session-echo-p99", "session-down", "session-open", "browser-echo-p50"], through_the_hub)]
