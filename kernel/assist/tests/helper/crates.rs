//! The helper beside a real engine: what cells have left behind, and the crates of the session.

use std::fs;
use std::path::Path;

use super::Test;
use super::beside::Beside;
use super::session::{completion, helper, in_time, inserts, inspect};

pub fn trials() -> Vec<Test> {
    vec![
        ("an_engine_tells_what_is_around", an_engine_tells_what_is_around),
        ("crates_of_the_session", crates_of_the_session),
    ]
}

fn an_engine_tells_what_is_around() {
    let assist = &helper();
    let mut session = Beside::start(assist);
    session.run("#[derive(Debug, Clone)]\nstruct Point { x: f64 }\nimpl Point { fn norm(&self) -> f64 { self.x }\nfn old(&self) {} }");
    session.run("use std::collections::HashMap;\nlet mut points = vec![Point { x: 1.0 }];\nlet by_name: HashMap<String, Point> = HashMap::new();");
    session.run("mod shapes { #[derive(Debug)] pub struct Circle { pub radius: f64 } }\nlet circle = shapes::Circle { radius: 1.0 };");
    session.run("let square = |x: f64| x * x;\nlet offset = 2.0; let add = move |x: f64| x + offset;\nlet numbers = [1_u8; 3];\nlet text = \"é\";");
    completion(assist, "points.¦", "push");
    completion(assist, "points[0].¦", "norm");
    completion(assist, "by_name.values().next().unwrap().¦", "x");
    completion(assist, "circle.¦", "radius");
    completion(assist, "square(1.0).¦", "sqrt");
    completion(assist, "add(1.0).¦", "sqrt");
    completion(assist, "numbers.iter().¦", "map");
    completion(assist, "text.ch¦", "chars");
    assert!(inspect(assist, "points¦").plain.contains("mut points: Vec<Point>"), "{:?}", inspect(assist, "points¦"));
    assert!(inspect(assist, "square¦").plain.contains("Fn(f64) -> f64"));
    for source in
        ["points.push(Point { x: 2.0 });", "points.len() + by_name.len()", "square(2.0) + add(1.0) + circle.radius"]
    {
        assert_eq!(assist.diagnostics(source, in_time()), Some(vec![]), "{source}");
    }
    // A new definition takes the place of the old one, also of one method.
    session.run("impl Point { fn norm(&self) -> String { String::new() } }");
    completion(assist, "points[0].norm().¦", "push_str");
    session.run("struct Point { y: u8 }\nlet other = Point { y: 1 };");
    let names = inserts(assist, "other.¦");
    assert!(names.contains(&"y".to_owned()) && !names.contains(&"x".to_owned()), "{names:?}");
}

fn crates_of_the_session() {
    let assist = &helper();
    let mut session = Beside::start(assist);
    let folder = session.folder().to_owned();
    local_crate(
        &folder,
        "scale",
        "/// Makes things larger.\npub mod factor { pub struct Factor<T> { pub by: T }\nimpl<T: Clone> Factor<T> { pub fn twice(&self) -> T { self.by.clone() } } }\n#[cfg(feature = \"extra\")] pub fn extra() {}\n#[cfg(from_script)] pub fn scripted() -> u8 { include!(concat!(env!(\"OUT_DIR\"), \"/generated.rs\")) }",
    );
    session.run("let before = 1;");
    completion(assist, "bef¦", "before");
    session.run(":dep scale = { path = \"scale\", features = [\"extra\"] }\nlet factor = scale::factor::Factor { by: String::new() };");
    completion(assist, "sca¦", "scale");
    completion(assist, "scale::¦", "factor");
    completion(assist, "scale::¦", "extra");
    completion(assist, "scale::¦", "scripted");
    completion(assist, "factor.¦", "twice");
    completion(assist, "factor.twice().¦", "push_str");
    completion(assist, "scale::scripted().¦", "count_ones");
    assert_eq!(assist.diagnostics("let x: u8 = scale::scripted(); factor.twice().len()", in_time()), Some(vec![]));
    session.run(":dep ndarray = \"0.17\"\nuse ndarray::prelude::*;\nlet a = array![[1.0, 2.0], [3.0, 4.0]];");
    completion(assist, "a.¦", "nrows");
    completion(assist, "a.dot(&a).¦", "sum_axis");
    completion(assist, "a.row(0).¦", "iter");
    completion(assist, "Array2::<f64>::¦", "zeros");
    completion(assist, "factor.¦", "twice");
    assert_eq!(assist.diagnostics("a.sum_axis(Axis(0)).mapv(f64::sqrt) + 1.0", in_time()), Some(vec![]));
    session.run(":dep serde = { version = \"1\", features = [\"derive\"] }\n#[derive(serde::Serialize, Clone)]\nstruct Row { id: u32 }\nlet row = Row { id: 1 };");
    completion(assist, "row.¦", "id");
    completion(assist, "row.¦", "clone");
}

fn local_crate(folder: &Path, name: &str, source: &str) {
    let folder = folder.join(name);
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(
        folder.join("Cargo.toml"),
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[features]\nextra = []\n[workspace]\n"),
    )
    .unwrap();
    fs::write(
        folder.join("build.rs"),
        "fn main() { println!(\"cargo::rustc-check-cfg=cfg(from_script)\\ncargo::rustc-cfg=from_script\"); \
         std::fs::write(std::path::Path::new(&std::env::var(\"OUT_DIR\").unwrap()).join(\"generated.rs\"), \"7\").unwrap(); }",
    )
    .unwrap();
    fs::write(folder.join("src/lib.rs"), source).unwrap();
}
