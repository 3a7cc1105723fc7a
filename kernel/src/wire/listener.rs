//! Listens for clients, on a TCP port or a Unix socket.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, fs, io};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use super::connection::{Connection, Transport};

/// A stream to a client.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A place where clients connect.
pub struct Listener(Place);

enum Place {
    Tcp(TcpListener),
    /// The path is removed with the listener.
    Unix(UnixListener, PathBuf),
}

/// Why a place cannot be listened at.
#[derive(Debug)]
pub struct BindError {
    /// `tcp://127.0.0.1:5000`
    pub address: String,
    /// What the system says.
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the kernel cannot listen at {}: {}", self.address, self.source)?;
        if self.source.kind() == io::ErrorKind::AddrInUse {
            formatter
                .write_str("; another program has it: start the kernel again, so that the client picks other ports")?;
        }
        Ok(())
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Listener {
    /// Listens at a port of a connection.
    ///
    /// # Errors
    /// If somebody else listens there, or may not be listened there.
    pub async fn bind(connection: &Connection, port: u16) -> Result<Self, BindError> {
        match connection.transport {
            Transport::Tcp => {
                let failed = |source| BindError { address: format!("tcp://{}:{port}", connection.ip), source };
                let listener = TcpListener::bind((connection.ip.as_str(), port)).await.map_err(failed)?;
                Ok(Self(Place::Tcp(listener)))
            }
            Transport::Ipc => {
                let path = PathBuf::from(format!("{}-{port}", connection.ip));
                let failed = |source| BindError { address: format!("ipc://{}", path.display()), source };
                // One that a killed kernel has left; where somebody still listens, it stays.
                if path.exists() {
                    if tokio::net::UnixStream::connect(&path).await.is_ok() {
                        return Err(failed(io::ErrorKind::AddrInUse.into()));
                    }
                    fs::remove_file(&path).map_err(failed)?;
                }
                let listener = UnixListener::bind(&path).map_err(failed)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
                Ok(Self(Place::Unix(listener, path)))
            }
        }
    }

    /// The next client.
    pub(super) async fn accept(&self) -> Box<dyn Duplex> {
        loop {
            let accepted: io::Result<Box<dyn Duplex>> = match &self.0 {
                Place::Tcp(listener) => listener.accept().await.and_then(|(stream, _)| {
                    // Replies are small, and somebody waits for them.
                    stream.set_nodelay(true)?;
                    Ok(Box::new(stream) as _)
                }),
                Place::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Box::new(stream) as _),
            };
            match accepted {
                Ok(stream) => return stream,
                // Too many open files, most likely: some will be closed.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // Somebody may have removed it before, which is as well.
            let _ = fs::remove_file(path);
        }
    }
}
