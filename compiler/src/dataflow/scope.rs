//! The walk over statements with their scopes: which names are free, and what is done to them.

use std::collections::{BTreeMap, BTreeSet};

use oxikale_notebook::CellSpan;
use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Block, Expr, Item, Local, Pat, Stmt, UnOp};

use super::{Definition, Flow, Use};
use crate::items;
use crate::source::ParsedCell;

/// Walks cells in order.
pub(super) struct Analyser<'a> {
    flow: Flow,
    /// Names of the innermost scope last; the first is the top of the step.
    scopes: Vec<BTreeSet<String>>,
    constants: &'a BTreeSet<String>,
    cell: usize,
    /// Whether the code runs in the step's own function, where `.await` and `return` are the step's.
    own_function: bool,
    /// How many unknown macros are around.
    pub(super) uncertain: usize,
    /// How many blocks with a glob import are around, in which a name may be anything.
    open: usize,
}

impl<'a> Analyser<'a> {
    pub(super) fn new(constants: &'a BTreeSet<String>) -> Self {
        Self {
            flow: Flow::default(),
            scopes: vec![BTreeSet::new()],
            constants,
            cell: 0,
            own_function: true,
            uncertain: 0,
            open: 0,
        }
    }

    pub(super) fn finish(self) -> Flow {
        self.flow
    }

    pub(super) fn cell(&mut self, cell: &ParsedCell) {
        self.cell = cell.index;
        for statement in &cell.statements {
            if !items::is_item(statement) {
                self.visit_stmt(statement);
            }
        }
    }

    pub(super) fn span(&self, span: Span) -> CellSpan {
        let range = span.byte_range();
        CellSpan::new(self.cell, range.start, range.end)
    }

    fn is_local(&self, name: &str) -> bool {
        self.scopes.iter().rev().any(|scope| scope.contains(name))
    }

    /// Notes a use of `name` unless it is defined here.
    pub(super) fn used(&mut self, name: &str, span: CellSpan) -> Option<&mut Use> {
        if self.is_local(name) || name == "self" || name == "_" {
            return None;
        }
        let in_macro = self.uncertain > 0;
        let certain = !in_macro && self.open == 0;
        let entry = self.flow.uses.entry(name.to_owned()).or_insert(Use {
            span,
            certain,
            only_called: true,
            written: None,
            methods: BTreeMap::new(),
            in_unknown_macro: None,
        });
        if certain && !entry.certain {
            entry.certain = true;
            entry.span = span;
        }
        if in_macro {
            entry.in_unknown_macro.get_or_insert(span);
        }
        Some(entry)
    }

    /// A use that is not the name of a function that is called.
    pub(super) fn read(&mut self, name: &str, span: CellSpan) {
        if let Some(entry) = self.used(name, span) {
            entry.only_called = false;
        }
    }

    /// The variable at the bottom of a place is assigned to or borrowed `&mut`.
    pub(super) fn write(&mut self, place: &Expr) {
        match place {
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|place| self.write(place)),
            Expr::Array(array) => array.elems.iter().for_each(|place| self.write(place)),
            Expr::Call(call) => call.args.iter().for_each(|place| self.write(place)),
            Expr::Struct(value) => value.fields.iter().for_each(|field| self.write(&field.expr)),
            _ => {
                if let Some((name, span)) = base(place) {
                    let span = self.span(span);
                    if let Some(entry) = self.used(&name, span) {
                        entry.only_called = false;
                        entry.written.get_or_insert(span);
                    }
                }
            }
        }
    }

    /// A pattern with `ref mut` borrows from what it is matched with.
    fn lent(&mut self, pattern: &Pat, value: &Expr) {
        let mut search = RefMut(false);
        search.visit_pat(pattern);
        if search.0 {
            self.write(value);
        }
    }

    pub(super) fn push_scope(&mut self) {
        self.scopes.push(BTreeSet::new());
    }

    pub(super) fn pop_scope(&mut self) {
        self.scopes.pop();
    }

    fn scoped(&mut self, inside: impl FnOnce(&mut Self)) {
        self.push_scope();
        inside(self);
        self.pop_scope();
    }

    /// Code of another function: a closure's `return` and an async block's `.await` are not the step's.
    fn other_function(&mut self, inside: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.own_function, false);
        self.scoped(inside);
        self.own_function = outer;
    }

    /// Brings the names of a pattern into the innermost scope, and visits the expressions inside of it.
    fn bind(&mut self, pattern: &Pat) {
        match pattern {
            Pat::Ident(ident) => {
                let name = ident.ident.to_string();
                let plain = ident.by_ref.is_none() && ident.mutability.is_none() && ident.subpat.is_none();
                if !(plain && (name == "None" || self.constants.contains(&name))) {
                    let definition =
                        Definition { span: self.span(ident.ident.span()), mutable: ident.mutability.is_some() };
                    if self.scopes.len() == 1 {
                        self.flow.definitions.insert(name.clone(), definition);
                    }
                    if let Some(scope) = self.scopes.last_mut() {
                        scope.insert(name);
                    }
                }
                if let Some((_, inner)) = &ident.subpat {
                    self.bind(inner);
                }
            }
            Pat::Guard(guarded) => {
                self.bind(&guarded.pat);
                self.visit_expr(&guarded.guard);
            }
            // The alternatives of an or-pattern bind the same names.
            Pat::Or(or) => or.cases.iter().for_each(|case| self.bind(case)),
            Pat::Paren(paren) => self.bind(&paren.pat),
            Pat::Reference(reference) => self.bind(&reference.pat),
            Pat::Slice(slice) => slice.elems.iter().for_each(|element| self.bind(element)),
            Pat::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.bind(element)),
            Pat::TupleStruct(tuple) => tuple.elems.iter().for_each(|element| self.bind(element)),
            Pat::Struct(fields) => fields.fields.iter().for_each(|field| self.bind(&field.pat)),
            Pat::Type(typed) => self.bind(&typed.pat),
            _ => {}
        }
    }

    /// Names of items inside of a block stand in all of it; says whether there are some that the text does not tell.
    fn hoist(&mut self, block: &Block) -> bool {
        let mut open = false;
        let mut names = Vec::new();
        for statement in &block.stmts {
            if let Stmt::Item(item) = statement {
                open |= items::brings_in(item, &mut names);
            }
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.extend(names);
        }
        open
    }
}

/// The variable that a place is a part of: `x` of `x`, `x.f[i]`, `*x`, `(x)`.
fn base(place: &Expr) -> Option<(String, Span)> {
    match place {
        Expr::Path(path) if path.qself.is_none() => {
            path.path.get_ident().map(|ident| (ident.to_string(), ident.span()))
        }
        Expr::Field(field) => base(&field.base),
        Expr::Index(index) => base(&index.expr),
        Expr::Paren(paren) => base(&paren.expr),
        Expr::Group(group) => base(&group.expr),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => base(&unary.expr),
        Expr::Reference(reference) => base(&reference.expr),
        _ => None,
    }
}

/// Looks for `ref mut` in a pattern.
struct RefMut(bool);

impl<'ast> Visit<'ast> for RefMut {
    fn visit_pat_ident(&mut self, ident: &'ast syn::PatIdent) {
        self.0 |= ident.by_ref.is_some() && ident.mutability.is_some();
        visit::visit_pat_ident(self, ident);
    }

    fn visit_expr(&mut self, _: &'ast Expr) {}
}

impl<'ast> Visit<'ast> for Analyser<'_> {
    /// Items see no variables.
    fn visit_item(&mut self, _: &'ast Item) {}

    /// Types hold no variables, only constants.
    fn visit_type(&mut self, _: &'ast syn::Type) {}

    fn visit_angle_bracketed_generic_arguments(&mut self, _: &'ast syn::AngleBracketedGenericArguments) {}

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_pat(&mut self, pattern: &'ast Pat) {
        self.bind(pattern);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if let Some(init) = &local.init {
            self.lent(&local.pat, &init.expr);
            self.visit_expr(&init.expr);
            if let Some((_, diverge)) = &init.diverge {
                self.visit_expr(diverge);
            }
        }
        self.bind(&local.pat);
    }

    fn visit_block(&mut self, block: &'ast Block) {
        self.scoped(|this| {
            let open = this.hoist(block);
            this.open += usize::from(open);
            visit::visit_block(this, block);
            this.open -= usize::from(open);
        });
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.other_function(|this| {
            closure.inputs.iter().for_each(|input| this.bind(input));
            this.visit_expr(&closure.body);
        });
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.other_function(|this| this.visit_block(&block.block));
    }

    fn visit_expr_await(&mut self, expression: &'ast syn::ExprAwait) {
        if self.own_function {
            let span = self.span(expression.await_token.span);
            self.flow.awaits.get_or_insert(span);
        }
        visit::visit_expr_await(self, expression);
    }

    fn visit_expr_return(&mut self, expression: &'ast syn::ExprReturn) {
        if self.own_function {
            let span = self.span(expression.return_token.span);
            self.flow.returns.get_or_insert(span);
        }
        visit::visit_expr_return(self, expression);
    }

    fn visit_expr_if(&mut self, expression: &'ast syn::ExprIf) {
        self.scoped(|this| {
            this.visit_expr(&expression.cond);
            this.visit_block(&expression.then_branch);
        });
        if let Some((_, otherwise)) = &expression.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        expression.arms.iter().for_each(|arm| self.lent(&arm.pat, &expression.expr));
        visit::visit_expr_match(self, expression);
    }

    fn visit_expr_let(&mut self, expression: &'ast syn::ExprLet) {
        self.lent(&expression.pat, &expression.expr);
        self.visit_expr(&expression.expr);
        self.bind(&expression.pat);
    }

    fn visit_expr_while(&mut self, expression: &'ast syn::ExprWhile) {
        self.scoped(|this| {
            this.visit_expr(&expression.cond);
            this.visit_block(&expression.body);
        });
    }

    fn visit_expr_for_loop(&mut self, expression: &'ast syn::ExprForLoop) {
        self.visit_expr(&expression.expr);
        self.scoped(|this| {
            this.bind(&expression.pat);
            this.visit_block(&expression.body);
        });
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.scoped(|this| {
            this.bind(&arm.pat);
            this.visit_expr(&arm.body);
        });
    }

    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        if let (None, Some(ident)) = (&expression.qself, expression.path.get_ident()) {
            let span = self.span(ident.span());
            self.read(&ident.to_string(), span);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        match &*call.func {
            Expr::Path(path) if path.qself.is_none() && path.path.get_ident().is_some() => {
                if let Some((name, span)) = base(&call.func) {
                    let span = self.span(span);
                    self.used(&name, span);
                }
            }
            function => self.visit_expr(function),
        }
        call.args.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_expr_struct(&mut self, value: &'ast syn::ExprStruct) {
        value.fields.iter().for_each(|field| self.visit_expr(&field.expr));
        if let Some(rest) = &value.rest {
            self.visit_expr(rest);
        }
    }

    fn visit_expr_assign(&mut self, assignment: &'ast syn::ExprAssign) {
        self.visit_expr(&assignment.right);
        self.write(&assignment.left);
        self.visit_expr(&assignment.left);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        use syn::BinOp::*;
        if matches!(
            binary.op,
            AddAssign(_)
                | SubAssign(_)
                | MulAssign(_)
                | DivAssign(_)
                | RemAssign(_)
                | BitXorAssign(_)
                | BitAndAssign(_)
                | BitOrAssign(_)
                | ShlAssign(_)
                | ShrAssign(_)
        ) {
            self.write(&binary.left);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_reference(&mut self, reference: &'ast syn::ExprReference) {
        if reference.mutability.is_some() {
            self.write(&reference.expr);
        }
        self.visit_expr(&reference.expr);
    }

    fn visit_expr_raw_addr(&mut self, address: &'ast syn::ExprRawAddr) {
        self.write(&address.expr);
        self.visit_expr(&address.expr);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if let Some((name, place)) = base(&call.receiver) {
            let (place, method) = (self.span(place), self.span(call.method.span()));
            if let Some(entry) = self.used(&name, place) {
                entry.methods.entry(call.method.to_string()).or_insert(method);
            }
        }
        self.visit_expr(&call.receiver);
        call.args.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.invoked(invocation);
    }
}
