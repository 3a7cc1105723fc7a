//! Where the library's calls go: to the step that is running, or, in a kernel, nowhere but to the screen.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

use crate::Error;
use crate::display::MimeBundle;

/// Receives what a cell shows, logs and writes.
#[cfg_attr(not(feature = "step"), allow(dead_code, reason = "only a step receives anything"))]
pub(crate) trait Recorder: Send + Sync {
    /// The run's value of a parameter, where it has one.
    fn parameter(&self, name: &str) -> Option<Value>;
    /// A display, or the new content of the earlier one with the same id.
    fn display(&self, data: &MimeBundle, id: Option<&str>);
    /// A metric; `step` is its place in a series.
    fn metric(&self, name: &str, value: &Value, step: Option<i64>);
    /// How far a piece of work has got.
    fn progress(&self, label: &str, done: u64, total: Option<u64>);
    /// The file that an artifact is to be written to; its folder exists.
    fn artifact(&self, name: &str, mime: Option<&str>) -> Result<PathBuf, Error>;
}

static RECORDER: OnceLock<Box<dyn Recorder>> = OnceLock::new();

/// The step that is running in this process; none in a kernel.
pub(crate) fn current() -> Option<&'static dyn Recorder> {
    RECORDER.get().map(AsRef::as_ref)
}

/// Sends everything to `recorder` from now on; false where a recorder is set already.
#[cfg(feature = "step")]
pub(crate) fn install(recorder: Box<dyn Recorder>) -> bool {
    RECORDER.set(recorder).is_ok()
}
