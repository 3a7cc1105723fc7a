//! Whether a line that begins with `!` is a command for the shell or a Rust negation.
//!
//! The rule, in order:
//!
//! 1. What no Rust operand begins with is a command: a path (`!./run`, `!/bin/ls`, `!~/x`), `!$SHELL`, `!\ls`.
//! 2. What only a Rust operand begins with is Rust: a bracket, a quote, a number, `&`, `*`, `-`, another `!`; a
//!    keyword (`!true`, `!self.ok`); a name followed at once by `(`, `.`, `::`, `[`, `!` or `?` (`!v.is_empty()`);
//!    a line that ends in `;`, unless 3 or 4 says otherwise before.
//! 3. A name that goes on with a hyphen and a letter is a command (`!nvidia-smi`), and so is a line that begins with
//!    one of a few commands that people run alone ([`ALONE`]): `!ls`, `!ls && pwd`.
//! 4. Anywhere else on the line, outside brackets, what no Rust expression can have makes it a command: two operands
//!    side by side (`!pip install foo`, `!ls | grep x`), an operator with a space before it but none after it
//!    (`!make -j`, `!du /var`), a `$`, `~`, `\`, backquote or an unclosed quote.
//! 5. Everything else is Rust: `!flag`, `!a && b`, `!(a)`.

/// Commands that are often run without an argument, and are unlikely as names of variables.
const ALONE: [&str; 24] = [
    "ls", "pwd", "whoami", "hostname", "uname", "nproc", "lscpu", "lsblk", "df", "du", "ps", "uptime", "printenv",
    "ifconfig", "cargo", "rustc", "rustup", "rustfmt", "nvcc", "gcc", "make", "python", "python3", "clear",
];

/// Keywords with which an operand of `!` may begin.
const OPERANDS: [&str; 16] = [
    "true", "false", "self", "Self", "crate", "super", "if", "match", "unsafe", "loop", "async", "move", "return",
    "break", "continue", "const",
];

/// Whether the rest of a line after `!` is a command for the shell.
pub(super) fn is_command(rest: &str) -> bool {
    let rest = rest.trim();
    let Some(first) = rest.chars().next() else { return false };
    if matches!(first, '.' | '/' | '~' | '$' | '\\') {
        return !rest.starts_with("//") && !rest.starts_with("/*");
    }
    if !(first.is_alphabetic() || first == '_') {
        return false;
    }
    let name = &rest[..word_end(rest)];
    let after = &rest[name.len()..];
    if OPERANDS.contains(&name) {
        return false;
    }
    let mut next = after.chars();
    match next.next() {
        // `python3.11 -m …`: a version, for no field of a name is a number with a space behind it and a word then.
        Some('.') if next.next().is_some_and(|digit| digit.is_ascii_digit()) => {}
        Some('(' | '.' | ':' | '[' | '!' | '?' | '#' | '"' | '\'') => return false,
        Some('-') if next.next().is_some_and(char::is_alphabetic) => return !rest.ends_with(';'),
        _ => {}
    }
    if ALONE.contains(&name) && (after.is_empty() || after.starts_with(char::is_whitespace)) {
        return !is_continued(after);
    }
    has_evidence(after)
}

/// Whether what follows a name can only be Rust: a comparison or an assignment with spaces around.
fn is_continued(after: &str) -> bool {
    ["== ", "!= ", "= ", ">= ", "<= "].iter().any(|operator| after.trim_start().starts_with(operator))
}

/// Whether `text`, which follows an operand, has what no Rust expression has.
fn has_evidence(text: &str) -> bool {
    let mut after_operand = true;
    let mut space_before = false;
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let next = rest[character.len_utf8()..].chars().next();
        let loose = next.is_none_or(char::is_whitespace);
        match character {
            _ if character.is_whitespace() => {
                space_before = true;
                at += character.len_utf8();
                continue;
            }
            '$' | '~' | '\\' | '`' | '@' => return true,
            '/' if rest.starts_with("//") && (space_before || after_operand) => return false,
            '/' if rest.starts_with("/*") => match rest.find("*/") {
                Some(end) => {
                    at += end + 2;
                    space_before = true;
                    continue;
                }
                None => return true,
            },
            _ if character.is_alphanumeric() || character == '_' => {
                let word = &rest[..word_end(rest)];
                let operator = matches!(word, "as" | "in" | "else");
                if after_operand && space_before && !operator {
                    return true;
                }
                after_operand = !operator && !OPERANDS[6..].contains(&word);
                at += word.len();
                space_before = false;
                continue;
            }
            '"' | '\'' => {
                if after_operand && space_before {
                    return true;
                }
                let Some(end) = rest[1..].find(character) else { return true };
                at += end + 2;
                after_operand = true;
                space_before = false;
                continue;
            }
            '(' | '[' => {
                let Some(end) = bracket_end(rest) else { return false };
                at += end;
                after_operand = true;
                space_before = false;
                continue;
            }
            // The body of `if a {` or a struct.
            '{' => return false,
            '.' if space_before => {
                // `.method()` and `..end` are Rust; `.` alone and `./x` are places.
                let method = next.is_some_and(|next| next.is_alphabetic() || next == '_' || next == '.');
                if !method || !after_operand {
                    return true;
                }
                after_operand = false;
            }
            '.' if !after_operand => return true,
            '-' | '/' | '*' | '%' | '+' | '<' | '>' | '|' | '&' | '^' if space_before && after_operand => {
                let double = next.is_some_and(|next| matches!(next, '&' | '|' | '=' | '<' | '>'));
                let doubled_loose = rest[1..].chars().nth(1).is_none_or(char::is_whitespace);
                if !(loose || double && doubled_loose) {
                    return true;
                }
                if double {
                    at += 1;
                }
                after_operand = false;
            }
            '?' => {}
            _ => after_operand = false,
        }
        at += character.len_utf8();
        space_before = false;
    }
    false
}

fn word_end(text: &str) -> usize {
    text.find(|character: char| !(character.is_alphanumeric() || character == '_')).unwrap_or(text.len())
}

/// The length of the bracket that `text` begins with, brackets and strings within it included.
fn bracket_end(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut quoted = false;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}
