//! Tables from rows: HTML for notebooks, aligned text for logs.

use super::{MimeBundle, Rich};

/// A table with these titles above its columns. Numbers are written to the right, and what HTML would take as its own
/// is escaped.
///
/// A list of structs needs none of this as a cell's last expression: the kernel shows it as a table by itself.
///
/// ```
/// use oxikale::display;
///
/// let models = [("tree", 0.91_f64), ("forest", 0.95)];
/// let rows = models.map(|(name, accuracy)| [name.to_string(), format!("{accuracy:.2}")]);
/// display::show(&display::table(["model", "accuracy"], rows));
/// ```
pub fn table<R>(titles: impl IntoIterator<Item: ToString>, rows: impl IntoIterator<Item = R>) -> Rich
where
    R: IntoIterator<Item: ToString>,
{
    let mut titles: Vec<String> = titles.into_iter().map(|title| title.to_string()).collect();
    let mut rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.into_iter().map(|cell| cell.to_string()).collect()).collect();
    // A row that is too short or too long still is a row.
    let columns = rows.iter().map(Vec::len).fold(titles.len(), usize::max);
    for line in rows.iter_mut().chain([&mut titles]) {
        line.resize(columns, String::new());
    }
    // A column is one of numbers if all that stands in it is a number.
    let numeric: Vec<bool> = (0..columns)
        .map(|column| {
            let mut cells = rows.iter().map(|row| row[column].as_str()).filter(|cell| !cell.is_empty()).peekable();
            cells.peek().is_some() && cells.all(is_number)
        })
        .collect();
    Rich::new(
        MimeBundle::new()
            .with("text/html", html(&titles, &rows, &numeric))
            .with("text/plain", text(&titles, &rows, &numeric)),
    )
}

/// Whether a cell holds a number, perhaps with a unit such as `%` behind it.
fn is_number(cell: &str) -> bool {
    let cell = cell.trim_end_matches('%').trim().replace('−', "-");
    cell.parse::<f64>().is_ok()
}

fn html(titles: &[String], rows: &[Vec<String>], numeric: &[bool]) -> String {
    let line = |cells: &[String], tag: &str| -> String {
        let cells: String = cells
            .iter()
            .zip(numeric)
            .map(|(cell, numeric)| {
                let side = if *numeric { "right" } else { "left" };
                format!("<{tag} style=\"text-align:{side}\">{}</{tag}>", escape(cell))
            })
            .collect();
        format!("<tr>{cells}</tr>")
    };
    let body: String = rows.iter().map(|row| line(row, "td")).collect();
    format!("<table><thead>{}</thead><tbody>{body}</tbody></table>", line(titles, "th"))
}

fn text(titles: &[String], rows: &[Vec<String>], numeric: &[bool]) -> String {
    let width = |cell: &String| cell.chars().count();
    let widths: Vec<usize> = (0..titles.len())
        .map(|at| rows.iter().map(|row| width(&row[at])).fold(width(&titles[at]), usize::max))
        .collect();
    let line = |cells: &[String]| -> String {
        let cells: Vec<String> = cells
            .iter()
            .zip(widths.iter().zip(numeric))
            .map(|(cell, (width, numeric))| if *numeric { format!("{cell:>width$}") } else { format!("{cell:width$}") })
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    let lines: Vec<String> = [titles].into_iter().chain(rows.iter().map(Vec::as_slice)).map(line).collect();
    lines.join("\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Display;

    fn forms(table: &Rich) -> (String, String) {
        let bundle = table.mime_bundle();
        let form = |mime| bundle.get(mime).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        (form("text/html"), form("text/plain"))
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let (html, text) = forms(&table(["model", "score"], [["tree", "9.5"], ["forest", "10.25"]]));
        assert_eq!(text, "model   score\ntree      9.5\nforest  10.25");
        assert!(
            html.contains("<td style=\"text-align:left\">tree</td><td style=\"text-align:right\">9.5</td>"),
            "{html}"
        );
    }

    #[test]
    fn markup_is_escaped() {
        let (html, text) = forms(&table(["<b>"], [["a & \"b\""]]));
        assert!(html.contains("&lt;b&gt;") && html.contains("a &amp; &quot;b&quot;"), "{html}");
        assert_eq!(text, "<b>\na & \"b\"");
    }

    #[test]
    fn rows_of_other_lengths_are_filled_up() {
        let (html, text) = forms(&table(["n"], [vec![1, 2], vec![]]));
        assert_eq!(html.matches("<td").count(), 4);
        assert_eq!(text, "n\n1  2\n");
    }

    #[test]
    fn a_table_without_rows_is_its_titles() {
        let (html, text) = forms(&table(["a", "b"], Vec::<[f64; 2]>::new()));
        assert_eq!(text, "a  b");
        assert!(html.contains("<tbody></tbody>"), "{html}");
    }
}
