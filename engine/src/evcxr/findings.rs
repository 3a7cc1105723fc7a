//! Reads what evcxr found wrong with a cell.

use evcxr::CompilationError;

use super::wire::{Finding, Place};

/// An error or a warning of evcxr's, with its places in the cell.
pub(super) fn finding(error: &CompilationError) -> Finding {
    let mut places = Vec::new();
    let mut notes = Vec::new();
    for message in error.spanned_messages() {
        let Some(span) = &message.span else { continue };
        // Where rustc has no word about a place, evcxr repeats the message itself.
        let label =
            if message.label == format!("error: {}", error.message()) { String::new() } else { message.label.clone() };
        places.push(Place {
            start: (span.start_line, span.start_column),
            end: (span.end_line, span.end_column),
            label,
            primary: message.is_primary,
        });
    }
    if !places.is_empty() && places.iter().all(|place| !place.primary) {
        places[0].primary = true;
    }
    for child in error.json["children"].as_array().into_iter().flatten() {
        if child["level"] == "note"
            && let Some(note) = child["message"].as_str().filter(|note| is_about_the_cell(note))
        {
            notes.push(format!("note: {note}"));
        }
    }
    notes.extend(error.help().iter().filter(|help| is_about_the_cell(help)).map(|help| {
        let words: Vec<&str> = help.split_whitespace().collect();
        format!("help: {}", words.join(" "))
    }));
    notes.extend(error.evcxr_extra_hint().map(|hint| format!("note: {hint}")));
    Finding {
        warning: error.level() == "warning",
        code: error.code().map(str::to_owned),
        message: error.message(),
        places,
        notes,
    }
}

/// Whether advice is not about the source that evcxr generates, or about flags that nobody sees here.
fn is_about_the_cell(advice: &str) -> bool {
    !["evcxr_", "Evcxr", "RUST_BACKTRACE", "#[warn("].iter().any(|foreign| advice.contains(foreign))
        && !advice.starts_with("see issue #")
}
