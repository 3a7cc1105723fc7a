//! Keeps the values of the session's variables between cells.

use std::collections::HashMap;

/// The variables of a session, by name.
///
/// A cell takes the variables that it mentions, and stores them and its own at its end. The types are the engine's
/// matter: it reads them from the compiler's output and writes them into the cells that take.
#[derive(Default)]
pub struct Variables {
    values: HashMap<String, Value>,
}

struct Value {
    /// A `Box<T>`, given away by `Box::into_raw`.
    pointer: *mut (),
    size: usize,
    align: usize,
    drop: unsafe fn(*mut ()),
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: `drop` is `drop_box::<T>` of the type that the pointer was made of, and only `take` leaves a value
        // behind without running this.
        unsafe { (self.drop)(self.pointer) }
    }
}

/// # Safety
/// The pointer must come from `Box::<T>::into_raw` and must not be used afterwards.
unsafe fn drop_box<T>(pointer: *mut ()) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
}

impl Variables {
    /// Stores a variable's value; an earlier one of that name is dropped.
    ///
    /// Never inlined: the engine reads the type from the call in the compiler's MIR.
    #[inline(never)]
    pub fn store<T: 'static>(&mut self, name: &'static str, value: T) {
        let pointer = Box::into_raw(Box::new(value)).cast::<()>();
        self.put(name, Value { pointer, size: size_of::<T>(), align: align_of::<T>(), drop: drop_box::<T> });
    }

    /// Gives a variable's value away.
    ///
    /// # Safety
    /// `T` must be the type that the variable was stored with, or one of the same definition compiled by the same
    /// compiler with the same flags, which has the same layout.
    pub unsafe fn take<T: 'static>(&mut self, name: &str) -> T {
        let pointer = self.get(name, size_of::<T>(), align_of::<T>());
        // SAFETY: the pointer comes from `Box::into_raw` of a box of `T`, by the caller's promise.
        unsafe { *Box::from_raw(pointer.cast::<T>()) }
    }

    /// Drops variables; names that are not there are passed over.
    pub fn forget(&mut self, names: &[String]) {
        for name in names {
            self.values.remove(name);
        }
    }

    // Not generic, so that a cell need not compile the table's code for each of its types.
    fn put(&mut self, name: &str, value: Value) {
        let old = self.values.insert(name.to_owned(), value);
        drop(old);
    }

    fn get(&mut self, name: &str, size: usize, align: usize) -> *mut () {
        let value = self.values.remove(name).unwrap_or_else(|| panic!("the variable `{name}` is not in the session"));
        assert!(
            value.size == size && value.align == align,
            "the variable `{name}` is stored with another type than the engine believes"
        );
        let pointer = value.pointer;
        // The box now belongs to the caller.
        std::mem::forget(value);
        pointer
    }
}
