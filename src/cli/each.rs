//! Verbs that take several names: each is tried, what came of each is told, and the exit code says how it went with all.

use std::fmt::Display;

use anyhow::Result;

use crate::cli::failure::{self, Exit, Failure};
use crate::cli::{output, text};

/// Does `act`, which says itself what it did, with every name.
///
/// *Errors*: of one name its own; of several, each is told when it comes, and what is left is the exit code.
pub async fn each<N: Display>(names: &[N], act: impl AsyncFn(&N) -> Result<()>) -> Result<()> {
    if let [only] = names {
        return act(only).await;
    }
    let mut failed = Vec::new();
    for name in names {
        if let Err(error) = act(name).await {
            let mut failure = failure::of(&error);
            failure.what = format!("{}: {}", text::escape_line(&name.to_string()), failure.what);
            output::say(&failure.words());
            failed.push(failure.exit);
        }
    }
    verdict(&failed, names.len()).map_or(Ok(()), |exit| Err(Failure::silent(exit).into()))
}

/// The exit code that all failures share when nothing went well.
fn verdict(failed: &[Exit], tried: usize) -> Option<Exit> {
    match failed {
        [] => None,
        some if some.len() < tried => Some(Exit::PartlyFailed),
        [first, others @ ..] if others.iter().all(|exit| exit == first) => Some(*first),
        _ => Some(Exit::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// What was tried, and the exit code; names that begin with `x` fail.
    async fn tried(names: &[&str]) -> (Vec<String>, u8) {
        let tried = RefCell::new(Vec::new());
        let done = each(names, async |name| {
            tried.borrow_mut().push((*name).to_owned());
            match *name {
                "x" => Err(Failure::new(Exit::NotFound, "there is no such thing").into()),
                "xx" => Err(Failure::new(Exit::Denied, "not for you").into()),
                _ => Ok(()),
            }
        });
        let code = done.await.err().map_or(0, |error| failure::explain(&error).0);
        (tried.into_inner(), code)
    }

    #[tokio::test]
    async fn one_that_fails_keeps_none_of_the_others_from_being_tried() {
        for (names, code) in [
            (&["a", "b"][..], 0),
            (&["x"], 3),
            (&["a", "x", "b"], 6),
            (&["x", "a"], 6),
            (&["x", "x"], 3),
            (&["x", "xx"], 1),
        ] {
            assert_eq!(
                tried(names).await,
                (names.iter().map(|&n| n.to_owned()).collect(), code),
                "{names:?}"
            );
        }
    }
}
