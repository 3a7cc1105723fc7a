//! The cells of the notebook as the front end has them, and which of them come next.

use std::sync::{Mutex, PoisonError};

/// More are not looked at: they may all have changed until then.
const AHEAD: usize = 4;

/// A code cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotebookCell {
    /// The front end's name for it.
    pub id: String,
    /// Its text.
    pub source: String,
}

/// The code cells of the notebook, in order; none where no front end has told of them.
#[derive(Debug, Default)]
pub struct Upcoming(Mutex<Vec<NotebookCell>>);

impl Upcoming {
    /// The cells are these now.
    pub fn set(&self, cells: Vec<NotebookCell>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cells;
    }

    /// The cell with this id and those behind it.
    pub fn from(&self, id: Option<&str>) -> Vec<String> {
        self.take(|cells| cells.iter().position(|cell| Some(cell.id.as_str()) == id))
    }

    /// The cells behind the one that is run, which is known by its id or else by its text.
    pub fn after(&self, id: Option<&str>, source: &str) -> Vec<String> {
        self.take(|cells| {
            let by_id = cells.iter().position(|cell| Some(cell.id.as_str()) == id);
            by_id.or_else(|| cells.iter().position(|cell| cell.source == source)).map(|at| at + 1)
        })
    }

    fn take(&self, first: impl FnOnce(&[NotebookCell]) -> Option<usize>) -> Vec<String> {
        let cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = first(&cells) else { return Vec::new() };
        let sources = cells.iter().skip(first).map(|cell| cell.source.clone());
        sources.filter(|source| !source.trim().is_empty()).take(AHEAD).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_cell_comes_next() {
        let upcoming = Upcoming::default();
        assert_eq!(upcoming.after(None, "a"), [""; 0]);
        let cell = |id: &str, source: &str| NotebookCell { id: id.to_owned(), source: source.to_owned() };
        upcoming.set(vec![cell("1", "a"), cell("2", " "), cell("3", "c"), cell("4", "a")]);
        assert_eq!(upcoming.after(Some("1"), "whatever"), ["c", "a"]);
        assert_eq!(upcoming.after(None, "c"), ["a"]);
        assert_eq!(upcoming.after(None, "unknown"), [""; 0]);
        assert_eq!(upcoming.from(Some("3")), ["c", "a"]);
        assert_eq!(upcoming.from(None), [""; 0]);
    }
}
