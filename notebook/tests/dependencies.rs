//! What may stand behind `:dep`, and what it becomes in a `Cargo.toml`.

use std::fs;

use oxikale_notebook::directives::{Dependency, dependency};

fn read(argument: &str) -> Dependency {
    dependency(argument).unwrap_or_else(|error| panic!("{argument}: {error} at {}", error.offset))
}

#[test]
fn each_form_is_read_and_written() {
    for (argument, line) in [
        ("rand", "rand = \"*\""),
        ("  serde = \"1.0\" ", "serde = \"1.0\""),
        ("serde=\"1\"", "serde = \"1\""),
        ("serde = '1' # why", "serde = \"1\""),
        ("a = { version = \"1\" }", "a = \"1\""),
        ("a = {}", "a = \"*\""),
        (
            "a-b = { version = \"^0.3, <0.4\", features = [\"y\", \"x\", \"x\"], default-features = false }",
            "a-b = { default-features = false, features = [\"x\", \"y\"], version = \"^0.3, <0.4\" }",
        ),
        (
            "a = { git = \"https://x/y\", rev = \"12\", package = \"b\" }",
            "a = { git = \"https://x/y\", package = \"b\", rev = \"12\" }",
        ),
        ("a = { path = \"../a \\\" b\" }", "a = { path = '../a \" b' }"),
        (
            "a = { version = \"1\", optional = true, registry = \"r\", odd = { x = [1, 2.5] } }",
            "a = { odd = { x = [1, 2.5] }, optional = true, registry = \"r\", version = \"1\" }",
        ),
    ] {
        let dependency = read(argument);
        assert_eq!(dependency.to_toml_line(), line, "{argument}");
        assert_eq!(read(line), dependency, "{argument}");
        let manifest: toml::Table = toml::from_str(&format!("[dependencies]\n{line}\n")).expect("a manifest");
        assert_eq!(manifest["dependencies"].as_table().map(toml::Table::len), Some(1));
    }
    assert_eq!(read("a-b").crate_name(), "a_b");
    assert_eq!(read("a = \"1\""), read("a = { version = \"1\" }"));
    assert_ne!(read("a = \"1\""), read("a = \"2\""));
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    for (argument, at, message) in [
        ("", "", "needs the name of a crate"),
        ("   ", "", "needs the name of a crate"),
        ("= \"1\"", "= \"1\"", "not a crate name"),
        ("serde@1.2", "@1.2", "serde = \"1.2\""),
        ("a b", "b", "after the name comes `=`"),
        ("a =", "", "after `=` comes"),
        ("a = 1", "1", "write `a = \"1\"`"),
        ("a = \"1", "", "not a TOML value"),
        ("a = \"1\" b", "b", "not a TOML value"),
        ("a = { version = 1 }", "{ version", "`version` is a string"),
        ("a = { features = \"x\" }", "{ features", "`features` is a list"),
        ("a = { features = [1] }", "{ features", "`features` is a list"),
        ("a = { optional = \"x\" }", "{ optional", "`true` or `false`"),
        ("a = { workspace = true }", "{ workspace", "no workspace"),
        ("a = { package = \"b c\" }", "{ package", "not a crate name"),
        ("a = { branch = \"x\" }", "{ branch", "need `git`"),
        ("a = { git = \"x\", tag = \"y\", rev = \"z\" }", "{ git", "only one of"),
        ("a = { git = \"x\", path = \"y\" }", "{ git", "not from both"),
        ("a = \"1\"\n[patch.x]", "\n[", "one line"),
        ("a = \"1\\n[patch.x]\"", "\"1", "control character"),
        ("a = { odd = { \"x\\ny\" = 1 } }", "{ odd", "control character"),
        ("é = \"1\"", "é", "not a crate name"),
        ("1a", "1a", "not a crate name"),
        ("a.b = \"1\"", ".b", "not a crate name"),
        ("\"a\" = \"1\"", "\"a\"", "not a crate name"),
        ("a] = \"1\"", "]", "not a crate name"),
    ] {
        let error = dependency(argument).expect_err(argument);
        assert!(error.message.contains(message), "{argument}: {error}");
        assert!(argument.is_char_boundary(error.offset), "{argument}");
        assert!(argument[error.offset..].starts_with(at), "{argument}: {} {error}", error.offset);
    }
    assert!(dependency(&"a".repeat(65)).is_err());
}

#[test]
fn a_local_crate_is_named_by_its_own_manifest() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("my-solver");
    fs::create_dir(&path).expect("a folder");
    let mut found = read("./my-solver");
    assert_eq!((found.name.as_str(), found.unnamed, found.path.as_deref()), ("my-solver", true, Some("./my-solver")));
    assert!(found.resolve_name(folder.path()).is_err_and(|error| error.message.contains("there is no local crate")));
    fs::write(path.join("Cargo.toml"), "[package]\nname = \"real_name\"\n").expect("a manifest");
    found.resolve_name(folder.path()).expect("a crate");
    assert_eq!(found.to_toml_line(), "real_name = { path = \"./my-solver\" }");
    let mut outer = read(path.to_str().expect("UTF-8"));
    outer.resolve_name(folder.path()).expect("a crate");
    assert_eq!(outer.name, "real_name");
    fs::write(path.join("Cargo.toml"), "[workspace]\n").expect("a manifest");
    assert!(read("./my-solver").resolve_name(folder.path()).is_err());
    assert_eq!(read(".").name, "local-crate");
}
