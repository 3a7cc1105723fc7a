//! Parameters of a run: the notebook's value, unless the run was given another one.

mod types;

use serde_json::{Map, Value};

pub use types::{Key, Mismatch};

use crate::{Error, recorder};

/// The environment variable with a run's parameters as a JSON object, for cells that run outside a step.
const VARIABLE: &str = "OXIKALE_PARAMS";

/// A type that a parameter may have.
///
/// Numbers, truth values, characters, texts, `Vec`, arrays, tuples, maps with text keys, `Option` (where `null` is
/// `None`) and [`serde_json::Value`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a pipeline parameter",
    note = "a parameter is a number, a bool, a char, a text, a Vec, an array, a tuple, a map with text keys, an Option of these, or a serde_json::Value"
)]
pub trait Parameter: Sized {
    /// Reads the value that a run was given.
    ///
    /// # Errors
    /// When the JSON value is of another type or out of range.
    fn from_json(value: &Value) -> Result<Self, Mismatch>;

    /// The type in words, e.g. `a list of f64`.
    fn expected() -> String;
}

/// The run's value of the parameter `name`, or `default` where the run has none.
///
/// A run's values come from the pipeline in a step, and otherwise from the JSON object in the environment variable
/// `OXIKALE_PARAMS`.
///
/// ```
/// let rate = oxikale::params::get("rate", 0.1);
/// let layers = oxikale::params::get("layers", vec![64, 64]);
/// assert_eq!((rate, layers), (0.1, vec![64, 64]));
/// ```
///
/// # Panics
/// When the run's value has another type; the message names the parameter, what is expected and what it is.
/// [`try_get`] returns that as an error.
#[track_caller]
pub fn get<T: Parameter>(name: impl AsRef<str>, default: T) -> T {
    match try_get(name, default) {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// As [`get`], with a wrong value as an error.
///
/// # Errors
/// When the run's value has another type.
///
/// ```
/// let name = oxikale::params::try_get("name", "nobody")?;
/// assert_eq!(name, "nobody");
/// # Ok::<(), oxikale::Error>(())
/// ```
pub fn try_get<T: Parameter>(name: impl AsRef<str>, default: T) -> Result<T, Error> {
    let name = name.as_ref();
    match given(name)? {
        Some(value) => read(name, &value),
        None => Ok(default),
    }
}

/// The value that the run was given.
fn given(name: &str) -> Result<Option<Value>, Error> {
    if let Some(recorder) = recorder::current() {
        return Ok(recorder.parameter(name));
    }
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(None) };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let mut values: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| Error::new(format!("{VARIABLE} must be a JSON object such as {{\"rate\": 0.1}}: {error}")))?;
    Ok(values.remove(name))
}

/// Reads a given value, with an error that names the parameter.
pub(crate) fn read<T: Parameter>(name: &str, value: &Value) -> Result<T, Error> {
    T::from_json(value).map_err(|mismatch| {
        let mut shown = value.to_string();
        if shown.chars().count() > 200 {
            shown = shown.chars().take(200).chain(['…']).collect();
        }
        let place = match mismatch.path() {
            "" => String::new(),
            path => format!(" (at {path}: {})", mismatch.reason()),
        };
        let reason = if place.is_empty() { format!(": {}", mismatch.reason()) } else { place };
        Error::new(format!("parameter `{name}` must be {}, but the run's value is {shown}{reason}", T::expected()))
    })
}
