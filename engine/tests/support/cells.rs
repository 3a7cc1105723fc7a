//! Cells as the engine writes them, for the tests of the processes that run them. Compiled by the tests.
#![allow(clippy::all, unused, missing_docs)]

use oxikale_host::{Flow, Variables};
use std::io::{Read, Write};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, thread};

/// Waits for ever, in a way that no test can tell from work.
fn for_ever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(1000));
    }
}

macro_rules! cells {
    ($($name:ident = |$variables:ident| $body:block)*) => {
        $(#[unsafe(no_mangle)]
        pub fn $name($variables: &mut Variables) -> Flow {
            $body;
            #[allow(unreachable_code)]
            Flow::Done
        })*
    };
}

static RESTORES: AtomicU64 = AtomicU64::new(0);

cells! {
    nothing = |v| {}
    define = |v| {
        v.store("x", 1u64);
        v.store("words", vec!["a".to_owned(), "b".to_owned()]);
        v.store("twice", Box::leak(Box::new(|x: u64| 2 * x)) as &'static (dyn Fn(u64) -> u64 + Send + Sync));
    }
    add_one = |v| {
        let mut x: u64 = unsafe { v.take("x") };
        x += 1;
        v.store("x", x);
    }
    show = |v| {
        let x: u64 = unsafe { v.take("x") };
        let words: Vec<String> = unsafe { v.take("words") };
        let twice: &'static (dyn Fn(u64) -> u64 + Send + Sync) = unsafe { v.take("twice") };
        println!("x = {x}, twice = {}, words = {words:?}", twice(x));
        v.store("x", x);
        v.store("words", words);
        v.store("twice", twice);
    }
    take_and_panic = |v| {
        let _x: u64 = unsafe { v.take("x") };
        let _words: Vec<String> = unsafe { v.take("words") };
        let empty: Vec<u8> = Vec::new();
        deep(3, &empty);
    }
    fail = |v| { "twelve".parse::<u8>()?; println!("not reached"); }
    fail_none = |v| { None::<u8>?; }
    panic_caught = |v| {
        let caught = std::panic::catch_unwind(|| panic!("caught"));
        println!("{}", caught.is_err());
    }
    panic_in_thread = |v| {
        let ended = thread::Builder::new().name("worker".to_owned()).spawn(|| panic!("in a thread")).unwrap().join();
        println!("{}", ended.is_err());
    }
    panic_handed_on = |v| {
        if let Err(payload) = thread::spawn(|| panic!("handed {}", "on")).join() {
            std::panic::resume_unwind(payload);
        }
    }
    panic_that_aborts = |v| { cannot_unwind(); }
    exit = |v| { println!("before the exit"); std::process::exit(7) }
    abort = |v| { std::process::abort() }
    segfault = |v| { unsafe { std::ptr::null_mut::<u8>().write_volatile(1) } }
    overflow = |v| { println!("{}", bottomless(1)); }
    spin = |v| {
        println!("spinning");
        let mut x = 0u64;
        loop { x = std::hint::black_box(x + 1); }
    }
    sleep = |v| { println!("sleeping"); for_ever() }
    sleep_in_c = |v| {
        unsafe extern "C" { fn pause() -> i32; }
        println!("in C");
        loop { unsafe { pause() }; }
    }
    child_process = |v| {
        let mut child = Command::new("sleep").arg("1000").spawn()?;
        println!("child {}", child.id());
        child.wait()?;
    }
    child_that_left = |v| {
        // A session of its own, whose parent ends: nothing connects it with the cell any more.
        let command = "setsid sh -c 'echo left $$; exec sleep 1000' & wait";
        Command::new("sh").args(["-c", command]).spawn()?;
        for_ever()
    }
    pids = |v| {
        println!("pid {} of {}", std::process::id(), std::os::unix::process::parent_id());
        println!("folder {}", std::env::var("OXIKALE_DISPLAY").unwrap());
    }
    interleaved = |v| {
        for index in 0..1000 {
            println!("out {index}");
            eprintln!("err {index}");
            oxikale_host::display(&format!(r#"{{"kind":"display","data":{{"text/plain":"show {index}"}},"id":null,"update":false}}"#));
        }
    }
    display_by_path = |v| {
        let path = std::env::var_os("OXIKALE_DISPLAY").unwrap();
        for index in 0..50 {
            println!("before {index}");
            let text = "x".repeat(200_000);
            let json = format!(r#"{{"kind":"result","data":{{"text/plain":"{index}{text}"}},"id":"d","update":true}}"#);
            let mut record = (json.len() as u32).to_le_bytes().to_vec();
            record.extend(json.as_bytes());
            std::fs::OpenOptions::new().write(true).open(&path)?.write_all(&record)?;
            eprintln!("after {index}");
        }
    }
    displays_by_threads = |v| {
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(|| {
            let text = "y".repeat(100_000);
            for _ in 0..50 {
                oxikale_host::display(&format!(r#"{{"kind":"display","data":{{"text/plain":"{text}"}},"id":null,"update":false}}"#));
            }
        })).collect();
        for thread in threads { thread.join().unwrap(); }
    }
    evcxr_display = |v| {
        println!("EVCXR_BEGIN_CONTENT text/html\n<b>bold</b>\nEVCXR_END_CONTENT");
        println!("EVCXR_BEGIN_CONTENT text/plain\nbold\nEVCXR_END_CONTENT");
        eprintln!("then");
    }
    half_a_line = |v| {
        print!("half");
        let sign = std::env::var_os("GIVEN").unwrap();
        while !std::path::Path::new(&sign).exists() { thread::sleep(Duration::from_millis(1)); }
    }
    lines_200_mb = |v| {
        let line = [b'z'; 999];
        let mut out = io::stdout().lock();
        for _ in 0..200_000 {
            out.write_all(&line)?;
            out.write_all(b"\n")?;
        }
    }
    read_lines = |v| {
        loop {
            print!("name: ");
            let mut line = String::new();
            if io::stdin().read_line(&mut line)? == 0 { println!("end"); break; }
            println!("hello {}", line.trim_end());
        }
    }
    shell_output = |v| {
        for index in 0..20 {
            Command::new("sh").args(["-c", &format!("echo shell out {index}; echo shell err {index} >&2")]).status()?;
            println!("cell {index}");
        }
    }
    start_threads = |v| {
        let barrier = Arc::new(std::sync::Barrier::new(3));
        let (first, second) = (barrier.clone(), barrier.clone());
        thread::Builder::new().name("ticker".to_owned()).spawn(move || { first.wait(); for_ever() })?;
        thread::spawn(move || { second.wait(); for_ever() });
        barrier.wait();
    }
    eat_memory = |v| {
        let mut blocks = Vec::new();
        loop {
            blocks.push(vec![1u8; 16 << 20]);
            println!("{}", blocks.len());
        }
    }
    hold_stdout = |v| {
        let (sender, receiver) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let _lock = io::stdout().lock();
            sender.send(()).unwrap();
            for_ever()
        });
        receiver.recv().unwrap();
    }
    busy_threads = |v| {
        for _ in 0..2 {
            thread::spawn(|| loop {
                let mut text = String::new();
                for index in 0..100 { text.push_str(&index.to_string()); }
                std::hint::black_box(&text);
                print!("");
                io::stdout().flush().unwrap();
                eprint!("");
            });
        }
    }
    allocate_and_print = |v| {
        let words: Vec<String> = (0..1000).map(|index| format!("word {index}")).collect();
        println!("{} words", words.len());
        eprintln!("fine");
    }
    count_restores = |v| { oxikale_host::after_restore(|| _ = RESTORES.fetch_add(1, Ordering::Relaxed)); }
    say_restores = |v| {
        println!("{} restores, generation {}", RESTORES.load(Ordering::Relaxed), oxikale_host::generation());
        println!("token: {:?}", std::env::var_os("OXIKALE_TOKEN"));
    }
    await_ready = |v| {
        let mut polls = 0;
        let value = oxikale_host::block_on(std::future::poll_fn(|context| {
            polls += 1;
            if polls == 3 { return std::task::Poll::Ready(40 + polls); }
            let waker = context.waker().clone();
            thread::spawn(move || waker.wake());
            std::task::Poll::Pending
        }));
        println!("{value}");
    }
    environment = |v| { println!("{:?} {:?}", std::env::var("GIVEN"), std::env::var("LATER")); }
    store_bomb = |v| { v.store("bomb", Bomb); }
    close_files = |v| {
        unsafe extern "C" { fn close(fd: i32) -> i32; }
        for fd in 3..64 { unsafe { close(fd) }; }
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[inline(never)]
fn deep(level: u32, empty: &Vec<u8>) -> u8 {
    if level == 0 { empty[std::hint::black_box(2)] } else { std::hint::black_box(deep(level - 1, empty)) }
}

#[inline(never)]
fn bottomless(level: u64) -> u64 {
    let block = std::hint::black_box([level; 100]);
    bottomless(level + 1) + block[3]
}

extern "C" fn cannot_unwind() {
    panic!("no way out");
}
