//! A variable on its way from one step to another.

use std::any::{Any, type_name};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::format::{self, Kind};
use super::{Failure, Step};
use crate::Error;

/// A type whose values can be handed on to another step: everything that serde can write and read.
///
/// It may hold texts that live forever (`&'static str`), because what is read back lives as long as the process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be handed on to another step",
    label = "a later step uses this variable",
    note = "derive `Serialize` and `Deserialize` of serde for it; for a type of another crate, enable that crate's `serde` feature",
    note = "or build the value in the step that uses it"
)]
pub trait HandOn: Serialize + Deserialize<'static> + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Deserialize<'static> + 'static> HandOn for T {}

/// The types of the slots that were made, where somebody asked for them.
static TYPES: Mutex<Option<Vec<&'static str>>> = Mutex::new(None);

/// The types of the slots that `program` makes, in order.
pub(super) fn types(program: impl FnOnce() -> Result<(), Failure>) -> Result<Vec<&'static str>, Failure> {
    let set = |value| std::mem::replace(&mut *TYPES.lock().unwrap_or_else(PoisonError::into_inner), value);
    set(Some(Vec::new()));
    let ended = program();
    let types = set(None).unwrap_or_default();
    ended.map(|()| types)
}

/// A variable that one step hands on and others take. In a step that does not make it, it is empty.
///
/// Both ends stand in one function, so rustc finds the same `T` for them.
pub struct Slot<T> {
    key: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Slot<T> {
    /// The slot where its step does not run.
    pub fn empty(key: &'static str) -> Self {
        let asked = || TYPES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(types) = asked().as_mut() {
            types.push(type_name::<T>());
        }
        Self { key, value: PhantomData }
    }

    /// Writes the variable to the step's output `key`.
    ///
    /// Scalars and texts are JSON, arrays of ndarray are `.npy` (feature `ndarray`), all else is MessagePack with
    /// named fields. The file is there whole or not at all.
    ///
    /// Two things that serde's formats cannot tell apart come back alike: `Some(None)` of a nested `Option` is `None`;
    /// and integers of 128 bits inside of untagged or flattened types are refused when they are read.
    ///
    /// # Errors
    /// When the step has no such output, the value refuses to be serialized, or the file cannot be written.
    pub fn save(step: &Step, key: &'static str, value: &T) -> Result<Self, Failure>
    where
        T: HandOn,
    {
        let path = step.session.claim_variable(key)?;
        let saved = format::save(value, &path).map_err(|error| {
            Failure::caused(format!("variable `{key}` cannot be saved to {}", path.display()), &error)
        })?;
        step.session.saved_variable(key, saved, type_name::<T>());
        Ok(Self::empty(key))
    }

    /// Says that the slot is one for values of this type, and does nothing.
    pub fn is_of(&self, _: &T) {}

    /// Reads the variable from a file that a step saved, in a session that stands where another step began.
    ///
    /// # Errors
    /// When the file is missing or damaged, or holds a value of another type.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<T, Error>
    where
        T: HandOn,
    {
        let path = path.as_ref();
        format::load::<T>(Kind::of::<T>(), path).map_err(|error| {
            let (key, wanted) = (self.key, type_name::<T>());
            Error::caused(
                format!(
                    "variable `{key}` (`{wanted}`) cannot be read from {}: {error}; if the notebook has changed since \
                     the run, run it again",
                    path.display()
                ),
                error,
            )
        })
    }

    /// Reads the variable from the step's input of the same key.
    ///
    /// What is read into MessagePack types stays in memory until the process ends, so that texts can be borrowed.
    ///
    /// # Errors
    /// When the step has no such input, the file is missing or damaged, or holds a value of another type.
    pub fn load(&self, step: &Step) -> Result<T, Failure>
    where
        T: HandOn,
    {
        let key = self.key;
        let artifact = step.session.input.input(key).ok_or_else(|| {
            Failure::new(format!(
                "variable `{key}` is not among the inputs of step `{}`: the pipeline was compiled from another state of \
                 the notebook than this program, so compile it again",
                step.session.step
            ))
        })?;
        let wanted = type_name::<T>();
        if let Some(made) = artifact.metadata_text("rust_type")
            && made != wanted
        {
            return Err(Failure::new(format!(
                "variable `{key}` was saved as `{made}`, but this step takes a `{wanted}`: the step that made it ran \
                 another state of the notebook, so run it again"
            )));
        }
        let kind = Kind::of::<T>();
        if let Some(made) = artifact.metadata_text("format")
            && made != kind.name()
        {
            return Err(Failure::new(format!(
                "variable `{key}` was saved in the format {made}, but a `{wanted}` is read from {}: run the step that \
                 made it again",
                kind.name()
            )));
        }
        let path = artifact.path().map_err(|reason| Failure::new(format!("variable `{key}`: {reason}")))?;
        format::load::<T>(kind, &path).map_err(|error| {
            Failure::caused(format!("variable `{key}` (`{wanted}`) cannot be read from {}", path.display()), &error)
        })
    }
}

impl<T: Any> std::fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slot<{}>({})", type_name::<T>(), self.key)
    }
}
