//! What could stand at a place of a cell.

use ra_ap_hir::PrefixKind;
use ra_ap_ide::{
    CallableSnippets, CompletionConfig, CompletionFieldsToResolve, CompletionItem, CompletionItemKind, FilePosition,
    RaFixtureConfig, SymbolKind,
};
use ra_ap_ide_db::SnippetCap;
use ra_ap_ide_db::imports::insert_use::{ImportGranularity, InsertUseConfig};

use super::world::Shown;
use crate::answer::{Completion, Completions};

/// The most things that are offered.
const MOST: usize = 200;
/// How much of a documentation is shown beside a list, in characters.
const SHORT: usize = 400;

/// Completes at `offset` of the cell.
pub(super) fn complete(shown: &Shown<'_>, offset: usize) -> Option<Completions> {
    let position = FilePosition { file_id: shown.file, offset: shown.frame.in_file(offset) };
    let found = shown.analysis.completions(&config(), position, None).ok()??;
    let cell = &shown.frame.cell;
    let mut candidates: Vec<(usize, usize, String, CompletionItem)> = Vec::with_capacity(found.len());
    for item in found {
        let mut edits = item.text_edit.iter();
        // More than one: it would change the text elsewhere too.
        let (Some(edit), None) = (edits.next(), edits.next()) else { continue };
        let Some(replaced) = shown.frame.in_cell(edit.delete) else { continue };
        if replaced.start > offset || offset > replaced.end {
            continue;
        }
        let insert = if item.is_snippet { plain(&edit.insert) } else { edit.insert.as_str() };
        if insert.is_empty() {
            continue;
        }
        let insert = insert.to_owned();
        candidates.push((replaced.start, replaced.end, insert, item));
    }
    // Nearly all replace the identifier at the cursor.
    let start = candidates.iter().map(|(start, ..)| *start).max()?;
    let end = candidates.iter().map(|(_, end, ..)| *end).min()?;
    candidates.retain(|(from, to, ..)| *from == start && *to == end);
    let typed = cell.get(start..offset).unwrap_or_default();
    let mut ranked: Vec<(u8, u32, String, CompletionItem)> = candidates
        .into_iter()
        .filter_map(|(_, _, insert, item)| Some((fit(typed, item.lookup())?, score(&item), insert, item)))
        .collect();
    ranked.sort_by(|(fit, score, insert, item), (other_fit, other_score, other_insert, other)| {
        fit.cmp(other_fit)
            .then(other_score.cmp(score))
            .then_with(|| item.label.primary.cmp(&other.label.primary))
            .then_with(|| insert.cmp(other_insert))
    });
    ranked.dedup_by(|(.., insert, item), (.., kept, other)| insert == kept && item.kind == other.kind);
    ranked.truncate(MOST);
    let items = ranked
        .into_iter()
        .map(|(_, _, insert, item)| Completion {
            label: item.label.primary.trim_end_matches("(…)").trim_end_matches("()").to_owned(),
            kind: kind(item.kind).to_owned(),
            documentation: item.documentation.as_ref().and_then(|text| first_paragraph(text.as_str())),
            deprecated: item.deprecated,
            detail: item.detail.as_deref().map(usual),
            insert,
        })
        .collect();
    Some(Completions { start, end, items })
}

fn config() -> CompletionConfig<'static> {
    CompletionConfig {
        // What would need more than one edit.
        enable_postfix_completions: false,
        enable_imports_on_the_fly: false,
        enable_auto_iter: false,
        enable_auto_await: false,
        // The brackets are taken off again: with them, functions are ranked by what they return.
        callable: Some(CallableSnippets::AddParentheses),
        snippet_cap: SnippetCap::new(true),
        snippets: Vec::new(),
        add_colons_to_module: false,
        add_semicolon_to_unit: false,
        enable_self_on_the_fly: true,
        enable_private_editable: false,
        // Its guesses cost more than they are worth.
        enable_term_search: false,
        term_search_fuel: 0,
        full_function_signatures: true,
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
        limit: None,
        fields_to_resolve: CompletionFieldsToResolve::empty(),
        exclude_flyimport: Vec::new(),
        exclude_traits: &[],
        ra_fixture: RaFixtureConfig::default(),
    }
}

/// How well a name fits what was typed of it: less is better; none if it does not.
fn fit(typed: &str, name: &str) -> Option<u8> {
    if name.starts_with(typed) {
        return Some(0);
    }
    let lower = name.to_lowercase();
    let typed = typed.to_lowercase();
    if lower.starts_with(&typed) {
        return Some(1);
    }
    // `sort_by` is found as `by`, `HashMap` as `map`.
    lower.contains(&typed).then_some(2)
}

/// What a snippet begins with, before its first bracket or place for the cursor: `push` of `push($0)`.
fn plain(snippet: &str) -> &str {
    snippet.split(['(', '{', '[', '<', '$', ';']).next().unwrap_or_default().trim_end()
}

/// How likely a completion is: more is better.
fn score(item: &CompletionItem) -> u32 {
    let mut relevance = item.relevance;
    if item.kind == CompletionItemKind::SymbolKind(SymbolKind::Method) {
        // A method that may return the type it belongs to is no constructor.
        relevance.function = None;
    }
    relevance.score()
}

/// The kinds of [`Completion::kind`].
fn kind(kind: CompletionItemKind) -> &'static str {
    use CompletionItemKind as K;
    use SymbolKind as S;
    match kind {
        K::SymbolKind(kind) => match kind {
            S::Function => "function",
            S::Method => "method",
            S::Field => "field",
            S::Local | S::SelfParam | S::ValueParam => "variable",
            S::Module | S::CrateRoot | S::ToolModule => "module",
            S::Struct => "struct",
            S::Enum => "enum",
            S::Variant => "variant",
            S::Union => "union",
            S::Trait => "trait",
            S::TypeAlias | S::TypeParam | S::SelfType | S::Impl => "type",
            S::Const | S::ConstParam => "constant",
            S::Static => "static",
            S::Macro | S::ProcMacro => "macro",
            S::Attribute | S::BuiltinAttr | S::Derive | S::DeriveHelper => "attribute",
            S::LifetimeParam | S::Label => "lifetime",
            S::InlineAsmRegOrRegClass => "text",
        },
        K::Binding => "variable",
        K::BuiltinType => "type",
        K::Keyword => "keyword",
        K::InferredType | K::Snippet | K::UnresolvedReference | K::Expression => "text",
    }
}

/// A type without the allocator that it has unless another is named.
pub(super) fn usual(text: &str) -> String {
    text.replace(", Global>", ">")
}

fn first_paragraph(text: &str) -> Option<String> {
    let text = text.trim_start();
    let paragraph = text.split("\n\n").next().unwrap_or(text).trim();
    let mut short: String = paragraph.chars().take(SHORT).collect();
    if short.len() < paragraph.len() {
        short.push('…');
    }
    (!short.is_empty()).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::{first_paragraph, fit, plain};

    #[test]
    fn what_is_typed_fits_in_several_ways() {
        assert_eq!(fit("", "push"), Some(0));
        assert_eq!(fit("pu", "push"), Some(0));
        assert_eq!(fit("ha", "HashMap"), Some(1));
        assert_eq!(fit("by", "sort_by"), Some(2));
        assert_eq!(fit("x", "push"), None);
    }

    #[test]
    fn snippets_lose_their_brackets() {
        for (snippet, text) in [
            ("push($0)", "push"),
            ("println!($0)", "println!"),
            ("vec![$0]", "vec!"),
            ("HashMap<$0>", "HashMap"),
            ("if $1 {\n    $0\n}", "if"),
            ("Square { side: ${1:()} }$0", "Square"),
            ("break;", "break"),
        ] {
            assert_eq!(plain(snippet), text);
        }
    }

    #[test]
    fn documentation_is_short() {
        assert_eq!(first_paragraph("Appends.\n\n# Panics").as_deref(), Some("Appends."));
        assert_eq!(first_paragraph(" "), None);
        assert_eq!(first_paragraph(&"é".repeat(500)).map(|text| text.chars().count()), Some(401));
    }
}
