//! What a build is doing: one line that changes in a terminal, plain lines elsewhere.

use std::io::{self, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oxikale_compiler::build::Event;

use super::live::SPINNER;
use super::text::{count, plain, shortened, time};
use crate::session::Session;

/// Shows a build until it is dropped.
pub struct BuildProgress {
    kind: Kind,
}

enum Kind {
    Silent,
    Lines,
    Line { sender: Option<Sender<Event>>, thread: Option<JoinHandle<()>> },
}

impl BuildProgress {
    /// Begins to show a build on standard error, as the session likes it.
    pub fn start(session: &Session) -> Self {
        let kind = if session.quiet {
            Kind::Silent
        } else if session.is_live_err() {
            let (sender, receiver) = mpsc::channel();
            let width = session.width();
            let paint = session.err();
            let thread = std::thread::spawn(move || {
                let mut line = Line::default();
                let mut shown = false;
                loop {
                    match receiver.recv_timeout(Duration::from_millis(100)) {
                        Ok(event) => line.hear(event),
                        Err(RecvTimeoutError::Timeout) if line.started.elapsed() > Duration::from_millis(150) => {
                            shown = true;
                            let text = shortened(&line.text(), width.saturating_sub(3));
                            let _ = write!(io::stderr(), "\r\x1b[K{} {text}", paint.active(line.spinner()));
                        }
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
                if shown {
                    let _ = write!(io::stderr(), "\r\x1b[K");
                }
            });
            Kind::Line { sender: Some(sender), thread: Some(thread) }
        } else {
            Kind::Lines
        };
        Self { kind }
    }

    /// Takes note of what is being done.
    pub fn hear(&mut self, event: Event) {
        match &self.kind {
            Kind::Silent => {}
            Kind::Lines => {
                let line = match event {
                    Event::Compiling { name, version } => format!("Compiling {}", crate_name(&name, &version)),
                    Event::Fetching { what } => capitalised(&plain(&what)),
                    Event::Started { .. } | Event::Over => return,
                    Event::Waiting => "Waiting for another build".to_owned(),
                    Event::Ready { .. } => return,
                };
                let _ = writeln!(io::stderr(), "{line}");
            }
            Kind::Line { sender, .. } => {
                if let Some(sender) = sender {
                    let _ = sender.send(event);
                }
            }
        }
    }
}

impl Drop for BuildProgress {
    fn drop(&mut self) {
        if let Kind::Line { sender, thread } = &mut self.kind {
            drop(sender.take());
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        }
    }
}

/// The state of the line that changes.
struct Line {
    started: Instant,
    doing: String,
    built: usize,
    fresh: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self { started: Instant::now(), doing: "looking at the notebook's crates".to_owned(), built: 0, fresh: 0 }
    }
}

impl Line {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Started { .. } | Event::Over => {}
            Event::Waiting => self.doing = "waiting for another build".to_owned(),
            Event::Fetching { what } => self.doing = plain(&what),
            Event::Compiling { name, version } => self.doing = format!("compiling {}", crate_name(&name, &version)),
            Event::Ready { fresh: true, .. } => self.fresh += 1,
            Event::Ready { .. } => self.built += 1,
        }
    }

    fn text(&self) -> String {
        let mut crates = count(self.built, "crate built", "crates built");
        if self.fresh > 0 {
            crates.push_str(&format!(", {} ready before", self.fresh));
        }
        format!("Building: {} ({crates}, {})", self.doing, time(self.started.elapsed().as_secs_f64()))
    }

    fn spinner(&self) -> &'static str {
        let turn = self.started.elapsed().as_millis() / 100;
        SPINNER[usize::try_from(turn).unwrap_or(0) % SPINNER.len()]
    }
}

/// The notebook's own package has a name that says nothing to people.
fn crate_name(name: &str, version: &str) -> String {
    if version == "0.0.0" { "the notebook's steps".to_owned() } else { format!("{} {}", plain(name), plain(version)) }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
