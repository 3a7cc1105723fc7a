//! Rust source as tokens, just closely enough to colour it and to see where it is unfinished.

use std::ops::Range;

/// What a stretch of source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An identifier.
    Word,
    /// An identifier that means something to Rust.
    Keyword,
    /// `name!`, without the `!`.
    Macro,
    /// `'a`
    Lifetime,
    /// A number.
    Number,
    /// A string or a character; whether it is ended.
    Text(bool),
    /// A comment; whether it is ended.
    Comment(bool),
    /// A comment that documents what follows.
    Documentation,
    /// A bracket that opens.
    Open,
    /// A bracket that closes.
    Close,
    /// Another character.
    Sign,
}

/// A token and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its bytes in the source.
    pub range: Range<usize>,
}

const KEYWORDS: [&str; 38] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn",
    "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "Self",
    "static", "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while",
];

/// The tokens of a source; any text whatever is accepted. White space is between them.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = token(&source[at..], first);
        tokens.push(Token { kind, range: at..at + length });
        at += length;
    }
    tokens
}

/// What `rest` begins with, and its length. `first` is its first character.
fn token(rest: &str, first: char) -> (Kind, usize) {
    match first {
        '/' if rest.starts_with("//") => {
            let length = rest.find('\n').unwrap_or(rest.len());
            let documents = rest.starts_with("///") && !rest.starts_with("////");
            (if documents { Kind::Documentation } else { Kind::Comment(true) }, length)
        }
        '/' if rest.starts_with("/*") => block_comment(rest),
        '"' => string(rest, 0),
        '\'' => quote(rest, 0),
        '(' | '[' | '{' => (Kind::Open, 1),
        ')' | ']' | '}' => (Kind::Close, 1),
        _ if first.is_ascii_digit() => (Kind::Number, number(rest)),
        _ if is_word(first) => word(rest),
        _ => (Kind::Sign, first.len_utf8()),
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn word(rest: &str) -> (Kind, usize) {
    let length = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(length);
    let next = after.chars().next();
    match (word, next) {
        ("r" | "br" | "cr", Some('"' | '#')) => {
            let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
            if after[hashes..].starts_with('"') {
                return raw_string(rest, length, hashes);
            }
            // `r#type`
            let name = after[1..].find(|character| !is_word(character)).unwrap_or(after.len() - 1);
            (Kind::Word, length + 1 + name)
        }
        ("b" | "c", Some('"')) => string(rest, length),
        ("b", Some('\'')) => quote(rest, length),
        (_, Some('!')) if !after.starts_with("!=") => (Kind::Macro, length),
        _ if KEYWORDS.contains(&word) => (Kind::Keyword, length),
        _ => (Kind::Word, length),
    }
}

/// The length of a number: `1_000u64`, `0xff`, `1.5e-3`; not the range in `0..3`, nor the method in `1.max(2)`.
fn number(rest: &str) -> usize {
    let mut characters = rest.char_indices().peekable();
    let mut last = '0';
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let goes_on = match character {
            '.' => next.is_some_and(|next| next.is_ascii_digit()) || next.is_none_or(char::is_whitespace),
            '+' | '-' => matches!(last, 'e' | 'E') && !rest.starts_with("0x"),
            character => is_word(character),
        };
        if !goes_on {
            return at;
        }
        last = character;
    }
    rest.len()
}

/// A string whose first quote is at `start`.
fn string(rest: &str, start: usize) -> (Kind, usize) {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(start + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (Kind::Text(true), at + 1),
            _ => {}
        }
    }
    (Kind::Text(false), rest.len())
}

/// A raw string: `start` bytes, then `hashes` of `#`, then the quote.
fn raw_string(rest: &str, start: usize, hashes: usize) -> (Kind, usize) {
    let body = start + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    match rest[body..].find(&end) {
        Some(at) => (Kind::Text(true), body + at + end.len()),
        None => (Kind::Text(false), rest.len()),
    }
}

/// A character whose quote is at `start`, or a lifetime.
fn quote(rest: &str, start: usize) -> (Kind, usize) {
    let inner = &rest[start + 1..];
    let mut characters = inner.char_indices();
    match characters.next() {
        Some((_, '\\')) => {
            // What is escaped may itself be a quote; none goes over the end of the line.
            let escaped = characters.next().map_or(inner.len(), |(at, character)| at + character.len_utf8());
            match inner[escaped..].find(['\'', '\n']) {
                Some(at) if inner[escaped + at..].starts_with('\'') => (Kind::Text(true), start + 1 + escaped + at + 1),
                Some(at) => (Kind::Text(true), start + 1 + escaped + at),
                None => (Kind::Text(true), rest.len()),
            }
        }
        Some((_, character)) if character != '\'' && character != '\n' => {
            let end = character.len_utf8();
            if inner[end..].starts_with('\'') {
                return (Kind::Text(true), start + 1 + end + 1);
            }
            let length = inner.find(|character| !is_word(character)).unwrap_or(inner.len());
            if length > 0 { (Kind::Lifetime, start + 1 + length) } else { (Kind::Sign, start + 1) }
        }
        _ => (Kind::Sign, start + 1),
    }
}

fn block_comment(rest: &str) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return (Kind::Comment(true), at);
            }
        } else {
            at += 1;
        }
    }
    (Kind::Comment(false), rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<(Kind, &str)> {
        tokens(source).into_iter().map(|token| (token.kind, &source[token.range])).collect()
    }

    #[test]
    fn source_is_cut_into_tokens() {
        use Kind::{Comment, Keyword, Lifetime, Macro, Number, Open, Sign, Text, Word};
        assert_eq!(
            kinds("let größe = 1_0.5e-3; // x"),
            [
                (Keyword, "let"),
                (Word, "größe"),
                (Sign, "="),
                (Number, "1_0.5e-3"),
                (Sign, ";"),
                (Comment(true), "// x")
            ]
        );
        assert_eq!(kinds("f!(0..3")[..4], [(Macro, "f"), (Sign, "!"), (Open, "("), (Number, "0")]);
        assert_eq!(kinds("1.max(x)")[0], (Number, "1"));
        assert_eq!(kinds("&'a '\\'' 'é' b'x'")[1..4], [(Lifetime, "'a"), (Text(true), "'\\''"), (Text(true), "'é'")]);
        assert_eq!(kinds("r##\"a\"# \"##+")[0], (Text(true), "r##\"a\"# \"##"));
        assert_eq!(kinds("r#type b\"\\\"\"")[..], [(Word, "r#type"), (Text(true), "b\"\\\"\"")]);
        assert_eq!(kinds("\"a\\\"")[0].0, Text(false));
        assert_eq!(kinds("/* /* */ ")[0].0, Comment(false));
        assert_eq!(kinds("/* /* */ */x")[1], (Word, "x"));
        assert_eq!(kinds("a != b")[0], (Word, "a"));
    }

    #[test]
    fn any_text_is_covered() {
        for text in ["'", "'\\", "b'", "r#", "r#\"", "\"\\", "/*", "1.", "é'日", "'\n'", "r", "br##", "\u{0}'\u{0}'"]
        {
            let tokens = tokens(text);
            assert!(
                tokens.iter().all(|token| text.get(token.range.clone()).is_some_and(|text| !text.is_empty())),
                "{text:?}"
            );
            assert_eq!(tokens.last().map(|token| token.range.end), Some(text.len()), "{text:?}");
        }
    }
}
