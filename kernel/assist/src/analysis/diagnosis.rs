//! The mistakes in a cell that rust-analyzer sees without rustc.

use ra_ap_hir::PrefixKind;
use ra_ap_ide::{AssistResolveStrategy, DiagnosticsConfig};
use ra_ap_ide_db::assists::ExprFillDefaultMode;
use ra_ap_ide_db::imports::insert_use::{ImportGranularity, InsertUseConfig};

use super::world::Shown;
use crate::answer::{Diagnostic, Severity};

/// The most mistakes that are told.
const MOST: usize = 100;

/// What is wrong in the cell.
pub(super) fn diagnose(shown: &Shown<'_>) -> Option<Vec<Diagnostic>> {
    let found = shown.analysis.full_diagnostics(&config(), AssistResolveStrategy::None, shown.file).ok()?;
    let mut diagnostics: Vec<Diagnostic> = found
        .into_iter()
        .filter(|found| found.range.file_id == shown.file && found.severity == ra_ap_ide::Severity::Error)
        .filter_map(|found| {
            let range = shown.frame.in_cell(found.range.range)?;
            Some(Diagnostic {
                start: range.start,
                end: range.end,
                severity: Severity::Error,
                code: found.code.as_str().to_owned(),
                message: found.message,
            })
        })
        .collect();
    diagnostics.sort_by(|one, other| (one.start, one.end, &one.message).cmp(&(other.start, other.end, &other.message)));
    diagnostics.dedup();
    diagnostics.truncate(MOST);
    Some(diagnostics)
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
