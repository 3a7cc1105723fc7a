//! The HTML report of a step: one page that needs nothing else, with whatever the step showed.
//!
//! A report is opened beside other people's reports, so nothing in it may run: text is escaped, HTML stands in a
//! sandboxed frame without an origin, pictures are data of an image, where scripts stay dead.

use std::fmt::Write;

use serde_json::Value;

use super::format::readable_size;
use super::output::End;
use super::session::{METRICS, RESULT, Session, State};
use crate::display::{MimeBundle, VEGA_LITE};
use crate::evcxr::base64;
use crate::metrics::plain;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--soft:#8882}\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid var(--line)}\
table{border-collapse:collapse}th,td{text-align:left;padding:.25rem .75rem;border-bottom:1px solid var(--line)}\
td.number{text-align:right;font-variant-numeric:tabular-nums}\
pre{background:var(--soft);padding:.75rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere}\
.failure{border-left:4px solid #d33}.state{font-weight:600}.ok{color:#2a8a3a}.bad{color:#d33}\
iframe{width:100%;height:24rem;border:1px solid var(--line);background:#fff;resize:vertical}\
img{max-width:100%;background:#fff}section.display{margin:1rem 0}";

/// A series of a metric is drawn from this many points on.
const FEWEST_POINTS: usize = 2;

/// The whole page.
pub(crate) fn page(session: &Session, state: &State, end: &End<'_>) -> String {
    let step = escape(&session.step);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{step}</title><style>{STYLE}</style></head><body>\n<h1>Step {step}</h1>\n"
    );
    match end {
        End::Done => page.push_str("<p class=\"state ok\">✓ done</p>\n"),
        End::Failed(reason) => {
            add(
                &mut page,
                format_args!("<p class=\"state bad\">✗ failed</p>\n<pre class=\"failure\">{}</pre>\n", escape(reason)),
            );
        }
    }
    add_parameters(&mut page, session);
    add_metrics(&mut page, state);
    if !state.displays.is_empty() {
        page.push_str("<h2>Output</h2>\n");
        for shown in &state.displays {
            add(&mut page, format_args!("<section class=\"display\">{}</section>\n", display(&shown.bundle)));
        }
    }
    add_artifacts(&mut page, session, state);
    page.push_str("</body></html>\n");
    page
}

/// Appends to a text, which cannot fail.
fn add(page: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(arguments);
}

fn add_parameters(page: &mut String, session: &Session) {
    let parameters = session.input.parameters();
    if parameters.is_empty() {
        return;
    }
    page.push_str("<h2>Parameters</h2>\n<table>\n");
    for (name, value) in parameters {
        add(page, format_args!("<tr><th>{}</th><td>{}</td></tr>\n", escape(name), escape(&plain(value))));
    }
    page.push_str("</table>\n");
}

fn add_metrics(page: &mut String, state: &State) {
    if state.metrics.is_empty() {
        return;
    }
    page.push_str("<h2>Metrics</h2>\n<table>\n");
    for metric in &state.metrics {
        add(
            page,
            format_args!(
                "<tr><th>{}</th><td class=\"number\">{}</td><td>{}</td></tr>\n",
                escape(&metric.name),
                escape(&plain(&metric.last)),
                curve(&metric.series)
            ),
        );
    }
    page.push_str("</table>\n");
}

/// A series as a small line; what is no number is left out.
fn curve(series: &[(i64, Value)]) -> String {
    let points: Vec<(f64, f64)> =
        series.iter().filter_map(|(step, value)| Some((*step as f64, value.as_f64()?))).collect();
    if points.len() < FEWEST_POINTS {
        return String::new();
    }
    let range = |pick: fn(&(f64, f64)) -> f64| {
        let low = points.iter().map(pick).fold(f64::INFINITY, f64::min);
        let high = points.iter().map(pick).fold(f64::NEG_INFINITY, f64::max);
        (low, if high > low { high - low } else { 1.0 })
    };
    let ((x_low, width), (y_low, height)) = (range(|point| point.0), range(|point| point.1));
    let path: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{:.1},{:.1}", 2.0 + 156.0 * (x - x_low) / width, 30.0 - 28.0 * (y - y_low) / height))
        .collect();
    format!(
        "<svg width=\"160\" height=\"32\" role=\"img\" aria-label=\"{} points\"><polyline points=\"{}\" fill=\"none\" \
         stroke=\"currentColor\" stroke-width=\"1.5\"/></svg>",
        points.len(),
        path.join(" ")
    )
}

fn add_artifacts(page: &mut String, session: &Session, state: &State) {
    let artifacts: Vec<_> =
        state.written.iter().filter(|(key, _)| ![METRICS, RESULT].contains(&key.as_str())).collect();
    if artifacts.is_empty() {
        return;
    }
    page.push_str("<h2>Variables and artifacts</h2>\n<table>\n");
    for (key, written) in artifacts {
        let text = |name: &str| written.metadata.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = if written.variable { text("rust_type") } else { text("mime") };
        let about = if written.variable { text("display") } else { "" };
        let size = written.metadata.get("size").and_then(Value::as_u64).map(readable_size).unwrap_or_default();
        let uri = session.input.output(key).map_or("", |artifact| artifact.uri.as_str());
        add(
            page,
            format_args!(
                "<tr><th title=\"{}\">{}</th><td><code>{}</code></td><td>{}</td><td class=\"number\">{size}</td></tr>\n",
                escape(uri),
                escape(key),
                escape(kind),
                escape(about)
            ),
        );
    }
    page.push_str("</table>\n");
}

/// The richest form of a bundle that a page without scripts can show.
fn display(bundle: &MimeBundle) -> String {
    let text = |mime: &str| bundle.get(mime).map(plain);
    if let Some(html) = text("text/html") {
        // No permission at all: no scripts, no origin, no forms, no navigation of the page around it.
        return format!("<iframe sandbox=\"\" srcdoc=\"{}\" title=\"HTML output\"></iframe>", escape(&html));
    }
    if let Some(svg) = text("image/svg+xml") {
        return format!("<img alt=\"picture\" src=\"data:image/svg+xml;base64,{}\">", base64(svg.as_bytes()));
    }
    for mime in ["image/png", "image/jpeg", "image/gif", "image/webp"] {
        if let Some(data) = text(mime) {
            let data: String = data.chars().filter(|c| c.is_ascii_alphanumeric() || "+/=".contains(*c)).collect();
            return format!("<img alt=\"picture\" src=\"data:{mime};base64,{data}\">");
        }
    }
    if let Some(chart) = bundle.get(VEGA_LITE) {
        let title = text("text/plain").unwrap_or_default();
        return format!(
            "<details><summary>{} (its specification)</summary><pre>{}</pre></details>",
            escape(&title),
            escape(&format!("{chart:#}"))
        );
    }
    if let Some(json) = bundle.get("application/json") {
        return format!("<pre>{}</pre>", escape(&format!("{json:#}")));
    }
    let plainest = text("text/markdown").or_else(|| text("text/plain"));
    let plainest = plainest.or_else(|| bundle.iter().next().map(|(mime, value)| format!("{mime}: {}", plain(value))));
    format!("<pre>{}</pre>", escape(&plainest.unwrap_or_default()))
}

/// Text as HTML, in an element or an attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // NUL is no HTML.
            '\0' => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}
