//! The items of a session, and which of them must be compiled anew when a cell defines more.
//!
//! The items of a cell become one crate, a *unit*. Units are never changed: where an item is defined again, everything
//! that mentions it moves, with it, into a new unit; so callers of a function see the new one, and a `static` that
//! mentions nothing new keeps its state.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::entry::{Entry, Key, Kind, Space};
use super::source::{Purpose, Source};
use crate::deps::Externs;

/// A compiled crate of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// The crate's name.
    pub(super) name: String,
    /// Its library.
    pub(super) library: PathBuf,
    /// The units that it was compiled against.
    pub(super) needs: Vec<Arc<Unit>>,
    /// Whether it was compiled against the session's dependencies.
    pub(super) external: bool,
}

impl Unit {
    /// Whether it needs the dependencies, itself or through another unit.
    pub(super) fn needs_dependencies(&self) -> bool {
        self.external || self.needs.iter().any(|unit| unit.needs_dependencies())
    }

    /// Adds the libraries to be loaded for this unit, those that it needs first.
    pub(super) fn load_order(&self, externs: &Externs, libraries: &mut Vec<PathBuf>) {
        if libraries.contains(&self.library) {
            return;
        }
        if self.external {
            for (_, path) in &externs.dylibs {
                if !libraries.contains(path) {
                    libraries.push(path.clone());
                }
            }
        }
        for unit in &self.needs {
            unit.load_order(externs, libraries);
        }
        libraries.push(self.library.clone());
    }
}

/// An item of the session.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) entry: Arc<Entry>,
    /// Where it was compiled; nothing for imports, which are written into every crate.
    pub(super) unit: Option<Arc<Unit>>,
}

/// All items of a session, in the order in which they were defined.
#[derive(Debug, Clone, Default)]
pub(super) struct Items {
    live: Vec<Live>,
}

/// What a cell's items change.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// The items as they will be; those to be compiled have no unit yet.
    pub(super) items: Items,
    /// Whether there is anything to compile.
    pub(super) compiles: bool,
    /// Whether there are new imports, which must be checked.
    pub(super) imports: bool,
}

impl Items {
    /// Whether a name is one of an item.
    pub(super) fn defines(&self, name: &str) -> bool {
        self.live.iter().any(|live| live.entry.keys.iter().any(|key| key.name == name))
    }

    /// The names that items define, imports included.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.live.iter().flat_map(|live| live.entry.keys.iter().map(|key| key.name.as_str()))
    }

    /// The items, in the order in which they were defined.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.live.iter().map(|live| &live.entry)
    }

    /// The macro of a name.
    pub(super) fn macro_entry(&self, name: &str) -> Option<&Arc<Entry>> {
        self.live
            .iter()
            .rev()
            .map(|live| &live.entry)
            .find(|entry| entry.kind == Kind::Macro && entry.keys.iter().any(|key| key.name == name))
    }

    /// The crate in which a name is compiled now.
    pub(super) fn unit_of(&self, name: &str) -> Option<&Arc<Unit>> {
        self.live
            .iter()
            .rev()
            .filter(|live| live.entry.keys.iter().any(|key| key.name == name))
            .find_map(|live| live.unit.as_ref())
    }

    /// Stands for the definition of a type and of all that it mentions: two values of types with the same one have
    /// the same layout.
    pub(super) fn definition(&self, name: &str) -> Option<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![name.to_owned()];
        let mut texts = Vec::new();
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            for live in &self.live {
                let entry = &live.entry;
                // Functions and implementations change no layout.
                let shapes = matches!(entry.kind, Kind::Named | Kind::Trait | Kind::Call | Kind::Import { .. })
                    && entry.keys.iter().any(|key| key.name == name);
                if shapes {
                    texts.push(entry.text().to_owned());
                    open.extend(entry.mentions.iter().filter(|name| self.defines(name)).cloned());
                }
            }
        }
        if texts.is_empty() {
            return None;
        }
        texts.sort();
        Some(digest(&texts))
    }

    /// What changes when a cell defines these entries.
    pub(super) fn plan(&self, entries: &[Entry]) -> Plan {
        let mut live = self.live.clone();
        // The names that mean something else from now on.
        let mut changed: BTreeSet<String> = BTreeSet::new();
        let mut added: Vec<Arc<Entry>> = Vec::new();
        for entry in entries {
            let entry = Arc::new(entry.clone());
            let same = live.iter().any(|old| {
                old.entry.text() == entry.text() && old.entry.keys == entry.keys && old.entry.kind_matches(&entry)
            });
            if same && !matches!(entry.kind, Kind::Call) {
                continue;
            }
            let before = live.len();
            let mut kept = Vec::with_capacity(before);
            for mut old in live {
                match replaces(&entry, &old.entry) {
                    Replaces::No => kept.push(old),
                    Replaces::Whole => {
                        changed.extend(old.entry.calls.iter().cloned());
                        if let Kind::Impl { subject, .. } = &old.entry.kind {
                            changed.extend(subject.iter().filter(|name| self.defines(name)).cloned());
                        }
                    }
                    Replaces::Members(names) => {
                        old.entry = Arc::new(without_members(&old.entry, &names));
                        old.unit = None;
                        kept.push(old);
                    }
                }
            }
            live = kept;
            for key in &entry.keys {
                if self.defines(&key.name) {
                    changed.insert(key.name.clone());
                }
            }
            added.push(entry);
        }
        for entry in &added {
            live.push(Live { entry: Arc::clone(entry), unit: None });
        }
        let mut items = Items { live };
        items.spread(changed);
        let compiles = items.live.iter().any(|live| live.unit.is_none() && !live.entry.is_import());
        let imports = added.iter().any(|entry| entry.is_import());
        Plan { items, compiles, imports }
    }

    /// Takes away the units of everything that a change reaches.
    fn spread(&mut self, mut changed: BTreeSet<String>) {
        // A local name behind a glob (`use Shape::*`) brings names that nobody mentions.
        let globs: BTreeSet<String> = self
            .live
            .iter()
            .filter(|live| matches!(live.entry.kind, Kind::Import { glob: true, .. }))
            .flat_map(|live| live.entry.mentions.iter().filter(|name| self.defines(name)).cloned())
            .collect();
        loop {
            let mut next = Vec::new();
            for (at, live) in self.live.iter().enumerate() {
                let entry = &live.entry;
                let reached = live.unit.is_some()
                    && (entry.mentions.iter().any(|name| changed.contains(name))
                        || globs.iter().any(|name| changed.contains(name)));
                if reached {
                    next.push(at);
                }
            }
            // An implementation stands in the crate of its type, or of its trait.
            let mut homes = Vec::new();
            for live in self.live.iter().filter(|live| live.unit.is_none()) {
                homes.extend(self.homes(&live.entry));
            }
            for (at, live) in self.live.iter().enumerate() {
                if live.unit.is_some() && live.entry.keys.iter().any(|key| homes.contains(&key.name)) {
                    next.push(at);
                }
            }
            if next.is_empty() {
                return;
            }
            for at in next {
                self.live[at].unit = None;
                changed.extend(self.live[at].entry.keys.iter().map(|key| key.name.clone()));
            }
        }
    }

    /// The names beside whose definitions an implementation must stand.
    fn homes(&self, entry: &Entry) -> Vec<String> {
        let is_item = |name: &&String| {
            self.live.iter().any(|live| {
                !live.entry.is_import()
                    && matches!(live.entry.kind, Kind::Named | Kind::Trait)
                    && live.entry.keys.iter().any(|key| key.space == Space::Type && key.name == **name)
            })
        };
        match &entry.kind {
            Kind::Impl { subject, of_trait, .. } => {
                subject.iter().find(is_item).or_else(|| of_trait.iter().find(is_item)).cloned().into_iter().collect()
            }
            // What a macro implements, nobody knows: it stands beside every type and trait that it mentions.
            Kind::Call => {
                let reach = self.reach(&entry.mentions);
                if reach.contains("impl") { reach.iter().filter(is_item).cloned().collect() } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }

    /// The entries that wait to be compiled.
    pub(super) fn open(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.live.iter().filter(|live| live.unit.is_none() && !live.entry.is_import()).map(|live| &live.entry)
    }

    /// Says where the waiting entries were compiled.
    pub(super) fn close(&mut self, unit: &Arc<Unit>) {
        for live in &mut self.live {
            if live.unit.is_none() && !live.entry.is_import() {
                live.unit = Some(Arc::clone(unit));
            }
        }
    }

    /// Removes the waiting item at a place of a cell, and returns its first line.
    pub(super) fn leave_out(&mut self, cell: &str, at: usize) -> Option<String> {
        let found = self
            .live
            .iter()
            .position(|live| live.unit.is_none() && live.entry.cell.name == cell && live.entry.span.contains(&at))?;
        let live = self.live.remove(found);
        let text = live.entry.text();
        let head = text.split(['{', ';']).next().unwrap_or(text).split_whitespace().collect::<Vec<_>>().join(" ");
        Some(head)
    }

    /// Takes away the units that were compiled against dependencies that are no longer there.
    pub(super) fn reopen_external(&mut self) {
        let mut changed = BTreeSet::new();
        for live in &mut self.live {
            if live.unit.as_ref().is_some_and(|unit| unit.external) {
                live.unit = None;
                changed.extend(live.entry.keys.iter().map(|key| key.name.clone()));
            }
        }
        self.spread(changed);
    }

    /// Everything that these names mention, through macros too.
    pub(super) fn reach(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        let mut all = names.clone();
        let mut open: Vec<String> = names.iter().cloned().collect();
        while let Some(name) = open.pop() {
            if let Some(entry) = self.macro_entry(&name) {
                for name in &entry.mentions {
                    if all.insert(name.clone()) {
                        open.push(name.clone());
                    }
                }
            }
        }
        all
    }

    /// Writes what brings items into scope for code that mentions these names, and returns the units that are used.
    pub(super) fn write_imports(&self, names: &BTreeSet<String>, source: &mut Source) -> Vec<Arc<Unit>> {
        let mut wanted = names.clone();
        for live in &self.live {
            if live.entry.is_import() {
                wanted.extend(live.entry.mentions.iter().cloned());
            }
        }
        let wanted = self.reach(&wanted);
        let mut units: BTreeMap<String, Arc<Unit>> = BTreeMap::new();
        let mut written = BTreeSet::new();
        for live in &self.live {
            let Some(unit) = &live.unit else { continue };
            let entry = &live.entry;
            if !entry.calls.iter().any(|name| wanted.contains(name)) {
                continue;
            }
            if entry.conditional {
                // Nobody knows whether it is there: a glob does not mind.
                if written.insert((unit.name.clone(), "*".to_owned())) {
                    source.own(&format!("#[allow(unused_imports)] use ::{}::*;", unit.name));
                }
                units.insert(unit.name.clone(), Arc::clone(unit));
                continue;
            }
            for key in &entry.keys {
                // A tuple structure's name stands for its type and its constructor.
                if written.insert((unit.name.clone(), key.name.clone())) {
                    let text = format!("#[allow(unused_imports)] use ::{}::{};", unit.name, raw(&key.name));
                    source.marked(Purpose::Import(key.name.clone()), &text);
                }
                units.insert(unit.name.clone(), Arc::clone(unit));
            }
            if matches!(entry.kind, Kind::Call) && entry.keys.is_empty() {
                if written.insert((unit.name.clone(), "*".to_owned())) {
                    source.own(&format!("#[allow(unused_imports)] use ::{}::*;", unit.name));
                }
                units.insert(unit.name.clone(), Arc::clone(unit));
            }
        }
        // Nobody knows what a macro defined: whatever it is, it is in scope.
        for live in &self.live {
            if let (Kind::Call, Some(unit), true) = (&live.entry.kind, &live.unit, live.entry.keys.is_empty())
                && written.insert((unit.name.clone(), "*".to_owned()))
            {
                source.own(&format!("#[allow(unused_imports)] use ::{}::*;", unit.name));
                units.insert(unit.name.clone(), Arc::clone(unit));
            }
        }
        for live in &self.live {
            if live.entry.is_import() {
                source.own("#[allow(unused_imports, hidden_glob_reexports)] ");
                live.entry.write(source);
            }
        }
        units.into_values().collect()
    }

    /// The names that imports mention: crates among them.
    pub(super) fn import_mentions(&self) -> impl Iterator<Item = &str> {
        self.live
            .iter()
            .filter(|live| live.entry.is_import())
            .flat_map(|live| live.entry.mentions.iter().map(String::as_str))
    }
}

impl Entry {
    pub(super) fn is_import(&self) -> bool {
        matches!(self.kind, Kind::Import { .. })
    }

    fn kind_matches(&self, other: &Entry) -> bool {
        std::mem::discriminant(&self.kind) == std::mem::discriminant(&other.kind)
    }
}

enum Replaces {
    No,
    Whole,
    Members(Vec<String>),
}

/// Whether a new entry takes the place of an old one.
fn replaces(new: &Entry, old: &Entry) -> Replaces {
    if new.keys.iter().any(|key| old.keys.iter().any(|other: &Key| key.clashes(other))) {
        return Replaces::Whole;
    }
    match (&new.kind, &old.kind) {
        (Kind::Impl { header, inherent: false, .. }, Kind::Impl { header: other, inherent: false, .. })
            if header == other =>
        {
            Replaces::Whole
        }
        (
            Kind::Impl { subject, inherent: true, members, .. },
            Kind::Impl { subject: other, inherent: true, members: others, .. },
        ) if subject == other => {
            let twice: Vec<String> = others
                .iter()
                .map(|(name, _)| name.clone())
                .filter(|name| members.iter().any(|(member, _)| member == name))
                .collect();
            if twice.is_empty() {
                Replaces::No
            } else if twice.len() == others.len() {
                Replaces::Whole
            } else {
                Replaces::Members(twice)
            }
        }
        (Kind::Import { text, glob: true, .. }, Kind::Import { text: other, glob: true, .. }) if text == other => {
            Replaces::Whole
        }
        (Kind::Call, Kind::Call) if new.text() == old.text() => Replaces::Whole,
        _ => Replaces::No,
    }
}

/// An inherent implementation without some of its members, which a later cell has defined again.
fn without_members(entry: &Entry, names: &[String]) -> Entry {
    let mut entry = entry.clone();
    if let Kind::Impl { members, .. } = &mut entry.kind {
        for (_, span) in members.iter().filter(|(name, _)| names.contains(name)) {
            entry.edits.retain(|edit| edit.span.start < span.start || edit.span.end > span.end);
            entry.edits.push(super::entry::Edit { span: span.clone(), text: "" });
        }
        members.retain(|(name, _)| !names.contains(name));
    }
    entry.edits.sort_by_key(|edit| edit.span.start);
    entry
}

/// A name as it must be written in a path.
fn raw(name: &str) -> String {
    if syn::parse_str::<syn::Ident>(name).is_ok() || matches!(name, "self" | "super" | "crate" | "Self" | "_") {
        name.to_owned()
    } else {
        format!("r#{name}")
    }
}

/// A short hash of some texts.
pub(super) fn digest<T: AsRef<str>>(texts: &[T]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.as_ref().len() as u64).to_le_bytes());
        hash.update(text.as_ref());
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
