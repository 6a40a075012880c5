"""Parameters on a node: only what a rule allows, into files, kept while the hub is away, and for local programs."""

import json
import os
import pathlib
import random
import subprocess
import sys
import threading

import pytest
from harness.door import ask
from harness.process import base_env
from harness.wait import until

NOT_THERE, CONFLICT = 3, 5


class Node:
    """An agent whose `parameters.yaml` lies there before it starts, and files made of what it gets."""

    def __init__(self, hub, tmp_path, name="reader", **config):
        self.hub, self.tmp = hub, tmp_path
        self.data = hub.folder / name / "agent"
        self.data.mkdir(parents=True, mode=0o700)
        self.template, self.target, self.told = tmp_path / "app.in", tmp_path / "app.conf", tmp_path / "told"
        self.socket = self.data / "parameters.sock"
        self.configure(**config)
        self.agent = hub.join(name)

    def configure(self, paths=("/app",), template=None, **more):
        files = []
        if template is not None:
            self.template.write_text(template)
            reload = ["sh", "-c", f"cat {self.target} >> {self.told}"]
            files = [{"template": str(self.template), "target": str(self.target), "reload": reload, **more.pop("file", {})}]
        whole = json.dumps({"paths": list(paths), "files": files, **more})
        fresh = self.data / "parameters.yaml.new"
        fresh.write_text(whole)
        fresh.rename(self.data / "parameters.yaml")

    def cli(self, *args, env=None):
        env = base_env(ROADSTEAD_DATA=str(self.data.parent), **(env or {}))
        return subprocess.run([self.hub.binary, "param", *args], env=env, capture_output=True, text=True, timeout=30)

    def get(self, name):
        return self.cli("get", "--node", name)

    def has(self, name, value):
        return lambda: self.get(name).stdout == f"{value}\n"

    def has_not(self, name):
        return lambda: self.get(name).returncode == NOT_THERE

    def tag(self, key, value):
        tags = [{"Key": key, "Value": value}]
        self.hub.api.ssm("AddTagsToResource", ResourceType="ManagedInstance", ResourceId=self.agent.node, Tags=tags)


def put(hub, name, value, kind="String", **more):
    return hub.api.ssm("PutParameter", Name=name, Value=value, Type=kind, **more)["Version"]


def allow(hub, name, path, nodes=None, secrets=False):
    hub.api.hub("PutNodeParameterAccess", Name=name, Path=path, Nodes=nodes or {"All": True}, WithDecryption=secrets)


def reads_of(hub, node):
    filter = {"Join": "and", "Terms": [{"Key": "caller", "Op": "eq", "Value": f"node:{node}"}]}
    found = hub.api.hub("ListAuditEvents", Filter=filter)
    return [event["Target"] for event in found["Events"] if event["Operation"] == "roadstead:NodeGetParameters"]


@pytest.fixture
def own(bed):
    hub = bed()
    put(hub, "/app/host", "db1")
    put(hub, "/app/pass", "open sesame", "SecureString")
    put(hub, "/other/x", "hidden")
    return hub


def test_a_node_gets_what_its_rules_allow_and_follows_changes(own, tmp_path):
    node = Node(own, tmp_path, paths=["/app", "/other"], template="host={{ /app/host }}\n", file={"mode": "0640"})
    until(node.has_not("/app/host"), 20, "no rule, no value")
    assert not node.target.exists()
    allow(own, "app", "/app", {"Tags": [{"Key": "role", "Value": "app"}]})
    node.tag("role", "app")
    until(lambda: node.target.exists() and node.target.read_text() == "host=db1\n", 30, "the file")
    assert os.stat(node.target).st_mode & 0o777 == 0o640
    assert node.has("/app/host", "db1")()
    assert node.has_not("/app/pass")(), "secrets need a rule that says so"
    assert node.has_not("/other/x")()
    until(lambda: node.told.read_text() == "host=db1\n", 20, "the reload")
    put(own, "/app/host", "db2", Overwrite=True)
    until(lambda: node.target.read_text() == "host=db2\n", 20, "the changed file")
    until(lambda: node.told.exists() and node.told.read_text() == "host=db1\nhost=db2\n", 20, "one reload for each text")
    allow(own, "app", "/app", {"NodeIds": [node.agent.node]}, secrets=True)
    until(node.has("/app/pass", "open sesame"), 20, "the secret")
    ran = node.cli("exec", "--node", "--path", "/app", "--decrypt", "--prefix", "A_", "--", "sh", "-c", "echo $A_HOST-$A_PASS")
    assert ran.stdout == "db2-open sesame\n"
    exported = json.loads(node.cli("export", "--node", "--path", "/app", "--format", "json").stdout)
    assert exported == {"host": "db2"}
    own.api.hub("DeleteNodeParameterAccess", Name="app")
    until(node.has_not("/app/pass"), 20, "what no rule allows being gone")
    assert node.target.read_text() == "host=db2\n", "a file stays while a name has no value"


def test_what_a_node_has_is_seen_from_both_ends(own, tmp_path):
    allow(own, "app", "/app", secrets=True)
    node = Node(own, tmp_path, template="{{ /app/host }} {{ /app/pass }}\n")
    held = lambda: own.api.hub("DescribeNodeParameters", NodeId=node.agent.node)
    until(lambda: held()["Files"] and len(held()["Parameters"]) == 2, 20, "the hub knowing what the node has")
    until(lambda: held()["Files"][0]["Names"] == ["/app/host", "/app/pass"] and "Problem" not in held()["Files"][0], 20, "the file")
    assert os.stat(node.target).st_mode & 0o777 == 0o600, "secrets are for the agent's user alone unless said"
    assert [rule["Name"] for rule in held()["Rules"]] == ["app"]
    uses = own.api.hub("ListParameterUses", Name="/app/pass")
    assert [(u["NodeId"], u["NodeName"], u["Version"], u["Files"]) for u in uses["Nodes"]] == [(node.agent.node, "reader", 1, [str(node.target)])]
    assert reads_of(own, node.agent.node) == ["parameter//app/pass"], "who was given a secret is in the audit log"
    assert "reader" in own.cli("param", "uses", "/app/pass", check=0).out
    shown = own.cli("param", "held", "reader", check=0).out
    assert "/app/host" in shown and "app.conf" in shown
    node.template.write_text("{{ /app/gone }}")
    until(lambda: "/app/gone" in held()["Files"][0].get("Problem", ""), 40, "why the file is not up to date")
    assert "is not up to date" in own.cli("param", "held", "reader", check=0).err
    own.api.ssm("DeleteParameter", Name="/app/host")
    until(lambda: [p["Name"] for p in held()["Parameters"]] == ["/app/pass"], 20, "the deleted one being gone")
    node.configure(paths=[])
    until(lambda: held()["Parameters"] == [] and held()["Files"] == [], 30, "nothing being left where nothing is wanted")
    until(lambda: not (node.data / "parameters.cache").exists(), 20, "the cache being gone")


def test_services_start_while_the_hub_is_down_and_nothing_is_opened_twice(own, tmp_path):
    allow(own, "app", "/app", secrets=True)
    node = Node(own, tmp_path, template="{{ /app/pass }}\n")
    until(node.has("/app/pass", "open sesame"), 20, "the secret")
    until(lambda: node.told.exists(), 20, "the reload")
    own.kill()
    node.agent.kill()
    node.target.unlink()
    node.agent.argv = [own.binary, "serve", "--agent", "--data", str(node.data)]
    node.agent.spawn()
    until(node.has("/app/pass", "open sesame"), 20, "the kept secret, without the hub")
    until(node.target.exists, 20, "the file, without the hub")
    until((node.data / "parameters.told").exists, 20, "the note of what was told")
    for name in ["parameters.cache", "parameters.told"]:
        kept = (node.data / name).read_bytes()
        assert b"sesame" not in kept and b"/app/pass" not in kept and os.stat(node.data / name).st_mode & 0o777 == 0o600
    own.start()
    node.agent.wait_online()
    put(own, "/app/host", "db2", Overwrite=True)
    until(node.has("/app/host", "db2"), 20, "the hub being followed again")
    before = len(reads_of(own, node.agent.node))
    node.agent.kill()
    node.agent.restart()
    own.api.hub("DeleteNodeParameterAccess", Name="app")
    until(node.has_not("/app/pass"), 20, "the rule being gone")
    assert len(reads_of(own, node.agent.node)) == before, "a node that has it already is not given it again"


def test_the_local_socket_answers_those_it_is_for(own, tmp_path):
    allow(own, "app", "/", secrets=True)
    door = pathlib.Path("/tmp") / f"roadstead-{os.getpid()}-{random.randrange(1 << 30)}" / "parameters.sock"
    readers = [{"user": "nobody", "paths": ["/app"]}]
    node = Node(own, tmp_path, paths=["/app", "/other"], socket=str(door), readers=readers)
    mark = {"Roadstead-Local": "true"}
    until(lambda: ask(door, "/parameters/other/x", mark)[0] == 200, 20, "the value")
    status, body = ask(door, "/parameters/app/pass", mark)
    assert (status, body["Value"], body["Version"]) == (200, "open sesame", 1)
    assert len(ask(door, "/parameters?path=/app", mark)[1]["Parameters"]) == 2
    assert ask(door, "/parameters/app/pass", {})[0] == 403
    assert ask(door, "/parameters/app/pass", {**mark, "X-Forwarded-For": "10.0.0.1"})[0] == 403
    assert ask(door, "/parameters/app/../other/x", mark)[0] == 404
    assert node.cli("get", "--node", "--socket", str(door), "/app/host").stdout == "db1\n"
    if os.geteuid() == 0:
        script = (
            "import os, sys; sys.path.insert(0, sys.argv[2]); from harness import door; os.setgid(65534); os.setuid(int(sys.argv[1]))\n"
            f"print([door.ask({str(door)!r}, url, {{'Roadstead-Local': 'true'}})[0] for url in ['/parameters/app/pass', '/parameters/other/x']])"
        )
        here = str(pathlib.Path(__file__).parent)
        asked = lambda uid: subprocess.run([sys.executable, "-c", script, uid, here], capture_output=True, text=True, timeout=60)
        assert asked("65534").stdout == "[200, 404]\n", "a reader gets its paths"
        assert asked("65533").stdout == "[403, 403]\n", "another user gets nothing"
    node.agent.stop()
    door.unlink(missing_ok=True)
    door.parent.rmdir()


def test_a_parameter_does_not_choose_the_code_that_runs(own, tmp_path):
    put(own, "/evil/path", "/tmp")
    refused = own.cli("param", "exec", "--path", "/evil", "--", "true")
    assert refused.returncode == CONFLICT and "PATH" in refused.err
    assert own.cli("param", "exec", "--path", "/evil", "--prefix", "APP_", "--", "sh", "-c", "echo $APP_PATH", check=0).out == "/tmp\n"


def test_kill_9_of_hub_and_agent_at_any_moment_loses_nothing_and_tears_nothing(own, tmp_path):
    """Each value says itself twice, so that a torn file is seen; after all kills the file has the last value that was acknowledged."""
    allow(own, "app", "/app", secrets=True)
    put(own, "/app/n", "0", "SecureString")
    node = Node(own, tmp_path, template="{{ /app/n }}:" + "x" * 4096 + ":{{ /app/n }}\n")
    until(node.target.exists, 20, "the file")
    seen, over = set(), threading.Event()

    def watch():
        while not over.is_set():
            text = node.target.read_text()
            first, _, last = text.strip().split(":")
            seen.add((first == last and text.endswith("\n"), first, last))

    watcher = threading.Thread(target=watch)
    watcher.start()
    chance = random.Random(4)
    last = "0"
    try:
        for round in range(1, 9):
            put(own, "/app/n", str(round), "SecureString", Overwrite=True)
            last = str(round)
            threading.Event().wait(chance.random() * 0.25)
            for victim in chance.sample([own, node.agent], chance.choice([1, 2])):
                victim.kill()
            if not own.alive():
                own.start()
            if not node.agent.alive():
                node.agent.argv = [own.binary, "serve", "--agent", "--data", str(node.data)]
                node.agent.spawn()
        until(lambda: node.target.read_text().startswith(f"{last}:"), 40, "the last value")
        until(lambda: node.told.read_text().splitlines()[-1].startswith(f"{last}:"), 20, "the reload with the last value")
    finally:
        over.set()
        watcher.join()
    assert all(is_whole for is_whole, _, _ in seen), seen
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".app.conf")] == [], "no half file is left"
    until(lambda: own.api.hub("ListParameterUses", Name="/app/n")["Nodes"][0]["Version"] == 9, 20, "the hub knowing it")
