//! The parent of a session's processes. It runs no user code, says how each of them ended, and lets none outlive the
//! engine.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use std::{fs, process, thread};

use crate::os::{self, Side};
use crate::protocol::{Command, Message, Role};
use crate::serve;
use crate::setting::{Channel, Setting};

/// How long a process may take to end. One that waits for a broken disk cannot be ended at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Divides into the supervisor and the first host.
pub fn start(setting: &'static Setting) -> ! {
    os::leave_terminal();
    os::adopt_orphans();
    match os::divide() {
        Ok(Side::Child) => serve::start(setting),
        Ok(Side::Parent(_)) => match setting.connect(Role::Supervisor) {
            Ok(channel) => supervise(channel, setting),
            Err(error) => {
                eprintln!("the supervisor of the processes that run cells cannot reach its engine: {error}");
                end_descendants(process::id(), &[]);
                os::leave(1);
            }
        },
        Err(error) => {
            eprintln!("the process that runs cells cannot be started: {error}");
            os::leave(1);
        }
    }
}

fn supervise(channel: Channel, setting: &'static Setting) -> ! {
    thread::scope(|scope| {
        scope.spawn(|| {
            // Without children there are no descendants either, so none can come later.
            while let Some((pid, status)) = os::wait_for_child(None, true) {
                channel.send(&Message::Died { pid, status });
            }
        });
        while let Some(command) = channel.receive() {
            match command {
                Command::End { host, spare } => {
                    let mut pids: HashSet<u32> = descendants(process::id(), &spare).into_iter().collect();
                    // At once, so that they do not go on dividing.
                    if host != 0 && !spare.contains(&host) {
                        os::end_group(host);
                    }
                    pids.extend(end_descendants(process::id(), &spare));
                    channel.send(&Message::Ended { pids: pids.into_iter().collect() });
                }
                Command::Stop => break,
                _ => channel.send(&Message::Refused("this command is not for the supervisor".to_owned())),
            }
        }
        end_descendants(process::id(), &[]);
        // The engine does this too, unless it was killed.
        drop(fs::remove_dir_all(setting.folder()));
        os::leave(0)
    })
}

/// Ends every process below one, except these, and gives their numbers.
pub fn end_descendants(root: u32, spare: &[u32]) -> Vec<u32> {
    let started = Instant::now();
    let mut ended = HashSet::new();
    loop {
        let found = descendants(root, spare);
        // Again until none is found, since one may have divided in the meantime.
        if found.is_empty() || started.elapsed() > PATIENCE {
            return ended.into_iter().collect();
        }
        for pid in found {
            os::end_process(pid);
            ended.insert(pid);
        }
        thread::sleep(Duration::from_micros(200));
    }
}

fn descendants(root: u32, spare: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<(u32, bool)>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name stands in parentheses and may hold anything, also parentheses.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, parent) = (fields.next(), fields.next());
        let lives = !matches!(state, Some("Z" | "X") | None);
        if let Some(parent) = parent.and_then(|parent| parent.parse().ok()) {
            children.entry(parent).or_default().push((pid, lives));
        }
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        for (pid, lives) in children.remove(&parent).unwrap_or_default() {
            if !spare.contains(&pid) {
                open.push(pid);
                found.extend(lives.then_some(pid));
            }
        }
    }
    found
}
