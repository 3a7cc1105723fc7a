//! A pipeline as an indented list: one entry a step, after the steps it waits for.

use super::canvas::{Style, styled};
use super::graph::{Graph, topological};
use super::label;
use super::status::{Statuses, number};
use super::terminal::TerminalOptions;
use crate::pipeline::Pipeline;

/// Depth beyond which entries are not indented further.
const DEEPEST: usize = 8;

/// A word of an entry; entries are filled with these, line by line.
struct Word {
    text: String,
    style: Style,
}

/// Each step with the steps it waits for, what they hand on, and its cells.
pub(super) fn list(pipeline: &Pipeline, graph: &Graph, statuses: &Statuses, options: &TerminalOptions) -> String {
    let pairs = graph.pairs();
    let order = topological(graph.steps, &pairs);
    let incoming = graph.incoming();
    let mut depth = vec![0_usize; graph.steps];
    for &step in &order {
        depth[step] = incoming[step].iter().map(|&edge| depth[graph.edges[edge].from] + 1).max().unwrap_or(0);
    }
    let longest = options.width.saturating_sub(8).min(60);
    let names: Vec<String> = pipeline.steps.iter().map(|step| label::plain(&step.name, longest)).collect();
    let arrow = if options.unicode { "←" } else { "<-" };
    let mut out = String::new();
    for step in order {
        let mut words = Vec::new();
        let status = statuses.get(&pipeline.steps[step].task);
        let style = status.map_or(Style::Name, |status| Style::State(status.state));
        let icon = status.map(|status| format!("{} ", status.state.icon(options.unicode))).unwrap_or_default();
        words.push(Word { text: format!("{icon}{}", names[step]), style });
        let entering = &incoming[step];
        for (index, &edge) in entering.iter().enumerate() {
            let edge = &graph.edges[edge];
            let lead = if index == 0 { format!(" {arrow} ") } else { String::new() };
            let end = if index + 1 < entering.len() { "," } else { "" };
            let carries: Vec<String> = edge.variables.iter().map(|name| label::plain(name, longest)).collect();
            let from = &names[edge.from];
            if carries.is_empty() {
                words.push(Word { text: format!("{lead}{from}{end}"), style: Style::Plain });
                continue;
            }
            let last = carries.len() - 1;
            for (position, variable) in carries.iter().enumerate() {
                let close = if position == last { format!("){end}") } else { ",".to_owned() };
                let text = match position {
                    // The step and its first variable stay together, so that a bracket never stands alone.
                    0 => format!("{lead}{from} ({variable}{close}"),
                    _ => format!("{variable}{close}"),
                };
                words.push(Word { text, style: Style::Plain });
            }
        }
        words.push(Word {
            text: format!(" {}", label::cells(&pipeline.steps[step].cells, options.unicode)),
            style: Style::Detail,
        });
        if let Some(status) = status {
            words.extend(status.time().map(|time| Word { text: format!(" {time}"), style: Style::Detail }));
            words.extend(status.metrics.iter().take(3).map(|(name, value)| Word {
                text: format!(" {} {}", label::plain(name, 40), number(*value)),
                style: Style::Detail,
            }));
        }
        fill(&mut out, &words, 2 * depth[step].min(DEEPEST).min(options.width / 10), options);
    }
    out
}

/// Writes words in lines no wider than the terminal, the first line less indented. A word that is
/// wider than a line goes on in the next one.
fn fill(out: &mut String, words: &[Word], indent: usize, options: &TerminalOptions) {
    let mut left_edge = indent;
    let mut column = 0;
    for word in words {
        let columns = label::columns_of(&word.text);
        if column > 0 && column + 1 + columns > options.width {
            out.push('\n');
            column = 0;
        }
        let pieces = match column {
            0 => label::wrap(word.text.trim_start(), options.width.saturating_sub(left_edge), 100),
            _ => vec![format!(" {}", word.text)],
        };
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                out.push('\n');
                column = 0;
            }
            if column == 0 {
                out.extend(std::iter::repeat_n(' ', left_edge));
                column = left_edge;
                left_edge = indent + 4;
            }
            column += label::columns_of(piece);
            out.push_str(&styled(piece, word.style, options.colour));
        }
    }
    out.push('\n');
}
