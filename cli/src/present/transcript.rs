//! What happens in a session as text, in order: what cells write, their results and errors, crates being built.

use std::io::{self, Write as _};

use oxikale_engine::{Event, Progress, Stream};

use super::paint::Paint;
use super::said::{Said, said};
use super::step_view::progress;
use super::text::{plain, shortened};
use crate::session::Session;

/// Where text goes.
pub trait Sink: Send {
    /// Writes at once. That nobody reads it any more is no reason to end.
    fn write(&mut self, stream: Stream, bytes: &[u8]);
}

/// To the standard streams of this process.
pub struct Streams {
    /// Whether all goes to standard error, since standard output is for something else.
    pub only_stderr: bool,
}

impl Sink for Streams {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let _ = if stream == Stream::Stdout && !self.only_stderr {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        } else {
            io::stderr().lock().write_all(bytes)
        };
    }
}

/// Writes events as they come.
pub struct Transcript<S> {
    sink: S,
    paint: Paint,
    unicode: bool,
    /// Columns for a bar that is drawn again; nothing where bars are lines.
    bar: Option<usize>,
    /// Whether a bar stands in the last line now.
    bar_stands: bool,
    /// The stream on which a line was begun and not ended.
    begun: Option<Stream>,
    /// The label that was told last.
    told: String,
}

impl<S: Sink> Transcript<S> {
    /// Into `sink`. Lines are in the colours of standard error.
    pub fn new(sink: S, session: &Session) -> Self {
        Self {
            sink,
            paint: session.err(),
            unicode: session.unicode(),
            bar: session.is_live_err().then(|| session.width().saturating_sub(1)),
            bar_stands: false,
            begun: None,
            told: String::new(),
        }
    }

    /// Writes what an event says.
    pub fn hear(&mut self, event: &Event) {
        match said(event, self.paint) {
            Said::Text(stream, bytes) => {
                self.wipe();
                if let Some(last) = bytes.last() {
                    self.sink.write(stream, &bytes);
                    self.begun = (*last != b'\n').then_some(stream);
                }
            }
            Said::Lines(stream, text) => self.lines(stream, &text),
            Said::Progress(progress) => self.progress(&progress),
            Said::Nothing => {}
        }
    }

    /// Writes whole lines, which begin where a line begins.
    pub fn lines(&mut self, stream: Stream, text: &str) {
        self.end_line();
        self.sink.write(stream, text.as_bytes());
    }

    /// Ends a line that user code has begun, and takes a bar away.
    pub fn end_line(&mut self) {
        self.wipe();
        if let Some(stream) = self.begun.take() {
            self.sink.write(stream, b"\n");
        }
    }

    /// Something else has begun a line, such as the `^C` of a terminal.
    pub fn begin_line(&mut self) {
        self.begun = Some(Stream::Stderr);
    }

    /// Whatever was begun, the next text begins a line.
    pub fn forget_line(&mut self) {
        self.begun = None;
        self.bar_stands = false;
    }

    fn progress(&mut self, how_far: &Progress) {
        match self.bar {
            Some(width) => {
                self.end_line();
                let text = shortened(&bar(how_far, self.unicode), width);
                self.sink.write(Stream::Stderr, format!("\r\x1b[K{}", self.paint.active(&text)).as_bytes());
                self.bar_stands = true;
            }
            None if self.told != how_far.label => {
                self.told.clone_from(&how_far.label);
                let share = how_far.total.map_or_else(String::new, |total| format!(" ({}/{total})", how_far.done));
                self.lines(Stream::Stderr, &format!("{}{share}\n", plain(&how_far.label)));
            }
            None => {}
        }
    }

    fn wipe(&mut self) {
        if std::mem::take(&mut self.bar_stands) {
            self.sink.write(Stream::Stderr, b"\r\x1b[K");
        }
    }
}

/// `███░░░ 25% Compiling ndarray 0.17.2`.
pub fn bar(how_far: &Progress, unicode: bool) -> String {
    let total = how_far.total.map(|total| total as f64);
    progress(&plain(&how_far.label), how_far.done as f64, total, unicode)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Map, json};

    use super::*;
    use crate::session::Colour;

    #[derive(Clone, Default)]
    struct Both(Arc<Mutex<String>>);

    impl Sink for Both {
        fn write(&mut self, stream: Stream, bytes: &[u8]) {
            let mark = if stream == Stream::Stdout { "o:" } else { "e:" };
            let mut all = self.0.lock().unwrap();
            all.push_str(mark);
            all.push_str(&String::from_utf8_lossy(bytes));
        }
    }

    fn written(events: &[Event]) -> String {
        let both = Both::default();
        let mut transcript = Transcript::new(both.clone(), &Session::new(false, true, Colour::Never));
        for event in events {
            transcript.hear(event);
        }
        transcript.end_line();
        both.0.lock().unwrap().clone()
    }

    fn text(stream: Stream, text: &str) -> Event {
        Event::Text { stream, bytes: text.into() }
    }

    #[test]
    fn lines_begin_where_a_line_begins() {
        let data = Map::from_iter([("text/plain".to_owned(), json!("42"))]);
        let events = [
            text(Stream::Stdout, "a\nb"),
            text(Stream::Stderr, "c"),
            Event::Notice("dropped".to_owned()),
            Event::Result { data },
            text(Stream::Stdout, "end"),
        ];
        assert_eq!(written(&events), "o:a\nbe:ce:\ne:dropped\no:42\no:endo:\n");
    }

    #[test]
    fn where_nothing_can_be_drawn_again_each_label_is_told_once() {
        let progress = |label: &str, done| Event::Progress(Progress { label: label.to_owned(), done, total: Some(3) });
        let events = [progress("Compiling a", 0), progress("Compiling a", 1), progress("Compiling b", 1)];
        assert_eq!(written(&events), "e:Compiling a (0/3)\ne:Compiling b (1/3)\n");
    }
}
