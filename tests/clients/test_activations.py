"""CreateActivation, DescribeActivations, DeleteActivation, as boto3 sees them; and what an activation lets join."""

import datetime

import pytest

from harness.process import Agent
from harness.wait import until


def test_an_activation_is_created_shown_and_deleted(ssm):
    before = datetime.datetime.now(datetime.timezone.utc)
    made = ssm.create_activation(
        IamRole="service-role/anything", Description="boats", DefaultInstanceName="boat", RegistrationLimit=3,
        Tags=[{"Key": "env", "Value": "test"}],
    )
    assert set(made) - {"ResponseMetadata"} == {"ActivationId", "ActivationCode"}
    assert 20 <= len(made["ActivationCode"]) <= 250
    (shown,) = ssm.describe_activations(Filters=[{"FilterKey": "ActivationIds", "FilterValues": [made["ActivationId"]]}])["ActivationList"]
    assert shown["Description"] == "boats" and shown["DefaultInstanceName"] == "boat"
    assert shown["RegistrationLimit"] == 3 and shown["RegistrationsCount"] == 0 and shown["Expired"] is False
    assert shown["IamRole"] == "service-role/anything" and shown["Tags"] == [{"Key": "env", "Value": "test"}]
    assert before - datetime.timedelta(seconds=2) <= shown["CreatedDate"] <= before + datetime.timedelta(minutes=1)
    assert shown["ExpirationDate"] - shown["CreatedDate"] == pytest.approx(datetime.timedelta(hours=24), abs=datetime.timedelta(minutes=1))
    assert "ActivationCode" not in shown, "the code is shown once"
    ssm.delete_activation(ActivationId=made["ActivationId"])
    assert ssm.describe_activations(Filters=[{"FilterKey": "ActivationIds", "FilterValues": [made["ActivationId"]]}])["ActivationList"] == []


def test_activations_are_paged(ssm_plain):
    made = {ssm_plain.create_activation(IamRole="r", DefaultInstanceName="paged")["ActivationId"] for _ in range(5)}
    pages = list(
        ssm_plain.get_paginator("describe_activations").paginate(
            Filters=[{"FilterKey": "DefaultInstanceName", "FilterValues": ["paged"]}], PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["ActivationList"]) for page in pages] == [2, 2, 1]
    assert {one["ActivationId"] for page in pages for one in page["ActivationList"]} == made
    for one in made:
        ssm_plain.delete_activation(ActivationId=one)


def test_a_bad_expiry_is_refused(ssm, refuses):
    now = datetime.datetime.now(datetime.timezone.utc)
    refuses("InvalidParameters", ssm.create_activation, IamRole="r", ExpirationDate=now - datetime.timedelta(hours=1))
    refuses("InvalidParameters", ssm.create_activation, IamRole="r", ExpirationDate=now + datetime.timedelta(days=31))


def test_more_nodes_than_upstream_allows_may_share_an_activation(ssm_plain, hub):
    made = hub.api.ssm("CreateActivation", IamRole="r", RegistrationLimit=20_000)
    ssm_plain.delete_activation(ActivationId=made["ActivationId"])


@pytest.mark.parametrize("limit", [0, -1])
def test_an_activation_for_nobody_is_refused(hub, limit):
    from harness.api import Refused

    with pytest.raises(Refused) as caught:
        hub.api.ssm("CreateActivation", IamRole="r", RegistrationLimit=limit)
    assert caught.value.code == "ValidationException"


def test_unknown_activations_are_named(ssm, refuses):
    either = ("InvalidActivation", "InvalidActivationId")
    refuses(either, ssm.delete_activation, ActivationId="01234567-89ab-cdef-0123-456789abcdef")
    refuses((*either, "ValidationException"), ssm.delete_activation, ActivationId="no-such-activation-at-all-0123456789")


def test_an_unknown_filter_key_is_refused(ssm, hub):
    from harness.api import Refused

    with pytest.raises(Refused) as caught:
        hub.api.ssm("DescribeActivations", Filters=[{"FilterKey": "Colour", "FilterValues": ["red"]}])
    assert caught.value.code in ("InvalidFilter", "ValidationException")


def refused_agent(hub, token, name):
    """An agent that the hub does not take: it ends by itself, and says why."""
    agent = Agent(hub, hub.folder / name, token)
    hub.agents.append(agent)
    agent.spawn()
    until(lambda: not agent.alive(), 30, "the refused agent ending")
    assert agent.child.returncode == 4, agent.log()
    return agent.log()


def test_a_used_up_activation_refuses_the_next_node(hub):
    token = hub.token(count=1)
    hub.join("last-place", token=token)
    log = refused_agent(hub, token, "too-late")
    assert "used up" in log or "activation" in log.lower(), log


def test_a_deleted_activation_refuses_a_node(hub):
    line = hub.api.hub("CreateJoinLine")
    hub.api.ssm("DeleteActivation", ActivationId=line["ActivationId"])
    assert "activation" in refused_agent(hub, line["Token"], "revoked").lower()


def test_an_expired_activation_refuses_a_node(hub):
    line = hub.api.hub("CreateJoinLine", ExpiresInSeconds=1)
    until(
        lambda: hub.api.ssm("DescribeActivations", Filters=[{"FilterKey": "ActivationIds", "FilterValues": [line["ActivationId"]]}])[
            "ActivationList"
        ][0]["Expired"],
        10,
        "the activation being expired",
    )
    log = refused_agent(hub, line["Token"], "expired")
    assert "expired" in log.lower(), log


def test_a_node_takes_name_and_tags_of_its_activation(hub):
    made = hub.api.ssm("CreateActivation", IamRole="r", DefaultInstanceName="named-by-activation", Tags=[{"Key": "dock", "Value": "7"}])
    line = hub.api.hub("CreateJoinLine", Name="named-by-line", Tags=[{"Key": "dock", "Value": "8"}])
    hub.api.ssm("DeleteActivation", ActivationId=made["ActivationId"])
    agent = hub.join("tagged", token=line["Token"], wait=False)
    agent.wait_online()
    shown = hub.node(agent.node)
    assert shown["Name"] == "named-by-line" and {"Key": "dock", "Value": "8"} in shown["Tags"]
