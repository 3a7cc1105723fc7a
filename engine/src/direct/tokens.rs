//! Which names a piece of Rust mentions, those inside macros and format strings too.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

/// Adds every name that the tokens mention. More than are really used, never fewer: a name that is not used costs
/// little, and rustc says which name is which.
pub(super) fn mentions(tokens: TokenStream, names: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                if let Some(bare) = name.strip_prefix("r#") {
                    names.insert(bare.to_owned());
                }
                names.insert(name);
            }
            TokenTree::Group(group) => mentions(group.stream(), names),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.contains('"') {
                    captures(&text, names);
                }
            }
            TokenTree::Punct(_) => {}
        }
    }
}

/// Adds what a format string captures: `x` and `width` of `"{x:width$}"`.
fn captures(text: &str, names: &mut BTreeSet<String>) {
    for part in text.split('{').skip(1) {
        let inside = part.split('}').next().unwrap_or_default();
        let name = |text: &str| {
            let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
            text[..end].to_owned()
        };
        let first = name(inside);
        if first.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            names.insert(first);
        }
        for argument in inside.split('$').filter(|_| inside.contains('$')) {
            let start = argument
                .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
                .map_or(0, |at| at + argument[at..].chars().next().map_or(1, char::len_utf8));
            if argument[start..].starts_with(|c: char| c.is_alphabetic() || c == '_') {
                names.insert(argument[start..].to_owned());
            }
        }
    }
}
