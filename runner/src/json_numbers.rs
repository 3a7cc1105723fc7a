//! JSON as Python writes it, with `NaN` and `Infinity`, which strict JSON does not have.

use serde_json::Value;

/// Reads a JSON text in which the bare words `NaN`, `Infinity` and `-Infinity` may stand; they become texts.
pub(crate) fn from_slice(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok().or_else(|| serde_json::from_str(&quoted(std::str::from_utf8(bytes).ok()?)).ok())
}

/// The number that `value` is: a number, or the word for one that JSON lacks. `null` is NaN, as serde_json writes it.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Null => Some(f64::NAN),
        Value::String(word) => match word.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" | "inf" => Some(f64::INFINITY),
            "-Infinity" | "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// `text` with quotes around the bare words.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut in_string = false;
    while let Some(first) = rest.chars().next() {
        if in_string {
            // A backslash takes the next character with it, so that an escaped quote ends nothing.
            let length =
                if first == '\\' { 1 + rest[1..].chars().next().map_or(0, char::len_utf8) } else { first.len_utf8() };
            in_string = first != '"';
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        if let Some(word) = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| rest.starts_with(word)) {
            out.extend(["\"", word, "\""]);
            rest = &rest[word.len()..];
            continue;
        }
        in_string = first == '"';
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_words_of_python_are_read_outside_of_texts_only() {
        let value = from_slice(br#"{"a": NaN, "b": [-Infinity, Infinity, 1], "c": "NaN \" NaN", "d\\": "-Infinity"}"#);
        let want = json!({
            "a": "NaN", "b": ["-Infinity", "Infinity", 1], "c": "NaN \" NaN", "d\\": "-Infinity"
        });
        assert_eq!(value, Some(want));
        assert_eq!(from_slice(b"{\"a\": nan}"), None);
        assert_eq!(from_slice(b"\"\\"), None);
        assert_eq!(from_slice(&[0xff]), None);
    }

    #[test]
    fn numbers_of_every_kind() {
        assert_eq!(number(&json!(2)), Some(2.0));
        assert_eq!(number(&json!("-Infinity")), Some(f64::NEG_INFINITY));
        assert!(number(&json!(null)).is_some_and(f64::is_nan));
        assert_eq!(number(&json!("x")), None);
        assert_eq!(number(&json!(true)), None);
    }
}
