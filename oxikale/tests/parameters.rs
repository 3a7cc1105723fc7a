//! What a run's JSON values become as parameters of each type, and what is said of wrong ones.

use std::collections::{BTreeMap, HashMap};

use oxikale::params::Parameter;
use serde_json::{Value, json};

fn read<T: Parameter>(value: Value) -> Result<T, String> {
    T::from_json(&value).map_err(|mismatch| format!("{}{}", mismatch.path(), mismatch.reason()))
}

#[test]
fn integers_come_as_doubles_too_but_never_rounded_or_wrapped() {
    assert_eq!(read::<i32>(json!(3.0)), Ok(3));
    assert_eq!(read::<i64>(json!(i64::MIN)), Ok(i64::MIN));
    assert_eq!(read::<u64>(json!(u64::MAX)), Ok(u64::MAX));
    assert_eq!(read::<i128>(json!(i128::MIN.to_string())), Ok(i128::MIN));
    assert_eq!(read::<u128>(json!(u128::MAX.to_string())), Ok(u128::MAX));
    assert_eq!(read::<u128>(json!(3e38)), Ok(3e38 as u128));
    assert!(read::<i32>(json!(3.5)).unwrap_err().contains("not a whole number"));
    assert!(read::<u8>(json!(256)).unwrap_err().contains("between 0 and 255"));
    assert!(read::<u8>(json!(-1)).unwrap_err().contains("between 0 and 255"));
    assert!(read::<i64>(json!(1e300)).is_err());
    assert!(read::<i64>(json!("3")).is_err());
    assert!(read::<i64>(json!(true)).is_err());
}

#[test]
fn floats_take_integers_and_the_names_of_what_json_lacks() {
    assert_eq!(read::<f64>(json!(3)), Ok(3.0));
    assert_eq!(read::<f32>(json!(0.1)), Ok(0.1));
    assert!(read::<f64>(json!("NaN")).unwrap().is_nan());
    assert_eq!(read::<f64>(json!("-Infinity")), Ok(f64::NEG_INFINITY));
    assert!(read::<f64>(json!("x")).is_err());
}

#[test]
fn texts_lists_maps_and_options() {
    assert_eq!(read::<String>(json!("a \"b\"\n")), Ok("a \"b\"\n".to_owned()));
    assert_eq!(read::<&'static str>(json!("a")), Ok("a"));
    assert_eq!(read::<char>(json!("é")), Ok('é'));
    assert!(read::<char>(json!("ab")).is_err());
    assert_eq!(read::<Vec<u8>>(json!([1, 2.0])), Ok(vec![1, 2]));
    assert_eq!(read::<[i32; 2]>(json!([1, 2])), Ok([1, 2]));
    assert!(read::<[i32; 2]>(json!([1])).unwrap_err().contains("1 elements instead of 2"));
    assert_eq!(read::<(i32, String)>(json!([1, "a"])), Ok((1, "a".to_owned())));
    assert_eq!(read::<HashMap<&'static str, f64>>(json!({"a": 1})), Ok(HashMap::from([("a", 1.0)])));
    assert_eq!(read::<BTreeMap<String, Vec<i32>>>(json!({"a": [1]})), Ok(BTreeMap::from([("a".to_owned(), vec![1])])));
    assert_eq!(read::<Option<i32>>(json!(null)), Ok(None));
    assert_eq!(read::<Option<i32>>(json!(1)), Ok(Some(1)));
    assert_eq!(read::<Value>(json!({"a": null})), Ok(json!({"a": null})));
    assert_eq!(read::<Vec<BTreeMap<String, i32>>>(json!([{}, {"a": "x"}])).unwrap_err(), "[1][\"a\"]this is a text");
}
