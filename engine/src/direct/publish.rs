//! Makes the items that a macro writes public, so that later cells can name them.
//!
//! The rules of a macro are tokens with holes, not Rust, so this goes by keywords.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::entry::Edit;

/// Makes public what the rules of a macro write.
pub(super) fn rules(tokens: TokenStream, edits: &mut Vec<Edit>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token
            && follows_arrow(&tokens, at)
        {
            items(group.stream(), edits);
        }
    }
}

/// Adds a `pub` before each item that the tokens write, before the fields of its structures and before the functions of
/// its inherent implementations.
fn items(tokens: TokenStream, edits: &mut Vec<Edit>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    // Whether an item may begin here, and where it began.
    let mut begin: Option<usize> = Some(0);
    let mut item: Option<(String, usize)> = None;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) => {
                let word = ident.to_string();
                match word.as_str() {
                    "pub" => begin = None,
                    "const"
                        if begin.is_some()
                            && item.is_none()
                            && !tokens.get(at + 1).is_some_and(|next| is(next, "fn")) =>
                    {
                        publish(&tokens, begin.take(), at, edits);
                        item = Some((word, at));
                    }
                    "fn" | "struct" | "enum" | "union" | "trait" | "type" | "mod" | "static" | "impl"
                        if item.is_none() =>
                    {
                        if word != "impl" {
                            publish(&tokens, begin.take(), at, edits);
                        }
                        item = Some((word, at));
                    }
                    _ => {}
                }
            }
            TokenTree::Group(group) => {
                let attribute = at > 0 && matches!(&tokens[at - 1], TokenTree::Punct(punct) if punct.as_char() == '#');
                let hole = at > 0 && matches!(&tokens[at - 1], TokenTree::Punct(punct) if punct.as_char() == '$');
                match (&item, group.delimiter()) {
                    _ if attribute => begin = Some(at + 1),
                    // `$( … )*` at the place of items.
                    (None, _) if hole => items(group.stream(), edits),
                    (Some((word, start)), Delimiter::Brace) => {
                        if word == "impl" && !tokens[*start..at].iter().any(|token| is(token, "for")) {
                            items(group.stream(), edits);
                        } else if word == "struct" || word == "union" {
                            fields(group.stream(), edits);
                        }
                        (item, begin) = (None, Some(at + 1));
                    }
                    (Some((word, _)), Delimiter::Parenthesis) if word == "struct" => fields(group.stream(), edits),
                    _ => {}
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => (item, begin) = (None, Some(at + 1)),
            _ => {}
        }
    }
}

fn follows_arrow(tokens: &[TokenTree], at: usize) -> bool {
    at > 0 && matches!(&tokens[at - 1], TokenTree::Punct(punct) if punct.as_char() == '>')
}

fn is(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if *ident == word)
}

/// A `pub` before an item whose first word (`unsafe`, `const`) or keyword stands at one of these places.
fn publish(tokens: &[TokenTree], begin: Option<usize>, keyword: usize, edits: &mut Vec<Edit>) {
    let Some(begin) = begin else { return };
    let first = (begin..keyword)
        .find(|at| ["unsafe", "async", "extern", "const"].iter().any(|word| is(&tokens[*at], word)))
        .unwrap_or(keyword);
    insert(&tokens[first], edits);
}

/// A `pub` before each field: at the start, and after each comma.
fn fields(tokens: TokenStream, edits: &mut Vec<Edit>) {
    let mut begins = true;
    let mut angles = 0_usize;
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' && angles == 0 => begins = true,
            TokenTree::Punct(punct) if punct.as_char() == '<' => angles += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => angles = angles.saturating_sub(1),
            // An attribute, or a repetition of fields.
            TokenTree::Punct(punct) if punct.as_char() == '#' => {}
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket && begins => {}
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis && begins => {
                fields(group.stream(), edits);
                begins = false;
            }
            token if begins => {
                if !is(token, "pub") && !matches!(token, TokenTree::Punct(punct) if punct.as_char() == '*') {
                    insert(token, edits);
                }
                begins = false;
            }
            _ => {}
        }
    }
}

fn insert(before: &TokenTree, edits: &mut Vec<Edit>) {
    let at = before.span().byte_range().start;
    edits.push(Edit { span: at..at, text: "pub " });
}
