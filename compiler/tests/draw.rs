//! Drawings of pipelines: how they look, that nothing is lost, that no name does harm.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use oxikale_compiler::draw::{
    State, Statuses, StepStatus, SvgOptions, TerminalOptions, Theme, json, mermaid, svg, terminal,
    terminal_with_statuses,
};
use oxikale_compiler::ir::ParameterType;
use oxikale_compiler::pipeline::{Input, Output, Parameter, Pipeline, Step, StepConfig, Volume};
use oxikale_notebook::CellSpan;
use proptest::prelude::*;

/// A step: its name, its cells, its edges as `(from, variables)`; no variables: by `prev:`.
type Row<'a> = (&'a str, &'a [usize], &'a [(usize, &'a [&'a str])]);

fn pipeline(name: &str, steps: &[Row]) -> Pipeline {
    let steps: Vec<Step> = steps
        .iter()
        .enumerate()
        .map(|(index, &(step, cells, edges))| {
            let span = CellSpan::new(cells.first().copied().unwrap_or(0), 0, 1);
            let taken = steps.iter().flat_map(|(_, _, edges)| edges.iter()).filter(|&&(from, _)| from == index);
            let given: BTreeSet<&str> = taken.flat_map(|(_, variables)| variables.iter().copied()).collect();
            Step {
                name: step.to_owned(),
                task: step.to_lowercase().replace('_', "-"),
                cells: cells.to_vec(),
                after: edges.iter().map(|&(from, _)| from).collect(),
                inputs: edges
                    .iter()
                    .flat_map(|&(from, variables)| variables.iter().map(move |&variable| (from, variable)))
                    .map(|(from, variable)| Input {
                        variable: variable.to_owned(),
                        key: variable.to_owned(),
                        from,
                        span,
                    })
                    .collect(),
                outputs: given
                    .into_iter()
                    .map(|variable| Output { variable: variable.to_owned(), key: variable.to_owned(), span })
                    .collect(),
                parameters: Vec::new(),
                metrics: Vec::new(),
                has_metrics: false,
                artifacts: Vec::new(),
                has_result: false,
                config: StepConfig::default(),
            }
        })
        .collect();
    Pipeline {
        name: name.to_owned(),
        description: None,
        experiment: None,
        parameters: Vec::new(),
        steps,
        volumes: Vec::new(),
        base_image: "python:3.11".to_owned(),
        security_context: None,
        shared_cells: Vec::new(),
        skipped_cells: Vec::new(),
    }
}

fn titanic() -> Pipeline {
    const DATA: &[&str] = &["x_train", "y_train", "x_test", "y_test"];
    let mut titanic = pipeline(
        "titanic",
        &[
            ("loaddata", &[3, 4], &[]),
            ("datapreprocessing", &[5, 6, 7, 9], &[(0, &["passengers"])]),
            ("featureengineering", &[10, 11], &[(1, &["table"])]),
            ("randomforest", &[12], &[(2, DATA)]),
            ("logisticregression", &[13], &[(2, DATA)]),
            ("naivebayes", &[14], &[(2, DATA)]),
            ("svm", &[15], &[(2, DATA)]),
            ("decisiontree", &[16], &[(2, DATA)]),
            (
                "results",
                &[17, 18, 20],
                &[
                    (3, &["acc_random_forest"]),
                    (4, &["acc_logistic"]),
                    (5, &["acc_bayes"]),
                    (6, &["acc_svm"]),
                    (7, &["acc_tree"]),
                ],
            ),
        ],
    );
    let parameter =
        |name: &str, kind, default| Parameter { name: name.to_owned(), kind, default, span: CellSpan::new(2, 0, 1) };
    titanic.parameters = vec![
        parameter("seed", ParameterType::Integer, 42.into()),
        parameter("test_share", ParameterType::Double, 0.2.into()),
        parameter("target", ParameterType::String, "Survived".into()),
    ];
    titanic.steps[2].parameters = vec!["seed".to_owned(), "test_share".to_owned()];
    titanic.steps[8].metrics = vec!["best".to_owned()];
    titanic.steps[8].config.limits.insert("memory".to_owned(), "2Gi".to_owned());
    titanic.volumes = vec![Volume { claim: "shared".to_owned(), mount_path: "/shared_volume".to_owned(), env: None }];
    titanic.shared_cells = vec![1];
    titanic.skipped_cells = vec![0, 8, 19];
    titanic
}

fn diamond() -> Pipeline {
    pipeline(
        "diamond",
        &[
            ("load", &[0], &[]),
            ("left", &[1], &[(0, &["x"])]),
            ("right", &[2, 3], &[(0, &["x", "labels"])]),
            ("join", &[4], &[(1, &["a"]), (2, &[])]),
        ],
    )
}

fn chain() -> Pipeline {
    pipeline("chain", &[("one", &[0], &[]), ("two", &[1], &[(0, &["x"])]), ("three", &[2], &[(1, &[])])])
}

fn single() -> Pipeline {
    pipeline("single", &[("only", &[0, 1], &[])])
}

fn apart() -> Pipeline {
    pipeline(
        "apart",
        &[("first", &[0], &[]), ("alone", &[1], &[]), ("second", &[2], &[(0, &["x"])]), ("lonely", &[], &[])],
    )
}

/// Edges that pass layers, and ones that cross.
fn skipping() -> Pipeline {
    pipeline(
        "skipping",
        &[
            ("load", &[0], &[]),
            ("clean", &[1], &[(0, &["raw"])]),
            ("features", &[2], &[(1, &["table"])]),
            ("train", &[3], &[(2, &["x", "y"]), (0, &["seed_text"])]),
            ("explain", &[4], &[(1, &["table"]), (3, &["model"])]),
            ("report", &[5], &[(3, &["model"]), (4, &["figure"]), (0, &["raw"])]),
        ],
    )
}

/// Two steps above three, each of which takes from both, and one that takes from one of them.
fn crossing() -> Pipeline {
    pipeline(
        "crossing",
        &[
            ("a", &[0], &[]),
            ("b", &[1], &[]),
            ("c", &[2], &[(0, &["x"]), (1, &["y"])]),
            ("d", &[3], &[(0, &["x"])]),
            ("e", &[4], &[(1, &["y"]), (0, &["x"])]),
            ("f", &[5], &[(3, &["z"]), (4, &["w"]), (2, &[])]),
        ],
    )
}

fn fan_out(width: usize) -> Pipeline {
    let names: Vec<String> = (1..=width).map(|number| format!("train_model_{number}")).collect();
    let mut steps: Vec<Row> = vec![("prepare", &[0], &[])];
    for name in &names {
        steps.push((name, &[1], &[(0, &["x", "y"])]));
    }
    let scores: Vec<(usize, &[&str])> = (1..=width).map(|step| (step, &["score"] as &[&str])).collect();
    steps.push(("compare", &[2], &scores));
    pipeline("fan-out", &steps)
}

/// Every way in which a name can do harm.
fn hostile() -> Pipeline {
    let long = "very_long_name_".repeat(700);
    pipeline(
        "evil\"</title><script>alert(1)</script>",
        &[
            ("\u{1b}[31mred\u{1b}[0m\n\rnext\tline\u{7}", &[0], &[]),
            ("<script>alert('x')</script>\"] --> s9[\"", &[1], &[(0, &["a<b>&\"'", "\u{202e}backwards"])]),
            (&long, &[2], &[(0, &[&long])]),
            ("שלום עולם", &[3], &[(1, &["مرحبا"])]),
            ("e\u{301}\u{301}\u{301}\u{301}\u{301}日本語🦀\u{200b}\u{9b}2J", &[4], &[(2, &["]]>", "-->"]), (3, &[])]),
            ("", &[5], &[(4, &["end"])]),
        ],
    )
}

fn unicode(width: usize) -> TerminalOptions {
    TerminalOptions { colour: false, width, unicode: true }
}

/// The titanic in the middle of a run.
fn running() -> Statuses {
    let states = [
        ("loaddata", State::Succeeded, Some(1.234)),
        ("datapreprocessing", State::Succeeded, Some(12.34)),
        ("featureengineering", State::Succeeded, Some(75.0)),
        ("randomforest", State::Succeeded, Some(187.0)),
        ("logisticregression", State::Running, Some(3.0)),
        ("naivebayes", State::Failed, Some(7500.0)),
        ("svm", State::Cancelled, None),
        ("decisiontree", State::Skipped, None),
        ("results", State::Pending, None),
    ];
    let mut statuses: Statuses = states
        .into_iter()
        .map(|(task, state, seconds)| (task.to_owned(), StepStatus { state, seconds, metrics: Vec::new() }))
        .collect();
    if let Some(forest) = statuses.get_mut("randomforest") {
        forest.metrics = vec![("accuracy".to_owned(), 0.812_345_67), ("nan".to_owned(), f64::NAN)];
    }
    statuses
}

#[test]
fn boxes_in_a_terminal() {
    insta::assert_snapshot!("titanic_100", terminal(&titanic(), &unicode(100)));
    insta::assert_snapshot!("titanic_80", terminal(&titanic(), &unicode(80)));
    insta::assert_snapshot!("titanic_running", terminal_with_statuses(&titanic(), &running(), &unicode(100)));
    insta::assert_snapshot!("diamond", terminal(&diamond(), &unicode(100)));
    insta::assert_snapshot!("chain", terminal(&chain(), &unicode(100)));
    insta::assert_snapshot!("single", terminal(&single(), &unicode(100)));
    insta::assert_snapshot!("apart", terminal(&apart(), &unicode(100)));
    insta::assert_snapshot!("skipping", terminal(&skipping(), &unicode(100)));
    insta::assert_snapshot!("crossing", terminal(&crossing(), &unicode(100)));
    insta::assert_snapshot!("fan_out", terminal(&fan_out(8), &unicode(100)));
    insta::assert_snapshot!("hostile", terminal(&hostile(), &unicode(100)));
    let ascii = TerminalOptions { unicode: false, ..unicode(100) };
    insta::assert_snapshot!("crossing_ascii", terminal(&crossing(), &ascii));
    let colour = TerminalOptions { colour: true, ..unicode(100) };
    insta::assert_snapshot!("diamond_colour", terminal(&diamond(), &colour));
    insta::assert_snapshot!("nothing", terminal(&pipeline("nothing", &[]), &unicode(100)));
}

#[test]
fn what_is_too_wide_becomes_a_list() {
    insta::assert_snapshot!("titanic_list", terminal(&titanic(), &unicode(60)));
    insta::assert_snapshot!("titanic_list_running", terminal_with_statuses(&titanic(), &running(), &unicode(40)));
    insta::assert_snapshot!("fan_out_list", terminal(&fan_out(30), &unicode(100)));
}

#[test]
fn eight_parallel_steps_are_boxes_in_a_hundred_columns() {
    let drawing = terminal(&fan_out(8), &unicode(100));
    assert_eq!(drawing.matches('┌').count(), 10, "{drawing}");
}

#[test]
fn svg_documents() {
    let none = Statuses::new();
    let light = SvgOptions { theme: Theme::Light, ..SvgOptions::default() };
    insta::assert_snapshot!("svg_titanic", svg(&titanic(), &none, &SvgOptions::default()));
    insta::assert_snapshot!("svg_titanic_running", svg(&titanic(), &running(), &light));
    insta::assert_snapshot!("svg_skipping", svg(&skipping(), &none, &light));
    insta::assert_snapshot!("svg_hostile", svg(&hostile(), &none, &light));
    insta::assert_snapshot!("svg_apart", svg(&apart(), &none, &light));
}

#[test]
fn mermaid_texts() {
    for (name, pipeline) in [("titanic", titanic()), ("diamond", diamond()), ("apart", apart()), ("hostile", hostile())]
    {
        insta::assert_snapshot!(format!("mermaid_{name}"), mermaid(&pipeline));
    }
}

#[test]
fn json_documents() {
    for (name, pipeline) in [("titanic", titanic()), ("diamond", diamond()), ("hostile", hostile())] {
        let text = serde_json::to_string_pretty(&json(&pipeline)).unwrap();
        insta::assert_snapshot!(format!("json_{name}"), text);
    }
}

#[test]
fn svg_ids_are_safe_and_ones_own() {
    let options = SvgOptions { id: "1\"><script>".to_owned(), ..SvgOptions::default() };
    let text = svg(&single(), &Statuses::new(), &options);
    assert!(text.contains("aria-labelledby=\"ox1script-title ox1script-desc\""), "{text}");
    assert!(!text.contains("<script"));
}

#[test]
fn a_cycle_and_indices_that_point_nowhere_are_drawn_as_far_as_they_go() {
    let mut broken = pipeline("broken", &[("a", &[0], &[(1, &["x"])]), ("b", &[usize::MAX], &[(0, &["y"])])]);
    broken.steps[0].after.extend([0, 7, usize::MAX]);
    let text = terminal(&broken, &unicode(80));
    assert!(text.contains("← b (x)") && text.contains("← a (y)"), "{text}");
    let text = svg(&broken, &Statuses::new(), &SvgOptions::default());
    assert_eq!(text.matches("ox-head\"").count(), 2);
    assert_eq!(json(&broken)["edges"].as_array().map(Vec::len), Some(2));
    assert!(mermaid(&broken).contains("s0 -->|\"y\"| s1"));
}

/// Draws in every way; fails if that takes long.
fn draw_all_quickly(pipeline: &Pipeline) {
    let start = Instant::now();
    let text = terminal(pipeline, &unicode(100));
    assert!(text.lines().all(|line| line.chars().count() <= 100));
    let image = svg(pipeline, &Statuses::new(), &SvgOptions::default());
    assert_eq!(image.matches("class=\"ox-node\"").count(), pipeline.steps.len());
    mermaid(pipeline);
    json(pipeline);
    // Shared ways of long edges must not make a drawing as large as steps times edges.
    assert!(image.len() < 6_000_000, "{}: {} bytes", pipeline.name, image.len());
    let limit = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 5 });
    assert!(start.elapsed() < limit, "{} took {:?}", pipeline.name, start.elapsed());
}

/// A pipeline of `count` steps; `sources` names the steps that each one takes `x` from.
fn generated(name: &str, count: usize, sources: impl Fn(usize) -> Vec<usize>) -> Pipeline {
    let names: Vec<String> = (0..count).map(|step| format!("step_{step}")).collect();
    let mut made =
        pipeline(name, &names.iter().map(|name| (name.as_str(), &[] as &[usize], &[] as _)).collect::<Vec<_>>());
    let span = CellSpan::new(0, 0, 1);
    for (index, step) in made.steps.iter_mut().enumerate() {
        step.cells = vec![index];
        for from in sources(index) {
            step.after.push(from);
            step.inputs.push(Input { variable: "x".to_owned(), key: "x".to_owned(), from, span });
        }
    }
    made
}

#[test]
fn large_pipelines_are_drawn_quickly() {
    draw_all_quickly(&generated("chain", 2000, |step| step.checked_sub(1).into_iter().collect()));
    draw_all_quickly(&generated("lonely", 2000, |_| Vec::new()));
    draw_all_quickly(&generated("hub", 2000, |step| if step == 0 { vec![] } else { vec![0, step - 1] }));
    draw_all_quickly(&generated("leaps", 2000, |step| match step {
        0 => vec![],
        1..1000 => vec![step - 1],
        _ => vec![step - 1, step - 1000],
    }));
    // 200 steps in parallel, gathered by one, ten times over.
    draw_all_quickly(&generated("fans", 2010, |step| match (step / 201, step % 201) {
        (0, 0) => vec![],
        (round, 0) => (round * 201 - 200..round * 201).collect(),
        (round, _) => vec![round * 201],
    }));
    // Ten rows of 200 steps, where each takes from three of the row before.
    draw_all_quickly(&generated("rows", 2000, |step| match step {
        0..200 => vec![],
        _ => [0, 67, 131].map(|off| (step / 200 - 1) * 200 + (step + off * 7) % 200).to_vec(),
    }));
}

/// Names of every kind, the bad ones often.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_]{1,24}",
        2 => any::<String>(),
        1 => "[\u{0}-\u{20}\u{1b}\u{7f}-\u{9f}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{300}-\u{304}<>&\"'`#;\\]|]{0,12}",
        1 => "[א-ת日本🦀ａ]{1,40}",
        1 => "x{1000}y",
    ]
}

/// Pipelines without cycles, their steps shuffled.
fn any_pipeline() -> impl Strategy<Value = Pipeline> {
    (1_usize..14)
        .prop_flat_map(|count| {
            (
                proptest::collection::vec((any_name(), proptest::collection::vec(0_usize..40, 0..4)), count),
                proptest::collection::vec(
                    (0..count, 0..count, proptest::collection::vec(any_name(), 0..4)),
                    0..2 * count,
                ),
                Just((0..count).collect::<Vec<usize>>()).prop_shuffle(),
            )
        })
        .prop_map(|(steps, edges, shuffled)| {
            let span = CellSpan::new(0, 0, 1);
            let mut made = pipeline("any", &vec![("", &[] as &[usize], &[] as &[(usize, &[&str])]); steps.len()]);
            for (index, (step, (name, cells))) in made.steps.iter_mut().zip(steps).enumerate() {
                step.name = name;
                step.task = format!("task-{index}");
                step.cells = cells;
            }
            for (a, b, variables) in edges {
                if a == b {
                    continue;
                }
                let (from, to) = (shuffled[a.min(b)], shuffled[a.max(b)]);
                made.steps[to].after.push(from);
                for variable in variables {
                    made.steps[to].inputs.push(Input { key: "k".to_owned(), variable, from, span });
                }
            }
            made
        })
}

/// The edges that a pipeline must show.
fn edges_of(pipeline: &Pipeline) -> BTreeSet<(usize, usize)> {
    let edges = pipeline.steps.iter().enumerate();
    edges.flat_map(|(to, step)| step.after.iter().map(move |&from| (from, to))).collect()
}

/// What must never reach a terminal or a page.
fn is_harmful(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}' | '\u{2067}')
}

/// Reads a drawing of boxes and lines back: follows each line from box to box, as a reader would.
fn joined_boxes(drawing: &str) -> (usize, BTreeSet<(usize, usize)>) {
    let rows: Vec<Vec<char>> = drawing.lines().map(|line| line.chars().collect()).collect();
    let at = |x: usize, y: usize| rows.get(y).and_then(|row| row.get(x)).copied().unwrap_or(' ');
    let mut boxes = Vec::new();
    for (y, row) in rows.iter().enumerate() {
        for (x, &character) in row.iter().enumerate() {
            if character == '┌' {
                let right = (x + 1..).find(|&column| at(column, y) == '┐').unwrap();
                let bottom = (y + 1..).find(|&row| at(x, row) == '└').unwrap();
                boxes.push((x, y, right, bottom));
            }
        }
    }
    let owner = |x: usize, y: usize| {
        boxes.iter().position(|&(left, top, right, bottom)| (left..=right).contains(&x) && (top..=bottom).contains(&y))
    };
    let mut edges = BTreeSet::new();
    for (from, &(left, _, right, bottom)) in boxes.iter().enumerate() {
        for column in left..=right {
            if at(column, bottom) != '┬' {
                continue;
            }
            // Lines only lead down or sideways; (dx, dy) is where the walk comes from.
            let mut walks = vec![(column, bottom + 1, 0_i64, 1_i64)];
            let mut seen = BTreeSet::new();
            while let Some((x, y, dx, dy)) = walks.pop() {
                if !seen.insert((x, y, dx, dy)) {
                    continue;
                }
                let (down, left, right) = match at(x, y) {
                    '▼' => {
                        edges.insert((from, owner(x, y + 1).unwrap()));
                        continue;
                    }
                    // A line that goes under another one.
                    '│' if dy == 0 => {
                        walks.push(((x as i64 + dx) as usize, y, dx, 0));
                        continue;
                    }
                    '│' => (true, false, false),
                    '─' => (false, dx < 0, dx > 0),
                    '╭' => (true, false, dx >= 0 && dy == 0 || dy == 1 && dx == 0),
                    '╮' => (true, false, false),
                    '╰' => (false, false, true),
                    '╯' => (false, true, false),
                    '├' => (true, false, dy == 1),
                    '┤' => (true, dy == 1, false),
                    '┬' => (true, dx <= 0, dx >= 0),
                    '┴' => (false, dy == 1 || dx < 0, dy == 1 || dx > 0),
                    '┼' => (true, dy == 1 || dx < 0, dy == 1 || dx > 0),
                    other => panic!("a line ends at {other:?} in column {x}, row {y} of\n{drawing}"),
                };
                if down {
                    walks.push((x, y + 1, 0, 1));
                }
                if left && at(x, y) != '╭' {
                    walks.push((x - 1, y, -1, 0));
                }
                if right && !(at(x, y) == '╭' && dy == 0) {
                    walks.push((x + 1, y, 1, 0));
                }
            }
        }
    }
    (boxes.len(), edges)
}

#[test]
fn a_reader_who_follows_the_lines_finds_each_edge_and_no_other() {
    for (pipeline, count) in [(titanic(), 9), (diamond(), 4), (skipping(), 6), (crossing(), 6), (fan_out(8), 10)] {
        let (boxes, edges) = joined_boxes(&terminal(&pipeline, &unicode(100)));
        assert_eq!((boxes, edges.len()), (count, edges_of(&pipeline).len()), "{}", pipeline.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Lines lead from the box of each step to the boxes of those that wait for it.
    #[test]
    fn lines_show_exactly_the_edges(mut pipeline in any_pipeline()) {
        for (index, step) in pipeline.steps.iter_mut().enumerate() {
            step.name = format!("s{index:02}");
            step.inputs.clear();
        }
        let drawing = terminal(&pipeline, &unicode(300));
        if drawing.contains('┌') {
            let rows: Vec<Vec<char>> = drawing.lines().map(|line| line.chars().collect()).collect();
            // Boxes come in reading order; the name in each tells its step.
            let mut steps = Vec::new();
            for (y, row) in rows.iter().enumerate() {
                for x in (0..row.len()).filter(|&x| row[x] == '┌') {
                    let name: String = rows[y + 1][x + 1..].iter().take_while(|&&c| c != '│').collect();
                    steps.push(name.trim().trim_start_matches('s').parse::<usize>().unwrap());
                }
            }
            let (boxes, edges) = joined_boxes(&drawing);
            prop_assert_eq!(boxes, pipeline.steps.len());
            let edges: BTreeSet<_> = edges.into_iter().map(|(from, to)| (steps[from], steps[to])).collect();
            prop_assert_eq!(edges, edges_of(&pipeline), "{}", drawing);
        } else {
            let arrows = edges_of(&pipeline).len();
            let shown: usize = drawing.lines().filter(|line| line.contains('←')).map(|line| 1 + line.matches(',').count()).sum();
            prop_assert!(shown >= arrows, "{}", drawing);
        }
    }

    #[test]
    fn any_pipeline_is_drawn_in_every_way(pipeline in any_pipeline(), width in 0_usize..160, colour: bool, ascii: bool) {
        let edges = edges_of(&pipeline);
        let options = TerminalOptions { colour: false, width, unicode: !ascii };
        let text = terminal(&pipeline, &options);
        prop_assert!(!text.contains(is_harmful), "{:?}", text);
        let columns = |line: &str| line.chars().map(|c| unicode_width::UnicodeWidthChar::width(c).unwrap_or(0)).sum::<usize>();
        for line in text.lines() {
            prop_assert!(columns(line) <= width.max(20), "{}", text);
        }
        terminal(&pipeline, &TerminalOptions { colour, ..options });

        let image = svg(&pipeline, &Statuses::new(), &SvgOptions::default());
        prop_assert!(!image.contains(is_harmful));
        prop_assert_eq!(image.matches("class=\"ox-node\"").count(), pipeline.steps.len());
        prop_assert_eq!(image.matches("class=\"ox-head\"").count(), edges.len());
        let document = roxmltree::Document::parse(&image);
        prop_assert!(document.is_ok(), "{:?}\n{}", document.err(), image);

        let text = mermaid(&pipeline);
        prop_assert!(!text.contains(is_harmful));
        prop_assert_eq!(text.lines().count(), 1 + pipeline.steps.len() + edges.len());
        for (from, to) in &edges {
            let (from, to) = (format!("    s{from} -"), format!(" s{to}"));
            prop_assert!(text.lines().any(|line| line.starts_with(&from) && line.ends_with(&to)));
        }

        let value = json(&pipeline);
        let found: BTreeSet<(String, String)> = value["edges"].as_array().into_iter().flatten()
            .map(|edge| (edge["from"].to_string(), edge["to"].to_string())).collect();
        prop_assert_eq!(found.len(), edges.len());
        for (index, step) in pipeline.steps.iter().enumerate() {
            prop_assert_eq!(value["nodes"][index]["name"].as_str(), Some(step.name.as_str()));
        }
    }
}
