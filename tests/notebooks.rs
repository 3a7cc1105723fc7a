//! Runs the notebooks in `notebooks/*.md`: cells with what is expected of them written beside the code.
//!
//! A file is a chapter; every `##` heading begins a notebook of its own. Its fenced blocks are
//! * `rust TAG …`: a code cell with these tags;
//! * `markdown`: a Markdown cell;
//! * `json`: the notebook's metadata;
//! * `graph`: the expected steps, a line each: `NAME: cells 1, 2; after a; takes x from a; gives y; parameters p`;
//! * `diagnostics`: the expected findings, a line each: `error OX301 2:1:5 message` (cell, line, column); a notebook
//!   without this block has none;
//! * `run NAME=VALUE …`: the pipeline is built and run with these parameters; the block holds lines `STEP: STATE` for steps
//!   that do not succeed;
//! * `prints STEP`: what the step prints to its standard output;
//! * `metrics`: lines `STEP NAME = VALUE`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use oxikale_compiler::build::{Builder, Mode};
use oxikale_compiler::diagnostics::{Diagnostic, Severity};
use oxikale_compiler::pipeline::Pipeline;
use oxikale_notebook::{CellKind, Notebook};
use oxikale_runner::{Cancel, Options, State, Store, Stream};
use serde_json::Map;

/// A notebook with what is expected of it.
#[derive(Default)]
struct Case {
    title: String,
    cells: Vec<(CellKind, String, Vec<String>)>,
    metadata: Option<String>,
    graph: Option<String>,
    diagnostics: String,
    run: Option<(Vec<String>, String)>,
    prints: Vec<(String, String)>,
    metrics: Option<String>,
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).expect("notebooks").map(|entry| entry.expect("entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let mut trials = Vec::new();
    for file in files {
        let chapter = file.file_stem().expect("name").to_string_lossy().into_owned();
        for case in cases(&fs::read_to_string(&file).expect("text")) {
            // A place that stays the same from run to run: what is built there once is built for the next run too.
            let folder =
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("notebooks").join(format!("{chapter} {}", case.title));
            trials.push(Trial::test(format!("{chapter}::{}", case.title), move || check(&case, &folder)));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            cases.push(Case { title: title.trim().to_owned(), ..Case::default() });
            continue;
        }
        let fence: String = line.chars().take_while(|c| *c == '`').collect();
        if fence.len() < 3 {
            continue;
        }
        let info = line[fence.len()..].trim();
        let mut body = String::new();
        for line in lines.by_ref().take_while(|line| *line != fence) {
            body.push_str(line);
            body.push('\n');
        }
        let mut words = info.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let words: Vec<String> = words.map(str::to_owned).collect();
        let case = cases.last_mut().unwrap_or_else(|| panic!("a block before the first heading: {info}"));
        let source = body.strip_suffix('\n').unwrap_or(&body).to_owned();
        match kind {
            "rust" => case.cells.push((CellKind::Code, source, words)),
            "markdown" => case.cells.push((CellKind::Markdown, source, words)),
            "json" => case.metadata = Some(body),
            "graph" => case.graph = Some(body),
            "diagnostics" => case.diagnostics = body,
            "run" => case.run = Some((words, body)),
            "prints" => case.prints.push((words.concat(), body)),
            "metrics" => case.metrics = Some(body),
            other => panic!("{}: unknown block `{other}`", case.title),
        }
    }
    cases
}

fn check(case: &Case, folder: &Path) -> Result<(), Failed> {
    fs::create_dir_all(folder)?;
    let data = tempfile::tempdir()?;
    let path = folder.join("notebook.ipynb");
    let metadata: Map<String, serde_json::Value> = match &case.metadata {
        Some(text) => serde_json::from_str(text)?,
        None => Map::new(),
    };
    let notebook = Notebook::new(case.cells.clone(), metadata);
    fs::write(&path, notebook.to_text())?;
    let notebook = Notebook::read(&path)?;
    let builder = Builder::new(&path);

    let runs = case.run.is_some() || !case.prints.is_empty() || case.metrics.is_some();
    let (compilation, program) = if runs {
        let built = builder.build(&notebook, Mode::Build, &mut |_| {})?;
        (built.compilation, built.program)
    } else {
        (builder.compile(&notebook), None)
    };
    same("diagnostics", &case.diagnostics, &listed(&compilation.diagnostics, &notebook))?;
    if let Some(graph) = &case.graph {
        let found = compilation.pipeline.as_ref().map(drawn).unwrap_or_default();
        same("graph", graph, &found)?;
    }
    if !runs {
        return Ok(());
    }
    if compilation.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        // As expected, there is nothing to run.
        return Ok(());
    }
    let (Some(program), Some(ir)) = (program, compilation.ir) else { return Err("there is no program to run".into()) };
    let (words, expected) = case.run.clone().unwrap_or_default();
    let mut arguments = Map::new();
    for word in words {
        let (name, value) = oxikale_runner::assignment(&ir, &word)?;
        arguments.insert(name, value);
    }
    let options = Options {
        program,
        arguments,
        data_dir: data.path().to_owned(),
        notebook: Some(path.clone()),
        ..Options::default()
    };
    let record = oxikale_runner::run(&ir, &options, &Cancel::new(), &mut |_| {})?;
    let store = Store::open(&options.data_dir)?;
    let mut states = String::new();
    for step in store.steps(&record.id)? {
        if step.state != State::Succeeded {
            writeln!(states, "{}: {}", step.name, step.state.as_str())?;
        }
    }
    if states != expected {
        let mut logs = String::new();
        for step in store.steps(&record.id)? {
            if let Ok(text) = fs::read_to_string(store.log(&record.id, &step.task)?.path()) {
                writeln!(logs, "--- {}: {:?}\n{text}", step.name, step.why)?;
            }
        }
        return Err(format!("expected states:\n{expected}\nfound:\n{states}\n{logs}").into());
    }
    for (step, expected) in &case.prints {
        let mut found = Vec::new();
        store.log(&record.id, step)?.copy(Some(Stream::Stdout), None, &mut found)?;
        same(&format!("printed by {step}"), expected, &String::from_utf8_lossy(&found))?;
    }
    if let Some(expected) = &case.metrics {
        let mut found = String::new();
        for metric in store.metrics(&record.id)? {
            writeln!(found, "{} {} = {}", metric.task, metric.name, metric.value)?;
        }
        same("metrics", expected, &found)?;
    }
    Ok(())
}

fn same(what: &str, expected: &str, found: &str) -> Result<(), Failed> {
    if expected.trim_end() == found.trim_end() {
        return Ok(());
    }
    Err(format!("{what}\n--- expected\n{expected}\n--- found\n{found}").into())
}

fn listed(diagnostics: &[Diagnostic], notebook: &Notebook) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let place = match diagnostic.position(notebook) {
            Some((cell, at)) => format!(" {cell}:{}:{}", at.line, at.column),
            None => String::new(),
        };
        let first = diagnostic.message.lines().next().unwrap_or_default();
        let _ = writeln!(text, "{severity} {}{place} {first}", diagnostic.code);
    }
    text
}

fn drawn(pipeline: &Pipeline) -> String {
    let name = |step: usize| pipeline.steps[step].name.as_str();
    let mut text = String::new();
    for step in &pipeline.steps {
        let cells: Vec<String> = step.cells.iter().map(|cell| (cell + 1).to_string()).collect();
        let _ = write!(text, "{}: cells {}", step.name, cells.join(", "));
        if !step.after.is_empty() {
            let after: Vec<&str> = step.after.iter().map(|&before| name(before)).collect();
            let _ = write!(text, "; after {}", after.join(", "));
        }
        let mut taken: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for input in &step.inputs {
            taken.entry(input.from).or_default().push(&input.variable);
        }
        for (from, variables) in taken {
            let _ = write!(text, "; takes {} from {}", variables.join(", "), name(from));
        }
        if !step.outputs.is_empty() {
            let given: Vec<&str> = step.outputs.iter().map(|output| output.variable.as_str()).collect();
            let _ = write!(text, "; gives {}", given.join(", "));
        }
        if !step.parameters.is_empty() {
            let _ = write!(text, "; parameters {}", step.parameters.join(", "));
        }
        if !step.metrics.is_empty() {
            let _ = write!(text, "; metrics {}", step.metrics.join(", "));
        }
        text.push('\n');
    }
    text
}
