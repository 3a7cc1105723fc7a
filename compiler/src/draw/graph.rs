//! The graph in a pipeline: its edges, with what they carry, and the order that respects them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::pipeline::Pipeline;

/// The edges between the steps of a pipeline.
pub(super) struct Graph<'a> {
    /// How many steps there are.
    pub steps: usize,
    /// By `to`, then by `from`; no pair twice, no step to itself.
    pub edges: Vec<Edge<'a>>,
}

/// `to` waits for `from`.
pub(super) struct Edge<'a> {
    /// The step that comes first.
    pub from: usize,
    /// The step that waits.
    pub to: usize,
    /// What is handed on; empty where a `prev:` tag alone makes the edge.
    pub variables: Vec<&'a str>,
}

impl<'a> Graph<'a> {
    /// Reads the edges of a pipeline; an index that points nowhere makes none.
    pub fn of(pipeline: &'a Pipeline) -> Self {
        let steps = pipeline.steps.len();
        let mut edges = Vec::new();
        for (to, step) in pipeline.steps.iter().enumerate() {
            let mut sources: BTreeMap<usize, Vec<&str>> = step.after.iter().map(|&from| (from, Vec::new())).collect();
            for input in &step.inputs {
                let variables = sources.entry(input.from).or_default();
                if !variables.contains(&input.variable.as_str()) {
                    variables.push(&input.variable);
                }
            }
            edges.extend(
                sources.into_iter().filter(|&(from, _)| from < steps && from != to).map(|(from, variables)| Edge {
                    from,
                    to,
                    variables,
                }),
            );
        }
        Self { steps, edges }
    }

    /// The edges as pairs of indices.
    pub fn pairs(&self) -> Vec<(usize, usize)> {
        self.edges.iter().map(|edge| (edge.from, edge.to)).collect()
    }

    /// The edges into each step, as indices into [`Self::edges`].
    pub fn incoming(&self) -> Vec<Vec<usize>> {
        let mut incoming = vec![Vec::new(); self.steps];
        for (index, edge) in self.edges.iter().enumerate() {
            incoming[edge.to].push(index);
        }
        incoming
    }
}

/// Every node after its predecessors, else in the order of the numbers; where a cycle makes that
/// impossible, the smallest node left breaks it.
pub(super) fn topological(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut waiting = vec![0_usize; nodes];
    let mut next = vec![Vec::new(); nodes];
    for &(from, to) in edges {
        waiting[to] += 1;
        next[from].push(to);
    }
    let mut ready: BinaryHeap<Reverse<usize>> = (0..nodes).filter(|&node| waiting[node] == 0).map(Reverse).collect();
    let mut done = vec![false; nodes];
    let mut order = Vec::with_capacity(nodes);
    let mut smallest_left = 0;
    while order.len() < nodes {
        let node = match ready.pop() {
            Some(Reverse(node)) => node,
            None => {
                while done[smallest_left] {
                    smallest_left += 1;
                }
                smallest_left
            }
        };
        if std::mem::replace(&mut done[node], true) {
            continue;
        }
        order.push(node);
        for &successor in &next[node] {
            waiting[successor] -= 1;
            if waiting[successor] == 0 && !done[successor] {
                ready.push(Reverse(successor));
            }
        }
    }
    order
}

/// The connected parts of a graph: each with its nodes in order, by their smallest node.
pub(super) fn components(nodes: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut neighbours = vec![Vec::new(); nodes];
    for &(from, to) in edges {
        neighbours[from].push(to);
        neighbours[to].push(from);
    }
    let mut seen = vec![false; nodes];
    let mut parts = Vec::new();
    for start in 0..nodes {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        let mut part = vec![start];
        let mut next = 0;
        while let Some(&node) = part.get(next) {
            next += 1;
            for &neighbour in &neighbours[node] {
                if !std::mem::replace(&mut seen[neighbour], true) {
                    part.push(neighbour);
                }
            }
        }
        part.sort_unstable();
        parts.push(part);
    }
    parts
}
