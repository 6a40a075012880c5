"""Sessions: the operations through boto3, and the shell itself over the console's WebSocket protocol."""

import datetime
import json
import threading

import pytest

from harness import api
from harness.process import run_script
from harness.session import PROTOCOL, Shell
from harness.wait import until
from harness.websocket import Refused, WebSocket

UNKNOWN = "mi-00000000000000000"


def described(hub, session, state="Active"):
    found = hub.api.ssm("DescribeSessions", State=state, Filters=[{"key": "SessionId", "value": session}])["Sessions"]
    return found[0] if found else None


def test_a_session_is_started_described_and_ended(ssm, node):
    started = ssm.start_session(Target=node, Reason="looking around")
    assert 1 <= len(started["SessionId"]) <= 96 and 0 < len(started["TokenValue"]) <= 300
    assert started["StreamUrl"].startswith("wss://" if ssm.meta.endpoint_url.startswith("https") else "ws://")
    (shown,) = ssm.describe_sessions(State="Active", Filters=[{"key": "SessionId", "value": started["SessionId"]}])["Sessions"]
    assert shown["Target"] == node and shown["Reason"] == "looking around" and shown["Owner"] and shown["Status"] in ("Connecting", "Connected")
    assert datetime.datetime.now(datetime.timezone.utc) - shown["StartDate"] < datetime.timedelta(minutes=1)
    assert ssm.terminate_session(SessionId=started["SessionId"])["SessionId"] == started["SessionId"]

    def in_history():
        return ssm.describe_sessions(State="History", Filters=[{"key": "SessionId", "value": started["SessionId"]}])["Sessions"]

    (shown,) = until(in_history, 20, "the session being history")
    assert shown["Status"] == "Terminated" and shown["EndDate"] >= shown["StartDate"]


def test_session_errors_are_upstreams(ssm, node, refuses):
    assert UNKNOWN in refuses("TargetNotConnected", ssm.start_session, Target=UNKNOWN)["Message"]
    refuses("InvalidDocument", ssm.start_session, Target=node, DocumentName="No-Such-Document")
    refuses("DoesNotExistException", ssm.resume_session, SessionId="nobody-0123456789abcdef0")
    refuses("InvalidFilterKey", ssm.describe_sessions, State="Active", Filters=[{"key": "Colour", "value": "red"}])
    refuses("ValidationException", ssm.describe_sessions, State="Both")
    assert ssm.terminate_session(SessionId="nobody-0123456789abcdef0")["SessionId"] == "nobody-0123456789abcdef0"


@pytest.mark.parametrize("filters", [[], [{"key": "Owner", "value": "x"}] * 7, [{"key": "Owner", "value": ""}], [{"key": "Owner", "value": "x" * 401}]])
def test_session_filters_beyond_the_model_are_refused(hub, filters):
    status, answer, *_ = hub.api.raw("AmazonSSM.DescribeSessions", json.dumps({"State": "Active", "Filters": filters}).encode())
    assert status == 400 and json.loads(answer)["__type"] == "ValidationException"


def faults(shapes, name, good):
    """Values that break a shape of the service model, each with words of the message; `good` gives a whole value of a shape that has members."""
    shape = shapes[name]
    low, high = shape.get("min"), shape.get("max")
    if "enum" in shape:
        yield "Nonsense", "enum value set"
    if shape["type"] == "string":
        if low:
            yield "", f"greater than or equal to {low}"
        if high:
            yield "x" * (high + 1), f"less than or equal to {high}"
        if "pattern" in shape:
            yield "x\ny z", f"regular expression pattern: {shape['pattern']}"
    if shape["type"] == "integer":
        yield low - 1, f"greater than or equal to {low}"
        yield high + 1, f"less than or equal to {high}"
    if shape["type"] == "list":
        if low:
            yield [], f"greater than or equal to {low}"
        if high:
            yield [good(shape["member"]["shape"])] * (high + 1), f"less than or equal to {high}"
        yield from (([value], words) for value, words in faults(shapes, shape["member"]["shape"], good))
    if shape["type"] == "map":
        yield from (({key: []}, words) for key, words in faults(shapes, shape["key"]["shape"], good))
        yield from (({"a": value}, words) for value, words in faults(shapes, shape["value"]["shape"], good))
    for member, of in shape.get("members", {}).items():
        yield from (({**good(name), member: value}, words) for value, words in faults(shapes, of["shape"], good))


@pytest.mark.parametrize("operation", ["StartSession", "ResumeSession", "TerminateSession", "GetConnectionStatus", "DescribeSessions"])
def test_what_breaks_the_service_model_is_refused_in_its_words(hub, ssm_plain, operation):
    model = ssm_plain.meta.service_model
    shapes = model._service_description["shapes"]
    whole = {
        "StartSession": {"Target": UNKNOWN}, "ResumeSession": {"SessionId": "nobody-1"}, "TerminateSession": {"SessionId": "nobody-1"},
        "GetConnectionStatus": {"Target": UNKNOWN}, "DescribeSessions": {"State": "Active"},
    }[operation]
    request = model.operation_model(operation).input_shape.name
    good = {request: whole, "SessionFilter": {"key": "Target", "value": "x"}}.get
    tried = list(faults(shapes, request, good))
    assert len(tried) >= 2
    for body, words in tried:
        with pytest.raises(api.Refused) as refused:
            hub.api.ssm(operation, **body)
        if words == "enum value set" and "Filters" in body:
            assert refused.value.code == "InvalidFilterKey"
            continue
        assert refused.value.code == "ValidationException", (body, refused.value.message)
        assert words in refused.value.message and " at '" in refused.value.message, (words, refused.value.message)
    for member in shapes[request]["required"]:
        with pytest.raises(api.Refused) as refused:
            hub.api.ssm(operation, **{name: value for name, value in whole.items() if name != member})
        assert refused.value.code == "ValidationException" and f"Value null at '{member[0].lower()}{member[1:]}'" in refused.value.message


def test_the_connection_status_is_written_in_lower_case(ssm, node):
    assert ssm.get_connection_status(Target=node)["Status"] == "connected"
    assert ssm.get_connection_status(Target=UNKNOWN)["Status"] == "notconnected"


def test_sessions_are_paged_and_filtered(ssm_plain, node):
    started = [ssm_plain.start_session(Target=node)["SessionId"] for _ in range(3)]
    pages = list(
        ssm_plain.get_paginator("describe_sessions").paginate(
            State="Active", Filters=[{"key": "Target", "value": node}], PaginationConfig={"PageSize": 2}
        )
    )
    assert set(started) <= {one["SessionId"] for page in pages for one in page["Sessions"]} and len(pages) >= 2
    for one in started:
        ssm_plain.terminate_session(SessionId=one)


def test_a_session_to_an_offline_node_says_why(hub, ssm_plain, refuses):
    agent = hub.join("moored")
    agent.leave()
    message = refuses("TargetNotConnected", ssm_plain.start_session, Target=agent.node)["Message"]
    assert agent.node in message


def test_a_shell_runs_commands_and_knows_its_size(hub, node):
    shell = Shell.start(hub, node, cols=100, rows=30)
    assert shell.attached["Started"] is True
    assert "30 100" in shell.run("stty size")
    shell.resize(132, 50)
    until(lambda: "50 132" in shell.run("stty size"), 10, "the new size")
    assert "今日は" in shell.run("printf '\\344\\273\\212\\346\\227\\245\\343\\201\\257\\n'")
    assert "漢字カナ" in shell.run("echo 漢字カナ")
    shell.type("exit 3\n")
    ended = shell.wait_end()
    assert ended["reason"] == "Exited" and ended["exit_code"] == 3, ended
    until(lambda: described(hub, shell.id, "History"), 20, "the session being history")


def test_a_shell_has_a_terminal_and_job_control(hub, node):
    shell = Shell.start(hub, node)
    assert "/dev/pts/" in shell.run("tty")
    shell.type("sh -c 'echo asleep$((40+2)); exec sleep 100'\n")
    shell.until("asleep42")
    shell.type(b"\x03")
    assert "status 130" in shell.run("echo status $?")
    shell.end()
    assert shell.wait_end()["reason"] == "Terminated"


def test_the_shells_processes_are_gone_when_it_is_ended(hub, node, tmp_path):
    shell = Shell.start(hub, node)
    shell.run(f"sleep 900 & echo $! >{tmp_path}/pid")
    hub.api.ssm("TerminateSession", SessionId=shell.id)
    assert shell.wait_end()["reason"] == "Terminated"
    pid = (tmp_path / "pid").read_text().strip()

    def gone():
        try:
            with open(f"/proc/{pid}/stat") as f:
                return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
        except FileNotFoundError:
            return True

    until(gone, 10, "the shell's child being gone")


def test_a_dropped_line_reattaches_to_the_same_shell(hub, node):
    shell = Shell.start(hub, node)
    shell.run("mark=still-here")
    shell.close()
    back = shell.resume(hub, start_from=shell.offset)
    assert back.id == shell.id and back.attached == {"Offset": shell.offset, "Started": False}
    assert "still-here" in back.run("echo $mark")
    back.end()


def test_scroll_back_is_replayed_in_order(hub, node):
    shell = Shell.start(hub, node)
    shell.run("seq 1 30000 | sed s/^/line-/")
    shell.close()
    back = shell.resume(hub)
    assert 0 < back.attached["Offset"] <= shell.offset, "only the newest 256 KiB are kept"
    assert shell.offset - back.attached["Offset"] >= 200 * 1024
    seen = back.run("echo replayed").replace("\r", "")
    lines = [int(line[5:]) for line in seen.split("\n") if line.startswith("line-") and line[5:].isdigit()]
    assert lines[-1] == 30000 and lines[1:] == list(range(lines[1], 30001))
    back.end()


def test_a_second_browser_is_refused_or_takes_over_visibly(hub, node):
    first = Shell.start(hub, node)
    first.run("mark=first")
    again = hub.api.ssm("ResumeSession", SessionId=first.id)
    refused = Shell(again["StreamUrl"], again["TokenValue"])
    assert refused.error["Code"] == "InUse" and refused.error["Message"]
    assert "first" in first.run("echo $mark"), "the one inside is not disturbed"
    again = hub.api.ssm("ResumeSession", SessionId=first.id)
    second = Shell(again["StreamUrl"], again["TokenValue"], take_over=True)
    assert second.attached["Started"] is False
    assert first.wait_end()["reason"] == "TakenOver"
    assert "first" in second.run("echo $mark")
    second.end()


def test_a_token_opens_one_attachment_only(hub, node):
    answer = hub.api.ssm("StartSession", Target=node)
    shell = Shell(answer["StreamUrl"], answer["TokenValue"])
    shell.run("true")
    shell.close()
    again = Shell(answer["StreamUrl"], answer["TokenValue"])
    assert again.error["Code"] == "TokenInvalid"
    wrong = Shell(answer["StreamUrl"], "guessed")
    assert wrong.error["Code"] == "TokenInvalid"
    hub.api.ssm("TerminateSession", SessionId=answer["SessionId"])


def test_tls_carries_a_shell_as_well(hub, node):
    from harness.api import Api

    answer = Api(hub.https, hub.key, hub.secret, ca=hub.ca_file()).ssm("StartSession", Target=node)
    assert answer["StreamUrl"].startswith("wss://")
    shell = Shell(answer["StreamUrl"], answer["TokenValue"], context=hub.tls_context())
    assert "secure" in shell.run("echo secure")
    shell.end()


def test_a_reader_that_has_stopped_does_not_delay_others(hub, node):
    """Its shell fills the windows and stops; another shell and a command on the same node go on."""
    stalled = Shell.start(hub, node)
    stalled.type("yes '0123456789012345678901234567890123456789'\n")
    stalled.until("0123456789")
    other = Shell.start(hub, node)
    for i in range(20):
        assert f"turn-{i}" in other.run(f"echo turn-{i}")
    assert run_script(hub, [node], "echo meanwhile")[node]["StandardOutputContent"] == "meanwhile\n"
    stalled.type(b"\x03")
    assert "drained" in stalled.run("echo drained"), "after the interrupt everything still in flight arrives, in order"
    for shell in (stalled, other):
        shell.end()


def test_a_large_paste_arrives_unchanged(hub, node, tmp_path):
    shell = Shell.start(hub, node)
    shell.run("stty raw -echo")
    text = ("".join(f"{i:09d}\n" for i in range(30_000))).encode()
    shell.type(f"head -c {len(text)} > {tmp_path}/pasted; echo DONE$((40+2))\n")

    def paste():
        for at in range(0, len(text), 16_000):
            shell.type(text[at : at + 16_000])

    writer = threading.Thread(target=paste)
    writer.start()
    shell.until("DONE42")
    writer.join()
    assert (tmp_path / "pasted").read_bytes() == text
    shell.end()


def test_a_shell_survives_a_restart_of_the_hub(bed):
    own = bed()
    agent = own.join("steady")
    shell = Shell.start(own, agent.node)
    shell.run("mark=through-it-all")
    own.kill()
    own.start()
    agent.wait_online()
    back = shell.resume(own, start_from=shell.offset)
    assert "through-it-all" in back.run("echo $mark")
    back.end()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_shell_that_went_down_with_its_agent_is_over_once_the_agent_is_back(bed, end):
    own = bed()
    agent = own.join("restarted")
    shell = Shell.start(own, agent.node)
    shell.run("true")
    shell.close()
    until(lambda: described(own, shell.id)["Status"] == "Disconnected", 20, "the shell waiting for its owner")
    getattr(agent, end)()
    assert described(own, shell.id), "until the agent is back it may have it"
    agent.restart()
    over = described(own, shell.id, "History")
    assert over["Status"] == "Terminated" and "restarted" in over["Details"] and described(own, shell.id) is None
    assert "EndShell" in own.cli("audit", "export", check=0).out


def test_a_shell_whose_line_broke_is_still_there_when_the_agent_is_back(bed):
    own = bed()
    agent = own.join("cut-off")
    shell = Shell.start(own, agent.node)
    shell.run("mark=still-here")
    shell.close()
    own.stop()
    own.start()
    until(lambda: agent.connections() == 2, 60, "the agent being back")
    assert described(own, shell.id)["Status"] == "Disconnected"
    back = shell.resume(own)
    assert "still-here" in back.run("echo $mark")
    back.end()


def live(hub, topic, **arguments):
    """A subscription as the command line makes it: a signed GET."""
    from harness.sigv4 import sign

    headers = sign("GET", "/live", hub.api.authority, {}, b"", hub.key, hub.secret)
    socket = WebSocket(hub.http.replace("http", "ws") + "/live", "roadstead.live.v1", headers=headers)
    socket.send(json.dumps({"Subscribe": {"Id": 1, "Topic": topic, "Args": arguments}}))
    return socket


def events(socket):
    while True:
        answer = json.loads(socket.receive()[1])
        assert answer["Id"] == 1 and "Error" not in answer, answer
        yield answer["Event"]


def test_live_output_streams_to_its_end(hub, node, tmp_path):
    from harness.process import send_script

    gate = tmp_path / "gate"
    command = send_script(hub, [node], f"echo one; while [ -d {gate.parent} ] && [ ! -e {gate} ]; do sleep 0.05; done; echo two")
    text = ""
    for event in events(live(hub, "output", CommandId=command, NodeId=node, Stream="stdout", Offset=0)):
        if event.get("End"):
            break
        text += event["Text"]
        gate.touch()
    # What was written at the very end may be stored already instead: a page goes on where the stream has stopped.
    rest = hub.api.hub("GetOutput", CommandId=command, NodeId=node, Stream="stdout", Offset=len(text.encode()))
    assert text.startswith("one\n") and text + rest["Text"] == "one\ntwo\n"


def test_live_command_progress_reaches_the_end(hub, node):
    from harness.process import send_script

    command = send_script(hub, [node], "true")
    for event in events(live(hub, "command", CommandId=command)):
        if event["Command"]["Status"] == "Success":
            break


@pytest.mark.parametrize("topic", ["nodes", "sessions", "join-requests"])
def test_who_follows_a_list_is_told_to_read_it_once_more(hub, topic):
    """What changed between the reading and the subscription would be told by nobody."""
    assert next(events(live(hub, topic))) == {"Reload": True}


def test_a_joining_node_turns_up_live(hub):
    line = hub.api.hub("CreateJoinLine")
    watch = events(live(hub, "activation", ActivationId=line["ActivationId"]))
    agent = hub.join("turning-up", token=line["Token"])
    event = next(event for event in watch if event.get("NodeId"))
    assert event["NodeId"] == agent.node


def test_live_events_want_a_caller(hub):
    with pytest.raises(Refused) as caught:
        WebSocket(hub.http.replace("http", "ws") + "/live", "roadstead.live.v1")
    assert caught.value.status in (400, 401, 403)
    with pytest.raises(Refused):
        WebSocket(hub.http.replace("http", "ws") + "/live", "roadstead.live.v1", headers={"Origin": "http://evil.example"})


def test_stream_wants_a_protocol_that_it_knows(hub):
    with pytest.raises(Refused) as caught:
        WebSocket(hub.http.replace("http", "ws") + "/stream/nobody-0123456789abcdef0", "another.protocol.v1")
    assert caught.value.status == 400
    refused = WebSocket(hub.http.replace("http", "ws") + "/stream/nobody-0123456789abcdef0", PROTOCOL)
    refused.send(json.dumps({"Token": "x", "Cols": 80, "Rows": 24, "From": None, "TakeOver": False}))
    assert json.loads(refused.receive()[1])["Error"]["Code"]
