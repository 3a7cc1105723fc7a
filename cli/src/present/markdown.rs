//! Markdown for a terminal: plain text, with headings and code set off a little.

use super::paint::Paint;

/// The text without Markdown's marks.
pub fn terminal(text: &str, paint: Paint) -> String {
    let mut out = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            out.push_str(&format!("    {}\n", paint.active(line)));
        } else if let Some(heading) = line.strip_prefix('#') {
            out.push_str(&format!(
                "{}\n",
                paint.bold(&spans(heading.trim_start_matches('#').trim(), Paint::new(false)))
            ));
        } else if let Some(item) = line.trim_start().strip_prefix("- ").or_else(|| line.trim_start().strip_prefix("* "))
        {
            let indent = line.len() - line.trim_start().len();
            out.push_str(&format!("{}• {}\n", " ".repeat(indent), spans(item, paint)));
        } else {
            out.push_str(&format!("{}\n", spans(line, paint)));
        }
    }
    out
}

/// A line with its `code` and **strong** words in colour instead of marks. Marks that have no partner stay.
fn spans(line: &str, paint: Paint) -> String {
    let mut out = String::new();
    let mut rest = line;
    loop {
        let code = rest.find('`');
        let strong = rest.find("**");
        let (start, mark) = match (code, strong) {
            (Some(code), Some(strong)) if strong < code => (strong, "**"),
            (Some(code), _) => (code, "`"),
            (None, Some(strong)) => (strong, "**"),
            (None, None) => break,
        };
        let after = &rest[start + mark.len()..];
        let Some(end) = after.find(mark) else { break };
        out.push_str(&rest[..start]);
        let inner = &after[..end];
        match mark {
            // Without colours, nothing else would set code off.
            "`" if paint.is_on() => out.push_str(&paint.active(inner)),
            "`" => out.push_str(&format!("`{inner}`")),
            _ => out.push_str(&paint.bold(inner)),
        }
        rest = &after[end + mark.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_colours() {
        let text = "# The `x`\n\nUse **both** `a**b` and a lone ` here.\n\n- one\n```rust\nlet **a = 1;\n```\n";
        assert_eq!(
            terminal(text, Paint::new(true)),
            "\x1b[1mThe `x`\x1b[0m\n\nUse \x1b[1mboth\x1b[0m \x1b[36ma**b\x1b[0m and a lone ` here.\n\n\
             • one\n    \x1b[36mlet **a = 1;\x1b[0m\n"
        );
        assert_eq!(terminal("Use **both** `a`.", Paint::new(false)), "Use both `a`.\n");
    }
}
