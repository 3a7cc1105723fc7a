//! A pipeline as text: boxes and lines from top to bottom, or a list where they do not fit.

use super::block::{Block, FITS, Fit, LEAST_TORN};
use super::canvas::{Canvas, Wire};
use super::channel::{self, Span};
use super::graph::{Graph, components};
use super::layout::Layout;
use super::legend;
use super::list;
use super::placement::{Room, centres};
use super::status::Statuses;
use crate::pipeline::Pipeline;

/// Steps up to which boxes are tried; a list reads better beyond.
const MOST_STEPS: usize = 60;
/// Rows of lines between two layers beyond which nobody can follow them.
const MOST_TRACKS: usize = 14;
/// Columns of a bend: its own, and one on each side that it may move to.
const BEND: f64 = 3.0;
/// How often boxes are widened for the lines that come into them.
const WIDENINGS: usize = 12;

/// How a terminal drawing looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Whether to write ANSI colours.
    pub colour: bool,
    /// Columns of the terminal; fewer than 20 count as 20.
    pub width: usize,
    /// Whether to draw with box-drawing characters; otherwise frames and lines are ASCII (names
    /// stay as they are).
    pub unicode: bool,
}

impl Default for TerminalOptions {
    fn default() -> Self {
        Self { colour: false, width: 100, unicode: true }
    }
}

/// Draws a pipeline for a terminal, and tells its parameters, shared and skipped cells and
/// volumes below. No line is wider than the terminal; every line ends in a newline.
///
/// Lines that join meet in a corner or a tee; lines that only cross do not touch: the vertical one
/// passes over. Steps that all lead to the same steps share one line.
pub fn terminal(pipeline: &Pipeline, options: &TerminalOptions) -> String {
    terminal_with_statuses(pipeline, &Statuses::new(), options)
}

/// The same as [`terminal`], with the states of a run.
pub fn terminal_with_statuses(pipeline: &Pipeline, statuses: &Statuses, options: &TerminalOptions) -> String {
    let options = TerminalOptions { width: options.width.clamp(20, 1000), ..*options };
    let graph = Graph::of(pipeline);
    let mut out = legend::title(pipeline, &options);
    let drawn = if pipeline.steps.len() <= MOST_STEPS { draw(pipeline, &graph, statuses, &options) } else { None };
    match drawn {
        Some(canvas) => {
            for line in canvas.lines(options.unicode, options.colour) {
                out.push_str(&line);
                out.push('\n');
            }
        }
        None => out.push_str(&list::list(pipeline, &graph, statuses, &options)),
    }
    out.push_str(&legend::legend(pipeline, &options));
    match options.unicode {
        true => out,
        false => out.replace('…', "~"),
    }
}

/// Boxes and lines as generous as the width allows; none if the tightest are too wide.
fn draw(pipeline: &Pipeline, graph: &Graph, statuses: &Statuses, options: &TerminalOptions) -> Option<Canvas> {
    let edges = graph.pairs();
    let mut parts = Vec::new();
    for nodes in components(graph.steps, &edges) {
        let mut local = vec![usize::MAX; graph.steps];
        for (index, &node) in nodes.iter().enumerate() {
            local[node] = index;
        }
        let inside: Vec<(usize, usize)> = edges
            .iter()
            .filter(|&&(from, _)| local[from] != usize::MAX)
            .map(|&(from, to)| (local[from], local[to]))
            .collect();
        let layout = Layout::new(nodes.len(), &inside);
        if layout.irregular {
            return None;
        }
        parts.push((nodes, layout));
    }
    FITS.iter().find_map(|&fit| {
        let mut canvases = Vec::with_capacity(parts.len());
        for (nodes, layout) in &parts {
            let canvas = draw_part(pipeline, nodes, layout, statuses, fit, options)?;
            if canvas.width() > options.width {
                return None;
            }
            canvases.push(canvas);
        }
        Some(shelve(canvases, options.width))
    })
}

/// Puts drawings side by side, in as many rows as they need.
fn shelve(parts: Vec<Canvas>, width: usize) -> Canvas {
    const GAP: usize = 3;
    let mut whole = Canvas::default();
    let (mut x, mut y, mut height) = (0, 0, 0);
    for part in parts {
        if x > 0 && x + part.width() > width {
            (x, y, height) = (0, y + height + 1, 0);
        }
        let next = x + part.width() + GAP;
        height = height.max(part.height());
        whole.put(x, y, part);
        x = next;
    }
    whole
}

/// Draws one connected part; none if it cannot be drawn so that every line is clear.
fn draw_part(
    pipeline: &Pipeline,
    nodes: &[usize],
    layout: &Layout,
    statuses: &Statuses,
    fit: Fit,
    options: &TerminalOptions,
) -> Option<Canvas> {
    let mut least = vec![0; nodes.len()];
    for _ in 0..WIDENINGS {
        let blocks: Vec<Block> = nodes
            .iter()
            .zip(&least)
            .enumerate()
            .map(|(index, (&node, &least))| {
                let step = &pipeline.steps[node];
                let is_alone = layout.layers[layout.items[index].layer].len() == 1 && nodes.len() > 1;
                let fit = if is_alone { fit.alone(options.width) } else { fit };
                Block::of(step, statuses.get(&step.task), fit, least, options.unicode)
            })
            .collect();
        if fit.name < LEAST_TORN && blocks.iter().any(|block| block.is_torn) {
            return None;
        }
        let mut spans = spans(layout, &blocks, fit);
        let mut channels = Vec::with_capacity(layout.layers.len());
        let mut narrow = None;
        for layer in 0..layout.layers.len() {
            match channel::route(layout, layer, &mut spans) {
                Ok(nets) => channels.push(nets),
                Err(problem) => {
                    narrow = Some(problem.item);
                    break;
                }
            }
        }
        match narrow.and_then(|item| layout.items[item].node) {
            Some(node) => least[node] = blocks[node].width + 4,
            None if narrow.is_some() => return None,
            None => return paint(layout, &blocks, &spans, &channels, options.unicode),
        }
    }
    None
}

/// Where each item stands, in whole columns.
fn spans(layout: &Layout, blocks: &[Block], fit: Fit) -> Vec<Span> {
    let widths: Vec<f64> = blocks.iter().map(|block| block.width as f64).collect();
    let room = Room { widths: &widths, bend: BEND, gap: fit.gap as f64, bend_gap: fit.gap.min(2) as f64 };
    let centres = centres(layout, &room);
    let mut spans: Vec<Span> = layout
        .items
        .iter()
        .zip(&centres)
        .map(|(item, centre)| {
            let width = room.width(item) as i64;
            // A box of width 3 from column 0 on has its centre at 1.5 and its middle column at 1.
            let pin = (centre - 0.499).round() as i64;
            Span { left: pin - width / 2, right: pin + width / 2, pin }
        })
        .collect();
    for layer in &layout.layers {
        let mut free = 0;
        for &item in layer {
            // Rounding may have taken the gap away.
            let push = (free - spans[item].left).max(0);
            let span = &mut spans[item];
            (span.left, span.right, span.pin) = (span.left + push, span.right + push, span.pin + push);
            free = span.right + 1 + 1;
        }
    }
    spans
}

/// Paints boxes and lines.
fn paint(
    layout: &Layout,
    blocks: &[Block],
    spans: &[Span],
    channels: &[Vec<channel::Net>],
    unicode: bool,
) -> Option<Canvas> {
    let column = |x: i64| usize::try_from(x).ok();
    let mut canvas = Canvas::default();
    let mut y = 0;
    for (layer, nets) in layout.layers.iter().zip(channels) {
        let boxes = || layer.iter().filter_map(|&item| Some((item, layout.items[item].node?)));
        let height = boxes().map(|(_, node)| blocks[node].height()).max().unwrap_or(1);
        for (item, node) in boxes() {
            blocks[node].draw(&mut canvas, column(spans[item].left)?, y, height, unicode);
            if !layout.items[item].down.is_empty() {
                canvas.text(
                    column(spans[item].pin)?,
                    y + height - 1,
                    if unicode { "┬" } else { "+" },
                    blocks[node].frame(),
                );
            }
        }
        for &item in layer.iter().filter(|&&item| layout.items[item].node.is_none()) {
            let mut wire = Wire::default();
            wire.vertical(column(spans[item].pin)?, y, y + height - 1, true, true);
            canvas.wire(&wire).ok()?;
        }
        y += height;
        if nets.is_empty() {
            continue;
        }
        let tracks = nets.iter().filter_map(|net| net.track).map(|track| track + 1).max().unwrap_or(1);
        if tracks > MOST_TRACKS {
            return None;
        }
        let arrows = y + tracks;
        for net in nets {
            let mut wire = Wire::default();
            let turn = y + net.track.unwrap_or(0);
            if net.track.is_some() {
                let (low, high) = net.extent();
                wire.horizontal(turn, column(low)?, column(high)?);
            }
            for &top in &net.tops {
                wire.vertical(column(top)?, y, turn, true, false);
            }
            for &(bottom, item) in &net.bottoms {
                let x = column(bottom)?;
                wire.vertical(x, turn, arrows - 1, false, true);
                match layout.items[item].node {
                    Some(_) => canvas.arrow(x, arrows),
                    None => wire.vertical(x, arrows, arrows, true, true),
                }
            }
            canvas.wire(&wire).ok()?;
        }
        y = arrows + 1;
    }
    Some(canvas)
}
