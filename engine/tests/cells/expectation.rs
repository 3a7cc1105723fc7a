//! Compares what a cell did with what was expected of it.

use std::fmt;

use oxikale_engine::{CellError, Diagnostic, Event, Outcome, Stream, Variable};
use serde_json::{Map, Value};

use crate::notebook::{Case, Expected, Text};

/// What a cell did.
#[derive(Debug, Clone)]
pub struct Found {
    pub outcome: Outcome,
    pub events: Vec<Event>,
    /// How many lines of input it was not asked for.
    pub unread: usize,
    pub variables: Vec<Variable>,
}

/// What is wrong, a text each.
pub fn compare(case: &Case, cell: &Expected, found: &Found) -> Vec<String> {
    let mut wrong = shown(cell, found);
    wrong.extend(failure(cell, found, true));
    let notices: Vec<&str> = found.notices().collect();
    wrong.extend(said("notice", cell.notice.as_deref(), &notices.join("\n")));
    let warnings: Vec<String> = found.warnings().map(|warning| plain(&warning.rendered)).collect();
    wrong.extend(said("warning", cell.warning.as_deref(), &warnings.join("\n")));
    if let Some(expected) = &cell.variables {
        wrong.extend(same("variables", expected, &listed(&found.variables)));
    }
    wrong.extend(generated_names(case, found));
    wrong
}

/// The same for evcxr: what it shows counts, not how it says what went wrong, nor the order of its variables. Of what is
/// so in every cell (`differences.rs` lists it) nothing is said.
#[cfg(feature = "evcxr")]
pub fn compare_leniently(_: &Case, cell: &Expected, found: &Found) -> Vec<String> {
    let mut found = found.clone();
    found.events.retain(|event| match event {
        Event::Result { data } => form(data, "text/plain") != "()",
        Event::Text { stream: Stream::Stderr, .. } => cell.error.is_none() || cell.stderr.is_some(),
        _ => true,
    });
    let mut wrong = shown(cell, &found);
    wrong.extend(failure(cell, &found, false));
    if let Some(expected) = &cell.variables {
        let sorted = |text: &str| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            lines.join("\n")
        };
        let listed = listed(&found.variables).replace("'static ", "");
        let listed = without_modules(&listed);
        wrong.extend(same("variables", &sorted(expected), &sorted(&listed)));
    }
    wrong
}

/// Types without the modules that lead to them.
#[cfg(feature = "evcxr")]
fn without_modules(text: &str) -> String {
    let word = |character: char| character.is_alphanumeric() || character == '_';
    let mut parts = text.split("::");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        short.truncate(short.trim_end_matches(word).len());
        short.push_str(part);
    }
    short
}

/// What the cell shows: result, displays and text.
fn shown(cell: &Expected, found: &Found) -> Vec<String> {
    let mut wrong = match &cell.answer {
        Some(expected) => {
            let answers: Vec<String> =
                found.results().chain(found.displays()).map(|data| form(data, "text/plain")).collect();
            said("answer", Some(expected), &answers.join("\n"))
        }
        None => {
            let mut wrong = results(cell, found);
            wrong.extend(displays(cell, found));
            wrong
        }
    };
    if let Some(expected) = &cell.transcript {
        wrong.extend(same("transcript", expected, &transcript(&found.events)));
    }
    for (stream, name, expected) in [(Stream::Stdout, "stdout", &cell.stdout), (Stream::Stderr, "stderr", &cell.stderr)]
    {
        let written = found.text(stream);
        match expected {
            Some(expected) => wrong.extend(text(name, expected, &written)),
            None if cell.transcript.is_none() && !written.is_empty() => wrong.extend(same(name, "", &written)),
            None => {}
        }
    }
    if found.unread > 0 {
        wrong.push(format!("{} lines of input were not asked for", found.unread));
    }
    wrong
}

fn results(cell: &Expected, found: &Found) -> Vec<String> {
    let mut wrong = Vec::new();
    let results: Vec<&Map<String, Value>> = found.results().collect();
    if results.len() > 1 {
        wrong.push(format!("a cell has one result, not {}", results.len()));
    }
    let result = results.last().copied();
    match (&cell.result, result) {
        (Some(expected), Some(found)) => wrong.extend(text("result", expected, &form(found, "text/plain"))),
        (Some(_), None) => wrong.push("there is no result".to_owned()),
        (None, Some(found)) if cell.forms.is_empty() => {
            wrong.push(format!("a result that is not expected: {}", form(found, "text/plain")));
        }
        (None, _) => {}
    }
    for (mime, expected) in &cell.forms {
        match result {
            Some(found) => wrong.extend(said(&format!("result as {mime}"), Some(expected), &form(found, mime))),
            None => wrong.push("there is no result".to_owned()),
        }
    }
    wrong
}

fn displays(cell: &Expected, found: &Found) -> Vec<String> {
    let mut wrong = Vec::new();
    let displays: Vec<&Map<String, Value>> = found.displays().collect();
    // The expected forms, in order; several may be of the same display.
    let mut at = 0;
    for (mime, expected) in &cell.displays {
        let matches = |data: &&Map<String, Value>| said("", Some(expected), &form(data, mime)).is_empty();
        match displays[at..].iter().position(matches) {
            Some(further) if further <= 1 => at += further,
            _ => wrong.push(format!("there is no display as {mime} with\n{expected}")),
        }
    }
    let seen = if cell.displays.is_empty() { 0 } else { at + 1 };
    if wrong.is_empty() && seen != displays.len() {
        wrong.push(format!("{} displays in place of {seen}", displays.len()));
    }
    wrong
}

/// How the cell ended. `exactly` asks for the engine's words and for the place too.
fn failure(cell: &Expected, found: &Found, exactly: bool) -> Vec<String> {
    let errors: Vec<&CellError> = found.errors().collect();
    let Some(expected) = &cell.error else {
        let outcome = if cell.quits { Outcome::Quit } else { Outcome::Completed };
        let mut wrong: Vec<String> =
            errors.iter().map(|error| format!("an error:\n{}", plain(&error.rendered))).collect();
        if found.outcome != outcome {
            wrong.push(format!("it ended as {:?}, not as {outcome:?}", found.outcome));
        }
        return wrong;
    };
    let mut wrong = Vec::new();
    if found.outcome != Outcome::Failed {
        wrong.push(format!("it should have failed, but it ended as {:?}", found.outcome));
    }
    let [error] = errors[..] else {
        wrong.push(format!("a cell fails with one error, not {}", errors.len()));
        return wrong;
    };
    let mut lines = expected.lines().peekable();
    if let Some(line) = lines.next_if(|line| is_code(line)) {
        let (code, place) = line.split_once(' ').unwrap_or((line, ""));
        let places =
            error.diagnostics.iter().filter(|diagnostic| diagnostic.code.as_deref() == Some(code)).map(place_of);
        let places: Vec<String> = places.collect();
        if places.is_empty() {
            wrong.push(format!("there is no {code}:\n{}", plain(&error.rendered)));
        } else if exactly && !place.is_empty() && !places.iter().any(|found| found == place) {
            wrong.push(format!("{code} is at {}, not at {place}", places.join(", ")));
        }
    }
    if exactly {
        let rest: Vec<&str> = lines.collect();
        wrong.extend(said("error", Some(&rest.join("\n")), &plain(&error.rendered)));
    }
    wrong
}

/// `E0382`, with or without a place behind it.
fn is_code(line: &str) -> bool {
    let code = line.split(' ').next().unwrap_or_default();
    code.len() == 5 && code.starts_with('E') && code[1..].bytes().all(|byte| byte.is_ascii_digit())
}

fn place_of(diagnostic: &Diagnostic) -> String {
    let primary = diagnostic.spans.iter().find(|span| span.primary);
    primary.map_or_else(|| "no place".to_owned(), |span| format!("{}:{}", span.line, span.column))
}

/// Names of the engine's own in what the user reads.
fn generated_names(case: &Case, found: &Found) -> Vec<String> {
    let errors = found.errors().flat_map(|error| [error.message.clone(), plain(&error.rendered)]);
    let texts = errors.chain(found.warnings().map(|warning| plain(&warning.rendered)));
    let texts = texts.chain(found.notices().map(str::to_owned));
    // What `dbg!` and a panic in a thread write.
    let texts = texts.chain([found.text(Stream::Stderr)]);
    let mut wrong = Vec::new();
    for text in texts {
        let words = text.split(|character: char| !(character.is_alphanumeric() || character == '_'));
        for word in words.filter(|word| is_generated(word)) {
            if !case.cells.iter().any(|cell| cell.source.contains(word)) {
                wrong.push(format!("the user reads `{word}`, which nobody wrote:\n{text}"));
            }
        }
    }
    wrong
}

fn is_generated(word: &str) -> bool {
    let prefixes = ["oxikale_", "__", "cell_", "u_", "c_"];
    prefixes.iter().any(|prefix| word.len() > prefix.len() && word.starts_with(prefix))
}

/// Compares a text with lines that occur in it; without any, it must be empty.
fn said(what: &str, expected: Option<&str>, found: &str) -> Vec<String> {
    let Some(expected) = expected else {
        return if found.is_empty() { Vec::new() } else { vec![format!("{what} that is not expected:\n{found}")] };
    };
    if found.is_empty() && !expected.is_empty() {
        return vec![format!("there is no {what}, where this was expected:\n{expected}")];
    }
    let missing = expected.lines().filter(|line| !found.contains(line.trim_end()));
    missing.map(|line| format!("{what}: «{line}» does not occur in\n{found}")).collect()
}

fn text(what: &str, expected: &Text, found: &str) -> Vec<String> {
    match expected {
        Text::Whole(expected) => same(what, expected, found),
        Text::Contains(expected) => said(what, Some(expected), found),
    }
}

fn same(what: &str, expected: &str, found: &str) -> Vec<String> {
    // A block always ends with a line break.
    if expected == found || Some(expected) == found.strip_suffix('\n') {
        return Vec::new();
    }
    vec![format!("{what}\n--- expected\n{expected}\n--- found\n{found}")]
}

fn form(data: &Map<String, Value>, mime: &str) -> String {
    match data.get(mime) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn listed(variables: &[Variable]) -> String {
    let lines: Vec<String> = variables.iter().map(|found| format!("{}: {}", found.name, found.type_name)).collect();
    lines.join("\n")
}

fn transcript(events: &[Event]) -> String {
    let mut parts: Vec<(&str, String)> = Vec::new();
    for event in events {
        match event {
            Event::Text { stream, bytes } => {
                let name = if *stream == Stream::Stdout { "stdout" } else { "stderr" };
                let text = String::from_utf8_lossy(bytes).into_owned();
                match parts.last_mut().filter(|(last, _)| *last == name) {
                    Some((_, before)) => before.push_str(&text),
                    None => parts.push((name, text)),
                }
            }
            Event::Display { data, .. } => parts.push(("display", form(data, "text/plain"))),
            _ => {}
        }
    }
    let lines = parts.iter().flat_map(|(name, text)| text.lines().map(move |line| format!("{name} {line}")));
    lines.collect::<Vec<_>>().join("\n")
}

/// A text without its colours.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
            continue;
        }
        // `ESC [ … letter`
        if characters.next() == Some('[') {
            characters.by_ref().find(|character| character.is_ascii_alphabetic());
        }
    }
    plain
}

impl Found {
    fn results(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.events.iter().filter_map(|event| if let Event::Result { data } = event { Some(data) } else { None })
    }

    fn displays(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.events.iter().filter_map(|event| if let Event::Display { data, .. } = event { Some(data) } else { None })
    }

    fn errors(&self) -> impl Iterator<Item = &CellError> {
        self.events.iter().filter_map(|event| if let Event::Error(error) = event { Some(error) } else { None })
    }

    fn notices(&self) -> impl Iterator<Item = &str> {
        self.events.iter().filter_map(|event| if let Event::Notice(text) = event { Some(text.as_str()) } else { None })
    }

    fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.events.iter().filter_map(|event| if let Event::Warning(found) = event { Some(found) } else { None })
    }

    fn text(&self, stream: Stream) -> String {
        let mut all = Vec::new();
        for event in &self.events {
            if let Event::Text { stream: found, bytes } = event
                && *found == stream
            {
                all.extend_from_slice(bytes);
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:?}", self.outcome)?;
        for event in &self.events {
            match event {
                Event::Error(error) => {
                    writeln!(formatter, "error {:?} {}:\n{}", error.kind, error.name, plain(&error.rendered))?
                }
                Event::Warning(warning) => writeln!(formatter, "warning:\n{}", plain(&warning.rendered))?,
                Event::Text { stream, bytes } => writeln!(formatter, "{stream:?}: {}", String::from_utf8_lossy(bytes))?,
                Event::Timing { .. } | Event::Progress(_) => {}
                other => writeln!(formatter, "{other:?}")?,
            }
        }
        write!(formatter, "variables: {}", listed(&self.variables).replace('\n', ", "))
    }
}
