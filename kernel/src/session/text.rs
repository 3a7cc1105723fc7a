//! What user code prints, on its way to the front end: whole characters, merged by stream, and not without end.

use oxikale_engine::{Stream, whole_characters};

/// How much of what is left out is kept, to be shown at the end.
const TAIL: usize = 4096;

/// The text of one cell.
#[derive(Debug)]
pub(super) struct Text {
    pending: Vec<(Stream, String)>,
    pending_bytes: usize,
    /// For standard output and error: the first bytes of a character whose others have not come yet.
    begun: [Vec<u8>; 2],
    /// How much has been taken.
    taken: usize,
    limit: usize,
    /// How much was left out.
    left_out: u64,
    /// The end of what was left out.
    tail: String,
}

impl Text {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            pending: Vec::new(),
            pending_bytes: 0,
            begun: Default::default(),
            taken: 0,
            limit,
            left_out: 0,
            tail: String::new(),
        }
    }

    /// Adds bytes as they were printed.
    pub(super) fn add(&mut self, stream: Stream, bytes: &[u8]) {
        let begun = &mut self.begun[usize::from(stream == Stream::Stderr)];
        let text = if begun.is_empty() {
            let whole = whole_characters(bytes);
            begun.extend_from_slice(&bytes[whole..]);
            String::from_utf8_lossy(&bytes[..whole]).into_owned()
        } else {
            let mut all = std::mem::take(begun);
            all.extend_from_slice(bytes);
            let rest = all.split_off(whole_characters(&all));
            *begun = rest;
            String::from_utf8_lossy(&all).into_owned()
        };
        self.add_text(stream, &text);
    }

    /// Adds text; what is over the limit is only counted, but for its end.
    fn add_text(&mut self, stream: Stream, text: &str) {
        let room = self.limit.saturating_sub(self.taken);
        if text.len() <= room && self.left_out == 0 {
            self.taken += text.len();
            self.put(stream, text);
            return;
        }
        let mut cut = if self.left_out == 0 { room } else { 0 };
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        let (fits, rest) = text.split_at(cut);
        self.taken += fits.len();
        self.put(stream, fits);
        if self.left_out == 0 && !rest.is_empty() {
            let note = format!(
                "\n[the cell has printed more than {}; what follows is left out. `%output_limit 100MiB` shows more, \
                 `%output_limit off` everything]\n",
                oxikale_runner::human_bytes(self.limit as u64)
            );
            self.put(Stream::Stderr, &note);
        }
        self.left_out += rest.len() as u64;
        self.tail.push_str(rest);
        if self.tail.len() > 2 * TAIL {
            let mut from = self.tail.len() - TAIL;
            while !self.tail.is_char_boundary(from) {
                from += 1;
            }
            self.tail.drain(..from);
        }
    }

    /// Adds a word of the kernel's, whatever the limit.
    pub(super) fn put(&mut self, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        self.pending_bytes += text.len();
        match self.pending.last_mut() {
            Some((last, all)) if *last == stream => all.push_str(text),
            _ => self.pending.push((stream, text.to_owned())),
        }
    }

    /// How much waits to be sent.
    pub(super) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// What is to be sent now.
    pub(super) fn take(&mut self) -> Vec<(Stream, String)> {
        self.pending_bytes = 0;
        std::mem::take(&mut self.pending)
    }

    /// The cell is over: no character that was begun will be ended, and the end of what was left out is shown.
    pub(super) fn finish(&mut self) {
        for (stream, begun) in [Stream::Stdout, Stream::Stderr].into_iter().zip(std::mem::take(&mut self.begun)) {
            self.add_text(stream, &String::from_utf8_lossy(&begun));
        }
        if self.left_out == 0 {
            return;
        }
        let mut from = self.tail.len().saturating_sub(TAIL);
        // Whole lines, where there are some.
        from += self.tail.get(from..).and_then(|tail| tail.find('\n')).map_or(0, |at| at + 1);
        while !self.tail.is_char_boundary(from) {
            from += 1;
        }
        let tail = self.tail.split_off(from);
        let hidden = self.left_out - tail.len() as u64;
        self.put(Stream::Stderr, &format!("[{} left out; the end is:]\n", oxikale_runner::human_bytes(hidden)));
        self.put(Stream::Stdout, &tail);
        self.left_out = 0;
        self.tail.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_merged_by_stream_in_the_order_it_came() {
        let mut text = Text::new(usize::MAX);
        for (stream, bytes) in [
            (Stream::Stdout, &b"a"[..]),
            (Stream::Stdout, b"b\xe6\x97"),
            (Stream::Stderr, b"e"),
            (Stream::Stdout, b"\xa5\xff"),
        ] {
            text.add(stream, bytes);
        }
        assert_eq!(text.pending_bytes(), 9);
        let expected = [(Stream::Stdout, "ab"), (Stream::Stderr, "e"), (Stream::Stdout, "日\u{fffd}")];
        assert_eq!(text.take(), expected.map(|(stream, text)| (stream, text.to_owned())));
        text.add(Stream::Stdout, b"\xe6");
        text.finish();
        assert_eq!(text.take(), [(Stream::Stdout, "\u{fffd}".to_owned())]);
    }

    #[test]
    fn what_is_too_long_is_cut_with_a_word_and_its_end_is_shown() {
        let mut text = Text::new(10);
        for number in 0..10_000 {
            text.add(Stream::Stdout, format!("line {number}\n").as_bytes());
        }
        text.finish();
        let all: String = text.take().into_iter().map(|(_, text)| text).collect();
        assert!(all.starts_with("line 0\nlin\n[the cell has printed more than"), "{all}");
        assert!(all.ends_with("\nline 9998\nline 9999\n"), "{all}");
        assert!(all.len() < 2 * TAIL, "{}", all.len());
    }
}
