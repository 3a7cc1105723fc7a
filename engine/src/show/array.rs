//! Arrays of ndarray: aligned columns, with shape and element type.

use std::fmt::Write;

use oxikale_compiler::draw::escape;

use super::debug_tree::{Tree, parse_prefix};
use super::{Shown, short_type};

/// An array's forms, if the value is one. ndarray's own `Debug` elides the middle of long ones.
pub(super) fn array(type_name: &str, text: &str) -> Option<Shown> {
    let element = type_name.strip_prefix("ndarray::ArrayBase<")?;
    let (tree, rest) = parse_prefix(text)?;
    let shape = rest.trim_start_matches([',', ' ']).strip_prefix("shape=")?;
    let shape = &shape[..=shape.find(']')?];
    let element = short_type(element_type(element));
    let mut rows = Vec::new();
    flatten(&tree, &mut Vec::new(), &mut rows);
    let width = rows.iter().flat_map(|row| &row.cells).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let mut plain = String::new();
    let mut html = String::from("<table>");
    let mut last: Option<&[usize]> = None;
    for row in &rows {
        if row.path.len() > 1 && last.is_some_and(|last| last[..last.len() - 1] != row.path[..row.path.len() - 1]) {
            plain.push('\n');
            _ = write!(html, "<tr><td colspan=\"{}\">&nbsp;</td></tr>", row.cells.len().max(1));
        }
        last = Some(&row.path);
        let cells: Vec<String> = row.cells.iter().map(|cell| format!("{cell:>width$}")).collect();
        plain.push_str(&cells.join("  "));
        plain.push('\n');
        html.push_str("<tr>");
        for cell in &row.cells {
            _ = write!(html, "<td style=\"text-align:right\">{}</td>", escape(cell));
        }
        html.push_str("</tr>");
    }
    let caption = format!("shape {shape}, {element}");
    plain.push_str(&caption);
    _ = write!(html, "</table><small>{}</small>", escape(&caption));
    Some(Shown { text: plain, html })
}

/// A line of the innermost dimension.
struct Row {
    path: Vec<usize>,
    cells: Vec<String>,
}

fn flatten(tree: &Tree, path: &mut Vec<usize>, rows: &mut Vec<Row>) {
    match tree {
        Tree::List(parts) if parts.iter().any(|part| matches!(part, Tree::List(_))) => {
            for (at, part) in parts.iter().enumerate() {
                path.push(at);
                flatten(part, path, rows);
                path.pop();
            }
        }
        Tree::List(parts) => rows.push(Row { path: path.clone(), cells: parts.iter().map(Tree::text).collect() }),
        other => rows.push(Row { path: path.clone(), cells: vec![other.text()] }),
    }
}

/// `f64` of `ndarray::data_repr::OwnedRepr<f64>, ndarray::dimension::…, f64>`: the last argument where it has three,
/// and otherwise the storage's.
fn element_type(arguments: &str) -> &str {
    let inside = arguments.strip_suffix('>').unwrap_or(arguments);
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, character) in inside.char_indices() {
        match character {
            '<' | '[' | '(' => depth += 1,
            '>' | ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(inside[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(inside[start..].trim());
    match parts[..] {
        [_, _, element] => element,
        _ => parts[0].split_once('<').map_or(parts[0], |(_, element)| element.trim_end_matches('>')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_aligned() {
        let shown = array(
            "ndarray::ArrayBase<ndarray::data_repr::OwnedRepr<f64>, ndarray::dimension::dim::Dim<[usize; 2]>, f64>",
            "[[1.0, -20.5],\n [3.25, 4.0]], shape=[2, 2], strides=[2, 1], layout=Cc (0x5), const ndim=2",
        )
        .unwrap();
        assert_eq!(shown.text, "  1.0  -20.5\n 3.25    4.0\nshape [2, 2], f64");
        assert!(shown.html.contains("<td style=\"text-align:right\">-20.5</td>"));
    }
}
