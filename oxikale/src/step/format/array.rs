//! Arrays of ndarray as `.npy` files, which `numpy.load` reads.

use std::any::Any;
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use ndarray::{Array, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement, WritableElement, WriteNpyError, WriteNpyExt};

use super::FormatError;

/// An element, and the type that it has in the file: NumPy has no `usize`, whose width depends on the machine.
trait Element: Clone + 'static {
    type Stored: WritableElement + ReadableElement + 'static;
    fn store(&self) -> Self::Stored;
    fn restore(stored: Self::Stored) -> Option<Self>;
}

macro_rules! same_elements {
    ($($element:ty),*) => {$(
        impl Element for $element {
            type Stored = $element;
            fn store(&self) -> $element {
                *self
            }
            fn restore(stored: $element) -> Option<Self> {
                Some(stored)
            }
        }
    )*};
}
same_elements!(f64, f32, i8, i16, i32, i64, u8, u16, u32, u64, bool);

macro_rules! sized_elements {
    ($($element:ty => $stored:ty),*) => {$(
        impl Element for $element {
            type Stored = $stored;
            fn store(&self) -> $stored {
                *self as $stored
            }
            fn restore(stored: $stored) -> Option<Self> {
                stored.try_into().ok()
            }
        }
    )*};
}
sized_elements!(usize => u64, isize => i64);

/// Does `$action!(element, dimension)` for each type of array.
macro_rules! for_each_array {
    ($action:ident) => {
        for_each_array!($action: f64, f32, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, bool)
    };
    ($action:ident: $($element:ty),*) => {
        $(for_each_array!(@ $action $element: Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn);)*
    };
    (@ $action:ident $element:ty: $($dimension:ty),*) => {
        $($action!($element, $dimension);)*
    };
}

/// Whether `place`, an `Option<T>`, is of such an array `T`.
pub(crate) fn is_array(place: &dyn Any) -> bool {
    macro_rules! check {
        ($element:ty, $dimension:ty) => {
            if place.is::<Option<Array<$element, $dimension>>>() {
                return true;
            }
        };
    }
    for_each_array!(check);
    false
}

/// Writes `value`, where it is such an array, and returns a short text about it.
pub(crate) fn write(value: &dyn Any, file: &mut impl Write) -> Result<String, FormatError> {
    macro_rules! check {
        ($element:ty, $dimension:ty) => {
            if let Some(array) = value.downcast_ref::<Array<$element, $dimension>>() {
                write_array(array, file)?;
                return Ok(format!("array of {}, shape {:?}", stringify!($element), array.shape()));
            }
        };
    }
    for_each_array!(check);
    Err(FormatError::Content("it is no array of numbers".to_owned()))
}

fn write_array<A: Element, D: Dimension + 'static>(
    array: &Array<A, D>,
    file: &mut impl Write,
) -> Result<(), FormatError> {
    let written = match (array as &dyn Any).downcast_ref::<Array<A::Stored, D>>() {
        Some(same) => same.write_npy(file),
        None => array.map(A::store).write_npy(file),
    };
    written.map_err(|error| match error {
        WriteNpyError::Io(error) => FormatError::Io(error),
        other => FormatError::Content(other.to_string()),
    })
}

/// Reads an array into `place`, an `Option<T>` of an array `T`; leaves another `T` alone.
pub(crate) fn read(path: &Path, place: &mut dyn Any) -> Result<(), FormatError> {
    macro_rules! check {
        ($element:ty, $dimension:ty) => {
            if let Some(place) = place.downcast_mut::<Option<Array<$element, $dimension>>>() {
                *place = Some(read_array(path)?);
                return Ok(());
            }
        };
    }
    for_each_array!(check);
    Ok(())
}

fn read_array<A: Element, D: Dimension + 'static>(path: &Path) -> Result<Array<A, D>, FormatError> {
    let reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let stored = Array::<A::Stored, D>::read_npy(reader).map_err(|error| match error {
        ReadNpyError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => FormatError::Io(error),
        other => FormatError::Content(format!("the file is damaged, or of another type: {other}")),
    })?;
    let shape = stored.raw_dim();
    let mut stored = Some(stored);
    // Where the element is stored as it is, the array read is the array wanted, memory order included.
    if let Some(same) = (&mut stored as &mut dyn Any).downcast_mut::<Option<Array<A, D>>>() {
        return same.take().ok_or_else(|| FormatError::Content("the array is empty".to_owned()));
    }
    let elements: Option<Vec<A>> = stored.into_iter().flatten().map(A::restore).collect();
    let elements = elements
        .ok_or_else(|| FormatError::Content("a number in the file is too large for this machine".to_owned()))?;
    Array::from_shape_vec(shape, elements).map_err(|error| FormatError::Content(error.to_string()))
}
