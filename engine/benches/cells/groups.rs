//! The cells that are measured, in groups that share a session.

use std::fmt::Write as _;
use std::time::Instant;

use super::alone::Figures;
use super::session::{Place, Result, Session, Side};
use super::{checkpoints, machine};

/// Figures that are taken in one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The first cell of a session, and the memory after it.
    First,
    /// The first cell of a session, compiled by an earlier one.
    Compiled,
    /// What a user types all day, and a loop that runs long.
    Cells,
    /// Calls and definitions with few and with many functions.
    Functions,
    /// Crates, and cells that use them.
    Dependencies,
    /// The price of being able to go back.
    Checkpoints,
}

/// Names of figures, as the report looks for them.
pub const FIRST: &str = "first cell";
pub const COMPILED: &str = "compiled cell";
pub const COMPILED_FROM_START: &str = "compiled cell from the start";
pub const MEMORY: &str = "memory";
pub const SMALL: &str = "small cell";
pub const HOT_LOOP: &str = "hot loop";
pub const CALL: &str = "call";
pub const CALL_AMONG_MANY: &str = "call among many";
pub const CALL_AMONG_UNITS: &str = "call among many cells";
pub const DEFINE_AMONG_MANY: &str = "definition among many";
pub const CRATES: &str = "crates";
pub const FIRST_USE: &str = "first use of crates";
pub const SUM: &str = "sum";
pub const DOT: &str = "dot";
pub const FIGURE: &str = "figure";

/// Small cells; the compiler refuses the last but one.
pub const SMALL_CELLS: [(&str, &str); 10] = [
    ("an expression", "1 + 1"),
    ("`let`", "let mut numbers = vec![3, 1, 2];"),
    ("its use", "numbers.push(4);"),
    ("a print", "println!(\"{numbers:?}\");"),
    ("a `fn`", "fn double(x: i64) -> i64 {\n    2 * x\n}"),
    ("its call", "double(21)"),
    ("a struct", "#[derive(Debug, Clone)]\nstruct Point {\n    x: f64,\n    y: f64,\n}"),
    ("a loop", "let mut total = 0u64;\nfor i in 0..1000u64 {\n    total += i * i;\n}\ntotal"),
    (REFUSED, "let wrong: u32 = \"text\";"),
    ("the cell after it", "numbers.len()"),
];
const REFUSED: &str = "a type error";

/// 10⁹ float operations, each of which waits for the one before.
const LOOP: &str = "let mut x = 0.5f64;\nfor _ in 0..500_000_000u32 {\n    x = x * 0.999_999_9 + 0.000_000_1;\n}\nx";

const MANY: usize = 100;
/// How many functions a cell defines; with a cell for each, evcxr would take minutes to get there.
const FUNCTIONS_A_CELL: usize = 10;
const CALLS: usize = 5;

const DEPENDENCIES: &str = ":dep ndarray = \"0.17\"\n\
    :dep plotters = { version = \"0.3\", default-features = false, features = [\"evcxr\", \"line_series\"] }";
const ARRAY: &str = "\
use ndarray::Array2;
use plotters::prelude::*;
let a = Array2::from_shape_fn((200, 200), |(i, j)| (i * 200 + j) as f64);";
const PLOT: &str = "\
evcxr_figure((640, 480), |root| {
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(30)
        .build_cartesian_2d(0f32..1f32, 0f32..1f32)?;
    chart.configure_mesh().draw()?;
    chart.draw_series(LineSeries::new((0..=100).map(|i| i as f32 / 100.0).map(|x| (x, x * x)), &RED))?;
    Ok(())
})";

/// The name of the figure of one of the small cells.
pub fn small(what: &str) -> String {
    format!("{SMALL}: {what}")
}

impl Group {
    /// Those that are measured each for itself; [`Group::Compiled`] comes with [`Group::First`].
    pub const ALL: [Self; 5] = [Self::First, Self::Cells, Self::Functions, Self::Dependencies, Self::Checkpoints];

    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Compiled => "compiled",
            Self::Cells => "cells",
            Self::Functions => "functions",
            Self::Dependencies => "dependencies",
            Self::Checkpoints => "checkpoints",
        }
    }

    pub fn named(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().chain([Self::Compiled]).find(|group| group.name() == name);
        known.ok_or_else(|| format!("there is no group `{name}`").into())
    }

    /// Takes the figures, in this process.
    pub fn take(self, side: Side, place: Place) -> Result<Figures> {
        match self {
            Self::First => first(side, place),
            Self::Compiled => compiled(side, place),
            Self::Cells => cells(side, place),
            Self::Functions => functions(side, place),
            Self::Dependencies => dependencies(side, place),
            Self::Checkpoints => checkpoints::take(place),
        }
    }
}

fn first(side: Side, place: Place) -> Result<Figures> {
    let started = Instant::now();
    let mut session = Session::start(side, place)?;
    session.run("2 + 2")?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(vec![(FIRST.to_owned(), seconds), (MEMORY.to_owned(), machine::memory_of_family()? as f64)])
}

fn compiled(side: Side, place: Place) -> Result<Figures> {
    let started = Instant::now();
    let mut session = Session::start(side, place)?;
    let cell = session.run("2 + 2")?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(vec![(COMPILED.to_owned(), cell), (COMPILED_FROM_START.to_owned(), seconds)])
}

fn cells(side: Side, place: Place) -> Result<Figures> {
    let mut session = warm(side, place)?;
    let mut figures = Vec::new();
    for (what, source) in SMALL_CELLS {
        let seconds = if what == REFUSED { session.refuse(source) } else { session.run(source) }?;
        figures.extend([(SMALL.to_owned(), seconds), (small(what), seconds)]);
    }
    figures.push((HOT_LOOP.to_owned(), session.run(LOOP)?));
    Ok(figures)
}

fn functions(side: Side, place: Place) -> Result<Figures> {
    let mut figures = Vec::new();
    let mut session = warm(side, place)?;
    session.run(&function("alone", 0))?;
    calls(&mut session, "alone", CALL, &mut figures)?;
    for cell in 0..MANY / FUNCTIONS_A_CELL {
        let mut source = String::new();
        for index in cell * FUNCTIONS_A_CELL..(cell + 1) * FUNCTIONS_A_CELL {
            source.push_str(&function(&format!("f{index}"), index));
        }
        session.run(&source)?;
    }
    calls(&mut session, "f50", CALL_AMONG_MANY, &mut figures)?;
    for index in 0..CALLS {
        let seconds = session.run(&function(&format!("more{index}"), index))?;
        figures.push((DEFINE_AMONG_MANY.to_owned(), seconds));
    }
    if side == Side::Direct {
        // The same again with as many cells as functions.
        let mut session = warm(side, place)?;
        for index in 0..MANY {
            session.run(&function(&format!("g{index}"), index))?;
        }
        calls(&mut session, "g50", CALL_AMONG_UNITS, &mut figures)?;
    }
    Ok(figures)
}

/// Calls a function in cells that have not been compiled before.
fn calls(session: &mut Session, name: &str, figure: &str, figures: &mut Figures) -> Result<()> {
    for argument in 0..CALLS {
        figures.push((figure.to_owned(), session.run(&format!("{name}({argument}.0)"))?));
    }
    Ok(())
}

/// A function of ten lines.
fn function(name: &str, index: usize) -> String {
    let mut text = format!("fn {name}(x: f64) -> f64 {{\n    let mut total = x;\n");
    let _ = writeln!(text, "    for step in 0..{} {{", index + 2);
    text.push_str("        if step % 2 == 0 {\n            total += f64::from(step) * 0.5;\n        } else {\n");
    text.push_str("            total -= x;\n        }\n    }\n    total\n}\n");
    text
}

fn dependencies(side: Side, place: Place) -> Result<Figures> {
    let mut session = warm(side, place)?;
    let mut figures = vec![(CRATES.to_owned(), session.run(DEPENDENCIES)?)];
    figures.push((FIRST_USE.to_owned(), session.run(ARRAY)?));
    figures.push((SUM.to_owned(), session.run("a.sum()")?));
    figures.push((DOT.to_owned(), session.run("a.dot(&a.t())")?));
    figures.push((FIGURE.to_owned(), session.run(PLOT)?));
    Ok(figures)
}

/// A session that has run a cell.
fn warm(side: Side, place: Place) -> Result<Session> {
    let mut session = Session::start(side, place)?;
    session.run("let ready = true;")?;
    Ok(session)
}
