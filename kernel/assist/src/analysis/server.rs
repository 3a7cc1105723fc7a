//! The helper's main loop: reads what is asked, answers the latest of each kind, and ends with its front end.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, process, thread};

use oxikale_engine::Surroundings;

use super::world::World;
use super::{completion, diagnosis, inspection};
use crate::process::lock;
use crate::protocol::{Answer, Kind, Question, Reply, Said};

/// How long the helper waits for a question until it ends, so that its memory is free.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// The stack of the thread that answers: types and expressions may be nested deeply.
const STACK: usize = 256 << 20;

/// What has been said and not yet been looked at.
#[derive(Default)]
struct Inbox {
    desk: Mutex<Desk>,
    news: Condvar,
}

#[derive(Default)]
struct Desk {
    surroundings: Option<Surroundings>,
    questions: BTreeMap<Kind, (u64, Question)>,
}

/// Answers what is asked on the standard input, until that ends or nothing is asked for a quarter of an hour.
pub fn serve() -> ! {
    // When memory gets short, this is the process to be ended first: it can be started again without loss.
    _ = fs::write("/proc/self/oom_score_adj", "800");
    let inbox = Arc::new(Inbox::default());
    let reader = Arc::clone(&inbox);
    let answering = thread::Builder::new().name("answers".to_owned()).stack_size(STACK).spawn(move || answer(&inbox));
    if answering.is_err() {
        process::exit(1);
    }
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        // What is not understood is from another version, whose questions get no answer.
        if let Ok(said) = serde_json::from_str(&line) {
            reader.put(said);
        }
    }
    // Whatever is being answered, nobody waits for it any more.
    process::exit(0)
}

impl Inbox {
    fn put(&self, said: Said) {
        let mut desk = lock(&self.desk);
        match said {
            Said::Surroundings(surroundings) => desk.surroundings = Some(*surroundings),
            Said::Ask { id, question } => {
                if let Some((old, _)) = desk.questions.insert(question.kind(), (id, question)) {
                    reply(old, Answer::Nothing);
                }
            }
        }
        self.news.notify_one();
    }

    /// What is to be done next; none if nothing was asked for too long.
    fn next(&self) -> Option<(Option<Surroundings>, u64, Question)> {
        let mut desk = lock(&self.desk);
        loop {
            if let Some((_, (id, question))) = desk.questions.pop_first() {
                return Some((desk.surroundings.take(), id, question));
            }
            let (next, waited) = self.news.wait_timeout(desk, IDLE).unwrap_or_else(PoisonError::into_inner);
            desk = next;
            if waited.timed_out() && desk.questions.is_empty() {
                return None;
            }
        }
    }
}

fn answer(inbox: &Inbox) {
    let mut world = World::new();
    while let Some((surroundings, id, question)) = inbox.next() {
        if let Some(surroundings) = surroundings {
            world.update(surroundings);
        }
        // rust-analyzer fails on some code; what it knows is not harmed by that.
        let found = catch_unwind(AssertUnwindSafe(|| find(&mut world, &question)));
        reply(id, found.ok().flatten().unwrap_or(Answer::Nothing));
    }
    process::exit(0);
}

fn find(world: &mut World, question: &Question) -> Option<Answer> {
    match question {
        Question::WarmUp => {
            // Whatever a method call needs is what most questions need.
            const CALL: &str = "let numbers = vec![1.0]; numbers.";
            completion::complete(&world.show(CALL), CALL.len());
            None
        }
        Question::Complete { source, offset } => {
            completion::complete(&world.show(source), *offset).map(Answer::Completions)
        }
        Question::Inspect { source, offset, detail } => {
            inspection::inspect(&world.show(source), *offset, *detail).map(Answer::Inspection)
        }
        Question::Diagnose { source, adds_crates } => {
            diagnosis::diagnose(&world.show(source), *adds_crates).map(Answer::Diagnostics)
        }
    }
}

fn reply(id: u64, answer: Answer) {
    let Ok(mut line) = serde_json::to_vec(&Reply { id, answer }) else { return };
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    if stdout.write_all(&line).and_then(|()| stdout.flush()).is_err() {
        process::exit(0);
    }
}
