//! What well-known methods do with their receiver, for variables whose type the text does not tell.

/// Whether a method changes what it is called on: by name, where every type of the standard library, ndarray and the
/// like that has such a method agrees. `None` where it depends on the type.
pub fn mutates(method: &str) -> Option<bool> {
    if MUTATING.binary_search(&method).is_ok()
        || ["_mut", "_inplace"].iter().any(|suffix| method.ends_with(suffix))
        || ["push_", "pop_", "insert_", "remove_", "sort_", "dedup_", "retain_", "extend_"]
            .iter()
            .any(|prefix| method.starts_with(prefix))
    {
        Some(true)
    } else if READING.binary_search(&method).is_ok()
        || [
            "is_",
            "as_",
            "to_",
            "into_",
            "has_",
            "get_",
            "contains_",
            "checked_",
            "wrapping_",
            "saturating_",
            "overflowing_",
        ]
        .iter()
        .any(|prefix| method.starts_with(prefix) && !method.ends_with("_or_insert"))
    {
        Some(false)
    } else {
        None
    }
}

const MUTATING: [&str; 32] = [
    "append",
    "assign",
    "clear",
    "clone_from",
    "copy_from_slice",
    "dedup",
    "drain",
    "entry",
    "extend",
    "fill",
    "get_or_insert",
    "get_or_insert_with",
    "insert",
    "make_ascii_lowercase",
    "make_ascii_uppercase",
    "next",
    "next_back",
    "nth",
    "pop",
    "push",
    "read_line",
    "remove",
    "reserve",
    "resize",
    "retain",
    "reverse",
    "rotate_left",
    "rotate_right",
    "scaled_add",
    "shrink_to_fit",
    "sort",
    "truncate",
];

const READING: [&str; 102] = [
    "abs",
    "and",
    "and_then",
    "axis_iter",
    "binary_search",
    "borrow",
    "bytes",
    "capacity",
    "ceil",
    "chain",
    "char_indices",
    "chars",
    "chunks",
    "clone",
    "cloned",
    "cmp",
    "collect",
    "column",
    "columns",
    "concat",
    "contains",
    "copied",
    "cos",
    "count",
    "dim",
    "display",
    "div_euclid",
    "dot",
    "ends_with",
    "enumerate",
    "eq",
    "exp",
    "expect",
    "filter",
    "filter_map",
    "first",
    "flat_map",
    "flatten",
    "floor",
    "fold",
    "fract",
    "ge",
    "get",
    "gt",
    "hypot",
    "indexed_iter",
    "into_iter",
    "iter",
    "join",
    "keys",
    "last",
    "le",
    "len",
    "lines",
    "ln",
    "log10",
    "log2",
    "lt",
    "map",
    "map_err",
    "mapv",
    "max",
    "max_by",
    "mean",
    "min",
    "min_by",
    "ncols",
    "ndim",
    "ne",
    "norm",
    "nrows",
    "ok",
    "ok_or",
    "outer_iter",
    "parse",
    "partial_cmp",
    "pow",
    "powf",
    "powi",
    "product",
    "repeat",
    "rev",
    "round",
    "row",
    "rows",
    "shape",
    "signum",
    "sin",
    "split",
    "split_whitespace",
    "sqrt",
    "starts_with",
    "std",
    "sum",
    "t",
    "trim",
    "unwrap",
    "unwrap_or",
    "unwrap_or_default",
    "values",
    "view",
    "zip",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_disjoint() {
        assert!(MUTATING.is_sorted() && READING.is_sorted());
        assert!(MUTATING.iter().all(|method| !READING.contains(method)));
    }

    #[test]
    fn what_depends_on_the_type_is_left_open() {
        assert_eq!(mutates("push"), Some(true));
        assert_eq!(mutates("iter_mut"), Some(true));
        assert_eq!(mutates("is_empty"), Some(false));
        assert_eq!(mutates("put"), None);
        assert_eq!(mutates("take"), None);
    }
}
