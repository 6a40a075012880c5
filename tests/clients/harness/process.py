"""A hub and its agents as real processes of the real binary, each in a folder of its own, on ports of the loopback."""

import json
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import uuid

from harness.api import Api
from harness.wait import until

ADMIN = "admin"
ADMIN_PASSWORD = "correct horse battery staple"
ROOT = pathlib.Path(__file__).resolve().parents[3]


def triple():
    return {"x86_64": "x86_64-unknown-linux-gnu", "aarch64": "aarch64-unknown-linux-gnu"}[os.uname().machine]


def find_binary(name="roadstead", release=False):
    """The binary under test: as the environment says, else where cargo puts it."""
    given = os.environ.get({"roadstead": "ROADSTEAD_BIN", "fleet_sim": "FLEET_SIM_BIN"}[name])
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    path = pathlib.Path(given) if given else target / triple() / ("release" if release else "debug") / name
    if not path.exists():
        raise SystemExit(f"there is no {path}: build it first (scripts/build, or cargo build)")
    return str(path.resolve())


# What holds the ports that this process was given, until it ends.
_HELD = []


def free_port():
    """A port that is the caller's alone, also while nobody listens on it yet, or again.

    None of those that the kernel gives to whoever calls: one of these may be somebody's by the time that it is listened on, and a
    call to it in between may even reach itself. And none that another process of tests was given: each is held by a name."""
    first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    candidates = [port for port in range(10_000, 65_536) if not first <= port <= last] or range(10_000, 65_536)
    while True:
        port, name = random.choice(candidates), socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0roadstead-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("", port))
        except OSError:
            name.close()
            continue
        _HELD.append(name)
        return port


def base_env(**extra):
    """What every process of a test sees: none of the caller's settings, a home of nobody's."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "HOME": "/nonexistent", "NO_COLOR": "1"}
    env.update({k: str(v) for k, v in extra.items()})
    return env


class Process:
    """A child that lives until it is stopped, with its output in a file."""

    def __init__(self, argv, folder, name, env, group=None):
        self.argv, self.folder, self.name, self.env, self.group = argv, pathlib.Path(folder), name, env, group
        self.child = None

    @property
    def log_path(self):
        return self.folder / f"{self.name}.log"

    @property
    def pid(self):
        return self.child.pid

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def spawn(self):
        with open(self.log_path, "ab") as out:
            enter = self.group.enter if self.group else None
            self.child = subprocess.Popen(
                self.argv, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, preexec_fn=enter,
            )
        return self

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def kill(self):
        """kill -9 of this one process; what it has started lives on."""
        if self.alive():
            self.child.kill()
            self.child.wait()

    def stop(self, seconds=20):
        """TERM and the exit code."""
        if self.alive():
            self.child.terminate()
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise AssertionError(f"{self.name} did not stop within {seconds} s of TERM:\n{self.log()[-2000:]}")
        return self.child.returncode if self.child else None


class Hub(Process):
    """`roadstead serve`, with an administrator and an access key from its first start on."""

    def __init__(self, binary, folder, port=None, env=None, args=(), group=None):
        self.binary = binary
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "hub"
        self.port = port or free_port()
        self.key, self.secret = "AKIA" + uuid.uuid4().hex[:16].upper(), uuid.uuid4().hex
        password = folder / "password"
        password.write_text(ADMIN_PASSWORD)
        password.chmod(0o600)
        self.marker = uuid.uuid4().hex
        full = base_env(
            ROADSTEAD_ADMIN_USER=ADMIN, ROADSTEAD_ADMIN_PASSWORD_FILE=password, ROADSTEAD_ADMIN_ACCESS_KEY_ID=self.key,
            ROADSTEAD_ADMIN_SECRET_ACCESS_KEY=self.secret, ROADSTEAD_TEST_MARK=self.marker, **(env or {}),
        )
        at = f"127.0.0.1:{self.port}"
        argv = [binary, "serve", "--data", str(self.data), "--listen", at, "--advertise", at, *args]
        super().__init__(argv, folder, "hub", full, group)
        self.http = f"http://127.0.0.1:{self.port}"
        self.https = f"https://127.0.0.1:{self.port}"
        self.api = Api(self.http, self.key, self.secret)
        self.agents = []

    def start(self, seconds=60):
        # What was open to the one before would be met by the first call, which may be one that is not made twice.
        self.api.close()
        self.spawn()
        self.wait_ready(seconds)
        return self

    def wait_ready(self, seconds=60):
        def ready():
            if not self.alive():
                raise SystemExit(f"the hub ended at its start with {self.child.returncode}:\n{self.log()[-3000:]}")
            return self.get("/readyz")[0] == 200

        until(ready, seconds, "the hub being ready", every=0.005)

    def get(self, path):
        api = Api(self.http, "", "", timeout=60)
        try:
            return api.send("GET", path, {"host": f"127.0.0.1:{self.port}"})
        finally:
            api.close()

    def ca_file(self):
        path = self.folder / "ca.pem"
        if not path.exists():
            path.write_bytes(self.get("/ca.pem")[1])
        return str(path)

    def tls_context(self):
        return ssl.create_default_context(cafile=self.ca_file())

    def client_env(self, **extra):
        """The environment in which every verb of the command line works against this hub."""
        return base_env(ROADSTEAD_URL=self.http, ROADSTEAD_ACCESS_KEY_ID=self.key, ROADSTEAD_SECRET_ACCESS_KEY=self.secret, **extra)

    def cli(self, *args, stdin=None, env=None, timeout=60, check=None):
        """Runs a verb; `check` is the exit code that is expected, when one is."""
        done = subprocess.run(
            [self.binary, *args], env={**self.client_env(), **(env or {})}, input=stdin, capture_output=True, timeout=timeout,
            cwd=self.folder,
        )
        done.out, done.err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if check is not None:
            assert done.returncode == check, f"{args} ended with {done.returncode}, not {check}\n{done.out}\n{done.err}"
        return done

    def token(self, count=1, **members):
        return self.api.hub("CreateJoinLine", Count=count, **members)["Token"]

    def join(self, name, token=None, group=None, wait=True, env=None, prefix=()):
        """Starts an agent and waits until the hub shows it online. What stands before it says where it runs (`harness.system`)."""
        agent = Agent(self, self.folder / name, token or self.token(), group=group, env=env, prefix=prefix)
        self.agents.append(agent)
        agent.spawn()
        if wait:
            agent.wait_online()
            self.api.hub("RenameNode", NodeId=agent.node, Name=name)
        return agent

    def node(self, node_id):
        return self.api.hub("DescribeNode", NodeId=node_id)

    def close(self):
        """Ends the hub, its agents and whatever they have left running."""
        for agent in self.agents:
            agent.kill()
        self.kill()
        kill_marked(self.marker)


class Agent(Process):
    """`roadstead serve --agent`, joined with a token at its first start."""

    def __init__(self, hub, folder, token, group=None, env=None, prefix=()):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.hub = hub
        self.data = folder / "agent"
        self.prefix = prefix
        argv = [*prefix, hub.binary, "serve", "--agent", "--join", token, "--data", str(self.data)]
        super().__init__(argv, folder, "agent", base_env(ROADSTEAD_TEST_MARK=hub.marker, **(env or {})), group)

    @property
    def node(self):
        """The node's id, once it has joined."""
        return json.loads((self.data / "hub.json").read_text())["node_id"]

    def wait_online(self, seconds=60):
        def online():
            if not self.alive():
                raise SystemExit(f"the agent ended with {self.child.returncode}:\n{self.log()[-3000:]}")
            return self.hub.node(self.node)["Status"] == "Online"

        until(online, seconds, f"{self.folder.name} being online")
        return self

    def restart(self, seconds=60, token=None):
        """Starts again with its own key, as a service would; the join token is not needed any more, but may be there."""
        given = ["--join", token] if token else []
        self.argv = [*self.prefix, self.hub.binary, "serve", "--agent", *given, "--data", str(self.data)]
        before = self.connections()
        self.spawn()
        # The hub may still hold the agent that was killed for online: only the agent itself knows that it is back.
        until(lambda: self.connections() > before or not self.alive(), seconds, f"{self.folder.name} calling home again")
        return self.wait_online(seconds)

    def leave(self, seconds=20):
        """Stops, and the hub knows it: the agent has ended a moment before."""
        node = self.node
        assert self.stop(seconds) == 0, self.log()[-2000:]
        until(lambda: self.hub.node(node)["Status"] == "Offline", seconds, f"{self.folder.name} being offline")

    def connections(self):
        """How often this agent has been welcomed by its hub, over all its lives."""
        return self.log().count("connected to the hub")


def kill_marked(marker):
    """kill -9 of every process that was started under a hub of ours (step hosts and shells outlive their agent)."""
    needle = f"ROADSTEAD_TEST_MARK={marker}".encode()
    for _ in range(3):
        found = False
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as f:
                    if needle in f.read().split(b"\0"):
                        os.kill(int(entry), signal.SIGKILL)
                        found = True
            except OSError:
                continue
        if not found:
            return
        time.sleep(0.02)


class Bed:
    """A temporary folder with a hub in it; everything is gone at the end."""

    def __init__(self, binary=None, tag="bed", **hub):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"roadstead-{tag}-"))
        self.hub = Hub(binary or find_binary(), self.folder / "h", **hub)

    def __enter__(self):
        try:
            self.hub.start()
        except BaseException:
            self.__exit__()
            raise
        return self.hub

    def __exit__(self, *_):
        self.hub.close()
        if os.environ.get("ROADSTEAD_KEEP"):
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def run_script(hub, nodes, lines, wait=60, **members):
    """Sends AWS-RunShellScript to nodes and waits for every answer: {node id: GetCommandInvocation's answer}."""
    command = send_script(hub, nodes, lines, **members)
    return {node: wait_invocation(hub, command, node, wait) for node in nodes}


def send_script(hub, nodes, lines, **members):
    parameters = {"commands": [lines] if isinstance(lines, str) else lines, **members.pop("Parameters", {})}
    return hub.api.ssm("SendCommand", DocumentName="AWS-RunShellScript", InstanceIds=nodes, Parameters=parameters, **members)[
        "Command"
    ]["CommandId"]


TERMINAL = {"Success", "Failed", "TimedOut", "Cancelled"}


def invocation(hub, command, node, step=None):
    """Of a document with several steps, one step's."""
    named = {"PluginName": step} if step else {}
    return hub.api.ssm("GetCommandInvocation", CommandId=command, InstanceId=node, **named)


def wait_invocation(hub, command, node, seconds=60, step=None):
    """The share of a node, or one step of it, once all of it has ended: a node tells of its steps one by one."""
    def ended():
        shares = hub.api.ssm("ListCommandInvocations", CommandId=command, InstanceId=node)["CommandInvocations"]
        return bool(shares) and shares[0]["Status"] in TERMINAL

    until(ended, seconds, f"command {command} ending on {node}")
    return invocation(hub, command, node, step)


def stored_output(hub, command, node, stream="stdout", seconds=60):
    """All bytes of a stream as text, page by page, once the hub has them: the end of a run does not wait for what is long."""
    def page_at(offset, most=1 << 20):
        return hub.api.hub("GetOutput", CommandId=command, NodeId=node, Stream=stream, Offset=offset, MaxBytes=most)

    # Behind its end there is nothing to come only when the whole of it is here.
    until(lambda: page_at(1 << 40, 4)["Complete"], seconds, f"the hub having {stream} of {command} on {node}")
    text, offset = [], 0
    while True:
        page = page_at(offset)
        text.append(page["Text"])
        if page["NextOffset"] == offset or page["Complete"] and page["NextOffset"] >= page["StoredBytes"]:
            return "".join(text)
        offset = page["NextOffset"]
