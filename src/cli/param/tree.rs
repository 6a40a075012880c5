//! The values below a path, by their relative names: as environment, JSON and YAML. The way back is [`entries`](super::entries).

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use super::FileFormat;
use crate::cli::client::Client;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output;
use crate::cli::{shell, text};

/// Relative name (`db/host`) to value.
pub type Values = BTreeMap<String, Content>;

/// A value, and whether it is a `StringList`: texts with commas between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    pub text: String,
    pub is_list: bool,
}

impl Content {
    fn items(&self) -> impl Iterator<Item = &str> {
        self.text.split(',')
    }
}

/// Everything below a path. Without `decrypt` secrets are left out, and said to be.
pub async fn fetch(client: &Client, path: &str, decrypt: bool) -> Result<Values> {
    let root = root_of(path);
    let request = json!({"Path": root, "Recursive": true, "WithDecryption": decrypt, "MaxResults": 10});
    let found: Vec<Value> = client
        .pages("AmazonSSM.GetParametersByPath", request, "Parameters", usize::MAX)
        .await?;
    Ok(relative(&found, &root, decrypt, |p| p["Type"] == "SecureString"))
}

/// A path without the slash at its end.
pub fn root_of(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        root => root.to_owned(),
    }
}

/// The values by their names below `root`; secrets only with `decrypt`, and otherwise counted aloud.
pub fn relative(found: &[Value], root: &str, decrypt: bool, is_secret: impl Fn(&Value) -> bool) -> Values {
    let is_sealed = |p: &Value| is_secret(p) && !decrypt;
    let left_out = found.iter().filter(|p| is_sealed(p)).count();
    if left_out > 0 {
        output::say(&format!(
            "{} left out; --decrypt takes them in",
            text::count(left_out as u64, "secret")
        ));
    }
    let shown = found.iter().filter(|p| !is_sealed(p)).filter_map(|p| {
        let name = p["Name"].as_str()?;
        let relative = name.strip_prefix(root).unwrap_or(name).trim_start_matches('/');
        let text = p["Value"].as_str()?.to_owned();
        let is_list = p["Type"] == "StringList";
        Some((relative.to_owned(), Content { text, is_list }))
    });
    shown.collect()
}

/// What `param exec` calls a parameter: `db/max-size` is `DB_MAX_SIZE`.
pub fn variable(name: &str) -> String {
    let upper = name.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
        _ => '_',
    });
    let upper: String = upper.collect();
    match upper.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{upper}"),
        false => upper,
    }
}

/// *Errors*: two names that would be one variable.
fn variables<'v>(values: &'v Values, prefix: &str) -> Result<BTreeMap<String, &'v str>> {
    let mut all: BTreeMap<String, &str> = BTreeMap::new();
    for (name, value) in values {
        let variable = format!("{prefix}{}", variable(name));
        if all.insert(variable.clone(), &value.text).is_some() {
            let words = format!("two parameters would both be the variable {variable}");
            return Err(Failure::new(Exit::Conflict, words).into());
        }
    }
    Ok(all)
}

/// Whether a variable says which code is run: whoever may write a parameter must not choose that for whoever reads it.
fn chooses_code(variable: &str) -> bool {
    variable.starts_with("LD_")
        || matches!(
            variable,
            "PATH" | "IFS" | "ENV" | "BASH_ENV" | "SHELLOPTS" | "PS4" | "GCONV_PATH" | "PYTHONPATH" | "PYTHONSTARTUP" | "PYTHONHOME"
        )
        || matches!(
            variable,
            "PERL5LIB" | "PERL5OPT" | "RUBYLIB" | "RUBYOPT" | "NODE_OPTIONS" | "JAVA_TOOL_OPTIONS"
        )
}

/// As a file that `param import` reads back value for value.
pub fn print(values: &Values, format: FileFormat) -> Result<String> {
    match format {
        FileFormat::Env => {
            let lines = variables(values, "")?
                .into_iter()
                .map(|(name, value)| format!("{name}={}\n", shell::quote(value)));
            Ok(lines.collect())
        }
        FileFormat::Json => {
            let members = values.iter().map(|(name, content)| match content.is_list {
                true => (name.clone(), content.items().collect()),
                false => (name.clone(), json!(content.text)),
            });
            output::json(&Value::Object(members.collect()))
        }
        FileFormat::Yaml if values.is_empty() => Ok("{}\n".to_owned()),
        FileFormat::Yaml => Ok(values.iter().map(yaml_line).collect()),
    }
}

fn yaml_line((name, content): (&String, &Content)) -> String {
    let value = match content.is_list {
        true => format!("[{}]", content.items().map(quoted).collect::<Vec<_>>().join(", ")),
        false => quoted(&content.text),
    };
    format!("{}: {value}\n", quoted(name))
}

/// A text in double quotes, so that no reader of YAML takes `no`, `0755` or `1.10` for something else; as escapes what could
/// move a terminal and what some readers take for the end of a line or refuse.
fn quoted(text: &str) -> String {
    let is_escaped = |c: char| text::is_hostile(c) || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    let plain = json!(text).to_string();
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        match is_escaped(c) {
            true => out.push_str(&format!("\\u{:04x}", c as u32)),
            false => out.push(c),
        }
    }
    out
}

/// The value itself; what could move a terminal is shown as an escape there, and only there.
pub fn print_value(value: &str, raw: bool) -> Result<()> {
    match std::io::stdout().is_terminal() && !raw {
        true => output::write(&format!("{}\n", text::escape_output(value))),
        false => output::write(&format!("{value}\n")),
    }
}

/// Becomes the command, with the values in its environment.
///
/// *Errors*: a variable that would choose which code is run; a command that cannot be started.
pub fn exec(values: &Values, prefix: &str, command: &[String]) -> Result<()> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::usage("there is no command after `--`").into());
    };
    let variables = variables(values, prefix)?;
    if let Some(bad) = variables.keys().find(|name| chooses_code(name)) {
        let words = format!("a parameter would be the variable {bad}, which chooses the code that runs");
        return Err(Failure::new(Exit::Conflict, words)
            .hint("put something in front of all names with --prefix")
            .into());
    }
    let error = Command::new(program).args(arguments).envs(variables).exec();
    Err(Failure::new(Exit::Remote(127), format!("{program} could not be started: {error}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Content {
        Content {
            text: value.to_owned(),
            is_list: false,
        }
    }

    #[test]
    fn names_that_would_be_one_variable_are_refused() {
        let clash: Values = [("a-b", "1"), ("a_b", "2")].map(|(k, v)| (k.into(), text(v))).into();
        assert!(print(&clash, FileFormat::Env).is_err());
        let path: Values = [("path", "/tmp/evil")].map(|(k, v)| (k.into(), text(v))).into();
        assert!(exec(&path, "", &["true".to_owned()]).is_err());
        assert!(variables(&path, "APP_").unwrap().contains_key("APP_PATH"));
        assert_eq!(variable("9/x.y"), "_9_X_Y");
    }
}
