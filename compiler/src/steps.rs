//! Which cell belongs to which step: reads the tags of every cell, and merges untagged cells into the one above.

use std::collections::{BTreeMap, BTreeSet};

use oxikale_notebook::{CellKind, CellSpan, Notebook};

use crate::diagnostics::Diagnostic;
use crate::names;
use crate::pipeline::StepConfig;
use crate::settings::Settings;
use crate::source::ParsedCell;
use crate::tags::{self, NotATag, Setting, Tag};

/// Cells by what they are for. All numbers are indices into the notebook's cells.
#[derive(Debug, Default)]
pub struct Layout {
    /// Run first in every step.
    pub imports: Vec<usize>,
    /// Run in every step after the imports.
    pub functions: Vec<usize>,
    /// Define parameters.
    pub parameters: Vec<usize>,
    /// Name metrics.
    pub metrics: Vec<usize>,
    /// In no step.
    pub skipped: Vec<usize>,
    /// Steps in the order of their first cells.
    pub steps: Vec<Draft>,
}

/// A step, before it is known what flows.
#[derive(Debug)]
pub struct Draft {
    /// As written.
    pub name: String,
    /// As KFP knows it.
    pub task: String,
    /// Its cells.
    pub cells: Vec<usize>,
    /// Steps named by `prev:`.
    pub prev: BTreeSet<usize>,
    /// Whether a `prev:` names no step.
    pub lacks_prev: bool,
    /// What its tags ask for.
    pub config: StepConfig,
}

/// What an untagged cell is merged into.
#[derive(Clone, Copy)]
enum Group {
    Imports,
    Functions,
    Parameters,
    Metrics,
    Step(usize),
}

/// Sorts the cells of the notebook into steps. `parsed` holds the code cells; cells without code raise no objections.
pub fn layout(
    notebook: &Notebook,
    parsed: &BTreeMap<usize, ParsedCell>,
    settings: &Settings,
    diagnostics: &mut Vec<Diagnostic>,
) -> Layout {
    let mut layout = Layout::default();
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    let mut prevs: Vec<(usize, String, CellSpan)> = Vec::new();
    let mut own_settings: Vec<Vec<(Setting, usize)>> = Vec::new();
    let mut unknown: BTreeMap<String, CellSpan> = BTreeMap::new();
    let mut group: Option<Group> = None;
    let mut unclaimed: Option<CellSpan> = None;

    for (index, cell) in notebook.cells().iter().enumerate() {
        if cell.kind != CellKind::Code {
            continue;
        }
        let head = head_of(notebook, index);
        let tags = read_tags(&cell.tags, head, &mut unknown, diagnostics);
        let has_code = parsed.get(&index).is_some_and(ParsedCell::has_code);

        let special = tags.iter().find_map(|tag| match tag {
            Tag::Skip => Some(None),
            Tag::Imports => Some(Some(Group::Imports)),
            Tag::Functions => Some(Some(Group::Functions)),
            Tag::PipelineParameters => Some(Some(Group::Parameters)),
            Tag::PipelineMetrics => Some(Some(Group::Metrics)),
            _ => None,
        });
        if let Some(special) = special {
            if tags.len() > 1 {
                diagnostics.push(
                    Diagnostic::warning("OX104", "this cell has a tag that stands alone; its other tags are left out")
                        .at(head, "of `skip`, `imports`, `functions`, `pipeline-parameters` and `pipeline-metrics` a cell has one, and no step")
                        .help("remove the tags that are not meant"),
                );
            }
            match special {
                None => layout.skipped.push(index),
                Some(special) => {
                    group = Some(special);
                    layout.add(special, index);
                }
            }
            continue;
        }

        let names: Vec<&String> = tags
            .iter()
            .filter_map(|tag| if let Tag::Step(name) = tag { Some(name) } else { None })
            .filter(|name| !name.is_empty())
            .collect();
        if names.len() > 1 {
            diagnostics.push(
                Diagnostic::error("OX104", format!("this cell is in two steps, `{}` and `{}`", names[0], names[1]))
                    .at(head, "")
                    .help("a cell belongs to one step: remove one tag, or split the cell"),
            );
        }
        let notebooks: Vec<&String> =
            tags.iter().filter_map(|tag| if let Tag::Notebook(name) = tag { Some(name) } else { None }).collect();
        if let Some(name) = notebooks.first() {
            diagnostics.push(
                Diagnostic::error(
                    "OX116",
                    format!("`notebook:{name}` refers to another notebook, which this compiler cannot take in"),
                )
                .at(head, "")
                .help("copy the steps of that notebook into this one, or run it as a pipeline of its own"),
            );
            continue;
        }
        let Some(name) = names.first() else {
            if let Some(stray) = tags.iter().find(|tag| matches!(tag, Tag::Prev(_) | Tag::Setting(_))) {
                let what = if matches!(stray, Tag::Prev(_)) { "`prev:`" } else { "a setting" };
                diagnostics.push(
                    Diagnostic::error("OX103", format!("this cell has {what} but no step"))
                        .at(head, "")
                        .help("add a tag `step:NAME` to the cell, or move the tag to the first cell of its step"),
                );
            }
            match group {
                Some(group) => layout.add(group, index),
                None => {
                    layout.skipped.push(index);
                    if has_code && unclaimed.is_none() {
                        unclaimed = Some(head);
                    }
                }
            }
            continue;
        };

        let step = match by_name.get(*name) {
            Some(&step) => {
                if !matches!(group, Some(Group::Step(current)) if current == step) {
                    let first = layout.steps[step].cells.first().copied().unwrap_or(index);
                    diagnostics.push(
                        Diagnostic::warning("OX110", format!("step `{name}` goes on here, after other cells"))
                            .at(head, "this cell runs in the same step as the earlier ones")
                            .at(head_of(notebook, first), "the step begins here")
                            .help("give the step another name if it is meant to be a step of its own"),
                    );
                }
                step
            }
            None => {
                let step = layout.steps.len();
                by_name.insert((*name).clone(), step);
                own_settings.push(Vec::new());
                layout.steps.push(Draft {
                    name: (*name).clone(),
                    task: names::kfp(name),
                    cells: Vec::new(),
                    prev: BTreeSet::new(),
                    lacks_prev: false,
                    config: StepConfig::default(),
                });
                step
            }
        };
        layout.steps[step].cells.push(index);
        group = Some(Group::Step(step));
        for tag in &tags {
            match tag {
                Tag::Prev(prev) => prevs.push((step, prev.clone(), head)),
                Tag::Setting(setting) => own_settings[step].push((setting.clone(), index)),
                _ => {}
            }
        }
    }

    if let Some(span) = unclaimed {
        diagnostics.push(
            Diagnostic::warning("OX108", "code before the first tagged cell is in no step")
                .at(span, "")
                .help("tag the cell `imports`, `functions` or `step:NAME` if steps need it, else `skip`"),
        );
    }
    for (tag, span) in unknown {
        let (kind, _) = tag.split_once(':').unwrap_or((&tag, ""));
        let known = tags::PREFIXES.into_iter().chain(tags::WORDS);
        let help = match names::nearest(kind, known) {
            Some(nearest) => format!("is `{nearest}` meant? the tag is kept, and means nothing here"),
            None => "it is kept, and means nothing here".to_owned(),
        };
        diagnostics.push(
            Diagnostic::warning("OX101", format!("tag `{}` is unknown", tag.escape_debug())).at(span, "").help(help),
        );
    }
    connect(&mut layout, &by_name, prevs, diagnostics);
    report_collisions(&layout, notebook, diagnostics);
    for (step, own) in own_settings.into_iter().enumerate() {
        configure(notebook, &mut layout.steps[step], settings, own, diagnostics);
    }
    layout
}

/// The first line of a cell, for what is said of its tags.
pub fn head_of(notebook: &Notebook, index: usize) -> CellSpan {
    let source = notebook.cells().get(index).map_or("", |cell| cell.source.as_str());
    CellSpan::new(index, 0, source.find(['\n', '\r']).unwrap_or(source.len()))
}

impl Layout {
    fn add(&mut self, group: Group, cell: usize) {
        match group {
            Group::Imports => self.imports.push(cell),
            Group::Functions => self.functions.push(cell),
            Group::Parameters => self.parameters.push(cell),
            Group::Metrics => self.metrics.push(cell),
            Group::Step(step) => self.steps[step].cells.push(cell),
        }
    }

    /// Cells that every step runs, imports first.
    pub fn shared(&self) -> impl Iterator<Item = usize> + '_ {
        self.imports.iter().chain(&self.functions).copied()
    }
}

fn read_tags(
    texts: &[String],
    head: CellSpan,
    unknown: &mut BTreeMap<String, CellSpan>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Tag> {
    let mut tags = Vec::new();
    for text in texts {
        match tags::parse(text) {
            Ok(tag) => {
                if !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
            Err(NotATag::Foreign) => {}
            Err(NotATag::Unknown) => {
                unknown.entry(text.clone()).or_insert(head);
            }
            Err(NotATag::Malformed(why)) => diagnostics.push(
                Diagnostic::error("OX102", format!("tag `{}`: {why}", text.escape_debug()))
                    .at(head, "")
                    .help("`oxikale explain OX102` lists every tag with an example"),
            ),
        }
    }
    tags
}

fn connect(
    layout: &mut Layout,
    by_name: &BTreeMap<String, usize>,
    prevs: Vec<(usize, String, CellSpan)>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (step, prev, span) in prevs {
        match by_name.get(&prev) {
            Some(&before) if before == step => diagnostics.push(
                Diagnostic::error("OX106", format!("step `{prev}` waits for itself"))
                    .at(span, format!("tag `prev:{prev}`"))
                    .help("remove the tag"),
            ),
            Some(&before) => {
                layout.steps[step].prev.insert(before);
            }
            None => {
                layout.steps[step].lacks_prev = true;
                let names = by_name.keys().map(String::as_str);
                let help = match names::nearest(&prev, names) {
                    Some(nearest) => format!("is `prev:{nearest}` meant?"),
                    None if by_name.is_empty() => "the notebook has no steps".to_owned(),
                    None => {
                        let names: Vec<String> = by_name.keys().take(10).map(|name| format!("`{name}`")).collect();
                        let more = if by_name.len() > names.len() { ", …" } else { "" };
                        format!("the steps are {}{more}", names.join(", "))
                    }
                };
                diagnostics
                    .push(Diagnostic::error("OX105", format!("`prev:{prev}` names no step")).at(span, "").help(help));
            }
        }
    }
}

fn report_collisions(layout: &Layout, notebook: &Notebook, diagnostics: &mut Vec<Diagnostic>) {
    let mut by_task: BTreeMap<&str, &Draft> = BTreeMap::new();
    for step in &layout.steps {
        if let Some(first) = by_task.insert(&step.task, step) {
            let head = |step: &Draft| head_of(notebook, step.cells.first().copied().unwrap_or(0));
            diagnostics.push(
                Diagnostic::error(
                    "OX107",
                    format!("steps `{}` and `{}` would both be `{}` in KFP", first.name, step.name, step.task),
                )
                .at(head(step), "")
                .at(head(first), "the other one")
                .help("rename one: KFP's names are lower case, with hyphens"),
            );
            by_task.insert(&step.task, first);
        }
    }
}

fn configure(
    notebook: &Notebook,
    step: &mut Draft,
    settings: &Settings,
    own: Vec<(Setting, usize)>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let config = &mut step.config;
    config.cache = settings.enable_caching;
    config.timeout_seconds = settings.timeout_seconds;
    for setting in &settings.step_defaults {
        apply(config, setting);
    }
    let mut seen: Vec<(&Setting, usize)> = Vec::new();
    for (setting, cell) in &own {
        if let Some((earlier, earlier_cell)) =
            seen.iter().find(|(earlier, _)| same_setting(earlier, setting) && *earlier != setting)
        {
            diagnostics.push(
                Diagnostic::warning(
                    "OX115",
                    format!("step `{}` sets {} twice; the later one holds", step.name, name_of(setting)),
                )
                .at(head_of(notebook, *cell), "")
                .at(head_of(notebook, *earlier_cell), format!("{} was set here", name_of(earlier)))
                .help("remove one of the tags"),
            );
        }
        seen.push((setting, *cell));
        apply(config, setting);
    }
}

fn apply(config: &mut StepConfig, setting: &Setting) {
    match setting.clone() {
        Setting::Annotation(key, value) => drop(config.annotations.insert(key, value)),
        Setting::Label(key, value) => drop(config.labels.insert(key, value)),
        Setting::Limit(resource, amount) => drop(config.limits.insert(resource, amount)),
        Setting::Request(resource, amount) => drop(config.requests.insert(resource, amount)),
        Setting::Image(image) => config.image = Some(image),
        Setting::Cache(on) => config.cache = Some(on),
        Setting::Report(on) => config.report = Some(on),
        Setting::Secret(secret) => {
            config.secrets.retain(|other| other.env != secret.env);
            config.secrets.push(secret);
        }
        Setting::Retry(retry) => config.retry = Some(retry),
        Setting::Timeout(seconds) => config.timeout_seconds = Some(seconds),
        Setting::Env(name, value) => drop(config.env.insert(name, value)),
        Setting::Node(label, value) => drop(config.node_selector.insert(label, value)),
        Setting::Toleration(toleration) => {
            if !config.tolerations.contains(&toleration) {
                config.tolerations.push(toleration);
            }
        }
        Setting::Volume(volume) => {
            config.volumes.retain(|other| other.mount_path != volume.mount_path);
            config.volumes.push(volume);
        }
    }
}

/// Whether a later one of two settings takes the place of the earlier one.
fn same_setting(a: &Setting, b: &Setting) -> bool {
    match (a, b) {
        (Setting::Toleration(_), Setting::Toleration(_)) => false,
        _ => name_of(a) == name_of(b),
    }
}

fn name_of(setting: &Setting) -> String {
    match setting {
        Setting::Annotation(key, _) => format!("annotation `{key}`"),
        Setting::Label(key, _) => format!("label `{key}`"),
        Setting::Limit(resource, _) => format!("the limit of `{resource}`"),
        Setting::Request(resource, _) => format!("the request for `{resource}`"),
        Setting::Image(_) => "the image".to_owned(),
        Setting::Cache(_) => "caching".to_owned(),
        Setting::Report(_) => "the report".to_owned(),
        Setting::Secret(secret) => format!("variable `{}`", secret.env),
        Setting::Retry(_) => "retries".to_owned(),
        Setting::Timeout(_) => "the timeout".to_owned(),
        Setting::Env(name, _) => format!("variable `{name}`"),
        Setting::Node(label, _) => format!("node label `{label}`"),
        Setting::Toleration(toleration) => format!("toleration `{}`", toleration.key),
        Setting::Volume(volume) => format!("the volume at `{}`", volume.mount_path),
    }
}
