//! Writes the source of a cell's library.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::compile::Scope;
use super::draft::{Draft, Fate, Shows};
use super::items::Unit;
use super::parse::Parsed;
use super::source::{CellText, Purpose, Source};
use crate::deps::Externs;

/// Lints that say nothing useful of a cell, whose names may be used in the next one.
pub(super) const ALLOWED: &str = "#![allow(unused_variables, unused_mut, unused_assignments, unused_imports, unused_macros, \
                       unused_parens, unused_braces, unused_must_use, unused_labels, unused_unsafe, dead_code, \
                       private_interfaces, private_bounds, non_snake_case, non_upper_case_globals, \
                       non_camel_case_types, improper_ctypes_definitions, internal_features, uncommon_codepoints, \
                       static_mut_refs, unreachable_code, unstable_name_collisions, path_statements, unused_doc_comments, \
                       redundant_imports, macro_expanded_macro_exports_accessed_by_absolute_paths, mixed_script_confusables, \
                       confusable_idents, ambiguous_glob_reexports, ambiguous_glob_imports, unnameable_test_items, linker_messages)] ";

/// A cell's source, with what it needs.
pub(super) struct Written {
    pub(super) source: Source,
    pub(super) units: Vec<Arc<Unit>>,
    pub(super) external: bool,
    pub(super) taken: Vec<String>,
    pub(super) stored: Vec<String>,
}

/// Writes the source of a cell's library.
pub(super) fn write(cell: &Arc<CellText>, parsed: &Parsed, scope: &Scope, draft: &Draft) -> Written {
    let mentions = scope.items.reach(&parsed.mentions);
    let bound: BTreeSet<&str> = parsed.bindings.iter().map(|binding| binding.name.as_str()).collect();
    let taken: Vec<_> = scope
        .variables
        .iter()
        .filter(|variable| mentions.contains(&variable.name) && !draft.untaken.contains(&variable.name))
        .collect();
    let mut source = Source::default();
    // The type `!` is known to the compiler, and may be that of a closure's result, but not everybody may write it.
    let never = |kind: &str| kind.contains('!');
    let kept_as = |fate: &Fate| matches!(fate, Fate::As { kind, .. } if never(kind));
    if taken.iter().any(|variable| never(&variable.kind)) || draft.fates.values().any(kept_as) {
        source.own("#![feature(never_type)] ");
    }
    head(&mut source, parsed, cell);
    let type_names = taken.iter().flat_map(|variable| variable.path_roots());
    let external = external(
        &scope.externs,
        mentions.iter().map(String::as_str).chain(scope.items.import_mentions()).chain(type_names),
    );
    if external {
        dependencies(&scope.externs, &mut source);
    }
    let mut units = scope.items.write_imports(&mentions, &mut source);
    // What the cell's items and variables are made of may come from crates that the cell itself does not mention.
    let through = units.iter().any(|unit| unit.needs_dependencies())
        || taken
            .iter()
            .any(|variable| variable.current_type(&scope.items).1.iter().any(|unit| unit.needs_dependencies()));
    if through && !external {
        dependencies(&scope.externs, &mut source);
    }
    let external = external || through;
    // Everything before the cell's own text stands in the first line, so that its lines keep their numbers.
    if scope.errors_by_display {
        source.own(
            "#[unsafe(no_mangle)] pub fn oxikale_cell(__variables: &mut ::oxikale_host::Variables) -> ::oxikale_host::Flow { \
             ::core::convert::From::from(oxikale_cell_code(__variables)) } \
             fn oxikale_cell_code(__variables: &mut ::oxikale_host::Variables) -> ::oxikale_host::DisplayFlow { ",
        );
    } else {
        source.own(
            "#[unsafe(no_mangle)] pub fn oxikale_cell(__variables: &mut ::oxikale_host::Variables) -> ::oxikale_host::Flow { ",
        );
    }
    if parsed.awaits {
        source.own("::oxikale_host::block_on(async { ");
    }
    for (name, (cell, span)) in &scope.pending {
        if mentions.contains(name) {
            source.cell(cell, span.clone());
            source.own(" ");
        }
    }
    for variable in &taken {
        let (kind, used) = variable.current_type(&scope.items);
        for unit in used {
            if !units.contains(&unit) {
                units.push(unit);
            }
        }
        let mutable = if variable.mutable { "mut " } else { "" };
        source.marked(
            Purpose::Take(variable.name.clone()),
            &format!("let {mutable}{0}: {kind} = unsafe {{ __variables.take({0:?}) }}; ", variable.name),
        );
    }
    let closures: Vec<usize> =
        parsed.closures.iter().filter(|(name, _)| draft.moves.contains(name)).map(|(_, span)| span.start).collect();
    for span in &parsed.statements {
        source.align(cell, span.start);
        match &parsed.value {
            Some(value) if draft.shows != Shows::Not && span.contains(&value.start) => {
                source.cell_with(cell, span.start..value.start, &closures, "move ");
                source.marked(Purpose::Show, "match &(");
                source.cell(cell, value.clone());
                source.own("\n");
                source.marked(Purpose::Show, &show(scope, draft.shows, external));
                source.cell(cell, value.end..span.end);
            }
            _ => source.cell_with(cell, span.clone(), &closures, "move "),
        }
    }
    source.own("\n;");
    let mut stored = Vec::new();
    let names: BTreeSet<&str> = taken
        .iter()
        .map(|variable| variable.name.as_str())
        .chain(bound)
        .chain(scope.pending.keys().filter(|name| mentions.contains(*name)).map(String::as_str))
        .collect();
    // What borrows from others ends before they are stored.
    for name in &names {
        if draft.fates.get(*name) == Some(&Fate::Dropped) {
            source.marked(Purpose::Drop((*name).to_owned()), &format!("::core::mem::drop({name});\n"));
        }
    }
    for name in names {
        let text = match draft.fates.get(name) {
            Some(Fate::Dropped | Fate::Left) => continue,
            Some(Fate::As { kind, value }) => format!("__variables.store::<{kind}>({name:?}, {value});\n"),
            None => format!("__variables.store({name:?}, {name});\n"),
        };
        stored.push(name.to_owned());
        source.marked(Purpose::Store(name.to_owned()), &text);
    }
    source.own(if scope.errors_by_display {
        "::oxikale_host::DisplayFlow::done()\n"
    } else {
        "::oxikale_host::Flow::Done\n"
    });
    if parsed.awaits {
        source.own("})\n");
    }
    source.own("}\n");
    let taken = taken.iter().map(|variable| variable.name.clone()).collect();
    Written { source, units, external, taken, stored }
}

/// What follows the last expression, so that its value is shown. `external` says whether the cell is linked to crates.
fn show(scope: &Scope, shows: Shows, external: bool) -> String {
    let types = if scope.types { "::oxikale_host::show::with_type();" } else { "" };
    if let Some(format) = &scope.format {
        return format!(
            ") {{ __value => {{ {types} ::oxikale_host::show::text(__value, &::std::format!({format:?}, __value)) }} }};"
        );
    }
    if shows == Shows::Debug {
        return format!(") {{ __value => {{ {types} ::oxikale_host::show::debug(__value) }} }};");
    }
    // A cell that has nothing to do with the crates is not linked to them for the sake of its result.
    let shown = if external && scope.externs.crates.iter().any(|(name, _)| name == "oxikale") {
        ") { __value => { trait __Rich { fn show(&self); } \
         impl<T: ::oxikale::Display + ?Sized> __Rich for &&::oxikale_host::show::Probe<'_, T> { \
         fn show(&self) { ::oxikale::display::show(self.0) } } \
         #[allow(unused_imports)] use ::oxikale_host::show::{WithoutDisplay as _, ShowDebug as _, ShowOpaque as _}; \
         ::oxikale_host::show::announce(); let __shown = __value.evcxr_display(); if !::oxikale_host::show::shown(&__shown) { \
         (&&&::oxikale_host::show::Probe(__value)).show() } } };"
    } else {
        ") { __value => { \
         #[allow(unused_imports)] use ::oxikale_host::show::{WithoutDisplay as _, ShowDebug as _, ShowOpaque as _}; \
         ::oxikale_host::show::announce(); let __shown = __value.evcxr_display(); if !::oxikale_host::show::shown(&__shown) { \
         (&&::oxikale_host::show::Probe(__value)).show() } } };"
    };
    shown.replacen("__value => {", &format!("__value => {{ {types}"), 1)
}

/// Whether any of these names is a crate of the dependencies.
pub(super) fn external<'a>(externs: &Externs, mut names: impl Iterator<Item = &'a str>) -> bool {
    names.any(|name| externs.crates.iter().any(|(krate, _)| krate == name))
}

pub(super) fn head(source: &mut Source, parsed: &Parsed, cell: &Arc<CellText>) {
    source.own(ALLOWED);
    for span in &parsed.attributes {
        source.cell(cell, span.clone());
        source.own(" ");
    }
}

pub(super) fn dependencies(externs: &Externs, source: &mut Source) {
    for (name, _) in &externs.dylibs {
        source.own(&format!("extern crate {name} as _; "));
    }
}
