//! What is known of the thing at a place of a cell.

use std::fmt::Write;

use ra_ap_ide::{
    FilePosition, FileRange, GotoDefinitionConfig, HoverConfig, HoverDocFormat, RaFixtureConfig, SignatureHelp,
    SubstTyLen, TextRange,
};

use super::completion::usual;
use super::world::Shown;
use crate::answer::Inspection;

/// The longest definition that is shown in full, in lines.
const LINES: usize = 200;

/// Inspects at `offset` of the cell.
pub(super) fn inspect(shown: &Shown<'_>, offset: usize, detail: u8) -> Option<Inspection> {
    let position = FilePosition { file_id: shown.file, offset: shown.frame.in_file(offset) };
    let mut markdown = String::new();
    if let Ok(Some(found)) =
        shown.analysis.hover(&hover_config(), FileRange { file_id: shown.file, range: TextRange::empty(position.offset) })
        // What reaches out of the cell belongs to the frame. Of brackets, it knows what they are around.
        && shown.frame.in_cell(found.range).is_some_and(|range| is_word(&shown.frame.cell[range]))
    {
        // The notebook has no name that a user would know.
        let text = found.info.markup.as_str();
        markdown = usual(text.strip_prefix("```rust\nnotebook\n```").unwrap_or(text).trim());
    }
    let hovered = !markdown.is_empty();
    if let Ok(Some(signature)) = shown.analysis.signature_help(position)
        && signature.signature.contains('(')
        && !markdown.contains(&signature.signature)
    {
        add_signature(&mut markdown, &signature, !hovered);
    }
    if detail > 0 && hovered {
        add_definition(&mut markdown, shown, position);
    }
    (!markdown.is_empty()).then(|| Inspection { plain: plain(&markdown), markdown })
}

/// Whether this is one name, keyword or number.
fn is_word(text: &str) -> bool {
    text.chars().all(|character| character.is_alphanumeric() || "_#'!".contains(character))
}

fn hover_config() -> HoverConfig<'static> {
    HoverConfig {
        links_in_hover: true,
        memory_layout: None,
        documentation: true,
        keywords: true,
        format: HoverDocFormat::Markdown,
        max_trait_assoc_items_count: None,
        max_fields_count: Some(20),
        max_enum_variants_count: Some(20),
        max_subst_ty_len: SubstTyLen::LimitTo(80),
        show_drop_glue: false,
        ra_fixture: RaFixtureConfig::default(),
    }
}

/// What is called, which of its parameters is being written, and, where nothing else is said, its documentation.
fn add_signature(markdown: &mut String, signature: &SignatureHelp, documented: bool) {
    let mut text = format!("```rust\n{}\n```", usual(&signature.signature));
    if let Some(parameter) = signature.active_parameter.and_then(|at| signature.parameter_labels().nth(at)) {
        // Writing to a string cannot fail.
        _ = write!(text, "\n\nargument: `{}`", usual(parameter));
    }
    if let (Some(documentation), true) = (&signature.doc, documented) {
        _ = write!(text, "\n\n---\n\n{}", documentation.as_str().trim());
    }
    add(markdown, &text);
}

/// The source of the thing.
fn add_definition(markdown: &mut String, shown: &Shown<'_>, position: FilePosition) {
    let config = GotoDefinitionConfig { ra_fixture: RaFixtureConfig::default() };
    let Ok(Some(found)) = shown.analysis.goto_definition(position, &config) else { return };
    for target in found.info {
        let Ok(text) = shown.analysis.file_text(target.file_id) else { continue };
        let range = target.full_range;
        let Some(source) = text.get(usize::from(range.start())..usize::from(range.end())) else { continue };
        if !source.contains(char::is_whitespace) {
            continue;
        }
        let mut lines: Vec<&str> = source.lines().take(LINES).collect();
        if lines.len() < source.lines().count() {
            lines.push("// …");
        }
        add(markdown, &format!("```rust\n{}\n```", lines.join("\n")));
        return;
    }
}

fn add(markdown: &mut String, more: &str) {
    if !markdown.is_empty() {
        markdown.push_str("\n\n---\n\n");
    }
    markdown.push_str(more);
}

/// Markdown for those who do not render it: without fences, rules and the addresses of links.
fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    for line in markdown.lines() {
        if line.starts_with("```") || line == "---" {
            continue;
        }
        let is_blank = line.trim().is_empty();
        if !(is_blank && text.ends_with("\n\n")) {
            text.push_str(&without_links(line));
            text.push('\n');
        }
    }
    text.trim().to_owned()
}

/// `[a word](https://…)` is «a word».
fn without_links(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("](http") {
        let (before, after) = rest.split_at(at);
        let Some(end) = after.find(')') else { break };
        match before.rfind('[') {
            Some(open) => {
                text.push_str(&before[..open]);
                text.push_str(&before[open + 1..]);
            }
            None => text.push_str(before),
        }
        rest = &after[end + 1..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn markdown_becomes_plain() {
        let markdown = "```rust\nfn f()\n```\n\n---\n\nSee [`Vec`](https://doc.rust-lang.org/std) and [this].\n\n\n# Panics\n\nNever.";
        assert_eq!(plain(markdown), "fn f()\n\nSee `Vec` and [this].\n\n# Panics\n\nNever.");
    }
}
