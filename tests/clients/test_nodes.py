"""Nodes through boto3: what is known of them, filters, paging, tags, names, removal."""

import datetime
import os
import platform

import pytest

from conftest import boto
from harness.api import Refused
from harness.wait import until

UNKNOWN = "mi-00000000000000000"


def test_a_node_is_described_as_upstream_describes_one(ssm, node, agents):
    (shown,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"]
    now = datetime.datetime.now(datetime.timezone.utc)
    assert shown["InstanceId"] == node and shown["PingStatus"] == "Online" and shown["ResourceType"] == "ManagedInstance"
    assert shown["PlatformType"] == "Linux" and shown["PlatformName"] and shown["PlatformVersion"]
    assert shown["ComputerName"] == platform.node() and shown["Name"] == "north"
    assert now - shown["LastPingDateTime"] < datetime.timedelta(minutes=2)
    assert now - shown["RegistrationDate"] < datetime.timedelta(hours=1)
    assert shown["AgentVersion"] and shown["ActivationId"]


def test_times_are_numbers_on_the_wire(hub, node):
    (shown,) = hub.api.ssm("DescribeInstanceInformation", Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"]
    assert isinstance(shown["LastPingDateTime"], (int, float)) and isinstance(shown["RegistrationDate"], (int, float))


@pytest.mark.parametrize(
    "operation, member",
    [("DescribeInstanceInformation", "InstanceInformationList"), ("DescribeInstanceProperties", "InstanceProperties")],
)
def test_a_node_has_no_member_that_the_model_does_not_know(hub, ssm, nodes, operation, member):
    known = ssm.meta.service_model.operation_model(operation).output_shape.members[member].member.members
    answer = hub.api.ssm(operation)[member]
    assert answer and all(set(one) <= set(known) for one in answer)


def test_the_newest_agent_is_the_one_of_the_hubs_version(ssm, node):
    (shown,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"]
    assert shown["IsLatestVersion"] is True


def test_absent_members_are_left_out_not_null(hub, nodes):
    for one in hub.api.ssm("DescribeInstanceInformation")["InstanceInformationList"]:
        assert None not in one.values()


@pytest.mark.parametrize(
    "key, values, found",
    [
        ("PingStatus", ["Online"], True), ("PingStatus", ["ConnectionLost"], False), ("PlatformTypes", ["Linux"], True),
        ("PlatformTypes", ["Windows"], False), ("ResourceType", ["ManagedInstance"], True), ("tag:fleet", ["blue"], True),
        ("tag:fleet", ["red"], False), ("tag:fleet", ["red", "blue"], True), ("tag-key", ["fleet"], True), ("tag-key", ["absent"], False),
    ],
)  # fmt: skip
def test_filters_select(ssm_plain, node, key, values, found):
    ssm_plain.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node, Tags=[{"Key": "fleet", "Value": "blue"}])
    pages = ssm_plain.get_paginator("describe_instance_information").paginate(Filters=[{"Key": key, "Values": values}])
    ids = {one["InstanceId"] for page in pages for one in page["InstanceInformationList"]}
    assert (node in ids) is found


def test_the_old_filter_list_works_and_does_not_mix(ssm, node, refuses):
    answer = ssm.describe_instance_information(InstanceInformationFilterList=[{"key": "InstanceIds", "valueSet": [node]}])
    assert [one["InstanceId"] for one in answer["InstanceInformationList"]] == [node]
    refuses(
        ("ValidationException", "InvalidInstanceInformationFilterValue"), ssm.describe_instance_information,
        InstanceInformationFilterList=[{"key": "InstanceIds", "valueSet": [node]}], Filters=[{"Key": "InstanceIds", "Values": [node]}],
    )


def test_bad_filters_are_refused(ssm, refuses):
    refuses("InvalidFilterKey", ssm.describe_instance_information, Filters=[{"Key": "Colour", "Values": ["red"]}])
    refuses("ValidationException", ssm.describe_instance_information, InstanceInformationFilterList=[{"key": "Colour", "valueSet": ["red"]}])
    refuses(
        "InvalidFilterKey", ssm.describe_instance_information,
        Filters=[{"Key": "tag:a", "Values": ["b"]}, {"Key": "PingStatus", "Values": ["Online"]}],
    )


def test_lists_are_paged_and_tokens_checked(ssm_plain, hub, agents, refuses):
    token = hub.token(count=6)
    joined = [hub.join(f"page{i}", token=token) for i in range(5)]
    pages = list(ssm_plain.get_paginator("describe_instance_information").paginate(PaginationConfig={"PageSize": 5}))
    ids = [one["InstanceId"] for page in pages for one in page["InstanceInformationList"]]
    assert len(ids) == len(set(ids)) and {agent.node for agent in joined} <= set(ids) and len(pages) >= 2
    assert all(len(page["InstanceInformationList"]) <= 5 for page in pages)
    refuses("InvalidNextToken", ssm_plain.describe_instance_information, NextToken="no-token-of-ours")
    for agent in joined:
        ssm_plain.deregister_managed_instance(InstanceId=agent.node)
        agent.kill()


@pytest.mark.parametrize("size", [0, 4, 51, -1])
def test_a_page_size_outside_the_limits_is_refused(hub, size):
    with pytest.raises(Refused) as caught:
        hub.api.ssm("DescribeInstanceInformation", MaxResults=size)
    assert caught.value.code == "ValidationException"


def test_properties_are_described(ssm, node):
    answer = ssm.describe_instance_properties(InstancePropertyFilterList=[{"key": "InstanceIds", "valueSet": [node]}])
    (shown,) = answer["InstanceProperties"]
    assert shown["InstanceId"] == node and shown["PingStatus"] == "Online" and shown["ResourceType"] == "ManagedInstance"
    assert shown["PlatformType"] == "Linux" and shown["ComputerName"]


def test_properties_filter_with_operators(ssm, node, refuses):
    answer = ssm.describe_instance_properties(FiltersWithOperator=[{"Key": "InstanceIds", "Values": [node], "Operator": "Equal"}])
    assert [one["InstanceId"] for one in answer["InstanceProperties"]] == [node]
    refuses("ValidationException", ssm.describe_instance_properties, InstancePropertyFilterList=[{"key": "Colour", "valueSet": ["red"]}])


@pytest.mark.parametrize(
    "operation, member, filters, code",
    [
        ("DescribeInstanceInformation", "Filters", [{"Key": "IamRole", "Values": ["x"] * 101}], "ValidationException"),
        ("DescribeInstanceInformation", "Filters", [{"Key": "IamRole", "Values": [""]}], "ValidationException"),
        ("DescribeInstanceInformation", "Filters", [{"Key": "DocumentName", "Values": ["x"]}], "InvalidFilterKey"),
        ("DescribeInstanceInformation", "InstanceInformationFilterList", [{"key": "IamRole", "valueSet": []}], "ValidationException"),
        ("DescribeInstanceProperties", "FiltersWithOperator", [], "ValidationException"),
        ("DescribeInstanceProperties", "FiltersWithOperator", [{"Key": "IamRole", "Values": ["x"], "Operator": "Equal"}] * 41, "ValidationException"),
        ("DescribeInstanceProperties", "FiltersWithOperator", [{"Key": "IamRole", "Values": ["x"] * 41, "Operator": "Equal"}], "ValidationException"),
        ("DescribeInstanceProperties", "FiltersWithOperator", [{"Key": "IamRole", "Values": ["x"], "Operator": "Like"}], "ValidationException"),
        ("DescribeInstanceProperties", "InstancePropertyFilterList", [{"key": "tag:a", "valueSet": ["x"]}], "ValidationException"),
    ],
)
def test_filters_beyond_the_model_are_refused(hub, operation, member, filters, code):
    with pytest.raises(Refused) as caught:
        hub.api.ssm(operation, **{member: filters})
    assert caught.value.code == code


def test_as_many_filters_as_the_model_has_are_taken(hub, node):
    values = [node] + [f"mi-{n:017}" for n in range(39)]
    found = hub.api.ssm("DescribeInstanceProperties", FiltersWithOperator=[{"Key": "InstanceIds", "Values": values, "Operator": "Equal"}] * 40)
    assert [one["InstanceId"] for one in found["InstanceProperties"]] == [node]
    many = [node] + [f"mi-{n:017}" for n in range(99)]
    found = hub.api.ssm("DescribeInstanceInformation", Filters=[{"Key": "InstanceIds", "Values": many}])
    assert [one["InstanceId"] for one in found["InstanceInformationList"]] == [node]


def test_tags_are_added_listed_and_removed(ssm, node, refuses):
    ssm.add_tags_to_resource(
        ResourceType="ManagedInstance", ResourceId=node, Tags=[{"Key": "role", "Value": "db"}, {"Key": "日本", "Value": "東京"}]
    )
    ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node, Tags=[{"Key": "role", "Value": "web"}])
    tags = {t["Key"]: t["Value"] for t in ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node)["TagList"]}
    assert tags["role"] == "web" and tags["日本"] == "東京"
    ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=node, TagKeys=["role", "日本", "never-there"])
    tags = {t["Key"] for t in ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node)["TagList"]}
    assert not tags & {"role", "日本"}


def test_tags_of_nobody_and_too_many_are_refused(ssm, node, refuses):
    refuses("InvalidResourceId", ssm.list_tags_for_resource, ResourceType="ManagedInstance", ResourceId=UNKNOWN)
    refuses(("InvalidResourceType", "ValidationException"), ssm.list_tags_for_resource, ResourceType="Boat", ResourceId=node)
    many = [{"Key": f"k{i}", "Value": "v"} for i in range(51)]
    refuses("TooManyTagsError", ssm.add_tags_to_resource, ResourceType="ManagedInstance", ResourceId=node, Tags=many)
    kept = {t["Key"] for t in ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node)["TagList"]}
    assert not any(key.startswith("k") and key[1:].isdigit() for key in kept), "a refused call changes nothing"


def test_tags_that_break_the_model_are_named_in_upstreams_words(hub, node, refuses):
    ssm = boto(hub, parameter_validation=False)
    resource = {"ResourceType": "ManagedInstance", "ResourceId": node}

    def said(*parts):
        noun = "error" if len(parts) == 1 else "errors"
        return f"{len(parts)} validation {noun} detected: " + "; ".join(f"Value {value} at '{at}' failed to satisfy constraint: {must}" for value, at, must in parts)

    missing, short = "Member must not be null", "Member must have length greater than or equal to 1"
    pattern = "Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$"
    unnamed = [("null", "resourceType", missing), ("null", "resourceId", missing)]
    for tags, message in (
        ([{"Value": "1"}], said(("null", "tags.1.member.key", missing))),
        ([{"Key": "", "Value": "1"}, {"Key": "a*", "Value": "b\t"}],
         said(("''", "tags.1.member.key", short), ("'a*'", "tags.2.member.key", pattern), ("'b\t'", "tags.2.member.value", pattern))),
        ([{"Key": "k" * 129, "Value": ""}], said((f"'{'k' * 129}'", "tags.1.member.key", "Member must have length less than or equal to 128"))),
        ([{"Key": "k", "Value": "v" * 257}], said((f"'{'v' * 257}'", "tags.1.member.value", "Member must have length less than or equal to 256"))),
    ):
        assert refuses("ValidationException", ssm.add_tags_to_resource, **resource, Tags=tags)["Message"] == message
    assert refuses("ValidationException", ssm.add_tags_to_resource)["Message"] == said(*unnamed, ("null", "tags", missing))
    assert refuses("ValidationException", ssm.list_tags_for_resource)["Message"] == said(*unnamed)
    assert refuses("ValidationException", ssm.remove_tags_from_resource)["Message"] == said(*unnamed, ("null", "tagKeys", missing))
    for key, must in (("", short), ("k" * 129, "Member must have length less than or equal to 128")):
        error = refuses("ValidationException", ssm.remove_tags_from_resource, **resource, TagKeys=[key])
        assert error["Message"] == said((f"'{key}'", "tagKeys.1.member", must))


def test_separators_of_every_kind_may_stand_in_tags(ssm, node):
    resource = {"ResourceType": "ManagedInstance", "ResourceId": node}
    tag = {"Key": "no\u00a0break", "Value": "wide\u3000thin\u2009"}
    ssm.add_tags_to_resource(**resource, Tags=[tag])
    assert tag in ssm.list_tags_for_resource(**resource)["TagList"]
    ssm.remove_tags_from_resource(**resource, TagKeys=[tag["Key"]])


def test_the_name_of_a_nodes_role_is_kept(ssm, node, refuses):
    before = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"][0]["IamRole"]
    for role in ("service-role/Fleet", before):
        ssm.update_managed_instance_role(InstanceId=node, IamRole=role)
        (shown,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"]
        assert shown["IamRole"] == role
    refuses("InvalidInstanceId", ssm.update_managed_instance_role, InstanceId=UNKNOWN, IamRole="r")


def test_removing_an_unknown_node_is_refused(ssm, refuses):
    refuses("InvalidInstanceId", ssm.deregister_managed_instance, InstanceId=UNKNOWN)


def test_a_removed_node_is_gone_and_its_agent_is_told(hub, ssm_plain, refuses):
    agent = hub.join("leaving")
    node = agent.node
    ssm_plain.deregister_managed_instance(InstanceId=node)
    refuses("InvalidInstanceId", ssm_plain.send_command, DocumentName="AWS-RunShellScript", InstanceIds=[node], Parameters={"commands": ["true"]})
    until(lambda: not agent.alive(), 60, "the removed agent ending")
    assert agent.child.returncode == 4 and "join" in agent.log().lower(), agent.log()


def test_what_is_known_of_a_dead_node_stays_and_the_reason_is_told(hub):
    agent = hub.join("short-lived")
    node = agent.node
    assert agent.stop() == 0
    shown = until(lambda: (s := hub.node(node))["Status"] == "Offline" and s, 20, "the node being offline")
    assert shown["OfflineReason"] == "CleanStop" and shown["LastSeenAt"] and shown["ComputerName"] == platform.node()
    agent.restart()
    agent.kill()
    shown = until(lambda: (s := hub.node(node))["Status"] == "Offline" and s, 20, "the node being offline")
    assert shown["OfflineReason"] == "ConnectionLost" and shown["OfflineSentence"]
    assert hub.api.ssm("GetConnectionStatus", Target=node)["Status"] == "notconnected"
    (info,) = hub.api.ssm("DescribeInstanceInformation", Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"]
    assert info["PingStatus"] == "ConnectionLost"


def test_a_node_page_has_everything_it_shows(hub, node):
    shown = hub.node(node)
    assert shown["Architecture"] == os.uname().machine and shown["Kernel"] == platform.release() and shown["CpuCount"] == os.cpu_count()
    assert shown["MemoryBytes"] > 1 << 20 and shown["BootedAt"] and shown["JoinedAt"] and shown["ConnectedAt"] and shown["RunsAs"]


@pytest.mark.parametrize(
    "terms, found",
    [
        ([("name", "eq", "north")], {"north"}), ([("name", "prefix", "nor")], {"north"}), ([("name", "contains", "nort")], {"north"}),
        ([("name", "ne", "north"), ("name", "ne", "south"), ("name", "prefix", "no")], set()), ([("text", "contains", "south")], {"south"}),
        ([("status", "eq", "online"), ("name", "eq", "south")], {"south"}), ([("platform", "eq", "none-such")], set()),
    ],
)  # fmt: skip
def test_the_search_filters_nodes(hub, agents, terms, found):
    answer = hub.api.hub("SearchNodes", Filter={"Join": "and", "Terms": [{"Key": k, "Op": o, "Value": v} for k, o, v in terms]}, MaxResults=100)
    assert {one["Name"] for one in answer["Nodes"]} == found and answer["Total"] == len(found)


def test_values_are_suggested(hub, agents):
    assert "north" in hub.api.hub("SuggestValues", Collection="node", Key="name", Prefix="no")["Values"]


def test_a_name_and_a_hostile_text_are_kept_apart(hub, node):
    for bad in ("", "a" * 300, "a\nb", "\x1b[31mred"):
        with pytest.raises(Refused) as caught:
            hub.api.hub("RenameNode", NodeId=node, Name=bad)
        assert caught.value.code == "ValidationException"
    with pytest.raises(Refused) as caught:
        hub.api.hub("DescribeNode", NodeId=UNKNOWN)
    assert UNKNOWN in caught.value.message
