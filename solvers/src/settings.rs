//! The ranges that the settings of the methods must lie in.

use crate::error::Error;

/// `found` must be above 0 and finite.
pub(crate) fn positive(name: &'static str, found: f64) -> Result<(), Error> {
    within(name, found, 0.0, f64::INFINITY, "above 0 and finite")
}

/// `found` must be above 1 and finite.
pub(crate) fn above_one(name: &'static str, found: f64) -> Result<(), Error> {
    within(name, found, 1.0, f64::INFINITY, "above 1 and finite")
}

/// `found` must be above `low` and below `high`, which NaN is not.
pub(crate) fn within(name: &'static str, found: f64, low: f64, high: f64, expected: &'static str) -> Result<(), Error> {
    if found > low && found < high { Ok(()) } else { Err(Error::Setting { name, expected, found }) }
}
