//! Another value in the place of a literal, of the same kind and written in the same way.

use crate::quantity::human_bytes;
use serde_json::Value;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprTuple, Lit, UnOp};

/// Values are told no longer than this.
const LONGEST: usize = 40;

/// The expression `old`, a literal or a list or map of literals, with `value` in its place: `5u8` and 7 are `7u8`,
/// `"a".to_string()` and "b" are `"b".to_string()`.
///
/// # Errors
/// Says in a sentence why the value cannot be written in that form.
pub fn rewritten(old: &str, value: &Value) -> Result<String, String> {
    let expression: Expr = syn::parse_str(old).map_err(|error| format!("`{old}` cannot be read: {error}"))?;
    like(&expression, old, value)
}

/// `value` in the form of `old`, which is a part of `text`.
fn like(old: &Expr, text: &str, value: &Value) -> Result<String, String> {
    match old {
        Expr::Lit(literal) => scalar(&literal.lit, value),
        Expr::Unary(negative) if matches!(negative.op, UnOp::Neg(_)) => like(&negative.expr, text, value),
        Expr::Paren(inner) => around(old, &inner.expr, text, value),
        Expr::Group(inner) => like(&inner.expr, text, value),
        Expr::Reference(inner) => around(old, &inner.expr, text, value),
        Expr::MethodCall(call) => around(old, &call.receiver, text, value),
        Expr::Array(array) => Ok(format!("[{}]", elements(array.elems.iter(), text, value)?)),
        Expr::Tuple(tuple) => pair_or_more(tuple, text, value),
        Expr::Call(call) => {
            let function = source(&call.func, text);
            match (call.args.first(), value) {
                (Some(argument), Value::Object(_)) => Ok(format!("{function}([{}])", entries(argument, text, value)?)),
                (Some(argument), _) => Ok(format!("{function}({})", like(argument, text, value)?)),
                // `String::new()`, `Vec::new()`, `HashMap::new()`
                (None, _) => {
                    let from = function.strip_suffix("new").unwrap_or(&function);
                    match value {
                        Value::Array(items) if items.is_empty() => Ok(format!("{function}()")),
                        Value::Object(map) if map.is_empty() => Ok(format!("{function}()")),
                        Value::Array(_) => Ok(format!("{from}from({})", plain(value)?)),
                        Value::Object(map) => {
                            let entries = map.iter().map(|(key, value)| Ok(format!("({key:?}, {})", plain(value)?)));
                            Ok(format!("{from}from([{}])", entries.collect::<Result<Vec<_>, String>>()?.join(", ")))
                        }
                        value => Ok(format!("{from}from({})", plain(value)?)),
                    }
                }
            }
        }
        Expr::Macro(invocation) => {
            let name = invocation.mac.path.segments.last().map(|segment| segment.ident.to_string());
            let path = source(&invocation.mac.path, text);
            if name.as_deref() == Some("vec") {
                let parser = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated;
                let old = syn::parse::Parser::parse2(parser, invocation.mac.tokens.clone()).unwrap_or_default();
                return Ok(format!("{path}![{}]", elements(old.iter(), text, value)?));
            }
            Ok(format!("{path}!({value})"))
        }
        _ => Err(format!("`{}` is no literal", source(old, text))),
    }
}

/// `old` with only `inner` changed, which is a part of it: brackets, `&`, `.to_string()` stay.
fn around(old: &Expr, inner: &Expr, text: &str, value: &Value) -> Result<String, String> {
    let (outside, inside) = (old.span().byte_range(), inner.span().byte_range());
    let before = text.get(outside.start..inside.start).unwrap_or_default();
    let after = text.get(inside.end..outside.end).unwrap_or_default();
    let new = like(inner, text, value)?;
    // `-5.max(…)` would be `-(5.max(…))`.
    let new = if new.starts_with('-') && after.starts_with('.') { format!("({new})") } else { new };
    Ok(format!("{before}{new}{after}"))
}

fn scalar(old: &Lit, value: &Value) -> Result<String, String> {
    match (old, value) {
        (Lit::Bool(_), Value::Bool(value)) => Ok(value.to_string()),
        (Lit::Str(_), Value::String(value)) => Ok(format!("{value:?}")),
        (Lit::Char(_), Value::String(value)) => {
            let mut characters = value.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => Ok(format!("{character:?}")),
                _ => Err(format!("{} is not one character", shown(&Value::from(value.as_str())))),
            }
        }
        (Lit::Int(old), Value::Number(number)) => match (old.suffix(), number.as_i64()) {
            (suffix @ ("f32" | "f64"), _) => Ok(format!("{}{suffix}", float(number))),
            (suffix, Some(number)) => Ok(format!("{number}{suffix}")),
            (_, None) => Err(format!("{number} is no integer")),
        },
        (Lit::Float(old), Value::Number(number)) => Ok(format!("{}{}", float(number), old.suffix())),
        (old, value) => {
            let kind = match old {
                Lit::Bool(_) => "true or false",
                Lit::Str(_) | Lit::Char(_) => "text",
                _ => "a number",
            };
            Err(format!("{} is not {kind}", shown(value)))
        }
    }
}

/// With a point or an exponent, so that it is no integer for rustc.
fn float(number: &serde_json::Number) -> String {
    number.as_f64().map_or_else(|| number.to_string(), |number| format!("{number:?}"))
}

/// The items of a list. Each has the form of the old one in its place, or of the last one.
fn elements<'a>(old: impl Iterator<Item = &'a Expr>, text: &str, value: &Value) -> Result<String, String> {
    let Value::Array(items) = value else { return Err(format!("{} is no list", shown(value))) };
    let mut last = None;
    let mut old = old;
    let new = items.iter().map(|item| {
        last = old.next().or(last);
        last.map_or_else(|| plain(item), |form| like(form, text, item))
    });
    Ok(new.collect::<Result<Vec<_>, String>>()?.join(", "))
}

fn pair_or_more(old: &ExprTuple, text: &str, value: &Value) -> Result<String, String> {
    let count = old.elems.len();
    if value.as_array().is_none_or(|items| items.len() != count) {
        return Err(format!("{} is not a list of {count} values", shown(value)));
    }
    let comma = if count == 1 { "," } else { "" };
    Ok(format!("({}{comma})", elements(old.elems.iter(), text, value)?))
}

/// The pairs of a map, in the form of its first one.
fn entries(old: &Expr, text: &str, value: &Value) -> Result<String, String> {
    let Value::Object(map) = value else { return Err(format!("{} is no map", shown(value))) };
    let first = match old {
        Expr::Array(array) => array.elems.first(),
        _ => None,
    };
    let pairs = map.iter().map(|(key, value)| match first {
        Some(Expr::Tuple(pair)) if pair.elems.len() == 2 => {
            let key = like(&pair.elems[0], text, &Value::from(key.as_str()))?;
            Ok(format!("({key}, {})", like(&pair.elems[1], text, value)?))
        }
        _ => Ok(format!("({key:?}, {})", plain(value)?)),
    });
    Ok(pairs.collect::<Result<Vec<_>, String>>()?.join(", "))
}

/// A value for which there is no old form.
fn plain(value: &Value) -> Result<String, String> {
    match value {
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(number) if number.is_f64() => Ok(float(number)),
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => Ok(format!("{text:?}")),
        Value::Array(items) => {
            Ok(format!("[{}]", items.iter().map(plain).collect::<Result<Vec<_>, String>>()?.join(", ")))
        }
        Value::Null | Value::Object(_) => Err(format!("{} cannot be written in Rust here", shown(value))),
    }
}

fn source(node: &impl syn::spanned::Spanned, text: &str) -> String {
    text.get(node.span().byte_range()).unwrap_or_default().to_owned()
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}… ({})", human_bytes(text.len() as u64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_written_as_the_old_one_was() {
        for (old, value, new) in [
            ("5", json!(-7), "-7"),
            ("1_000u64", json!(3), "3u64"),
            ("-5", json!(7), "7"),
            ("0.1", json!(2.0), "2.0"),
            ("0.1f32", json!(1e21), "1e21f32"),
            ("3f64", json!(1), "1.0f64"),
            ("true", json!(false), "false"),
            ("\"a\"", json!("b\"\n\\é"), r#""b\"\n\\é""#),
            ("'a'", json!("'"), r"'\''"),
            ("\"a\".to_string()", json!("b"), "\"b\".to_string()"),
            ("String::from(\"a\")", json!("b"), "String::from(\"b\")"),
            ("std::string::String::new()", json!("b"), "std::string::String::from(\"b\")"),
            ("vec![1u8, 2]", json!([3, 4, 5]), "vec![3u8, 4, 5]"),
            ("vec![1.5]", json!([1, 2.5]), "vec![1.0, 2.5]"),
            ("[\"a\".to_owned()]", json!(["b", "c"]), "[\"b\".to_owned(), \"c\".to_owned()]"),
            ("&[1, 2]", json!([]), "&[]"),
            ("(1, \"a\")", json!([2, "b"]), "(2, \"b\")"),
            ("(1,)", json!([2]), "(2,)"),
            ("Vec::new()", json!(["a"]), "Vec::from([\"a\"])"),
            ("Vec::new()", json!([]), "Vec::new()"),
            ("HashMap::from([(\"a\".to_string(), 1u8)])", json!({"b": 2}), "HashMap::from([(\"b\".to_string(), 2u8)])"),
            ("std::collections::HashMap::new()", json!({"b": 2.5}), "std::collections::HashMap::from([(\"b\", 2.5)])"),
            ("serde_json::json!({\"a\": 1})", json!({"b": null}), "serde_json::json!({\"b\":null})"),
            ("[[1, 2], [3, 4]]", json!([[5, 6]]), "[[5, 6]]"),
        ] {
            assert_eq!(rewritten(old, &value), Ok(new.to_owned()), "{old}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        for (old, value, why) in [
            ("5", json!("x"), "not a number"),
            ("5", json!(1.5), "no integer"),
            ("'a'", json!("ab"), "not one character"),
            ("(1, 2)", json!([1]), "list of 2 values"),
            ("vec![1]", json!(["a"]), "not a number"),
            ("Vec::new()", json!([null]), "cannot be written"),
            ("f(x)", json!([null]), "no literal"),
        ] {
            let error = rewritten(old, &value).unwrap_err();
            assert!(error.contains(why), "{old}: {error}");
        }
    }
}
