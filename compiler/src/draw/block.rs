//! The box of a step in a terminal: its lines, and how wide it is.

use super::canvas::{Canvas, Style};
use super::label;
use super::status::{StepStatus, number};
use crate::pipeline::Step;

/// How tight boxes are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    /// Columns of a line of the name at most.
    pub name: usize,
    /// Columns of the lines below at most.
    pub detail: usize,
    /// Blank columns on each side of the text.
    pub padding: usize,
    /// Columns between two boxes.
    pub gap: usize,
}

impl Fit {
    /// For a box that has a layer of `width` columns for itself: its details need not give way.
    pub fn alone(self, width: usize) -> Self {
        Self { detail: self.detail.max(FITS[0].detail.min(width.saturating_sub(8))), ..self }
    }
}

/// From generous to as tight as can be read. Details give way before a name is broken.
pub(super) const FITS: [Fit; 14] = [
    Fit { name: 35, detail: 31, padding: 1, gap: 3 },
    Fit { name: 27, detail: 25, padding: 1, gap: 3 },
    Fit { name: 23, detail: 21, padding: 1, gap: 2 },
    Fit { name: 23, detail: 17, padding: 1, gap: 2 },
    Fit { name: 21, detail: 13, padding: 1, gap: 2 },
    Fit { name: 19, detail: 13, padding: 1, gap: 1 },
    Fit { name: 19, detail: 9, padding: 0, gap: 1 },
    Fit { name: 17, detail: 13, padding: 1, gap: 1 },
    Fit { name: 15, detail: 13, padding: 1, gap: 1 },
    Fit { name: 13, detail: 13, padding: 1, gap: 1 },
    Fit { name: 13, detail: 13, padding: 0, gap: 1 },
    Fit { name: 11, detail: 11, padding: 0, gap: 1 },
    Fit { name: 9, detail: 9, padding: 0, gap: 1 },
    Fit { name: 7, detail: 7, padding: 0, gap: 1 },
];

/// Columns below which a name that must be broken inside a word makes the drawing worse than a list.
pub(super) const LEAST_TORN: usize = 15;

/// Lines that the cells of a step may take; more cells are counted.
const CELL_LINES: usize = 3;

/// A box, before it has a place.
#[derive(Debug)]
pub(super) struct Block {
    lines: Vec<(String, Style)>,
    icon: Option<char>,
    frame: Style,
    padding: usize,
    /// Columns, with the frame; odd, so that it has a middle.
    pub width: usize,
    /// Whether the name had to be broken inside a word.
    pub is_torn: bool,
}

impl Block {
    /// The box of a step, at least `least` columns wide.
    pub fn of(step: &Step, status: Option<&StepStatus>, fit: Fit, least: usize, unicode: bool) -> Self {
        let state = status.map(|status| Style::State(status.state));
        let name = label::plain(&step.name, label::NAME_COLUMNS);
        let mut lines: Vec<(String, Style)> =
            label::wrap(&name, fit.name, 5).into_iter().map(|line| (line, state.unwrap_or(Style::Name))).collect();
        let named = lines.iter().map(|(line, _)| label::columns_of(line)).max().unwrap_or(0);
        let room = fit.detail.max(named);
        lines.extend(details(step, status, room, unicode).into_iter().map(|line| (line, Style::Detail)));
        let text = lines.iter().map(|(line, _)| label::columns_of(line)).max().unwrap_or(0).max(3);
        let width = (text + 2 * fit.padding + 2).max(least) | 1;
        let names = lines.iter().take_while(|(_, style)| *style != Style::Detail).map(|(line, _)| line.as_str());
        let is_torn = label::is_torn(&names.collect::<Vec<_>>());
        let icon = status.map(|status| status.state.icon(unicode));
        Self { lines, icon, frame: state.unwrap_or(Style::Line), padding: fit.padding, width, is_torn }
    }

    /// Rows, with the frame.
    pub fn height(&self) -> usize {
        self.lines.len() + 2
    }

    /// The style of its frame.
    pub fn frame(&self) -> Style {
        self.frame
    }

    /// Draws it in the rows `y..y + height`.
    pub fn draw(&self, canvas: &mut Canvas, x: usize, y: usize, height: usize, unicode: bool) {
        canvas.frame(x, y, self.width, height, self.frame, unicode);
        if let Some(icon) = self.icon {
            canvas.text(x + 1, y, &format!(" {icon} "), self.frame);
        }
        let room = self.width - 2 - 2 * self.padding;
        for (row, (line, style)) in self.lines.iter().enumerate() {
            let indent = (room - label::columns_of(line).min(room)) / 2;
            canvas.text(x + 1 + self.padding + indent, y + 1 + row, line, *style);
        }
    }
}

/// The lines below the name, each at most `room` columns.
fn details(step: &Step, status: Option<&StepStatus>, room: usize, unicode: bool) -> Vec<String> {
    let names = |list: &[&String]| -> Vec<String> { list.iter().map(|name| label::plain(name, 40)).collect() };
    let mut lines = Vec::new();
    let cells = label::wrap(&label::cells(&step.cells, unicode), room, CELL_LINES + 1);
    match cells.len() <= CELL_LINES {
        true => lines.extend(cells.into_iter().map(|line| line.trim_end().to_owned())),
        false => lines.push(label::shorten(&format!("{} cells", step.cells.len()), room, false)),
    }
    let mut inputs: Vec<&String> = Vec::new();
    for input in &step.inputs {
        if !inputs.contains(&&input.variable) {
            inputs.push(&input.variable);
        }
    }
    let outputs: Vec<&String> = step.outputs.iter().map(|output| &output.variable).collect();
    lines.extend(label::fit("in", &names(&inputs), room));
    lines.extend(label::fit("out", &names(&outputs), room));
    let Some(status) = status else { return lines };
    lines.extend(status.time().filter(|time| label::columns_of(time) <= room));
    for (name, value) in status.metrics.iter().take(3) {
        let value = number(*value);
        let name = label::shorten(&label::plain(name, 40), room.saturating_sub(value.len() + 1), false);
        lines.extend(Some(format!("{name} {value}")).filter(|line| label::columns_of(line) <= room));
    }
    lines
}
