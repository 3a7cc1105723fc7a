//! The connection file: where the sockets are, and the key that signs messages.
//!
//! Specification: <https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files>

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde::Deserialize;

/// How clients reach the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP ports.
    Tcp,
    /// Unix sockets, whose paths are the `ip` of the file, a hyphen and the port.
    Ipc,
}

/// What a connection file says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Connection {
    /// TCP or Unix sockets.
    #[serde(default = "tcp")]
    pub transport: Transport,
    /// The address of TCP sockets; the beginning of the paths of Unix sockets.
    pub ip: String,
    /// Where requests come in.
    pub shell_port: u16,
    /// Where outputs go out.
    pub iopub_port: u16,
    /// Where the kernel asks for input.
    pub stdin_port: u16,
    /// Where interrupts and the end of the kernel are asked for.
    pub control_port: u16,
    /// Where everything is echoed.
    pub hb_port: u16,
    /// The key of the signatures; none where it is empty.
    #[serde(default)]
    pub key: String,
    /// `hmac-sha256`
    #[serde(default = "hmac_sha256")]
    pub signature_scheme: String,
}

/// Why there are no sockets for a connection file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionError(String);

impl fmt::Display for ConnectionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ConnectionError {}

impl Connection {
    /// Reads a connection file. What is unsafe about it but does not make it unusable is handed to `warn`.
    ///
    /// # Errors
    /// If it cannot be read, or asks for what this kernel does not do.
    pub fn read(path: &Path, warn: &mut dyn FnMut(&str)) -> Result<Self, ConnectionError> {
        let failed = |why: String| ConnectionError(format!("the connection file {} {why}", path.display()));
        let text = fs::read(path).map_err(|error| {
            failed(format!(
                "cannot be read: {error}; a Jupyter client writes it and passes its path when it starts the kernel"
            ))
        })?;
        let connection: Self = serde_json::from_slice(&text)
            .map_err(|error| failed(format!("is not one that Jupyter writes: {error}")))?;
        if connection.signature_scheme != "hmac-sha256" {
            return Err(failed(format!(
                "asks for signatures by `{}`; this kernel signs by hmac-sha256 only",
                connection.signature_scheme
            )));
        }
        let mode = fs::metadata(path).map_or(0, |data| data.permissions().mode());
        if mode & 0o002 != 0 {
            warn(&format!(
                "the connection file {0} can be changed by everybody on this machine; `chmod 600 {0}` mends that",
                path.display()
            ));
        }
        if connection.transport == Transport::Tcp {
            let address: IpAddr = connection
                .ip
                .parse()
                .map_err(|_| failed(format!("has `{}` for an address, which is none", connection.ip)))?;
            if !address.is_loopback() {
                if connection.key.is_empty() {
                    return Err(failed(format!(
                        "has the address {address} and no key: everybody who reaches it could run code here; use \
                         127.0.0.1, or a key"
                    )));
                }
                warn(&format!(
                    "the kernel can be reached from other machines at {address}; what goes over the wire is signed but \
                     not encrypted"
                ));
            }
        }
        Ok(connection)
    }
}

fn tcp() -> Transport {
    Transport::Tcp
}

fn hmac_sha256() -> String {
    "hmac-sha256".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, mode: u32) -> (Result<Connection, ConnectionError>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("connection.json");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let mut warnings = Vec::new();
        let result = Connection::read(&path, &mut |text| warnings.push(text.to_owned()));
        (result, warnings)
    }

    const PORTS: &str = r#""shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5"#;

    #[test]
    fn a_file_of_jupyter_is_read() {
        let (connection, warnings) =
            read(&format!(r#"{{"transport":"tcp","ip":"127.0.0.1",{PORTS},"key":"k","kernel_name":"x"}}"#), 0o600);
        let connection = connection.unwrap();
        assert_eq!((connection.shell_port, connection.hb_port, connection.key.as_str()), (1, 5, "k"));
        assert!(warnings.is_empty());
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "not one that Jupyter writes"),
            ("{}", "missing field"),
            (&format!(r#"{{"ip":"nowhere",{PORTS}}}"#), "`nowhere`"),
            (&format!(r#"{{"ip":"0.0.0.0",{PORTS}}}"#), "no key"),
            (&format!(r#"{{"ip":"127.0.0.1",{PORTS},"signature_scheme":"hmac-md5"}}"#), "hmac-md5"),
        ] {
            let error = read(text, 0o600).0.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let error = Connection::read(Path::new("/nowhere/c.json"), &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }

    #[test]
    fn a_file_that_everybody_may_change_is_told() {
        let (connection, warnings) = read(&format!(r#"{{"ip":"127.0.0.1",{PORTS},"key":"k"}}"#), 0o666);
        assert!(connection.is_ok());
        assert!(warnings[0].contains("chmod 600"), "{warnings:?}");
    }
}
