//! Proposals for the kernel's and the engine's commands and what stands behind them.

use oxikale_compiler::build::data_folder;
use oxikale_runner::Store;

use super::{Known, Proposal, Proposals, crates, files};
use crate::commands::{CELL_COMMANDS, LINE_COMMANDS};
use crate::kernel::Kernel;

/// Runs that one is likely to mean.
const RUNS: usize = 20;

/// How the command before the cursor may go on; none where the line is no command.
pub(super) fn complete(kernel: &Kernel, code: &str, at: usize) -> Option<Proposals> {
    let start = code[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = code[start..at].trim_start();
    let line_start = at - line.len();
    if !is_command(line) {
        return None;
    }
    let Some((name, rest)) = line.split_once(char::is_whitespace) else {
        let first = code[..line_start].trim().is_empty();
        return Some(Proposals { start: line_start, end: at, list: names(line, first) });
    };
    let word = rest.rsplit(char::is_whitespace).next().unwrap_or_default();
    let word_start = at - word.len();
    let earlier: Vec<&str> = rest[..rest.len() - word.len()].split_whitespace().collect();
    let list = |texts: Vec<String>, kind: &str| {
        let list = texts
            .into_iter()
            .filter(|text| text.starts_with(word))
            .map(|text| Proposal { text, kind: kind.to_owned(), detail: String::new() })
            .collect();
        Proposals { start: word_start, end: at, list }
    };
    Some(match (name, earlier.as_slice()) {
        (":dep", []) => list(crates::names().iter().cloned().collect(), "module"),
        ("%load" | "%%writefile", _) => files::paths(kernel.place.folder(), code, word_start, at),
        ("%pipeline", []) => list(owned(&["check", "graph", "logs", "resume", "run", "runs"]), "keyword"),
        ("%pipeline", ["logs", run]) | ("%pull", [run]) => list(steps(run), "step"),
        ("%pipeline", ["logs" | "resume"]) | ("%pull", []) => list(runs(), "run"),
        ("%pipeline", [..]) => files::paths(kernel.place.folder(), code, word_start, at),
        (":forget" | ":type" | ":t", []) => {
            let snapshot = kernel.session.snapshot();
            list(snapshot.variables.iter().map(|variable| variable.name.clone()).collect(), "variable")
        }
        (":opt", []) => list(owned(&["0", "1", "2", "3", "s", "z"]), "keyword"),
        _ => list(Vec::new(), ""),
    })
}

/// What a command does.
pub(super) fn inspect(code: &str, at: usize) -> Option<Known> {
    let start = code[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = code[at..].find('\n').map_or(code.len(), |newline| at + newline);
    let line = code[start..end].trim_start();
    if !is_command(line) {
        return None;
    }
    let name = line.split_whitespace().next()?;
    let (usage, help) = all().into_iter().find(|(usage, _)| usage.split_whitespace().next() == Some(name))?;
    Some(Known { markdown: format!("`{usage}`\n\n{help}"), plain: format!("{usage}\n{help}") })
}

/// A line that is a command, not a path (`::std`) nor what is left of a division.
fn is_command(line: &str) -> bool {
    let name = line.strip_prefix("%%").or_else(|| line.strip_prefix(['%', ':']));
    name.is_some_and(|name| name.is_empty() || name.starts_with(|first: char| first.is_ascii_alphabetic()))
}

fn all() -> Vec<(String, &'static str)> {
    let line = LINE_COMMANDS.iter().map(|(_, known)| (known.usage.to_owned(), known.help));
    let time = ("%time".to_owned(), "say how long the cell, or the rest of the line, took");
    let cell = CELL_COMMANDS.iter().map(|(usage, help)| ((*usage).to_owned(), *help));
    let engine = oxikale_engine::direct::COMMANDS.iter().map(|(usage, help)| (format!(":{usage}"), *help));
    line.chain([time]).chain(cell).chain(engine).collect()
}

fn names(begun: &str, first: bool) -> Vec<Proposal> {
    all()
        .into_iter()
        .filter(|(usage, _)| first || !usage.starts_with("%%"))
        .filter_map(|(usage, help)| {
            let text = usage.split_whitespace().next()?.to_owned();
            let kind = "magic".to_owned();
            text.starts_with(begun).then(|| Proposal { text, kind, detail: help.to_owned() })
        })
        .collect()
}

fn runs() -> Vec<String> {
    let runs = Store::open(&data_folder()).and_then(|store| store.runs(RUNS)).unwrap_or_default();
    let mut names = vec!["latest".to_owned()];
    names.extend(runs.into_iter().map(|run| run.id));
    names
}

fn steps(run: &str) -> Vec<String> {
    let steps = Store::open(&data_folder()).and_then(|store| store.steps(&store.run(run)?.id)).unwrap_or_default();
    steps.into_iter().map(|step| step.name).collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
