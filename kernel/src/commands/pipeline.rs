//! `%pipeline`: the notebook in which the cell stands, as a pipeline.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oxikale_compiler::build::{Mode, data_folder};
use oxikale_compiler::diagnostics::Severity;
use oxikale_compiler::draw;
use oxikale_engine::{Event, Stream};
use oxikale_notebook::directives::Command;
use oxikale_runner::{RunRecord, State, Store};
use uuid::Uuid;

use super::arguments::words;
use super::{CommandError, Done};
use crate::display::{html, plain, table};
use crate::pipeline::{NotebookPipeline, Order, Problem, Work};
use crate::session::Session;

const USAGE: &str = "%pipeline check                      say all that is wrong with the notebook
%pipeline graph                      draw it
%pipeline run [-p NAME=VALUE …]      run it on this machine, and watch it
%pipeline resume [RUN]               take a run up again: unchanged steps that succeeded do not run again
%pipeline runs [NUMBER]              list the runs
%pipeline logs RUN STEP              show what a step printed; `latest` is the newest run
Behind check, graph, run and resume may stand the path of another notebook.";

/// Runs that are listed where no number is given.
const LISTED: usize = 10;

pub(super) fn run(session: &mut Session, command: &Command) -> Done {
    let words = words(&command.argument)?;
    let Some((verb, rest)) = words.split_first() else {
        session.outputs.display(plain(USAGE), None, false);
        return Ok(());
    };
    match verb.as_str() {
        "check" => check(session, &notebook(session, rest)?),
        "graph" => graph(session, &notebook(session, rest)?),
        "run" => execute(session, rest, None),
        "resume" => {
            let (named, rest): (Vec<String>, Vec<String>) = rest
                .iter()
                .cloned()
                .partition(|word| !word.starts_with('-') && !is_notebook(word) && !word.contains('='));
            let wanted = named.first().cloned().unwrap_or_else(|| "latest".to_owned());
            execute(session, &rest, Some(wanted))
        }
        "runs" => runs(session, rest),
        "logs" => logs(session, rest),
        other => Err(CommandError::new(format!("`%pipeline` does not know `{other}`:\n{USAGE}"))),
    }
}

/// The notebook that is named among the words, or in which the cell stands.
fn notebook(session: &Session, words: &[String]) -> Result<NotebookPipeline, CommandError> {
    let path = match words.iter().find(|word| is_notebook(word)) {
        Some(named) => session.place.folder().join(named),
        None => session.place.notebook(session.request.as_deref()).map_err(CommandError::new)?,
    };
    let notebook = NotebookPipeline::read(&path).map_err(|problem| tell(session, problem))?;
    if let Some(request) = &session.request {
        let code = request.content.get("code").and_then(serde_json::Value::as_str).unwrap_or_default();
        let named = words.iter().any(|word| is_notebook(word));
        if !named && notebook.notebook.cells().iter().all(|cell| cell.source.trim() != code.trim()) {
            session.outputs.say(&format!(
                "{} does not hold this cell as it was run: what is not saved is not in the pipeline either",
                path.display()
            ));
        }
    }
    Ok(notebook)
}

fn is_notebook(word: &str) -> bool {
    word.ends_with(".ipynb")
}

/// Says a problem, and makes it the end of the command.
fn tell(session: &Session, problem: Problem) -> CommandError {
    match problem {
        Problem::Other(message) => CommandError::Failed { name: "pipeline".to_owned(), message },
        Problem::Interrupted => CommandError::Interrupted,
        Problem::Notebook(findings) => {
            session.outputs.say(&findings);
            CommandError::Failed {
                name: "pipeline".to_owned(),
                message: "the notebook has errors, so it is no pipeline yet".to_owned(),
            }
        }
    }
}

fn check(session: &Session, notebook: &NotebookPipeline) -> Done {
    let work = Arc::new(Work::default());
    let built = guarded(session, &work, || {
        notebook.build(Mode::Check, &work, &|progress| session.outputs.hear(Event::Progress(progress)))
    })
    .map_err(|problem| tell(session, problem))?;
    let compilation = notebook.without_errors(built.compilation).map_err(|problem| tell(session, problem))?;
    if !compilation.diagnostics.is_empty() {
        session.outputs.say(&notebook.drawn(&compilation.diagnostics));
    }
    let warnings = compilation.diagnostics.iter().filter(|one| one.severity == Severity::Warning).count();
    let steps = compilation.pipeline.map_or(0, |pipeline| pipeline.steps.len());
    let text = match warnings {
        0 => format!("no mistakes: {steps} steps"),
        1 => format!("no errors, 1 warning: {steps} steps"),
        count => format!("no errors, {count} warnings: {steps} steps"),
    };
    session.outputs.display(plain(text), None, false);
    Ok(())
}

fn graph(session: &Session, notebook: &NotebookPipeline) -> Done {
    let compilation = notebook.compile();
    let Some(pipeline) = &compilation.pipeline else {
        return Err(tell(session, Problem::Notebook(notebook.drawn(&compilation.diagnostics))));
    };
    if !compilation.diagnostics.is_empty() {
        session.outputs.say(&notebook.drawn(&compilation.diagnostics));
    }
    let text = draw::terminal(pipeline, &draw::TerminalOptions { colour: false, width: 100, unicode: true });
    let svg = draw::svg(pipeline, &draw::Statuses::new(), &draw::SvgOptions::default());
    let mut data = plain(text);
    data.insert("image/svg+xml".to_owned(), svg.into());
    session.outputs.display(data, None, false);
    Ok(())
}

fn execute(session: &Session, words: &[String], resume: Option<String>) -> Done {
    let order = Order { resume, session: session.parameters.clone(), ..order(words)? };
    let notebook = notebook(session, words)?;
    let work = Arc::new(Work::default());
    let id = format!("oxikale-run-{}", Uuid::new_v4().simple());
    let shown = AtomicBool::new(false);
    let outputs = Arc::clone(&session.outputs);
    let record = guarded(session, &work, || {
        notebook.run(&order, &work, &|progress| outputs.hear(Event::Progress(progress)), &|live| {
            let update = shown.swap(true, Ordering::SeqCst);
            outputs.display(html(live.text(), live.html()), Some(&id), update);
        })
    })
    .map_err(|problem| tell(session, problem))?;
    conclude(&record)
}

/// The options of a run.
fn order(words: &[String]) -> Result<Order, CommandError> {
    let mut order = Order::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value =
            || words.next().cloned().ok_or_else(|| CommandError::new(format!("something must follow `{word}`")));
        match word.as_str() {
            "-p" | "--param" => order.given.push(value()?),
            "--name" => order.name = Some(value()?),
            word if is_notebook(word) => {}
            word if word.contains('=') && !word.starts_with('-') => order.given.push(word.to_owned()),
            other => return Err(CommandError::new(format!("`{other}` means nothing here:\n{USAGE}"))),
        }
    }
    Ok(order)
}

/// What a run that is over means for the cell.
fn conclude(record: &RunRecord) -> Done {
    let failed = |message: String| Err(CommandError::Failed { name: "pipeline".to_owned(), message });
    match record.state {
        State::Succeeded => Ok(()),
        State::Cancelled => Err(CommandError::Interrupted),
        _ => {
            let steps = Store::open(&data_folder()).and_then(|store| store.steps(&record.id)).unwrap_or_default();
            let step = steps.iter().find(|step| step.state == State::Failed);
            let why = match (step.and_then(|step| step.why.as_ref()), &record.why) {
                (Some(why), _) => format!(": {}", why.message),
                (None, Some(why)) => format!(": {why}"),
                (None, None) => String::new(),
            };
            match step {
                Some(step) => failed(format!(
                    "the step `{name}` failed{why}\n`%pipeline logs {run} {name}` shows what it printed, `%pull {run} \
                     {name}` brings what it was given into this session, and `%pipeline resume` goes on when it is \
                     mended",
                    name = step.name,
                    run = record.id,
                )),
                None => failed(format!("the run {} failed{why}", record.id)),
            }
        }
    }
}

fn runs(session: &Session, words: &[String]) -> Done {
    let number = match words {
        [] => LISTED,
        [number] => {
            number.parse().map_err(|_| CommandError::new(format!("`%pipeline runs` takes a number, not `{number}`")))?
        }
        _ => return Err(CommandError::new("write `%pipeline runs`, or `%pipeline runs NUMBER`")),
    };
    let store = Store::open(&data_folder()).map_err(|error| CommandError::new(error.to_string()))?;
    let runs = store.runs(number).map_err(|error| CommandError::new(error.to_string()))?;
    if runs.is_empty() {
        session.outputs.display(plain("there is no run yet; `%pipeline run` makes one"), None, false);
        return Ok(());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let rows: Vec<Vec<String>> = runs
        .into_iter()
        .map(|run| {
            let metrics = store.metrics(&run.id).unwrap_or_default();
            let metrics: Vec<String> = metrics
                .iter()
                .filter(|metric| metric.step.is_none())
                .map(|metric| format!("{} {}", metric.name, draw::number(metric.value)))
                .collect();
            let arguments: Vec<String> = run.arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let ended = run.ended_ms.unwrap_or(now);
            vec![
                run.id,
                run.state.as_str().to_owned(),
                format!("{:.1} s", (ended - run.started_ms) as f64 / 1e3),
                arguments.join(" "),
                metrics.join(", "),
            ]
        })
        .collect();
    session.outputs.display(table(&["RUN", "STATE", "TIME", "PARAMETERS", "METRICS"], &rows), None, false);
    Ok(())
}

fn logs(session: &Session, words: &[String]) -> Done {
    let [run, step] = words else { return Err(CommandError::new("write `%pipeline logs RUN STEP`")) };
    let said = |error: oxikale_runner::StoreError| CommandError::new(error.to_string());
    let store = Store::open(&data_folder()).map_err(said)?;
    let run = store.run(run).map_err(said)?;
    let log = store.log(&run.id, step).map_err(said)?;
    if !log.exists() {
        session.outputs.display(plain(format!("the step `{step}` has printed nothing")), None, false);
        return Ok(());
    }
    let unreadable = |error| CommandError::new(format!("{} cannot be read: {error}", log.path().display()));
    let mut file = File::open(log.path()).map_err(unreadable)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(()),
            length => session.outputs.print(Stream::Stdout, &buffer[..length]),
        }
        if session.interrupts.is_requested() {
            return Err(CommandError::Interrupted);
        }
    }
}

/// Does work that an interrupt ends.
fn guarded<T>(session: &Session, work: &Arc<Work>, run: impl FnOnce() -> T) -> T {
    let ending = Arc::clone(work);
    session.interrupts.guard(move || ending.end(), run)
}
