//! What is asked of the operating system, and the few things that need `unsafe`.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_ulong, c_void};
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::output;
use crate::{Flow, Variables};

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("the process that runs cells is made for Linux on x86_64 or aarch64");

#[cfg(target_arch = "x86_64")]
mod number {
    pub const READ: i64 = 0;
    pub const WRITE: i64 = 1;
    pub const WRITEV: i64 = 20;
    pub const GETTID: i64 = 186;
}
#[cfg(target_arch = "aarch64")]
mod number {
    pub const READ: i64 = 63;
    pub const WRITE: i64 = 64;
    pub const WRITEV: i64 = 66;
    pub const GETTID: i64 = 178;
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    fn poll(descriptors: *mut PollDescriptor, count: c_ulong, timeout: c_int) -> c_int;
    fn fork() -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn setpgid(pid: c_int, group: c_int) -> c_int;
    fn setsid() -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn setrlimit(resource: c_int, limits: *const [u64; 2]) -> c_int;
    fn getrlimit(resource: c_int, limits: *mut [u64; 2]) -> c_int;
    fn close(fd: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    fn dlerror() -> *const c_char;
}

#[repr(C)]
struct PollDescriptor {
    fd: c_int,
    events: i16,
    happened: i16,
}

/// Part of a scattered write.
#[repr(C)]
pub struct Part {
    start: *const u8,
    length: usize,
}

const FIONREAD: c_ulong = 0x541B;
const POLLOUT: i16 = 4;
const POLLRDHUP: i16 = 0x2000;
const EAGAIN: i32 = 11;
const EINTR: i32 = 4;
const SIGKILL: c_int = 9;
const RLIMIT_STACK: c_int = 3;
const RLIMIT_CORE: c_int = 4;

/// `write` of the C library, for everything in this process that calls it by that name: it keeps the order among the
/// standard streams and the displays.
///
/// # Safety
/// As write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, bytes: *const u8, count: usize) -> isize {
    let start = || {
        let mut start = [0; 5];
        // SAFETY: only asked for when there are that many bytes, and then the caller's promise.
        start.iter_mut().enumerate().for_each(|(index, byte)| *byte = unsafe { *bytes.add(index) });
        start
    };
    let Some(stream) = output::stream_of(fd, count, start) else {
        // SAFETY: the caller's promise.
        return unsafe { syscall(number::WRITE, fd, bytes, count) } as isize;
    };
    let _turn = output::turn(stream);
    let mut written = 0;
    loop {
        // SAFETY: the caller's promise; `written` never passes `count`.
        let result = unsafe { syscall(number::WRITE, fd, bytes.add(written), count - written) } as isize;
        if result < 0 && last_error() == EAGAIN {
            // A program that shares the pipe has made it non-blocking, which std takes for an error.
            wait_for_room(fd);
        } else if result < 0 && written > 0 && last_error() == EINTR {
            continue;
        } else if result < 0 {
            return if written > 0 { written as isize } else { result };
        } else {
            written += result as usize;
            // Half a record would spoil all later ones, so it is written to its end.
            if written >= count || stream != output::Stream::Display {
                return written as isize;
            }
        }
    }
}

/// `writev` of the C library, likewise.
///
/// # Safety
/// As writev(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, parts: *const Part, count: c_int) -> isize {
    let _turn = output::stream_of(fd, 0, || [0; 5]).map(output::turn);
    loop {
        // SAFETY: the caller's promise.
        let result = unsafe { syscall(number::WRITEV, fd, parts, count) } as isize;
        if result >= 0 || _turn.is_none() || last_error() != EAGAIN {
            return result;
        }
        wait_for_room(fd);
    }
}

/// `read` of the C library, likewise: reading the standard input asks the engine for a line.
///
/// # Safety
/// As read(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(fd: c_int, bytes: *mut u8, count: usize) -> isize {
    if fd == 0 && count > 0 {
        crate::input::before_read();
    }
    // SAFETY: the caller's promise.
    unsafe { syscall(number::READ, fd, bytes, count) as isize }
}

fn last_error() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn wait_for_room(fd: RawFd) {
    let mut descriptor = PollDescriptor { fd, events: POLLOUT, happened: 0 };
    // SAFETY: one descriptor, which lives through the call.
    unsafe { poll(&raw mut descriptor, 1, -1) };
}

/// Waits until the other side of a socket is gone.
pub fn wait_for_hang_up(fd: RawFd) {
    loop {
        let mut descriptor = PollDescriptor { fd, events: POLLRDHUP, happened: 0 };
        // SAFETY: one descriptor, which lives through the call.
        let result = unsafe { poll(&raw mut descriptor, 1, -1) };
        if result > 0 || (result < 0 && last_error() != EINTR) {
            return;
        }
    }
}

/// How many bytes a pipe holds that nobody has read.
pub fn unread(fd: RawFd) -> usize {
    let mut count: c_int = 0;
    // SAFETY: FIONREAD writes one int.
    let result = unsafe { ioctl(fd, FIONREAD, &raw mut count) };
    if result < 0 { 0 } else { usize::try_from(count).unwrap_or(0) }
}

/// What tells a file from every other: its device and its number there.
pub fn identity(fd: RawFd) -> Option<(u64, u64)> {
    // SAFETY: the file is not closed here, since it is never dropped; a descriptor that is not open is an error of
    // `metadata`.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    file.metadata().ok().map(|data| (data.dev(), data.ino()))
}

/// Closes a descriptor whose owner lives on in another process, of which this one is a copy.
pub fn close_file(fd: RawFd) {
    // SAFETY: nothing in this process uses it any more.
    unsafe { close(fd) };
}

/// Which side of a fork this is.
pub enum Side {
    /// The new process.
    Child,
    /// The old one, and the number of the new one.
    Parent(u32),
}

/// Divides this process; only the calling thread goes on in the new one.
pub fn divide() -> io::Result<Side> {
    // SAFETY: `fork` of the C library leaves its allocator usable in the child, and what this crate shares between
    // threads is made anew there.
    match unsafe { fork() } {
        0 => Ok(Side::Child),
        pid if pid > 0 => Ok(Side::Parent(pid.unsigned_abs())),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits for a child process, any if `pid` is `None`, and gives its number and how it ended. `None` if there is none,
/// or none that has ended when `block` is false.
pub fn wait_for_child(pid: Option<u32>, block: bool) -> Option<(u32, i32)> {
    let mut status = 0;
    loop {
        let which = pid.map_or(-1, |pid| pid as c_int);
        // SAFETY: `status` lives through the call.
        let found = unsafe { waitpid(which, &raw mut status, c_int::from(!block)) };
        if found > 0 {
            return Some((found.unsigned_abs(), status));
        }
        if found == 0 || last_error() != EINTR {
            return None;
        }
    }
}

/// The number of the calling thread.
pub fn thread() -> u32 {
    // SAFETY: no memory is involved.
    unsafe { syscall(number::GETTID) as u32 }
}

/// Ends a process at once.
pub fn end_process(pid: u32) {
    // SAFETY: no memory is involved.
    unsafe { kill(pid as c_int, SIGKILL) };
}

/// Ends a process group at once.
pub fn end_group(group: u32) {
    // SAFETY: no memory is involved.
    unsafe { kill(-(group as c_int), SIGKILL) };
}

/// Makes a process the head of a group of its own: this one, or a child.
pub fn own_group(pid: u32) {
    // SAFETY: no memory is involved.
    unsafe { setpgid(pid as c_int, 0) };
}

/// Takes this process away from its terminal, whose Ctrl-C is for the engine.
pub fn leave_terminal() {
    // SAFETY: no memory is involved.
    unsafe { setsid() };
}

/// Makes this process the parent of descendants whose own parent is gone.
pub fn adopt_orphans() {
    const PR_SET_CHILD_SUBREAPER: c_int = 36;
    // SAFETY: this option takes a number.
    unsafe { prctl(PR_SET_CHILD_SUBREAPER, 1 as c_ulong) };
}

/// Writes no memory image when this process crashes: with much memory that takes long, and nobody looks at it.
pub fn no_core() {
    let mut limits = [0; 2];
    // SAFETY: both take a pair of 64-bit numbers on the targets above.
    unsafe {
        if getrlimit(RLIMIT_CORE, &raw mut limits) == 0 {
            limits[0] = 0;
            setrlimit(RLIMIT_CORE, &raw const limits);
        }
    }
}

/// The size of a thread's stack that is as large as the first thread's.
pub fn stack_size() -> usize {
    const USUAL: usize = 8 << 20;
    let mut limits = [0; 2];
    // SAFETY: it takes a pair of 64-bit numbers on the targets above.
    let result = unsafe { getrlimit(RLIMIT_STACK, &raw mut limits) };
    let size = if result == 0 { usize::try_from(limits[0]).unwrap_or(USUAL) } else { USUAL };
    // Without a limit the first thread's stack grows on demand; a thread's is reserved whole.
    if size > 1 << 30 { 64 << 20 } else { size.max(USUAL) }
}

/// Ends this process without running anything of the user's.
pub fn leave(status: i32) -> ! {
    // SAFETY: it does not return.
    unsafe { _exit(status) }
}

/// Sets an environment variable, or takes it away.
pub fn set_environment(name: &str, value: Option<&str>) {
    // SAFETY: between cells; a thread of the user's that reads the environment by std takes std's lock, as this does.
    unsafe {
        match value {
            Some(value) => std::env::set_var(name, value),
            None => std::env::remove_var(name),
        }
    }
}

/// A library in this process; never unloaded, since functions and statics of it may be pointed to from anywhere.
#[derive(Clone, Copy)]
pub struct Library(*mut c_void);

impl Library {
    /// Loads a library; its symbols are there for later ones if `global`.
    pub fn open(path: &Path, global: bool) -> Result<Self, String> {
        const NOW: c_int = 2;
        const GLOBAL: c_int = 0x100;
        let name = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| format!("the path {} holds a zero byte", path.display()))?;
        // SAFETY: the name ends with a zero byte. What the library runs when it is loaded is the user's own code.
        let handle = unsafe { dlopen(name.as_ptr(), if global { NOW | GLOBAL } else { NOW }) };
        if handle.is_null() { Err(loader_message()) } else { Ok(Self(handle)) }
    }

    fn symbol(self, name: &str) -> Result<*mut c_void, String> {
        let text = CString::new(name).map_err(|_| format!("the symbol {name:?} holds a zero byte"))?;
        // SAFETY: the handle comes from `dlopen` and is never closed; the name ends with a zero byte.
        let found = unsafe { dlsym(self.0, text.as_ptr()) };
        if found.is_null() { Err(loader_message()) } else { Ok(found) }
    }

    /// The function of a cell.
    pub fn cell(self, name: &str) -> Result<fn(&mut Variables) -> Flow, String> {
        // SAFETY: the engine names the function that it generated, compiled against this very crate.
        self.symbol(name).map(|found| unsafe { std::mem::transmute::<*mut c_void, fn(&mut Variables) -> Flow>(found) })
    }

    /// The function that runs a future on the dependencies' executor.
    pub fn block_on(self, name: &str) -> Result<crate::hooks::BlockOn, String> {
        // SAFETY: as above: generated with this signature by the same engine.
        self.symbol(name).map(|found| unsafe { std::mem::transmute::<*mut c_void, crate::hooks::BlockOn>(found) })
    }

    /// The function that gives this thread a pool of threads.
    pub fn install_pool(self, name: &str) -> Result<crate::hooks::InstallPool, String> {
        // SAFETY: as above: generated with this signature by the same engine.
        self.symbol(name).map(|found| unsafe { std::mem::transmute::<*mut c_void, crate::hooks::InstallPool>(found) })
    }
}

fn loader_message() -> String {
    // SAFETY: the text, if any, is valid until the next call of the loader by this thread.
    let text = unsafe { dlerror() };
    if text.is_null() {
        return "the loader gives no reason".to_owned();
    }
    // SAFETY: a text of the C library's ends with a zero byte.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// A value that is replaced as a whole and never freed, so that it can be read without a lock, also after a fork.
pub struct Replaceable<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Replaceable<T> {
    /// None yet.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The present value.
    pub fn get(&self) -> Option<&'static T> {
        // SAFETY: null, or a box that was leaked by `set`.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Puts another in its place.
    pub fn set(&self, value: T) -> &'static T {
        let value: &'static T = Box::leak(Box::new(value));
        self.0.store(ptr::from_ref(value).cast_mut(), Ordering::Release);
        value
    }
}

/// What is handed to another thread for good, by one that never looks at it again.
struct Handed<T>(T);

// SAFETY: see `on_another_thread`.
unsafe impl<T> Send for Handed<T> {}

impl<T> Handed<T> {
    // Taking `self` makes a closure capture the whole, which is `Send`, and not the field, which is not.
    fn open(self) -> T {
        self.0
    }
}

/// Goes on with a value on a new thread; this one sleeps for the rest of the process.
pub fn on_another_thread<T: 'static>(value: T, work: fn(T) -> !) -> io::Result<std::convert::Infallible> {
    let handed = Handed(value);
    let thread = std::thread::Builder::new().name("main".to_owned()).stack_size(stack_size()).spawn(move || {
        let value = handed.open();
        work(value);
    })?;
    // SAFETY of `Handed`: from here on this thread only waits.
    drop(thread.join());
    leave(101)
}
