//! `roadstead oidc …`: single sign-on, and who comes in by it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::base::{Clock, Secret};
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};

#[derive(Subcommand)]
pub enum OidcVerb {
    /// Show the provider, and the address that it must send browsers back to
    Show,
    /// Set the provider, or change it: what is not named stays
    Set(Box<SetArgs>),
    /// Let nobody in by it any more
    Off,
    /// Let somebody of the provider log in as a user that is there already
    Link {
        user: String,
        /// What the provider calls them (`sub`); the audit log has it of whoever was refused
        subject: String,
    },
    /// Take that back, and end the user's logins
    Unlink { user: String },
}

#[derive(Args)]
pub struct SetArgs {
    /// https://…, exactly as the provider calls itself
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What the provider knows this hub by
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A file whose first line is the client's secret
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// A public client: no secret
    #[arg(long, conflicts_with = "client_secret_file")]
    no_client_secret: bool,
    /// What the button of the login page says
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// A scope to ask for; all of them replace the usual openid, profile, email
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    scopes: Vec<String>,
    /// The claim that names the user [default: preferred_username]
    #[arg(long, value_name = "CLAIM")]
    user_claim: Option<String>,
    /// The claim that lists groups [default: groups]
    #[arg(long, value_name = "CLAIM")]
    groups_claim: Option<String>,
    /// Members of the group hold the role; all of them replace those that were set (may be repeated)
    #[arg(long = "role", value_name = "GROUP=ROLE")]
    roles: Vec<String>,
    /// Give roles by hand again
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
    /// Whether somebody whom the provider knows becomes a user at their first login
    #[arg(long, value_name = "BOOL")]
    create_users: Option<bool>,
    /// Whether the provider asks for a second factor itself, so that none of the hub's is asked for
    #[arg(long, value_name = "BOOL")]
    is_second_factor: Option<bool>,
    /// A network that the provider may lie in although it is not public, e.g. 10.0.0.0/8; all of them replace those that were set
    #[arg(long = "allow", value_name = "NETWORK")]
    networks: Vec<String>,
    /// Only a provider on the public internet
    #[arg(long, conflicts_with = "networks")]
    no_allow: bool,
    /// A certificate authority to trust besides those of the hub's system
    #[arg(long, value_name = "PEM_FILE")]
    ca: Option<PathBuf>,
}

const COLUMNS: &[Column] = &[
    Column::new("issuer", Kind::Text),
    Column::new("client_id", Kind::Text),
    Column::new("has_client_secret", Kind::Text),
    Column::new("label", Kind::Text),
    Column::new("scopes", Kind::Text),
    Column::new("user_claim", Kind::Text),
    Column::new("groups_claim", Kind::Text),
    Column::new("roles", Kind::Text),
    Column::new("creates_users", Kind::Text),
    Column::new("is_second_factor", Kind::Text),
    Column::new("allowed_networks", Kind::Text),
    Column::new("redirect_uri", Kind::Text),
];

pub async fn run(verb: OidcVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    match verb {
        OidcVerb::Show => show_provider(&client, show).await,
        OidcVerb::Set(args) => set(&client, *args).await,
        OidcVerb::Off => {
            let _: Value = client.hub("DeleteOidc", json!({})).await?;
            output::say("nobody comes in by single sign-on any more; logins that are open stay");
            Ok(())
        }
        OidcVerb::Link { user, subject } => {
            let _: Value = client.hub("LinkOidcUser", json!({"UserName": user, "Subject": subject})).await?;
            output::say(&format!("{user} may log in by single sign-on"));
            Ok(())
        }
        OidcVerb::Unlink { user } => {
            let _: Value = client.hub("UnlinkOidcUser", json!({ "UserName": user })).await?;
            output::say(&format!(
                "{user} does not come in by single sign-on any more; their logins are ended"
            ));
            Ok(())
        }
    }
}

async fn show_provider(client: &Client, show: &Show) -> Result<()> {
    let mut found: Value = client.hub("GetOidc", json!({})).await?;
    let mut row = match found["Settings"].take() {
        Value::Object(settings) => settings,
        _ => Map::new(),
    };
    row.insert("HasClientSecret".into(), found["HasClientSecret"].take());
    row.insert("RedirectUri".into(), found["RedirectUri"].take());
    if let Some(given) = row.get("Roles").and_then(Value::as_array) {
        let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let given: Vec<String> = given
            .iter()
            .map(|one| format!("{}={}", text(one, "Group"), text(one, "Role")))
            .collect();
        row.insert("Roles".into(), json!(given));
    }
    let listing = Listing {
        columns: COLUMNS,
        rows: vec![rows::from_api(Value::Object(row))],
    };
    show.record(listing, Clock::system().now())
}

async fn set(client: &Client, args: SetArgs) -> Result<()> {
    let mut found: Value = client.hub("GetOidc", json!({})).await?;
    let mut settings = match found["Settings"].take() {
        Value::Object(settings) => settings,
        _ => Map::new(),
    };
    let secret = match (&args.client_secret_file, args.no_client_secret) {
        (Some(file), _) => Some(context::read_secret(file)?),
        (None, true) => Some(Secret::new(String::new())),
        (None, false) => None,
    };
    for (name, value) in members(args)? {
        settings.insert(name.to_owned(), value);
    }
    if !settings.contains_key("Issuer") || !settings.contains_key("ClientId") {
        return Err(Failure::usage("a provider has an --issuer and a --client-id").into());
    }
    let mut request = json!({ "Settings": settings });
    if let Some(secret) = secret {
        request["ClientSecret"] = json!(secret.expose());
    }
    let _: Value = client.hub("PutOidc", request).await?;
    output::say("single sign-on is set; the provider must know the address that this shows: roadstead oidc show");
    Ok(())
}

/// What was named, as the API names it.
fn members(args: SetArgs) -> Result<Vec<(&'static str, Value)>> {
    let mut named = Vec::new();
    let texts = [
        ("Issuer", args.issuer),
        ("ClientId", args.client_id),
        ("Label", args.label),
        ("UserClaim", args.user_claim),
        ("GroupsClaim", args.groups_claim),
    ];
    named.extend(texts.into_iter().filter_map(|(name, text)| Some((name, json!(text?)))));
    let flags = [("CreatesUsers", args.create_users), ("IsSecondFactor", args.is_second_factor)];
    named.extend(flags.into_iter().filter_map(|(name, flag)| Some((name, json!(flag?)))));
    if !args.scopes.is_empty() {
        named.push(("Scopes", json!(args.scopes)));
    }
    if !args.roles.is_empty() || args.no_roles {
        let given = args.roles.iter().map(|text| given_role(text));
        named.push(("Roles", Value::Array(given.collect::<Result<_>>()?)));
    }
    if !args.networks.is_empty() || args.no_allow {
        named.push(("AllowedNetworks", json!(args.networks)));
    }
    if let Some(file) = args.ca {
        let pem = std::fs::read_to_string(&file).with_context(|| format!("the certificate authority {}", file.display()))?;
        named.push(("CaPem", json!(pem)));
    }
    Ok(named)
}

/// A group's name may hold a `=`, a role's cannot.
fn given_role(text: &str) -> Result<Value> {
    match text.rsplit_once('=') {
        Some((group, role)) if !group.is_empty() && !role.is_empty() => Ok(json!({"Group": group, "Role": role})),
        _ => Err(Failure::usage(format!("`{text}` is no GROUP=ROLE")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_have_any_name() {
        let given = given_role("cn=ops,dc=example=operator").unwrap();
        assert_eq!(given, json!({"Group": "cn=ops,dc=example", "Role": "operator"}));
        assert!(given_role("operator").is_err() && given_role("=x").is_err() && given_role("x=").is_err());
    }
}
