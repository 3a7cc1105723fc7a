//! What steps print comes in pieces of bytes, of several steps at once; people read whole lines.

use std::collections::BTreeMap;

use oxikale_runner::Stream;

/// A line that is longer is shown in pieces.
const LONGEST: usize = 64 << 10;

/// Puts pieces together to lines.
#[derive(Debug, Default)]
pub struct OutputLines {
    begun: BTreeMap<(String, bool), Vec<u8>>,
}

impl OutputLines {
    /// Takes a piece; returns the lines that it ends, without their ends.
    pub fn take(&mut self, task: &str, stream: Stream, bytes: &[u8]) -> Vec<Vec<u8>> {
        let begun = self.begun.entry((task.to_owned(), stream == Stream::Stderr)).or_default();
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            begun.extend_from_slice(piece);
            if begun.ends_with(b"\n") {
                begun.pop();
                if begun.ends_with(b"\r") {
                    begun.pop();
                }
                lines.push(std::mem::take(begun));
            } else if begun.len() >= LONGEST {
                lines.push(std::mem::take(begun));
            }
        }
        lines
    }

    /// What a step has begun on a stream and not ended yet.
    pub fn begun(&self, task: &str, stream: Stream) -> &[u8] {
        self.begun.get(&(task.to_owned(), stream == Stream::Stderr)).map_or(&[], Vec::as_slice)
    }

    /// The lines that a step never ended.
    pub fn end(&mut self, task: &str) -> Vec<Vec<u8>> {
        let both = [false, true].map(|stderr| self.begun.remove(&(task.to_owned(), stderr)));
        both.into_iter().flatten().filter(|line| !line.is_empty()).collect()
    }
}

/// A line as it can be shown among lines that are drawn again: what a carriage return left of it, its colours, and no
/// other control sequences.
pub fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches('\r');
    let text = text.rsplit('\r').next().unwrap_or(text);
    let mut out = String::with_capacity(text.len());
    let mut coloured = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' if rest.peek() == Some(&'[') => {
                rest.next();
                let mut sequence = String::new();
                let mut end = None;
                for c in rest.by_ref() {
                    if ('@'..='~').contains(&c) {
                        end = Some(c);
                        break;
                    }
                    sequence.push(c);
                }
                if end == Some('m') && sequence.chars().all(|c| c.is_ascii_digit() || c == ';' || c == ':') {
                    coloured = true;
                    out.push_str(&format!("\x1b[{sequence}m"));
                }
            }
            // A title or a link: up to the bell, or to ESC and a backslash.
            '\x1b' if rest.peek() == Some(&']') => {
                while let Some(c) = rest.next() {
                    if c == '\x07' || (c == '\x1b' && rest.next_if_eq(&'\\').is_some()) {
                        break;
                    }
                }
            }
            '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    if coloured {
        out.push_str("\x1b[0m");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines() {
        let mut lines = OutputLines::default();
        assert_eq!(lines.take("a", Stream::Stdout, b"one\ntw"), [b"one".to_vec()]);
        assert!(lines.take("b", Stream::Stdout, b"x").is_empty());
        assert!(lines.take("a", Stream::Stderr, b"e").is_empty());
        assert_eq!(lines.begun("a", Stream::Stdout), b"tw");
        assert_eq!(lines.take("a", Stream::Stdout, b"o\r\n\nr"), [b"two".to_vec(), b"".to_vec()]);
        assert_eq!(lines.end("a"), [b"r".to_vec(), b"e".to_vec()]);
        assert!(lines.end("a").is_empty());
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut lines = OutputLines::default();
        let mut shown = 0;
        for _ in 0..100 {
            shown += lines.take("a", Stream::Stdout, &[b'x'; 10_000]).iter().map(Vec::len).sum::<usize>();
            assert!(lines.begun("a", Stream::Stdout).len() < LONGEST + 10_000);
        }
        assert_eq!(shown + lines.end("a").iter().map(Vec::len).sum::<usize>(), 1_000_000);
    }

    #[test]
    fn colours_stay_and_nothing_else() {
        assert_eq!(shown(b"10%\r20%\r"), "20%");
        assert_eq!(shown(b"\x1b[1;31mred\x1b[2J\x1b[10A!"), "\x1b[1;31mred!\x1b[0m");
        assert_eq!(shown(b"\x1b]0;title\x07a\x1b]8;;x\x1b\\b\x08\x07"), "ab");
        assert_eq!(shown(b"\xff caf\xc3\xa9\t."), "\u{fffd} caf\u{e9}\t.");
        assert_eq!(shown(b"\x1b["), "");
    }
}
