//! The mistakes in a cell that rust-analyzer sees without rustc.

use ra_ap_hir::PrefixKind;
use ra_ap_ide::{AssistResolveStrategy, DiagnosticsConfig};
use ra_ap_ide_db::assists::ExprFillDefaultMode;
use ra_ap_ide_db::imports::insert_use::{ImportGranularity, InsertUseConfig};

use super::completion::usual;
use super::world::Shown;
use crate::answer::{Diagnostic, Severity};

/// The most mistakes that are told.
const MOST: usize = 100;

/// What rust-analyzer also says of code that it does not understand itself, or that a later cell completes.
const UNSURE: [&str; 1] = ["E0282"];

/// What may be missing because the crates of the cell's own `:dep` lines are not there yet.
const OF_CRATES: [&str; 6] = ["E0277", "E0425", "E0432", "E0433", "E0463", "unresolved-macro-call"];

/// The derives that are run.
const OWN_DERIVES: [&str; 9] = ["Clone", "Copy", "Debug", "Default", "Eq", "Hash", "Ord", "PartialEq", "PartialOrd"];

/// What is wrong in the cell.
pub(super) fn diagnose(shown: &Shown<'_>, adds_crates: bool) -> Option<Vec<Diagnostic>> {
    let derived = derived(&shown.frame.text);
    let found = shown.analysis.full_diagnostics(&config(), AssistResolveStrategy::None, shown.file).ok()?;
    let mut diagnostics: Vec<Diagnostic> = found
        .into_iter()
        .filter(|found| found.range.file_id == shown.file && found.severity == ra_ap_ide::Severity::Error)
        .filter_map(|found| {
            let range = shown.frame.in_cell(found.range.range).filter(|_| {
                let (code, message) = (found.code.as_str(), found.message.as_str());
                let lacks_a_derive =
                    || concerned(code, message).is_some_and(|words| words.iter().any(|word| derived.contains(word)));
                let is_doubtful = UNSURE.contains(&code)
                    // `?` may return whatever it likes from a cell.
                    || message.contains("FromResidual")
                    || (adds_crates && OF_CRATES.contains(&code))
                    || lacks_a_derive();
                !is_doubtful
            })?;
            Some(Diagnostic {
                start: range.start,
                end: range.end,
                severity: Severity::Error,
                code: found.code.as_str().to_owned(),
                message: plain(&found.message),
            })
        })
        .collect();
    diagnostics.sort_by(|one, other| (one.start, one.end, &one.message).cmp(&(other.start, other.end, &other.message)));
    diagnostics.dedup();
    diagnostics.truncate(MOST);
    Some(diagnostics)
}

/// The types that have derives which are not run.
fn derived(text: &str) -> Vec<&str> {
    let mut types = Vec::new();
    for (at, _) in text.match_indices("derive(") {
        let after = &text[at + "derive(".len()..];
        let list = after.split(')').next().unwrap_or_default();
        let mut names = list.split(',').map(|path| path.rsplit("::").next().unwrap_or(path).trim());
        if names.any(|name| !name.is_empty() && !OWN_DERIVES.contains(&name)) {
            let mut words = words(after).skip_while(|word| !matches!(*word, "struct" | "enum" | "union"));
            types.extend(words.nth(1));
        }
    }
    types
}

/// The types, among other words, of which a mistake says that they lack something; none for other mistakes.
fn concerned<'a>(code: &str, message: &'a str) -> Option<Vec<&'a str>> {
    match code {
        // `the trait bound `Vec<Point>: Serialize` is not satisfied`.
        "E0277" => Some(words(message).collect()),
        // `no method `parse` on type `&Arguments``.
        "E0599" => {
            let (_, receiver) = message.split_once(" on type ")?;
            Some(words(receiver).find(|word| !matches!(*word, "mut" | "dyn" | "impl")).into_iter().collect())
        }
        _ => None,
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_')).filter(|word| !word.is_empty())
}

/// A message in the words of users: rust-analyzer's parser has its own names for signs.
fn plain(message: &str) -> String {
    let message = message.strip_prefix("Syntax Error: ").unwrap_or(message);
    let signs = [
        ("SEMICOLON", "`;`"),
        ("COMMA", "`,`"),
        ("COLON", "`:`"),
        ("R_PAREN", "`)`"),
        ("R_CURLY", "`}`"),
        ("R_BRACK", "`]`"),
        ("L_PAREN", "`(`"),
        ("L_CURLY", "`{`"),
        ("L_BRACK", "`[`"),
        ("FAT_ARROW", "`=>`"),
        ("THIN_ARROW", "`->`"),
        ("EQ", "`=`"),
        ("BANG", "`!`"),
        ("R_ANGLE", "`>`"),
        ("L_ANGLE", "`<`"),
    ];
    match signs.iter().find(|(name, _)| message == format!("expected {name}")) {
        Some((_, sign)) => format!("expected {sign}"),
        None => usual(message),
    }
}

fn config() -> DiagnosticsConfig {
    DiagnosticsConfig {
        enabled: true,
        // Procedural macros are not run here, which is no mistake of the user's.
        proc_macros_enabled: false,
        proc_attr_macros_enabled: false,
        disable_experimental: false,
        disabled: ["unlinked-file", "unresolved-proc-macro", "inactive-code"].map(str::to_owned).into_iter().collect(),
        expr_fill_default: ExprFillDefaultMode::Todo,
        style_lints: false,
        snippet_cap: None,
        insert_use: InsertUseConfig {
            granularity: ImportGranularity::Item,
            enforce_granularity: false,
            prefix_kind: PrefixKind::ByCrate,
            group: false,
            skip_glob_imports: false,
        },
        prefer_no_std: false,
        prefer_prelude: true,
        prefer_absolute: false,
        term_search_fuel: 0,
        show_rename_conflicts: false,
    }
}

#[cfg(test)]
mod tests {
    use super::{concerned, derived, plain};

    #[test]
    fn types_with_unknown_derives_are_known() {
        let text = "#[derive(Debug, serde::Serialize)]\npub struct P<T>(T);\n#[derive(Clone)] enum E {}\n#[derive(Row)] enum F {}";
        assert_eq!(derived(text), ["P", "F"]);
        assert!(concerned("E0277", "the trait bound `Vec<P>: Serialize` is not satisfied").unwrap().contains(&"P"));
        assert_eq!(concerned("E0599", "no method `a` on type `&mut P<u8>`"), Some(vec!["P"]));
        assert_eq!(concerned("E0599", "no method `a` on type `Vec<P>`"), Some(vec!["Vec"]));
        assert_eq!(concerned("E0308", "expected P, found u8"), None);
    }

    #[test]
    fn messages_are_in_words() {
        assert_eq!(plain("Syntax Error: expected SEMICOLON"), "expected `;`");
        assert_eq!(plain("expected i32, found Vec<u8, Global>"), "expected i32, found Vec<u8>");
    }
}
