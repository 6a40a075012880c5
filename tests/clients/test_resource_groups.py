"""Upstream's groups of resources as unmodified boto3 sees them, and as targets and in rights."""

import itertools
import json
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import boto

_names = itertools.count()


@pytest.fixture(scope="module", params=["http", "https"])
def groups(request, hub):
    return boto(hub, getattr(hub, request.param), service="resource-groups")


@pytest.fixture
def mark():
    return f"mark-{next(_names)}-{uuid.uuid4().hex[:6]}"


def query(*filters, types=("AWS::AllSupported",)):
    text = json.dumps({"ResourceTypeFilters": list(types), "TagFilters": [{"Key": key, "Values": list(values)} for key, *values in filters]})
    return {"Type": "TAG_FILTERS_1_0", "Query": text}


GENERIC = [{"Type": "AWS::ResourceGroups::Generic"}]


def refused(code, status, call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status), answer
    assert answer["Error"]["Message"]


def bad(call, **request):
    refused("BadRequestException", 400, call, **request)


def arns(answer):
    return [one["ResourceArn"] for one in answer["ResourceIdentifiers"]]


def test_a_group_is_made_shown_changed_and_deleted(groups, mark):
    made = groups.create_group(Name=mark, Description="ours", ResourceQuery=query((mark, "yes")), Tags={"team": "web"}, Criticality=3, Owner="ann", DisplayName="Ours")
    group = made["Group"]
    assert group["GroupArn"].endswith(f":group/{mark}") and ":resource-groups:eu-central-1:" in group["GroupArn"]
    assert (group["Name"], group["Description"], group["Criticality"], group["Owner"], group["DisplayName"]) == (mark, "ours", 3, "ann", "Ours")
    assert made["ResourceQuery"] == query((mark, "yes")) and made["Tags"] == {"team": "web"}
    assert groups.get_group(GroupName=mark)["Group"] == group
    assert groups.get_group(Group=group["GroupArn"])["Group"] == group
    asked = groups.get_group_query(GroupName=mark)["GroupQuery"]
    assert asked["GroupName"] == mark and json.loads(asked["ResourceQuery"]["Query"]) == json.loads(query((mark, "yes"))["Query"])
    assert groups.update_group(Group=mark, Description="theirs")["Group"]["Description"] == "theirs"
    assert groups.get_group(Group=mark)["Group"]["Owner"] == "ann"
    changed = groups.update_group_query(GroupName=mark, ResourceQuery=query((mark, "no")))["GroupQuery"]
    assert changed["ResourceQuery"] == query((mark, "no"))
    assert groups.delete_group(GroupName=mark)["Group"]["Name"] == mark
    refused("NotFoundException", 404, groups.get_group, GroupName=mark)
    refused("NotFoundException", 404, groups.delete_group, Group=mark)


def test_a_query_finds_resources_of_every_kind(groups, ssm_plain, node, mark):
    ssm_plain.put_parameter(Name=f"/{mark}/a", Value="x", Type="String", Tags=[{"Key": mark, "Value": "yes"}, {"Key": "env", "Value": "prod"}])
    ssm_plain.put_parameter(Name=f"/{mark}/b", Value="x", Type="String", Tags=[{"Key": mark, "Value": "yes"}])
    ssm_plain.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node, Tags=[{"Key": mark, "Value": "yes"}])
    groups.create_group(Name=mark, ResourceQuery=query((mark, "yes", "maybe")))
    found = groups.list_group_resources(Group=mark)
    assert [one["ResourceType"] for one in found["ResourceIdentifiers"]] == ["AWS::SSM::ManagedInstance", "AWS::SSM::Parameter", "AWS::SSM::Parameter"]
    assert [one["Identifier"] for one in found["Resources"]] == found["ResourceIdentifiers"] and found["QueryErrors"] == []
    assert arns(groups.search_resources(ResourceQuery=query((mark, "yes")))) == arns(found)
    assert len(arns(groups.search_resources(ResourceQuery=query((mark, "yes"), ("env", "prod"))))) == 1
    assert len(arns(groups.search_resources(ResourceQuery=query((mark,), types=["AWS::SSM::Parameter"])))) == 2
    only = groups.list_group_resources(Group=mark, Filters=[{"Name": "resource-type", "Values": ["AWS::SSM::Parameter"]}])
    assert len(arns(only)) == 2
    pages = list(groups.get_paginator("list_group_resources").paginate(Group=mark, MaxResults=2))
    assert [arn for page in pages for arn in arns(page)] == arns(found) and len(pages) == 2
    pages = list(groups.get_paginator("search_resources").paginate(ResourceQuery=query((mark, "yes")), PaginationConfig={"PageSize": 1}))
    assert [arn for page in pages for arn in arns(page)] == arns(found)
    unknown = groups.search_resources(ResourceQuery=query((mark, "yes"), types=["AWS::S3::Bucket"]))
    assert arns(unknown) == [] and unknown["QueryErrors"][0]["ErrorCode"] == "RESOURCE_TYPE_NOT_SUPPORTED"
    groups.delete_group(Group=mark)
    ssm_plain.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=node, TagKeys=[mark])


def test_a_group_is_a_target_and_follows_the_tags(hub, groups, ssm_plain, nodes, mark):
    groups.create_group(Name=mark, ResourceQuery=query((mark, "yes")))
    target = [{"Key": "resource-groups:Name", "Values": [mark]}]
    resolved = lambda: [one["NodeId"] for one in hub.api.hub("ResolveTargets", Targets=target)["Sample"]]  # noqa: E731
    assert resolved() == []
    ssm_plain.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], Tags=[{"Key": mark, "Value": "yes"}])
    assert resolved() == [nodes[0]]
    command = ssm_plain.send_command(DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}, Targets=target)["Command"]
    assert command["TargetCount"] == 1
    of_types = lambda *types: target + [{"Key": "resource-groups:ResourceTypeFilters", "Values": list(types)}]  # noqa: E731
    total = lambda targets: hub.api.hub("ResolveTargets", Targets=targets)["Total"]  # noqa: E731
    assert (total(of_types("AWS::SSM::ManagedInstance")), total(of_types("AWS::SSM::Parameter"))) == (1, 0)
    unknown = [{"Key": "resource-groups:Name", "Values": [mark, f"{mark}-typo"]}]
    with pytest.raises(ClientError) as caught:
        ssm_plain.send_command(DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}, Targets=unknown)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException" and f"{mark}-typo" in error["Message"]
    # From the command line, alone and with what narrows it; and as a token of the search.
    cli = lambda *args: hub.cli("run", *args, "--no-wait", "-o", "name", "--", "true")  # noqa: E731
    assert cli("--group", mark).err.startswith("1 node")
    assert cli("--group", mark, "--filter", "name=south").returncode == 3
    assert cli("--group", f"{mark}-typo").returncode == 2
    found = lambda filter: {row["node_id"] for row in json.loads(hub.cli("node", "list", "--filter", filter, "-o", "json", check=0).out)}  # noqa: E731
    assert found(f"group={mark}") == {nodes[0]} and found(f"group!={mark}") & set(nodes) == {nodes[1]}
    assert hub.cli("node", "list", "--filter", f"group={mark}-typo").returncode == 2
    ssm_plain.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], TagKeys=[mark])
    assert resolved() == []
    groups.delete_group(Group=mark)


def test_a_group_is_a_scope_of_rights(hub, groups, ssm_plain, nodes, mark):
    groups.create_group(Name=mark, ResourceQuery=query((mark, "yes")))
    ssm_plain.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], Tags=[{"Key": mark, "Value": "yes"}])
    hub.api.hub("CreateUser", UserName=mark, Roles=["viewer"], Scope={"Groups": [mark]})
    key = hub.api.hub("CreateAccessKey", UserName=mark)
    theirs = boto(hub, key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    seen = theirs.describe_instance_information()["InstanceInformationList"]
    assert [one["InstanceId"] for one in seen] == [nodes[0]]
    listing = boto(hub, key=key["AccessKeyId"], secret=key["SecretAccessKey"], service="resource-groups")
    assert len(arns(listing.list_group_resources(Group=mark))) == 1
    refused("AccessDeniedException", 403, listing.create_group, Name=f"{mark}-2", ResourceQuery=query((mark, "yes")))
    bad(groups.delete_group, Group=mark)
    hub.api.hub("DeleteUser", UserName=mark)
    groups.delete_group(Group=mark)
    ssm_plain.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=nodes[0], TagKeys=[mark])


def test_a_listed_group_holds_the_nodes_that_are_put_in(groups, ssm_plain, nodes, mark):
    made = groups.create_group(Name=mark, Configuration=GENERIC)
    assert made["GroupConfiguration"]["Configuration"] == GENERIC and made["GroupConfiguration"]["Status"] == "UPDATE_COMPLETE"
    arn = made["Group"]["GroupArn"].split(":group/")[0].replace("resource-groups", "ssm") + ":managed-instance/"
    done = groups.group_resources(Group=mark, ResourceArns=[arn + nodes[0], arn + nodes[1], arn + "mi-00000000000000000", "arn:aws:s3:::bucket"])
    assert done["Succeeded"] == [arn + nodes[0], arn + nodes[1]] and done["Pending"] == []
    assert [one["ErrorCode"] for one in done["Failed"]] == ["NotFoundException", "BadRequestException"]
    assert sorted(arns(groups.list_group_resources(Group=mark))) == sorted(done["Succeeded"])
    statuses = groups.list_grouping_statuses(Group=mark, Filters=[{"Name": "status", "Values": ["SUCCESS"]}])["GroupingStatuses"]
    assert sorted(one["ResourceArn"] for one in statuses) == sorted(done["Succeeded"])
    assert {(one["Action"], one["Status"]) for one in statuses} == {("GROUP", "SUCCESS")}
    taken = groups.ungroup_resources(Group=mark, ResourceArns=[arn + nodes[0]])
    assert taken["Succeeded"] == [arn + nodes[0]]
    assert arns(groups.list_group_resources(Group=mark)) == [arn + nodes[1]]
    assert groups.get_group_configuration(Group=mark)["GroupConfiguration"]["Configuration"] == GENERIC
    groups.put_group_configuration(Group=mark, Configuration=GENERIC)
    bad(groups.get_group_query, Group=mark)
    bad(groups.update_group_query, Group=mark, ResourceQuery=query((mark, "yes")))
    groups.delete_group(Group=mark)


def test_groups_are_listed_filtered_and_tagged(hub, groups, mark):
    for n in range(3):
        groups.create_group(Name=f"{mark}-{n}", ResourceQuery=query((mark, "yes"), types=["AWS::SSM::Parameter"]), Owner=mark)
    groups.create_group(Name=f"{mark}-9", Configuration=GENERIC)
    hub.api.hub("CreateGroup", GroupName=f"{mark}-own", Rule=f"tag:{mark}=yes")
    pages = list(groups.get_paginator("list_groups").paginate(PaginationConfig={"PageSize": 2}))
    names = [one["GroupName"] for page in pages for one in page["GroupIdentifiers"] if one["GroupName"].startswith(mark)]
    assert names == [f"{mark}-0", f"{mark}-1", f"{mark}-2", f"{mark}-9", f"{mark}-own"]
    assert all(len(page["GroupIdentifiers"]) <= 2 and len(page["Groups"]) == len(page["GroupIdentifiers"]) for page in pages)

    def listed(name, *values):
        found = groups.list_groups(Filters=[{"Name": name, "Values": list(values)}])["GroupIdentifiers"]
        return [one["GroupName"].removeprefix(mark) for one in found if one["GroupName"].startswith(mark)]

    assert listed("owner", mark) == ["-0", "-1", "-2"]
    assert listed("resource-type", "AWS::SSM::Parameter") == ["-0", "-1", "-2"]
    assert listed("configuration-type", "AWS::ResourceGroups::Generic") == ["-9"]
    # One of our own is shown in upstream's words.
    own = json.loads(groups.get_group_query(Group=f"{mark}-own")["GroupQuery"]["ResourceQuery"]["Query"])
    assert own["TagFilters"] == [{"Key": mark, "Values": ["yes"]}]
    arn = groups.get_group(Group=f"{mark}-0")["Group"]["GroupArn"]
    assert groups.tag(Arn=arn, Tags={"a": "1", "b": "2"})["Tags"] == {"a": "1", "b": "2"}
    assert groups.untag(Arn=arn, Keys=["a"])["Keys"] == ["a"]
    assert groups.get_tags(Arn=arn)["Tags"] == {"b": "2"}
    tagging = boto(hub, service="resourcegroupstaggingapi")
    found = tagging.get_resources(ResourceARNList=[arn])["ResourceTagMappingList"]
    assert found == [{"ResourceARN": arn, "Tags": [{"Key": "b", "Value": "2"}]}]
    for name in names:
        groups.delete_group(Group=name)
    refused("NotFoundException", 404, groups.get_tags, Arn=arn)


def test_what_is_no_group_is_refused(groups, mark):
    for wrong in (
        {"Name": mark},
        {"Name": "a b", "ResourceQuery": query((mark, "x"))},
        {"Name": mark, "ResourceQuery": query((mark, "x")), "Configuration": GENERIC},
        {"Name": mark, "ResourceQuery": {"Type": "TAG_FILTERS_1_0", "Query": "nonsense"}},
        {"Name": mark, "ResourceQuery": {"Type": "TAG_FILTERS_1_0", "Query": "{}"}},
        {"Name": mark, "ResourceQuery": query()},
        {"Name": mark, "ResourceQuery": {"Type": "CLOUDFORMATION_STACK_1_0", "Query": "{}"}},
        {"Name": mark, "Configuration": [{"Type": "AWS::EC2::HostManagement"}]},
        {"Name": mark, "ResourceQuery": query((mark, "x")), "Criticality": 11},
        {"Name": mark, "ResourceQuery": query((mark, "x")), "Tags": {"aws:x": "y"}},
    ):
        bad(groups.create_group, **wrong)
    groups.create_group(Name=mark, ResourceQuery=query((mark, "x")))
    bad(groups.create_group, Name=mark, ResourceQuery=query((mark, "x")))
    bad(groups.group_resources, Group=mark, ResourceArns=["arn:aws:ssm:eu-central-1:000000000000:managed-instance/mi-00000000000000000"])
    bad(groups.list_group_resources, Group=mark, NextToken="nonsense")
    bad(groups.list_groups, Filters=[{"Name": "colour", "Values": ["x"]}])
    groups.delete_group(Group=mark)


def test_a_query_is_given_back_as_it_was_written(groups, mark):
    def written(value):
        text = '{ "ResourceTypeFilters" : ["AWS::AllSupported"],\n  "TagFilters": [{"Key": "%s", "Values": ["\\u00e9", "%s"]}] }' % (mark, value)
        return {"Type": "TAG_FILTERS_1_0", "Query": text}

    asked = lambda: groups.get_group_query(GroupName=mark)["GroupQuery"]["ResourceQuery"]  # noqa: E731
    assert groups.create_group(Name=mark, ResourceQuery=written("a"))["ResourceQuery"] == written("a") == asked()
    changed = groups.update_group_query(GroupName=mark, ResourceQuery=written("b"))["GroupQuery"]["ResourceQuery"]
    assert changed == written("b") == asked()
    groups.delete_group(Group=mark)


def test_what_is_missing_or_ill_formed_has_this_services_code(hub, mark):
    groups = boto(hub, service="resource-groups", parameter_validation=False)
    bad(groups.create_group)
    bad(groups.search_resources)
    bad(groups.search_resources, ResourceQuery={"Type": "TAG_FILTERS_1_0"})
    bad(groups.group_resources, Group=mark)
    bad(groups.list_group_resources, Group=mark, MaxResults=51)
    for taken in ("aws", f"AWS-{mark}", f"aWs{mark}"):
        bad(groups.create_group, Name=taken, ResourceQuery=query((mark, "x")))
    for tags in ({"": "x"}, {"k" * 129: "x"}, {"a*": "x"}, {"a": "v" * 257}):
        bad(groups.create_group, Name=mark, ResourceQuery=query((mark, "x")), Tags=tags)
    arn = groups.create_group(Name=mark, ResourceQuery=query((mark, "x")), Tags={"a\u00a0b": "x"})["Group"]["GroupArn"]
    bad(groups.tag, Arn=arn)
    bad(groups.tag, Arn=arn, Tags={"a*": "x"})
    bad(groups.untag, Arn=arn, Keys=["a", ""])
    groups.delete_group(Group=mark)


def test_what_is_not_here_says_so(groups, mark):
    settings = groups.get_account_settings()["AccountSettings"]
    assert settings == {"GroupLifecycleEventsDesiredStatus": "INACTIVE", "GroupLifecycleEventsStatus": "INACTIVE"}
    assert groups.update_account_settings(GroupLifecycleEventsDesiredStatus="INACTIVE")["AccountSettings"] == settings
    refused("MethodNotAllowedException", 405, groups.update_account_settings, GroupLifecycleEventsDesiredStatus="ACTIVE")
    assert groups.list_tag_sync_tasks()["TagSyncTasks"] == []
    groups.create_group(Name=mark, ResourceQuery=query((mark, "x")))
    refused("MethodNotAllowedException", 405, groups.start_tag_sync_task, Group=mark, RoleArn="arn:aws:iam::000000000000:role/x", TagKey="a", TagValue="b")
    groups.delete_group(Group=mark)
