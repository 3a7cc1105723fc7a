//! The notebook's own settings: `metadata.kubeflow_notebook`, in the form of every Kale version.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::diagnostics::Diagnostic;
use crate::names;
use crate::pipeline::{SecurityContext, Volume};
use crate::tags::{self, NotATag, Setting};

/// What the metadata asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// KFP's name of the pipeline.
    pub name: Option<String>,
    /// A text for people.
    pub description: Option<String>,
    /// The experiment; none means KFP's default.
    pub experiment: Option<String>,
    /// The image of steps that name none.
    pub base_image: Option<String>,
    /// Whether results may be taken from earlier runs.
    pub enable_caching: Option<bool>,
    /// Volumes of every step.
    pub volumes: Vec<Volume>,
    /// Settings of every step that does not say otherwise.
    pub step_defaults: Vec<Setting>,
    /// Seconds after which any step's try is ended.
    pub timeout_seconds: Option<u64>,
    /// The user that steps run as on Kubernetes.
    pub security_context: Option<SecurityContext>,
}

/// Fields that are read here.
const READ: [&str; 14] = [
    "pipeline_name",
    "experiment_name",
    "experiment",
    "pipeline_description",
    "base_image",
    "docker_image",
    "enable_caching",
    "volumes",
    "steps_defaults",
    "timeout",
    "security_context",
    "storage_class_name",
    "volume_access_mode",
    "output_path",
];

/// Fields of some Kale version that ask for nothing that a compiled pipeline holds.
const WITHOUT_EFFECT: [&str; 12] = [
    "katib_run",
    "katib_metadata",
    "abs_working_dir",
    "marshal_path",
    "marshal_volume",
    "kfp_host",
    "notebook_path",
    "snapshot_volumes",
    "snapshotVolumes",
    "autosnapshot",
    "deploy_config",
    "kale_version",
];

/// Reads the settings out of the notebook's metadata; what is not understood is reported and left alone.
pub fn read(metadata: &Map<String, Value>, diagnostics: &mut Vec<Diagnostic>) -> Settings {
    let mut settings = Settings::default();
    let fields = match metadata.get("kubeflow_notebook") {
        None | Some(Value::Null) => return settings,
        Some(Value::Object(fields)) => fields,
        Some(_) => {
            diagnostics.push(wrong("kubeflow_notebook", "an object"));
            return settings;
        }
    };
    let unknown: Vec<&str> = fields
        .keys()
        .map(String::as_str)
        .filter(|field| !READ.contains(field) && !WITHOUT_EFFECT.contains(field))
        .collect();
    if !unknown.is_empty() {
        let list = unknown.iter().map(|field| format!("`{}`", field.escape_debug())).collect::<Vec<_>>().join(", ");
        let mut diagnostic =
            Diagnostic::warning("OX111", format!("the notebook's metadata has fields that mean nothing here: {list}"));
        diagnostic.help = Some(match unknown.first().and_then(|field| names::nearest(field, READ)) {
            Some(nearest) => format!("is `{nearest}` meant? unknown fields are kept as they are"),
            None => "they are kept as they are".to_owned(),
        });
        diagnostics.push(diagnostic);
    }

    let mut reader = Reader { fields, diagnostics };
    if let Some(name) = reader.text("pipeline_name") {
        let kfp = names::kfp(&name);
        if kfp.is_empty() {
            reader.report("pipeline_name", "a name with a letter or a digit");
        } else {
            if kfp != name {
                let message = format!("the pipeline's name `{}` is written `{kfp}` for KFP", name.escape_debug());
                reader.diagnostics.push(
                    Diagnostic::note("OX112", message).help("KFP's names are lower case letters, digits and hyphens"),
                );
            }
            settings.name = Some(kfp);
        }
    }
    settings.description = reader.text("pipeline_description");
    settings.experiment = reader.text("experiment_name").or_else(|| match fields.get("experiment") {
        Some(Value::Object(experiment)) => {
            experiment.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned)
        }
        _ => None,
    });
    settings.base_image = reader.image("base_image").or_else(|| reader.image("docker_image"));
    settings.enable_caching = reader.boolean("enable_caching");
    settings.timeout_seconds = reader.seconds("timeout");
    settings.volumes = reader.volumes();
    settings.step_defaults = reader.step_defaults();
    settings.security_context = reader.security_context();
    settings
}

fn wrong(field: &str, wanted: &str) -> Diagnostic {
    Diagnostic::warning("OX112", format!("the metadata's field `{field}` is left out: it must be {wanted}"))
        .help("mend it in the notebook's metadata, under `kubeflow_notebook`")
}

struct Reader<'a> {
    fields: &'a Map<String, Value>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn report(&mut self, field: &str, wanted: &str) {
        self.diagnostics.push(wrong(field, wanted));
    }

    fn text(&mut self, field: &str) -> Option<String> {
        match self.fields.get(field)? {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            _ => {
                self.report(field, "text");
                None
            }
        }
    }

    fn image(&mut self, field: &str) -> Option<String> {
        let text = self.text(field)?;
        let image = tags::image(&text).ok();
        if image.is_none() {
            self.report(field, "an image, as in `debian:12`");
        }
        image
    }

    fn boolean(&mut self, field: &str) -> Option<bool> {
        match self.fields.get(field)? {
            Value::Bool(value) => Some(*value),
            Value::Null => None,
            _ => {
                self.report(field, "true or false");
                None
            }
        }
    }

    fn seconds(&mut self, field: &str) -> Option<u64> {
        match self.fields.get(field)? {
            Value::Null => None,
            Value::Number(number) if number.as_u64().is_some_and(|n| n > 0) => number.as_u64(),
            _ => {
                self.report(field, "a whole number of seconds above 0");
                None
            }
        }
    }

    fn volumes(&mut self) -> Vec<Volume> {
        let list = match self.fields.get("volumes") {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.report("volumes", "a list");
                return Vec::new();
            }
        };
        let mut volumes: Vec<Volume> = Vec::new();
        for (index, entry) in list.iter().enumerate() {
            let field = format!("volumes[{index}]");
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
            let claim = match tags::dns_name(text("name")) {
                Ok(claim) => claim,
                Err(_) => {
                    self.report(
                        &format!("{field}.name"),
                        "the name of a claim: lower case letters, digits, `-` and `.`",
                    );
                    continue;
                }
            };
            let Ok(mount_path) = tags::mount_path(text("mount_point")) else {
                self.report(&format!("{field}.mount_point"), "an absolute path, as in `/data`");
                continue;
            };
            if volumes.iter().any(|other| other.mount_path == mount_path) {
                self.report(&format!("{field}.mount_point"), "another path than that of the volume before it");
                continue;
            }
            match text("type") {
                "" | "pvc" => {}
                kind @ ("new_pvc" | "pv" | "clone" | "snap") => self.diagnostics.push(
                    Diagnostic::note(
                        "OX119",
                        format!("volume `{claim}` is of type `{kind}`: the pipeline mounts a claim of this name"),
                    )
                    .help("create the claim before the run on a cluster; a run on this machine uses a folder"),
                ),
                kind => self.diagnostics.push(
                    Diagnostic::warning(
                        "OX112",
                        format!("volume `{claim}` has the unknown type `{}`", kind.escape_debug()),
                    )
                    .help("the pipeline mounts a claim of this name; the types are pvc, new_pvc, pv and clone"),
                ),
            }
            let env = entry
                .get("expose_as_env_var")
                .and_then(Value::as_bool)
                .unwrap_or(false)
                .then(|| format!("KALE_VOLUME_{}", names::kfp(&claim).replace('-', "_").to_uppercase()));
            volumes.push(Volume { claim, mount_path, env });
        }
        volumes
    }

    fn step_defaults(&mut self) -> Vec<Setting> {
        let texts: Vec<String> = match self.fields.get("steps_defaults") {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(list)) => {
                list.iter().map(|entry| entry.as_str().map_or_else(|| entry.to_string(), str::to_owned)).collect()
            }
            Some(Value::Object(map)) => settings_of_map(map),
            Some(_) => {
                self.report("steps_defaults", "a list of tags, as in [\"limit:memory:2Gi\"]");
                return Vec::new();
            }
        };
        let mut settings = Vec::new();
        for text in texts {
            match tags::parse_setting(&text) {
                Ok(setting) => settings.push(setting),
                Err(NotATag::Malformed(why)) => self.diagnostics.push(
                    Diagnostic::error("OX102", format!("steps_defaults: `{}`: {why}", text.escape_debug()))
                        .help("mend it in the notebook's metadata, under `kubeflow_notebook.steps_defaults`"),
                ),
                Err(_) => self.diagnostics.push(
                    Diagnostic::warning(
                        "OX101",
                        format!("steps_defaults: `{}` is no setting of a step", text.escape_debug()),
                    )
                    .help("it is kept, and means nothing here"),
                ),
            }
        }
        settings
    }

    fn security_context(&mut self) -> Option<SecurityContext> {
        let context = match self.fields.get("security_context")? {
            Value::Object(context) => context,
            Value::Null => return None,
            _ => {
                self.report("security_context", "an object");
                return None;
            }
        };
        if context.is_empty() || context.get("enabled") == Some(&Value::Bool(false)) {
            return None;
        }
        let number = |key: &str| context.get(key).and_then(Value::as_i64).filter(|n| *n >= 0);
        Some(SecurityContext {
            run_as_user: number("run_as_user"),
            run_as_group: number("run_as_group"),
            run_as_non_root: context.get("run_as_non_root").and_then(Value::as_bool),
        })
    }
}

/// The map form of `steps_defaults` (`{"labels": {"a": "b"}, …}`) as tags.
fn settings_of_map(map: &Map<String, Value>) -> Vec<String> {
    let mut texts = Vec::new();
    for (field, value) in map {
        let kind = match field.as_str() {
            "labels" => "label",
            "annotations" => "annotation",
            "limits" => "limit",
            "requests" => "request",
            "base_image" => "image",
            "enable_caching" => "cache",
            "generate_html_report" => "report",
            other => other,
        };
        let plain = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Bool(true) => "enabled".to_owned(),
            Value::Bool(false) => "disabled".to_owned(),
            other => other.to_string(),
        };
        match value {
            Value::Object(entries) => {
                let sorted: BTreeMap<_, _> = entries.iter().collect();
                texts.extend(sorted.into_iter().map(|(key, value)| format!("{kind}:{key}:{}", plain(value))));
            }
            other => texts.push(format!("{kind}:{}", plain(other))),
        }
    }
    texts
}
