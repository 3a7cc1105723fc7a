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
    let mut inspection = Inspection::default();
    let hover = |format| {
        let range = FileRange { file_id: shown.file, range: TextRange::empty(position.offset) };
        let found = shown.analysis.hover(&hover_config(format), range).ok()??;
        // What reaches out of the cell belongs to the frame. Of brackets, it knows what they are around.
        let inspected = &shown.frame.cell()[shown.frame.in_cell(found.range)?];
        let is_word = inspected.chars().all(|character| character.is_alphanumeric() || "_#'!".contains(character));
        let text = found.info.markup.as_str();
        // The notebook has no name that a user would know.
        let text =
            ["```rust\nnotebook\n```", "notebook\n"].iter().find_map(|own| text.strip_prefix(own)).unwrap_or(text);
        Some(text.trim().to_owned()).filter(|text| is_word && !text.is_empty())
    };
    let mut hovered = false;
    if let (Some(markdown), Some(plain)) = (hover(HoverDocFormat::Markdown), hover(HoverDocFormat::PlainText)) {
        inspection = Inspection { markdown, plain };
        hovered = true;
    }
    if let Ok(Some(signature)) = shown.analysis.signature_help(position)
        && signature.signature.contains('(')
        // The call that the frame itself is none of.
        && !inspection.plain.contains(&signature.signature)
    {
        add_signature(&mut inspection, &signature, !hovered);
    }
    if detail > 0 && hovered {
        add_definition(&mut inspection, shown, position);
    }
    (!inspection.plain.is_empty()).then_some(inspection)
}

fn hover_config(format: HoverDocFormat) -> HoverConfig<'static> {
    HoverConfig {
        links_in_hover: true,
        memory_layout: None,
        documentation: true,
        keywords: true,
        format,
        max_trait_assoc_items_count: None,
        max_fields_count: Some(20),
        max_enum_variants_count: Some(20),
        max_subst_ty_len: SubstTyLen::LimitTo(80),
        show_drop_glue: false,
        ra_fixture: RaFixtureConfig::default(),
    }
}

/// What is called, which of its parameters is being written, and, where nothing else is said, its documentation.
fn add_signature(inspection: &mut Inspection, signature: &SignatureHelp, documented: bool) {
    let parameter = signature.active_parameter.and_then(|at| signature.parameter_labels().nth(at));
    let mut plain = usual(&signature.signature);
    let mut markdown = format!("```rust\n{plain}\n```");
    if let Some(parameter) = parameter {
        // Writing to a string cannot fail.
        _ = write!(markdown, "\n\nargument: `{parameter}`");
        _ = write!(plain, "\nargument: {parameter}");
    }
    if let (Some(documentation), true) = (&signature.doc, documented) {
        let text = documentation.as_str().trim();
        _ = write!(markdown, "\n\n---\n\n{text}");
        _ = write!(plain, "\n\n{text}");
    }
    add(inspection, &markdown, &plain);
}

/// The source of the thing.
fn add_definition(inspection: &mut Inspection, shown: &Shown<'_>, position: FilePosition) {
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
        let source = lines.join("\n");
        add(inspection, &format!("```rust\n{source}\n```"), &source);
        return;
    }
}

fn add(inspection: &mut Inspection, markdown: &str, plain: &str) {
    if !inspection.plain.is_empty() {
        inspection.markdown.push_str("\n\n---\n\n");
        inspection.plain.push_str("\n\n");
    }
    inspection.markdown.push_str(markdown);
    inspection.plain.push_str(plain);
}
