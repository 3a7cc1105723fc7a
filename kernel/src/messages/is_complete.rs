//! `is_complete_request`: whether a cell that is being typed can be run.

use std::sync::Arc;

use oxikale_compiler::source;
use oxikale_notebook::directives::{CellLanguage, directives};
use oxikale_notebook::tokens::{Kind, tokens};
use serde_json::{Value, json};
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Block};

use crate::kernel::Kernel;
use crate::wire::Request;

/// What one bracket is worth.
const INDENT: &str = "    ";

/// Longer texts are not typed, and are not parsed while others wait.
const LONGEST: usize = 1 << 18;

pub(super) fn reply(kernel: &Arc<Kernel>, request: &Arc<Request>) -> Option<Value> {
    // Somebody types in a console, and will want completions.
    kernel.assist.warm_up(&kernel.session.snapshot());
    let code = request.content.get("code").and_then(Value::as_str).unwrap_or_default();
    Some(match state(code) {
        "incomplete" => json!({ "status": "incomplete", "indent": indent(code) }),
        state => json!({ "status": state }),
    })
}

fn state(code: &str) -> &'static str {
    let parted = directives(code);
    if parted.language != CellLanguage::Rust {
        // A script ends with an empty line.
        return if code.ends_with("\n\n") || !code.contains('\n') && !code.starts_with("%%") {
            "complete"
        } else {
            "incomplete"
        };
    }
    if !oxikale_notebook::is_complete(code) {
        return "incomplete";
    }
    if code.len() > LONGEST || is_rust(&parted.code) { "complete" } else { "invalid" }
}

fn is_rust(code: &str) -> bool {
    let Ok(tokens) = code.parse::<proc_macro2::TokenStream>() else { return false };
    if source::too_deep(tokens.clone()).is_some() {
        return false;
    }
    let parser = |input: ParseStream<'_>| Ok((Attribute::parse_inner(input)?, Block::parse_within(input)?));
    parser.parse2(tokens).is_ok()
}

/// The indent of the next line: that of the last one, and one more where it has opened a bracket.
fn indent(code: &str) -> String {
    let last = code.trim_end_matches('\n').rsplit('\n').next().unwrap_or_default();
    let indent: String = last.chars().take_while(|character| character.is_whitespace()).collect();
    let opens = match tokens(last).iter().rfind(|token| !matches!(token.kind, Kind::Comment(_))) {
        Some(token) => matches!(token.kind, Kind::Open) || last[token.range.clone()].ends_with(['=', '|']),
        None => false,
    };
    if opens { indent + INDENT } else { indent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_complete_incomplete_or_no_rust() {
        for (code, wanted) in [
            ("", "complete"),
            ("let x = 1;", "complete"),
            ("x.iter().sum::<f64>()", "complete"),
            (":dep ndarray = \"0.17\"\nlet a = 1;", "complete"),
            ("%pipeline run", "complete"),
            ("fn f() {", "incomplete"),
            ("let x =", "incomplete"),
            ("println!(\"a", "incomplete"),
            ("%%bash\nls", "incomplete"),
            ("%%bash\nls\n\n", "complete"),
            ("let = 5;", "invalid"),
            ("fn f() }", "invalid"),
        ] {
            assert_eq!(state(code), wanted, "{code:?}");
        }
        assert_eq!(state(&"(".repeat(100_000)), "incomplete");
        assert_eq!(state(&format!("{}{}", "(".repeat(50_000), ")".repeat(50_000))), "invalid");
    }

    #[test]
    fn the_next_line_is_indented() {
        for (code, wanted) in [
            ("fn f() {", "    "),
            ("fn f() {\n    if a {\n", "        "),
            ("fn f() {\n    let x =", "        "),
            ("fn f() {\n    a();", "    "),
            ("let s = \"{", ""),
            ("fn f() { // why", "    "),
        ] {
            assert_eq!(indent(code), wanted, "{code:?}");
        }
    }
}
