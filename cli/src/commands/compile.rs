//! `oxikale compile`: the pipeline as KFP's IR YAML.

use std::path::PathBuf;

use clap::ValueHint;
use oxikale_compiler::build::Mode;
use serde_json::json;

use super::notebook_file::NotebookArgument;
use super::write_file;
use crate::outcome::{Failure, OK, Outcome};
use crate::present::text::plain;
use crate::session::Session;

/// Write the pipeline as KFP's IR YAML
///
/// The text of the notebook alone is read. Only where two parallel steps call methods of the same variable, and nothing
/// else says whether these change it, is rustc asked, once for each state of the notebook.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  oxikale compile titanic.ipynb -o titanic.yaml\n  oxikale compile titanic.ipynb | less"
)]
pub struct Compile {
    #[command(flatten)]
    notebook: NotebookArgument,
    /// The file to write; `-`, or none, prints it
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

impl Compile {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let file = self.notebook.read()?;
        let mut compilation = file.builder.compile(&file.notebook);
        if !compilation.has_errors() && !compilation.questions.is_empty() {
            let names: Vec<String> = compilation.questions.iter().map(|question| plain(&question.variable)).collect();
            session.note(&format!("asking rustc whether parallel steps change `{}`", names.join("`, `")));
            compilation = file.build(Mode::Check, session)?.compilation;
        }
        if let Some(outcome) = file.refuse(&compilation, session) {
            return outcome;
        }
        let Some(ir) = compilation.ir else {
            return Err(Failure::environment(
                "the notebook has no errors, yet no pipeline was made; please report this",
            ));
        };
        let yaml = ir
            .to_yaml()
            .map_err(|error| Failure::environment(format!("the pipeline cannot be written as YAML: {error}")))?;
        match self.output.filter(|path| path.as_os_str() != "-") {
            Some(path) => {
                write_file(&path, &yaml)?;
                if session.json {
                    session.print_json(&json!({"pipeline": ir.spec.pipeline_info.name, "output": path, "steps": ir.spec.root.dag.map_or(0, |dag| dag.tasks.len())}))?;
                } else {
                    session.note(&format!("wrote {}", plain(&path.display().to_string())));
                }
            }
            None if session.json => {
                let value = json!({"pipeline": ir.spec.pipeline_info.name, "spec": ir.spec, "platform": ir.platform});
                session.print_json(&value)?;
            }
            None => session.print(&yaml)?,
        }
        Ok(OK)
    }
}
