//! Where each item stands in the program: at the root, shared by all steps, or inside of the steps that see it.

use std::collections::{BTreeMap, BTreeSet};

use crate::dataflow::StepFlow;
use crate::items::{ItemKind, Name, Namespace, NotebookItem};

/// The decision for every item, by index.
#[derive(Debug, Default)]
pub(super) struct Placement {
    /// At the root, in order.
    pub(super) root: Vec<usize>,
    /// For each step, the items in its own block, in order.
    pub(super) inside: Vec<Vec<usize>>,
    /// Items of all steps that cannot stand at the root (`fn main`).
    pub(super) function: Vec<usize>,
}

/// Places `items`. `step_of` tells the step that a cell is in; `texts` is the text of every item.
pub(super) fn place(
    items: &[NotebookItem],
    texts: &[&str],
    step_of: &BTreeMap<usize, usize>,
    steps: &[StepFlow],
    mentioned: &[BTreeSet<String>],
) -> Placement {
    let mut placement = Placement { inside: vec![Vec::new(); steps.len()], ..Placement::default() };
    let home: Vec<Option<usize>> = items.iter().map(|item| step_of.get(&item.cell).copied()).collect();
    let clashing = clashes(items, texts, &home);
    let mut local: BTreeSet<usize> = BTreeSet::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let clashes = home[index].is_some() && item.names.iter().any(|name| clashing.contains(name));
        // The same item in two cells is one item.
        if !clashes && !seen.insert(texts[index]) {
            continue;
        }
        if item.names.iter().any(|name| name.namespace == Namespace::Value && name.name == "main") {
            placement.function.push(index);
        } else if clashes {
            local.insert(index);
        } else {
            placement.root.push(index);
        }
    }
    if local.is_empty() {
        return placement;
    }
    // A function that mentions something local must stand beside it.
    loop {
        let names: BTreeSet<&str> =
            local.iter().flat_map(|&index| items[index].names.iter().map(|name| name.name.as_str())).collect();
        let moved: Vec<usize> = placement
            .root
            .iter()
            .copied()
            .filter(|&index| {
                let item = &items[index];
                let movable =
                    item.names.iter().any(|name| matches!(name.namespace, Namespace::Value | Namespace::Macro));
                home[index].is_some()
                    && movable
                    && !matches!(item.kind, ItemKind::Use { .. } | ItemKind::Data(_))
                    && item.mentions.iter().any(|mention| names.contains(mention.as_str()))
            })
            .collect();
        if moved.is_empty() {
            break;
        }
        placement.root.retain(|index| !moved.contains(index));
        local.extend(moved);
    }
    placement.inside = mentioned
        .iter()
        .enumerate()
        .map(|(step, mentioned)| visible(step, items, &local, &home, steps, mentioned))
        .collect();
    placement
}

/// Names that two different items have, of which one at least stands in a step.
fn clashes(items: &[NotebookItem], texts: &[&str], home: &[Option<usize>]) -> BTreeSet<Name> {
    let mut by_name: BTreeMap<&Name, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        for name in &item.names {
            by_name.entry(name).or_default().push(index);
        }
    }
    let mut clashing = BTreeSet::new();
    for (name, indices) in &by_name {
        let different = indices.iter().any(|&index| texts[index] != texts[indices[0]]);
        if different && indices.iter().any(|&index| home[index].is_some()) {
            clashing.insert((*name).clone());
        }
    }
    clashing
}

/// The local items that a step sees: its own, and of the nearest ancestors' those that it mentions.
fn visible(
    step: usize,
    items: &[NotebookItem],
    local: &BTreeSet<usize>,
    home: &[Option<usize>],
    steps: &[StepFlow],
    mentioned: &BTreeSet<String>,
) -> Vec<usize> {
    let mut visible: BTreeSet<usize> = local.iter().copied().filter(|&index| home[index] == Some(step)).collect();
    let mut defined: BTreeSet<&Name> = visible.iter().flat_map(|&index| &items[index].names).collect();
    let mut wanted: BTreeSet<&str> = mentioned.iter().map(String::as_str).collect();
    let mut layer: BTreeSet<usize> = steps[step].prev.clone();
    let mut passed: BTreeSet<usize> = BTreeSet::new();
    // Breadth first: a nearer step's item hides a farther one's.
    while !layer.is_empty() {
        let mut next = BTreeSet::new();
        for &ancestor in &layer {
            if !passed.insert(ancestor) {
                continue;
            }
            for &index in local {
                let item = &items[index];
                let asked =
                    item.names.iter().any(|name| wanted.contains(name.name.as_str()) && !defined.contains(name));
                if home[index] == Some(ancestor) && asked {
                    visible.insert(index);
                    wanted.extend(item.mentions.iter().map(String::as_str));
                    defined.extend(&item.names);
                }
            }
            next.extend(steps[ancestor].prev.iter().copied());
        }
        layer = next;
    }
    visible.into_iter().collect()
}
