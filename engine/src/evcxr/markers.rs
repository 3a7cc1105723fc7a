//! Tells what user code writes from the words that evcxr writes between.

/// A part of the standard output of evcxr's runner.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What user code wrote.
    Text(Vec<u8>),
    /// A line for evcxr, with its line break.
    Line(Vec<u8>),
    /// The same, and it says that user code panicked.
    Panicked(Vec<u8>),
    /// The same, and it says that `?` met an error.
    Failed(Vec<u8>),
    /// The same, and it says that user code has ended.
    Complete(Vec<u8>),
}

const PREFIX: &[u8] = b"EVCXR_";
const COMPLETE: &[u8] = b"EVCXR_EXECUTION_COMPLETE\n";
const PANIC: &[u8] = b"EVCXR_PANIC_NOTIFICATION\n";
const ERROR: &[u8] = b"EVCXR_ERROR_OCCURRED\n";
const CONTENT: &[u8] = b"EVCXR_BEGIN_CONTENT ";
const END_OF_CONTENT: &[u8] = b"EVCXR_END_CONTENT\n";
const OTHERS: [&[u8]; 2] = [b"EVCXR_INPUT_REQUEST", b"EVCXR_VARIABLE_CHANGED_TYPE:"];

/// Takes the output apart as it comes, in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// What may yet become a line for evcxr.
    rest: Vec<u8>,
    /// Whether lines belong to a display.
    in_content: bool,
}

impl Splitter {
    /// The parts that are whole after these bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Part> {
        let mut data = std::mem::take(&mut self.rest);
        data.extend_from_slice(bytes);
        let mut parts = Vec::new();
        let mut at = 0;
        while at < data.len() {
            let begin = if self.in_content { Some(at) } else { find(&data[at..], PREFIX).map(|found| at + found) };
            let Some(begin) = begin else {
                // The beginning of a marker may be at the end.
                let open = (1..PREFIX.len()).rev().find(|length| data[at..].ends_with(&PREFIX[..*length]));
                let end = data.len() - open.unwrap_or(0);
                text(&mut parts, &data[at..end]);
                at = end;
                break;
            };
            text(&mut parts, &data[at..begin]);
            at = begin;
            let Some(length) = data[begin..].iter().position(|byte| *byte == b'\n') else { break };
            let line = &data[begin..=begin + length];
            at += line.len();
            match self.part(line) {
                Some(part) => parts.push(part),
                None => {
                    text(&mut parts, PREFIX);
                    at = begin + PREFIX.len();
                }
            }
        }
        self.rest = data.split_off(at);
        parts
    }

    /// What is left when the output has ended.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.in_content = false;
        std::mem::take(&mut self.rest)
    }

    /// `None` if the line is the user's own, though it begins like one of evcxr's.
    fn part(&mut self, line: &[u8]) -> Option<Part> {
        // Text without a line break may stand before it even within a display.
        if line.ends_with(PANIC) && (self.in_content || line == PANIC) {
            self.in_content = false;
            return Some(Part::Panicked(PANIC.to_vec()));
        }
        if self.in_content {
            self.in_content = line != END_OF_CONTENT;
            return Some(Part::Line(line.to_vec()));
        }
        let owned = line.to_vec();
        match line {
            COMPLETE => Some(Part::Complete(owned)),
            ERROR => Some(Part::Failed(owned)),
            _ if line.starts_with(CONTENT) => {
                self.in_content = true;
                Some(Part::Line(owned))
            }
            _ if OTHERS.iter().any(|other| line.starts_with(other)) => Some(Part::Line(owned)),
            _ => None,
        }
    }
}

fn text(parts: &mut Vec<Part>, bytes: &[u8]) {
    match parts.last_mut() {
        _ if bytes.is_empty() => {}
        Some(Part::Text(text)) => text.extend_from_slice(bytes),
        _ => parts.push(Part::Text(bytes.to_vec())),
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::{Part, Splitter};

    fn split(pieces: &[&[u8]]) -> Vec<Part> {
        let mut splitter = Splitter::default();
        let mut parts = Vec::new();
        for part in pieces.iter().flat_map(|piece| splitter.take(piece)) {
            match (parts.last_mut(), part) {
                (Some(Part::Text(before)), Part::Text(text)) => before.extend(text),
                (_, part) => parts.push(part),
            }
        }
        let rest = splitter.finish();
        if !rest.is_empty() {
            parts.push(Part::Text(rest));
        }
        parts
    }

    fn text(text: &str) -> Part {
        Part::Text(text.into())
    }

    #[test]
    fn output_is_the_same_however_it_is_cut() {
        let output = b"a\nbEVCXR_INPUT_REQUEST:name\nEVC EVCXR_ EVCXR_x\nEVCXR_BEGIN_CONTENT text/plain\nEVCXR_y\nz\n\
            EVCXR_END_CONTENT\nlast EVCXR_PANIC_NOTIFICATION\nEVCXR_EXECUTION_COMPLETE\nEVCX";
        let line = |line: &str| Part::Line(line.into());
        let expected = vec![
            text("a\nb"),
            line("EVCXR_INPUT_REQUEST:name\n"),
            text("EVC EVCXR_ EVCXR_x\n"),
            line("EVCXR_BEGIN_CONTENT text/plain\n"),
            line("EVCXR_y\n"),
            line("z\n"),
            line("EVCXR_END_CONTENT\n"),
            text("last "),
            Part::Panicked(b"EVCXR_PANIC_NOTIFICATION\n".to_vec()),
            Part::Complete(b"EVCXR_EXECUTION_COMPLETE\n".to_vec()),
            text("EVCX"),
        ];
        assert_eq!(split(&[output]), expected);
        for cut in 0..output.len() {
            assert_eq!(split(&[&output[..cut], &output[cut..]]), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = output.chunks(1).collect();
        assert_eq!(split(&bytes), expected);
    }

    #[test]
    fn text_is_not_held_back() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.take(b"10 %"), [text("10 %")]);
        assert_eq!(splitter.take(b" E"), [text(" ")]);
        assert_eq!(splitter.take(b"nd"), [text("End")]);
    }

    #[test]
    fn a_panic_ends_a_display() {
        let mut splitter = Splitter::default();
        let parts = splitter.take(b"EVCXR_BEGIN_CONTENT a/b\nhalf EVCXR_PANIC_NOTIFICATION\nmore\n");
        assert_eq!(parts[1], Part::Panicked(b"EVCXR_PANIC_NOTIFICATION\n".to_vec()));
        assert_eq!(parts[2], text("more\n"));
    }
}
