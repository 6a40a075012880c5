"""Documents through boto3: made, changed, listed, shared, deleted, and run on a real node, step by step."""

import datetime
import hashlib
import json
import textwrap

import pytest

from harness.api import Refused
from harness.wait import until

ACCOUNT_FILTER = [{"Key": "Owner", "Values": ["Self"]}]


def plain(word="hello", **more):
    document = {
        "schemaVersion": "2.2",
        "description": f"says {word}",
        "parameters": {
            "Count": {"type": "Integer", "description": "How often.", "default": 3, "allowedValues": [1, 2, 3]},
            "Who": {"type": "String", "description": None, "default": "def", "allowedValues": ["abc", "def"]},
            "Loud": {"type": "Boolean", "description": "A boolean", "default": False, "allowedValues": [True, False]},
            "Names": {"type": "StringList", "description": "A list", "default": ["abc", "def"]},
            "Map": {"type": "StringMap", "default": {"Kind": "Command", "Events": ["Failed"]}},
            "Maps": {"type": "MapList", "default": [{"Device": "/dev/sda1", "Ebs": {"Size": "50"}}]},
        },
        "mainSteps": [{"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": [f"echo {word}"]}}],
    }
    return {**document, **more}


def script(*lines, **step):
    return {"action": "aws:runShellScript", "name": step.pop("name", "one"), **step, "inputs": {"runCommand": list(lines), **step.pop("inputs", {})}}


def steps(*steps, parameters=None):
    return json.dumps({"schemaVersion": "2.2", "parameters": parameters or {}, "mainSteps": list(steps)})


@pytest.fixture
def named(ssm, request):
    """Makes documents of a name that only this test uses, and removes them."""
    made = []

    def make(content, **members):
        name = members.pop("Name", None) or f"T-{abs(hash(request.node.nodeid)) % 10**9}-{len(made)}"
        if not isinstance(content, str):
            content = json.dumps(content)
        members.setdefault("DocumentType", "Command")
        description = ssm.create_document(Name=name, Content=content, **members)["DocumentDescription"]
        made.append(name)
        return description

    yield make
    for name in made:
        try:
            ssm.delete_document(Name=name, Force=True)
        except ssm.exceptions.InvalidDocument:
            pass


def test_a_document_is_described_with_all_of_upstreams_members(ssm, named):
    content = json.dumps(plain())
    made = named(content, VersionName="Base", TargetType="/AWS::EC2::Instance", DisplayName="My words", Tags=[{"Key": "team", "Value": "blue"}])
    assert made["Hash"] == hashlib.sha256(content.encode()).hexdigest() and made["HashType"] == "Sha256"
    assert made["CreatedDate"] > datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
    assert (made["Status"], made["DocumentVersion"], made["LatestVersion"], made["DefaultVersion"]) == ("Active", "1", "1", "1")
    assert (made["VersionName"], made["TargetType"], made["DisplayName"]) == ("Base", "/AWS::EC2::Instance", "My words")
    assert (made["DocumentType"], made["DocumentFormat"], made["SchemaVersion"]) == ("Command", "JSON", "2.2")
    assert made["Description"] == "says hello" and made["PlatformTypes"] == ["Linux", "MacOS"]
    assert made["Tags"] == [{"Key": "team", "Value": "blue"}] and made["Author"] == "admin"
    shown = {p["Name"]: p for p in made["Parameters"]}
    assert shown["Count"] == {"Name": "Count", "Type": "Integer", "Description": "How often.", "DefaultValue": "3"}
    assert shown["Who"]["DefaultValue"] == "def" and shown["Loud"]["DefaultValue"] == "False"
    assert shown["Names"]["DefaultValue"] == '["abc", "def"]'
    assert json.loads(shown["Map"]["DefaultValue"]) == {"Kind": "Command", "Events": ["Failed"]}
    assert json.loads(shown["Maps"]["DefaultValue"]) == [{"Device": "/dev/sda1", "Ebs": {"Size": "50"}}]
    assert ssm.describe_document(Name=made["Name"])["Document"] == made
    assert ssm.describe_document(Name=made["Name"], VersionName="Base")["Document"] == made


def test_the_owner_is_the_account_the_hub_says_it_is(ssm, hub, named):
    made = named(plain())
    account = hub.api.hub("DescribeHub")["AccountId"]
    assert made["Owner"] == account and len(made["Owner"]) == 12


@pytest.mark.parametrize("stored", ["JSON", "YAML"])
def test_a_document_is_read_in_either_format(ssm, named, stored):
    yaml = "schemaVersion: '2.2'\ndescription: formats\nmainSteps:\n- {name: a, action: aws:runShellScript, inputs: {runCommand: [id, 'echo \"日本\"']}}\n"
    value = {"schemaVersion": "2.2", "description": "formats", "mainSteps": [
        {"name": "a", "action": "aws:runShellScript", "inputs": {"runCommand": ["id", 'echo "日本"']}}]}
    text = yaml if stored == "YAML" else json.dumps(value)
    name = named(text, DocumentFormat=stored)["Name"]
    assert ssm.get_document(Name=name, DocumentFormat=stored)["Content"] == text
    as_json = ssm.get_document(Name=name)
    assert as_json["DocumentFormat"] == "JSON" and json.loads(as_json["Content"]) == value
    as_yaml = ssm.get_document(Name=name, DocumentFormat="YAML")
    assert as_yaml["DocumentFormat"] == "YAML" and as_yaml["Content"].startswith(("schemaVersion:", '"schemaVersion"'))


def test_versions_names_and_selectors(ssm, named, refuses):
    name = named(plain("one"), VersionName="Base")["Name"]
    second = ssm.update_document(Name=name, Content=json.dumps(plain("two")), DocumentVersion="1", VersionName="Next")["DocumentDescription"]
    assert (second["DocumentVersion"], second["LatestVersion"], second["DefaultVersion"]) == ("2", "2", "1")
    third = ssm.update_document(Name=name, Content=json.dumps(plain("three")), DocumentVersion="$LATEST")["DocumentDescription"]
    assert third["DocumentVersion"] == "3" and third["Description"] == "says three"
    for older in ({"DocumentVersion": "2"}, {"DocumentVersion": "$DEFAULT"}, {}):
        words = refuses("InvalidDocumentVersion", ssm.update_document, Name=name, Content=json.dumps(plain("four")), **older)["Message"]
        assert words == f"Version provided for document {name} is not latest. Please provide the latest version to update document {name}"

    def got(**which):
        answer = ssm.get_document(Name=name, **which)
        return answer["DocumentVersion"], json.loads(answer["Content"])["description"]

    assert got() == got(DocumentVersion="$DEFAULT") == got(VersionName="Base") == ("1", "says one")
    assert got(DocumentVersion="$LATEST") == got(DocumentVersion="3") == ("3", "says three")
    assert got(VersionName="Next") == got(VersionName="Next", DocumentVersion="2") == ("2", "says two")
    refuses("InvalidDocumentVersion", ssm.get_document, Name=name, DocumentVersion="9")
    refuses("InvalidDocumentVersion", ssm.get_document, Name=name, VersionName="Base", DocumentVersion="2")
    refuses("InvalidDocument", ssm.get_document, Name="No-Such-Document")
    refuses("InvalidDocument", ssm.describe_document, Name="No-Such-Document")
    refuses("ValidationException", ssm.get_document, Name=name, DocumentVersion="01")
    moved = ssm.update_document_default_version(Name=name, DocumentVersion="2")["Description"]
    assert moved == {"Name": name, "DefaultVersion": "2", "DefaultVersionName": "Next"}
    assert got() == ("2", "says two")
    refuses("InvalidDocumentVersion", ssm.update_document_default_version, Name=name, DocumentVersion="9")
    refuses("InvalidDocument", ssm.update_document_default_version, Name="No-Such-Document", DocumentVersion="1")
    listed = [v for page in ssm.get_paginator("list_document_versions").paginate(Name=name, PaginationConfig={"PageSize": 2}) for v in page["DocumentVersions"]]
    assert [(v["DocumentVersion"], v["IsDefaultVersion"]) for v in listed] == [("3", False), ("2", True), ("1", False)]


def test_each_wrong_request_has_upstreams_code(ssm, named, refuses):
    name = named(plain())["Name"]
    good = json.dumps(plain("other"))
    refuses("DocumentAlreadyExists", ssm.create_document, Name=name, Content=good, DocumentType="Command")
    for bad in ("AWS-Mine", "amazon-x", "AMZN-x", "Roadstead-x"):
        refuses("ValidationException", ssm.create_document, Name=bad, Content=good)
    refuses("ValidationException", ssm.create_document, Name="N-ok", Content=good, DocumentFormat="XML")
    refuses("ValidationException", ssm.create_document, Name="N-ok", Content=good, DocumentType="Nothing")
    refuses("InvalidDocumentContent", ssm.create_document, Name="N-ok", Content="not json")
    refuses("InvalidDocumentContent", ssm.create_document, Name="N-ok", Content="a: [", DocumentFormat="YAML")
    refuses("InvalidDocumentContent", ssm.create_document, Name="N-ok", Content="{}")
    refuses("InvalidDocumentSchemaVersion", ssm.create_document, Name="N-ok", Content='{"schemaVersion": "9.9"}')
    refuses("InvalidDocumentSchemaVersion", ssm.create_document, Name="N-ok", Content=good, DocumentType="Automation")
    refuses("MaxDocumentSizeExceeded", ssm.create_document, Name="N-ok", Content="x" * 65_537)
    refuses("DuplicateDocumentContent", ssm.update_document, Name=name, Content=json.dumps(plain()), DocumentVersion="$LATEST")
    refuses("InvalidDocumentVersion", ssm.update_document, Name=name, Content=good, DocumentVersion="5")
    refuses("InvalidDocument", ssm.update_document, Name="No-Such-Document", Content=good, DocumentVersion="1")
    refuses("InvalidDocument", ssm.delete_document, Name="No-Such-Document")
    refuses("InvalidFilterKey", ssm.list_documents, Filters=[{"Key": "Colour", "Values": ["red"]}])
    refuses("InvalidNextToken", ssm.list_documents, NextToken="nonsense")


def test_a_document_of_schema_1_2_is_not_updated(ssm, named, refuses):
    old = {"schemaVersion": "1.2", "description": "old", "runtimeConfig": {"aws:runShellScript": {"properties": [{"id": "0", "runCommand": ["id"]}]}}}
    name = named(old)["Name"]
    for content in ({**old, "description": "new"}, plain()):
        refuses("InvalidDocumentSchemaVersion", ssm.update_document, Name=name, Content=json.dumps(content), DocumentVersion="$LATEST")
    newer = named(plain())["Name"]
    refuses("InvalidDocumentSchemaVersion", ssm.update_document, Name=newer, Content=json.dumps(old), DocumentVersion="$LATEST")


def test_a_refused_document_says_where_and_what_would_be_right(ssm, refuses):
    text = textwrap.dedent("""\
        schemaVersion: '2.2'
        mainSteps:
        - name: one
          action: aws:runShellScript
          onfailure: exit
          inputs: {runCommand: [id]}
    """)
    error = refuses("InvalidDocumentContent", ssm.create_document, Name="N-where", Content=text, DocumentFormat="YAML")
    assert error["Message"] == "line 5, column 3, at `mainSteps[0]`: `onfailure` has no meaning here; did you mean `onFailure`?"


def test_lists_show_the_library_and_ones_own(ssm, named):
    made = sorted(named(plain(str(n)))["Name"] for n in range(3))
    own = [d for page in ssm.get_paginator("list_documents").paginate(Filters=ACCOUNT_FILTER, PaginationConfig={"PageSize": 1}) for d in page["DocumentIdentifiers"]]
    assert [d["Name"] for d in own if d["Name"] in made] == made
    amazon = {d["Name"]: d for page in ssm.get_paginator("list_documents").paginate(Filters=[{"Key": "Owner", "Values": ["Amazon"]}]) for d in page["DocumentIdentifiers"]}
    assert {"AWS-RunShellScript", "AWS-RunPowerShellScript", "AWS-StartSSHSession", "AWS-StartPortForwardingSession"} <= set(amazon)
    assert amazon["AWS-RunShellScript"]["Owner"] == "Amazon" and amazon["AWS-RunShellScript"]["DocumentType"] == "Command"
    every = {d["Name"] for page in ssm.get_paginator("list_documents").paginate() for d in page["DocumentIdentifiers"]}
    assert set(made) | set(amazon) <= every
    old = ssm.list_documents(DocumentFilterList=[{"key": "Name", "value": made[0]}])["DocumentIdentifiers"]
    assert [d["Name"] for d in old] == [made[0]]


def test_sharing_is_kept_and_guards_against_deletion(ssm, named, refuses):
    name = named(plain())["Name"]
    ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToAdd=["111122223333", "444455556666"], SharedDocumentVersion="$ALL")
    shown = ssm.describe_document_permission(Name=name, PermissionType="Share")
    assert shown["AccountIds"] == ["111122223333", "444455556666"]
    assert {i["SharedDocumentVersion"] for i in shown["AccountSharingInfoList"]} == {"$ALL"}
    refuses("InvalidDocumentOperation", ssm.delete_document, Name=name)
    refuses("DocumentPermissionLimit", ssm.modify_document_permission, Name=name, PermissionType="Share", AccountIdsToAdd=["all", "111122223333"])
    refuses("InvalidPermissionType", ssm.modify_document_permission, Name=name, PermissionType="Loan")
    refuses("InvalidDocument", ssm.describe_document_permission, Name="No-Such-Document", PermissionType="Share")
    ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToRemove=["111122223333", "444455556666"])
    assert ssm.describe_document_permission(Name=name, PermissionType="Share")["AccountIds"] == []
    ssm.delete_document(Name=name)


# Running them.


def run(ssm, node, document, parameters=None, **members):
    command = ssm.send_command(DocumentName=document, InstanceIds=[node], Parameters=parameters or {}, **members)["Command"]["CommandId"]

    def over():
        (one,) = ssm.list_command_invocations(CommandId=command, InstanceId=node, Details=True)["CommandInvocations"] or [None]
        return one if one and one["Status"] not in ("Pending", "InProgress", "Delayed") else None

    return until(over, 60, "the command ending")


def plugins(invocation):
    return [(p["Name"], p["Status"], p["ResponseCode"]) for p in invocation["CommandPlugins"]]


def test_a_whole_document_runs_step_by_step(ssm, node, named):
    name = named(steps(
        script("echo never", name="windows", precondition={"StringEquals": ["platformType", "Windows"]}),
        script('echo "{{ who }}"', name="first"),
        script("exit 3", name="second", onFailure="exit"),
        script("echo left out", name="third"),
        script("echo cleaned", name="always", inputs={"finallyStep": True}),
        parameters={"who": {"type": "String", "interpolationType": "ENV_VAR"}},
    ))["Name"]
    ended = run(ssm, node, name, {"who": ["$(id) `id`"]})
    assert ended["Status"] == "Failed"
    shown = {p["Name"]: p for p in ended["CommandPlugins"]}
    assert shown["first"]["Status"] == "Success" and "$(id) `id`" in shown["first"]["Output"]
    assert (shown["second"]["Status"], shown["second"]["ResponseCode"]) == ("Failed", 3)
    assert "left out" not in shown["third"].get("Output", "") and shown["always"]["Status"] == "Success"


def test_success_and_exit_is_a_success(ssm, node, named):
    name = named(steps(script("exit 9", name="probe", onFailure="successAndExit"), script("echo no", name="next")))["Name"]
    assert run(ssm, node, name)["Status"] == "Success"


def test_the_version_and_the_hash_pin_what_runs(ssm, node, named, refuses):
    first = named(steps(script("echo one")))
    name = first["Name"]
    second = ssm.update_document(Name=name, Content=steps(script("echo two")), DocumentVersion="$LATEST")["DocumentDescription"]

    def output(**members):
        return run(ssm, node, name, **members)["CommandPlugins"][0]["Output"]

    assert output() == output(DocumentVersion="1") == "one\n"
    assert output(DocumentVersion="$LATEST") == output(DocumentVersion="2", DocumentHash=second["Hash"], DocumentHashType="Sha256") == "two\n"
    send = {"DocumentName": name, "InstanceIds": [node]}
    refuses("InvalidDocument", ssm.send_command, **send, DocumentHash=second["Hash"], DocumentHashType="Sha256")
    refuses("InvalidDocumentVersion", ssm.send_command, **send, DocumentVersion="9")


def test_parameters_are_checked_before_anything_runs(ssm, node, named, refuses):
    name = named(steps(script("echo {{ n }}"), parameters={"n": {"type": "String", "allowedPattern": "[0-9]+"}}))["Name"]
    for wrong in ({}, {"n": ["x"]}, {"n": ["1"], "m": ["2"]}, {"n": ["1", "2"]}):
        refuses("InvalidParameters", ssm.send_command, DocumentName=name, InstanceIds=[node], Parameters=wrong)
    assert run(ssm, node, name, {"n": ["42"]})["CommandPlugins"][0]["Output"] == "42\n"


def test_only_documents_that_a_node_can_run_are_sent(ssm, node, named, refuses):
    windows = named(steps({"action": "aws:psModule", "name": "a", "inputs": {"source": "x"}}))["Name"]
    refuses("UnsupportedPlatformType", ssm.send_command, DocumentName=windows, InstanceIds=[node])
    refuses("InvalidDocument", ssm.send_command, DocumentName="AWS-StartSSHSession", InstanceIds=[node])


def test_a_document_of_schema_1_2_runs(ssm, node, named):
    content = {"schemaVersion": "1.2", "description": "old", "parameters": {"commands": {"type": "StringList"}},
               "runtimeConfig": {"aws:runShellScript": {"properties": [{"id": "0.aws:runShellScript", "runCommand": "{{ commands }}"}]}}}
    ended = run(ssm, node, named(content)["Name"], {"commands": ["echo old"]})
    assert plugins(ended) == [("aws:runShellScript", "Success", 0)] and ended["CommandPlugins"][0]["Output"] == "old\n"


def test_steps_have_their_states_while_the_document_runs(ssm, node, named, tmp_path):
    gate = tmp_path / "gate"
    waits = f"while ! [ -e {gate} ]; do [ -d {tmp_path} ] || exit 1; sleep 0.1; done"
    name = named(steps(
        script("seq 1 4000", name="counts"), script("echo bad >&2; exit 3", name="fails"), script(waits, name="waits"), script("echo end", name="last")
    ))["Name"]
    command = ssm.send_command(DocumentName=name, InstanceIds=[node])["Command"]["CommandId"]

    def listed():
        found = ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
        return {p["Name"]: p for p in found[0]["CommandPlugins"]} if found else {}

    def one(plugin):
        return ssm.get_command_invocation(CommandId=command, InstanceId=node, PluginName=plugin)

    shown = until(lambda: (all := listed()).get("waits", {}).get("Status") == "InProgress" and all, 30, "the third step running")
    assert [p["Status"] for p in shown.values()] == ["Success", "Failed", "InProgress", "Pending"]
    assert ["ResponseStartDateTime" in p for p in shown.values()] == [True, True, True, False]
    assert shown["counts"]["Output"].startswith("1\n2\n") and "bad" in shown["fails"]["Output"] and shown["fails"]["ResponseCode"] == 3
    assert "ResponseFinishDateTime" in shown["fails"]
    whole = "".join(f"{n}\n" for n in range(1, 4001))
    counted = until(lambda: (it := one("counts"))["Status"] == "Success" and it, 30, "the node telling of the first step")
    assert counted["StandardOutputContent"] == whole
    failed = until(lambda: (it := one("fails"))["Status"] == "Failed" and it, 30, "the node telling of the second step")
    assert (failed["StandardErrorContent"], failed["ResponseCode"]) == ("bad\n", 3)
    waiting = until(lambda: (it := one("waits"))["Status"] == "InProgress" and it, 30, "the node telling of the third step")
    assert waiting["ExecutionStartDateTime"] and not waiting["ExecutionEndDateTime"]
    assert (waiting["ResponseCode"], one("last")["Status"]) == (-1, "Pending")
    gate.write_text("")
    until(lambda: listed()["last"]["Status"] == "Success", 30, "the document ending")
    assert [p["Status"] for p in listed().values()] == ["Success", "Failed", "Success", "Success"]


def test_content_is_downloaded_and_run(ssm, node, named, tmp_path):
    import functools
    import http.server
    import threading

    (tmp_path / "tool.sh").write_text("echo fetched $1\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/tool.sh"
        download = {"action": "aws:downloadContent", "name": "fetch", "inputs": {
            "sourceType": "HTTP", "sourceInfo": json.dumps({"url": url, "allowInsecureDownload": True})}}
        ended = run(ssm, node, named(steps(download, script("sh ./tool.sh it", name="use")))["Name"])
        assert plugins(ended) == [("fetch", "Success", 0), ("use", "Success", 0)], ended
        assert ended["CommandPlugins"][1]["Output"] == "fetched it\n"
        download["inputs"]["sourceInfo"] = json.dumps({"url": url})
        ended = run(ssm, node, named(steps(download))["Name"])
        assert ended["Status"] == "Failed" and "allowInsecureDownload" in ended["CommandPlugins"][0]["Output"]
    finally:
        server.shutdown()


def test_a_document_runs_inside_a_document(ssm, node, named, refuses):
    inner = named(steps(script("echo inner {{ who }}"), script("exit 5", name="two"),
                        parameters={"who": {"type": "String", "allowedPattern": "[a-z]+"}}))["Name"]
    outer = named(steps({"action": "aws:runDocument", "name": "nest", "inputs": {
        "documentType": "SSMDocument", "documentPath": inner, "documentParameters": {"who": "you"}}}, script("echo after", name="after")))["Name"]
    ended = run(ssm, node, outer)
    assert plugins(ended) == [("nest", "Failed", 5), ("after", "Success", 0)], ended
    assert "inner you" in ended["CommandPlugins"][0]["Output"]
    local = named(steps(
        {"action": "aws:downloadContent", "name": "fetch", "inputs": {"sourceType": "SSMDocument", "sourceInfo": {"name": f"{inner}:1"}}},
        {"action": "aws:runDocument", "name": "nest", "inputs": {
            "documentType": "LocalPath", "documentPath": f"{inner}.json", "documentParameters": json.dumps({"who": "local"})}}))["Name"]
    ended = run(ssm, node, local)
    assert "inner local" in ended["CommandPlugins"][1]["Output"], ended
    missing = named(steps({"action": "aws:runDocument", "name": "nest", "inputs": {"documentType": "SSMDocument", "documentPath": "No-Such"}}))["Name"]
    refuses("InvalidDocument", ssm.send_command, DocumentName=missing, InstanceIds=[node])


def test_what_runs_inside_is_known_by_the_parameters_it_is_run_with(ssm, node, named):
    inner = named(steps(script("echo inner {{ who }}"), parameters={"who": {"type": "String"}}))["Name"]
    which = named(steps({"action": "aws:runDocument", "name": "nest", "inputs": {
        "documentType": "SSMDocument", "documentPath": "{{ which }}", "documentParameters": {"who": "one"}}},
        parameters={"which": {"type": "String"}}))["Name"]
    fetched = {"sourceType": "SSMDocument", "sourceInfo": json.dumps({"name": which}), "documentParameters": json.dumps({"which": inner})}
    for name, given in {which: {"which": inner}, "AWS-RunDocument": fetched}.items():
        outer = named(steps({"action": "aws:runDocument", "name": "nest", "inputs": {
            "documentType": "SSMDocument", "documentPath": name, "documentParameters": given}}))["Name"]
        ended = run(ssm, node, outer)
        assert ended["Status"] == "Success" and "inner one" in ended["CommandPlugins"][0]["Output"], ended


def test_what_stands_too_deep_in_one_place_runs_in_another(ssm, node, named):
    def running(*names):
        return steps(*({"action": "aws:runDocument", "name": f"run{n}", "inputs": {"documentType": "SSMDocument", "documentPath": name}}
                       for n, name in enumerate(names)))

    last = named(steps(script("echo at the end")))["Name"]
    third = named(running(last))["Name"]
    second = named(running(third))["Name"]
    first = named(running(second))["Name"]
    ended = run(ssm, node, named(running(first, third))["Name"])
    assert plugins(ended) == [("run0", "Failed", 1), ("run1", "Success", 0)], ended
    assert "at the end" in ended["CommandPlugins"][1]["Output"]


def test_documents_that_contain_each_other_end(ssm, node, named):
    name = named(steps(script("true")))["Name"]
    again = steps({"action": "aws:runDocument", "name": "again", "inputs": {"documentType": "SSMDocument", "documentPath": f"{name}:2"}})
    ssm.update_document(Name=name, Content=again, DocumentVersion="$LATEST")
    ended = run(ssm, node, name, DocumentVersion="2")
    assert ended["Status"] == "Failed" and "deep inside each other" in ended["CommandPlugins"][0]["Output"]


@pytest.mark.parametrize("action", ["aws:configurePackage", "aws:softwareInventory", "aws:refreshAssociation", "aws:updateSsmAgent"])
def test_what_the_hub_cannot_do_yet_says_so(ssm, node, named, action):
    inputs = {"name": "x", "action": "Install", "agentName": "x", "source": "x"}
    ended = run(ssm, node, named(steps({"action": action, "name": "door", "inputs": inputs}))["Name"])
    assert ended["Status"] == "Failed" and "this hub" in ended["CommandPlugins"][0]["Output"], ended


def test_powershell_is_run_where_it_is_and_missed_where_it_is_not(ssm, node):
    import shutil

    ended = run(ssm, node, "AWS-RunPowerShellScript", {"commands": ["Write-Output hello"]})
    if shutil.which("pwsh"):
        assert ended["Status"] == "Success" and ended["CommandPlugins"][0]["Output"] == "hello\n"
    else:
        assert ended["Status"] == "Failed" and 'exec: "pwsh": executable file not found in $PATH' in ended["CommandPlugins"][0]["Output"]


def test_windows_steps_are_left_out(ssm, node, named):
    name = named(steps({"action": "aws:applications", "name": "msi", "inputs": {"action": "Install", "source": "x"}}, script("echo here")))["Name"]
    ended = run(ssm, node, name)
    assert ended["Status"] == "Success" and {p["Name"]: p["Output"] for p in ended["CommandPlugins"]}["one"] == "here\n"


def test_the_preferences_of_shells_are_the_accounts_own(ssm, refuses):
    name, own = "SSM-SessionManagerRunShell", {"schemaVersion": "1.0", "description": "ours", "sessionType": "Standard_Stream", "inputs": {"idleSessionTimeout": "7"}}
    shown = ssm.describe_document(Name=name)["Document"]
    assert shown["Owner"] != "000000000000"
    try:
        made = ssm.create_document(Name=name, Content=json.dumps(own), DocumentType="Session")["DocumentDescription"]
        assert (made["DocumentVersion"], made["Owner"]) == ("1", "000000000000")
        refuses("DocumentAlreadyExists", ssm.create_document, Name=name, Content=json.dumps(own), DocumentType="Session")
        own["inputs"]["idleSessionTimeout"] = "8"
        updated = ssm.update_document(Name=name, Content=json.dumps(own), DocumentVersion="$LATEST")["DocumentDescription"]
        assert updated["DocumentVersion"] == "2"
    finally:
        ssm.delete_document(Name=name)
    again = ssm.describe_document(Name=name)["Document"]
    assert again["Owner"] == shown["Owner"] and again["Tags"] == []
    ssm.create_document(Name=name, Content=json.dumps(own), DocumentType="Session", VersionName="only")
    ssm.delete_document(Name=name, VersionName="only")
    assert ssm.describe_document(Name=name)["Document"]["Owner"] == shown["Owner"], "gone with its last version, too"


def test_an_arn_names_a_document_only_where_it_is_one(ssm, refuses):
    assert ssm.describe_document(Name="arn:aws:ssm:eu-west-1:000000000000:document/AWS-RunShellScript")["Document"]["Name"] == "AWS-RunShellScript"
    for other in ("arn:aws:s3:::foo/AWS-RunShellScript", "foo/AWS-RunShellScript", "arn:aws:ssm:eu-west-1:000000000000:parameter/AWS-RunShellScript"):
        refuses("InvalidDocument", ssm.describe_document, Name=other)


def test_another_accounts_document_is_none_of_ours(ssm, node, named, refuses):
    name = named(plain())["Name"]
    theirs = f"arn:aws:ssm:eu-west-1:111122223333:document/{name}"
    for call in (ssm.get_document, ssm.describe_document, ssm.list_document_versions):
        refuses("InvalidDocument", call, Name=theirs)
    refuses("InvalidDocument", ssm.send_command, DocumentName=theirs, InstanceIds=[node])
    for ours in (f"arn:aws:ssm:eu-west-1:000000000000:document/{name}", "arn:aws:ssm:eu-west-1::document/AWS-RunShellScript"):
        assert ssm.describe_document(Name=ours)["Document"]["Name"] in (name, "AWS-RunShellScript")


def test_lists_that_may_not_be_empty_are_given_whole_or_left_out(hub, named):
    def refusal(**members):
        with pytest.raises(Refused) as caught:
            hub.api.ssm("CreateDocument", Name="Needs-Nothing", Content=json.dumps(plain()), **members)
        assert caught.value.code == "ValidationException"
        return caught.value.message

    least = "failed to satisfy constraint: Member must have length greater than or equal to 1"
    assert f"'requires' {least}" in refusal(Requires=[])
    assert f"'attachments.1.member.values' {least}" in refusal(Attachments=[{"Key": "SourceUrl", "Values": []}])
    assert "less than or equal to 1" in refusal(Attachments=[{"Key": "SourceUrl", "Values": ["a", "b"]}])
    assert named(plain(), Requires=[{"Name": "AWS-RunShellScript", "Version": "1"}])["Requires"][0]["Name"] == "AWS-RunShellScript"


def test_a_document_of_the_largest_size_runs_and_so_do_larger_ones_inside_another(ssm, node, named):
    def long(word):
        return steps(script("# " + "\"x\" " * 10_500, f"echo {word}"))

    whole = named(long("whole"))["Name"]
    assert len(ssm.get_document(Name=whole)["Content"]) > 60_000
    ended = run(ssm, node, whole)
    assert ended["Status"] == "Success" and "whole" in ended["CommandPlugins"][0]["Output"], ended
    inner = [named(long(f"inner {n}"))["Name"] for n in range(3)]
    outer = named(steps(*({"action": "aws:runDocument", "name": f"run{n}", "inputs": {"documentType": "SSMDocument", "documentPath": name}}
                          for n, name in enumerate(inner))))["Name"]
    ended = run(ssm, node, outer)
    assert [f"inner {n}" in plugin["Output"] for n, plugin in enumerate(ended["CommandPlugins"])] == [True] * 3, ended
