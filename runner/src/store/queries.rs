//! Reads the store.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use rusqlite::{OptionalExtension, Row};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Store, StoreError};
use crate::artifact::Artifact;
use crate::events::{Failure, State};
use crate::folder::StepFolder;
use crate::log::Log;
use crate::report::{Report, report};

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRecord {
    /// `<pipeline>-<yyyymmdd>-<hhmmss>-<4 hex>`, in UTC.
    pub id: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// The name that the user gave it.
    pub name: Option<String>,
    /// The notebook that it was made from.
    pub notebook: Option<PathBuf>,
    /// The step program.
    pub program: PathBuf,
    /// Every parameter's value.
    pub arguments: Map<String, Value>,
    /// How far it came.
    pub state: State,
    /// Why it did not succeed, in a sentence.
    pub why: Option<String>,
    /// Milliseconds since 1970, UTC.
    pub started_ms: i64,
    /// Milliseconds since 1970, UTC; none while it runs and where it was interrupted.
    pub ended_ms: Option<i64>,
    /// All of its files.
    pub folder: PathBuf,
    /// The run that it took up again; that run may be gone by now.
    pub resumed_from: Option<String>,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepRecord {
    /// KFP's name of it.
    pub task: String,
    /// The name for people.
    pub name: String,
    /// The tasks that it waits for.
    pub after: Vec<String>,
    /// How far it came.
    pub state: State,
    /// How many tries were begun.
    pub attempts: u32,
    /// The first start, in milliseconds since 1970, UTC.
    pub started_ms: Option<i64>,
    /// The end, in milliseconds since 1970, UTC.
    pub ended_ms: Option<i64>,
    /// Seconds from the first start to the end.
    pub seconds: Option<f64>,
    /// Processor seconds of the last try.
    pub cpu_seconds: Option<f64>,
    /// The most memory at once in any try, in bytes.
    pub peak_memory: Option<u64>,
    /// The last try's exit code.
    pub exit_code: Option<i32>,
    /// The signal that ended the last try.
    pub signal: Option<i32>,
    /// Why it did not succeed.
    pub why: Option<Failure>,
    /// The run in which it did run, where it was not run again in this one. Times, memory and tries are those of that
    /// run then.
    pub reused: Option<String>,
}

/// A metric, or a point of its series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricRecord {
    /// The step that logged it.
    pub task: String,
    /// Its name.
    pub name: String,
    /// Its value; may be infinite or NaN (JSON has `null` for them).
    pub value: f64,
    /// The point in its series; none for a single value.
    pub step: Option<i64>,
}

/// Something that a step showed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DisplayRecord {
    /// The step that showed it.
    pub task: String,
    /// The id under which it could be replaced.
    pub id: Option<String>,
    /// MIME type → content.
    pub data: Map<String, Value>,
}

const RUN_COLUMNS: &str = "id, pipeline, name, notebook, program, arguments, state, why, started_ms, ended_ms, \
                           resumed_from";

impl Store {
    /// The newest runs, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self, limit: usize) -> Result<Vec<RunRecord>, StoreError> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM runs ORDER BY number DESC LIMIT ?1");
        let mut query = self.connection.prepare(&sql).map_err(|error| self.error(error))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = query.query_map([limit], |row| self.run_of(row)).map_err(|error| self.error(error))?;
        rows.collect::<Result<_, _>>().map_err(|error| self.error(error))
    }

    /// The run with that id, or whose id alone starts so, or `latest`.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn run(&self, wanted: &str) -> Result<RunRecord, StoreError> {
        if wanted == "latest" {
            return self.runs(1)?.pop().ok_or_else(|| StoreError::NoRun { wanted: wanted.to_owned() });
        }
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM runs WHERE id = ?1 OR substr(id, 1, length(?1)) = ?1 \
             ORDER BY id = ?1 DESC, number DESC LIMIT 6"
        );
        let mut query = self.connection.prepare(&sql).map_err(|error| self.error(error))?;
        let rows = query.query_map([wanted], |row| self.run_of(row)).map_err(|error| self.error(error))?;
        let mut found: Vec<RunRecord> = rows.collect::<Result<_, _>>().map_err(|error| self.error(error))?;
        match found.len() {
            0 => Err(StoreError::NoRun { wanted: wanted.to_owned() }),
            1 => Ok(found.remove(0)),
            _ if found[0].id == wanted => Ok(found.remove(0)),
            _ if wanted.is_empty() => Err(StoreError::NoRun { wanted: wanted.to_owned() }),
            _ => Err(StoreError::Ambiguous {
                wanted: wanted.to_owned(),
                candidates: found.into_iter().map(|run| run.id).collect(),
            }),
        }
    }

    /// The newest run of a pipeline.
    pub(crate) fn newest_of(&self, pipeline: &str) -> Result<Option<RunRecord>, StoreError> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM runs WHERE pipeline = ?1 ORDER BY number DESC LIMIT 1");
        self.connection
            .query_row(&sql, [pipeline], |row| self.run_of(row))
            .optional()
            .map_err(|error| self.error(error))
    }

    /// The fingerprints of a run's steps, by task. A step without one cannot be told from others.
    pub(crate) fn fingerprints(&self, run: &str) -> Result<BTreeMap<String, String>, StoreError> {
        let sql = "SELECT task, fingerprint FROM steps WHERE run = ?1 AND fingerprint IS NOT NULL";
        let mut query = self.connection.prepare(sql).map_err(|error| self.error(error))?;
        let rows = query.query_map([run], |row| Ok((row.get(0)?, row.get(1)?))).map_err(|error| self.error(error))?;
        rows.collect::<Result<_, _>>().map_err(|error| self.error(error))
    }

    /// Where a step's inputs come from: input, task, output of that task.
    pub(crate) fn input_sources(&self, run: &str, task: &str) -> Result<Vec<(String, String, String)>, StoreError> {
        let sql = "SELECT name, producer, key FROM inputs WHERE run = ?1 AND task = ?2 ORDER BY name";
        let mut query = self.connection.prepare(sql).map_err(|error| self.error(error))?;
        let rows = query
            .query_map([run, task], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .map_err(|error| self.error(error))?;
        rows.collect::<Result<_, _>>().map_err(|error| self.error(error))
    }

    /// A step of a run (its whole id), by its task or its name for people.
    ///
    /// # Errors
    /// When the run has no such step.
    pub fn step(&self, run: &str, wanted: &str) -> Result<StepRecord, StoreError> {
        let mut steps = self.steps(run)?;
        let by_name = || steps.iter().position(|step| step.name == wanted);
        match steps.iter().position(|step| step.task == wanted).or_else(by_name) {
            Some(found) => Ok(steps.swap_remove(found)),
            None => Err(StoreError::NoStep {
                run: run.to_owned(),
                wanted: wanted.to_owned(),
                known: steps.into_iter().map(|known| known.task).collect(),
            }),
        }
    }

    /// The steps of a run (its whole id), each after those that it waits for.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn steps(&self, run: &str) -> Result<Vec<StepRecord>, StoreError> {
        let going_on: Option<String> = self
            .connection
            .query_row("SELECT state FROM runs WHERE id = ?1", [run], |row| row.get(0))
            .optional()
            .map_err(|error| self.error(error))?;
        let of_run = going_on.as_deref().and_then(State::from_word).unwrap_or(State::Running);
        let interrupted = self.settled(run, of_run) == State::Interrupted;
        let sql = "SELECT task, name, after, state, attempts, started_ms, ended_ms, seconds, cpu_seconds, \
                   peak_memory, exit_code, signal, why, cell, line, \"column\", reused \
                   FROM steps WHERE run = ?1 ORDER BY position";
        let mut query = self.connection.prepare(sql).map_err(|error| self.error(error))?;
        let rows = query.query_map([run], step_of).map_err(|error| self.error(error))?;
        let mut steps: Vec<StepRecord> = rows.collect::<Result<_, _>>().map_err(|error| self.error(error))?;
        for step in steps.iter_mut().filter(|step| interrupted && !step.state.is_final()) {
            step.state = State::Interrupted;
        }
        Ok(steps)
    }

    /// The metrics of a run (its whole id) from each step's last try, in the order of their logging.
    /// Of a single value that was logged again, the last.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn metrics(&self, run: &str) -> Result<Vec<MetricRecord>, StoreError> {
        let sql = "SELECT task, name, value, step FROM metrics AS metric WHERE run = ?1 \
                   AND attempt = (SELECT attempts FROM steps WHERE run = ?1 AND task = metric.task) \
                   AND (step IS NOT NULL OR number = (SELECT max(number) FROM metrics AS other \
                        WHERE other.run = ?1 AND other.task = metric.task AND other.attempt = metric.attempt \
                        AND other.name = metric.name AND other.step IS NULL)) \
                   ORDER BY number";
        let mut query = self.connection.prepare(sql).map_err(|error| self.error(error))?;
        let rows = query
            .query_map([run], |row| {
                Ok(MetricRecord {
                    task: row.get(0)?,
                    name: row.get(1)?,
                    // SQLite has no NaN and keeps a NULL in its place.
                    value: row.get::<_, Option<f64>>(2)?.unwrap_or(f64::NAN),
                    step: row.get(3)?,
                })
            })
            .map_err(|error| self.error(error))?;
        rows.collect::<Result<_, _>>().map_err(|error| self.error(error))
    }

    /// What a run's steps (its whole id) handed on.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn artifacts(&self, run: &str) -> Result<Vec<Artifact>, StoreError> {
        let sql = "SELECT artifacts.task, key, schema_title, path, size, sha256, metadata \
                   FROM artifacts JOIN steps ON steps.run = artifacts.run AND steps.task = artifacts.task \
                   WHERE artifacts.run = ?1 ORDER BY position, key";
        let mut query = self.connection.prepare(sql).map_err(|error| self.error(error))?;
        let rows = query.query_map([run], artifact_of).map_err(|error| self.error(error))?;
        rows.collect::<Result<_, _>>().map_err(|error| self.error(error))
    }

    /// What a run's steps (its whole id) showed in their last tries, in order. What was replaced is left out.
    ///
    /// # Errors
    /// When the database cannot be read. A display whose file is gone is left out.
    pub fn displays(&self, run: &str) -> Result<Vec<DisplayRecord>, StoreError> {
        let sql = "SELECT task, start, length FROM displays AS display WHERE run = ?1 \
                   AND attempt = (SELECT attempts FROM steps WHERE run = ?1 AND task = display.task) \
                   AND (id IS NULL OR number = (SELECT max(number) FROM displays AS other \
                        WHERE other.run = ?1 AND other.task = display.task AND other.attempt = display.attempt \
                        AND other.id = display.id)) \
                   ORDER BY number";
        let mut query = self.connection.prepare(sql).map_err(|error| self.error(error))?;
        let rows = query
            .query_map([run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .map_err(|error| self.error(error))?;
        let mut displays = Vec::new();
        for row in rows {
            let (task, start, length): (String, i64, i64) = row.map_err(|error| self.error(error))?;
            displays.extend(self.display(run, task, start.cast_unsigned(), length.cast_unsigned()));
        }
        Ok(displays)
    }

    /// The log of a step, by its task or its name for people. It may not exist yet.
    ///
    /// # Errors
    /// When the run has no such step.
    pub fn log(&self, run: &str, step: &str) -> Result<Log, StoreError> {
        Ok(Log::of(&self.run_folder(run), &self.step(run, step)?.task))
    }

    fn display(&self, run: &str, task: String, start: u64, length: u64) -> Option<DisplayRecord> {
        let path = StepFolder::new(&self.run_folder(run), &task).events();
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::Start(start)).ok()?;
        let mut line = Vec::new();
        file.take(length).read_to_end(&mut line).ok()?;
        match report(&line, start)? {
            Report::Display { id, data, .. } => Some(DisplayRecord { task, id, data }),
            _ => None,
        }
    }

    fn run_of(&self, row: &Row<'_>) -> Result<RunRecord, rusqlite::Error> {
        let id: String = row.get(0)?;
        let state = state_of(row, 6)?;
        Ok(RunRecord {
            pipeline: row.get(1)?,
            name: row.get(2)?,
            notebook: row.get::<_, Option<String>>(3)?.map(PathBuf::from),
            program: PathBuf::from(row.get::<_, String>(4)?),
            arguments: map_of(row, 5)?,
            state: self.settled(&id, state),
            why: row.get(7)?,
            started_ms: row.get(8)?,
            ended_ms: row.get(9)?,
            folder: self.run_folder(&id),
            resumed_from: row.get(10)?,
            id,
        })
    }
}

fn step_of(row: &Row<'_>) -> Result<StepRecord, rusqlite::Error> {
    let why: Option<String> = row.get(12)?;
    let why = match why {
        Some(message) => Some(Failure { message, cell: row.get(13)?, line: row.get(14)?, column: row.get(15)? }),
        None => None,
    };
    Ok(StepRecord {
        task: row.get(0)?,
        name: row.get(1)?,
        after: serde_json::from_str(&row.get::<_, String>(2)?).map_err(|error| unreadable(2, error))?,
        state: state_of(row, 3)?,
        attempts: row.get(4)?,
        started_ms: row.get(5)?,
        ended_ms: row.get(6)?,
        seconds: row.get(7)?,
        cpu_seconds: row.get(8)?,
        peak_memory: row.get::<_, Option<i64>>(9)?.map(i64::cast_unsigned),
        exit_code: row.get(10)?,
        signal: row.get(11)?,
        why,
        reused: row.get(16)?,
    })
}

fn artifact_of(row: &Row<'_>) -> Result<Artifact, rusqlite::Error> {
    let metadata = map_of(row, 6)?;
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Artifact {
        task: row.get(0)?,
        key: row.get(1)?,
        schema_title: row.get(2)?,
        path: PathBuf::from(row.get::<_, String>(3)?),
        size: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
        sha256: row.get(5)?,
        format: text("format"),
        rust_type: text("rust_type"),
        display: text("display"),
        metadata,
    })
}

fn state_of(row: &Row<'_>, column: usize) -> Result<State, rusqlite::Error> {
    let word: String = row.get(column)?;
    State::from_word(&word).ok_or_else(|| unreadable(column, format!("`{word}` is no state")))
}

fn map_of(row: &Row<'_>, column: usize) -> Result<Map<String, Value>, rusqlite::Error> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
}
