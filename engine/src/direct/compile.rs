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

use super::cache::Cache;
use super::cell_source::{self, Written};
use super::draft::{CellRecord, Draft, Shows};
use super::entry::Space;
use super::items::{Items, Unit, digest};
use super::messages::{Explanation, explain};
use super::mir;
use super::parse::Parsed;
use super::rustc::{Cancel, Ended, Job, Message, Output, Rustc, Said};
use super::session_folder::SessionFolder;
use super::source::{CellText, Source};
use super::variables::{Gone, Variables};
use crate::deps::Externs;
use crate::diagnostic::{Diagnostic, Severity};
use crate::host::Runtime;

/// Stands for what the engine keeps of a compilation; another number for another meaning of what lies in the cache.
const FORMAT: &str = "3";

/// The most drafts of one cell.
const DRAFTS: usize = 12;

/// Everything that compiling needs, and that does not change from cell to cell.
#[derive(Debug, Clone)]
pub(super) struct Compiler {
    pub(super) rustc: Rustc,
    pub(super) runtime: Runtime,
    pub(super) cells: Arc<Cache>,
    pub(super) units: Arc<Cache>,
    pub(super) session: Arc<SessionFolder>,
    pub(super) cancel: Cancel,
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
    /// Whether errors that end a cell are shown by `Display` (`:efmt {}`).
    pub(super) errors_by_display: bool,
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
        cell_source::head(&mut source, parsed, cell);
        let external =
            cell_source::external(&scope.externs, mentions.iter().map(String::as_str).chain(items.import_mentions()));
        if external {
            cell_source::dependencies(&scope.externs, &mut source);
        }
        let needs = items.write_imports(&mentions, &mut source);
        let through = needs.iter().any(|unit| unit.needs_dependencies());
        if through && !external {
            cell_source::dependencies(&scope.externs, &mut source);
        }
        let external = external || through;
        for entry in items.open() {
            entry.write(&mut source);
        }
        let optimisation = scope.optimisation.clone().unwrap_or_else(|| "2".to_owned());
        let key = self.key(&source, &needs, external.then_some(&scope.externs), &optimisation);
        let name = format!("u_{key}");
        let file = format!("lib{name}.so");
        let unit = |library: PathBuf| Arc::new(Unit { name: name.clone(), library, needs: needs.clone(), external });
        if let Some((folder, ())) = self.units.get::<()>(&key) {
            return Ok((unit(self.session.take_in(&folder.join(&file)).map_err(system)?), source, Vec::new(), true));
        }
        let work = self.session.work().map_err(system)?;
        let said =
            self.rustc(Output::Unit, &name, &source, &needs, external.then_some(&scope.externs), &optimisation, &work)?;
        let explanation = self.explanation(scope, &source, &name, cell);
        if !said.success {
            drop(fs::remove_dir_all(&work));
            return Err(rejected(&said, &explanation));
        }
        drop(fs::remove_file(work.join(format!("{name}.rs"))));
        let warnings = explanation.warnings(&said.messages);
        // What the compiler has to warn of, it must be able to say again.
        let folder = if warnings.is_empty() {
            self.units.put(&key, &work, std::slice::from_ref(&file), &()).map_err(system)?
        } else {
            work
        };
        Ok((unit(self.session.take_in(&folder.join(&file)).map_err(system)?), source, warnings, false))
    }

    /// Has rustc look at imports that nothing else is compiled with.
    fn check_imports(&self, cell: &Arc<CellText>, scope: &Scope) -> Result<(), Failed> {
        let mut source = Source::default();
        source.own(cell_source::ALLOWED);
        let external = cell_source::external(&scope.externs, scope.items.import_mentions());
        if external {
            cell_source::dependencies(&scope.externs, &mut source);
        }
        let units = scope.items.write_imports(&BTreeSet::new(), &mut source);
        let external = external || units.iter().any(|unit| unit.needs_dependencies());
        let key = self.key(&source, &units, external.then_some(&scope.externs), "0");
        if self.units.get::<()>(&key).is_some() {
            return Ok(());
        }
        let work = self.session.work().map_err(system)?;
        let externs = external.then_some(&scope.externs);
        let said = self.rustc(Output::Check, "imports", &source, &units, externs, "0", &work);
        let accepted = said.and_then(|said| match said.success {
            true => self.units.put(&key, &work, &[], &()).map_err(system).map(drop),
            false => Err(rejected(&said, &self.explanation(scope, &source, "imports", cell))),
        });
        drop(fs::remove_dir_all(&work));
        accepted
    }

    /// What rustc says of a cell that cannot be parted: a mistake in its syntax.
    pub(super) fn syntax(&self, cell: &Arc<CellText>, scope: &Scope) -> Result<Vec<Diagnostic>, Failed> {
        let mut source = Source::default();
        source.own("#![allow(warnings)] pub fn oxikale_cell() {\n");
        source.cell(cell, 0..cell.code.len());
        source.own("\n}\n");
        let work = self.session.work().map_err(system)?;
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
        let first = cell_source::write(cell, parsed, scope, &draft);
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
            let written = cell_source::write(cell, parsed, scope, &draft);
            return Ok(self.compiled(scope, written, Some(folder.join(file)), record, Vec::new(), true));
        }
        let work = self.session.work().map_err(system)?;
        let result = self.drafts(cell, parsed, scope, check, draft, &name, &optimisation, &work);
        match result {
            Ok(Accepted { written, record, warnings }) => {
                if check {
                    drop(fs::remove_dir_all(&work));
                    return Ok(self.compiled(scope, written, None, record, warnings, false));
                }
                for leftover in [format!("{name}.rs"), format!("{name}.mir")] {
                    drop(fs::remove_file(work.join(leftover)));
                }
                // What the compiler has to warn of, it must be able to say again.
                let folder = if warnings.is_empty() {
                    self.cells.put(&key, &work, std::slice::from_ref(&file), &record).map_err(system)?
                } else {
                    work
                };
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
    ) -> Result<Accepted, Failed> {
        let mut closures_known = parsed.closures.is_empty();
        for _ in 0..DRAFTS {
            let written = cell_source::write(cell, parsed, scope, &draft);
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
                return Ok(Accepted { written, record: draft.record, warnings });
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
            return Ok(Accepted { written, record, warnings });
        }
        Err(Failed::Rustc(format!(
            "after {DRAFTS} attempts no form of this cell satisfies the compiler; please report the cell as a mistake of Oxikale"
        )))
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
        let runtime = self.session.take_in(&self.runtime.dylib).map_err(system)?;
        let mut crates = vec![("oxikale_host".to_owned(), runtime)];
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
        arguments.extend(search("dependency", &self.session.libraries()));
        if let Some(externs) = externs {
            crates.extend(externs.crates.iter().cloned());
            crates.extend(externs.dylibs.iter().cloned());
            if let Some((name, _)) = crates.iter().find(|(_, path)| !path.exists()) {
                return Err(Failed::System(format!(
                    "the crate `{name}` is no longer in the cache; run the cell with the `:dep` lines again"
                )));
            }
        }
        if let Some(externs) = externs {
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
        let mut parts = vec![
            env!("CARGO_PKG_VERSION"),
            FORMAT,
            self.rustc.key(),
            self.runtime.key.as_str(),
            optimisation,
            source.text(),
        ];
        parts.extend(units.iter().map(|unit| unit.name.as_str()));
        if let Some(externs) = externs {
            parts.push(&externs.key);
        }
        digest(&parts)
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

/// A draft that rustc has accepted.
struct Accepted {
    written: Written,
    record: CellRecord,
    warnings: Vec<Diagnostic>,
}

impl Compiled {
    /// Whether the cell has left the items as they were.
    pub(super) fn items_unchanged(&self) -> bool {
        self.unit.is_none() && self.stale.is_empty()
    }
}

fn rejected(said: &Said, explanation: &Explanation) -> Failed {
    Failed::Rejected(explain(explanation, &said.messages))
}

fn system(error: std::io::Error) -> Failed {
    Failed::System(error.to_string())
}
