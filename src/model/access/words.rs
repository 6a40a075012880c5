//! The words of a policy: which actions and kinds of things there are, and which one a slip of the pen meant.
//!
//! A policy that names what nobody has would be taken for a rule and be none: a denial of `ssm:StartSesion` denies nothing.
//! So whatever is written anew is held against these words. What upstream has and this hub has not may stand in a policy,
//! is said to be without effect, and counts once the hub has it.

use crate::model::access::kinds::{HERE, UPSTREAMS};
use crate::model::access::pattern::Pattern;
use crate::model::access::upstream;
use crate::model::nearest::nearest;

/// The actions of this hub, and those of upstream.
pub struct Words {
    here: Vec<Name>,
    upstream: Vec<Name>,
}

struct Name {
    shown: String,
    /// Case does not count in actions.
    lower: String,
}

/// What a word is to this hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    Here,
    /// Upstream has it, this hub does not: one sentence that says so.
    Upstreams(String),
    /// One sentence that names it and what was probably meant.
    Nobodys(String),
}

impl Word {
    /// *Errors*: the sentence about what this hub does not have.
    pub fn here(self) -> Result<(), String> {
        match self {
            Self::Here => Ok(()),
            Self::Upstreams(words) | Self::Nobodys(words) => Err(words),
        }
    }
}

impl Words {
    /// `actions` are this hub's: `ssm:SendCommand` …
    pub fn new(actions: impl IntoIterator<Item = String>) -> Self {
        let mut here: Vec<Name> = actions.into_iter().map(Name::new).collect();
        here.sort_by(|a, b| a.shown.cmp(&b.shown));
        let upstream = upstream::ACTIONS.iter().map(|name| Name::new(format!("ssm:{name}"))).collect();
        Self { here, upstream }
    }

    /// All actions of this hub, by name.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.here.iter().map(|name| name.shown.as_str())
    }

    /// The services that these actions are of, each once.
    pub fn services(&self) -> Vec<&str> {
        let mut services: Vec<&str> = self.actions().filter_map(service_of).collect();
        services.dedup();
        services
    }

    /// An action, or a pattern of actions, of which one that matches is enough.
    pub fn action(&self, given: &str) -> Word {
        let wanted = Pattern::new(&given.to_ascii_lowercase(), "");
        let is_among = |names: &[Name]| names.iter().any(|name| wanted.matches(&name.lower));
        if is_among(&self.here) {
            return Word::Here;
        }
        if is_among(&self.upstream) {
            return Word::Upstreams(upstreams(given));
        }
        Word::Nobodys(self.no_action(given))
    }

    fn no_action(&self, given: &str) -> String {
        let what = match has_wildcard(given) {
            true => format!("no action matches `{}`", shown(given)),
            false => format!("there is no action `{}`", shown(given)),
        };
        if let Some(meant) = self.meant(given) {
            return format!("{what}; did you mean `{meant}`?");
        }
        let service = given.split(':').next().unwrap_or_default();
        let services = self.services();
        match has_wildcard(service) || services.iter().any(|known| known.eq_ignore_ascii_case(service)) {
            true => what,
            false => format!("{what}: the services are {}", services.join(", ")),
        }
    }

    fn meant(&self, given: &str) -> Option<String> {
        let all = || self.here.iter().chain(&self.upstream).map(|name| name.shown.as_str());
        let operation = given.rsplit(':').next().unwrap_or_default();
        let under_another_service = || {
            all().find(|known| {
                known
                    .split_once(':')
                    .is_some_and(|(_, known)| known.eq_ignore_ascii_case(operation))
            })
        };
        let families: Vec<String> = match has_wildcard(given) {
            true => self.actions().flat_map(families_of).collect(),
            false => Vec::new(),
        };
        let family = || nearest(given, families.iter().map(String::as_str));
        let literal = given.replace(['*', '?'], "");
        let found = under_another_service().or_else(family).or_else(|| nearest(&literal, all()));
        found.map(str::to_owned)
    }
}

impl Name {
    fn new(shown: String) -> Self {
        Self {
            lower: shown.to_ascii_lowercase(),
            shown,
        }
    }
}

/// A kind of things, `*` not among them.
pub fn kind(given: &str) -> Word {
    if HERE.contains(&given) {
        return Word::Here;
    }
    if UPSTREAMS.contains(&given) {
        return Word::Upstreams(upstreams(given));
    }
    let what = format!("there is no kind `{}`", shown(given));
    Word::Nobodys(match nearest(given, HERE) {
        Some(meant) => format!("{what}; did you mean `{meant}`?"),
        None => format!("{what}: the kinds are {}", HERE.join(", ")),
    })
}

/// `ssm:*` and `ssm:Send*` of `ssm:SendCommand`.
fn families_of(action: &str) -> Vec<String> {
    let Some((service, operation)) = action.split_once(':') else {
        return Vec::new();
    };
    let next_word = operation.char_indices().skip(1).find(|(_, c)| c.is_ascii_uppercase());
    let verb = &operation[..next_word.map_or(operation.len(), |(at, _)| at)];
    vec![format!("{service}:*"), format!("{service}:{verb}*")]
}

fn service_of(action: &str) -> Option<&str> {
    action.split_once(':').map(|(service, _)| service)
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn upstreams(given: &str) -> String {
    format!("this hub has no `{}`: it is upstream's and changes nothing here", shown(given))
}

/// Somebody's text as it may stand in a message.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let actions = [
            "ssm:SendCommand",
            "ssm:StartSession",
            "ssm:GetParameter",
            "ssm:ListCommands",
            "roadstead:SearchNodes",
            "tag:GetResources",
        ];
        Words::new(actions.map(str::to_owned))
    }

    fn said(word: Word) -> String {
        word.here().unwrap_err()
    }

    #[test]
    fn what_there_is_may_be_named_in_any_case_and_by_patterns() {
        for fine in [
            "ssm:SendCommand",
            "SSM:sendcommand",
            "*",
            "ssm:*",
            "*:Get*",
            "roadstead:?earchNodes",
        ] {
            assert_eq!(words().action(fine), Word::Here, "{fine}");
        }
        assert_eq!(kind("node"), Word::Here);
    }

    #[test]
    fn a_slip_of_the_pen_is_named_with_what_was_meant() {
        let meant = [
            (
                "ssm:StartSesion",
                "there is no action `ssm:StartSesion`; did you mean `ssm:StartSession`?",
            ),
            (
                "ssm:searchnodes",
                "there is no action `ssm:searchnodes`; did you mean `roadstead:SearchNodes`?",
            ),
            ("SendCommand", "there is no action `SendCommand`; did you mean `ssm:SendCommand`?"),
            ("smm:*", "no action matches `smm:*`; did you mean `ssm:*`?"),
            ("ssm:Lsit*", "no action matches `ssm:Lsit*`; did you mean `ssm:List*`?"),
            (
                "ssm:StartSesion*",
                "no action matches `ssm:StartSesion*`; did you mean `ssm:StartSession`?",
            ),
            (
                "ssm:CreateAsociation",
                "there is no action `ssm:CreateAsociation`; did you mean `ssm:CreateAssociation`?",
            ),
            ("ssm:Nope", "there is no action `ssm:Nope`"),
            ("foo:Bar", "there is no action `foo:Bar`: the services are roadstead, ssm, tag"),
        ];
        for (given, words_said) in meant {
            assert_eq!(said(words().action(given)), words_said);
        }
        assert_eq!(said(kind("nodez")), "there is no kind `nodez`; did you mean `node`?");
        assert!(said(kind("invocation")).starts_with("there is no kind `invocation`: the kinds are access-key, "));
    }

    #[test]
    fn what_upstream_has_and_this_hub_has_not_is_told_apart() {
        for theirs in ["ssm:CreateAssociation", "ssm:*Association*", "ssm:updateinstanceinformation"] {
            assert!(matches!(words().action(theirs), Word::Upstreams(_)), "{theirs}");
        }
        assert!(matches!(kind("window"), Word::Upstreams(_)));
        assert_eq!(
            said(words().action("ssm:CreateAssociation")),
            "this hub has no `ssm:CreateAssociation`: it is upstream's and changes nothing here"
        );
    }
}
