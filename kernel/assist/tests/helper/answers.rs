//! What is answered in a session without crates.

use std::sync::LazyLock;
use std::time::Instant;

use oxikale_assist::{Assist, Severity};

use super::Test;
use super::session::{complete, completion, in_time, inserts, inspect, session};

/// All of them ask the same helper, one after the other.
pub fn trials() -> Vec<Test> {
    vec![("answers", || {
        let assist = &*SESSION;
        methods_of_a_vector(assist);
        fields_of_a_struct(assist);
        paths(assist);
        chains(assist);
        middle_of_a_line(assist);
        text_of_many_bytes(assist);
        variants_and_macros(assist);
        closures(assist);
        names_of_the_cell_itself(assist);
        commands(assist);
        unfinished_cells(assist);
        attributes(assist);
        hovering(assist);
        signatures(assist);
        mistakes(assist);
        no_mistakes(assist);
        nonsense(assist);
    })]
}

static SESSION: LazyLock<Assist> = LazyLock::new(|| {
    session(
        &[
            "use std::collections::HashMap;",
            "/// A point of the plane.\n#[derive(Debug, Clone, serde::Serialize)]\npub struct Point {\n    /// To the right.\n    x: f64,\n    y: f64,\n}",
            "impl Point { fn norm(&self) -> f64 { self.x.hypot(self.y) } }",
            "enum Shape { Circle(f64), Square { side: f64 } }",
            "/// The middle of some points.\n///\n/// Of none it is the origin.\nfn middle(points: &[Point], weight: f64) -> Point { todo!() }",
            "macro_rules! double { ($e:expr) => { $e * 2 } }",
        ],
        &[
            ("mut v", "std::vec::Vec<Point>"),
            ("numbers", "[i32; 4]"),
            ("ages", "std::collections::HashMap<&'static str, std::vec::Vec<u8>>"),
            ("f", "&'static (dyn std::ops::Fn(f64) -> f64 + std::marker::Send + std::marker::Sync)"),
            ("name", "std::string::String"),
            ("nameless", "{closure@cell.rs:1:1}"),
        ],
    )
});

fn methods_of_a_vector(assist: &Assist) {
    let push = completion(assist, "v.¦", "push");
    assert_eq!(push.kind, "method");
    assert!(push.detail.as_deref().is_some_and(|detail| detail.contains("value")), "{push:?}");
    assert!(push.documentation.as_deref().is_some_and(|text| text.contains("Appends")), "{push:?}");
    assert!(push.insert == "push" && !push.deprecated);
    let names = inserts(assist, "v.¦");
    for name in ["push", "len", "iter", "sort_by", "is_empty"] {
        assert!(names.iter().any(|other| other == name), "{name}: {names:?}");
    }
    assert!(names.len() <= 200);
    // What begins with what was typed comes first.
    assert_eq!(inserts(assist, "v.pu¦")[0], "push");
    // So does what has the type that is wanted.
    assert_eq!(inserts(assist, "let n: usize = v.le¦;")[0], "len");
    let found = complete(assist, "v.le¦");
    assert_eq!((found.start, found.end), (2, 4));
}

fn fields_of_a_struct(assist: &Assist) {
    let field = completion(assist, "v[0].¦", "x");
    assert_eq!((field.kind.as_str(), field.detail.as_deref()), ("field", Some("f64")));
    // Fields come before the methods of traits.
    let names = inserts(assist, "v[0].¦");
    let at = |name: &str| names.iter().position(|other| other == name).unwrap();
    assert!(at("x") < at("clone") && at("norm") < at("clone"), "{names:?}");
    completion(assist, "let p = Point { x: 1.0, ¦ };", "y");
}

fn paths(assist: &Assist) {
    assert_eq!(completion(assist, "let a = std::¦", "collections").kind, "module");
    assert_eq!(completion(assist, "std::collections::Ha¦", "HashSet").kind, "struct");
    completion(assist, "use std::co¦", "collections");
    completion(assist, "let m: HashM¦", "HashMap");
    completion(assist, "Point::¦", "norm");
    completion(assist, "let v = Vec::<f64>::wi¦", "with_capacity");
    completion(assist, "let e = std::f64::consts::¦", "PI");
}

fn chains(assist: &Assist) {
    completion(assist, "v.iter().map(|p| p.¦", "x");
    completion(assist, "ages.values().flatten().ma¦", "map");
    completion(assist, "ages.iter().next().unwrap().¦", "0");
    completion(assist, "name.split(',').map(str::trim).filter_m¦", "filter_map");
}

fn middle_of_a_line(assist: &Assist) {
    let found = complete(assist, "let a = v.le¦; let b = 5;");
    assert_eq!((found.start, found.end), (10, 12));
    assert!(found.items.iter().any(|item| item.insert == "len"));
    let found = complete(assist, "let a = v.l¦en();");
    assert_eq!((found.start, found.end), (10, 13));
    completion(assist, "for p in &v {\n    p.¦\n}\nlet after = 1;", "norm");
    completion(assist, "let t = v.¦\nlet u = 1;", "len");
}

fn text_of_many_bytes(assist: &Assist) {
    let found = complete(assist, "let größe = \"ü🦀\"; größe.le¦");
    assert_eq!((found.start, found.end), (32, 34));
    assert!(found.items.iter().any(|item| item.insert == "len"));
    assert_eq!(completion(assist, "let größe = 1; gr¦", "größe").kind, "variable");
}

fn variants_and_macros(assist: &Assist) {
    assert_eq!(completion(assist, "let s = Shape::¦", "Circle").kind, "variant");
    let println = completion(assist, "printl¦", "println!");
    assert_eq!(println.kind, "macro");
    assert!(complete(assist, "doub¦").items.iter().any(|item| item.insert.starts_with("double!")));
    completion(assist, "println!(\"{}\", v.¦)", "len");
}

fn closures(assist: &Assist) {
    assert_eq!(completion(assist, "f¦", "f").kind, "variable");
    completion(assist, "f(1.0).¦", "sqrt");
    assert!(inspect(assist, "f¦(2.0)").plain.contains("Fn(f64) -> f64"));
    // One whose type nobody can write is there all the same.
    completion(assist, "nam¦", "nameless");
}

fn names_of_the_cell_itself(assist: &Assist) {
    completion(
        assist,
        "struct Line { from: Point, to: Point }\nlet line = Line { from: v[0].clone(), to: v[1].clone() };\nline.from.¦",
        "norm",
    );
    completion(assist, "fn twice(n: i32) -> i32 { 2 * n }\ntw¦", "twice");
    completion(assist, "impl Point { fn far(&self) -> bool { true } }\nv[0].¦", "far");
    // A definition hides that of an earlier cell.
    let names = inserts(assist, "struct Point { z: u8 }\nlet p = Point { z: 1 };\np.¦");
    assert!(names.contains(&"z".to_owned()) && !names.contains(&"x".to_owned()), "{names:?}");
    completion(assist, "let text = async { String::new() }.await;\ntext.¦", "push_str");
}

fn commands(assist: &Assist) {
    completion(assist, ":dep serde = \"1\"\n%time let n = v.¦", "len");
    assert_eq!(assist.complete(":dep ser", 8, in_time()), None);
    assert_eq!(assist.complete("%%bash\nls", 9, in_time()), None);
    completion(assist, "!ls\nv.¦", "len");
}

fn unfinished_cells(assist: &Assist) {
    completion(assist, "if v.is_empty() {\n    v.¦", "len");
    completion(assist, "let total: f64 = v.iter().map(|p| p.¦", "x");
    completion(assist, "}\nlet w = vec![1];\nw.¦", "len");
}

fn attributes(assist: &Assist) {
    completion(assist, "#[derive(Cl¦)] struct A;", "Clone");
}

fn hovering(assist: &Assist) {
    let variable = inspect(assist, "v¦.len()");
    assert!(variable.plain.contains("Vec<Point>"), "{variable:?}");
    assert!(variable.markdown.contains("```rust"), "{variable:?}");
    let function = inspect(assist, "middle¦(&v, 1.0)");
    assert!(function.plain.contains("fn middle(points: &[Point], weight: f64) -> Point"), "{function:?}");
    assert!(function.plain.contains("The middle of some points."), "{function:?}");
    assert!(inspect(assist, "let n = v.le¦n();").plain.contains("pub const fn len(&self) -> usize"));
    assert!(inspect(assist, "Poi¦nt").plain.contains("A point of the plane."));
    assert!(inspect(assist, "let n = 5 * 3;\nn¦").plain.contains("i32"));
    assert!(inspect(assist, "v[0].x¦").plain.contains("To the right."));
    assert!(
        inspect(assist, "ages¦.len()").plain.contains("HashMap<&'static str, Vec<u8>>")
            || inspect(assist, "ages¦.len()").plain.contains("HashMap<&str, Vec<u8>>")
    );
    assert_eq!(assist.inspect("   ", 1, 0, in_time()), None);
    // The source of a definition comes with more detail only.
    let (source, offset) = ("middle(&v, 1.0)", 3);
    assert!(!assist.inspect(source, offset, 0, in_time()).unwrap().plain.contains("todo!()"));
    assert!(assist.inspect(source, offset, 1, in_time()).unwrap().plain.contains("todo!()"));
}

fn signatures(assist: &Assist) {
    let first = inspect(assist, "middle(¦)");
    assert!(first.plain.contains("fn middle(points: &[Point], weight: f64) -> Point"), "{first:?}");
    assert!(first.plain.contains("argument: `points: &[Point]`"), "{first:?}");
    assert!(first.plain.contains("The middle of some points."), "{first:?}");
    assert!(inspect(assist, "middle(&v, ¦").plain.contains("argument: `weight: f64`"));
    // On an argument, both what it is and what it is for.
    let both = inspect(assist, "middle(&v¦, 1.0)");
    assert!(both.plain.contains("Vec<Point>") && both.plain.contains("argument: `points"), "{both:?}");
    assert!(inspect(assist, "v.insert(0, ¦)").plain.contains("argument: `element: Point`"));
}

fn mistakes(assist: &Assist) {
    let source = "let é = 1;\nlet n: i32 = \"x\";\nlet m = 2;";
    let found = assist.diagnostics(source, in_time()).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(&source[found[0].start..found[0].end], "\"x\"");
    assert_eq!((found[0].severity, found[0].code.as_str()), (Severity::Error, "E0308"));
    assert!(found[0].message.contains("i32"), "{found:?}");
    for (source, part, code) in [
        ("v.pusch(1)", "pusch", "E0599"),
        ("v[0].z", "z", "E0559"),
        ("middle(&v)", ")", "E0061"),
        ("let x = ", "", "syntax-error"),
        ("let n = unknown + 1;", "unknown", "E0425"),
        ("v.push(3)", "3", "E0308"),
    ] {
        let found = assist.diagnostics(source, in_time()).unwrap();
        assert!(
            found.iter().any(|one| one.code == code && source[one.start..one.end].contains(part)),
            "{source}: {found:?}"
        );
    }
}

fn no_mistakes(assist: &Assist) {
    for source in [
        "",
        "let unused = 5;",
        "v.len()",
        "v.push(Point { x: 1.0, y: 2.0 });",
        "for p in &v { println!(\"{p:?} {}\", p.norm()); }",
        "use std::fmt::Write as _;\nlet mut s = String::new();\nwrite!(s, \"{}\", 1)?;\ns",
        "let n: i32 = \"5\".parse()?;\nn",
        "std::fs::read_to_string(\"a\")?.lines().count()",
        ":dep rand\nlet x = 1;",
        "fn main() { println!(\"hi\"); }\nmain()",
        "mod shapes { pub struct S; pub fn f() -> S { S } }\nshapes::f();",
        "trait Area { fn area(&self) -> f64; }\nimpl Area for Point { fn area(&self) -> f64 { 0.0 } }\nv[0].area()",
        "let text = async { String::new() }.await;\ntext.len()",
        "if v.is_empty() { return; }\n1",
        "f(2.0) + numbers.iter().sum::<i32>() as f64",
        "let mut counts: HashMap<char, usize> = HashMap::new();\nfor c in name.chars() { *counts.entry(c).or_insert(0) += 1; }\ncounts",
        "v.sort_by(|a, b| a.x.total_cmp(&b.x));\nv.iter().map(|p| p.norm()).fold(0.0, f64::max)",
        "let handle = std::thread::spawn(|| 5);\nhandle.join().unwrap()",
        "#[derive(Debug, Default, Clone, Copy, PartialEq)]\nstruct Pair(i32, i32);\nPair::default() == Pair(1, 2)",
        "double!(4)",
        "let (a, b) = (1, \"x\");\nmatch a { 1 => b, _ => \"y\" }",
        "let Some(first) = v.first() else { panic!(\"none\") };\nfirst.x",
        "%%bash\nls",
    ] {
        let found = assist.diagnostics(source, in_time()).unwrap_or_default();
        assert!(found.is_empty(), "{source}: {found:?}");
    }
}

fn nonsense(assist: &Assist) {
    let deep = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    for source in [
        "\0\0",
        "}}}}{{{{",
        "\"",
        "r#\"",
        "/*",
        "'",
        "let let let",
        "🦀🦀",
        deep.as_str(),
        "fn fn() -> {",
        "#![x]",
        "macro_rules! m {",
    ] {
        for offset in [0, source.len()] {
            assist.complete(source, offset, in_time());
            assist.inspect(source, offset, 1, in_time());
        }
        assist.diagnostics(source, in_time());
    }
    assert_eq!(assist.complete("é", 1, in_time()), None);
    assert_eq!(assist.complete("v.", 3, in_time()), None);
    assert_eq!(assist.complete(&"x".repeat(2 << 20), 0, in_time()), None);
    let now = Instant::now();
    completion(assist, "v.¦", "push");
    assert!(now < in_time());
}
