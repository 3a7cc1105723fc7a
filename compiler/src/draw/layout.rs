//! Layered layout of one connected graph (Sugiyama, Tagawa and Toda 1981): layers, bends on long
//! edges, the order inside each layer. Positions across a layer are in [`super::placement`].
//!
//! Everything is deterministic, and near-linear in nodes, edges and bends.

use super::graph::topological;

/// Bends that the edges of one layout pass at most, all together; the longest edges beyond it go
/// without. Few edges of many layers would else make a drawing whose size is their product.
const MOST_BENDS: usize = 30_000;
/// Items up to which neighbours are also swapped one by one.
const MOST_FOR_SWAPS: usize = 600;

/// A node, or a bend of an edge that passes through a layer.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The node; none for a bend.
    pub node: Option<usize>,
    /// The layer, from the top.
    pub layer: usize,
    /// Items of the next layer that it is joined with.
    pub down: Vec<usize>,
    /// Items of the layer above that it is joined with.
    pub up: Vec<usize>,
}

/// A graph in layers.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// The nodes first, in their order, then the bends.
    pub items: Vec<Item>,
    /// Items of each layer, from left to right.
    pub layers: Vec<Vec<usize>>,
    /// The items that each edge passes, from its source to its target. An edge that closes a
    /// cycle goes upwards. Edges from one source share their bends.
    pub routes: Vec<Vec<usize>>,
    /// Whether an edge closes a cycle, or spans layers without bends: one that only curves can draw.
    pub irregular: bool,
}

impl Layout {
    /// Lays out `nodes` nodes; `edges` holds no pair twice and no loop.
    pub fn new(nodes: usize, edges: &[(usize, usize)]) -> Self {
        let (layer_of, layers) = layering(nodes, edges);
        let mut layout = Self {
            items: layer_of
                .into_iter()
                .enumerate()
                .map(|(node, layer)| Item { node: Some(node), layer, down: Vec::new(), up: Vec::new() })
                .collect(),
            layers: Vec::new(),
            routes: vec![Vec::new(); edges.len()],
            irregular: false,
        };
        layout.bend(edges);
        layout.order_first(layers);
        layout.uncross();
        layout
    }

    /// Puts bends where edges pass layers, so that every join spans one layer.
    fn bend(&mut self, edges: &[(usize, usize)]) {
        let span = |items: &[Item], edge: usize| {
            let (from, to) = edges[edge];
            items[from].layer.abs_diff(items[to].layer)
        };
        let mut by_span: Vec<usize> = (0..edges.len()).collect();
        by_span.sort_by_key(|&edge| span(&self.items, edge));
        // The bends below a node that edges from it share; `rising` ones belong to one edge alone.
        let mut trunks: Vec<Vec<usize>> = vec![Vec::new(); self.items.len()];
        let mut passed = 0;
        for edge in by_span {
            let (from, to) = edges[edge];
            let rising = self.items[from].layer > self.items[to].layer;
            let (top, bottom) = if rising { (to, from) } else { (from, to) };
            let needed = span(&self.items, edge).saturating_sub(1);
            self.irregular |= rising;
            passed += needed;
            if passed > MOST_BENDS {
                self.irregular = true;
                self.routes[edge] = vec![from, to];
                continue;
            }
            let mut own = Vec::new();
            let trunk = if rising { &mut own } else { &mut trunks[top] };
            while trunk.len() < needed {
                let above = trunk.last().copied().unwrap_or(top);
                let bend = self.items.len();
                let layer = self.items[above].layer + 1;
                self.items.push(Item { node: None, layer, down: Vec::new(), up: vec![above] });
                self.items[above].down.push(bend);
                trunk.push(bend);
            }
            let mut route = Vec::with_capacity(needed + 2);
            route.push(top);
            route.extend(&trunk[..needed]);
            route.push(bottom);
            let last = route[needed];
            self.items[last].down.push(bottom);
            self.items[bottom].up.push(last);
            if rising {
                route.reverse();
            }
            self.routes[edge] = route;
        }
    }

    /// A first order: depth first from the top, nodes of the notebook first come, first placed.
    fn order_first(&mut self, layers: usize) {
        let mut placed = vec![false; self.items.len()];
        self.layers = vec![Vec::new(); layers];
        for root in 0..self.items.len() {
            let mut stack = vec![root];
            while let Some(item) = stack.pop() {
                if std::mem::replace(&mut placed[item], true) {
                    continue;
                }
                self.layers[self.items[item].layer].push(item);
                stack.extend(self.items[item].down.iter().rev().filter(|&&next| !placed[next]));
            }
        }
    }

    /// Reorders layers, so that fewer edges cross: barycentres down and up, the best order wins.
    fn uncross(&mut self) {
        let mut position = vec![0; self.items.len()];
        self.note_positions(&mut position);
        let mut best = (self.crossings(&position), self.layers.clone());
        let rounds = if self.items.len() > 10_000 { 6 } else { 24 };
        let mut stale = 0;
        for round in 0..rounds {
            if best.0 == 0 || stale >= 6 {
                break;
            }
            let downwards = round % 2 == 0;
            for step in 0..self.layers.len() {
                let layer = if downwards { step } else { self.layers.len() - 1 - step };
                self.sort_layer(layer, downwards, &mut position);
            }
            if self.items.len() <= MOST_FOR_SWAPS {
                self.swap_neighbours(&mut position);
            }
            let crossings = self.crossings(&position);
            stale += 1;
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
                stale = 0;
            }
        }
        self.layers = best.1;
    }

    /// Writes down where each item stands in its layer.
    fn note_positions(&self, position: &mut [usize]) {
        for layer in &self.layers {
            for (at, &item) in layer.iter().enumerate() {
                position[item] = at;
            }
        }
    }

    /// Sorts a layer by the mean position of the neighbours above (or below).
    fn sort_layer(&mut self, layer: usize, downwards: bool, position: &mut [usize]) {
        let items = &self.items;
        let mut keyed: Vec<(f64, usize)> = self.layers[layer]
            .iter()
            .map(|&item| {
                let neighbours = if downwards { &items[item].up } else { &items[item].down };
                let sum: usize = neighbours.iter().map(|&other| position[other]).sum();
                let key = match neighbours.len() {
                    0 => position[item] as f64,
                    count => sum as f64 / count as f64,
                };
                (key, item)
            })
            .collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (at, &(_, item)) in keyed.iter().enumerate() {
            self.layers[layer][at] = item;
            position[item] = at;
        }
    }

    /// Swaps neighbours as long as that saves crossings, a few rounds at most.
    fn swap_neighbours(&mut self, position: &mut [usize]) {
        for _ in 0..4 {
            let mut better = false;
            for layer in 0..self.layers.len() {
                for at in 1..self.layers[layer].len() {
                    let (left, right) = (self.layers[layer][at - 1], self.layers[layer][at]);
                    if self.saving(left, right, position) > 0 {
                        self.layers[layer].swap(at - 1, at);
                        position[left] = at;
                        position[right] = at - 1;
                        better = true;
                    }
                }
            }
            if !better {
                return;
            }
        }
    }

    /// How many crossings fewer there are with `right` before `left`.
    fn saving(&self, left: usize, right: usize, position: &[usize]) -> i64 {
        let (left, right) = (&self.items[left], &self.items[right]);
        [(&left.up, &right.up), (&left.down, &right.down)]
            .into_iter()
            .map(|(ours, theirs)| {
                let mut ours: Vec<usize> = ours.iter().map(|&item| position[item]).collect();
                let mut theirs: Vec<usize> = theirs.iter().map(|&item| position[item]).collect();
                ours.sort_unstable();
                theirs.sort_unstable();
                let smaller = |list: &[usize], than: usize| list.partition_point(|&value| value < than) as i64;
                let now: i64 = ours.iter().map(|&value| smaller(&theirs, value)).sum();
                let then: i64 = theirs.iter().map(|&value| smaller(&ours, value)).sum();
                now - then
            })
            .sum()
    }

    /// Crossings between neighbouring layers (Barth, Mutzel and Jünger 2004: inversions, counted in a tree).
    fn crossings(&self, position: &[usize]) -> u64 {
        let mut total = 0;
        for pair in self.layers.windows(2) {
            let [upper, lower] = pair else { continue };
            let mut tree = vec![0_u64; lower.len() + 1];
            let mut seen = 0;
            for &item in upper {
                let mut ends: Vec<usize> = self.items[item].down.iter().map(|&below| position[below]).collect();
                ends.sort_unstable();
                for &end in &ends {
                    let mut at = end + 1;
                    let mut not_after = 0;
                    while at > 0 {
                        not_after += tree[at];
                        at &= at - 1;
                    }
                    total += seen - not_after;
                }
                for &end in &ends {
                    let mut at = end + 1;
                    while at < tree.len() {
                        tree[at] += 1;
                        at += at & at.wrapping_neg();
                    }
                    seen += 1;
                }
            }
        }
        total
    }
}

/// The layer of each node, and how many layers there are: as high as its predecessors allow, then
/// down towards its successors where that shortens more edges than it lengthens.
fn layering(nodes: usize, edges: &[(usize, usize)]) -> (Vec<usize>, usize) {
    let order = topological(nodes, edges);
    let mut rank = vec![0; nodes];
    for (at, &node) in order.iter().enumerate() {
        rank[node] = at;
    }
    let mut up = vec![Vec::new(); nodes];
    let mut down = vec![Vec::new(); nodes];
    for &(from, to) in edges {
        let (top, bottom) = if rank[from] < rank[to] { (from, to) } else { (to, from) };
        up[bottom].push(top);
        down[top].push(bottom);
    }
    let mut layer = vec![0; nodes];
    for &node in &order {
        layer[node] = up[node].iter().map(|&other: &usize| layer[other] + 1).max().unwrap_or(0);
    }
    for &node in order.iter().rev() {
        if down[node].len() > up[node].len()
            && let Some(lowest) = down[node].iter().map(|&other| layer[other]).min()
        {
            layer[node] = lowest - 1;
        }
    }
    let layers = layer.iter().max().map_or(0, |&last| last + 1);
    (layer, layers)
}
