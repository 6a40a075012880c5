"""The Resource Groups Tagging API as unmodified boto3 sees it, and the same in the protocol of newer clients."""

import itertools
import json
import uuid

import pytest
import urllib.error
import urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import boto

_names = itertools.count()


@pytest.fixture(scope="module", params=["http", "https"])
def tagging(request, hub):
    return boto(hub, getattr(hub, request.param), service="resourcegroupstaggingapi")


@pytest.fixture
def mark():
    """A tag's key of a test's own."""
    return f"mark-{next(_names)}-{uuid.uuid4().hex[:6]}"


def made(ssm, mark, count=1, **tags):
    """Parameters with these tags; their ARNs."""
    tags = [{"Key": key, "Value": value} for key, value in {mark: "yes", **tags}.items()]
    names = [f"/{mark}/{n:03}" for n in range(count)]
    for name in names:
        ssm.put_parameter(Name=name, Value="x", Type="String", Tags=tags)
    return [ssm.get_parameter(Name=name)["Parameter"]["ARN"] for name in names]


def found(answer):
    return [one["ResourceARN"] for one in answer["ResourceTagMappingList"]]


def only(mark, *values):
    return [{"Key": mark, "Values": list(values)}]


def test_resources_are_found_by_key_and_by_value(tagging, ssm_plain, mark):
    arns = made(ssm_plain, mark, 2, env="prod")
    answer = tagging.get_resources(TagFilters=only(mark))
    assert found(answer) == arns and answer["PaginationToken"] == ""
    assert answer["ResourceTagMappingList"][0]["Tags"] == [{"Key": "env", "Value": "prod"}, {"Key": mark, "Value": "yes"}]
    assert found(tagging.get_resources(TagFilters=only(mark, "yes", "no"))) == arns
    assert found(tagging.get_resources(TagFilters=only(mark, "no"))) == []
    assert found(tagging.get_resources(TagFilters=[*only(mark), {"Key": "env", "Values": ["prod"]}])) == arns
    assert found(tagging.get_resources(TagFilters=[*only(mark), {"Key": "env", "Values": ["test"]}])) == []
    assert found(tagging.get_resources(TagFilters=only(mark), ResourceTypeFilters=["ssm:parameter"])) == arns
    assert found(tagging.get_resources(TagFilters=only(mark), ResourceTypeFilters=["ssm"])) == arns
    assert found(tagging.get_resources(TagFilters=only(mark), ResourceTypeFilters=["ec2:instance"])) == []
    assert found(tagging.get_resources(ResourceARNList=arns[:1])) == arns[:1]


def test_a_node_and_a_document_are_found_too(tagging, ssm_plain, node, mark):
    content = {"schemaVersion": "2.2", "description": "d", "mainSteps": [
        {"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": ["true"]}}]}
    name = f"Doc-{mark}"
    ssm_plain.create_document(Content=json.dumps(content), Name=name, DocumentType="Command", Tags=[{"Key": mark, "Value": "d"}])
    ssm_plain.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node, Tags=[{"Key": mark, "Value": "n"}])
    assert [arn.split(":", 5)[5] for arn in found(tagging.get_resources(TagFilters=only(mark)))] == [f"document/{name}", f"managed-instance/{node}"]
    assert tagging.get_tag_values(Key=mark)["TagValues"] == ["d", "n"]
    ssm_plain.delete_document(Name=name)
    ssm_plain.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=node, TagKeys=[mark])
    assert found(tagging.get_resources(TagFilters=only(mark))) == []


def test_pages_are_walked_by_the_clients_own_paginators(tagging, ssm_plain, mark):
    arns = made(ssm_plain, mark, 7)
    pages = list(tagging.get_paginator("get_resources").paginate(TagFilters=only(mark), ResourcesPerPage=3))
    assert [len(page["ResourceTagMappingList"]) for page in pages] == [3, 3, 1]
    assert [arn for page in pages for arn in found(page)] == arns
    keys = [key for page in tagging.get_paginator("get_tag_keys").paginate() for key in page["TagKeys"]]
    assert mark in keys and keys == sorted(keys)
    values = [value for page in tagging.get_paginator("get_tag_values").paginate(Key=mark) for value in page["TagValues"]]
    assert values == ["yes"]


def test_a_page_ends_before_the_resource_whose_tags_would_be_too_many(tagging, ssm_plain, mark):
    arns = made(ssm_plain, mark, 5, **{f"{mark}-{n}": "v" for n in range(39)})
    pages = list(tagging.get_paginator("get_resources").paginate(TagFilters=only(mark), TagsPerPage=100))
    assert [len(page["ResourceTagMappingList"]) for page in pages] == [2, 2, 1]
    assert [arn for page in pages for arn in found(page)] == arns


def test_tags_are_set_and_taken_away_on_many(tagging, ssm_plain, mark):
    arns = made(ssm_plain, mark, 3)
    missing = arns[0].rsplit("/", 1)[0] + "/missing"
    failed = tagging.tag_resources(ResourceARNList=[*arns, missing], Tags={"env": "prod", mark: "changed"})["FailedResourcesMap"]
    assert list(failed) == [missing] and failed[missing]["ErrorCode"] == "InvalidParameterException"
    assert failed[missing]["StatusCode"] == 400 and failed[missing]["ErrorMessage"]
    assert found(tagging.get_resources(TagFilters=[*only(mark, "changed"), *only("env", "prod")])) == arns
    assert tagging.untag_resources(ResourceARNList=arns[:2], TagKeys=["env", mark])["FailedResourcesMap"] == {}
    assert found(tagging.get_resources(TagFilters=only(mark))) == arns[2:]


def test_what_the_api_does_not_take_is_refused_with_its_own_error(tagging, ssm_plain, mark, refuses):
    (arn,) = made(ssm_plain, mark)
    for wrong in (
        {"ResourcesPerPage": 0},
        {"ResourcesPerPage": 101},
        {"TagsPerPage": 99},
        {"TagsPerPage": 501},
        {"TagsPerPage": 150},
        {"ResourceTypeFilters": ["ssm"] * 101},
        {"ResourceTypeFilters": ["s" * 257]},
        {"TagFilters": [{"Key": "x", "Values": ["v" * 257]}]},
        {"PaginationToken": "nonsense"},
        {"TagFilters": [{"Values": ["x"]}]},
        {"TagFilters": [{"Key": "x", "Values": [str(n) for n in range(21)]}]},
        {"TagFilters": [{"Key": f"k{n}"} for n in range(51)]},
        {"ResourceARNList": ["nonsense"]},
        {"ResourceARNList": [arn], "ResourcesPerPage": 5},
        {"ResourceARNList": [arn], "TagFilters": only(mark)},
        {"ExcludeCompliantResources": True},
    ):
        refuses("InvalidParameterException", tagging.get_resources, **wrong)
    refuses("InvalidParameterException", tagging.tag_resources, ResourceARNList=[arn] * 21, Tags={"a": "b"})
    refuses("InvalidParameterException", tagging.tag_resources, ResourceARNList=[arn], Tags={"aws:a": "b"})
    refuses("InvalidParameterException", tagging.tag_resources, ResourceARNList=[arn], Tags={f"k{n}": "" for n in range(51)})
    refuses("InvalidParameterException", tagging.untag_resources, ResourceARNList=[arn], TagKeys=[f"k{n}" for n in range(51)])
    full = tagging.tag_resources(ResourceARNList=[arn], Tags={f"k{n}": "" for n in range(50)})["FailedResourcesMap"]
    assert "50" in full[arn]["ErrorMessage"]
    assert [tag["Key"] for tag in tagging.get_resources(ResourceARNList=[arn])["ResourceTagMappingList"][0]["Tags"]] == [mark]


def test_what_is_missing_or_ill_formed_is_said_under_the_apis_own_code(hub, ssm_plain, mark, refuses):
    (arn,) = made(ssm_plain, mark)
    tagging = boto(hub, service="resourcegroupstaggingapi", parameter_validation=False)
    pattern = "Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$"
    for call, wrong, said in (
        (tagging.tag_resources, {}, "Value null at 'resourceARNList' failed to satisfy constraint: Member must not be null"),
        (tagging.get_tag_values, {}, "Value null at 'key' failed to satisfy constraint: Member must not be null"),
        (tagging.untag_resources, {"ResourceARNList": [arn]}, "Value null at 'tagKeys' failed"),
        (tagging.untag_resources, {"ResourceARNList": [arn], "TagKeys": ["a", ""]}, "Value '' at 'tagKeys.2.member' failed"),
        (tagging.tag_resources, {"ResourceARNList": [arn], "Tags": {"a*": "b"}},
         "Value '{a*=b}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal "
         f"to 128, Member must have length greater than or equal to 1, {pattern}]"),
        (tagging.tag_resources, {"ResourceARNList": [arn], "Tags": {"a": "v" * 257}}, "Map value must satisfy constraint: [Member must have"),
        (tagging.get_compliance_summary, {"MaxResults": 0}, "at 'maxResults' failed to satisfy constraint"),
        (tagging.get_compliance_summary, {"TagKeyFilters": [""]}, "Value '' at 'tagKeyFilters.1.member' failed"),
        (tagging.get_compliance_summary, {"ResourceTypeFilters": ["ssm"] * 101}, "100"),
    ):
        assert said in refuses("InvalidParameterException", call, **wrong)["Message"]


def test_the_library_carries_no_tags(hub, tagging, ssm_plain, mark, refuses):
    arn = made(ssm_plain, mark)[0].split(":parameter")[0] + ":document/"
    for name in ("AWS-RunShellScript", "Roadstead-Reboot"):
        document = {"ResourceType": "Document", "ResourceId": name}
        refuses("InvalidResourceId", ssm_plain.add_tags_to_resource, **document, Tags=[{"Key": mark, "Value": "lib"}])
        refuses("InvalidResourceId", ssm_plain.remove_tags_from_resource, **document, TagKeys=[mark])
        failed = tagging.tag_resources(ResourceARNList=[arn + name], Tags={mark: "lib"})["FailedResourcesMap"]
        assert (failed[arn + name]["ErrorCode"], failed[arn + name]["StatusCode"]) == ("InvalidParameterException", 400)
        failed = tagging.untag_resources(ResourceARNList=[arn + name], TagKeys=[mark])["FailedResourcesMap"]
        assert list(failed) == [arn + name]
        change = {"ResourceType": "Document", "ResourceId": name, "Set": [{"Key": mark, "Value": "lib"}]}
        assert hub.api.hub("ChangeTags", Changes=[change])["Changed"] == 0
    assert tagging.get_tag_values(Key=mark)["TagValues"] == ["yes"]


def test_compliance_is_told_as_upstream_tells_it(hub, tagging, ssm_plain, mark, refuses):
    arns = made(ssm_plain, mark, 2)
    hub.api.hub("PutTagRule", Key=f"{mark}-owner", ResourceTypes=["Parameter"], IsRequired=True)
    try:
        details = tagging.get_resources(TagFilters=only(mark), IncludeComplianceDetails=True)["ResourceTagMappingList"][0]["ComplianceDetails"]
        assert details == {"NoncompliantKeys": [f"{mark}-owner"], "MissingTagKeys": [f"{mark}-owner"], "KeysWithNoncompliantValues": [], "ComplianceStatus": False}
        tagging.tag_resources(ResourceARNList=arns[:1], Tags={f"{mark}-owner": "me"})
        left = tagging.get_resources(TagFilters=only(mark), IncludeComplianceDetails=True, ExcludeCompliantResources=True)
        assert found(left) == arns[1:]
        (line,) = tagging.get_compliance_summary(TagKeyFilters=[f"{mark}-owner"], GroupBy=["RESOURCE_TYPE"])["SummaryList"]
        assert line["ResourceType"] == "ssm:parameter" and line["NonCompliantResources"] >= 1 and line["TargetIdType"] == "ACCOUNT"
        required = tagging.list_required_tags()["RequiredTags"]
        assert {"ResourceType": "ssm:parameter", "ReportingTagKeys": [f"{mark}-owner"]} in required
    finally:
        hub.api.hub("DeleteTagRule", Key=f"{mark}-owner")
    assert tagging.describe_report_creation()["Status"] == "NO REPORT"
    refuses("ConstraintViolationException", tagging.start_report_creation, S3Bucket="reports")
    refuses("InvalidParameterException", tagging.get_compliance_summary, GroupBy=["COLOUR"])


def cbor_call(hub, operation, body):
    """What a client of the newer protocol sends, by hand."""
    url = f"{hub.http}/service/ResourceGroupsTaggingAPI_20170126/operation/{operation}"
    headers = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor", "accept": "application/cbor"}
    request = AWSRequest(method="POST", url=url, data=body, headers=headers)
    SigV4Auth(Credentials(hub.key, hub.secret), "tagging", "eu-central-1").add_auth(request)
    sent = urllib.request.Request(url, data=body, headers=dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


def test_the_newer_protocol_gets_the_same_answers(hub, ssm_plain, mark):
    (arn,) = made(ssm_plain, mark)
    key = bytes([0x78, len(mark)]) + mark.encode()
    # {"TagFilters": [{"Key": mark}]}
    status, headers, body = cbor_call(hub, "GetResources", b"\xa1\x6aTagFilters\x81\xa1\x63Key" + key)
    assert status == 200 and headers["smithy-protocol"] == "rpc-v2-cbor" and headers["content-type"] == "application/cbor"
    assert arn.encode() in body and b"ResourceTagMappingList" in body
    status, headers, body = cbor_call(hub, "GetTagValues", b"\xa0")
    assert status == 400 and b"__type" in body and b"InvalidParameterException" in body
    status, _, body = cbor_call(hub, "GetResources", b"\xa1\x6aTagFilters")
    assert status == 400 and b"SerializationException" in body
    status, _, body = cbor_call(hub, "GetNothing", b"\xa0")
    assert status == 400 and b"UnknownOperationException" in body
