//! The values below a path, by their relative names: as environment, JSON and YAML, in both directions.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::FileFormat;
use crate::cli::client::Client;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output;
use crate::cli::{shell, text};

/// Relative name (`db/host`) to value.
pub type Values = BTreeMap<String, String>;

/// One parameter of a file.
#[derive(Debug, PartialEq)]
pub struct Entry {
    pub name: String,
    pub value: String,
    pub is_list: bool,
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
        Some((relative.to_owned(), p["Value"].as_str()?.to_owned()))
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
        if all.insert(variable.clone(), value).is_some() {
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

pub fn print(values: &Values, format: FileFormat) -> Result<String> {
    let object = || Value::Object(values.iter().map(|(name, value)| (name.clone(), json!(value))).collect());
    match format {
        FileFormat::Env => {
            let lines = variables(values, "")?
                .into_iter()
                .map(|(name, value)| format!("{name}={}\n", shell::quote(value)));
            Ok(lines.collect())
        }
        FileFormat::Json => output::json(&object()),
        FileFormat::Yaml => output::yaml(&object()),
    }
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

/// The entries of a file, in its order for `env` and by name otherwise.
///
/// *Errors*: what is not of that format, with the line or the name.
pub fn parse(text: &str, format: FileFormat) -> Result<Vec<Entry>> {
    match format {
        FileFormat::Env => text
            .lines()
            .enumerate()
            .filter_map(|(at, line)| env_line(at, line).transpose())
            .collect(),
        FileFormat::Json => flatten(serde_json::from_str(text).map_err(|e| Failure::usage(format!("this is no JSON: {e}")))?),
        FileFormat::Yaml => flatten(serde_saphyr::from_str(text).map_err(|e| Failure::usage(format!("this is no YAML: {e}")))?),
    }
}

fn env_line(at: usize, line: &str) -> Result<Option<Entry>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line
        .split_once('=')
        .ok_or_else(|| Failure::usage(format!("line {}: write NAME=value", at + 1)))?;
    Ok(Some(Entry {
        name: name.trim().to_owned(),
        value: unquoted(value.trim()),
        is_list: false,
    }))
}

/// As a shell reads one word: `'…'` as it stands, `"…"` with `\` before `"`, `\`, `$` and `` ` ``.
fn unquoted(word: &str) -> String {
    let mut out = String::new();
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => out.extend(chars.by_ref().take_while(|c| *c != '\'')),
            '"' => {
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    match c {
                        '\\' => out.extend(chars.next()),
                        c => out.push(c),
                    }
                }
            }
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// Objects become levels of the tree, lists become lists.
fn flatten(value: Value) -> Result<Vec<Entry>> {
    let Value::Object(members) = value else {
        return Err(Failure::usage("the file must hold one object of names and values").into());
    };
    let mut all = Vec::new();
    walk("", members, &mut all)?;
    Ok(all)
}

fn walk(above: &str, members: Map<String, Value>, all: &mut Vec<Entry>) -> Result<()> {
    for (name, value) in members {
        let name = if above.is_empty() { name } else { format!("{above}/{name}") };
        let (value, is_list) = match value {
            Value::Object(members) => {
                walk(&name, members, all)?;
                continue;
            }
            Value::Array(items) => (items.iter().map(plain).collect::<Vec<_>>().join(","), true),
            Value::Null => return Err(Failure::usage(format!("`{name}` has no value")).into()),
            other => (plain(&other), false),
        };
        all.push(Entry { name, value, is_list });
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        [("db/host", "h 1"), ("db/pass", "it's $x"), ("port", "80")]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    #[test]
    fn what_is_exported_is_imported_again() {
        for format in [FileFormat::Json, FileFormat::Yaml] {
            let back = parse(&print(&values(), format).unwrap(), format).unwrap();
            let back: Values = back.into_iter().map(|e| (e.name, e.value)).collect();
            assert_eq!(back, values());
        }
        let env = parse(&print(&values(), FileFormat::Env).unwrap(), FileFormat::Env).unwrap();
        let env: Vec<(&str, &str)> = env.iter().map(|e| (e.name.as_str(), e.value.as_str())).collect();
        assert_eq!(env, [("DB_HOST", "h 1"), ("DB_PASS", "it's $x"), ("PORT", "80")]);
    }

    #[test]
    fn objects_are_levels_and_lists_are_lists() {
        let found = parse(r#"{"a": {"b": 1, "c": ["x", "y"]}, "d": true}"#, FileFormat::Json).unwrap();
        let found: Vec<(&str, &str, bool)> = found.iter().map(|e| (e.name.as_str(), e.value.as_str(), e.is_list)).collect();
        assert_eq!(found, [("a/b", "1", false), ("a/c", "x,y", true), ("d", "true", false)]);
        assert!(parse("[1]", FileFormat::Json).is_err() && parse("nonsense", FileFormat::Env).is_err());
    }

    #[test]
    fn names_that_would_be_one_variable_are_refused() {
        let clash: Values = [("a-b", "1"), ("a_b", "2")].map(|(k, v)| (k.into(), v.into())).into();
        assert!(print(&clash, FileFormat::Env).is_err());
        let path: Values = [("path", "/tmp/evil")].map(|(k, v)| (k.into(), v.into())).into();
        assert!(exec(&path, "", &["true".to_owned()]).is_err());
        assert!(variables(&path, "APP_").unwrap().contains_key("APP_PATH"));
        assert_eq!(variable("9/x.y"), "_9_X_Y");
    }
}
