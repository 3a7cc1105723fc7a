//! Names inside of macro calls: known macros are read as what they expand to, unknown ones conservatively.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Block, Expr, Lit, LitStr, Macro, Pat, Token};

use super::format_string;
use super::scope::Analyser;

/// Macros with a format string, and how many arguments stand before it at least.
const FORMATTING: [(&str, usize); 33] = [
    ("anyhow", 0),
    ("assert", 1),
    ("assert_eq", 2),
    ("assert_ne", 2),
    ("bail", 0),
    ("debug", 0),
    ("debug_assert", 1),
    ("debug_assert_eq", 2),
    ("debug_assert_ne", 2),
    ("ensure", 1),
    ("eprint", 0),
    ("eprintln", 0),
    ("error", 0),
    ("eyre", 0),
    ("format", 0),
    ("format_args", 0),
    ("info", 0),
    ("log", 1),
    ("panic", 0),
    ("print", 0),
    ("println", 0),
    ("todo", 0),
    ("trace", 0),
    ("unimplemented", 0),
    ("unreachable", 0),
    ("uwrite", 1),
    ("uwriteln", 1),
    ("warn", 0),
    ("write", 1),
    ("writeln", 1),
    ("concat", 0),
    ("env", 0),
    ("include_str", 0),
];

/// Macros whose arguments are expressions and nothing else.
const EXPRESSIONS: [&str; 20] = [
    "array",
    "vec",
    "dbg",
    "s",
    "arr1",
    "arr2",
    "stack",
    "concatenate",
    "hashmap",
    "btreemap",
    "join",
    "try_join",
    "assert_abs_diff_eq",
    "assert_relative_eq",
    "matrix",
    "vector",
    "dvector",
    "dmatrix",
    "addr_of",
    "smallvec",
];

impl Analyser<'_> {
    /// A macro call at any place.
    pub(super) fn invoked(&mut self, invocation: &Macro) {
        let Some(name) = invocation.path.segments.last().map(|segment| segment.ident.to_string()) else { return };
        let tokens = invocation.tokens.clone();
        if let Some((_, before)) = FORMATTING.iter().find(|(macro_name, _)| *macro_name == name)
            && let Some(arguments) = arguments(tokens.clone())
        {
            // What is written to is changed.
            if let (true, Some(to)) = (name.trim_start_matches('u').starts_with("write"), arguments.first()) {
                self.write(to);
            }
            self.formatted(&arguments, *before);
            return;
        }
        if name == "matches" || name == "assert_matches" {
            let parser = |input: ParseStream| {
                let value: Expr = input.parse()?;
                input.parse::<Token![,]>()?;
                let pattern = Pat::parse_multi_with_leading_vert(input)?;
                let guard =
                    if input.parse::<Option<Token![if]>>()?.is_some() { Some(input.parse::<Expr>()?) } else { None };
                input.parse::<Option<Token![,]>>()?;
                Ok((value, pattern, guard))
            };
            if let Ok((value, pattern, guard)) = parser.parse2(tokens.clone()) {
                self.visit_expr(&value);
                self.in_scope(|this| {
                    this.visit_pat(&pattern);
                    if let Some(guard) = &guard {
                        this.visit_expr(guard);
                    }
                });
                return;
            }
        }
        if EXPRESSIONS.contains(&name.as_str()) {
            let repeat = |input: ParseStream| {
                let value: Expr = input.parse()?;
                input.parse::<Token![;]>()?;
                Ok((value, input.parse::<Expr>()?))
            };
            if let Some(arguments) = arguments(tokens.clone()) {
                arguments.iter().for_each(|argument| self.visit_expr(argument));
                return;
            }
            if let Ok((value, count)) = repeat.parse2(tokens.clone()) {
                self.visit_expr(&value);
                self.visit_expr(&count);
                return;
            }
        }
        self.uncertain += 1;
        self.unknown(tokens);
        self.uncertain -= 1;
    }

    fn formatted(&mut self, arguments: &Punctuated<Expr, Token![,]>, before: usize) {
        let mut named = Vec::new();
        for argument in arguments {
            match argument {
                // `name = value` names a value, and assigns nothing.
                Expr::Assign(assignment) => {
                    if let Expr::Path(path) = &*assignment.left {
                        named.extend(path.path.get_ident().map(ToString::to_string));
                    }
                    self.visit_expr(&assignment.right);
                }
                other => self.visit_expr(other),
            }
        }
        let literal = arguments.iter().skip(before).find_map(|argument| match argument {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text),
                _ => None,
            },
            _ => None,
        });
        if let Some(literal) = literal {
            self.captured(literal, &named);
        }
    }

    /// The names in a format string, at their own places where the literal has no escapes before them.
    fn captured(&mut self, literal: &LitStr, named: &[String]) {
        let text = literal.value();
        let whole = literal.span().byte_range();
        let quoted = literal.token().to_string();
        let opening = quoted.find('"').map_or(1, |quote| quote + 1);
        let verbatim = quoted.len() >= opening + text.len() && quoted[opening..].starts_with(&text);
        for (name, range) in format_string::captures(&text) {
            if !named.contains(&name) {
                let mut span = self.span(literal.span());
                if verbatim {
                    span.start = whole.start + opening + range.start;
                    span.end = whole.start + opening + range.end;
                }
                self.read(&name, span);
            }
        }
    }

    fn in_scope(&mut self, inside: impl FnOnce(&mut Self)) {
        self.push_scope();
        inside(self);
        self.pop_scope();
    }

    /// Tokens of which nothing is known: expressions, statements, or else every word that could be a variable.
    fn unknown(&mut self, tokens: TokenStream) {
        self.strings(tokens.clone());
        if let Some(arguments) = arguments(tokens.clone()) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        } else if let Ok(statements) = Block::parse_within.parse2(tokens.clone()) {
            self.in_scope(|this| statements.iter().for_each(|statement| this.visit_stmt(statement)));
        } else {
            self.words(tokens);
        }
    }

    /// Format strings may stand anywhere in an unknown macro.
    fn strings(&mut self, tokens: TokenStream) {
        for token in crate::items::flat(tokens) {
            if let TokenTree::Literal(literal) = token
                && let Lit::Str(text) = Lit::new(literal)
            {
                self.captured(&text, &[]);
            }
        }
    }

    fn words(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let punct = |index: usize| match tokens.get(index) {
            Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
            _ => None,
        };
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => {
                    if group.delimiter() == Delimiter::Brace {
                        self.words(group.stream());
                    } else if let Some(arguments) = arguments(group.stream()) {
                        arguments.iter().for_each(|argument| self.visit_expr(argument));
                    } else {
                        self.words(group.stream());
                    }
                }
                TokenTree::Ident(ident) => {
                    let after_dot =
                        index > 0 && punct(index - 1) == Some('.') && !(index > 1 && punct(index - 2) == Some('.'));
                    let path = punct(index + 1) == Some(':') && punct(index + 2) == Some(':')
                        || index > 1 && punct(index - 1) == Some(':') && punct(index - 2) == Some(':');
                    let called = punct(index + 1) == Some('!');
                    if !after_dot && !path && !called {
                        let span = self.span(ident.span());
                        self.read(&ident.to_string(), span);
                    }
                }
                _ => {}
            }
        }
    }
}

fn arguments(tokens: TokenStream) -> Option<Punctuated<Expr, Token![,]>> {
    Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens).ok()
}
