//! Rich output: text, HTML, tables, Markdown, SVG, PNG, JSON and Vega-Lite, at the end of a cell or anywhere in it.
//!
//! ```
//! use oxikale::display;
//!
//! // anywhere in a cell, any number of times
//! display::show(&display::html("<b>bold</b>"));
//!
//! // and a cell that ends with this value shows it, in evcxr too
//! display::svg(r#"<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><circle r="5"/></svg>"#)
//! # ;
//! ```

mod kinds;
mod table;

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};

pub use kinds::{html, json, markdown, png, svg, text, vega_lite};
pub use table::table;

use crate::{engine, evcxr, recorder};

/// The MIME type of Vega-Lite 5 charts, which JupyterLab draws by itself.
pub const VEGA_LITE: &str = "application/vnd.vegalite.v5+json";

/// One piece of output in one or several forms: MIME type → text, base64 of bytes, or JSON.
///
/// ```
/// use oxikale::display::MimeBundle;
///
/// let bundle = MimeBundle::new().with("text/plain", "2 rows").with("text/html", "<table>…</table>");
/// assert_eq!(bundle.get("text/plain").unwrap(), "2 rows");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MimeBundle {
    forms: Vec<(String, Value)>,
}

impl MimeBundle {
    /// An empty bundle.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bundle with one form more; an earlier form of the same type is replaced.
    #[must_use]
    pub fn with(mut self, mime: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(mime, value);
        self
    }

    /// Adds a form; an earlier form of the same type is replaced.
    pub fn insert(&mut self, mime: impl Into<String>, value: impl Into<Value>) {
        // A MIME type is one line: a newline in it would end evcxr's marker early.
        let mime = mime.into().replace(['\r', '\n'], " ");
        let value = value.into();
        match self.forms.iter_mut().find(|(known, _)| *known == mime) {
            Some((_, old)) => *old = value,
            None => self.forms.push((mime, value)),
        }
    }

    /// The form of a MIME type.
    pub fn get(&self, mime: &str) -> Option<&Value> {
        self.forms.iter().find(|(known, _)| known == mime).map(|(_, value)| value)
    }

    /// The forms, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.forms.iter().map(|(mime, value)| (mime.as_str(), value))
    }

    /// Whether there is no form at all.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The bundle as Jupyter writes it: `{"text/plain": "…", …}`.
    pub fn to_json(&self) -> Value {
        Value::Object(self.forms.iter().cloned().collect::<Map<_, _>>())
    }

    /// The bundle as a trailing expression shows it in evcxr.
    pub fn evcxr_display(&self) {
        show(self);
    }
}

/// A value that knows its rich form. Implement it for types of your own.
///
/// ```
/// use oxikale::display::{self, Display, MimeBundle};
///
/// struct Swatch(&'static str);
///
/// impl Display for Swatch {
///     fn mime_bundle(&self) -> MimeBundle {
///         display::html(format!("<span style='background:{}'>&emsp;</span>", self.0)).mime_bundle()
///     }
/// }
///
/// display::show(&Swatch("teal"));
/// ```
pub trait Display {
    /// The value's forms; a front end shows the richest that it can.
    fn mime_bundle(&self) -> MimeBundle;
}

impl Display for MimeBundle {
    fn mime_bundle(&self) -> MimeBundle {
        self.clone()
    }
}

macro_rules! display_through {
    ($($pointer:ty),*) => {$(
        impl<T: Display + ?Sized> Display for $pointer {
            fn mime_bundle(&self) -> MimeBundle {
                (**self).mime_bundle()
            }
        }
    )*};
}
display_through!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

/// Rich output that is ready to be shown: what [`html`], [`svg`] and the like return.
///
/// As a cell's trailing expression it is the cell's result, in evcxr as well as in a step.
///
/// ```
/// let table = oxikale::display::html("<table><tr><td>1</td></tr></table>").with_text("1");
/// oxikale::display::show(&table);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "nothing is shown until it is a cell's last expression or `display::show` gets it"]
pub struct Rich {
    bundle: MimeBundle,
}

impl Rich {
    /// Rich output with these forms.
    pub fn new(bundle: MimeBundle) -> Self {
        Self { bundle }
    }

    /// The same with a plain text beside it, for logs and for front ends that cannot show more.
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.bundle.insert("text/plain", text.into());
        self
    }

    /// Shows it by evcxr's convention; in a step it goes into the step's report.
    pub fn evcxr_display(&self) {
        show(self);
    }
}

impl Display for Rich {
    fn mime_bundle(&self) -> MimeBundle {
        self.bundle.clone()
    }
}

/// Shows a value now. A cell may call it any number of times.
///
/// ```
/// # use oxikale::display;
/// for n in 1..=3 {
///     display::show(&display::markdown(format!("Round **{n}**")));
/// }
/// ```
pub fn show(value: &(impl Display + ?Sized)) {
    emit(&value.mime_bundle(), None, false);
}

/// Shows a value under an id and returns the handle by which it can be replaced later.
///
/// Where a front end cannot replace output (evcxr), an update is shown below. An empty `id` gets a fresh one.
///
/// ```
/// # use oxikale::display;
/// let mut status = display::show_as("status", &display::text("starting"));
/// status.update(&display::text("done"));
/// ```
pub fn show_as(id: impl Into<String>, value: &(impl Display + ?Sized)) -> Handle {
    let mut id = id.into();
    if id.is_empty() {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        id = format!("display-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    }
    emit(&value.mime_bundle(), Some(&id), false);
    Handle { id }
}

/// The form by which a notebook's kernel knows that outputs are to be cleared.
const CLEAR: &str = "application/vnd.oxikale.clear-output+json";

/// Clears what the cell has put out until now; with `wait`, only when something new comes, so that nothing flickers.
///
/// It does nothing where there is no notebook to look at: in a step, in evcxr, in a terminal.
///
/// ```
/// # use oxikale::display;
/// for frame in 0..3 {
///     display::clear(true);
///     display::show(&display::text(format!("frame {frame}")));
/// }
/// ```
pub fn clear(wait: bool) {
    if recorder::current().is_none() {
        engine::display(&MimeBundle::new().with(CLEAR, serde_json::json!({ "wait": wait })), None, false);
    }
}

/// A display that can be replaced: what [`show_as`] returns.
#[derive(Debug, Clone)]
pub struct Handle {
    id: String,
}

impl Handle {
    /// The id under which the display is known.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Replaces what is shown.
    pub fn update(&mut self, value: &(impl Display + ?Sized)) {
        emit(&value.mime_bundle(), Some(&self.id), true);
    }
}

/// Sends a bundle to where displays go.
fn emit(bundle: &MimeBundle, id: Option<&str>, update: bool) {
    if bundle.is_empty() {
        return;
    }
    match recorder::current() {
        Some(recorder) => recorder.display(bundle, id),
        // A closed standard output must not end the cell: what it computed is worth more than its display.
        None if engine::display(bundle, id, update) => {}
        None => drop(evcxr::write_blocks(&mut io::stdout().lock(), bundle)),
    }
}

/// Whether a MIME type's form is JSON rather than text.
#[cfg(feature = "step")]
pub(crate) fn is_json(mime: &str) -> bool {
    mime == "application/json" || mime.ends_with("+json")
}
