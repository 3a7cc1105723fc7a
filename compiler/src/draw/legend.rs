//! What stands above and below a terminal drawing: the pipeline's name, its parameters, the cells
//! that no box shows, its volumes.

use super::canvas::{Style, styled};
use super::label;
use super::terminal::TerminalOptions;
use crate::pipeline::Pipeline;

/// Columns of the words on the left.
const LEAD: usize = 12;

/// The name of the pipeline and how many steps it has.
pub(super) fn title(pipeline: &Pipeline, options: &TerminalOptions) -> String {
    let count = match pipeline.steps.len() {
        0 => "no steps".to_owned(),
        1 => "1 step".to_owned(),
        steps => format!("{steps} steps"),
    };
    let room = options.width.saturating_sub(count.len() + 3);
    let name = label::plain(&pipeline.name, room);
    let name = styled(&name, Style::Name, options.colour);
    let count = styled(&count, Style::Detail, options.colour);
    let dot = if options.unicode { "·" } else { "-" };
    format!("{name} {dot} {count}\n\n")
}

/// Everything that is not in the graph; empty where there is nothing.
pub(super) fn legend(pipeline: &Pipeline, options: &TerminalOptions) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    let names: Vec<String> = pipeline.parameters.iter().map(|parameter| label::plain(&parameter.name, 40)).collect();
    let widest = names.iter().map(|name| label::columns_of(name)).max().unwrap_or(0);
    for (index, (parameter, name)) in pipeline.parameters.iter().zip(&names).enumerate() {
        let pad = " ".repeat(widest - label::columns_of(name));
        let value = label::value(&parameter.default, 60);
        let lead = if index == 0 { "parameters" } else { "" };
        rows.push((lead, format!("{name}{pad} = {value}  ({})", label::kind(parameter.kind))));
    }
    if !pipeline.shared_cells.is_empty() {
        let cells = label::cells(&pipeline.shared_cells, options.unicode);
        rows.push(("shared", format!("{cells} (imports and functions of every step)")));
    }
    if !pipeline.skipped_cells.is_empty() {
        rows.push(("skipped", format!("{} (in no step)", label::cells(&pipeline.skipped_cells, options.unicode))));
    }
    for (index, volume) in pipeline.volumes.iter().enumerate() {
        let lead = if index == 0 { "volumes" } else { "" };
        let path = label::plain(&volume.mount_path, 60);
        rows.push((lead, format!("{path} (claim {})", label::plain(&volume.claim, 60))));
    }
    let mut out = String::new();
    for (index, (lead, text)) in rows.iter().enumerate() {
        if index == 0 {
            out.push('\n');
        }
        for (index, line) in label::wrap(text, options.width.saturating_sub(LEAD), 20).iter().enumerate() {
            let lead = if index == 0 { *lead } else { "" };
            out.push_str(&styled(&format!("{lead:<LEAD$}"), Style::Detail, options.colour));
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}
