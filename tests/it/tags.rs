//! Tags over every kind of resource: the tagging API, the search of the Tag Editor, changes in bulk, and rules about tags.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::rights::add_node;
use crate::support::{Answer, Key, TestHub};

const NODE: &str = "mi-00000000000000001";
const OTHER: &str = "mi-00000000000000002";

fn tagging(operation: &str) -> String {
    format!("ResourceGroupsTaggingAPI_20170126.{operation}")
}

async fn as_user(hub: &TestHub, key: &Key, target: &str, body: Value) -> Answer {
    hub.call_as(key, target, &body.to_string()).await
}

fn arn(resource: &str) -> String {
    format!("arn:aws:ssm:eu-test-1:000000000000:{resource}")
}

/// Two nodes, a parameter and a document, each tagged but the document.
async fn filled() -> TestHub {
    let hub = TestHub::start().await;
    add_node(&hub, NODE, "mine");
    add_node(&hub, OTHER, "other");
    let parameter = json!({"Name": "/app/db", "Type": "String", "Value": "x", "Tags": [{"Key": "env", "Value": "prod"}, {"Key": "part", "Value": "mine"}]});
    hub.call("AmazonSSM.PutParameter", &parameter).await.ok();
    let content = json!({"schemaVersion": "2.2", "description": "d", "mainSteps": [
        {"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": ["true"]}}]});
    let document = json!({"Name": "Web", "Content": content.to_string(), "DocumentType": "Command"});
    hub.call("AmazonSSM.CreateDocument", &document).await.ok();
    hub
}

fn arns(answer: &Value) -> Vec<String> {
    let list = answer["ResourceTagMappingList"]
        .as_array()
        .or(answer["Resources"].as_array())
        .unwrap();
    list.iter().map(|one| one["ResourceARN"].as_str().unwrap().to_owned()).collect()
}

async fn search(hub: &TestHub, filter: &str) -> Value {
    let filter: roadstead::model::filter::Filter = filter.parse().unwrap();
    hub.call("Roadstead.SearchResources", &json!({"Filter": filter})).await.ok()
}

#[tokio::test]
async fn resources_of_every_kind_are_found_by_their_tags() {
    let hub = filled().await;
    let all = hub.call(&tagging("GetResources"), &json!({})).await.ok();
    let node = |id: &str| arn(&format!("managed-instance/{id}"));
    assert_eq!(arns(&all), [node(NODE), node(OTHER), arn("parameter/app/db")]);
    assert_eq!(all["PaginationToken"], "");
    let found = |filters: Value| {
        let hub = &hub;
        async move { arns(&hub.call(&tagging("GetResources"), &json!({ "TagFilters": filters })).await.ok()) }
    };
    assert_eq!(found(json!([{"Key": "part", "Values": ["mine"]}])).await.len(), 2);
    assert_eq!(found(json!([{"Key": "part", "Values": ["mine", "other"]}])).await.len(), 3);
    assert_eq!(
        found(json!([{"Key": "env"}, {"Key": "part", "Values": ["mine"]}])).await,
        [arn("parameter/app/db")]
    );
    assert_eq!(found(json!([{"Key": "env"}, {"Key": "part", "Values": ["other"]}])).await, [""; 0]);
    let types = json!({"ResourceTypeFilters": ["ssm:parameter"]});
    assert_eq!(
        arns(&hub.call(&tagging("GetResources"), &types).await.ok()),
        [arn("parameter/app/db")]
    );
    let named = json!({"ResourceARNList": [arn("parameter/app/db"), "arn:aws:s3:::bucket"]});
    assert_eq!(
        arns(&hub.call(&tagging("GetResources"), &named).await.ok()),
        [arn("parameter/app/db")]
    );
    let keys = hub.call(&tagging("GetTagKeys"), &json!({})).await.ok();
    assert_eq!(keys["TagKeys"], json!(["env", "part"]));
    let values = hub.call(&tagging("GetTagValues"), &json!({"Key": "part"})).await.ok();
    assert_eq!(values["TagValues"], json!(["mine", "other"]));
}

#[tokio::test]
async fn pages_follow_one_another_and_keep_a_resources_tags_together() {
    let hub = filled().await;
    let tags: Vec<Value> = (0..49).map(|n| json!({"Key": format!("k{n}"), "Value": "v"})).collect();
    for id in [NODE, OTHER] {
        let request = json!({"ResourceType": "ManagedInstance", "ResourceId": id, "Tags": tags});
        hub.call("AmazonSSM.AddTagsToResource", &request).await.ok();
    }
    for (page, expected) in [
        (json!({"ResourcesPerPage": 1}), [1, 1, 1].as_slice()),
        (json!({"TagsPerPage": 100}), &[2, 1]),
    ] {
        let (mut request, mut sizes, mut seen) = (page.clone(), Vec::new(), Vec::new());
        loop {
            let answer = hub.call(&tagging("GetResources"), &request).await.ok();
            sizes.push(arns(&answer).len());
            seen.extend(arns(&answer));
            request["PaginationToken"] = answer["PaginationToken"].clone();
            if answer["PaginationToken"] == "" {
                break;
            }
        }
        assert_eq!(sizes, expected, "{page}");
        seen.dedup();
        assert_eq!(seen.len(), 3);
    }
    for wrong in [
        json!({"ResourcesPerPage": 0}),
        json!({"ResourcesPerPage": 101}),
        json!({"TagsPerPage": 99}),
        json!({"TagsPerPage": 501}),
        json!({"TagsPerPage": 150}),
        json!({"ResourceTypeFilters": vec!["ssm"; 101]}),
        json!({"ResourceTypeFilters": ["s".repeat(257)]}),
        json!({"TagFilters": [{"Key": "x", "Values": ["v".repeat(257)]}]}),
        json!({"PaginationToken": "nonsense"}),
        json!({"TagFilters": [{"Values": ["x"]}]}),
        json!({"ResourceARNList": []}),
        json!({"ResourceARNList": ["nonsense"]}),
        json!({"ResourceARNList": [arn("parameter/a")], "ResourcesPerPage": 5}),
        json!({"ExcludeCompliantResources": true}),
    ] {
        let refused = hub.call(&tagging("GetResources"), &wrong).await;
        assert_eq!(refused.code(), "InvalidParameterException", "{wrong}");
    }
}

#[tokio::test]
async fn many_resources_are_tagged_and_each_failure_is_named() {
    let hub = filled().await;
    let (good, gone) = (arn("document/Web"), arn("parameter/nothing"));
    let request = json!({"ResourceARNList": [good, gone, "nonsense"], "Tags": {"env": "prod"}});
    let failed = hub.call(&tagging("TagResources"), &request).await.ok();
    let failed = failed["FailedResourcesMap"].as_object().unwrap();
    assert_eq!(failed.keys().collect::<Vec<_>>(), [&gone, "nonsense"]);
    assert_eq!(failed[&gone]["ErrorCode"], "InvalidParameterException");
    assert_eq!(failed[&gone]["StatusCode"], 400);
    let tags = json!({"ResourceType": "Document", "ResourceId": "Web"});
    let listed = hub.call("AmazonSSM.ListTagsForResource", &tags).await.ok();
    assert_eq!(listed["TagList"], json!([{"Key": "env", "Value": "prod"}]));
    let request = json!({"ResourceARNList": [good], "TagKeys": ["env", "nothing"]});
    let failed = hub.call(&tagging("UntagResources"), &request).await.ok();
    assert_eq!(failed["FailedResourcesMap"], json!({}));
    assert_eq!(hub.call("AmazonSSM.ListTagsForResource", &tags).await.ok()["TagList"], json!([]));
    let many: Vec<String> = (0..21).map(|n| arn(&format!("parameter/p{n}"))).collect();
    for wrong in [
        json!({"ResourceARNList": many, "Tags": {"a": "b"}}),
        json!({"ResourceARNList": [good], "Tags": {}}),
        json!({"ResourceARNList": [good]}),
        json!({"ResourceARNList": [good], "Tags": {"a*": "b"}}),
        json!({"ResourceARNList": [good], "Tags": {"aws:x": "b"}}),
        json!({"ResourceARNList": [], "Tags": {"a": "b"}}),
    ] {
        let refused = hub.call(&tagging("TagResources"), &wrong).await;
        assert_eq!(refused.code(), "InvalidParameterException", "{wrong}");
    }
}

#[tokio::test]
async fn a_change_in_bulk_does_what_each_resource_needs() {
    let hub = filled().await;
    let changes = json!({"Changes": [
        {"ResourceType": "Document", "ResourceId": "Web", "Set": [{"Key": "team", "Value": "web"}]},
        {"ResourceType": "Parameter", "ResourceId": "/app/db", "Set": [{"Key": "env", "Value": "test"}], "Remove": ["part"]},
        {"ResourceType": "Document", "ResourceId": "Nothing", "Set": [{"Key": "team", "Value": "web"}]},
        {"ResourceType": "Boat", "ResourceId": "Web", "Remove": ["team"]},
    ]});
    let answer = hub.call("Roadstead.ChangeTags", &changes).await.ok();
    assert_eq!(answer["Changed"], 2);
    assert_eq!(
        (&answer["Failed"][0]["ResourceId"], &answer["Failed"][1]["ResourceType"]),
        (&json!("Nothing"), &json!("Boat"))
    );
    let named =
        json!({"Resources": [{"ResourceType": "Document", "ResourceId": "Web"}, {"ResourceType": "Parameter", "ResourceId": "/nothing"}]});
    assert_eq!(hub.call("Roadstead.SearchResources", &named).await.ok()["Total"], 1);
    let found = search(&hub, "type=Parameter").await;
    assert_eq!(found["Resources"][0]["Tags"], json!([{"Key": "env", "Value": "test"}]));
    let refused = hub.call("Roadstead.ChangeTags", &json!({"Changes": []})).await;
    assert_eq!(refused.code(), "ValidationException");
}

#[tokio::test]
async fn what_a_caller_may_not_see_is_in_no_answer_and_is_not_tagged() {
    let hub = filled().await;
    let scope = json!({"Tags": [{"Key": "part", "Values": ["mine"]}]});
    let ann = hub.user("ann", "operator", &scope).await;
    let node = |id: &str| arn(&format!("managed-instance/{id}"));
    let seen = as_user(&hub, &ann, &tagging("GetResources"), json!({})).await.ok();
    assert_eq!(arns(&seen), [node(NODE), arn("parameter/app/db")]);
    let values = as_user(&hub, &ann, &tagging("GetTagValues"), json!({"Key": "part"})).await.ok();
    assert_eq!(values["TagValues"], json!(["mine"]));
    let found = as_user(
        &hub,
        &ann,
        "Roadstead.SearchResources",
        json!({"Filter": {"Terms": [{"Key": "type", "Op": "eq", "Value": "ManagedInstance"}]}}),
    );
    let found = found.await.ok();
    assert_eq!((found["Total"].as_i64(), arns(&found)), (Some(1), vec![node(NODE)]));
    // Neither a foreign node, nor one's own out of one's hands.
    let set =
        |id: &str, value: &str| json!({"ResourceType": "ManagedInstance", "ResourceId": id, "Set": [{"Key": "part", "Value": value}]});
    let changes = json!({"Changes": [set(OTHER, "mine"), set(NODE, "other"), set(NODE, "mine")]});
    let answer = as_user(&hub, &ann, "Roadstead.ChangeTags", changes).await.ok();
    assert_eq!(answer["Changed"], 1);
    let codes: Vec<&str> = answer["Failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["Code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["AccessDeniedException"; 2]);
    let tag = json!({"ResourceARNList": [node(OTHER), node("mi-0000000000000000f")], "Tags": {"a": "b"}});
    let failed = as_user(&hub, &ann, &tagging("TagResources"), tag).await.ok();
    let words = |id: &str| {
        failed["FailedResourcesMap"][node(id)]["ErrorMessage"]
            .as_str()
            .unwrap()
            .replace(id, "")
    };
    assert_eq!(words(OTHER), words("mi-0000000000000000f"));
    // Somebody who may do it to one path only finds what lies there.
    let policy = json!({"PolicyName": "app", "Document": {"Statements": [{"Effect": "Allow", "Actions": ["tag:*"],
        "Resources": [{"Kind": "parameter", "Ids": ["/app/*"]}]}]}});
    hub.call("Roadstead.PutPolicy", &policy).await.ok();
    hub.call("Roadstead.CreateUser", &json!({"UserName": "bob"})).await.ok();
    let attach = json!({"PolicyName": "app", "UserName": "bob"});
    hub.call("Roadstead.AttachPolicy", &attach).await.ok();
    let bob = hub.key_of("bob").await;
    let seen = as_user(&hub, &bob, &tagging("GetResources"), json!({})).await.ok();
    assert_eq!(arns(&seen), [arn("parameter/app/db")]);
}

#[tokio::test]
async fn the_search_finds_resources_by_every_key_and_untagged_ones_too() {
    let hub = filled().await;
    for (filter, count) in [
        ("", 4),
        ("type=Document", 1),
        ("type!=ManagedInstance", 2),
        ("tag:part=mine", 2),
        ("tag:part!=mine", 2),
        ("tag:part^MI", 2),
        ("tag:part", 3),
        ("tag:env=prod or type=Document", 2),
        ("key=env", 1),
        ("key!=part", 1),
        ("id^/app", 1),
        ("web", 1),
        ("tag:part=mine type=Parameter", 1),
        ("tag:part>=n", 1),
    ] {
        let found = search(&hub, filter).await;
        assert_eq!(found["Total"], count, "{filter}");
        assert_eq!(found["Resources"].as_array().unwrap().len(), count, "{filter}");
    }
    let first = hub.call("Roadstead.SearchResources", &json!({"MaxResults": 3})).await.ok();
    assert_eq!(first["Resources"][0]["ResourceType"], "Document");
    let rest = json!({"MaxResults": 3, "NextToken": first["NextToken"]});
    let rest = hub.call("Roadstead.SearchResources", &rest).await.ok();
    assert_eq!(rest["Resources"][0]["ResourceId"], "/app/db");
    assert!(rest["NextToken"].is_null());
    let wrong = json!({"Filter": {"Terms": [{"Key": "colour", "Op": "eq", "Value": "x"}]}});
    assert_eq!(hub.call("Roadstead.SearchResources", &wrong).await.code(), "ValidationException");
    let suggested = hub.call("Roadstead.SuggestTags", &json!({"Key": "part", "Prefix": "O"})).await.ok();
    assert_eq!(suggested["Values"], json!(["other"]));
}

#[tokio::test]
async fn rules_tell_what_is_missing_and_what_has_a_wrong_value() {
    let hub = filled().await;
    let rule = json!({"Key": "env", "ResourceTypes": ["Parameter", "Document"], "IsRequired": true, "AllowedValues": ["test"]});
    hub.call("Roadstead.PutTagRule", &rule).await.ok();
    let broken = search(&hub, "rule=broken").await;
    let said: Vec<Value> = broken["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| json!([r["ResourceType"], r["MissingKeys"], r["WrongKeys"]]))
        .collect();
    assert_eq!(said, [json!(["Document", ["env"], []]), json!(["Parameter", [], ["env"]])]);
    assert_eq!(search(&hub, "rule=kept").await["Total"], 2);
    let request = json!({"IncludeComplianceDetails": true, "ExcludeCompliantResources": true});
    let found = hub.call(&tagging("GetResources"), &request).await.ok();
    let details = json!({"NoncompliantKeys": [], "KeysWithNoncompliantValues": ["env"], "ComplianceStatus": false});
    assert_eq!(found["ResourceTagMappingList"][0]["ComplianceDetails"], details);
    assert_eq!(arns(&found).len(), 1);
    let summary = hub
        .call(&tagging("GetComplianceSummary"), &json!({"GroupBy": ["RESOURCE_TYPE"]}))
        .await
        .ok();
    let counts: Vec<Value> = summary["SummaryList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| json!([s["ResourceType"], s["NonCompliantResources"]]))
        .collect();
    assert_eq!(counts, [json!(["ssm:document", 1]), json!(["ssm:parameter", 1])]);
    let whole = hub.call(&tagging("GetComplianceSummary"), &json!({})).await.ok();
    assert_eq!(whole["SummaryList"][0]["NonCompliantResources"], 2);
    let required = hub.call(&tagging("ListRequiredTags"), &json!({})).await.ok();
    assert_eq!(
        required["RequiredTags"][0],
        json!({"ResourceType": "ssm:document", "ReportingTagKeys": ["env"]})
    );
    let listed = hub.call("Roadstead.ListTagRules", &json!({})).await.ok();
    assert_eq!(listed["Rules"].as_array().unwrap().len(), 2);
    // What is put replaces what was said of the key.
    hub.call(
        "Roadstead.PutTagRule",
        &json!({"Key": "env", "ResourceTypes": ["Document"], "AllowedValues": ["x"]}),
    )
    .await
    .ok();
    assert_eq!(search(&hub, "rule=broken").await["Total"], 0);
    hub.call("Roadstead.DeleteTagRule", &json!({"Key": "env"})).await.ok();
    assert_eq!(
        hub.call("Roadstead.DeleteTagRule", &json!({"Key": "env"})).await.code(),
        "ResourceNotFoundException"
    );
    for wrong in [
        json!({"Key": "a"}),
        json!({"Key": "", "IsRequired": true}),
        json!({"Key": "a", "IsRequired": true, "ResourceTypes": ["Boat"]}),
    ] {
        assert_eq!(
            hub.call("Roadstead.PutTagRule", &wrong).await.code(),
            "ValidationException",
            "{wrong}"
        );
    }
    let report = hub.call(&tagging("StartReportCreation"), &json!({"S3Bucket": "reports"})).await;
    assert_eq!(report.code(), "ConstraintViolationException");
    assert_eq!(
        hub.call(&tagging("DescribeReportCreation"), &json!({})).await.ok()["Status"],
        "NO REPORT"
    );
}

#[tokio::test]
async fn a_type_whose_resources_are_not_there_has_none_to_tag() {
    let hub = filled().await;
    for kind in [
        "MaintenanceWindow",
        "PatchBaseline",
        "OpsItem",
        "OpsMetadata",
        "Automation",
        "Association",
        "CloudConnector",
    ] {
        let request = json!({"ResourceType": kind, "ResourceId": "x", "Tags": [{"Key": "a", "Value": "b"}]});
        assert_eq!(
            hub.call("AmazonSSM.AddTagsToResource", &request).await.code(),
            "InvalidResourceId",
            "{kind}"
        );
    }
    let request = json!({"ResourceType": "Boat", "ResourceId": "x"});
    assert_eq!(
        hub.call("AmazonSSM.ListTagsForResource", &request).await.code(),
        "InvalidResourceType"
    );
}

#[tokio::test]
async fn the_library_carries_no_tags() {
    let hub = filled().await;
    let library = arn("document/AWS-RunShellScript");
    let ours =
        json!({"ResourceType": "Document", "ResourceId": "AWS-RunShellScript", "Tags": [{"Key": "lib", "Value": "x"}], "TagKeys": ["lib"]});
    for operation in ["AddTagsToResource", "RemoveTagsFromResource", "ListTagsForResource"] {
        let refused = hub.call(&format!("AmazonSSM.{operation}"), &ours).await;
        assert_eq!(refused.code(), "InvalidResourceId", "{operation}");
    }
    let request = json!({"ResourceARNList": [library, arn("document/Web")], "Tags": {"lib": "x"}});
    let failed = hub.call(&tagging("TagResources"), &request).await.ok();
    let failed = failed["FailedResourcesMap"].as_object().unwrap();
    assert_eq!(failed.keys().collect::<Vec<_>>(), [&library]);
    assert_eq!(failed[&library]["ErrorCode"], "InvalidParameterException");
    assert_eq!(failed[&library]["StatusCode"], 400);
    let changes =
        json!({"Changes": [{"ResourceType": "Document", "ResourceId": "AWS-RunShellScript", "Set": [{"Key": "lib", "Value": "x"}]}]});
    assert_eq!(hub.call("Roadstead.ChangeTags", &changes).await.ok()["Changed"], 0);
    let tagged = json!({"TagFilters": [{"Key": "lib"}]});
    assert_eq!(arns(&hub.call(&tagging("GetResources"), &tagged).await.ok()), [arn("document/Web")]);
    assert_eq!(arns(&search(&hub, "tag:lib").await), [arn("document/Web")]);
}

#[tokio::test]
async fn ill_formed_tags_are_named_in_upstreams_words() {
    let hub = filled().await;
    let of = |members: Value| {
        let mut request = json!({"ResourceType": "Document", "ResourceId": "Web"});
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        request
    };
    for (operation, request, said) in [
        (
            "AddTagsToResource",
            json!({}),
            "3 validation errors detected: Value null at 'resourceType' failed to satisfy constraint",
        ),
        ("RemoveTagsFromResource", json!({}), "3 validation errors detected: "),
        ("ListTagsForResource", json!({}), "2 validation errors detected: "),
        (
            "AddTagsToResource",
            of(json!({"Tags": [{"Value": "1"}]})),
            "Value null at 'tags.1.member.key' failed to satisfy constraint: Member must not be null",
        ),
        (
            "AddTagsToResource",
            of(json!({"Tags": [{"Key": "a", "Value": "b"}, {"Key": "c"}]})),
            "Value null at 'tags.2.member.value'",
        ),
        (
            "AddTagsToResource",
            of(json!({"Tags": [{"Key": "a*", "Value": "b"}]})),
            "Value 'a*' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular",
        ),
        (
            "RemoveTagsFromResource",
            of(json!({"TagKeys": [""]})),
            "Value '' at 'tagKeys.1.member' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            "RemoveTagsFromResource",
            of(json!({"TagKeys": ["a", "k".repeat(129)]})),
            "at 'tagKeys.2.member' failed to satisfy constraint: Member must have length less than or equal to 128",
        ),
    ] {
        let refused = hub.call(&format!("AmazonSSM.{operation}"), &request).await;
        assert_eq!(refused.code(), "ValidationException", "{request}");
        let message = refused.body["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said), "{request}: {message}");
    }
}

#[tokio::test]
async fn tags_die_with_their_resource() {
    let hub = filled().await;
    hub.call("AmazonSSM.DeleteParameter", &json!({"Name": "/app/db"})).await.ok();
    let tags = json!({"ResourceARNList": [arn("document/Web")], "Tags": {"env": "prod"}});
    hub.call(&tagging("TagResources"), &tags).await.ok();
    hub.call("AmazonSSM.DeleteDocument", &json!({"Name": "Web"})).await.ok();
    assert_eq!(hub.call(&tagging("GetTagKeys"), &json!({})).await.ok()["TagKeys"], json!(["part"]));
}

#[tokio::test]
async fn the_newer_clients_protocol_refuses_strangers_in_its_own_form() {
    let hub = TestHub::start().await;
    let request = Request::post("/service/ResourceGroupsTaggingAPI_20170126/operation/GetResources")
        .header("host", hub.address())
        .header("smithy-protocol", "rpc-v2-cbor")
        .header("content-type", "application/cbor")
        .body(Full::new(Bytes::from_static(b"\xa0")))
        .unwrap();
    let answer = hub.send(request).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.headers["content-type"], "application/cbor");
    assert_eq!(answer.headers["smithy-protocol"], "rpc-v2-cbor");
}
