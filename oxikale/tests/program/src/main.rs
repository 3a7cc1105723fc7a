//! A step program with steps that hand on, show, log and fail in every way that the tests look at.

mod shows;
mod values;

use std::process::ExitCode;

use oxikale::step::{Failure, Program, Slot, SourceLines, Step};

fn main() -> ExitCode {
    oxikale::step::main(Program {
        name: "everything",
        steps: &[
            "save",
            "load",
            "show",
            "library",
            "panic",
            "foreign-panic",
            "thread-panic",
            "fail",
            "early",
            "half",
            "wrong-type",
            "full",
            "chatty",
            "sleep",
            "recurse",
            "caught",
            "small",
            "unserializable",
        ],
        source_map: &[
            SourceLines { first: PANIC, lines: 2, cell: 5, cell_line: 3 },
            SourceLines { first: FOREIGN, lines: 2, cell: 6, cell_line: 1 },
            SourceLines { first: FAIL, lines: 2, cell: 7, cell_line: 2 },
        ],
        run,
    })
}

const PANIC: u32 = line!() + 2;
fn panics(x: &[i32]) -> i32 {
    x[7]
}

const FOREIGN: u32 = line!() + 2;
fn panics_elsewhere() -> Vec<f64> {
    vec![1.0, f64::NAN].into_iter().collect::<ndarray::Array1<_>>().mapv(|x| x).into_iter().map(deep).collect()
}

/// Panics inside of a crate, where no line of a cell is the panic's own place.
fn deep(x: f64) -> f64 {
    *ndarray::arr1(&[x])
        .get(0)
        .map(|_| ndarray::ArrayD::<f64>::zeros(vec![usize::MAX, 2]))
        .unwrap_or_default()
        .first()
        .unwrap_or(&x)
}

const FAIL: u32 = line!() + 2;
fn fails() -> Result<i32, Failure> {
    Ok(std::fs::read_to_string("/nonexistent/file")?.trim().parse::<i32>()?)
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the table cannot be read")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// A value whose serialization gives up in the middle of its file.
struct Halfway;

impl oxikale::step::serde::Serialize for Halfway {
    fn serialize<S: oxikale::step::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use oxikale::step::serde::ser::{Error, SerializeSeq};
        let mut list = serializer.serialize_seq(Some(100_000))?;
        for n in 0..90_000 {
            list.serialize_element(&n)?;
        }
        Err(S::Error::custom("no more to give"))
    }
}

impl<'de> oxikale::step::serde::Deserialize<'de> for Halfway {
    fn deserialize<D: oxikale::step::serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

fn depth(n: u64) -> u64 {
    let padding = std::hint::black_box([n; 64]);
    if n == 0 { padding[0] } else { 1 + depth(n - 1) }
}

fn run(step: &Step) -> Result<(), Failure> {
    values::run(step)?;
    if step.is("show") {
        shows::run(step);
    }
    if step.is("library") {
        library(step)?;
    }
    if step.is("panic") {
        oxikale::metrics::log("before", 1);
        println!("{}", panics(&[1]));
    }
    if step.is("foreign-panic") {
        println!("{:?}", panics_elsewhere());
    }
    if step.is("thread-panic") {
        let thread = std::thread::Builder::new().name("worker".into()).spawn(|| panic!("in a thread"))?;
        assert!(thread.join().is_err());
        let _: Slot<i32> = Slot::save(step, "x", &1)?;
    }
    if step.is("caught") {
        assert!(std::panic::catch_unwind(|| panic!("caught")).is_err());
        let _: Slot<i32> = Slot::save(step, "x", &1)?;
    }
    if step.is("fail") {
        oxikale::metrics::log("before", 2);
        if step.parameter("deep", false)? {
            Err("x".parse::<u8>().map_err(Outer).unwrap_err())?;
        }
        println!("{}", fails()?);
    }
    if step.is("early") {
        return Ok(());
    }
    if step.is("half") {
        let _: Slot<i32> = Slot::save(step, "x", &1)?;
    }
    if step.is("small") {
        step.hands_on(&["x"]);
        let n: i64 = step.parameter("n", 7)?;
        let _ = Slot::save(step, "x", &n)?;
    }
    if step.is("unserializable") {
        let _ = Slot::save(step, "x", &Halfway)?;
    }
    if step.is("wrong-type") {
        let slot: Slot<Vec<String>> = Slot::empty("x");
        println!("{:?}", slot.load(step)?);
    }
    if step.is("full") {
        let _ = Slot::save(step, "x", &vec![1.5_f64; 4_000_000])?;
    }
    if step.is("chatty") {
        for n in 0..10_000 {
            println!("line {n}");
        }
        oxikale::display::show(&oxikale::display::text("still here"));
        let _ = Slot::save(step, "x", &1)?;
    }
    if step.is("sleep") {
        println!("ready");
        loop {
            std::thread::park();
        }
    }
    if step.is("recurse") {
        let _ = Slot::save(step, "x", &depth(20_000))?;
    }
    Ok(())
}

fn library(step: &Step) -> Result<(), Failure> {
    use oxikale::{artifacts, display, metrics, params, progress};
    step.hands_on(&[]);
    metrics::log("accuracy", 0.93);
    metrics::log("macro F1 \"é\"", f64::NAN);
    for epoch in 0..5_usize {
        metrics::log_at("loss", epoch, 1.0 / (epoch + 1) as f32);
    }
    println!("n = {}", params::get("n", 1));
    println!("names = {:?}", params::get("names", vec!["a"]));
    display::show(&display::html("<script>alert(1)</script><b>bold</b>"));
    display::show(&display::text("a < b & \"c\""));
    display::html("<i>called</i>").evcxr_display();
    let mut status = display::show_as("status", &display::text("starting"));
    status.update(&display::text("finished"));
    for _ in progress::track("counting", 0..1000) {}
    artifacts::text("notes", "some notes")?;
    artifacts::json("table.json", &vec![(1, "a")])?;
    std::fs::write(artifacts::path("by_path")?, "abc")?;
    let undeclared = artifacts::write(format!("un{}", "declared"), [0]).unwrap_err();
    println!("error: {undeclared}");
    println!("error: {}", artifacts::text("html-report", "x").unwrap_err());
    std::fs::write(oxikale::volume("/shared_volume").join("file.txt"), "on the volume")?;
    Ok(())
}
