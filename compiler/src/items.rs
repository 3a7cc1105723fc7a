//! The items of a notebook (`fn`, `struct`, `impl`, `use`, `macro_rules!`, …): what they are called and what they mention.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{ImplItem, Item, ReceiverKind, Stmt, TraitItem, UseTree};

use crate::source::ParsedCell;

/// Macros that stand where a statement could, and define items.
const ITEM_MACROS: [&str; 6] = ["thread_local", "lazy_static", "bitflags", "quick_error", "cfg_if", "error_chain"];

/// One item, or one name that a `use` brings in.
#[derive(Debug, Clone)]
pub struct NotebookItem {
    /// The cell that it stands in.
    pub cell: usize,
    /// Its bytes in that cell; for a name of a `use`, the bytes of that name's path.
    pub range: Range<usize>,
    /// What it defines.
    pub names: Vec<Name>,
    /// Every identifier in it.
    pub mentions: BTreeSet<String>,
    /// What it is.
    pub kind: ItemKind,
    /// Its tokens; empty for a name of a `use`.
    pub tokens: TokenStream,
}

/// A name and where it lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Types, values and macros have names of their own.
    pub namespace: Namespace,
    /// The name.
    pub name: String,
}

/// Rust's namespaces; what a `use` brings in may be in any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    /// Types, traits and modules.
    Type,
    /// Functions, constants, statics, constructors.
    Value,
    /// Macros.
    Macro,
    /// Unknown, because imported.
    Imported,
}

/// What an item is, as far as it matters.
#[derive(Debug, Clone)]
pub enum ItemKind {
    /// A path of a `use`, as `a::b as c`, with its attributes and visibility before it.
    Use {
        /// The text of one `use` for this name alone.
        text: String,
        /// Whether it is `a::*`.
        glob: bool,
        /// Whether it is one of several names of its `use`.
        in_group: bool,
    },
    /// A struct or an enum that has no serde derives of its own.
    Data(DataItem),
    /// Anything else.
    Other,
}

/// What decides whether a type can be given serde's derives.
#[derive(Debug, Clone)]
pub struct DataItem {
    /// Its name.
    pub name: String,
    /// The types of its fields.
    pub fields: Vec<syn::Type>,
    /// Its type parameters.
    pub parameters: BTreeSet<String>,
    /// Whether `Serialize` is derived already.
    pub serialize: bool,
    /// Whether `Deserialize` is derived already.
    pub deserialize: bool,
}

/// Whether the statement is an item, to be taken out of the step that it stands in.
pub fn is_item(statement: &Stmt) -> bool {
    match statement {
        Stmt::Item(_) => true,
        Stmt::Macro(statement) => statement
            .mac
            .path
            .segments
            .last()
            .is_some_and(|segment| ITEM_MACROS.iter().any(|name| segment.ident == name)),
        _ => false,
    }
}

/// The items of a cell, in order; a `use` of several names gives several.
pub fn of_cell(cell: &ParsedCell) -> Vec<NotebookItem> {
    let mut items = Vec::new();
    for statement in &cell.statements {
        match statement {
            Stmt::Item(Item::Use(item)) => {
                let mut attributes = String::new();
                for attribute in &item.attrs {
                    attributes.push_str(&attribute.to_token_stream().to_string());
                    attributes.push(' ');
                }
                let prefix = format!("{attributes}use {}", if item.leading_colon.is_some() { "::" } else { "" });
                let first = items.len();
                leaves(cell, &item.tree, &prefix, &mut Vec::new(), &mut items);
                if let [single] = &mut items[first..]
                    && let ItemKind::Use { in_group, .. } = &mut single.kind
                {
                    *in_group = false;
                    single.range = cell.range(statement);
                }
            }
            Stmt::Item(item) => items.push(NotebookItem {
                cell: cell.index,
                range: cell.range(statement),
                names: names_of(item),
                mentions: mentions(item.to_token_stream()),
                kind: kind_of(item),
                tokens: item.to_token_stream(),
            }),
            Stmt::Macro(statement_macro) if is_item(statement) => items.push(NotebookItem {
                cell: cell.index,
                range: macro_range(cell, statement, statement_macro),
                names: names_in_macro(statement_macro.mac.tokens.clone()),
                mentions: mentions(statement_macro.mac.tokens.clone()),
                kind: ItemKind::Other,
                tokens: statement_macro.mac.tokens.clone(),
            }),
            _ => {}
        }
    }
    items
}

fn leaves(cell: &ParsedCell, tree: &UseTree, prefix: &str, path: &mut Vec<String>, items: &mut Vec<NotebookItem>) {
    let mut leaf =
        |text: String, name: Option<String>, path: &[String], node: &dyn Fn() -> Range<usize>, glob: bool| {
            items.push(NotebookItem {
                cell: cell.index,
                range: node(),
                names: name.map(|name| Name { namespace: Namespace::Imported, name }).into_iter().collect(),
                mentions: path.iter().cloned().collect(),
                kind: ItemKind::Use { text: format!("{prefix}{text};"), glob, in_group: true },
                tokens: TokenStream::new(),
            });
        };
    let joined = |path: &[String], last: &str| {
        let mut all: Vec<&str> = path.iter().map(String::as_str).collect();
        all.push(last);
        all.join("::")
    };
    match tree {
        UseTree::Path(next) => {
            path.push(next.ident.to_string());
            leaves(cell, &next.tree, prefix, path, items);
            path.pop();
        }
        UseTree::Name(name) => {
            let ident = name.ident.to_string();
            let known_as = if ident == "self" { path.last().cloned() } else { Some(ident.clone()) };
            let text = if ident == "self" && !path.is_empty() {
                format!("{}::{{self}}", path.join("::"))
            } else {
                joined(path, &ident)
            };
            let mut mentioned = path.clone();
            mentioned.push(ident);
            leaf(text, known_as, &mentioned, &|| name.span().byte_range(), false);
        }
        UseTree::Rename(rename) => {
            let alias = rename.rename.to_string();
            let text = if rename.ident == "self" && !path.is_empty() {
                format!("{}::{{self as {alias}}}", path.join("::"))
            } else {
                format!("{} as {alias}", joined(path, &rename.ident.to_string()))
            };
            let mut mentioned = path.clone();
            mentioned.push(rename.ident.to_string());
            leaf(text, (alias != "_").then_some(alias), &mentioned, &|| rename.span().byte_range(), false);
        }
        UseTree::Glob(glob) => leaf(joined(path, "*"), None, path, &|| glob.span().byte_range(), true),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(cell, tree, prefix, path, items);
            }
        }
    }
}

/// Adds the names that an item brings into its block; says whether it brings in others too (`use a::*`, a macro call).
pub fn brings_in(item: &Item, names: &mut Vec<String>) -> bool {
    fn tree(of: &UseTree, above: Option<&syn::Ident>, names: &mut Vec<String>) -> bool {
        match of {
            UseTree::Path(next) => tree(&next.tree, Some(&next.ident), names),
            UseTree::Name(name) if name.ident == "self" => {
                names.extend(above.map(ToString::to_string));
                false
            }
            UseTree::Name(name) => {
                names.push(name.ident.to_string());
                false
            }
            UseTree::Rename(rename) => {
                names.push(rename.rename.to_string());
                false
            }
            UseTree::Glob(_) => true,
            UseTree::Group(group) => group.items.iter().fold(false, |open, item| tree(item, above, names) | open),
        }
    }
    match item {
        Item::Use(item) => tree(&item.tree, None, names),
        Item::Macro(item) if item.ident.is_none() => true,
        item => {
            names.extend(names_of(item).into_iter().map(|name| name.name));
            false
        }
    }
}

fn names_of(item: &Item) -> Vec<Name> {
    let name = |namespace, name: &dyn ToString| vec![Name { namespace, name: name.to_string() }];
    match item {
        Item::Fn(item) => name(Namespace::Value, &item.sig.ident),
        Item::Const(item) if item.ident == "_" => Vec::new(),
        Item::Const(item) => name(Namespace::Value, &item.ident),
        Item::Static(item) => name(Namespace::Value, &item.ident),
        Item::Struct(item) => {
            let mut names = name(Namespace::Type, &item.ident);
            if !matches!(item.fields, syn::Fields::Named(_)) {
                names.extend(name(Namespace::Value, &item.ident));
            }
            names
        }
        Item::Enum(item) => name(Namespace::Type, &item.ident),
        Item::Union(item) => name(Namespace::Type, &item.ident),
        Item::Trait(item) => name(Namespace::Type, &item.ident),
        Item::TraitAlias(item) => name(Namespace::Type, &item.ident),
        Item::Type(item) => name(Namespace::Type, &item.ident),
        Item::Mod(item) => name(Namespace::Type, &item.ident),
        Item::ExternCrate(item) => match &item.rename {
            Some((_, alias)) => name(Namespace::Type, alias),
            None => name(Namespace::Type, &item.ident),
        },
        Item::Macro(item) => match &item.ident {
            Some(ident) => name(Namespace::Macro, ident),
            None => names_in_macro(item.mac.tokens.clone()),
        },
        Item::ForeignMod(item) => item
            .items
            .iter()
            .flat_map(|item| match item {
                syn::ForeignItem::Fn(item) => name(Namespace::Value, &item.sig.ident),
                syn::ForeignItem::Static(item) => name(Namespace::Value, &item.ident),
                _ => Vec::new(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The bytes of an item macro. Behind braces a `;` is an empty statement of its own, which no module can hold.
fn macro_range(cell: &ParsedCell, statement: &Stmt, invocation: &syn::StmtMacro) -> Range<usize> {
    let mut range = cell.range(statement);
    if matches!(invocation.mac.delimiter, syn::MacroDelimiter::Brace(_)) {
        range.end = invocation.mac.span().byte_range().end;
    }
    range
}

/// What an item macro seems to define: the words after `static`, `struct`, `fn`, `const` and `enum`.
fn names_in_macro(tokens: TokenStream) -> Vec<Name> {
    let words: Vec<String> = flat(tokens)
        .into_iter()
        .filter_map(|t| if let TokenTree::Ident(i) = t { Some(i.to_string()) } else { None })
        .collect();
    let mut names = Vec::new();
    for (i, word) in words.iter().enumerate() {
        let namespace = match word.as_str() {
            "static" | "fn" | "const" => Namespace::Value,
            "struct" | "enum" => Namespace::Type,
            _ => continue,
        };
        let after = words[i + 1..].iter().find(|word| !["ref", "mut"].contains(&word.as_str()));
        names.extend(after.map(|name| Name { namespace, name: name.clone() }));
    }
    names
}

fn kind_of(item: &Item) -> ItemKind {
    let (ident, attributes, generics, fields): (_, _, _, Vec<syn::Type>) = match item {
        Item::Struct(item) => {
            (&item.ident, &item.attrs, &item.generics, item.fields.iter().map(|field| field.ty.clone()).collect())
        }
        Item::Enum(item) => (
            &item.ident,
            &item.attrs,
            &item.generics,
            item.variants.iter().flat_map(|variant| variant.fields.iter().map(|field| field.ty.clone())).collect(),
        ),
        _ => return ItemKind::Other,
    };
    let derives =
        mentions(attributes.iter().filter(|a| a.path().is_ident("derive")).map(ToTokens::to_token_stream).collect());
    ItemKind::Data(DataItem {
        name: ident.to_string(),
        fields,
        parameters: generics.type_params().map(|parameter| parameter.ident.to_string()).collect(),
        serialize: derives.iter().any(|derive| derive.starts_with("Serialize")),
        deserialize: derives.iter().any(|derive| derive.starts_with("Deserialize")),
    })
}

/// Every identifier in `tokens`.
pub fn mentions(tokens: TokenStream) -> BTreeSet<String> {
    flat(tokens)
        .into_iter()
        .filter_map(|token| if let TokenTree::Ident(ident) = token { Some(ident.to_string()) } else { None })
        .collect()
}

/// All tokens in order, brackets opened.
pub fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let mut all = Vec::new();
    let mut open = vec![tokens.into_iter()];
    while let Some(last) = open.last_mut() {
        match last.next() {
            Some(TokenTree::Group(group)) => {
                let inside = group.stream().into_iter();
                all.push(TokenTree::Group(proc_macro2::Group::new(group.delimiter(), TokenStream::new())));
                open.push(inside);
            }
            Some(token) => all.push(token),
            None => drop(open.pop()),
        }
    }
    all
}

/// What the notebook's own methods do with their receiver: name → whether it is `&mut self`; unclear where two methods differ.
pub fn receivers(cells: &BTreeMap<usize, ParsedCell>) -> BTreeMap<String, Option<bool>> {
    let mut receivers: BTreeMap<String, Option<bool>> = BTreeMap::new();
    let mut note = |signature: &syn::Signature| {
        if let Some(receiver) = signature.receiver() {
            let mutable = receiver_is_mutable(receiver);
            receivers
                .entry(signature.ident.to_string())
                .and_modify(|known| {
                    if *known != Some(mutable) {
                        *known = None;
                    }
                })
                .or_insert(Some(mutable));
        }
    };
    for statement in cells.values().flat_map(|cell| &cell.statements) {
        match statement {
            Stmt::Item(Item::Impl(item)) => {
                for part in &item.items {
                    if let ImplItem::Fn(method) = part {
                        note(&method.sig);
                    }
                }
            }
            Stmt::Item(Item::Trait(item)) => {
                for part in &item.items {
                    if let TraitItem::Fn(method) = part {
                        note(&method.sig);
                    }
                }
            }
            _ => {}
        }
    }
    receivers
}

fn receiver_is_mutable(receiver: &syn::Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, mutable) => mutable.is_some(),
        ReceiverKind::Typed(_, ty) => match &**ty {
            syn::Type::Reference(reference) => reference.mutability.is_some(),
            _ => mentions(ty.to_token_stream()).contains("mut"),
        },
        _ => false,
    }
}
