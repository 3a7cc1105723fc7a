//! The executor input of Kubeflow Pipelines' v2 contract: parameters, artifacts in, artifacts out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};

/// What a step is given. Fields that are not known are left alone, since newer versions add some.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ExecutorInput {
    inputs: Inputs,
    pub outputs: Outputs,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Inputs {
    parameter_values: Map<String, Value>,
    artifacts: BTreeMap<String, ArtifactList>,
}

/// What a step is to make.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Outputs {
    artifacts: BTreeMap<String, ArtifactList>,
    /// Where the executor output goes.
    pub output_file: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ArtifactList {
    artifacts: Vec<Artifact>,
}

/// A file with a type and metadata.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Artifact {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Value,
    pub uri: String,
    pub metadata: Map<String, Value>,
}

impl ExecutorInput {
    /// Reads it.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let input: Self =
            serde_json::from_str(text).map_err(|error| format!("the executor input makes no sense: {error}"))?;
        if input.outputs.output_file.is_empty() {
            return Err("the executor input names no file for the executor output (outputs.outputFile)".to_owned());
        }
        Ok(input)
    }

    /// The run's value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.inputs.parameter_values.get(name)
    }

    /// All parameters.
    pub fn parameters(&self) -> &Map<String, Value> {
        &self.inputs.parameter_values
    }

    /// An input artifact.
    pub fn input(&self, key: &str) -> Option<&Artifact> {
        self.inputs.artifacts.get(key)?.artifacts.first()
    }

    /// An output artifact.
    pub fn output(&self, key: &str) -> Option<&Artifact> {
        self.outputs.artifacts.get(key)?.artifacts.first()
    }

    /// The keys of all outputs.
    pub fn output_keys(&self) -> impl Iterator<Item = &str> {
        self.outputs.artifacts.keys().map(String::as_str)
    }
}

impl Artifact {
    /// A text among the metadata.
    pub fn metadata_text(&self, name: &str) -> Option<&str> {
        self.metadata.get(name)?.as_str()
    }

    /// The local file of the artifact, by Kubeflow's rule for URIs.
    ///
    /// # Errors
    /// A sentence, where the URI leads nowhere.
    pub fn path(&self) -> Result<PathBuf, String> {
        for (scheme, folder) in [("minio://", "/minio/"), ("s3://", "/s3/"), ("gs://", "/gcs/"), ("oci://", "/oci/")] {
            if let Some(rest) = self.uri.strip_prefix(scheme) {
                return Ok(PathBuf::from(format!("{folder}{rest}")));
            }
        }
        let path = self.uri.strip_prefix("file://").unwrap_or(&self.uri);
        if path.is_empty() {
            return Err("its artifact has no URI".to_owned());
        }
        match path.split_once("://") {
            Some((scheme, _)) => Err(format!("no folder is known for the URI scheme of {scheme}://…")),
            None => Ok(PathBuf::from(path)),
        }
    }

    /// The artifact as the executor output lists it, with metadata of its own added.
    pub fn to_output(&self, metadata: &Map<String, Value>) -> Value {
        let mut all = self.metadata.clone();
        all.extend(metadata.iter().map(|(name, value)| (name.clone(), value.clone())));
        serde_json::json!({
            "artifacts": [{"name": self.name, "type": self.kind, "uri": self.uri, "metadata": all}],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_lead_to_where_kubeflow_mounts_them() {
        let path = |uri: &str| Artifact { uri: uri.to_owned(), ..Artifact::default() }.path();
        assert_eq!(path("minio://a/b"), Ok("/minio/a/b".into()));
        assert_eq!(path("s3://a/b"), Ok("/s3/a/b".into()));
        assert_eq!(path("gs://a/b"), Ok("/gcs/a/b".into()));
        assert_eq!(path("file:///a/b"), Ok("/a/b".into()));
        assert_eq!(path("/a/b c"), Ok("/a/b c".into()));
        assert!(path("").is_err());
        assert!(path("ftp://a/b").is_err());
    }

    #[test]
    fn unknown_fields_are_left_alone_and_a_missing_output_file_is_an_error() {
        let text = r#"{"inputs":{"parameterValues":{"n":3.0},"parameters":{"n":{"doubleValue":3}}},
                       "outputs":{"outputFile":"/x/y.json","parameters":{}},"more":1}"#;
        assert_eq!(ExecutorInput::parse(text).unwrap().parameter("n"), Some(&Value::from(3.0)));
        assert!(ExecutorInput::parse("{}").unwrap_err().contains("outputFile"));
        assert!(ExecutorInput::parse("{").unwrap_err().contains("makes no sense"));
    }
}
