//! Finds, in what user code wrote to its standard error, the words with which it ended.

use std::ops::Range;

use super::wire::Failure;

/// What the standard hook says behind the name of a thread.
pub(super) const PANICKED: &str = " panicked at ";

/// The message of the last panic of the process's first thread, which runs the cells, and where it stands.
pub(super) fn panic(written: &[u8], process: i32) -> (Failure, Option<Range<usize>>) {
    let text = String::from_utf8_lossy(written);
    let unknown = Failure { panic: true, message: "the cell panicked".to_owned(), place: None };
    // Positions in a repaired text would not be those in the bytes.
    let exact = text.len() == written.len();
    // `thread 'main' (NUMBER) panicked at …`; older compilers give no number.
    let told = text.rfind(&format!(" ({process}){PANICKED}")).or_else(|| text.rfind(PANICKED));
    let Some(head) = told.and_then(|told| text[..told].rfind("thread '")) else { return (unknown, None) };
    let Some((told, rest)) = text[head..].split_once('\n') else { return (unknown, None) };
    let Some((_, place)) = told.split_once(PANICKED) else { return (unknown, None) };
    // `src/lib.rs:12:5:`
    let mut numbers = place.trim_end_matches(':').rsplit(':').map(str::parse::<usize>);
    let place = match (numbers.next(), numbers.next(), place.starts_with("src/lib.rs:")) {
        (Some(Ok(column)), Some(Ok(line)), true) => Some((line, column)),
        _ => None,
    };
    // Only the first panic of a process has a note.
    let note = ["note: run with `RUST_BACKTRACE", "stack backtrace:", "\nthread '"]
        .iter()
        .filter_map(
            |note| if rest.starts_with(note) { Some(0) } else { rest.find(&format!("\n{note}")).map(|at| at + 1) },
        )
        .min();
    let message = rest[..note.unwrap_or(rest.len())].trim_end_matches('\n').to_owned();
    // The hook begins with an empty line.
    let start = if text[..head].ends_with('\n') { head - 1 } else { head };
    let end = match note {
        None => text.len(),
        Some(note) if rest[note..].starts_with('\n') => text.len() - rest.len() + note,
        Some(note) => text.len() - rest[note..].split_once('\n').map_or(0, |(_, after)| after.len()),
    };
    (Failure { panic: true, message, place }, exact.then_some(start..end))
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
        let written = b"before\n\nthread '<unnamed>' (7) panicked at src/lib.rs:12:5:\ntwo\nlines\nnote: run with `RUST_BACKTRACE=1` x\nafter\n";
        let (failure, range) = panic(written, 7);
        assert_eq!(failure.message, "two\nlines");
        assert_eq!(failure.place, Some((12, 5)));
        let range = range.unwrap();
        assert_eq!((&written[..range.start], &written[range.end..]), (&b"before\n"[..], &b"after\n"[..]));
        let (failure, _) =
            panic(b"\nthread 'main' panicked at /rustc/core/num.rs:1:2:\nnone\nstack backtrace:\n 0: a\n", 7);
        assert_eq!((failure.message.as_str(), failure.place), ("none", None));
        assert_eq!(panic(b"a hook of its own", 7), panic(b"", 7));
        let threads =
            b"\nthread '<unnamed>' (7) panicked at a:1:2:\nours\n\nthread '<unnamed>' (8) panicked at b:1:2:\ntheirs\n";
        assert_eq!(panic(threads, 7).0.message, "ours");
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
