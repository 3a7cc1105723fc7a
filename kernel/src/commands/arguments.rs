//! The words of a command's line.

use super::CommandError;

/// The words of a line: parted by white space, except within quotes. Nothing else is expanded.
pub(super) fn words(line: &str) -> Result<Vec<String>, CommandError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' | '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some(end) if end == character => break,
                        Some('\\') if character == '"' => word.extend(characters.next()),
                        Some(inside) => word.push(inside),
                        None => {
                            return Err(CommandError::new(format!("a {character} in `{line}` is never closed")));
                        }
                    }
                }
            }
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_outside_of_quotes() {
        let of = |line| words(line).unwrap();
        assert_eq!(of("  run a.ipynb -p x=1 "), ["run", "a.ipynb", "-p", "x=1"]);
        assert_eq!(
            of(r#"run "my notebook.ipynb" -p 'text=a "b"' ''"#),
            ["run", "my notebook.ipynb", "-p", "text=a \"b\"", ""]
        );
        assert_eq!(of(r#"-p list="[\"a\", 1]""#), ["-p", "list=[\"a\", 1]"]);
        assert!(words("run 'a").is_err());
    }
}
