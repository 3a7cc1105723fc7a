//! Why crates could not be had, in words that say what to do.

use std::io;
use std::path::Path;
use std::{env, fs};

use oxikale_notebook::directives::Dependency;

use super::cargo::plain;
use crate::toolchain::Toolchain;

/// Why crates could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// What happened, and what to do.
    pub message: String,
    /// Cargo's or rustc's own words, in colour; empty where they say no more than the message.
    pub rendered: String,
    /// Which of the added dependencies it is about, where it can be told.
    pub dependency: Option<usize>,
    /// Whether the user ended it.
    pub interrupted: bool,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    pub(super) fn interrupted() -> Self {
        Self {
            interrupted: true,
            ..Self::new("the build of the crates was interrupted; what is built already stays built")
        }
    }

    pub(super) fn cargo_missing(toolchain: &Toolchain, error: &io::Error) -> Self {
        Self::new(format!(
            "crates are built with `{}`, which cannot be started ({error}); install Rust from https://rustup.rs, or put cargo on the PATH",
            toolchain.cargo.display()
        ))
    }

    /// A file below the cache cannot be read or written.
    pub(super) fn cache(cache: &Path, error: &io::Error) -> Self {
        let place = cache.display();
        Self::new(match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => full(cache),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                format!(
                    "the cache {place} cannot be written ({error}); make it writable, or set OXIKALE_CACHE to another folder"
                )
            }
            _ => format!("crates cannot be kept in the cache {place}: {error}"),
        })
    }

    /// rustc could not join the crates in one library.
    pub(super) fn link(log: String) -> Self {
        let text = plain(&log);
        let message = if let Some(library) = between(&text, "unable to find library -l", &['\n', ' ', '\r']) {
            format!(
                "the library `{library}` of the system is not installed; install its development package and run the cell again"
            )
        } else if text.contains("No space left on device") {
            "the disk is full; make room and run the cell again".to_owned()
        } else {
            format!(
                "the crates cannot be joined in one library: {}",
                first_error(&text).unwrap_or("rustc gives no reason")
            )
        };
        Self { rendered: log, ..Self::new(message) }
    }

    /// What cargo said, in words of ours. `added` are the dependencies that were asked for, `all` those of the session.
    pub(super) fn cargo(log: String, added: &[Dependency], offline: bool, cache: &Path) -> Self {
        let text = plain(&log);
        let about = |name: &str| {
            let same = |other: &str| other == name || other.replace('-', "_") == name.replace('-', "_");
            added.iter().position(|dependency| same(dependency.package.as_deref().unwrap_or(&dependency.name)))
        };
        let quoted = |start: &str| between(&text, start, &['`']).map(str::to_owned);
        let (message, dependency) = if text.contains("No space left on device") || text.contains("(os error 28)") {
            (full(cache), None)
        } else if let Some(name) = quoted("no matching package named `") {
            let near = nearest(&name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let reason = if offline {
                format!("the crate `{name}` has not been downloaded yet, and cargo is offline; go online once{near}")
            } else {
                format!("there is no crate `{name}` on {}{near}", searched(&text))
            };
            (reason, about(&name))
        } else if let Some(requirement) = quoted("failed to select a version for the requirement `") {
            let name = requirement.split([' ', '=']).next().unwrap_or_default().to_owned();
            let wanted = between(&requirement, "\"", &['"']).map_or(requirement.as_str(), |wanted| wanted).to_owned();
            let found = between(&text, "candidate versions found which didn't match: ", &['\n']);
            let there = found.map(|found| format!("; there is {found}")).unwrap_or_default();
            let offline = if offline { " among those downloaded already (cargo is offline)" } else { "" };
            (format!("`{name}` has no version that fits `{wanted}`{offline}{there}"), about(&name))
        } else if let Some((name, feature, there)) = missing_feature(&text) {
            let hint = there.map(|there| format!("; {there}")).unwrap_or_default();
            (format!("`{name}` has no feature `{feature}`{hint}"), about(&name))
        } else if let Some(version) = quoted("failed to parse the version requirement `") {
            let name = quoted("for dependency `").unwrap_or_default();
            (format!("`{version}` is no version of `{name}`; write for example `{name} = \"1.2\"`"), about(&name))
        } else if let Some(name) = quoted("failed to load manifest for dependency `") {
            let reason = between(&text, "failed to read `", &['`']);
            let place = reason.map_or(String::new(), |file| format!(": {file} cannot be read"));
            (
                format!("the local crate `{name}` cannot be loaded{place}; a path starts at the notebook's folder"),
                about(&name),
            )
        } else if let Some(name) = quoted("error: could not compile `") {
            let direct = about(&name);
            let via = if direct.is_some() { String::new() } else { via(added) };
            (format!("the crate `{name}`{via} does not compile: {}", first_error(&text).unwrap_or("see below")), direct)
        } else if let Some(name) = between(&text, "failed to run custom build command for `", &[' ', '`']) {
            let direct = about(name);
            (format!("the build script of the crate `{name}` fails: {}", build_script(&text)), direct)
        } else if unreachable(&text) {
            let name = quoted("failed to get `");
            (
                "the crates' registry cannot be reached; crates and versions that were downloaded before can be used without it"
                    .to_owned(),
                name.and_then(|name| about(&name)),
            )
        } else if text.contains("Permission denied") || text.contains("Read-only file system") {
            (format!("cargo cannot write where it has to: {}", causes(&text)), None)
        } else {
            (format!("cargo fails: {}", causes(&text)), None)
        };
        let dependency = dependency.or(if added.len() == 1 { Some(0) } else { None });
        Self { message, rendered: log, dependency, interrupted: false }
    }
}

/// Whether cargo's words tell of a network that is not there.
pub(super) fn unreachable(log: &str) -> bool {
    let signs = [
        "failed to download",
        "download of config.json failed",
        "Could not resolve host",
        "Could not connect to server",
        "failed to clone into",
        "network failure",
        "spurious network error",
        "failed to connect to",
    ];
    signs.iter().any(|sign| log.contains(sign))
}

fn full(cache: &Path) -> String {
    format!("the disk is full; make room, or set OXIKALE_CACHE to a folder on another disk (now {})", cache.display())
}

fn via(added: &[Dependency]) -> String {
    let names: Vec<&str> = added.iter().map(|dependency| dependency.name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(" (needed by `{}`)", names.join("` or `")) }
}

/// The registry that cargo looked in.
fn searched(text: &str) -> &str {
    match between(text, "location searched: ", &['\n']) {
        Some("crates.io index") | None => "crates.io",
        Some(other) => other,
    }
}

/// The crate, the feature that it lacks, and what cargo knows of those that it has.
fn missing_feature(text: &str) -> Option<(String, String, Option<String>)> {
    let line = text.lines().find(|line| line.contains("does not have"))?;
    let mut words = line.split('`').skip(1).step_by(2);
    let _dependent = words.next()?;
    let (name, feature) = (words.next()?.to_owned(), words.next()?.to_owned());
    let after = text.lines().skip_while(|other| *other != line).nth(1).map(str::trim).filter(|next| !next.is_empty());
    let there = after.map(|next| match between(next, "does have feature `", &['`']) {
        Some(near) => format!("did you mean `{near}`?"),
        None => next.to_owned(),
    });
    Some((name, feature, there))
}

/// The text between `start` and the next of `ends`.
fn between<'a>(text: &'a str, start: &str, ends: &[char]) -> Option<&'a str> {
    let at = text.find(start)? + start.len();
    let rest = &text[at..];
    Some(&rest[..rest.find(ends).unwrap_or(rest.len())])
}

/// The first error of rustc's.
fn first_error(text: &str) -> Option<&str> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix("error")?;
        let message = rest.strip_prefix(": ").or_else(|| rest.split_once("]: ").map(|(_, message)| message))?;
        (!message.starts_with("could not compile")).then_some(message)
    })
}

/// The last words of a build script.
fn build_script(text: &str) -> String {
    let stderr = text.find("--- stderr").map(|at| &text[at..]).unwrap_or(text);
    let line = stderr.lines().skip(1).find(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("thread '") && !line.starts_with("note:")
    });
    line.map_or_else(|| "it gives no reason".to_owned(), |line| line.trim().to_owned())
}

/// Cargo's error and what it names as causes, on one line.
fn causes(text: &str) -> String {
    let start = text.find("error: ").map_or(0, |at| at + "error: ".len());
    let lines = text[start..].lines().map(str::trim).filter(|line| !line.is_empty() && *line != "Caused by:");
    let causes: Vec<&str> = lines.take(6).collect();
    if causes.is_empty() { "it gives no reason".to_owned() } else { causes.join("; ") }
}

/// The name most like this one among the crates that this machine has downloaded.
fn nearest(name: &str) -> Option<String> {
    let home = env::var_os("CARGO_HOME")
        .map(Into::into)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))?;
    let mut best: Option<(usize, String)> = None;
    for registry in fs::read_dir(home.join("registry/cache")).ok()?.flatten() {
        for file in fs::read_dir(registry.path()).ok()?.flatten() {
            let file = file.file_name();
            let Some(stem) = file.to_str().and_then(|file| file.strip_suffix(".crate")) else { continue };
            let versions =
                stem.match_indices('-').find(|(at, _)| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
            let Some((end, _)) = versions else { continue };
            let other = &stem[..end];
            let distance = strsim::damerau_levenshtein(name, other);
            if distance <= name.len() / 3 && best.as_ref().is_none_or(|(least, _)| distance < *least) {
                best = Some((distance, other.to_owned()));
            }
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::Failure;

    #[test]
    fn a_disk_that_is_full_or_read_only_is_said_to_be_so() {
        let cache = Path::new("/cache");
        let log =
            "\u{1b}[91merror\u{1b}[0m: failed to write `/x`\n\nCaused by:\n  No space left on device (os error 28)\n";
        let said = Failure::cargo(log.to_owned(), &[], false, cache).message;
        assert!(said.starts_with("the disk is full") && said.contains("OXIKALE_CACHE"), "{said}");
        let said = Failure::cache(cache, &io::Error::from_raw_os_error(28)).message;
        assert!(said.starts_with("the disk is full"), "{said}");
        let said = Failure::cache(cache, &io::Error::from_raw_os_error(30)).message;
        assert!(said.starts_with("the cache /cache cannot be written") && said.contains("OXIKALE_CACHE"), "{said}");
    }

    #[test]
    fn a_library_of_the_system_that_is_missing_is_named() {
        let log = "error: linking with `cc` failed\n  = note: rust-lld: error: unable to find library -lfontconfig\n";
        let said = Failure::link(log.to_owned()).message;
        assert!(said.contains("`fontconfig`") && said.contains("install"), "{said}");
    }

    #[test]
    fn a_build_script_is_quoted() {
        let log = "error: failed to run custom build command for `openssl-sys v0.9.1`\n\nCaused by:\n  process didn't exit successfully\n  --- stderr\n  thread 'main' panicked at build.rs:1:2:\n  Could not find directory of OpenSSL installation\n";
        let said = Failure::cargo(log.to_owned(), &[], false, Path::new("/cache")).message;
        assert_eq!(
            said,
            "the build script of the crate `openssl-sys` fails: Could not find directory of OpenSSL installation"
        );
    }
}
