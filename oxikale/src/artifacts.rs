//! Files that a run keeps: tables, pictures, models, reports.
//!
//! In a step an artifact becomes an output of the step, so its name must be written as a string literal in the call:
//! that is how the pipeline knows of it beforehand. In a kernel it becomes a file in `./artifacts`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{Error, recorder};

/// The folder of artifacts outside a step.
const FOLDER: &str = "artifacts";

/// Writes bytes as an artifact and returns the file.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("oxikale-bytes-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?; std::env::set_current_dir(&folder)?;
/// let file = oxikale::artifacts::write("weights", [1_u8, 2, 3])?;
/// assert_eq!(std::fs::read(file)?, [1, 2, 3]);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the step has no such artifact, or the file cannot be written.
pub fn write(name: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Result<PathBuf, Error> {
    store(name.as_ref(), "application/octet-stream", bytes.as_ref())
}

/// Writes a text.
///
/// # Errors
/// As [`write()`].
pub fn text(name: impl AsRef<str>, text: impl AsRef<str>) -> Result<PathBuf, Error> {
    store(name.as_ref(), "text/plain", text.as_ref().as_bytes())
}

/// Writes a value as JSON. Not-a-number becomes `null`, as JSON has no such number.
///
/// # Errors
/// As [`write()`], and when the value has no JSON form, e.g. a map whose keys are lists.
pub fn json(name: impl AsRef<str>, value: &(impl Serialize + ?Sized)) -> Result<PathBuf, Error> {
    let name = name.as_ref();
    let text = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::caused(format!("artifact `{name}` cannot be written as JSON"), error))?;
    store(name, "application/json", &text)
}

/// Writes an SVG picture.
///
/// # Errors
/// As [`write()`].
pub fn svg(name: impl AsRef<str>, svg: impl AsRef<str>) -> Result<PathBuf, Error> {
    store(name.as_ref(), "image/svg+xml", svg.as_ref().as_bytes())
}

/// Writes a PNG picture, from the bytes of a PNG file.
///
/// # Errors
/// As [`write()`].
pub fn png(name: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Result<PathBuf, Error> {
    store(name.as_ref(), "image/png", bytes.as_ref())
}

/// Writes an HTML page.
///
/// # Errors
/// As [`write()`].
pub fn html(name: impl AsRef<str>, html: impl AsRef<str>) -> Result<PathBuf, Error> {
    store(name.as_ref(), "text/html", html.as_ref().as_bytes())
}

/// Copies a file that exists already.
///
/// # Errors
/// As [`write()`], and when the file cannot be read.
pub fn file(name: impl AsRef<str>, source: impl AsRef<Path>) -> Result<PathBuf, Error> {
    let (name, source) = (name.as_ref(), source.as_ref());
    let (target, told) = place(name, mime_of(source))?;
    let same = match (fs::canonicalize(source), fs::canonicalize(&target)) {
        (Ok(source), Ok(target)) => source == target,
        _ => false,
    };
    // Copying a file onto itself would empty it.
    if !same {
        fs::copy(source, &target).map_err(|error| {
            Error::caused(format!("artifact `{name}`: cannot copy {} to {}", source.display(), target.display()), error)
        })?;
    }
    tell(name, &target, told);
    Ok(target)
}

/// The path of an artifact, for code that writes the file itself. Its folder exists.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("oxikale-path-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?; std::env::set_current_dir(&folder)?;
/// std::fs::write(oxikale::artifacts::path("table")?, "a,b\n1,2\n")?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the step has no such artifact, or the folder cannot be created.
pub fn path(name: impl AsRef<str>) -> Result<PathBuf, Error> {
    let name = name.as_ref();
    let (target, told) = place(name, None)?;
    tell(name, &target, told);
    Ok(target)
}

/// Writes the bytes to where the artifact belongs.
fn store(name: &str, mime: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
    let (target, told) = place(name, Some(mime))?;
    fs::write(&target, bytes)
        .map_err(|error| Error::caused(format!("artifact `{name}`: cannot write {}", target.display()), error))?;
    tell(name, &target, told);
    Ok(target)
}

/// The artifact's file, and whether the recorder knows of it.
fn place(name: &str, mime: Option<&str>) -> Result<(PathBuf, bool), Error> {
    if let Some(recorder) = recorder::current() {
        return Ok((recorder.artifact(name, mime)?, true));
    }
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder).map_err(|error| {
        Error::caused(format!("artifact `{name}`: cannot create the folder {}", folder.display()), error)
    })?;
    Ok((folder.join(file_name(name)), false))
}

fn tell(name: &str, target: &Path, told: bool) {
    if !told {
        // A closed standard output must not end the cell.
        drop(writeln!(std::io::stdout(), "artifact {name}: {}", target.display()));
    }
}

/// A file name that stays in its folder: anything but letters, digits, `.`, `-`, `_` and space becomes `_`.
fn file_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' })
        .take(100)
        .collect();
    match safe.trim() {
        "" => "_".to_owned(),
        // A leading point would hide the file, and `..` would leave the folder.
        trimmed if trimmed.starts_with('.') => format!("_{trimmed}"),
        trimmed => trimmed.to_owned(),
    }
}

/// The MIME type by a file name's ending.
fn mime_of(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match ending.as_str() {
        "csv" => "text/csv",
        "gif" => "image/gif",
        "htm" | "html" => "text/html",
        "jpeg" | "jpg" => "image/jpeg",
        "json" => "application/json",
        "md" => "text/markdown",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" | "log" => "text/plain",
        _ => return None,
    })
}
