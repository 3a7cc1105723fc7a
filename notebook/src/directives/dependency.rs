//! The argument of `:dep`: a crate that the cells need, as evcxr writes it and as Cargo understands it.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use toml::{Table, Value};

/// A crate that the cells need: one line of `[dependencies]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dependency {
    /// The name that it has in the code (a hyphen becomes `_` there). Of a local crate given by its path alone it
    /// is the name of the folder, until [`Dependency::resolve_name`] has looked.
    pub name: String,
    /// Whether only a path was given (`:dep ./solver`), so that the crate's own `Cargo.toml` knows its name.
    pub unnamed: bool,
    /// Which versions will do; `*` if nothing is said.
    pub version: Option<String>,
    /// The folder of a local crate, absolute or relative to the notebook's folder.
    pub path: Option<String>,
    /// The address of a git repository.
    pub git: Option<String>,
    /// The branch in it.
    pub branch: Option<String>,
    /// The tag in it.
    pub tag: Option<String>,
    /// The commit in it.
    pub rev: Option<String>,
    /// The features to switch on.
    pub features: BTreeSet<String>,
    /// Whether the crate's default features are on; Cargo's default is yes.
    pub default_features: Option<bool>,
    /// The crate's own name, where it is called something else in the code.
    pub package: Option<String>,
    /// Cargo's `optional`.
    pub optional: Option<bool>,
    /// The registry it comes from, if not crates.io.
    pub registry: Option<String>,
    /// All other keys, as they were given.
    pub other: Table,
}

/// What is wrong with the argument of `:dep`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyError {
    /// Where it is, in bytes of the argument.
    pub offset: usize,
    /// One sentence that says what is wrong and what to write.
    pub message: String,
}

impl fmt::Display for DependencyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for DependencyError {}

/// Reads the argument of `:dep`: `name`, `name = "1.2"`, `name = { version = "1", features = ["derive"] }` with all
/// that Cargo allows there, or the path of a local crate that begins with `.` or `/`.
///
/// # Errors
/// If it is none of these; the error says where and what to write instead.
pub fn dependency(argument: &str) -> Result<Dependency, DependencyError> {
    let text = argument.trim();
    let start = argument.len() - argument.trim_start().len();
    let wrong = |offset: usize, message: String| DependencyError { offset: start + offset, message };
    let fail = |offset: usize, message: String| Err(wrong(offset, message));
    if text.is_empty() {
        return fail(0, "`:dep` needs the name of a crate, for example `:dep serde = \"1\"`".to_owned());
    }
    if let Some(offset) = text.find(char::is_control) {
        return fail(offset, "a dependency is written on one line, without control characters".to_owned());
    }
    if text.starts_with(['.', '/']) {
        return Ok(local(text));
    }
    let end = text.find(|character: char| character == '=' || character.is_whitespace()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if let Err(offset) = check_name(name) {
        let message = match name.split_once('@') {
            Some((name, version)) if check_name(name).is_ok() => {
                format!("write the version as `{name} = \"{version}\"`, not behind an `@`")
            }
            _ => format!(
                "{name:?} is not a crate name: it has only ASCII letters, digits, `_` and `-`, at most 64, and no digit first"
            ),
        };
        return fail(offset, message);
    }
    let value = rest.trim_start();
    let at = text.len() - value.len();
    if value.is_empty() {
        return Ok(Dependency { name: name.to_owned(), version: Some("*".to_owned()), ..Dependency::default() });
    }
    let Some(value) = value.strip_prefix('=') else {
        return fail(at, format!("after the name comes `=`, as in `{name} = \"1\"`"));
    };
    let offset = text.len() - value.len();
    if value.trim().is_empty() {
        return fail(offset, format!("after `=` comes a version or a table, as in `{name} = \"1\"`"));
    }
    let value = parse(value).map_err(|error| wrong(offset + error.offset, error.message))?;
    let at = text.len() - text[offset..].trim_start().len();
    match specification(name, value) {
        Ok(dependency) => Ok(dependency),
        Err(message) => fail(at, message),
    }
}

impl Dependency {
    /// The name as Rust code writes it.
    pub fn crate_name(&self) -> String {
        self.name.replace('-', "_")
    }

    /// What stands after `name =` in a `Cargo.toml`: always a table.
    pub fn to_toml(&self) -> Table {
        let mut table = Table::new();
        let strings = [
            ("version", &self.version),
            ("path", &self.path),
            ("git", &self.git),
            ("branch", &self.branch),
            ("tag", &self.tag),
            ("rev", &self.rev),
            ("package", &self.package),
            ("registry", &self.registry),
        ];
        for (key, value) in strings {
            if let Some(value) = value {
                table.insert(key.to_owned(), Value::from(value.as_str()));
            }
        }
        if !self.features.is_empty() {
            let features = self.features.iter().map(|feature| Value::from(feature.as_str())).collect();
            table.insert("features".to_owned(), Value::Array(features));
        }
        for (key, value) in [("default-features", self.default_features), ("optional", self.optional)] {
            if let Some(value) = value {
                table.insert(key.to_owned(), Value::from(value));
            }
        }
        for (key, value) in &self.other {
            table.insert(key.clone(), value.clone());
        }
        table
    }

    /// The line for `[dependencies]` in a `Cargo.toml`, without a line break: `serde = "1"`.
    pub fn to_toml_line(&self) -> String {
        let table = self.to_toml();
        let value = match table.get("version") {
            Some(version) if table.len() == 1 => version.clone(),
            _ => Value::Table(table),
        };
        // A name that was read is a bare key; one that a program put in may not be.
        let key = match check_name(&self.name) {
            Ok(()) => self.name.clone(),
            Err(_) => Value::from(self.name.as_str()).to_string(),
        };
        format!("{key} = {value}")
    }

    /// Looks up the name of a crate that was given by its path alone, in `Cargo.toml` of that folder; a relative
    /// path is taken from `base`. Does nothing to others.
    ///
    /// # Errors
    /// If there is no `Cargo.toml`, or none with a package name.
    pub fn resolve_name(&mut self, base: &Path) -> Result<(), DependencyError> {
        let (true, Some(path)) = (self.unnamed, &self.path) else { return Ok(()) };
        let manifest = base.join(path).join("Cargo.toml");
        let fail = |message: String| DependencyError { offset: 0, message };
        let text = std::fs::read_to_string(&manifest)
            .map_err(|error| fail(format!("there is no local crate at `{path}`: {}: {error}", manifest.display())))?;
        let table: Table = toml::from_str(&text)
            .map_err(|error| fail(format!("{} is not valid TOML: {}", manifest.display(), error.message())))?;
        let name = table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
        let name = name
            .filter(|name| check_name(name).is_ok())
            .ok_or_else(|| fail(format!("{} names no package, so it is not a crate", manifest.display())))?;
        self.name = name.to_owned();
        self.unnamed = false;
        Ok(())
    }
}

/// The value that `text` is, which nothing but a comment may follow.
fn parse(text: &str) -> Result<Value, DependencyError> {
    const KEY: &str = "v =";
    match toml::from_str::<Table>(&[KEY, text].concat()) {
        Ok(mut table) => match (table.remove("v"), table.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => Err(DependencyError { offset: 0, message: "one dependency is one value".to_owned() }),
        },
        Err(error) => {
            let Range { start, .. } = error.span().unwrap_or_default();
            let offset = start.saturating_sub(KEY.len()).min(text.len());
            let reason = error.message().lines().collect::<Vec<_>>().join("; ");
            let message = format!("this is not a TOML value as in Cargo.toml: {reason}");
            Err(DependencyError { offset, message })
        }
    }
}

/// A local crate, given by its path.
fn local(path: &str) -> Dependency {
    let folder = Path::new(path).file_name().and_then(|name| name.to_str()).filter(|name| check_name(name).is_ok());
    Dependency {
        name: folder.unwrap_or("local-crate").to_owned(),
        unnamed: true,
        path: Some(path.to_owned()),
        ..Dependency::default()
    }
}

/// Whether `name` can be a crate's; if not, the byte at which it cannot.
fn check_name(name: &str) -> Result<(), usize> {
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        return Err(0);
    }
    match name.find(|character: char| !(character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))) {
        Some(offset) => Err(offset),
        None if name.len() > 64 => Err(64),
        None => Ok(()),
    }
}

fn specification(name: &str, value: Value) -> Result<Dependency, String> {
    let mut dependency = Dependency { name: name.to_owned(), ..Dependency::default() };
    let table = match value {
        Value::String(version) => Table::from_iter([("version".to_owned(), Value::String(version))]),
        Value::Table(table) => table,
        other => return Err(format!("a version is a string: write `{name} = \"{other}\"`")),
    };
    for (key, value) in table {
        check_strings(&key, &value)?;
        match key.as_str() {
            "version" => dependency.version = Some(string(&key, value)?),
            "path" => dependency.path = Some(string(&key, value)?),
            "git" => dependency.git = Some(string(&key, value)?),
            "branch" => dependency.branch = Some(string(&key, value)?),
            "tag" => dependency.tag = Some(string(&key, value)?),
            "rev" => dependency.rev = Some(string(&key, value)?),
            "registry" => dependency.registry = Some(string(&key, value)?),
            "package" => {
                let package = string(&key, value)?;
                check_name(&package).map_err(|_| format!("`package` is {package:?}, which is not a crate name"))?;
                dependency.package = Some(package);
            }
            "features" => dependency.features = features(value)?,
            "default-features" | "default_features" => dependency.default_features = Some(boolean(&key, value)?),
            "optional" => dependency.optional = Some(boolean(&key, value)?),
            "workspace" => {
                return Err("a notebook has no workspace: write the version in the place of `workspace`".to_owned());
            }
            _ => {
                dependency.other.insert(key, value);
            }
        }
    }
    let Dependency { version, path, git, branch, tag, rev, .. } = &dependency;
    let commits = [branch, tag, rev].into_iter().flatten().count();
    if commits > 1 {
        return Err("only one of `branch`, `tag` and `rev` can be given".to_owned());
    }
    if commits == 1 && git.is_none() {
        return Err("`branch`, `tag` and `rev` need `git`, the address of the repository".to_owned());
    }
    if git.is_some() && path.is_some() {
        return Err("a crate comes from `git` or from `path`, not from both".to_owned());
    }
    if version.is_none() && path.is_none() && git.is_none() {
        dependency.version = Some("*".to_owned());
    }
    Ok(dependency)
}

fn string(key: &str, value: Value) -> Result<String, String> {
    match value {
        Value::String(string) => Ok(string),
        _ => Err(format!("`{key}` is a string, in quotes")),
    }
}

fn boolean(key: &str, value: Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("`{key}` is `true` or `false`, without quotes"))
}

fn features(value: Value) -> Result<BTreeSet<String>, String> {
    let wrong = || "`features` is a list of strings, as in `[\"derive\"]`".to_owned();
    let Value::Array(features) = value else { return Err(wrong()) };
    features.into_iter().map(|feature| feature.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

/// Refuses control characters, so that the whole stays on one line of a `Cargo.toml`.
fn check_strings(key: &str, value: &Value) -> Result<(), String> {
    let bad = |text: &str| text.contains(char::is_control);
    if bad(key) {
        return Err("a key has a control character in it".to_owned());
    }
    match value {
        Value::String(text) if bad(text) => Err(format!("`{key}` has a control character in it")),
        Value::Array(items) => items.iter().try_for_each(|item| check_strings(key, item)),
        Value::Table(table) => table.iter().try_for_each(|(key, value)| check_strings(key, value)),
        _ => Ok(()),
    }
}
