//! The rows between two layers of boxes: which column each line enters and leaves by, and on
//! which row it goes sideways, so that lines of different steps never share a cell but where they cross.

use std::collections::BTreeMap;

use super::layout::Layout;

/// Where an item stands across its layer, in columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// The first column.
    pub left: i64,
    /// The last column.
    pub right: i64,
    /// Where a line leaves it.
    pub pin: i64,
}

/// Lines that are one: each item above is joined with each item below.
#[derive(Debug)]
pub(super) struct Net {
    /// Columns where it comes from above.
    pub tops: Vec<i64>,
    /// Columns where it goes on below, with the item there.
    pub bottoms: Vec<(i64, usize)>,
    /// The row on which it goes sideways; none where it is straight.
    pub track: Option<usize>,
    sources: Vec<usize>,
    targets: Vec<usize>,
}

impl Net {
    fn columns(&self) -> impl Iterator<Item = i64> {
        self.tops.iter().copied().chain(self.bottoms.iter().map(|&(column, _)| column))
    }

    /// The first and the last column.
    pub fn extent(&self) -> (i64, i64) {
        let low = self.columns().min().unwrap_or(0);
        let high = self.columns().max().unwrap_or(0);
        (low, high)
    }
}

/// Why a channel cannot be drawn: a box too narrow for the lines that come into it.
#[derive(Debug)]
pub(super) struct TooNarrow {
    /// The item.
    pub item: usize,
}

/// Routes the lines below `layer`. Items have their spans in `spans`; bends below get their column.
pub(super) fn route(layout: &Layout, layer: usize, spans: &mut [Span]) -> Result<Vec<Net>, TooNarrow> {
    let mut nets = nets_below(layout, layer, spans);
    let above: BTreeMap<i64, usize> =
        nets.iter().enumerate().flat_map(|(index, net)| net.tops.iter().map(move |&column| (column, index))).collect();
    let mut incoming: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, net) in nets.iter().enumerate() {
        for &target in &net.targets {
            incoming.entry(target).or_default().push(index);
        }
    }
    for (item, mut entering) in incoming {
        entering.sort_by_key(|&net| middle(&nets[net].tops));
        let columns = entries(layout, item, &entering, &nets, spans[item], &above).ok_or(TooNarrow { item })?;
        if layout.items[item].node.is_none()
            && let Some(&column) = columns.first()
        {
            spans[item].pin = column;
        }
        for (net, column) in entering.into_iter().zip(columns) {
            nets[net].bottoms.push((column, item));
        }
    }
    assign_tracks(&mut nets);
    Ok(nets)
}

/// Items with the same targets share a net: then each join that the lines show is an edge.
fn nets_below(layout: &Layout, layer: usize, spans: &[Span]) -> Vec<Net> {
    let mut by_targets: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for &item in &layout.layers[layer] {
        let mut targets = layout.items[item].down.clone();
        if !targets.is_empty() {
            targets.sort_unstable();
            by_targets.entry(targets).or_default().push(item);
        }
    }
    by_targets
        .into_iter()
        .map(|(targets, sources)| Net {
            tops: sources.iter().map(|&source| spans[source].pin).collect(),
            bottoms: Vec::new(),
            track: None,
            sources,
            targets,
        })
        .collect()
}

/// The middle of columns, doubled: only for comparing.
fn middle(columns: &[i64]) -> i64 {
    2 * columns.iter().sum::<i64>() / (columns.len() as i64).max(1)
}

/// The columns where nets enter an item, from left to right; none where they do not fit.
fn entries(
    layout: &Layout,
    item: usize,
    entering: &[usize],
    nets: &[Net],
    span: Span,
    above: &BTreeMap<i64, usize>,
) -> Option<Vec<i64>> {
    let is_bend = layout.items[item].node.is_none();
    let (first, last) = if is_bend { (span.left, span.right) } else { (span.left + 1, span.right - 1) };
    let centre = (span.left + span.right) / 2;
    let count = entering.len() as i64;
    let spacing = ((last - first + 1) / count.max(1)).clamp(1, 4);
    let mut columns: Vec<i64> = Vec::with_capacity(entering.len());
    for (index, &net) in entering.iter().enumerate() {
        let left_over = count - 1 - index as i64;
        let low = columns.last().map_or(first, |&previous| previous + if spacing > 1 { 2 } else { 1 });
        let high = last - left_over * spacing.min(2);
        let ideal = centre + (2 * index as i64 - (count - 1)) * spacing / 2;
        let straight = nets[net].tops.iter().copied().filter(|&top| {
            let single = nets[net].sources.len() == 1 && nets[net].targets.len() == 1;
            single || (top - ideal).abs() <= 2
        });
        let outwards = (0..=last - first).flat_map(|distance| [ideal - distance, ideal + distance]);
        let column = straight
            .chain(outwards)
            .find(|column| (low..=high).contains(column) && above.get(column).is_none_or(|&owner| owner == net))?;
        columns.push(column);
    }
    Some(columns)
}

/// Gives each net that goes sideways a row: in an order with few crossings, as high as that allows.
fn assign_tracks(nets: &mut [Net]) {
    let mut order: Vec<usize> = (0..nets.len()).filter(|&net| nets[net].extent().0 < nets[net].extent().1).collect();
    order.sort_by_key(|&net| nets[net].extent());
    // Each net in turn goes where it crosses least; a few rounds settle it.
    for _ in 0..4 {
        let mut moved = false;
        for net in order.clone() {
            let Some(at) = order.iter().position(|&other| other == net) else { continue };
            order.remove(at);
            let mut cost: i64 = order.iter().map(|&other| crossings(&nets[net], &nets[other])).sum();
            let mut best = (cost, 0);
            let mut here = cost;
            for (index, &other) in order.iter().enumerate() {
                cost += crossings(&nets[other], &nets[net]) - crossings(&nets[net], &nets[other]);
                if index + 1 == at {
                    here = cost;
                }
                if cost < best.0 {
                    best = (cost, index + 1);
                }
            }
            if at == 0 || best.0 >= here {
                best.1 = if best.0 < here { best.1 } else { at };
            }
            moved |= best.1 != at;
            order.insert(best.1, net);
        }
        if !moved {
            break;
        }
    }
    let mut placed: Vec<(i64, i64, usize)> = Vec::with_capacity(order.len());
    for net in order {
        let (low, high) = nets[net].extent();
        let track = placed
            .iter()
            .filter(|&&(from, to, _)| low - 1 <= to && from <= high + 1)
            .map(|&(.., track)| track + 1)
            .max()
            .unwrap_or(0);
        placed.push((low, high, track));
        nets[net].track = Some(track);
    }
}

/// How often two nets cross where the first goes sideways above the second.
fn crossings(upper: &Net, lower: &Net) -> i64 {
    let (upper_extent, lower_extent) = (upper.extent(), lower.extent());
    let inside = |column: i64, (low, high): (i64, i64)| i64::from(low <= column && column <= high);
    lower.tops.iter().map(|&top| inside(top, upper_extent)).sum::<i64>()
        + upper.bottoms.iter().map(|&(bottom, _)| inside(bottom, lower_extent)).sum::<i64>()
}
