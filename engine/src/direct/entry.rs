//! One item of the session: a function, a type, an implementation, a leaf of a `use`.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Fields, ImplItem, Item, UseTree, Visibility};

use super::source::{CellText, Source};
use super::{publish, tokens};

/// An item as a cell defined it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The cell.
    pub(super) cell: Arc<CellText>,
    /// The item in it, attributes and doc comments included.
    pub(super) span: Range<usize>,
    /// What is written differently where the item is compiled as a crate's public item.
    pub(super) edits: Vec<Edit>,
    pub(super) kind: Kind,
    /// What it defines.
    pub(super) keys: Vec<Key>,
    /// The names that call for it: its own, and those of a trait's methods.
    pub(super) calls: Vec<String>,
    /// The names that it mentions.
    pub(super) mentions: BTreeSet<String>,
    /// Whether a `cfg` may take it away.
    pub(super) conditional: bool,
}

/// A replacement inside an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) text: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// What a name stands for: function, type, constant, module, macro.
    Named,
    /// A `macro_rules!`: whoever mentions it mentions what is in it.
    Macro,
    /// A trait: its methods need it in scope.
    Trait,
    /// An implementation.
    Impl {
        /// `impl<T> Trait<T> for Type`, without white space.
        header: String,
        /// The names in the type that it is for.
        subject: BTreeSet<String>,
        /// The names in the trait and its arguments; none for an inherent implementation.
        of_trait: BTreeSet<String>,
        /// An inherent implementation's functions and constants, with where they stand.
        members: Vec<(String, Range<usize>)>,
        inherent: bool,
    },
    /// A leaf of a `use`, or an `extern crate`: written into every crate of the session.
    Import {
        /// The statement: `use a::b as c;`.
        text: String,
        /// Where its tree stands, if it is the only one of its statement.
        tree: Option<Range<usize>>,
        /// Whether it may bring any name: `use a::*;`.
        glob: bool,
    },
    /// A macro call that defines items of unknown names.
    Call,
}

/// A name in a name space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) space: Space,
    pub(super) name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Space {
    Type,
    Value,
    Macro,
    /// A `use`: it may bring a name of any space.
    Any,
}

impl Key {
    /// Whether two names cannot both be in scope.
    pub(super) fn clashes(&self, other: &Key) -> bool {
        self.name == other.name && (self.space == other.space || self.space == Space::Any || other.space == Space::Any)
    }
}

impl Entry {
    /// The entries of an item: one, but for `use` with several leaves.
    pub(super) fn of_item(item: &Item, cell: &Arc<CellText>) -> Vec<Entry> {
        let span = item.span().byte_range();
        if let Item::Use(item) = item {
            let mut leaves = Vec::new();
            let prefix = if item.leading_colon.is_some() { "::" } else { "" };
            leaves_of(&item.tree, prefix.to_owned(), &mut leaves);
            let tree = (leaves.len() == 1 && prefix.is_empty() && item.attrs.is_empty() && !is_group(&item.tree))
                .then(|| item.tree.span().byte_range());
            return leaves
                .into_iter()
                .map(|leaf| {
                    leaf.entry(cell, tree.clone(), item.attrs.iter().map(|a| a.to_token_stream().to_string()).collect())
                })
                .collect();
        }
        let mut mentioned = BTreeSet::new();
        tokens::mentions(item.to_token_stream(), &mut mentioned);
        let mut entry = Entry {
            cell: Arc::clone(cell),
            span,
            edits: Vec::new(),
            kind: Kind::Named,
            keys: Vec::new(),
            calls: Vec::new(),
            conditional: mentioned.contains("cfg"),
            mentions: mentioned,
        };
        entry.read(item);
        entry.edits.sort_by_key(|edit| edit.span.start);
        entry.calls.extend(entry.keys.iter().map(|key| key.name.clone()));
        vec![entry]
    }

    /// The entry of a macro call that defines items.
    pub(super) fn of_call(tokens: TokenStream, span: Range<usize>, cell: &Arc<CellText>) -> Entry {
        let mut mentioned = BTreeSet::new();
        tokens::mentions(tokens.clone(), &mut mentioned);
        let mut entry = Entry {
            cell: Arc::clone(cell),
            span,
            edits: Vec::new(),
            kind: Kind::Call,
            keys: Vec::new(),
            calls: Vec::new(),
            conditional: false,
            mentions: mentioned,
        };
        entry.statics(tokens);
        entry.calls.extend(entry.keys.iter().map(|key| key.name.clone()));
        entry
    }

    /// `static X` inside the call of a macro such as `thread_local!`: a name, to be made public.
    fn statics(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                proc_macro2::TokenTree::Group(group) => self.statics(group.stream()),
                proc_macro2::TokenTree::Ident(ident) if *ident == "static" => {
                    let name = tokens[at + 1..].iter().find_map(|token| match token {
                        proc_macro2::TokenTree::Ident(name) if *name != "ref" && *name != "mut" => Some(name),
                        _ => None,
                    });
                    if let Some(name) = name {
                        self.keys.push(Key { space: Space::Value, name: name.to_string() });
                        let public = at > 0 && tokens[at - 1].to_string() == "pub";
                        if !public {
                            self.insert(ident.span(), "pub ");
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn read(&mut self, item: &Item) {
        use Space::{Any, Macro, Type, Value};
        match item {
            Item::Fn(item) => self.named(&[Value], &item.sig.ident, &item.vis, item.sig.span()),
            Item::Const(item) if item.ident == "_" => {}
            Item::Const(item) => self.named(&[Value], &item.ident, &item.vis, item.const_token.span),
            Item::Static(item) => self.named(&[Value], &item.ident, &item.vis, item.static_token.span),
            Item::Enum(item) => self.named(&[Type], &item.ident, &item.vis, item.enum_token.span),
            Item::Struct(item) => {
                let spaces: &[Space] = if matches!(item.fields, Fields::Named(_)) { &[Type] } else { &[Type, Value] };
                self.named(spaces, &item.ident, &item.vis, item.struct_token.span);
                for field in &item.fields {
                    let start = field.ident.as_ref().map_or_else(|| field.ty.span(), Spanned::span);
                    self.visible(&field.vis, start);
                }
            }
            Item::Union(item) => {
                self.named(&[Type], &item.ident, &item.vis, item.union_token.span);
                for field in &item.fields.named {
                    self.visible(&field.vis, field.ident.as_ref().map_or_else(|| field.ty.span(), Spanned::span));
                }
            }
            Item::Type(item) => self.named(&[Type], &item.ident, &item.vis, item.type_token.span),
            Item::Trait(item) => {
                let start = item.unsafety.map_or(item.trait_token.span, |token| token.span);
                self.named(&[Type], &item.ident, &item.vis, start);
                self.kind = Kind::Trait;
                for member in &item.items {
                    match member {
                        syn::TraitItem::Fn(member) => self.calls.push(member.sig.ident.to_string()),
                        syn::TraitItem::Const(member) => self.calls.push(member.ident.to_string()),
                        syn::TraitItem::Type(member) => self.calls.push(member.ident.to_string()),
                        _ => {}
                    }
                }
            }
            Item::TraitAlias(item) => self.named(&[Type], &item.ident, &item.vis, item.trait_token.span),
            Item::Mod(item) => {
                let start = item.unsafety.map_or(item.mod_token.span, |token| token.span);
                self.named(&[Type], &item.ident, &item.vis, start);
                // `pub(crate)` means the whole notebook.
                for inner in item.content.iter().flat_map(|(_, items)| items) {
                    Restricted(&mut self.edits).visit_item(inner);
                }
            }
            Item::ForeignMod(item) => {
                for member in &item.items {
                    match member {
                        syn::ForeignItem::Fn(member) => {
                            self.named(&[Value], &member.sig.ident, &member.vis, member.sig.span());
                        }
                        syn::ForeignItem::Static(member) => {
                            self.named(&[Value], &member.ident, &member.vis, member.static_token.span);
                        }
                        syn::ForeignItem::Type(member) => {
                            self.named(&[Type], &member.ident, &member.vis, member.type_token.span);
                        }
                        _ => {}
                    }
                }
            }
            Item::ExternCrate(item) => {
                let name = item.rename.as_ref().map_or(&item.ident, |(_, name)| name);
                let text = match &item.rename {
                    Some((_, name)) => format!("extern crate {} as {name};", item.ident),
                    None => format!("extern crate {};", item.ident),
                };
                self.keys.push(Key { space: Any, name: name.to_string() });
                self.kind = Kind::Import { text, tree: None, glob: false };
            }
            Item::Impl(item) => self.implementation(item),
            Item::Macro(item) => {
                if let Some(ident) = &item.ident {
                    self.kind = Kind::Macro;
                    self.keys.push(Key { space: Macro, name: ident.to_string() });
                    publish::rules(item.mac.tokens.clone(), &mut self.edits);
                    if !item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
                        self.insert(item.mac.path.span(), "#[macro_export] ");
                    }
                } else {
                    self.kind = Kind::Call;
                    self.statics(item.mac.tokens.clone());
                }
            }
            _ => self.kind = Kind::Call,
        }
    }

    fn implementation(&mut self, item: &syn::ItemImpl) {
        let names = |tokens: TokenStream| {
            let mut names = BTreeSet::new();
            tokens::mentions(tokens, &mut names);
            names
        };
        let of_trait = item.trait_.as_ref().map(|(path, _)| path.to_token_stream());
        let generics = item.generics.to_token_stream().to_string();
        let where_clause = item.generics.where_clause.to_token_stream().to_string();
        let subject = item.self_ty.to_token_stream();
        let trait_text = of_trait.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut members = Vec::new();
        if of_trait.is_none() {
            for member in &item.items {
                let (name, vis, start) = match member {
                    ImplItem::Fn(member) => (&member.sig.ident, &member.vis, member.sig.span()),
                    ImplItem::Const(member) => (&member.ident, &member.vis, member.const_token.span),
                    ImplItem::Type(member) => (&member.ident, &member.vis, member.type_token.span),
                    _ => continue,
                };
                members.push((name.to_string(), member.span().byte_range()));
                self.visible(vis, start);
            }
        }
        self.kind = Kind::Impl {
            header: format!("{generics}|{trait_text}|{subject}|{where_clause}"),
            subject: names(subject),
            of_trait: of_trait.map(names).unwrap_or_default(),
            inherent: item.trait_.is_none(),
            members,
        };
    }

    fn named(&mut self, spaces: &[Space], name: &syn::Ident, visibility: &Visibility, keyword: Span) {
        let name = name.to_string();
        let name = name.strip_prefix("r#").map_or_else(|| name.clone(), str::to_owned);
        self.keys.extend(spaces.iter().map(|space| Key { space: *space, name: name.clone() }));
        self.visible(visibility, keyword);
    }

    /// Makes what stands at `start` public.
    fn visible(&mut self, visibility: &Visibility, start: Span) {
        match visibility {
            Visibility::Public(_) => {}
            Visibility::Inherited => self.insert(start, "pub "),
            Visibility::Restricted(restricted) => {
                self.edits.push(Edit { span: restricted.span().byte_range(), text: "pub" });
            }
        }
    }

    fn insert(&mut self, before: Span, text: &'static str) {
        let at = before.byte_range().start;
        self.edits.push(Edit { span: at..at, text });
    }

    /// The item's own text.
    pub(super) fn text(&self) -> &str {
        match &self.kind {
            Kind::Import { text, .. } => text,
            _ => &self.cell.code[self.span.clone()],
        }
    }

    /// Writes the item as a public item of a crate.
    pub(super) fn write(&self, source: &mut Source) {
        if let Kind::Import { text, tree, .. } = &self.kind {
            match tree {
                // As it stands, so that places within it are kept; but in one line.
                Some(tree) if !self.cell.code[tree.clone()].contains('\n') => {
                    source.own("use ");
                    source.cell(&self.cell, tree.clone());
                    source.own("; ");
                }
                _ => {
                    source.instead(&self.cell, self.span.clone(), text);
                    source.own(" ");
                }
            }
            return;
        }
        source.align(&self.cell, self.span.start);
        let mut at = self.span.start;
        for edit in &self.edits {
            // An edit inside a part that was removed.
            if edit.span.start < at {
                continue;
            }
            source.cell(&self.cell, at..edit.span.start);
            source.own(edit.text);
            at = edit.span.end;
        }
        source.cell(&self.cell, at..self.span.end);
        source.own("\n");
    }
}

/// `pub(crate)`, `pub(super)` and `pub(in …)` anywhere in an item become `pub`.
struct Restricted<'a>(&'a mut Vec<Edit>);

impl Visit<'_> for Restricted<'_> {
    fn visit_vis_restricted(&mut self, restricted: &syn::VisRestricted) {
        self.0.push(Edit { span: restricted.span().byte_range(), text: "pub" });
    }
}

struct Leaf {
    text: String,
    name: Option<String>,
    glob: bool,
    span: Range<usize>,
}

impl Leaf {
    fn entry(self, cell: &Arc<CellText>, tree: Option<Range<usize>>, attributes: String) -> Entry {
        let mut mentioned = BTreeSet::new();
        if let Ok(tokens) = self.text.parse::<TokenStream>() {
            tokens::mentions(tokens, &mut mentioned);
        }
        mentioned.remove("use");
        Entry {
            cell: Arc::clone(cell),
            span: self.span,
            edits: Vec::new(),
            kind: Kind::Import { text: format!("{attributes}{}", self.text), tree, glob: self.glob },
            keys: self.name.iter().map(|name| Key { space: Space::Any, name: name.clone() }).collect(),
            calls: self.name.into_iter().collect(),
            conditional: false,
            mentions: mentioned,
        }
    }
}

fn is_group(tree: &UseTree) -> bool {
    match tree {
        UseTree::Path(path) => is_group(&path.tree),
        UseTree::Group(_) => true,
        _ => false,
    }
}

fn leaves_of(tree: &UseTree, prefix: String, leaves: &mut Vec<Leaf>) {
    let bare = |ident: &syn::Ident| ident.to_string().trim_start_matches("r#").to_owned();
    match tree {
        UseTree::Path(path) => leaves_of(&path.tree, format!("{prefix}{}::", path.ident), leaves),
        UseTree::Name(name) if name.ident == "self" => {
            let path = prefix.trim_end_matches("::");
            let last = path.rsplit("::").next().unwrap_or(path).to_owned();
            leaves.push(Leaf {
                text: format!("use {prefix}{{self}};"),
                name: Some(last),
                glob: false,
                span: name.span().byte_range(),
            });
        }
        UseTree::Name(name) => leaves.push(Leaf {
            text: format!("use {prefix}{};", name.ident),
            name: Some(bare(&name.ident)),
            glob: false,
            span: name.span().byte_range(),
        }),
        UseTree::Rename(rename) => {
            let text = if rename.ident == "self" {
                format!("use {prefix}{{self as {}}};", rename.rename)
            } else {
                format!("use {prefix}{} as {};", rename.ident, rename.rename)
            };
            let name = (rename.rename != "_").then(|| bare(&rename.rename));
            leaves.push(Leaf { text, name, glob: false, span: rename.span().byte_range() });
        }
        UseTree::Glob(glob) => leaves.push(Leaf {
            text: format!("use {prefix}*;"),
            name: None,
            glob: true,
            span: glob.span().byte_range(),
        }),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves_of(tree, prefix.clone(), leaves);
            }
        }
    }
}
