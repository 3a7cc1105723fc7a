//! Notebooks of nbformat 3, turned into 4.5 as `nbformat.convert` does it, but with everything kept.

use serde_json::{Map, Value, json};

use crate::Notebook;
use crate::build::Ids;
use crate::cell::joined;
use crate::edit::source_value;
use crate::json::{self, Flaw};
use crate::style::Style;

/// Upgrades the notebook of version 3 whose file is `text` and whose JSON is `body`.
pub(crate) fn upgrade(text: &str, body: &str) -> Result<Notebook, Flaw> {
    let Value::Object(old) = json::value(body)? else {
        return Err(Flaw::shape(0, "it is not an object"));
    };
    let mut new = upgraded(old).map_err(|message| Flaw::shape(0, message))?;
    // As Jupyter does.
    new.sort_all_objects();
    let mut printed = Style::jupyter().print(&new, Some(""));
    printed.push('\n');
    // The upgraded text is our own, so a place in it would mean nothing to whoever reads the message.
    let mut notebook = Notebook::parse(&printed).map_err(|error| Flaw::shape(0, error.message()))?;
    notebook.original = Some(text.to_owned());
    Ok(notebook)
}

fn upgraded(mut old: Map<String, Value>) -> Result<Value, String> {
    let mut metadata = object(old.shift_remove("metadata"), "its `metadata`")?;
    let minor = old.shift_remove("nbformat_minor");
    old.shift_remove("nbformat");
    let mut cells = Vec::new();
    let mut worksheets = Vec::new();
    for worksheet in list(old.shift_remove("worksheets"), "its `worksheets`")? {
        let mut worksheet = object(Some(worksheet), "a worksheet")?;
        cells.extend(list(worksheet.shift_remove("cells"), "the `cells` of a worksheet")?);
        let rest = object(worksheet.shift_remove("metadata"), "the `metadata` of a worksheet")?;
        if !rest.is_empty() {
            worksheets.push(Value::Object(rest));
        }
    }
    let mut ids = Ids::default();
    let mut languages = Vec::new();
    let cells = cells
        .into_iter()
        .enumerate()
        .map(|(index, cell)| {
            upgraded_cell(cell, &mut ids, &mut languages).map_err(|message| format!("cell {}: {message}", index + 1))
        })
        .collect::<Result<Vec<_>, _>>()?;
    // A signature vouches for the old bytes only.
    metadata.shift_remove("signature");
    metadata.insert("orig_nbformat".to_owned(), json!(3));
    if let Some(minor) = minor.filter(|minor| minor.as_u64().is_some_and(|minor| minor > 0)) {
        metadata.insert("orig_nbformat_minor".to_owned(), minor);
    }
    // Version 3 names the language in each cell, version 4 in the metadata of the whole.
    let known = ["kernelspec", "language_info"].iter().any(|name| metadata.contains_key(*name));
    if let (false, Some(language)) = (known, languages.first()) {
        metadata.insert("language_info".to_owned(), json!({ "name": language }));
    }
    if !worksheets.is_empty() {
        metadata.insert("worksheets".to_owned(), Value::Array(worksheets));
    }
    keep(&mut metadata, old);
    Ok(json!({ "cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5 }))
}

fn upgraded_cell(cell: Value, ids: &mut Ids, languages: &mut Vec<String>) -> Result<Value, String> {
    let mut cell = object(Some(cell), "it")?;
    let mut metadata = object(cell.shift_remove("metadata"), "its `metadata`")?;
    let kind = match cell.shift_remove("cell_type") {
        Some(Value::String(kind)) => kind,
        _ => "raw".to_owned(),
    };
    let text = if kind == "code" { "input" } else { "source" };
    let source = joined(cell.shift_remove(text).unwrap_or_default())
        .ok_or_else(|| format!("`{text}` is neither a string nor a list of strings"))?;
    let mut new = Map::new();
    match kind.as_str() {
        "code" => {
            if let Some(collapsed) = cell.shift_remove("collapsed").filter(Value::is_boolean) {
                metadata.entry("collapsed").or_insert(collapsed);
            }
            if let Some(Value::String(language)) = cell.shift_remove("language") {
                if languages.first().is_some_and(|first| *first != language) {
                    metadata.insert("language".to_owned(), Value::from(language.as_str()));
                }
                languages.push(language);
            }
            let outputs = list(cell.shift_remove("outputs"), "its `outputs`")?;
            let outputs = outputs.into_iter().map(upgraded_output).collect::<Result<Vec<_>, _>>()?;
            new.insert("cell_type".to_owned(), json!("code"));
            new.insert("execution_count".to_owned(), count(cell.shift_remove("prompt_number")));
            new.insert("id".to_owned(), Value::from(ids.next(crate::CellKind::Code, &source)));
            keep(&mut metadata, cell);
            new.insert("metadata".to_owned(), Value::Object(metadata));
            new.insert("outputs".to_owned(), Value::Array(outputs));
            new.insert("source".to_owned(), source_value(&source, true));
        }
        "markdown" | "heading" | "html" => {
            let source = match kind.as_str() {
                "heading" => {
                    let level = cell.shift_remove("level").and_then(|level| level.as_u64()).unwrap_or(1).clamp(1, 6);
                    let line = source.lines().collect::<Vec<_>>().join(" ");
                    format!("{} {line}", "#".repeat(level as usize))
                }
                _ => source,
            };
            keep(&mut metadata, cell);
            text_cell(&mut new, ids, crate::CellKind::Markdown, metadata, &source);
        }
        other => {
            if other != "raw" {
                metadata.entry("cell_type").or_insert(Value::from(other));
            }
            keep(&mut metadata, cell);
            text_cell(&mut new, ids, crate::CellKind::Raw, metadata, &source);
        }
    }
    Ok(Value::Object(new))
}

fn text_cell(
    new: &mut Map<String, Value>,
    ids: &mut Ids,
    kind: crate::CellKind,
    metadata: Map<String, Value>,
    source: &str,
) {
    new.insert("cell_type".to_owned(), Value::from(kind.name()));
    new.insert("id".to_owned(), Value::from(ids.next(kind, source)));
    new.insert("metadata".to_owned(), Value::Object(metadata));
    new.insert("source".to_owned(), source_value(source, true));
}

fn upgraded_output(output: Value) -> Result<Value, String> {
    let mut output = object(Some(output), "an output")?;
    let kind = output.shift_remove("output_type").unwrap_or_default();
    let mut new = Map::new();
    match kind.as_str() {
        Some("stream") => {
            let name = output.shift_remove("stream").filter(Value::is_string).unwrap_or_else(|| json!("stdout"));
            new.insert("name".to_owned(), name);
            new.insert("output_type".to_owned(), json!("stream"));
            new.insert("text".to_owned(), output.shift_remove("text").unwrap_or_else(|| json!("")));
        }
        Some("pyerr") => {
            let ename = output.shift_remove("ename").filter(Value::is_string).unwrap_or_else(|| json!(""));
            let evalue = output.shift_remove("evalue").filter(Value::is_string).unwrap_or_else(|| json!(""));
            new.insert("ename".to_owned(), ename);
            new.insert("evalue".to_owned(), evalue);
            new.insert("output_type".to_owned(), json!("error"));
            new.insert(
                "traceback".to_owned(),
                output.shift_remove("traceback").filter(Value::is_array).unwrap_or_else(|| json!([])),
            );
        }
        _ => {
            let result = kind.as_str() == Some("pyout");
            let metadata = object(output.shift_remove("metadata"), "the `metadata` of an output")?;
            let prompt = count(output.shift_remove("prompt_number"));
            let data = output.into_iter().map(|(name, value)| (mime(&name).to_owned(), parsed(&name, value))).collect();
            new.insert("data".to_owned(), Value::Object(data));
            if result {
                new.insert("execution_count".to_owned(), prompt);
            }
            let metadata = metadata.into_iter().map(|(name, value)| (mime(&name).to_owned(), value)).collect();
            new.insert("metadata".to_owned(), Value::Object(metadata));
            let kind = if result { "execute_result" } else { "display_data" };
            new.insert("output_type".to_owned(), json!(kind));
        }
    }
    Ok(Value::Object(new))
}

/// The MIME type that version 4 has for a short name of version 3.
fn mime(name: &str) -> &str {
    match name {
        "text" => "text/plain",
        "html" => "text/html",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpeg" => "image/jpeg",
        "latex" => "text/latex",
        "json" => "application/json",
        "javascript" => "application/javascript",
        other => other,
    }
}

/// Version 3 has JSON as text.
fn parsed(name: &str, value: Value) -> Value {
    if name != "json" {
        return value;
    }
    joined(value.clone()).and_then(|text| json::value(&text).ok()).unwrap_or(value)
}

fn count(prompt: Option<Value>) -> Value {
    prompt.and_then(|prompt| prompt.as_u64()).into()
}

/// Puts what version 4 has no place for into the metadata, under its own name.
fn keep(metadata: &mut Map<String, Value>, rest: Map<String, Value>) {
    for (name, value) in rest {
        metadata.entry(name).or_insert(value);
    }
}

fn object(value: Option<Value>, what: &str) -> Result<Map<String, Value>, String> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(format!("{what} is not an object")),
    }
}

fn list(value: Option<Value>, what: &str) -> Result<Vec<Value>, String> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(format!("{what} are not a list")),
    }
}
