//! The steps of a command's document, as far as their output goes: how many there are, and what stands above each one's.

use serde::Deserialize;

use crate::cli::text;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Step {
    pub name: String,
    #[serde(default)]
    platforms: Vec<String>,
}

/// What stands above each step's output: its name where more than one step may have some, nothing where it goes without saying.
/// That is judged by the document alone, so that a command looks the same while it runs and afterwards.
pub fn titles(steps: &[Step]) -> Vec<Option<String>> {
    let may_write = |step: &&Step| step.platforms.iter().any(|platform| platform == "Linux");
    let has_several = steps.iter().filter(may_write).count() > 1;
    let titles = steps.iter().map(|step| has_several.then(|| title(&step.name)));
    match steps {
        [] => vec![None],
        _ => titles.collect(),
    }
}

pub fn title(name: &str) -> String {
    format!("-- {}", text::escape_line(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_titles_where_several_may_write() {
        let step = |name: &str, platform: &str| Step {
            name: name.into(),
            platforms: vec![platform.into()],
        };
        assert_eq!(titles(&[]), [None]);
        assert_eq!(titles(&[step("one", "Linux")]), [None]);
        assert_eq!(titles(&[step("there", "Windows"), step("here", "Linux")]), [None, None]);
        let two = titles(&[step("one", "Linux"), step("two", "Linux")]);
        assert_eq!(two, [Some("-- one".to_owned()), Some("-- two".to_owned())]);
    }
}
