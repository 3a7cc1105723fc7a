//! Rust source in colours.

use oxikale_notebook::directives::directives;

use oxikale_notebook::tokens::{Kind, tokens};

/// The source with ANSI colours in it.
pub fn highlighted(source: &str) -> String {
    let found = directives(source);
    let commands = found.commands.into_iter().map(|command| (command.span, "35"));
    let mut pieces: Vec<_> = commands.collect();
    for token in tokens(&found.code) {
        let text = &found.code[token.range.clone()];
        let colour = match token.kind {
            Kind::Keyword => "35",
            Kind::Macro => "34",
            Kind::Lifetime => "33",
            Kind::Number => "36",
            Kind::Text(_) => "32",
            Kind::Comment(_) | Kind::Documentation => "90",
            Kind::Word if text.starts_with(char::is_uppercase) => "33",
            _ => continue,
        };
        pieces.push((token.range, colour));
    }
    pieces.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(source.len() * 2);
    let mut done = 0;
    for (range, colour) in pieces {
        out.push_str(&source[done..range.start]);
        out.push_str(&format!("\x1b[{colour}m{}\x1b[0m", &source[range.clone()]));
        done = range.end;
    }
    out.push_str(&source[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::text::without_colours;

    #[test]
    fn colours_are_put_around_words_and_change_nothing_else() {
        assert_eq!(
            highlighted("let x = \"é\"; // 1"),
            "\x1b[35mlet\x1b[0m x = \x1b[32m\"é\"\x1b[0m; \x1b[90m// 1\x1b[0m"
        );
        for source in [":dep a = \"1\"\nlet v: Vec<u8> = vec![1];", "'", "r#\"", "%time f()", "%%bash\nls", "!ls"] {
            assert_eq!(without_colours(&highlighted(source)), source);
        }
    }
}
