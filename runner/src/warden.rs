//! A small shell beside a run that kills what the run leaves behind when it is itself killed.
//!
//! A runner that gets SIGKILL can do nothing any more. The warden sleeps on a pipe whose other
//! end only the runner holds; when that end closes without a word, it kills the groups that were
//! alive, grandchildren included, which the kernel's parent-death signal would spare.

use std::io::{PipeWriter, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Reads `+ <group>`, `- <group>` and, where all is well, `. 0` as the last line. Where that does not
/// come, it kills the groups that are left, and then every process that has the run's name in its
/// environment: one that was started and not yet announced, or that made itself a group of its own.
const SCRIPT: &str = r#"
trap '' HUP INT TERM QUIT PIPE
live=
while read -r sign group; do
  case $sign in
    +) live="$live $group" ;;
    -) rest=
       for one in $live; do [ "$one" = "$group" ] || rest="$rest $one"; done
       live=$rest ;;
    .) exit 0 ;;
  esac
done
for one in $live; do kill -s KILL -- "-$one" 2>/dev/null; done
for pass in 1 2 3; do
  for one in $(grep -lF "OXIKALE_RUN=$1" /proc/[0-9]*/environ 2>/dev/null); do
    one=${one#/proc/}
    kill -s KILL "${one%/environ}" 2>/dev/null
  done
done
"#;

/// Looks after groups of processes. Should this process be killed, the groups that were added are killed too, and
/// every process that has [`Self::VARIABLE`] set to the warden's name.
pub struct Warden {
    pipe: Mutex<Option<PipeWriter>>,
    shell: Option<Child>,
}

impl Warden {
    /// The environment variable by which processes are known that belong to a warden's.
    pub const VARIABLE: &str = "OXIKALE_RUN";

    /// Starts it. Where there is no `sh`, the run goes on without one.
    pub fn start(run: &str) -> Self {
        let started = std::io::pipe().and_then(|(reader, writer)| {
            let shell = Command::new("sh")
                .args(["-c", SCRIPT, "oxikale-warden", run])
                .env_clear()
                .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
                .current_dir("/")
                .stdin(reader)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()?;
            Ok((shell, writer))
        });
        match started {
            Ok((shell, writer)) => Self { pipe: Mutex::new(Some(writer)), shell: Some(shell) },
            Err(_) => Self { pipe: Mutex::new(None), shell: None },
        }
    }

    /// Whether there is one.
    pub fn is_awake(&self) -> bool {
        self.shell.is_some()
    }

    /// A group is alive from now on.
    pub fn add(&self, group: i32) {
        self.tell('+', group);
    }

    /// A group is gone. To be called before its leader is reaped.
    pub fn remove(&self, group: i32) {
        self.tell('-', group);
    }

    fn tell(&self, sign: char, group: i32) {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = pipe.as_mut()
            && writer.write_all(format!("{sign} {group}\n").as_bytes()).is_err()
        {
            *pipe = None;
        }
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        self.tell('.', 0);
        *self.pipe.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(mut shell) = self.shell.take() {
            let _ = shell.wait();
        }
    }
}
