//! How the trailing expression of a cell is shown: by the best of the ways that its type has.
//!
//! Which ways a type has is found by method resolution on the concrete type, without a bound on it: a method of a trait
//! that is implemented for `&Probe<T>` wins over one for `Probe<T>`, and an inherent method over both.

use std::any::type_name;
use std::fmt::{self, Debug, Write as _};
use std::io::Write as _;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use super::capture;
use crate::display::{Display, MimeBundle, Rich, text};
use crate::evcxr;

/// A text of a value is cut beyond this many bytes: reports and logs are for people.
const MOST_TEXT: usize = 64 * 1024;
/// A value's text is not even counted beyond this many bytes.
const MOST_WORK: usize = 16 * 1024 * 1024;

/// A value whose ways to be shown are looked for.
pub struct Probe<'a, T: ?Sized>(&'a T);

impl<'a, T: ?Sized> Probe<'a, T> {
    /// A probe of a value.
    pub fn new(value: &'a T) -> Self {
        Self(value)
    }

    /// Whether there is nothing to show: `()` and what never comes back.
    pub fn is_nothing(&self) -> bool {
        let name = type_name::<T>();
        name == type_name::<()>() || name == "!"
    }
}

/// The value knows its rich form.
pub trait ByDisplay {
    /// The rich form.
    fn oxikale_rich(&self) -> Option<MimeBundle>;
}

impl<T: Display + ?Sized> ByDisplay for &Probe<'_, T> {
    fn oxikale_rich(&self) -> Option<MimeBundle> {
        Some(self.0.mime_bundle())
    }
}

/// The value has no rich form of its own.
pub trait ByNothing {
    /// None.
    fn oxikale_rich(&self) -> Option<MimeBundle>;
}

impl<T: ?Sized> ByNothing for Probe<'_, T> {
    fn oxikale_rich(&self) -> Option<MimeBundle> {
        None
    }
}

/// The value has a text.
pub trait ByDebug {
    /// The text as `{:?}` writes it.
    fn oxikale_text(&self) -> Rich;
}

impl<T: Debug + ?Sized> ByDebug for &Probe<'_, T> {
    fn oxikale_text(&self) -> Rich {
        let mut bounded = Bounded { text: String::new(), length: 0 };
        // An error here is the bound's own, or that of a `Debug` which gives up: what there is is shown.
        let _ = write!(bounded, "{:?}", self.0);
        bounded.finish()
    }
}

/// The value has no text.
pub trait ByName {
    /// The name of its type.
    fn oxikale_text(&self) -> Rich;
}

impl<T: ?Sized> ByName for Probe<'_, T> {
    fn oxikale_text(&self) -> Rich {
        text(type_name::<T>())
    }
}

/// Keeps the beginning of a text.
struct Bounded {
    text: String,
    length: usize,
}

impl Bounded {
    fn finish(mut self) -> Rich {
        let left_out = self.length - self.text.len();
        if left_out > 0 {
            let more = if self.length > MOST_WORK { "more than " } else { "" };
            self.text.push_str(&format!("… ({more}{left_out} bytes left out)"));
        }
        text(self.text)
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.length += part.len();
        let mut room = MOST_TEXT.saturating_sub(self.text.len()).min(part.len());
        // Once something is left out, nothing after it may be added.
        if self.length - part.len() > self.text.len() {
            room = 0;
        }
        while !part.is_char_boundary(room) {
            room -= 1;
        }
        self.text.push_str(&part[..room]);
        if self.length > MOST_WORK { Err(fmt::Error) } else { Ok(()) }
    }
}

/// The value is a pointer: what it points to may have an `evcxr_display`.
pub trait Peel {
    /// A reference to what it points to.
    type Inside;
    /// A reference to what it points to.
    fn oxikale_peel(&self) -> Self::Inside;
}

macro_rules! peel {
    ($($pointer:ty),*) => {$(
        impl<'a, T: ?Sized> Peel for &Probe<'a, $pointer> {
            type Inside = &'a T;
            fn oxikale_peel(&self) -> &'a T {
                self.0
            }
        }
    )*};
}
peel!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

/// The value is no pointer.
pub trait Whole {
    /// A reference to the value itself.
    type Inside;
    /// The value itself.
    fn oxikale_peel(&self) -> Self::Inside;
}

impl<'a, T: ?Sized> Whole for Probe<'a, T> {
    type Inside = &'a T;
    fn oxikale_peel(&self) -> &'a T {
        self.0
    }
}

/// What a call of the missing `evcxr_display` returns.
pub struct Missing;

/// Stands in where a type has no `evcxr_display` of its own, behind one reference more than a method of its own has.
pub trait NoEvcxrDisplay {
    /// Says that it is missing.
    fn evcxr_display(&self) -> Missing;
}

impl<T: ?Sized> NoEvcxrDisplay for &T {
    fn evcxr_display(&self) -> Missing {
        Missing
    }
}

/// The type of a result that was never computed.
pub struct Outcome<R>(PhantomData<R>);

impl<R> Outcome<R> {
    /// The type of what stands in `never`.
    pub fn of(_never: &Option<R>) -> Self {
        Self(PhantomData)
    }
}

/// The method is missing.
pub trait IsMissing {
    /// False.
    fn oxikale_has_method(&self) -> bool;
}

impl IsMissing for &Outcome<Missing> {
    fn oxikale_has_method(&self) -> bool {
        false
    }
}

/// The method is there.
pub trait IsThere {
    /// True.
    fn oxikale_has_method(&self) -> bool;
}

impl<R> IsThere for Outcome<R> {
    fn oxikale_has_method(&self) -> bool {
        true
    }
}

/// Calls an `evcxr_display` and returns the displays that it printed; other output goes on to standard output.
pub fn capture_evcxr(call: impl FnOnce()) -> Vec<MimeBundle> {
    let output = match capture::stdout_of(call) {
        Ok(output) => output,
        Err(error) => {
            eprintln!("oxikale: a display cannot be caught: {error}");
            return Vec::new();
        }
    };
    let (bundles, rest) = evcxr::parse_blocks(&output);
    if !rest.is_empty() {
        // A closed standard output must not end the step.
        drop(std::io::stdout().write_all(&rest));
    }
    bundles
}

/// Shows the value of a cell's trailing expression, and with `$last` keeps it as the step's `cell-result`.
///
/// The value is shown by its [`Display`](crate::Display), else by its inherent `evcxr_display`, else by its `Debug`,
/// else by the name of its type. `()` shows nothing. The value is borrowed, never moved. The macro itself has no value;
/// where the result cannot be written, the step fails at its end.
///
/// ```no_run
/// # fn cell(step: &oxikale::step::Step) {
/// let squares = vec![1, 4, 9];
/// oxikale::step_show!(step, true, squares);
/// println!("{squares:?}");
/// # }
/// ```
#[macro_export]
macro_rules! step_show {
    ($step:expr, $last:literal, $value:expr $(,)?) => {
        match &$value {
            value => {
                #[allow(unused_imports, reason = "which of them is used depends on the type")]
                use $crate::step::show::{
                    ByDebug as _, ByDisplay as _, ByName as _, ByNothing as _, IsMissing as _, IsThere as _,
                    NoEvcxrDisplay as _, Peel as _, Whole as _,
                };
                let probe = $crate::step::show::Probe::new(value);
                let mut shown = ::std::vec::Vec::new();
                if !probe.is_nothing() {
                    if let ::std::option::Option::Some(bundle) = (&&probe).oxikale_rich() {
                        shown.push(bundle);
                    } else {
                        let probe_1 = $crate::step::show::Probe::new((&&probe).oxikale_peel());
                        let probe_2 = $crate::step::show::Probe::new((&&probe_1).oxikale_peel());
                        let inside = (&&probe_2).oxikale_peel();
                        #[allow(unused_must_use, reason = "an `evcxr_display` may return anything")]
                        let never = if false {
                            ::std::option::Option::Some(inside.evcxr_display())
                        } else {
                            ::std::option::Option::None
                        };
                        if (&&$crate::step::show::Outcome::of(&never)).oxikale_has_method() {
                            shown = $crate::step::show::capture_evcxr(|| {
                                let _ = inside.evcxr_display();
                            });
                        }
                        if shown.is_empty() {
                            shown.push($crate::Display::mime_bundle(&(&&probe).oxikale_text()));
                        }
                    }
                }
                $step.show_result(shown, $last);
            }
        }
    };
}
