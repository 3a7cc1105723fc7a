//! Shows the value of a cell's last expression: by its own `evcxr_display`, by `Debug`, or by its type's name.
//!
//! Which one it is, rustc decides by method lookup: a cell calls `(&&Probe(&value)).show()` with these traits in scope,
//! and the first one that the type satisfies is taken (autoref specialisation).

use std::any::type_name;
use std::fmt::{self, Debug, Write};
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// The longest text of a value, in bytes; more is cut off.
const LIMIT: usize = 256 * 1024;

/// The value to be shown.
pub struct Probe<'a, T: ?Sized>(pub &'a T);

/// Shows a value that has `Debug`.
pub trait ShowDebug {
    /// Sends it as the cell's result.
    fn show(&self);
}

/// Shows a value that has nothing to show itself by.
pub trait ShowOpaque {
    /// Sends its type's name as the cell's result.
    fn show(&self);
}

impl<T: Debug + ?Sized> ShowDebug for &Probe<'_, T> {
    fn show(&self) {
        debug(self.0);
    }
}

/// Shows a value by its `Debug`.
pub fn debug<T: Debug + ?Sized>(value: &T) {
    if type_name::<T>() == type_name::<()>() {
        return;
    }
    debugged(type_name::<T>(), format_args!("{value:?}"));
}

/// Not generic, so that a cell need not compile it for its own types.
#[inline(never)]
fn debugged(type_name: &str, value: fmt::Arguments<'_>) {
    let mut text = Limited { text: String::new(), cut: false };
    if text.write_fmt(value).is_err() && !text.cut {
        text.text.push_str("… (its Debug fails)");
    }
    send("debug", type_name, &text.text, text.cut);
}

impl<T: ?Sized> ShowOpaque for Probe<'_, T> {
    fn show(&self) {
        send("opaque", type_name::<T>(), "", false);
    }
}

/// Sends a text as the cell's result.
pub fn text<T: ?Sized>(_: &T, text: &str) {
    send("text", type_name::<T>(), text, false);
}

/// Whether the next result says its type.
static TYPED: AtomicBool = AtomicBool::new(false);

/// Has the cell's result say its type.
pub fn with_type() {
    TYPED.store(true, Ordering::Relaxed);
}

/// Says that the next display is the cell's result.
pub fn announce() {
    // What was printed before comes before the result, also without a newline.
    _ = io::stdout().flush();
    crate::display("{\"kind\":\"result\",\"data\":{\"form\":\"announcement\"},\"id\":null,\"update\":false}");
}

fn send(form: &str, type_name: &str, text: &str, cut: bool) {
    let mut json = String::with_capacity(text.len() + 128);
    json.push_str("{\"kind\":\"result\",\"data\":{\"form\":");
    crate::json::string(form, &mut json);
    json.push_str(",\"type\":");
    crate::json::string(type_name, &mut json);
    json.push_str(",\"text\":");
    crate::json::string(text, &mut json);
    json.push_str(if cut { ",\"cut\":true" } else { ",\"cut\":false" });
    json.push_str(if TYPED.swap(false, Ordering::Relaxed) { ",\"typed\":true" } else { ",\"typed\":false" });
    json.push_str("},\"id\":null,\"update\":false}");
    _ = io::stdout().flush();
    crate::display(&json);
}

/// Takes text up to the limit.
struct Limited {
    text: String,
    cut: bool,
}

impl Write for Limited {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = LIMIT - self.text.len();
        if part.len() <= room {
            self.text.push_str(part);
            return Ok(());
        }
        let mut end = room;
        while !part.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&part[..end]);
        self.cut = true;
        Err(fmt::Error)
    }
}

/// What a type without an `evcxr_display` of its own has instead.
pub struct Absent;

/// Gives every type an `evcxr_display` that does nothing; a type's own one comes first in method lookup.
pub trait WithoutDisplay {
    /// Does nothing.
    fn evcxr_display(&self) -> Absent {
        Absent
    }
}

impl<T: ?Sized> WithoutDisplay for T {}

/// Whether a call of `evcxr_display` has shown the value.
pub fn shown<T>(_: &T) -> bool {
    type_name::<T>() != type_name::<Absent>()
}
