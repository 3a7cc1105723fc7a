//! The step program: all steps in one function, each under its own `if`, so that rustc gives every variable that
//! crosses steps one type.

mod derives;
mod own_code;
mod placement;
mod pulled;
mod source_map;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use oxikale_notebook::CellSpan;
use oxikale_notebook::directives::Dependency;
use syn::{Expr, Stmt};

pub use pulled::{Pull, PullError, PulledCell};
pub use source_map::{Origin, SourceLines, SourceMap};

use crate::dataflow::StepFlow;
use crate::items::{self, ItemKind, NotebookItem};
use crate::parameters::Parameters;
use crate::pipeline::Pipeline;
use crate::source::ParsedCell;
use placement::Placement;
use pulled::Own;
use serde_json::{Map, Value};
use source_map::Writer;

/// A step program as text.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The name of the cargo package.
    pub package: String,
    /// `src/main.rs`.
    pub main: String,
    /// Where its lines come from.
    pub map: SourceMap,
    /// The crates that the notebook asks for with `:dep`.
    pub dependencies: Vec<Dependency>,
    /// Whether the program drives futures.
    pub asynchronous: bool,
    /// The level of optimisation that the notebook asks for with `:opt`.
    pub opt_level: Option<char>,
    /// The notebook's types that have been given serde's derives.
    pub derived: BTreeSet<String>,
    /// All structs and enums of the notebook.
    pub types: BTreeSet<String>,
    /// What each step is made of.
    pub steps: Vec<StepCode>,
    /// How many variables cross steps. They are numbered in the order in which the program makes their slots.
    pub slots: usize,
}

/// What a step of a program is made of, as far as the text tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepCode {
    /// The step, as KFP knows it.
    pub task: String,
    /// Stands for its code and all that this can reach.
    pub hash: String,
    /// The slots that it takes from and hands on: their types, which other steps help to decide, make a difference.
    pub slots: Vec<usize>,
}

/// What a program is made of.
pub(crate) struct Parts<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) cells: &'a BTreeMap<usize, ParsedCell>,
    pub(crate) flows: &'a [StepFlow],
    /// Steps, each after its ancestors.
    pub(crate) order: &'a [usize],
    pub(crate) parameters: &'a Parameters,
    /// For each step: the variables of parameters cells that it uses, also computed ones.
    pub(crate) parameter_uses: &'a [BTreeSet<String>],
    /// Free names of the shared cells.
    pub(crate) shared_uses: &'a BTreeSet<String>,
    /// Inputs that are `let mut`, by step and variable.
    pub(crate) mutable: &'a BTreeSet<(usize, String)>,
    /// Outputs of which the text leaves open whether the step changes them.
    pub(crate) uncertain: &'a BTreeSet<(usize, String)>,
    pub(crate) metric_spans: &'a BTreeMap<String, CellSpan>,
    pub(crate) items: &'a [NotebookItem],
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) opt_level: Option<char>,
    pub(crate) asynchronous: bool,
    /// Types of which rustc said that they need serde's derives.
    pub(crate) asked: &'a BTreeSet<String>,
}

/// Where steps stand.
#[derive(Debug, Clone, Copy)]
enum Form<'a> {
    /// In the step program, which runs them.
    Program,
    /// In a cell of a session, which runs none of them.
    Session {
        /// The values of a run.
        parameters: &'a Map<String, Value>,
    },
}

/// Where every item of the notebook stands.
fn placement(parts: &Parts<'_>) -> Placement {
    let texts: Vec<&str> = parts.items.iter().map(|item| text_of(parts, item)).collect();
    let steps = &parts.pipeline.steps;
    let step_of: BTreeMap<usize, usize> =
        steps.iter().enumerate().flat_map(|(index, step)| step.cells.iter().map(move |&cell| (cell, index))).collect();
    let mentioned: Vec<BTreeSet<String>> = steps
        .iter()
        .map(|step| {
            let cells = step.cells.iter().filter_map(|cell| parts.cells.get(cell));
            cells.flat_map(|cell| items::mentions(cell.tokens.clone())).collect()
        })
        .collect();
    placement::place(parts.items, &texts, &step_of, parts.flows, &mentioned)
}

/// The types that are given serde's derives.
fn derived<'a>(parts: &'a Parts<'_>) -> BTreeSet<&'a str> {
    let hands_on = parts.pipeline.steps.iter().any(|step| !step.outputs.is_empty());
    if hands_on { derives::derivable(parts.items, parts.asked) } else { BTreeSet::new() }
}

/// The crates of a notebook as a program or a session must link them, so that their values can be handed on.
#[derive(Debug)]
pub(crate) struct Linked {
    /// All but the library `oxikale`.
    pub(crate) dependencies: Vec<Dependency>,
    /// The features of the library that this takes.
    pub(crate) features: BTreeSet<&'static str>,
}

/// Writes a cell that puts a session where a step begins.
pub(crate) fn pull(parts: &Parts<'_>, pull: &Pull, linked: &Linked) -> Result<PulledCell, PullError> {
    pulled::write(parts, pull, &placement(parts), &derived(parts), linked)
}

/// Writes the program.
pub(crate) fn generate(parts: &Parts<'_>) -> Program {
    let mut writer = Writer::default();
    for attribute in parts.cells.values().flat_map(|cell| &cell.attributes) {
        let text = quote::ToTokens::to_token_stream(attribute).to_string();
        writer.push(&format!("{text}\n"));
    }
    writer.push("#![allow(dead_code, unused_variables, unused_assignments, unused_mut, unused_imports, unused_macros, unused_parens, unused_braces, unused_labels, unused_attributes, unused_doc_comments, unreachable_code, path_statements, non_snake_case, non_upper_case_globals, non_camel_case_types, static_mut_refs)]\n\n");

    let placement = placement(parts);
    let derived = derived(parts);
    for &index in &placement.root {
        item(&mut writer, parts, &parts.items[index], &derived);
    }
    let keyword = if parts.asynchronous { "async fn" } else { "fn" };
    writer.push(&format!(
        "\n{keyword} __notebook(__step: &::oxikale::step::Step) -> ::std::result::Result<(), ::oxikale::step::Failure> {{\n"
    ));
    for &index in &placement.function {
        item(&mut writer, parts, &parts.items[index], &derived);
    }
    for &step in parts.order {
        block(&mut writer, parts, step, &placement.inside[step], &derived);
    }
    writer.push("::std::result::Result::Ok(())\n}\n\n");
    main_function(&mut writer, parts);
    let slots: Vec<(usize, &str)> = parts
        .order
        .iter()
        .flat_map(|&step| parts.pipeline.steps[step].outputs.iter().map(move |output| (step, output.key.as_str())))
        .collect();
    let steps = parts.pipeline.steps.iter().enumerate().map(|(index, step)| StepCode {
        task: step.task.clone(),
        hash: own_code::hash(parts, index, &placement, &derived),
        slots: (0..slots.len())
            .filter(|&slot| {
                let (from, key) = slots[slot];
                from == index || step.inputs.iter().any(|input| input.from == from && input.key == key)
            })
            .collect(),
    });
    Program {
        steps: steps.collect(),
        slots: slots.len(),
        package: package_name(&parts.pipeline.name),
        main: writer.text,
        map: writer.map,
        dependencies: parts.dependencies.clone(),
        asynchronous: parts.asynchronous,
        opt_level: parts.opt_level,
        derived: derived.into_iter().map(str::to_owned).collect(),
        types: parts
            .items
            .iter()
            .filter_map(|item| if let ItemKind::Data(data) = &item.kind { Some(data.name.clone()) } else { None })
            .collect(),
    }
}

/// A package's name has no limit of length, but a file's has.
fn package_name(pipeline: &str) -> String {
    let short: String = pipeline.chars().take(60).collect();
    format!("notebook-{}", short.trim_end_matches('-'))
}

fn text_of<'a>(parts: &Parts<'a>, item: &'a NotebookItem) -> &'a str {
    match &item.kind {
        ItemKind::Use { text, .. } => text,
        _ => parts.cells.get(&item.cell).and_then(|cell| cell.code.get(item.range.clone())).unwrap_or_default(),
    }
}

fn item(writer: &mut Writer, parts: &Parts<'_>, item: &NotebookItem, derived: &BTreeSet<&str>) {
    let Some(cell) = parts.cells.get(&item.cell) else { return };
    let span = CellSpan::new(item.cell, item.range.start, item.range.end);
    match &item.kind {
        // A name of a group stands alone: what rustc says of it is shown at the name.
        ItemKind::Use { text, in_group: true, .. } => writer.line_of(Origin::Show { span }, text),
        kind => {
            if let ItemKind::Data(data) = kind
                && derived.contains(data.name.as_str())
            {
                let missing: Vec<&str> = [(data.serialize, "Serialize"), (data.deserialize, "Deserialize")]
                    .into_iter()
                    .filter(|(there, _)| !there)
                    .map(|(_, name)| name)
                    .collect();
                let list: Vec<String> = missing.iter().map(|name| format!("::oxikale::step::serde::{name}")).collect();
                let origin = Origin::Derive { name: data.name.clone(), span };
                writer.line_of(origin.clone(), &format!("#[derive({})]", list.join(", ")));
                if missing.len() == 2 {
                    writer.line_of(origin, "#[serde(crate = \"::oxikale::step::serde\")]");
                }
            }
            writer.verbatim(item.cell, &cell.code, item.range.clone());
        }
    }
}

/// One step.
fn block(writer: &mut Writer, parts: &Parts<'_>, index: usize, inside: &[usize], derived: &BTreeSet<&str>) {
    let step = &parts.pipeline.steps[index];
    if !step.outputs.is_empty() {
        let names: Vec<String> = step.outputs.iter().map(|output| slot(index, &output.key)).collect();
        writer.push(&format!("let ({},) = ", names.join(", ")));
    }
    writer.push(&format!("if __step.is({:?}) {{\n", step.task));
    let keys: Vec<String> = step.outputs.iter().map(|output| format!("{:?}", output.key)).collect();
    writer.push(&format!("__step.hands_on(&[{}]);\n", keys.join(", ")));
    body(writer, parts, index, inside, derived, Form::Program, None);
    if step.outputs.is_empty() {
        writer.push("}\n");
        return;
    }
    writer.push("(\n");
    for output in &step.outputs {
        let takers = parts
            .pipeline
            .steps
            .iter()
            .filter(|taker| taker.inputs.iter().any(|input| input.from == index && input.variable == output.variable))
            .map(|taker| taker.name.clone())
            .collect();
        writer.line_of(
            Origin::Save {
                step: step.name.clone(),
                variable: output.variable.clone(),
                span: output.span,
                takers,
                uncertain: parts.uncertain.contains(&(index, output.variable.clone())),
            },
            &format!("::oxikale::step::Slot::save(__step, {:?}, &{})?,", output.key, output.variable),
        );
    }
    writer.push(")\n} else {\n(");
    for output in &step.outputs {
        writer.push(&format!("::oxikale::step::Slot::empty({:?}), ", output.key));
    }
    writer.push(")\n};\n");
}

/// What a step does, from its first item to its metrics. `own` is written behind the shared cells.
fn body(
    writer: &mut Writer,
    parts: &Parts<'_>,
    index: usize,
    inside: &[usize],
    derived: &BTreeSet<&str>,
    form: Form<'_>,
    own: Option<&Own<'_>>,
) {
    let step = &parts.pipeline.steps[index];
    let flow = &parts.flows[index];
    for &local in inside {
        item(writer, parts, &parts.items[local], derived);
    }

    parameter_statements(writer, parts, &parameters_of(parts, index), form);
    shared_statements(writer, parts);
    if let Some(own) = own {
        own.write(writer);
    }
    let load = match form {
        Form::Program => "load(__step)?",
        Form::Session { .. } => "read(\"\")?",
    };
    for input in &step.inputs {
        let mutable = if parts.mutable.contains(&(index, input.variable.clone())) { "mut " } else { "" };
        writer.line_of(
            Origin::Load { step: flow.name.clone(), variable: input.variable.clone(), span: input.span },
            &format!("let {mutable}{} = {}.{load};", input.variable, slot(input.from, &input.key)),
        );
    }
    let last = step.cells.iter().rev().find(|cell| parts.cells.get(cell).is_some_and(ParsedCell::has_code)).copied();
    for cell in step.cells.iter().filter_map(|cell| parts.cells.get(cell)) {
        let is_last = Some(cell.index) == last;
        statements(writer, cell, Some((is_last, form)));
    }
    for name in &step.metrics {
        let span = parts.metric_spans.get(name).copied().unwrap_or(CellSpan::new(0, 0, 0));
        writer.line_of(
            Origin::Metric { name: name.clone(), span },
            &format!("::oxikale::metrics::log({:?}, &{name});", name.trim_start_matches("r#")),
        );
    }
}

/// The parameters that a step needs, for itself and for the shared cells.
fn parameters_of(parts: &Parts<'_>, step: usize) -> BTreeSet<String> {
    let mut parameters = parts.parameter_uses[step].clone();
    parameters.extend(parts.shared_uses.iter().filter(|name| parts.parameters.names.contains_key(*name)).cloned());
    parameters
}

fn shared_statements(writer: &mut Writer, parts: &Parts<'_>) {
    for cell in parts.pipeline.shared_cells.iter().filter_map(|cell| parts.cells.get(cell)) {
        statements(writer, cell, None);
    }
}

fn slot(step: usize, key: &str) -> String {
    format!("__step{step}_{key}")
}

fn parameter_statements(writer: &mut Writer, parts: &Parts<'_>, names: &BTreeSet<String>, form: Form<'_>) {
    for index in parts.parameters.needed(names) {
        let statement = &parts.parameters.statements[index];
        let Some(cell) = parts.cells.get(&statement.cell) else { continue };
        match &statement.parameter {
            Some((name, value)) => {
                writer.verbatim(statement.cell, &cell.code, statement.range.start..value.start);
                let span = CellSpan::new(statement.cell, statement.range.start, statement.range.end);
                let bare = name.trim_start_matches("r#");
                let read = match form {
                    Form::Program => format!("__step.parameter({bare:?},"),
                    Form::Session { parameters } => {
                        let value = parameters.get(bare).map(Value::to_string);
                        format!("::oxikale::step::given({bare:?}, ::std::option::Option::{value:?},")
                    }
                };
                writer.line_of(Origin::Parameter { name: name.clone(), span }, &read);
                writer.verbatim(statement.cell, &cell.code, value.clone());
                writer.line_of(Origin::Parameter { name: name.clone(), span }, ")?;");
            }
            None => writer.verbatim(statement.cell, &cell.code, statement.range.clone()),
        }
    }
}

/// The statements of a cell without its items. With `last`, the value of its last expression is shown; whether it is
/// the step's result depends on the flag.
fn statements(writer: &mut Writer, cell: &ParsedCell, last: Option<(bool, Form<'_>)>) {
    let mut run: Option<std::ops::Range<usize>> = None;
    let count = cell.statements.len();
    for (index, statement) in cell.statements.iter().enumerate() {
        let range = cell.range(statement);
        let shown = last.filter(|_| index + 1 == count && is_shown(statement));
        if items::is_item(statement) || shown.is_some() {
            if let Some(run) = run.take() {
                writer.verbatim(cell.index, &cell.code, run);
            }
            if let Some((is_result, form)) = shown {
                let span = CellSpan::new(cell.index, range.start, range.end);
                let show = match form {
                    Form::Program => format!("::oxikale::step_show!(__step, {is_result},"),
                    Form::Session { .. } => "let _ = &(".to_owned(),
                };
                writer.line_of(Origin::Show { span }, &show);
                writer.verbatim(cell.index, &cell.code, range);
                writer.line_of(Origin::Show { span }, ");");
            }
        } else {
            run = Some(run.map_or(range.clone(), |run| run.start..range.end));
        }
    }
    if let Some(run) = run {
        writer.verbatim(cell.index, &cell.code, run);
        if !matches!(cell.statements.last(), Some(Stmt::Expr(_, Some(_)) | Stmt::Local(_))) {
            writer.push(";\n");
        }
    }
}

/// Whether a cell that ends in `statement` has a value that may be worth showing.
pub(crate) fn is_shown(statement: &Stmt) -> bool {
    match statement {
        Stmt::Expr(expression, None) => !matches!(
            expression,
            Expr::ForLoop(_) | Expr::While(_) | Expr::Assign(_) | Expr::Return(_) | Expr::Break(_) | Expr::Continue(_)
        ),
        Stmt::Macro(statement) if statement.semi_token.is_none() => {
            let printing = [
                "print",
                "println",
                "eprint",
                "eprintln",
                "panic",
                "assert",
                "assert_eq",
                "assert_ne",
                "todo",
                "unimplemented",
            ];
            !items::is_item(&Stmt::Macro(statement.clone()))
                && statement
                    .mac
                    .path
                    .segments
                    .last()
                    .is_some_and(|name| !printing.iter().any(|known| name.ident == known))
        }
        _ => false,
    }
}

fn main_function(writer: &mut Writer, parts: &Parts<'_>) {
    let mut table = String::new();
    for lines in &writer.map.lines {
        let _ = writeln!(
            table,
            "    ::oxikale::step::SourceLines {{ first: {}, lines: {}, cell: {}, cell_line: {} }},",
            lines.first,
            lines.count,
            lines.cell + 1,
            lines.cell_line
        );
    }
    let tasks: Vec<String> = parts.pipeline.steps.iter().map(|step| format!("{:?}", step.task)).collect();
    let run = if parts.asynchronous {
        "|step| ::tokio::runtime::Runtime::new()?.block_on(__notebook(step))"
    } else {
        "__notebook"
    };
    writer.push(&format!(
        "static __LINES: &[::oxikale::step::SourceLines] = &[\n{table}];\n\n\
         fn main() -> ::std::process::ExitCode {{\n    ::oxikale::step::main(::oxikale::step::Program {{\n        name: {:?},\n        \
         steps: &[{}],\n        source_map: __LINES,\n        run: {run},\n    }})\n}}\n",
        parts.pipeline.name,
        tasks.join(", "),
    ));
}
