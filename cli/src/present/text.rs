//! Makes texts of others harmless: what a notebook calls its things must not steer the terminal.

use unicode_width::UnicodeWidthChar as _;

/// One line: control characters and text-direction overrides become visible escapes, newlines too.
pub fn plain(text: &str) -> String {
    escaped(text, |_| false)
}

/// Several lines: like [`plain`], but newlines and tabs stay.
pub fn paragraph(text: &str) -> String {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_steering(c) && !keep(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The text of a cell, character for character: what would steer the terminal, or be taken for the end of a line
/// though it is none in a notebook, becomes one visible character.
pub fn source(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            // Half of a Windows line end is nothing to look at.
            '\r' => ' ',
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\x7f' => '\u{2421}',
            c if is_steering(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// JSON text in which characters that a terminal could obey are written as escapes; it means the same.
pub fn safe_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_steering(c) && c != '\n' {
            // Such characters stand in strings only, and all are in the basic plane.
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Columns that a text takes in a terminal; it must be free of control characters.
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text, cut to `width` columns; a cut one ends in `…`.
pub fn shortened(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns + 1 > width {
            break;
        }
        used += columns;
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// The text without the colours that are in it.
pub fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('\x1b') {
        out.push_str(&rest[..start]);
        rest = rest[start..].find('m').map_or("", |end| &rest[start + end + 1..]);
    }
    out.push_str(rest);
    out
}

/// A time as people read it: `0.31 s`, `42.0 s`, `3 min 07 s`, `2 h 05 min`.
pub fn time(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds < 9.995 {
        return format!("{seconds:.2} s");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} min", whole / 3600, whole / 60 % 60)
    }
}

/// `1 error`, `2 errors`.
pub fn count(number: usize, singular: &str, plural: &str) -> String {
    format!("{number} {}", if number == 1 { singular } else { plural })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb\n\u{202e}c\u{9b}"), "a\\u{1b}[2Jb\\n\\u{202e}c\\u{9b}");
        assert_eq!(paragraph("a\n\tb\x07"), "a\n\tb\\u{7}");
        assert_eq!(plain("größe · 日本"), "größe · 日本");
    }

    #[test]
    fn sources_keep_their_places() {
        let text = "let a = \"\x1b[0m\";\r\nb\u{2028}c\td\u{85}";
        let shown = source(text);
        assert_eq!(shown.chars().count(), text.chars().count());
        assert_eq!(shown, "let a = \"\u{241b}[0m\"; \nb\u{fffd}c\td\u{fffd}");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"a": "x\u{9b}y\u{202e}\x1b\n"});
        let text = safe_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(text.contains("\\u009b") && text.contains("\\u202e"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn texts_are_cut_at_columns() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdef", 5), "abcd…");
        assert_eq!(shortened("日本語", 5), "日本…");
        assert_eq!(shortened("日本語", 4), "日…");
        assert_eq!(shortened("abc", 0), "");
    }

    #[test]
    fn times_are_for_people() {
        let said: Vec<String> = [0.0, 0.314, 9.996, 42.0, 59.96, 187.0, 7500.0, f64::NAN].map(time).into();
        assert_eq!(said, ["0.00 s", "0.31 s", "10.0 s", "42.0 s", "1 min 00 s", "3 min 07 s", "2 h 05 min", "–"]);
    }
}
