//! A grid of terminal cells: text, boxes, and lines that know which of them they join.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthChar;

use super::status::State;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;
const VERTICAL: u8 = UP | DOWN;
const HORIZONTAL: u8 = LEFT | RIGHT;

/// What a cell shows, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// The terminal's own.
    Plain,
    /// A frame or a line.
    Line,
    /// The name of a step.
    Name,
    /// What stands below the name.
    Detail,
    /// Something in a state.
    State(State),
}

#[derive(Debug, Clone)]
enum Glyph {
    Text(String),
    /// The right half of a wide character.
    Behind,
    /// A line towards the sides in `sides`.
    Line {
        sides: u8,
    },
    Arrow,
}

/// Two lines that the grid cannot tell apart.
#[derive(Debug)]
pub(super) struct Clash;

/// Lines that belong together; where they touch, they join.
#[derive(Debug, Clone, Default)]
pub(super) struct Wire {
    /// Column and row → the sides that a line goes to.
    cells: BTreeMap<(usize, usize), u8>,
}

impl Wire {
    /// A line down a column, out of its first row's top and its last row's bottom where asked.
    pub fn vertical(&mut self, x: usize, from: usize, to: usize, above: bool, below: bool) {
        for y in from..=to {
            let up = if y > from || above { UP } else { 0 };
            let down = if y < to || below { DOWN } else { 0 };
            *self.cells.entry((x, y)).or_default() |= up | down;
        }
    }

    /// A line along a row.
    pub fn horizontal(&mut self, y: usize, from: usize, to: usize) {
        for x in from..=to {
            let left = if x > from { LEFT } else { 0 };
            let right = if x < to { RIGHT } else { 0 };
            *self.cells.entry((x, y)).or_default() |= left | right;
        }
    }
}

/// The grid; it grows as it is drawn on.
#[derive(Debug, Clone, Default)]
pub(super) struct Canvas {
    rows: Vec<Vec<Option<(Glyph, Style)>>>,
}

impl Canvas {
    /// Columns of the longest row.
    pub fn width(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.rows.len()
    }

    fn cell(&mut self, x: usize, y: usize) -> &mut Option<(Glyph, Style)> {
        if self.rows.len() <= y {
            self.rows.resize(y + 1, Vec::new());
        }
        let row = &mut self.rows[y];
        if row.len() <= x {
            row.resize(x + 1, None);
        }
        &mut row[x]
    }

    /// Writes a text from a cell on.
    pub fn text(&mut self, mut x: usize, y: usize, text: &str, style: Style) {
        // Characters without a width of their own before the first that has one.
        let mut early = String::new();
        let mut last = None;
        for character in text.chars() {
            match (character.width().unwrap_or(0), last) {
                (0, None) => early.push(character),
                (0, Some(at)) => {
                    if let Some((Glyph::Text(text), _)) = self.cell(at, y) {
                        text.push(character);
                    }
                }
                (columns, _) => {
                    let mut glyph = std::mem::take(&mut early);
                    glyph.push(character);
                    *self.cell(x, y) = Some((Glyph::Text(glyph), style));
                    last = Some(x);
                    for behind in 1..columns {
                        *self.cell(x + behind, y) = Some((Glyph::Behind, style));
                    }
                    x += columns;
                }
            }
        }
    }

    /// A frame around `width` × `height` cells, itself included.
    pub fn frame(&mut self, x: usize, y: usize, width: usize, height: usize, style: Style, unicode: bool) {
        let corners = if unicode { ["┌", "┐", "└", "┘"] } else { ["+"; 4] };
        let (bar, side) = if unicode { ("─", "│") } else { ("-", "|") };
        let (right, bottom) = (x + width - 1, y + height - 1);
        for column in x + 1..right {
            self.text(column, y, bar, style);
            self.text(column, bottom, bar, style);
        }
        for row in y + 1..bottom {
            self.text(x, row, side, style);
            self.text(right, row, side, style);
        }
        for (corner, (column, row)) in corners.into_iter().zip([(x, y), (right, y), (x, bottom), (right, bottom)]) {
            self.text(column, row, corner, style);
        }
    }

    /// The head of a line that goes down.
    pub fn arrow(&mut self, x: usize, y: usize) {
        *self.cell(x, y) = Some((Glyph::Arrow, Style::Line));
    }

    /// Draws a wire. Where it crosses one that is there already, the vertical line passes over, so
    /// that a crossing never looks like a joint.
    pub fn wire(&mut self, wire: &Wire) -> Result<(), Clash> {
        for (&(x, y), &sides) in &wire.cells {
            let cell = self.cell(x, y);
            match cell {
                None => *cell = Some((Glyph::Line { sides }, Style::Line)),
                Some((Glyph::Line { sides: there }, _)) if *there == VERTICAL && sides == HORIZONTAL => {}
                Some((Glyph::Line { sides: there }, _)) if *there == HORIZONTAL && sides == VERTICAL => {
                    *there = VERTICAL;
                }
                Some(_) => return Err(Clash),
            }
        }
        Ok(())
    }

    /// Puts another grid on this one, its top left corner at a cell.
    pub fn put(&mut self, x: usize, y: usize, other: Canvas) {
        for (row, cells) in other.rows.into_iter().enumerate() {
            for (column, cell) in cells.into_iter().enumerate() {
                if cell.is_some() {
                    *self.cell(x + column, y + row) = cell;
                }
            }
        }
    }

    /// The grid as lines of text, without blanks at their ends.
    pub fn lines(&self, unicode: bool, colour: bool) -> Vec<String> {
        self.rows.iter().map(|row| line_of(row, unicode, colour)).collect()
    }
}

fn line_of(row: &[Option<(Glyph, Style)>], unicode: bool, colour: bool) -> String {
    let mut out = String::new();
    let mut blanks = 0;
    let mut current = Style::Plain;
    for cell in row {
        let Some((glyph, style)) = cell else {
            blanks += 1;
            continue;
        };
        if matches!(glyph, Glyph::Text(text) if text == " ") {
            blanks += 1;
            continue;
        }
        // No style shows on a blank, so blanks stay out of the sequences.
        if colour && current != *style && current != Style::Plain {
            out.push_str(RESET);
            current = Style::Plain;
        }
        out.extend(std::iter::repeat_n(' ', std::mem::take(&mut blanks)));
        if colour && current != *style {
            out.push_str(sgr(*style));
            current = *style;
        }
        match glyph {
            Glyph::Text(text) => out.push_str(text),
            Glyph::Behind => {}
            Glyph::Arrow => out.push(if unicode { '▼' } else { 'v' }),
            Glyph::Line { sides } => out.push(line_glyph(*sides, unicode)),
        }
    }
    if current != Style::Plain {
        out.push_str(RESET);
    }
    out
}

const RESET: &str = "\u{1b}[0m";

/// The escape sequence that starts a style.
fn sgr(style: Style) -> &'static str {
    match style {
        Style::Plain => "",
        Style::Line | Style::Detail => "\u{1b}[2m",
        Style::Name => "\u{1b}[1m",
        Style::State(State::Pending) => "\u{1b}[2m",
        Style::State(State::Running) => "\u{1b}[34m",
        Style::State(State::Succeeded) => "\u{1b}[32m",
        Style::State(State::Failed) => "\u{1b}[31m",
        Style::State(State::Skipped) => "\u{1b}[36m",
        Style::State(State::Cancelled) => "\u{1b}[33m",
        Style::State(State::Reused) => "\u{1b}[36m",
    }
}

/// A text in a style, for lines outside a grid.
pub(super) fn styled(text: &str, style: Style, colour: bool) -> String {
    match colour && style != Style::Plain {
        true => format!("{}{text}{RESET}", sgr(style)),
        false => text.to_owned(),
    }
}

fn line_glyph(sides: u8, unicode: bool) -> char {
    let vertical = sides & VERTICAL != 0;
    let horizontal = sides & HORIZONTAL != 0;
    if !unicode {
        return match (vertical, horizontal) {
            (true, true) => '+',
            (true, false) => '|',
            _ => '-',
        };
    }
    match sides {
        s if s == UP | RIGHT => '╰',
        s if s == UP | LEFT => '╯',
        s if s == DOWN | RIGHT => '╭',
        s if s == DOWN | LEFT => '╮',
        s if s == UP | DOWN | RIGHT => '├',
        s if s == UP | DOWN | LEFT => '┤',
        s if s == LEFT | RIGHT | DOWN => '┬',
        s if s == LEFT | RIGHT | UP => '┴',
        s if s == UP | DOWN | LEFT | RIGHT => '┼',
        _ if vertical => '│',
        _ => '─',
    }
}
