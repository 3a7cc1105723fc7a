//! What has to be done again when a checkpoint wakes without the threads of before, and executors of the dependencies'.

use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::os::{Library, Replaceable};
use crate::process;

/// Runs a future to its end. An executor with threads is made anew when the first argument, [`generation`], changes.
///
/// [`generation`]: crate::generation
pub type BlockOn = fn(u64, Pin<&mut dyn Future<Output = ()>>);

/// Called when a checkpoint has woken, on the thread that runs cells: the threads of the pool that the dependencies
/// share are gone. Makes a new one, to which the calling thread belongs; false if it does not, after all.
pub type InstallPool = fn() -> bool;

/// What the names of such functions begin with.
const BLOCK_ON: &str = "oxikale_deps_block_on";
const INSTALL_POOL: &str = "oxikale_deps_install_pool";

/// The latest of the dependencies' functions of each kind.
#[derive(Clone, Copy, Default)]
struct Hooks {
    block_on: Option<BlockOn>,
    install_pool: Option<InstallPool>,
}

static HOOKS: Replaceable<Hooks> = Replaceable::new();

type AfterRestore = Mutex<Vec<fn()>>;

static AFTER_RESTORE: Replaceable<AfterRestore> = Replaceable::new();

/// Uses the functions of these names in a library.
pub fn take_from(library: Library, names: &[String]) -> Result<(), String> {
    let mut hooks = HOOKS.get().copied().unwrap_or_default();
    for name in names {
        if name.starts_with(BLOCK_ON) {
            hooks.block_on = Some(library.block_on(name)?);
        } else if name.starts_with(INSTALL_POOL) {
            hooks.install_pool = Some(library.install_pool(name)?);
        } else {
            return Err(format!("the hook `{name}` is of no kind that this runtime knows"));
        }
    }
    HOOKS.set(hooks);
    Ok(())
}

/// Has a function called whenever a checkpoint wakes: the threads of before are gone then.
pub fn after_restore(hook: fn()) {
    let hooks = AFTER_RESTORE.get().unwrap_or_else(|| AFTER_RESTORE.set(Mutex::default()));
    hooks.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
}

/// Calls what [`after_restore`] was given.
pub fn run_after_restore() {
    // A thread that is gone may have held the lock; then the list is read by nobody who could wait for it.
    let hooks = AFTER_RESTORE.get().and_then(|hooks| hooks.try_lock().ok().map(|hooks| hooks.clone()));
    // One that panics has said so itself.
    hooks.iter().flatten().for_each(|hook| drop(catch_unwind(hook)));
}

/// Gives this thread a pool of its own, where the dependencies use one; whether it has one now.
pub fn install_pool() -> bool {
    HOOKS.get().and_then(|hooks| hooks.install_pool).is_some_and(|install| install())
}

/// How many threads the pool has that the dependencies start by themselves: rayon's rule.
pub fn usual_pool_size() -> usize {
    let wanted =
        std::env::var("RAYON_NUM_THREADS").ok().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    wanted.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Runs a future to its end: on the dependencies' executor if they have one, so that its timers and sockets work.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let Some(block_on) = HOOKS.get().and_then(|hooks| hooks.block_on) else { return block_on_this_thread(future) };
    let mut output = None;
    block_on(process::generation(), pin!(async { output = Some(future.await) }));
    output.expect("the executor ran the future to its end")
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on_this_thread<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}
