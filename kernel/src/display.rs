//! Forms in which the kernel shows things of its own.

use oxikale_compiler::draw::escape;
use oxikale_engine::Progress;
use serde_json::{Map, Value};

/// Text alone.
pub fn plain(text: impl Into<String>) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("text/plain".to_owned(), Value::String(text.into()));
    data
}

/// Text, and the same as HTML.
pub fn html(text: impl Into<String>, html: impl Into<String>) -> Map<String, Value> {
    let mut data = plain(text);
    data.insert("text/html".to_owned(), Value::String(html.into()));
    data
}

/// A bar for work that takes time.
pub fn progress_bar(progress: &Progress) -> Map<String, Value> {
    let Progress { label, done, total } = progress;
    let (count, bar) = match total {
        Some(total) => {
            (format!(" ({done} of {total})"), format!("<progress value=\"{done}\" max=\"{total}\"></progress> "))
        }
        None => (String::new(), "<progress></progress> ".to_owned()),
    };
    html(format!("{label}{count}"), format!("<div>{bar}{}{count}</div>", escape(label)))
}

/// A table of text: a line of heads, and rows.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> Map<String, Value> {
    let mut widths: Vec<usize> = heads.iter().map(|head| head.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count().min(*width))))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    let head: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let mut text = vec![line(&head)];
    text.extend(rows.iter().map(|row| line(row)));
    let cells = |tag: &str, cells: &[String]| -> String {
        cells.iter().map(|cell| format!("<{tag} style=\"text-align:left\">{}</{tag}>", escape(cell))).collect()
    };
    let body: String = rows.iter().map(|row| format!("<tr>{}</tr>", cells("td", row))).collect();
    html(text.join("\n"), format!("<table><thead><tr>{}</tr></thead><tbody>{body}</tbody></table>", cells("th", &head)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_cannot_become_markup() {
        let hostile = "<script>alert('\"&')</script>".to_owned();
        let progress = progress_bar(&Progress { label: hostile.clone(), done: 1, total: Some(2) });
        let table = table(&["a"], &[vec![hostile]]);
        for data in [progress, table] {
            let html = data["text/html"].as_str().unwrap();
            assert!(!html.contains("<script"), "{html}");
            assert!(html.contains("&lt;script&gt;alert(&#39;&quot;&amp;&#39;)"), "{html}");
        }
    }

    #[test]
    fn tables_are_aligned() {
        let data = table(&["NAME", "TYPE"], &[vec!["x".into(), "i32".into()], vec!["größe".into(), "f64".into()]]);
        assert_eq!(data["text/plain"], "NAME   TYPE\nx      i32\ngröße  f64");
    }
}
