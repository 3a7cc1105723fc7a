//! A terminal that a test types into and reads from.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Nothing that a test waits for takes longer, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// A terminal with a process in it.
pub struct Terminal {
    keyboard: File,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    child: Child,
    /// How much of what was shown was waited for.
    seen: usize,
}

#[derive(Default)]
struct Shown {
    bytes: Vec<u8>,
    ended: bool,
}

impl Terminal {
    /// Starts a command in a terminal of its own, whose Ctrl-C reaches it.
    pub fn start(command: &Command) -> Self {
        let master = File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave =
            File::from(rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
        tcsetwinsize(&slave, Winsize { ws_row: 30, ws_col: 90, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let mut within = Command::new("setsid");
        within.arg("--ctty").arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            within.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => within.env(name, value),
                None => within.env_remove(name),
            };
        }
        within.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        let child = within.spawn().unwrap();
        // With it goes the last descriptor of the terminal that this process has.
        drop(within);

        let shown = Arc::new((Mutex::new(Shown::default()), Condvar::new()));
        let screen = Arc::clone(&shown);
        let mut reader = master.try_clone().unwrap();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                // When the last process has closed a terminal, reading fails instead of ending.
                let length = reader.read(&mut bytes).unwrap_or(0);
                let mut shown = screen.0.lock().unwrap();
                shown.bytes.extend_from_slice(&bytes[..length]);
                shown.ended = length == 0;
                screen.1.notify_all();
                if length == 0 {
                    return;
                }
            }
        });
        Self { keyboard: master, shown, child, seen: 0 }
    }

    /// Presses keys.
    pub fn types(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Waits until `text` is shown after all that was waited for before; colours and the like between its characters
    /// do not count.
    #[track_caller]
    pub fn shows(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        let screen = Arc::clone(&self.shown);
        let mut shown = screen.0.lock().unwrap();
        loop {
            let new = bare(&shown.bytes);
            if let Some(at) = new[self.seen..].find(text) {
                self.seen += at + text.len();
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !shown.ended, "`{text}` is not shown: {:?}", &new[self.seen..]);
            shown = screen.1.wait_timeout(shown, left).unwrap().0;
        }
        drop(shown);
        self
    }

    /// Waits until the process ends; returns how, and all that was shown.
    #[track_caller]
    pub fn ends(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = self.shown.0.lock().unwrap();
        while !shown.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let _ = self.child.kill();
                panic!("it does not end: {:?}", String::from_utf8_lossy(&shown.bytes));
            }
            shown = self.shown.1.wait_timeout(shown, left).unwrap().0;
        }
        (self.child.wait().unwrap(), String::from_utf8_lossy(&shown.bytes).into_owned())
    }
}

/// The text without control sequences, except those that are not ended yet.
fn bare(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '\x1b' {
            out.push(character);
        } else if rest.next_if_eq(&'[').is_some() {
            for character in rest.by_ref() {
                if ('@'..='~').contains(&character) {
                    break;
                }
            }
        }
    }
    out
}
