//! The API's shapes and the words of policies as TypeScript, for the console: generated from the registry into
//! `web/src/api/types.gen.ts` and `words.gen.ts`.

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::hub::api::Registry;
use crate::model::access::{Words, kinds};

const HEAD: &str = "// Generated from the hub's registry by `UPDATE_GOLDEN=1 cargo test golden`; do not edit.\n";

/// One type per shape, and one entry per operation in `Operations`.
pub fn render(registry: &Registry) -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut operations = String::new();
    for operation in registry.operations() {
        let (request, result) = (operation.schemas)(&mut generator);
        let (request, result) = (type_of(request.as_value()), type_of(result.as_value()));
        let _to_string = writeln!(
            operations,
            "  \"{}.{}\": {{ request: {request}; result: {result} }};",
            operation.service.target_prefix(),
            operation.name
        );
    }
    let mut out = format!("{HEAD}\n");
    let shapes: BTreeMap<String, Value> = generator.take_definitions(true).into_iter().collect();
    for (name, schema) in &shapes {
        let _to_string = writeln!(out, "export type {name} = {};\n", type_of(schema));
    }
    let _to_string = write!(out, "export interface Operations {{\n{operations}}}\n");
    out
}

/// The words that a policy may use, to choose from.
pub fn words(registry: &Registry) -> String {
    let list = |name: &str, words: Vec<String>| {
        let lines: String = words.iter().map(|word| format!("  \"{word}\",\n")).collect();
        format!("\nexport const {name} = [\n{lines}] as const;\n")
    };
    let words = Words::new(registry.actions());
    let actions = list("ACTIONS", words.actions().map(str::to_owned).collect());
    let kinds = list("KINDS", kinds::HERE.map(str::to_owned).to_vec());
    format!("{HEAD}{actions}{kinds}")
}

fn type_of(schema: &Value) -> String {
    let Value::Object(schema) = schema else { return "unknown".into() };
    if let Some(Value::String(reference)) = schema.get("$ref") {
        return reference.rsplit('/').next().unwrap_or("unknown").to_owned();
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        return union(values.iter().map(Value::to_string));
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(options)) = schema.get(key) {
            return union(options.iter().map(type_of));
        }
    }
    match schema.get("type") {
        Some(Value::String(one)) => plain(one, schema),
        Some(Value::Array(several)) => union(several.iter().filter_map(Value::as_str).map(|one| plain(one, schema))),
        _ => "unknown".into(),
    }
}

fn plain(kind: &str, schema: &Map<String, Value>) -> String {
    match kind {
        "string" | "boolean" | "null" => kind.into(),
        "integer" | "number" => "number".into(),
        "array" => format!(
            "{}[]",
            schema
                .get("items")
                .map_or_else(|| "unknown".into(), |items| bracketed(&type_of(items)))
        ),
        "object" => object(schema),
        _ => "unknown".into(),
    }
}

fn object(schema: &Map<String, Value>) -> String {
    let Some(Value::Object(members)) = schema.get("properties") else {
        let values = schema.get("additionalProperties").map_or_else(|| "unknown".into(), type_of);
        return format!("Record<string, {values}>");
    };
    let required: Vec<&str> = match schema.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut out = String::from("{ ");
    for (name, member) in members {
        let mark = if required.contains(&name.as_str()) { "" } else { "?" };
        let _to_string = write!(out, "{name}{mark}: {}; ", type_of(member));
    }
    out.push('}');
    out
}

/// `null` beside a real type only says that the member is optional.
fn union(options: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = options.collect();
    all.sort();
    all.dedup();
    if all.len() > 1 {
        all.retain(|option| option != "null");
    }
    all.join(" | ")
}

fn bracketed(kind: &str) -> String {
    if kind.contains(" | ") {
        format!("({kind})")
    } else {
        kind.to_owned()
    }
}
