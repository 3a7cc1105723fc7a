//! Edges of an SVG drawing: smooth curves between the boxes, and room for what they carry.

use super::graph::Edge;
use super::label;
use super::layout::Layout;

/// Columns of a label at most.
const LABEL_COLUMNS: usize = 24;
/// Width of a column of a label.
const LABEL_COLUMN: f64 = 6.7;
/// Height of a label.
const LABEL_HEIGHT: f64 = 15.0;
/// Edges of one part beyond which labels only confuse; hovering still tells.
const MOST_LABELS: usize = 1500;
/// Length of an arrow head.
const HEAD: f64 = 8.0;

/// Where the items of a layout are.
pub(super) struct Places<'a> {
    /// The centre of each item across.
    pub x: &'a [f64],
    /// The top and the bottom of each layer.
    pub layers: &'a [(f64, f64)],
    /// The width of each node.
    pub widths: &'a [f64],
    /// The height of each node.
    pub heights: &'a [f64],
}

/// An edge, ready to be drawn.
pub(super) struct Curve {
    /// The line, as path data.
    pub line: String,
    /// The arrow head, as path data.
    pub head: String,
    /// What it carries, and the middle of where that may stand.
    pub label: Option<Label>,
}

/// A text on an edge.
pub(super) struct Label {
    /// The text.
    pub text: String,
    /// Its middle across.
    pub x: f64,
    /// Its middle down.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

/// A piece of a curve: from a point down to another, upright at both ends.
#[derive(Clone, Copy)]
struct Piece {
    from: (f64, f64),
    to: (f64, f64),
}

impl Piece {
    /// The point at `t` of the cubic Bézier curve whose handles are half as long as it is high.
    fn at(self, t: f64) -> (f64, f64) {
        let s = 1.0 - t;
        let middle = (self.from.1 + self.to.1) / 2.0;
        let start = s * s * s + 3.0 * s * s * t;
        let (outer, inner) = (s * s * s, 3.0 * s * t);
        let x = self.from.0 * start + self.to.0 * (1.0 - start);
        let y = self.from.1 * outer + middle * inner + self.to.1 * (t * t * t);
        (x, y)
    }
}

/// The curves of a part, in the order of its edges.
pub(super) fn curves(layout: &Layout, edges: &[&Edge], places: &Places, labels: bool) -> Vec<Curve> {
    let leaving = ports(layout, places, |item| &layout.items[item].down);
    let arriving = ports(layout, places, |item| &layout.items[item].up);
    let port = |ports: &[Vec<(usize, f64)>], item: usize, other: usize| {
        ports[item].iter().find(|&&(neighbour, _)| neighbour == other).map_or(places.x[item], |&(_, x)| x)
    };
    let mut taken: Vec<Vec<(f64, f64, f64)>> = vec![Vec::new(); places.layers.len()];
    let mut curves = Vec::with_capacity(edges.len());
    for (edge, route) in edges.iter().zip(&layout.routes) {
        let mut route = route.clone();
        let rising = match (route.first(), route.last()) {
            (Some(&first), Some(&last)) => layout.items[first].layer > layout.items[last].layer,
            _ => false,
        };
        if rising {
            route.reverse();
        }
        let mut pieces = Vec::with_capacity(route.len());
        for pair in route.windows(2) {
            let &[upper, lower] = pair else { continue };
            let above = &layout.items[upper];
            let bottom = match above.node {
                Some(node) => places.layers[above.layer].0 + places.heights[node],
                None => places.layers[above.layer].1,
            };
            let top = places.layers[layout.items[lower].layer].0;
            pieces
                .push(Piece { from: (port(&leaving, upper, lower), bottom), to: (port(&arriving, lower, upper), top) });
        }
        if let Some(last) = pieces.last_mut().filter(|_| !rising) {
            last.to.1 -= HEAD - 1.0;
        }
        if let Some(first) = pieces.first_mut().filter(|_| rising) {
            first.from.1 += HEAD - 1.0;
        }
        let label = match labels && edges.len() <= MOST_LABELS {
            true => place_label(layout, edge, &route, &pieces, places, &mut taken),
            false => None,
        };
        curves.push(Curve { line: line(&pieces), head: head(&pieces, rising), label });
    }
    curves
}

/// Where edges touch each item: for each neighbour, in their order from left to right.
fn ports<'a>(
    layout: &'a Layout,
    places: &Places,
    neighbours: impl Fn(usize) -> &'a Vec<usize>,
) -> Vec<Vec<(usize, f64)>> {
    (0..layout.items.len())
        .map(|item| {
            let mut others = neighbours(item).clone();
            others.sort_by(|&a, &b| places.x[a].total_cmp(&places.x[b]));
            let count = others.len();
            let width = layout.items[item].node.map_or(0.0, |node| places.widths[node]);
            let spacing = ((width - 32.0) / (count.max(2) - 1) as f64).clamp(0.0, 14.0);
            let first = places.x[item] - spacing * (count.max(1) - 1) as f64 / 2.0;
            others.into_iter().enumerate().map(|(index, other)| (other, first + spacing * index as f64)).collect()
        })
        .collect()
}

/// Pieces and the straight lines between them as path data.
fn line(pieces: &[Piece]) -> String {
    let mut path = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let ((x, y), (end_x, end_y)) = (piece.from, piece.to);
        let middle = number((y + end_y) / 2.0);
        let (x, y, end_x, end_y) = (number(x), number(y), number(end_x), number(end_y));
        path.push_str(&if index == 0 { format!("M{x} {y}") } else { format!("L{x} {y}") });
        path.push_str(&format!("C{x} {middle} {end_x} {middle} {end_x} {end_y}"));
    }
    path
}

/// The arrow head: at the lower end, or at the upper one of an edge that rises.
fn head(pieces: &[Piece], rising: bool) -> String {
    let end = if rising { pieces.first().map(|piece| piece.from) } else { pieces.last().map(|piece| piece.to) };
    let Some((x, y)) = end else { return String::new() };
    let tip = if rising { y - (HEAD - 1.0) } else { y + HEAD - 1.0 };
    let base = if rising { tip + HEAD } else { tip - HEAD };
    format!("M{} {}L{} {}L{} {}Z", number(x - 4.0), number(base), number(x), number(tip), number(x + 4.0), number(base))
}

/// Finds a free place for what an edge carries, where only this edge is.
fn place_label(
    layout: &Layout,
    edge: &Edge,
    route: &[usize],
    pieces: &[Piece],
    places: &Places,
    taken: &mut [Vec<(f64, f64, f64)>],
) -> Option<Label> {
    let names: Vec<String> = edge.variables.iter().take(50).map(|name| label::plain(name, LABEL_COLUMNS)).collect();
    let hidden = edge.variables.len() - names.len();
    let text = match hidden {
        0 => label::fit("", &names, LABEL_COLUMNS + 1)?,
        more => label::fit("", &names[..1], LABEL_COLUMNS - 8)? + &format!(", +{}", more + names.len() - 1),
    };
    let text = text.trim_start().to_owned();
    let width = label::columns_of(&text) as f64 * LABEL_COLUMN + 8.0;
    let (&source, &target) = (route.first()?, route.last()?);
    let fans_out = layout.items[source].down.len() > 1;
    let fans_in = layout.items[target].up.len() > 1;
    // A long edge may share its way with others of the same step, except at its end.
    let (piece, spots): (&Piece, &[f64]) = match (fans_out, fans_in) {
        (false, false) => (pieces.last()?, &[0.5, 0.4, 0.6]),
        (false, true) if pieces.len() == 1 => (pieces.first()?, &[0.3, 0.4, 0.22, 0.5, 0.6]),
        _ => (pieces.last()?, &[0.7, 0.6, 0.78, 0.5, 0.4, 0.3]),
    };
    let below = layout.items[target].layer;
    let channel = &mut taken[below];
    let gap = (places.layers[below.checked_sub(1)?].1, places.layers[below].0);
    for &spot in spots {
        let (x, y) = piece.at(spot);
        if y - LABEL_HEIGHT / 2.0 < gap.0 + 1.0 || y + LABEL_HEIGHT / 2.0 > gap.1 - HEAD {
            continue;
        }
        let free = channel.iter().all(|&(other_x, other_y, other_width)| {
            (x - other_x).abs() >= (width + other_width) / 2.0 + 2.0 || (y - other_y).abs() >= LABEL_HEIGHT + 1.0
        });
        if free {
            channel.push((x, y, width));
            return Some(Label { text, x, y, width, height: LABEL_HEIGHT });
        }
    }
    None
}

/// A coordinate with at most one decimal.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
