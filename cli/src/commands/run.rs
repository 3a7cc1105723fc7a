//! `oxikale run`: builds the step program and runs the pipeline on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use clap::ValueHint;
use oxikale_compiler::build::{Mode, data_folder};
use oxikale_compiler::ir::Ir;
use oxikale_compiler::pipeline::{Pipeline, Volume};
use oxikale_runner::{self as runner, Cancel, State};
use serde_json::{Map, Value, json};

use super::notebook_file::{NotebookArgument, absolute};
use super::store;
use crate::interrupt;
use crate::outcome::{FAILED, Failure, INTERRUPTED, OK, Outcome};
use crate::present::run::RunProgress;
use crate::present::summary::Summary;
use crate::present::text::safe_json;
use crate::session::Session;

/// Run the pipeline on this machine
///
/// Builds the step program, then runs every step as soon as the steps before it are over, as many at once as the
/// machine has cores and memory for. Logs, artifacts and metrics are kept. Ctrl-C ends every step at once; a second one
/// ends this command, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oxikale run titanic.ipynb\n  oxikale run opt.ipynb -p lr=0.1 -p epochs=20\n  \
                        oxikale run opt.ipynb --params best.json --volume /shared_volume=./data\n  \
                        oxikale run opt.ipynb --resume latest\n\n\
                        Exit codes: 0 it succeeded; 1 it failed; 2 wrong parameters; 3 the notebook has errors; 4 it could \
                        not be built or started; 130 interrupted.")]
pub struct Run {
    #[command(flatten)]
    notebook: NotebookArgument,
    /// Set a parameter; lists and maps are written as JSON
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// Set parameters from a JSON file with an object; `-p` goes before it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    params: Option<PathBuf>,
    /// Use this folder for a volume, named by its claim or by where it is mounted
    #[arg(long, value_name = "VOLUME=FOLDER")]
    volume: Vec<String>,
    /// Cores that steps may take together; all, if not given
    #[arg(long, value_name = "NUMBER", value_parser = cores)]
    cores: Option<usize>,
    /// Memory that steps may ask for together, such as `8Gi`; all, if not given
    #[arg(long, value_name = "BYTES", value_parser = memory)]
    memory: Option<u64>,
    /// A name for this run
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Take an earlier run up again: its id, the start of its id, or `latest`, the newest of this pipeline. Steps that
    /// succeeded in it are not run again if neither they nor what they depend on has changed; its parameters hold,
    /// unless set anew
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
}

impl Run {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let file = self.notebook.read()?;
        let early = file.builder.compile(&file.notebook);
        if early.has_errors() {
            return file.refuse(&early, session).unwrap_or(Ok(OK));
        }
        // Mistakes in the arguments are told before minutes of building.
        let (mut arguments, mut volumes) = (Map::new(), BTreeMap::new());
        if let (Some(ir), Some(pipeline)) = (&early.ir, &early.pipeline) {
            arguments = self.arguments(ir)?;
            volumes = self.volumes(pipeline)?;
            if let Some(wanted) = &self.resume {
                runner::resumable(&store::open()?, wanted, &pipeline.name)?;
            }
        }

        let built = file.build(Mode::Build, session)?;
        if let Some(outcome) = file.refuse(&built.compilation, session) {
            return outcome;
        }
        let (Some(program), Some(ir)) = (built.program, built.compilation.ir) else {
            return Err(Failure::environment(
                "the notebook has no errors, yet no program was built; please report this",
            ));
        };
        let options = runner::Options {
            program,
            arguments,
            data_dir: data_folder(),
            volumes,
            cores: self.cores,
            memory: self.memory,
            notebook: Some(file.builder.notebook.clone()),
            working_folder: None,
            run_name: self.name,
            fingerprints: built.fingerprints,
            resume: self.resume,
        };
        let cancel = Cancel::new();
        interrupt::cancels(&cancel)?;
        let mut progress = RunProgress::start(session);
        let record = runner::run(&ir, &options, &cancel, &mut |event| progress.hear(event));
        drop(progress);
        let record = record?;
        let state = record.state;

        let summary = Summary::read(&store::open()?, record)?;
        let printed = if session.json {
            let mut value = summary.json();
            if let Some(object) = value.as_object_mut() {
                object.insert("event".to_owned(), json!("result"));
            }
            session.print(&format!("{}\n", safe_json(&value.to_string())))
        } else {
            let drawer = file.drawer(session, session.out().is_on());
            let gap = if session.quiet { "" } else { "\n" };
            session.print(&format!("{gap}{}", summary.draw(Some(&drawer), session.unicode(), session.out())))
        };
        let code = match state {
            State::Succeeded => OK,
            State::Cancelled => INTERRUPTED,
            _ => FAILED,
        };
        match printed {
            // The run is what counts, whether anybody reads of it or not.
            Ok(()) | Err(Failure::NobodyListens) => Ok(code),
            Err(failure) => Err(failure),
        }
    }

    /// The parameters that were set, checked against those that the pipeline has.
    fn arguments(&self, ir: &Ir) -> Result<Map<String, Value>, Failure> {
        let mut arguments = Map::new();
        if let Some(path) = &self.params {
            let unusable = |why: String| Failure::usage(format!("{}: {why}", path.display()));
            let text =
                fs::read_to_string(path).map_err(|error| unusable(format!("the file cannot be read: {error}")))?;
            match serde_json::from_str(&text) {
                Ok(Value::Object(given)) => arguments.extend(given),
                Ok(_) => {
                    return Err(unusable("parameters are written as a JSON object, `{\"name\": value}`".to_owned()));
                }
                Err(error) => return Err(unusable(format!("this is not JSON: {error}"))),
            }
        }
        for text in &self.param {
            let (name, value) = runner::assignment(ir, text).map_err(|error| Failure::usage(error.to_string()))?;
            arguments.insert(name, value);
        }
        runner::resolve(ir, &arguments).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(arguments)
    }

    /// The folders for volumes.
    fn volumes(&self, pipeline: &Pipeline) -> Result<BTreeMap<String, PathBuf>, Failure> {
        let known: Vec<&Volume> =
            pipeline.volumes.iter().chain(pipeline.steps.iter().flat_map(|step| &step.config.volumes)).collect();
        let mut volumes = BTreeMap::new();
        for text in &self.volume {
            let Some((name, folder)) =
                text.split_once('=').filter(|(name, folder)| !name.is_empty() && !folder.is_empty())
            else {
                return Err(Failure::usage(format!("`{text}` is not of the form `VOLUME=FOLDER`")));
            };
            let bare = if name.len() > 1 { name.trim_end_matches('/') } else { name };
            if !known.iter().any(|volume| volume.claim == name || volume.mount_path == bare) {
                let mut names: Vec<String> =
                    known.iter().map(|volume| format!("`{}` (at `{}`)", volume.claim, volume.mount_path)).collect();
                names.dedup();
                let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(Failure::usage(format!("the pipeline has no volume `{name}`; it has {has}")));
            }
            let key = if known.iter().any(|volume| volume.claim == name) { name } else { bare };
            volumes.insert(key.to_owned(), absolute(folder.as_ref()));
        }
        Ok(volumes)
    }
}

fn cores(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("steps need one core at least".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("write a whole number, such as `4`".to_owned()),
    }
}

/// Bytes, with a suffix of Kubernetes' where one is wanted: `8Gi`, `512M`.
fn memory(text: &str) -> Result<u64, String> {
    match oxikale_runner::whole_quantity(text) {
        Ok(0) => Err("this is not an amount of memory that steps could have".to_owned()),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err("write a number and a unit, such as `8Gi`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{cores, memory};

    #[test]
    fn amounts_are_read_as_kubernetes_writes_them() {
        assert_eq!(memory("8Gi"), Ok(8 << 30));
        assert_eq!(memory("1.5Mi"), Ok(1_572_864));
        assert_eq!(memory("512M"), Ok(512_000_000));
        assert_eq!(memory("1024"), Ok(1024));
        for wrong in ["", "Gi", "0", "-1Gi", "8GB", "nan", "inf", "1e300", "8 Gi"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
        assert_eq!(cores("4"), Ok(4));
        assert!(cores("0").is_err() && cores("x").is_err());
    }
}
