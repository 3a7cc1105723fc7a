//! Parts a cell into items and statements, and finds what its statements define and mention.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use oxikale_compiler::source::too_deep;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, Block, Expr, Pat, Stmt};

use super::entry::{Entry, Kind};
use super::items::Items;
use super::source::CellText;
use super::tokens;

/// A cell, parted.
#[derive(Debug, Clone, Default)]
pub(super) struct Parsed {
    /// Its items.
    pub(super) entries: Vec<Entry>,
    /// The parts of its text that are not items.
    pub(super) statements: Vec<Range<usize>>,
    /// Whether the statements hold anything to run.
    pub(super) runs: bool,
    /// The last expression without a semicolon: its value is shown.
    pub(super) value: Option<Range<usize>>,
    /// The variables that the statements define, the last `let` of a name counting.
    pub(super) bindings: Vec<Binding>,
    /// The closures without `move` among them: the name, and where the closure stands.
    pub(super) closures: Vec<(String, Range<usize>)>,
    /// `let x;` that nothing in the cell gives a value: where it stands.
    pub(super) pending: Vec<(String, Range<usize>)>,
    /// The names that the statements mention.
    pub(super) mentions: BTreeSet<String>,
    /// Whether there is an `.await` at the top.
    pub(super) awaits: bool,
    /// Whether there is a loop, an iterator or a closure: whether optimisation may pay.
    pub(super) loops: bool,
    /// `#![…]` lines.
    pub(super) attributes: Vec<Range<usize>>,
}

/// A variable that a `let` at the top of a cell defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) mutable: bool,
    /// Where its name stands.
    pub(super) span: Range<usize>,
}

/// Why a cell cannot be parted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotParsed {
    /// It is not Rust as the parser knows it; rustc finds the words.
    Syntax,
    /// It is nested deeper here than the parser can go.
    TooDeep(Range<usize>),
    /// The parser itself failed.
    Parser(String),
}

/// Enough for the deepest expression that is let through. Pages that are not touched cost nothing.
const STACK: usize = 1 << 30;

/// Parts a cell. `defines_items` says of a macro of the notebook whether calling it defines items; `is_item` whether
/// a name is one of an item, so that a pattern of that name binds nothing.
fn parse(
    cell: &Arc<CellText>,
    defines_items: &(dyn Fn(&str) -> bool + Sync),
    is_item: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Parsed, NotParsed> {
    // The parser recurses as deep as the user's expressions are nested.
    thread::scope(|scope| {
        let parser = thread::Builder::new().name("parse".to_owned()).stack_size(STACK);
        let parser = parser.spawn_scoped(scope, || part(cell, defines_items, is_item));
        let parser = parser.map_err(|error| NotParsed::Parser(format!("the system refuses a thread: {error}")))?;
        parser.join().unwrap_or_else(|_| Err(NotParsed::Parser("the parser failed on this cell".to_owned())))
    })
}

fn part(
    cell: &Arc<CellText>,
    defines_items: &dyn Fn(&str) -> bool,
    is_item: &dyn Fn(&str) -> bool,
) -> Result<Parsed, NotParsed> {
    let tokens: TokenStream = cell.code.parse().map_err(|_| NotParsed::Syntax)?;
    if let Some(place) = too_deep(tokens.clone()) {
        return Err(NotParsed::TooDeep(place));
    }
    let parser = |input: syn::parse::ParseStream| {
        let attributes = Attribute::parse_inner(input)?;
        Ok((attributes, Block::parse_within(input)?))
    };
    let parsed = syn::parse::Parser::parse2(parser, tokens);
    parsed.map_err(|_| NotParsed::Syntax).map(|(attributes, statements)| {
        let mut parsed = Parsed {
            attributes: attributes.iter().map(|attribute| attribute.span().byte_range()).collect(),
            ..Parsed::default()
        };
        let mut rest = parsed.attributes.last().map_or(0, |span| span.end);
        let last = statements.len().saturating_sub(1);
        let own_macros: Vec<String> = statements.iter().filter_map(macro_of_items).collect();
        let defines_items = |name: &str| own_macros.iter().any(|own| own == name) || defines_items(name);
        for (at, statement) in statements.iter().enumerate() {
            if let Some(entries) = entries_of(statement, cell, &defines_items) {
                let span = statement.span().byte_range();
                parsed.statements.push(rest..span.start);
                rest = span.end;
                parsed.entries.extend(entries);
            } else {
                parsed.statement(statement, at == last, is_item);
            }
        }
        parsed.statements.push(rest..cell.code.len());
        parsed.find_pending(&statements);
        parsed
    })
}

fn entries_of(statement: &Stmt, cell: &Arc<CellText>, defines_items: &dyn Fn(&str) -> bool) -> Option<Vec<Entry>> {
    match statement {
        Stmt::Item(item) => Some(Entry::of_item(item, cell)),
        Stmt::Macro(call) => {
            let name = call.mac.path.segments.last()?.ident.to_string();
            let defines = matches!(name.as_str(), "thread_local" | "lazy_static") || defines_items(&name);
            defines.then(|| {
                let mut tokens = call.mac.path.to_token_stream();
                tokens.extend(call.mac.tokens.clone());
                vec![Entry::of_call(tokens, statement.span().byte_range(), cell)]
            })
        }
        _ => None,
    }
}

impl Parsed {
    fn statement(&mut self, statement: &Stmt, last: bool, is_item: &dyn Fn(&str) -> bool) {
        self.runs = true;
        tokens::mentions(statement.to_token_stream(), &mut self.mentions);
        let mut shape = Shape::default();
        shape.visit_stmt(statement);
        self.awaits |= shape.awaits;
        self.loops |= shape.loops;
        match statement {
            Stmt::Local(local) => {
                let mut names = Names { bindings: Vec::new(), is_item };
                names.visit_pat(&local.pat);
                for binding in names.bindings {
                    self.bindings.retain(|earlier| earlier.name != binding.name);
                    self.closures.retain(|(name, _)| *name != binding.name);
                    if let Some(init) = &local.init
                        && let Expr::Closure(closure) = &*init.expr
                        && matches!(local.pat, Pat::Ident(_))
                        && closure.capture.is_none()
                    {
                        self.closures.push((binding.name.clone(), closure.span().byte_range()));
                    }
                    self.bindings.push(binding);
                }
            }
            Stmt::Expr(expression, None) if last && shows(expression) => {
                self.value = Some(expression.span().byte_range())
            }
            Stmt::Macro(call) if last && call.semi_token.is_none() && shows_macro(&call.mac) => {
                self.value = Some(call.span().byte_range());
            }
            _ => {}
        }
    }

    /// `let x;` whose name appears nowhere else in the cell: a declaration for a later cell.
    fn find_pending(&mut self, statements: &[Stmt]) {
        for (at, statement) in statements.iter().enumerate() {
            let Stmt::Local(local) = statement else { continue };
            let pattern = match &local.pat {
                Pat::Type(typed) => &*typed.pat,
                other => other,
            };
            let Pat::Ident(ident) = pattern else { continue };
            if local.init.is_some() {
                continue;
            }
            let name = ident.ident.to_string();
            let mut later = BTreeSet::new();
            for statement in &statements[at + 1..] {
                tokens::mentions(statement.to_token_stream(), &mut later);
            }
            if !later.contains(&name) {
                let span = local.span().byte_range();
                self.bindings.retain(|binding| binding.name != name);
                self.statements = self.statements.iter().flat_map(|part| without(part, &span)).collect();
                self.pending.push((name, span));
            }
        }
        let items = statements.iter().filter(|statement| matches!(statement, Stmt::Item(_))).count();
        self.runs &= self.pending.len() + items < statements.len();
    }
}

/// A range without the part that another one covers.
fn without(range: &Range<usize>, hole: &Range<usize>) -> Vec<Range<usize>> {
    if hole.start < range.start || hole.end > range.end {
        return vec![range.clone()];
    }
    vec![range.start..hole.start, hole.end..range.end]
}

/// Whether an expression at the end of a cell has a value to show.
fn shows(expression: &Expr) -> bool {
    match expression {
        Expr::While(_) | Expr::ForLoop(_) | Expr::Assign(_) | Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => {
            false
        }
        Expr::Binary(binary) => !matches!(
            binary.op,
            syn::BinOp::AddAssign(_)
                | syn::BinOp::SubAssign(_)
                | syn::BinOp::MulAssign(_)
                | syn::BinOp::DivAssign(_)
                | syn::BinOp::RemAssign(_)
                | syn::BinOp::BitXorAssign(_)
                | syn::BinOp::BitAndAssign(_)
                | syn::BinOp::BitOrAssign(_)
                | syn::BinOp::ShlAssign(_)
                | syn::BinOp::ShrAssign(_)
        ),
        Expr::Macro(call) => shows_macro(&call.mac),
        // A loop that nothing breaks has no value, and its type is never known to the method that would show it.
        Expr::Loop(inner) => {
            let mut breaks = Breaks(false);
            breaks.visit_block(&inner.body);
            breaks.0
        }
        _ => true,
    }
}

fn shows_macro(call: &syn::Macro) -> bool {
    let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
    let silent = [
        "println",
        "print",
        "eprintln",
        "eprint",
        "panic",
        "todo",
        "unimplemented",
        "unreachable",
        "assert",
        "assert_eq",
        "assert_ne",
        "debug_assert",
        "debug_assert_eq",
        "debug_assert_ne",
        "write",
        "writeln",
    ];
    // The result of `write!` is worth seeing, as any other.
    !silent.contains(&name.as_str()) || name.starts_with("write")
}

struct Breaks(bool);

impl Visit<'_> for Breaks {
    fn visit_expr_break(&mut self, _: &syn::ExprBreak) {
        self.0 = true;
    }
    fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}
    fn visit_item(&mut self, _: &syn::Item) {}
}

/// The names that a pattern binds.
struct Names<'a> {
    bindings: Vec<Binding>,
    is_item: &'a dyn Fn(&str) -> bool,
}

impl Visit<'_> for Names<'_> {
    fn visit_pat_ident(&mut self, pattern: &syn::PatIdent) {
        let name = pattern.ident.to_string();
        let constant = name.starts_with(char::is_uppercase)
            && pattern.subpat.is_none()
            && (name == "None" || (self.is_item)(&name));
        if !constant {
            self.bindings.push(Binding {
                name,
                mutable: pattern.mutability.is_some(),
                span: pattern.ident.span().byte_range(),
            });
        }
        if let Some((_, inner)) = &pattern.subpat {
            self.visit_pat(inner);
        }
    }
    // A constant in a pattern may hold an expression with patterns of its own.
    fn visit_expr(&mut self, _: &Expr) {}
}

/// Methods that go over many values.
const ITERATING: &[&str] = &[
    "map",
    "for_each",
    "fold",
    "filter",
    "filter_map",
    "flat_map",
    "sum",
    "product",
    "any",
    "all",
    "position",
    "max_by",
    "min_by",
    "sort_by",
    "sort_by_key",
    "retain",
    "iter_mut",
    "par_iter",
    "into_par_iter",
    "mapv",
    "map_inplace",
    "mapv_inplace",
    "zip_mut_with",
    "step_by",
    "take_while",
    "skip_while",
    "scan",
    "windows",
    "chunks",
    "reduce",
];

/// What a statement is like at its top: not inside functions, closures and `async` blocks.
#[derive(Default)]
struct Shape {
    awaits: bool,
    loops: bool,
    inside: usize,
}

impl Visit<'_> for Shape {
    fn visit_expr_await(&mut self, expression: &syn::ExprAwait) {
        self.awaits |= self.inside == 0;
        syn::visit::visit_expr_await(self, expression);
    }
    fn visit_expr_async(&mut self, expression: &syn::ExprAsync) {
        self.inside += 1;
        syn::visit::visit_expr_async(self, expression);
        self.inside -= 1;
    }
    fn visit_expr_closure(&mut self, expression: &syn::ExprClosure) {
        self.inside += 1;
        syn::visit::visit_expr_closure(self, expression);
        self.inside -= 1;
    }
    fn visit_local(&mut self, local: &syn::Local) {
        // A closure that has a name may be called often; one that a library is given, mostly is not.
        self.loops |= local.init.as_ref().is_some_and(|init| matches!(&*init.expr, Expr::Closure(_)));
        syn::visit::visit_local(self, local);
    }
    fn visit_expr_method_call(&mut self, call: &syn::ExprMethodCall) {
        self.loops |= ITERATING.iter().any(|name| call.method == name);
        syn::visit::visit_expr_method_call(self, call);
    }
    fn visit_item_fn(&mut self, item: &syn::ItemFn) {
        self.inside += 1;
        syn::visit::visit_item_fn(self, item);
        self.inside -= 1;
    }
    fn visit_expr_for_loop(&mut self, expression: &syn::ExprForLoop) {
        self.loops = true;
        syn::visit::visit_expr_for_loop(self, expression);
    }
    fn visit_expr_while(&mut self, expression: &syn::ExprWhile) {
        self.loops = true;
        syn::visit::visit_expr_while(self, expression);
    }
    fn visit_expr_loop(&mut self, expression: &syn::ExprLoop) {
        self.loops = true;
        syn::visit::visit_expr_loop(self, expression);
    }
    fn visit_macro(&mut self, call: &syn::Macro) {
        // What a macro is given may hold an `.await` or a loop that the parser does not see.
        let text = call.tokens.to_string();
        self.awaits |= self.inside == 0 && text.contains(". await");
        self.loops |= ["for ", "while ", "loop "].iter().any(|word| text.contains(word));
    }
}

/// The name of a macro whose rules write items, if the statement defines one.
fn macro_of_items(statement: &Stmt) -> Option<String> {
    match statement {
        Stmt::Item(syn::Item::Macro(item)) if writes_items(item.mac.tokens.clone()) => {
            item.ident.as_ref().map(ToString::to_string)
        }
        _ => None,
    }
}

/// Parts a cell of a session with these items.
pub(super) fn parse_in(text: &Arc<CellText>, items: &Items) -> Result<Parsed, NotParsed> {
    let defines_items = |name: &str| {
        items.macro_entry(name).is_some_and(|entry| {
            entry.kind == Kind::Macro
                && entry.text().parse().is_ok_and(|tokens: proc_macro2::TokenStream| {
                    tokens.into_iter().any(|token| match token {
                        proc_macro2::TokenTree::Group(group) => writes_items(group.stream()),
                        _ => false,
                    })
                })
        })
    };
    let is_item = |name: &str| items.defines(name);
    parse(text, &defines_items, &is_item)
}

/// Whether a macro's rules write items: what its first rule writes begins like one.
fn writes_items(tokens: TokenStream) -> bool {
    let text = tokens.to_string();
    let Some((_, body)) = text.split_once("=>") else { return false };
    let body = body.trim_start().trim_start_matches(['{', '(', '[']).trim_start();
    let body = body.strip_prefix("$ (").map_or(body, str::trim_start);
    let mut first = body;
    while let Some(rest) = first.strip_prefix('#') {
        // An attribute.
        let Some((_, after)) = rest.split_once(']') else { return false };
        first = after.trim_start();
    }
    let word: String = first.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    matches!(
        word.as_str(),
        "fn" | "struct" | "enum" | "impl" | "pub" | "static" | "trait" | "type" | "mod" | "use" | "union" | "extern"
    ) || (word == "const" && first.contains(':') && !first.contains("{ const"))
}
