//! Which definition reaches which use: the nearest ancestor's in the graph of steps, not in the file.

use std::collections::{BTreeMap, BTreeSet};

use oxikale_notebook::CellSpan;
use serde::{Deserialize, Serialize};

use super::{Flow, Use, method_mutates};
use crate::diagnostics::Diagnostic;
use crate::names;

/// How many places a diagnostic names of many.
const MOST_PLACES: usize = 8;

/// How many undefined names are compared with all that are defined; in a notebook with more, something else is wrong.
const MOST_SUGGESTIONS: usize = 20;

/// A step as the data flow sees it.
#[derive(Debug)]
pub struct StepFlow {
    /// Its name.
    pub name: String,
    /// The steps that `prev:` names.
    pub prev: BTreeSet<usize>,
    /// Whether another `prev:` names no step, so that what the step waits for is not known.
    pub lacks_prev: bool,
    /// What its code does.
    pub flow: Flow,
}

/// What is known beside the steps.
#[derive(Debug, Default)]
pub struct World {
    /// Pipeline parameters, and whether each is `let mut`.
    pub parameters: BTreeMap<String, bool>,
    /// Variables of the cells that every step runs first, and whether each is `let mut`.
    pub shared: BTreeMap<String, bool>,
    /// Names of functions, constants and imports.
    pub items: BTreeSet<String>,
    /// Whether names may come from where the text does not tell: a glob import, a macro that defines items.
    pub open: bool,
    /// What the notebook's own methods do with their receivers.
    pub receivers: BTreeMap<String, Option<bool>>,
    /// Names that cells outside of all steps define, and the cell.
    pub skipped: BTreeMap<String, CellSpan>,
    /// What rustc said to earlier questions.
    pub answers: Answers,
}

/// Whether a step changes a variable: what the text cannot say, and rustc can.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Question {
    /// The step's name.
    pub step: String,
    /// The variable.
    pub variable: String,
}

/// Answers to questions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers(pub BTreeMap<String, BTreeMap<String, bool>>);

impl Answers {
    /// Whether the step changes the variable, where it is known.
    pub fn get(&self, step: &str, variable: &str) -> Option<bool> {
        self.0.get(step)?.get(variable).copied()
    }

    /// Keeps an answer.
    pub fn insert(&mut self, question: Question, changes: bool) {
        self.0.entry(question.step).or_default().insert(question.variable, changes);
    }

    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What flows between the steps.
#[derive(Debug, Default)]
pub struct Reached {
    /// For each step: variable → the step that hands it on, and where it is used first.
    pub inputs: Vec<BTreeMap<String, (usize, CellSpan)>>,
    /// For each step: the parameters that it reads.
    pub parameters: Vec<BTreeSet<String>>,
    /// For each step: the variables that others take from it.
    pub outputs: Vec<BTreeMap<String, Handed>>,
    /// For each name of a metric: the step that logs it.
    pub metrics: BTreeMap<String, usize>,
    /// What only rustc can tell, and matters.
    pub questions: BTreeSet<Question>,
    /// Which inputs are `mut`: by step and variable.
    pub mutable: BTreeSet<(usize, String)>,
}

/// A variable that is handed on.
#[derive(Debug, Clone)]
pub struct Handed {
    /// Where it is defined or changed.
    pub span: CellSpan,
    /// Whether the text leaves open that the step changes it at all.
    pub uncertain: bool,
}

/// One step's new value of a variable.
#[derive(Debug, Clone)]
struct Definer {
    step: usize,
    span: CellSpan,
    mutable: bool,
    uncertain: bool,
}

/// Ancestors of every step, as bits.
struct Ancestors {
    rows: Vec<Vec<u64>>,
}

impl Ancestors {
    fn contains(&self, step: usize, ancestor: usize) -> bool {
        self.rows[step][ancestor / 64] >> (ancestor % 64) & 1 == 1
    }
}

/// The steps with every one after those that it waits for, or a cycle.
pub(crate) fn order(steps: &[StepFlow]) -> Result<Vec<usize>, Vec<usize>> {
    let mut missing: Vec<usize> = steps.iter().map(|step| step.prev.len()).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (step, flow) in steps.iter().enumerate() {
        for &before in &flow.prev {
            followers[before].push(step);
        }
    }
    let mut ready: BTreeSet<usize> = (0..steps.len()).filter(|&step| missing[step] == 0).collect();
    let mut order = Vec::with_capacity(steps.len());
    while let Some(step) = ready.pop_first() {
        order.push(step);
        for &follower in &followers[step] {
            missing[follower] -= 1;
            if missing[follower] == 0 {
                ready.insert(follower);
            }
        }
    }
    if order.len() == steps.len() {
        return Ok(order);
    }
    // Every step that is left waits for another one that is left: going back must come round.
    let mut at = (0..steps.len()).find(|&step| missing[step] > 0).unwrap_or(0);
    let mut path = Vec::new();
    while !path.contains(&at) {
        path.push(at);
        at = steps[at].prev.iter().copied().find(|&before| missing[before] > 0).unwrap_or(at);
    }
    let start = path.iter().position(|&step| step == at).unwrap_or(0);
    let mut cycle = path.split_off(start);
    // Told from the first step of the notebook on, each after the one that it waits for.
    cycle.reverse();
    let first = (0..cycle.len()).min_by_key(|&at| cycle[at]).unwrap_or(0);
    cycle.rotate_left(first);
    Err(cycle)
}

fn ancestors(steps: &[StepFlow], order: &[usize]) -> Ancestors {
    let words = steps.len().div_ceil(64);
    let mut rows = vec![vec![0_u64; words]; steps.len()];
    for &step in order {
        let mut row = vec![0_u64; words];
        for &before in &steps[step].prev {
            row[before / 64] |= 1 << (before % 64);
            for (word, bits) in row.iter_mut().zip(&rows[before]) {
                *word |= bits;
            }
        }
        rows[step] = row;
    }
    Ancestors { rows }
}

/// Finds what flows. `order` has every step after its ancestors; `metrics` are the names of metrics and where they stand.
pub fn reach(
    steps: &[StepFlow],
    order: &[usize],
    world: &World,
    metrics: &BTreeMap<String, CellSpan>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Reached {
    let mut search = Search {
        steps,
        world,
        ancestors: ancestors(steps, order),
        place: {
            let mut place = vec![0; steps.len()];
            order.iter().enumerate().for_each(|(at, &step)| place[step] = at);
            place
        },
        definers: BTreeMap::new(),
        defined_in: BTreeMap::new(),
        reached: Reached {
            inputs: vec![BTreeMap::new(); steps.len()],
            parameters: vec![BTreeSet::new(); steps.len()],
            outputs: vec![BTreeMap::new(); steps.len()],
            ..Reached::default()
        },
        found: Vec::new(),
    };
    for (step, flow) in steps.iter().enumerate() {
        for (name, definition) in &flow.flow.definitions {
            search.defined_in.entry(name).or_default().push((step, definition.span));
        }
    }
    for &step in order {
        search.step(step);
    }
    for (name, span) in metrics {
        search.metric(name, *span);
    }
    search.found.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span));
    diagnostics.append(&mut search.found);
    search.reached
}

struct Search<'a> {
    steps: &'a [StepFlow],
    world: &'a World,
    ancestors: Ancestors,
    /// Where each step stands in the order.
    place: Vec<usize>,
    /// The steps that give a name a value, in the order.
    definers: BTreeMap<&'a str, Vec<Definer>>,
    /// All steps whose `let`s define a name, whatever the order.
    defined_in: BTreeMap<&'a str, Vec<(usize, CellSpan)>>,
    reached: Reached,
    found: Vec<Diagnostic>,
}

impl<'a> Search<'a> {
    /// The definers that reach `step` (every step, for none), later ones first.
    fn nearest(&self, name: &str, step: Option<usize>) -> Vec<Definer> {
        let mut nearest: Vec<Definer> = Vec::new();
        for definer in self.definers.get(name).into_iter().flatten().rev() {
            let reaches = step.is_none_or(|step| self.ancestors.contains(step, definer.step));
            if reaches && !nearest.iter().any(|later| self.ancestors.contains(later.step, definer.step)) {
                nearest.push(definer.clone());
                // In a chain the latest definer hides all others: the rest need not be looked at.
                if nearest.len() == 1 && self.is_before_all(definer) {
                    break;
                }
            }
        }
        nearest
    }

    /// Whether every definer that was met earlier is an ancestor of this one, as in a chain.
    fn is_before_all(&self, definer: &Definer) -> bool {
        let row = &self.ancestors.rows[definer.step];
        let count: u32 = row.iter().map(|word| word.count_ones()).sum();
        count as usize == self.place[definer.step]
    }

    fn step(&mut self, step: usize) {
        let flow = &self.steps[step].flow;
        for (name, usage) in &flow.uses {
            self.usage(step, name, usage);
        }
        for (name, definition) in &flow.definitions {
            self.define(name, Definer { step, span: definition.span, mutable: definition.mutable, uncertain: false });
        }
    }

    fn define(&mut self, name: &'a str, definer: Definer) {
        let definers = self.definers.entry(name).or_default();
        definers.retain(|other| other.step != definer.step);
        definers.push(definer);
    }

    fn usage(&mut self, step: usize, name: &'a str, usage: &Use) {
        let nearest = self.nearest(name, Some(step));
        let mutable = match &nearest[..] {
            [] => match (self.world.shared.get(name), self.world.parameters.get(name)) {
                (Some(&mutable), _) => mutable,
                (None, Some(&mutable)) => {
                    self.reached.parameters[step].insert(name.to_owned());
                    mutable
                }
                (None, None) => {
                    self.undefined(step, name, usage);
                    return;
                }
            },
            [one] => {
                self.take(step, name, one, usage.span);
                one.mutable
            }
            many => {
                self.ambiguous(step, name, usage, many);
                self.take(step, name, &many[0], usage.span);
                many[0].mutable
            }
        };
        if mutable {
            self.reached.mutable.insert((step, name.to_owned()));
        }
        if let Some((span, uncertain)) = self.changes(step, name, usage, mutable) {
            self.define(name, Definer { step, span, mutable: true, uncertain });
        }
    }

    /// Whether the step changes the variable that it took: where, and whether that is uncertain.
    fn changes(&self, step: usize, name: &str, usage: &Use, mutable: bool) -> Option<(CellSpan, bool)> {
        if let Some(span) = usage.written {
            return Some((span, false));
        }
        if !mutable {
            return None;
        }
        let mut unclear = usage.in_unknown_macro;
        for (method, span) in &usage.methods {
            match method_mutates(method, &self.world.receivers) {
                Some(true) => return Some((*span, false)),
                Some(false) => {}
                None => unclear = Some(*span),
            }
        }
        let span = unclear?;
        match self.world.answers.get(&self.steps[step].name, name) {
            Some(true) => Some((span, false)),
            Some(false) => None,
            None => Some((span, true)),
        }
    }

    fn take(&mut self, step: usize, name: &str, from: &Definer, span: CellSpan) {
        self.reached.inputs[step].insert(name.to_owned(), (from.step, span));
        self.hand_on(name, from);
    }

    fn hand_on(&mut self, name: &str, from: &Definer) {
        self.reached.outputs[from.step].insert(name.to_owned(), Handed { span: from.span, uncertain: from.uncertain });
    }

    /// Leaves it to rustc which of the definers change the variable at all, where the text leaves that open.
    fn ask(&mut self, name: &str, many: &[Definer]) -> bool {
        let uncertain: Vec<&Definer> = many.iter().filter(|definer| definer.uncertain).collect();
        self.reached.questions.extend(
            uncertain
                .iter()
                .map(|definer| Question { step: self.steps[definer.step].name.clone(), variable: name.to_owned() }),
        );
        !uncertain.is_empty()
    }

    fn ambiguous(&mut self, step: usize, name: &str, usage: &Use, many: &[Definer]) {
        if self.ask(name, many) {
            return;
        }
        let names = list(many.iter().rev().map(|definer| self.steps[definer.step].name.as_str()));
        let mut diagnostic = Diagnostic::error(
            "OX302",
            format!("`{name}` in step `{}` could be that of {names}: they run in parallel", self.steps[step].name),
        )
        .at(usage.span, "used here");
        for definer in many.iter().rev().take(MOST_PLACES) {
            diagnostic =
                diagnostic.at(definer.span, format!("step `{}` gives it a value", self.steps[definer.step].name));
        }
        self.found.push(
            diagnostic
                .help("give the variables different names, or let one of the steps wait for the other with `prev:`"),
        );
    }

    fn undefined(&mut self, step: usize, name: &str, usage: &Use) {
        let known = self.world.items.contains(name) || is_well_known(name);
        if !usage.certain || known || self.steps[step].lacks_prev {
            return;
        }
        let elsewhere: Vec<&(usize, CellSpan)> =
            self.defined_in.get(name).into_iter().flatten().filter(|(other, _)| *other != step).collect();
        let (before, after): (Vec<_>, Vec<_>) =
            elsewhere.into_iter().partition(|(other, _)| !self.ancestors.contains(*other, step));
        let here = &self.steps[step].name;
        if let Some((other, span)) = before.iter().rev().find(|(other, _)| *other < step).or(before.first()) {
            let other = &self.steps[*other].name;
            self.found.push(
                Diagnostic::error(
                    "OX303",
                    format!("step `{here}` uses `{name}` of step `{other}`, but does not wait for it"),
                )
                .at(usage.span, "used here")
                .at(*span, "defined here")
                .help(format!("add the tag `prev:{other}` to step `{here}`")),
            );
            return;
        }
        if self.world.open || name.starts_with(char::is_uppercase) {
            return;
        }
        let mut diagnostic = Diagnostic::error("OX301", format!("`{name}` is not defined")).at(usage.span, "used here");
        diagnostic = match (self.steps[step].flow.definitions.get(name), after.first(), self.world.skipped.get(name)) {
            (Some(definition), _, _) => {
                diagnostic.at(definition.span, "defined only here").help("move its definition up")
            }
            (None, Some((other, span)), _) => {
                let other = &self.steps[*other].name;
                diagnostic
                    .at(*span, format!("step `{other}` defines it, but runs later"))
                    .help(format!("define it before, or let step `{other}` run first"))
            }
            (None, None, Some(span)) => diagnostic
                .at(*span, "defined here, in a cell that is in no step")
                .help("tag that cell `imports`, `functions` or `step:NAME`, so that pipelines run it"),
            (None, None, None) if self.found.len() > MOST_SUGGESTIONS => diagnostic,
            (None, None, None) => {
                let known = self.known_names(step);
                match names::nearest(name, known.iter().copied()) {
                    Some(nearest) => diagnostic.help(format!("is `{nearest}` meant?")),
                    None => diagnostic.help(format!(
                        "define it in step `{here}`, in a step that `{here}` waits for, or in a cell tagged `functions`"
                    )),
                }
            }
        };
        self.found.push(diagnostic);
    }

    fn known_names(&self, step: usize) -> BTreeSet<&str> {
        let mut names: BTreeSet<&str> =
            self.world.parameters.keys().chain(self.world.shared.keys()).map(String::as_str).collect();
        names.extend(self.world.items.iter().map(String::as_str));
        names.extend(self.steps[step].flow.definitions.keys().map(String::as_str));
        for (name, definers) in &self.definers {
            if definers.iter().any(|definer| self.ancestors.contains(step, definer.step)) {
                names.insert(name);
            }
        }
        names
    }

    fn metric(&mut self, name: &'a str, span: CellSpan) {
        let nearest = self.nearest(name, None);
        match &nearest[..] {
            [] => {
                let known: BTreeSet<&str> = self.definers.keys().copied().collect();
                let help = match names::nearest(name, known) {
                    Some(nearest) => format!("is `{nearest}` meant?"),
                    None => "a metric is a variable that some step defines at its top".to_owned(),
                };
                self.found.push(
                    Diagnostic::error("OX402", format!("no step defines the metric `{name}`"))
                        .at(span, "named here")
                        .help(help),
                );
            }
            [one] => {
                self.reached.metrics.insert(name.to_owned(), one.step);
            }
            many if self.ask(name, many) => {
                self.reached.metrics.insert(name.to_owned(), many[0].step);
            }
            many => {
                let names = list(many.iter().rev().map(|definer| self.steps[definer.step].name.as_str()));
                let mut diagnostic =
                    Diagnostic::error("OX302", format!("the metric `{name}` could be that of {names}"))
                        .at(span, "named here");
                for definer in many.iter().rev().take(MOST_PLACES) {
                    diagnostic = diagnostic
                        .at(definer.span, format!("step `{}` gives it a value", self.steps[definer.step].name));
                }
                self.found.push(diagnostic.help("give the variables different names"));
            }
        }
    }
}

fn list<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(MOST_PLACES);
    let mut names: Vec<String> = names.take(MOST_PLACES).map(|name| format!("`{name}`")).collect();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Values of Rust's prelude that are no variables.
fn is_well_known(name: &str) -> bool {
    ["Some", "None", "Ok", "Err", "drop", "size_of", "size_of_val", "align_of", "align_of_val", "Box", "String", "Vec"]
        .contains(&name)
}
