//! What was run in this and in earlier sessions, in an SQLite database of the user's.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};
use serde_json::{Value, json};

/// Results longer than this are cut: they are kept to remind, not to be used.
const LONGEST_OUTPUT: usize = 10_000;

/// Another session may be writing at the same time.
const PATIENCE: Duration = Duration::from_secs(5);

/// A cell that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The session, from 1.
    pub session: i64,
    /// Its number in the session.
    pub line: i64,
    /// Its text.
    pub source: String,
    /// Its result as text.
    pub output: Option<String>,
}

/// Which cells are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The last ones of all sessions.
    Tail {
        /// How many.
        count: i64,
    },
    /// Those of one session.
    Range {
        /// 0 is this session, -1 the one before it.
        session: i64,
        /// The first.
        start: i64,
        /// The one after the last; none means all.
        stop: Option<i64>,
    },
    /// The last ones that match.
    Search {
        /// `*` stands for any text, `?` for one character.
        pattern: String,
        /// How many; none means all.
        count: Option<i64>,
        /// Whether the same text comes only once.
        unique: bool,
    },
}

/// The history as a session sees it. A thread of its own has the database, so that nobody waits for the disk.
#[derive(Debug, Clone)]
pub struct History(mpsc::Sender<Order>);

#[derive(Debug)]
enum Order {
    Record { line: i64, source: String },
    Output { line: i64, text: String },
    Query(Query, mpsc::SyncSender<Vec<Entry>>),
}

impl History {
    /// The history in this folder. Where the database cannot be used, that is handed to `warn` once, and what is run
    /// is remembered in memory only.
    pub fn open(folder: &Path, warn: impl Fn(&str) + Send + 'static) -> Self {
        let (sender, orders) = mpsc::channel();
        let folder = folder.to_owned();
        let name = "history".to_owned();
        // Without the thread there is no history; everything else works.
        drop(thread::Builder::new().name(name).spawn(move || keep(&folder, &orders, &warn)));
        Self(sender)
    }

    /// Remembers a cell.
    pub fn record(&self, line: u32, source: &str) {
        self.send(Order::Record { line: line.into(), source: source.to_owned() });
    }

    /// Remembers the result of a cell.
    pub fn record_output(&self, line: u32, text: &str) {
        let text = text.chars().take(LONGEST_OUTPUT).collect();
        self.send(Order::Output { line: line.into(), text });
    }

    /// The cells that are wanted, the oldest first.
    pub fn query(&self, query: Query) -> Vec<Entry> {
        let (sender, answer) = mpsc::sync_channel(1);
        self.send(Order::Query(query, sender));
        answer.recv().unwrap_or_default()
    }

    fn send(&self, order: Order) {
        // Where the thread is gone there is no history.
        drop(self.0.send(order));
    }
}

fn keep(folder: &Path, orders: &mpsc::Receiver<Order>, warn: &dyn Fn(&str)) {
    let mut database = Database::open(folder).or_else(|(path, error)| {
        warn(&format!("the history {} cannot be used: {error}; it is kept in memory", path.display()));
        Database::in_memory().map_err(|_| ())
    });
    let mut warned = false;
    while let Ok(order) = orders.recv() {
        let Ok(database) = &mut database else { continue };
        let done = match order {
            Order::Record { line, source } => database.record(line, &source),
            Order::Output { line, text } => database.record_output(line, &text),
            Order::Query(query, answer) => database.query(&query).map(|entries| drop(answer.send(entries))),
        };
        if let (Err(error), false) = (done, warned) {
            warned = true;
            warn(&format!("the history cannot be written: {error}; see that the disk is not full"));
        }
    }
}

struct Database {
    connection: Connection,
    /// Made with the first cell, so that kernels in which nothing is run leave nothing.
    session: Option<i64>,
}

impl Database {
    fn open(folder: &Path) -> Result<Self, (PathBuf, io::Error)> {
        let path = folder.join("history.sqlite");
        let failed = |error| (path.clone(), error);
        fs::create_dir_all(folder).map_err(failed)?;
        // Nobody else has any business with what the user has typed.
        let mut options = fs::OpenOptions::new();
        options.create(true).append(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).map_err(failed)?;
        let connection = Connection::open(&path).map_err(io::Error::other).map_err(failed)?;
        Self::prepare(connection).map_err(io::Error::other).map_err(failed)
    }

    fn in_memory() -> rusqlite::Result<Self> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(connection: Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE IF NOT EXISTS sessions (session INTEGER PRIMARY KEY AUTOINCREMENT, started INTEGER NOT NULL);
             CREATE TABLE IF NOT EXISTS cells (number INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL,
                 line INTEGER NOT NULL, source TEXT NOT NULL, output TEXT);
             CREATE INDEX IF NOT EXISTS cells_of_session ON cells (session, line);",
        )?;
        Ok(Self { connection, session: None })
    }

    fn session(&mut self) -> rusqlite::Result<i64> {
        if let Some(session) = self.session {
            return Ok(session);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.connection
            .execute("INSERT INTO sessions (started) VALUES (?1)", [i64::try_from(now).unwrap_or(i64::MAX)])?;
        let session = self.connection.last_insert_rowid();
        self.session = Some(session);
        Ok(session)
    }

    fn record(&mut self, line: i64, source: &str) -> rusqlite::Result<()> {
        let session = self.session()?;
        self.connection
            .execute("INSERT INTO cells (session, line, source) VALUES (?1, ?2, ?3)", params![session, line, source])?;
        Ok(())
    }

    fn record_output(&mut self, line: i64, text: &str) -> rusqlite::Result<()> {
        let session = self.session()?;
        self.connection
            .execute("UPDATE cells SET output = ?3 WHERE session = ?1 AND line = ?2", params![session, line, text])?;
        Ok(())
    }

    fn query(&self, query: &Query) -> rusqlite::Result<Vec<Entry>> {
        const COLUMNS: &str = "SELECT session, line, source, output FROM cells";
        match query {
            Query::Tail { count } => self.newest(&format!("{COLUMNS} ORDER BY number DESC LIMIT ?1"), &[count]),
            Query::Search { pattern, count, unique } => {
                let one = if *unique { "AND number IN (SELECT max(number) FROM cells GROUP BY source)" } else { "" };
                let sql = format!("{COLUMNS} WHERE source GLOB ?1 {one} ORDER BY number DESC LIMIT ?2");
                // A negative limit is none.
                self.newest(&sql, &[pattern, &count.unwrap_or(-1)])
            }
            Query::Range { session, start, stop } => {
                let Some(session) = self.numbered(*session)? else { return Ok(Vec::new()) };
                let sql = format!("{COLUMNS} WHERE session = ?1 AND line >= ?2 AND line < ?3 ORDER BY number DESC");
                self.newest(&sql, &[&session, start, &stop.unwrap_or(i64::MAX)])
            }
        }
    }

    /// The session with a number of its own, or as counted back from this one.
    fn numbered(&self, session: i64) -> rusqlite::Result<Option<i64>> {
        match session {
            0 => Ok(self.session),
            1.. => Ok(Some(session)),
            back => {
                let sql = "SELECT session FROM sessions WHERE session < ?1 ORDER BY session DESC LIMIT 1 OFFSET ?2";
                let before = self.session.unwrap_or(i64::MAX);
                self.connection.query_row(sql, [before, -(back + 1)], |row| row.get(0)).optional()
            }
        }
    }

    /// What a query finds, the oldest first.
    fn newest(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<Vec<Entry>> {
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map(params_from_iter(values), |row| {
            Ok(Entry { session: row.get(0)?, line: row.get(1)?, source: row.get(2)?, output: row.get(3)? })
        })?;
        let mut entries: Vec<Entry> = rows.collect::<rusqlite::Result<_>>()?;
        entries.reverse();
        Ok(entries)
    }
}

impl Entry {
    /// As a `history_reply` has it.
    pub fn json(&self, output: bool) -> Value {
        if output {
            json!([self.session, self.line, [self.source, self.output]])
        } else {
            json!([self.session, self.line, self.source])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.source.as_str()).collect()
    }

    #[test]
    fn cells_are_found_in_this_session_and_in_earlier_ones() {
        let folder = tempfile::tempdir().unwrap();
        let open = || History::open(folder.path(), |text| panic!("{text}"));
        let first = open();
        for (line, source) in [(1, "let a = 1;"), (2, "a + 1"), (3, "let a = 1;")] {
            first.record(line, source);
        }
        first.record_output(2, "2");
        let tail = first.query(Query::Tail { count: 2 });
        assert_eq!(lines(&tail), ["a + 1", "let a = 1;"]);
        assert_eq!(tail[0].json(true), json!([1, 2, ["a + 1", "2"]]));
        assert_eq!(tail[0].json(false), json!([1, 2, "a + 1"]));

        let second = open();
        second.record(1, "let b = 2;");
        assert_eq!(lines(&second.query(Query::Range { session: 0, start: 0, stop: None })), ["let b = 2;"]);
        assert_eq!(lines(&second.query(Query::Range { session: -1, start: 2, stop: Some(3) })), ["a + 1"]);
        assert_eq!(lines(&second.query(Query::Range { session: -2, start: 0, stop: None })), [""; 0]);
        let search = |pattern: &str, count, unique| Query::Search { pattern: pattern.to_owned(), count, unique };
        assert_eq!(lines(&second.query(search("let*", None, false))), ["let a = 1;", "let a = 1;", "let b = 2;"]);
        assert_eq!(lines(&second.query(search("let*", None, true))), ["let a = 1;", "let b = 2;"]);
        assert_eq!(lines(&second.query(search("let ? = ?;", Some(1), false))), ["let b = 2;"]);
    }

    #[test]
    fn without_a_disk_it_is_in_memory() {
        let (sender, warnings) = mpsc::channel();
        let history = History::open(Path::new("/proc/nowhere"), move |text| sender.send(text.to_owned()).unwrap());
        history.record(1, "kept");
        assert_eq!(lines(&history.query(Query::Tail { count: 5 })), ["kept"]);
        assert!(warnings.recv().unwrap().contains("kept in memory"));
    }
}
