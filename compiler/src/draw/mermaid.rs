//! A pipeline as a Mermaid flowchart, for Markdown.

use std::fmt::Write as _;

use super::graph::Graph;
use super::label;
use crate::pipeline::Pipeline;

/// Variables on an edge at most; the rest is counted.
const MOST_VARIABLES: usize = 4;

/// A `flowchart TD` of a pipeline. Steps are `s0`, `s1`, … in the order of the notebook; edges that
/// carry variables are solid and name them, edges that only a `prev:` tag makes are dotted.
pub fn mermaid(pipeline: &Pipeline) -> String {
    let graph = Graph::of(pipeline);
    let mut out = String::from("flowchart TD\n");
    for (index, step) in pipeline.steps.iter().enumerate() {
        let name = escape(&label::plain(&step.name, label::NAME_COLUMNS));
        let cells = escape(&label::shorten(&label::cells(&step.cells, true), 40, false));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "    s{index}[\"{name}<br/>{cells}\"]");
    }
    for edge in &graph.edges {
        let (from, to) = (edge.from, edge.to);
        let variables: Vec<String> =
            edge.variables.iter().take(MOST_VARIABLES).map(|name| escape(&label::plain(name, 40))).collect();
        let more = match edge.variables.len().saturating_sub(MOST_VARIABLES) {
            0 => String::new(),
            more => format!(", +{more}"),
        };
        let _ = match variables.is_empty() {
            true => writeln!(out, "    s{from} -.-> s{to}"),
            false => writeln!(out, "    s{from} -->|\"{}{more}\"| s{to}", variables.join(", ")),
        };
    }
    out
}

/// Everything that Mermaid, Markdown or HTML could take for syntax as Mermaid's numbered entities.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | ',' | '.' | '-' | '…' | '–' | '_' => out.push(character),
            _ if character.is_alphanumeric() => out.push(character),
            _ => {
                let _ = write!(out, "#{};", character as u32);
            }
        }
    }
    out
}
