//! The grammar of cell tags: Kale's, old and new, and what Kale parses and drops.

use crate::pipeline::{Retry, Secret, Toleration, Volume};

/// What a tag says.
#[derive(Debug, Clone, PartialEq)]
pub enum Tag {
    /// `skip`: the cell is in no step.
    Skip,
    /// `imports`: every step runs the cell first.
    Imports,
    /// `functions`: every step runs the cell after the imports.
    Functions,
    /// `pipeline-parameters`: the cell defines the pipeline's parameters.
    PipelineParameters,
    /// `pipeline-metrics`: the cell names variables that are metrics.
    PipelineMetrics,
    /// `step:NAME` or `block:NAME`.
    Step(String),
    /// `prev:NAME`.
    Prev(String),
    /// `notebook:NAME`.
    Notebook(String),
    /// A setting of a step.
    Setting(Setting),
}

/// A tag that configures a step; also what `steps_defaults` holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// `annotation:KEY:VALUE`.
    Annotation(String, String),
    /// `label:KEY:VALUE`.
    Label(String, String),
    /// `limit:RESOURCE:QUANTITY`.
    Limit(String, String),
    /// `request:RESOURCE:QUANTITY`.
    Request(String, String),
    /// `image:REFERENCE`.
    Image(String),
    /// `cache:enabled`, `cache:disabled`.
    Cache(bool),
    /// `report:enabled`, `report:disabled`.
    Report(bool),
    /// `secret:NAME:KEY:VARIABLE`.
    Secret(Secret),
    /// `retry:COUNT[:WAIT[:FACTOR[:LONGEST]]]`.
    Retry(Retry),
    /// `timeout:DURATION`, in seconds.
    Timeout(u64),
    /// `env:NAME:VALUE`.
    Env(String, String),
    /// `node:LABEL:VALUE`.
    Node(String, String),
    /// `toleration:KEY[:VALUE][:EFFECT]`.
    Toleration(Toleration),
    /// `volume:CLAIM:/MOUNT/PATH`.
    Volume(Volume),
}

/// Why a string is not a tag of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotATag {
    /// Nothing of ours begins like this.
    Unknown,
    /// A tag of another tool, known to mean nothing here.
    Foreign,
    /// It begins like one of ours; the sentence says what is wrong.
    Malformed(String),
}

/// Tags that nbconvert, papermill, Jupyter Book and JupyterLab give a meaning to.
const FOREIGN: [&str; 16] = [
    "parameters",
    "injected-parameters",
    "hide-input",
    "hide-output",
    "hide-cell",
    "hide_input",
    "hide_output",
    "remove-input",
    "remove-output",
    "remove-cell",
    "remove_input",
    "remove_output",
    "remove_cell",
    "full-width",
    "raises-exception",
    "nbval-skip",
];

/// The beginnings of tags that have a value, for suggestions.
pub const PREFIXES: [&str; 18] = [
    "step",
    "block",
    "prev",
    "notebook",
    "annotation",
    "label",
    "limit",
    "request",
    "image",
    "cache",
    "report",
    "secret",
    "retry",
    "timeout",
    "env",
    "node",
    "toleration",
    "volume",
];

/// The tags without a value, for suggestions.
pub const WORDS: [&str; 5] = ["skip", "imports", "functions", "pipeline-parameters", "pipeline-metrics"];

/// Reads one tag.
///
/// # Errors
/// [`NotATag`] says whether it is somebody else's or a mistake.
pub fn parse(text: &str) -> Result<Tag, NotATag> {
    match text {
        "skip" => return Ok(Tag::Skip),
        "imports" => return Ok(Tag::Imports),
        "functions" => return Ok(Tag::Functions),
        "pipeline-parameters" => return Ok(Tag::PipelineParameters),
        "pipeline-metrics" => return Ok(Tag::PipelineMetrics),
        _ if FOREIGN.contains(&text) => return Err(NotATag::Foreign),
        _ => {}
    }
    let (kind, value) = text.split_once(':').ok_or(NotATag::Unknown)?;
    match kind {
        "step" | "block" => Ok(Tag::Step(step_name(value)?)),
        "prev" if value.is_empty() => Err(malformed("`prev:` needs the name of a step")),
        "prev" => Ok(Tag::Prev(step_name(value)?)),
        "notebook" => Ok(Tag::Notebook(step_name(value)?)),
        _ => parse_setting(text).map(Tag::Setting),
    }
}

/// Reads one setting, as in a tag or in `steps_defaults`.
///
/// # Errors
/// [`NotATag`] says whether it is somebody else's or a mistake.
pub fn parse_setting(text: &str) -> Result<Setting, NotATag> {
    let (kind, value) = text.split_once(':').ok_or(NotATag::Unknown)?;
    Ok(match kind {
        "annotation" => {
            let (key, value) = pair(kind, value)?;
            Setting::Annotation(qualified(key)?, value.to_owned())
        }
        "label" => {
            let (key, value) = pair(kind, value)?;
            Setting::Label(qualified(key)?, label_value(value)?)
        }
        "limit" => {
            let (resource, amount) = quantity(kind, value)?;
            Setting::Limit(resource, amount)
        }
        "request" => {
            let (resource, amount) = quantity(kind, value)?;
            Setting::Request(resource, amount)
        }
        "image" => Setting::Image(image(value)?),
        "cache" => Setting::Cache(switch(kind, value)?),
        "report" => Setting::Report(switch(kind, value)?),
        "secret" => Setting::Secret(secret(value)?),
        "retry" => Setting::Retry(retry(value)?),
        "timeout" => match duration(value) {
            Some(seconds) if seconds >= 1.0 => Setting::Timeout(seconds.ceil() as u64),
            _ => {
                return Err(malformed(
                    "`timeout:` needs a duration of a second or more, as in `timeout:90s` or `timeout:1h30m`",
                ));
            }
        },
        "env" => {
            let (name, value) = value
                .split_once([':', '='])
                .ok_or_else(|| malformed("`env:` needs a name and a value, as in `env:RUST_LOG:debug`"))?;
            Setting::Env(variable(name)?, value.to_owned())
        }
        "node" => {
            let (key, value) = pair(kind, value)?;
            Setting::Node(qualified(key)?, label_value(value)?)
        }
        "toleration" => Setting::Toleration(toleration(value)?),
        "volume" => {
            let (claim, path) = pair(kind, value)?;
            Setting::Volume(Volume { claim: dns_name(claim)?, mount_path: mount_path(path)?, env: None })
        }
        _ => return Err(NotATag::Unknown),
    })
}

fn malformed(text: impl Into<String>) -> NotATag {
    NotATag::Malformed(text.into())
}

fn pair<'a>(kind: &str, value: &'a str) -> Result<(&'a str, &'a str), NotATag> {
    value
        .split_once(':')
        .ok_or_else(|| malformed(format!("`{kind}:` needs a key and a value with a colon between them")))
}

/// Letters, digits, `_` and `-`; empty is allowed, and means the step above.
fn step_name(name: &str) -> Result<String, NotATag> {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return Err(malformed("a step's name is made of ASCII letters, digits, `_` and `-`"));
    }
    if name.len() > crate::names::LONGEST {
        return Err(malformed(format!("a step's name has at most {} characters", crate::names::LONGEST)));
    }
    if !name.is_empty() && crate::names::kfp(name).is_empty() {
        return Err(malformed("a step's name needs a letter or a digit"));
    }
    Ok(name.to_owned())
}

fn is_name_part(text: &str, longest: usize) -> bool {
    let bytes = text.as_bytes();
    (1..=longest).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

/// A Kubernetes qualified name: `[prefix/]name`.
fn qualified(key: &str) -> Result<String, NotATag> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if is_name_part(name, 63) && prefix.is_none_or(|prefix| is_name_part(prefix, 253)) {
        Ok(key.to_owned())
    } else {
        Err(malformed(format!(
            "`{key}` is no Kubernetes key: letters, digits, `-`, `_` and `.`, with a letter or digit at both ends, perhaps after `domain/`"
        )))
    }
}

fn label_value(value: &str) -> Result<String, NotATag> {
    if value.is_empty() || is_name_part(value, 63) {
        Ok(value.to_owned())
    } else {
        Err(malformed(format!(
            "`{value}` cannot be the value of a Kubernetes label: at most 63 letters, digits, `-`, `_` and `.`; an annotation takes any text"
        )))
    }
}

/// A DNS subdomain, the form of the names of claims and secrets.
///
/// # Errors
/// When it is none.
pub fn dns_name(name: &str) -> Result<String, NotATag> {
    let valid = (1..=253).contains(&name.len())
        && name.split('.').all(|part| {
            part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !part.is_empty()
                && !part.starts_with('-')
                && !part.ends_with('-')
        });
    if valid {
        Ok(name.to_owned())
    } else {
        Err(malformed(format!("`{name}` is no Kubernetes name: lower case letters, digits, `-` and `.`")))
    }
}

/// An absolute path without `.`, `..` and doubled slashes; a slash at its end is dropped.
///
/// # Errors
/// When it is none.
pub fn mount_path(path: &str) -> Result<String, NotATag> {
    let trimmed = path.trim_end_matches('/');
    let mut parts = trimmed.split('/');
    let absolute = parts.next() == Some("");
    let mut named = 0;
    for part in parts {
        if part.is_empty() || part == "." || part == ".." || part.chars().any(char::is_control) || part.contains(':') {
            named = 0;
            break;
        }
        named += 1;
    }
    if absolute && named > 0 {
        Ok(trimmed.to_owned())
    } else {
        Err(malformed(format!("`{path}` cannot be mounted at: an absolute path is needed, as in `/data`")))
    }
}

/// A container image: one word.
///
/// # Errors
/// When it is empty, or has white space in it.
pub fn image(reference: &str) -> Result<String, NotATag> {
    let trimmed = reference.trim();
    if trimmed.is_empty() || trimmed.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(malformed("an image is one word, as in `image:debian:12`"));
    }
    Ok(trimmed.to_owned())
}

fn variable(name: &str) -> Result<String, NotATag> {
    let valid = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if valid {
        Ok(name.to_owned())
    } else {
        Err(malformed(format!("`{name}` cannot be the name of an environment variable")))
    }
}

fn switch(kind: &str, value: &str) -> Result<bool, NotATag> {
    match value {
        "enabled" => Ok(true),
        "disabled" => Ok(false),
        _ => Err(malformed(format!("`{kind}:` takes `enabled` or `disabled`"))),
    }
}

fn quantity(kind: &str, value: &str) -> Result<(String, String), NotATag> {
    let (resource, amount) = pair(kind, value)?;
    let resource = match resource {
        "mem" => "memory".to_owned(),
        _ => qualified(resource)?,
    };
    if is_quantity(amount) {
        Ok((resource, amount.to_owned()))
    } else {
        Err(malformed(format!(
            "`{amount}` is no quantity: a number, perhaps with m, k, M, G, T, Ki, Mi, Gi or Ti behind it, as in `limit:memory:2Gi`"
        )))
    }
}

/// Whether Kubernetes takes `text` as a quantity that is not negative.
fn is_quantity(text: &str) -> bool {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let one_point = number.matches('.').count() <= 1 && number.bytes().any(|b| b.is_ascii_digit());
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|e| {
        let digits = e.strip_prefix(['+', '-']).unwrap_or(e);
        !digits.is_empty() && digits.len() < 3 && digits.bytes().all(|b| b.is_ascii_digit())
    });
    let known = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].contains(&suffix);
    number.len() < 20 && one_point && (known || exponent)
}

fn secret(value: &str) -> Result<Secret, NotATag> {
    let parts: Vec<&str> = value.split(':').collect();
    let [name, key, env] = parts[..] else {
        return Err(malformed(
            "`secret:` needs a secret, a key in it and a variable, as in `secret:db:password:DB_PASSWORD`",
        ));
    };
    let key_is_valid = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if !key_is_valid {
        return Err(malformed(format!("`{key}` cannot be the key of a secret")));
    }
    Ok(Secret { name: dns_name(name)?, key: key.to_owned(), env: variable(env)? })
}

fn retry(value: &str) -> Result<Retry, NotATag> {
    let wrong = || {
        malformed(
            "`retry:` needs a count, and may have the first wait, a factor and the longest wait behind it, as in `retry:3:10s:2:5m`",
        )
    };
    let mut parts = value.split(':');
    let count = parts.next().and_then(|count| count.parse().ok()).filter(|count| *count <= 1000).ok_or_else(wrong)?;
    let backoff_seconds = parts.next().map_or(Some(0.0), duration).ok_or_else(wrong)?;
    let factor: f64 = parts.next().map_or(Some(2.0), |factor| factor.parse().ok()).ok_or_else(wrong)?;
    let max_seconds = parts.next().map_or(Some(3600.0), duration).ok_or_else(wrong)?;
    if parts.next().is_some() || !(1.0..=1000.0).contains(&factor) {
        return Err(wrong());
    }
    Ok(Retry { count, backoff_seconds, factor, max_seconds })
}

/// Seconds of `90`, `90s`, `1.5m`, `1h30m`, `2d`; at most ten years.
pub fn duration(text: &str) -> Option<f64> {
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return text.parse().ok().filter(|seconds| *seconds <= 315_360_000.0);
    }
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, length) = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        seconds += number * length;
        rest = &rest[unit.len()..];
    }
    (seconds <= 315_360_000.0).then_some(seconds)
}

fn toleration(value: &str) -> Result<Toleration, NotATag> {
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    let parts: Vec<&str> = value.split(':').collect();
    let (key, value, effect) = match parts[..] {
        [key] => (key, None, None),
        [key, effect] if EFFECTS.contains(&effect) => (key, None, Some(effect)),
        [key, value] => (key, Some(value), None),
        [key, value, effect] if EFFECTS.contains(&effect) => (key, Some(value), Some(effect)),
        _ => {
            return Err(malformed(
                "`toleration:` needs a key, and may have a value and one of NoSchedule, PreferNoSchedule, NoExecute behind it, as in `toleration:gpu:yes:NoSchedule`",
            ));
        }
    };
    Ok(Toleration {
        key: qualified(key)?,
        value: value.map(label_value).transpose()?,
        effect: effect.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_colons() {
        assert_eq!(
            parse("annotation:a.b/url:http://x:80/y"),
            Ok(Tag::Setting(Setting::Annotation("a.b/url".into(), "http://x:80/y".into())))
        );
        assert_eq!(parse("image:registry:5000/a/b:1"), Ok(Tag::Setting(Setting::Image("registry:5000/a/b:1".into()))));
    }

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [("90", 90.0), ("90s", 90.0), ("1h30m", 5400.0), ("1.5m", 90.0), ("250ms", 0.25)] {
            assert_eq!(duration(text), Some(seconds), "{text}");
        }
        for text in ["h", "5x", "1h3", "-3", "1e9d", "99999999999999"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn resources_have_any_kubernetes_name() {
        assert_eq!(
            parse("limit:nvidia.com/mig-1g.5gb:1"),
            Ok(Tag::Setting(Setting::Limit("nvidia.com/mig-1g.5gb".into(), "1".into())))
        );
        assert!(matches!(parse("limit:memory:abc"), Err(NotATag::Malformed(_))));
        assert!(matches!(parse("request:cpu:500m"), Ok(Tag::Setting(Setting::Request(..)))));
    }

    #[test]
    fn mount_paths_stay_where_they_are() {
        assert_eq!(mount_path("/shared_volume/"), Ok("/shared_volume".into()));
        for path in ["", "/", "data", "/a/../b", "/a//b", "/a\nb"] {
            assert!(mount_path(path).is_err(), "{path:?}");
        }
    }
}
