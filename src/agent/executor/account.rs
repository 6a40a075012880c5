//! As whom a step's processes run, when the sender named a user.

use crate::agent::step_host::record::{Identity, StepOrder};
use crate::model::run_settings::RunSettings;
use crate::platform::users::{Account, User};

/// Actions whose processes need nothing that only the agent's user may read.
const FOR_ANYBODY: &[&str] = &["aws:runShellScript", "aws:runDockerAction", "aws:configureDocker"];

/// The account that is named; `None` for the agent's own user.
///
/// *Errors*: why it cannot be used, for a person.
pub fn chosen(settings: &RunSettings, own: &User, action: &str) -> Result<Option<Account>, String> {
    // The hub has checked it; what an agent does depends on no hub.
    settings.check()?;
    let Some(name) = settings.user.as_deref().filter(|name| *name != own.name) else {
        return Ok(None);
    };
    if let Some(why) = settings.refused_by(&own.name, own.uid == 0) {
        return Err(why);
    }
    if !FOR_ANYBODY.contains(&action) {
        return Err(format!("`{action}` runs as the agent's user only: leave the user `{name}` out"));
    }
    let account = Account::named(name).ok_or_else(|| format!("this node's /etc/passwd has no user `{name}`"))?;
    Ok(Some(account))
}

/// The order as this account's.
pub fn as_whom(order: StepOrder, account: Option<&Account>) -> StepOrder {
    StepOrder {
        identity: account.map(|account| Identity {
            uid: account.user.uid,
            gid: account.gid,
            groups: account.groups.clone(),
        }),
        ..order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_runs_as_somebody_else_and_only_what_anybody_can() {
        let user = |name: &str, uid| User {
            name: name.into(),
            uid,
            home: "/".into(),
            shell: "/bin/sh".into(),
        };
        let (root, plain) = (user("root", 0), user("plain", 1000));
        let named = |name: &str| RunSettings {
            user: Some(name.into()),
            ..RunSettings::default()
        };
        let shell = "aws:runShellScript";
        assert_eq!(chosen(&RunSettings::default(), &plain, shell), Ok(None));
        assert_eq!(chosen(&named("plain"), &plain, "aws:downloadContent"), Ok(None));
        assert!(chosen(&named("root"), &plain, shell).unwrap_err().contains("only root"));
        assert!(
            chosen(&named("daemon"), &root, "aws:downloadContent")
                .unwrap_err()
                .contains("the agent's user only")
        );
        assert!(
            chosen(&named("nobody-has-this-name"), &root, shell)
                .unwrap_err()
                .contains("/etc/passwd")
        );
        assert!(chosen(&named("a b"), &root, shell).is_err());
    }
}
