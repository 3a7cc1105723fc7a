//! What holds for every notebook whatever: no panic, no hang, nothing that escapes its place, the same data flow as a
//! naive model finds.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use oxikale_compiler::ir::{self, Ir, ParameterType, PipelineSpec, PlatformSpec};
use oxikale_compiler::pipeline::{
    Output, Parameter, Pipeline, Retry, Secret, SecurityContext, Step, StepConfig, Toleration, Volume,
};
use oxikale_compiler::program::Program;
use oxikale_compiler::tags::{self, Setting, Tag};
use oxikale_compiler::{Compilation, Options, compile, names};
use oxikale_notebook::directives::directives;
use oxikale_notebook::{CellKind, CellSpan, Notebook};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use serde_json::{Map, Value, json};
use syn::spanned::Spanned;

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn config(cases: u32) -> ProptestConfig {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/properties.proptest-regressions");
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        max_shrink_iters: 2000,
        ..ProptestConfig::default()
    }
}

type Cells = Vec<(CellKind, String, Vec<String>)>;

fn cell(source: impl Into<String>, tags: &[&str]) -> (CellKind, String, Vec<String>) {
    (CellKind::Code, source.into(), tags.iter().map(ToString::to_string).collect())
}

/// Compiles with the program, on a thread of its own: what hangs fails.
fn compiled(cells: Cells, metadata: Map<String, Value>) -> (Notebook, Compilation) {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let notebook = Notebook::new(cells, metadata);
        let options = Options { name: "properties".to_owned(), program: true, ..Options::default() };
        let compilation = compile(&notebook, &options);
        // Whoever no longer waits has failed already.
        let _ = send.send((notebook, compilation));
    });
    receive.recv_timeout(PATIENCE).expect("compile ends, and lets no panic out")
}

// ---------------------------------------------------------------------------------------------------------------------
// What holds for every compilation.

fn assert_span(notebook: &Notebook, span: CellSpan, what: &str) {
    let source = &notebook.cells().get(span.cell).unwrap_or_else(|| panic!("{what}: no cell {}", span.cell)).source;
    assert!(span.start <= span.end && span.end <= source.len(), "{what}: {span:?} in {} bytes", source.len());
    assert!(
        source.is_char_boundary(span.start) && source.is_char_boundary(span.end),
        "{what}: {span:?} cuts a character"
    );
}

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn assert_sound(notebook: &Notebook, compilation: &Compilation) {
    for diagnostic in &compilation.diagnostics {
        assert_ne!(diagnostic.code, "OX902", "{}", diagnostic.message);
        for label in &diagnostic.labels {
            assert_span(notebook, label.span, &diagnostic.message);
        }
        diagnostic.position(notebook);
    }
    assert_eq!(compilation.has_errors(), compilation.ir.is_none(), "{:#?}", compilation.diagnostics);
    assert_eq!(compilation.ir.is_some(), compilation.program.is_some());
    let accepted = compilation.ir.is_some();
    let Some(pipeline) = &compilation.pipeline else {
        assert!(!accepted, "an IR without a pipeline");
        return;
    };
    let keys: BTreeSet<String> = pipeline.parameters.iter().map(|parameter| names::key(&parameter.name)).collect();
    assert!(keys.len() == pipeline.parameters.len() || !accepted, "keys of parameters collide");
    for parameter in &pipeline.parameters {
        assert_span(notebook, parameter.span, &parameter.name);
    }
    let mut tasks = BTreeSet::new();
    for step in &pipeline.steps {
        assert!(is_dns_label(&step.task), "{:?}", step.task);
        assert!(tasks.insert(&step.task) || !accepted, "two steps are {:?}", step.task);
        let keys: BTreeSet<&String> = step.outputs.iter().map(|output| &output.key).chain(&step.artifacts).collect();
        let distinct = keys.len() == step.outputs.len() + step.artifacts.len();
        assert!(distinct || !accepted, "keys of step {} collide: {:?}", step.name, step.outputs);
        for input in &step.inputs {
            assert_span(notebook, input.span, &input.variable);
            assert!(step.after.contains(&input.from));
            assert!(pipeline.steps[input.from].outputs.iter().any(|output| output.key == input.key));
        }
        for output in &step.outputs {
            assert_span(notebook, output.span, &output.variable);
        }
        for volume in step.config.volumes.iter().chain(&pipeline.volumes) {
            assert_mount_path(&volume.mount_path);
        }
    }
    if let Some(ir) = &compilation.ir {
        assert_reads_back(ir);
    }
    if let Some(program) = &compilation.program {
        assert_program(notebook, pipeline, program);
    }
}

fn assert_mount_path(path: &str) {
    assert!(path.starts_with('/') && path.len() > 1 && !path.ends_with('/'), "{path:?}");
    let parts = path[1..].split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    assert!(parts && !path.contains(char::is_control) && !path.contains(':'), "{path:?}");
}

// ---------------------------------------------------------------------------------------------------------------------
// The program: Rust, each mapped line the cell's own text at its own columns, and no token of a step left out.

fn assert_program(notebook: &Notebook, pipeline: &Pipeline, program: &Program) {
    if let Err(error) = syn::parse_file(&program.main) {
        let at = error.span().start().line;
        let around: Vec<&str> = program.main.lines().skip(at.saturating_sub(4)).take(8).collect();
        panic!("the program is not Rust: {error} at line {at}:\n{}", around.join("\n"));
    }
    let lines: Vec<&str> = program.main.split('\n').collect();
    let codes: Vec<String> = notebook.cells().iter().map(|cell| directives(&cell.source).code).collect();
    let mut covered: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut end = 0;
    for range in &program.map.lines {
        assert!(range.first > end, "ranges overlap: {range:?}");
        end = range.first + range.count - 1;
        let code: Vec<&str> = codes[range.cell].split('\n').collect();
        for offset in 0..range.count {
            let written = lines[(range.first + offset) as usize - 1];
            let original = code[(range.cell_line + offset) as usize - 1];
            covered.insert((range.cell, (range.cell_line + offset) as usize));
            assert_eq!(program.map.cell_line(range.first + offset), Some((range.cell, range.cell_line + offset)));
            // Only the first line may stand behind something else in its cell, and only the last one before something.
            let indented = if offset == 0 { written.chars().take_while(|c| *c == ' ').count() } else { 0 };
            let same = written
                .chars()
                .skip(indented)
                .eq(original.chars().skip(indented).take(written.chars().count() - indented));
            assert!(same, "line {written:?} is not {original:?} of cell {}", range.cell);
            assert!(
                offset + 1 == range.count || written.chars().count() == original.chars().count(),
                "{original:?} is cut: {written:?}"
            );
        }
    }
    for (line, origin) in &program.map.origins {
        use oxikale_compiler::program::Origin::*;
        assert!((*line as usize) <= lines.len());
        let (Save { span, .. }
        | Load { span, .. }
        | Parameter { span, .. }
        | Metric { span, .. }
        | Derive { span, .. }
        | Show { span }) = origin;
        assert_span(notebook, *span, "an origin");
        for text in 0..codes[span.cell][span.start..span.end].matches('\n').count() + 1 {
            covered.insert((span.cell, codes[span.cell][..span.start].matches('\n').count() + 1 + text));
        }
    }
    for &index in pipeline.steps.iter().flat_map(|step| &step.cells).chain(&pipeline.shared_cells) {
        let Ok(syn::File { attrs, items, .. }) = syn::parse_file(&format!("fn f() {{\n{}\n}}", codes[index])) else {
            continue;
        };
        let ([syn::Item::Fn(function)], []) = (&items[..], &attrs[..]) else {
            panic!("cell {index} leaves its braces")
        };
        for statement in &function.block.stmts {
            let line = statement.span().start().line - 1;
            let text = codes[index].split('\n').nth(line - 1).unwrap_or_default();
            // Imports are written anew, name by name; an item that stands in several cells is written once.
            let elsewhere = match statement {
                syn::Stmt::Item(syn::Item::Use(_)) => true,
                syn::Stmt::Item(_) | syn::Stmt::Macro(_) => program.main.contains(text.trim()),
                _ => false,
            };
            assert!(
                elsewhere || covered.contains(&(index, line)),
                "line {line} of cell {index} is not in the program:\n{}",
                codes[index]
            );
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The IR's YAML.

fn assert_reads_back(ir: &Ir) {
    let yaml = ir.to_yaml().expect("every value has a YAML text");
    let documents: Vec<&str> = yaml.split("\n---\n").collect();
    let platform = !ir.platform.platforms.is_empty();
    assert_eq!(documents.len(), 1 + usize::from(platform), "{yaml}");
    assert!(!yaml.starts_with("---") && !yaml.lines().any(|line| line.starts_with("...")), "{yaml}");
    assert_eq!(serde_saphyr::from_str::<PipelineSpec>(documents[0]).expect(&yaml), ir.spec, "{yaml}");
    if platform {
        assert_eq!(serde_saphyr::from_str::<PlatformSpec>(documents[1]).expect(&yaml), ir.platform, "{yaml}");
    }
    assert_eq!(serde_saphyr::from_multiple::<Value>(&yaml).expect(&yaml).len(), documents.len(), "{yaml}");
    assert!(!yaml.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "raw control characters: {yaml:?}");
    assert_eq!(ir.to_yaml().expect("again"), yaml);
}

/// Texts that YAML, HTML, shells, KFP or older YAML versions could take for something else.
#[rustfmt::skip]
const HOSTILE: &[&str] = &[
    "", " ", "  lead", "trail ", "\n", "\n\n", "a\nb", "a\n", "\na", "a\n\n\nb\n\n", " a\n  b\n", "\ta", "a\t",
    "a: b", "a:", ": a", ":", "-", "- a", "---", "\n---\n", "a\n---\nb: c\n", "...", "\n...\n", "--- !!str", "{{$}}",
    "{{$.inputs.parameters['x']}}", "{", "}", "[", "]", "{a: b}", "[a, b]", ",", "#", " # c", "a #b", "&a", "*a",
    "*", "&", "!a", "!!binary aGk=", "!!python/object/apply:os.system ['true']", "|", ">", "|-\n a", "%",
    "%YAML 1.1", "@a", "`a`", "'", "''", "\"", "\"\"", "a'b\"c", "\\", "\\n", "a\\", "~", "null", "Null", "NULL",
    "true", "True", "yes", "no", "on", "off", "y", "n", "Yes", "NO", "0", "1", "-1", "+1", "007", "0o17", "0x1F",
    "0b1", "1_000", "1e3", "1.", ".5", "1.0", "-0.0", ".inf", "-.INF", ".nan", "NaN", "12:30:45", "190:20:30",
    "2024-01-01", "2024-01-01T00:00:00Z", "=", "<<", "?", "? a", "<script>alert(1)</script>", "</svg>", "&lt;",
    "$(true)", "${HOME}", "`true`", "; true", "&& true", "| true", "é", "😀", "\u{feff}a", "\u{85}", "\u{2028}",
    "\u{2029}", "\u{a0}", "\u{0}", "\u{7}", "\u{1b}[31m", "\r", "\r\n", "a\rb", "a\r\nb", "\u{7f}", "\u{9f}",
    "\u{fffe}", "\u{ffff}", "\u{e000}", "\u{10ffff}", "\u{200b}", "\u{202e}abc", "a\u{301}",
];

fn hostile() -> impl Strategy<Value = String> {
    let known = select(HOSTILE).prop_map(str::to_owned);
    let long =
        (known.clone(), 100..10_000_usize).prop_map(|(text, length)| text.repeat(length.div_ceil(text.len().max(1))));
    prop_oneof![
        6 => known.clone(),
        2 => any::<String>(),
        2 => prop::collection::vec(known, 1..6).prop_map(|parts| parts.concat()),
        2 => "(?s)[ \t\n\r:#'\"\\\\{}\\[\\],&*!|>%@`?~=<a-c0-2é😀\u{85}\u{2028}.-]{0,40}",
        1 => long,
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop_oneof![
            prop::num::f64::NORMAL,
            prop::num::f64::SUBNORMAL,
            prop::num::f64::ZERO,
            (-9..9_i32).prop_map(f64::from)
        ]
        .prop_map(Value::from),
        hostile().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((hostile(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn hostile_map() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(hostile(), hostile(), 0..3)
}

fn hostile_config() -> impl Strategy<Value = StepConfig> {
    let maps = (hostile_map(), hostile_map(), hostile_map(), hostile_map(), hostile_map(), hostile_map());
    let secret = (hostile(), hostile(), hostile()).prop_map(|(name, key, env)| Secret { name, key, env });
    let toleration = (hostile(), prop::option::of(hostile()), prop::option::of(hostile()))
        .prop_map(|(key, value, effect)| Toleration { key, value, effect });
    let seconds = prop::num::f64::POSITIVE | prop::num::f64::NORMAL | prop::num::f64::ZERO;
    let retry = (any::<u32>(), seconds, seconds, seconds).prop_map(|(count, backoff_seconds, factor, max_seconds)| {
        Retry { count, backoff_seconds, factor, max_seconds }
    });
    let switches = (prop::option::of(any::<bool>()), prop::option::of(any::<bool>()), prop::option::of(any::<u64>()));
    let lists = (
        prop::collection::vec(secret, 0..2),
        prop::collection::vec(toleration, 0..2),
        prop::collection::vec(hostile_volume(), 0..2),
        prop::option::of(retry),
        prop::option::of(hostile()),
    );
    (maps, switches, lists).prop_map(|(maps, switches, lists)| {
        let (limits, requests, labels, annotations, env, node_selector) = maps;
        let (cache, report, timeout_seconds) = switches;
        let (secrets, tolerations, volumes, retry, image) = lists;
        #[rustfmt::skip]
        let config = StepConfig {
            image, cache, report, limits, requests, labels, annotations, env, secrets, node_selector, tolerations, volumes, retry, timeout_seconds,
        };
        config
    })
}

fn hostile_volume() -> impl Strategy<Value = Volume> {
    (hostile(), hostile(), prop::option::of(hostile())).prop_map(|(claim, mount_path, env)| Volume {
        claim,
        mount_path,
        env,
    })
}

fn hostile_pipeline() -> impl Strategy<Value = Pipeline> {
    let kinds = vec![
        ParameterType::Double,
        ParameterType::Integer,
        ParameterType::String,
        ParameterType::Boolean,
        ParameterType::List,
        ParameterType::Struct,
    ];
    let span = CellSpan::new(0, 0, 0);
    let parameter = (hostile(), select(kinds), json_value())
        .prop_filter("no parameter is null", |parameter| !parameter.2.is_null());
    let parameter = parameter.prop_map(move |(name, kind, default)| Parameter { name, kind, default, span });
    let step =
        (hostile(), hostile(), hostile(), prop::collection::vec(hostile(), 0..2), hostile_config(), any::<bool>());
    let steps = prop::collection::vec(step, 1..4);
    let context = prop::option::of((any::<i64>(), any::<i64>(), any::<bool>()));
    let texts = (hostile(), prop::option::of(hostile()), hostile());
    (texts, prop::collection::vec(parameter, 0..4), steps, prop::collection::vec(hostile_volume(), 0..2), context)
        .prop_map(move |((name, description, base_image), parameters, steps, volumes, context)| Pipeline {
            name,
            description,
            experiment: None,
            steps: steps
                .into_iter()
                .enumerate()
                .map(|(index, (name, task, variable, artifacts, config, flag))| Step {
                    name,
                    task: format!("{task}{index}"),
                    cells: vec![0],
                    after: (0..index).collect(),
                    inputs: Vec::new(),
                    outputs: vec![Output { key: variable.clone(), variable, span }],
                    parameters: parameters.iter().filter(|_| flag).map(|parameter| parameter.name.clone()).collect(),
                    metrics: Vec::new(),
                    has_metrics: flag,
                    artifacts,
                    has_result: flag,
                    config,
                })
                .collect(),
            parameters,
            volumes,
            base_image,
            security_context: context.map(|(user, group, non_root)| SecurityContext {
                run_as_user: Some(user),
                run_as_group: Some(group),
                run_as_non_root: Some(non_root),
            }),
            shared_cells: Vec::new(),
            skipped_cells: Vec::new(),
        })
}

proptest! {
    #![proptest_config(config(128))]

    /// Whatever stands in a pipeline, its YAML says just that: no text becomes structure, another type or a document.
    #[test]
    fn yaml_says_what_the_ir_says(pipeline in hostile_pipeline()) {
        assert_reads_back(&ir::emit(&pipeline));
    }
}

/// KFP's readers follow YAML 1.1, where more words than in 1.2 are no text.
#[test]
fn yaml_quotes_what_older_readers_take_for_something_else() {
    let words = "y Y yes Yes YES n N no No NO on On ON off Off OFF true True TRUE false False FALSE null Null NULL ~ = << \
                 0 1 -1 +1 007 0o17 0x1F 0b1 1_000 1_0.5 1e3 1E+3 1. .5 -.5 1.0 .inf -.Inf +.INF .nan .NaN .NAN \
                 12:30:45 1:30 190:20:30.15 2024-01-01 2024-01-01T00:00:00Z ---";
    for word in words.split_whitespace().chain(["", "2024-01-01 10:00:00", "2001-12-14t21:59:43.10-05:00"]) {
        let mut ir = Ir::default();
        ir.spec.pipeline_info.description = Some(word.to_owned());
        ir.spec.pipeline_info.name = "x".to_owned();
        let yaml = ir.to_yaml().expect("a text");
        let quoted = ['\'', '"'].iter().any(|quote| yaml.contains(&format!("description: {quote}{word}{quote}\n")));
        assert!(quoted, "{word:?} is not quoted:\n{yaml}");
        assert_reads_back(&ir);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Tags.

/// Values of tags, right and wrong.
#[rustfmt::skip]
const TAG_VALUES: &[&str] = &[
    "a", "b", "c", "A", "a-b", "a_b", "load_data", "Load-Data", "-", "é", "cpu:1", "memory:2Gi", "mem:1.5Gi",
    "nvidia.com/gpu:1", "cpu:-1", "a/b:c", "x.y/z:{{$}}", "k:\n---\n", "enabled", "disabled", "3", "3:10s:2:5m",
    "4294967296", "1001", "2:1e400s:nan:1", "1h30m", "90", "1e9d", "0.5s", "s:k:VAR", "s:k:1VAR", "RUST_LOG:debug",
    "A=b", "A:b:c", "gpu:yes:NoSchedule", "gpu:NoExecute", "::", ":", "", " ", "claim:/data", "claim:/data/../etc",
    "claim://", "claim:data", "claim:/a//b/", "claim:/a b/é", "UP:/data", "registry:5000/a/b:1", "${IMAGE}", "..",
];

fn tag() -> impl Strategy<Value = String> {
    let kinds: Vec<&str> = tags::PREFIXES.into_iter().chain(tags::WORDS).chain(["", "Step", "steps"]).collect();
    let values = select(TAG_VALUES);
    prop_oneof![
        6 => (select(kinds), values).prop_map(|(kind, value)| format!("{kind}:{value}")),
        1 => hostile(),
        2 => (select(tags::PREFIXES.to_vec()), hostile()).prop_map(|(kind, value)| format!("{kind}:{value}")),
        2 => (select(tags::PREFIXES.to_vec()), "[a-z0-9./:_-]{0,80}").prop_map(|(kind, value)| format!("{kind}:{value}")),
        1 => select(tags::WORDS.to_vec()).prop_map(str::to_owned),
    ]
}

/// Letters, digits and inner `-`, `_`, `.`: what Kubernetes takes in keys, labels and names.
fn is_kubernetes_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && text.bytes().next().is_none_or(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().last().is_none_or(|byte| byte.is_ascii_alphanumeric())
}

fn assert_key(key: &str) {
    let parts: Vec<&str> = key.split('/').collect();
    assert!(parts.len() <= 2 && parts.iter().all(|part| !part.is_empty() && is_kubernetes_word(part)), "{key:?}");
}

fn assert_variable(name: &str) {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    assert!(first && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{name:?}");
}

fn assert_setting(setting: &Setting) {
    match setting {
        Setting::Annotation(key, _) => assert_key(key),
        Setting::Label(key, value) | Setting::Node(key, value) => {
            assert_key(key);
            assert!(is_kubernetes_word(value) && value.len() <= 63, "{value:?}");
        }
        Setting::Limit(resource, amount) | Setting::Request(resource, amount) => {
            assert_key(resource);
            let harmless = amount.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte));
            assert!(harmless && amount.starts_with(|c: char| c.is_ascii_digit() || c == '.'), "{amount:?}");
        }
        Setting::Image(image) => {
            assert!(!image.is_empty() && !image.contains(|c: char| c.is_whitespace() || c.is_control()), "{image:?}");
        }
        Setting::Secret(secret) => {
            assert_key(&secret.name);
            assert!(
                !secret.key.is_empty() && secret.key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            );
            assert_variable(&secret.env);
        }
        Setting::Retry(retry) => {
            assert!(retry.count <= 1000);
            assert!(
                [retry.backoff_seconds, retry.factor, retry.max_seconds].iter().all(|n| n.is_finite() && *n >= 0.0),
                "{retry:?}"
            );
        }
        Setting::Timeout(seconds) => assert!(*seconds > 0),
        Setting::Env(name, value) => {
            assert_variable(name);
            assert!(!value.contains('\0'), "no process can be given {value:?}");
        }
        Setting::Toleration(toleration) => {
            assert_key(&toleration.key);
            assert!(toleration.value.as_deref().is_none_or(is_kubernetes_word));
            let effects = [None, Some("NoSchedule"), Some("PreferNoSchedule"), Some("NoExecute")];
            assert!(effects.contains(&toleration.effect.as_deref()));
        }
        Setting::Volume(volume) => {
            assert_key(&volume.claim);
            assert_mount_path(&volume.mount_path);
        }
        Setting::Cache(_) | Setting::Report(_) => {}
    }
}

proptest! {
    #![proptest_config(config(256))]

    /// A tag is read or refused, and what is read keeps to its place.
    #[test]
    fn tags_keep_to_their_place(text in prop_oneof![3 => tag(), 1 => any::<String>()]) {
        match tags::parse(&text) {
            Ok(Tag::Step(name) | Tag::Prev(name) | Tag::Notebook(name)) => {
                assert!(name.is_empty() || is_dns_label(&names::kfp(&name)), "{name:?}");
            }
            Ok(Tag::Setting(setting)) => assert_setting(&setting),
            Ok(Tag::Skip | Tag::Imports | Tag::Functions | Tag::PipelineParameters | Tag::PipelineMetrics) | Err(_) => {}
        }
        let _ = tags::parse_setting(&text);
    }

    /// Names of any text become names that KFP takes, the same for the result again; a variable's key is ASCII.
    #[test]
    fn names_are_made_fit(text in prop_oneof![hostile(), "[A-Za-z0-9_é -]{0,80}"]) {
        let name = names::kfp(&text);
        assert!(name.is_empty() || is_dns_label(name[..name.len().min(63)].trim_end_matches('-')), "{name:?}");
        assert_eq!(names::kfp(&name), name);
        assert!(names::key(&text).bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Any notebook.

/// Pieces of Rust and kernel commands, whole and broken.
#[rustfmt::skip]
const FRAGMENTS: &[&str] = &[
    "let", "mut", "fn", "struct", "enum", "impl", "trait", "use", "mod", "pub", "const", "static", "match", "if",
    "else", "loop", "while", "for", "in", "return", "break", "continue", "async", "await", ".await", "move", "ref",
    "unsafe", "where", "dyn", "as", "self", "Self", "super", "crate", "extern", "type", "union", "macro_rules!",
    "r#type", "x", "y", "xs", "é", "_", "main", "Some", "None", "Ok", "String", "Vec", "i32", "f64", "x.y", "x[0]",
    "*x", "&x", "&mut x", "x?", "x()", "x!()", "x![]", "x!{}", "(", ")", "[", "]", "{", "}", "<", ">", "::", "->",
    "=>", "=", "==", "+=", "+", "-", "*", "/", "%", "!", "&", "&&", "|", "||", "<<", ">>=", "..", "..=", "...", ".",
    ",", ";", ":", "?", "@", "#", "#!", "$", "~", "'", "'a", "'a:", "\"", "\"{x}\"", "\"{x:?} {0} {:>w$} {{}}\"",
    "\"{\"", "\"é{x\"", "r#\"{x}\"#", "b\"x\"", "c\"x\"", "'x'", "'\\''", "\"\\u{1F600}{x}\"", "\"a\\\n  {x}\"", "0",
    "1", "-1", "1.5", "1e400", "0x1F", "1_000u64", "1i7", "//", "// x", "/*", "*/", "/* {x} */", "///", "//! x",
    "/** x */", "#[derive(Debug)]", "#![feature(x)]", "#[x", "println!", "format!", "vec!", "assert!(",
    "matches!(x, y)", "dbg!(x)", "write!(x, \"{y}\")", "oxikale::metrics::log(\"x\", x)",
    "oxikale::artifacts::text(\"../x\", x)", "oxikale::volume(\"/data\")", "\"/data/x\"", "|x|", "|x| x + y",
    "let x = 1;", "let (x, mut y) = (1, 2);", "let Some(x) = y else { return };", "fn f() {}", "struct S { x: i32 }",
    "use a::{b, c::*, self as d};", "use a::b as _;", "impl S { fn put(&mut self) {} }",
    "macro_rules! m { () => {} }", "x.put(1);", "x.push(1);", "x += 1;", "x", "y", "\n:dep x = \"1\"\n", "\n:dep",
    "\n:dep x = {\n", "\n:env A=b\n", "\n:opt 3\n", "\n%time x\n", "\n%%bash\n", "\n!ls\n", "\n:vars\n", "\n%é\n",
    "\n", "\r\n", "\r", "\t", " ", "\u{feff}", "\u{2028}", "\0", "😀", "\u{202e}",
];

fn fragment() -> impl Strategy<Value = String> {
    let fragments = select(FRAGMENTS).prop_map(str::to_owned);
    prop_oneof![12 => fragments, 1 => hostile().prop_filter("short", |text| text.len() < 100), 1 => "[a-z]{1,3}"]
}

fn soup() -> impl Strategy<Value = String> {
    let flat = (prop::collection::vec(fragment(), 0..14), select(vec!["", " ", "\n", " "]))
        .prop_map(|(parts, between)| parts.join(between));
    flat.prop_recursive(3, 40, 4, |inner| {
        let brackets = select(vec![
            ("(", ")"),
            ("[", "]"),
            ("{", "}"),
            ("println!(\"{x}\", ", ");"),
            ("fn f() {", "}"),
            ("m!{", "}"),
            ("let x = ", ";"),
            ("", ";"),
        ]);
        prop::collection::vec((brackets, inner), 1..4).prop_map(|parts| {
            parts.into_iter().map(|((open, close), inside)| format!("{open}{inside}{close}")).collect()
        })
    })
}

/// Fields of the notebook's metadata.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "pipeline_name", "experiment_name", "experiment", "pipeline_description", "base_image", "docker_image",
    "enable_caching", "volumes", "steps_defaults", "timeout", "security_context", "storage_class_name", "katib_run",
    "pipeline_nam", "é\n",
];

fn metadata() -> impl Strategy<Value = Map<String, Value>> {
    let field = select(FIELDS);
    let volume = (prop_oneof![Just("data".to_owned()), hostile()], prop_oneof![Just("/data".to_owned()), Just("/a/../b".to_owned()), hostile()], hostile(), any::<bool>())
        .prop_map(|(name, mount_point, kind, env)| json!({"name": name, "mount_point": mount_point, "type": kind, "expose_as_env_var": env}));
    let value = prop_oneof![
        4 => json_value(),
        2 => prop::collection::vec(prop_oneof![tag().prop_map(Value::from), volume, json_value()], 0..4).prop_map(Value::from),
        1 => prop::collection::vec((select(vec!["labels", "limits", "annotations", "cache", "x\n"]), json_value()), 0..3)
            .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()),
        1 => (any::<i64>(), any::<bool>()).prop_map(|(id, flag)| json!({"run_as_user": id, "run_as_group": -1, "run_as_non_root": flag})),
    ];
    let fields = prop::collection::vec((field, value), 0..5).prop_map(|fields| {
        json!(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
    });
    let other = prop_oneof![4 => Just(None), 1 => prop_oneof![json_value(), Just(json!({"language": "python"})), Just(json!({"name": "Rust"}))].prop_map(Some)];
    (prop_oneof![4 => fields, 1 => json_value()], other).prop_map(|(fields, language)| {
        let mut metadata = Map::from_iter([("kubeflow_notebook".to_owned(), fields)]);
        metadata.extend(language.map(|info| ("language_info".to_owned(), info)));
        metadata
    })
}

fn any_cells(source: impl Strategy<Value = String>) -> impl Strategy<Value = Cells> {
    let kind = prop_oneof![8 => Just(CellKind::Code), 1 => Just(CellKind::Markdown), 1 => Just(CellKind::Raw)];
    let step = select(vec!["step:a", "step:b", "step:c", "step:A", "block:b"]).prop_map(|tag| vec![tag.to_owned()]);
    let linked = (select(vec!["step:b", "step:c", "step:d"]), select(vec!["prev:a", "prev:b", "prev:c"]))
        .prop_map(|(step, prev)| vec![step.to_owned(), prev.to_owned()]);
    let tags = prop_oneof![3 => step, 3 => linked, 2 => prop::collection::vec(tag(), 0..4), 1 => select(tags::WORDS.to_vec()).prop_map(|word| vec![word.to_owned()])];
    prop::collection::vec((kind, source, tags), 0..6)
}

/// Compiles twice: the result is sound, and the same.
fn assert_compiles(cells: Cells, metadata: Map<String, Value>) -> Compilation {
    let (notebook, compilation) = compiled(cells.clone(), metadata.clone());
    assert_sound(&notebook, &compilation);
    let (_, again) = compiled(cells, metadata);
    assert_eq!(again.pipeline, compilation.pipeline);
    assert_eq!(again.ir, compilation.ir);
    assert_eq!(again.program, compilation.program);
    assert_eq!(again.diagnostics, compilation.diagnostics);
    assert_eq!(again.questions, compilation.questions);
    compilation
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn any_text_compiles_or_is_refused(cells in any_cells(prop_oneof![any::<String>(), hostile()]), metadata in metadata()) {
        assert_compiles(cells, metadata);
    }

    #[test]
    fn token_soup_compiles_or_is_refused(cells in any_cells(soup()), metadata in metadata()) {
        assert_compiles(cells, metadata);
    }
}

/// Statements and items that are Rust, alone and in a row.
#[rustfmt::skip]
const STATEMENTS: &[&str] = &[
    "let x = 1;", "let mut x = vec![1, 2];", "let (a, mut b) = (1, \"é\");", "let y = x;", "x = 2;",
    "println!(\"{x} {y:?}\");", "let s = \"a\\\n   b {x}\";", "let s = r#\"a\n  {x}\n\"#;", "struct P { x: f64 }",
    "#[derive(Clone)]\nenum E {\n    A,\n    B(P),\n}", "impl P {\n    fn put(&mut self) -> f64 { self.x }\n}",
    "fn f(n: i32) -> i32 {\n    n + 1\n}",
    "use std::collections::{BTreeMap, HashMap as Map, btree_map::{self, Entry}};", "use std::fmt::Write as _;",
    "const N: usize = 3;", "static M: i32 = 1;", "type T = Vec<P>;",
    "macro_rules! twice { ($e:expr) => { $e + $e }; }", "mod inner { pub fn g() {} }", "trait Q { fn q(&self); }",
    "if x > 1 { println!(\"é\") } else { f(1); }", "for i in 0..3 { let z = i; }",
    "match x {\n    1 => (),\n    _ => {}\n}", "/* a /* b */ */ let c = 'x'; // d {x}",
    "/// doc\nfn documented() {}", "let closure = |n: i32| n + x;", "let P { x: px, .. } = p;",
    "let Some(o) = Some(1) else { return Ok(()) };", ":dep rand = \"0.9\"", ":opt 2", "%time let t = 1;", "!ls",
    "loop { break }", "unsafe { M; }", "x.push(3);", "{ let hidden = x; }", "oxikale::metrics::log(\"m\", 1.0);",
    "oxikale::artifacts::text(\"a.txt\", \"b\");", "vec![1; 3].len();", "x\n    .iter()\n    .sum::<i32>();",
    "let u = async { 1 }.await;", "assert!(true);", "return;", "let 変数 = 1;", "let r#type = 1;",
    "let é = 2; let w = é;\tlet t = 1;", "let λ = |λ: i32| λ;", ";", "let b = b'x'; let c = c\"x\";",
    "thread_local! { static L: i32 = 1; }", "extern crate std as standard;",
];

fn statement() -> impl Strategy<Value = String> {
    select(STATEMENTS).prop_map(str::to_owned)
}

fn program_cells() -> impl Strategy<Value = Cells> {
    let end = select(vec![
        "",
        "x",
        "x + 1",
        "vec![1]",
        "\"é\"",
        "if true { 1 } else { 2 }",
        "// end",
        "match 1 { _ => 2 }",
        "println!(\"{x}\")",
        "loop {}",
        "{ 1 }",
        "&x",
        "|n: i32| n",
    ]);
    let between = select(vec!["\n", "\n\n", "\n    ", "\r\n"]);
    let source = (
        prop::collection::vec(statement(), 0..6),
        between,
        end,
        select(vec!["", "#![allow(unused)]\n", "//! doc\n", "  "]),
    )
        .prop_map(|(statements, between, end, start)| format!("{start}{}{between}{end}", statements.join(between)));
    // Every name is defined, so that most of these notebooks are accepted.
    let sources = prop::collection::vec((source, any::<bool>()), 1..5);
    sources.prop_map(|sources| {
        let mut cells = vec![
            cell(
                "let mut p = 1.5; let n = -3; let text = \"a\\\"b\";\nlet list = vec![1, 2];",
                &["pipeline-parameters"],
            ),
            cell("use std::io::*;", &["imports"]),
            cell("let mut x = vec![1, 2]; let mut b = 1; let y = 2; let p = P { x: 1.0 };", &["step:first"]),
        ];
        for (index, (source, continues)) in sources.into_iter().enumerate() {
            let tags = if continues { vec![] } else { vec![format!("step:s{index}"), "prev:first".to_owned()] };
            cells.push((CellKind::Code, source, tags));
        }
        cells
    })
}

#[test]
fn programs_show_the_cells_as_they_are() {
    let accepted = Cell::new(0);
    let cases = 128;
    TestRunner::new(config(cases))
        .run(&program_cells(), |cells| {
            let compilation = assert_compiles(cells, Map::new());
            accepted.set(accepted.get() + u32::from(compilation.program.is_some()));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(accepted.get() > cases / 3, "only {} of {cases} notebooks were accepted", accepted.get());
}

// ---------------------------------------------------------------------------------------------------------------------
// Data flow, against a model that knows nothing but the rules.

const VARIABLES: [&str; 5] = ["alpha", "beta", "gamma", "δέλτα", "r#type"];

/// Where a variable has a value before all steps.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Base {
    None,
    Parameter,
    Shared,
}

/// What a statement does with its variable.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    Define,
    Read,
    /// `let v = v + 1`.
    Renew,
    Assign,
    /// A method that takes `&mut self`.
    Mutate,
    /// A method of which the text does not tell.
    Poke,
    /// A macro of which nothing is known.
    Macro,
    /// The name, for something else.
    Nothing,
}

impl Deed {
    /// Rust that does it, `@` being the variable, `¶` its name in a format string, `§` the `mut` of its definitions.
    #[rustfmt::skip]
    fn templates(self) -> &'static [&'static str] {
        match self {
            Deed::Define => &[
                "let §@ = 1;", "let (§@, _) = (1, 2);", "let [§@, ..] = [1, 2];", "let §@: i64 = 1;",
                "let Some(§@) = Some(1) else { panic!() };", "let §@ = { let @ = 1; @ };",
                "let Wrapper { inner: §@, .. } = wrap(1);", "let (§@ | §@) = 1;", "let &(§@) = &1;",
                "let §@ = (|@: i64| @)(1);",
            ],
            Deed::Read => &[
                "show(@);", "println!(\"{}\", @);", "println!(\"{0} {0:?}\", &@);", "let _ = @;",
                "let _ = [1, @][0];", "if @ > 0 { }", "(|| show(@))();", "(move |n: i64| n + @)(1);",
                "for _ in 0..@ {}", "match @ { _ => () }", "match 1 { n if n > @ => (), _ => () }",
                "{ let @ = @; show(@); }", "vec![@; 2];", "let _ = Wrapper { inner: @ };", "assert!(@ == 1, \"é\");",
                "matches!(@, 1);", "let _ = async { @ };", "while @ > 1 { break }", "(@).len();",
                "let _ = @ as f64;", "show(@.abs());", "let _ = &@.field;",
                "{ fn inner(@: i64) -> i64 { @ } inner(@); }", "show(if let Some(@) = Some(1) { @ } else { @ });",
                "let _ = [0; 3][@];", "println!(\"{¶} {¶:?}\");", "format!(\"{:>¶$}\", 1);",
                "assert!(true, \"{¶}\");", "println!(r#\"é {¶}\"#);",
            ],
            Deed::Renew => &[
                "let §@ = @ + 1;", "let §@ = show(&@);", "show(@); let §@ = 1;", "let §@ = match @ { @ => @ };",
                "let (§@, _) = (@, @);",
            ],
            Deed::Assign => &[
                "@ = 2;", "@ += 1;", "@ <<= 1;", "(@, _) = (1, 2);", "[_, @] = [1, 2];", "{ @ = 3; }",
                "(|| @ = 3)();", "std::mem::swap(&mut @, &mut 1);", "@.field = 1;", "@[0] = 1;", "*@ = 1;",
                "for n in &mut @ {}", "if true { @ -= 1; }", "let _ = &mut @.field[1];", "loop { @ = 1; break; }",
                "{ let other = &mut @; }", "Wrapper { inner: @ } = wrap(1);", "if let Some(n) = &mut @ {}",
                "@.field[0].deep ^= 1;", "write!(@, \"x\").unwrap();", "writeln!(@, \"{}\", 1).unwrap();",
                "match @ { ref mut n => *n += 1 }", "if let Some(ref mut n) = @ { *n = 1; }",
                "let (ref mut _n, _) = @;",
            ],
            Deed::Mutate => &[
                "@.push(1);", "@.clear();", "for n in @.iter_mut() {}", "{ @.insert(0, 1); }",
                "@.field.extend([1]);", "(|| @.pop())();", "@.entry(1).or_insert(2);",
            ],
            Deed::Poke => &[
                "@.poke();", "if true { @.poke(); }",
            ],
            Deed::Macro => &[
                "unknown!(@);", "unknown!(a => @; b);", "show(unknown![@ @]);",
            ],
            Deed::Nothing => &[
                "{ let @ = 1; show(@); }", "{ let mut @ = 1; @ = 2; }", "for @ in 0..1 { show(@); }",
                "if let Some(@) = Some(1) { show(@); }", "(|@: i64| @ + 1)(1);", "match 1 { @ => show(@) }",
                "while let Some(@) = None::<i64> { show(@); }", "wrap(1).@;", "show(module::@);",
                "let _ = Wrapper { @: 1 };", "{ fn @() {} @(); }", "show(\"@ {@}\");", "/* @ */", "// @ {@}\n",
                "wrap(1).@();", "{ const @: i64 = 1; show(@); }",
                "match Some(1) { Some(@) if @ > 1 => show(@), _ => () }",
                "(|(@, _): (i64, i64)| { let mut n = @; n += @; })((1, 2));",
                "{ let Some(@) = Some(1) else { return }; show(@); }", "{ use std::cmp::max as @; @(1, 2); }",
                "{ use std::cmp::{self, max as @}; @(1, 2); }", "println!(\"{{¶}}\");",
                "{ let mut @ = 1; match @ { ref mut n => *n += 1 } }",
            ],
        }
    }
}

#[derive(Debug, Clone)]
struct Deeds {
    /// Steps that it waits for.
    prev: BTreeSet<usize>,
    /// Deed, its template, its variable, and whether a new cell begins.
    deeds: Vec<(Deed, Index, usize, bool)>,
}

#[derive(Debug, Clone)]
struct Plan {
    steps: Vec<Deeds>,
    /// The order of the steps in the notebook.
    order: Vec<usize>,
    bases: Vec<Base>,
    mutable: Vec<bool>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let deed = prop_oneof![
        3 => Just(Deed::Define),
        5 => Just(Deed::Read),
        1 => Just(Deed::Renew),
        2 => Just(Deed::Assign),
        2 => Just(Deed::Mutate),
        1 => Just(Deed::Poke),
        1 => Just(Deed::Macro),
        2 => Just(Deed::Nothing),
    ];
    let deeds = prop::collection::vec((deed, any::<Index>(), 0..VARIABLES.len(), prop::bool::weighted(0.2)), 0..5);
    let step = (prop::collection::vec(any::<Index>(), 0..3), deeds);
    let bases =
        prop::collection::vec(select(vec![Base::None, Base::None, Base::Parameter, Base::Shared]), VARIABLES.len());
    let mutable = prop::collection::vec(prop::bool::weighted(0.7), VARIABLES.len());
    (2..9_usize)
        .prop_flat_map(move |count| {
            let order = Just((0..count).collect::<Vec<usize>>()).prop_shuffle();
            // In half of the plans the first step defines all, and every step waits for it: most of these are accepted.
            let root = prop::option::of(prop::collection::vec(any::<Index>(), VARIABLES.len()));
            (prop::collection::vec(step.clone(), count), order, bases.clone(), mutable.clone(), root)
        })
        .prop_map(|(steps, order, bases, mutable, root)| Plan {
            steps: steps
                .into_iter()
                .enumerate()
                .map(|(step, (prev, mut deeds))| {
                    // What is no `mut` is not assigned.
                    deeds
                        .iter_mut()
                        .filter(|deed| deed.0 == Deed::Assign && !mutable[deed.2])
                        .for_each(|deed| deed.0 = Deed::Read);
                    let mut prev: BTreeSet<usize> =
                        if step == 0 { BTreeSet::new() } else { prev.iter().map(|index| index.index(step)).collect() };
                    match &root {
                        Some(templates) if step == 0 => {
                            let all = templates.iter().enumerate();
                            let all = all.map(|(variable, template)| (Deed::Define, *template, variable, false));
                            deeds.splice(..0, all);
                        }
                        Some(_) => drop(prev.insert(0)),
                        None => {}
                    }
                    Deeds { prev, deeds }
                })
                .collect(),
            order,
            bases,
            mutable,
        })
}

impl Plan {
    fn cells(&self) -> Cells {
        let text = |template: &str, variable: usize| {
            let name = VARIABLES[variable];
            let captured = name.trim_start_matches("r#");
            let mutable = if self.mutable[variable] { "mut " } else { "" };
            template.replace('@', name).replace('¶', captured).replace('§', mutable)
        };
        let base = |base: Base| -> String {
            let variables = (0..VARIABLES.len()).filter(|variable| self.bases[*variable] == base);
            variables.map(|variable| text("let §@ = 1;\n", variable)).collect()
        };
        let mut cells = vec![
            cell(
                "struct Wrapper { inner: i64 }\nfn wrap(inner: i64) -> Wrapper { Wrapper { inner } }\nfn show<T>(_: T) {}",
                &["functions"],
            ),
            cell(base(Base::Parameter), &["pipeline-parameters"]),
            cell(base(Base::Shared), &["imports"]),
        ];
        for &step in &self.order {
            let deeds = &self.steps[step];
            let tags: Vec<String> = [format!("step:s{step}")]
                .into_iter()
                .chain(deeds.prev.iter().map(|prev| format!("prev:s{prev}")))
                .collect();
            cells.push((CellKind::Code, String::new(), tags));
            for (deed, template, variable, new_cell) in &deeds.deeds {
                if *new_cell {
                    cells.push(cell("", &[]));
                }
                let source = &mut cells.last_mut().expect("a cell").1;
                source.push_str(&text(template.get::<&str>(deed.templates()), *variable));
                source.push('\n');
            }
        }
        cells
    }
}

/// What the rules say of a plan.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    /// Step and variable → the step that hands it on; none where rustc has to be asked first.
    inputs: BTreeMap<(usize, usize), Option<usize>>,
    /// Step and variable, where a parameter is read.
    parameters: BTreeSet<(usize, usize)>,
    /// Code, step and variable.
    errors: BTreeSet<(String, usize, usize)>,
    /// Step and variable.
    questions: BTreeSet<(usize, usize)>,
}

fn model(plan: &Plan) -> Expected {
    let mut expected = Expected::default();
    let mut ancestors: Vec<BTreeSet<usize>> = Vec::new();
    for deeds in &plan.steps {
        let mut all = deeds.prev.clone();
        deeds.prev.iter().for_each(|prev| all.extend(ancestors[*prev].iter().copied()));
        ancestors.push(all);
    }
    let defines = |step: usize, variable: usize| {
        plan.steps[step].deeds.iter().any(|deed| deed.2 == variable && matches!(deed.0, Deed::Define | Deed::Renew))
    };
    for variable in 0..VARIABLES.len() {
        // Steps that give the variable a new value, and whether only rustc can tell.
        let mut values: BTreeMap<usize, bool> = BTreeMap::new();
        for (step, deeds) in plan.steps.iter().enumerate() {
            let own: Vec<Deed> = deeds.deeds.iter().filter(|deed| deed.2 == variable).map(|deed| deed.0).collect();
            // Behind its own definition the step's variable is its own.
            let own_from = own.iter().position(|deed| *deed == Deed::Define).unwrap_or(own.len());
            let renewed = own.iter().position(|deed| *deed == Deed::Renew).map_or(own.len(), |at| at + 1);
            let free: Vec<Deed> =
                own[..own_from.min(renewed)].iter().copied().filter(|deed| *deed != Deed::Nothing).collect();
            let before: Vec<usize> = values.keys().copied().filter(|value| ancestors[step].contains(value)).collect();
            let nearest: Vec<usize> = before
                .iter()
                .copied()
                .filter(|value| !before.iter().any(|later| ancestors[*later].contains(value)))
                .collect();
            let mut has_value = true;
            if !free.is_empty() {
                match (&nearest[..], plan.bases[variable]) {
                    ([one], _) => {
                        expected.inputs.insert((step, variable), Some(*one));
                    }
                    ([], Base::Parameter) => {
                        expected.parameters.insert((step, variable));
                    }
                    ([], Base::Shared) => {}
                    ([], Base::None) => {
                        has_value = false;
                        let aside = |other: usize| {
                            other != step && !ancestors[other].contains(&step) && defines(other, variable)
                        };
                        let code = if (0..plan.steps.len()).any(aside) { "OX303" } else { "OX301" };
                        // A word inside of an unknown macro may be anything.
                        if free.iter().any(|deed| *deed != Deed::Macro) {
                            expected.errors.insert((code.to_owned(), step, variable));
                        }
                    }
                    (many, _) => {
                        let unclear: Vec<usize> = many.iter().copied().filter(|value| values[value]).collect();
                        if unclear.is_empty() {
                            expected.errors.insert(("OX302".to_owned(), step, variable));
                        }
                        expected.questions.extend(unclear.into_iter().map(|value| (value, variable)));
                        expected.inputs.insert((step, variable), None);
                    }
                }
            }
            let certain =
                free.iter().any(|deed| *deed == Deed::Assign || *deed == Deed::Mutate && plan.mutable[variable]);
            let unclear = plan.mutable[variable] && (free.contains(&Deed::Poke) || free.contains(&Deed::Macro));
            if defines(step, variable) || certain && has_value {
                values.insert(step, false);
            } else if unclear && has_value {
                values.insert(step, true);
            }
        }
    }
    expected
}

/// The compiler's answer in the model's terms, read off spans, names and tags.
fn found(plan: &Plan, notebook: &Notebook, compilation: &Compilation, expected: &Expected) -> Expected {
    let mut found = Expected::default();
    let pipeline = compilation.pipeline.as_ref().expect("there are steps");
    let number = |name: &str| name[1..].parse::<usize>().expect("the name of a step");
    let variable = |name: &str| {
        VARIABLES.iter().position(|known| known.trim_start_matches("r#") == name.trim_start_matches("r#")).expect(name)
    };
    let text = |span: CellSpan| &notebook.cells()[span.cell].source[span.start..span.end];
    let step_of = |cell: usize| {
        number(&pipeline.steps.iter().find(|step| step.cells.contains(&cell)).expect("a step's cell").name)
    };
    for step in &pipeline.steps {
        let mut after = plan.steps[number(&step.name)].prev.clone();
        for input in &step.inputs {
            let key = (number(&step.name), variable(&input.variable));
            let from = number(&pipeline.steps[input.from].name);
            assert_eq!((variable(text(input.span)), step_of(input.span.cell)), (key.1, key.0));
            let asked = expected.inputs.get(&key) == Some(&None);
            found.inputs.insert(key, (!asked).then_some(from));
            after.insert(from);
        }
        assert_eq!(step.after.iter().map(|other| number(&pipeline.steps[*other].name)).collect::<BTreeSet<_>>(), after);
        for output in &step.outputs {
            assert_eq!(step_of(output.span.cell), number(&step.name));
            let method =
                ["push", "clear", "iter_mut", "insert", "extend", "pop", "entry", "poke"].contains(&text(output.span));
            assert!(method || variable(text(output.span)) == variable(&output.variable), "{output:?}");
            let taken = pipeline
                .steps
                .iter()
                .flat_map(|other| &other.inputs)
                .any(|input| input.key == output.key && pipeline.steps[input.from].name == step.name);
            assert!(taken, "nobody takes {output:?}");
        }
        found.parameters.extend(step.parameters.iter().map(|name| (number(&step.name), variable(name))));
    }
    for diagnostic in &compilation.diagnostics {
        if ["OX301", "OX302", "OX303"].contains(&diagnostic.code) {
            let span = diagnostic.labels[0].span;
            let new = found.errors.insert((diagnostic.code.to_owned(), step_of(span.cell), variable(text(span))));
            assert!(new, "said twice: {diagnostic:?}");
        } else {
            assert!(
                !compilation.has_errors() || diagnostic.severity < oxikale_compiler::diagnostics::Severity::Error,
                "{diagnostic:?}"
            );
        }
    }
    found
        .questions
        .extend(compilation.questions.iter().map(|question| (number(&question.step), variable(&question.variable))));
    found
}

#[test]
fn data_flow_is_what_a_naive_model_says() {
    let flows = Cell::new(0);
    let cases = 256;
    TestRunner::new(config(cases))
        .run(&plan(), |plan| {
            let (notebook, compilation) = compiled(plan.cells(), Map::new());
            let sources = || {
                notebook
                    .cells()
                    .iter()
                    .map(|cell| format!("{:?}\n{}", cell.tags, cell.source))
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            assert_sound(&notebook, &compilation);
            let expected = model(&plan);
            let found = found(&plan, &notebook, &compilation, &expected);
            prop_assert_eq!(&found, &expected, "found, expected:\n{}", sources());
            flows.set(flows.get() + u32::from(compilation.ir.is_some() && !found.inputs.is_empty()));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(flows.get() > cases / 20, "only {} of {cases} notebooks have inputs and no errors", flows.get());
}

/// `name! { … };` is a statement; at the root of a program its semicolon would be one too many.
#[test]
fn an_item_macro_leaves_its_semicolon() {
    let macros = "thread_local! { static L: i32 = 1; };\nthread_local!(static M: i32 = 1);\nthread_local! { static N: i32 = 1; }\n;";
    let (notebook, compilation) = compiled(vec![cell(macros, &["step:a"])], Map::new());
    assert_sound(&notebook, &compilation);
}

/// Letters that are not ASCII are written in ASCII, which other names may look like.
#[test]
fn variables_have_their_own_keys() {
    let cells = vec![
        cell("let β = 1; let _u3b2_ = 2;", &["step:a"]),
        cell("println!(\"{β} {_u3b2_}\");", &["step:b", "prev:a"]),
    ];
    let (notebook, compilation) = compiled(cells, Map::new());
    assert_sound(&notebook, &compilation);
}

// ---------------------------------------------------------------------------------------------------------------------
// Long and deep notebooks, each in a process of its own: a stack that overflows ends the process.

/// Set in the process that compiles one of them, to its name.
const EXTREME: &str = "OXIKALE_EXTREME_NOTEBOOK";

fn many(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

fn tagged(source: impl Into<String>, tags: impl IntoIterator<Item = String>) -> (CellKind, String, Vec<String>) {
    (CellKind::Code, source.into(), tags.into_iter().collect())
}

/// Notebooks of many cells, tags, names; each grows with the square of its size if anything is done badly.
fn wide() -> Vec<(&'static str, Cells)> {
    let step = |n: usize| format!("step:s{n}");
    let chained = |n: usize| match n {
        0 => tagged("let mut x = 0;", [step(0)]),
        n => tagged(
            format!("x += {n}; let y{n} = x + 1; println!(\"{{y{n}}}\");"),
            [step(n), format!("prev:s{}", n - 1)],
        ),
    };
    let mut beside = vec![cell("let mut x = 0;", &["step:s0"])];
    beside.extend((1..1999).map(|n| tagged(format!("let z{n} = x.poke();"), [step(n), "prev:s0".to_owned()])));
    beside.push(tagged("println!(\"{x}\");", [step(1999)].into_iter().chain((1..1999).map(|n| format!("prev:s{n}")))));
    let parameters = |first: &str, count: usize, part: &dyn Fn(usize) -> String, step: &str| {
        vec![cell(format!("{first}{}", many(count, part)), &["pipeline-parameters"]), cell(step, &["step:a"])]
    };
    let calls = |n| format!("fn f{n}() {{ f{}(); oxikale::metrics::log(\"x\", 1); }}\n", n + 1);
    let items = |n| format!("fn f{n}(n: i32) -> i32 {{ f{}(n) }}\nstruct S{n} {{ s: Vec<S{}> }}\n", n / 2, n / 2);
    let structs = format!("{}struct S700 {{ s: fn() }}", many(700, |n| format!("struct S{n} {{ s: S{} }}\n", n + 1)));
    vec![
        ("2,000 steps in a chain", (0..2000).map(chained).collect()),
        ("2,000 steps side by side", beside),
        (
            "2,000 cells of one step",
            (0..2000).map(|n| cell(format!("fn f{n}() {{}} let x{n} = {n};"), &["step:a"])).collect(),
        ),
        ("2,000 steps with items", (0..2000).map(|n| tagged("struct S; use a::b; let x = 1;", [step(n)])).collect()),
        ("500 wrong prevs", (0..500).map(|n| tagged("1;", [step(n), format!("prev:t{n}")])).collect()),
        ("5,000 unknown tags", vec![tagged("1;", (0..5000).map(|n| format!("tag{n}:{n}")))]),
        (
            "2,000 settings",
            vec![tagged("1;", ["step:a".to_owned()].into_iter().chain((0..2000).map(|n| format!("env:A{n}:x"))))],
        ),
        ("300 kB", vec![cell(many(7000, |n| format!("let x{n} = {n}; println!(\"{{x{n}}} é\");\n")), &["step:a"])]),
        ("3,000 undefined names", vec![cell(many(3000, |n| format!("let a{n} = xx{n};")), &["step:a"])]),
        ("4,000 items", vec![cell(many(2000, items), &["step:a"])]),
        ("2,000 functions in a chain", vec![cell(many(2000, calls), &["step:a"])]),
        (
            "700 structs in a chain",
            vec![cell(structs, &["functions"]), cell("let x = 1;", &["step:a"]), cell("x;", &["step:b", "prev:a"])],
        ),
        ("1,000 parameters", parameters("", 1000, &|n| format!("let p{n} = {n};"), &many(1000, |n| format!("p{n};")))),
        (
            "1,000 computed parameters",
            parameters("let p0 = 1;", 1000, &|n| format!("let p{} = p{n} + 1;", n + 1), "p1000;"),
        ),
        ("a parameter of 200,000 digits", parameters("let p = 1", 200_000, &|_| "0".to_owned(), "p;")),
        (
            "1,000 metrics",
            vec![
                cell(many(1000, |n| format!("let m{n} = 1;")), &["step:a"]),
                cell(many(1000, |n| format!("println!(\"{{m{n}}}\");")), &["pipeline-metrics"]),
            ],
        ),
        ("2,000 dependencies", vec![cell(many(2000, |n| format!(":dep a{n} = \"1\"\n")), &["step:a"])]),
    ]
}

/// One cell each: a start, what is repeated, how often, what stands in the middle, what is repeated after it, the end.
#[rustfmt::skip]
const DEEP: &[(&str, &str, usize, &str, &str, &str)] = &[
    ("", "(", 100_000, "1", ")", ""), ("", "[", 100_000, "1", "]", ""), ("", "{", 100_000, "1", "}", ""), ("", "([{", 30_000, "", "", ""), ("", "", 100_000, "", ")", ""),
    ("", "fn f() {", 20_000, "", "}", ""), ("", "mod m {", 20_000, "", "}", ""), ("", "m!(", 50_000, "", ")", ""), ("", "|x| ", 50_000, "x", "", ""),
    ("let x = 1", "+1", 200_000, ";", "", ""), ("", "!", 200_000, "true;", "", ""), ("", "-", 20_000, "1;", "", ""), ("", "&", 200_000, "a;", "", ""), ("", "|", 200_000, "", "", ""),
    ("", "<", 200_000, "", "", ""), ("", "&&", 100_000, "a", "", ""), ("a", ".b", 200_000, ";", "", ""), ("a", "?", 20_000, ";", "", ""), ("a", "[0]", 20_000, ";", "", ""),
    ("a", "::b", 50_000, ";", "", ""), ("a", "::<a", 20_000, ";", "", ""), ("", "..", 20_000, "", "", ""), ("", "a = ", 20_000, "1;", "", ""), ("", "return ", 20_000, "", "", ""),
    ("let x = 1", " as u8", 20_000, ";", "", ""), ("", "'a: ", 20_000, "loop {}", "", ""), ("", "#[a]", 20_000, "fn f() {}", "", ""), ("if a {}", " else if a {}", 50_000, "", "", ""),
    ("", "let a = b else {", 20_000, "", "};", ""), ("match x {", "1 => 1,", 20_000, "_ => 0 }", "", ""), ("match x {", "1 => {}", 5_000, "_ => {} }", "", ""), ("let x = [", "1,", 30_000, "];", "", ""),
    ("let x = matches!(1, ", "1 | ", 20_000, "0);", "", ""), ("use a", "::b", 20_000, ";", "", ""), ("use ", "a::{", 20_000, "b", "}", ";"), ("let x: ", "Vec<", 20_000, "u8", ">", " = 1;"),
    ("", ";", 50_000, "", "", ""), ("let s = \"", "é{x}\\n", 50_000, "\";", "", ""), ("let s = r#\"", "\"{", 100_000, "\"#; println!(\"{s}\");", "", ""), ("println!(\"", "{x:?} ", 10_000, "\");", "", ""),
    ("println!(\"", "{", 100_001, "\");", "", ""), ("", "/*", 100_000, "", "*/", ""), ("", "/*", 100_000, "", "", ""), ("r", "#", 100_000, "", "", ""), ("", "\"", 100_001, "", "", ""), ("", "'", 100_000, "", "", ""),
    ("let n = ", "9", 200_000, ";", "", ""), ("let n = 0.", "9", 200_000, ";", "", ""), ("", "\n", 300_000, "x", "", ""), ("", "!ls\n", 10_000, "", "", ""), ("", ":", 100_000, "", "", ""), ("", "%", 100_000, "", "", ""),
    (":dep a = ", "{ b = ", 20_000, "1", "}", ""), (":dep a = ", "[", 100_000, "", "", ""),
];

/// As [`DEEP`], and these are not too deep.
#[rustfmt::skip]
const ALLOWED: &[(&str, &str, usize, &str, &str, &str)] = &[
    ("", "(", 2900, "1", ")", ""), ("", "{", 2900, "1", "}", ""), ("", "if true {", 900, "x;", "}", ""), ("", "(|x|", 700, "x", ")", ""), ("", "vec![", 900, "1", "]", ""), ("", "m![", 500, "1", "]", ""),
    ("", "m![a b ", 400, "c d", "]", ""), ("let x: ", "Vec<", 900, "u8", ">", " = 1;"), ("let ", "(", 2900, "x", ",)", " = 1;"), ("let x = ", "&", 2900, "1;", "", ""), ("let x = 1", "+1", 1400, ";", "", ""),
    ("let x = 1", ".a()", 900, ";", "", ""), ("if a {}", " else if a {}", 700, "", "", ""), ("", "fn f() {", 700, "", "}", ""), ("use ", "a::{", 700, "b", "}", ";"), ("match x { a if ", "{", 2900, "b", "}", "=> 1 }"),
];

/// The cells of the notebook `name`: of [`wide`] by its name, of the tables by table and place.
fn extreme(name: &str) -> Option<Cells> {
    if let Some((_, cells)) = wide().into_iter().find(|(known, _)| *known == name) {
        return Some(cells);
    }
    let (table, place) = name.split_once(' ')?;
    let table = if table == "deep" { DEEP } else { ALLOWED };
    let (start, open, count, middle, close, end) = table.get(place.split(' ').next()?.parse::<usize>().ok()?)?;
    let source = format!("{start}{}{middle}{}{end}", open.repeat(*count), close.repeat(*count));
    Some(vec![cell(source, &["step:a"])])
}

fn extremes() -> Vec<String> {
    let named = |table: &str, rows: &[(&str, &str, usize, &str, &str, &str)]| -> Vec<String> {
        rows.iter().enumerate().map(|(place, row)| format!("{table} {place} {:?} × {}", row.1, row.2)).collect()
    };
    let wide = wide().into_iter().map(|(name, _)| name.to_owned());
    wide.chain(named("deep", DEEP)).chain(named("allowed", ALLOWED)).collect()
}

/// Runs the notebook `name` in this test binary again, and says what went wrong and how long it took.
fn in_own_process(name: &str) -> Result<Duration, String> {
    let binary = std::env::current_exe().map_err(|error| error.to_string())?;
    let started = Instant::now();
    let mut child = Command::new(binary)
        .args(["--exact", "long_and_deep_notebooks_end", "--nocapture"])
        .env(EXTREME, name)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(started.elapsed()),
            Some(status) => {
                let output = child.wait_with_output().map_err(|error| error.to_string())?;
                let said: String = String::from_utf8_lossy(&output.stderr).chars().take(600).collect();
                return Err(format!("{status}: {said}"));
            }
            None if started.elapsed() > PATIENCE => {
                child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
                return Err(format!("did not end within {PATIENCE:?}"));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

#[test]
fn long_and_deep_notebooks_end() {
    if let Ok(name) = std::env::var(EXTREME) {
        let (notebook, compilation) = compiled(extreme(&name).expect("a known notebook"), Map::new());
        for diagnostic in &compilation.diagnostics {
            assert_ne!(diagnostic.code, "OX902", "{}", diagnostic.message);
            diagnostic.labels.iter().for_each(|label| assert_span(&notebook, label.span, diagnostic.code));
        }
        if name.starts_with("allowed") {
            assert!(!compilation.diagnostics.iter().any(|diagnostic| diagnostic.code == "OX203"), "not allowed");
        }
        return;
    }
    let mut failures = Vec::new();
    for name in extremes() {
        match in_own_process(&name) {
            Ok(time) => println!("{name}: {time:.1?}"),
            Err(what) => failures.push(format!("{name}: {what}")),
        }
    }
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}
