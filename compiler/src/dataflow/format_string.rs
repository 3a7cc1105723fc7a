//! Names that a format string captures: `{x}`, `{x:?}`, `{:>width$}`, `{:.precision$}`, after `std::fmt`.

use std::ops::Range;

/// The identifiers captured by the text of a format string, with their bytes in it. What is not a valid format
/// string gives the names up to the mistake.
pub fn captures(text: &str) -> Vec<(String, Range<usize>)> {
    let mut names = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' if bytes.get(at + 1) == Some(&b'{') => at += 2,
            b'{' => {
                let start = at + 1;
                let Some(length) = text[start..].find(['}', '{']) else { break };
                argument(text, start..start + length, &mut names);
                at = start + length + 1;
            }
            _ => at += 1,
        }
    }
    names
}

/// One `name:spec` between braces.
fn argument(text: &str, range: Range<usize>, names: &mut Vec<(String, Range<usize>)>) {
    let inside = &text[range.clone()];
    let (name, spec) = match inside.find(':') {
        Some(colon) => (&inside[..colon], Some(range.start + colon + 1)),
        None => (inside, None),
    };
    push(name, range.start, names);
    let Some(spec) = spec else { return };
    // A width or a precision is a name with a dollar sign behind it.
    let mut start = spec;
    for (offset, character) in text[spec..range.end].char_indices() {
        let here = spec + offset;
        if character == '$' {
            push(&text[start..here], start, names);
        }
        if !(character.is_alphanumeric() || character == '_') {
            start = here + character.len_utf8();
        }
    }
}

fn push(name: &str, start: usize, names: &mut Vec<(String, Range<usize>)>) {
    let leading = name.len() - name.trim_start().len();
    let trimmed = name.trim();
    let start = start + leading;
    let range = start..start + trimmed.len();
    if syn::parse_str::<syn::Ident>(trimmed).is_ok() {
        names.push((trimmed.to_owned(), range));
    } else if syn::parse_str::<syn::Ident>(&format!("r#{trimmed}")).is_ok() {
        // A format string writes `r#type` without its mark.
        names.push((format!("r#{trimmed}"), range));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        captures(text).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn every_place_of_a_name_is_seen() {
        assert_eq!(names("{x} {y:?} {{z}} {0} {} {:>w$} {a:.p$} {b:>1$} {c:#x}"), ["x", "y", "w", "a", "p", "b", "c"]);
        assert_eq!(names("{x"), Vec::<String>::new());
        assert_eq!(names("{ x }"), ["x"]);
        assert_eq!(names("{é:*^10}"), ["é"]);
    }

    #[test]
    fn places_are_bytes() {
        assert_eq!(captures("é {ab:w$}"), [("ab".to_owned(), 4..6), ("w".to_owned(), 7..8)]);
    }
}
