//! How a process ended, in words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

/// What is to be said of a process that ended so; nothing where it succeeded.
pub(crate) fn reason(status: ExitStatus) -> Option<String> {
    if let Some(signal) = status.signal() {
        let hint = match signal_name(signal).as_str() {
            "SIGKILL" => " (out of memory?)",
            "SIGSEGV" | "SIGBUS" => " (a memory error; look for `unsafe` code, foreign code or a stack overflow)",
            "SIGILL" => " (an instruction that this processor does not have?)",
            _ => "",
        };
        return Some(format!("killed by {}{hint}", signal_name(signal)));
    }
    status.code().filter(|code| *code != 0).map(|code| format!("ended with exit code {code}"))
}

/// `SIGKILL` and the like.
pub(crate) fn signal_name(number: i32) -> String {
    let names = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
        (Signal::SYS, "SIGSYS"),
    ];
    names
        .iter()
        .find(|(signal, _)| signal.as_raw() == number)
        .map_or_else(|| format!("signal {number}"), |(_, name)| (*name).to_owned())
}
