//! From a cell to libraries: its items become a unit, its statements a library with one function.
//!
//! Which variables a cell can store, rustc knows best. So all are stored at first; where rustc objects (a variable was
//! moved, or borrows from another one) or where the type has no name, the draft is changed and compiled again. What
//! came out is kept in the cache under the first draft, so all of this happens once.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::entry::Space;
use super::items::{Items, Unit, digest};
use super::messages::{Explanation, explain};
use super::mir::{self, Receiver, Signature};
use super::parse::Parsed;
use super::rustc::{Cancel, Ended, Job, Message, Output, Rustc, Said};
use super::session::SessionFolder;
use super::source::{CellText, Purpose, Source};
use super::variables::{Gone, Variables};
use crate::deps::Externs;
use crate::diagnostic::{Diagnostic, Severity};
use crate::host::Runtime;

/// The most drafts of one cell.
const DRAFTS: usize = 12;

/// Lints that say nothing useful of a cell, whose names may be used in the next one.
const ALLOWED: &str = "#![allow(unused_variables, unused_mut, unused_assignments, unused_imports, unused_macros, \
                       unused_parens, unused_braces, unused_must_use, unused_labels, unused_unsafe, dead_code, \
                       private_interfaces, private_bounds, non_snake_case, non_upper_case_globals, \
                       non_camel_case_types, improper_ctypes_definitions, internal_features, uncommon_codepoints, \
                       static_mut_refs, unreachable_code, unstable_name_collisions, path_statements, unused_doc_comments, \
                       redundant_imports, macro_expanded_macro_exports_accessed_by_absolute_paths, mixed_script_confusables, \
                       confusable_idents, ambiguous_glob_reexports, ambiguous_glob_imports, unnameable_test_items, linker_messages)]\n";

/// Everything that compiling needs, and that does not change from cell to cell.
#[derive(Debug, Clone)]
pub(super) struct Compiler {
    pub(super) rustc: Rustc,
    pub(super) runtime: Runtime,
    pub(super) cells: Arc<Cache>,
    pub(super) units: Arc<Cache>,
    /// A folder of this session alone, on the cache's file system where possible: work in progress, and a link to
    /// every unit in use, so that an emptied cache does not hurt.
    pub(super) session: Arc<SessionFolder>,
    pub(super) cancel: Cancel,
    pub(super) work: Arc<AtomicU64>,
}

/// What the cells of a session see at a point.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) items: Items,
    pub(super) variables: Variables,
    pub(super) externs: Externs,
    /// The optimisation that the user has asked for (`:opt`); by default it follows the code.
    pub(super) optimisation: Option<String>,
    /// `let x;` of earlier cells, which wait for a value.
    pub(super) pending: BTreeMap<String, (Arc<CellText>, std::ops::Range<usize>)>,
    /// How values are shown (`:fmt`), if not by `{:?}`.
    pub(super) format: Option<String>,
    /// Whether the types of results are shown (`:types`).
    pub(super) types: bool,
    /// The names that cells which have not been run would define, with those cells.
    pub(super) upcoming: Arc<Vec<(String, String)>>,
}

/// A compiled cell.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    /// The items after it.
    pub(super) items: Items,
    /// Its library; none if it has nothing to run.
    pub(super) library: Option<PathBuf>,
    /// The source of its library, for the places of panics.
    pub(super) source: Source,
    /// The source of the unit of its items, with the unit's name.
    pub(super) unit: Option<(String, Source)>,
    /// The units that must be loaded before it.
    pub(super) units: Vec<Arc<Unit>>,
    /// Whether it needs the dependencies.
    pub(super) external: bool,
    /// The variables that it takes out of the session.
    pub(super) taken: Vec<String>,
    /// What becomes of its variables.
    pub(super) outcome: CellRecord,
    pub(super) warnings: Vec<Diagnostic>,
    /// Variables that the items of the cell make impossible, with the reason.
    pub(super) stale: BTreeMap<String, String>,
    /// Items of earlier cells that do not fit those of this one, and are gone.
    pub(super) unfit: Vec<Unfit>,
    /// Whether everything came from the cache.
    pub(super) cached: bool,
}

/// An item that no longer compiles, since another one has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    /// What it is: `impl Display for P`.
    pub(super) item: String,
    pub(super) cell: String,
    /// What rustc says.
    pub(super) reason: String,
}

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
    fates: BTreeMap<String, Fate>,
    shows: Shows,
    moves: BTreeSet<String>,
}

/// How the value of the last expression is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Shows {
    /// It is not.
    #[default]
    Not,
    /// By whatever its type offers.
    Probe,
    /// By `Debug`: where the type is not known until the end of the cell, no method can be looked up on it.
    Debug,
}

/// Why there is nothing to run.
#[derive(Debug, Clone)]
pub(super) enum Failed {
    /// rustc did not accept it.
    Rejected(Vec<Diagnostic>),
    Interrupted,
    /// rustc itself failed.
    Rustc(String),
    /// Files could not be written or programs not be started.
    System(String),
}

/// What happens to a variable at the end of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Fate {
    /// Stored as this type: a closure as a trait object, a function as a pointer.
    As { kind: String, value: String },
    /// Dropped before the others are stored, since it borrows from them.
    Dropped,
    /// Nothing: it was moved, or never got a value.
    Left,
}

/// A draft of a cell's library.
#[derive(Debug, Clone, Default)]
struct Draft {
    fates: BTreeMap<String, Fate>,
    record: CellRecord,
    shows: Shows,
    /// Closures that get a `move`.
    moves: BTreeSet<String>,
    /// Closures for which `move` was tried in vain.
    given_up: BTreeSet<String>,
    /// Variables of the session that are not taken after all.
    untaken: BTreeSet<String>,
}

impl Compiler {
    /// Compiles a cell in a scope. `check` asks for what rustc says and nothing else.
    pub(super) fn cell(
        &self,
        cell: &Arc<CellText>,
        parsed: &Parsed,
        scope: &Scope,
        check: bool,
    ) -> Result<Compiled, Failed> {
        let plan = scope.items.plan(&parsed.entries);
        let mut items = plan.items;
        let mut warnings = Vec::new();
        let mut cached = true;
        let mut unit_source = None;
        let mut unfit = Vec::new();
        if plan.compiles {
            let (unit, source, said, was_cached) = self.unit_of(&mut items, parsed, cell, scope, &mut unfit)?;
            cached &= was_cached;
            items.close(&unit);
            unit_source = Some((unit.name.clone(), source));
            warnings = said;
        }
        let mut scope = scope.clone();
        // The types of variables may have moved to another unit, or changed.
        scope.items = items.clone();
        let mut stale = BTreeMap::new();
        for name in scope.variables.stale(&items) {
            stale.insert(name, "its type has been defined anew".to_owned());
        }
        for entry in &parsed.entries {
            let values = entry.keys.iter().filter(|key| key.space == Space::Value && !entry.is_import());
            for key in values.filter(|key| scope.variables.get(&key.name).is_some()) {
                stale.insert(key.name.clone(), "an item of its name has been defined".to_owned());
            }
        }
        for (name, reason) in &stale {
            scope.variables.end(name, Gone { cell: cell.name.clone(), reason: reason.clone() });
        }
        if !parsed.runs {
            if plan.imports {
                self.check_imports(cell, &scope)?;
            }
            return Ok(Compiled {
                items,
                library: None,
                source: Source::default(),
                unit: unit_source,
                units: Vec::new(),
                external: false,
                taken: Vec::new(),
                outcome: CellRecord::default(),
                warnings,
                stale,
                unfit,
                cached,
            });
        }
        let mut compiled = self.statements(cell, parsed, &scope, check)?;
        warnings.append(&mut compiled.warnings);
        Ok(Compiled { warnings, stale, unfit, unit: unit_source, cached: cached && compiled.cached, ..compiled })
    }

    /// Whether any of these names is a crate of the dependencies.
    fn external<'a>(externs: &Externs, mut names: impl Iterator<Item = &'a str>) -> bool {
        names.any(|name| externs.crates.iter().any(|(krate, _)| krate == name))
    }

    /// Compiles the items that wait for it. Items of earlier cells that no longer fit are left out.
    fn unit_of(
        &self,
        items: &mut Items,
        parsed: &Parsed,
        cell: &Arc<CellText>,
        scope: &Scope,
        unfit: &mut Vec<Unfit>,
    ) -> Result<(Arc<Unit>, Source, Vec<Diagnostic>, bool), Failed> {
        loop {
            let failed = match self.unit(items, parsed, cell, scope) {
                Err(Failed::Rejected(diagnostics)) => diagnostics,
                other => return other,
            };
            let mut left_out = Vec::new();
            for diagnostic in failed.iter().filter(|diagnostic| diagnostic.severity == Severity::Error) {
                let Some(span) = diagnostic.spans.iter().find(|span| span.primary) else { break };
                if span.cell == cell.name {
                    return Err(Failed::Rejected(failed));
                }
                left_out.extend(items.leave_out(&span.cell, span.start).map(|item| Unfit {
                    item,
                    cell: span.cell.clone(),
                    reason: diagnostic.message.clone(),
                }));
            }
            if left_out.is_empty() {
                return Err(Failed::Rejected(failed));
            }
            unfit.extend(left_out);
        }
    }

    /// Compiles the items that wait for it.
    fn unit(
        &self,
        items: &Items,
        parsed: &Parsed,
        cell: &Arc<CellText>,
        scope: &Scope,
    ) -> Result<(Arc<Unit>, Source, Vec<Diagnostic>, bool), Failed> {
        let mut mentions = BTreeSet::new();
        for entry in items.open() {
            mentions.extend(entry.mentions.iter().cloned());
        }
        let mut source = Source::default();
        head(&mut source, parsed, cell);
        let external = Self::external(
            &scope.externs,
            mentions.iter().map(String::as_str).chain(items.import_mentions()),
        );
        if external {
            dependencies(&scope.externs, &mut source);
        }
        let needs = items.write_imports(&mentions, &mut source);
        for entry in items.open() {
            entry.write(&mut source);
        }
        let optimisation = scope.optimisation.clone().unwrap_or_else(|| "2".to_owned());
        let key = self.key(&source, &needs, external.then_some(&scope.externs), &optimisation);
        let name = format!("u_{key}");
        let file = format!("lib{name}.so");
        let unit = |library: PathBuf| Arc::new(Unit { name: name.clone(), library, needs: needs.clone(), external });
        if let Some((folder, ())) = self.units.get::<()>(&key) {
            return Ok((unit(self.link(&folder.join(&file))), source, Vec::new(), true));
        }
        let work = self.work()?;
        let said = self.rustc(Output::Unit, &name, &source, &needs, external.then_some(&scope.externs), &optimisation, &work)?;
        let explanation = self.explanation(scope, &source, &name, cell);
        if !said.success {
            drop(fs::remove_dir_all(&work));
            return Err(rejected(&said, &explanation));
        }
        drop(fs::remove_file(work.join(format!("{name}.rs"))));
        let folder = self.units.put(&key, &work, &[file.clone()], &()).map_err(system)?;
        let warnings = explanation.warnings(&said.messages);
        Ok((unit(self.link(&folder.join(&file))), source, warnings, false))
    }

    /// Has rustc look at imports that nothing else is compiled with.
    fn check_imports(&self, cell: &Arc<CellText>, scope: &Scope) -> Result<(), Failed> {
        let mut source = Source::default();
        source.own(ALLOWED);
        let external = Self::external(&scope.externs, scope.items.import_mentions());
        if external {
            dependencies(&scope.externs, &mut source);
        }
        let units = scope.items.write_imports(&BTreeSet::new(), &mut source);
        let work = self.work()?;
        let externs = external.then_some(&scope.externs);
        let said = self.rustc(Output::Check, "imports", &source, &units, externs, "0", &work);
        drop(fs::remove_dir_all(&work));
        let said = said?;
        if said.success { Ok(()) } else { Err(rejected(&said, &self.explanation(scope, &source, "imports", cell))) }
    }

    /// What rustc says of a cell that cannot be parted: a mistake in its syntax.
    pub(super) fn syntax(&self, cell: &Arc<CellText>, scope: &Scope) -> Result<Vec<Diagnostic>, Failed> {
        let mut source = Source::default();
        source.own("#![allow(warnings)] pub fn oxikale_cell() {\n");
        source.cell(cell, 0..cell.code.len());
        source.own("\n}\n");
        let work = self.work()?;
        let said = self.rustc(Output::Check, "syntax", &source, &[], None, "0", &work);
        drop(fs::remove_dir_all(&work));
        let said = said?;
        if said.success {
            return Ok(Vec::new());
        }
        Ok(explain(&self.explanation(scope, &source, "syntax", cell), &said.messages))
    }

    /// Compiles the statements of a cell.
    fn statements(
        &self,
        cell: &Arc<CellText>,
        parsed: &Parsed,
        scope: &Scope,
        check: bool,
    ) -> Result<Compiled, Failed> {
        let shows = if parsed.value.is_some() { Shows::Probe } else { Shows::Not };
        let mut draft = Draft { shows, ..Draft::default() };
        let first = self.write(cell, parsed, scope, &draft);
        let optimisation = match &scope.optimisation {
            Some(level) => level.clone(),
            None if parsed.loops => "2".to_owned(),
            None => "0".to_owned(),
        };
        let key = self.key(&first.source, &first.units, first.external.then_some(&scope.externs), &optimisation);
        let name = format!("c_{key}");
        let file = format!("lib{name}.so");
        if !check && let Some((folder, record)) = self.cells.get::<CellRecord>(&key) {
            draft.fates.clone_from(&record.fates);
            draft.moves.clone_from(&record.moves);
            draft.shows = record.shows;
            draft.untaken = record.lost.keys().cloned().collect();
            let written = self.write(cell, parsed, scope, &draft);
            return Ok(self.compiled(scope, written, Some(folder.join(file)), record, Vec::new(), true));
        }
        let work = self.work()?;
        let result = self.drafts(cell, parsed, scope, check, draft, &name, &optimisation, &work);
        match result {
            Ok((written, record, said, explained)) => {
                let warnings = explained.unwrap_or_default();
                if check {
                    drop(fs::remove_dir_all(&work));
                    return Ok(self.compiled(scope, written, None, record, warnings, false));
                }
                debug_assert!(said.success);
                for leftover in [format!("{name}.rs"), format!("{name}.mir")] {
                    drop(fs::remove_file(work.join(leftover)));
                }
                let folder = self.cells.put(&key, &work, &[file.clone()], &record).map_err(system)?;
                Ok(self.compiled(scope, written, Some(folder.join(file)), record, warnings, false))
            }
            Err(failed) => {
                drop(fs::remove_dir_all(&work));
                Err(failed)
            }
        }
    }

    fn compiled(
        &self,
        scope: &Scope,
        written: Written,
        library: Option<PathBuf>,
        outcome: CellRecord,
        warnings: Vec<Diagnostic>,
        cached: bool,
    ) -> Compiled {
        Compiled {
            items: scope.items.clone(),
            library,
            source: written.source,
            unit: None,
            units: written.units,
            external: written.external,
            taken: written.taken,
            outcome,
            warnings,
            stale: BTreeMap::new(),
            unfit: Vec::new(),
            cached,
        }
    }

    /// Compiles drafts until one is accepted.
    #[allow(clippy::too_many_arguments, reason = "the parts of one compilation")]
    fn drafts(
        &self,
        cell: &Arc<CellText>,
        parsed: &Parsed,
        scope: &Scope,
        check: bool,
        mut draft: Draft,
        name: &str,
        optimisation: &str,
        work: &Path,
    ) -> Result<(Written, CellRecord, Said, Option<Vec<Diagnostic>>), Failed> {
        let mut closures_known = parsed.closures.is_empty();
        for _ in 0..DRAFTS {
            let written = self.write(cell, parsed, scope, &draft);
            let output = match (check, closures_known) {
                (true, _) => Output::Check,
                (false, true) => Output::Cell,
                (false, false) => Output::Mir,
            };
            let externs = written.external.then_some(&scope.externs);
            let said = self.rustc(output, name, &written.source, &written.units, externs, optimisation, work)?;
            let explanation = self.explanation(scope, &written.source, name, cell);
            if !said.success {
                if !draft.learn(&said, &explanation, parsed, name) {
                    return Err(rejected(&said, &explanation));
                }
                continue;
            }
            let warnings = explanation.warnings(&said.messages);
            if check {
                return Ok((written, draft.record, said, Some(warnings)));
            }
            let text = fs::read_to_string(work.join(format!("{name}.mir"))).map_err(system)?;
            let mir = mir::read(&text);
            let mut again = draft.name_types(&mir, &written.stored);
            if output == Output::Mir {
                closures_known = true;
                again = true;
            }
            if again {
                continue;
            }
            let mut record = draft.record.clone();
            record.stored = mir.types.iter().map(|(name, kind)| (name.clone(), mir::repaired(kind))).collect();
            record.fates = draft.fates;
            record.shows = draft.shows;
            record.moves = draft.moves;
            return Ok((written, record, said, Some(warnings)));
        }
        Err(Failed::Rustc(format!(
            "after {DRAFTS} attempts no form of this cell satisfies the compiler; please report the cell as a mistake of Oxikale"
        )))
    }

    /// Writes the source of a cell's library.
    fn write(&self, cell: &Arc<CellText>, parsed: &Parsed, scope: &Scope, draft: &Draft) -> Written {
        let mentions = scope.items.reach(&parsed.mentions);
        let bound: BTreeSet<&str> = parsed.bindings.iter().map(|binding| binding.name.as_str()).collect();
        let taken: Vec<_> = scope
            .variables
            .iter()
            .filter(|variable| mentions.contains(&variable.name) && !draft.untaken.contains(&variable.name))
            .collect();
        let mut source = Source::default();
        head(&mut source, parsed, cell);
        let type_names = taken.iter().flat_map(|variable| variable.path_roots());
        let external = Self::external(
            &scope.externs,
            mentions.iter().map(String::as_str).chain(scope.items.import_mentions()).chain(type_names),
        );
        if external {
            dependencies(&scope.externs, &mut source);
        }
        let mut units = scope.items.write_imports(&mentions, &mut source);
        source.own("#[unsafe(no_mangle)] pub fn oxikale_cell(__variables: &mut ::oxikale_host::Variables) -> ::oxikale_host::Flow {\n");
        if parsed.awaits {
            source.own("::oxikale_host::block_on(async {\n");
        }
        for (name, (cell, span)) in &scope.pending {
            if mentions.contains(name) {
                source.cell(cell, span.clone());
                source.own("\n");
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
                &format!("let {mutable}{0}: {kind} = unsafe {{ __variables.take({0:?}) }};\n", variable.name),
            );
        }
        let closures: Vec<usize> = parsed
            .closures
            .iter()
            .filter(|(name, _)| draft.moves.contains(name))
            .map(|(_, span)| span.start)
            .collect();
        for span in &parsed.statements {
            match &parsed.value {
                Some(value) if draft.shows != Shows::Not && span.contains(&value.start) => {
                    source.cell_with(cell, span.start..value.start, &closures, "move ");
                    source.marked(Purpose::Show, "match &(");
                    source.cell(cell, value.clone());
                    source.own("\n");
                    source.marked(Purpose::Show, &self.show(scope, draft.shows));
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
        source.own("::oxikale_host::Flow::Done\n");
        if parsed.awaits {
            source.own("})\n");
        }
        source.own("}\n");
        let taken = taken.iter().map(|variable| variable.name.clone()).collect();
        Written { source, units, external, taken, stored }
    }

    /// What follows the last expression, so that its value is shown.
    fn show(&self, scope: &Scope, shows: Shows) -> String {
        let types = if scope.types { "::oxikale_host::show::type_of(__value);" } else { "" };
        if let Some(format) = &scope.format {
            return format!(
                ") {{ __value => {{ {types} ::oxikale_host::show::text(__value, &::std::format!({format:?}, __value)) }} }};"
            );
        }
        if shows == Shows::Debug {
            return format!(") {{ __value => {{ {types} ::oxikale_host::show::debug(__value) }} }};");
        }
        let shown = if scope.externs.crates.iter().any(|(name, _)| name == "oxikale") {
            ") { __value => { trait __Rich { fn show(&self); } \
             impl<T: ::oxikale::Display + ?Sized> __Rich for &&::oxikale_host::show::Probe<'_, T> { \
             fn show(&self) { ::oxikale::display::show(self.0) } } \
             #[allow(unused_imports)] use ::oxikale_host::show::{WithoutDisplay as _, ShowDebug as _, ShowOpaque as _}; \
             let __shown = __value.evcxr_display(); if !::oxikale_host::show::shown(&__shown) { \
             (&&&::oxikale_host::show::Probe(__value)).show() } } };"
        } else {
            ") { __value => { \
             #[allow(unused_imports)] use ::oxikale_host::show::{WithoutDisplay as _, ShowDebug as _, ShowOpaque as _}; \
             let __shown = __value.evcxr_display(); if !::oxikale_host::show::shown(&__shown) { \
             (&&::oxikale_host::show::Probe(__value)).show() } } };"
        };
        shown.replacen("__value => {", &format!("__value => {{ {types}"), 1)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one compilation")]
    fn rustc(
        &self,
        output: Output,
        name: &str,
        source: &Source,
        units: &[Arc<Unit>],
        externs: Option<&Externs>,
        optimisation: &str,
        work: &Path,
    ) -> Result<Said, Failed> {
        let mut crates = vec![("oxikale_host".to_owned(), self.runtime.dylib.clone())];
        for unit in units {
            crates.push((unit.name.clone(), unit.library.clone()));
        }
        let search = |kind: &str, folder: &Path| {
            let mut argument = OsString::from(kind);
            argument.push("=");
            argument.push(folder);
            [OsString::from("-L"), argument]
        };
        let mut arguments: Vec<OsString> = Vec::new();
        arguments.extend(search("dependency", &self.session.0.join("units")));
        if let Some(externs) = externs {
            crates.extend(externs.crates.iter().cloned());
            crates.extend(externs.dylibs.iter().cloned());
        }
        // A unit without dependencies in its own text may still need them through another unit.
        let external = externs.is_some() || units.iter().any(|unit| unit.needs_dependencies());
        if external && let Some(externs) = externs {
            for folder in &externs.search {
                arguments.extend(search("dependency", folder));
            }
            for folder in &externs.native {
                arguments.extend(search("native", folder));
            }
        }
        let job = Job {
            name,
            text: source.text(),
            output,
            externs: &crates,
            arguments: &arguments,
            optimisation,
            folder: work,
        };
        let said = self.rustc.compile(&job, &self.cancel).map_err(system)?;
        match said.ended {
            Some(Ended::Interrupted) => Err(Failed::Interrupted),
            Some(Ended::TooLong) => Err(Failed::Rustc(
                "the compiler was still busy with this cell after five minutes and was ended; a simpler type, or a \
                 shorter expression, may help it"
                    .to_owned(),
            )),
            None if !said.success && !said.messages.iter().any(Message::is_error) => {
                Err(Failed::Rustc(format!("the compiler failed without an error of its own:\n{}", said.log.trim_end())))
            }
            None => Ok(said),
        }
    }

    fn key(&self, source: &Source, units: &[Arc<Unit>], externs: Option<&Externs>, optimisation: &str) -> String {
        let mut parts = vec![env!("CARGO_PKG_VERSION"), self.rustc.key(), self.runtime.key.as_str(), optimisation, source.text()];
        parts.extend(units.iter().map(|unit| unit.name.as_str()));
        if let Some(externs) = externs {
            parts.push(&externs.key);
        }
        digest(&parts)
    }

    /// A folder for one compilation.
    fn work(&self) -> Result<PathBuf, Failed> {
        let number = self.work.fetch_add(1, Ordering::Relaxed);
        let folder = self.session.0.join(format!("work-{number}"));
        fs::create_dir_all(&folder).map_err(system)?;
        Ok(folder)
    }

    /// Links a unit into the session's folder, so that it stays whatever happens to the cache.
    fn link(&self, library: &Path) -> PathBuf {
        let folder = self.session.0.join("units");
        let Some(name) = library.file_name() else { return library.to_path_buf() };
        let link = folder.join(name);
        if link.exists() {
            return link;
        }
        let linked = fs::create_dir_all(&folder)
            .and_then(|()| fs::hard_link(library, &link).or_else(|_| fs::copy(library, &link).map(drop)));
        if linked.is_ok() { link } else { library.to_path_buf() }
    }

    fn explanation<'a>(
        &self,
        scope: &'a Scope,
        source: &'a Source,
        name: &str,
        cell: &'a Arc<CellText>,
    ) -> Explanation<'a> {
        Explanation { source, file: format!("{name}.rs"), cell, scope }
    }
}

/// A cell's source, with what it needs.
struct Written {
    source: Source,
    units: Vec<Arc<Unit>>,
    external: bool,
    taken: Vec<String>,
    stored: Vec<String>,
}

impl Compiled {
    /// Whether the cell has left the items as they were.
    pub(super) fn items_unchanged(&self) -> bool {
        self.unit.is_none() && self.stale.is_empty()
    }
}

impl Draft {
    /// Changes the draft by what rustc objects to in the engine's own part of it; false if there is no such thing.
    fn learn(&mut self, said: &Said, explanation: &Explanation, parsed: &Parsed, name: &str) -> bool {
        let file = format!("{name}.rs");
        let mut learned = false;
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
                            Purpose::Store(name) if fresh(self, name) => {
                                if matches!(self.fates.get(name), Some(Fate::As { kind, .. }) if kind.contains(" + Send + Sync")) {
                                    if let Some(Fate::As { kind, .. }) = self.fates.get_mut(name) {
                                        *kind = kind.replace(" + Send + Sync", "").replace(" + Send", "");
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
    fn name_types(&mut self, mir: &mir::Mir, stored: &[String]) -> bool {
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

fn head(source: &mut Source, parsed: &Parsed, cell: &Arc<CellText>) {
    source.own(ALLOWED);
    for span in &parsed.attributes {
        source.cell(cell, span.clone());
        source.own("\n");
    }
}

fn dependencies(externs: &Externs, source: &mut Source) {
    for (name, _) in &externs.dylibs {
        source.own(&format!("extern crate {name} as _;"));
    }
    source.own("\n");
}


fn rejected(said: &Said, explanation: &Explanation) -> Failed {
    Failed::Rejected(explain(explanation, &said.messages))
}

fn system(error: std::io::Error) -> Failed {
    Failed::System(error.to_string())
}
