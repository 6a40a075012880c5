//! How people prove who they are: passwords, second factors, sessions, fresh proofs, the way back in.

use roadstead::base::{Clock, Secret};
use roadstead::hub::auth::totp;
use serde_json::{Value, json};

use crate::support::{Answer, Browser, Key, PASSWORD, TestHub, now};

const OTHER: &str = "another long pass phrase";

/// A hub whose clock stands still: no code grows too old on its way from a phone to the hub.
async fn hub() -> TestHub {
    TestHub::start_by(Clock::manual(now())).await
}

/// A phone: it never shows the same code twice, because the hub takes none twice.
struct Phone {
    clock: Clock,
    secret: Secret<Vec<u8>>,
    last: i64,
}

impl Phone {
    fn next(&mut self) -> String {
        let current = self.clock.now().millis() / 1000 / totp::STEP_SECONDS;
        self.last = (self.last + 1).max(current - 1);
        totp::code(&self.secret, self.last)
    }
}

/// Enrols a code generator in this browser; the recovery codes come along.
async fn enrol(browser: &mut Browser<'_>) -> (Phone, Vec<String>) {
    let begun = browser.call("BeginTotp", json!({})).await.ok();
    let secret = data_encoding::BASE32_NOPAD
        .decode(begun["Secret"].as_str().unwrap().as_bytes())
        .unwrap();
    assert!(begun["Uri"].as_str().unwrap().starts_with("otpauth://totp/Roadstead%20127.0.0.1"));
    let rows = begun["QrRows"].as_array().unwrap();
    assert!(rows.len() > 20 && rows.iter().all(|row| row.as_str().unwrap().len() == rows.len()));
    let mut phone = Phone {
        clock: browser.hub.clock.clone(),
        secret: Secret::new(secret),
        last: 0,
    };
    let done = browser.call("ConfirmTotp", json!({"Code": phone.next()})).await.ok();
    let codes = done["RecoveryCodes"].as_array().unwrap().iter();
    (phone, codes.map(|code| code.as_str().unwrap().to_owned()).collect())
}

async fn go_on(browser: &mut Browser<'_>, login: Answer, member: &str, code: &str) -> Answer {
    let login = login.ok();
    assert_eq!(login["Next"], "SecondFactor");
    assert!(login["CsrfToken"].is_null() && browser.cookie("roadstead_session").is_none_or(str::is_empty));
    browser
        .call("ContinueLogin", json!({"Ticket": login["Ticket"], member: code}))
        .await
}

#[tokio::test]
async fn a_guesser_is_slowed_down_and_the_user_on_a_known_device_is_not() {
    let hub = TestHub::start().await;
    let mut known = Browser::logged_in(&hub, "admin", PASSWORD).await;
    known.call("Logout", json!({})).await.ok();
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(Browser::new(&hub).login("admin", "not the password").await.code().to_owned());
    }
    assert_eq!(codes[0], "InvalidCredentialsException");
    assert_eq!(codes[5], "TooManyAttemptsException", "{codes:?}");
    assert_eq!(known.login("admin", PASSWORD).await.code(), "ok");
    assert_eq!(known.login("nobody", PASSWORD).await.code(), "InvalidCredentialsException");
    assert_eq!(known.login("a b\u{0}", PASSWORD).await.code(), "InvalidCredentialsException");
}

#[tokio::test]
async fn a_login_ends_the_session_it_came_with_and_shares_nothing_with_it() {
    let hub = TestHub::start().await;
    let mut browser = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let (cookie, csrf) = (browser.cookie("roadstead_session").unwrap().to_owned(), browser.csrf.clone());
    browser.login("admin", PASSWORD).await.ok();
    assert_ne!(browser.cookie("roadstead_session"), Some(cookie.as_str()));
    assert_ne!(browser.csrf, csrf);
    let old = hub
        .call_with(
            "Roadstead.GetCaller",
            &json!({}),
            &format!("roadstead_session={cookie}"),
            csrf.as_deref(),
            None,
        )
        .await;
    assert_eq!(old.code(), "MissingAuthenticationTokenException");
    let planted = format!("roadstead_session={}", "0".repeat(64));
    let login = json!({"UserName": "admin", "Password": PASSWORD});
    let answer = hub.call_with("Roadstead.Login", &login, &planted, None, None).await;
    assert!(
        !answer.headers["set-cookie"].to_str().unwrap().contains(&"0".repeat(64)),
        "a planted cookie is not kept"
    );
}

#[tokio::test]
async fn logins_are_listed_and_revoked() {
    let hub = TestHub::start().await;
    let mut here = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let mut there = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let listed = here.call("ListLoginSessions", json!({})).await.ok()["LoginSessions"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed.iter().filter(|s| s["IsCurrent"] == true).count(), 1);
    assert!(listed.iter().all(|s| s["Address"] == "127.0.0.1" && s["Method"] == "password"));
    let other = listed.iter().find(|s| s["IsCurrent"] == false).unwrap();
    let revoke = json!({"LoginSessionId": other["LoginSessionId"]});
    here.call("RevokeLoginSession", revoke.clone()).await.ok();
    assert_eq!(
        there.call("ListLoginSessions", json!({})).await.code(),
        "MissingAuthenticationTokenException"
    );
    assert_eq!(here.call("RevokeLoginSession", revoke).await.code(), "ResourceNotFoundException");
    there.login("admin", PASSWORD).await.ok();
    assert_eq!(here.call("RevokeLoginSessions", json!({})).await.ok()["Revoked"], 1);
    assert_eq!(here.call("GetCaller", json!({})).await.code(), "ok", "the one that asks stays");
    hub.call("Roadstead.RevokeLoginSessions", &json!({"UserName": "admin"})).await.ok();
    assert_eq!(
        here.call("GetCaller", json!({})).await.code(),
        "MissingAuthenticationTokenException"
    );
}

#[tokio::test]
async fn a_changed_password_ends_the_other_logins() {
    let hub = TestHub::start().await;
    let mut here = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let mut there = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let change = |old: &str, new: &str| json!({"CurrentPassword": old, "NewPassword": new});
    assert_eq!(
        here.call("ChangePassword", change("wrong", OTHER)).await.code(),
        "InvalidCredentialsException"
    );
    assert_eq!(
        here.call("ChangePassword", change(PASSWORD, "Password123!")).await.code(),
        "ValidationException"
    );
    assert_eq!(
        here.call("ChangePassword", change(PASSWORD, "I am the admin!")).await.code(),
        "ValidationException"
    );
    let before = here.cookie("roadstead_session").unwrap().to_owned();
    assert_eq!(here.call("ChangePassword", change(PASSWORD, OTHER)).await.ok()["Next"], "Done");
    assert_ne!(here.cookie("roadstead_session"), Some(before.as_str()));
    assert_eq!(here.call("AmazonSSM.ListCommands", json!({})).await.code(), "ok");
    assert_eq!(
        there.call("GetCaller", json!({})).await.code(),
        "MissingAuthenticationTokenException"
    );
    assert_eq!(there.login("admin", PASSWORD).await.code(), "InvalidCredentialsException");
    assert_eq!(there.login("admin", OTHER).await.code(), "ok");
    let by_key = hub.call("Roadstead.ChangePassword", &change(OTHER, PASSWORD)).await;
    assert_eq!(by_key.code(), "AccessDeniedException");
}

#[tokio::test]
async fn a_password_set_by_an_admin_is_good_for_setting_another() {
    let hub = TestHub::start().await;
    let set_at = async || hub.call("Roadstead.DescribeUser", &json!({"UserName": "admin"})).await.ok()["User"]["PasswordChangedAt"].clone();
    let before = set_at().await;
    let made = hub.call("Roadstead.ResetPassword", &json!({"UserName": "admin"})).await.ok();
    assert!(set_at().await.as_f64() > before.as_f64(), "when it was set is shown");
    let once = made["Password"].as_str().unwrap();
    let mut browser = Browser::new(&hub);
    assert_eq!(browser.login("admin", once).await.ok()["Next"], "NewPassword");
    assert_eq!(browser.call("GetCaller", json!({})).await.ok()["Next"], "NewPassword");
    for (operation, body) in [
        ("AmazonSSM.ListCommands", json!({})),
        ("CreateAccessKey", json!({})),
        ("BeginTotp", json!({})),
    ] {
        assert_eq!(
            browser.call(operation, body).await.code(),
            "LoginIncompleteException",
            "{operation}"
        );
    }
    let kept = json!({"CurrentPassword": once, "NewPassword": once});
    assert_eq!(browser.call("ChangePassword", kept).await.code(), "ValidationException");
    assert_eq!(browser.call("GetCaller", json!({})).await.ok()["Next"], "NewPassword");
    let change = json!({"CurrentPassword": once, "NewPassword": OTHER});
    assert_eq!(browser.call("ChangePassword", change).await.ok()["Next"], "Done");
    assert_eq!(browser.call("AmazonSSM.ListCommands", json!({})).await.code(), "ok");
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_no_code_counts_twice() {
    let hub = hub().await;
    let mut browser = Browser::logged_in(&hub, "admin", PASSWORD).await;
    assert_eq!(
        browser.call("ConfirmTotp", json!({"Code": "000000"})).await.code(),
        "ValidationException"
    );
    let (mut phone, recovery) = enrol(&mut browser).await;
    assert_eq!(recovery.len(), 10);
    let mut other = Browser::new(&hub);
    let login = other.login("admin", PASSWORD).await;
    let wrong = go_on(&mut other, login, "Code", "000000").await;
    assert_eq!(wrong.code(), "InvalidCodeException");
    let code = phone.next();
    let login = other.login("admin", PASSWORD).await;
    assert_eq!(go_on(&mut other, login, "Code", &code).await.ok()["Next"], "Done");
    let mut thief = Browser::new(&hub);
    let login = thief.login("admin", PASSWORD).await;
    assert_eq!(go_on(&mut thief, login, "Code", &code).await.code(), "InvalidCodeException");
    let listed = other.call("ListLoginSessions", json!({})).await.ok();
    assert!(listed.to_string().contains("password and code"));
}

#[tokio::test]
async fn a_recovery_code_counts_once_and_new_ones_replace_the_old() {
    let hub = hub().await;
    let mut browser = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let (_phone, codes) = enrol(&mut browser).await;
    let typed = codes[0].to_uppercase().replace('-', " ");
    let mut other = Browser::new(&hub);
    let login = other.login("admin", PASSWORD).await;
    assert_eq!(go_on(&mut other, login, "RecoveryCode", &typed).await.code(), "ok");
    other.call("Logout", json!({})).await.ok();
    let login = other.login("admin", PASSWORD).await;
    assert_eq!(
        go_on(&mut other, login, "RecoveryCode", &codes[0]).await.code(),
        "InvalidCodeException"
    );
    assert_eq!(browser.call("GetFactors", json!({})).await.ok()["RecoveryCodesLeft"], 9);
    let fresh = browser.call("MakeRecoveryCodes", json!({})).await.ok();
    assert_eq!(browser.call("GetFactors", json!({})).await.ok()["RecoveryCodesLeft"], 10);
    let login = other.login("admin", PASSWORD).await;
    assert_eq!(
        go_on(&mut other, login, "RecoveryCode", &codes[1]).await.code(),
        "InvalidCodeException"
    );
    let login = other.login("admin", PASSWORD).await;
    let new = fresh["RecoveryCodes"][0].as_str().unwrap();
    assert_eq!(go_on(&mut other, login, "RecoveryCode", new).await.code(), "ok");
}

#[tokio::test]
async fn a_half_finished_login_ends_after_some_wrong_codes() {
    let hub = hub().await;
    let mut browser = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let (mut phone, _) = enrol(&mut browser).await;
    let mut known = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let ticket = known.login("admin", PASSWORD).await.ok()["Ticket"].clone();
    for _ in 0..4 {
        let wrong = known.call("ContinueLogin", json!({"Ticket": ticket, "Code": "000000"})).await;
        assert_eq!(wrong.code(), "InvalidCodeException");
    }
    for request in [
        json!({"Ticket": ticket}),
        json!({"Ticket": ticket, "Code": phone.next()}),
        json!({"Ticket": "x", "Code": "000000"}),
    ] {
        let code = known.call("ContinueLogin", request).await.code().to_owned();
        assert!(["ValidationException", "LoginExpiredException"].contains(&code.as_str()), "{code}");
    }
}

#[tokio::test]
async fn a_role_may_demand_a_second_factor() {
    let hub = hub().await;
    let rule = json!({"Role": "admin", "RequireSecondFactor": true});
    hub.call("Roadstead.PutLoginRule", &rule).await.ok();
    let mut browser = Browser::new(&hub);
    assert_eq!(browser.login("admin", PASSWORD).await.ok()["Next"], "Enrol");
    assert_eq!(
        browser.call("AmazonSSM.ListCommands", json!({})).await.code(),
        "LoginIncompleteException"
    );
    assert_eq!(browser.call("CreateAccessKey", json!({})).await.code(), "LoginIncompleteException");
    let before = browser.cookie("roadstead_session").unwrap().to_owned();
    enrol(&mut browser).await;
    assert_ne!(browser.cookie("roadstead_session"), Some(before.as_str()));
    assert_eq!(browser.call("AmazonSSM.ListCommands", json!({})).await.code(), "ok");
    assert_eq!(browser.call("RemoveTotp", json!({})).await.code(), "ValidationException");
    hub.call("Roadstead.ClearFactors", &json!({"UserName": "admin"})).await.ok();
    assert_eq!(
        browser.call("GetCaller", json!({})).await.code(),
        "MissingAuthenticationTokenException"
    );
    assert_eq!(browser.login("admin", PASSWORD).await.ok()["Next"], "Enrol");
}

#[tokio::test]
async fn a_role_may_demand_recovery_codes_that_are_not_used_up() {
    let hub = hub().await;
    let rule = json!({"Role": "admin", "RequireRecoveryCodes": true});
    hub.call("Roadstead.PutLoginRule", &rule).await.ok();
    let listed = hub.call("Roadstead.ListLoginRules", &json!({})).await.ok();
    assert_eq!(listed["LoginRules"][0]["RequireRecoveryCodes"], true);
    let mut browser = Browser::new(&hub);
    let without_factor = browser.login("admin", PASSWORD).await.ok();
    assert_eq!(without_factor["Next"], "Done", "codes stand in for a factor");
    let (mut phone, codes) = enrol(&mut browser).await;
    let database = rusqlite::Connection::open(hub.data.path().join("hub.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    // All but one, which is the next to be used.
    let all_but_one = "UPDATE recovery_code SET used_at = 1 WHERE code_hash <> ?1";
    let plain = codes[0].replace('-', "");
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, plain.as_bytes());
    assert_eq!(database.execute(all_but_one, [hash.as_ref()]).unwrap(), 9);
    let mut other = Browser::new(&hub);
    let login = other.login("admin", PASSWORD).await;
    assert_eq!(go_on(&mut other, login, "Code", &phone.next()).await.ok()["Next"], "Done");
    other.call("Logout", json!({})).await.ok();
    let login = other.login("admin", PASSWORD).await;
    let entered = go_on(&mut other, login, "RecoveryCode", &codes[0]).await.ok();
    assert_eq!(entered["Next"], "RecoveryCodes");
    assert_eq!(
        other.call("AmazonSSM.ListCommands", json!({})).await.code(),
        "LoginIncompleteException"
    );
    assert_eq!(other.call("RemoveTotp", json!({})).await.code(), "LoginIncompleteException");
    let before = other.cookie("roadstead_session").unwrap().to_owned();
    let made = other.call("MakeRecoveryCodes", json!({})).await.ok();
    assert_eq!(
        (made["RecoveryCodes"].as_array().unwrap().len(), &made["Login"]["Next"]),
        (10, &json!("Done"))
    );
    assert_ne!(other.cookie("roadstead_session"), Some(before.as_str()));
    assert_eq!(other.call("AmazonSSM.ListCommands", json!({})).await.code(), "ok");
}

#[tokio::test]
async fn a_shell_takes_a_fresh_proof_where_a_rule_asks_for_it() {
    let hub = hub().await;
    let rule = json!({"Role": "*", "StepUpForShell": true, "StepUpForRoot": true});
    hub.call("Roadstead.PutLoginRule", &rule).await.ok();
    assert_eq!(
        hub.call("Roadstead.ListLoginRules", &json!({})).await.ok()["LoginRules"][0]["Role"],
        "*"
    );
    let shell = json!({"Target": "mi-00000000000000000"});
    let mut browser = Browser::logged_in(&hub, "admin", PASSWORD).await;
    assert_eq!(
        browser.call("AmazonSSM.StartSession", shell.clone()).await.code(),
        "StepUpRequiredException"
    );
    let run = json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": ["mi-00000000000000000"]});
    assert_eq!(browser.call("AmazonSSM.SendCommand", run).await.code(), "StepUpRequiredException");
    assert_eq!(
        browser.call("StepUp", json!({"Password": "wrong"})).await.code(),
        "InvalidCredentialsException"
    );
    assert_eq!(
        browser.call("StepUp", json!({"Code": "000000"})).await.code(),
        "ValidationException"
    );
    browser.call("StepUp", json!({"Password": PASSWORD})).await.ok();
    assert_eq!(
        browser.call("AmazonSSM.StartSession", shell.clone()).await.code(),
        "TargetNotConnected"
    );
    let mut other = Browser::logged_in(&hub, "admin", PASSWORD).await;
    assert_eq!(
        other.call("AmazonSSM.StartSession", shell.clone()).await.code(),
        "StepUpRequiredException"
    );
    // A key proves its user in the same way, for itself.
    assert_eq!(hub.call("AmazonSSM.StartSession", &shell).await.code(), "StepUpRequiredException");
    hub.call("Roadstead.StepUp", &json!({"Password": PASSWORD})).await.ok();
    assert_eq!(hub.call("AmazonSSM.StartSession", &shell).await.code(), "TargetNotConnected");
    // With a second factor the password is not enough, and a code may come with temporary credentials.
    let (mut phone, _) = enrol(&mut other).await;
    assert_eq!(
        other.call("StepUp", json!({"Password": PASSWORD})).await.code(),
        "ValidationException"
    );
    other.call("StepUp", json!({"Code": phone.next()})).await.ok();
    assert_eq!(
        other.call("AmazonSSM.StartSession", shell.clone()).await.code(),
        "TargetNotConnected"
    );
    let sts = "AWSSecurityTokenServiceV20110615.GetSessionToken";
    let plain = Key::from_answer(&hub.call(sts, &json!({})).await.ok()["Credentials"]);
    let with_code = json!({"SerialNumber": "any", "TokenCode": phone.next()});
    let proved = Key::from_answer(&hub.call(sts, &with_code).await.ok()["Credentials"]);
    let open = async |key: &Key| {
        hub.call_as(key, "AmazonSSM.StartSession", &shell.to_string())
            .await
            .code()
            .to_owned()
    };
    assert_eq!(open(&plain).await, "StepUpRequiredException");
    assert_eq!(open(&proved).await, "TargetNotConnected");
}

#[tokio::test]
async fn the_hubs_own_shell_lets_an_admin_in_again() {
    let hub = hub().await;
    let mut browser = Browser::logged_in(&hub, "admin", PASSWORD).await;
    enrol(&mut browser).await;
    let request = json!({"UserName": "admin"});
    assert_eq!(
        hub.call("Roadstead.RecoverUser", &request).await.code(),
        "AccessDeniedException",
        "not by any key"
    );
    let answer = hub
        .call_as(&Key::local(&hub), "Roadstead.RecoverUser", &request.to_string())
        .await
        .ok();
    assert_eq!(
        browser.call("GetCaller", json!({})).await.code(),
        "MissingAuthenticationTokenException"
    );
    assert_eq!(browser.login("admin", PASSWORD).await.code(), "InvalidCredentialsException");
    let once = answer["Password"].as_str().unwrap();
    assert_eq!(browser.login("admin", once).await.ok()["Next"], "NewPassword");
    let nobody = hub
        .call_as(
            &Key::local(&hub),
            "Roadstead.RecoverUser",
            &json!({"UserName": "nobody"}).to_string(),
        )
        .await;
    assert_eq!(nobody.code(), "ResourceNotFoundException");
}

#[tokio::test]
async fn secrets_of_a_login_stay_out_of_the_database_file() {
    let hub = TestHub::start().await;
    let mut browser = Browser::logged_in(&hub, "admin", PASSWORD).await;
    let begun: Value = browser.call("BeginTotp", json!({})).await.ok();
    let secret = data_encoding::BASE32_NOPAD
        .decode(begun["Secret"].as_str().unwrap().as_bytes())
        .unwrap();
    let cookie = browser.cookie("roadstead_session").unwrap().as_bytes().to_vec();
    let data = hub.data.path();
    let mut bytes = std::fs::read(data.join("hub.db")).unwrap();
    bytes.extend(std::fs::read(data.join("hub.db-wal")).unwrap());
    for needle in [secret.as_slice(), cookie.as_slice(), PASSWORD.as_bytes()] {
        assert!(!bytes.windows(needle.len()).any(|w| w == needle));
    }
}
