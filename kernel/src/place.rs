//! Where the notebook lies in which the session's cells stand.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs};

use serde_json::Value;

use crate::wire::Request;

/// The server is on this machine, and answers at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// More than a list of sessions ever has.
const LONGEST_ANSWER: u64 = 16 << 20;

/// What is known of the place of a session.
#[derive(Debug)]
pub struct Place {
    /// The folder that the kernel was started in.
    folder: PathBuf,
    /// The server's name for this kernel.
    kernel: Option<String>,
    /// The notebook as a front end has named it.
    named: Mutex<Option<PathBuf>>,
}

impl Place {
    /// The place of the kernel with this connection file.
    pub fn new(connection_file: &Path) -> Self {
        let name = connection_file.file_stem().map(|name| name.to_string_lossy().into_owned());
        Self {
            folder: env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            kernel: name.and_then(|name| name.strip_prefix("kernel-").map(str::to_owned)),
            named: Mutex::default(),
        }
    }

    /// The folder that cells run in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A front end says which notebook it is.
    pub fn name(&self, path: &str) {
        let path = self.folder.join(path);
        *self.named.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
    }

    /// The notebook as far as the environment knows it; nobody is asked.
    pub fn at_start() -> Option<PathBuf> {
        session_name().filter(|path| path.is_file())
    }

    /// The notebook of a cell: as the front end has named it, as the server knows it now, as the cell's own metadata or
    /// the environment say.
    ///
    /// # Errors
    /// If nobody knows.
    pub fn notebook(&self, request: Option<&Request>) -> Result<PathBuf, String> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let candidates = [named, self.of_server(), request.and_then(of_cell), session_name()];
        candidates.into_iter().flatten().find(|path| path.is_file()).ok_or_else(|| {
            "it is not known in which notebook this cell stands; save the notebook, and name its file behind the \
             command: `%pipeline run analysis.ipynb`"
                .to_owned()
        })
    }

    /// As the Jupyter server that started this kernel has it among its sessions. The name in the environment is the
    /// one of the start; the notebook may have been renamed since.
    fn of_server(&self) -> Option<PathBuf> {
        let kernel = self.kernel.as_deref()?;
        let parent: u32 = env::var("JPY_PARENT_PID").ok()?.parse().ok()?;
        let file = runtime_folder()?.join(format!("jpserver-{parent}.json"));
        let server: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        let root = PathBuf::from(server.get("root_dir")?.as_str()?);
        let sessions = get(server.get("url")?.as_str()?, "api/sessions", server.get("token")?.as_str()?)?;
        let session = sessions.as_array()?.iter().find(|session| session["kernel"]["id"] == kernel)?;
        Some(root.join(session.get("path")?.as_str()?))
    }
}

fn session_name() -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os("JPY_SESSION_NAME").filter(|name| !name.is_empty())?);
    path.extension().is_some_and(|extension| extension == "ipynb").then(|| std::path::absolute(&path).unwrap_or(path))
}

/// Visual Studio Code writes into a request where its cell stands: `vscode-notebook-cell:/a/b.ipynb#X12`.
fn of_cell(request: &Request) -> Option<PathBuf> {
    let cell = request.metadata.get("cellId")?.as_str()?;
    let address = cell.strip_prefix("vscode-notebook-cell:")?.split('#').next()?;
    let path = address.strip_prefix("//").map_or(address, |rest| rest.find('/').map_or(rest, |at| &rest[at..]));
    Some(PathBuf::from(percent_decoded(path)?))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Where Jupyter keeps what is known of running servers.
fn runtime_folder() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set("JUPYTER_RUNTIME_DIR") {
        return Some(folder);
    }
    let data = match set("JUPYTER_DATA_DIR") {
        Some(folder) => folder,
        None if cfg!(target_os = "macos") => set("HOME")?.join("Library/Jupyter"),
        None => set("XDG_DATA_HOME").map_or_else(|| Some(set("HOME")?.join(".local/share")), Some)?.join("jupyter"),
    };
    Some(data.join("runtime"))
}

/// Asks a server on this machine. The token goes nowhere else.
fn get(url: &str, path: &str, token: &str) -> Option<Value> {
    let (authority, base) = url.strip_prefix("http://")?.split_once('/')?;
    let address: SocketAddr = authority.to_socket_addrs().ok()?.find(|address| address.ip().is_loopback())?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    if token.contains(['\r', '\n']) {
        return None;
    }
    // An answer to HTTP 1.0 comes in one piece and ends with the connection.
    let request = format!(
        "GET /{base}{path} HTTP/1.0\r\nHost: {authority}\r\nAuthorization: token {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let good = answer.split(|byte| *byte == b' ').nth(1)? == b"200";
    if good { serde_json::from_slice(&answer[end + 4..]).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::wire::{Channel, Header};

    #[test]
    fn a_cell_of_visual_studio_code_says_where_it_stands() {
        let of = |cell: &str| {
            let mut metadata = Map::new();
            metadata.insert("cellId".to_owned(), json!(cell));
            of_cell(&Request {
                channel: Channel::Shell,
                connection: 0,
                identities: Vec::new(),
                header: Header::default(),
                metadata,
                content: Map::new(),
                buffers: Vec::new(),
            })
        };
        assert_eq!(of("vscode-notebook-cell:/home/a%20b/x.ipynb#W0s"), Some(PathBuf::from("/home/a b/x.ipynb")));
        assert_eq!(of("vscode-notebook-cell://host/a/x.ipynb#W0s"), Some(PathBuf::from("/a/x.ipynb")));
        for wrong in ["", "other:/a", "vscode-notebook-cell:/a%", "vscode-notebook-cell:/a%zz"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_server_elsewhere_is_not_asked() {
        assert_eq!(get("http://192.0.2.1:8888/", "api/sessions", "secret"), None);
        assert_eq!(get("https://127.0.0.1:8888/", "api/sessions", "secret"), None);
    }
}
