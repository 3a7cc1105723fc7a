//! Paths in a step's code that lie on a volume: on this machine they are elsewhere.

use oxikale_notebook::CellSpan;
use proc_macro2::TokenTree;
use syn::Lit;

use crate::diagnostics::Diagnostic;
use crate::items;
use crate::pipeline::Volume;
use crate::source::ParsedCell;

/// Notes every text that begins with the mount path of a volume, outside of `volume(…)`.
pub(crate) fn literal_paths(cell: &ParsedCell, volumes: &[&Volume], diagnostics: &mut Vec<Diagnostic>) {
    let tokens = items::flat(cell.tokens.clone());
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Literal(literal) = token else { continue };
        let Lit::Str(text) = Lit::new(literal.clone()) else { continue };
        let text = text.value();
        let inside = |volume: &&&Volume| {
            text.strip_prefix(volume.mount_path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let Some(volume) = volumes.iter().find(inside) else { continue };
        let called = index.checked_sub(2).and_then(|at| tokens.get(at));
        if matches!(called, Some(TokenTree::Ident(name)) if *name == "volume") {
            continue;
        }
        let range = literal.span().byte_range();
        let rest = text[volume.mount_path.len()..].trim_start_matches('/');
        let better = match rest {
            "" => format!("oxikale::volume({:?})", volume.mount_path),
            rest => format!("oxikale::volume({:?}).join({rest:?})", volume.mount_path),
        };
        diagnostics.push(
            Diagnostic::warning(
                "OX307",
                format!("`{}` is a volume, which is another folder in a run on this machine", volume.mount_path),
            )
            .at(CellSpan::new(cell.index, range.start, range.end), "this path is right on a cluster only")
            .help(format!("write `{better}`, which is right everywhere")),
        );
    }
}
