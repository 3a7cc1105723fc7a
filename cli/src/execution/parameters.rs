//! Sets parameters of a notebook as papermill does: in a cell of their own behind the one that has the defaults.

use std::collections::{BTreeMap, BTreeSet};

use oxikale_compiler::ir::{Ir, ParameterDefinition};
use oxikale_compiler::names;
use oxikale_compiler::{parameters, source};
use oxikale_notebook::{CellKind, Notebook};
use oxikale_runner::{ArgumentError, assignment};
use serde_json::Value;

use super::literal::rewritten;
use crate::outcome::{Failure, NOTEBOOK};

/// Tags of the cell that has the defaults: papermill's and Kale's.
const DEFAULTS: [&str; 2] = ["parameters", "pipeline-parameters"];

/// The tag of the cell that has the values of a run; papermill's.
const INJECTED: &str = "injected-parameters";

/// A parameter that a run may set.
struct Parameter {
    name: String,
    /// Its `let`.
    statement: String,
    /// The bytes of the statement that are its value.
    value: std::ops::Range<usize>,
}

/// Puts the values of `given` (`name=value`) into the notebook. With none, it stays as it is.
pub fn inject(notebook: &mut Notebook, given: &[String]) -> Result<(), Failure> {
    if given.is_empty() {
        return Ok(());
    }
    let has = |cell: &oxikale_notebook::Cell, tag: &str| cell.tags.iter().any(|known| known == tag);
    let code = || notebook.cells().iter().enumerate().filter(|(_, cell)| cell.kind == CellKind::Code);
    let cells: Vec<usize> =
        code().filter(|(_, cell)| DEFAULTS.iter().any(|tag| has(cell, tag))).map(|(index, _)| index).collect();
    let Some(last) = cells.last() else {
        return Err(Failure::usage(
            "the notebook has no parameters: no code cell is tagged `parameters` or `pipeline-parameters`",
        ));
    };
    let injected = code().find(|(_, cell)| has(cell, INJECTED)).map(|(index, _)| index);
    let text = cell_text(notebook, &cells, given)?;
    let changed = match injected {
        Some(cell) => notebook.set_source(cell, &text),
        None => notebook.insert_cell(last + 1, CellKind::Code, &text, &[INJECTED]),
    };
    changed.map_err(|error| Failure::environment(format!("the parameters cannot be put into the notebook: {error}")))
}

/// The text of the cell that sets them.
fn cell_text(notebook: &Notebook, cells: &[usize], given: &[String]) -> Result<String, Failure> {
    let (ir, known) = read(notebook, cells)?;
    let mut values: BTreeMap<usize, Value> = BTreeMap::new();
    for text in given {
        let (name, value) = assignment(&ir, text).map_err(|error| refused(&error))?;
        if let Some(place) = known.iter().position(|parameter| parameter.name == name) {
            values.insert(place, value);
        }
    }
    let mut text = "// Parameters".to_owned();
    for (place, value) in values {
        let Parameter { name, statement, value: range } = &known[place];
        let new = rewritten(&statement[range.clone()], &value)
            .map_err(|why| Failure::usage(format!("the parameter `{name}` cannot be that: {why}")))?;
        text.push_str(&format!("\n{}{new}{}", &statement[..range.start], &statement[range.end..]));
    }
    Ok(text)
}

/// The parameters of these cells, in order, and the same as the definitions by which arguments are read.
fn read(notebook: &Notebook, cells: &[usize]) -> Result<(Ir, Vec<Parameter>), Failure> {
    let mut diagnostics = Vec::new();
    let parsed: Vec<_> = cells.iter().map(|cell| source::parse(notebook, *cell, &mut diagnostics)).collect();
    if let Some(diagnostic) = diagnostics.first() {
        let cell = diagnostic.labels.first().map_or(0, |label| label.span.cell + 1);
        return Err(Failure::Said(
            NOTEBOOK,
            format!("cell {cell}, which has the parameters, cannot be read: {}", diagnostic.message),
        ));
    }
    let all = parameters::read(&parsed.iter().collect::<Vec<_>>(), &BTreeSet::new(), &mut diagnostics);
    let definitions = all.parameters.iter().map(|parameter| {
        let definition = ParameterDefinition { parameter_type: parameter.kind, ..Default::default() };
        (parameter.name.clone(), definition)
    });
    let mut ir = Ir::default();
    ir.spec.root.input_definitions.get_or_insert_default().parameters = definitions.collect();
    let known = all.statements.iter().filter_map(|statement| {
        let (name, value) = statement.parameter.as_ref()?;
        let code = &parsed.iter().find(|cell| cell.index == statement.cell)?.code;
        let start = statement.range.start;
        Some(Parameter {
            name: name.clone(),
            statement: code.get(statement.range.clone())?.to_owned(),
            value: value.start.checked_sub(start)?..value.end.checked_sub(start)?,
        })
    });
    let known = known.collect();
    Ok((ir, known))
}

/// As the runner says it, but of a notebook.
fn refused(error: &ArgumentError) -> Failure {
    Failure::usage(match error {
        ArgumentError::Unknown { name, known, .. } => {
            let nearest = names::nearest(name, known.iter().map(String::as_str));
            let hint = match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None if known.is_empty() => "no `let` in its parameters cell has a literal as its value".to_owned(),
                None => format!("it has `{}`", known.join("`, `")),
            };
            format!("the notebook has no parameter `{name}`; {hint}")
        }
        error => error.to_string(),
    })
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
