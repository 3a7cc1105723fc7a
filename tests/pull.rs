//! Runs pipelines, pulls the inputs of their steps into a session of the direct engine, and goes on there cell by cell.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use oxikale_compiler::build::{Builder, Mode};
use oxikale_compiler::program::{Pull, PullError, PulledCell};
use oxikale_engine::direct::{DirectEngine, Options as EngineOptions};
use oxikale_engine::{Cell, Engine, Event, Listener, Outcome, Stream};
use oxikale_notebook::{CellKind, Notebook};
use oxikale_runner::{Cancel, Options, RunRecord, Store};
use serde_json::{Map, Value, json};

/// A notebook in a folder of its own, and its runs.
struct Place {
    folder: PathBuf,
    path: PathBuf,
    notebook: Notebook,
    data: tempfile::TempDir,
}

impl Place {
    /// Tags and source of each cell.
    fn new(name: &str, cells: &[(&str, &str)]) -> Self {
        // A place that stays the same from run to run: what is built there once is built for the next run too.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pull").join(name);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("notebook.ipynb");
        let cells = cells.iter().map(|(tags, source)| {
            let tags = tags.split_whitespace().map(str::to_owned).collect();
            (CellKind::Code, (*source).to_owned(), tags)
        });
        let text = Notebook::new(cells.collect(), Map::new()).to_text();
        fs::write(&path, text).unwrap();
        let notebook = Notebook::read(&path).unwrap();
        Self { folder, path, notebook, data: tempfile::tempdir().unwrap() }
    }

    fn run(&self, arguments: Value) -> RunRecord {
        let built = Builder::new(&self.path).build(&self.notebook, Mode::Build, &mut |_| {}).unwrap();
        let (Some(program), Some(ir)) = (built.program, built.compilation.ir) else {
            panic!("{:?}", built.compilation.diagnostics)
        };
        let options = Options {
            program,
            arguments: arguments.as_object().unwrap().clone(),
            data_dir: self.data.path().to_owned(),
            notebook: Some(self.path.clone()),
            ..Options::default()
        };
        oxikale_runner::run(&ir, &options, &Cancel::new(), &mut |_| {}).unwrap()
    }

    fn pull(&self, run: &RunRecord, step: &str) -> PulledCell {
        let store = Store::open(self.data.path()).unwrap();
        let inputs = oxikale_runner::inputs(&store, &run.id, step).unwrap();
        let pull = Pull { step: step.to_owned(), inputs, parameters: run.arguments.clone() };
        Builder::new(&self.path).pull(&self.notebook, &pull).unwrap()
    }

    fn session(&self) -> Session {
        let events = Arc::new(Mutex::new(Vec::new()));
        let listener: Listener = {
            let events = Arc::clone(&events);
            Arc::new(move |event| events.lock().unwrap().push(event))
        };
        let options = EngineOptions {
            folder: self.folder.clone(),
            notebook: Some(self.path.clone()),
            ..EngineOptions::default()
        };
        Session { engine: DirectEngine::start(options, listener).unwrap(), events }
    }
}

struct Session {
    engine: DirectEngine,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Session {
    /// What the cell prints, or its error.
    fn try_cell(&mut self, source: &str) -> Result<String, String> {
        let outcome = self.engine.execute(&Cell { source: source.to_owned(), name: "1".to_owned() });
        let mut printed = String::new();
        for event in std::mem::take(&mut *self.events.lock().unwrap()) {
            match event {
                Event::Text { stream: Stream::Stdout, bytes } => printed.push_str(&String::from_utf8_lossy(&bytes)),
                Event::Error(error) => return Err(error.rendered),
                Event::Warning(warning) => return Err(format!("a warning: {warning:?}")),
                Event::Notice(notice) => return Err(format!("a notice: {notice}")),
                _ => {}
            }
        }
        if outcome == Outcome::Completed { Ok(printed) } else { Err(format!("{outcome:?}")) }
    }

    fn cell(&mut self, source: &str) -> String {
        self.try_cell(source).unwrap_or_else(|error| panic!("{error}\n--- in\n{source}"))
    }

    fn types(&self) -> BTreeMap<String, String> {
        let variables = self.engine.variables().into_iter();
        variables.map(|one| (one.name, format!("{}{}", if one.mutable { "mut " } else { "" }, one.type_name))).collect()
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
}

/// One value of each kind, a step that fails, a step without inputs.
const KINDS: [(&str, &str); 8] = [
    ("imports", ":dep ndarray = \"0.17\"\nuse ndarray::{Array2, array};\nuse std::collections::HashMap;"),
    (
        "functions",
        "let scale = 2;\nlet half = |x: f64| x / 2.0;\nlet quarter = move |x: f64| half(half(x));\n\
         fn twice(x: f64) -> f64 { x * 2.0 }",
    ),
    (
        "pipeline-parameters",
        "let samples = 4;\nlet rate = 0.5;\nlet title = \"t\".to_string();\nlet doubled = samples * 2;",
    ),
    (
        "step:load",
        "#[derive(Debug, Clone)]\nstruct Point { x: f64, name: String }\nimpl Point { fn far(&self) -> bool { self.x > 1.0 } }\n\
         let pairs: Vec<(f64, i32)> = (0..samples).map(|i| (f64::from(i) * rate, i)).collect();\n\
         let n = 2;\nlet big = 1u128 << 100;\nlet points = vec![Point { x: 1.5, name: title.clone() }];\n\
         let counts = HashMap::from([(\"a\".to_string(), 7u8)]);\nlet grid = array![[1.0, 2.0], [3.0, 4.0]];\n\
         let mut names: Vec<String> = Vec::new();\nlet unused = 1;",
    ),
    ("step:alone", "let mut total = 0u64;\nfor i in 0..samples { total += i; }\nprintln!(\"alone {total}\");"),
    (
        "step:use prev:load",
        "names.push(format!(\"{} {:?}\", points[0].name, points[0].far()));\n\
         let row: Array2<f64> = grid.clone() * twice(half(1.0)) * scale as f64;\n\
         println!(\"{} {} {} {}\", pairs[n].1, counts[\"a\"], big, row.sum());",
    ),
    (
        "step:use",
        "let first = names.first().cloned().ok_or(\"no names\")?;\nassert_eq!(first, \"nobody\", \"{rate}\");",
    ),
    ("step:after prev:use", "println!(\"{first} {n} {doubled} {}\", quarter(1.0));"),
];

#[test]
fn a_failed_step_can_be_gone_through_cell_by_cell() {
    let place = Place::new("kinds", &KINDS);
    let run = place.run(json!({"samples": 6, "title": "it's \"x\"\n"}));
    assert!(run.why.as_ref().unwrap().contains("use"), "{:?}", run.why);
    let pulled = place.pull(&run, "use");
    let mut session = place.session();
    assert_eq!(session.cell(&pulled.source), "");
    let types = session.types();
    assert_eq!(
        types,
        map(&[
            ("big", "u128"),
            ("counts", "HashMap<String, u8>"),
            ("grid", "ArrayBase<OwnedRepr<f64>, Dim<[usize; 2]>, f64>"),
            ("half", "&(dyn Fn(f64) -> f64 + Send + Sync)"),
            ("n", "usize"),
            ("names", "mut Vec<String>"),
            ("pairs", "Vec<(f64, i32)>"),
            ("points", "Vec<Point>"),
            ("quarter", "&(dyn Fn(f64) -> f64 + Send + Sync)"),
            ("rate", "f64"),
            ("scale", "i32"),
        ]),
        "{}",
        pulled.source
    );
    assert_eq!(
        session.cell("print!(\"{n} {rate} {pairs:?}\")"),
        "2 0.5 [(0.0, 0), (0.5, 1), (1.0, 2), (1.5, 3), (2.0, 4), (2.5, 5)]"
    );
    assert_eq!(session.cell(KINDS[5].1), format!("2 7 {} 20\n", 1u128 << 100));
    let error = session.try_cell(KINDS[6].1).unwrap_err();
    assert!(error.contains("assertion `left == right` failed: 0.5"), "{error}");
    // It can be mended at once.
    session.cell("names[0] = \"nobody\".into();");
    session.cell(KINDS[6].1);
}

#[test]
fn a_step_without_inputs_has_its_parameters_in_its_own_types() {
    let place = Place::new("kinds-alone", &KINDS);
    let run = place.run(json!({"samples": 3}));
    let mut session = place.session();
    session.cell(&place.pull(&run, "alone").source);
    // `load` counts in `i32`, this step in `u64`.
    assert_eq!(session.types()["samples"], "u64");
    assert_eq!(session.cell(KINDS[4].1), "alone 3\n");
    // Another step may follow in the same session.
    session.cell(&place.pull(&run, "load").source);
    assert_eq!(session.types()["samples"], "i32");
}

#[test]
fn shared_variables_that_move_and_borrow_are_there_as_in_the_step() {
    let place = Place::new(
        "shared",
        &[
            ("pipeline-parameters", "let size: usize = 3;"),
            (
                "functions",
                "let first = vec![1, 2, 3];\nlet moved = first;\nlet text = \"a\";\nlet text = text.to_string();\n\
                 let (left, mut right) = (size, 1);\nlet shout = async |x: i32| x + 1;",
            ),
            ("step:make", "fn helper() -> i32 { 1 }\nlet x = shout(helper()).await;"),
            (
                "step:take prev:make",
                "fn helper() -> i32 { 2 }\nright += left as u8;\nlet y = x + helper() + moved[0];\nprintln!(\"{y} {right} {text}\");\ny",
            ),
        ],
    );
    let run = place.run(json!({"size": 5}));
    assert_eq!(run.why, None);
    let mut session = place.session();
    session.try_cell(&place.pull(&run, "take").source).ok();
    let types = session.types();
    assert_eq!((types["x"].as_str(), types["right"].as_str(), types["text"].as_str()), ("i32", "mut u8", "String"));
    assert_eq!(
        session.cell("right += left as u8;\nprintln!(\"{} {right} {text} {}\", x + moved[0], helper());"),
        "3 6 a 2\n"
    );
}

#[test]
fn what_is_not_there_is_said() {
    let place = Place::new("missing", &[("step:a", "let x = 1;"), ("step:b prev:a", "println!(\"{x}\");")]);
    let builder = Builder::new(&place.path);
    let pull = |step: &str| builder.pull(&place.notebook, &Pull { step: step.to_owned(), ..Pull::default() });
    assert_eq!(pull("c").unwrap_err().to_string(), "the notebook has no step `c`; it has `a`, `b`");
    assert!(matches!(pull("b"), Err(PullError::NoFile { variable, .. }) if variable == "x"));
    assert!(pull("a").is_ok());
    let place = Place::new("wrong", &[("step:a", "let x = ;")]);
    let error = Builder::new(&place.path).pull(&place.notebook, &Pull::default()).unwrap_err();
    assert!(matches!(error, PullError::Notebook(_)), "{error}");
}
