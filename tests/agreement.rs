//! Runs the reference notebooks cell by cell in the engine and as pipelines, and compares what they print, the metrics
//! that they log and the files that they keep. Both get folders of their own for whatever they write.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use oxikale_compiler::build::{Builder, Mode};
use oxikale_compiler::pipeline::Pipeline;
use oxikale_engine::direct::{DirectEngine, Options as EngineOptions};
use oxikale_engine::{Cell, Engine, Event, Listener, Outcome, Stream};
use oxikale_notebook::{CellKind, Notebook};
use oxikale_runner::{Cancel, DisplayRecord, Options, State, Store};

const NOTEBOOKS: [&str; 3] = ["simple_pipeline", "opt_package", "titanic"];

/// The mount path of the volume that the notebooks use.
const VOLUME: &str = "/shared_volume";

/// Name and place in a series → value. An engine prints them, and so does a step, which records them besides.
type Metrics = BTreeMap<(String, Option<i64>), f64>;

/// What a step, or its cells, did.
#[derive(Debug, Default, PartialEq)]
struct Done {
    printed: String,
    metrics: Metrics,
    /// Name → content of the files that were kept.
    artifacts: BTreeMap<String, Vec<u8>>,
}

fn main() {
    let trials = NOTEBOOKS.map(|name| Trial::test(name, move || check(name))).into();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn check(name: &str) -> Result<(), Failed> {
    // A place that stays the same from run to run: what is built there once is built for the next run too.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agreement").join(name);
    let path = copy(name, &folder)?;
    let notebook = Notebook::read(&path)?;
    let (pipeline, steps) = run_as_pipeline(&path, &notebook)?;
    let cells = run_in_engine(&path, &notebook, &pipeline)?;
    let mut report = String::new();
    for (step, (of_step, of_cells)) in pipeline.steps.iter().zip(steps.iter().zip(&cells)) {
        if of_step.printed != of_cells.printed {
            report.push_str(&format!(
                "{}: printed as a step\n{}--- and as cells\n{}",
                step.name, of_step.printed, of_cells.printed
            ));
        }
        if of_step.metrics != of_cells.metrics {
            report.push_str(&format!(
                "{}: metrics as a step {:?}\nand as cells {:?}\n",
                step.name, of_step.metrics, of_cells.metrics
            ));
        }
        if of_step.artifacts != of_cells.artifacts {
            let sizes = |done: &Done| -> Vec<String> {
                done.artifacts.iter().map(|(name, bytes)| format!("{name} ({} bytes)", bytes.len())).collect()
            };
            report.push_str(&format!(
                "{}: artifacts as a step {:?}, and as cells {:?}, are not the same\n",
                step.name,
                sizes(of_step),
                sizes(of_cells)
            ));
        }
    }
    if cells.iter().all(|done| done.printed.is_empty()) {
        report.push_str("nothing was printed at all, so nothing was compared");
    }
    if report.is_empty() { Ok(()) } else { Err(report.into()) }
}

/// Puts a notebook and its lock file into a folder; crates of this repository stay where they are.
fn copy(name: &str, folder: &Path) -> Result<PathBuf, Failed> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the crate is in no repository")?;
    let original = repository.join("reference_notebooks").join(name);
    let notebook = Notebook::read(original.with_extension("ipynb"))?;
    let here = format!("path = \"{}/", repository.display());
    let cells = notebook.cells().iter().map(|cell| {
        let source =
            if cell.kind == CellKind::Code { cell.source.replace("path = \"../", &here) } else { cell.source.clone() };
        (cell.kind, source, cell.tags.clone())
    });
    fs::create_dir_all(folder)?;
    let path = folder.join(name).with_extension("ipynb");
    let text = Notebook::new(cells.collect(), notebook.metadata().clone()).to_text();
    if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
        fs::write(&path, text)?;
    }
    fs::copy(original.with_extension("lock"), path.with_extension("lock"))?;
    Ok(path)
}

/// A folder that stands for the volume, with the passenger lists in it.
fn volume(notebook: &Path) -> Result<tempfile::TempDir, Failed> {
    let volume = tempfile::tempdir()?;
    if notebook.file_stem().is_some_and(|stem| stem == "titanic") {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference_notebooks/titanic_data.sh");
        let output = Command::new("sh").arg(script).arg(volume.path()).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
    }
    Ok(volume)
}

/// What each step does.
fn run_as_pipeline(path: &Path, notebook: &Notebook) -> Result<(Pipeline, Vec<Done>), Failed> {
    let built = Builder::new(path).build(notebook, Mode::Build, &mut |_| {})?;
    let compilation = built.compilation;
    let (Some(program), Some(ir), Some(pipeline)) = (built.program, compilation.ir, compilation.pipeline) else {
        return Err(format!("{} is no pipeline: {:?}", path.display(), compilation.diagnostics).into());
    };
    let (data, volume, working_folder) = (tempfile::tempdir()?, volume(path)?, tempfile::tempdir()?);
    let options = Options {
        program,
        data_dir: data.path().to_owned(),
        notebook: Some(path.to_owned()),
        working_folder: Some(working_folder.path().to_owned()),
        volumes: BTreeMap::from([(VOLUME.to_owned(), volume.path().to_owned())]),
        ..Options::default()
    };
    let run = oxikale_runner::run(&ir, &options, &Cancel::new(), &mut |_| {})?;
    let store = Store::open(&options.data_dir)?;
    for step in store.steps(&run.id)? {
        if step.state != State::Succeeded {
            let log = fs::read_to_string(store.log(&run.id, &step.task)?.path()).unwrap_or_default();
            return Err(format!("step {}: {} {:?}\n{log}", step.name, step.state.as_str(), step.why).into());
        }
    }
    let (metrics, artifacts, displays) = (store.metrics(&run.id)?, store.artifacts(&run.id)?, store.displays(&run.id)?);
    let done = pipeline.steps.iter().map(|step| {
        let mut printed = Vec::new();
        store.log(&run.id, &step.task)?.copy(Some(oxikale_runner::Stream::Stdout), None, &mut printed)?;
        let of_step = metrics.iter().filter(|metric| metric.task == step.task);
        let kept =
            artifacts.iter().filter(|artifact| artifact.task == step.task && step.artifacts.contains(&artifact.key));
        Ok(Done {
            printed: without_displays(
                &String::from_utf8(printed)?,
                displays.iter().filter(|display| display.task == step.task),
            )?,
            metrics: of_step.map(|metric| ((metric.name.clone(), metric.step), metric.value)).collect(),
            artifacts: kept
                .map(|artifact| Ok((artifact.key.clone(), fs::read(&artifact.path)?)))
                .collect::<Result<_, Failed>>()?,
        })
    });
    let done = done.collect::<Result<_, Failed>>()?;
    Ok((pipeline, done))
}

/// What the cells of each step do in the engine.
fn run_in_engine(path: &Path, notebook: &Notebook, pipeline: &Pipeline) -> Result<Vec<Done>, Failed> {
    let (folder, volume) = (tempfile::tempdir()?, volume(path)?);
    let events = Arc::new(Mutex::new(Vec::new()));
    let listener: Listener = {
        let events = Arc::clone(&events);
        Arc::new(move |event| events.lock().unwrap().push(event))
    };
    let options =
        EngineOptions { folder: folder.path().to_owned(), notebook: Some(path.to_owned()), ..EngineOptions::default() };
    let mut engine = DirectEngine::start(options, listener)?;
    let mut run = |source: String, name: String| -> Result<String, Failed> {
        let outcome = engine.execute(&Cell { source, name: name.clone() });
        let events = std::mem::take(&mut *events.lock().unwrap());
        let mut printed = Vec::new();
        for event in &events {
            match event {
                Event::Text { stream: Stream::Stdout, bytes } => printed.extend_from_slice(bytes),
                Event::Error(error) => return Err(format!("cell {name}: {}", error.rendered).into()),
                _ => {}
            }
        }
        if outcome == Outcome::Completed {
            Ok(String::from_utf8(printed)?)
        } else {
            Err(format!("cell {name}: {outcome:?}").into())
        }
    };
    run(format!(":env OXIKALE_VOLUMES={{\"{VOLUME}\": \"{}\"}}", volume.path().display()), "volumes".to_owned())?;
    let mut done: Vec<Done> = pipeline.steps.iter().map(|_| Done::default()).collect();
    for (index, cell) in notebook.cells().iter().enumerate().filter(|(_, cell)| cell.kind == CellKind::Code) {
        let printed = run(cell.source.clone(), (index + 1).to_string())?;
        match pipeline.steps.iter().position(|step| step.cells.contains(&index)) {
            Some(step) => done[step].printed.push_str(&printed),
            None if cell.tags.iter().any(|tag| tag == "skip") => {}
            None if printed.is_empty() => {}
            None => return Err(format!("cell {} belongs to no step, but prints\n{printed}", index + 1).into()),
        }
    }
    let mut files: BTreeSet<String> = BTreeSet::new();
    for entry in fs::read_dir(folder.path().join("artifacts")).into_iter().flatten() {
        files.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    for (step, done) in pipeline.steps.iter().zip(&mut done) {
        for name in step.artifacts.iter().filter(|name| files.remove(*name)) {
            done.artifacts.insert(name.clone(), fs::read(folder.path().join("artifacts").join(name))?);
        }
        part_records(done);
    }
    if !files.is_empty() {
        return Err(format!("the engine kept files that no step keeps: {files:?}").into());
    }
    Ok(done)
}

/// Takes out what the library prints in an engine about artifacts, and reads what it prints about metrics.
fn part_records(done: &mut Done) {
    let mut printed = String::new();
    for line in done.printed.split_inclusive('\n') {
        let text = line.trim_end_matches('\n');
        done.metrics.extend(metric(text));
        if !done.artifacts.keys().any(|name| text == format!("artifact {name}: artifacts/{name}")) {
            printed.push_str(line);
        }
    }
    done.printed = printed;
}

/// Takes out of what a step printed the lines that stand for its displays: their text, or `[image/svg+xml, 6.4 kB]`.
fn without_displays<'a>(mut rest: &str, displays: impl Iterator<Item = &'a DisplayRecord>) -> Result<String, Failed> {
    let mut printed = String::new();
    for display in displays {
        let words = match display.data.get("text/plain").and_then(|text| text.as_str()) {
            Some(text) => format!("{text}\n"),
            None => format!("[{}, ", display.data.keys().next().map_or("", String::as_str)),
        };
        let at_line = |place: &usize| *place == 0 || rest[..*place].ends_with('\n');
        let found = rest.match_indices(&words).map(|(place, _)| place).find(at_line);
        let start = found.ok_or_else(|| format!("no line stands for the display {words:?}, but there is\n{rest}"))?;
        let end = start + words.len() - 1;
        printed.push_str(&rest[..start]);
        rest = rest[end..].split_once('\n').map_or("", |(_, after)| after);
    }
    Ok(printed + rest)
}

/// A metric in a line `NAME = VALUE` or `NAME[PLACE] = VALUE`. A line of the notebook's own must not look like one.
fn metric(line: &str) -> Option<((String, Option<i64>), f64)> {
    let (name, value) = line.rsplit_once(" = ")?;
    let value = value.parse().ok()?;
    let place = name.strip_suffix(']').and_then(|name| name.rsplit_once('['));
    Some(match place.and_then(|(name, place)| Some((name, place.parse().ok()?))) {
        Some((name, place)) => ((name.to_owned(), Some(place)), value),
        None => ((name.to_owned(), None), value),
    })
}
