"""Search in the outputs of a command's nodes, with real agents: the operation, and our command line."""

import json

import pytest

from harness.process import send_script, stored_output, wait_invocation


@pytest.fixture(scope="module")
def command(hub, nodes, agents, tmp_path_factory):
    """North says that all is well and warns twice, south fails; each says who it is."""
    folder = tmp_path_factory.mktemp("search")
    # The agents run on one system and are told apart by who is first.
    lines = [
        f"if mkdir {folder}/first 2>/dev/null; then echo 'Status: OK'; seq 1 20000; echo 'disk nearly full' >&2; echo 'disk full' >&2;",
        "else echo 'status: broken'; exit 3; fi",
    ]
    sent = send_script(hub, nodes, lines, MaxErrors="100%", MaxConcurrency="1")
    states = {wait_invocation(hub, sent, node)["Status"]: node for node in nodes}
    assert stored_output(hub, sent, states["Success"]).endswith("20000\n"), "what is long comes later than the end"
    return sent, states["Success"], states["Failed"]


def search(hub, command, text, **members):
    return hub.api.hub("SearchOutputs", CommandId=command, Text=text, **members)


def found(answer):
    return [node["NodeId"] for node in answer["Nodes"]]


def test_nodes_are_found_by_what_they_said_and_by_what_they_did_not(hub, command):
    sent, well, broken = command
    answer = search(hub, sent, "Status: OK")
    assert found(answer) == [well] and answer["NodesSearched"] == 2 and answer["NodesMatched"] == 1 and answer["Whole"]
    assert found(search(hub, sent, "Status: OK", WithoutMatch=True)) == [broken]
    assert sorted(found(search(hub, sent, "status:", IgnoreCase=True))) == sorted([well, broken])
    assert found(search(hub, sent, "status:", IgnoreCase=True, Status=["Failed"])) == [broken]
    (node,) = search(hub, sent, "disk .*full$", Regex=True)["Nodes"]
    assert node["MatchingLines"] == 2 and [line["Text"] for line in node["Lines"]] == ["disk nearly full", "disk full"]
    assert {line["Stream"] for line in node["Lines"]} == {"stderr"} and [line["Number"] for line in node["Lines"]] == [1, 2]
    assert found(search(hub, sent, "disk", Stream="stdout")) == []


def test_an_output_that_does_not_fit_into_a_row_is_searched_whole(hub, command):
    sent, well, _ = command
    (node,) = search(hub, sent, "19999")["Nodes"]
    # In front of the numbers stands the status.
    assert node["NodeId"] == well and [(line["Number"], line["Text"]) for line in node["Lines"]] == [(20000, "19999")]
    assert node["Incomplete"] is False


def test_the_command_line_prints_lines_and_ends_like_grep(hub, command):
    sent, well, broken = command
    printed = hub.cli("command", "search", sent, "disk", check=0)
    name, step = hub.node(well)["Name"], "aws:runShellScript"
    assert [line.split(" | ") for line in printed.out.splitlines()] == [
        [f"{name}/{step}/stderr:1", "disk nearly full"], [f"{name}/{step}/stderr:2", "disk full"],
    ], printed.out
    assert "found on 1 of 2 nodes" in printed.err
    # 1999, 19990 to 19999 and two of the disk; five are shown.
    assert f"{name} | … 8 lines more\n" in hub.cli("command", "search", sent, "--regex", "^1999|^disk", check=0).out
    nothing = hub.cli("command", "search", sent, "nowhere", check=1)
    assert nothing.out == "" and "found on 0 of 2 nodes" in nothing.err
    assert hub.cli("command", "search", sent, "disk", "--stdout", check=1).out == ""
    assert hub.cli("command", "search", sent, "STATUS", "--ignore-case", "--without", check=1).err.startswith("not found on 0 of 2")
    assert hub.cli("command", "search", sent, "OK", "--without", "-o", "name", check=0).out == f"{broken}\n"
    (row,) = json.loads(hub.cli("command", "search", sent, "full", "--stderr", "-o", "json", check=0).out)
    assert row["matching_lines"] == 2 and row["lines"][1]["text"] == "disk full" and row["incomplete"] is False
    assert hub.cli("command", "search", sent, "(", "--regex").returncode == 2
    assert hub.cli("command", "search", "01234567-89ab-4def-8123-456789abcdef", "x").returncode == 3
