//! Tells what the next cell finds around it, in the user's own names: the engine's crates of items are not among them.

use super::entry::Entry;
use super::items::Items;
use super::names::clean_code;
use super::session::DirectEngine;
use crate::standard_library;
use crate::surroundings::{ItemSource, Surroundings, VariableSource};

impl DirectEngine {
    /// See [`crate::Engine::surroundings`].
    pub(super) fn around_next_cell(&self) -> Surroundings {
        let scope = &self.state.scope;
        let variable = |held: &super::variables::Held| VariableSource {
            name: held.name.clone(),
            type_name: nameable(&held.kind),
            mutable: held.mutable,
        };
        // Declared without a value, which a later cell may give it: nobody knows its type yet.
        let pending = scope.pending.keys().map(|name| VariableSource {
            name: name.clone(),
            type_name: "_".to_owned(),
            mutable: true,
        });
        Surroundings {
            rustc: self.toolchain.rustc.clone(),
            cargo: self.toolchain.cargo.clone(),
            host: self.toolchain.host.clone(),
            version: self.toolchain.version.clone(),
            library: standard_library::folder(&self.toolchain, &self.options.cache),
            packages: self.state.dependencies.packages(),
            items: sources(&scope.items),
            variables: scope.variables.iter().map(variable).chain(pending).collect(),
        }
    }
}

/// The items as they are written, those that have been defined anew left out.
fn sources(items: &Items) -> Vec<ItemSource> {
    items.entries().map(|entry| ItemSource { cell: entry.cell.name.clone(), source: remaining(entry) }).collect()
}

/// An item's text without what a later cell has taken out of it.
fn remaining(entry: &Entry) -> String {
    if entry.is_import() {
        return entry.text().to_owned();
    }
    let mut text = String::with_capacity(entry.span.len());
    let mut at = entry.span.start;
    for edit in entry.edits.iter().filter(|edit| edit.text.is_empty() && !edit.span.is_empty()) {
        if edit.span.start >= at {
            text.push_str(&entry.cell.code[at..edit.span.start]);
            at = edit.span.end;
        }
    }
    text.push_str(&entry.cell.code[at..entry.span.end]);
    text
}

/// A type without the engine's crates: `::u_0123456789abcdef::Point` is the user's `Point`.
fn nameable(kind: &str) -> String {
    clean_code(kind)
}

#[cfg(test)]
mod tests {
    use super::nameable;

    #[test]
    fn types_are_in_the_users_names() {
        for (kind, name) in [
            ("std::vec::Vec<u_0123456789abcdef::Point>", "std::vec::Vec<Point>"),
            ("u_0123456789abcdef::shapes::Circle<'static>", "shapes::Circle<'static>"),
            (
                "&'static (dyn std::ops::Fn(f64) -> f64 + std::marker::Send)",
                "&'static (dyn std::ops::Fn(f64) -> f64 + std::marker::Send)",
            ),
            (
                "ndarray::ArrayBase<ndarray::OwnedRepr<f64>, ndarray::Dim<[usize; 2]>>",
                "ndarray::ArrayBase<ndarray::OwnedRepr<f64>, ndarray::Dim<[usize; 2]>>",
            ),
            ("oxikale_deps_0123456789abcdef::ndarray::Ix2", "ndarray::Ix2"),
            ("<u_0123456789abcdef::P as std::ops::Add>::Output", "<P as std::ops::Add>::Output"),
            ("std::option::Option::<i32>", "std::option::Option::<i32>"),
        ] {
            assert_eq!(nameable(kind), name);
        }
    }
}
