//! How a notebook file is laid out, so that what is written into it looks like the rest.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::json::{self, Flaw, Member};

/// How a JSON text is laid out.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// White space of one level; nothing where all is on one line.
    unit: Option<String>,
    newline: &'static str,
    /// Whether characters beyond ASCII are written as escapes.
    ascii: bool,
    /// Between key and value.
    colon: String,
    /// Between two values on one line.
    comma: String,
    /// Whether a cell's source is a list of lines where the cell itself does not tell.
    pub(crate) source_as_list: bool,
}

impl Style {
    /// The layout that Jupyter writes.
    pub(crate) fn jupyter() -> Self {
        Self {
            unit: Some(" ".to_owned()),
            newline: "\n",
            ascii: false,
            colon: ": ".to_owned(),
            comma: ", ".to_owned(),
            source_as_list: true,
        }
    }

    /// The layout of the object `text` with these members.
    pub(crate) fn of(text: &str, members: &[Member]) -> Self {
        let mut style = Self::jupyter();
        if text.contains("\r\n") {
            style.newline = "\r\n";
        }
        style.ascii = text.is_ascii() && has_escaped_character(text);
        if let Some(first) = members.first() {
            style.unit = indentation(text, first.key.start).map(str::to_owned);
            style.colon = on_one_line(&text[first.key.end..first.value.start]);
        }
        if style.unit.is_none()
            && let [first, second, ..] = members
        {
            style.comma = on_one_line(&text[first.value.end..second.key.start]);
        }
        style
    }

    /// What separates two values on one line.
    pub(crate) fn comma(&self) -> &str {
        &self.comma
    }

    /// The brackets of a list with the white space that belongs inside of them. `base` is the indentation of the line
    /// on which the list starts; nothing where it shares that line with something before its key.
    pub(crate) fn brackets(&self, base: Option<&str>) -> (String, String) {
        match (base, &self.unit) {
            (Some(base), Some(unit)) => {
                let newline = self.newline;
                (format!("[{newline}{base}{unit}"), format!("{newline}{base}]"))
            }
            _ => ("[".to_owned(), "]".to_owned()),
        }
    }

    /// `value` as text. `base` is the indentation of the line on which it starts; nothing to keep it on one line.
    pub(crate) fn print(&self, value: &Value, base: Option<&str>) -> String {
        let mut text = String::new();
        let base = if self.unit.is_some() { base } else { None };
        self.print_into(&mut text, value, base.map(str::to_owned).as_mut());
        text
    }

    fn print_into(&self, text: &mut String, value: &Value, mut base: Option<&mut String>) {
        match value {
            Value::Null => text.push_str("null"),
            Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => text.push_str(&number.to_string()),
            Value::String(string) => self.print_string(text, string),
            Value::Array(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.separate(text, index, base.as_deref_mut(), |text, base| self.print_into(text, item, base));
                }
                self.close(text, items.is_empty(), base, ']');
            }
            Value::Object(members) => {
                text.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    self.separate(text, index, base.as_deref_mut(), |text, base| {
                        self.print_string(text, name);
                        text.push_str(&self.colon);
                        self.print_into(text, value, base);
                    });
                }
                self.close(text, members.is_empty(), base, '}');
            }
        }
    }

    fn separate(
        &self,
        text: &mut String,
        index: usize,
        base: Option<&mut String>,
        item: impl FnOnce(&mut String, Option<&mut String>),
    ) {
        match base {
            Some(base) => {
                if index > 0 {
                    text.push(',');
                }
                let outer = base.len();
                base.push_str(self.unit.as_deref().unwrap_or_default());
                text.push_str(self.newline);
                text.push_str(base);
                item(text, Some(base));
                base.truncate(outer);
            }
            None => {
                if index > 0 {
                    text.push_str(&self.comma);
                }
                item(text, None);
            }
        }
    }

    fn close(&self, text: &mut String, empty: bool, base: Option<&mut String>, bracket: char) {
        if let (false, Some(base)) = (empty, base) {
            text.push_str(self.newline);
            text.push_str(base);
        }
        text.push(bracket);
    }

    fn print_string(&self, text: &mut String, string: &str) {
        text.push('"');
        for character in string.chars() {
            match character {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\u{8}' => text.push_str("\\b"),
                '\u{c}' => text.push_str("\\f"),
                '\0'..='\u{1f}' => escape(text, character),
                _ if self.ascii && !character.is_ascii() => escape(text, character),
                _ => text.push(character),
            }
        }
        text.push('"');
    }

    /// The object `object` with its member `name` set to `value`. `outer` is the indentation of the line on which
    /// the object starts, nothing where it shares that line with something before it.
    pub(crate) fn set_member(
        &self,
        object: &str,
        outer: Option<&str>,
        name: &str,
        value: &Value,
    ) -> Result<String, Flaw> {
        let members = json::members(object)?;
        if let Some(member) = json::member(&members, name) {
            let old = &object[member.value.clone()];
            let on_one_line = old.starts_with(['[', '{']) && !old.contains('\n') && !is_empty_container(old);
            let base = indentation(object, member.key.start).filter(|_| !on_one_line);
            return Ok(splice(object, member.value.clone(), &self.print(value, base)));
        }
        let Some((first, last)) = members.first().zip(members.last()) else {
            let map = Map::from_iter([(name.to_owned(), value.clone())]);
            return Ok(self.print(&Value::Object(map), outer));
        };
        let base = indentation(object, first.key.start);
        let mut entry = String::new();
        self.print_string(&mut entry, name);
        entry.push_str(&self.colon);
        entry.push_str(&self.print(value, base));
        let gap = match base {
            Some(base) => format!(",{}{base}", self.newline),
            None => self.comma.clone(),
        };
        // Jupyter sorts the keys; where they are sorted, they stay so.
        let sorted = members.is_sorted_by(|one, other| one.name <= other.name);
        let next = members.iter().find(|member| sorted && member.name.as_str() > name);
        Ok(match next {
            Some(next) => splice(object, next.key.start..next.key.start, &(entry + &gap)),
            None => splice(object, last.value.end..last.value.end, &(gap + &entry)),
        })
    }
}

/// `text` with `range` replaced by `new`.
pub(crate) fn splice(text: &str, range: std::ops::Range<usize>, new: &str) -> String {
    [&text[..range.start], new, &text[range.end..]].concat()
}

/// The white space before byte `at` of `text`, if nothing but white space is before it on its line.
pub(crate) fn indentation(text: &str, at: usize) -> Option<&str> {
    let before = &text[..at];
    let line = &before[before.rfind('\n')? + 1..];
    line.bytes().all(|byte| matches!(byte, b' ' | b'\t')).then_some(line)
}

/// What separates two values, without line breaks and tabs.
fn on_one_line(separator: &str) -> String {
    separator.split(['\r', '\n', '\t']).collect()
}

fn is_empty_container(text: &str) -> bool {
    text.len() >= 2 && text[1..text.len() - 1].trim().is_empty()
}

/// Whether a character beyond ASCII is written as `\uXXXX`.
fn has_escaped_character(text: &str) -> bool {
    text.match_indices("\\u").any(|(at, _)| {
        let backslashes = text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes % 2 == 0
            && text
                .get(at + 2..at + 6)
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                .is_some_and(|unit| unit > 127)
    })
}

fn escape(text: &mut String, character: char) {
    let mut units = [0; 2];
    for unit in character.encode_utf16(&mut units) {
        // Writing into a string cannot fail.
        let _ = write!(text, "\\u{unit:04x}");
    }
}
