//! From the notebook to the pipeline: the stages, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use oxikale_notebook::directives::Dependency;
use oxikale_notebook::{CellKind, CellSpan, Notebook};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, Stmt, StmtMacro, Token};

use crate::calls::{self, Calls};
use crate::commands::{self, Commands};
use crate::dataflow::{self, Answers, Flow, Question, Reached, StepFlow, World};
use crate::diagnostics::{Diagnostic, Severity};
use crate::ir::{self, Ir};
use crate::items::{self, ItemKind, Namespace, NotebookItem};
use crate::names;
use crate::parameters::{self, Parameters};
use crate::pipeline::{Input, Output, Pipeline, Step};
use crate::program::{self, Linked, Program, Pull, PullError, PulledCell};
use crate::settings::{self, Settings};
use crate::source::{self, ParsedCell};
use crate::steps::{self, Layout};
use crate::volumes;

/// The image of steps where the notebook names none: the system that the command is built on, without more.
pub const DEFAULT_IMAGE: &str = "debian:12-slim";

/// Enough for the deepest expression that [`source`] lets through, in a build without optimisation too. Pages that are
/// not touched cost nothing.
const STACK: usize = 1 << 30;

/// What a compilation is told.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The pipeline's name where the notebook has none: the file's name.
    pub name: String,
    /// What rustc said to questions of an earlier compilation.
    pub answers: Answers,
    /// Types of which rustc said that they need serde's derives.
    pub derive: BTreeSet<String>,
    /// Whether the program is wanted.
    pub program: bool,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Compilation {
    /// The pipeline, as far as it could be made out; none where the notebook has no steps.
    pub pipeline: Option<Pipeline>,
    /// The IR; none where there are errors.
    pub ir: Option<Ir>,
    /// The program, where it was asked for; none where there are errors.
    pub program: Option<Program>,
    /// Everything found, in the order of the notebook.
    pub diagnostics: Vec<Diagnostic>,
    /// What only rustc can tell; until it has, the IR is provisional.
    pub questions: BTreeSet<Question>,
}

impl Compilation {
    /// Whether there is an error among the diagnostics.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Compiles a notebook. Nothing outside of the arguments is read, and equal arguments give equal results.
///
/// A mistake of ours does not get out: it becomes the diagnostic `OX902`.
pub fn compile(notebook: &Notebook, options: &Options) -> Compilation {
    compile_and_pull(notebook, options, None).0
}

/// What a cell for a session is made of, beside the notebook.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) pull: &'a Pull,
    /// Of the notebook's crates, what a session must link, and which features of the library that takes.
    pub(crate) link: &'a (dyn Fn(&[Dependency]) -> Linked + Sync),
}

/// The cell, or why there is none; nothing where none was wanted or the notebook has errors.
pub(crate) type Pulled = Option<Result<PulledCell, PullError>>;

/// Compiles a notebook, and writes a cell for a session where one is wanted.
pub(crate) fn compile_and_pull(
    notebook: &Notebook,
    options: &Options,
    wanted: Option<Wanted<'_>>,
) -> (Compilation, Pulled) {
    // The parser recurses as deep as the user's expressions are nested.
    let outcome = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("compile".to_owned()).stack_size(STACK);
        thread.spawn_scoped(scope, || stages(notebook, options, wanted)).map(|handle| handle.join())
    });
    let message = match outcome {
        Ok(Ok(outcome)) => return outcome,
        Ok(Err(panic)) => panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown")
            .to_owned(),
        Err(error) => error.to_string(),
    };
    let diagnostic = Diagnostic::error("OX902", format!("the compiler failed: {message}"))
        .help("this is a mistake in Oxikale, not in the notebook; please report it with the notebook");
    (Compilation { diagnostics: vec![diagnostic], ..Compilation::default() }, None)
}

fn stages(notebook: &Notebook, options: &Options, wanted: Option<Wanted<'_>>) -> (Compilation, Pulled) {
    let mut diagnostics = Vec::new();
    if let Some(language) = notebook.language().filter(|language| !language.eq_ignore_ascii_case("rust")) {
        diagnostics.push(
            Diagnostic::error("OX003", format!("this is a notebook in {}, not in Rust", language.escape_debug()))
                .help("open it with a Rust kernel, or compile a Rust notebook"),
        );
        return (Compilation { diagnostics, ..Compilation::default() }, None);
    }
    for (index, cell) in notebook.cells().iter().enumerate() {
        if cell.odd_tags > 0 {
            diagnostics.push(
                Diagnostic::warning("OX101", "this cell has tags that are not text")
                    .at(steps::head_of(notebook, index), "")
                    .help("they are kept, and mean nothing here"),
            );
        }
    }
    let settings = settings::read(notebook.metadata(), &mut diagnostics);

    // A cell that is in no step may hold anything: what is wrong with it is no matter of the pipeline.
    let mut parsed = BTreeMap::new();
    let mut objections: BTreeMap<usize, Vec<Diagnostic>> = BTreeMap::new();
    for (index, cell) in notebook.cells().iter().enumerate() {
        if cell.kind == CellKind::Code {
            let mut found = Vec::new();
            parsed.insert(index, source::parse(notebook, index, &mut found));
            objections.insert(index, found);
        }
    }
    let layout = steps::layout(notebook, &parsed, &settings, &mut diagnostics);
    for (index, found) in objections {
        if !layout.skipped.contains(&index) {
            diagnostics.extend(found);
        }
    }
    let commands = commands::read(parsed.values(), |cell| !layout.skipped.contains(&cell), &mut diagnostics);
    let skipped_cells: BTreeMap<usize, ParsedCell> =
        layout.skipped.iter().filter_map(|index| parsed.remove(index).map(|cell| (*index, cell))).collect();
    if layout.steps.is_empty() {
        diagnostics.push(Diagnostic::error("OX114", "the notebook has no steps").help(
            "tag the cells that a pipeline shall run `step:NAME`, and name what a step waits for with `prev:NAME`",
        ));
    }
    let work = Work { notebook, options, settings, parsed, layout, commands, skipped_cells };
    work.finish(diagnostics, wanted)
}

/// Everything that is known once the cells are sorted.
struct Work<'a> {
    notebook: &'a Notebook,
    options: &'a Options,
    settings: Settings,
    parsed: BTreeMap<usize, ParsedCell>,
    layout: Layout,
    commands: Commands,
    skipped_cells: BTreeMap<usize, ParsedCell>,
}

impl Work<'_> {
    fn finish(self, mut diagnostics: Vec<Diagnostic>, wanted: Option<Wanted<'_>>) -> (Compilation, Pulled) {
        let mut pulled = None;
        let items: Vec<NotebookItem> = self.parsed.values().flat_map(items::of_cell).collect();
        let constants = constants(&items);
        let cells = |indices: &[usize]| indices.iter().filter_map(|index| self.parsed.get(index)).collect::<Vec<_>>();
        let parameters = parameters::read(&cells(&self.layout.parameters), &constants, &mut diagnostics);
        let shared: Vec<usize> = self.layout.shared().collect();
        let shared_flow = dataflow::analyse(cells(&shared), &constants);
        let flows: Vec<StepFlow> = self
            .layout
            .steps
            .iter()
            .map(|draft| StepFlow {
                name: draft.name.clone(),
                prev: draft.prev.clone(),
                lacks_prev: draft.lacks_prev,
                flow: dataflow::analyse(cells(&draft.cells), &constants),
            })
            .collect();

        let (order, cyclic) = match dataflow::order(&flows) {
            Ok(order) => (order, false),
            Err(cycle) => {
                diagnostics.push(self.cycle(&cycle));
                ((0..flows.len()).collect::<Vec<usize>>(), true)
            }
        };
        let metric_spans = self.metric_names(&mut diagnostics);
        let world = World {
            parameters: parameters.names.clone(),
            shared: shared_flow
                .definitions
                .iter()
                .map(|(name, definition)| (name.clone(), definition.mutable))
                .collect(),
            items: value_names(&items),
            open: items.iter().any(is_open),
            receivers: items::receivers(&self.parsed),
            skipped: self.skipped_names(&constants),
            answers: self.options.answers.clone(),
        };
        self.report_shared(&shared_flow, &world, &mut diagnostics);
        let reached = if cyclic {
            Reached {
                inputs: vec![BTreeMap::new(); flows.len()],
                outputs: vec![BTreeMap::new(); flows.len()],
                parameters: vec![BTreeSet::new(); flows.len()],
                ..Reached::default()
            }
        } else {
            dataflow::reach(&flows, &order, &world, &metric_spans, &mut diagnostics)
        };
        self.report_types(&items, &mut diagnostics);
        for flow in &flows {
            if let Some(span) = flow.flow.returns {
                diagnostics.push(
                    Diagnostic::warning(
                        "OX308",
                        format!("`return` ends step `{}` before it hands on its variables", flow.name),
                    )
                    .at(span, "")
                    .help("use `if` and `else` at the top of a cell, or put the code into a function"),
                );
            }
        }

        let pipeline = self.pipeline(&reached, &parameters, &shared, &shared_flow, &items, &mut diagnostics);
        let mut compilation = Compilation { questions: reached.questions.clone(), ..Compilation::default() };
        let failed =
            |diagnostics: &[Diagnostic]| diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        if !failed(&diagnostics) && (self.options.program || wanted.is_some()) {
            let uncertain: BTreeSet<(usize, String)> = reached
                .outputs
                .iter()
                .enumerate()
                .flat_map(|(step, outputs)| {
                    outputs.iter().filter(|(_, o)| o.uncertain).map(move |(name, _)| (step, name.clone()))
                })
                .collect();
            let asynchronous = flows.iter().any(|flow| flow.flow.awaits.is_some()) || shared_flow.awaits.is_some();
            // A question is put to rustc by leaving out the `mut`.
            let asked = |step: usize, variable: &String| {
                reached.questions.contains(&Question { step: flows[step].name.clone(), variable: variable.clone() })
            };
            let mutable = reached.mutable.iter().filter(|(step, variable)| !asked(*step, variable)).cloned().collect();
            let parts = program::Parts {
                pipeline: &pipeline,
                cells: &self.parsed,
                flows: &flows,
                order: &order,
                parameters: &parameters,
                parameter_uses: &reached.parameters,
                shared_uses: &shared_flow.uses.keys().cloned().collect(),
                mutable: &mutable,
                uncertain: &uncertain,
                metric_spans: &metric_spans,
                items: &items,
                dependencies: self.commands.dependencies.clone(),
                opt_level: self.commands.opt_level,
                asynchronous,
                asked: &self.options.derive,
            };
            if let Some(Wanted { pull, link }) = wanted {
                pulled = Some(program::pull(&parts, pull, &link(&self.commands.dependencies)));
            }
            if self.options.program {
                compilation.program = Some(program::generate(&parts));
            }
        }
        if failed(&diagnostics) {
            compilation.program = None;
        } else {
            compilation.ir = Some(ir::emit(&pipeline));
        }
        if !pipeline.steps.is_empty() {
            compilation.pipeline = Some(pipeline);
        }
        // What concerns the whole notebook first, then by place.
        diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span));
        compilation.diagnostics = diagnostics;
        (compilation, pulled)
    }

    fn cycle(&self, cycle: &[usize]) -> Diagnostic {
        let steps: Vec<String> = cycle.iter().map(|&step| format!("`{}`", self.layout.steps[step].name)).collect();
        let first = steps.first().cloned().unwrap_or_default();
        let mut diagnostic =
            Diagnostic::error("OX106", format!("steps wait for each other: {} → {first}", steps.join(" → ")));
        for &step in cycle {
            let draft = &self.layout.steps[step];
            let names: Vec<String> = draft
                .prev
                .iter()
                .filter(|prev| cycle.contains(prev))
                .map(|&prev| format!("`{}`", self.layout.steps[prev].name))
                .collect();
            let head = steps::head_of(self.notebook, draft.cells.first().copied().unwrap_or(0));
            diagnostic = diagnostic.at(head, format!("step `{}` waits for {}", draft.name, names.join(", ")));
        }
        diagnostic.help("remove one of these `prev:` tags")
    }

    /// A type that a step defines anew cannot cross steps: a slot has one type.
    fn report_types(&self, items: &[NotebookItem], diagnostics: &mut Vec<Diagnostic>) {
        let shared: BTreeSet<usize> = self.layout.shared().chain(self.layout.parameters.iter().copied()).collect();
        let text = |item: &NotebookItem| self.parsed.get(&item.cell).and_then(|cell| cell.code.get(item.range.clone()));
        let mut types: BTreeMap<&str, &NotebookItem> = BTreeMap::new();
        for item in items {
            for name in item.names.iter().filter(|name| name.namespace == Namespace::Type) {
                let Some(first) = types.insert(&name.name, item) else { continue };
                if text(first) != text(item) && !(shared.contains(&first.cell) && shared.contains(&item.cell)) {
                    diagnostics.push(
                        Diagnostic::error("OX309", format!("type `{}` is defined twice, and differently", name.name))
                            .at(CellSpan::new(item.cell, item.range.start, item.range.end), "")
                            .at(CellSpan::new(first.cell, first.range.start, first.range.end), "defined here before")
                            .help("rename one of them, or keep one definition in a cell tagged `functions`"),
                    );
                }
            }
        }
    }

    /// The variables that the metrics cells name: `println!("{acc}")`, `print!("{}", acc)` or `acc`.
    fn metric_names(&self, diagnostics: &mut Vec<Diagnostic>) -> BTreeMap<String, CellSpan> {
        let mut names = BTreeMap::new();
        for cell in self.layout.metrics.iter().filter_map(|index| self.parsed.get(index)) {
            for statement in cell.statements.iter().filter(|statement| !items::is_item(statement)) {
                let flow = dataflow::analyse([&cell.single(statement)], &BTreeSet::new());
                if !only_names(statement) || flow.uses.is_empty() {
                    diagnostics.push(
                        Diagnostic::error("OX406", "a metrics cell only names variables")
                            .at(cell.span(statement), "")
                            .help("write `println!(\"{accuracy}\");`, or call `oxikale::metrics::log(\"accuracy\", value)` in a step"),
                    );
                    continue;
                }
                for (name, usage) in flow.uses {
                    names.entry(name).or_insert(usage.span);
                }
            }
        }
        names
    }

    fn skipped_names(&self, constants: &BTreeSet<String>) -> BTreeMap<String, CellSpan> {
        let mut names = BTreeMap::new();
        for cell in self.skipped_cells.values() {
            for (name, definition) in dataflow::analyse([cell], constants).definitions {
                names.entry(name).or_insert(definition.span);
            }
            for item in items::of_cell(cell) {
                let span = CellSpan::new(item.cell, item.range.start, item.range.end);
                for name in item.names {
                    names.entry(name.name).or_insert(span);
                }
            }
        }
        names
    }

    /// Shared cells run before every step: they see parameters, and nothing of a step.
    fn report_shared(&self, flow: &Flow, world: &World, diagnostics: &mut Vec<Diagnostic>) {
        for (name, usage) in &flow.uses {
            let known = world.parameters.contains_key(name) || world.items.contains(name) || world.open;
            let defined_by_step = self.layout.steps.iter().find(|draft| {
                draft.cells.iter().filter_map(|cell| self.parsed.get(cell)).any(|cell| {
                    cell.statements.iter().any(|statement| matches!(statement, Stmt::Local(_)))
                        && dataflow::analyse([cell], &BTreeSet::new()).definitions.contains_key(name)
                })
            });
            if usage.certain
                && !known
                && !name.starts_with(char::is_uppercase)
                && !["drop", "size_of"].contains(&name.as_str())
            {
                let help = match defined_by_step {
                    Some(step) => format!(
                        "step `{}` defines it, but this cell runs before every step: move the code into a step",
                        step.name
                    ),
                    None => "define it in this cell, or as a pipeline parameter".to_owned(),
                };
                diagnostics.push(
                    Diagnostic::error("OX301", format!("`{name}` is not defined"))
                        .at(usage.span, "used here")
                        .help(help),
                );
            }
        }
    }

    fn pipeline(
        &self,
        reached: &Reached,
        parameters: &Parameters,
        shared: &[usize],
        shared_flow: &Flow,
        items: &[NotebookItem],
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Pipeline {
        let calls = calls::of_cells(&self.parsed, items);
        let names: BTreeSet<&str> = parameters.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let mut steps: Vec<Step> = Vec::new();
        for (index, draft) in self.layout.steps.iter().enumerate() {
            let inputs: Vec<Input> = reached.inputs[index]
                .iter()
                .map(|(variable, (from, span))| Input {
                    variable: variable.clone(),
                    key: names::key(variable),
                    from: *from,
                    span: *span,
                })
                .collect();
            let outputs: Vec<Output> = reached.outputs[index]
                .iter()
                .map(|(variable, handed)| Output {
                    variable: variable.clone(),
                    key: names::key(variable),
                    span: handed.span,
                })
                .collect();
            let mut after = draft.prev.clone();
            after.extend(inputs.iter().map(|input| input.from));

            // What a step needs of the parameters, those behind computed ones included.
            let mut wanted: BTreeSet<String> = reached.parameters[index].clone();
            wanted.extend(shared_flow.uses.keys().filter(|name| parameters.names.contains_key(*name)).cloned());
            let mut used: Vec<String> = Vec::new();
            for statement in parameters.needed(&wanted) {
                if let Some((name, _)) = &parameters.statements[statement].parameter
                    && names.contains(name.as_str())
                {
                    used.push(name.clone());
                }
            }

            let mut may: Calls = Calls::default();
            for cell in draft.cells.iter().chain(shared) {
                if let Some(calls) = calls.get(cell).filter(|_| draft.cells.contains(cell)) {
                    may.metrics |= calls.metrics;
                    may.artifacts.extend(calls.artifacts.clone());
                }
            }
            let artifacts = self.artifacts(&may, &outputs, diagnostics);
            let metrics: Vec<String> =
                reached.metrics.iter().filter(|(_, step)| **step == index).map(|(name, _)| name.clone()).collect();
            let mut config = draft.config.clone();
            for (name, value) in &self.commands.env {
                config.env.entry(name.clone()).or_insert_with(|| value.clone());
            }
            let last = draft.cells.iter().rev().filter_map(|cell| self.parsed.get(cell)).find(|cell| cell.has_code());
            let step = Step {
                name: draft.name.clone(),
                task: draft.task.clone(),
                cells: draft.cells.clone(),
                after: after.into_iter().collect(),
                inputs,
                outputs,
                parameters: used,
                has_metrics: may.metrics || !metrics.is_empty(),
                metrics,
                artifacts,
                has_result: last.and_then(|cell| cell.statements.last()).is_some_and(program::is_shown),
                config,
            };
            self.report_resources(&step, diagnostics);
            let mounted: Vec<_> = self.settings.volumes.iter().chain(&step.config.volumes).collect();
            for cell in draft.cells.iter().filter_map(|cell| self.parsed.get(cell)) {
                volumes::literal_paths(cell, &mounted, diagnostics);
            }
            steps.push(step);
        }
        let mounted: Vec<_> = self.settings.volumes.iter().collect();
        for cell in shared.iter().filter_map(|cell| self.parsed.get(cell)) {
            volumes::literal_paths(cell, &mounted, diagnostics);
        }
        let fallback = Some(names::kfp(&self.options.name)).filter(|name| !name.is_empty());
        Pipeline {
            name: self.settings.name.clone().or(fallback).unwrap_or_else(|| "pipeline".to_owned()),
            description: self.settings.description.clone(),
            experiment: self.settings.experiment.clone(),
            parameters: parameters.parameters.clone(),
            steps,
            volumes: self.settings.volumes.clone(),
            base_image: self.settings.base_image.clone().unwrap_or_else(|| DEFAULT_IMAGE.to_owned()),
            security_context: self.settings.security_context.clone(),
            shared_cells: shared.to_vec(),
            skipped_cells: self.layout.skipped.clone(),
        }
    }

    /// The names of a step's artifacts that can be keys of the IR.
    fn artifacts(&self, calls: &Calls, outputs: &[Output], diagnostics: &mut Vec<Diagnostic>) -> Vec<String> {
        let mut names = Vec::new();
        for (name, span) in &calls.artifacts {
            let valid = !name.is_empty()
                && name.len() <= 128
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
                && !name.starts_with('.');
            if !valid {
                diagnostics.push(
                    Diagnostic::error("OX407", format!("`{}` cannot be the name of an artifact", name.escape_debug()))
                        .at(*span, "")
                        .help("it is made of ASCII letters, digits, `_`, `-` and `.`, and does not begin with a dot"),
                );
            } else if outputs.iter().any(|output| output.key == *name)
                || [ir::METRICS_KEY, ir::REPORT_KEY, ir::RESULT_KEY].contains(&name.as_str())
            {
                diagnostics.push(
                    Diagnostic::error("OX407", format!("artifact `{name}` has the name of another output of its step"))
                        .at(*span, "")
                        .help("give it another name, with a file's ending for example"),
                );
            } else {
                names.push(name.clone());
            }
        }
        names
    }

    fn report_resources(&self, step: &Step, diagnostics: &mut Vec<Diagnostic>) {
        let head = steps::head_of(self.notebook, step.cells.first().copied().unwrap_or(0));
        let extended: Vec<&String> = ir::extended(step).map(|(resource, _)| resource).collect();
        for resource in extended.iter().skip(1) {
            diagnostics.push(
                Diagnostic::warning(
                    "OX118",
                    format!(
                        "step `{}` asks for `{resource}` beside `{}`; KFP takes one of them",
                        step.name, extended[0]
                    ),
                )
                .at(head, "")
                .help("remove one of the tags"),
            );
        }
        let others: BTreeSet<&String> = step
            .config
            .limits
            .keys()
            .chain(step.config.requests.keys())
            .filter(|resource| !resource.contains('/') && !["cpu", "memory"].contains(&resource.as_str()))
            .collect();
        for resource in others {
            diagnostics.push(
                Diagnostic::warning(
                    "OX118",
                    format!("step `{}` sets `{resource}`, which KFP cannot pass on to Kubernetes", step.name),
                )
                .at(head, "")
                .help("KFP knows `cpu`, `memory` and one extended resource, as in `limit:nvidia.com/gpu:1`"),
            );
        }
    }
}

/// Whether a statement of a metrics cell prints variables, or is one.
fn only_names(statement: &Stmt) -> bool {
    fn is_name(expression: &Expr) -> bool {
        match expression {
            Expr::Path(path) => path.path.get_ident().is_some(),
            Expr::Reference(reference) => is_name(&reference.expr),
            Expr::Assign(named) => is_name(&named.right),
            Expr::Lit(_) => true,
            _ => false,
        }
    }
    let printing =
        |name: &syn::Ident| ["print", "println", "eprint", "eprintln", "dbg"].iter().any(|known| name == known);
    match statement {
        Stmt::Macro(StmtMacro { mac, .. }) | Stmt::Expr(Expr::Macro(syn::ExprMacro { mac, .. }), _) => {
            let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
            mac.path.segments.last().is_some_and(|segment| printing(&segment.ident))
                && parser.parse2(mac.tokens.clone()).is_ok_and(|arguments| arguments.iter().all(is_name))
        }
        Stmt::Expr(Expr::Tuple(tuple), _) => tuple.elems.iter().all(is_name),
        Stmt::Expr(expression, _) => is_name(expression),
        _ => false,
    }
}

/// Names that a pattern never binds.
fn constants(items: &[NotebookItem]) -> BTreeSet<String> {
    items
        .iter()
        .filter(|item| {
            !matches!(item.kind, ItemKind::Other) || item.mentions.contains("const") || item.mentions.contains("static")
        })
        .flat_map(|item| &item.names)
        .filter(|name| {
            matches!(name.namespace, Namespace::Value | Namespace::Imported)
                && name.name.starts_with(char::is_uppercase)
        })
        .map(|name| name.name.clone())
        .collect()
}

/// Names that stand for values without being variables.
fn value_names(items: &[NotebookItem]) -> BTreeSet<String> {
    items.iter().flat_map(|item| &item.names).map(|name| name.name.clone()).collect()
}

/// Whether an item may bring in names that the text does not tell.
fn is_open(item: &NotebookItem) -> bool {
    match &item.kind {
        ItemKind::Use { glob, .. } => *glob,
        ItemKind::Other => item.names.is_empty() && !item.mentions.contains("impl") && !item.mentions.contains("const"),
        ItemKind::Data(_) => false,
    }
}
