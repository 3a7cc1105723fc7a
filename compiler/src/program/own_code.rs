//! What one step's part of the program is made of, as a hash: its own code, and all code that this can reach.

use std::collections::BTreeSet;

use quote::ToTokens;
use sha2::{Digest, Sha256};

use super::placement::Placement;
use super::source_map::Writer;
use super::{Parts, block, item, slot, text_of};
use crate::items::{ItemKind, NotebookItem};

/// Attributes that change nothing but the item that they stand on.
const OWN_AFFAIRS: [&str; 14] = [
    "allow",
    "cold",
    "default",
    "deny",
    "deprecated",
    "derive",
    "doc",
    "expect",
    "inline",
    "must_use",
    "non_exhaustive",
    "repr",
    "track_caller",
    "warn",
];

/// Hash of a step's code. Where it is the same, so is what the step does, given the same crates, compiler, inputs and
/// parameters, and the same types of what crosses steps.
///
/// An item counts when its name is a word of the code, or of another item that counts. Whatever can have an effect
/// without being named (`impl`s, imported traits, macro calls) always counts.
pub(super) fn hash(parts: &Parts<'_>, step: usize, placement: &Placement, derived: &BTreeSet<&str>) -> String {
    let mut own = Writer::default();
    block(&mut own, parts, step, &placement.inside[step], derived);
    // Another step before this one in the notebook changes the numbers of the slots, and nothing else.
    let pipeline = parts.pipeline;
    let inputs = pipeline.steps[step].inputs.iter().map(|input| (input.from, &input.key));
    let outputs = pipeline.steps[step].outputs.iter().map(|output| (step, &output.key));
    for (from, key) in inputs.chain(outputs) {
        own.text = own.text.replace(&slot(from, key), &format!("__{} {key}", pipeline.steps[from].task));
    }

    let mut all = Writer::default();
    for attribute in parts.cells.values().flat_map(|cell| &cell.attributes) {
        all.push(&format!("{}\n", attribute.to_token_stream()));
    }
    let candidates: Vec<usize> = placement.root.iter().chain(&placement.function).copied().collect();
    for index in reached(parts, &candidates, &own.text) {
        item(&mut all, parts, &parts.items[index], derived);
    }
    let mut hash = Sha256::new_with_prefix(if parts.asynchronous { "async " } else { "sync " });
    hash.update(&all.text);
    hash.update([0]);
    hash.update(&own.text);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The items, of `candidates`, that count for `code`, in order.
fn reached(parts: &Parts<'_>, candidates: &[usize], code: &str) -> BTreeSet<usize> {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut counts: BTreeSet<usize> = BTreeSet::new();
    known.extend(words(code));
    // Names that a macro puts together stand nowhere.
    let all = known.contains("paste") || known.contains("concat_idents");
    loop {
        let new: Vec<usize> = candidates
            .iter()
            .copied()
            .filter(|index| !counts.contains(index))
            .filter(|&index| {
                let item = &parts.items[index];
                all || acts_unnamed(item) || item.names.iter().any(|name| known.contains(bare(&name.name)))
            })
            .collect();
        if new.is_empty() {
            return counts;
        }
        for index in new {
            counts.insert(index);
            known.extend(words(text_of(parts, &parts.items[index])));
        }
    }
}

/// Whether an item may change what code does that does not name it.
fn acts_unnamed(item: &NotebookItem) -> bool {
    // An `impl` or a `use` in a body counts for what is outside of it, too.
    matches!(item.kind, ItemKind::Use { .. })
        || item.names.iter().all(|name| name.name == "_")
        || item.mentions.contains("impl")
        || has_foreign_attribute(item)
}

/// Whether a macro may stand before the item, which can write anything.
fn has_foreign_attribute(item: &NotebookItem) -> bool {
    let mut tokens = item.tokens.clone().into_iter().peekable();
    while let Some(proc_macro2::TokenTree::Punct(punct)) = tokens.peek() {
        if punct.as_char() != '#' {
            return false;
        }
        tokens.next();
        let Some(proc_macro2::TokenTree::Group(group)) = tokens.next() else { return true };
        let first = group.stream().into_iter().next().map(|token| token.to_string()).unwrap_or_default();
        if !OWN_AFFAIRS.contains(&first.as_str()) {
            return true;
        }
    }
    false
}

/// All that could be a name: in code, in format strings, and (which does no harm) in comments.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c == '_' || c.is_alphanumeric())).filter(|word| !word.is_empty())
}

/// A name without the mark of a raw identifier, which is no part of a word.
fn bare(name: &str) -> &str {
    name.trim_start_matches("r#")
}
