//! Documents as a client of the API sees them.

use serde_json::{Value, json};

use crate::support::TestHub;

fn content(word: &str) -> String {
    json!({"schemaVersion": "2.2", "description": format!("says {word}"),
           "parameters": {"who": {"type": "String", "description": "a name", "default": "you", "allowedPattern": "[a-z]+"}},
           "mainSteps": [{"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": [format!("echo {word} {{{{ who }}}}")]}}]})
    .to_string()
}

async fn create(hub: &TestHub, name: &str, word: &str) -> Value {
    let request = json!({"Name": name, "Content": content(word), "DocumentType": "Command"});
    hub.call("AmazonSSM.CreateDocument", &request).await.ok()["DocumentDescription"].take()
}

async fn update(hub: &TestHub, name: &str, word: &str) -> Value {
    let request = json!({"Name": name, "Content": content(word), "DocumentVersion": "$LATEST"});
    hub.call("AmazonSSM.UpdateDocument", &request).await.ok()["DocumentDescription"].take()
}

async fn names(hub: &TestHub, request: Value) -> Vec<String> {
    let listed = hub.call("AmazonSSM.ListDocuments", &request).await.ok();
    let all = listed["DocumentIdentifiers"].as_array().unwrap();
    all.iter().map(|one| one["Name"].as_str().unwrap().to_owned()).collect()
}

async fn refused(hub: &TestHub, operation: &str, request: Value) -> (String, String) {
    let answer = hub.call(&format!("AmazonSSM.{operation}"), &request).await;
    (
        answer.code().to_owned(),
        answer.body["message"].as_str().unwrap_or_default().to_owned(),
    )
}

#[tokio::test]
async fn a_document_is_described_as_upstream_describes_it() {
    let hub = TestHub::start().await;
    let made = create(&hub, "Greet", "hello").await;
    for (member, expected) in [
        ("Name", "Greet"),
        ("Owner", "000000000000"),
        ("Status", "Active"),
        ("DocumentVersion", "1"),
        ("LatestVersion", "1"),
        ("DefaultVersion", "1"),
        ("DocumentType", "Command"),
        ("DocumentFormat", "JSON"),
        ("SchemaVersion", "2.2"),
        ("HashType", "Sha256"),
        ("Description", "says hello"),
    ] {
        assert_eq!(made[member], expected, "{member}");
    }
    assert_eq!(made["PlatformTypes"], json!(["Linux", "MacOS"]));
    assert_eq!(
        made["Parameters"],
        json!([{"Name": "who", "Type": "String", "Description": "a name", "DefaultValue": "you"}])
    );
    let hash = roadstead::platform::sigv4::sha256_hex(content("hello").as_bytes());
    assert_eq!(made["Hash"], hash);
    let described = hub.call("AmazonSSM.DescribeDocument", &json!({"Name": "Greet"})).await.ok();
    assert_eq!(described["Document"], made);
    let by_arn = json!({"Name": "arn:aws:ssm:eu-test-1:000000000000:document/Greet"});
    assert_eq!(hub.call("AmazonSSM.DescribeDocument", &by_arn).await.ok()["Document"], made);
}

#[tokio::test]
async fn versions_follow_each_other_and_the_default_stays() {
    let hub = TestHub::start().await;
    create(&hub, "Greet", "one").await;
    let second = update(&hub, "Greet", "two").await;
    assert_eq!(
        (&second["DocumentVersion"], &second["LatestVersion"], &second["DefaultVersion"]),
        (&json!("2"), &json!("2"), &json!("1"))
    );
    let get = async |request: Value| {
        let got = hub.call("AmazonSSM.GetDocument", &request).await.ok();
        got["DocumentVersion"].as_str().unwrap().to_owned()
    };
    assert_eq!(get(json!({"Name": "Greet"})).await, "1");
    assert_eq!(get(json!({"Name": "Greet", "DocumentVersion": "$LATEST"})).await, "2");
    let moved = hub
        .call(
            "AmazonSSM.UpdateDocumentDefaultVersion",
            &json!({"Name": "Greet", "DocumentVersion": "2"}),
        )
        .await
        .ok();
    assert_eq!(moved["Description"], json!({"Name": "Greet", "DefaultVersion": "2"}));
    assert_eq!(get(json!({"Name": "Greet", "DocumentVersion": "$DEFAULT"})).await, "2");
    let (code, message) = refused(&hub, "GetDocument", json!({"Name": "Greet", "DocumentVersion": "7"})).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidDocumentVersion", "document `Greet` has no version `7`; its latest is 2")
    );
    let versions = hub
        .call("AmazonSSM.ListDocumentVersions", &json!({"Name": "Greet", "MaxResults": 1}))
        .await
        .ok();
    assert_eq!(versions["DocumentVersions"][0]["DocumentVersion"], "2");
    assert_eq!(versions["DocumentVersions"][0]["IsDefaultVersion"], true);
    let rest = json!({"Name": "Greet", "NextToken": versions["NextToken"]});
    let rest = hub.call("AmazonSSM.ListDocumentVersions", &rest).await.ok();
    assert_eq!(rest["DocumentVersions"][0]["DocumentVersion"], "1");
    assert!(rest["NextToken"].is_null());
}

#[tokio::test]
async fn what_an_update_may_not_do_is_refused_with_upstreams_words() {
    let hub = TestHub::start().await;
    create(&hub, "Greet", "one").await;
    let same = json!({"Name": "Greet", "Content": content("one"), "DocumentVersion": "1"});
    let (code, message) = refused(&hub, "UpdateDocument", same).await;
    assert_eq!(code, "DuplicateDocumentContent");
    assert!(message.starts_with("The content of the association document matches another document."));
    let named = |word: &str| json!({"Name": "Greet", "Content": content(word), "DocumentVersion": "$LATEST", "VersionName": "spring"});
    hub.call("AmazonSSM.UpdateDocument", &named("two")).await.ok();
    let (code, message) = refused(&hub, "UpdateDocument", named("three")).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("DuplicateDocumentVersionName", "The specified version name is a duplicate.")
    );
    let not_latest = "Version provided for document Greet is not latest. Please provide the latest version to update document Greet";
    for (version, words) in [("1", not_latest), ("9", "The document version is not valid or does not exist.")] {
        let other = json!({"Name": "Greet", "Content": content("three"), "DocumentVersion": version});
        let (code, message) = refused(&hub, "UpdateDocument", other).await;
        assert_eq!((code.as_str(), message.as_str()), ("InvalidDocumentVersion", words));
    }
    let nobody = json!({"Name": "Nobody", "Content": content("x"), "DocumentVersion": "1"});
    let (code, message) = refused(&hub, "UpdateDocument", nobody).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidDocument", "The specified document does not exist.")
    );
    let library = json!({"Name": "AWS-RunShellScript", "Content": content("x"), "DocumentVersion": "$LATEST"});
    assert_eq!(refused(&hub, "UpdateDocument", library).await.0, "InvalidDocumentOperation");
}

#[tokio::test]
async fn a_bad_document_is_refused_with_the_place_of_its_fault() {
    let hub = TestHub::start().await;
    let create = |content: &str, format: &str| json!({"Name": "Broken", "Content": content, "DocumentFormat": format});
    let yaml = "schemaVersion: '2.2'\nmainSteps:\n- name: a\n  acton: aws:runShellScript\n";
    let (code, message) = refused(&hub, "CreateDocument", create(yaml, "YAML")).await;
    assert_eq!(code, "InvalidDocumentContent");
    assert!(
        message.starts_with("line 3, column 3, at `mainSteps[0]`: `action` is missing"),
        "{message}"
    );
    assert_eq!(
        refused(&hub, "CreateDocument", create("{\"schemaVersion\": \"2.2\"", "JSON"))
            .await
            .0,
        "InvalidDocumentContent"
    );
    let session = json!({"Name": "Broken", "Content": content("x"), "DocumentType": "Session"});
    assert_eq!(refused(&hub, "CreateDocument", session).await.0, "InvalidDocumentSchemaVersion");
    for name in ["AWS-Mine", "amazonian", "a b", "ab"] {
        let request = json!({"Name": name, "Content": content("x")});
        assert_eq!(refused(&hub, "CreateDocument", request).await.0, "ValidationException", "{name}");
    }
    let large = json!({"Name": "Large", "Content": "x".repeat(70_000)});
    assert_eq!(refused(&hub, "CreateDocument", large).await.0, "MaxDocumentSizeExceeded");
    assert!(
        names(&hub, json!({"Filters": [{"Key": "Owner", "Values": ["Self"]}]}))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_document_comes_out_in_the_format_that_is_asked_for() {
    let hub = TestHub::start().await;
    let yaml = "# greets\nschemaVersion: '2.2'\nmainSteps:\n- {name: a, action: aws:runShellScript, inputs: {runCommand: [id]}}\n";
    let request = json!({"Name": "Plain", "Content": yaml, "DocumentFormat": "YAML"});
    hub.call("AmazonSSM.CreateDocument", &request).await.ok();
    let get = async |format: Value| {
        let mut request = json!({"Name": "Plain"});
        if format.is_string() {
            request["DocumentFormat"] = format;
        }
        let got = hub.call("AmazonSSM.GetDocument", &request).await.ok();
        (
            got["DocumentFormat"].as_str().unwrap().to_owned(),
            got["Content"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(get(json!("YAML")).await, ("YAML".to_owned(), yaml.to_owned()));
    let (format, text) = get(Value::Null).await;
    assert_eq!(format, "JSON");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["mainSteps"][0]["inputs"]["runCommand"], json!(["id"]));
    assert_eq!(
        refused(&hub, "GetDocument", json!({"Name": "Plain", "DocumentFormat": "TEXT"}))
            .await
            .0,
        "ValidationException"
    );
    assert_eq!(
        refused(&hub, "GetDocument", json!({"Name": "Plain", "DocumentFormat": "XML"}))
            .await
            .0,
        "ValidationException"
    );
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let hub = TestHub::start().await;
    create(&hub, "Beta", "b").await;
    create(&hub, "Alpha", "a").await;
    let tagged =
        json!({"Name": "Gamma", "Content": content("c"), "TargetType": "/AWS::EC2::Instance", "Tags": [{"Key": "team", "Value": "blue"}]});
    hub.call("AmazonSSM.CreateDocument", &tagged).await.ok();
    let filter = |key: &str, value: &str| json!({"Filters": [{"Key": key, "Values": [value]}]});
    assert_eq!(names(&hub, filter("Owner", "Self")).await, ["Alpha", "Beta", "Gamma"]);
    assert_eq!(names(&hub, filter("Owner", "000000000000")).await, ["Alpha", "Beta", "Gamma"]);
    assert!(
        names(&hub, filter("Owner", "Amazon"))
            .await
            .contains(&"AWS-RunShellScript".to_owned())
    );
    assert_eq!(names(&hub, filter("Name", "Beta")).await, ["Beta"]);
    assert_eq!(names(&hub, filter("Name", "AWS-RunShell")).await, ["AWS-RunShellScript"]);
    assert_eq!(names(&hub, filter("TargetType", "/AWS::EC2::Instance")).await, ["Gamma"]);
    assert_eq!(names(&hub, filter("tag:team", "blue")).await, ["Gamma"]);
    assert!(names(&hub, filter("tag:team", "red")).await.is_empty());
    assert_eq!(names(&hub, filter("SearchKeyword", "SAYS B")).await, ["Beta"]);
    assert!(
        names(&hub, filter("DocumentType", "Session"))
            .await
            .contains(&"AWS-StartSSHSession".to_owned())
    );
    assert!(!names(&hub, filter("PlatformTypes", "Windows")).await.contains(&"Alpha".to_owned()));
    let old = json!({"DocumentFilterList": [{"key": "Owner", "value": "Self"}]});
    assert_eq!(names(&hub, old).await.len(), 3);
    let both = json!({"Filters": [{"Key": "Owner", "Values": ["Self"]}, {"Key": "Name", "Values": ["Alpha", "Gamma"]}]});
    assert_eq!(names(&hub, both).await, ["Alpha", "Gamma"]);
    assert_eq!(refused(&hub, "ListDocuments", filter("Colour", "red")).await.0, "InvalidFilterKey");
    let two = json!({"Filters": [{"Key": "Owner", "Values": ["Self", "Amazon"]}]});
    assert_eq!(
        refused(&hub, "ListDocuments", two).await,
        ("ValidationException".into(), "Owner filter can only have one value.".into())
    );
    let mut token = json!("");
    let mut seen = Vec::new();
    loop {
        let request = json!({"MaxResults": 1, "NextToken": token, "Filters": [{"Key": "Owner", "Values": ["Self"]}]});
        let page = hub.call("AmazonSSM.ListDocuments", &request).await.ok();
        seen.push(page["DocumentIdentifiers"][0]["Name"].as_str().unwrap().to_owned());
        token = page["NextToken"].clone();
        if token == "" {
            break;
        }
    }
    assert_eq!(seen, ["Alpha", "Beta", "Gamma"]);
}

#[tokio::test]
async fn versions_and_documents_are_deleted_by_upstreams_rules() {
    let hub = TestHub::start().await;
    create(&hub, "Greet", "one").await;
    update(&hub, "Greet", "two").await;
    update(&hub, "Greet", "three").await;
    let (code, message) = refused(&hub, "DeleteDocument", json!({"Name": "Greet", "DocumentVersion": "1"})).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidDocumentOperation", "Default version of the document can't be deleted.")
    );
    hub.call("AmazonSSM.DeleteDocument", &json!({"Name": "Greet", "DocumentVersion": "3"}))
        .await
        .ok();
    let described = hub.call("AmazonSSM.DescribeDocument", &json!({"Name": "Greet"})).await.ok();
    assert_eq!(described["Document"]["LatestVersion"], "2");
    let next = update(&hub, "Greet", "four").await;
    assert_eq!(next["DocumentVersion"], "4", "a number is never given twice");
    hub.call("AmazonSSM.DeleteDocument", &json!({"Name": "Greet"})).await.ok();
    assert_eq!(refused(&hub, "GetDocument", json!({"Name": "Greet"})).await.0, "InvalidDocument");
    assert_eq!(refused(&hub, "DeleteDocument", json!({"Name": "Greet"})).await.0, "InvalidDocument");
    assert_eq!(
        refused(&hub, "DeleteDocument", json!({"Name": "AWS-RunShellScript"})).await.0,
        "InvalidDocumentOperation"
    );
}

#[tokio::test]
async fn a_shared_document_says_with_whom_and_is_not_deleted() {
    let hub = TestHub::start().await;
    create(&hub, "Greet", "one").await;
    let modify = |more: Value| {
        let mut request = json!({"Name": "Greet", "PermissionType": "Share"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    hub.call(
        "AmazonSSM.ModifyDocumentPermission",
        &modify(json!({"AccountIdsToAdd": ["111122223333", "444455556666"]})),
    )
    .await
    .ok();
    let shown = hub.call("AmazonSSM.DescribeDocumentPermission", &modify(json!({}))).await.ok();
    assert_eq!(shown["AccountIds"], json!(["111122223333", "444455556666"]));
    assert_eq!(
        shown["AccountSharingInfoList"][0],
        json!({"AccountId": "111122223333", "SharedDocumentVersion": "$DEFAULT"})
    );
    let (code, message) = refused(&hub, "DeleteDocument", json!({"Name": "Greet"})).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidDocumentOperation", "Must unshare document first before delete")
    );
    assert_eq!(
        refused(
            &hub,
            "ModifyDocumentPermission",
            modify(json!({"AccountIdsToAdd": ["all", "111122223333"]}))
        )
        .await
        .0,
        "DocumentPermissionLimit"
    );
    assert_eq!(
        refused(&hub, "ModifyDocumentPermission", modify(json!({"AccountIdsToAdd": ["12"]})))
            .await
            .0,
        "ValidationException"
    );
    assert_eq!(
        refused(&hub, "ModifyDocumentPermission", modify(json!({"SharedDocumentVersion": "2"})))
            .await
            .0,
        "ValidationException"
    );
    let other = json!({"Name": "Greet", "PermissionType": "Loan"});
    assert_eq!(refused(&hub, "DescribeDocumentPermission", other).await.0, "InvalidPermissionType");
    hub.call(
        "AmazonSSM.ModifyDocumentPermission",
        &modify(json!({"AccountIdsToAdd": ["All"], "SharedDocumentVersion": "$ALL"})),
    )
    .await
    .ok();
    let shown = hub.call("AmazonSSM.DescribeDocumentPermission", &modify(json!({}))).await.ok();
    assert_eq!(shown["AccountIds"], json!(["all"]));
    hub.call(
        "AmazonSSM.ModifyDocumentPermission",
        &modify(json!({"AccountIdsToRemove": ["all"]})),
    )
    .await
    .ok();
    hub.call("AmazonSSM.DeleteDocument", &json!({"Name": "Greet"})).await.ok();
}

#[tokio::test]
async fn a_review_goes_from_sent_to_approved_and_is_remembered() {
    let hub = TestHub::start().await;
    create(&hub, "Greet", "one").await;
    let review = |action: &str, comment: Value| json!({"Name": "Greet", "DocumentReviews": {"Action": action, "Comment": comment}});
    assert_eq!(
        refused(&hub, "UpdateDocumentMetadata", review("Approve", json!([]))).await.0,
        "InvalidDocumentOperation"
    );
    hub.call("AmazonSSM.UpdateDocumentMetadata", &review("SendForReview", json!([])))
        .await
        .ok();
    let comment = json!([{"Type": "Comment", "Content": "looks right"}]);
    hub.call("AmazonSSM.UpdateDocumentMetadata", &review("Approve", comment.clone()))
        .await
        .ok();
    let history = json!({"Name": "Greet", "Metadata": "DocumentReviews"});
    let history = hub.call("AmazonSSM.ListDocumentMetadataHistory", &history).await.ok();
    let responses = history["Metadata"]["ReviewerResponse"].as_array().unwrap();
    assert_eq!(
        responses.iter().map(|r| r["ReviewStatus"].as_str().unwrap()).collect::<Vec<_>>(),
        ["PENDING", "APPROVED"]
    );
    assert_eq!(responses[1]["Comment"], comment);
    let described = hub.call("AmazonSSM.DescribeDocument", &json!({"Name": "Greet"})).await.ok();
    assert_eq!(
        (&described["Document"]["ReviewStatus"], &described["Document"]["ApprovedVersion"]),
        (&json!("APPROVED"), &json!("1"))
    );
}

#[tokio::test]
async fn attachments_come_from_the_hubs_own_folder_and_from_nowhere_else() {
    let hub = TestHub::start().await;
    std::fs::create_dir(hub.data.path().join("files")).unwrap();
    std::fs::write(hub.data.path().join("files/tool.sh"), "echo tool").unwrap();
    std::fs::write(hub.data.path().join("files/large.bin"), vec![7u8; 100_000]).unwrap();
    let with = |name: &str, sources: Value| json!({"Name": name, "Content": content("x"), "Attachments": sources});
    let sources =
        json!([{"Key": "S3FileUrl", "Values": ["hub://tool.sh"]}, {"Key": "SourceUrl", "Values": ["hub://large.bin"], "Name": "data.bin"}]);
    let made = hub.call("AmazonSSM.CreateDocument", &with("Tools", sources)).await.ok();
    assert_eq!(
        made["DocumentDescription"]["AttachmentsInformation"],
        json!([{"Name": "data.bin"}, {"Name": "tool.sh"}])
    );
    let got = hub.call("AmazonSSM.GetDocument", &json!({"Name": "Tools"})).await.ok();
    assert_eq!(got["AttachmentsContent"][1]["Size"], 9);
    assert_eq!(
        got["AttachmentsContent"][1]["Hash"],
        roadstead::platform::sigv4::sha256_hex(b"echo tool")
    );
    for wrong in ["https://example.org/x.sh", "hub://../hub.db", "hub://missing"] {
        let sources = json!([{"Key": "SourceUrl", "Values": [wrong], "Name": "x.sh"}]);
        assert_eq!(
            refused(&hub, "CreateDocument", with("Other", sources)).await.0,
            "InvalidDocumentContent",
            "{wrong}"
        );
    }
    let sources = json!([{"Key": "AttachmentReference", "Values": ["Tools/1/tool.sh"]}]);
    hub.call("AmazonSSM.CreateDocument", &with("Copied", sources)).await.ok();
}

#[tokio::test]
async fn other_types_are_stored_and_versioned() {
    let hub = TestHub::start().await;
    let calendar = "BEGIN:VCALENDAR\r\nX-CALENDAR-TYPE:DEFAULT_OPEN\r\nEND:VCALENDAR\r\n";
    let request = json!({"Name": "Holidays", "Content": calendar, "DocumentType": "ChangeCalendar", "DocumentFormat": "TEXT"});
    hub.call("AmazonSSM.CreateDocument", &request).await.ok();
    let got = hub.call("AmazonSSM.GetDocument", &json!({"Name": "Holidays"})).await.ok();
    assert_eq!(
        (got["Content"].as_str(), got["DocumentFormat"].as_str()),
        (Some(calendar), Some("TEXT"))
    );
    let schema = json!({"Name": "Schema", "Content": "{\"type\": \"object\"}", "DocumentType": "ApplicationConfigurationSchema"});
    hub.call("AmazonSSM.CreateDocument", &schema).await.ok();
    assert_eq!(
        refused(&hub, "DeleteDocument", json!({"Name": "Schema"})).await.0,
        "InvalidDocumentOperation"
    );
    hub.call("AmazonSSM.DeleteDocument", &json!({"Name": "Schema", "Force": true}))
        .await
        .ok();
}

#[tokio::test]
async fn the_library_is_there_after_each_start_with_one_version() {
    let hub = TestHub::start().await;
    let described = hub
        .call("AmazonSSM.DescribeDocument", &json!({"Name": "AWS-RunShellScript"}))
        .await
        .ok();
    let document = &described["Document"];
    assert_eq!(
        (&document["Owner"], &document["SchemaVersion"], &document["LatestVersion"]),
        (&json!("Amazon"), &json!("1.2"), &json!("1"))
    );
    assert_eq!(document["Parameters"][0]["Name"], "commands");
}

#[tokio::test]
async fn a_text_is_linted_while_it_is_written() {
    let hub = TestHub::start().await;
    let text = "schemaVersion: '2.2'\nparameters:\n  who: {type: String}\nmainSteps:\n- name: a\n  action: aws:runShellScript\n  inputs:\n    runCommand: ['echo {{ who }}']\n";
    let found = hub.call("Roadstead.LintDocument", &json!({"Content": text})).await.ok();
    let problem = &found["Problems"][0];
    assert_eq!((&problem["Severity"], &problem["Line"]), (&json!("warning"), &json!(8)));
    let found = hub
        .call("Roadstead.LintDocument", &json!({"Content": "a: [", "DocumentFormat": "YAML"}))
        .await
        .ok();
    assert_eq!(found["Problems"][0]["Severity"], "error");
}

#[tokio::test]
async fn tags_of_a_document_are_those_of_the_tag_operations() {
    let hub = TestHub::start().await;
    create(&hub, "Greet", "one").await;
    let add = json!({"ResourceType": "Document", "ResourceId": "Greet", "Tags": [{"Key": "team", "Value": "blue"}]});
    hub.call("AmazonSSM.AddTagsToResource", &add).await.ok();
    let described = hub.call("AmazonSSM.DescribeDocument", &json!({"Name": "Greet"})).await.ok();
    assert_eq!(described["Document"]["Tags"], json!([{"Key": "team", "Value": "blue"}]));
    hub.call("AmazonSSM.DeleteDocument", &json!({"Name": "Greet"})).await.ok();
    let list = json!({"ResourceType": "Document", "ResourceId": "Greet"});
    assert_eq!(refused(&hub, "ListTagsForResource", list).await.0, "InvalidResourceId");
}

#[tokio::test]
async fn the_documents_that_read_a_parameter_are_listed_to_who_may_read_them() {
    let hub = TestHub::start().await;
    create(&hub, "Exact", "{{ ssm:/app/db/host }} {{ssm-secure:/app/db/host:3}}").await;
    create(&hub, "Short", "{{ssm:/app/db/hostname}} /app/db/host {{ ssm:host }}").await;
    let uses = |name: &str| json!({"Name": name}).to_string();
    let operation = "Roadstead.ListParameterDocuments";
    let found = hub.call(operation, &json!({"Name": "/app/db/host"})).await.ok();
    let expected = json!({
        "Documents": [{"Name": "Exact", "DocumentVersion": "1", "References": ["ssm-secure:/app/db/host:3", "ssm:/app/db/host"]}],
        "DocumentCount": 1,
    });
    assert_eq!(found, expected);
    let short = hub.call(operation, &json!({"Name": "/host"})).await.ok();
    assert_eq!(
        short["Documents"][0]["Name"], "Short",
        "the slash before a name of one level is the same without"
    );
    let refused = hub.call(operation, &json!({"Name": "no name"})).await;
    assert_eq!(refused.code(), "ValidationException");

    let viewer = hub.user("vera", "viewer", &json!({})).await;
    assert_eq!(hub.call_as(&viewer, operation, &uses("/host")).await.ok()["DocumentCount"], 1);
    let denial =
        json!({"Statements": [{"Effect": "Deny", "Actions": ["ssm:GetDocument"], "Resources": [{"Kind": "document", "Ids": ["Short"]}]}]});
    hub.call("Roadstead.PutPolicy", &json!({"PolicyName": "short", "Document": denial}))
        .await
        .ok();
    hub.call("Roadstead.AttachPolicy", &json!({"PolicyName": "short", "UserName": "vera"}))
        .await
        .ok();
    assert_eq!(hub.call_as(&viewer, operation, &uses("/host")).await.ok()["DocumentCount"], 0);
}
