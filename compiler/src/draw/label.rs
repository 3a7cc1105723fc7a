//! Texts of a drawing: untrusted names made harmless, shortened and wrapped by columns.

use serde_json::Value;
use unicode_width::UnicodeWidthChar;

use crate::ir::ParameterType;

/// Columns that a name is shown with at most, wherever there is room.
pub(super) const NAME_COLUMNS: usize = 120;

/// `text` without anything that could move a cursor, change a colour or turn the direction of
/// writing: such characters appear as `\u{…}`. At most `columns` wide, with an ellipsis if more.
pub(super) fn plain(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    let mut marks = 0;
    let mut cut = false;
    for character in text.chars() {
        let is_mark = character.width() == Some(0) && !is_hidden(character);
        marks = if is_mark { marks + 1 } else { 0 };
        // A tower of accents would draw over the lines above it, and one without a base over the frame.
        let visible = !is_hidden(character) && !(is_mark && (marks > 2 || used == 0));
        let start = out.len();
        if visible {
            out.push(character);
        } else {
            out.extend(character.escape_unicode());
        }
        let more = columns_of(&out[start..]);
        if used + more > columns {
            out.truncate(start);
            cut = true;
            break;
        }
        used += more;
    }
    match cut {
        true => shorten(&out, columns, true),
        false => isolate(out),
    }
}

/// A text with letters that run from right to left gets marks (first strong isolate … pop) that
/// end its direction with it, so that a frame around it stays in place.
fn isolate(text: String) -> String {
    match text.contains(is_right_to_left) {
        true => format!("\u{2068}{text}\u{2069}"),
        false => text,
    }
}

/// A text without the marks of [`isolate`]; [`plain`] lets none in from elsewhere.
fn bare(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

/// Whether a character shows nothing, or changes how others are shown.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || (character as u32) & 0xfffe == 0xfffe
}

/// Whether a character is written from right to left.
fn is_right_to_left(character: char) -> bool {
    matches!(character,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// How many columns a text takes, character by character.
pub(super) fn columns_of(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// The longest start of `text` that fits `columns`, ending in an ellipsis if it had to be cut, or
/// if `more` says that something follows it.
pub(super) fn shorten(text: &str, columns: usize, more: bool) -> String {
    if !more && columns_of(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for character in bare(text).chars() {
        used += character.width().unwrap_or(0);
        if used + 1 > columns {
            break;
        }
        out.push(character);
    }
    if columns > 0 {
        out.push('…');
    }
    isolate(out)
}

/// A name over several lines of at most `columns`, broken after `_`, `-`, `.`, a space or before
/// a capital where possible; at most `lines`, the last one cut.
pub(super) fn wrap(text: &str, columns: usize, lines: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut out = Vec::new();
    let text = bare(text);
    let mut rest = text.as_str();
    while columns_of(rest) > columns && out.len() + 1 < lines {
        let mut used = 0;
        let mut fits = 0;
        let mut nice = None;
        let mut previous = ' ';
        for (at, character) in rest.char_indices() {
            if at > 0
                && (matches!(previous, '_' | '-' | '.' | ' ') || (previous.is_lowercase() && character.is_uppercase()))
            {
                nice = Some((at, used));
            }
            used += character.width().unwrap_or(0);
            if used > columns {
                break;
            }
            fits = at + character.len_utf8();
            previous = character;
        }
        // A break that leaves the line nearly empty costs more than a hard one.
        let at = nice.filter(|&(_, used)| used * 3 >= columns).map_or(fits, |(at, _)| at);
        let (line, following) = rest.split_at(at.max(first_length(rest)));
        out.push(isolate(line.to_owned()));
        rest = following;
    }
    out.push(shorten(&isolate(rest.to_owned()), columns, false));
    out
}

/// Whether [`wrap`] had to break inside a word.
pub(super) fn is_torn(lines: &[&str]) -> bool {
    lines.windows(2).any(|pair| {
        let (Some(before), Some(after)) = (pair[0].chars().last(), pair[1].chars().next()) else { return false };
        !(matches!(before, '_' | '-' | '.' | ' ') || (before.is_lowercase() && after.is_uppercase()))
    })
}

/// Bytes of the first character.
fn first_length(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// `cells 4–6, 9` for the indices 3, 4, 5, 8; people count cells from 1.
pub(super) fn cells(indices: &[usize], unicode: bool) -> String {
    let ranges = cell_ranges(indices, unicode);
    match ranges.as_slice() {
        [] => "no cells".to_owned(),
        [one] if !one.contains(['–', '-']) => format!("cell {one}"),
        _ => format!("cells {}", ranges.join(", ")),
    }
}

/// Runs of cells, numbered from 1: `4–6`, `9`.
pub(super) fn cell_ranges(indices: &[usize], unicode: bool) -> Vec<String> {
    let mut numbers: Vec<usize> = indices.iter().map(|index| index.saturating_add(1)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let dash = if unicode { '–' } else { '-' };
    numbers
        .chunk_by(|a, b| a + 1 == *b)
        .flat_map(|run| match run {
            [] => Vec::new(),
            [one] => vec![one.to_string()],
            [one, two] => vec![one.to_string(), two.to_string()],
            [first, .., last] => vec![format!("{first}{dash}{last}")],
        })
        .collect()
}

/// As many of `items` as fit in `columns` behind `lead`, then how many more there are; at least
/// their number (`5 in`); none where even that is too wide.
pub(super) fn fit(lead: &str, items: &[String], columns: usize) -> Option<String> {
    let [first, ..] = items else { return None };
    let all = format!("{lead} {}", items.join(", "));
    if columns_of(&all) <= columns {
        return Some(all);
    }
    let more = |shown: usize| match items.len() - shown {
        0 => String::new(),
        more => format!(", +{more}"),
    };
    let mut best = None;
    let mut start = lead.to_owned();
    for (index, item) in items.iter().enumerate() {
        start.push_str(if index == 0 { " " } else { ", " });
        start.push_str(item);
        if columns_of(&start) > columns {
            break;
        }
        let text = format!("{start}{}", more(index + 1));
        if columns_of(&text) <= columns {
            best = Some(text);
        }
    }
    if best.is_some() {
        return best;
    }
    let room = columns.saturating_sub(columns_of(lead) + 1 + more(1).len());
    let number = first.starts_with(|c: char| c.is_ascii_digit());
    let text = match room >= 6 && !number {
        true => format!("{lead} {}{}", shorten(first, room, false), more(1)),
        false => format!("{} {lead}", items.len()),
    };
    (columns_of(&text) <= columns).then_some(text)
}

/// A default value, as JSON writes it.
pub(super) fn value(value: &Value, columns: usize) -> String {
    plain(&value.to_string(), columns)
}

/// The Rust-like name of a parameter's type.
pub(super) fn kind(kind: ParameterType) -> &'static str {
    match kind {
        ParameterType::Double => "float",
        ParameterType::Integer => "int",
        ParameterType::String => "string",
        ParameterType::Boolean => "bool",
        ParameterType::List => "list",
        ParameterType::Struct => "struct",
    }
}
