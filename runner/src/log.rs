//! A step's log: one file with what it printed as it came, and an index that says which bytes are whose.
//!
//! The index has a line wherever the stream changes and at least every tenth of a second of output:
//! `<attempt> <milliseconds since the attempt began> <o or e> <first byte>`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use crate::events::Stream;
use crate::folder::StepFolder;

/// Output of one stream within this time shares a line of the index.
const SPAN_MILLISECONDS: u128 = 100;

/// Writes the log of one attempt behind those of the attempts before.
pub(crate) struct LogWriter {
    log: File,
    index: File,
    attempt: u32,
    started: Instant,
    /// How long the log is.
    length: u64,
    last: Option<(Stream, u128)>,
}

impl LogWriter {
    /// Opens both files, creating them where they are missing.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub fn open(folder: &StepFolder, attempt: u32) -> io::Result<Self> {
        let open = |path: PathBuf| OpenOptions::new().create(true).append(true).open(path);
        let log = open(folder.log())?;
        let index = open(folder.log_index())?;
        let length = log.metadata()?.len();
        Ok(Self { log, index, attempt, started: Instant::now(), length, last: None })
    }

    /// Adds what came on a stream.
    ///
    /// # Errors
    /// When it cannot be written, for instance because the disk is full.
    pub fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let now = self.started.elapsed().as_millis();
        let continues = self.last.is_some_and(|(last, since)| last == stream && now - since < SPAN_MILLISECONDS);
        if !continues {
            let letter = match stream {
                Stream::Stdout => 'o',
                Stream::Stderr => 'e',
            };
            let line = format!("{} {now} {letter} {}\n", self.attempt, self.length);
            self.index.write_all(line.as_bytes())?;
            self.last = Some((stream, now));
        }
        self.log.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

/// A stretch of a log that came from one stream of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LogSpan {
    /// The try, from 1.
    pub attempt: u32,
    /// Milliseconds from the start of the try to the first byte.
    pub milliseconds: u64,
    /// Where it was printed.
    pub stream: Stream,
    /// The first byte in the log.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
}

/// A step's log, to be read. It may still grow.
#[derive(Debug, Clone)]
pub struct Log {
    log: PathBuf,
    index: PathBuf,
}

impl Log {
    pub(crate) fn of(run: &Path, task: &str) -> Self {
        let folder = StepFolder::new(run, task);
        Self { log: folder.log(), index: folder.log_index() }
    }

    /// The file with all that was printed, as it came.
    pub fn path(&self) -> &Path {
        &self.log
    }

    /// Whether the step ever got so far that it has a log.
    pub fn exists(&self) -> bool {
        self.log.exists()
    }

    /// Which bytes are whose, in the order of the file.
    ///
    /// # Errors
    /// When a file cannot be read. Lines of the index that are broken are passed over.
    pub fn spans(&self) -> io::Result<Vec<LogSpan>> {
        let mut spans: Vec<LogSpan> = Vec::new();
        for line in BufReader::new(File::open(&self.index)?).lines() {
            let Some(span) = line.ok().as_deref().and_then(span) else { continue };
            if let Some(last) = spans.last_mut() {
                last.end = span.start.max(last.start);
            }
            spans.push(span);
        }
        let length = std::fs::metadata(&self.log)?.len();
        if let Some(last) = spans.last_mut() {
            last.end = length.max(last.start);
        }
        spans.retain(|span| span.end > span.start);
        Ok(spans)
    }

    /// Copies the log to `to`, or only what came on `stream`, or only that of one try. Needs little memory.
    ///
    /// # Errors
    /// When a file cannot be read or `to` cannot be written.
    pub fn copy(&self, stream: Option<Stream>, attempt: Option<u32>, to: &mut dyn Write) -> io::Result<u64> {
        let mut log = File::open(&self.log)?;
        if stream.is_none() && attempt.is_none() {
            return io::copy(&mut log, to);
        }
        let mut copied = 0;
        for span in self.spans()? {
            if stream.is_none_or(|stream| stream == span.stream) && attempt.is_none_or(|n| n == span.attempt) {
                log.seek(SeekFrom::Start(span.start))?;
                copied += io::copy(&mut (&log).take(span.end - span.start), to)?;
            }
        }
        Ok(copied)
    }
}

/// A line of the index; its end is not known yet.
fn span(line: &str) -> Option<LogSpan> {
    let mut fields = line.split(' ');
    let attempt = fields.next()?.parse().ok()?;
    let milliseconds = fields.next()?.parse().ok()?;
    let stream = match fields.next()? {
        "o" => Stream::Stdout,
        "e" => Stream::Stderr,
        _ => return None,
    };
    let start = fields.next()?.parse().ok()?;
    Some(LogSpan { attempt, milliseconds, stream, start, end: start })
}
