//! Figures that a run is judged by: logged in a cell, kept with the run, comparable between runs.

use std::io::Write;

use serde_json::{Number, Value};

use crate::recorder;

/// A number or a truth value, or a reference to one.
///
/// Not-a-number and the infinities are kept: JSON has them as the texts `"NaN"`, `"Infinity"` and `"-Infinity"`.
pub trait Metric {
    /// The value as JSON.
    fn to_json(&self) -> Value;
}

macro_rules! integer_metrics {
    ($($integer:ty),*) => {$(
        impl Metric for $integer {
            fn to_json(&self) -> Value {
                match (i64::try_from(*self), u64::try_from(*self)) {
                    (Ok(value), _) => Value::from(value),
                    (_, Ok(value)) => Value::from(value),
                    // Beyond 64 bits a JSON number is a double everywhere, so it is one here as well.
                    _ => (*self as f64).to_json(),
                }
            }
        }
    )*};
}
integer_metrics!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

impl Metric for f64 {
    fn to_json(&self) -> Value {
        match Number::from_f64(*self) {
            Some(number) => Value::Number(number),
            None if self.is_nan() => Value::from("NaN"),
            None if *self > 0.0 => Value::from("Infinity"),
            None => Value::from("-Infinity"),
        }
    }
}

impl Metric for f32 {
    fn to_json(&self) -> Value {
        // By way of its shortest text, so that 0.1f32 is logged as 0.1 and not as 0.10000000149011612.
        self.to_string().parse().unwrap_or(f64::from(*self)).to_json()
    }
}

impl Metric for bool {
    fn to_json(&self) -> Value {
        Value::Bool(*self)
    }
}

impl<T: Metric + ?Sized> Metric for &T {
    fn to_json(&self) -> Value {
        (**self).to_json()
    }
}

impl<T: Metric + ?Sized> Metric for &mut T {
    fn to_json(&self) -> Value {
        (**self).to_json()
    }
}

/// Logs a metric. Any name is fine; the last value of a name is the run's.
///
/// ```
/// oxikale::metrics::log("accuracy", 0.93);
/// oxikale::metrics::log("macro F1 (test)", &0.91_f32);
/// oxikale::metrics::log("converged", true);
/// ```
pub fn log(name: impl AsRef<str>, value: impl Metric) {
    emit(name.as_ref(), &value.to_json(), None);
}

/// Logs one point of a series: `step` is its place, e.g. the epoch.
///
/// ```
/// for epoch in 0..3_usize {
///     oxikale::metrics::log_at("loss", epoch, 1.0 / (epoch + 1) as f64);
/// }
/// ```
pub fn log_at(name: impl AsRef<str>, step: impl Position, value: impl Metric) {
    emit(name.as_ref(), &value.to_json(), Some(step.place()));
}

/// A place in a series: any integer. One beyond 64 bits with a sign becomes the nearest that fits.
pub trait Position {
    /// The place.
    fn place(self) -> i64;
}

macro_rules! positions {
    ($($integer:ty),*) => {$(
        impl Position for $integer {
            fn place(self) -> i64 {
                i64::try_from(self).unwrap_or(i64::MAX)
            }
        }
        impl Position for &$integer {
            fn place(self) -> i64 {
                (*self).place()
            }
        }
    )*};
}
positions!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

fn emit(name: &str, value: &Value, step: Option<i64>) {
    if let Some(recorder) = recorder::current() {
        recorder.metric(name, value, step);
        return;
    }
    let value = plain(value);
    // A closed standard output must not end the cell.
    drop(match step {
        Some(step) => writeln!(std::io::stdout(), "{name}[{step}] = {value}"),
        None => writeln!(std::io::stdout(), "{name} = {value}"),
    });
}

/// The value as people write it.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
