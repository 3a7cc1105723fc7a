//! How each type of parameter is read from JSON.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use serde_json::{Map, Value};

use super::Parameter;

/// Why a JSON value is not of a parameter's type, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    path: String,
    reason: String,
}

impl Mismatch {
    /// A mismatch of the value as a whole.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { path: String::new(), reason: reason.into() }
    }

    /// The same mismatch, inside of an element of a list or map.
    #[must_use]
    pub fn inside(mut self, element: &str) -> Self {
        self.path.insert_str(0, element);
        self
    }

    /// Where, e.g. `[2]["rate"]`; empty for the value as a whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Why, e.g. `"x" is a text`.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// What a JSON value is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

fn wrong_kind(value: &Value) -> Mismatch {
    Mismatch::new(format!("this is {}", kind(value)))
}

/// A whole number of any size that JSON or a double can hold exactly.
///
/// Kubeflow passes integers as doubles, so `3.0` is one.
fn whole(value: &Value) -> Result<Whole, Mismatch> {
    let number = match value {
        Value::Number(number) => number,
        // JSON libraries round numbers beyond 64 bits, so those may come as text.
        Value::String(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            if digits.len() < 16 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong_kind(value));
            }
            return match (text.parse(), text.parse()) {
                (Ok(whole), _) => Ok(Whole::Signed(whole)),
                (_, Ok(whole)) => Ok(Whole::Unsigned(whole)),
                _ => Err(Mismatch::new("it has more than 128 bits")),
            };
        }
        _ => return Err(wrong_kind(value)),
    };
    if let Some(whole) = number.as_i64() {
        return Ok(Whole::Signed(whole.into()));
    }
    if let Some(whole) = number.as_u64() {
        return Ok(Whole::Signed(whole.into()));
    }
    match number.as_f64() {
        Some(double) if double.fract() != 0.0 => Err(Mismatch::new(format!("{number} is not a whole number"))),
        // 2^127 and 2^128: a double converts exactly below them.
        Some(double) if double.abs() < 170_141_183_460_469_231_731_687_303_715_884_105_728.0 => {
            Ok(Whole::Signed(double as i128))
        }
        Some(double) if (0.0..340_282_366_920_938_463_463_374_607_431_768_211_456.0).contains(&double) => {
            Ok(Whole::Unsigned(double as u128))
        }
        _ => Err(Mismatch::new("it has more than 128 bits")),
    }
}

enum Whole {
    Signed(i128),
    Unsigned(u128),
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Parameter for $integer {
            fn from_json(value: &Value) -> Result<Self, Mismatch> {
                let number = match whole(value)? {
                    Whole::Signed(number) => <$integer>::try_from(number).ok(),
                    Whole::Unsigned(number) => <$integer>::try_from(number).ok(),
                };
                number.ok_or_else(|| {
                    Mismatch::new(format!("it must lie between {} and {}", <$integer>::MIN, <$integer>::MAX))
                })
            }

            fn expected() -> String {
                concat!("a whole number (", stringify!($integer), ")").to_owned()
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

macro_rules! floats {
    ($($float:ty),*) => {$(
        impl Parameter for $float {
            fn from_json(value: &Value) -> Result<Self, Mismatch> {
                match value {
                    Value::Number(number) => match number.as_f64() {
                        Some(double) => Ok(double as $float),
                        None => Err(Mismatch::new("no float holds it")),
                    },
                    // JSON has no literals for these, so everybody writes them as text.
                    Value::String(text) => match text.as_str() {
                        "NaN" | "nan" => Ok(<$float>::NAN),
                        "Infinity" | "inf" => Ok(<$float>::INFINITY),
                        "-Infinity" | "-inf" => Ok(<$float>::NEG_INFINITY),
                        _ => Err(wrong_kind(value)),
                    },
                    _ => Err(wrong_kind(value)),
                }
            }

            fn expected() -> String {
                concat!("a number (", stringify!($float), ")").to_owned()
            }
        }
    )*};
}
floats!(f32, f64);

impl Parameter for bool {
    fn from_json(value: &Value) -> Result<Self, Mismatch> {
        value.as_bool().ok_or_else(|| wrong_kind(value))
    }

    fn expected() -> String {
        "true or false".to_owned()
    }
}

impl Parameter for char {
    fn from_json(value: &Value) -> Result<Self, Mismatch> {
        let text = value.as_str().ok_or_else(|| wrong_kind(value))?;
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(Mismatch::new("it must be exactly one character")),
        }
    }

    fn expected() -> String {
        "one character".to_owned()
    }
}

impl Parameter for String {
    fn from_json(value: &Value) -> Result<Self, Mismatch> {
        value.as_str().map(str::to_owned).ok_or_else(|| wrong_kind(value))
    }

    fn expected() -> String {
        "a text".to_owned()
    }
}

impl Parameter for &'static str {
    /// The text lives as long as the program: a run has few parameters, and each is read once.
    fn from_json(value: &Value) -> Result<Self, Mismatch> {
        String::from_json(value).map(|text| &*text.leak())
    }

    fn expected() -> String {
        String::expected()
    }
}

impl Parameter for Value {
    fn from_json(value: &Value) -> Result<Self, Mismatch> {
        Ok(value.clone())
    }

    fn expected() -> String {
        "any JSON value".to_owned()
    }
}

impl<T: Parameter> Parameter for Option<T> {
    fn from_json(value: &Value) -> Result<Self, Mismatch> {
        if value.is_null() { Ok(None) } else { T::from_json(value).map(Some) }
    }

    fn expected() -> String {
        format!("{} or null", T::expected())
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, Mismatch> {
    value.as_array().ok_or_else(|| wrong_kind(value))
}

impl<T: Parameter> Parameter for Vec<T> {
    fn from_json(value: &Value) -> Result<Self, Mismatch> {
        list(value)?
            .iter()
            .enumerate()
            .map(|(index, element)| T::from_json(element).map_err(|mismatch| mismatch.inside(&format!("[{index}]"))))
            .collect()
    }

    fn expected() -> String {
        format!("a list of {}", T::expected())
    }
}

impl<T: Parameter, const N: usize> Parameter for [T; N] {
    fn from_json(value: &Value) -> Result<Self, Mismatch> {
        let elements = Vec::<T>::from_json(value)?;
        elements
            .try_into()
            .map_err(|elements: Vec<T>| Mismatch::new(format!("it has {} elements instead of {N}", elements.len())))
    }

    fn expected() -> String {
        format!("a list of {N} of {}", T::expected())
    }
}

macro_rules! tuples {
    ($(($count:literal: $($name:ident $index:tt),+))*) => {$(
        impl<$($name: Parameter),+> Parameter for ($($name,)+) {
            fn from_json(value: &Value) -> Result<Self, Mismatch> {
                let elements = list(value)?;
                if elements.len() != $count {
                    return Err(Mismatch::new(format!("it has {} elements instead of {}", elements.len(), $count)));
                }
                Ok(($(
                    $name::from_json(&elements[$index])
                        .map_err(|mismatch| mismatch.inside(concat!("[", $index, "]")))?,
                )+))
            }

            fn expected() -> String {
                let parts = [$($name::expected()),+];
                format!("a list of {}", parts.join(", "))
            }
        }
    )*};
}
tuples! {
    (1: A 0)
    (2: A 0, B 1)
    (3: A 0, B 1, C 2)
    (4: A 0, B 1, C 2, D 3)
    (5: A 0, B 1, C 2, D 3, E 4)
    (6: A 0, B 1, C 2, D 3, E 4, F 5)
}

/// The entries of a JSON map, each value read as `T`.
fn entries<T: Parameter>(value: &Value) -> Result<impl Iterator<Item = Result<(&String, T), Mismatch>>, Mismatch> {
    let map: &Map<String, Value> = value.as_object().ok_or_else(|| wrong_kind(value))?;
    Ok(map.iter().map(|(key, element)| {
        T::from_json(element).map(|read| (key, read)).map_err(|mismatch| mismatch.inside(&format!("[{key:?}]")))
    }))
}

fn map_of<T: Parameter>() -> String {
    format!("a map from texts to {}", T::expected())
}

/// A key of a map of parameters: a text.
pub trait Key {
    /// The key from its text.
    fn from_text(text: &str) -> Self;
}

impl Key for String {
    fn from_text(text: &str) -> Self {
        text.to_owned()
    }
}

impl Key for &'static str {
    fn from_text(text: &str) -> Self {
        text.to_owned().leak()
    }
}

impl<K: Key + Eq + Hash, T: Parameter, S: BuildHasher + Default> Parameter for HashMap<K, T, S> {
    fn from_json(value: &Value) -> Result<Self, Mismatch> {
        entries(value)?.map(|entry| entry.map(|(key, read)| (K::from_text(key), read))).collect()
    }

    fn expected() -> String {
        map_of::<T>()
    }
}

impl<K: Key + Ord, T: Parameter> Parameter for BTreeMap<K, T> {
    fn from_json(value: &Value) -> Result<Self, Mismatch> {
        entries(value)?.map(|entry| entry.map(|(key, read)| (K::from_text(key), read))).collect()
    }

    fn expected() -> String {
        map_of::<T>()
    }
}
