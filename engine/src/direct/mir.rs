//! Reads the types of variables from the compiler's MIR.
//!
//! A cell ends with calls `Variables::store::<T>(…, const "name", …)`, in which rustc has filled in `T`. The format is
//! not stable between compilers; a test reads what the installed one writes.

use std::collections::BTreeMap;

/// What the MIR of a cell says of its variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mir {
    /// The type with which each variable is stored.
    pub(super) types: BTreeMap<String, String>,
    /// The signatures of the cell's closures, by the closure's type: the kind of its receiver, its parameters, and
    /// what it returns.
    pub(super) closures: BTreeMap<String, Signature>,
}

/// How a closure is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) receiver: Receiver,
    pub(super) parameters: Vec<String>,
    pub(super) returns: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiver {
    /// `Fn`.
    Shared,
    /// `FnMut`.
    Mutable,
    /// `FnOnce`.
    Owned,
}

/// Reads the MIR of a cell.
pub(super) fn read(text: &str) -> Mir {
    let mut mir = Mir::default();
    for line in text.lines() {
        let line = line.trim();
        if let Some((_, call)) = line.split_once("::Variables::store::<") {
            if let Some(end) = closing(call, '>')
                && let Some((_, rest)) = call[end..].split_once("const \"")
                && let Some((name, _)) = rest.split_once('"')
            {
                mir.types.insert(name.to_owned(), call[..end].to_owned());
            }
        } else if line.starts_with("fn ") && line.contains("{closure#") {
            closure(line, &mut mir);
        }
    }
    mir
}

/// `fn oxikale_cell::{closure#0}(_1: &{closure@c.rs:3:9: 3:20}, _2: f64) -> f64 {`
fn closure(line: &str, mir: &mut Mir) {
    let Some((_, rest)) = line.split_once("}(") else { return };
    let Some(end) = closing(rest, ')') else { return };
    let parameters = split(&rest[..end]);
    let mut types = parameters.iter().filter_map(|parameter| parameter.split_once(": ").map(|(_, kind)| kind.trim()));
    let Some(own) = types.next() else { return };
    let (receiver, own) = match (own.strip_prefix("&mut "), own.strip_prefix('&')) {
        (Some(own), _) => (Receiver::Mutable, own),
        (None, Some(own)) => (Receiver::Shared, own),
        (None, None) => (Receiver::Owned, own),
    };
    let returns = rest[end..]
        .strip_prefix(") -> ")
        .map_or("()", |returns| returns.trim_end().trim_end_matches('{').trim_end())
        .to_owned();
    let signature = Signature { receiver, parameters: types.map(repaired).collect(), returns: repaired(&returns) };
    mir.closures.insert(own.to_owned(), signature);
}

/// Where the bracket closes that is open at the start of the text.
fn closing(text: &str, bracket: char) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        match character {
            '>' if before == '-' => {}
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' if depth > 0 => depth -= 1,
            character if character == bracket => return Some(at),
            _ => {}
        }
        before = character;
    }
    None
}

/// Parts at the commas that stand in no bracket.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut before) = (0_usize, 0, ' ');
    for (at, character) in text.char_indices() {
        match character {
            '>' if before == '-' => {}
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        before = character;
    }
    if !text[start..].trim().is_empty() {
        parts.push(text[start..].trim());
    }
    parts
}

/// A type as MIR prints it, made one that can be written: `&dyn A + B` gets its parentheses, a function's own type
/// becomes a function pointer.
pub(super) fn repaired(printed: &str) -> String {
    let mut text = String::with_capacity(printed.len() + 8);
    let mut rest = printed;
    while !rest.is_empty() {
        let reference =
            ["&mut dyn ", "&dyn ", "*const dyn ", "*mut dyn "].iter().find(|start| rest.starts_with(**start));
        if let Some(start) = reference {
            let pointer = start.len() - "dyn ".len();
            let bounds = &rest[pointer..];
            let end = bound_end(bounds);
            text.push_str(&rest[..pointer]);
            if bounds[..end].contains(" + ") {
                text.push('(');
                text.push_str(&repaired(&bounds[..end]));
                text.push(')');
            } else {
                text.push_str("dyn ");
                text.push_str(&repaired(&bounds["dyn ".len()..end]));
            }
            rest = &bounds[end..];
            continue;
        }
        // `fn(f64) -> f64 {path::to::f}`: the item in braces says which function; its pointer type stands before.
        if let Some(after) = rest.strip_prefix(" {")
            && !after.starts_with("closure")
            && let Some(end) = closing(after, '}')
            && text.contains("fn(")
        {
            rest = &after[end + 1..];
            continue;
        }
        let Some(character) = rest.chars().next() else { break };
        text.push(character);
        rest = &rest[character.len_utf8()..];
    }
    text
}

/// Where the bounds of a `dyn` end.
fn bound_end(text: &str) -> usize {
    let (mut depth, mut before) = (0_usize, ' ');
    for (at, character) in text.char_indices() {
        match character {
            '>' if before == '-' => {}
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' if depth > 0 => depth -= 1,
            '>' | ')' | ']' | '}' | ',' | ';' if depth == 0 => return at,
            _ => {}
        }
        before = character;
    }
    text.len()
}

/// Whether a type is that of one function, or holds one: it must be stored as a function pointer.
pub(super) fn names_function(printed: &str) -> bool {
    printed.contains("fn(") && printed.contains(" {") && repaired(printed) != printed
}

/// Why a type cannot be written in a later cell, if it cannot.
pub(super) fn unnameable(printed: &str) -> Option<&'static str> {
    if printed.contains("{closure@") {
        Some("it holds a closure, whose type has no name")
    } else if printed.contains("{async ") || printed.contains("{coroutine") {
        Some("it is a future, whose type has no name; `.await` it in this cell")
    } else if printed.contains("impl ") {
        Some("its type is hidden behind `impl`")
    } else {
        None
    }
}

/// A type as a user would write it: no crates of the engine's own, no paths to well-known places.
pub(super) fn shown(printed: &str) -> String {
    let mut text = String::with_capacity(printed.len());
    let mut word = String::new();
    for character in printed.chars().chain([' ']) {
        if character.is_alphanumeric() || character == '_' || character == ':' {
            word.push(character);
            continue;
        }
        // `x: T` inside a type never stands beside a path without a space, so a word is one path.
        let short = word.rsplit("::").next().unwrap_or(&word);
        if word.ends_with(':') {
            text.push_str(&word)
        } else {
            text.push_str(short)
        }
        word.clear();
        text.push(character);
    }
    text.pop();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_repaired() {
        for (printed, repaired_type) in [
            ("&dyn A + Send", "&(dyn A + Send)"),
            ("Vec<&dyn Fn(f64, &str) -> Vec<f64> + Send>", "Vec<&(dyn Fn(f64, &str) -> Vec<f64> + Send)>"),
            ("fn(f64) -> f64 {u_1::f}", "fn(f64) -> f64"),
            ("(&dyn A, &mut dyn B<C> + Sync)", "(&dyn A, &mut (dyn B<C> + Sync))"),
            ("std::boxed::Box<dyn A + Send>", "std::boxed::Box<dyn A + Send>"),
        ] {
            assert_eq!(repaired(printed), repaired_type);
        }
    }

    #[test]
    fn stores_and_closures_are_found() {
        let mir = read(
            "_12 = oxikale_host::Variables::store::<std::collections::HashMap<&str, fn(f64) -> f64>>(copy _1, const \"x\", move _2) -> [return: bb5, unwind continue];\n\
             fn oxikale_cell::{closure#0}(_1: &mut {closure@c.rs:3:9: 3:20}, _2: f64, _3: (i32, &str)) -> std::vec::Vec<f64> {",
        );
        assert_eq!(mir.types["x"], "std::collections::HashMap<&str, fn(f64) -> f64>");
        let signature = &mir.closures["{closure@c.rs:3:9: 3:20}"];
        assert_eq!(signature.receiver, Receiver::Mutable);
        assert_eq!(signature.parameters, ["f64", "(i32, &str)"]);
        assert_eq!(signature.returns, "std::vec::Vec<f64>");
    }

    #[test]
    fn types_are_shown_short() {
        assert_eq!(shown("std::collections::HashMap<&str, std::vec::Vec<f64>>"), "HashMap<&str, Vec<f64>>");
        assert_eq!(shown("dyn std::ops::Fn(u_12::P) -> f64"), "dyn Fn(P) -> f64");
    }
}
