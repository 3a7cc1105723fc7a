//! Calls of the library that the IR must know of: artifacts by name, and metrics.

use std::collections::{BTreeMap, BTreeSet};

use oxikale_notebook::CellSpan;
use proc_macro2::{TokenStream, TokenTree};
use syn::Lit;

use crate::items::{self, ItemKind, NotebookItem};
use crate::source::ParsedCell;

/// What a piece of code may write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls {
    /// Artifacts by name, and where the name stands.
    pub(crate) artifacts: BTreeMap<String, CellSpan>,
    /// Whether metrics are logged.
    pub(crate) metrics: bool,
}

impl Calls {
    fn add(&mut self, other: &Calls) {
        self.metrics |= other.metrics;
        for (name, span) in &other.artifacts {
            self.artifacts.entry(name.clone()).or_insert(*span);
        }
    }
}

/// Names that a `use` gives to the library's functions.
#[derive(Debug, Default)]
struct Aliases {
    artifacts: BTreeSet<String>,
    metrics: BTreeSet<String>,
}

impl Aliases {
    fn of(items: &[NotebookItem]) -> Self {
        let mut aliases = Self::default();
        for item in
            items.iter().filter(|item| matches!(item.kind, ItemKind::Use { .. }) && item.mentions.contains("oxikale"))
        {
            let names = item.names.iter().map(|name| name.name.clone());
            if item.mentions.contains("metrics") {
                aliases.metrics.extend(names);
            } else if item.mentions.contains("artifacts") {
                aliases.artifacts.extend(names);
            }
        }
        aliases
    }
}

/// `artifacts::FUNCTION("NAME"`, and `metrics::` anywhere.
fn in_tokens(cell: usize, tokens: TokenStream, aliases: &Aliases) -> Calls {
    let mut calls = Calls::default();
    let tokens = items::flat(tokens);
    let word = |index: usize| match tokens.get(index) {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    };
    let colons = |index: usize| {
        [index, index + 1]
            .into_iter()
            .all(|at| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':'))
    };
    // After the function's name: an opening bracket, then the artifact's name.
    let argument = |function: usize, calls: &mut Calls| {
        if let Some(TokenTree::Literal(literal)) = tokens.get(function + 2)
            && let Lit::Str(name) = Lit::new(literal.clone())
        {
            let range = literal.span().byte_range();
            calls.artifacts.entry(name.value()).or_insert(CellSpan::new(cell, range.start, range.end));
        }
    };
    for index in 0..tokens.len() {
        match word(index).as_deref() {
            Some("metrics") if colons(index + 1) => calls.metrics = true,
            Some("artifacts") if colons(index + 1) && word(index + 3).is_some() => argument(index + 3, &mut calls),
            Some(alias) if colons(index + 1) && aliases.artifacts.contains(alias) => argument(index + 3, &mut calls),
            Some(alias) if aliases.artifacts.contains(alias) => argument(index, &mut calls),
            Some(alias) if aliases.metrics.contains(alias) => calls.metrics = true,
            _ => {}
        }
    }
    calls
}

/// What the code of each cell may write, with the functions that it mentions.
pub(crate) fn of_cells(cells: &BTreeMap<usize, ParsedCell>, all: &[NotebookItem]) -> BTreeMap<usize, Calls> {
    let aliases = Aliases::of(all);
    let mut of_name: BTreeMap<&str, Calls> = BTreeMap::new();
    for item in all.iter().filter(|item| !matches!(item.kind, ItemKind::Use { .. })) {
        let calls_library = |name: &String| {
            name == "artifacts"
                || name == "metrics"
                || aliases.artifacts.contains(name)
                || aliases.metrics.contains(name)
        };
        // Only an item that has such a call at all is worth another look.
        if item.mentions.iter().any(calls_library) {
            let calls = in_tokens(item.cell, item.tokens.clone(), &aliases);
            item.names.iter().for_each(|name| of_name.entry(&name.name).or_default().add(&calls));
        }
    }
    // A function that calls such a function may write what that one writes.
    let mut callers: BTreeMap<&str, Vec<&NotebookItem>> = BTreeMap::new();
    for item in all.iter().filter(|_| !of_name.is_empty()) {
        for mention in &item.mentions {
            callers.entry(mention).or_default().push(item);
        }
    }
    let mut grown: Vec<&str> = of_name.keys().copied().collect();
    while let Some(name) = grown.pop() {
        let calls = of_name.get(name).cloned().unwrap_or_default();
        for caller in callers.get(name).into_iter().flatten() {
            for name in &caller.names {
                let own = of_name.entry(&name.name).or_default();
                let before = (own.metrics, own.artifacts.len());
                own.add(&calls);
                if before != (own.metrics, own.artifacts.len()) {
                    grown.push(&name.name);
                }
            }
        }
    }
    cells
        .iter()
        .map(|(index, cell)| {
            let mut calls = in_tokens(*index, cell.tokens.clone(), &aliases);
            if !of_name.is_empty() {
                let mentions: BTreeSet<String> = items::mentions(cell.tokens.clone());
                mentions.iter().filter_map(|mention| of_name.get(mention.as_str())).for_each(|other| calls.add(other));
            }
            (*index, calls)
        })
        .collect()
}
