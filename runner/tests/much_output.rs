//! A step that prints 200 MB: all of it is kept, and the runner needs no more memory for it.

mod support;

use std::fs;

use oxikale_runner::{Cancel, Event, State};
use support::{Bench, pipeline, step};

fn resident_peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn two_hundred_megabytes_of_output_are_kept_in_little_memory() {
    const SIZE: u64 = 200_000_000;
    let bench = Bench::new();
    let small = pipeline(&[step("small", "echo x")]);
    oxikale_runner::run(&small, &bench.options, &Cancel::new(), &mut |_| {}).unwrap();
    let before = resident_peak();
    let ir =
        pipeline(&[step("loud", &format!("head -c {SIZE} /dev/zero | tr '\\0' x & head -c 1000 /dev/zero >&2; wait"))]);
    let mut seen = 0;
    let run = oxikale_runner::run(&ir, &bench.options, &Cancel::new(), &mut |event| {
        if let Event::Output { bytes, .. } = event {
            seen += bytes.len() as u64;
        }
    })
    .unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    assert_eq!(seen, SIZE + 1000);
    let log = bench.store().log(&run.id, "loud").unwrap();
    assert_eq!(fs::metadata(log.path()).unwrap().len(), SIZE + 1000);
    assert_eq!(log.copy(Some(oxikale_runner::Stream::Stderr), None, &mut std::io::sink()).unwrap(), 1000);
    if let (Some(before), Some(after)) = (before, resident_peak()) {
        assert!(after - before < 32 << 10, "from {before} to {after} KiB");
    }
}
