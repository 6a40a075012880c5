//! The little of XML that object stores answer with: an element's text by its name.
//!
//! What they say is flat and made by programs: no attribute, comment or section stands inside what is read here. Whatever is not
//! like that reads as absent, never as something else's text.

/// The text of the first element of this name.
pub fn text(document: &str, name: &str) -> Option<String> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    (!inner.contains('<')).then(|| unescaped(inner))
}

/// The same of what a stranger says for people: on one line, and not too long; `None` when it says nothing.
pub fn words(document: &str, name: &str) -> Option<String> {
    text(document, name).map(|text| on_one_line(&text)).filter(|text| !text.is_empty())
}

/// A stranger's words, on one line.
pub fn on_one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    plain.trim().to_owned()
}

/// What lies between each pair of these tags, in turn.
pub fn each<'d>(document: &'d str, name: &str) -> impl Iterator<Item = &'d str> {
    let (opening, closing) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = document;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&opening)?;
        let (inner, after) = after.split_once(&closing)?;
        rest = after;
        Some(inner)
    })
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.split_once(';').and_then(|(entity, after)| Some((character(entity)?, after)));
        match entity {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(entity: &str) -> Option<char> {
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        other => {
            let number = other.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

/// Text as it may stand between tags.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_is_read_by_its_elements_names() {
        let answer = "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchBucket</Code><Message>it&apos;s &lt;not&gt; &#x74;here &amp; gone</Message></Error>";
        assert_eq!(text(answer, "Code").as_deref(), Some("NoSuchBucket"));
        assert_eq!(text(answer, "Message").as_deref(), Some("it's <not> there & gone"));
        assert_eq!(text(answer, "Error"), None);
        assert_eq!(text(answer, "Region"), None);
        let list = "<L><C><Key>a&amp;b</Key></C><C></C><C><Key>c</Key></C><C>";
        let keys: Vec<_> = each(list, "C").map(|inner| text(inner, "Key")).collect();
        assert_eq!(keys, [Some("a&b".into()), None, Some("c".into())]);
        assert_eq!(words("<A> b\n\u{1b}c </A>", "A").as_deref(), Some("b  c"));
    }

    proptest! {
        #[test]
        fn what_is_escaped_reads_back(word in "[ -~é]{0,40}") {
            prop_assert_eq!(text(&format!("<A><B>{}</B></A>", escaped(&word)), "B"), Some(word));
        }

        #[test]
        fn no_answer_makes_the_reader_panic(answer in "(<A>|</A>|&|#|x|;|amp|\u{e9}|[0-9])*") {
            let _read = text(&answer, "A");
        }
    }
}
