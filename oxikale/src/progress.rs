//! Progress of long work: a bar to set, or an iterator that reports by itself.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::recorder;

/// At most this often is progress told in a step; the runner draws it.
const STEP_INTERVAL: Duration = Duration::from_millis(100);
/// At most this often is a line written on a terminal.
const TERMINAL_INTERVAL: Duration = Duration::from_millis(200);
/// At most this often is a line written where lines stay, as below a notebook's cell.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// A bar for work of `total` parts; `None` or 0 where the number is unknown.
///
/// ```
/// let mut bar = oxikale::progress::bar("download", 3);
/// for _ in 0..3 {
///     bar.add(1);
/// }
/// bar.finish();
/// ```
pub fn bar(label: impl Into<String>, total: impl Total) -> Bar {
    let mut bar = Bar {
        label: label.into(),
        total: total.total().filter(|total| *total > 0),
        done: 0,
        told: None,
        told_at: None,
    };
    bar.tell(false);
    bar
}

/// How much there is to do: a number, or `None` where nobody knows.
pub trait Total {
    /// The number of parts.
    fn total(self) -> Option<u64>;
}

macro_rules! totals {
    ($($integer:ty),*) => {$(
        impl Total for $integer {
            fn total(self) -> Option<u64> {
                u64::try_from(self).ok()
            }
        }
    )*};
}
totals!(i32, i64, isize, u8, u16, u32, u64, usize);

impl<T: Total> Total for Option<T> {
    fn total(self) -> Option<u64> {
        self.and_then(T::total)
    }
}

/// A piece of work and how far it has got. What was set last is told at the latest when the bar is dropped.
#[derive(Debug)]
pub struct Bar {
    label: String,
    total: Option<u64>,
    done: u64,
    /// The number that was told last.
    told: Option<u64>,
    told_at: Option<Instant>,
}

impl Bar {
    /// Sets how many parts are done.
    pub fn set(&mut self, done: impl Total) {
        self.done = done.total().unwrap_or(0);
        self.tell(false);
    }

    /// Adds parts that are done now.
    pub fn add(&mut self, parts: impl Total) {
        self.done = self.done.saturating_add(parts.total().unwrap_or(0));
        self.tell(false);
    }

    /// How many parts are done.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// All is done.
    pub fn finish(mut self) {
        if let Some(total) = self.total {
            self.done = total;
        }
        self.tell(true);
    }

    /// Tells the state, unless it was told a moment ago; the end is always told.
    fn tell(&mut self, last: bool) {
        if self.told == Some(self.done) {
            return;
        }
        let recorder = recorder::current();
        let terminal = recorder.is_none() && std::io::stderr().is_terminal();
        let interval = match (recorder.is_some(), terminal) {
            (true, _) => STEP_INTERVAL,
            (false, true) => TERMINAL_INTERVAL,
            (false, false) => LINE_INTERVAL,
        };
        let due = self.told_at.is_none_or(|at| at.elapsed() >= interval);
        let last = last || self.total == Some(self.done);
        if !due && !last {
            return;
        }
        match recorder {
            Some(recorder) => recorder.progress(&self.label, self.done, self.total),
            // Nothing is worth a line before anything is done.
            None if self.done == 0 => {}
            None => self.write(terminal, last),
        }
        self.told = Some(self.done);
        self.told_at = Some(Instant::now());
    }

    /// Writes a line on standard error; on a terminal it replaces the one before.
    fn write(&self, terminal: bool, last: bool) {
        let count = match self.total {
            Some(total) => {
                format!("{}/{total} ({:.0} %)", self.done, (self.done as f64 / total as f64 * 100.0).min(100.0))
            }
            None => self.done.to_string(),
        };
        let (start, end) = match (terminal, last) {
            (true, false) => ("\r\x1b[K", ""),
            (true, true) => ("\r\x1b[K", "\n"),
            (false, _) => ("", "\n"),
        };
        // In one piece: what others print must not come in between. A closed standard error must not end the work.
        drop(std::io::stderr().write_all(format!("{start}{}: {count}{end}", self.label).as_bytes()));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.tell(true);
    }
}

/// An iterator that tells how far it has got, with the total where the iterator knows it.
///
/// ```
/// let sum: u64 = oxikale::progress::track("summing", 0..1000_u64).sum();
/// assert_eq!(sum, 499_500);
/// ```
pub fn track<I: IntoIterator>(label: impl Into<String>, iterator: I) -> Track<I::IntoIter> {
    let iterator = iterator.into_iter();
    let total = match iterator.size_hint() {
        (least, Some(most)) if least == most => Some(most),
        _ => None,
    };
    Track { iterator, bar: bar(label, total), given: false }
}

/// What [`track`] returns.
#[derive(Debug)]
pub struct Track<I> {
    iterator: I,
    bar: Bar,
    /// Whether an item is being worked on; it is done when the next one is asked for.
    given: bool,
}

impl<I: Iterator> Iterator for Track<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if std::mem::take(&mut self.given) {
            self.bar.add(1_u64);
        }
        let item = self.iterator.next();
        if item.is_some() {
            self.given = true;
        } else {
            self.bar.tell(true);
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iterator.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Track<I> {}
