//! Where a run keeps its files, and which names may become paths.

use std::path::{Path, PathBuf};

use crate::plan::ArtifactOutput;

/// Longer names do not fit into a file name on common file systems.
const LONGEST_NAME: usize = 200;

/// Says why `name`, which may come from anybody, must not become the name of a file or folder.
pub(crate) fn refuse_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > LONGEST_NAME {
        Some("it is longer than 200 bytes")
    } else if name.starts_with('.') {
        Some("it starts with a dot")
    } else if name.contains(['/', '\\']) {
        Some("it contains a slash")
    } else if name.chars().any(char::is_control) {
        Some("it contains a control character")
    } else {
        None
    }
}

/// The folder of one step of a run.
#[derive(Debug, Clone)]
pub(crate) struct StepFolder {
    path: PathBuf,
}

impl StepFolder {
    /// The folder of `task`; the name must have passed [`refuse_name`].
    pub fn new(run: &Path, task: &str) -> Self {
        Self { path: run.join(task) }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the step printed, standard output and error as they came, every attempt after the other.
    pub fn log(&self) -> PathBuf {
        self.path.join("log.txt")
    }

    /// Which bytes of the log are whose: see [`crate::store::Log`].
    pub fn log_index(&self) -> PathBuf {
        self.path.join("log.index")
    }

    /// What the step reports while it runs, one JSON object a line.
    pub fn events(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// The executor input, where it is too long for a command line.
    pub fn executor_input(&self) -> PathBuf {
        self.path.join("executor_input.json")
    }

    /// What the step says at its end.
    pub fn executor_output(&self) -> PathBuf {
        self.path.join("executor_output.json")
    }

    /// The folder of what the step hands on.
    pub fn outputs(&self) -> PathBuf {
        self.path.join("outputs")
    }

    /// Where an output goes. A page is a file that browsers know by its ending.
    pub fn output(&self, key: &str, output: &ArtifactOutput) -> PathBuf {
        let ending = if output.artifact_type.schema_title == "system.HTML" { ".html" } else { "" };
        self.outputs().join(format!("{key}{ending}"))
    }
}

/// The local path of an artifact's URI, as KFP's executors see it.
pub(crate) fn local_path(uri: &str) -> PathBuf {
    for (scheme, mount) in [("minio://", "/minio/"), ("s3://", "/s3/"), ("gs://", "/gcs/")] {
        if let Some(rest) = uri.strip_prefix(scheme) {
            return PathBuf::from(format!("{mount}{rest}"));
        }
    }
    PathBuf::from(uri.strip_prefix("file://").unwrap_or(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["", "..", ".", "../x", "/etc", "a/b", "a\\b", "a\0b", "a\nb", ".hidden"] {
            assert!(refuse_name(name).is_some(), "{name:?}");
        }
        assert!(refuse_name(&"x".repeat(201)).is_some());
        for name in ["load", "load-data", "größe", "a.b", "step_1"] {
            assert_eq!(refuse_name(name), None, "{name}");
        }
    }

    #[test]
    fn uris_have_the_paths_of_kfp() {
        assert_eq!(local_path("/a/b"), Path::new("/a/b"));
        assert_eq!(local_path("file:///a/b"), Path::new("/a/b"));
        assert_eq!(local_path("minio://a/b"), Path::new("/minio/a/b"));
        assert_eq!(local_path("s3://a/b"), Path::new("/s3/a/b"));
        assert_eq!(local_path("gs://a/b"), Path::new("/gcs/a/b"));
    }
}
