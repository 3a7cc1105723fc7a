//! What this machine, or the part of it that this process may use, has to offer.

use std::fs;

/// Thousandths of a core that may be used.
pub(crate) fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64) * 1000
}

/// Bytes of memory that may be used: the machine's, or less where a control group says so.
pub(crate) fn memory() -> u64 {
    let info = rustix::system::sysinfo();
    let machine = info.totalram.saturating_mul(u64::from(info.mem_unit).max(1));
    control_group_limit().map_or(machine, |limit| limit.min(machine))
}

/// The smallest memory limit of the control groups that this process is in.
fn control_group_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut smallest = None;
    let mut path = Some(std::path::Path::new(group.trim_start_matches('/')));
    while let Some(at) = path {
        let file = std::path::Path::new("/sys/fs/cgroup").join(at).join("memory.max");
        let limit = fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<u64>().ok());
        smallest = match (smallest, limit) {
            (Some(a), Some(b)) => Some(u64::min(a, b)),
            (a, b) => a.or(b),
        };
        path = at.parent();
    }
    smallest
}
