//! A pipeline as one SVG image that needs nothing else: no script, no font, no other file.

use std::fmt::Write as _;

use super::graph::{Edge, Graph, components};
use super::label;
use super::layout::Layout;
use super::placement::{Room, centres};
use super::status::{Statuses, StepStatus, number as metric};
use super::svg_edges::{Curve, Places, curves, number};
use super::svg_style::{Theme, sign, style};
use crate::pipeline::{Pipeline, Step};

const MARGIN: f64 = 20.0;
/// Between two layers.
const LAYER_GAP: f64 = 84.0;
/// Between two unconnected parts.
const PART_GAP: f64 = 36.0;
/// Width beyond which unconnected parts go into another row.
const PAGE_WIDTH: f64 = 1100.0;
/// Width of a column of a name.
const NAME_COLUMN: f64 = 8.0;
/// Width of a column of a detail: what a wide letter of a proportional font needs.
const DETAIL_COLUMN: f64 = 6.4;
const NAME_LINE: f64 = 17.0;
const DETAIL_LINE: f64 = 15.0;
/// Steps that the description for screen readers names one by one.
const MOST_DESCRIBED: usize = 200;

/// How an SVG drawing looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SvgOptions {
    /// Its colours.
    pub theme: Theme,
    /// Whether edges tell the variables they carry; hovering tells them anyway.
    pub labels: bool,
    /// Whether to paint the page behind the graph.
    pub background: bool,
    /// What element ids start with, so that two drawings fit into one page. Characters other than
    /// ASCII letters, digits, `-` and `_` are left out.
    pub id: String,
}

impl Default for SvgOptions {
    fn default() -> Self {
        Self { theme: Theme::Auto, labels: true, background: true, id: "oxikale".to_owned() }
    }
}

/// A step's box, before it has a place.
struct Card {
    names: Vec<String>,
    details: Vec<String>,
    width: f64,
    height: f64,
}

/// Draws a pipeline as an SVG document. Its step elements are `<g class="ox-node" data-task="…"
/// data-step="<index>">`, with the class `ox-<state>` where the step has a state; hovering a step
/// or an edge tells all about it. Sizes are in CSS pixels.
pub fn svg(pipeline: &Pipeline, statuses: &Statuses, options: &SvgOptions) -> String {
    let graph = Graph::of(pipeline);
    let cards: Vec<Card> = pipeline.steps.iter().map(|step| card(step, statuses.get(&step.task))).collect();
    let mut body = String::new();
    let (width, height) = draw(pipeline, &graph, &cards, statuses, options, &mut body);
    let mut id: String =
        options.id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(64).collect();
    if !id.starts_with(|c: char| c.is_ascii_alphabetic()) {
        id.insert_str(0, "ox");
    }
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
         class=\"ox-graph\" aria-labelledby=\"{id}-title {id}-desc\">",
        w = number(width),
        h = number(height),
    );
    let _ = writeln!(out, "<title id=\"{id}-title\">Pipeline {}</title>", show(&pipeline.name, label::NAME_COLUMNS));
    let _ = writeln!(out, "<desc id=\"{id}-desc\">{}</desc>", description(pipeline, &graph, statuses));
    let _ = writeln!(out, "<style>{}</style>", style(options.theme));
    if options.background {
        out.push_str("<rect class=\"ox-page\" width=\"100%\" height=\"100%\"/>\n");
    }
    out.push_str(&body);
    out.push_str("</svg>\n");
    out
}

/// Draws every connected part, side by side and in rows; returns the size of the whole.
fn draw(
    pipeline: &Pipeline,
    graph: &Graph,
    cards: &[Card],
    statuses: &Statuses,
    options: &SvgOptions,
    body: &mut String,
) -> (f64, f64) {
    let parts = components(graph.steps, &graph.pairs());
    let mut place = vec![(0, 0); graph.steps];
    for (part, nodes) in parts.iter().enumerate() {
        for (index, &node) in nodes.iter().enumerate() {
            place[node] = (part, index);
        }
    }
    let mut edges: Vec<Vec<&Edge>> = parts.iter().map(|_| Vec::new()).collect();
    for edge in &graph.edges {
        edges[place[edge.from].0].push(edge);
    }
    let (mut x, mut y, mut row_height) = (MARGIN, MARGIN, 0.0_f64);
    let mut widest = 2.0 * MARGIN;
    for (nodes, edges) in parts.iter().zip(&edges) {
        let pairs: Vec<(usize, usize)> = edges.iter().map(|edge| (place[edge.from].1, place[edge.to].1)).collect();
        let layout = Layout::new(nodes.len(), &pairs);
        let widths: Vec<f64> = nodes.iter().map(|&node| cards[node].width).collect();
        let heights: Vec<f64> = nodes.iter().map(|&node| cards[node].height).collect();
        let room = Room { widths: &widths, bend: 8.0, gap: 26.0, bend_gap: 16.0 };
        let mut across = centres(&layout, &room);
        let width =
            layout.items.iter().zip(&across).map(|(item, centre)| centre + room.width(item) / 2.0).fold(0.0, f64::max);
        if x > MARGIN && x + width + MARGIN > PAGE_WIDTH {
            (x, y, row_height) = (MARGIN, y + row_height + PART_GAP, 0.0);
        }
        across.iter_mut().for_each(|centre| *centre += x);
        let layers = rows(&layout, &heights, y);
        let places = Places { x: &across, layers: &layers, widths: &widths, heights: &heights };
        let curves = curves(&layout, edges, &places, options.labels);
        write_edges(pipeline, edges, &curves, body);
        for (index, &node) in nodes.iter().enumerate() {
            let top = layers[layout.items[index].layer].0;
            let step = &pipeline.steps[node];
            write_node(step, node, &cards[node], statuses.get(&step.task), (across[index], top), body);
        }
        // A label may stand out to the right of the boxes.
        let labelled = curves.iter().filter_map(|curve| curve.label.as_ref()).map(|label| label.x + label.width / 2.0);
        let right = labelled.fold(x + width, f64::max);
        let bottom = layers.last().map_or(y, |&(_, bottom)| bottom);
        widest = widest.max(right + MARGIN);
        row_height = row_height.max(bottom - y);
        x = right + PART_GAP;
    }
    (widest, y + row_height + MARGIN)
}

/// The top and the bottom of each layer.
fn rows(layout: &Layout, heights: &[f64], top: f64) -> Vec<(f64, f64)> {
    let mut y = top;
    layout
        .layers
        .iter()
        .map(|layer| {
            let tallest =
                layer.iter().filter_map(|&item| layout.items[item].node).map(|node| heights[node]).fold(0.0, f64::max);
            let row = (y, y + tallest);
            y += tallest + LAYER_GAP;
            row
        })
        .collect()
}

fn card(step: &Step, status: Option<&StepStatus>) -> Card {
    let names = label::wrap(&label::plain(&step.name, label::NAME_COLUMNS), 26, 3);
    let mut details = vec![label::shorten(&label::cells(&step.cells, true), 32, false)];
    if let Some(status) = status {
        let mut facts: Vec<String> = vec![status.time().unwrap_or_else(|| status.state.name().to_owned())];
        facts.extend(
            status.metrics.iter().take(2).map(|(name, value)| format!("{} {}", label::plain(name, 20), metric(*value))),
        );
        details.push(label::shorten(&facts.join(" · "), 44, false));
    }
    let columns = |lines: &[String]| lines.iter().map(|line| label::columns_of(line)).max().unwrap_or(0) as f64;
    // The icon stands beside the text on the left; the same room on the right keeps the text centred.
    let padding = if status.is_some() { 66.0 } else { 32.0 };
    let text = (columns(&names) * NAME_COLUMN).max(columns(&details) * DETAIL_COLUMN);
    let width = (text + padding).max(92.0).round();
    let height = 20.0 + names.len() as f64 * NAME_LINE + details.len() as f64 * DETAIL_LINE;
    Card { names, details, width, height }
}

fn write_edges(pipeline: &Pipeline, edges: &[&Edge], curves: &[Curve], body: &mut String) {
    for (edge, curve) in edges.iter().zip(curves) {
        let name = |step: usize| pipeline.steps.get(step).map_or(String::new(), |step| show(&step.name, 80));
        let carries = match edge.variables.is_empty() {
            true => "order only".to_owned(),
            false => show_list(edge.variables.iter().copied()),
        };
        let order = if edge.variables.is_empty() { " ox-order" } else { "" };
        let _ = writeln!(
            body,
            "<g><title>{} → {}: {carries}</title><path class=\"ox-edge{order}\" d=\"{}\"/><path class=\"ox-head\" d=\"{}\"/></g>",
            name(edge.from),
            name(edge.to),
            curve.line,
            curve.head,
        );
    }
    for label in curves.iter().filter_map(|curve| curve.label.as_ref()) {
        let _ = writeln!(
            body,
            "<rect class=\"ox-pill\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\"/>\
             <text class=\"ox-label\" x=\"{}\" y=\"{}\">{}</text>",
            number(label.x - label.width / 2.0),
            number(label.y - label.height / 2.0),
            number(label.width),
            number(label.height),
            number(label.x),
            number(label.y + 3.8),
            escape(&label.text),
        );
    }
}

fn write_node(
    step: &Step,
    index: usize,
    card: &Card,
    status: Option<&StepStatus>,
    (centre, top): (f64, f64),
    body: &mut String,
) {
    let state = status.map(|status| format!(" ox-{}", status.state.name())).unwrap_or_default();
    let task = show(&step.task, 200);
    let left = centre - card.width / 2.0;
    let _ = writeln!(body, "<g class=\"ox-node{state}\" data-task=\"{task}\" data-step=\"{index}\">");
    let _ = writeln!(body, "<title>{}</title>", hover(step, status));
    let _ = writeln!(
        body,
        "<rect class=\"ox-box\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"9\"/>",
        number(left),
        number(top),
        number(card.width),
        number(card.height),
    );
    if let Some(status) = status {
        let _ = writeln!(
            body,
            "<g transform=\"translate({} {})\"><circle class=\"ox-dot\" r=\"8.5\"/><path class=\"ox-sign\" d=\"{}\"/></g>",
            number(left + 19.0),
            number(top + card.height / 2.0),
            sign(status.state),
        );
    }
    let mut line = top + 10.0;
    for name in &card.names {
        let y = number(line + 13.0);
        let _ = writeln!(body, "<text class=\"ox-name\" x=\"{}\" y=\"{y}\">{}</text>", number(centre), escape(name));
        line += NAME_LINE;
    }
    for detail in &card.details {
        let y = number(line + 11.5);
        let _ =
            writeln!(body, "<text class=\"ox-detail\" x=\"{}\" y=\"{y}\">{}</text>", number(centre), escape(detail));
        line += DETAIL_LINE;
    }
    body.push_str("</g>\n");
}

/// All about a step, one line each.
fn hover(step: &Step, status: Option<&StepStatus>) -> String {
    let mut lines = vec![show(&step.name, 200), escape(&label::shorten(&label::cells(&step.cells, true), 200, false))];
    if let Some(status) = status {
        let time = status.time().map(|time| format!(", {time}")).unwrap_or_default();
        lines.push(format!("{}{time}", status.state.name()));
        lines.extend(
            status.metrics.iter().take(20).map(|(name, value)| format!("{} = {}", show(name, 60), metric(*value))),
        );
    }
    let mut part = |lead: &str, list: String| {
        if !list.is_empty() {
            lines.push(format!("{lead}: {list}"));
        }
    };
    part("takes", show_list(step.inputs.iter().map(|input| input.variable.as_str())));
    part("hands on", show_list(step.outputs.iter().map(|output| output.variable.as_str())));
    part("parameters", show_list(step.parameters.iter().map(String::as_str)));
    part("metrics", show_list(step.metrics.iter().map(String::as_str)));
    lines.join("\n")
}

/// The graph in words, for those who cannot see it.
fn description(pipeline: &Pipeline, graph: &Graph, statuses: &Statuses) -> String {
    let incoming = graph.incoming();
    let mut sentences = vec![match pipeline.steps.len() {
        1 => "1 step.".to_owned(),
        steps => format!("{steps} steps."),
    }];
    for (index, step) in pipeline.steps.iter().enumerate().take(MOST_DESCRIBED) {
        let mut sentence = show(&step.name, 80);
        if let Some(status) = statuses.get(&step.task) {
            let _ = write!(sentence, " ({})", status.state.name());
        }
        let sources = incoming[index].iter().filter_map(|&edge| pipeline.steps.get(graph.edges[edge].from));
        let sources = show_list(sources.map(|step| step.name.as_str()));
        if !sources.is_empty() {
            let _ = write!(sentence, " after {sources}");
        }
        sentence.push('.');
        sentences.push(sentence);
    }
    if pipeline.steps.len() > MOST_DESCRIBED {
        sentences.push(format!("And {} more.", pipeline.steps.len() - MOST_DESCRIBED));
    }
    sentences.join(" ")
}

/// The first names of a list, each once, made harmless and escaped.
fn show_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 40;
    let mut shown: Vec<&str> = Vec::new();
    let mut more = 0;
    for name in names {
        if shown.contains(&name) {
            continue;
        }
        if shown.len() < MOST { shown.push(name) } else { more += 1 }
    }
    let mut list = shown.into_iter().map(|name| show(name, 80)).collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(list, ", +{more}");
    }
    list
}

/// An untrusted text, harmless, short and escaped.
fn show(text: &str, columns: usize) -> String {
    escape(&label::plain(text, columns))
}

/// A text as SVG and HTML have it between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}
