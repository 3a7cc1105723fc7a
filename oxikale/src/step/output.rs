//! The end of a step: its metrics, its report and its executor output, with what is known, also after a failure.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::file::WholeFile;
use super::report;
use super::session::{METRICS, REPORT, RESULT, Session, State, Written};

/// How a step ended.
pub(crate) enum End<'a> {
    /// All cells ran.
    Done,
    /// It failed; the text is what is told about it.
    Failed(&'a str),
}

/// What is missing although the cells ended well; one sentence each.
pub(crate) fn find_missing(session: &Session) -> Vec<String> {
    let mut state = session.state();
    let mut problems = std::mem::take(&mut state.problems);
    let any_saved = state.written.values().any(|written| written.variable);
    for key in session.input.output_keys() {
        if key.contains('-') || state.written.contains_key(key) {
            continue;
        }
        let expected = match &state.variables {
            Some(variables) => variables.contains(key),
            // The program saves a step's variables together at its end: where it saved one, the others are artifacts.
            None => !any_saved,
        };
        if expected {
            problems.push(format!(
                "`{key}` was not handed on: the step ended before its end, for instance by an early `return`, so the \
                 steps after it would not have it"
            ));
        } else {
            eprintln!("oxikale: the artifact `{key}` was not written");
        }
    }
    problems
}

/// Writes everything that is left to write.
///
/// # Errors
/// Sentences that say what could not be written.
pub(crate) fn write(session: &Session, end: &End<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut state = session.state();
    measure_artifacts(session, &mut state);
    let mut add = |state: &mut State, key: &str, content: Vec<u8>, metadata: Map<String, Value>| {
        let Some(artifact) = session.input.output(key) else { return };
        let written = artifact
            .path()
            .and_then(|path| WholeFile::write(&path, &content).map_err(|error| format!("{}: {error}", path.display())));
        match written {
            Ok(_) => drop(state.written.insert(key.to_owned(), Written { metadata, variable: false })),
            Err(reason) => problems.push(format!("`{key}` cannot be written: {reason}")),
        }
    };
    if !state.metrics.is_empty() {
        let last: Map<String, Value> =
            state.metrics.iter().map(|metric| (metric.name.clone(), metric.last.clone())).collect();
        let series: Map<String, Value> = state
            .metrics
            .iter()
            .filter(|metric| !metric.series.is_empty())
            .map(|metric| (metric.name.clone(), json!(metric.series)))
            .collect();
        let content = format!("{:#}\n", json!({"metrics": last, "series": series}));
        add(&mut state, METRICS, content.into_bytes(), last);
    }
    if session.input.output(REPORT).is_some() {
        let page = report::page(session, &state, end);
        add(&mut state, REPORT, page.into_bytes(), Map::new());
    }
    let artifacts: Map<String, Value> = state
        .written
        .iter()
        .filter_map(|(key, written)| Some((key.clone(), session.input.output(key)?.to_output(&written.metadata))))
        .collect();
    let output = json!({"artifacts": artifacts}).to_string();
    let file = Path::new(&session.input.outputs.output_file);
    if let Err(error) = WholeFile::write(file, output.as_bytes()) {
        problems.push(format!("the executor output {} cannot be written: {error}", file.display()));
    }
    problems
}

/// Notes the sizes of the artifacts that cells wrote; one that is not there was not written.
fn measure_artifacts(session: &Session, state: &mut State) {
    state.written.retain(|key, written| {
        if written.variable || key == RESULT {
            return true;
        }
        let file = session.input.output(key).and_then(|artifact| artifact.path().ok());
        match file.and_then(|path| path.metadata().ok()) {
            Some(file) => {
                if file.is_file() {
                    written.metadata.insert("size".to_owned(), file.len().into());
                }
                true
            }
            None => {
                eprintln!("oxikale: the artifact `{key}` was not written");
                false
            }
        }
    });
}
