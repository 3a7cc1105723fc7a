//! Checkpoints: before each cell one is made, after a failure it is gone back to.

use super::compile::Compiled;
use super::failure;
use super::session::{DirectEngine, State};
use super::variables::Gone;
use crate::engine::{Back, EngineError, Outcome};
use crate::event::{CellError, Event};
use crate::host::{Ended, Host};
use crate::presentation::cell_title;

/// The session before a cell.
pub(super) struct Past {
    pub(super) checkpoint: u64,
    pub(super) state: State,
    pub(super) cell: String,
}

impl DirectEngine {
    /// A checkpoint of the session as it is now: the one that is there, or a new one.
    pub(super) fn checkpoint(&mut self) -> Result<u64, EngineError> {
        let exists = |host: &Host, id: u64| host.checkpoints().contains(&id);
        if let (Some(id), Some(host)) = (self.current, &self.host)
            && exists(host, id)
        {
            return Ok(id);
        }
        let id = self.next_checkpoint;
        self.next_checkpoint += 1;
        let first = match &mut self.host {
            Some(host) => host.checkpoint(id),
            None => Err(EngineError::new("the process that runs cells is not there")),
        };
        if first.is_err() {
            // The host has died between two cells: somebody killed it, or a background thread ended it.
            self.recover()?;
            if let Some(host) = &mut self.host {
                host.checkpoint(id)?;
            }
        }
        // Earlier cells after which nothing ran may count on the same state; the copy that they counted on may be used up.
        if let Some(old) = self.current.replace(id) {
            for past in self.past.iter_mut().filter(|past| past.checkpoint == old) {
                past.checkpoint = id;
            }
        }
        self.trim();
        Ok(id)
    }

    /// Forgets the states of cells that one cannot go back over any more.
    fn trim(&mut self) {
        let Some(host) = &self.host else { return };
        let checkpoints = host.checkpoints();
        let lost = self.past.iter().take_while(|past| !checkpoints.contains(&past.checkpoint)).count();
        self.past.drain(..lost);
    }

    /// Goes back to the newest checkpoint after the host has died between cells, or starts a new host.
    fn recover(&mut self) -> Result<(), EngineError> {
        while let Some(past) = self.past.pop() {
            if let Some(host) = &mut self.host
                && host.restore(past.checkpoint).is_ok()
            {
                self.notice(format!(
                    "the process that runs the cells had died; the session is back to where it was before {}",
                    cell_title(&past.cell)
                ));
                self.state = past.state;
                self.current = None;
                return Ok(());
            }
        }
        self.notice("the process that runs the cells had died, and was started anew: its variables are gone");
        self.start_host()?;
        self.state.loaded.clear();
        let names: Vec<String> = self.state.scope.variables.iter().map(|held| held.name.clone()).collect();
        for name in names {
            let gone =
                Gone { cell: String::new(), reason: "it was lost when the process that ran the cells died".to_owned() };
            self.state.scope.variables.end(&name, gone);
        }
        Ok(())
    }

    /// Reports how a cell has failed, and puts the variables back.
    pub(super) fn run_failed(&mut self, ended: Ended, compiled: &Compiled, checkpoint: u64) -> Outcome {
        let error = failure::of_run(&ended, &self.sources);
        let interrupted = matches!(ended, Ended::Interrupted);
        let alive = matches!(ended, Ended::Failed(_));
        let mut words = Vec::new();
        // A cell that took no variable and left alive has lost none, and may go on with its threads.
        if !alive || !compiled.taken.is_empty() {
            let restored = self.host.as_mut().map(|host| host.restore(checkpoint));
            match restored {
                Some(Ok(restored)) => {
                    self.current = Some(checkpoint);
                    if let Some(past) = self.past.last() {
                        self.state.loaded.clone_from(&past.state.loaded);
                    }
                    let count = self.state.scope.variables.iter().count();
                    if count > 0 {
                        words.push("every variable is as it was before this cell".to_owned());
                    }
                    if !restored.threads.is_empty() {
                        words.push(format!("these threads are gone: {}", restored.threads.join(", ")));
                    }
                    if restored.processes > 0 {
                        words.push(format!("{} processes that cells had started were ended", restored.processes));
                    }
                    let dropped: Vec<String> = compiled.stale.keys().cloned().collect();
                    if let (Some(host), false) = (&mut self.host, dropped.is_empty()) {
                        host.forget(&dropped);
                    }
                }
                failed => {
                    let reason = match failed {
                        Some(Err(error)) => error.message,
                        _ => "there is none".to_owned(),
                    };
                    let refusals = self.host.as_mut().map(Host::refusals).unwrap_or_default();
                    let refusal = refusals.into_iter().find(|(id, _)| *id == checkpoint).map(|(_, why)| why);
                    words.push(format!("this cell's checkpoint could not be restored ({})", refusal.unwrap_or(reason)));
                    // An earlier one may still be there.
                    if let Err(error) = self.recover() {
                        words.push(error.message);
                    }
                }
            }
        }
        let mut error: CellError = error;
        if !words.is_empty() {
            failure::add_note(&mut error, &words.join("; "));
        }
        self.tell(Event::Error(error));
        if interrupted { Outcome::Interrupted } else { Outcome::Failed }
    }

    /// Puts the session back to where it was before the last `cells` cells.
    pub(super) fn go_to(&mut self, cells: usize) -> Result<Back, EngineError> {
        if cells == 0 {
            return Ok(Back::default());
        }
        self.finish_preparing("");
        let at = self.past.len().checked_sub(cells).ok_or_else(|| {
            EngineError::new(format!(
                "only {} cells have been run that one could go back over; nothing has changed",
                self.past.len()
            ))
        })?;
        let id = self.past[at].checkpoint;
        let mut back =
            Back { cells: self.past[at..].iter().rev().map(|past| past.cell.clone()).collect(), threads: Vec::new() };
        if self.current != Some(id) {
            let host =
                self.host.as_mut().ok_or_else(|| EngineError::new("the process that runs cells is not there"))?;
            if !host.checkpoints().contains(&id) {
                return Err(EngineError::new(format!(
                    "the session can go back at most {} cells: earlier checkpoints were given up; nothing has changed",
                    self.past.iter().rev().take_while(|past| host.checkpoints().contains(&past.checkpoint)).count()
                )));
            }
            back.threads = host.restore(id)?.threads;
        }
        self.state = self.past[at].state.clone();
        self.past.truncate(at);
        // Earlier cells may have the same checkpoint, if nothing ran between them; it is used up now.
        self.current = self.past.last().filter(|past| past.checkpoint == id).map(|_| id);
        Ok(back)
    }
}
