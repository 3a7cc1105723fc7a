//! Reads a cell token by token, just closely enough to know where a statement may begin.

use super::command::{self, Found};
use super::statement::{Statement, Token};
use super::{CellLanguage, Command, Directives};

/// Finds the commands in a cell.
pub(super) fn scan(source: &str) -> Directives {
    let mut scan = Scan { source, at: 0, line_begins: true, statement: Statement::new(), commands: Vec::new() };
    let mut language = CellLanguage::Rust;
    let first = source.len() - source.trim_start().len();
    if let Some(Found { command, next, takes_cell }) = command::cell_magic(source, first) {
        if takes_cell {
            language = CellLanguage::Other(command.name.clone());
        }
        scan.at = if takes_cell { source.len() } else { next };
        scan.commands.push(command);
    }
    while scan.step() {}
    let code = match language {
        CellLanguage::Rust => blanked(source, &scan.commands),
        CellLanguage::Other(_) => blank(source),
    };
    Directives { code, commands: scan.commands, language }
}

struct Scan<'a> {
    source: &'a str,
    /// The next byte.
    at: usize,
    /// Whether there was only white space on this line so far.
    line_begins: bool,
    statement: Statement,
    commands: Vec<Command>,
}

impl Scan<'_> {
    /// Reads a token, a comment, a command or a character of white space; false at the end.
    fn step(&mut self) -> bool {
        let rest = &self.source[self.at..];
        let Some(character) = rest.chars().next() else { return false };
        if character.is_whitespace() {
            self.line_begins |= character == '\n';
            self.at += character.len_utf8();
            return true;
        }
        if rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            return true;
        }
        if rest.starts_with("/*") {
            self.at += comment_length(rest);
            self.line_begins = false;
            return true;
        }
        if self.line_begins
            && self.statement.is_over()
            && let Some(found) = command::command(self.source, self.at)
        {
            self.at = found.next;
            self.line_begins = false;
            self.commands.push(found.command);
            return true;
        }
        self.line_begins = false;
        let (token, length) = token(rest, character);
        self.statement.read(token);
        self.at += length;
        true
    }
}

/// The token that `rest` begins with, and its length. `first` is its first character, which is no white space.
fn token(rest: &str, first: char) -> (Token<'_>, usize) {
    match first {
        '"' => (Token::Literal, string_length(rest)),
        '\'' => quote(rest),
        '(' | '[' | '{' => (Token::Open(first), 1),
        ')' | ']' | '}' => (Token::Close(first), 1),
        _ if first.is_ascii_digit() => (Token::Literal, word_length(rest)),
        _ if is_word(first) => {
            let length = word_length(rest);
            let (word, after) = rest.split_at(length);
            match (word, after.as_bytes().first()) {
                ("r" | "br" | "cr", Some(b'"' | b'#')) => match raw_string_length(after) {
                    Some(string) => (Token::Literal, length + string),
                    // A raw identifier, `r#type`.
                    None => (Token::Word("r#"), length + 1 + word_length(&after[1..])),
                },
                ("b" | "c", Some(b'"')) => (Token::Literal, length + string_length(after)),
                ("b", Some(b'\'')) => {
                    let (_, quote) = quote(after);
                    (Token::Literal, length + quote)
                }
                _ => (Token::Word(word), length),
            }
        }
        _ => (Token::Sign(first), first.len_utf8()),
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn word_length(text: &str) -> usize {
    text.find(|character| !is_word(character)).unwrap_or(text.len())
}

/// The length of the string that `text` begins with, in quotes; up to the end if it is not closed.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the raw string that `text`, what follows `r`, begins with; nothing if that is no raw string.
fn raw_string_length(text: &str) -> Option<usize> {
    let hashes = text.bytes().take_while(|byte| *byte == b'#').count();
    let body = text[hashes..].strip_prefix('"')?;
    let end = ["\"", &text[..hashes]].concat();
    Some(body.find(&end).map_or(text.len(), |at| hashes + 1 + at + end.len()))
}

/// A character or a lifetime, whichever `text` begins with.
fn quote(text: &str) -> (Token<'_>, usize) {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            // What is escaped may itself be a quote; an escape never goes over the end of the line.
            let escaped = characters.next().map_or(text.len(), |(at, character)| at + character.len_utf8());
            let rest = &text[escaped..];
            let length = rest
                .find(['\'', '\n'])
                .map_or(text.len(), |at| escaped + at + usize::from(rest.as_bytes().get(at) == Some(&b'\'')));
            (Token::Literal, length)
        }
        Some((at, character)) if character != '\'' && character != '\n' => {
            let end = at + character.len_utf8();
            if text[end..].starts_with('\'') {
                (Token::Literal, end + 1)
            } else if is_word(character) {
                (Token::Lifetime, at + word_length(&text[at..]))
            } else {
                (Token::Sign('\''), 1)
            }
        }
        _ => (Token::Sign('\''), 1),
    }
}

/// The length of the comment that `text` begins with, comments within it included; up to the end if it is not closed.
fn comment_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// `source` with the commands blanked.
fn blanked(source: &str, commands: &[Command]) -> String {
    let mut code = String::with_capacity(source.len());
    let mut done = 0;
    for Command { span, .. } in commands {
        code.push_str(&source[done..span.start]);
        code.push_str(&blank(&source[span.clone()]));
        done = span.end;
    }
    code.push_str(&source[done..]);
    code
}

/// As many bytes of spaces as `text` has, with its line breaks.
fn blank(text: &str) -> String {
    text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { ' ' }).collect()
}
