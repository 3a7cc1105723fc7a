//! The pages of `oxikale explain CODE`: what a diagnostic means, cells that cause it, and the same cells mended.

/// Every code with its page, sorted by code.
const PAGES: &[(&str, &str)] = &[
    ("OX003", include_str!("explain/OX003.md")),
    ("OX101", include_str!("explain/OX101.md")),
    ("OX102", include_str!("explain/OX102.md")),
    ("OX103", include_str!("explain/OX103.md")),
    ("OX104", include_str!("explain/OX104.md")),
    ("OX105", include_str!("explain/OX105.md")),
    ("OX106", include_str!("explain/OX106.md")),
    ("OX107", include_str!("explain/OX107.md")),
    ("OX108", include_str!("explain/OX108.md")),
    ("OX110", include_str!("explain/OX110.md")),
    ("OX111", include_str!("explain/OX111.md")),
    ("OX112", include_str!("explain/OX112.md")),
    ("OX114", include_str!("explain/OX114.md")),
    ("OX115", include_str!("explain/OX115.md")),
    ("OX116", include_str!("explain/OX116.md")),
    ("OX118", include_str!("explain/OX118.md")),
    ("OX119", include_str!("explain/OX119.md")),
    ("OX201", include_str!("explain/OX201.md")),
    ("OX202", include_str!("explain/OX202.md")),
    ("OX203", include_str!("explain/OX203.md")),
    ("OX204", include_str!("explain/OX204.md")),
    ("OX205", include_str!("explain/OX205.md")),
    ("OX301", include_str!("explain/OX301.md")),
    ("OX302", include_str!("explain/OX302.md")),
    ("OX303", include_str!("explain/OX303.md")),
    ("OX304", include_str!("explain/OX304.md")),
    ("OX305", include_str!("explain/OX305.md")),
    ("OX306", include_str!("explain/OX306.md")),
    ("OX307", include_str!("explain/OX307.md")),
    ("OX308", include_str!("explain/OX308.md")),
    ("OX309", include_str!("explain/OX309.md")),
    ("OX401", include_str!("explain/OX401.md")),
    ("OX402", include_str!("explain/OX402.md")),
    ("OX403", include_str!("explain/OX403.md")),
    ("OX404", include_str!("explain/OX404.md")),
    ("OX405", include_str!("explain/OX405.md")),
    ("OX406", include_str!("explain/OX406.md")),
    ("OX407", include_str!("explain/OX407.md")),
    ("OX501", include_str!("explain/OX501.md")),
    ("OX502", include_str!("explain/OX502.md")),
    ("OX902", include_str!("explain/OX902.md")),
];

/// The page of a code, as Markdown; upper and lower case are equal. None for a code that there is not.
pub fn explain(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}

/// Every code that has a page, sorted.
pub fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}

/// The first line of a code's page: `OX301: a name is not defined`.
pub fn title(code: &str) -> Option<&'static str> {
    explain(code)?.lines().next().map(|line| line.trim_start_matches("# "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use oxikale_notebook::{CellKind, Notebook};
    use serde_json::{Map, Value};

    use super::*;
    use crate::compile::{Compilation, Options, compile};
    use crate::tags;

    /// Codes that only a build with rustc gives.
    const OF_RUSTC: [&str; 5] = ["OX304", "OX305", "OX306", "OX501", "OX502"];
    /// Codes whose cause is too long for a page, or is not in a notebook.
    const NOT_SHOWN: [&str; 2] = ["OX203", "OX902"];

    /// Adds the codes that stand as string literals in the Rust files of a folder, those of this file left out.
    fn codes_in(folder: &Path, codes: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes_in(&path, codes);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("diagnostics/explain.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                let literals = text.match_indices("\"OX").filter_map(|(at, _)| text.get(at + 1..at + 7));
                codes.extend(
                    literals
                        .filter(|literal| {
                            literal.ends_with('"') && literal[2..5].bytes().all(|byte| byte.is_ascii_digit())
                        })
                        .map(|literal| literal[..5].to_owned()),
                );
            }
        }
    }

    fn source_folder() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
    }

    /// The notebook that stands in a section of a page: each block of Rust is a cell, a block of JSON is the metadata.
    fn notebook(section: &str) -> Notebook {
        let mut cells = Vec::new();
        let mut metadata = Map::new();
        for block in section.split("```").skip(1).step_by(2) {
            let (language, text) = block.split_once('\n').unwrap();
            match language {
                "json" => metadata = serde_json::from_str(text).unwrap(),
                "rust" => {
                    let (tags, source) = match text.strip_prefix("// tags: ").and_then(|rest| rest.split_once('\n')) {
                        Some((tags, source)) => (tags.split(", ").map(str::to_owned).collect(), source),
                        None => (Vec::new(), text),
                    };
                    cells.push((CellKind::Code, source.to_owned(), tags));
                }
                other => panic!("a block of `{other}`"),
            }
        }
        Notebook::new(cells, metadata)
    }

    /// The cells that cause the code, and the same mended.
    fn examples(page: &str) -> Option<(Notebook, Notebook)> {
        let (_, examples) = page.split_once("## What causes it\n")?;
        let (cause, rest) = examples.split_once("## Mended\n")?;
        let mended = rest.split("\n## ").next()?;
        Some((notebook(cause), notebook(mended)))
    }

    fn compiled(notebook: &Notebook) -> Compilation {
        compile(notebook, &Options { name: "page".to_owned(), program: true, ..Options::default() })
    }

    fn said(compilation: &Compilation) -> Vec<(&'static str, String)> {
        compilation.diagnostics.iter().map(|diagnostic| (diagnostic.code, diagnostic.message.clone())).collect()
    }

    /// What stands in backticks at the beginning of the rows of a page's tables.
    fn first_column(page: &str) -> Vec<&str> {
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(text, _)| text)).collect()
    }

    #[test]
    fn every_code_in_the_source_has_a_page_and_no_page_is_left_over() {
        let mut used = BTreeSet::new();
        codes_in(source_folder(), &mut used);
        let explained: BTreeSet<String> = codes().map(str::to_owned).collect();
        assert_eq!(used, explained);
        assert!(codes().is_sorted());
    }

    #[test]
    fn every_page_begins_with_its_code() {
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}: ")), "{code}");
            assert!(title(code).is_some_and(|title| title.starts_with(code)), "{code}");
        }
    }

    #[test]
    fn codes_are_found_in_either_case() {
        assert_eq!(explain("ox301"), explain("OX301"));
        assert_eq!(title("Ox301"), Some("OX301: a name is not defined"));
        assert_eq!(explain("OX000"), None);
        assert_eq!(explain(""), None);
    }

    #[test]
    fn every_example_causes_its_code_and_is_mended() {
        let mut wrong = Vec::new();
        for code in codes().filter(|code| *code != "OX902") {
            let (cause, mended) = examples(explain(code).unwrap()).unwrap_or_else(|| panic!("{code} has no examples"));
            let cause = said(&compiled(&cause));
            let shown = !OF_RUSTC.contains(&code) && !NOT_SHOWN.contains(&code);
            if cause.is_empty() == shown || cause.iter().any(|(other, _)| *other != code) {
                wrong.push((code, "what causes it", cause));
            }
            let mended = said(&compiled(&mended));
            if !mended.is_empty() {
                wrong.push((code, "mended", mended));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn the_page_of_tags_lists_every_tag_as_it_is_written() {
        let page = explain("OX102").unwrap();
        let listed = first_column(page);
        for text in &listed {
            assert!(tags::parse(text).is_ok(), "{text}");
        }
        for tag in tags::WORDS.into_iter().chain(tags::PREFIXES) {
            let found = listed.iter().any(|text| *text == tag || text.split(':').next() == Some(tag));
            assert!(found, "{tag}");
        }
    }

    #[test]
    fn the_page_of_metadata_lists_every_field() {
        let page = explain("OX112").unwrap();
        let source = fs::read_to_string(source_folder().join("settings.rs")).unwrap();
        for list in ["const READ: ", "const WITHOUT_EFFECT: "] {
            let (_, fields) = source.split_once(list).unwrap();
            let (fields, _) = fields.split_once("];").unwrap();
            for field in fields.split('"').skip(1).step_by(2) {
                assert!(page.contains(&format!("`{field}`")), "{field}");
            }
        }
        let fields: Map<String, Value> =
            first_column(page).into_iter().map(|field| (field.to_owned(), Value::Null)).collect();
        let metadata = Map::from_iter([("kubeflow_notebook".to_owned(), Value::Object(fields))]);
        let cell = (CellKind::Code, "let x = 1;".to_owned(), vec!["step:a".to_owned()]);
        assert_eq!(said(&compiled(&Notebook::new(vec![cell], metadata))), []);
    }
}
