//! Proposals without any analysis: variables of the session, words of the cell, and Rust's own. They are what is there
//! while the helper process starts, or where it cannot.

use oxikale_notebook::directives::directives;
use oxikale_notebook::tokens::{Kind, tokens};

use super::{Known, Proposal, Proposals};
use crate::session::Snapshot;

const KEYWORDS: [&str; 34] = [
    "as", "async", "await", "break", "const", "continue", "else", "enum", "false", "fn", "for", "if", "impl", "in",
    "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "static", "struct", "trait", "true",
    "type", "unsafe", "use", "where", "while", "dyn",
];

/// The word that ends at this byte, as the place where it begins.
pub(super) fn word_start(code: &str, at: usize) -> usize {
    let before = &code[..at];
    before
        .char_indices()
        .rev()
        .take_while(|(_, character)| character.is_alphanumeric() || *character == '_')
        .last()
        .map_or(at, |(start, _)| start)
}

/// What the word before the cursor may become. Behind a `.` or a `::` that is not known here.
pub(super) fn complete(snapshot: &Snapshot, code: &str, at: usize) -> Proposals {
    let start = word_start(code, at);
    let (before, word) = (&code[..start], &code[start..at]);
    let mut proposals = Proposals { start, end: at, list: Vec::new() };
    if word.is_empty() || before.trim_end().ends_with(['.', ':']) || word.starts_with(|c: char| c.is_ascii_digit()) {
        return proposals;
    }
    let mut add = |text: &str, kind: &str, detail: &str| {
        if text.starts_with(word) && text != word && proposals.list.iter().all(|known| known.text != text) {
            let (text, kind, detail) = (text.to_owned(), kind.to_owned(), detail.to_owned());
            proposals.list.push(Proposal { text, kind, detail });
        }
    };
    for variable in snapshot.variables.iter().rev() {
        add(&variable.name, "variable", &variable.type_name);
    }
    let code = directives(code).code;
    for token in tokens(&code) {
        if matches!(token.kind, Kind::Word | Kind::Macro) {
            add(&code[token.range], "text", "");
        }
    }
    for keyword in KEYWORDS {
        add(keyword, "keyword", "");
    }
    proposals
}

/// The type of the variable at the cursor.
pub(super) fn inspect(snapshot: &Snapshot, code: &str, at: usize) -> Option<Known> {
    let start = word_start(code, at);
    let length = code[start..].find(|character: char| !character.is_alphanumeric() && character != '_');
    let word = &code[start..length.map_or(code.len(), |length| start + length)];
    let variable = snapshot.variables.iter().rev().find(|variable| variable.name == word)?;
    let mutable = if variable.mutable { "mut " } else { "" };
    let line = format!("let {mutable}{}: {}", variable.name, variable.type_name);
    Some(Known { markdown: format!("```rust\n{line}\n```"), plain: line })
}
