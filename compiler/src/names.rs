//! How names written in a notebook become names that KFP and Kubernetes accept.

/// The longest name of a task: Kubernetes' limit for a label's value.
pub const LONGEST: usize = 63;

/// KFP's name for `text`: lower case letters, digits and single hyphens, neither first nor last; empty where nothing remains.
pub fn kfp(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    while name.ends_with('-') {
        name.pop();
    }
    name
}

/// The key of a Rust variable in the IR: its name in ASCII. Different variables have different keys.
pub fn key(variable: &str) -> String {
    let variable = variable.trim_start_matches("r#");
    let mut key = String::with_capacity(variable.len());
    for (at, character) in variable.char_indices() {
        if character == '_' && is_escape(&variable[at..]) {
            key.push_str("_u5f_");
        } else if character.is_ascii_alphanumeric() || character == '_' {
            key.push(character);
        } else {
            key.push_str(&format!("_u{:x}_", u32::from(character)));
        }
    }
    key
}

/// Whether a text begins like the stand-in for a character that is not ASCII: `_u3b2_`.
fn is_escape(text: &str) -> bool {
    text.strip_prefix("_u")
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(code, _)| !code.is_empty() && code.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The one of `candidates` that `name` is most likely a misspelling of.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let longest = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name && candidate.len().abs_diff(name.len()) <= 4 * longest)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= longest)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters are wrong, missing, too many or swapped with the next one; letters of either case are equal.
fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(&a.to_lowercase(), &b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_names_become_kfp_names() {
        for (text, name) in [("Load_Data", "load-data"), ("a--b__c", "a-b-c"), ("_x_", "x"), ("é", ""), ("2nd", "2nd")]
        {
            assert_eq!(kfp(text), name);
        }
    }

    #[test]
    fn keys_keep_case_and_tell_letters_apart() {
        assert_eq!(key("r#type"), "type");
        assert_eq!(key("xs_1"), "xs_1");
        assert_ne!(key("β"), key("γ"));
        assert_ne!(key("β"), key("_u3b2_"));
        assert_ne!(key("A"), key("a"));
    }

    #[test]
    fn a_misspelt_name_is_recognised() {
        assert_eq!(nearest("laod", ["load", "train", "x"]), Some("load"));
        assert_eq!(nearest("zzz", ["load", "train"]), None);
    }
}
