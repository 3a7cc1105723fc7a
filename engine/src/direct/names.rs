//! Takes the engine's own names, and paths that nobody would write, out of what rustc says.

/// A message without generated crates and with the short names that rustc itself would print.
pub(super) fn clean(text: &str) -> String {
    map_paths(text, short)
}

/// A function's name out of a backtrace: without generated crates, the compiler's hashes and the closures in it.
pub(super) fn function(symbol: &str) -> String {
    let mut name = String::with_capacity(symbol.len());
    let mut rest = symbol;
    // `u_0123456789abcdef[fedcba9876543210]::f` has its crate's hash in brackets.
    while let Some((before, after)) = rest.split_once('[') {
        name.push_str(before);
        match after.split_once(']') {
            Some((hash, after))
                if (1..=16).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                rest = after
            }
            _ => {
                name.push('[');
                rest = after;
            }
        }
    }
    name.push_str(rest);
    let name = clean(&name);
    name.split("::{").next().unwrap_or(&name).to_owned()
}

/// Code without generated crates.
pub(super) fn clean_code(text: &str) -> String {
    map_paths(text, |path| path.split("::").filter(|part| !generated(part)).collect::<Vec<_>>().join("::"))
}

fn map_paths(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut path = String::new();
    for character in text.chars() {
        if character.is_alphanumeric() || character == '_' || character == ':' {
            path.push(character);
            continue;
        }
        cleaned.push_str(&change(&path));
        path.clear();
        cleaned.push(character);
    }
    cleaned.push_str(&change(&path));
    cleaned
}

/// A path without the engine's crates; types without the modules that lead to them.
fn short(path: &str) -> String {
    if !path.contains("::") {
        return path.to_owned();
    }
    let parts: Vec<&str> = path.split("::").filter(|part| !generated(part)).collect();
    let first_type = parts.iter().position(|part| part.starts_with(char::is_uppercase));
    match first_type {
        // `std::vec::Vec::<i32>::new` keeps what follows the type.
        Some(at) if parts[..at].iter().all(|part| !part.is_empty()) => parts[at..].join("::"),
        _ => parts.join("::"),
    }
}

/// Whether a crate's name is one of the engine's.
fn generated(part: &str) -> bool {
    let hexadecimal = |name: Option<&str>| {
        name.is_some_and(|name| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    hexadecimal(part.strip_prefix("u_")) || hexadecimal(part.strip_prefix("c_")) || part.starts_with("oxikale_deps_")
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn messages_are_short() {
        assert_eq!(clean("expected `std::string::String`, found `i32`"), "expected `String`, found `i32`");
        assert_eq!(clean("`u_0123456789abcdef::P` is not `std::fmt::Debug`"), "`P` is not `Debug`");
        assert_eq!(clean("use `ndarray::arr1` or `crate::x`"), "use `ndarray::arr1` or `crate::x`");
        assert_eq!(clean("Option::<u_0123456789abcdef::m::Q>"), "Option::<Q>");
    }
}
