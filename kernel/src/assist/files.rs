//! Paths of files, within strings and behind the commands that take one.

use std::fs;
use std::path::Path;

use oxikale_notebook::tokens::{Kind, tokens};

use super::{Proposal, Proposals};

/// More are no help.
const MOST: usize = 200;

/// How the path in the string before the cursor may go on; none where the cursor is in no string.
pub(super) fn complete(folder: &Path, code: &str, at: usize) -> Option<Proposals> {
    let tokens = tokens(&code[..at]);
    let last = tokens.last().filter(|token| token.kind == Kind::Text(false) && token.range.end == at)?;
    let text = &code[last.range.start..at];
    let start = last.range.start + text.find('"')? + 1;
    Some(paths(folder, code, start, at))
}

/// The files whose paths begin with what stands between two bytes.
pub(super) fn paths(folder: &Path, code: &str, start: usize, at: usize) -> Proposals {
    let begun = &code[start..at];
    let name_at = begun.rfind('/').map_or(0, |slash| slash + 1);
    let (parent, name) = begun.split_at(name_at);
    let mut list: Vec<Proposal> = fs::read_dir(folder.join(parent))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            // Hidden files only for those who ask for them; what needs an escape in a string is left out.
            let wanted = file.starts_with(name) && (name.starts_with('.') || !file.starts_with('.'));
            if !wanted || file.contains(['"', '\\', '\n']) {
                return None;
            }
            let is_folder = entry.path().is_dir();
            let text = format!("{file}{}", if is_folder { "/" } else { "" });
            Some(Proposal { text, kind: if is_folder { "folder" } else { "file" }.to_owned(), detail: String::new() })
        })
        .take(MOST)
        .collect();
    list.sort_by(|a, b| a.text.cmp(&b.text));
    Proposals { start: start + name_at, end: at, list }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_proposed_within_a_string() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["data.csv", "date.txt", ".hidden", "other"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        fs::create_dir_all(folder.path().join("sub/deep")).unwrap();
        let of = |code: &str| {
            let proposals = complete(folder.path(), code, code.len())?;
            Some((proposals.start, proposals.list.into_iter().map(|proposal| proposal.text).collect::<Vec<_>>()))
        };
        assert_eq!(of("read(\"da"), Some((6, vec!["data.csv".to_owned(), "date.txt".to_owned()])));
        assert_eq!(of("read(\"sub/"), Some((10, vec!["deep/".to_owned()])));
        assert_eq!(of("read(\".h"), Some((6, vec![".hidden".to_owned()])));
        assert_eq!(of("read(\"nowhere/x"), Some((14, vec![])));
        assert_eq!(of("read(\"a\", d"), None);
        assert_eq!(of("da"), None);
    }
}
