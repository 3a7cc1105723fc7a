//! What an event of the engine says on a terminal.

use oxikale_engine::{Event, Progress, Stream};

use super::forms;
use super::paint::Paint;
use super::text::{plain, without_colours};

/// What is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Bytes as user code wrote them.
    Text(Stream, Vec<u8>),
    /// Whole lines, the last one ended, too.
    Lines(Stream, String),
    /// How far something is that takes time.
    Progress(Progress),
    /// Nothing that a terminal could show.
    Nothing,
}

/// What `event` says, in these colours.
pub fn said(event: &Event, paint: Paint) -> Said {
    match event {
        Event::Text { stream, bytes } => Said::Text(*stream, bytes.clone()),
        // What was shown before stands where it stands; drawing it again at each change would fill the screen.
        Event::Display { update: true, .. } => Said::Nothing,
        Event::Display { data, .. } | Event::Result { data } => lines(Stream::Stdout, &forms::text(data)),
        Event::Error(error) => {
            let short = || format!("{} {}", paint.error(&format!("{}:", plain(&error.name))), error.message);
            let text = if error.rendered.trim().is_empty() { short() } else { error.rendered.clone() };
            lines(Stream::Stderr, &coloured(&text, paint))
        }
        Event::Warning(warning) => {
            let short = || format!("{} {}", paint.warning("warning:"), warning.message);
            let text = if warning.rendered.trim().is_empty() { short() } else { warning.rendered.clone() };
            lines(Stream::Stderr, &coloured(&text, paint))
        }
        Event::Notice(text) => {
            let dimmed: Vec<String> = text.lines().map(|line| paint.dim(line)).collect();
            lines(Stream::Stderr, &dimmed.join("\n"))
        }
        Event::Progress(progress) => Said::Progress(progress.clone()),
        Event::Input { .. } | Event::Timing { .. } => Said::Nothing,
    }
}

fn lines(stream: Stream, text: &str) -> Said {
    let text = text.trim_end_matches('\n');
    if text.is_empty() { Said::Nothing } else { Said::Lines(stream, format!("{text}\n")) }
}

fn coloured(text: &str, paint: Paint) -> String {
    if paint.is_on() { text.to_owned() } else { without_colours(text) }
}
