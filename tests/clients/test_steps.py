"""Commands with several steps: each one's own result at the API, and all of their output on the command line."""

import json
import os
import signal
import subprocess

import pytest

from harness.process import send_script, wait_invocation
from harness.wait import until

OK, FAILED, NOT_FOUND = 0, 1, 3
SHELL = "aws:runShellScript"


def step(name, *lines, **members):
    return {"action": SHELL, "name": name, "inputs": {"runCommand": list(lines), **members.pop("inputs", {})}, **members}


@pytest.fixture
def document(ssm_plain, request):
    """Makes a document of these steps; answers its name."""

    def create(*steps, **content):
        name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:100] + str(len(made))
        content = {"schemaVersion": "2.2", "mainSteps": list(steps), **content} if steps else content
        ssm_plain.create_document(Name=name, Content=json.dumps(content), DocumentType="Command")
        made.append(name)
        return name

    made = []
    yield create
    for name in made:
        ssm_plain.delete_document(Name=name)


def send(ssm, nodes, name, **members):
    return ssm.send_command(DocumentName=name, InstanceIds=nodes, **members)["Command"]["CommandId"]


def plugins(ssm, command, node):
    (share,) = ssm.list_command_invocations(CommandId=command, InstanceId=node, Details=True)["CommandInvocations"]
    return {plugin["Name"]: (plugin["Status"], plugin["ResponseCode"], plugin["Output"]) for plugin in share["CommandPlugins"]}


def message(hub, command):
    (share,) = hub.api.hub("SearchInvocations", CommandId=command)["Invocations"]
    return share["Message"]


def gated(tmp_path):
    gate = tmp_path / "gate"
    return gate, f"while [ -d {gate.parent} ] && [ ! -e {gate} ]; do sleep 0.05; done"


def test_each_step_has_its_own_result(hub, ssm_plain, node, document, refuses):
    command = send(ssm_plain, [node], document(step("one", "echo 1"), step("two", "echo 2; echo wrong >&2; exit 3")))
    one, two = (wait_invocation(hub, command, node, step=name) for name in ("one", "two"))
    assert (one["Status"], one["StatusDetails"], one["ResponseCode"], one["PluginName"]) == ("Success", "Success", 0, "one")
    assert (one["StandardOutputContent"], one["StandardErrorContent"]) == ("1\n", "")
    assert (two["Status"], two["ResponseCode"], two["StandardErrorContent"]) == ("Failed", 3, "wrong\n")
    error = refuses("InvalidPluginName", ssm_plain.get_command_invocation, CommandId=command, InstanceId=node)
    assert "`one`, `two`" in error["Message"]
    refuses("InvalidPluginName", ssm_plain.get_command_invocation, CommandId=command, InstanceId=node, PluginName="three")


def test_all_steps_are_listed_while_the_first_one_runs(hub, ssm_plain, node, document, tmp_path):
    gate, waits = gated(tmp_path)
    command = send(ssm_plain, [node], document(step("one", waits), step("two", "echo 2"), step("three", "true")))
    running = {"one": ("InProgress", -1, ""), "two": ("Pending", -1, ""), "three": ("Pending", -1, "")}
    until(lambda: plugins(ssm_plain, command, node) == running, 20, "the first step running")
    gate.touch()
    wait_invocation(hub, command, node, step="three")
    assert plugins(ssm_plain, command, node) == {"one": ("Success", 0, ""), "two": ("Success", 0, "2\n"), "three": ("Success", 0, "")}


def test_a_cancel_counts_for_the_steps_that_never_began(hub, ssm_plain, node, document, tmp_path):
    gate, waits = gated(tmp_path)
    began = tmp_path / "began"
    name = document(
        step("one", "echo 1"), step("two", f"touch {began}", waits), step("three", "echo 3"),
        step("windows", "x", precondition={"StringEquals": ["platformType", "Windows"]}), step("last", "echo 4", inputs={"finallyStep": True}),
    )
    command = send(ssm_plain, [node], name)
    until(began.exists, 20, "the second step running")
    ssm_plain.cancel_command(CommandId=command)
    assert wait_invocation(hub, command, node, step="two")["Status"] == "Cancelled"
    shown = {name: (status, code) for name, (status, code, _) in plugins(ssm_plain, command, node).items()}
    never = {name: ("Cancelled", -1) for name in ("three", "windows", "last")}
    assert shown == {"one": ("Success", 0), "two": ("Cancelled", shown["two"][1]), **never}
    (share,) = ssm_plain.list_command_invocations(CommandId=command)["CommandInvocations"]
    assert share["Status"] == "Cancelled"


def test_errors_are_what_a_step_wrote_and_the_rest_is_said_elsewhere(hub, ssm_plain, node, document):
    name = document(
        step("windows", "x", precondition={"StringEquals": ["platformType", "Windows"]}),
        step("stubborn", "echo out; exit 4", maxAttempts=2, onFailure="exit"),
        step("rest", "true"),
        step("nowhere", "true", inputs={"workingDirectory": "/no/such/folder", "finallyStep": True}),
    )
    command = send(ssm_plain, [node], name)
    windows, stubborn, rest, nowhere = (wait_invocation(hub, command, node, step=name) for name in ("windows", "stubborn", "rest", "nowhere"))
    assert (windows["Status"], windows["ResponseCode"], windows["StandardOutputContent"], windows["StandardErrorContent"]) == ("Success", 0, "", "")
    assert (stubborn["Status"], stubborn["StandardOutputContent"], stubborn["StandardErrorContent"]) == ("Failed", "out\n", "")
    assert (rest["Status"], rest["StandardErrorContent"]) == ("Success", "")
    assert nowhere["Status"] == "Failed" and "/no/such/folder" in nowhere["StandardErrorContent"], "it could not write anything itself"
    output = {name: output for name, (_, _, output) in plugins(ssm_plain, command, node).items()}
    assert "unsatisfied preconditions" in output["windows"] and "step `stubborn` failed" in output["rest"]
    assert output["stubborn"] == "out\n"
    (group,) = hub.api.hub("GroupOutputs", CommandId=command)["Groups"]
    shown = hub.cli("command", "show", command, "--outputs", check=OK).out
    for sentence in ("unsatisfied preconditions", "attempt 2 of 2", "step `stubborn` failed"):
        assert sentence in message(hub, command) and sentence in group["Stderr"] and sentence in shown, sentence


def test_a_plugin_of_schema_1_2_has_its_own_name(hub, ssm_plain, node, document):
    properties = [{"id": f"{at}.{SHELL}", "runCommand": [f"echo {at}; exit {at}"]} for at in (0, 5)]
    name = document(schemaVersion="1.2", description="two", runtimeConfig={SHELL: {"properties": properties}})
    command = send(ssm_plain, [node], name)
    answer = wait_invocation(hub, command, node)
    assert (answer["PluginName"], answer["Status"], answer["ResponseCode"]) == (SHELL, "Failed", 5)
    assert answer["StandardOutputContent"] == "0\n5\n"
    (share,) = ssm_plain.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
    assert [plugin["Name"] for plugin in share["CommandPlugins"]] == [SHELL, SHELL]


def test_the_code_of_a_run_is_that_of_the_step_that_failed(hub, agents, document):
    def ends(name, *options):
        return hub.cli("run", "--node", "north", "--document", name, *options)

    name = document(step("one", "true"), step("two", "exit 3"), step("three", "exit 4"), step("four", "true"))
    assert ends(name, "--exit-code").returncode == 3 and "exit code 3" in ends(name).err
    (shown,) = json.loads(ends(name, "-o", "json").out)["nodes"]
    assert (shown["status"], shown["exit_code"]) == ("Failed", 3)
    killed = document(step("one", "kill -9 $$"), step("two", "true"))
    assert ends(killed, "--exit-code").returncode == FAILED
    (shown,) = json.loads(ends(killed, "-o", "json").out)["nodes"]
    assert (shown["status"], shown.get("exit_code")) == ("Failed", None)


def test_a_cancelled_run_is_no_success_whatever_its_script_ends_with(hub, agents, tmp_path):
    began = tmp_path / "began"
    script = f"trap 'exit 0' TERM; touch {began}; while [ -d {tmp_path} ]; do sleep 0.05; done"
    child = subprocess.Popen([hub.binary, "run", "--node", "north", "--exit-code", "--", script], env=hub.client_env(), stdout=subprocess.DEVNULL)
    try:
        until(began.exists, 20, "the script running")
        command = hub.cli("command", "list", "-o", "name", check=OK).out.split()[0]
        hub.cli("command", "cancel", command, check=OK)
        assert child.wait(20) == FAILED
    finally:
        child.kill()


def test_the_time_out_of_an_inner_step_ends_all_that_it_has_begun(hub, ssm_plain, node, document, tmp_path):
    def state(name):
        return f"sed -n 's/^State:.\\(.\\).*/{name} \\1/p' /proc/$(cat {tmp_path}/{name})/status 2>&1"

    def nest(name):
        return {"action": "aws:runDocument", "name": "nest", "inputs": {"documentType": "SSMDocument", "documentPath": name}}

    waits = f"while [ -d {tmp_path} ]; do sleep 0.05; done"
    inner = document(
        step("earlier", f"nohup sh -c '{waits}' >/dev/null 2>&1 & echo $! >{tmp_path}/service"),
        step("slow", f"({waits}) & echo $! >{tmp_path}/worker", waits, inputs={"timeoutSeconds": "1"}),
        step("next", state("service"), state("worker") + " || true"),
    )
    command = send(ssm_plain, [node], document(nest(document(nest(inner))), step("after", "echo after")))
    try:
        wait_invocation(hub, command, node, step="after")
        status, code, output = plugins(ssm_plain, command, node)["nest"]
        assert (status, code) == ("TimedOut", 137), output
        assert "service S" in output, "what an earlier step has left lives on"
        assert "worker S" not in output and "worker R" not in output, output
        assert plugins(ssm_plain, command, node)["after"] == ("Success", 0, "after\n")
        (share,) = ssm_plain.list_command_invocations(CommandId=command)["CommandInvocations"]
        assert (share["Status"], share["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
        assert "a step of its document" in message(hub, command)
    finally:
        if (tmp_path / "service").exists():
            os.kill(int((tmp_path / "service").read_text()), signal.SIGKILL)


def test_a_group_says_when_a_step_wrote_more_than_it_shows(hub, ssm_plain, nodes, document):
    name = document(step("one", "head -c 4000 /dev/zero | tr '\\0' a"), step("two", "head -c 6000 /dev/zero | tr '\\0' b"))
    command = send(ssm_plain, nodes, name)
    for node in nodes:
        wait_invocation(hub, command, node, step="two")
    answer = hub.api.hub("GroupOutputs", CommandId=command)
    assert (answer["GroupCount"], answer["NodeCount"]) == (1, 2)
    (group,) = answer["Groups"]
    assert [(part["Name"], len(part["Stdout"]), part["Truncated"]) for part in group["Steps"]] == [("one", 4000, False), ("two", 4096, True)]
    assert group["Truncated"] and len(group["Stdout"]) == 8096 and group["Count"] == 2


def test_the_command_line_shows_every_step(hub, agents, document):
    name = document(step("one", "printf from-one"), step("two", "echo from-two; echo wrong >&2"))
    done = hub.cli("run", "--node", "north", "--document", name, check=OK)
    assert done.out == "-- one\nfrom-one\n-- two\nfrom-two\n" and "-- two\nwrong\n" in done.err
    command = hub.cli("command", "list", "-o", "name", check=OK).out.split()[0]
    assert hub.cli("command", "logs", command, check=OK).out == done.out
    assert hub.cli("command", "logs", command, "--stream", "stderr", check=OK).out == ""
    (shown,) = json.loads(hub.cli("run", "--node", "north", "--document", name, "-o", "json", check=OK).out)["nodes"]
    assert shown["stdout"] == "from-onefrom-two\n"
    assert shown["steps"] == [
        {"name": "one", "stdout": "from-one", "stderr": ""}, {"name": "two", "stdout": "from-two\n", "stderr": "wrong\n"},
    ]
    both = hub.cli("run", "--node", "north", "--node", "south", "--yes", "--document", name, check=OK).out.splitlines()
    assert [line for line in both if line.startswith("north")] == ["north | -- one", "north | from-one", "north | -- two", "north | from-two"]
    command = hub.cli("command", "list", "-o", "name", check=OK).out.split()[0]
    folded = hub.cli("command", "show", command, "--outputs", check=OK).out
    assert folded.count("== 2 nodes") == 1 and "-- one\nfrom-one\n-- two\nfrom-two\nwrong\n" in folded


def test_a_step_for_another_platform_needs_no_title(hub, agents, document):
    name = document(step("windows", "x", precondition={"StringEquals": ["platformType", "Windows"]}), step("linux", "echo here"))
    assert hub.cli("run", "--node", "north", "--document", name, check=OK).out == "here\n"


def test_lines_that_yaml_reads_as_something_else_are_run(hub, ssm_plain, node, document):
    yes_and_no = {"action": SHELL, "name": "lines", "inputs": {"runCommand": ["echo a", None, True, "echo b"], "timeoutSeconds": 60.0, "maxAttempts": None}}
    command = send(ssm_plain, [node], document(yes_and_no))
    wait_invocation(hub, command, node)
    assert plugins(ssm_plain, command, node)["lines"] == ("Success", 0, "a\nb\n")


def test_steps_are_followed_while_they_run(hub, ssm_plain, node, document, tmp_path):
    import select

    gate, waits = gated(tmp_path)
    quiet = [step(f"quiet{n}", "true") for n in range(12)]
    command = send(ssm_plain, [node], document(step("one", "echo first"), *quiet, step("last", f"echo second; {waits}; echo third")))
    child = subprocess.Popen([hub.binary, "command", "logs", command, "--follow"], env=hub.client_env(), stdout=subprocess.PIPE, bufsize=0)
    try:
        seen = b""
        while b"second\n" not in seen:
            assert select.select([child.stdout], [], [], 20)[0], seen
            seen += child.stdout.read(4096)
        assert seen == b"-- one\nfirst\n-- last\nsecond\n"
        gate.touch()
        out, _ = child.communicate(timeout=20)
        assert out == b"third\n" and child.returncode == OK
    finally:
        child.kill()


def test_output_of_a_node_that_the_command_did_not_reach_is_an_error(hub, agents):
    command = send_script(hub, [agents[0].node], "echo x")
    wait_invocation(hub, command, agents[0].node)
    done = hub.cli("command", "logs", command, "--node", "south", check=NOT_FOUND)
    assert command in done.err and agents[1].node in done.err and done.out == ""
