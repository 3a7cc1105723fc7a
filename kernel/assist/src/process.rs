//! The helper process: started, spoken to without ever waiting for it, and ended.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use oxikale_engine::Surroundings;

use crate::protocol::{Answer, Kind, Question, Reply, Said};

/// A running helper. Dropping it ends the process.
pub(crate) struct Helper {
    link: Arc<Link>,
    child: Arc<Mutex<Child>>,
    /// Its process id.
    pub(crate) process: u32,
}

/// What the front end and the two threads of a helper share.
#[derive(Default)]
struct Link {
    desk: Mutex<Desk>,
    /// There is something to be written.
    work: Condvar,
}

#[derive(Default)]
struct Desk {
    /// Not yet written; the last ones win.
    surroundings: Option<Arc<Surroundings>>,
    questions: BTreeMap<Kind, (u64, Question)>,
    /// Who waits for an answer, and to which question.
    waiting: BTreeMap<Kind, (u64, SyncSender<Answer>)>,
    /// How many questions were written and not answered.
    open: usize,
    /// Since when the helper has said nothing though it was asked.
    silent_since: Option<Instant>,
    /// Whether it has ever answered.
    has_answered: bool,
    gone: bool,
}

impl Helper {
    /// Starts the program.
    pub(crate) fn start(executable: &Path, arguments: &[OsString]) -> io::Result<Self> {
        let mut child = Command::new(executable)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let process = child.id();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let helper = Self { link: Arc::default(), child: Arc::new(Mutex::new(child)), process };
        // From here on, dropping `helper` ends the process.
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            return Err(io::Error::other("a new process has no pipes"));
        };
        let link = Arc::clone(&helper.link);
        thread::Builder::new().name("assist-ask".to_owned()).spawn(move || write(&link, stdin))?;
        let (link, child) = (Arc::clone(&helper.link), Arc::clone(&helper.child));
        thread::Builder::new().name("assist-answer".to_owned()).spawn(move || {
            read(&link, stdout);
            link.end();
            let mut child = lock(&child);
            // It has closed its output, so it is of no use any more; both fail only if it has been waited for.
            _ = child.kill();
            _ = child.wait();
        })?;
        Ok(helper)
    }

    /// Says what questions are about from now on.
    pub(crate) fn surround(&self, surroundings: Arc<Surroundings>) {
        self.link.put(|desk| desk.surroundings = Some(surroundings));
    }

    /// Asks; an older question of the same kind gets no answer any more.
    pub(crate) fn ask(&self, id: u64, question: Question, answer: Option<SyncSender<Answer>>) {
        self.link.put(|desk| {
            let kind = question.kind();
            match answer {
                Some(answer) => drop(desk.waiting.insert(kind, (id, answer))),
                None => drop(desk.waiting.remove(&kind)),
            }
            desk.questions.insert(kind, (id, question));
        });
    }

    /// Nobody waits for this answer any more.
    pub(crate) fn forget(&self, kind: Kind, id: u64) {
        let mut desk = lock(&self.link.desk);
        if desk.waiting.get(&kind).is_some_and(|(waiting, _)| *waiting == id) {
            desk.waiting.remove(&kind);
        }
        if desk.questions.get(&kind).is_some_and(|(waiting, _)| *waiting == id) {
            desk.questions.remove(&kind);
        }
    }

    /// Whether it has ended, or has been busy with one question for so long that it never will.
    pub(crate) fn is_gone(&self, patience: Duration) -> bool {
        // Its end is known here a little earlier than to the thread that reads.
        if !matches!(lock(&self.child).try_wait(), Ok(None)) {
            return true;
        }
        let desk = lock(&self.link.desk);
        desk.gone || desk.silent_since.is_some_and(|since| since.elapsed() > patience)
    }

    /// Whether it has ever answered.
    pub(crate) fn has_answered(&self) -> bool {
        lock(&self.link.desk).has_answered
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.link.end();
        // It fails if the process has ended already.
        _ = lock(&self.child).kill();
    }
}

impl Link {
    fn put(&self, change: impl FnOnce(&mut Desk)) {
        change(&mut lock(&self.desk));
        self.work.notify_all();
    }

    /// Everybody who waits learns that there is no answer.
    fn end(&self) {
        self.put(|desk| {
            desk.gone = true;
            desk.waiting.clear();
        });
    }

    /// What is to be written next; none when the helper is gone.
    fn next(&self) -> Option<Said> {
        let mut desk = lock(&self.desk);
        loop {
            if desk.gone {
                return None;
            }
            if let Some(surroundings) = desk.surroundings.take() {
                return Some(Said::Surroundings(Box::new(surroundings.as_ref().clone())));
            }
            if let Some((_, (id, question))) = desk.questions.pop_first() {
                desk.open += 1;
                desk.silent_since.get_or_insert_with(Instant::now);
                return Some(Said::Ask { id, question });
            }
            desk = self.work.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn deliver(&self, reply: Reply) {
        let mut desk = lock(&self.desk);
        desk.has_answered = true;
        desk.open = desk.open.saturating_sub(1);
        desk.silent_since = (desk.open > 0).then(Instant::now);
        let kind = desk.waiting.iter().find(|(_, (id, _))| *id == reply.id).map(|(kind, _)| *kind);
        if let Some((_, answer)) = kind.and_then(|kind| desk.waiting.remove(&kind)) {
            // Whoever asked may have given up in this moment.
            _ = answer.try_send(reply.answer);
        }
    }
}

fn write(link: &Link, mut stdin: ChildStdin) {
    while let Some(said) = link.next() {
        let Ok(mut line) = serde_json::to_vec(&said) else { continue };
        line.push(b'\n');
        if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
            return link.end();
        }
    }
}

fn read(link: &Link, stdout: ChildStdout) {
    for line in BufReader::new(stdout).lines() {
        let Ok(line) = line else { return };
        // Whatever else it writes is not for us.
        if let Ok(reply) = serde_json::from_str(&line) {
            link.deliver(reply);
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
