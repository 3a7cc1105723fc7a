//! The notebook that is being filled with outputs, and its file.

use std::fs;
use std::path::{Path, PathBuf};

use oxikale_notebook::Notebook;
use serde_json::json;

use super::recording::Change;

/// A notebook and the file that it is saved to.
#[derive(Debug)]
pub struct SavedNotebook {
    notebook: Notebook,
    path: PathBuf,
    /// What the file is known to hold; nothing where it may be replaced whatever it holds.
    known: Option<String>,
    /// Whether the file has all that the notebook has.
    saved: bool,
}

/// What a save has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// The file has all.
    Yes,
    /// Somebody else had changed the file, which was left alone; the notebook is now saved beside it.
    Elsewhere(PathBuf),
    /// The file could not be written; the old one is still there.
    No(String),
}

impl SavedNotebook {
    /// The notebook that was read from `path` and is saved there.
    pub fn in_place(notebook: Notebook, path: &Path) -> Self {
        let known = Some(notebook.to_text());
        Self { notebook, path: path.to_owned(), known, saved: false }
    }

    /// A notebook that is saved to another file.
    pub fn copy(notebook: Notebook, path: &Path) -> Self {
        Self { notebook, path: path.to_owned(), known: None, saved: false }
    }

    /// The notebook.
    pub fn notebook(&mut self) -> &mut Notebook {
        &mut self.notebook
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts outputs into the notebook.
    pub fn put(&mut self, changes: Vec<Change>) {
        for Change { cell, outputs, count } in changes {
            self.saved = false;
            if let Err(error) = self.notebook.set_outputs(cell, outputs, count) {
                let text = format!("the outputs of this cell cannot be kept in a notebook: {error}\n");
                let instead = json!({"name": "stderr", "output_type": "stream", "text": [text]});
                // This one is flat, so it can be; and a cell that is not there has no outputs either.
                let _ = self.notebook.set_outputs(cell, vec![instead], count);
            }
        }
    }

    /// Writes the file, whole or not at all.
    pub fn save(&mut self) -> Saved {
        if self.saved {
            return Saved::Yes;
        }
        let mut moved = false;
        if let Some(known) = &self.known
            && fs::read(&self.path).is_ok_and(|bytes| bytes != known.as_bytes())
        {
            self.path = beside(&self.path);
            moved = true;
        }
        if let Err(error) = self.notebook.write(&self.path) {
            return Saved::No(format!("{} cannot be written: {error}", self.path.display()));
        }
        self.known = Some(self.notebook.to_text());
        self.saved = true;
        if moved { Saved::Elsewhere(self.path.clone()) } else { Saved::Yes }
    }
}

/// A file beside `path` that does not exist yet: `titanic.executed.ipynb`.
fn beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = |number: u32| match number {
        1 => format!("{stem}.executed.ipynb"),
        _ => format!("{stem}.executed-{number}.ipynb"),
    };
    (1..).map(|number| path.with_file_name(name(number))).find(|path| !path.exists()).unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use oxikale_notebook::CellKind;
    use serde_json::{Map, Value};

    use super::*;

    fn notebook(source: &str) -> Notebook {
        Notebook::new(vec![(CellKind::Code, source.to_owned(), Vec::new())], Map::new())
    }

    fn change(text: &str) -> Vec<Change> {
        let output = json!({"name": "stdout", "output_type": "stream", "text": [text]});
        vec![Change { cell: 0, outputs: vec![output], count: Some(1) }]
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.ipynb");
        notebook("one").write(&path).unwrap();
        let mut saved = SavedNotebook::in_place(Notebook::read(&path).unwrap(), &path);
        saved.put(change("a"));
        assert_eq!(saved.save(), Saved::Yes);
        assert!(fs::read_to_string(&path).unwrap().contains("\"a\""));

        notebook("edited").write(&path).unwrap();
        let edited = fs::read_to_string(&path).unwrap();
        fs::write(folder.path().join("n.executed.ipynb"), "of an earlier run").unwrap();
        saved.put(change("b"));
        let elsewhere = folder.path().join("n.executed-2.ipynb");
        assert_eq!(saved.save(), Saved::Elsewhere(elsewhere.clone()));
        assert_eq!(fs::read_to_string(&path).unwrap(), edited);
        saved.put(change("c"));
        assert_eq!(saved.save(), Saved::Yes);
        assert!(fs::read_to_string(&elsewhere).unwrap().contains("\"c\""));
    }

    #[test]
    fn outputs_that_no_notebook_can_hold_are_told() {
        let mut deep = Value::Null;
        for _ in 0..200 {
            deep = Value::Array(vec![deep]);
        }
        let folder = tempfile::tempdir().unwrap();
        let mut saved = SavedNotebook::copy(notebook("x"), &folder.path().join("out.ipynb"));
        saved.put(vec![Change { cell: 0, outputs: vec![deep], count: Some(1) }]);
        assert!(saved.notebook().cells()[0].outputs()[0]["text"][0].as_str().unwrap().contains("nested"));
        assert_eq!(saved.save(), Saved::Yes);
        let no = SavedNotebook::copy(notebook("x"), &folder.path().join("missing/out.ipynb")).save();
        assert!(matches!(no, Saved::No(why) if why.contains("missing/out.ipynb cannot be written")));
    }
}
