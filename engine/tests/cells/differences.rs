//! Keeps the part of `docs/engine.md` that says case by case where the two engines differ.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use libtest_mimic::Failed;

use crate::notebook::{Chapter, Expected, Text};

const BEGIN: &str = "<!-- differences: written by `UPDATE=1 cargo test -p oxikale-engine --test cells docs` -->\n";
const END: &str = "<!-- end of the differences -->\n";

/// Fails if the document does not say what the notebooks say; with `UPDATE=1` in the environment it is written.
pub fn check(chapters: &[Chapter], document: &Path) -> Result<(), Failed> {
    let text = fs::read_to_string(document).unwrap_or_default();
    let written = format!("{BEGIN}{}{END}", differences(chapters)?);
    let updated = match (text.find(BEGIN), text.find(END)) {
        (Some(begin), Some(end)) if begin < end => format!("{}{written}{}", &text[..begin], &text[end + END.len()..]),
        _ => format!("{text}{}## The two engines, case by case\n\n{written}", if text.is_empty() { "" } else { "\n" }),
    };
    if updated == text {
        return Ok(());
    }
    if env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(document, updated)?;
        return Ok(());
    }
    Err(format!(
        "{} does not say what the notebooks say of the two engines; run this test with UPDATE=1 in the environment",
        document.display()
    )
    .into())
}

fn differences(chapters: &[Chapter]) -> Result<String, Failed> {
    let cases = || chapters.iter().flat_map(|chapter| &chapter.cases);
    let cells = || cases().flat_map(|case| &case.cells);
    let mut text = format!(
        "{} notebooks with {} cells in `engine/tests/cells` are run in both engines; {} of the notebooks are for the direct \
         engine alone. In evcxr every cell that ends in a statement with a value of `()` may show `()`, errors have evcxr's own \
         words, panics are written to the standard error too, and only the next cell says which variables were dropped. Where it shows \
         something else besides, this is what it shows:\n",
        cases().count(),
        cells().count(),
        cases().filter(|case| !case.evcxr).count(),
    );
    for chapter in chapters {
        let mut headed = false;
        for case in &chapter.cases {
            let differing: Vec<(usize, &Expected, &String)> = (1..)
                .zip(&case.cells)
                .filter_map(|(number, cell)| cell.evcxr.as_ref().map(|said| (number, cell, said)))
                .collect();
            if case.evcxr && differing.is_empty() {
                continue;
            }
            if !headed {
                write!(text, "\n### {}\n", chapter.name)?;
                headed = true;
            }
            writeln!(text, "\n#### {}", case.title)?;
            if !case.evcxr {
                writeln!(text, "\nIn the direct engine alone.")?;
            }
            for (number, cell, said) in differing {
                let fence = if cell.source.contains("```") { "````" } else { "```" };
                write!(text, "\nCell {number}:\n{fence}rust\n{}\n{fence}\n", cell.source)?;
                write!(text, "* direct: {}\n* evcxr: {}\n", summary(cell), said.replace('\n', "\n  "))?;
            }
        }
    }
    text.push('\n');
    Ok(text)
}

/// What the direct engine shows, in a line.
fn summary(cell: &Expected) -> String {
    let quoted = |text: &str| text.lines().map(quoted).collect::<Vec<_>>().join(", ");
    let whole = |text: &Text| match text {
        Text::Whole(text) | Text::Contains(text) => quoted(text),
    };
    let mut parts = Vec::new();
    let texts = [("prints", &cell.stdout), ("prints to stderr", &cell.stderr), ("the result is", &cell.result)];
    for (what, text) in texts {
        parts.extend(text.as_ref().map(|text| format!("{what} {}", whole(text))));
    }
    parts.extend(cell.answer.as_ref().map(|text| format!("answers {}", quoted(text))));
    parts.extend(cell.transcript.as_ref().map(|text| format!("shows {}", quoted(text))));
    parts.extend(cell.forms.iter().map(|(mime, _)| format!("the result as {mime}")));
    parts.extend(cell.displays.iter().map(|(mime, _)| format!("a display as {mime}")));
    parts.extend(cell.error.as_ref().map(|text| format!("fails: {}", quoted(text))));
    parts.extend(cell.notice.as_ref().map(|text| format!("says {}", quoted(text))));
    match cell.variables.as_deref() {
        Some("") => parts.push("no variables".to_owned()),
        Some(variables) => parts.push(format!("variables {}", quoted(variables))),
        None => {}
    }
    if parts.is_empty() { "runs".to_owned() } else { parts.join("; ") }
}

/// A line as code; one that holds backquotes itself stands between two of them.
fn quoted(line: &str) -> String {
    if line.contains('`') { format!("`` {line} ``") } else { format!("`{line}`") }
}
