//! The outputs of all cells of a run, which cells may change of each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oxikale_engine::Event;
use serde_json::Value;

use super::outputs::Outputs;

/// Takes the events of a run and keeps them by cell.
#[derive(Debug, Default)]
pub struct Recording {
    cells: BTreeMap<usize, (u64, Outputs)>,
    /// The cell that runs; between cells, the one that ran last: its threads may go on to write.
    current: Option<usize>,
    /// The name of a display → the cells and places where it stands.
    displays: HashMap<String, Vec<(usize, usize)>>,
    changed: BTreeSet<usize>,
}

/// New outputs of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The index of the cell.
    pub cell: usize,
    /// Its outputs.
    pub outputs: Vec<Value>,
    /// The number beside it.
    pub count: Option<u64>,
}

impl Recording {
    /// A cell begins: it has no outputs any more, and this number beside it.
    pub fn begin(&mut self, cell: usize, count: u64) {
        self.cells.insert(cell, (count, Outputs::default()));
        self.current = Some(cell);
        self.changed.insert(cell);
    }

    /// Takes note of an event.
    pub fn hear(&mut self, event: &Event) {
        let Some(current) = self.current else { return };
        let Some((_, outputs)) = self.cells.get_mut(&current) else { return };
        if let Event::Display { data, id: Some(id), update: true } = event
            && let Some(places) = self.displays.get(id)
        {
            for (cell, place) in places {
                if let Some((_, outputs)) = self.cells.get_mut(cell) {
                    outputs.replace(*place, data);
                    self.changed.insert(*cell);
                }
            }
            return;
        }
        let place = outputs.hear(event);
        if let (Some(place), Event::Display { id: Some(id), .. }) = (place, event) {
            self.displays.entry(id.clone()).or_default().push((current, place));
        }
        self.changed.insert(current);
    }

    /// Adds a word of this command to the cell that runs.
    pub fn line(&mut self, text: &str) {
        if let Some(current) = self.current
            && let Some((_, outputs)) = self.cells.get_mut(&current)
        {
            outputs.line(text);
            self.changed.insert(current);
        }
    }

    /// The outputs of the cell that runs, or ran last.
    pub fn current(&mut self) -> Option<&mut Outputs> {
        let current = self.current?;
        self.changed.insert(current);
        self.cells.get_mut(&current).map(|(_, outputs)| outputs)
    }

    /// Whether anything has come since the last call of [`Self::changes`].
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What has changed since the last call.
    pub fn changes(&mut self) -> Vec<Change> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .filter_map(|cell| {
                let (count, outputs) = self.cells.get(&cell)?;
                Some(Change { cell, outputs: outputs.json(*count), count: Some(*count) })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn display(text: &str, id: Option<&str>, update: bool) -> Event {
        let data = Map::from_iter([("text/plain".to_owned(), json!(text))]);
        Event::Display { data, id: id.map(str::to_owned), update }
    }

    fn texts(change: &Change) -> Vec<&str> {
        change.outputs.iter().map(|output| output["data"]["text/plain"][0].as_str().unwrap()).collect()
    }

    #[test]
    fn an_update_changes_the_display_wherever_it_stands() {
        let mut recording = Recording::default();
        recording.hear(&display("before any cell", None, false));
        recording.begin(2, 1);
        recording.hear(&display("a", Some("x"), false));
        recording.hear(&display("b", None, false));
        assert_eq!(recording.changes().len(), 1);
        assert!(!recording.has_changed());

        recording.begin(5, 2);
        recording.hear(&display("c", Some("x"), false));
        recording.hear(&display("new", Some("x"), true));
        let changes = recording.changes();
        assert_eq!(changes.iter().map(|change| change.cell).collect::<Vec<_>>(), [2, 5]);
        assert_eq!((texts(&changes[0]), texts(&changes[1])), (vec!["new", "b"], vec!["new"]));

        recording.hear(&display("never shown before", Some("y"), true));
        recording.hear(&display("again", Some("y"), true));
        assert_eq!(texts(&recording.changes()[0]), ["new", "again"]);
    }

    #[test]
    fn a_cell_that_runs_again_begins_anew() {
        let mut recording = Recording::default();
        recording.begin(0, 1);
        recording.line("first");
        recording.begin(0, 2);
        assert_eq!(recording.changes(), [Change { cell: 0, outputs: Vec::new(), count: Some(2) }]);
    }
}
