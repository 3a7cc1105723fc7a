//! Reads the text of a derived `Debug` back into its structure.

/// A value as `Debug` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    /// `[a, b]`.
    List(Vec<Tree>),
    /// `Name { field: value }`.
    Structure(String, Vec<(String, Tree)>),
    /// Anything else, as it stands.
    Other(String),
}

/// Lists within lists deeper than this are left as they are.
const DEPTH: usize = 64;

impl Tree {
    /// The name and the fields of a structure.
    pub(super) fn structure(&self) -> Option<(&str, &[(String, Tree)])> {
        match self {
            Tree::Structure(name, fields) => Some((name, fields)),
            _ => None,
        }
    }

    /// The value as one line.
    pub(super) fn text(&self) -> String {
        match self {
            Tree::Other(text) => text.clone(),
            Tree::List(parts) => {
                let parts: Vec<String> = parts.iter().map(Tree::text).collect();
                format!("[{}]", parts.join(", "))
            }
            Tree::Structure(name, fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(field, value)| format!("{field}: {}", value.text())).collect();
                format!("{name} {{ {} }}", fields.join(", "))
            }
        }
    }
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Option<Tree> {
    let (tree, rest) = parse_prefix(text)?;
    rest.trim().is_empty().then_some(tree)
}

/// Reads a value at the start of a text, and returns what follows it.
pub(super) fn parse_prefix(text: &str) -> Option<(Tree, &str)> {
    value(text, 0)
}

fn value(text: &str, depth: usize) -> Option<(Tree, &str)> {
    if depth > DEPTH {
        return None;
    }
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('[') {
        let mut parts = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix(']') {
                return Some((Tree::List(parts), after));
            }
            let (part, after) = value(rest, depth + 1)?;
            parts.push(part);
            rest = after.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
    }
    let name_end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    if name_end > 0
        && text.starts_with(|c: char| c.is_alphabetic())
        && let Some(mut rest) = text[name_end..].strip_prefix(" { ")
    {
        let mut fields = Vec::new();
        loop {
            let (field, after) = rest.split_once(": ")?;
            let (part, after) = value(after, depth + 1)?;
            fields.push((field.trim().to_owned(), part));
            if let Some(after) = after.strip_prefix(" }") {
                return Some((Tree::Structure(text[..name_end].to_owned(), fields), after));
            }
            rest = after.strip_prefix(", ")?;
        }
    }
    let end = other(text)?;
    (end > 0).then(|| (Tree::Other(text[..end].trim_end().to_owned()), &text[end..]))
}

/// Where a value that is neither a list nor a structure ends.
fn other(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => loop {
                match characters.next()? {
                    (_, '\\') => drop(characters.next()),
                    (_, '"') => break,
                    _ => {}
                }
            },
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' if open > 0 => open -= 1,
            ')' | ']' | '}' => return Some(at),
            ',' if open == 0 => return Some(at),
            ' ' if open == 0 && text[at..].starts_with(" }") => return Some(at),
            _ => {}
        }
    }
    Some(text.len())
}
