//! Writes a run into the store while it goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use super::{StepRecord, Store, StoreError};
use crate::artifact::Artifact;
use crate::events::{Failure, State};
use crate::plan::Plan;
use crate::report::Report;
use crate::step::AttemptEnd;

/// The record of one run.
pub(crate) struct Recorder<'a> {
    store: &'a Store,
    run: &'a str,
}

/// What a run is, before it begins.
pub(crate) struct NewRun<'a> {
    pub pipeline: &'a str,
    pub name: Option<&'a str>,
    pub notebook: Option<&'a Path>,
    pub program: &'a Path,
    pub arguments: &'a Map<String, Value>,
    /// The run that it takes up again.
    pub resumed_from: Option<&'a str>,
    /// By step, where there is one.
    pub fingerprints: &'a [Option<String>],
}

impl<'a> Recorder<'a> {
    /// Records a run that begins, all its steps pending.
    pub fn begin(
        store: &'a Store,
        run: &'a str,
        new: &NewRun<'_>,
        plan: &Plan,
        started_ms: i64,
    ) -> Result<Self, StoreError> {
        let recorder = Self { store, run };
        recorder.write(|connection| {
            connection.execute(
                "INSERT INTO runs (id, pipeline, name, notebook, program, arguments, state, process, started_ms, \
                 resumed_from) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                params![
                    run,
                    new.pipeline,
                    new.name,
                    new.notebook.map(Path::to_string_lossy),
                    new.program.to_string_lossy(),
                    text(new.arguments),
                    State::Running.as_str(),
                    std::process::id(),
                    started_ms,
                    new.resumed_from,
                ],
            )?;
            let mut insert = connection.prepare(
                "INSERT INTO steps (run, position, task, name, after, state, fingerprint) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            let mut insert_input = connection
                .prepare("INSERT INTO inputs (run, task, name, producer, key) VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for (position, step) in plan.steps.iter().enumerate() {
                let after: Vec<Value> =
                    step.after.iter().map(|before| Value::from(plan.steps[*before].task.as_str())).collect();
                insert.execute(params![
                    run,
                    i64::try_from(position).unwrap_or(i64::MAX),
                    step.task,
                    step.name,
                    Value::Array(after).to_string(),
                    State::Pending.as_str(),
                    new.fingerprints.get(position).cloned().flatten(),
                ])?;
                for input in &step.inputs {
                    let producer = &plan.steps[input.producer].task;
                    insert_input.execute(params![run, step.task, input.name, producer, input.key])?;
                }
            }
            Ok(())
        })?;
        Ok(recorder)
    }

    /// A try begins.
    pub fn started(&self, task: &str, attempt: u32) -> Result<(), StoreError> {
        self.write(|connection| {
            connection
                .prepare_cached(
                    "UPDATE steps SET state = ?3, attempts = ?4, started_ms = coalesce(started_ms, ?5) \
                     WHERE run = ?1 AND task = ?2",
                )?
                .execute(params![self.run, task, State::Running.as_str(), attempt, now()])
                .map(drop)
        })
    }

    /// The step reported something.
    pub fn reports(&self, task: &str, attempt: u32, reports: &[Report]) -> Result<(), StoreError> {
        if !reports.iter().any(|report| matches!(report, Report::Metric { .. } | Report::Display { .. })) {
            return Ok(());
        }
        self.write(|connection| {
            for report in reports {
                match report {
                    Report::Metric { name, value, step } => {
                        self.metric(connection, task, attempt, name, *value, *step)?;
                    }
                    Report::Display { id, offset, length, .. } => {
                        connection
                            .prepare_cached(
                                "INSERT INTO displays (run, task, attempt, id, start, length) \
                                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                            )?
                            .execute(params![
                                self.run,
                                task,
                                attempt,
                                id,
                                offset.cast_signed(),
                                length.cast_signed()
                            ])?;
                    }
                    Report::Progress { .. } | Report::Error(_) => {}
                }
            }
            Ok(())
        })
    }

    /// A try ended; `state` is pending where another one follows.
    pub fn ended(
        &self,
        task: &str,
        attempt: u32,
        state: State,
        seconds: f64,
        end: &AttemptEnd,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            for (name, value) in &end.outcome.metrics {
                self.metric(connection, task, attempt, name, *value, None)?;
            }
            for artifact in &end.outcome.artifacts {
                self.artifact(connection, artifact)?;
            }
            let failure = end.failure.as_ref();
            connection
                .prepare_cached(
                    "UPDATE steps SET state = ?3, ended_ms = ?4, seconds = ?5, cpu_seconds = ?6, \
                     peak_memory = max(coalesce(peak_memory, ?7), coalesce(?7, peak_memory)), exit_code = ?8, \
                     signal = ?9, why = ?10, cell = ?11, line = ?12, \"column\" = ?13 WHERE run = ?1 AND task = ?2",
                )?
                .execute(params![
                    self.run,
                    task,
                    state.as_str(),
                    state.is_final().then(now),
                    seconds,
                    end.cpu.as_secs_f64(),
                    end.peak_memory.map(u64::cast_signed),
                    end.exit_code,
                    end.signal,
                    failure.map(|failure| &failure.message),
                    failure.and_then(|failure| failure.cell),
                    failure.and_then(|failure| failure.line),
                    failure.and_then(|failure| failure.column),
                ])
                .map(drop)
        })
    }

    /// A step is not run again: what the run `from` recorded of it is taken over, with the artifacts where they now lie.
    pub fn reused(&self, from: &str, step: &StepRecord, artifacts: &[Artifact]) -> Result<(), StoreError> {
        let origin = step.reused.as_deref().unwrap_or(from);
        self.write(|connection| {
            for artifact in artifacts {
                self.artifact(connection, artifact)?;
            }
            let task = &step.task;
            connection.execute(
                "INSERT INTO metrics (run, task, attempt, name, value, step) \
                 SELECT ?1, task, attempt, name, value, step FROM metrics WHERE run = ?2 AND task = ?3 ORDER BY number",
                params![self.run, from, task],
            )?;
            connection.execute(
                "INSERT INTO displays (run, task, attempt, id, start, length) \
                 SELECT ?1, task, attempt, id, start, length FROM displays WHERE run = ?2 AND task = ?3 ORDER BY number",
                params![self.run, from, task],
            )?;
            connection
                .execute(
                    "UPDATE steps SET state = ?3, attempts = ?4, started_ms = ?5, ended_ms = ?6, seconds = ?7, \
                     cpu_seconds = ?8, peak_memory = ?9, exit_code = ?10, signal = ?11, reused = ?12 \
                     WHERE run = ?1 AND task = ?2",
                    params![
                        self.run,
                        task,
                        step.state.as_str(),
                        step.attempts,
                        step.started_ms,
                        step.ended_ms,
                        step.seconds,
                        step.cpu_seconds,
                        step.peak_memory.map(u64::cast_signed),
                        step.exit_code,
                        step.signal,
                        origin,
                    ],
                )
                .map(drop)
        })
    }

    fn artifact(&self, connection: &Connection, artifact: &Artifact) -> Result<(), rusqlite::Error> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO artifacts (run, task, key, schema_title, path, size, sha256, metadata) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                self.run,
                artifact.task,
                artifact.key,
                artifact.schema_title,
                artifact.path.to_string_lossy(),
                artifact.size.map(u64::cast_signed),
                artifact.sha256,
                text(&artifact.metadata),
            ])
            .map(drop)
    }

    /// A step ends that no process runs for: it is skipped, or cancelled while it waited.
    pub fn never_ran(&self, task: &str, state: State, why: &Failure) -> Result<(), StoreError> {
        self.write(|connection| {
            connection
                .prepare_cached("UPDATE steps SET state = ?3, ended_ms = ?4, why = ?5 WHERE run = ?1 AND task = ?2")?
                .execute(params![self.run, task, state.as_str(), now(), why.message])
                .map(drop)
        })
    }

    /// The run is over, and needs its reserve no more.
    pub fn finish(&self, state: State, why: Option<&str>) -> Result<(), StoreError> {
        let result = self.write(|connection| {
            connection
                .execute(
                    "UPDATE runs SET state = ?2, why = ?3, ended_ms = ?4 WHERE id = ?1",
                    params![self.run, state.as_str(), why, now()],
                )
                .map(drop)
        });
        let _ = fs::remove_file(reserve_path(&self.store.run_folder(self.run)));
        result
    }

    fn metric(
        &self,
        connection: &Connection,
        task: &str,
        attempt: u32,
        name: &str,
        value: f64,
        step: Option<i64>,
    ) -> Result<(), rusqlite::Error> {
        connection
            .prepare_cached(
                "INSERT INTO metrics (run, task, attempt, name, value, step) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![self.run, task, attempt, name, Some(value).filter(|value| !value.is_nan()), step])
            .map(drop)
    }

    /// All of it or nothing. On a full disk the run's reserve is given up for it.
    fn write(&self, work: impl Fn(&Connection) -> Result<(), rusqlite::Error>) -> Result<(), StoreError> {
        match self.try_write(&work) {
            Err(StoreError::Full { .. }) if fs::remove_file(reserve_path(&self.store.run_folder(self.run))).is_ok() => {
                self.try_write(&work)
            }
            result => result,
        }
    }

    fn try_write(&self, work: impl Fn(&Connection) -> Result<(), rusqlite::Error>) -> Result<(), StoreError> {
        let connection = &self.store.connection;
        let begun = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| work(connection));
        let result = begun.and_then(|()| connection.execute_batch("COMMIT"));
        if result.is_err() && !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        result.map_err(|error| self.store.error(error))
    }
}

fn text(map: &Map<String, Value>) -> String {
    serde_json::to_string(map).unwrap_or_else(|_| "{}".to_owned())
}

/// A file that only holds space: what a run's last records need when the disk is full.
pub(crate) fn reserve_path(run: &Path) -> PathBuf {
    run.join(".reserve")
}

/// Milliseconds since 1970, UTC.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
