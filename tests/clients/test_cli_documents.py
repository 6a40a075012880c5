"""`roadstead document …`, as an operator types it."""

import json

import pytest

OK, FAILED, USAGE, NOT_FOUND, PARTLY = 0, 1, 2, 3, 6


def text(word):
    steps = [{"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": [f"echo {word}"]}}]
    return json.dumps({"schemaVersion": "2.2", "mainSteps": steps}).encode()


def rows(hub, *args):
    return json.loads(hub.cli(*args, "-o", "json", check=OK).out)


def names(hub, *args):
    return {row["name"] for row in rows(hub, "document", "list", "--limit", "0", *args)}


@pytest.fixture
def make(hub):
    """Makes documents, with options, and removes what is left of them."""
    made = []

    def make(name, *options, word="one"):
        hub.cli("document", "create", name, "-", *options, stdin=text(word), check=OK)
        made.append(name)

    yield make
    for name in made:
        hub.cli("document", "delete", name, "--yes")


@pytest.mark.parametrize("option", ["--at", "--version"])
def test_a_version_is_named_by_either_word(hub, make, option):
    make("Cli-Versions")
    hub.cli("document", "update", "Cli-Versions", "-", stdin=text("two"), check=OK)
    assert "echo two" in hub.cli("document", "show", "Cli-Versions", option, "2", check=OK).out
    done = hub.cli("document", "delete", "Cli-Versions", option, "2", "--yes", check=OK)
    assert "deleted: version 2 of Cli-Versions" in done.err
    assert [row["document_version"] for row in rows(hub, "document", "versions", "Cli-Versions")] == ["1"]


@pytest.mark.parametrize("order", [("Cli-First", "Cli-Nothing", "Cli-Last"), ("Cli-Nothing", "Cli-First", "Cli-Last")])
def test_of_several_names_each_is_tried_and_told(hub, make, order):
    make("Cli-First")
    make("Cli-Last")
    done = hub.cli("document", "delete", *order, "--yes", check=PARTLY)
    assert "deleted: Cli-First" in done.err and "deleted: Cli-Last" in done.err, done.err
    assert "error: Cli-Nothing: The specified document does not exist." in done.err, done.err
    assert not names(hub, "--owner", "Self") & set(order)
    hub.cli("document", "delete", "Cli-Nothing", "Cli-Nobody", "--yes", check=NOT_FOUND)
    hub.cli("document", "delete", "Cli-Nothing", "--yes", check=NOT_FOUND)


def test_a_file_that_cannot_be_read_hides_no_fault_of_another(hub, tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    done = hub.cli("document", "lint", str(tmp_path / "missing.json"), str(wrong), "-o", "json", check=FAILED)
    assert {row["file"] for row in json.loads(done.out)} == {str(tmp_path / "missing.json"), str(wrong)}


def test_owners_and_types_are_words_in_any_case(hub, make):
    make("Cli-Owned")
    assert "Cli-Owned" in names(hub, "--owner", "Self") == names(hub, "--owner", "self") == names(hub, "--owner", "SELF", "--type", "command")
    assert "AWS-RunShellScript" in names(hub, "--owner", "amazon")
    refused = hub.cli("document", "list", "--owner", "nobody", check=USAGE).err
    assert "nobody" in refused and "ThirdParty" in refused, refused
    assert "nothing" in hub.cli("document", "list", "--type", "nothing", check=USAGE).err


def test_what_a_version_has_besides_its_text(hub, make):
    files = hub.data / "files"
    files.mkdir(exist_ok=True)
    (files / "cli-tool.sh").write_text("echo tool\n")
    make("Cli-Base", "--attach", "hub://cli-tool.sh")
    make(
        "Cli-Whole", "--attach", "tool.sh=hub://cli-tool.sh", "--attach", "Cli-Base/1/cli-tool.sh", "--requires", "Cli-Base:1", "--requires",
        "AWS-RunShellScript", "--target-type", "/AWS::EC2::Instance", "--display-name", "Whole", "--version-name", "first",
    )
    whole = rows(hub, "document", "show", "Cli-Whole")
    assert sorted(one["name"] for one in whole["attachments_information"]) == ["cli-tool.sh", "tool.sh"]
    assert whole["requires"] == [{"name": "Cli-Base", "version": "1"}, {"name": "AWS-RunShellScript"}]
    assert (whole["target_type"], whole["display_name"], whole["version_name"]) == ("/AWS::EC2::Instance", "Whole", "first")
    hub.cli("document", "update", "Cli-Whole", "-", "--display-name", "More", "--attach", "new.sh=hub://cli-tool.sh", stdin=text("two"), check=OK)
    second = rows(hub, "document", "show", "Cli-Whole", "--at", "2")
    assert [one["name"] for one in second["attachments_information"]] == ["new.sh"]
    assert (second["target_type"], second["display_name"]) == ("/AWS::EC2::Instance", "More") and "version_name" not in second
    refused = hub.cli("document", "create", "Cli-Never", "-", "--attach", "https://example.org/x", stdin=text("x"), check=USAGE)
    assert "hub://PATH" in refused.err


def test_a_version_is_reviewed(hub, make):
    make("Cli-Review")

    def review(*args, check=OK):
        return hub.cli("document", "review", *args, check=check)

    review("approve", "Cli-Review", check=USAGE)
    assert "version $DEFAULT of Cli-Review waits for a review" in review("send", "Cli-Review", "--comment", "please look").err
    review("reject", "Cli-Review", "--version", "1", "--comment", "no")
    review("amend", "Cli-Review", "--at", "1", "--comment", "it says nothing")
    review("send", "Cli-Review")
    review("approve", "Cli-Review")
    said = rows(hub, "document", "review", "list", "Cli-Review")
    assert [(one["review_status"], one["comment"]) for one in said] == [
        ("PENDING", "please look"), ("REJECTED", "it says nothing"), ("PENDING", None), ("APPROVED", None),
    ]
    assert all(one["reviewer"] and one["create_time"].endswith("Z") for one in said)
    assert rows(hub, "document", "show", "Cli-Review")["review_status"] == "APPROVED"
    assert "it says nothing" in review("list", "Cli-Review").out
    review("list", "Cli-Nothing", check=NOT_FOUND)


def test_the_linter_says_what_no_run_would_survive(hub, tmp_path):
    path = tmp_path / "run.yaml"
    steps = "mainSteps:\n- name: one\n  action: aws:runShellScript\n  inputs:\n    timeoutSeconds: 0\n    runCommand:\n    - echo Found: one\n"
    path.write_text(f"schemaVersion: '2.2'\n{steps}")
    found = json.loads(hub.cli("document", "lint", str(path), "-o", "json", check=OK).out)
    assert [(row["line"], row["column"]) for row in found] == [(6, 21), (8, 7)]
    path.write_text(path.read_text().replace("echo Found: one", "{{ what }}"))
    (only,) = json.loads(hub.cli("document", "lint", str(path), "-o", "json", check=FAILED).out)
    assert (only["line"], only["column"]) == (8, 7) and 'write `"{{ what }}"`' in only["message"]
