//! What a run is given: checks it against the pipeline's parameters and converts text by their types.

use std::fmt;

use oxikale_compiler::ir::{Ir, ParameterDefinition, ParameterType};
use serde_json::{Map, Number, Value};

/// What a run is given: parameter name → JSON value.
pub type Arguments = Map<String, Value>;

/// Why a run cannot have these arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentError {
    /// The pipeline has no such parameter.
    Unknown {
        /// What was given.
        name: String,
        /// The parameter whose name is most like it.
        nearest: Option<String>,
        /// All parameters.
        known: Vec<String>,
    },
    /// A parameter without a default was not given.
    Missing {
        /// The parameter.
        name: String,
        /// Its type, in a word.
        kind: &'static str,
    },
    /// The value is not of the parameter's type.
    Wrong {
        /// The parameter.
        name: String,
        /// What is wrong with the value.
        why: String,
    },
    /// A text that is not `name=value`.
    NoAssignment {
        /// The text.
        text: String,
    },
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, nearest: Some(nearest), .. } => {
                write!(f, "the pipeline has no parameter `{name}`; did you mean `{nearest}`?")
            }
            Self::Unknown { name, known, .. } if known.is_empty() => {
                write!(f, "the pipeline has no parameter `{name}`; it has none at all")
            }
            Self::Unknown { name, known, .. } => {
                write!(f, "the pipeline has no parameter `{name}`; it has `{}`", known.join("`, `"))
            }
            Self::Missing { name, kind } => {
                write!(f, "the parameter `{name}` ({kind}) has no default; give it a value with `{name}=…`")
            }
            Self::Wrong { name, why } => write!(f, "the parameter `{name}` cannot be that: {why}"),
            Self::NoAssignment { text } => write!(f, "`{text}` is no argument; write `name=value`"),
        }
    }
}

impl std::error::Error for ArgumentError {}

/// The word for a type of parameter.
pub fn kind_name(kind: ParameterType) -> &'static str {
    match kind {
        ParameterType::Double => "number",
        ParameterType::Integer => "integer",
        ParameterType::String => "text",
        ParameterType::Boolean => "true or false",
        ParameterType::List => "JSON list",
        ParameterType::Struct => "JSON map",
    }
}

/// Converts a text from a command line by the parameter's type. A text parameter takes it as it is.
///
/// # Errors
/// Says in a sentence what is wrong with the text.
pub fn argument(definition: &ParameterDefinition, text: &str) -> Result<Value, String> {
    let kind = definition.parameter_type;
    let trimmed = text.trim();
    let value = match kind {
        ParameterType::String => return Ok(Value::String(text.to_owned())),
        ParameterType::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Value::Bool(true),
            "false" | "0" | "no" | "off" => Value::Bool(false),
            _ => return Err(format!("`{text}` is neither true nor false")),
        },
        ParameterType::Integer => match trimmed.replace('_', "").parse::<i128>() {
            Ok(number) => {
                i64::try_from(number).map(Value::from).map_err(|_| format!("`{text}` does not fit into 64 bits"))?
            }
            Err(_) => match number(trimmed) {
                Some(number) => number,
                None => return Err(format!("`{text}` is no integer")),
            },
        },
        ParameterType::Double => match trimmed.replace('_', "").parse::<f64>() {
            Ok(number) => Number::from_f64(number).map(Value::Number).ok_or_else(|| not_finite(text))?,
            Err(_) => return Err(format!("`{text}` is no number")),
        },
        ParameterType::List | ParameterType::Struct => {
            serde_json::from_str(trimmed).map_err(|error| format!("`{text}` is no JSON: {error}"))?
        }
    };
    typed(kind, value)
}

/// `1e3` or `4.0`, as a JSON number.
fn number(text: &str) -> Option<Value> {
    Number::from_f64(text.parse().ok()?).map(Value::Number)
}

fn not_finite(text: &str) -> String {
    format!("`{text}` is not finite, and JSON, in which parameters travel, has no such number")
}

/// Reads `name=value` as a command line has it.
///
/// # Errors
/// When it is no assignment, the pipeline has no such parameter, or the value is not of its type.
pub fn assignment(ir: &Ir, text: &str) -> Result<(String, Value), ArgumentError> {
    let (name, value) = text.split_once('=').ok_or_else(|| ArgumentError::NoAssignment { text: text.to_owned() })?;
    let name = name.trim();
    let definition = definitions(ir)
        .find(|(known, _)| *known == name)
        .map(|(_, definition)| definition)
        .ok_or_else(|| unknown(ir, name))?;
    let value = argument(definition, value).map_err(|why| ArgumentError::Wrong { name: name.to_owned(), why })?;
    Ok((name.to_owned(), value))
}

/// Every parameter's value: what is given, else its default. One that may be left out and has no default is not in it.
///
/// # Errors
/// At the first name that is unknown, value that is not of its type, or parameter that is missing.
pub fn resolve(ir: &Ir, given: &Arguments) -> Result<Arguments, ArgumentError> {
    if let Some(name) = given.keys().find(|name| !definitions(ir).any(|(known, _)| known == name.as_str())) {
        return Err(unknown(ir, name));
    }
    let mut all = Arguments::new();
    for (name, definition) in definitions(ir) {
        let value = given.get(name).or(definition.default_value.as_ref());
        match value {
            Some(value) => {
                let value = typed(definition.parameter_type, value.clone())
                    .map_err(|why| ArgumentError::Wrong { name: name.to_owned(), why })?;
                all.insert(name.to_owned(), value);
            }
            None if definition.is_optional == Some(true) => {}
            None => {
                let kind = kind_name(definition.parameter_type);
                return Err(ArgumentError::Missing { name: name.to_owned(), kind });
            }
        }
    }
    Ok(all)
}

/// `value`, where it is of that type. An integer may come as a double without a fraction.
pub(crate) fn typed(kind: ParameterType, value: Value) -> Result<Value, String> {
    let wrong = |value: &Value| {
        let mut text = value.to_string();
        if text.chars().count() > 60 {
            text = text.chars().take(60).chain(['…']).collect();
        }
        format!("{text} is not of the type {}", kind_name(kind))
    };
    match (kind, &value) {
        (ParameterType::Double, Value::Number(_))
        | (ParameterType::String, Value::String(_))
        | (ParameterType::Boolean, Value::Bool(_))
        | (ParameterType::List, Value::Array(_))
        | (ParameterType::Struct, Value::Object(_)) => Ok(value),
        (ParameterType::Integer, Value::Number(number)) => {
            if number.is_i64() {
                return Ok(value);
            }
            match number.as_f64() {
                // Both bounds are exact doubles; 2^63 itself no longer fits.
                Some(double) if double.fract() == 0.0 && (-(2_f64.powi(63))..2_f64.powi(63)).contains(&double) => {
                    Ok(Value::from(double as i64))
                }
                Some(double) if double.fract() == 0.0 => Err(format!("{number} does not fit into 64 bits")),
                _ => Err(wrong(&value)),
            }
        }
        _ => Err(wrong(&value)),
    }
}

fn definitions(ir: &Ir) -> impl Iterator<Item = (&str, &ParameterDefinition)> {
    ir.spec
        .root
        .input_definitions
        .iter()
        .flat_map(|definitions| &definitions.parameters)
        .map(|(name, definition)| (name.as_str(), definition))
}

fn unknown(ir: &Ir, name: &str) -> ArgumentError {
    let known: Vec<String> = definitions(ir).map(|(known, _)| known.to_owned()).collect();
    let nearest = known
        .iter()
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 3)
        .min()
        .map(|(_, candidate)| candidate.clone());
    ArgumentError::Unknown { name: name.to_owned(), nearest, known }
}

/// Levenshtein's distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let changed = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use oxikale_compiler::ir::{ComponentSpec, InputDefinitions};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(parameter_type: ParameterType) -> ParameterDefinition {
        ParameterDefinition { parameter_type, ..Default::default() }
    }

    fn ir(parameters: &[(&str, ParameterDefinition)]) -> Ir {
        let parameters: BTreeMap<_, _> = parameters.iter().map(|(name, d)| ((*name).to_owned(), d.clone())).collect();
        let mut ir = Ir::default();
        ir.spec.root = ComponentSpec {
            input_definitions: Some(InputDefinitions { parameters, ..Default::default() }),
            ..Default::default()
        };
        ir
    }

    #[test]
    fn text_becomes_what_the_parameter_is() {
        for (kind, text, want) in [
            (ParameterType::Double, "0.1", json!(0.1)),
            (ParameterType::Double, "-1e-3", json!(-0.001)),
            (ParameterType::Double, "3", json!(3.0)),
            (ParameterType::Integer, "-7", json!(-7)),
            (ParameterType::Integer, "1_000", json!(1000)),
            (ParameterType::Integer, "9223372036854775807", json!(i64::MAX)),
            (ParameterType::Integer, "1e3", json!(1000)),
            (ParameterType::String, " a=b ", json!(" a=b ")),
            (ParameterType::Boolean, "True", json!(true)),
            (ParameterType::Boolean, "no", json!(false)),
            (ParameterType::List, "[1, \"x\"]", json!([1, "x"])),
            (ParameterType::Struct, "{\"a\": null}", json!({"a": null})),
        ] {
            assert_eq!(argument(&of(kind), text), Ok(want), "{text}");
        }
    }

    #[test]
    fn text_that_does_not_fit_is_refused_with_the_reason() {
        for (kind, text, why) in [
            (ParameterType::Double, "NaN", "not finite"),
            (ParameterType::Double, "inf", "not finite"),
            (ParameterType::Double, "1e999", "not finite"),
            (ParameterType::Double, "x", "no number"),
            (ParameterType::Integer, "1.5", "not of the type integer"),
            (ParameterType::Integer, "9223372036854775808", "64 bits"),
            (ParameterType::Integer, "1e30", "64 bits"),
            (ParameterType::Integer, "ten", "no integer"),
            (ParameterType::Boolean, "maybe", "neither"),
            (ParameterType::List, "{}", "JSON list"),
            (ParameterType::List, "[1,", "no JSON"),
            (ParameterType::Struct, "[]", "JSON map"),
        ] {
            let error = argument(&of(kind), text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn names_are_checked_and_the_nearest_is_named() {
        let ir = ir(&[("learning_rate", of(ParameterType::Double)), ("rounds", of(ParameterType::Integer))]);
        let error = assignment(&ir, "learning-rate=1").unwrap_err();
        assert!(error.to_string().contains("did you mean `learning_rate`"), "{error}");
        let error = assignment(&ir, "zzz=1").unwrap_err();
        assert!(error.to_string().contains("it has `learning_rate`, `rounds`"), "{error}");
        assert!(matches!(assignment(&ir, "rounds"), Err(ArgumentError::NoAssignment { .. })));
        assert_eq!(assignment(&ir, "rounds=3"), Ok(("rounds".to_owned(), json!(3))));
    }

    #[test]
    fn defaults_fill_the_gaps_and_what_is_missing_is_named() {
        let with_default = ParameterDefinition { default_value: Some(json!(3.0)), ..of(ParameterType::Integer) };
        let optional = ParameterDefinition { is_optional: Some(true), ..of(ParameterType::String) };
        let ir = ir(&[("n", with_default), ("note", optional), ("must", of(ParameterType::Boolean))]);
        let error = resolve(&ir, &Arguments::new()).unwrap_err();
        assert!(error.to_string().contains("`must`"), "{error}");
        let mut given = Arguments::new();
        given.insert("must".to_owned(), json!(true));
        assert_eq!(Value::Object(resolve(&ir, &given).unwrap()), json!({"n": 3, "must": true}));
        given.insert("must".to_owned(), json!("true"));
        assert!(matches!(resolve(&ir, &given), Err(ArgumentError::Wrong { .. })));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_panic(text in ".{0,60}") {
            let ir = ir(&[("lr", of(ParameterType::Double))]);
            let _ = assignment(&ir, &text);
            for kind in [ParameterType::Double, ParameterType::Integer, ParameterType::List, ParameterType::Boolean] {
                let _ = argument(&of(kind), &text);
            }
        }

        #[test]
        fn every_integer_survives(number: i64) {
            prop_assert_eq!(argument(&of(ParameterType::Integer), &number.to_string()), Ok(json!(number)));
        }
    }
}
