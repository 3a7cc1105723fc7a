//! The terminal of a session, which the prompt and what cells write have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use oxikale_engine::Stream;
use rustyline::ExternalPrinter;

use crate::present::transcript::{Sink, Streams};

/// Writes to the terminal; while a cell is being typed, above the prompt.
#[derive(Clone)]
pub struct Screen {
    at_prompt: Arc<AtomicBool>,
    above: Option<Sender<String>>,
}

impl Screen {
    /// A screen without any prompt.
    pub fn plain() -> Self {
        Self { at_prompt: Arc::default(), above: None }
    }

    /// A screen with a prompt, above which `printer` prints.
    pub fn with_prompt(mut printer: impl ExternalPrinter + Send + 'static) -> Self {
        let (above, texts) = mpsc::channel::<String>();
        // The printer waits for the prompt to take its text, and the prompt may have gone; this thread may then wait,
        // but no other.
        thread::spawn(move || {
            while let Ok(mut text) = texts.recv() {
                text.extend(texts.try_iter());
                if printer.print(text).is_err() {
                    break;
                }
            }
        });
        Self { at_prompt: Arc::default(), above: Some(above) }
    }

    /// Says whether there is a prompt now.
    pub fn set_at_prompt(&self, at_prompt: bool) {
        self.at_prompt.store(at_prompt, Ordering::SeqCst);
    }

    /// Whether there is a prompt now.
    pub fn is_at_prompt(&self) -> bool {
        self.at_prompt.load(Ordering::SeqCst)
    }
}

impl Sink for Screen {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        match &self.above {
            Some(above) if self.is_at_prompt() => {
                let _ = above.send(String::from_utf8_lossy(bytes).into_owned());
            }
            _ => Streams { only_stderr: false }.write(stream, bytes),
        }
    }
}
