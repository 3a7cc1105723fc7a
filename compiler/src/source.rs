//! The Rust of a cell: kernel commands set apart, the rest parsed, every span a byte range of the cell.

use std::ops::Range;

use oxikale_notebook::directives::{self, Command};
use oxikale_notebook::{CellSpan, Notebook};
use proc_macro2::{Delimiter, Literal, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, Block, Stmt};

use crate::diagnostics::Diagnostic;

/// The deepest expression that is taken: brackets inside brackets and operators in a row, added up.
/// The parser and everything behind it recurse once per level.
pub const DEEPEST: usize = 3000;

/// A code cell.
#[derive(Debug)]
pub struct ParsedCell {
    /// Index into the notebook's cells.
    pub index: usize,
    /// The source, with kernel commands replaced by as many spaces.
    pub code: String,
    /// `#![…]` at the beginning.
    pub attributes: Vec<Attribute>,
    /// Statements and items, in order.
    pub statements: Vec<Stmt>,
    /// All tokens.
    pub tokens: TokenStream,
    /// Kernel commands.
    pub commands: Vec<Command>,
}

impl ParsedCell {
    /// Whether there is anything to run.
    pub fn has_code(&self) -> bool {
        !self.statements.is_empty()
    }

    /// The cell with this one statement alone, for looking at it by itself.
    pub(crate) fn single(&self, statement: &Stmt) -> ParsedCell {
        ParsedCell {
            index: self.index,
            code: String::new(),
            attributes: Vec::new(),
            statements: vec![statement.clone()],
            tokens: TokenStream::new(),
            commands: Vec::new(),
        }
    }

    /// The place of a token or a piece of syntax in the notebook.
    pub fn span(&self, node: &impl Spanned) -> CellSpan {
        let range = node.span().byte_range();
        CellSpan::new(self.index, range.start, range.end)
    }

    /// The bytes of a statement, its `;` included.
    pub fn range(&self, statement: &Stmt) -> Range<usize> {
        let range = statement.span().byte_range();
        range.start..range.end
    }
}

/// Parses cell `index` of `notebook`; what cannot be parsed is reported, and the cell is then empty.
pub fn parse(notebook: &Notebook, index: usize, diagnostics: &mut Vec<Diagnostic>) -> ParsedCell {
    let source = notebook.cells().get(index).map_or("", |cell| cell.source.as_str());
    let directives = directives::directives(source);
    let mut cell = ParsedCell {
        index,
        code: directives.code,
        attributes: Vec::new(),
        statements: Vec::new(),
        tokens: TokenStream::new(),
        commands: directives.commands,
    };
    let tokens: TokenStream = match cell.code.parse() {
        Ok(tokens) => tokens,
        Err(error) => {
            let range = error.span().byte_range();
            diagnostics.push(
                Diagnostic::error("OX201", "this cell is not Rust: a string, comment or bracket does not end, or a character has no place here")
                    .at(clamp(&cell.code, index, range), "here")
                    .help("mend the syntax; a cell that is not Rust can be tagged `skip`"),
            );
            return cell;
        }
    };
    if let Some(range) = too_deep(tokens.clone()) {
        diagnostics.push(
            Diagnostic::error(
                "OX203",
                format!(
                    "this expression is nested more than {DEEPEST} levels deep, or a number of more than 1000 digits"
                ),
            )
            .at(clamp(&cell.code, index, range), "")
            .help("split it into several `let`s"),
        );
        return cell;
    }
    let parser = |input: ParseStream| Ok((Attribute::parse_inner(input)?, Block::parse_within(input)?));
    match parser.parse2(tokens.clone()) {
        Ok((attributes, statements)) => {
            cell.attributes = attributes;
            cell.statements = statements;
            cell.tokens = tokens;
        }
        Err(error) => {
            for error in error.into_iter().take(3) {
                let mut range = error.span().byte_range();
                let mut message = error.to_string();
                if message.starts_with("unexpected end of input") {
                    let end = cell.code.trim_end().len();
                    range = end..end;
                    message = message.replacen("unexpected end of input", "the cell ends too early", 1);
                }
                diagnostics.push(
                    Diagnostic::error("OX201", format!("syntax error: {message}"))
                        .at(clamp(&cell.code, index, range), "here")
                        .help("mend the syntax; a cell that is not Rust can be tagged `skip`"),
                );
            }
        }
    }
    cell
}

/// A span that is never outside of the text, nor empty where there is a character to point at.
fn clamp(code: &str, cell: usize, range: Range<usize>) -> CellSpan {
    let end = range.end.min(code.len());
    let start = range.start.min(end);
    let end = if start == end { code[start..].chars().next().map_or(end, |c| start + c.len_utf8()) } else { end };
    CellSpan::new(cell, start, end)
}

/// Whether a literal is a number of more digits than any type has a use for.
fn is_long_number(literal: &Literal) -> bool {
    let range = literal.span().byte_range();
    range.len() > 1000 && literal.to_string().starts_with(|c: char| c.is_ascii_digit())
}

/// The first place that is nested deeper than [`DEEPEST`], or a number that is too long.
pub fn too_deep(tokens: TokenStream) -> Option<Range<usize>> {
    deeper_than(tokens, 0)
}

fn deeper_than(tokens: TokenStream, depth: usize) -> Option<Range<usize>> {
    let mut chain = 0;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        chain += 1;
        if depth + chain > DEEPEST {
            return Some(token.span().byte_range());
        }
        match &token {
            // A number is made digit by digit, each time through all of it.
            TokenTree::Literal(literal) if is_long_number(literal) => return Some(literal.span().byte_range()),
            TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';') => chain = 0,
            TokenTree::Group(group) => {
                if let Some(range) = deeper_than(group.stream(), depth + chain) {
                    return Some(range);
                }
                let goes_on = match tokens.peek() {
                    Some(TokenTree::Ident(ident)) => *ident == "else" || *ident == "as",
                    Some(TokenTree::Punct(punct)) => !matches!(punct.as_char(), '#'),
                    _ => false,
                };
                if group.delimiter() == Delimiter::Brace && !goes_on {
                    chain = 0;
                }
            }
            _ => {}
        }
    }
    None
}
