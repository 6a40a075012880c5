//! What goes to stdout: one listing or one record in the format the caller chose.
//!
//! Rows are JSON objects with snake_case members and RFC 3339 times; those names are a promise, members are only ever
//! added. Tables are for people: chosen columns, wide characters measured, hostile characters shown as escapes.
//! Data goes to stdout through [`write`], talk goes to stderr through [`say`].

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use serde_json::{Map, Value};

use crate::base::Timestamp;
use crate::cli::failure::{Exit, Failure};
use crate::cli::text;
use crate::model::filter::Filter;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
    Yaml,
    Csv,
    /// Only what names each row, one a line: for scripts.
    Name,
}

impl Format {
    /// As it is given on the command line.
    fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Csv => "csv",
            Self::Name => "name",
        }
    }
}

/// How results are shown; the options every verb takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Show {
    /// Output format
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    pub output: Format,
    /// Columns of the table or CSV, separated by commas
    #[arg(long, global = true, value_delimiter = ',', value_name = "NAMES", help_heading = "Output")]
    pub columns: Vec<String>,
    /// Leave out the header line
    #[arg(long, global = true, help_heading = "Output")]
    pub no_headers: bool,
    /// Print what nodes say as it is, control characters too
    #[arg(long, global = true, help_heading = "Output")]
    pub raw: bool,
}

/// How a table shows a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A text of any length: a table of rows shows its beginning.
    Long,
    /// An RFC 3339 time, shown as a moment.
    Time,
    /// An RFC 3339 time, shown as how long ago.
    Age,
    Bytes,
    /// Coloured by what it says.
    Status,
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The member of the row.
    pub key: &'static str,
    pub kind: Kind,
    /// Shown without being asked for.
    pub default: bool,
}

impl Column {
    pub const fn new(key: &'static str, kind: Kind) -> Self {
        Self { key, kind, default: true }
    }

    /// Shown only when `--columns` names it.
    pub const fn hidden(key: &'static str, kind: Kind) -> Self {
        Self { key, kind, default: false }
    }

    fn title(&self) -> String {
        self.key.replace('_', " ").to_uppercase()
    }
}

/// Rows of one kind; the first column is what `-o name` prints and other verbs accept.
pub struct Listing {
    pub columns: &'static [Column],
    pub rows: Vec<Value>,
}

impl Show {
    pub fn is_table(&self) -> bool {
        self.output == Format::Table
    }

    /// Whether JSON or YAML goes to stdout, so that only the whole result may be printed.
    pub fn is_structured(&self) -> bool {
        matches!(self.output, Format::Json | Format::Yaml)
    }

    /// *Errors*: a format that only rows come in, for a verb that answers with one value. Asked before anything is done.
    pub fn check_has_no_rows(&self) -> Result<(), Failure> {
        match self.output {
            Format::Csv | Format::Name => Err(Failure::usage(format!(
                "there are no rows here, so `-o {}` shows nothing",
                self.output.word()
            ))
            .hint("use -o json or -o yaml")),
            Format::Table | Format::Json | Format::Yaml => Ok(()),
        }
    }

    /// *Errors*: any format, for a verb whose output has a form of its own.
    pub fn check_is_plain(&self, what: &str) -> Result<(), Failure> {
        match self.output {
            Format::Table => Ok(()),
            other => Err(Failure::usage(format!(
                "{what} has one form only: `-o {}` does not change it",
                other.word()
            ))),
        }
    }

    /// A value without rows; as JSON where nothing else is asked for.
    pub fn value(&self, value: &Value) -> Result<()> {
        self.check_has_no_rows()?;
        write(&match self.output {
            Format::Yaml => yaml(value)?,
            _ => json(value)?,
        })
    }

    pub fn listing(&self, listing: &Listing, now: Timestamp) -> Result<()> {
        let columns = self.chosen(listing.columns)?;
        let text = match self.output {
            Format::Json => json(&Value::Array(listing.rows.clone()))?,
            Format::Yaml => yaml(&Value::Array(listing.rows.clone()))?,
            Format::Csv => self.csv(&columns, &listing.rows)?,
            Format::Name => self.names(listing),
            Format::Table => self.table(&columns, &listing.rows, now),
        };
        write(&text)
    }

    /// One object: `key: value` lines as table, the object itself otherwise.
    pub fn record(&self, listing: Listing, now: Timestamp) -> Result<()> {
        let columns = self.chosen(listing.columns)?;
        let row = listing.rows.first().cloned().unwrap_or_default();
        let text = match self.output {
            Format::Json => json(&row)?,
            Format::Yaml => yaml(&row)?,
            Format::Csv => self.csv(&columns, &listing.rows)?,
            Format::Name => self.names(&listing),
            Format::Table => self.lines(&columns, &row, now),
        };
        write(&text)
    }

    fn chosen(&self, all: &'static [Column]) -> Result<Vec<&'static Column>> {
        if self.columns.is_empty() {
            return Ok(all.iter().filter(|c| c.default).collect());
        }
        let find = |name: &String| all.iter().find(|c| c.key == name.trim().to_lowercase().replace([' ', '-'], "_"));
        let known = || all.iter().map(|c| c.key).collect::<Vec<_>>().join(", ");
        self.columns
            .iter()
            .map(|name| {
                find(name).ok_or_else(|| Failure::usage(format!("there is no column `{name}`")).hint(format!("columns: {}", known())))
            })
            .map(|column| column.map_err(anyhow::Error::from))
            .collect()
    }

    fn names(&self, listing: &Listing) -> String {
        let Some(first) = listing.columns.first() else {
            return String::new();
        };
        listing.rows.iter().map(|row| self.cell(row, first.key) + "\n").collect()
    }

    fn csv(&self, columns: &[&Column], rows: &[Value]) -> Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        if !self.no_headers {
            writer.write_record(columns.iter().map(|c| c.key))?;
        }
        for row in rows {
            writer.write_record(columns.iter().map(|c| self.cell(row, c.key)))?;
        }
        Ok(String::from_utf8_lossy(&writer.into_inner()?).into_owned())
    }

    fn table(&self, columns: &[&Column], rows: &[Value], now: Timestamp) -> String {
        let paint = Paint::for_stdout();
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| columns.iter().map(|c| clipped(c.kind, self.shown(row, c, now))).collect())
            .collect();
        let header: Vec<String> = columns.iter().map(|c| c.title()).collect();
        let widest = |at: usize| {
            let title = if self.no_headers { 0 } else { text::width(&header[at]) };
            cells.iter().map(|row| text::width(&row[at])).max().unwrap_or(0).max(title)
        };
        let widths: Vec<usize> = (0..columns.len()).map(widest).collect();
        let mut out = String::new();
        if !self.no_headers {
            push_line(&mut out, &header, &widths, |_, cell| cell);
        }
        for row in &cells {
            push_line(&mut out, row, &widths, |at, padded| match columns[at].kind {
                Kind::Status => paint.status(&row[at], padded),
                _ => padded,
            });
        }
        out
    }

    fn lines(&self, columns: &[&Column], row: &Value, now: Timestamp) -> String {
        let paint = Paint::for_stdout();
        let label = |c: &Column| c.key.replace('_', " ");
        let widest = columns.iter().map(|c| text::width(&label(c))).max().unwrap_or(0);
        let mut out = String::new();
        for column in columns {
            let cell = self.shown(row, column, now);
            let cell = match column.kind {
                Kind::Status => paint.status(&cell, cell.clone()),
                _ => cell,
            };
            match self.no_headers {
                true => out.push_str(&format!("{cell}\n")),
                false => out.push_str(&format!("{}  {cell}\n", text::pad(&label(column), widest))),
            }
        }
        out
    }

    /// A member as a table shows it.
    fn shown(&self, row: &Value, column: &Column, now: Timestamp) -> String {
        let value = &row[column.key];
        let time = || value.as_str().and_then(parse_time);
        match column.kind {
            Kind::Time => time().map(text::moment),
            Kind::Age => time().map(|at| text::relative(at, now)),
            Kind::Bytes => value.as_u64().map(text::bytes),
            Kind::Text | Kind::Long | Kind::Status => None,
        }
        .unwrap_or_else(|| match self.cell(row, column.key) {
            empty if empty.is_empty() => "-".to_owned(),
            cell => cell,
        })
    }

    /// A member as plain text on one line.
    fn cell(&self, row: &Value, key: &str) -> String {
        let plain = plain(&row[key]);
        match self.raw {
            true => plain,
            false => text::escape_line(&plain),
        }
    }
}

/// What fits beside the other columns, so that one long value does not pad every row.
fn clipped(kind: Kind, cell: String) -> String {
    const CELLS: usize = 60;
    match kind {
        Kind::Long => text::clip(&cell, CELLS),
        _ => cell,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Object(members) => match selector(members) {
            Some(selector) => selector,
            None => {
                let filled = members
                    .iter()
                    .filter(|(_, value)| value.as_array().is_none_or(|items| !items.is_empty()));
                let pairs = filled.map(|(key, value)| format!("{key}={}", plain(value)));
                pairs.collect::<Vec<_>>().join(",")
            }
        },
    }
}

/// A key with its values, any of which is meant, reads as `key=one|another`.
fn selector(members: &Map<String, Value>) -> Option<String> {
    let (key, values) = (members.get("key")?.as_str()?, members.get("values")?.as_array()?);
    let values: Vec<String> = values.iter().map(plain).collect();
    (members.len() == 2).then(|| format!("{key}={}", values.join("|")))
}

fn push_line(out: &mut String, cells: &[String], widths: &[usize], paint: impl Fn(usize, String) -> String) {
    let last = cells.len().saturating_sub(1);
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push_str("  ");
        }
        let padded = if at == last { cell.clone() } else { text::pad(cell, widths[at]) };
        out.push_str(&paint(at, padded));
    }
    out.push('\n');
}

/// Indented JSON with every character escaped that could move a terminal.
pub fn json(value: &Value) -> Result<String> {
    let plain = serde_json::to_string_pretty(value)?;
    let mut out = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        match c {
            '\n' => out.push('\n'),
            c if text::is_hostile(c) => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('\n');
    Ok(out)
}

pub fn yaml(value: &Value) -> Result<String> {
    let mut out = serde_saphyr::to_string(&visible(value))?;
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Ok(out)
}

/// The same value with hostile characters shown as escapes; line breaks and tabs stay.
fn visible(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text::escape_output(text)),
        Value::Array(items) => items.iter().map(visible).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| (text::escape_line(key), visible(value)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(moment.as_millisecond()))
}

/// Keeps the rows that a filter holds for, by their members; `tag:x` looks into `tags`.
///
/// *Errors*: a key that no row can have.
pub fn retain(rows: &mut Vec<Value>, filter: Option<&Filter>, columns: &[Column]) -> Result<()> {
    let Some(filter) = filter else {
        return Ok(());
    };
    let is_known = |key: &str| {
        let is_member = rows.iter().any(|row| row.get(key).is_some());
        is_member || key == "text" || key.starts_with("tag:") || columns.iter().any(|column| column.key == key)
    };
    if let Some(unknown) = filter.terms.iter().find(|term| !is_known(&term.key)) {
        let known: Vec<&str> = columns.iter().map(|column| column.key).collect();
        let message = format!("`{}` is not a filter key of this list: use {}", unknown.key, known.join(", "));
        return Err(Failure::new(Exit::Usage, message).into());
    }
    rows.retain(|row| {
        let mut members: Vec<(String, String)> = Vec::new();
        if let Value::Object(object) = row {
            members.extend(object.iter().map(|(key, value)| (key.clone(), plain(value))));
            members.push((
                "text".to_owned(),
                members.iter().map(|(_, v)| v.as_str()).collect::<Vec<_>>().join(" "),
            ));
        }
        if let Value::Object(tags) = &row["tags"] {
            members.extend(tags.iter().map(|(key, value)| (format!("tag:{key}"), plain(value))));
        }
        filter.matches(|key| members.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()))
    });
    Ok(())
}

/// Colours, where a person with a terminal did not say no to them.
#[derive(Clone, Copy)]
pub struct Paint {
    on: bool,
}

impl Paint {
    pub fn for_stdout() -> Self {
        Self::of(io::stdout().is_terminal())
    }

    pub fn for_stderr() -> Self {
        Self::of(io::stderr().is_terminal())
    }

    fn of(terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            on: terminal && !refused && !dumb,
        }
    }

    pub fn status(self, status: &str, shown: String) -> String {
        let code = match status {
            "Online" | "Success" | "Connected" | "Active" | "connected" => 32,
            "Failed" | "TimedOut" | "DeliveryTimedOut" | "ExecutionTimedOut" | "Undeliverable" | "Incomplete" => 31,
            "Pending" | "InProgress" | "Delayed" | "Cancelling" | "Cancelled" | "Terminated" | "Expired" => 33,
            _ => return shown,
        };
        self.code(code, shown)
    }

    pub fn dim(self, shown: String) -> String {
        self.code(2, shown)
    }

    pub fn bold(self, shown: String) -> String {
        self.code(1, shown)
    }

    fn code(self, code: u8, shown: String) -> String {
        match self.on {
            true => format!("\u{1b}[{code}m{shown}\u{1b}[0m"),
            false => shown,
        }
    }
}

/// Data: to stdout, at once.
pub fn write(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Talk: to stderr, which may be gone.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[Column] = &[
        Column::new("node_id", Kind::Text),
        Column::new("name", Kind::Text),
        Column::new("status", Kind::Status),
        Column::new("last_seen_at", Kind::Age),
        Column::hidden("tags", Kind::Text),
    ];
    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn rows() -> Vec<Value> {
        vec![
            json!({"node_id": "mi-1", "name": "東京-web", "status": "Online", "last_seen_at": "2023-11-14T22:13:15.000Z", "tags": {"env": "prod"}}),
            json!({"node_id": "mi-22", "name": "db\u{1b}[2J", "status": "Offline", "last_seen_at": null, "tags": {}}),
        ]
    }

    #[test]
    fn a_table_lines_up_wide_characters_and_shows_escapes() {
        let show = Show::default();
        let columns = show.chosen(COLUMNS).unwrap();
        let expected = "\
NODE ID  NAME       STATUS   LAST SEEN AT
mi-1     東京-web   Online   5 s ago
mi-22    db\\x1b[2J  Offline  -
";
        assert_eq!(show.table(&columns, &rows(), NOW), expected);
    }

    #[test]
    fn a_long_value_is_cut_in_a_table_and_whole_elsewhere() {
        const COLUMNS: &[Column] = &[Column::new("value", Kind::Long), Column::new("version", Kind::Text)];
        let (show, long) = (Show::default(), "x".repeat(5000));
        let columns = show.chosen(COLUMNS).unwrap();
        let rows = [json!({"value": long, "version": 2}), json!({"value": "short", "version": 1})];
        let table = show.table(&columns, &rows, NOW);
        assert!(table.lines().all(|line| text::width(line) <= 70), "{table}");
        assert!(table.contains("x…  2\n"), "{table}");
        assert!(show.lines(&columns, &rows[0], NOW).contains(&long));
        assert!(show.csv(&columns, &rows).unwrap().contains(&long));
    }

    #[test]
    fn columns_are_chosen_and_unknown_ones_refused_with_the_list() {
        let mut show = Show {
            columns: vec!["name".into(), "tags".into()],
            no_headers: true,
            ..Show::default()
        };
        let columns = show.chosen(COLUMNS).unwrap();
        assert_eq!(show.table(&columns, &rows()[..1], NOW), "東京-web  env=prod\n");
        show.columns = vec!["nmae".into()];
        assert!(show.chosen(COLUMNS).unwrap_err().to_string().contains("nmae"));
    }

    #[test]
    fn a_scope_reads_as_its_selectors() {
        let scope = json!({"tags": [{"key": "env", "values": ["dev", "test"]}], "groups": []});
        assert_eq!(plain(&scope), "tags=env=dev|test");
        assert_eq!(plain(&json!({"groups": ["web"], "tags": []})), "groups=web");
    }

    #[test]
    fn csv_quotes_and_names_are_one_a_line() {
        let show = Show::default();
        let listing = Listing {
            columns: COLUMNS,
            rows: vec![json!({"node_id": "mi-1", "name": "a,\"b\"", "status": "Online"})],
        };
        let columns = show.chosen(COLUMNS).unwrap();
        let text = show.csv(&columns, &listing.rows).unwrap();
        assert_eq!(text, "node_id,name,status,last_seen_at\nmi-1,\"a,\"\"b\"\"\",Online,\n");
        assert_eq!(show.names(&listing), "mi-1\n");
    }

    #[test]
    fn json_never_carries_a_control_character() {
        let text = json(&json!({"name": "a\u{9b}b\u{1b}\u{202e}\u{7f}"})).unwrap();
        assert_eq!(text, "{\n  \"name\": \"a\\u009bb\\u001b\\u202e\\u007f\"\n}\n");
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["name"], "a\u{9b}b\u{1b}\u{202e}\u{7f}");
    }

    #[test]
    fn yaml_quotes_what_would_read_as_something_else() {
        let text = yaml(&json!([{"name": "no", "note": "a: b # c", "n": 3, "esc": "\u{1b}[m"}])).unwrap();
        let back: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(back, json!([{"name": "no", "note": "a: b # c", "n": 3, "esc": "\\x1b[m"}]));
    }

    #[test]
    fn a_filter_keeps_rows_by_member_tag_and_text() {
        for (filter, kept) in [
            ("status=online", 1),
            ("tag:env=prod", 1),
            ("mi-", 2),
            ("node_id=mi-22 status=online", 0),
        ] {
            let mut rows = rows();
            retain(&mut rows, Some(&filter.parse().unwrap()), &[]).unwrap();
            assert_eq!(rows.len(), kept, "{filter}");
        }
        let columns = [Column::new("name", Kind::Text)];
        let refused = retain(&mut rows(), Some(&"nosuch=1".parse().unwrap()), &columns).unwrap_err();
        assert!(
            refused.to_string().contains("`nosuch`") && refused.to_string().contains("use name"),
            "{refused}"
        );
        assert!(retain(&mut Vec::new(), Some(&"name=a".parse().unwrap()), &columns).is_ok());
    }
}
