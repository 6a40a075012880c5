"""`roadstead tag`: tags over all resources, changed with a way back, and the rules about them."""

import json
import uuid

import pytest

OK, USAGE, PARTLY = 0, 2, 6


@pytest.fixture
def root(ssm_plain):
    """A path of a test's own with two parameters, one of them tagged."""
    root = f"/cli-tags-{uuid.uuid4().hex[:6]}"
    ssm_plain.put_parameter(Name=f"{root}/a", Value="x", Type="String", Tags=[{"Key": "env", "Value": "test"}, {"Key": "old", "Value": "1"}])
    ssm_plain.put_parameter(Name=f"{root}/b", Value="x", Type="String")
    return root


def rows(hub, *args):
    return json.loads(hub.cli(*args, "-o", "json", check=OK).out)


def tags(hub, root):
    return {row["resource_id"].removeprefix(root): row["tags"] for row in rows(hub, "tag", "list", "--filter", f"id^{root}/")}


def test_tags_are_changed_with_a_preview_and_taken_back(hub, root, tmp_path):
    before = tags(hub, root)
    assert before == {"/a": {"env": "test", "old": "1"}, "/b": {}}
    change = ["tag", "change", "--filter", f"id^{root}/", "env=prod", "old-"]
    shown = hub.cli(*change, "--dry-run", check=OK)
    assert "2 resources found: 2 would change, 0 already as wanted" in shown.err and len(shown.out.splitlines()) == 2
    assert tags(hub, root) == before
    refused = hub.cli(*change, stdin=b"")
    assert refused.returncode == USAGE and "--yes" in refused.err
    back = tmp_path / "back.json"
    assert "2 resources changed" in hub.cli(*change, "--yes", "--undo", str(back), check=OK).err
    assert tags(hub, root) == {"/a": {"env": "prod"}, "/b": {"env": "prod"}}
    assert "0 would change, 2 already as wanted" in hub.cli(*change, "--yes", check=OK).err
    kept = hub.cli("tag", "change", "--filter", f"id^{root}/", "env=other", "--keep", "--yes", check=OK)
    assert "0 would change" in kept.err
    hub.cli("tag", "apply", str(back), "--yes", check=OK)
    assert tags(hub, root) == before


def test_what_is_refused_is_named(hub, root, tmp_path):
    file = tmp_path / "changes.json"
    file.write_text(json.dumps([
        {"ResourceType": "Parameter", "ResourceId": f"{root}/a", "Set": [{"Key": "x", "Value": "1"}]},
        {"ResourceType": "Parameter", "ResourceId": f"{root}/gone", "Set": [{"Key": "x", "Value": "1"}]},
    ]))
    done = hub.cli("tag", "apply", str(file), "--yes", check=PARTLY)
    assert "1 resource changed" in done.err and f"{root}/gone: there is no Parameter" in done.err


def test_rules_find_offenders(hub, root):
    key = f"owner-{uuid.uuid4().hex[:6]}"
    hub.cli("tag", "rule", "set", key, "--required", "--value", "me", "--type", "Parameter", check=OK)
    assert {"key": key, "resource_type": "Parameter", "is_required": True, "allowed_values": ["me"]} in rows(hub, "tag", "rule", "list")
    found = rows(hub, "tag", "offenders", "--filter", f"id^{root}/")
    assert [row["missing_keys"] for row in found] == [[key], [key]]
    hub.cli("tag", "change", "--filter", f"id={root}/a", f"{key}=you", "--yes", check=OK)
    hub.cli("tag", "change", "--filter", f"id={root}/b", f"{key}=me", "--yes", check=OK)
    (left,) = rows(hub, "tag", "offenders", "--filter", f"id^{root}/")
    assert (left["resource_id"], left["missing_keys"], left["wrong_keys"]) == (f"{root}/a", [], [key])
    assert hub.cli("tag", "values", key, "-o", "name", check=OK).out.split() == ["me", "you"]
    assert key in hub.cli("tag", "keys", "-o", "name", check=OK).out.split()
    hub.cli("tag", "rule", "delete", key, check=OK)
    assert rows(hub, "tag", "offenders", "--filter", f"id^{root}/") == []
