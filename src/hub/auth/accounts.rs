//! What a login needs to know of a user, and what it writes back.

use crate::base::{ApiError, ApiResult, Timestamp};
use crate::hub::auth::{ConsoleSessions, Stage, factors, rights};
use crate::hub::store::{Condition, Select, StoreError, Tx};

/// The rule of this name holds for everybody.
pub const EVERY_ROLE: &str = "*";

/// A user as a login sees them.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    pub password_hash: Option<String>,
    pub must_change_password: bool,
    /// Whoever let them in has asked for a second factor.
    pub has_second_factor_elsewhere: bool,
    pub roles: Vec<String>,
}

pub fn find(tx: &Tx<'_>, name: &str) -> Result<Option<Account>, StoreError> {
    sql::find(tx, name)
}

/// *Errors*: `ResourceNotFoundException`.
pub fn existing(tx: &Tx<'_>, name: &str) -> ApiResult<Account> {
    find(tx, name)?.ok_or_else(|| ApiError::new("ResourceNotFoundException", format!("there is no user `{name}`")))
}

impl Account {
    /// Where a login stands once password and second factor were right.
    pub fn stage(&self, tx: &Tx<'_>) -> Result<Stage, StoreError> {
        if self.must_change_password {
            return Ok(Stage::NewPassword);
        }
        let (rule, factors) = (self.rule(tx)?, factors::of(tx, &self.name)?);
        if rule.require_second_factor && !self.has_second_factor_elsewhere && !factors.is_any() {
            return Ok(Stage::Enrol);
        }
        if rule.require_recovery_codes && factors.is_any() && factors.recovery_codes_left == 0 {
            return Ok(Stage::RecoveryCodes);
        }
        Ok(Stage::Full)
    }

    /// The strictest of the rules of the user's roles.
    pub fn rule(&self, tx: &Tx<'_>) -> Result<LoginRule, StoreError> {
        let mut strictest = rule(tx, EVERY_ROLE)?;
        for role in &self.roles {
            strictest = strictest.and(rule(tx, role)?);
        }
        Ok(strictest)
    }
}

/// Makes a user without password, roles or scope.
pub fn create(tx: &Tx<'_>, name: &str, now: Timestamp) -> Result<(), StoreError> {
    sql::create(tx, name, now)
}

/// The user who has this name, or one that only case tells apart: people would take the two for one another.
pub fn namesake(tx: &Tx<'_>, name: &str) -> Result<Option<String>, StoreError> {
    sql::namesake(tx, name)
}

/// Replaces all roles.
pub fn set_roles(tx: &Tx<'_>, name: &str, roles: &[String]) -> Result<(), StoreError> {
    sql::set_roles(tx, name, roles)
}

/// Sets a password and ends every login that the old one began, but the session `spared`.
pub fn set_password(tx: &Tx<'_>, name: &str, new: &NewPassword, spared: Option<&str>) -> Result<(), StoreError> {
    sql::set_password(tx, name, new)?;
    ConsoleSessions::revoke_all(tx, name, spared).map(|_| ())
}

pub struct NewPassword {
    pub hash: Option<String>,
    pub must_change: bool,
    pub at: Timestamp,
}

/// The same password under today's cost.
pub fn rehash(tx: &Tx<'_>, name: &str, old: &str, new: &str) -> Result<(), StoreError> {
    sql::rehash(tx, name, old, new)
}

/// What a role asks of its users' logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginRule {
    pub require_second_factor: bool,
    /// Of whoever has a second factor: codes stand in for one.
    pub require_recovery_codes: bool,
    pub step_up_for_shell: bool,
    pub step_up_for_root: bool,
}

impl LoginRule {
    pub fn and(self, other: Self) -> Self {
        Self {
            require_second_factor: self.require_second_factor || other.require_second_factor,
            require_recovery_codes: self.require_recovery_codes || other.require_recovery_codes,
            step_up_for_shell: self.step_up_for_shell || other.step_up_for_shell,
            step_up_for_root: self.step_up_for_root || other.step_up_for_root,
        }
    }
}

pub fn rule(tx: &Tx<'_>, role: &str) -> Result<LoginRule, StoreError> {
    let only = Condition::OneOf("login_rule.role", vec![role.into()]);
    Ok(rules(tx, &only)?.pop().map(|(_, rule)| rule).unwrap_or_default())
}

/// The rules that were set, by role, as far as they are visible (`login_rule.role`).
pub fn rules(tx: &Tx<'_>, visible: &Condition) -> Result<Vec<(String, LoginRule)>, StoreError> {
    sql::rules(tx, visible)
}

pub fn set_rule(tx: &Tx<'_>, role: &str, rule: LoginRule) -> Result<(), StoreError> {
    sql::set_rule(tx, role, rule)
}

mod sql {
    use super::*;

    pub fn find(tx: &Tx<'_>, name: &str) -> Result<Option<Account>, StoreError> {
        // Who is disabled is nobody to a login.
        let sql = "SELECT name, password_hash, must_change_password FROM user WHERE name = :name AND status = 'Active'";
        let roles = rights::sql::roles(tx, name)?;
        tx.row(sql, &[(":name", name.into())], |row| {
            Ok(Account {
                name: row.get("name")?,
                password_hash: row.get("password_hash")?,
                must_change_password: row.get("must_change_password")?,
                has_second_factor_elsewhere: false,
                roles,
            })
        })
    }

    pub fn create(tx: &Tx<'_>, name: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO user (name, created_at) VALUES (:name, :now)";
        tx.execute(sql, &[(":name", name.into()), (":now", now.into())]).map(drop)
    }

    pub fn namesake(tx: &Tx<'_>, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT name FROM user WHERE name = :name COLLATE NOCASE ORDER BY name = :name DESC LIMIT 1";
        tx.row(sql, &[(":name", name.into())], |row| row.get("name"))
    }

    pub fn set_roles(tx: &Tx<'_>, user: &str, roles: &[String]) -> Result<(), StoreError> {
        tx.execute("DELETE FROM user_role WHERE user_name = :user", &[(":user", user.into())])?;
        for role in roles {
            tx.execute(
                "INSERT INTO user_role (user_name, role_name) VALUES (:user, :role) ON CONFLICT (user_name, role_name) DO NOTHING",
                &[(":user", user.into()), (":role", role.into())],
            )?;
        }
        Ok(())
    }

    pub fn set_password(tx: &Tx<'_>, name: &str, new: &NewPassword) -> Result<(), StoreError> {
        let params = [
            (":name", name.into()),
            (":hash", new.hash.clone().into()),
            (":must_change", new.must_change.into()),
            (":at", new.at.into()),
        ];
        tx.execute(
            "UPDATE user SET password_hash = :hash, must_change_password = :must_change, password_changed_at = :at
             WHERE name = :name",
            &params,
        )
        .map(|_| ())
    }

    pub fn rehash(tx: &Tx<'_>, name: &str, old: &str, new: &str) -> Result<(), StoreError> {
        let params = [(":name", name.into()), (":old", old.into()), (":new", new.into())];
        tx.execute(
            "UPDATE user SET password_hash = :new WHERE name = :name AND password_hash = :old",
            &params,
        )
        .map(|_| ())
    }

    pub fn rules(tx: &Tx<'_>, visible: &Condition) -> Result<Vec<(String, LoginRule)>, StoreError> {
        let head = "SELECT role, require_second_factor, require_recovery_codes, step_up_for_shell, step_up_for_root FROM login_rule";
        Select::new(head).and_condition(visible).order("role").rows(tx, |row| {
            let rule = LoginRule {
                require_second_factor: row.get("require_second_factor")?,
                require_recovery_codes: row.get("require_recovery_codes")?,
                step_up_for_shell: row.get("step_up_for_shell")?,
                step_up_for_root: row.get("step_up_for_root")?,
            };
            Ok((row.get("role")?, rule))
        })
    }

    pub fn set_rule(tx: &Tx<'_>, role: &str, rule: LoginRule) -> Result<(), StoreError> {
        let params = [
            (":role", role.into()),
            (":factor", rule.require_second_factor.into()),
            (":codes", rule.require_recovery_codes.into()),
            (":shell", rule.step_up_for_shell.into()),
            (":root", rule.step_up_for_root.into()),
        ];
        tx.execute(
            "INSERT INTO login_rule (role, require_second_factor, require_recovery_codes, step_up_for_shell, step_up_for_root)
             VALUES (:role, :factor, :codes, :shell, :root)
             ON CONFLICT (role) DO UPDATE SET require_second_factor = excluded.require_second_factor,
                require_recovery_codes = excluded.require_recovery_codes,
                step_up_for_shell = excluded.step_up_for_shell, step_up_for_root = excluded.step_up_for_root",
            &params,
        )
        .map(|_| ())
    }
}
