//! `roadstead limits …`: how much one command may reach.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::base::Clock;
use crate::cli::output::{self, Column, Kind, Listing, Show};
use crate::cli::{context, rows};
use crate::model::filter::Filter;

#[derive(Subcommand)]
pub enum LimitsVerb {
    /// List the limits that are set
    #[command(visible_alias = "ls")]
    List {
        /// Only rows that match, e.g. 'holder=role operator'
        #[arg(long, value_name = "FILTER")]
        filter: Option<Filter>,
    },
    /// What counts for you, or for a user
    Show {
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Replace the limits of a role, a user, or with neither the default
    Set {
        #[command(flatten)]
        holder: Holder,
        /// Nodes of one command at most
        #[arg(long, value_name = "N")]
        max_targets: Option<u32>,
        /// Above so many nodes the sender must say the number
        #[arg(long, value_name = "N")]
        confirm_above: Option<u32>,
        /// Above so many nodes a second person must approve
        #[arg(long, value_name = "N")]
        approve_above: Option<u32>,
    },
    /// Take the limits of a role, a user, or the default away
    Clear {
        #[command(flatten)]
        holder: Holder,
    },
}

#[derive(Args)]
#[group(multiple = false)]
pub struct Holder {
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

impl Holder {
    fn request(self, limits: Value) -> Value {
        let (kind, name) = match (self.role, self.user) {
            (Some(role), _) => ("role", Some(role)),
            (None, Some(user)) => ("user", Some(user)),
            (None, None) => ("default", None),
        };
        let mut request = json!({ "Holder": kind, "Limits": limits });
        if let Some(name) = name {
            request["HolderName"] = json!(name);
        }
        request
    }
}

const COLUMNS: &[Column] = &[
    Column::new("holder", Kind::Text),
    Column::new("holder_name", Kind::Text),
    Column::new("max_targets", Kind::Text),
    Column::new("confirm_above", Kind::Text),
    Column::new("approve_above", Kind::Text),
];

const OWN: &[Column] = &[
    Column::new("max_targets", Kind::Text),
    Column::new("confirm_above", Kind::Text),
    Column::new("approve_above", Kind::Text),
];

pub async fn run(verb: LimitsVerb, show: &Show) -> Result<()> {
    let client = context::connect().await?;
    let now = Clock::system().now();
    match verb {
        LimitsVerb::List { filter } => {
            let request = filter.map_or(json!({}), |filter| json!({ "Filter": filter }));
            let found: Value = client.hub("ListLimits", request).await?;
            let flat = |held: &Value| {
                let mut row = held["Limits"].clone();
                row["Holder"] = held["Holder"].clone();
                row["HolderName"] = held["HolderName"].clone();
                rows::from_api(row)
            };
            let rows = found["Limits"].as_array().into_iter().flatten().map(flat).collect();
            show.listing(&Listing { columns: COLUMNS, rows }, now)
        }
        LimitsVerb::Show { user } => {
            let request = user.map_or(json!({}), |name| json!({ "UserName": name }));
            let found: Value = client.hub("GetLimits", request).await?;
            let rows = vec![rows::from_api(found["Limits"].clone())];
            show.record(Listing { columns: OWN, rows }, now)
        }
        LimitsVerb::Set {
            holder,
            max_targets,
            confirm_above,
            approve_above,
        } => {
            let mut limits = json!({});
            for (member, value) in [
                ("MaxTargets", max_targets),
                ("ConfirmAbove", confirm_above),
                ("ApproveAbove", approve_above),
            ] {
                if let Some(value) = value {
                    limits[member] = json!(value);
                }
            }
            let _: Value = client.hub("PutLimits", holder.request(limits)).await?;
            output::say("the limits are set");
            Ok(())
        }
        LimitsVerb::Clear { holder } => {
            let _: Value = client.hub("PutLimits", holder.request(json!({}))).await?;
            output::say("the limits are taken away");
            Ok(())
        }
    }
}
