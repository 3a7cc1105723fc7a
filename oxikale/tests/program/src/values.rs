//! Values of every kind that one step hands on and another one compares with what they were.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use ndarray::{Array0, Array1, Array2, Array3, ArrayD, IxDyn, ShapeBuilder, array};
use oxikale::step::{Failure, HandOn, Slot, Step};

#[derive(::oxikale::step::serde::Serialize, ::oxikale::step::serde::Deserialize, Debug, Clone, PartialEq)]
#[serde(crate = "::oxikale::step::serde")]
struct Point {
    x: f64,
    label: &'static str,
    big: i128,
    huge: u128,
    inner: Vec<Shape>,
}

#[derive(::oxikale::step::serde::Serialize, ::oxikale::step::serde::Deserialize, Debug, Clone, PartialEq)]
#[serde(crate = "::oxikale::step::serde")]
enum Shape {
    Empty,
    Circle(f64),
    Rectangle { width: f32, height: f32 },
    Pair(u8, char),
    Nested(Option<Box<Shape>>),
}

#[derive(::oxikale::step::serde::Serialize, ::oxikale::step::serde::Deserialize, Debug, Clone, PartialEq)]
#[serde(crate = "::oxikale::step::serde", untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    List(Vec<u8>),
    Record { a: bool },
}

#[derive(::oxikale::step::serde::Serialize, ::oxikale::step::serde::Deserialize, Debug, Clone, PartialEq)]
#[serde(crate = "::oxikale::step::serde", tag = "kind", content = "of")]
enum Tagged {
    One(Vec<f64>),
    Two { x: i32 },
}

#[derive(::oxikale::step::serde::Serialize, ::oxikale::step::serde::Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(crate = "::oxikale::step::serde")]
struct Unit;

#[derive(::oxikale::step::serde::Serialize, ::oxikale::step::serde::Deserialize, Debug, Clone, PartialEq)]
#[serde(crate = "::oxikale::step::serde")]
struct Wrapper<T>(T);

#[derive(::oxikale::step::serde::Serialize, ::oxikale::step::serde::Deserialize, Debug, Clone, PartialEq)]
#[serde(crate = "::oxikale::step::serde")]
struct Chain {
    value: u32,
    next: Option<Box<Chain>>,
}

fn chain(length: u32) -> Chain {
    (1..length).fold(Chain { value: 0, next: None }, |next, value| Chain { value, next: Some(Box::new(next)) })
}

/// Equal, where not-a-number equals itself: by the text, which names every bit that matters here.
fn same<T: Debug>(name: &str, loaded: &T, expected: &T) {
    assert_eq!(format!("{loaded:?}"), format!("{expected:?}"), "{name} came back changed");
}

fn pass<T: HandOn + Debug>(step: &Step, key: &'static str, value: T) -> Result<(), Failure> {
    let slot = if step.is("save") { Slot::save(step, key, &value)? } else { Slot::empty(key) };
    if step.is("load") {
        same(key, &slot.load(step)?, &value);
    }
    Ok(())
}

/// Saves or loads every value; prints the keys, so that the test declares an artifact for each.
pub fn run(step: &Step) -> Result<(), Failure> {
    if !step.is("save") && !step.is("load") {
        return Ok(());
    }
    pass(step, "int", 42)?;
    pass(step, "negative", -7_i8)?;
    pass(step, "i128_min", i128::MIN)?;
    pass(step, "u128_max", u128::MAX)?;
    pass(step, "u64_max", u64::MAX)?;
    pass(step, "usize_max", usize::MAX)?;
    pass(step, "float", 0.1_f64)?;
    pass(step, "whole_float", 1.0_f64)?;
    pass(step, "big_float", 1e300_f64)?;
    pass(step, "tiny_float", f64::MIN_POSITIVE / 8.0)?;
    pass(step, "negative_zero", -0.0_f64)?;
    pass(step, "f32", 0.1_f32)?;
    pass(step, "nan", f64::NAN)?;
    pass(step, "inf", f64::INFINITY)?;
    pass(step, "minus_inf_f32", f32::NEG_INFINITY)?;
    pass(step, "boolean", true)?;
    pass(step, "character", 'é')?;
    pass(step, "quote", '"')?;
    pass(step, "string", "a \"quoted\"\n\\ text \0 \u{1F600}".to_owned())?;
    pass(step, "empty_string", String::new())?;
    pass(step, "static_str", "lives for ever")?;
    pass(step, "unit", ())?;
    pass(step, "vec", vec![1.5, f64::NAN, f64::NEG_INFINITY])?;
    pass(step, "bytes", vec![0_u8, 127, 255])?;
    pass(step, "empty_vec", Vec::<i32>::new())?;
    pass(step, "strs", vec!["a", "b"])?;
    pass(step, "big_ints", vec![i128::MIN, -1, 0, i128::MAX])?;
    pass(step, "big_uints", (u128::MAX, 0_u128))?;
    pass(step, "str_map", HashMap::from([("rate", 0.5_f64)]))?;
    pass(step, "int_map", BTreeMap::from([(1_u8, "one"), (2, "two")]))?;
    pass(step, "tuple_map", BTreeMap::from([((1, 'a'), vec![1]), ((2, 'b'), vec![])]))?;
    pass(step, "empty_map", HashMap::<String, i32>::new())?;
    pass(step, "set", BTreeSet::from([3, 1, 2]))?;
    pass(step, "hash_set", HashSet::from([9_u64]))?;
    pass(step, "deque", VecDeque::from([1_u8, 2]))?;
    pass(step, "array", [[1, 2], [3, 4]])?;
    pass(step, "tuple", (1_u8, ("two", 3.0), [4_i64; 2]))?;
    pass(step, "none", None::<i32>)?;
    pass(step, "some", Some(3))?;
    pass(step, "result", Err::<i32, String>("no".to_owned()))?;
    pass(step, "boxed", Box::new(5_i32))?;
    pass(step, "duration", Duration::new(3, 999_999_999))?;
    pass(step, "address", "127.0.0.1".parse::<IpAddr>()?)?;
    pass(step, "range", 3..9_usize)?;
    pass(step, "unit_struct", Unit)?;
    pass(step, "units", vec![(Unit, ()), (Unit, ())])?;
    pass(step, "wrapper", Wrapper(vec![Wrapper(1)]))?;
    pass(
        step,
        "point",
        Point {
            x: f64::NAN,
            label: "λ",
            big: i128::MIN,
            huge: u128::MAX,
            inner: vec![
                Shape::Empty,
                Shape::Circle(f64::INFINITY),
                Shape::Rectangle { width: 1.0, height: f32::NAN },
                Shape::Pair(255, '𝄞'),
                Shape::Nested(Some(Box::new(Shape::Nested(None)))),
                Shape::Nested(Some(Box::new(Shape::Empty))),
            ],
        },
    )?;
    pass(step, "enum_unit", Shape::Empty)?;
    pass(step, "enums_in_options", vec![Some(Shape::Empty), None, Some(Shape::Pair(1, 'x'))])?;
    pass(
        step,
        "untagged",
        vec![
            Untagged::Number(1),
            Untagged::Text("x".to_owned()),
            Untagged::List(vec![1, 2]),
            Untagged::Record { a: true },
            Untagged::Number(i64::MIN),
        ],
    )?;
    pass(step, "tagged", vec![Tagged::One(vec![f64::NAN]), Tagged::Two { x: 1 }])?;
    pass(step, "chain", chain(1_500))?;
    pass(step, "a1", array![1.0, f64::NAN, f64::INFINITY])?;
    pass(step, "a0", Array0::from_elem((), 5_i64))?;
    pass(step, "a2", Array2::from_shape_fn((3, 4), |(i, j)| (i * 10 + j) as f32))?;
    pass(step, "a2_fortran", Array2::from_shape_vec((2, 3).f(), vec![1_i32, 2, 3, 4, 5, 6])?)?;
    pass(step, "a2_transposed", Array2::from_shape_fn((3, 2), |(i, j)| (i * 2 + j) as i16).reversed_axes())?;
    pass(step, "a3", Array3::<u8>::from_elem((2, 1, 2), 7))?;
    pass(step, "adyn", ArrayD::from_shape_vec(IxDyn(&[1, 2, 1, 2]), vec![true, false, false, true])?)?;
    pass(step, "a_empty", Array2::<u64>::zeros((0, 3)))?;
    pass(step, "a_usize", array![[1_usize, usize::MAX]])?;
    pass(step, "a_isize", array![isize::MIN, 1])?;
    pass(step, "a_i128", array![i128::MIN, 1])?;
    pass(step, "a_big", Array1::from_shape_fn(100_000, |i| i as f64))?;
    pass(step, "arrays", vec![array![1.0, 2.0], array![3.0]])?;
    Ok(())
}
