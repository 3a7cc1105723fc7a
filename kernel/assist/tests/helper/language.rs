//! The helper reads the notebooks of the engine's own tests: what runs must not be called wrong.

use std::fs;
use std::path::Path;

use super::Test;
use super::beside::Beside;
use super::session::{helper, in_time};

/// The notebooks that are about the language.
const CHAPTERS: [&str; 8] =
    ["bindings", "closures", "control-flow", "generics", "items", "macros", "modules", "traits"];

pub fn trials() -> Vec<Test> {
    vec![("what_runs_is_not_called_wrong", what_runs_is_not_called_wrong)]
}

fn what_runs_is_not_called_wrong() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../engine/tests/cells");
    let assist = helper();
    let (mut ran, mut rejected, mut seen) = (0, 0, 0);
    let mut wrong = Vec::new();
    for chapter in CHAPTERS {
        let text = fs::read_to_string(folder.join(chapter).with_extension("md")).unwrap();
        for notebook in text.split("\n## ").skip(1) {
            let mut session = Beside::start(&assist);
            for cell in notebook.split("```rust\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
                session.tell();
                let found = assist.diagnostics(cell, in_time()).unwrap_or_default();
                if session.compiles(cell) {
                    ran += 1;
                    if !found.is_empty() {
                        wrong.push(format!("{cell}\n{found:?}"));
                    }
                } else {
                    rejected += 1;
                    seen += usize::from(!found.is_empty());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {ran} cells:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(ran > 300 && seen * 2 > rejected, "{ran} cells run; of {rejected} that do not, {seen} are seen");
}
