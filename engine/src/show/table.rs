//! Lists of structures with the same fields as a table.

use std::fmt::Write;

use oxikale_compiler::draw::escape;

use super::Shown;
use super::debug_tree::{Tree, parse};

/// So many rows at the start and at the end of a long list are shown.
const EDGE: usize = 30;

/// A list's forms, if it is one of at least two structures that have the same name and the same fields.
pub(super) fn table(text: &str) -> Option<Shown> {
    let Tree::List(rows) = parse(text)? else { return None };
    let (first_name, first_fields) = rows.first()?.structure()?;
    let same = |row: &Tree| {
        row.structure().is_some_and(|(name, fields)| {
            name == first_name && fields.iter().map(|(field, _)| field).eq(first_fields.iter().map(|(field, _)| field))
        })
    };
    if rows.len() < 2 || first_fields.is_empty() || !rows.iter().all(same) {
        return None;
    }
    let mut html = String::from("<table><thead><tr><th></th>");
    for (field, _) in first_fields {
        _ = write!(html, "<th>{}</th>", escape(field));
    }
    html.push_str("</tr></thead><tbody>");
    for (at, row) in rows.iter().enumerate() {
        if rows.len() > 2 * EDGE && at == EDGE {
            _ = write!(html, "<tr><td colspan=\"{}\">…</td></tr>", first_fields.len() + 1);
        }
        if rows.len() > 2 * EDGE && (EDGE..rows.len() - EDGE).contains(&at) {
            continue;
        }
        _ = write!(html, "<tr><th>{at}</th>");
        for (_, value) in row.structure()?.1 {
            _ = write!(html, "<td>{}</td>", escape(&value.text()));
        }
        html.push_str("</tr>");
    }
    _ = write!(html, "</tbody></table><small>{} × {}</small>", rows.len(), escape(first_name));
    Some(Shown { text: text.to_owned(), html })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_rows() {
        let shown = table(r#"[P { x: 1.0, name: "a, <b>" }, P { x: 2.0, name: "c" }]"#).unwrap();
        assert!(shown.html.contains("<th>x</th><th>name</th>"));
        assert!(shown.html.contains("<td>&quot;a, &lt;b&gt;&quot;</td>"));
        assert!(table("[1, 2, 3]").is_none());
        assert!(table("[P { x: 1 }, Q { x: 1 }]").is_none());
    }
}
