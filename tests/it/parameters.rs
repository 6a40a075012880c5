//! Parameter Store as a caller sees it.

use serde_json::{Value, json};

use crate::support::{Answer, TestHub};

async fn ssm(hub: &TestHub, operation: &str, body: Value) -> Answer {
    hub.call(&format!("AmazonSSM.{operation}"), &body).await
}

async fn put(hub: &TestHub, name: &str, value: &str) -> Value {
    ssm(hub, "PutParameter", json!({"Name": name, "Value": value, "Type": "String"}))
        .await
        .ok()
}

async fn overwrite(hub: &TestHub, name: &str, value: &str) -> Answer {
    ssm(hub, "PutParameter", json!({"Name": name, "Value": value, "Overwrite": true})).await
}

fn names(answer: &Value) -> Vec<&str> {
    answer["Parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["Name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_parameter_is_put_read_overwritten_and_deleted() {
    let hub = TestHub::start().await;
    assert_eq!(put(&hub, "/app/db", "one").await, json!({"Version": 1, "Tier": "Standard"}));
    let taken = ssm(&hub, "PutParameter", json!({"Name": "/app/db", "Value": "x", "Type": "String"})).await;
    assert_eq!(taken.code(), "ParameterAlreadyExists");
    assert_eq!(overwrite(&hub, "/app/db", "two").await.ok()["Version"], 2);
    let read = ssm(&hub, "GetParameter", json!({"Name": "/app/db"})).await.ok()["Parameter"].clone();
    assert_eq!((read["Value"].as_str(), read["Version"].as_i64()), (Some("two"), Some(2)));
    assert_eq!(read["ARN"], "arn:aws:ssm:eu-test-1:000000000000:parameter/app/db");
    assert_eq!(read["DataType"], "text");
    ssm(&hub, "DeleteParameter", json!({"Name": "/app/db"})).await.ok();
    let gone = ssm(&hub, "GetParameter", json!({"Name": "/app/db"})).await;
    assert_eq!(
        (gone.code(), gone.body["message"].as_str()),
        ("ParameterNotFound", Some("Parameter /app/db not found."))
    );
}

#[tokio::test]
async fn one_level_with_and_without_slash_is_one_parameter_and_is_called_as_the_caller_does() {
    let hub = TestHub::start().await;
    put(&hub, "plain", "1").await;
    for name in ["plain", "/plain"] {
        let read = ssm(&hub, "GetParameter", json!({"Name": name})).await.ok();
        assert_eq!(read["Parameter"]["Name"], name);
        assert_eq!(read["Parameter"]["ARN"], "arn:aws:ssm:eu-test-1:000000000000:parameter/plain");
    }
    let by_arn = json!({"Name": "arn:aws:ssm:us-east-1:123456789012:parameter/plain"});
    assert_eq!(ssm(&hub, "GetParameter", by_arn).await.ok()["Parameter"]["Name"], "plain");
    let again = ssm(&hub, "PutParameter", json!({"Name": "/plain", "Value": "x", "Type": "String"})).await;
    assert_eq!(again.code(), "ParameterAlreadyExists");
}

#[tokio::test]
async fn selectors_find_versions_and_labels_and_say_what_is_missing() {
    let hub = TestHub::start().await;
    put(&hub, "p", "one").await;
    overwrite(&hub, "p", "two").await.ok();
    ssm(
        &hub,
        "LabelParameterVersion",
        json!({"Name": "p", "ParameterVersion": 1, "Labels": ["prod"]}),
    )
    .await
    .ok();
    for (name, value, selector) in [("p:1", "one", ":1"), ("p:prod", "one", ":prod"), ("p:2", "two", ":2")] {
        let read = ssm(&hub, "GetParameter", json!({"Name": name})).await.ok()["Parameter"].clone();
        assert_eq!((read["Name"].as_str(), read["Value"].as_str()), (Some("p"), Some(value)));
        assert_eq!(read["Selector"], selector);
    }
    for (name, code) in [
        ("p:9", "ParameterVersionNotFound"),
        ("p:none", "ParameterVersionNotFound"),
        ("p:1:2", "ParameterNotFound"),
        ("q:1", "ParameterNotFound"),
        ("a/b", "ValidationException"),
        ("//a", "ValidationException"),
    ] {
        assert_eq!(ssm(&hub, "GetParameter", json!({"Name": name})).await.code(), code, "{name}");
    }
    let many = json!({"Names": ["p:9", "p:1", "p", "p", "none"]});
    let many = ssm(&hub, "GetParameters", many).await.ok();
    assert_eq!(many["Parameters"].as_array().unwrap().len(), 2);
    assert_eq!(many["InvalidParameters"], json!(["none", "p:9"]));
}

#[tokio::test]
async fn a_path_is_listed_one_level_or_all_in_pages() {
    let hub = TestHub::start().await;
    for name in ["/a/1", "/a/2", "/a/b/3", "/ab/4", "five", "/a.c/6"] {
        put(&hub, name, name).await;
    }
    let list = |body: Value| ssm(&hub, "GetParametersByPath", body);
    assert_eq!(names(&list(json!({"Path": "/a"})).await.ok()), ["/a/1", "/a/2"]);
    assert_eq!(
        names(&list(json!({"Path": "/a/", "Recursive": true})).await.ok()),
        ["/a/1", "/a/2", "/a/b/3"]
    );
    assert_eq!(names(&list(json!({"Path": "/"})).await.ok()), ["five"]);
    assert_eq!(
        list(json!({"Path": "/", "Recursive": true})).await.ok()["Parameters"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
    let mut all: Vec<String> = Vec::new();
    let mut next = Value::Null;
    loop {
        let mut body = json!({"Path": "/", "Recursive": true, "MaxResults": 2});
        if next.is_string() {
            body["NextToken"] = next;
        }
        let page = list(body).await.ok();
        all.extend(names(&page).iter().map(|n| (*n).to_owned()));
        next = page["NextToken"].clone();
        if !next.is_string() {
            break;
        }
    }
    assert_eq!(all.len(), 6);
    assert_eq!(list(json!({"Path": "/", "NextToken": "nonsense"})).await.code(), "InvalidNextToken");
    assert_eq!(list(json!({"Path": "/", "MaxResults": 11})).await.code(), "ValidationException");
    assert_eq!(list(json!({"Path": "a"})).await.code(), "ValidationException");
}

#[tokio::test]
async fn the_hundred_newest_versions_are_kept_unless_a_label_holds_the_oldest() {
    let hub = TestHub::start().await;
    put(&hub, "p", "v1").await;
    for number in 2..=101 {
        overwrite(&hub, "p", &format!("v{number}")).await.ok();
    }
    let first = ssm(&hub, "GetParameterHistory", json!({"Name": "p"})).await.ok();
    assert_eq!(first["Parameters"][0]["Value"], "v2");
    assert_eq!(first["Parameters"].as_array().unwrap().len(), 50);
    let rest = json!({"Name": "p", "NextToken": first["NextToken"]});
    assert_eq!(ssm(&hub, "GetParameterHistory", rest).await.ok()["Parameters"][49]["Value"], "v101");
    ssm(
        &hub,
        "LabelParameterVersion",
        json!({"Name": "p", "ParameterVersion": 2, "Labels": ["keep"]}),
    )
    .await
    .ok();
    let full = overwrite(&hub, "p", "x").await;
    assert_eq!(full.code(), "ParameterMaxVersionLimitExceeded");
    assert!(
        full.body["message"]
            .as_str()
            .unwrap()
            .contains("Version 2, the oldest version, can't be deleted")
    );
}

#[tokio::test]
async fn a_label_moves_and_a_version_carries_ten() {
    let hub = TestHub::start().await;
    put(&hub, "p", "1").await;
    overwrite(&hub, "p", "2").await.ok();
    let label = |version: i64, labels: Value| {
        ssm(
            &hub,
            "LabelParameterVersion",
            json!({"Name": "p", "ParameterVersion": version, "Labels": labels}),
        )
    };
    let ten: Vec<String> = (0..10).map(|n| format!("l{n}")).collect();
    label(1, json!(ten)).await.ok();
    assert_eq!(label(1, json!(["one-more"])).await.code(), "ParameterVersionLabelLimitExceeded");
    label(2, json!(["l0"])).await.ok();
    assert_eq!(
        label(1, json!(["9x", "aws1", "fine"])).await.ok()["InvalidLabels"],
        json!(["9x", "aws1"])
    );
    let history = ssm(&hub, "GetParameterHistory", json!({"Name": "p"})).await.ok();
    assert_eq!(history["Parameters"][1]["Labels"], json!(["l0"]));
    assert_eq!(history["Parameters"][0]["Labels"].as_array().unwrap().len(), 10);
    let taken = json!({"Name": "p", "ParameterVersion": 2, "Labels": ["l0", "l1"]});
    let taken = ssm(&hub, "UnlabelParameterVersion", taken).await.ok();
    assert_eq!(taken, json!({"RemovedLabels": ["l0"], "InvalidLabels": ["l1"]}));
}

#[tokio::test]
async fn a_secret_lies_nowhere_in_the_clear_and_is_read_only_on_demand() {
    let hub = TestHub::start().await;
    let secret = "correct-horse-battery-staple-42";
    let body = json!({"Name": "/s", "Value": secret, "Type": "SecureString"});
    ssm(&hub, "PutParameter", body).await.ok();
    let sealed = ssm(&hub, "GetParameter", json!({"Name": "/s"})).await.ok();
    assert!(!sealed.to_string().contains(secret));
    assert!(
        data_encoding::BASE64
            .decode(sealed["Parameter"]["Value"].as_str().unwrap().as_bytes())
            .is_ok()
    );
    for _ in 0..3 {
        let open = ssm(&hub, "GetParameter", json!({"Name": "/s", "WithDecryption": true})).await.ok();
        assert_eq!(open["Parameter"]["Value"], secret);
    }
    let described = ssm(&hub, "DescribeParameters", json!({})).await.ok();
    assert_eq!(described["Parameters"][0]["KeyId"], "alias/aws/ssm");
    assert_eq!(
        described["Parameters"][0]["LastModifiedUser"],
        "arn:aws:iam::000000000000:user/admin"
    );
    for file in std::fs::read_dir(hub.data.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                !bytes.windows(secret.len()).any(|w| w == secret.as_bytes()),
                "{} holds the secret",
                path.display()
            );
        }
    }
}

#[tokio::test]
async fn a_disabled_or_unknown_key_neither_seals_nor_opens() {
    let hub = TestHub::start().await;
    let made = hub.call("Roadstead.CreateSecretKey", &json!({"Alias": "alias/app"})).await.ok();
    let key = |id: &str| json!({"Name": "/s", "Value": "x", "Type": "SecureString", "KeyId": id, "Overwrite": true});
    assert_eq!(ssm(&hub, "PutParameter", key("alias/other")).await.code(), "InvalidKeyId");
    ssm(&hub, "PutParameter", key("alias/app")).await.ok();
    ssm(&hub, "PutParameter", key(made["Key"]["KeyId"].as_str().unwrap())).await.ok();
    hub.call("Roadstead.DisableSecretKey", &json!({"KeyId": "alias/app"})).await.ok();
    let open = json!({"Name": "/s", "WithDecryption": true});
    assert_eq!(ssm(&hub, "GetParameter", open.clone()).await.code(), "InvalidKeyId");
    assert_eq!(ssm(&hub, "PutParameter", key("alias/app")).await.code(), "InvalidKeyId");
    assert_eq!(ssm(&hub, "GetParameter", json!({"Name": "/s"})).await.code(), "ok");
    hub.call("Roadstead.EnableSecretKey", &json!({"KeyId": "alias/app"})).await.ok();
    assert_eq!(ssm(&hub, "GetParameter", open).await.ok()["Parameter"]["Value"], "x");
}

#[tokio::test]
async fn a_rotated_key_takes_its_secrets_along() {
    let hub = TestHub::start().await;
    for number in 0..5 {
        let body = json!({"Name": format!("/s/{number}"), "Value": format!("secret {number}"), "Type": "SecureString"});
        ssm(&hub, "PutParameter", body).await.ok();
    }
    let before = ssm(&hub, "GetParameter", json!({"Name": "/s/3"})).await.ok();
    let rotated = hub.call("Roadstead.RotateSecretKey", &json!({"KeyId": "alias/aws/ssm"})).await.ok();
    assert_eq!(rotated["PendingCount"], 5);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let keys = hub.call("Roadstead.ListSecretKeys", &json!({})).await.ok();
        if keys["Keys"][0]["PendingCount"] == 0 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{keys}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let after = ssm(&hub, "GetParameter", json!({"Name": "/s/3"})).await.ok();
    assert_ne!(before["Parameter"]["Value"], after["Parameter"]["Value"]);
    let open = ssm(&hub, "GetParameter", json!({"Name": "/s/3", "WithDecryption": true}))
        .await
        .ok();
    assert_eq!(open["Parameter"]["Value"], "secret 3");
}

#[tokio::test]
async fn tags_belong_to_the_parameter_and_go_with_it() {
    let hub = TestHub::start().await;
    let body = json!({"Name": "t", "Value": "x", "Type": "String", "Tags": [{"Key": "env", "Value": "prod"}]});
    ssm(&hub, "PutParameter", body).await.ok();
    let tags = |id: &str| json!({"ResourceType": "Parameter", "ResourceId": id});
    let listed = ssm(&hub, "ListTagsForResource", tags("/t")).await.ok();
    assert_eq!(listed["TagList"], json!([{"Key": "env", "Value": "prod"}]));
    let filter = json!({"ParameterFilters": [{"Key": "tag:env", "Values": ["prod"]}]});
    assert_eq!(names(&ssm(&hub, "DescribeParameters", filter).await.ok()), ["t"]);
    let both = json!({"Name": "t", "Value": "y", "Overwrite": true, "Tags": [{"Key": "a", "Value": "b"}]});
    assert_eq!(ssm(&hub, "PutParameter", both).await.code(), "ValidationException");
    ssm(&hub, "DeleteParameters", json!({"Names": ["t", "none"]})).await.ok();
    assert_eq!(ssm(&hub, "ListTagsForResource", tags("t")).await.code(), "InvalidResourceId");
    put(&hub, "t", "again").await;
    assert_eq!(ssm(&hub, "ListTagsForResource", tags("t")).await.ok()["TagList"], json!([]));
}

#[tokio::test]
async fn an_expired_parameter_is_deleted_on_time() {
    let hub = TestHub::start().await;
    let policies = json!([{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2020-01-01T00:00:00.000Z"}}]);
    let body = json!({"Name": "/old", "Value": "x", "Type": "String", "Policies": policies.to_string()});
    assert_eq!(ssm(&hub, "PutParameter", body.clone()).await.code(), "ValidationException");
    let mut advanced = body;
    advanced["Tier"] = json!("Advanced");
    ssm(&hub, "PutParameter", advanced).await.ok();
    let described = ssm(&hub, "DescribeParameters", json!({})).await.ok();
    assert_eq!(described["Parameters"][0]["Policies"][0]["PolicyType"], "Expiration");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while ssm(&hub, "GetParameter", json!({"Name": "/old"})).await.code() == "ok" {
        assert!(std::time::Instant::now() < deadline, "the parameter is still there");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn what_upstream_refuses_is_refused_in_its_words() {
    let hub = TestHub::start().await;
    let refuse = |body: Value| ssm(&hub, "PutParameter", body);
    let with = |member: &str, value: Value| {
        let mut body = json!({"Name": "n", "Value": "v", "Type": "String"});
        body[member] = value;
        body
    };
    for (body, code) in [
        (with("Name", json!("ssm_x")), "ValidationException"),
        (with("Name", json!("/aws/x/y")), "AccessDeniedException"),
        (with("Name", json!("/a".repeat(16))), "HierarchyLevelLimitExceededException"),
        (with("Value", json!("{{ssm:x}}")), "ValidationException"),
        (with("Value", json!("v".repeat(4097))), "ValidationException"),
        (with("AllowedPattern", json!("(")), "InvalidAllowedPatternException"),
        (with("AllowedPattern", json!("x+")), "ParameterPatternMismatchException"),
        (with("DataType", json!("Text")), "ValidationException"),
        (with("KeyId", json!("alias/aws/ssm")), "ValidationException"),
    ] {
        assert_eq!(refuse(body.clone()).await.code(), code, "{body:.100}");
    }
    let two = refuse(json!({"Type": "str"})).await;
    assert_eq!(
        two.body["message"],
        "3 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; Value null at 'value' \
         failed to satisfy constraint: Member must not be null; Value 'str' at 'type' failed to satisfy constraint: Member must satisfy \
         enum value set: [SecureString, StringList, String]"
    );
    let mut large = with("Value", json!("v".repeat(200_000)));
    large["Tier"] = json!("Intelligent-Tiering");
    assert_eq!(refuse(large).await.ok()["Tier"], "Advanced");
    let other = json!({"Name": "n", "Value": "v", "Type": "StringList", "Overwrite": true});
    assert_eq!(refuse(other).await.code(), "HierarchyTypeMismatchException");
}
