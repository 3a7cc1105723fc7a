//! The file formats of variables between steps, chosen by type: JSON, `.npy` or MessagePack.

#[cfg(feature = "ndarray")]
mod array;
mod message_pack;
mod scalar;

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::{fs, io};

use super::file::WholeFile;
use super::slot::HandOn;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A scalar or a text as JSON, with Python's `NaN` and `Infinity`.
    Json,
    /// An array as NumPy writes it.
    #[cfg(feature = "ndarray")]
    Npy,
    /// Anything else, with named fields.
    MessagePack,
}

impl Kind {
    /// The format of a type.
    pub fn of<T: 'static>() -> Self {
        let probe: Option<T> = None;
        if scalar::is_scalar(&probe) {
            return Self::Json;
        }
        #[cfg(feature = "ndarray")]
        if array::is_array(&probe) {
            return Self::Npy;
        }
        Self::MessagePack
    }

    /// Its name in an artifact's metadata.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            #[cfg(feature = "ndarray")]
            Self::Npy => "npy",
            Self::MessagePack => "msgpack",
        }
    }
}

/// What there is to say about a saved variable.
pub(crate) struct Saved {
    /// The format.
    pub kind: Kind,
    /// The file's size in bytes.
    pub size: u64,
    /// A short text for people.
    pub display: String,
}

/// Why a file could not be written or read.
#[derive(Debug)]
pub(crate) enum FormatError {
    /// The file system refused.
    Io(io::Error),
    /// The value, or what stands in the file, does not fit the type.
    Content(String),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::StorageFull => write!(f, "the disk is full: {error}"),
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                write!(f, "the file is missing: {error}")
            }
            Self::Io(error) => write!(f, "{error}"),
            Self::Content(reason) => f.write_str(reason),
        }
    }
}

impl Error for FormatError {}

impl From<io::Error> for FormatError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes a value to a file, whole or not at all.
pub(crate) fn save<T: HandOn>(value: &T, path: &Path) -> Result<Saved, FormatError> {
    if let Some(text) = scalar::to_json(value) {
        let mut file = WholeFile::create(path)?;
        file.write_all(text.as_bytes())?;
        let size = file.finish()?;
        return Ok(Saved { kind: Kind::Json, size, display: shorten(&text) });
    }
    #[cfg(feature = "ndarray")]
    if Kind::of::<T>() == Kind::Npy {
        let mut file = WholeFile::create(path)?;
        let display = array::write(value, &mut file)?;
        let size = file.finish()?;
        return Ok(Saved { kind: Kind::Npy, size, display });
    }
    let mut file = WholeFile::create(path)?;
    message_pack::write(value, &mut file)?;
    let size = file.finish()?;
    message_pack::check_lengths(path, size)?;
    let name = std::any::type_name::<T>();
    Ok(Saved { kind: Kind::MessagePack, size, display: format!("{name}, {}", readable_size(size)) })
}

/// Reads a value from a file.
pub(crate) fn load<T: HandOn>(kind: Kind, path: &Path) -> Result<T, FormatError> {
    let mut place: Option<T> = None;
    match kind {
        Kind::Json => {
            let text = String::from_utf8(fs::read(path)?)
                .map_err(|_| FormatError::Content("the file is damaged: it is not UTF-8".to_owned()))?;
            scalar::from_json(&text, &mut place as &mut dyn Any)
                .map_err(|reason| FormatError::Content(format!("the file is damaged: {reason}")))?;
        }
        #[cfg(feature = "ndarray")]
        Kind::Npy => array::read(path, &mut place as &mut dyn Any)?,
        Kind::MessagePack => return message_pack::read(path),
    }
    place.ok_or_else(|| FormatError::Content("no reader is known for this type".to_owned()))
}

/// The beginning of a text, on one line.
pub(crate) fn shorten(text: &str) -> String {
    const LENGTH: usize = 120;
    let line = text.replace(['\r', '\n'], " ");
    match line.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A number of bytes for people.
pub(crate) fn readable_size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
