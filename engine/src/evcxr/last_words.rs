//! Finds, in what user code wrote to its standard error, the words with which it ended.

use std::ops::Range;

use super::wire::Failure;

/// The message of the panic that was told last, and where it stands.
pub(super) fn panic(written: &[u8]) -> (Failure, Option<Range<usize>>) {
    let text = String::from_utf8_lossy(written);
    let unknown = Failure { panic: true, message: "the cell panicked".to_owned(), place: None };
    // Positions in a repaired text would not be those in the bytes.
    let exact = text.len() == written.len();
    let Some(head) = text.rfind("thread 'main' ") else { return (unknown, None) };
    let Some((told, rest)) = text[head..].split_once('\n') else { return (unknown, None) };
    let Some((_, place)) = told.split_once(" panicked at ") else { return (unknown, None) };
    // `src/lib.rs:12:5:`
    let mut numbers = place.trim_end_matches(':').rsplit(':').map(str::parse::<usize>);
    let place = match (numbers.next(), numbers.next(), place.starts_with("src/lib.rs:")) {
        (Some(Ok(column)), Some(Ok(line)), true) => Some((line, column)),
        _ => None,
    };
    let end = ["note: run with `RUST_BACKTRACE", "stack backtrace:"]
        .iter()
        .filter_map(|end| if rest.starts_with(end) { Some(0) } else { rest.find(&format!("\n{end}")).map(|at| at + 1) })
        .min();
    let message = rest[..end.unwrap_or(rest.len())].trim_end_matches('\n').to_owned();
    // The hook begins with an empty line.
    let start = if text[..head].ends_with('\n') { head - 1 } else { head };
    (Failure { panic: true, message, place }, exact.then_some(start..text.len()))
}

/// The error that `?` met, as it was printed last, and where it stands.
pub(super) fn error(written: &[u8]) -> (Failure, Option<Range<usize>>) {
    let content = written.trim_ascii_end();
    let mut start = content.len();
    // An error of several lines is indented, and may end with a bracket.
    loop {
        let line = content[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let continued = content.get(line).is_some_and(|byte| byte.is_ascii_whitespace() || b")]}".contains(byte));
        start = line;
        if !continued || line == 0 {
            break;
        }
        start -= 1;
    }
    let message = String::from_utf8_lossy(&content[start..]).into_owned();
    let message = if message.is_empty() { "`?` met an error".to_owned() } else { message };
    (Failure { panic: false, message, place: None }, Some(start..written.len()))
}

#[cfg(test)]
mod tests {
    use super::{error, panic};

    #[test]
    fn a_panic_has_its_message_and_its_place() {
        let written = b"before\n\nthread 'main' (7) panicked at src/lib.rs:12:5:\ntwo\nlines\nnote: run with `RUST_BACKTRACE=1` x\n";
        let (failure, range) = panic(written);
        assert_eq!(failure.message, "two\nlines");
        assert_eq!(failure.place, Some((12, 5)));
        assert_eq!(&written[..range.unwrap().start], b"before\n");
        let (failure, _) = panic(b"\nthread 'main' panicked at /rustc/core/num.rs:1:2:\nnone\nstack backtrace:\n 0: a\n");
        assert_eq!((failure.message.as_str(), failure.place), ("none", None));
        assert_eq!(panic(b"a hook of its own"), panic(b""));
    }

    #[test]
    fn an_error_may_have_several_lines() {
        let written = b"said before\nFoo {\n    a: 1,\n}\n";
        let (failure, range) = error(written);
        assert_eq!(failure.message, "Foo {\n    a: 1,\n}");
        assert_eq!(range.unwrap().start, "said before\n".len());
        assert_eq!(error(b"said before\nbad\n").0.message, "bad");
        assert_eq!(error(b"bad").0.message, "bad");
        assert_eq!(error(b"  indented\n").0.message, "  indented");
        assert_eq!(error(b"").0.message, "`?` met an error");
    }
}
