//! Where the parts of a JSON text are, so that one of them can be replaced without touching the rest.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::{memchr, memchr2};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// How deep lists and objects may lie in one another; below the limit of `serde_json` (128), so that a value can
/// be moved a few levels down when an old notebook is upgraded.
const DEPTH: usize = 120;

/// What is wrong with a text, and at which of its bytes.
#[derive(Debug)]
pub(crate) struct Flaw {
    pub(crate) byte: usize,
    pub(crate) message: String,
    /// Whether the text is JSON, but not the JSON that was expected.
    pub(crate) shape: bool,
}

impl Flaw {
    /// JSON of another shape than expected.
    pub(crate) fn shape(byte: usize, message: impl Into<String>) -> Self {
        Self { byte, message: message.into(), shape: true }
    }

    /// No JSON.
    fn syntax(byte: usize, message: impl Into<String>) -> Self {
        Self { byte, message: message.into(), shape: false }
    }

    fn of(text: &str, error: &serde_json::Error) -> Self {
        let mut byte = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>()
            + error.column().saturating_sub(1);
        byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let full = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = full.strip_suffix(&place).unwrap_or(&full).to_owned();
        Self { byte, message, shape: error.is_data() }
    }

    /// The same flaw, seen from a text in which this one starts at byte `start`.
    pub(crate) fn within(mut self, start: usize) -> Self {
        self.byte += start;
        self
    }
}

/// A member of an object: where its key (with its quotes) and its value are.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// Refuses what `serde_json` would refuse only later, in a value that is read on demand: too much depth, and numbers
/// that no `f64` holds. `depth` is how deep `text` itself lies in a file.
pub(crate) fn check(text: &str, mut depth: usize) -> Result<(), Flaw> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH {
                    return Err(Flaw::syntax(at, format!("lists and objects are nested more than {DEPTH} deep")));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..]
                    .iter()
                    .take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
                    .count();
                let number = &text[at..at + length];
                let huge = number.len() > 300 || number.contains(['e', 'E']);
                if huge && number.parse::<f64>().is_ok_and(f64::is_infinite) {
                    return Err(Flaw::syntax(at, "the number is too large"));
                }
                at += length;
                continue;
            }
            b'N' if bytes[at..].starts_with(b"NaN") => {
                return Err(Flaw::syntax(at, "`NaN` is not JSON; write `null` instead"));
            }
            b'I' if bytes[at..].starts_with(b"Infinity") => {
                return Err(Flaw::syntax(at, "`Infinity` is not JSON; write `null` instead"));
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The byte after the string that starts at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// `text` with each lone surrogate escape (`\ud800`, which no UTF-8 string can hold) replaced by `\ufffd`. The
/// result has the same length, so positions hold.
pub(crate) fn mend(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut mended = String::new();
    let mut done = 0;
    let mut at = 0;
    // In JSON a backslash is only ever in a string.
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += found;
        match unit(bytes, at) {
            Some(0xD800..=0xDBFF) if matches!(unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                mended.push_str(&text[done..at]);
                mended.push_str("\\ufffd");
                at += 6;
                done = at;
            }
            _ => at += 2,
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(&text[done..]);
    Cow::Owned(mended)
}

/// The UTF-16 unit of the escape `\uXXXX` at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    if !escape.starts_with(b"\\u") {
        return None;
    }
    escape[2..].iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

/// The members of the object that `text` is, in order; white space around it is allowed.
pub(crate) fn members(text: &str) -> Result<Vec<Member>, Flaw> {
    let text = mend(text);
    let text = text.as_ref();
    let entries: Entries<'_> = serde_json::from_str(text).map_err(|error| Flaw::of(text, &error))?;
    entries
        .0
        .into_iter()
        .map(|(key, value)| {
            let key_range = range(text, key);
            let name =
                serde_json::from_str(key.get()).map_err(|error| Flaw::of(key.get(), &error).within(key_range.start))?;
            Ok(Member { name, key: key_range, value: range(text, value) })
        })
        .collect()
}

/// The member called `name`; the last one, as every JSON reader takes it.
pub(crate) fn member<'a>(members: &'a [Member], name: &str) -> Option<&'a Member> {
    members.iter().rev().find(|member| member.name == name)
}

/// Where the items of the list that `text` is are, in order.
pub(crate) fn items(text: &str) -> Result<Vec<Range<usize>>, Flaw> {
    let text = mend(text);
    let text = text.as_ref();
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| Flaw::of(text, &error))?;
    Ok(items.into_iter().map(|item| range(text, item)).collect())
}

/// The value that `text` is.
pub(crate) fn value(text: &str) -> Result<Value, Flaw> {
    let text = mend(text);
    serde_json::from_str(&text).map_err(|error| Flaw::of(&text, &error))
}

/// The text that `text` is as a string or as a list of strings, whose parts are joined; nothing if it is neither.
pub(crate) fn joined(text: &str) -> Option<String> {
    let text = mend(text);
    let mut joined = String::with_capacity(text.len());
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    deserializer.deserialize_any(Joiner { joined: &mut joined, lists: true }).ok()?;
    Some(joined)
}

/// Puts a string, or the strings of a list, behind what it holds.
struct Joiner<'a> {
    joined: &'a mut String,
    /// Whether a list may come; within a list, none may.
    lists: bool,
}

impl<'de> DeserializeSeed<'de> for Joiner<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Joiner<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a list of strings")
    }

    fn visit_str<E>(self, part: &str) -> Result<(), E> {
        self.joined.push_str(part);
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        // `null` is no source at all; a part of one it cannot be.
        if self.lists { Ok(()) } else { Err(E::custom("a list of strings has no null")) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        if !self.lists {
            return Err(serde::de::Error::custom("a list of strings has no list"));
        }
        while parts.next_element_seed(Joiner { joined: self.joined, lists: false })?.is_some() {}
        Ok(())
    }
}

fn range(text: &str, part: &RawValue) -> Range<usize> {
    let start = part.get().as_ptr().addr() - text.as_ptr().addr();
    start..start + part.get().len()
}

/// Keys and values of an object as they are written, in order, duplicates included.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}
