//! An order to run a document, read for what it is: its actions, the documents that it brings along, and what in them nobody
//! but the hub decides.
//!
//! Documents are read as they will be run ([`Document::parse`]), so that no way of writing one says something else to the lock
//! than to the executor; one that cannot be read may be anything. What stands behind a parameter makes no difference: whoever
//! sends the document can give it any value that the document allows.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::{DocumentName, content_hash, shown};
use crate::model::document::sources::DOWNLOAD;
use crate::model::document::text::{self, Format};
use crate::model::document::{self, Document, GivenParameters, References, StepSpec, is_outside, secrets, stock, substitute};
use crate::model::run_settings::RunSettings;

/// Sources whose content comes from where the document says, or with the order itself. The hub has a hand in all others: it sends
/// the files, or signs the addresses.
const SOURCES_WITHOUT_HUB: &[&str] = &["HTTP", "Git", "GitHub", "SSMDocument"];

/// Everything that a hub sends for a run.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub name: &'a str,
    pub document: &'a Value,
    pub parameters: &'a GivenParameters,
    pub settings: &'a RunSettings,
    /// What the hub has put behind references.
    pub lookups: &'a References,
    /// Documents in JSON by the name they are named with.
    pub enclosed: &'a BTreeMap<String, String>,
}

/// A document that a hub wants run, with what the hub sends along.
#[derive(Debug)]
pub struct Ordered<'a> {
    sent: Sent<'a>,
    /// The document itself first; read when first asked for, as is the other.
    parts: OnceLock<Vec<Part>>,
    beyond_signatures: OnceLock<Option<String>>,
}

impl<'a> Ordered<'a> {
    pub fn new(sent: Sent<'a>) -> Self {
        Self {
            sent,
            parts: OnceLock::new(),
            beyond_signatures: OnceLock::new(),
        }
    }

    /// Why these allowed documents do not say what will be run, if so; the end of a sentence that begins with the list.
    pub(super) fn is_not_of(&self, allowed: &[DocumentName]) -> Option<String> {
        let (own, enclosed) = self.parts().split_first()?;
        if !allowed.iter().any(|named| named.name == own.name && own.is(named)) {
            return Some(format!("does not have `{}`", own.pinned()));
        }
        if let Some(foreign) = enclosed.iter().find(|part| !allowed.iter().any(|named| part.is(named))) {
            return Some(format!(
                "does not have `{}`, which this document runs or downloads",
                foreign.pinned()
            ));
        }
        let left_open = self.parts().iter().find_map(|part| part.left_to_hub(self.sent.lookups));
        left_open.map(|why| format!("does not say what is run: {why}"))
    }

    /// Whether it, or a document that it brings along, has one of these actions.
    pub(super) fn has_action(&self, actions: &[&str]) -> bool {
        self.parts().iter().any(|part| part.has_action(actions))
    }

    /// Whether it runs this document: by the content under whatever name, by anything else under this name, or because nobody knows
    /// before the run which one it takes from the disk.
    pub(super) fn may_be(&self, named: &DocumentName) -> bool {
        let may_be = |part: &Part| part.name == named.name || part.is(named) || part.step(runs_by_path).is_some();
        self.parts().iter().any(may_be)
    }

    /// What of it no operator can have signed, if there is such, as a sentence: a signature is for a document and its parameters, not
    /// for what the hub adds by itself, be it now or when the run asks for it.
    pub(super) fn beyond_signatures(&self) -> Option<&str> {
        let found = self.beyond_signatures.get_or_init(|| {
            let what = self.added_by_hub()?;
            Some(format!("{what}, which an operator's signature does not cover"))
        });
        found.as_deref()
    }

    fn added_by_hub(&self) -> Option<String> {
        if let Some(reference) = self.sent.lookups.keys().next() {
            let reference = shown(reference);
            return Some(format!("the hub looks up what stands for `{{{{{reference}}}}}`"));
        }
        if let Some(name) = self.sent.enclosed.keys().next() {
            return Some(format!("the hub sends document `{}` along", shown(name)));
        }
        if let Some(step) = self.parts().iter().find_map(|part| part.step(fetches_by_hub)) {
            let name = &step.name;
            return Some(format!("step `{name}` downloads what the hub sends or signs an address for"));
        }
        if self.names_secrets() {
            return Some("the command names secrets, whose values the hub gives".into());
        }
        (!self.sent.settings.is_plain()).then(|| "the command has settings for its processes".into())
    }

    fn names_secrets(&self) -> bool {
        let Sent {
            document,
            parameters,
            lookups,
            enclosed,
            ..
        } = self.sent;
        let resolved = document::check(document, parameters, lookups);
        resolved.is_ok_and(|resolved| !secrets::wanted(&resolved, enclosed.values()).is_empty())
    }

    fn parts(&self) -> &[Part] {
        self.parts.get_or_init(|| {
            let own = Part::new(self.sent.name, Some(self.sent.document.clone()));
            // JSON only, whatever else could be read as a document: its text may be written to a file.
            let read = |json: &String| Some(text::parse(json, Format::Json).ok()?.to_value());
            let enclosed = self
                .sent
                .enclosed
                .iter()
                .map(|(name, json)| Part::new(plain_name(name), read(json)));
            std::iter::once(own).chain(enclosed).collect()
        })
    }
}

/// One of an order's documents.
#[derive(Debug)]
struct Part {
    name: String,
    content: Option<Value>,
    /// `None` when it cannot be read.
    document: Option<Document>,
    hash: OnceLock<String>,
}

impl Part {
    fn new(name: &str, content: Option<Value>) -> Self {
        Self {
            name: name.to_owned(),
            document: content.as_ref().and_then(|content| Document::parse(content).ok()),
            content,
            hash: OnceLock::new(),
        }
    }

    /// Whether it has the content that is meant, whatever the hub calls it.
    fn is(&self, named: &DocumentName) -> bool {
        match (&self.content, &named.sha256) {
            (None, _) => false,
            (Some(content), Some(hash)) => hash == self.hash(content),
            (Some(content), None) => stock::content(&named.name).is_some_and(|own| own == *content),
        }
    }

    fn hash(&self, content: &Value) -> &str {
        self.hash.get_or_init(|| content_hash(content))
    }

    /// As a lock file would name it.
    fn pinned(&self) -> String {
        match &self.content {
            Some(content) => format!("{}@sha256:{}", shown(&self.name), self.hash(content)),
            None => format!("{} (which cannot be read)", shown(&self.name)),
        }
    }

    fn has_action(&self, actions: &[&str]) -> bool {
        let has = |document: &Document| document.steps().iter().any(|step| actions.contains(&step.action.as_str()));
        self.document.as_ref().is_none_or(has)
    }

    fn step(&self, is_meant: fn(&StepSpec) -> bool) -> Option<&StepSpec> {
        self.document.as_ref()?.steps().iter().find(|step| is_meant(step))
    }

    /// What of its run the hub decides, besides the values of its parameters.
    fn left_to_hub(&self, lookups: &References) -> Option<String> {
        let steps = self.document.as_ref().map_or(&[][..], Document::steps);
        let filled = steps.iter().find_map(|step| Some((step, filled_by_hub(step, lookups)?)));
        if let Some((step, name)) = filled {
            let (name, step) = (shown(name), &step.name);
            return Some(format!(
                "the hub decides what stands for `{{{{{name}}}}}` in step `{step}`; make it the default of a parameter with an `allowedPattern`"
            ));
        }
        if let Some(step) = self.step(fetches_by_hub) {
            return Some(format!(
                "the hub decides what step `{}` downloads; a written `sourceType` of {} leaves nothing to it",
                step.name,
                SOURCES_WITHOUT_HUB.join(", ")
            ));
        }
        self.step(runs_by_path).map(|step| {
            format!(
                "step `{}` runs a document that lies on the node then; only a written `documentType` of SSMDocument says which",
                step.name
            )
        })
    }
}

/// A reference in the step's own text that the hub fills in, when the command is sent or while it runs.
fn filled_by_hub<'s>(step: &'s StepSpec, lookups: &References) -> Option<&'s str> {
    let mut found = None;
    step.each_text(&mut |text: &'s str| {
        let is_filled = |name: &&str| is_outside(name) || lookups.contains_key(*name);
        found = found.or_else(|| substitute::references(text).find(is_filled));
    });
    found
}

fn fetches_by_hub(step: &StepSpec) -> bool {
    step.action == DOWNLOAD && !written(step, "sourceType").is_some_and(|source| SOURCES_WITHOUT_HUB.contains(&source))
}

fn runs_by_path(step: &StepSpec) -> bool {
    step.action == secrets::RUN_DOCUMENT && written(step, "documentType") != Some("SSMDocument")
}

fn written<'s>(step: &'s StepSpec, input: &str) -> Option<&'s str> {
    step.inputs.get(input).and_then(Value::as_str).map(str::trim)
}

/// A document's own name, from `NAME:VERSION` or an ARN.
fn plain_name(named: &str) -> &str {
    let name = named.rsplit_once("document/").map_or(named, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}

#[cfg(test)]
impl<'a> Ordered<'a> {
    /// Without anything that a hub adds.
    pub fn alone(name: &'a str, document: &'a Value) -> Self {
        static NOTHING: BTreeMap<String, String> = BTreeMap::new();
        Self::with(name, document, &NOTHING, &NOTHING)
    }

    /// With what a hub looks up and sends along.
    fn with(name: &'a str, document: &'a Value, lookups: &'a References, enclosed: &'a BTreeMap<String, String>) -> Self {
        static PLAIN: std::sync::LazyLock<RunSettings> = std::sync::LazyLock::new(RunSettings::default);
        static NONE: GivenParameters = GivenParameters::new();
        Self::new(Sent {
            name,
            document,
            parameters: &NONE,
            settings: &PLAIN,
            lookups,
            enclosed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(steps: &[Value]) -> Value {
        json!({"schemaVersion": "2.2", "parameters": {"p": {"type": "String", "default": "{{ssm:/p}}"}}, "mainSteps": steps})
    }

    fn step(action: &str, inputs: Value) -> Value {
        json!({"name": "one", "action": action, "inputs": inputs})
    }

    fn script(line: &str) -> Value {
        document(&[step("aws:runShellScript", json!({"runCommand": [line]}))])
    }

    fn running(inner: &str) -> Value {
        document(&[step(
            "aws:runDocument",
            json!({"documentType": "SSMDocument", "documentPath": inner}),
        )])
    }

    fn name(name: &str, content: &Value) -> DocumentName {
        format!("{name}@sha256:{}", content_hash(content)).parse().unwrap()
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    /// Why `Outer`, which is allowed, is not run with what the hub adds.
    fn refusal(outer: &Value, lookups: &[(&str, &str)], enclosed: &[(&str, &Value)], also: &[DocumentName]) -> Option<String> {
        let lookups = pairs(lookups);
        let enclosed = enclosed
            .iter()
            .map(|(name, content)| ((*name).to_owned(), content.to_string()))
            .collect();
        let allowed = [&[name("Outer", outer)], also].concat();
        Ordered::with("Outer", outer, &lookups, &enclosed).is_not_of(&allowed)
    }

    #[test]
    fn every_inner_document_must_be_allowed_by_its_content() {
        let (outer, honest, changed) = (running("Inner"), script("true"), script("id"));
        let inner = [name("Inner", &honest)];
        assert_eq!(refusal(&outer, &[], &[("Inner", &honest)], &inner), None);
        for called in ["Inner", "Inner:7", "arn:aws:ssm:x:0:document/Inner"] {
            let why = refusal(&outer, &[], &[(called, &changed)], &inner).unwrap();
            assert!(why.contains(&format!("`{}`", name("Inner", &changed))), "can be pasted: {why}");
        }
        // However deep it stands.
        let middle = running("Inner");
        let both = [name("Inner", &honest), name("Middle", &middle)];
        assert_eq!(refusal(&outer, &[], &[("Inner", &honest), ("Middle", &middle)], &both), None);
        assert!(refusal(&outer, &[], &[("Inner", &changed), ("Middle", &middle)], &both).is_some());
        // One that is built in is known without a hash.
        let stock = stock::content(stock::RUN_SHELL_SCRIPT).unwrap();
        let by_name = [stock::RUN_SHELL_SCRIPT.parse().unwrap()];
        assert_eq!(refusal(&outer, &[], &[("Any", &stock)], &by_name), None);
        assert!(refusal(&outer, &[], &[(stock::RUN_SHELL_SCRIPT, &honest)], &by_name).is_some());
    }

    #[test]
    fn a_document_that_comes_along_is_json_read_in_one_way() {
        let (outer, honest) = (running("Inner"), script("true"));
        let allowed = [name("Outer", &outer), name("Inner", &honest)];
        let members = honest.to_string();
        let twice = format!("{{\"mainSteps\": [], {}", members.strip_prefix('{').unwrap());
        let text = format!("#!/bin/sh\n{members}");
        for json in [twice, text, "{".into()] {
            let enclosed = BTreeMap::from([("Inner".to_owned(), json)]);
            let why = Ordered::with("Outer", &outer, &BTreeMap::new(), &enclosed).is_not_of(&allowed);
            assert!(why.unwrap().contains("cannot be read"));
        }
    }

    #[test]
    fn the_hub_fills_in_parameters_and_nothing_else() {
        for (line, lookup) in [
            ("echo {{ssm:/look/x}}", "ssm:/look/x"),
            ("echo {{ global:DATE }}", "global:DATE"),
            ("echo {{ssm-secure:/look/x}}", "other"),
            // Any other word in braces is filled in as well when the hub has sent something for it.
            ("docker ps --format '{{ Names }}'", "Names"),
        ] {
            let why = refusal(&script(line), &[(lookup, "$(id)")], &[], &[]).unwrap();
            assert!(why.contains("the hub decides what stands for"), "{why}");
        }
        let by_parameter = script("echo {{ p }} {{ Names }}");
        assert_eq!(refusal(&by_parameter, &[("ssm:/p", "$(id)")], &[], &[]), None);
        let elsewhere = document(&[step(
            "aws:runShellScript",
            json!({"runCommand": ["./run"], "workingDirectory": "/srv/{{ssm:/look/x}}"}),
        )]);
        assert!(refusal(&elsewhere, &[], &[], &[]).is_some());
        // Inside an inner document, too.
        let inner = script("echo {{ssm-secure:/look/x}}");
        assert!(refusal(&running("Inner"), &[], &[("Inner", &inner)], &[name("Inner", &inner)]).is_some());
    }

    #[test]
    fn what_the_hub_sends_or_signs_and_what_lies_about_is_no_content() {
        let download = |source: &str| {
            let inputs = json!({"sourceType": source, "sourceInfo": {"path": "x"}, "destinationPath": "x"});
            document(&[step("aws:downloadContent", inputs)])
        };
        for source in ["S3", "Hub", "{{ p }}", "http", ""] {
            let why = refusal(&download(source), &[], &[], &[]).unwrap();
            assert!(why.contains("downloads"), "{source}: {why}");
            let content = download(source);
            assert!(Ordered::alone("Any", &content).beyond_signatures().unwrap().contains("`one`"));
        }
        for source in ["HTTP", " GitHub ", "Git", "SSMDocument"] {
            assert_eq!(refusal(&download(source), &[], &[], &[]), None, "{source}");
        }
        for kind in ["LocalPath", "{{ p }}"] {
            let local = document(&[step("aws:runDocument", json!({"documentType": kind, "documentPath": "x.json"}))]);
            assert!(refusal(&local, &[], &[], &[]).unwrap().contains("lies on the node"), "{kind}");
        }
    }

    #[test]
    fn actions_are_those_that_will_run() {
        let has = |document: &Value| Ordered::alone("Any", document).has_action(&["aws:runShellScript"]);
        assert!(has(&script("id")) && !has(&document(&[step("aws:softwareInventory", json!({}))])));
        assert!(has(&document(&[step(" aws:runShellScript\n", json!({"runCommand": ["id"]}))])));
        assert!(has(
            &json!({"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["id"]}]}}})
        ));
        assert!(has(&json!({"mainSteps": 7})), "nobody knows what it does");
        let (outer, enclosed) = (running("Inner"), pairs(&[("Inner", &script("id").to_string())]));
        assert!(Ordered::with("Outer", &outer, &BTreeMap::new(), &enclosed).has_action(&["aws:runShellScript"]));
    }

    #[test]
    fn a_document_is_known_inside_another_and_may_be_any_that_lies_on_the_node() {
        let guarded = script("id");
        let enclosed = |called: &str, content: &Value| pairs(&[(called, &content.to_string())]);
        let may_be = |document: &Value, enclosed: &BTreeMap<String, String>| {
            Ordered::with("Outer", document, &BTreeMap::new(), enclosed).may_be(&name("Guarded", &guarded))
        };
        let outer = running("Guarded");
        assert!(may_be(&guarded, &BTreeMap::new()));
        assert!(may_be(&outer, &enclosed("Other", &guarded)));
        assert!(may_be(&outer, &enclosed("arn:aws:ssm:x:0:document/Guarded:3", &script("true"))));
        assert!(!may_be(&outer, &enclosed("Other", &script("true"))));
        let local = document(&[step("aws:runDocument", json!({"documentType": "LocalPath", "documentPath": "/x"}))]);
        assert!(may_be(&local, &BTreeMap::new()));
    }

    #[test]
    fn a_signature_covers_a_document_with_its_parameters_and_nothing_that_a_hub_adds() {
        let plain = script("id");
        let echo = step("aws:runShellScript", json!({"runCommand": ["echo {{ssm-secure:/a}}"]}));
        let secret = json!({"schemaVersion": "2.2", "mainSteps": [echo]});
        let nothing = BTreeMap::new();
        let (lookups, enclosed) = (pairs(&[("ssm:/p", "x")]), pairs(&[("Inner", "{}")]));
        let beyond = |ordered: Ordered<'_>| ordered.beyond_signatures().map(str::to_owned);
        assert_eq!(beyond(Ordered::alone("Any", &plain)), None);
        for (ordered, word) in [
            (Ordered::with("Any", &plain, &lookups, &nothing), "`{{ssm:/p}}`"),
            (Ordered::with("Any", &plain, &nothing, &enclosed), "`Inner`"),
            (Ordered::with("Any", &secret, &nothing, &nothing), "secrets"),
        ] {
            let why = beyond(ordered).unwrap();
            assert!(why.contains(word) && why.contains("does not cover"), "{why}");
        }
        let mut ordered = Ordered::alone("Any", &plain);
        let settings = RunSettings {
            nice: Some(5),
            ..RunSettings::default()
        };
        ordered.sent.settings = &settings;
        assert!(beyond(ordered).unwrap().contains("settings"));
    }
}
