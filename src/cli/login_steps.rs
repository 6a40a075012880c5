//! The steps of a login with a password: second factor, a new password, a second factor that must be set up first.

use anyhow::{Context as _, Result};
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Secret;
use crate::cli::client::{CallError, Client, Proof};
use crate::cli::failure::{Exit, Failure};
use crate::cli::login::LoginArgs;
use crate::cli::output::say;
use crate::cli::prompt::{self, ask, ask_hidden};
use crate::cli::trust::Trust;

/// Codes asked for before giving up.
const TRIES: u32 = 3;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    next: String,
    csrf_token: Option<String>,
    ticket: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Enrolment {
    secret: String,
    qr_rows: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Confirmed {
    recovery_codes: Vec<String>,
    login: Answer,
}

/// A console session with nothing left to do.
pub async fn enter(args: &LoginArgs, trust: &Trust, user: &str, password: &Secret<String>) -> Result<Client> {
    let anyone = Client::new(args.url.clone(), trust.clone(), Proof::Nobody)?;
    let request = json!({"UserName": user, "Password": password.expose()});
    let (mut headers, mut answer): (HeaderMap, Answer) = step(&anyone, "Login", request).await?;
    if answer.next == "SecondFactor" {
        (headers, answer) = second_factor(&anyone, answer.ticket.unwrap_or_default()).await?;
    }
    loop {
        let session = session(args, trust, &headers, &answer)?;
        (headers, answer) = match answer.next.as_str() {
            "Done" => return Ok(session),
            "NewPassword" => new_password(&session, password).await?,
            "Enrol" => enrol(&session).await?,
            "RecoveryCodes" => recovery_codes(&session).await?,
            other => anyhow::bail!("the hub asks for a step of the login that this program does not know: {other}"),
        };
    }
}

async fn step<T: serde::de::DeserializeOwned>(client: &Client, operation: &str, request: Value) -> Result<(HeaderMap, T)> {
    let (headers, body) = client
        .call_raw(&format!("Roadstead.{operation}"), request.to_string().into())
        .await?;
    let answer = serde_json::from_slice(&body).context("the hub's answer to the login is no JSON")?;
    Ok((headers, answer))
}

fn session(args: &LoginArgs, trust: &Trust, headers: &HeaderMap, answer: &Answer) -> Result<Client> {
    let cookies = headers.get_all(SET_COOKIE).iter().filter_map(|v| v.to_str().ok());
    let pair = cookies
        .filter_map(|cookie| cookie.split(';').next())
        .find(|pair| pair.starts_with("roadstead_session="));
    let proof = Proof::Session {
        cookie: pair.context("the hub's answer to the login has no session")?.to_owned(),
        csrf: answer.csrf_token.clone().unwrap_or_default(),
    };
    Client::new(args.url.clone(), trust.clone(), proof)
}

fn needs_terminal(what: &str) -> Result<()> {
    if prompt::is_possible() {
        return Ok(());
    }
    let failure = Failure::new(
        Exit::Denied,
        format!("this login also needs {what}, and nobody is there to be asked"),
    );
    Err(failure.hint("log in on a terminal, or give an access key: --access-key-id").into())
}

async fn second_factor(anyone: &Client, ticket: String) -> Result<(HeaderMap, Answer)> {
    needs_terminal("a code of your generator")?;
    for left in (0..TRIES).rev() {
        let code = ask("Code (or a recovery code): ")?;
        let is_code = code.bytes().filter(|b| !b.is_ascii_whitespace()).all(|b| b.is_ascii_digit());
        let member = if is_code { "Code" } else { "RecoveryCode" };
        match step(anyone, "ContinueLogin", json!({"Ticket": ticket, member: code})).await {
            Err(error) if left > 0 && is_wrong_code(&error) => say(&error.to_string()),
            other => return other,
        }
    }
    unreachable!("the last try returns")
}

fn is_wrong_code(error: &anyhow::Error) -> bool {
    error.downcast_ref::<CallError>().and_then(CallError::code) == Some("InvalidCodeException")
}

async fn new_password(session: &Client, old: &Secret<String>) -> Result<(HeaderMap, Answer)> {
    needs_terminal("a new password")?;
    say("The password was set by an admin; choose your own.");
    let new = ask_hidden("New password: ")?;
    let again = ask_hidden("Once more: ")?;
    anyhow::ensure!(new.expose() == again.expose(), "the two are not the same; nothing was changed");
    let request = json!({"CurrentPassword": old.expose(), "NewPassword": new.expose()});
    step(session, "ChangePassword", request).await
}

async fn enrol(session: &Client) -> Result<(HeaderMap, Answer)> {
    needs_terminal("a second factor to be set up")?;
    let (_, enrolment): (_, Enrolment) = step(session, "BeginTotp", json!({})).await?;
    say("Your role asks for a second factor. Scan this with an authenticator app, or type the key into it:\n");
    say(&drawn(&enrolment.qr_rows));
    say(&format!("  {}\n", enrolment.secret));
    for left in (0..TRIES).rev() {
        let code = ask("The code that it shows: ")?;
        match step(session, "ConfirmTotp", json!({"Code": code})).await {
            Err(error) if left > 0 && is_wrong_code(&error) => say(&error.to_string()),
            Err(error) => return Err(error),
            Ok((headers, confirmed)) => {
                return Ok((headers, keep_codes(confirmed)));
            }
        }
    }
    unreachable!("the last try returns")
}

async fn recovery_codes(session: &Client) -> Result<(HeaderMap, Answer)> {
    needs_terminal("new recovery codes to be kept")?;
    say("Your role asks for recovery codes, and yours are used up.");
    let (headers, made) = step(session, "MakeRecoveryCodes", json!({})).await?;
    Ok((headers, keep_codes(made)))
}

fn keep_codes(made: Confirmed) -> Answer {
    say("Keep these recovery codes; each is good for one login without the generator:");
    made.recovery_codes.iter().for_each(|code| say(&format!("  {code}")));
    made.login
}

/// Two rows of the code a line, with the light border that scanners want.
fn drawn(rows: &[String]) -> String {
    let is_dark = |y: usize, x: usize| {
        let row = y.checked_sub(2).and_then(|y| rows.get(y));
        x.checked_sub(2)
            .zip(row)
            .is_some_and(|(x, row)| row.as_bytes().get(x) == Some(&b'1'))
    };
    let size = rows.len() + 4;
    let mut out = String::new();
    for y in (0..size).step_by(2) {
        for x in 0..size {
            // Light is drawn, because terminals are dark.
            out.push(match (is_dark(y, x), is_dark(y + 1, x)) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            });
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_with_a_border() {
        let lines: Vec<String> = drawn(&["11".into(), "01".into()]).lines().map(str::to_owned).collect();
        assert_eq!(lines, ["██████", "██▄ ██", "██████"]);
    }
}
