//! Keeps the values of the session's variables between cells.

use std::alloc::{self, Layout};
use std::collections::HashMap;

/// The variables of a session, by name.
///
/// A cell takes the variables that it mentions, and stores them and its own at its end. The types are the engine's
/// matter: it reads them from the compiler's output and writes them into the cells that take.
#[derive(Default)]
pub struct Variables {
    values: HashMap<String, Value>,
    /// Room for the value that is being stored.
    room: Option<Room>,
}

struct Value {
    /// Room of this layout, with a value in it.
    pointer: *mut u8,
    layout: Layout,
    drop: unsafe fn(*mut u8),
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: there is a value, of the type that `drop` is for; `get` alone takes it out, and then forgets this.
        // The room is given back even if the value's own `drop` panics.
        let _room = Room { pointer: self.pointer, layout: self.layout };
        unsafe { (self.drop)(self.pointer) }
    }
}

/// Memory for one value.
struct Room {
    pointer: *mut u8,
    layout: Layout,
}

impl Room {
    fn new(layout: Layout) -> Self {
        let pointer = if layout.size() == 0 {
            std::ptr::without_provenance_mut(layout.align())
        } else {
            // SAFETY: the size is not 0.
            unsafe { alloc::alloc(layout) }
        };
        if pointer.is_null() {
            alloc::handle_alloc_error(layout);
        }
        Self { pointer, layout }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.layout.size() > 0 {
            // SAFETY: it comes from `alloc` with this layout, and nobody uses it any more.
            unsafe { alloc::dealloc(self.pointer, self.layout) }
        }
    }
}

/// # Safety
/// There must be a value of `T` at the pointer, which nobody uses afterwards.
unsafe fn drop_value<T>(pointer: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { std::ptr::drop_in_place(pointer.cast::<T>()) }
}

// A cell compiles the generic functions for each of its types: they do as little as possible.
impl Variables {
    /// Stores a variable's value; an earlier one of that name is dropped.
    ///
    /// Never inlined: the engine reads the type from the call in the compiler's MIR.
    #[inline(never)]
    pub fn store<T: 'static>(&mut self, name: &'static str, value: T) {
        let pointer = self.room(Layout::new::<T>());
        // SAFETY: the room has the layout of `T`.
        unsafe { pointer.cast::<T>().write(value) };
        self.put(name, drop_value::<T>);
    }

    /// Gives a variable's value away.
    ///
    /// # Safety
    /// `T` must be the type that the variable was stored with, or one of the same definition compiled by the same
    /// compiler with the same flags, which has the same layout.
    pub unsafe fn take<T: 'static>(&mut self, name: &str) -> T {
        let room = self.get(name, Layout::new::<T>());
        // SAFETY: there is a value of `T`, by the caller's promise, and it is read once: the room is only memory.
        unsafe { room.pointer.cast::<T>().read() }
    }

    /// Drops variables; names that are not there are passed over.
    pub fn forget(&mut self, names: &[String]) {
        for name in names {
            self.values.remove(name);
        }
    }

    /// Makes room for the value that is stored next.
    #[inline(never)]
    fn room(&mut self, layout: Layout) -> *mut u8 {
        self.room.insert(Room::new(layout)).pointer
    }

    /// Gives the room, which now has a value, its name.
    #[inline(never)]
    fn put(&mut self, name: &str, drop: unsafe fn(*mut u8)) {
        let Some(room) = self.room.take() else { return };
        let value = Value { pointer: room.pointer, layout: room.layout, drop };
        // The memory is the value's now.
        std::mem::forget(room);
        let old = self.values.insert(name.to_owned(), value);
        std::mem::drop(old);
    }

    #[inline(never)]
    fn get(&mut self, name: &str, layout: Layout) -> Room {
        let value = self.values.remove(name).unwrap_or_else(|| panic!("the variable `{name}` is not in the session"));
        assert!(value.layout == layout, "the variable `{name}` is stored with another type than the engine believes");
        let room = Room { pointer: value.pointer, layout };
        // The value in it is the caller's now.
        std::mem::forget(value);
        room
    }
}
