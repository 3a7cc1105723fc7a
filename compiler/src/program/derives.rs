//! Which of the user's types get serde's derives: those whose fields can all be written and read.

use std::collections::{BTreeMap, BTreeSet};

use syn::{GenericArgument, PathArguments, Type};

use crate::items::{DataItem, ItemKind, NotebookItem};

/// Types of the standard library and of ndarray that serde can write and read when it can their arguments.
const SERDE: [&str; 48] = [
    "bool",
    "char",
    "str",
    "String",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "Vec",
    "VecDeque",
    "LinkedList",
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "Option",
    "Result",
    "Box",
    "Cow",
    "Duration",
    "SystemTime",
    "PathBuf",
    "Range",
    "RangeInclusive",
    "PhantomData",
    "Reverse",
    "Wrapping",
    "Array",
    "Array0",
    "Array1",
    "Array2",
    "Array3",
    "Array4",
    "ArrayD",
    "IpAddr",
    "SocketAddr",
    "NonZeroUsize",
];

/// The names of the types that are given the derives. `asked` are types of which rustc said that they need them.
pub(super) fn derivable<'a>(items: &'a [NotebookItem], asked: &BTreeSet<String>) -> BTreeSet<&'a str> {
    let data: BTreeMap<&str, &DataItem> = items
        .iter()
        .filter_map(|item| match &item.kind {
            ItemKind::Data(data) => Some((data.name.as_str(), data)),
            _ => None,
        })
        .collect();
    let by_hand: BTreeSet<&str> = items
        .iter()
        .filter(|item| {
            item.names.is_empty() && (item.mentions.contains("Serialize") || item.mentions.contains("Deserialize"))
        })
        .flat_map(|item| item.mentions.iter().map(String::as_str))
        .collect();
    // Start from all, and strike out what holds something else, until nothing changes: so types may hold each other.
    let mut names: BTreeSet<&str> = data.keys().copied().filter(|name| !by_hand.contains(name)).collect();
    loop {
        let before = names.len();
        let kept = names
            .iter()
            .copied()
            .filter(|name| {
                data.get(name).is_some_and(|data| {
                    asked.contains(*name) || data.fields.iter().all(|ty| is_serde(ty, data, &names))
                })
            })
            .collect();
        names = kept;
        if names.len() == before {
            return names
                .into_iter()
                .filter(|name| data.get(name).is_some_and(|d| !(d.serialize && d.deserialize)))
                .collect();
        }
    }
}

fn is_serde(ty: &Type, data: &DataItem, names: &BTreeSet<&str>) -> bool {
    match ty {
        Type::Tuple(tuple) => tuple.elems.len() <= 16 && tuple.elems.iter().all(|ty| is_serde(ty, data, names)),
        Type::Array(array) => match &array.len {
            // serde writes arrays of up to 32 elements.
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(length), .. }) => {
                length.base10_parse::<usize>().is_ok_and(|length| length <= 32) && is_serde(&array.elem, data, names)
            }
            _ => false,
        },
        Type::Paren(inner) => is_serde(&inner.elem, data, names),
        Type::Group(inner) => is_serde(&inner.elem, data, names),
        // Text can be lent for as long as the program lives.
        Type::Reference(reference) => {
            reference.mutability.is_none()
                && reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
                && matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("str"))
        }
        Type::Path(path) if path.qself.is_none() => {
            let Some(last) = path.path.segments.last() else { return false };
            let name = last.ident.to_string();
            let known =
                SERDE.contains(&name.as_str()) || names.contains(name.as_str()) || data.parameters.contains(&name);
            let arguments = match &last.arguments {
                PathArguments::None => true,
                PathArguments::AngleBracketed(arguments) => arguments.args.iter().all(|argument| match argument {
                    GenericArgument::Type(ty) => is_dimension(ty) || is_serde(ty, data, names),
                    GenericArgument::Lifetime(lifetime) => lifetime.ident == "static",
                    GenericArgument::Const(_) => true,
                    _ => false,
                }),
                PathArguments::Parenthesized(_) => false,
            };
            known && arguments
        }
        _ => false,
    }
}

/// The dimension argument of `ndarray::Array`.
fn is_dimension(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| {
        ["Ix0", "Ix1", "Ix2", "Ix3", "Ix4", "Ix5", "Ix6", "IxDyn"].iter().any(|name| segment.ident == name)
    }))
}
