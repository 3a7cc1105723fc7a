//! Whether a cell that is being typed is complete, or its next lines are still to come.

use crate::directives::directives;

use crate::tokens::{Kind, Token, tokens};

/// Words after which something must come.
const GO_ON: [&str; 30] = [
    "as", "async", "const", "crate", "dyn", "else", "enum", "extern", "fn", "for", "if", "impl", "in", "let", "loop",
    "match", "mod", "move", "mut", "pub", "ref", "static", "struct", "trait", "type", "union", "unsafe", "use",
    "where", "while",
];

/// Words that begin what ends with a block.
const WITH_BLOCK: [&str; 15] = [
    "async", "else", "enum", "fn", "for", "if", "impl", "loop", "match", "mod", "struct", "trait", "union", "unsafe",
    "while",
];

/// Whether `source` can be run as it is. Where a bracket, a string or a comment is open, it cannot; where a statement
/// only seems to go on (`let x =`, `impl A`), an empty line ends it nevertheless.
pub fn is_complete(source: &str) -> bool {
    let code = directives(source).code;
    let tokens = tokens(&code);
    if tokens.iter().any(|token| matches!(token.kind, Kind::Text(false) | Kind::Comment(false))) {
        return false;
    }
    let opened = tokens.iter().filter(|token| token.kind == Kind::Open).count();
    let closed = tokens.iter().filter(|token| token.kind == Kind::Close).count();
    // With one that closes too many it will never get better; rustc says what is wrong.
    if opened > closed {
        return false;
    }
    let ended = source.rsplit_once('\n').is_some_and(|(_, last)| last.trim().is_empty());
    ended || !goes_on(&code, &tokens)
}

/// Whether the last statement seems to be unfinished, though no bracket is open.
fn goes_on(code: &str, tokens: &[Token]) -> bool {
    let mut significant = tokens.iter().rev().filter(|token| !matches!(token.kind, Kind::Comment(_)));
    let Some(last) = significant.next() else { return false };
    let before = significant.next().map_or("", |token| &code[token.range.clone()]);
    let word = &code[last.range.clone()];
    match last.kind {
        Kind::Documentation => return true,
        Kind::Sign => match (before, word) {
            (_, ";" | "?" | ">") if before != "-" && before != "=" => {}
            // The range `0..`
            (".", ".") => {}
            _ => return true,
        },
        Kind::Keyword if GO_ON.contains(&word) => return true,
        _ => {}
    }
    ends_in_attribute(code, tokens) || awaits_block(code, tokens)
}

/// `#[derive(Debug)]`, and nothing yet that it could be about.
fn ends_in_attribute(code: &str, tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    let mut tokens = tokens.iter().rev().filter(|token| !matches!(token.kind, Kind::Comment(_)));
    if tokens.clone().next().is_none_or(|last| &code[last.range.clone()] != "]") {
        return false;
    }
    while let Some(token) = tokens.next() {
        match token.kind {
            Kind::Close => depth += 1,
            Kind::Open => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return tokens.next().is_some_and(|token| &code[token.range.clone()] == "#");
                }
            }
            _ => {}
        }
    }
    false
}

/// Whether the last statement is one that ends with a block, and has none yet.
fn awaits_block(code: &str, tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    // The word that says what the statement is, once it is known.
    let mut head: Option<&str> = None;
    let mut last = "";
    for token in tokens {
        let text = &code[token.range.clone()];
        match token.kind {
            Kind::Comment(_) | Kind::Documentation => continue,
            Kind::Open => {
                // `#[…]` and `pub(…)` come before a statement.
                if depth == 0 && head.is_none() && !matches!(last, "#" | "!" | "pub") {
                    head = Some(text);
                }
                depth += 1;
            }
            Kind::Close => {
                depth = depth.saturating_sub(1);
                if depth == 0 && text == "}" && head.is_some_and(|head| head == "{" || WITH_BLOCK.contains(&head)) {
                    head = None;
                }
            }
            _ if depth > 0 => continue,
            _ if text == ";" => head = None,
            _ => match head {
                None if matches!(text, "#" | "!" | "pub") => {}
                // A label, `'a: loop {`.
                None if token.kind == Kind::Lifetime || (text == ":" && last.starts_with('\'')) => {}
                None => head = Some(text),
                Some("const") if matches!(text, "fn" | "unsafe" | "async" | "extern") => head = Some("fn"),
                Some("extern") if text == "fn" => head = Some("fn"),
                Some(_) => {}
            },
        }
        last = text;
    }
    head.is_some_and(|head| WITH_BLOCK.contains(&head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_run_is_complete() {
        for source in [
            "",
            "1 + 1",
            "let x = 5;",
            "let x = 5",
            "f()?",
            "0..",
            "x.iter().collect::<Vec<_>>",
            "fn f() {\n    1\n}",
            "struct A;",
            "struct A(u8);",
            "if a { 1 } else { 2 }",
            "let v = if a { 1 } else { 2 };",
            "#![allow(unused)]",
            "#[derive(Debug)]\nstruct A { x: u8 }",
            "pub(crate) fn f() {}\nf()",
            "'a: loop { break 'a }",
            "const N: usize = 3;",
            "async { 1 }.await",
            "match x { _ => {} }",
            "use std::fmt;",
            ":dep ndarray = \"0.17\"",
            ":dep x = { version = \"1\" }\nlet a = 1;",
            "// only a comment {",
            "\"a string with } in it\"",
            "f())",
            "return",
            "a == b",
            "Foo { x: 1 }",
            "{ 1 }",
        ] {
            assert!(is_complete(source), "{source:?}");
        }
    }

    #[test]
    fn what_is_open_goes_on_whatever_comes() {
        for source in
            ["fn f() {", "f(1,", "\"text", "/* comment", "r#\"raw\"", "vec![\n1,\n", "{ '}' \n\n", "(// )\n\n"]
        {
            assert!(!is_complete(source), "{source:?}");
            assert!(!is_complete(&format!("{source}\n\n")), "{source:?}");
        }
    }

    #[test]
    fn what_seems_to_go_on_is_ended_by_an_empty_line() {
        for source in [
            "let x =",
            "a +",
            "x.",
            "a ||",
            "let f = |x|",
            "fn f() -> u8",
            "fn f() ->",
            "impl A for B",
            "pub struct A",
            "pub(crate) enum E",
            "if a { 1 } else",
            "while true",
            "#[derive(Debug)]",
            "#[derive(Debug)] // why",
            "/// Says what it is.",
            "const fn f()",
            "match x",
            "foo!",
            "use",
            "impl<T> A<T> where T: Copy",
        ] {
            assert!(!is_complete(source), "{source:?}");
            assert!(is_complete(&format!("{source}\n")), "{source:?}");
            assert!(is_complete(&format!("{source}\n   ")), "{source:?}");
        }
    }
}
