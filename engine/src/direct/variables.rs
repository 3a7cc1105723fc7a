//! The variables of a session as the engine knows them: names, types, and what became of those that are gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::items::{Items, Unit};
use super::mir;

/// A variable of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) name: String,
    /// Its type as it stood in the MIR of the cell that stored it.
    pub(super) kind: String,
    pub(super) mutable: bool,
    /// The cell that defined it.
    pub(super) cell: String,
    /// The items in its type, with what stood for their definitions when it was stored.
    pub(super) definitions: BTreeMap<String, String>,
    /// Whether its type comes from the dependencies.
    pub(super) external: bool,
}

/// Why a variable is no longer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gone {
    /// The cell that ended it.
    pub(super) cell: String,
    /// `it was moved in cell 3`.
    pub(super) reason: String,
}

/// The variables of a session, in the order in which they were defined.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    held: Vec<Held>,
    gone: BTreeMap<String, Gone>,
}

impl Variables {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.iter()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Held> {
        self.held.iter().find(|held| held.name == name)
    }

    /// Adds a variable, or gives it a new type; it keeps its place in the order if only its value changed.
    pub(super) fn put(&mut self, held: Held) {
        self.gone.remove(&held.name);
        match self.held.iter_mut().find(|other| other.name == held.name) {
            Some(other) if other.cell == held.cell => *other = held,
            Some(_) => {
                self.held.retain(|other| other.name != held.name);
                self.held.push(held);
            }
            None => self.held.push(held),
        }
    }

    /// Removes a variable and remembers why; false if there is none.
    pub(super) fn end(&mut self, name: &str, gone: Gone) -> bool {
        let before = self.held.len();
        self.held.retain(|held| held.name != name);
        self.gone.insert(name.to_owned(), gone);
        self.held.len() < before
    }

    /// Why a variable is not there any more.
    pub(super) fn gone(&self, name: &str) -> Option<&Gone> {
        self.gone.get(name)
    }

    /// The names of the variables whose types are no longer defined as they were.
    pub(super) fn stale(&self, items: &Items) -> Vec<String> {
        let stale = |held: &&Held| {
            held.definitions.iter().any(|(name, definition)| items.definition(name).as_ref() != Some(definition))
        };
        self.held.iter().filter(stale).map(|held| held.name.clone()).collect()
    }
}

impl Held {
    /// Its type as later code must write it, since its items may have been compiled anew, and the units that it is in.
    pub(super) fn current_type(&self, items: &Items) -> (String, Vec<Arc<Unit>>) {
        let mut units: Vec<Arc<Unit>> = Vec::new();
        let mut text = String::with_capacity(self.kind.len());
        let mut rest = self.kind.as_str();
        while let Some((before, unit, after)) = next_unit(rest) {
            text.push_str(before);
            let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            match items.unit_of(&name) {
                Some(current) => {
                    text.push_str("::");
                    text.push_str(&current.name);
                    if !units.contains(current) {
                        units.push(Arc::clone(current));
                    }
                }
                None => text.push_str(unit),
            }
            text.push_str("::");
            rest = after;
        }
        text.push_str(rest);
        (text, units)
    }

    /// The first words of the paths in its type: crates among them.
    pub(super) fn path_roots(&self) -> impl Iterator<Item = &str> {
        self.kind
            .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .filter_map(|path| path.split_once("::").map(|(root, _)| root))
    }

    /// Its type as a user would write it.
    pub(super) fn shown_type(&self) -> String {
        mir::shown(&self.kind)
    }
}

/// The items that a type names.
pub(super) fn items_in(kind: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = kind;
    while let Some((_, _, after)) = next_unit(rest) {
        names.push(after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        rest = after;
    }
    names
}

/// The first path into a unit: what stands before it, the unit's name, and what follows its `::`.
fn next_unit(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find("u_").map(|at| at + from) {
        let boundary = at == 0 || !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        let name = &text[at..];
        let end = name.find("::").unwrap_or(name.len());
        let hexadecimal = end == 18 && name[2..end].bytes().all(|byte| byte.is_ascii_hexdigit());
        if boundary && hexadecimal && name.len() > end {
            return Some((&text[..at], &name[..end], &name[end + 2..]));
        }
        from = at + 2;
    }
    None
}
