//! Scalars and texts as JSON. Not-a-number and the infinities are written as Python's `json` writes them.

use std::any::Any;

/// A type that is JSON of its own.
trait Scalar: Sized + 'static {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Scalar for $integer {
            fn write(&self) -> String {
                self.to_string()
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

macro_rules! floats {
    ($($float:ty),*) => {$(
        impl Scalar for $float {
            fn write(&self) -> String {
                if self.is_nan() {
                    "NaN".to_owned()
                } else if self.is_infinite() {
                    if *self > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
                } else {
                    // The shortest text that reads back as the same number, and a float for Python too: `1.0`, `1e300`.
                    format!("{self:?}")
                }
            }

            fn read(text: &str) -> Option<Self> {
                match text {
                    "NaN" => Some(<$float>::NAN),
                    "Infinity" => Some(<$float>::INFINITY),
                    "-Infinity" => Some(<$float>::NEG_INFINITY),
                    // Rust's own parser takes `inf` and `nan` as well, which are no JSON.
                    _ if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => text.parse().ok(),
                    _ => None,
                }
            }
        }
    )*};
}
floats!(f32, f64);

macro_rules! by_serde {
    ($($scalar:ty),*) => {$(
        impl Scalar for $scalar {
            fn write(&self) -> String {
                serde_json::Value::from(*self).to_string()
            }

            fn read(text: &str) -> Option<Self> {
                serde_json::from_str(text).ok()
            }
        }
    )*};
}
by_serde!(bool);

impl Scalar for String {
    fn write(&self) -> String {
        serde_json::Value::from(self.as_str()).to_string()
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Scalar for &'static str {
    fn write(&self) -> String {
        serde_json::Value::from(*self).to_string()
    }

    fn read(text: &str) -> Option<Self> {
        String::read(text).map(|text| &*text.leak())
    }
}

impl Scalar for char {
    fn write(&self) -> String {
        self.to_string().write()
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Scalar for () {
    fn write(&self) -> String {
        "null".to_owned()
    }

    fn read(text: &str) -> Option<Self> {
        (text == "null").then_some(())
    }
}

macro_rules! for_each_scalar {
    ($action:ident) => {
        $action!(
            i8,
            i16,
            i32,
            i64,
            i128,
            isize,
            u8,
            u16,
            u32,
            u64,
            u128,
            usize,
            f32,
            f64,
            bool,
            char,
            String,
            &'static str,
            ()
        )
    };
}

/// Whether `place`, an `Option<T>`, is of a scalar `T`.
pub(crate) fn is_scalar(place: &dyn Any) -> bool {
    macro_rules! check {
        ($($scalar:ty),*) => { $(place.is::<Option<$scalar>>())||* };
    }
    for_each_scalar!(check)
}

/// The JSON of a scalar; none for other types.
pub(crate) fn to_json(value: &dyn Any) -> Option<String> {
    macro_rules! check {
        ($($scalar:ty),*) => {$(
            if let Some(scalar) = value.downcast_ref::<$scalar>() {
                return Some(scalar.write());
            }
        )*};
    }
    for_each_scalar!(check);
    None
}

/// Reads JSON into `place`, an `Option<T>` of a scalar `T`.
///
/// # Errors
/// When the text is not the JSON of such a scalar.
pub(crate) fn from_json(text: &str, place: &mut dyn Any) -> Result<(), String> {
    let text = text.trim();
    macro_rules! check {
        ($($scalar:ty),*) => {$(
            if let Some(place) = place.downcast_mut::<Option<$scalar>>() {
                *place = <$scalar>::read(text);
                return match place {
                    Some(_) => Ok(()),
                    None => Err(format!(
                        "{} is not the JSON of a {}",
                        super::shorten(text),
                        stringify!($scalar)
                    )),
                };
            }
        )*};
    }
    for_each_scalar!(check);
    Ok(())
}
