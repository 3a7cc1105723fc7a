//! The cell of pipeline parameters: `let`s whose values are literals, and what is computed from them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::{Map, Number, Value};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Lit, Pat, Stmt, Token, UnOp};

use crate::dataflow::{self, Flow};
use crate::diagnostics::Diagnostic;
use crate::ir::ParameterType;
use crate::items;
use crate::pipeline::Parameter;
use crate::source::ParsedCell;

/// One statement of a parameters cell.
#[derive(Debug)]
pub struct ParameterStatement {
    /// The cell.
    pub cell: usize,
    /// The bytes of the statement.
    pub range: Range<usize>,
    /// What it defines.
    pub names: BTreeSet<String>,
    /// What it mentions.
    pub mentions: BTreeSet<String>,
    /// For a parameter: its name and the bytes of its value.
    pub parameter: Option<(String, Range<usize>)>,
}

/// All parameters of the notebook.
#[derive(Debug, Default)]
pub struct Parameters {
    /// What a run may set.
    pub parameters: Vec<Parameter>,
    /// Statements in order; a step runs those that it needs.
    pub statements: Vec<ParameterStatement>,
    /// Every name that the cells define, and whether it is `mut`.
    pub names: BTreeMap<String, bool>,
}

impl Parameters {
    /// The statements (indices, in order) that define `names` and whatever these need.
    pub fn needed(&self, names: &BTreeSet<String>) -> Vec<usize> {
        let mut wanted = names.clone();
        let mut needed = Vec::new();
        for (index, statement) in self.statements.iter().enumerate().rev() {
            if !statement.names.is_disjoint(&wanted) {
                needed.push(index);
                wanted.extend(statement.mentions.iter().cloned());
            }
        }
        needed.reverse();
        needed
    }
}

/// Reads the cells tagged `pipeline-parameters`.
pub fn read(cells: &[&ParsedCell], constants: &BTreeSet<String>, diagnostics: &mut Vec<Diagnostic>) -> Parameters {
    let mut all = Parameters::default();
    for cell in cells {
        for statement in &cell.statements {
            if items::is_item(statement) {
                if let Stmt::Item(syn::Item::Const(item)) = statement {
                    diagnostics.push(
                        Diagnostic::warning("OX404", format!("`const {}` cannot be set by a run", item.ident))
                            .at(cell.span(&item.ident), "")
                            .help(format!("write `let {}` to make it a parameter", item.ident)),
                    );
                }
                continue;
            }
            let flow = dataflow::analyse([&cell.single(statement)], constants);
            one(cell, statement, &flow, &mut all, diagnostics);
        }
    }
    all
}

fn one(cell: &ParsedCell, statement: &Stmt, flow: &Flow, all: &mut Parameters, diagnostics: &mut Vec<Diagnostic>) {
    let mut parameter = None;
    if let Stmt::Local(local) = statement
        && let Some(init) = &local.init
        && let Some((ident, mutable)) = plain_name(&local.pat)
    {
        let name = ident.to_string();
        match literal(&init.expr) {
            Ok((kind, default)) => {
                if let Some(earlier) = all.parameters.iter().find(|parameter| parameter.name == name) {
                    diagnostics.push(
                        Diagnostic::error("OX403", format!("parameter `{name}` is defined twice"))
                            .at(cell.span(ident), "")
                            .at(earlier.span, "defined here before")
                            .help("remove one of them"),
                    );
                    return;
                }
                all.parameters.push(Parameter { name: name.clone(), kind, default, span: cell.span(ident) });
                parameter = Some((name, init.expr.span().byte_range()));
            }
            Err(NotALiteral::Computed) => diagnostics.push(
                Diagnostic::warning("OX401", format!("`{name}` is computed, so a run cannot set it"))
                    .at(cell.span(ident), "")
                    .at(cell.span(&init.expr), "not a literal")
                    .help("a parameter's value is a number, text, true, false, or a list or map of these; steps compute this one themselves"),
            ),
            Err(NotALiteral::TooLarge) => diagnostics.push(
                Diagnostic::error("OX401", format!("the value of parameter `{name}` does not fit KFP's numbers"))
                    .at(cell.span(&init.expr), "")
                    .help("KFP keeps 64-bit integers and finite doubles; write it as text and parse it in a step"),
            ),
        }
        all.names.insert(ident.to_string(), mutable);
    } else if !matches!(statement, Stmt::Local(_)) {
        diagnostics.push(
            Diagnostic::warning("OX405", "a statement in the parameters cell runs in no step")
                .at(cell.span(statement), "")
                .help("keep `let NAME = VALUE;` here, and move the rest to a step or to a cell tagged `functions`"),
        );
        return;
    }
    for (name, definition) in &flow.definitions {
        all.names.entry(name.clone()).or_insert(definition.mutable);
    }
    all.statements.push(ParameterStatement {
        cell: cell.index,
        range: cell.range(statement),
        names: flow.definitions.keys().cloned().collect(),
        mentions: flow.uses.keys().cloned().collect(),
        parameter,
    });
}

/// The name of `x`, `mut x` or `x: T`.
fn plain_name(pattern: &Pat) -> Option<(&syn::Ident, bool)> {
    match pattern {
        Pat::Ident(ident) if ident.by_ref.is_none() && ident.subpat.is_none() => {
            Some((&ident.ident, ident.mutability.is_some()))
        }
        Pat::Type(typed) => plain_name(&typed.pat),
        _ => None,
    }
}

enum NotALiteral {
    Computed,
    TooLarge,
}

/// The value of a literal, or of a list or a map of literals.
fn literal(expression: &Expr) -> Result<(ParameterType, Value), NotALiteral> {
    use NotALiteral::{Computed, TooLarge};
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Bool(value) => Ok((ParameterType::Boolean, Value::Bool(value.value))),
            Lit::Str(text) => Ok((ParameterType::String, Value::String(text.value()))),
            Lit::Char(character) => Ok((ParameterType::String, Value::String(character.value().to_string()))),
            Lit::Int(number) if matches!(number.suffix(), "f32" | "f64") => double(number.base10_digits()),
            Lit::Int(number) => {
                let value: i64 = number.base10_parse().map_err(|_| TooLarge)?;
                Ok((ParameterType::Integer, Value::from(value)))
            }
            Lit::Float(number) => double(number.base10_digits()),
            _ => Err(Computed),
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match literal(&unary.expr)? {
            (ParameterType::Integer, Value::Number(number)) => {
                Ok((ParameterType::Integer, Value::from(number.as_i64().and_then(i64::checked_neg).ok_or(TooLarge)?)))
            }
            (ParameterType::Double, Value::Number(number)) => Ok((
                ParameterType::Double,
                Number::from_f64(-number.as_f64().ok_or(TooLarge)?).map(Value::Number).ok_or(TooLarge)?,
            )),
            _ => Err(Computed),
        },
        Expr::Paren(inner) => literal(&inner.expr),
        Expr::Group(inner) => literal(&inner.expr),
        Expr::Reference(reference) if reference.mutability.is_none() => literal(&reference.expr),
        Expr::Array(array) => list(array.elems.iter()),
        Expr::Tuple(tuple) => list(tuple.elems.iter()),
        // `"a".to_string()`, `"a".into()`, `[1, 2].to_vec()`
        Expr::MethodCall(call)
            if call.args.is_empty()
                && ["to_string", "to_owned", "into", "to_vec"].iter().any(|name| call.method == name) =>
        {
            match literal(&call.receiver)? {
                (ParameterType::Integer | ParameterType::Double | ParameterType::Boolean, _) => Err(Computed),
                value => Ok(value),
            }
        }
        Expr::Call(call) => {
            let Expr::Path(function) = &*call.func else { return Err(Computed) };
            let path: Vec<String> = function.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let owner = path.iter().rev().nth(1).map(String::as_str);
            match (owner, path.last().map(String::as_str), call.args.len()) {
                (Some("String"), Some("from"), 1) => literal(&call.args[0]),
                (Some("String"), Some("new"), 0) => Ok((ParameterType::String, Value::String(String::new()))),
                (Some("Vec"), Some("from"), 1) => literal(&call.args[0]),
                (Some("Vec"), Some("new"), 0) => Ok((ParameterType::List, Value::Array(Vec::new()))),
                (Some("HashMap" | "BTreeMap"), Some("from"), 1) => map(&call.args[0]),
                (Some("HashMap" | "BTreeMap"), Some("new"), 0) => {
                    Ok((ParameterType::Struct, Value::Object(Map::new())))
                }
                _ => Err(Computed),
            }
        }
        Expr::Macro(invocation) if invocation.mac.path.is_ident("vec") => {
            let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
            let elements = parser.parse2(invocation.mac.tokens.clone()).map_err(|_| Computed)?;
            list(elements.iter())
        }
        Expr::Macro(invocation)
            if invocation.mac.path.segments.last().is_some_and(|segment| segment.ident == "json") =>
        {
            match serde_json::from_str(&invocation.mac.tokens.to_string()) {
                Ok(value @ Value::Object(_)) => Ok((ParameterType::Struct, value)),
                Ok(value @ Value::Array(_)) => Ok((ParameterType::List, value)),
                _ => Err(Computed),
            }
        }
        _ => Err(Computed),
    }
}

fn double(digits: &str) -> Result<(ParameterType, Value), NotALiteral> {
    let value: f64 = digits.parse().map_err(|_| NotALiteral::TooLarge)?;
    Ok((ParameterType::Double, Number::from_f64(value).map(Value::Number).ok_or(NotALiteral::TooLarge)?))
}

fn list<'a>(elements: impl Iterator<Item = &'a Expr>) -> Result<(ParameterType, Value), NotALiteral> {
    let values: Result<Vec<Value>, NotALiteral> =
        elements.map(|element| literal(element).map(|(_, value)| value)).collect();
    Ok((ParameterType::List, Value::Array(values?)))
}

/// `[("key", value), …]`.
fn map(pairs: &Expr) -> Result<(ParameterType, Value), NotALiteral> {
    let Expr::Array(array) = pairs else { return Err(NotALiteral::Computed) };
    let mut map = Map::new();
    for pair in &array.elems {
        let Expr::Tuple(pair) = pair else { return Err(NotALiteral::Computed) };
        let (Some(key), Some(value), 2) = (pair.elems.first(), pair.elems.last(), pair.elems.len()) else {
            return Err(NotALiteral::Computed);
        };
        match literal(key)? {
            (ParameterType::String, Value::String(key)) => map.insert(key, literal(value)?.1),
            _ => return Err(NotALiteral::Computed),
        };
    }
    Ok((ParameterType::Struct, Value::Object(map)))
}
