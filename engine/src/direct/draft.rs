//! What a cell's library is to do with each variable, and what rustc's objections change in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::messages::Explanation;
use super::mir::{self, Receiver, Signature};
use super::parse::Parsed;
use super::rustc::{Message, Said};
use super::source::Purpose;

/// What is known of a compiled cell; kept in the cache beside its library.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CellRecord {
    /// The variables that are there after it, with their types.
    pub(super) stored: BTreeMap<String, String>,
    /// Those that the cell used up.
    pub(super) moved: BTreeSet<String>,
    /// Those that end with the cell, with the reason.
    pub(super) ended: BTreeMap<String, String>,
    /// Those among the session's that the cell could not even take.
    pub(super) lost: BTreeMap<String, String>,
    /// What each draft of the cell decided; the text is written again from it.
    pub(super) fates: BTreeMap<String, Fate>,
    pub(super) shows: Shows,
    pub(super) moves: BTreeSet<String>,
}

/// How the value of the last expression is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Shows {
    /// It is not.
    #[default]
    Not,
    /// By whatever its type offers.
    Probe,
    /// By `Debug`: where the type is not known until the end of the cell, no method can be looked up on it.
    Debug,
}

/// What happens to a variable at the end of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fate {
    /// Stored as this type: a closure as a trait object, a function as a pointer.
    As { kind: String, value: String },
    /// Dropped before the others are stored, since it borrows from them.
    Dropped,
    /// Nothing: it was moved, or never got a value.
    Left,
}

/// A draft of a cell's library.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) fates: BTreeMap<String, Fate>,
    pub(super) record: CellRecord,
    pub(super) shows: Shows,
    /// Closures that get a `move`.
    pub(super) moves: BTreeSet<String>,
    /// Closures for which `move` was tried in vain.
    pub(super) given_up: BTreeSet<String>,
    /// Variables of the session that are not taken after all.
    pub(super) untaken: BTreeSet<String>,
}

impl Draft {
    /// Changes the draft by what rustc objects to in the engine's own part of it; false if there is no such thing.
    pub(super) fn learn(&mut self, said: &Said, explanation: &Explanation, parsed: &Parsed, name: &str) -> bool {
        let file = format!("{name}.rs");
        let mut learned = false;
        // One value may be neither `Send` nor `Sync`: two errors with one cure.
        let mut weakened = BTreeSet::new();
        for message in said.messages.iter().filter(|message| message.is_error()) {
            // What a note points at is never the place of the mistake itself.
            let notes = message.children.iter().flat_map(|child| &child.spans).map(|span| (span, false));
            let purposes: Vec<(&Purpose, bool)> = message
                .spans
                .iter()
                .map(|span| (span, span.is_primary))
                .chain(notes)
                .filter(|(span, _)| span.file_name == file)
                .filter_map(|(span, primary)| {
                    explanation.source.purpose(&(span.byte_start..span.byte_end)).map(|purpose| (purpose, primary))
                })
                .collect();
            let stores = purposes.iter().filter_map(|(purpose, primary)| match purpose {
                Purpose::Store(name) => Some((name.clone(), *primary)),
                _ => None,
            });
            let stores: Vec<(String, bool)> = stores.collect();
            let fresh = |draft: &Draft, name: &str| !matches!(draft.fates.get(name), Some(Fate::Dropped | Fate::Left));
            match message.code() {
                "E0382" | "E0381" => {
                    for (name, _) in stores.iter().filter(|(_, primary)| *primary) {
                        // A `move` of the engine's must not cost another variable: rather give up the closure.
                        if let Some(closure) = self.moved_into(message, explanation, parsed, &file) {
                            self.moves.remove(&closure);
                            self.given_up.insert(closure.clone());
                            self.record.ended.insert(closure.clone(), format!("it borrows from `{name}`"));
                            self.fates.insert(closure, Fate::Dropped);
                            learned = true;
                        } else if fresh(self, name) {
                            self.fates.insert(name.clone(), Fate::Left);
                            self.record.moved.insert(name.clone());
                            learned = true;
                        }
                    }
                    for (purpose, primary) in &purposes {
                        if let (Purpose::Drop(name), true) = (purpose, primary) {
                            self.fates.insert(name.clone(), Fate::Left);
                            learned = true;
                        }
                    }
                }
                "E0597" | "E0505" | "E0506" | "E0716" | "E0515" | "E0521" | "E0499" | "E0502" | "E0503" | "E0713"
                | "E0373" | "E0310" | "E0477" | "E0491" => {
                    // The borrower is the one that is stored where the borrow is used later; a variable that is only
                    // moved while it is borrowed is the owner.
                    let borrower = stores
                        .iter()
                        .find(|(_, primary)| !primary)
                        .or_else(|| stores.iter().find(|_| message.code() != "E0505"))
                        .or_else(|| stores.first());
                    if let Some((borrower, _)) = borrower.filter(|(name, _)| fresh(self, name)) {
                        // A closure that borrows may own a copy instead.
                        let closure = parsed.closures.iter().any(|(name, _)| name == borrower);
                        if closure && !self.given_up.contains(borrower) && self.moves.insert(borrower.clone()) {
                            learned = true;
                            continue;
                        }
                        let reason = match owner(message, borrower) {
                            Some(owner) => format!("it borrows from `{owner}`"),
                            None => "it borrows from a value that ends with the cell".to_owned(),
                        };
                        self.record.ended.insert(borrower.clone(), reason);
                        self.fates.insert(borrower.clone(), Fate::Dropped);
                        learned = true;
                    }
                }
                "E0282" | "E0283" | "E0284" if self.shows == Shows::Probe => {
                    self.shows = Shows::Debug;
                    learned = true;
                }
                _ => {
                    for (purpose, _) in purposes.iter().filter(|(_, primary)| *primary) {
                        match purpose {
                            // Its value has no type that a method could be looked up on: `!`, most likely.
                            Purpose::Show if self.shows != Shows::Not => {
                                self.shows = Shows::Not;
                                learned = true;
                            }
                            Purpose::Take(name) if self.untaken.insert(name.clone()) => {
                                let reason = "its type cannot be named outside the cell that made it".to_owned();
                                self.record.lost.insert(name.clone(), reason);
                                learned = true;
                            }
                            Purpose::Store(name) if weakened.contains(name) => {}
                            Purpose::Store(name) if fresh(self, name) => {
                                if matches!(self.fates.get(name), Some(Fate::As { kind, .. }) if kind.contains(" + Send + Sync"))
                                {
                                    if let Some(Fate::As { kind, .. }) = self.fates.get_mut(name) {
                                        *kind = kind.replace(" + Send + Sync", "");
                                        weakened.insert(name.clone());
                                    }
                                } else {
                                    self.fates.insert(name.clone(), Fate::Dropped);
                                    self.record.ended.insert(name.clone(), "its type cannot be kept".to_owned());
                                }
                                learned = true;
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        learned
    }

    /// The closure with a `move` of the engine's into which a message says that a value was moved.
    fn moved_into(&self, message: &Message, explanation: &Explanation, parsed: &Parsed, file: &str) -> Option<String> {
        let places: Vec<_> = message
            .spans
            .iter()
            .filter_map(|span| explanation.source.place(&span.within(file)?))
            .filter(|place| place.cell.name == explanation.cell.name)
            .collect();
        let inside = |closure: &std::ops::Range<usize>| {
            places.iter().any(|place| closure.start <= place.span.start && place.span.end <= closure.end)
        };
        parsed
            .closures
            .iter()
            .find(|(name, span)| self.moves.contains(name) && inside(span))
            .map(|(name, _)| name.clone())
    }

    /// Finds ways to keep what has no nameable type; true if the draft has changed.
    pub(super) fn name_types(&mut self, mir: &mir::Mir, stored: &[String]) -> bool {
        let mut changed = false;
        for name in stored {
            let Some(kind) = mir.types.get(name) else { continue };
            if self.fates.contains_key(name) {
                continue;
            }
            if let Some(signature) = mir.closures.get(kind) {
                self.fates.insert(name.clone(), closure(name, signature));
                changed = true;
            } else if let Some(reason) = mir::unnameable(&mir::repaired(kind)) {
                self.fates.insert(name.clone(), Fate::Dropped);
                self.record.ended.insert(name.clone(), reason.to_owned());
                changed = true;
            } else if mir::names_function(kind) {
                self.fates.insert(name.clone(), Fate::As { kind: mir::repaired(kind), value: name.clone() });
                changed = true;
            }
        }
        changed
    }
}

/// How a closure is kept: as a trait object.
fn closure(name: &str, signature: &Signature) -> Fate {
    let call = format!("({}) -> {}", signature.parameters.join(", "), signature.returns);
    let (kind, value) = match signature.receiver {
        Receiver::Shared => (
            format!("&'static (dyn Fn{call} + Send + Sync)"),
            format!("::std::boxed::Box::leak(::std::boxed::Box::new({name}))"),
        ),
        Receiver::Mutable => {
            (format!("::std::boxed::Box<dyn FnMut{call} + Send + Sync>"), format!("::std::boxed::Box::new({name})"))
        }
        Receiver::Owned => {
            (format!("::std::boxed::Box<dyn FnOnce{call} + Send + Sync>"), format!("::std::boxed::Box::new({name})"))
        }
    };
    Fate::As { kind, value }
}

/// The variable that a message says is borrowed.
fn owner(message: &Message, borrower: &str) -> Option<String> {
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    let from_message = quoted(&message.message).filter(|name| name != borrower);
    from_message.or_else(|| {
        message.spans.iter().filter_map(|span| span.label.as_deref()).filter_map(quoted).find(|name| name != borrower)
    })
}
