//! Displays in the Oxikale engine: records for the pipe whose path the environment names.

use std::fs::File;
use std::io::{self, Write};

use serde_json::json;

use crate::display::MimeBundle;

/// The environment variable with the path of the pipe.
const PIPE: &str = "OXIKALE_DISPLAY";

/// Sends a display to the engine; false where there is none. `update` says that it replaces the earlier one of its id.
pub(crate) fn display(bundle: &MimeBundle, id: Option<&str>, update: bool) -> bool {
    let Some(path) = std::env::var_os(PIPE) else { return false };
    let record = json!({ "kind": "display", "data": bundle.to_json(), "id": id, "update": update }).to_string();
    let Ok(length) = u32::try_from(record.len()) else { return false };
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(record.as_bytes());
    // What was printed before, also without a newline, comes before the display. A closed standard output is no reason
    // not to show it.
    _ = io::stdout().flush();
    let pipe = File::options().write(true).open(path);
    // In one call: records of several threads must not mix.
    pipe.and_then(|mut pipe| pipe.write_all(&bytes)).is_ok()
}
