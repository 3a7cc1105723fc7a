//! Shows the cells of a notebook while they run: one line for each that is drawn again, or plain lines.

use std::sync::{Mutex, PoisonError};

use oxikale_engine::{Event, Stream};

use super::live_cells::LiveCells;
use super::paint::Paint;
use super::text::{plain, time};
use super::transcript::{Streams, Transcript};
use crate::session::Session;

/// A cell that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which of the cells that run it is, from 1.
    pub number: usize,
    /// How many cells run.
    pub count: usize,
    /// What messages call it.
    pub cell: String,
    /// Its first line.
    pub title: String,
}

/// How a cell ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Well.
    Good,
    /// With an error that its tag `raises-exception` allows.
    Allowed(String),
    /// With an error.
    Failed(String),
    /// By Ctrl-C.
    Interrupted,
}

/// Shows cells on standard error.
pub enum CellProgress {
    /// Only errors, once it is known that they are none that a tag allows.
    Silent(Mutex<Transcript<Streams>>, Mutex<Vec<Event>>),
    /// Lines.
    Plain(Mutex<Transcript<Streams>>, Paint),
    /// A line that is drawn again.
    Live(LiveCells),
}

impl CellProgress {
    /// As the session likes it.
    pub fn start(session: &Session) -> Self {
        let transcript = || Mutex::new(Transcript::new(Streams { only_stderr: true }, session));
        if session.quiet {
            Self::Silent(transcript(), Mutex::default())
        } else if session.is_live_err() {
            Self::Live(LiveCells::start(session))
        } else {
            Self::Plain(transcript(), session.err())
        }
    }

    /// A cell begins.
    pub fn begin(&self, place: &Place) {
        match self {
            Self::Silent(..) => {}
            Self::Plain(transcript, paint) => line(transcript, &place.head(*paint)),
            Self::Live(live) => live.begin(place),
        }
    }

    /// Something happens in it.
    pub fn hear(&self, event: &Event) {
        match self {
            Self::Silent(_, errors) => {
                if matches!(event, Event::Error(_)) {
                    errors.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
                }
            }
            Self::Plain(transcript, _) => transcript.lock().unwrap_or_else(PoisonError::into_inner).hear(event),
            Self::Live(live) => live.hear(event),
        }
    }

    /// It is over.
    pub fn end(&self, place: &Place, end: &End, seconds: f64) {
        match self {
            Self::Silent(transcript, errors) => {
                let errors = std::mem::take(&mut *errors.lock().unwrap_or_else(PoisonError::into_inner));
                if matches!(end, End::Failed(_) | End::Interrupted) {
                    let mut transcript = transcript.lock().unwrap_or_else(PoisonError::into_inner);
                    transcript.lines(Stream::Stderr, &format!("cell {}: {}\n", place.cell, plain(&place.title)));
                    errors.iter().for_each(|event| transcript.hear(event));
                }
            }
            Self::Plain(transcript, paint) => {
                line(transcript, &format!("{} {}", place.count(*paint), end.words(seconds, *paint)));
            }
            Self::Live(live) => live.end(end, seconds),
        }
    }

    /// Nothing more will come: what was drawn last stays.
    pub fn close(&self) {
        match self {
            Self::Silent(transcript, _) | Self::Plain(transcript, _) => {
                transcript.lock().unwrap_or_else(PoisonError::into_inner).end_line();
            }
            Self::Live(live) => live.close(),
        }
    }
}

fn line(transcript: &Mutex<Transcript<Streams>>, text: &str) {
    transcript.lock().unwrap_or_else(PoisonError::into_inner).lines(Stream::Stderr, &format!("{text}\n"));
}

impl Place {
    /// `[3/12]`
    pub fn count(&self, paint: Paint) -> String {
        paint.dim(&format!("[{:>width$}/{}]", self.number, self.count, width = self.count.to_string().len()))
    }

    /// `[3/12] cell 5: let x = 1;`
    pub fn head(&self, paint: Paint) -> String {
        format!("{} {}: {}", self.count(paint), paint.bold(&format!("cell {}", self.cell)), plain(&self.title))
    }
}

impl End {
    /// `1.2 s`, `failed after 1.2 s: E0382`
    pub fn words(&self, seconds: f64, paint: Paint) -> String {
        let time = time(seconds);
        match self {
            Self::Good => format!("done in {time}"),
            Self::Allowed(why) => format!("failed after {time}, as its tag `raises-exception` allows: {}", plain(why)),
            Self::Failed(why) => format!("{} after {time}: {}", paint.error("failed"), plain(why)),
            Self::Interrupted => format!("{} after {time}", paint.warning("interrupted")),
        }
    }
}
