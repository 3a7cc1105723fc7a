//! `%%bash`: the cell as a script.

use std::io::{Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use oxikale_engine::Stream;
use oxikale_runner::Warden;

use super::arguments::words;
use super::{CommandError, Done};
use crate::session::{Outputs, Session};

pub(super) fn run(session: &mut Session, argument: &str, body: &str) -> Done {
    let failed = |what: &str, error: std::io::Error| CommandError::new(format!("{what}: {error}"));
    // A file and not the command line, which may be no longer than the system says; the script may read its own input.
    let mut script = tempfile::NamedTempFile::new().map_err(|error| failed("the script cannot be written", error))?;
    script.write_all(body.as_bytes()).map_err(|error| failed("the script cannot be written", error))?;

    let name = format!("bash-{}", uuid::Uuid::new_v4().simple());
    let warden = Warden::start(&name);
    let mut child = Command::new("bash")
        .arg(script.path())
        .args(words(argument)?)
        .current_dir(session.place.folder())
        .envs(&session.environment)
        .env(Warden::VARIABLE, &name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| failed("bash cannot be started; is it installed?", error))?;
    let group = i32::try_from(child.id()).unwrap_or_default();
    warden.add(group);
    let readers = [
        child.stdout.take().map(|pipe| read(pipe, Stream::Stdout, &session.outputs)),
        child.stderr.take().map(|pipe| read(pipe, Stream::Stderr, &session.outputs)),
    ];
    let interrupts = Arc::clone(&session.interrupts);
    let status = interrupts.guard(
        move || oxikale_runner::kill_group(group),
        || {
            for reader in readers.into_iter().flatten() {
                drop(reader.join());
            }
            warden.remove(group);
            child.wait()
        },
    );
    if interrupts.is_requested() {
        return Err(CommandError::Interrupted);
    }
    let status = status.map_err(|error| failed("bash cannot be waited for", error))?;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(CommandError::Failed {
            name: "exit".to_owned(),
            message: format!("the script ended with exit code {code}"),
        }),
        (None, signal) => Err(CommandError::Failed {
            name: "signal".to_owned(),
            message: format!("the script was ended by signal {}", signal.unwrap_or_default()),
        }),
    }
}

fn read(mut pipe: impl Read + Send + 'static, stream: Stream, outputs: &Arc<Outputs>) -> thread::JoinHandle<()> {
    let outputs = Arc::clone(outputs);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length) = pipe.read(&mut buffer) {
            if length == 0 {
                return;
            }
            outputs.print(stream, &buffer[..length]);
        }
    })
}
