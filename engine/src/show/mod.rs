//! Makes the value of a cell's last expression worth looking at: arrays aligned, rows of structures as a table.
//!
//! The value comes as its `Debug` text and its type's name, so that nothing here need know the user's crates.

mod array;
mod debug_tree;
mod table;

use serde_json::{Map, Value};

/// The forms of a value, from what the host sent of it.
pub(crate) fn result(data: &Map<String, Value>) -> Map<String, Value> {
    let mut forms = forms(data);
    let typed = data.get("typed").and_then(Value::as_bool).unwrap_or_default();
    if let (true, Some(Value::String(text))) = (typed, forms.get_mut("text/plain")) {
        let type_name = data.get("type").and_then(Value::as_str).unwrap_or_default();
        text.push_str(&format!(": {}", short_type(type_name)));
    }
    forms
}

/// Whether this is no value, but says that the next display is one.
pub(crate) fn is_announcement(data: &Map<String, Value>) -> bool {
    data.get("form").and_then(Value::as_str) == Some("announcement")
}

fn forms(data: &Map<String, Value>) -> Map<String, Value> {
    let field = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
    let (form, type_name, text) = (field("form"), field("type"), field("text"));
    let cut = data.get("cut").and_then(Value::as_bool).unwrap_or_default();
    let mut forms = Map::new();
    if form == "opaque" {
        let text = format!("a value of type {}, which has no `Debug` to show it by", short_type(type_name));
        forms.insert("text/plain".to_owned(), text.into());
        return forms;
    }
    if form == "text" {
        forms.insert("text/plain".to_owned(), text.into());
        return forms;
    }
    let shown = (!cut).then(|| array::array(type_name, text).or_else(|| table::table(text))).flatten();
    match shown {
        Some(shown) => {
            forms.insert("text/plain".to_owned(), shown.text.into());
            forms.insert("text/html".to_owned(), shown.html.into());
        }
        None => {
            let text = if cut { format!("{text}… (cut off here)") } else { text.to_owned() };
            forms.insert("text/plain".to_owned(), text.into());
        }
    }
    forms
}

/// A value in two forms.
struct Shown {
    text: String,
    html: String,
}

/// A type's name without the modules that lead to it.
pub(crate) fn short_type(type_name: &str) -> String {
    let mut short = String::with_capacity(type_name.len());
    let mut path = String::new();
    for character in type_name.chars().chain(['\0']) {
        if character.is_alphanumeric() || character == '_' || character == ':' {
            path.push(character);
            continue;
        }
        short.push_str(path.rsplit("::").next().unwrap_or_default());
        path.clear();
        if character != '\0' {
            short.push(character);
        }
    }
    short
}
