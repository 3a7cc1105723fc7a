//! Folders that outlive a run and that several steps share.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// The folder of the volume that is mounted at `mount_path`, e.g. `/shared_volume`.
///
/// On Kubernetes that is the mount path itself. Where a run is local, it is the folder that the runner has for the
/// volume (`OXIKALE_VOLUMES`), so that the same cell works in both places. In a kernel it is the mount path if that
/// folder exists, and otherwise a folder of the user's: `volumes/shared_volume` in `$OXIKALE_DATA`, else in
/// `$XDG_DATA_HOME/oxikale`, else in `~/.local/share/oxikale`, created if need be.
///
/// ```
/// let folder = oxikale::volume("/tmp");
/// std::fs::write(folder.join(format!("greeting-{}.txt", std::process::id())), "Hola Mundo!")?;
/// # std::fs::remove_file(folder.join(format!("greeting-{}.txt", std::process::id())))?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn volume(mount_path: impl AsRef<Path>) -> PathBuf {
    let mount_path = mount_path.as_ref();
    let key = trimmed(mount_path);
    if let Some(folder) = assigned(&key) {
        create(&folder);
        return folder;
    }
    if mount_path.is_dir() {
        return mount_path.to_owned();
    }
    let folder = data_folder().join("volumes").join(folder_name(&key));
    create(&folder);
    folder
}

/// The path as text, without a slash at its end.
fn trimmed(mount_path: &Path) -> String {
    let text = mount_path.to_string_lossy();
    let short = text.trim_end_matches('/');
    if short.is_empty() { "/".to_owned() } else { short.to_owned() }
}

/// The folder that the runner has chosen.
fn assigned(key: &str) -> Option<PathBuf> {
    let text = env::var("OXIKALE_VOLUMES").ok()?;
    let folders: Map<String, Value> = match serde_json::from_str(&text) {
        Ok(folders) => folders,
        Err(error) => {
            eprintln!("oxikale: OXIKALE_VOLUMES is not a JSON object of folders, so it is left aside: {error}");
            return None;
        }
    };
    let folder = folders.iter().find(|(path, _)| trimmed(Path::new(path)) == key)?.1;
    folder.as_str().map(PathBuf::from)
}

/// `/a/b` → `a_b`; no name leads out of the folder of volumes.
fn folder_name(key: &str) -> String {
    let name = key.trim_start_matches('/').replace('/', "_");
    match name.as_str() {
        "" | "." | ".." => "_".to_owned(),
        _ => name,
    }
}

/// Where what belongs to the user's runs lies.
fn data_folder() -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(data) = folder("OXIKALE_DATA") {
        return data;
    }
    if let Some(data) = folder("XDG_DATA_HOME") {
        return data.join("oxikale");
    }
    match env::home_dir().filter(|home| !home.as_os_str().is_empty()) {
        Some(home) => home.join(".local/share/oxikale"),
        None => env::temp_dir().join("oxikale"),
    }
}

/// Creates the folder; where that fails, the caller's own write fails too, so a warning suffices here.
fn create(folder: &Path) {
    if let Err(error) = fs::create_dir_all(folder) {
        eprintln!("oxikale: cannot create the volume's folder {}: {error}", folder.display());
    }
}
