"""What the injected cell has in it, by what the notebook declares and the run gives."""

import datetime
import json
import math
import random
import shutil
import subprocess

import pytest

from oxikale_jupyter import injected_cell
from oxikale_jupyter.parameters_cell import declarations
from oxikale_jupyter.problem import ParameterProblem
from oxikale_jupyter.rust_values import literal, written


def injected(declared, **values):
    """The lines that are injected, without the comment."""
    return injected_cell.cell(values, declarations(declared)).splitlines()[1:]


# Without a declaration: value → expression.
PLAIN = [
    (5, "5"),
    (-5, "-5"),
    (2**31 - 1, "2147483647"),
    (2**31, "2147483648i64"),
    (-(2**31) - 1, "-2147483649i64"),
    (2**63, "9223372036854775808i128"),
    (2**127, "170141183460469231731687303715884105728u128"),
    (0.1, "0.1"),
    (5.0, "5.0"),
    (1e21, "1e+21"),
    (math.nan, "f64::NAN"),
    (-math.inf, "f64::NEG_INFINITY"),
    (True, "true"),
    ("a", '"a"'),
    ("", '""'),
    ('say "hi"', 'r#"say "hi""#'),
    (r"C:\new", r'r"C:\new"'),
    ('"#', 'r##""#"##'),
    ('a\n"b"\t\\', r'"a\n\"b\"\t\\"'),
    ("é λ", '"é λ"'),
    ("\x1b[0m\u202e\0", r'"\u{1b}[0m\u{202e}\0"'),
    ([1, 2], "vec![1, 2]"),
    ([1, 2.5], "vec![1.0, 2.5]"),
    ([1, 2**40], "vec![1i64, 1099511627776i64]"),
    ([[1], []], "vec![vec![1], vec![]]"),
    ([1, None], "vec![Some(1), None]"),
    (["a", "b"], 'vec!["a", "b"]'),
    ({"a": 1, "b": 2.5}, 'std::collections::BTreeMap::from([("a", 1.0), ("b", 2.5)])'),
    ({"a": [1]}, 'std::collections::BTreeMap::from([("a", vec![1])])'),
    ((1, 2), "vec![1, 2]"),
    (datetime.date(2026, 1, 2), '"2026-01-02"'),
]

# The parameters cell, the value, and the statement that is injected.
DECLARED = [
    ("let lr: f64 = 0.1; // rate", 1, "let lr: f64 = 1.0;"),
    ("let mut lr: f32 = 0.1;", math.nan, "let mut lr: f32 = f32::NAN;"),
    ("let lr = 0.1f32;", 2, "let lr = 2.0f32;"),
    ("let lr = 1e-3;", 2, "let lr = 2.0;"),
    ("let lr = f64::INFINITY;", 2, "let lr = 2.0;"),
    ("let n: usize = 3;", 2**40, "let n: usize = 1099511627776;"),
    ("let n: u8 = 3;", 4.0, "let n: u8 = 4;"),
    ("let n = 1_000u64;", 3, "let n = 3u64;"),
    ("let n = 5;", 7, "let n = 7;"),
    ("let n = -5;", 2**31, "let n = 2147483648i64;"),
    ("let n = 5 as u16;", 7, "let n = 7u16;"),
    ("let n: i128 = 0;", 2**100, "let n: i128 = 1267650600228229401496703205376;"),
    ("let x = f64::from(3);", 2, "let x = 2.0;"),
    ("let x = std::f64::consts::PI;", 2, "let x = 2.0;"),
    ("let x = u8::MAX;", 2, "let x = 2u8;"),
    ("let x = vec![1 as u8, 2];", [3], "let x = vec![3u8];"),
    ("let x = vec![1, 2].len() as u64;", 3, "let x = 3u64;"),
    ("let on = false;", True, "let on = true;"),
    ("let c = 'a';", "'", "let c = '\\'';"),
    ('let s = "x";', "y", 'let s = "y";'),
    ('let s: &str = "x";', "y", 'let s: &str = "y";'),
    ("let s: &'static str = \"x\";", "y", "let s: &'static str = \"y\";"),
    ('let s = "x".to_string();', "y", 'let s = "y".to_string();'),
    ('let s = String::from("x");', "y", 'let s = "y".to_string();'),
    ("let s = String::new();", "y", 'let s = "y".to_string();'),
    ("let s: String = format!(\"x\");", "y", 'let s: String = "y".to_string();'),
    ("let v: Vec<f64> = vec![];", [1, 2], "let v: Vec<f64> = vec![1.0, 2.0];"),
    ("let v: Vec<f64> = vec![1.0];", [], "let v: Vec<f64> = vec![];"),
    ("let v = vec![1u8, 2];", [3], "let v = vec![3u8];"),
    ("let v = vec![0.5; 3];", [3], "let v = vec![3.0];"),
    ("let v = Vec::<String>::new();", ["a"], 'let v = vec!["a".to_string()];'),
    ("let v = Vec::new();", ["a"], 'let v = vec!["a"];'),
    ("let v: Vec<_> = vec![1.5];", [1, 2], "let v: Vec<_> = vec![1.0, 2.0];"),
    ("let v: Vec<_> = Vec::new();", [1, 2], "let v: Vec<_> = vec![1, 2];"),
    ("let v: [f64; 2] = [0.0; 2];", [1, 2], "let v: [f64; 2] = [1.0, 2.0];"),
    ("let v = [1, 2];", [1, 2, 3], "let v = [1, 2, 3];"),
    ("let v: &[i64] = &[];", [1], "let v: &[i64] = &[1];"),
    ("let v = &[1, 2];", [3], "let v = &[3];"),
    ("let o: Option<f64> = None;", 1, "let o: Option<f64> = Some(1.0);"),
    ("let o: Option<f64> = Some(0.5);", None, "let o: Option<f64> = None;"),
    ("let o = None::<f64>;", 1, "let o = Some(1.0);"),
    ("let o = Some(1u8);", 2, "let o = Some(2u8);"),
    ("let o: Option<Vec<String>> = None;", ["a"], 'let o: Option<Vec<String>> = Some(vec!["a".to_string()]);'),
    ("let t: (u8, String) = (1, String::new());", [2, "b"], 'let t: (u8, String) = (2, "b".to_string());'),
    ("let t = (1.5,);", [2], "let t = (2.0,);"),
    (
        "use std::collections::HashMap;\nlet m: HashMap<String, f64> = HashMap::new();",
        {"a": 1},
        'let m: HashMap<String, f64> = HashMap::from([("a".to_string(), 1.0)]);',
    ),
    (
        "let m = std::collections::HashMap::from([(1u8, true)]);",
        {"2": False},
        "let m = std::collections::HashMap::from([(2u8, false)]);",
    ),
    (
        "let m = std::collections::BTreeMap::new();",
        {"a": 1},
        'let m = std::collections::BTreeMap::from([("a", 1)]);',
    ),
    ("type Rate = f64;\nlet r: Rate = 0.1;", 1, "let r: Rate = 1.0;"),
    ("let b: Box<f64> = Box::new(0.1);", 1, "let b: Box<f64> = Box::new(1.0);"),
    ("let r#type: u8 = 1;", 2, "let r#type: u8 = 2;"),
    ("let doubled = other * 2;", 3, "let doubled = 3;"),
    ("let x = vec![1u8].into_iter().map(f64::from).collect::<Vec<_>>();", [1], "let x = vec![1];"),
    (
        "let p = std::path::PathBuf::from(\"a\");",
        "b",
        "let p = std::path::PathBuf::from(\"b\");",
    ),
]

# Declarations that leave a type open, which is another one with another value or does not stand alone.
OPEN = (
    "let v = Vec::new();",
    "let v: Vec<_> = Vec::new();",
    "let m = std::collections::BTreeMap::new();",
    "let doubled = other * 2;",
    "let x = vec![1u8].into_iter().map(f64::from).collect::<Vec<_>>();",
    "let n = -5;",
    "let v = [1, 2];",
    "let v = &[1, 2];",
)


def name_of(declared):
    return list(declarations(declared))[-1]


@pytest.mark.parametrize("value, text", PLAIN)
def test_values_without_a_declaration(value, text):
    assert written(value) == text
    assert injected("", x=value) == [f"let x = {text};"]


@pytest.mark.parametrize("declared, value, text", DECLARED)
def test_values_keep_the_type_that_the_notebook_declares(declared, value, text):
    assert injected(declared, **{name_of(declared): value}) == [text]


def test_numpys_values_are_python_values():
    numpy = pytest.importorskip("numpy")
    assert written(numpy.float64(0.5)) == "0.5"
    assert written(numpy.int64(5)) == "5"
    assert written(numpy.bool_(True)) == "true"
    assert written(numpy.array([1.0, 2.0])) == "vec![1.0, 2.0]"


@pytest.mark.parametrize(
    "declared, value, why",
    [
        ("", None, "give the parameter a type"),
        ("", [], "let name: Vec<f64>"),
        ("", {}, "BTreeMap"),
        ("", [[]], "give the parameter a type"),
        ("", [1, "a"], "different types, `i32` and `&str`"),
        ("", {"a": 1, "b": "c"}, "different types"),
        ("", {"a": {"b": 1}, "c": 2}, "different types"),
        ("", 2**128, "more digits"),
        pytest.param("", 10**5000, "more digits", id="5000 digits"),
        ("", b"a", "`bytes`"),
        ("", object(), "`object`"),
        ("", "\ud800", "Unicode"),
        ("let x: u8 = 1;", 256, "range of `u8`, 0 to 255"),
        ("let x: u8 = 1;", 1.5, "no integer"),
        ("let x: u8 = 1;", True, "no integer"),
        ("let x: u8 = 1;", "5", "no integer"),
        ("let x: f64 = 1.0;", "5", "not a number"),
        ("let x: f32 = 1.0;", 1e39, "too large for `f32`"),
        pytest.param("let x: f64 = 1.0;", 10**400, "too large for `f64`", id="400 digits"),
        ("let x: f64 = 1.0;", None, "not a number"),
        ("let x: bool = true;", 1, "not true or false"),
        ("let x: char = 'a';", "ab", "not one character"),
        ('let x = "a";', 5, "papermill's option `-r`"),
        ("let x: [f64; 2] = [0.0; 2];", [1], "list of 2 elements"),
        ("let x: (u8, u8) = (1, 2);", [1], "list of 2 values"),
        ("let x: Vec<u8> = vec![];", {"a": 1}, "no list"),
        ("let x = Vec::new();", {"a": 1}, "no `Vec<_>`"),
        ("let x: Rate = Rate::default();", 1, "type `Rate` cannot be given from outside"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(declared, value, why):
    with pytest.raises(ParameterProblem, match="the parameter `'x'` cannot be that") as problem:
        injected(declared, x=value)
    assert why in str(problem.value)
    assert len(str(problem.value)) < 400


@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "a;b", "x: i32", "a-b", "self", "crate", "_", "x\n", "let x", 'a"', 5]
)
def test_a_name_that_rust_does_not_have_is_refused(name):
    with pytest.raises(ParameterProblem, match="its name is none of Rust's"):
        injected_cell.cell({name: 1}, {})


def test_keywords_are_written_as_names():
    assert injected("", type=1, async_=2, gen=3) == ["let r#type = 1;", "let async_ = 2;", "let r#gen = 3;"]


def test_comments_cannot_end_early():
    assert injected_cell.cell({}, {}, "Parameters\nlet x = 1;\r\u2028y") == "// Parameters\n// let x = 1;\n//\n// y\n"


def test_nesting_without_end_is_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ParameterProblem, match="nested too deep"):
        injected("", x=value)
    with pytest.raises(ParameterProblem, match="nested too deep"):
        declarations("let x: " + "&" * 100_000 + "u8 = 1;")


def test_no_text_breaks_the_reading():
    chance = random.Random(7)
    words = ["let ", "mut ", "x", "Vec", "vec!", "from", "to_vec", "None", "Some", "as ", "f64", "_", "\n", "//"]
    words += [*":=;<>()[]{}&,-.#", "::", "/*", "*/", "'a", "'b'", '"s"', "1", "2.5"]
    for _ in range(20_000):
        text = "let x" + "".join(chance.choices(words, k=chance.randrange(25))) + ";"
        try:
            for name in declarations(text):
                injected(text, **{name: chance.choice([1, 2.5, "s", None, [], [1], {}, {"a": 1}, True])})
        except ParameterProblem:
            pass


CELL = '''\
:dep ndarray = "0.17"
%time
// How long to train.
// In epochs.
let epochs = 3;
let lr: f64 = 0.1; // the learning rate; 0.1 is "good"
/* names /* of */ runs */
let mut names: Vec<String> = vec!["a;b".to_string(), r#"c"d"#.into()]; let quiet = false;

// Not about what comes below.

let map: std::collections::HashMap<String, Vec<(u8, char)>> = [("a".to_string(), vec![(1, ';')])].into();
fn helper<'a>(x: &'a str) -> &'a str { let y = x; y }
let closure = |x: i32| { let z = x; z };
#[allow(unused)]
let late: Option<&'static str> = None;
struct Point { x: f64 }
let (a, b) = (1, 2);
let _ = 5;
let n = 1..=2;
let epochs = 4u8; // again
'''


def test_a_cell_is_read():
    found = declarations(CELL)
    told = {name: (one.type_name(), one.default, one.help) for name, one in found.items()}
    assert told == {
        "epochs": ("u8", "4u8", "again"),
        "lr": ("f64", "0.1", 'the learning rate; 0.1 is "good"'),
        "names": ("Vec<String>", 'vec!["a;b".to_string(), r#"c"d"#.into()]', "names /* of */ runs"),
        "quiet": ("bool", "false", ""),
        "map": (
            "std::collections::HashMap<String, Vec<(u8, char)>>",
            "[(\"a\".to_string(), vec![(1, ';')])].into()",
            "",
        ),
        "closure": (None, "|x: i32| { let z = x; z }", ""),
        "late": ("Option<&str>", "None", ""),
        "n": (None, "1..=2", ""),
    }
    assert declarations("// How long to train.\n// In epochs.\nlet epochs = 3;")["epochs"].help == (
        "How long to train. In epochs."
    )
    assert declarations("") == {}


@pytest.mark.parametrize("text", ['let x = "a', "/* a", "let x = r#\"a\"", "let x = (1;"])
def test_what_cannot_be_read_is_told_or_no_parameter(text):
    try:
        assert declarations(text) == {}
    except ParameterProblem as problem:
        assert "does not end" in str(problem)


@pytest.mark.skipif(not shutil.which("rustc"), reason="there is no rustc")
def test_rustc_takes_all_of_it_and_knows_the_same_types(tmp_path):
    lines = ["#![allow(unused)]", "fn main() {"]
    for value, text in PLAIN:
        lines.append(f"    {{ let x = {text}; }}")
    for declared, value, text in DECLARED:
        name = text.split(" = ")[0].removeprefix("let ").removeprefix("mut ").split(":")[0]
        if declared in OPEN:
            continue
        # The new value is put where the old one was, which rustc allows for the same type only.
        lines.append(f"    {{ {declared}\n let mut old = {name}; {text}\n old = {name}; }}")
    lines.append("}")
    source = tmp_path / "main.rs"
    source.write_text("\n".join(lines), encoding="utf-8")
    command = ["rustc", "--edition", "2024", "--emit", "metadata", "-o", tmp_path / "out", source]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("rustc"), reason="there is no rustc")
def test_every_character_arrives(tmp_path):
    text = "".join(map(chr, [*range(0x250), *range(0x2000, 0x2070), 0xFEFF, 0x10FFFF, 0x1F600])) + '\\"#"##'
    source = tmp_path / "main.rs"
    source.write_text(f"fn main() {{ print!(\"{{}}\", {literal(text)}); }}", encoding="utf-8")
    subprocess.run(["rustc", "-o", tmp_path / "main", source], check=True, capture_output=True)
    assert subprocess.run([tmp_path / "main"], capture_output=True).stdout == text.encode()


def test_values_of_json_arrive_as_they_are():
    value = json.loads('{"b": [1.5, null], "a": []}')
    assert written(value) == (
        'std::collections::BTreeMap::from([("b", vec![Some(1.5), None]), ("a", vec![])])'
    )
