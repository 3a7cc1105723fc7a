//! The running cell of a notebook as a line that is drawn again, with what it writes above it.

use std::io::{self, Write as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oxikale_engine::{Event, Stream};
use oxikale_runner as runner;

use super::area::Area;
use super::cells::{End, Place};
use super::live::SPINNER;
use super::output_lines::{OutputLines, shown};
use super::paint::Paint;
use super::said::{Said, said};
use super::text::{columns, plain, shortened, time, without_colours};
use super::transcript::bar;
use crate::session::Session;

/// How often the line is drawn, at most.
const PACE: Duration = Duration::from_millis(80);

/// So many events may wait for being drawn; then the cell waits.
const WAITING: usize = 1024;

/// Draws cells on standard error until it is dropped.
pub struct LiveCells {
    sender: Mutex<Option<SyncSender<Change>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Change {
    Begin(Place),
    Hear(Event),
    End(End, f64),
}

impl LiveCells {
    /// Begins to draw.
    pub fn start(session: &Session) -> Self {
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        let line = Line::new(session.err(), session.unicode());
        let thread = std::thread::spawn(move || draw(&receiver, line));
        Self { sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) }
    }

    /// A cell begins.
    pub fn begin(&self, place: &Place) {
        self.send(Change::Begin(place.clone()));
    }

    /// Something happens in it.
    pub fn hear(&self, event: &Event) {
        self.send(Change::Hear(event.clone()));
    }

    /// It is over.
    pub fn end(&self, end: &End, seconds: f64) {
        self.send(Change::End(end.clone(), seconds));
    }

    /// Draws what has come, and nothing more.
    pub fn close(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }

    fn send(&self, change: Change) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(sender) = sender {
            let _ = sender.send(change);
        }
    }
}

impl Drop for LiveCells {
    fn drop(&mut self) {
        self.close();
    }
}

fn draw(receiver: &Receiver<Change>, mut line: Line) {
    let mut area = Area::default();
    let mut above = String::new();
    let mut drawn: Option<Instant> = None;
    loop {
        let over = match receiver.recv_timeout(PACE) {
            Ok(change) => {
                line.hear(change, &mut above);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        if over || drawn.is_none_or(|drawn| drawn.elapsed() >= PACE) {
            let width = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0)).max(20);
            let lines = if over { Vec::new() } else { line.lines(width) };
            let text = area.redraw(&above, &lines);
            above.clear();
            let mut out = io::stderr().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            drawn = Some(Instant::now());
        }
        if over {
            return;
        }
    }
}

/// The running cell, as far as it is drawn.
struct Line {
    paint: Paint,
    unicode: bool,
    place: Option<Place>,
    began: Instant,
    building: String,
    written: OutputLines,
}

impl Line {
    fn new(paint: Paint, unicode: bool) -> Self {
        Self {
            paint,
            unicode,
            place: None,
            began: Instant::now(),
            building: String::new(),
            written: OutputLines::default(),
        }
    }

    /// Takes note; whole lines to be printed above are added to `above`.
    fn hear(&mut self, change: Change, above: &mut String) {
        match change {
            Change::Begin(place) => {
                self.place = Some(place);
                self.began = Instant::now();
                self.building.clear();
            }
            Change::Hear(event) => match said(&event, self.paint) {
                Said::Text(stream, bytes) => {
                    self.building.clear();
                    for line in self.written.take("", same(stream), &bytes) {
                        above.push_str(&shown(&line));
                        above.push('\n');
                    }
                }
                Said::Lines(_, text) => {
                    self.rest(above);
                    above.extend(text.lines().map(|line| format!("{}\n", shown(line.as_bytes()))));
                }
                Said::Progress(progress) => self.building = bar(&progress, self.unicode),
                Said::Nothing => {}
            },
            Change::End(end, seconds) => {
                self.rest(above);
                if let Some(place) = self.place.take() {
                    let sign = self.sign(&end);
                    let words = match &end {
                        End::Good => self.paint.dim(&time(seconds)),
                        end => end.words(seconds, self.paint),
                    };
                    above.push_str(&format!("{sign} {}  {words}\n", place.head(self.paint)));
                }
            }
        }
    }

    /// Lines that the cell has begun and not ended.
    fn rest(&mut self, above: &mut String) {
        for line in self.written.end("") {
            above.push_str(&shown(&line));
            above.push('\n');
        }
    }

    fn sign(&self, end: &End) -> String {
        let (fancy, simple) = match end {
            End::Good | End::Allowed(_) => ("✔", "+"),
            End::Failed(_) => ("✘", "x"),
            End::Interrupted => ("■", "!"),
        };
        let sign = if self.unicode { fancy } else { simple };
        match end {
            End::Good | End::Allowed(_) => self.paint.good(sign),
            End::Failed(_) => self.paint.error(sign),
            End::Interrupted => self.paint.warning(sign),
        }
    }

    /// What the cell has begun to write, and the line of the cell itself; each narrower than `width`.
    fn lines(&self, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for stream in [runner::Stream::Stdout, runner::Stream::Stderr] {
            let begun = shown(self.written.begun("", stream));
            if !begun.is_empty() {
                lines.push(fitted(&begun, width - 1));
            }
        }
        if let Some(place) = &self.place {
            let turn = usize::try_from(self.began.elapsed().as_millis() / 100).unwrap_or(0);
            let spinner = if self.unicode { SPINNER[turn % SPINNER.len()] } else { ["|", "/", "-", "\\"][turn % 4] };
            let clock = time(self.began.elapsed().as_secs_f64());
            let head = format!("{} cell {}: {}", place.count(Paint::new(false)), place.cell, plain(&place.title));
            let room = width.saturating_sub(columns(&clock) + 5);
            let wanted = if self.building.is_empty() { room } else { room / 2 };
            let head = shortened(&head, wanted);
            let building = shortened(&self.building, room.saturating_sub(columns(&head) + 2));
            let gap = if building.is_empty() { "" } else { "  " };
            lines.push(format!("{} {head}{gap}{}  {clock}", self.paint.active(spinner), self.paint.active(&building)));
        }
        lines
    }
}

/// A line with its colours where it fits, and cut without them where it does not.
fn fitted(line: &str, width: usize) -> String {
    let bare = without_colours(line).replace('\t', "        ");
    if columns(&bare) <= width { line.replace('\t', "        ") } else { shortened(&bare, width) }
}

fn same(stream: Stream) -> runner::Stream {
    match stream {
        Stream::Stdout => runner::Stream::Stdout,
        Stream::Stderr => runner::Stream::Stderr,
    }
}

#[cfg(test)]
mod tests {
    use oxikale_engine::Progress;

    use super::*;

    fn begun() -> Line {
        let mut line = Line::new(Paint::new(false), true);
        let place = Place { number: 3, count: 12, cell: "5".to_owned(), title: "let x = f(\x1b[2J);".to_owned() };
        line.hear(Change::Begin(place), &mut String::new());
        line
    }

    fn written(line: &mut Line, text: &str) -> String {
        let mut above = String::new();
        line.hear(Change::Hear(Event::Text { stream: Stream::Stdout, bytes: text.into() }), &mut above);
        above
    }

    #[test]
    fn what_a_cell_writes_stands_above_its_line() {
        let mut line = begun();
        assert_eq!(written(&mut line, "one\n50%\r60%"), "one\n");
        let lines = line.lines(80);
        assert_eq!(lines[0], "60%");
        assert!(lines[1].contains("[ 3/12] cell 5: let x = f(\\u{1b}[2J);  "), "{lines:?}");
        let mut above = String::new();
        line.hear(Change::End(End::Failed("E0382".to_owned()), 1.25), &mut above);
        assert_eq!(above, "60%\n✘ [ 3/12] cell 5: let x = f(\\u{1b}[2J);  failed after 1.25 s: E0382\n");
        assert!(line.lines(80).is_empty());
    }

    #[test]
    fn the_line_fits_whatever_is_shown() {
        let mut line = begun();
        written(&mut line, "\x1b[31ma long line that does not fit anywhere at all\x1b[0m");
        let progress = Progress { label: "Compiling ndarray 0.17.2".to_owned(), done: 1, total: Some(4) };
        line.hear(Change::Hear(Event::Progress(progress)), &mut String::new());
        assert!(line.lines(200)[1].contains("███░░░░░░░░░ 25% Compiling ndarray 0.17.2"), "{:?}", line.lines(200));
        for width in 20..120 {
            let lines = line.lines(width);
            assert!(lines.iter().all(|line| columns(&without_colours(line)) < width), "{width}: {lines:?}");
        }
    }
}
