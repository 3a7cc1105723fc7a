//! Sets parameters of a notebook as papermill does: in a cell of their own behind the one that has the defaults.

use oxikale_notebook::{CellKind, Notebook};
use oxikale_runner::{ParameterError, parameter_cell, parameter_cells};

use crate::outcome::{Failure, NOTEBOOK};

/// The tag of the cell that has the values of a run; papermill's.
const INJECTED: &str = "injected-parameters";

/// Puts the values of `given` (`name=value`) into the notebook. With none, it stays as it is.
pub fn inject(notebook: &mut Notebook, given: &[String]) -> Result<(), Failure> {
    if given.is_empty() {
        return Ok(());
    }
    let has = |cell: &oxikale_notebook::Cell, tag: &str| cell.tags.iter().any(|known| known == tag);
    let code = || notebook.cells().iter().enumerate().filter(|(_, cell)| cell.kind == CellKind::Code);
    let text = parameter_cell(notebook, given).map_err(|error| match error {
        ParameterError::Usage(message) => Failure::usage(message),
        ParameterError::Notebook(message) => Failure::Said(NOTEBOOK, message),
    })?;
    let last = parameter_cells(notebook).last().copied().unwrap_or_default();
    let injected = code().find(|(_, cell)| has(cell, INJECTED)).map(|(index, _)| index);
    let changed = match injected {
        Some(cell) => notebook.set_source(cell, &text),
        None => notebook.insert_cell(last + 1, CellKind::Code, &text, &[INJECTED]),
    };
    changed.map_err(|error| Failure::environment(format!("the parameters cannot be put into the notebook: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn notebook(cells: &[(&str, &str)]) -> Notebook {
        let cells = cells.iter().map(|(tag, text)| (CellKind::Code, (*text).to_owned(), vec![(*tag).to_owned()]));
        Notebook::new(cells.collect(), Map::new())
    }

    fn injected(notebook: &mut Notebook, given: &[&str]) -> Result<Vec<String>, String> {
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        match inject(notebook, &given) {
            Ok(()) => Ok(notebook.cells().iter().map(|cell| cell.source.clone()).collect()),
            Err(Failure::Said(_, message)) => Err(message),
            Err(Failure::NobodyListens) => Err("nobody listens".to_owned()),
        }
    }

    #[test]
    fn values_stand_in_a_cell_of_their_own_that_is_replaced() {
        let defaults =
            ":dep rand = \"0.9\"\nlet mut lr: f64 = 0.1; // rate\nlet word = \"hi\".to_string();\nlet n = 3;";
        let mut notebook = notebook(&[("imports", "use std::fmt;"), ("parameters", defaults), ("x", "n")]);
        let text = "// Parameters\nlet mut lr: f64 = 1.0;\nlet word = \"a=b\".to_string();";
        assert_eq!(
            injected(&mut notebook, &["word=a=b", "lr=2", "lr=1"]).unwrap(),
            ["use std::fmt;", defaults, text, "n"]
        );
        assert_eq!(notebook.cells()[2].tags, ["injected-parameters"]);
        assert_eq!(
            injected(&mut notebook, &["n=-4"]).unwrap(),
            ["use std::fmt;", defaults, "// Parameters\nlet n = -4;", "n"]
        );
        assert_eq!(injected(&mut notebook, &[]).unwrap().len(), 4);
    }

    #[test]
    fn what_cannot_be_set_is_refused_with_the_reason() {
        let cells = [("pipeline-parameters", "let epochs = 3;\nlet doubled = epochs * 2;\nlet letter = 'a';")];
        for (given, why) in [
            ("epoch=1", "did you mean `epochs`"),
            ("zzz=1", "it has `epochs`, `letter`"),
            ("doubled=1", "no parameter `doubled`"),
            ("epochs=many", "no integer"),
            ("letter=ab", "not one character"),
            ("epochs", "name=value"),
        ] {
            let error = injected(&mut notebook(&cells), &[given]).unwrap_err();
            assert!(error.contains(why), "{given}: {error}");
        }
        assert!(injected(&mut notebook(&[("x", "let n = 1;")]), &["n=1"]).unwrap_err().contains("tagged `parameters`"));
        let broken = injected(&mut notebook(&[("parameters", "let n = (1;")]), &["n=1"]).unwrap_err();
        assert!(broken.starts_with("cell 1, which has the parameters, cannot be read"), "{broken}");
    }
}
