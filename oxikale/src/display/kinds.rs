//! One function for each kind of rich output.

use serde_json::Value;

use super::{MimeBundle, Rich, VEGA_LITE};
use crate::evcxr;

/// Plain text.
///
/// ```
/// oxikale::display::show(&oxikale::display::text("plain"));
/// ```
pub fn text(text: impl Into<String>) -> Rich {
    Rich::new(MimeBundle::new().with("text/plain", text.into()))
}

/// HTML. Text from elsewhere that becomes part of it must be escaped by the caller.
///
/// ```
/// oxikale::display::show(&oxikale::display::html("<em>emphasis</em>"));
/// ```
pub fn html(html: impl Into<String>) -> Rich {
    Rich::new(MimeBundle::new().with("text/html", html.into()))
}

/// Markdown; formulas between dollar signs are drawn by Jupyter.
///
/// ```
/// oxikale::display::show(&oxikale::display::markdown("The optimum is $x^\\star = (2, 6)$."));
/// ```
pub fn markdown(markdown: impl Into<String>) -> Rich {
    let markdown = markdown.into();
    Rich::new(MimeBundle::new().with("text/markdown", markdown.clone()).with("text/plain", markdown))
}

/// An SVG picture.
///
/// ```
/// let picture = r#"<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>"#;
/// oxikale::display::show(&oxikale::display::svg(picture));
/// ```
pub fn svg(svg: impl Into<String>) -> Rich {
    Rich::new(MimeBundle::new().with("image/svg+xml", svg.into()))
}

/// A PNG picture, from the bytes of a PNG file.
///
/// ```
/// # let bytes: &[u8] = b"\x89PNG\r\n\x1a\n";
/// oxikale::display::show(&oxikale::display::png(bytes));
/// ```
pub fn png(bytes: impl AsRef<[u8]>) -> Rich {
    Rich::new(MimeBundle::new().with("image/png", evcxr::base64(bytes.as_ref())))
}

/// JSON, which JupyterLab shows as a tree.
///
/// ```
/// oxikale::display::show(&oxikale::display::json(serde_json::json!({"rate": 0.1, "layers": [64, 64]})));
/// ```
pub fn json(value: impl Into<Value>) -> Rich {
    let value = value.into();
    let text = format!("{value:#}");
    Rich::new(MimeBundle::new().with("application/json", value).with("text/plain", text))
}

/// A Vega-Lite 5 chart from its specification.
///
/// ```
/// oxikale::display::show(&oxikale::display::vega_lite(serde_json::json!({
///     "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
///     "data": {"values": [{"x": 1, "y": 3}, {"x": 2, "y": 5}]},
///     "mark": "line",
///     "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
/// })));
/// ```
pub fn vega_lite(specification: impl Into<Value>) -> Rich {
    let specification = specification.into();
    let title = match specification.get("title") {
        Some(Value::String(title)) => format!("Vega-Lite chart: {title}"),
        _ => "Vega-Lite chart".to_owned(),
    };
    Rich::new(MimeBundle::new().with(VEGA_LITE, specification).with("text/plain", title))
}
