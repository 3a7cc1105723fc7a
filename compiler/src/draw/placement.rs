//! Positions across the layers of a layout: near the neighbours, in order, without overlaps.
//!
//! Each layer by itself is a least squares problem with an order to keep, which pooling adjacent
//! violators solves exactly; sweeps over the layers bring them together.

use super::layout::{Item, Layout};

/// Room that items take.
pub(super) struct Room<'a> {
    /// The width of each node.
    pub widths: &'a [f64],
    /// The width of a bend.
    pub bend: f64,
    /// Between two nodes.
    pub gap: f64,
    /// Between a bend and anything.
    pub bend_gap: f64,
}

impl Room<'_> {
    /// The width of an item.
    pub fn width(&self, item: &Item) -> f64 {
        item.node.map_or(self.bend, |node| self.widths[node])
    }

    /// The distance of the centres of two neighbours at least.
    fn distance(&self, left: &Item, right: &Item) -> f64 {
        let gap = if left.node.is_some() && right.node.is_some() { self.gap } else { self.bend_gap };
        (self.width(left) + self.width(right)) / 2.0 + gap
    }
}

/// Which neighbours a sweep looks at.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    Up,
    Down,
    Both,
    /// Both, but a bend follows the bend above it, so that long edges are straight.
    Straight,
}

/// The centre of each item. The leftmost edge of anything is at 0.
pub(super) fn centres(layout: &Layout, room: &Room) -> Vec<f64> {
    let mut x = vec![0.0; layout.items.len()];
    for layer in &layout.layers {
        let mut at = 0.0;
        for (index, &item) in layer.iter().enumerate() {
            if index > 0 {
                at += room.distance(&layout.items[layer[index - 1]], &layout.items[item]);
            }
            x[item] = at;
        }
    }
    let depth = layout.layers.len();
    let rounds = if layout.items.len() > 10_000 { 2 } else { 6 };
    let mut sweep = |look: Look, downwards: bool| {
        for step in 0..depth {
            let layer = if downwards { step } else { depth - 1 - step };
            place_layer(layout, room, layer, look, &mut x);
        }
    };
    for _ in 0..rounds {
        sweep(Look::Up, true);
        sweep(Look::Down, false);
    }
    for _ in 0..rounds {
        sweep(Look::Both, true);
        sweep(Look::Both, false);
    }
    sweep(Look::Straight, true);
    sweep(Look::Straight, false);
    sweep(Look::Straight, true);
    let left =
        layout.items.iter().zip(&x).map(|(item, centre)| centre - room.width(item) / 2.0).fold(f64::INFINITY, f64::min);
    for centre in &mut x {
        *centre -= left;
    }
    x
}

/// Moves the items of a layer as near to where their neighbours want them as their order allows.
fn place_layer(layout: &Layout, room: &Room, layer: usize, look: Look, x: &mut [f64]) {
    let order = &layout.layers[layer];
    // Blocks of items that touch: the sum of weights, of weighted wishes, how many items.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::with_capacity(order.len());
    let mut offsets = Vec::with_capacity(order.len());
    let mut offset = 0.0;
    for (index, &item) in order.iter().enumerate() {
        if index > 0 {
            offset += room.distance(&layout.items[order[index - 1]], &layout.items[item]);
        }
        offsets.push(offset);
        let (wish, weight) = wish(layout, item, look, x);
        blocks.push((weight, weight * (wish - offset), 1));
        while let [.., (weight, sum, count), (next_weight, next_sum, next_count)] = blocks[..]
            && sum / weight >= next_sum / next_weight
        {
            blocks.truncate(blocks.len() - 2);
            blocks.push((weight + next_weight, sum + next_sum, count + next_count));
        }
    }
    let mut index = 0;
    for (weight, sum, count) in blocks {
        for _ in 0..count {
            x[order[index]] = sum / weight + offsets[index];
            index += 1;
        }
    }
}

/// Where an item's neighbours want it, and how much that counts.
fn wish(layout: &Layout, item: usize, look: Look, x: &[f64]) -> (f64, f64) {
    let this = &layout.items[item];
    let is_bend = this.node.is_none();
    if look == Look::Straight
        && is_bend
        && let Some(&above) = this.up.first()
        && layout.items[above].node.is_none()
    {
        return (x[above], 64.0);
    }
    let up = this.up.iter().filter(|_| look != Look::Down);
    let down = this.down.iter().filter(|_| look != Look::Up);
    let (mut sum, mut total) = (0.0, 0.0);
    for &other in up.chain(down) {
        let weight = match (is_bend, layout.items[other].node.is_none()) {
            (true, true) => 8.0,
            (false, false) => 1.0,
            _ => 2.0,
        };
        sum += weight * x[other];
        total += weight;
    }
    match total > 0.0 {
        true => (sum / total, if is_bend { 8.0 } else { total.min(4.0) }),
        false => (x[item], 0.01),
    }
}
