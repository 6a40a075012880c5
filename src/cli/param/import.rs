//! `param import`: a file's entries as parameters.
//!
//! *Invariant*: whatever can be judged without writing is judged before the first write, for a dry run and a real one alike; so
//! a file is refused whole, with every fault in it. What only the hub can tell while it writes stops the rest, and is said with
//! the entry's name and how far the import came.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::{Value, json};

use super::entries::{self, Entry};
use super::{ImportArgs, input};
use crate::cli::client::{CallError, Client};
use crate::cli::failure::{Exit, Failure};
use crate::cli::{output, text};
use crate::hub::capabilities::parameters::kinds::{Kind, LARGEST_BYTES};
use crate::hub::capabilities::parameters::put::nests;
use crate::model::document::problem::Problem;
use crate::model::parameter::{ParameterKey, Path};

/// As many faults are shown at once; whoever has mended them runs it again.
const SHOWN: usize = 20;
/// As many names as one filter takes.
const NAMES_PER_CALL: usize = 50;

/// A parameter that is to be written.
struct Wanted {
    key: ParameterKey,
    kind: Kind,
    entry: Entry,
}

pub async fn run(client: &Client, args: ImportArgs) -> Result<()> {
    if Path::parse(&args.path).is_none() {
        return Err(Failure::usage(format!("`{}` is no path; write one such as /app/prod", args.path)).into());
    }
    let found = entries::read(&input::file(&args.file)?, args.format);
    let mut problems = found.problems;
    let mut wanted = judged(found.entries, &args, &mut problems);
    let there = kinds_there(client, &wanted).await?;
    let clashes = settle_kinds(&mut wanted, &there, &args);
    if !problems.is_empty() || !clashes.is_empty() {
        return Err(refused(problems, clashes, &args).into());
    }
    if wanted.is_empty() {
        output::say("there are no entries, so nothing is written");
    }
    if !args.dry_run {
        return write(client, &wanted, &args).await;
    }
    for one in &wanted {
        output::say(&format!("would write {}", one.key));
    }
    Ok(())
}

/// The entries that can be parameters; what is wrong with the others is added to the problems.
fn judged(entries: Vec<Entry>, args: &ImportArgs, problems: &mut Vec<Problem>) -> Vec<Wanted> {
    let root = args.path.trim_end_matches('/');
    let mut lines: HashMap<ParameterKey, u32> = HashMap::new();
    let mut wanted = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut refuse = |message: String| problems.push(problem(&entry, message));
        if let Some(message) = value_fault(&entry.content.text) {
            refuse(message);
        }
        let name = format!("{root}/{}", entry.name);
        let key = match ParameterKey::for_writing(&name) {
            Ok(key) => key,
            Err(error) => {
                refuse(format!("`{name}` cannot be a parameter's name: {error}"));
                continue;
            }
        };
        if let Some(line) = lines.insert(key.clone(), entry.at.line) {
            refuse(format!("line {line} has the same name already: keep one of the two"));
            continue;
        }
        let kind = match (args.secret, entry.content.is_list) {
            (true, _) => Kind::SecureString,
            (false, true) => Kind::StringList,
            (false, false) => Kind::String,
        };
        wanted.push(Wanted { key, kind, entry });
    }
    wanted
}

fn problem(entry: &Entry, message: String) -> Problem {
    Problem {
        path: entry.name.clone(),
        ..Problem::error(entry.at, message)
    }
}

/// Why the hub would take no such value, whatever the parameter.
fn value_fault(value: &str) -> Option<String> {
    match value.len() {
        0 => Some("has no value: a parameter's value has at least one character; give it one, or leave the entry out".to_owned()),
        size if size > LARGEST_BYTES => Some(format!(
            "is {size} bytes long: a value has at most {LARGEST_BYTES} ({})",
            text::bytes(LARGEST_BYTES as u64)
        )),
        _ if nests(value) => Some("has `{{…}}`: a value cannot refer to another parameter, so write what it should be".to_owned()),
        _ => None,
    }
}

/// The types of those that are there already.
async fn kinds_there(client: &Client, wanted: &[Wanted]) -> Result<HashMap<ParameterKey, Kind>> {
    let mut there = HashMap::new();
    for some in wanted.chunks(NAMES_PER_CALL) {
        let names: Vec<&str> = some.iter().map(|one| one.key.as_str()).collect();
        let filters = json!([{"Key": "Name", "Option": "Equals", "Values": names}]);
        let request = json!({"ParameterFilters": filters, "MaxResults": NAMES_PER_CALL});
        let found: Vec<Value> = match client
            .pages("AmazonSSM.DescribeParameters", request, "Parameters", usize::MAX)
            .await
        {
            Err(error) if error.code() == Some("AccessDeniedException") => {
                output::say("which of them are there already cannot be told: there is no right to DescribeParameters");
                return Ok(HashMap::new());
            }
            found => found?,
        };
        there.extend(found.iter().filter_map(|row| {
            let key = ParameterKey::for_reading(row["Name"].as_str()?)?;
            Some((key, row["Type"].as_str()?.parse().ok()?))
        }));
    }
    Ok(there)
}

/// What is there keeps its type, where the new value can be of that; the rest is returned.
fn settle_kinds(wanted: &mut [Wanted], there: &HashMap<ParameterKey, Kind>, args: &ImportArgs) -> Vec<Problem> {
    let mut clashes = Vec::new();
    for one in wanted {
        let Some(&kind) = there.get(&one.key) else { continue };
        let message = match (one.kind, kind) {
            _ if !args.overwrite => format!("`{}` is there already: --overwrite makes its next version", one.key),
            (Kind::SecureString, Kind::String | Kind::StringList) => {
                format!("`{}` is a {} and cannot become a secret: delete it first", one.key, kind.as_str())
            }
            (Kind::StringList, Kind::String) => format!("`{}` is a String: write one text, or delete it first", one.key),
            _ => {
                one.kind = kind;
                continue;
            }
        };
        clashes.push(problem(&one.entry, message));
    }
    clashes
}

fn refused(problems: Vec<Problem>, clashes: Vec<Problem>, args: &ImportArgs) -> Failure {
    let exit = if problems.is_empty() { Exit::Conflict } else { Exit::Usage };
    let mut all: Vec<Problem> = problems.into_iter().chain(clashes).collect();
    all.sort_by_key(|problem| (problem.at.line, problem.at.column));
    let faults = text::count(all.len() as u64, "fault");
    let file = match args.file.to_string_lossy() {
        name if name == "-" => "stdin".into(),
        name => name,
    };
    let what = format!("{faults} in {file}; nothing is written");
    let shown = all.iter().take(SHOWN);
    let failure = shown.fold(Failure::new(exit, what), |failure, problem| {
        failure.hint(text::escape_line(&problem.to_string()))
    });
    match all.len().checked_sub(SHOWN) {
        Some(more @ 1..) => failure.hint(format!("and {more} more")),
        _ => failure,
    }
}

async fn write(client: &Client, wanted: &[Wanted], args: &ImportArgs) -> Result<()> {
    for (written, one) in wanted.iter().enumerate() {
        let request = json!({
            "Name": one.key.as_str(), "Value": one.entry.content.text, "Type": one.kind.as_str(), "Overwrite": args.overwrite,
            "Tier": "Intelligent-Tiering",
        });
        match client.ssm::<Value>("PutParameter", request).await {
            Ok(stored) => output::say(&format!("{} has version {}", one.key, stored["Version"])),
            Err(error) => return Err(stopped(&error, one, written, wanted.len()).into()),
        }
    }
    Ok(())
}

/// Where an import ended before its end.
fn stopped(error: &CallError, at: &Wanted, written: usize, all: usize) -> Failure {
    let why = error.to_failure();
    let exit = if written == 0 { why.exit } else { Exit::PartlyFailed };
    let what = format!("{} (line {}) could not be written: {}", at.key, at.entry.at.line, why.what);
    let mut failure = Failure::new(exit, what);
    failure.hints = why.hints;
    let failure = failure.hint(format!("{written} of {all} were written before it"));
    match written {
        0 => failure,
        _ => failure.hint("to go on, mend this and run it again with --overwrite: those that are written get one version more"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::FileFormat;
    use super::*;

    fn args(secret: bool, overwrite: bool) -> ImportArgs {
        ImportArgs {
            file: "app.env".into(),
            path: "/app/".into(),
            format: FileFormat::Env,
            secret,
            overwrite,
            dry_run: false,
        }
    }

    fn judge(text: &str, format: FileFormat) -> (Vec<Wanted>, Vec<String>) {
        let found = entries::read(text, format);
        let mut problems = found.problems;
        let wanted = judged(found.entries, &args(false, false), &mut problems);
        (wanted, problems.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn all_that_the_hub_would_refuse_is_named_before_anything_is_written() {
        let deep = "x/".repeat(15);
        let text = format!(
            "A=1\nEMPTY=\nA=2\na b=1\nN=a {{{{x}}}}\n{deep}=1\nLONG={}\n",
            "x".repeat(LARGEST_BYTES + 1)
        );
        let (_, problems) = judge(&text, FileFormat::Env);
        let expected = [
            "line 2, column 1, at `EMPTY`: has no value",
            "line 3, column 1, at `A`: line 1 has the same name already",
            "line 4, column 1, at `a b`: `/app/a b` cannot be a parameter's name: each level",
            "line 5, column 1, at `N`: has `{{…}}`",
            "line 6, column 1, at `x/x",
            "line 7, column 1, at `LONG`: is 1048577 bytes long: a value has at most 1048576 (1.0 MiB)",
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, start) in problems.iter().zip(expected) {
            assert!(problem.starts_with(start), "{problem}");
        }
        let (_, twins) = judge("a/b: 1\na: {b: 2}", FileFormat::Yaml);
        assert!(
            twins[0].starts_with("line 2, column 5, at `a/b`: line 1 has the same name"),
            "{twins:?}"
        );
    }

    #[test]
    fn what_is_there_keeps_its_type_where_the_value_can_be_that() {
        let settled = |text: &str, there: Kind, args: ImportArgs| {
            let mut problems = Vec::new();
            let mut wanted = judged(entries::read(text, FileFormat::Yaml).entries, &args, &mut problems);
            let there = [(ParameterKey::for_writing("/app/a").unwrap(), there)].into();
            let clashes = settle_kinds(&mut wanted, &there, &args);
            clashes.first().map_or(Ok(wanted[0].kind), |clash| Err(clash.to_string()))
        };
        assert!(
            settled("a: x", Kind::String, args(false, false))
                .unwrap_err()
                .contains("--overwrite")
        );
        assert_eq!(settled("a: x", Kind::SecureString, args(false, true)), Ok(Kind::SecureString));
        assert_eq!(settled("a: 'x,y'", Kind::StringList, args(false, true)), Ok(Kind::StringList));
        assert!(
            settled("a: [x]", Kind::String, args(false, true))
                .unwrap_err()
                .contains("is a String")
        );
        assert!(
            settled("a: x", Kind::String, args(true, true))
                .unwrap_err()
                .contains("cannot become a secret")
        );
    }

    #[test]
    fn a_stop_half_way_says_where_and_how_to_go_on() {
        let (wanted, _) = judge("A=1\nB=2\nC=3", FileFormat::Env);
        let error = CallError::Refused {
            code: "ParameterPatternMismatchException".into(),
            message: "no match".into(),
        };
        let failure = stopped(&error, &wanted[1], 1, wanted.len());
        assert_eq!(failure.exit, Exit::PartlyFailed);
        assert!(
            failure.what.starts_with("/app/B (line 2) could not be written: no match"),
            "{failure}"
        );
        assert_eq!(failure.hints[0], "1 of 3 were written before it");
        assert!(failure.hints[1].contains("--overwrite"));
    }
}
