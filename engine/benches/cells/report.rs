//! The table of a run: medians of both engines, their ratios, and what they are to be.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::alone::Figures;
use super::checkpoints::SIZES;
use super::groups::{
    CALL, CALL_AMONG_MANY, CALL_AMONG_UNITS, COMPILED, COMPILED_FROM_START, CRATES, DEFINE_AMONG_MANY, DOT, FIGURE,
    FIRST, FIRST_USE, HOT_LOOP, MEMORY, SMALL, SMALL_CELLS, SUM, small,
};
use super::session::Side;

/// All figures of a run, by name and engine.
#[derive(Debug, Default)]
pub struct Found(BTreeMap<(String, Side), Vec<f64>>);

impl Found {
    pub fn add(&mut self, side: Side, figures: Figures) {
        for (name, value) in figures {
            self.0.entry((name, side)).or_default().push(value);
        }
    }

    fn median(&self, name: &str, side: Side) -> Option<f64> {
        let mut values = self.0.get(&(name.to_owned(), side))?.clone();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        if values.len() % 2 == 1 {
            Some(values[middle])
        } else {
            Some((values.get(middle)? + values[middle - 1]) / 2.0)
        }
    }
}

/// What a figure may be at most.
#[derive(Clone, Copy)]
enum Most {
    /// So many times evcxr's.
    Ratio(f64),
    /// This.
    Value(f64),
    Nothing,
}

#[derive(Clone, Copy)]
enum Unit {
    Seconds,
    Bytes,
    Times,
}

/// What is written above, over and under the figures.
pub fn text(found: &Found, machine: &[String]) -> String {
    let mut text = "# The engines beside each other\n\n".to_owned();
    for line in machine {
        let _ = writeln!(text, "- {line}");
    }
    text.push_str("- medians; from the submission of a cell to its end, unless it says otherwise\n\n");
    head(&mut text, &["what", "evcxr", "direct", "direct ÷ evcxr", "at most", "kept"]);
    main_rows(&mut text, found);
    if found.median(SMALL, Side::Direct).is_some() || found.median(SMALL, Side::Evcxr).is_some() {
        small_rows(&mut text, found);
    }
    text.push_str("\nShortest and longest behind the medians:\n\n");
    head(&mut text, &["what", "engine", "shortest", "longest", "taken"]);
    for ((name, side), values) in &found.0 {
        let unit = if name == MEMORY { Unit::Bytes } else { Unit::Seconds };
        let shortest = shown(values.iter().copied().reduce(f64::min), unit);
        let longest = shown(values.iter().copied().reduce(f64::max), unit);
        let _ = writeln!(text, "| {name} | {} | {shortest} | {longest} | {} |", side.name(), values.len());
    }
    text
}

fn main_rows(text: &mut String, found: &Found) {
    let mut row = |what: &str, name: &str, unit: Unit, most: Most| {
        let (evcxr, direct) = (found.median(name, Side::Evcxr), found.median(name, Side::Direct));
        line(text, what, evcxr, direct, unit, most);
    };
    let seconds = Unit::Seconds;
    row("a small cell (ten kinds, below)", SMALL, seconds, Most::Ratio(0.25));
    row("first cell, from the start of the engine", FIRST, seconds, Most::Ratio(0.05));
    row("ndarray: sum", SUM, seconds, Most::Ratio(0.4));
    row("ndarray: dot product", DOT, seconds, Most::Ratio(0.5));
    row("plotters figure", FIGURE, seconds, Most::Ratio(0.35));
    row("a call, one `fn` defined", CALL, seconds, Most::Nothing);
    row("a call, 100 `fn`s of 10 lines defined in 10 cells", CALL_AMONG_MANY, seconds, Most::Nothing);
    row("a `fn` defined when 100 are", DEFINE_AMONG_MANY, seconds, Most::Ratio(0.3));
    row("a compiled cell in a new process", COMPILED, seconds, Most::Value(0.010));
    row("the same, from the start of the engine", COMPILED_FROM_START, seconds, Most::Nothing);
    row("`:dep` ndarray and plotters, built before, in a new process", CRATES, seconds, Most::Value(0.3));
    row("the cell after it: `use`, and the first array", FIRST_USE, seconds, Most::Nothing);
    for ((name, _), most) in SIZES.into_iter().zip([0.002, 0.030]) {
        row(&format!("{name} of variables"), name, seconds, Most::Value(most));
    }
    row("10⁹ float operations in a loop, compilation included", HOT_LOOP, seconds, Most::Ratio(1.0));
    row("memory of all processes after a cell", MEMORY, Unit::Bytes, Most::Value(40e6));
    for (what, many) in [
        ("a call with 100 `fn`s ÷ one", CALL_AMONG_MANY),
        ("the same, each `fn` in a cell of its own", CALL_AMONG_UNITS),
    ] {
        let times = |side| ratio(found.median(many, side), found.median(CALL, side));
        line(text, what, times(Side::Evcxr), times(Side::Direct), Unit::Times, Most::Value(1.15));
    }
}

fn small_rows(text: &mut String, found: &Found) {
    text.push_str("\nThe small cells, one by one:\n\n");
    head(text, &["what", "evcxr", "direct", "direct ÷ evcxr"]);
    for (what, _) in SMALL_CELLS {
        let of = |side| found.median(&small(what), side);
        let (evcxr, direct) = (of(Side::Evcxr), of(Side::Direct));
        let ratio = shown(ratio(direct, evcxr), Unit::Times);
        let _ =
            writeln!(text, "| {what} | {} | {} | {ratio} |", shown(evcxr, Unit::Seconds), shown(direct, Unit::Seconds));
    }
}

fn line(text: &mut String, what: &str, evcxr: Option<f64>, direct: Option<f64>, unit: Unit, most: Most) {
    // A run of some groups has some rows.
    if evcxr.is_none() && direct.is_none() {
        return;
    }
    let ratio = ratio(direct, evcxr);
    let (limit, is_kept) = match most {
        Most::Ratio(most) => (format!("{most} × evcxr"), ratio.map(|ratio| ratio <= most)),
        Most::Value(most) => (shown(Some(most), unit), direct.map(|direct| direct <= most)),
        Most::Nothing => ("–".to_owned(), None),
    };
    let kept = is_kept.map_or("–", |kept| if kept { "yes" } else { "**no**" });
    let (evcxr, direct, ratio) = (shown(evcxr, unit), shown(direct, unit), shown(ratio, Unit::Times));
    let _ = writeln!(text, "| {what} | {evcxr} | {direct} | {ratio} | {limit} | {kept} |");
}

fn ratio(direct: Option<f64>, evcxr: Option<f64>) -> Option<f64> {
    direct.zip(evcxr).map(|(direct, evcxr)| direct / evcxr)
}

fn shown(value: Option<f64>, unit: Unit) -> String {
    match (value, unit) {
        (None, _) => "–".to_owned(),
        (Some(value), Unit::Seconds) if value < 1.0 => format!("{:.1} ms", value * 1e3),
        (Some(value), Unit::Seconds) => format!("{value:.2} s"),
        (Some(value), Unit::Bytes) => format!("{:.1} MB", value / 1e6),
        (Some(value), Unit::Times) => format!("{value:.2} ×"),
    }
}

fn head(text: &mut String, names: &[&str]) {
    let _ = writeln!(text, "| {} |\n|{}", names.join(" | "), " --- |".repeat(names.len()));
}
