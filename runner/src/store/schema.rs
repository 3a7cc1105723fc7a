//! Opens the database, and brings it from any older format to the newest.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::StoreError;

/// How long one process waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// What leads from format n (from 0, the empty database) to n + 1. A line once released is never changed.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    pipeline TEXT NOT NULL,
    name TEXT,
    notebook TEXT,
    program TEXT NOT NULL,
    arguments TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT,
    process INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER
) STRICT;
CREATE TABLE steps (
    run TEXT NOT NULL REFERENCES runs (id),
    position INTEGER NOT NULL,
    task TEXT NOT NULL,
    name TEXT NOT NULL,
    after TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    started_ms INTEGER,
    ended_ms INTEGER,
    seconds REAL,
    cpu_seconds REAL,
    peak_memory INTEGER,
    exit_code INTEGER,
    signal INTEGER,
    why TEXT,
    cell INTEGER,
    line INTEGER,
    \"column\" INTEGER,
    PRIMARY KEY (run, task)
) STRICT, WITHOUT ROWID;
CREATE TABLE metrics (
    number INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    task TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    name TEXT NOT NULL,
    value REAL,
    step INTEGER
) STRICT;
CREATE INDEX metrics_of_run ON metrics (run, task);
CREATE TABLE displays (
    number INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    task TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    id TEXT,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL
) STRICT;
CREATE INDEX displays_of_run ON displays (run, task);
CREATE TABLE artifacts (
    run TEXT NOT NULL REFERENCES runs (id),
    task TEXT NOT NULL,
    key TEXT NOT NULL,
    schema_title TEXT NOT NULL,
    path TEXT NOT NULL,
    size INTEGER,
    sha256 TEXT,
    metadata TEXT NOT NULL,
    PRIMARY KEY (run, task, key)
) STRICT, WITHOUT ROWID;
",
    "
ALTER TABLE runs ADD COLUMN resumed_from TEXT;
ALTER TABLE steps ADD COLUMN fingerprint TEXT;
ALTER TABLE steps ADD COLUMN reused TEXT;
CREATE TABLE inputs (
    run TEXT NOT NULL REFERENCES runs (id),
    task TEXT NOT NULL,
    name TEXT NOT NULL,
    producer TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (run, task, name)
) STRICT, WITHOUT ROWID;
",
];

/// Opens the database at `path`, or makes it.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let started = Instant::now();
    loop {
        match connect(path) {
            // The switch to the write-ahead log does not wait for others by itself.
            Err(StoreError::Database { source, .. })
                if matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
                    && started.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            // On a full or read-only disk the records can still be read.
            Err(error @ (StoreError::Full { .. } | StoreError::Database { .. })) if path.exists() => {
                return read_only(path).map_err(|_| error);
            }
            result => return result,
        }
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error| StoreError::of(error, path);
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    // Without a sync at every record: what was recorded survives a killed process, and a power
    // failure costs the last records at most, never the database.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
        .map_err(failed)?;
    let version = version(&connection).map_err(failed)?;
    let known = MIGRATIONS.len() as i64;
    if version > known {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known });
    }
    if version < known {
        migrate(&mut connection).map_err(failed)?;
    }
    Ok(connection)
}

/// Without a write-ahead log nothing needs to be written; it serves as long as nobody else writes.
fn read_only(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    if connection.query_row("SELECT count(*) FROM runs", [], |row| row.get::<_, i64>(0)).is_ok() {
        return Ok(connection);
    }
    let uri = format!("file:{}?immutable=1", escaped(path));
    let connection = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
    connection.query_row("SELECT count(*) FROM runs", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

/// A path as SQLite's URIs want it.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn migrate(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Somebody else may have done it while this one waited.
    let from = usize::try_from(version(&transaction)?).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(from) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    transaction.commit()
}
