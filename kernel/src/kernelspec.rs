//! Tells Jupyter of this kernel: the folder with `kernel.json` and logos by which front ends find and start it.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt};

use serde_json::{Map, Value, json};

/// The kernelspec's name where none is given. Notebooks name it, and `jupyter console --kernel` does.
pub const NAME: &str = "oxikale";

/// What front ends show.
const DISPLAY_NAME: &str = "Rust (Oxikale)";

/// The file by which Jupyter knows a folder as a kernelspec.
const KERNEL_JSON: &str = "kernel.json";

/// The member of the kernelspec's metadata by which a later install or uninstall knows that the folder is ours.
const MARK: &str = "oxikale";

/// The pictures of launchers and notebook headers, under the names that front ends look for.
const LOGOS: [(&str, &[u8]); 3] = [
    ("logo-32x32.png", include_bytes!("../resources/logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("../resources/logo-64x64.png")),
    ("logo-svg.svg", include_bytes!("../resources/logo-svg.svg")),
];

/// Where a kernelspec is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The user's own folder, which every Jupyter of this user looks into.
    User,
    /// Below this folder, such as the root of a virtual environment.
    Prefix(PathBuf),
    /// The active Python environment, or else the one of the `python3` on the PATH.
    SysPrefix,
}

/// How front ends start this kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernelspec {
    /// The folder's name, and the name that notebooks refer to.
    pub name: String,
    /// What front ends show.
    pub display_name: String,
    /// This program.
    pub executable: PathBuf,
    /// Options of `kernel run`, such as `--engine=evcxr`.
    pub options: Vec<String>,
}

/// What an install did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The kernelspec's folder.
    pub folder: PathBuf,
    /// Whether an older one of ours was replaced.
    pub replaced: bool,
}

/// What an uninstall did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The kernelspec's folder.
    pub folder: PathBuf,
    /// The files that are gone.
    pub files: Vec<PathBuf>,
    /// Whether the folder stays, because somebody else has put files into it.
    pub folder_stays: bool,
}

/// A kernelspec of ours that Jupyter can find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The program that it starts.
    pub executable: PathBuf,
}

/// Why a kernelspec could not be installed or removed.
#[derive(Debug)]
pub enum KernelspecError {
    /// The name is none that Jupyter accepts.
    Name(String),
    /// A path cannot be written in JSON.
    NotUnicode(PathBuf),
    /// The folder of that name belongs to another kernel.
    Foreign(PathBuf),
    /// There is no Python to ask for its environment; what was tried.
    NoPython(String),
    /// The user has no home folder.
    NoHome,
    /// A file could not be read, written or removed.
    File {
        /// What was tried: `written`.
        action: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl fmt::Display for KernelspecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "`{name}` cannot be the name of a kernel: use letters from a to z, digits, `-`, `_` and `.`, and begin \
                 with a letter or a digit"
            ),
            Self::NotUnicode(path) => write!(
                f,
                "{} cannot be written into a kernelspec, because its name is not UTF-8; move it to another folder",
                path.display()
            ),
            Self::Foreign(folder) => write!(
                f,
                "{} is the kernelspec of another kernel and was left alone; choose another name with `--name`, or \
                 remove that one with `jupyter kernelspec remove`",
                folder.display()
            ),
            Self::NoPython(tried) => write!(
                f,
                "no Python environment is active, and there is none on the PATH to ask ({tried}); activate one, or name \
                 its folder with `--prefix`"
            ),
            Self::NoHome => {
                write!(f, "HOME is not set, so there is no folder of the user; name a folder with `--prefix`")
            }
            Self::File { action, path, source } => {
                write!(f, "{} cannot be {action}: {source}", path.display())?;
                match source.kind() {
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        f.write_str("; `oxikale kernel install --user` needs no rights but yours")
                    }
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        f.write_str("; make room, and try again")
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for KernelspecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl Location {
    /// The folder that has the kernelspecs there.
    ///
    /// # Errors
    /// If there is no such place: no home folder, no Python.
    pub fn kernels(&self) -> Result<PathBuf, KernelspecError> {
        let data = match self {
            Self::User => user_data().ok_or(KernelspecError::NoHome)?,
            Self::Prefix(prefix) => absolute(prefix)?.join("share/jupyter"),
            Self::SysPrefix => sys_prefix()?.join("share/jupyter"),
        };
        Ok(absolute(&data)?.join("kernels"))
    }
}

impl Kernelspec {
    /// The kernelspec that starts `executable` with these options of `kernel run`.
    ///
    /// # Errors
    /// If Jupyter would not accept the name.
    pub fn new(
        name: &str,
        display_name: Option<&str>,
        executable: PathBuf,
        options: Vec<String>,
    ) -> Result<Self, KernelspecError> {
        let name = valid_name(name)?;
        let display_name = match display_name {
            Some(given) => given.to_owned(),
            None if name == NAME => DISPLAY_NAME.to_owned(),
            // Two kernels of one name could not be told apart in a launcher.
            None => format!("{} · {name}", DISPLAY_NAME),
        };
        Ok(Self { name, display_name, executable, options })
    }

    /// Writes the kernelspec into the folder of kernelspecs. One that is there already is replaced if it is ours; what
    /// a user has added to it (variables in `env`, other files) stays.
    ///
    /// # Errors
    /// If the folder belongs to another kernel or a file cannot be written; nothing half-written stays.
    pub fn install(&self, kernels: &Path) -> Result<Installed, KernelspecError> {
        let folder = kernels.join(&self.name);
        let file = folder.join(KERNEL_JSON);
        let old = read(&file)?;
        if old.as_ref().is_some_and(|old| !is_ours(old)) {
            return Err(KernelspecError::Foreign(folder));
        }
        let replaced = old.is_some();
        let text = self.json(old)?;
        // The folders that are made here, the deepest first, to be removed where the rest cannot be written.
        let is_new = |folder: &&Path| matches!(folder.try_exists(), Ok(false));
        let new_folders: Vec<PathBuf> = folder.ancestors().take_while(is_new).map(Path::to_owned).collect();
        let written = fs::create_dir_all(&folder).map_err(|error| failed("created", &folder, error)).and_then(|()| {
            // Jupyter takes notice of the folder only when `kernel.json` is there, so it comes last.
            for (name, bytes) in LOGOS {
                replace(&folder.join(name), bytes)?;
            }
            replace(&file, text.as_bytes())
        });
        if written.is_err() && !new_folders.is_empty() {
            // What cannot be removed stays; the error that is reported is the first one.
            for (name, _) in LOGOS {
                let _ = fs::remove_file(folder.join(name));
            }
            for folder in new_folders {
                let _ = fs::remove_dir(folder);
            }
        }
        written.map(|()| Installed { folder, replaced })
    }

    /// The text of `kernel.json`; members of an older one that are not ours stay.
    fn json(&self, old: Option<Map<String, Value>>) -> Result<String, KernelspecError> {
        let program =
            self.executable.to_str().ok_or_else(|| KernelspecError::NotUnicode(self.executable.clone()))?.to_owned();
        let argv: Vec<String> = [program, "kernel".to_owned(), "run".to_owned()]
            .into_iter()
            .chain(self.options.iter().cloned())
            .chain(["{connection_file}".to_owned()])
            .collect();
        let mut metadata = match old.as_ref().and_then(|old| old.get("metadata")) {
            Some(Value::Object(metadata)) => metadata.clone(),
            _ => Map::new(),
        };
        metadata.insert("debugger".to_owned(), json!(false));
        metadata.insert(MARK.to_owned(), json!({"version": env!("CARGO_PKG_VERSION")}));
        let mut spec = old.unwrap_or_default();
        // No `kernel_protocol_version`: of 5.5 and more, some front ends conclude that a kernel is to be started with a
        // registration file (JEP 66) in the place of a connection file.
        for (member, value) in [
            ("argv", json!(argv)),
            ("display_name", json!(self.display_name)),
            ("language", json!("rust")),
            ("interrupt_mode", json!("message")),
            ("metadata", Value::Object(metadata)),
        ] {
            spec.insert(member.to_owned(), value);
        }
        Ok(format!("{:#}\n", Value::Object(spec)))
    }
}

/// Removes the kernelspec of this name from the folder of kernelspecs; `None` if there is none.
///
/// # Errors
/// If it is another kernel's, or cannot be removed.
pub fn uninstall(name: &str, kernels: &Path) -> Result<Option<Removed>, KernelspecError> {
    let folder = kernels.join(valid_name(name)?);
    let Some(spec) = read(&folder.join(KERNEL_JSON))? else { return Ok(None) };
    if !is_ours(&spec) {
        return Err(KernelspecError::Foreign(folder));
    }
    let mut files = Vec::new();
    for name in [KERNEL_JSON].into_iter().chain(LOGOS.map(|(name, _)| name)) {
        let file = folder.join(name);
        match fs::remove_file(&file) {
            Ok(()) => files.push(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("removed", &file, error)),
        }
    }
    let folder_stays = fs::remove_dir(&folder).is_err();
    Ok(Some(Removed { folder, files, folder_stays }))
}

/// The kernelspecs of ours in all places that Jupyter looks into, in its order: a later one of a name is hidden by an
/// earlier one and is not listed.
pub fn list() -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for kernels in search_path() {
        let Ok(entries) = fs::read_dir(&kernels) else { continue };
        let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        folders.sort();
        for folder in folders {
            let Ok(Some(spec)) = read(&folder.join(KERNEL_JSON)) else { continue };
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !is_ours(&spec) || found.iter().any(|known| known.name == name) {
                continue;
            }
            let program = spec.get("argv").and_then(|argv| argv.get(0)).and_then(Value::as_str).unwrap_or_default();
            found.push(Found { name, folder, executable: PathBuf::from(program) });
        }
    }
    found
}

/// The folders in which Jupyter looks for kernelspecs, as far as they can be known without asking Python.
fn search_path() -> Vec<PathBuf> {
    let named = env::var_os("JUPYTER_PATH").unwrap_or_default();
    let mut data: Vec<PathBuf> = env::split_paths(&named).filter(|path| path.is_absolute()).collect();
    data.extend(user_data());
    // Of an environment that is not active, Jupyter's own place says where it is.
    let beside_jupyter = jupyter().and_then(|program| Some(program.parent()?.parent()?.to_owned()));
    let prefixes = active_environment().into_iter().chain(beside_jupyter);
    data.extend(prefixes.map(|prefix| prefix.join("share/jupyter")));
    data.extend(["/usr/local/share/jupyter", "/usr/share/jupyter"].map(PathBuf::from));
    let mut seen: Vec<PathBuf> = Vec::new();
    for folder in data {
        let folder = folder.join("kernels");
        if !seen.contains(&folder) {
            seen.push(folder);
        }
    }
    seen
}

/// The `jupyter` on the PATH.
pub fn jupyter() -> Option<PathBuf> {
    on_path("jupyter")
}

/// The first executable file of this name on the PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

/// Whether a file is there and may be run by somebody.
pub(crate) fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Why a program at this place will not be there for long, in words that end a sentence; `None` where it may stay.
pub fn passing_place(executable: &Path) -> Option<&'static str> {
    if executable.to_string_lossy().ends_with(" (deleted)") {
        return Some("it has been deleted or replaced since it was started");
    }
    // Cargo marks the root of each target folder with this file.
    if executable.ancestors().any(|folder| folder.join(".rustc_info.json").is_file()) {
        return Some("it lies in a folder of cargo's, which `cargo clean` empties");
    }
    let passing = ["/tmp", "/var/tmp", "/private/tmp", "/dev/shm"].map(PathBuf::from);
    let temporary = passing.into_iter().chain([env::temp_dir()]);
    let lies_in = |folder: PathBuf| {
        let real = folder.canonicalize().unwrap_or(folder);
        real.parent().is_some() && executable.starts_with(real)
    };
    temporary.into_iter().any(lies_in).then_some("it lies in a folder for temporary files")
}

/// The user's folder of Jupyter's data, by Jupyter's own rules.
fn user_data() -> Option<PathBuf> {
    if let Some(folder) = variable("JUPYTER_DATA_DIR") {
        return Some(PathBuf::from(folder));
    }
    let home = variable("HOME").map(PathBuf::from);
    if cfg!(target_os = "macos") {
        return Some(home?.join("Library/Jupyter"));
    }
    let data = variable("XDG_DATA_HOME").map(PathBuf::from).or_else(|| Some(home?.join(".local/share")))?;
    Some(data.join("jupyter"))
}

/// The Python environment that a shell has activated.
fn active_environment() -> Option<PathBuf> {
    variable("VIRTUAL_ENV").or_else(|| variable("CONDA_PREFIX")).map(PathBuf::from)
}

fn sys_prefix() -> Result<PathBuf, KernelspecError> {
    if let Some(environment) = active_environment() {
        return Ok(environment);
    }
    let mut tried = Vec::new();
    for python in ["python3", "python"] {
        let asked = Command::new(python).args(["-I", "-c", "import sys; print(sys.prefix)"]).output();
        match asked {
            Ok(output) if output.status.success() => {
                let text = String::from_utf8_lossy(&output.stdout);
                let prefix = PathBuf::from(text.trim_end_matches(['\n', '\r']));
                if prefix.is_absolute() {
                    return Ok(prefix);
                }
                tried.push(format!("`{python}` names no folder"));
            }
            Ok(output) => tried.push(format!("`{python}` ends with {}", output.status)),
            Err(error) => tried.push(format!("`{python}`: {error}")),
        }
    }
    Err(KernelspecError::NoPython(tried.join("; ")))
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn absolute(path: &Path) -> Result<PathBuf, KernelspecError> {
    std::path::absolute(path).map_err(|error| failed("used", path, error))
}

/// The name as Jupyter looks it up, in small letters.
fn valid_name(name: &str) -> Result<String, KernelspecError> {
    let fits = name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.len() <= 100
        && name.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character));
    if fits { Ok(name.to_ascii_lowercase()) } else { Err(KernelspecError::Name(name.to_owned())) }
}

/// The object in a `kernel.json`; `None` if there is no such file. One that is no object is nobody's, and not ours.
fn read(file: &Path) -> Result<Option<Map<String, Value>>, KernelspecError> {
    match fs::read(file) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(Value::Object(spec)) => Ok(Some(spec)),
            _ => Ok(Some(Map::new())),
        },
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(failed("read", file, error)),
    }
}

fn is_ours(spec: &Map<String, Value>) -> bool {
    spec.get("metadata").and_then(|metadata| metadata.get(MARK)).is_some_and(Value::is_object)
}

/// Writes a file so that whoever reads it finds the old text or the new one, whole.
fn replace(file: &Path, bytes: &[u8]) -> Result<(), KernelspecError> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = file.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|mut part| part.write_all(bytes).and_then(|()| part.sync_all()));
    match written.and_then(|()| fs::rename(&part, file)) {
        Ok(()) => Ok(()),
        Err(error) => {
            if error.kind() != io::ErrorKind::AlreadyExists {
                let _ = fs::remove_file(&part);
            }
            Err(failed("written", file, error))
        }
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> KernelspecError {
    KernelspecError::File { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernelspec(options: &[&str]) -> Kernelspec {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Kernelspec::new(NAME, None, PathBuf::from("/opt/oxikale"), options).unwrap()
    }

    fn spec(kernels: &Path, name: &str) -> Value {
        serde_json::from_slice(&fs::read(kernels.join(name).join(KERNEL_JSON)).unwrap()).unwrap()
    }

    #[test]
    fn a_kernelspec_is_written_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let kernels = folder.path().join("share/jupyter/kernels");
        let installed = kernelspec(&[]).install(&kernels).unwrap();
        assert_eq!(installed, Installed { folder: kernels.join(NAME), replaced: false });
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            spec(&kernels, NAME),
            json!({
                "argv": ["/opt/oxikale", "kernel", "run", "{connection_file}"],
                "display_name": "Rust (Oxikale)",
                "language": "rust",
                "interrupt_mode": "message",
                "metadata": {"debugger": false, "oxikale": {"version": version}},
            })
        );
        assert!(kernelspec(&["--engine=evcxr"]).install(&kernels).unwrap().replaced);
        let argv = json!(["/opt/oxikale", "kernel", "run", "--engine=evcxr", "{connection_file}"]);
        assert_eq!(spec(&kernels, NAME)["argv"], argv);
        let mut names: Vec<_> =
            fs::read_dir(kernels.join(NAME)).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"]);

        let removed = uninstall(NAME, &kernels).unwrap().unwrap();
        assert_eq!((removed.files.len(), removed.folder_stays), (4, false));
        assert!(!kernels.join(NAME).exists() && kernels.exists());
        assert_eq!(uninstall(NAME, &kernels).unwrap(), None);
    }

    #[test]
    fn what_a_user_has_added_stays() {
        let folder = tempfile::tempdir().unwrap();
        let kernels = folder.path();
        kernelspec(&[]).install(kernels).unwrap();
        let mut changed = spec(kernels, NAME);
        changed["env"] = json!({"RUST_LOG": "debug"});
        changed["metadata"]["mine"] = json!(1);
        fs::write(kernels.join(NAME).join(KERNEL_JSON), changed.to_string()).unwrap();
        fs::write(kernels.join(NAME).join("kernel.js"), "").unwrap();
        kernelspec(&[]).install(kernels).unwrap();
        assert_eq!(spec(kernels, NAME)["env"], json!({"RUST_LOG": "debug"}));
        assert_eq!(spec(kernels, NAME)["metadata"]["mine"], json!(1));
        assert!(uninstall(NAME, kernels).unwrap().unwrap().folder_stays);
        assert!(kernels.join(NAME).join("kernel.js").is_file());
    }

    #[test]
    fn a_kernelspec_of_others_is_left_alone() {
        for text in [r#"{"argv": ["evcxr_jupyter"], "language": "rust"}"#, "[]", "no json", ""] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join(NAME).join(KERNEL_JSON);
            fs::create_dir(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            assert!(matches!(kernelspec(&[]).install(folder.path()), Err(KernelspecError::Foreign(_))), "{text}");
            assert!(matches!(uninstall(NAME, folder.path()), Err(KernelspecError::Foreign(_))), "{text}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
            assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
        }
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("share");
        fs::write(&file, "").unwrap();
        let error = kernelspec(&[]).install(&file.join("jupyter/kernels")).unwrap_err();
        assert!(error.to_string().contains("cannot be created"), "{error}");
        // A folder where `kernel.json` would be: the logos that were written before are removed again.
        let kernels = folder.path().join("kernels");
        fs::create_dir_all(kernels.join(NAME).join(KERNEL_JSON)).unwrap();
        assert!(kernelspec(&[]).install(&kernels).is_err());
        assert_eq!(fs::read_dir(kernels.join(NAME)).unwrap().count(), 1);
    }

    #[test]
    fn names_are_jupyters() {
        for name in ["", ".", "..", "../x", "a/b", "rust kernel", "é", "-x", ".x"] {
            let error = Kernelspec::new(name, None, PathBuf::new(), Vec::new()).unwrap_err();
            assert!(error.to_string().contains("cannot be the name"), "{name}");
            assert!(uninstall(name, Path::new("/nowhere")).is_err());
        }
        let spec = Kernelspec::new("Rust-Evcxr", None, PathBuf::new(), Vec::new()).unwrap();
        assert_eq!((spec.name.as_str(), spec.display_name.as_str()), ("rust-evcxr", "Rust (Oxikale) · rust-evcxr"));
    }

    #[test]
    fn places_that_will_vanish_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let temporary = folder.path().canonicalize().unwrap().join("oxikale");
        assert!(passing_place(&temporary).is_some_and(|why| why.contains("temporary")));
        fs::write(folder.path().join(".rustc_info.json"), "{}").unwrap();
        assert!(passing_place(&temporary).is_some_and(|why| why.contains("cargo clean")));
        assert!(passing_place(Path::new("/usr/bin/oxikale (deleted)")).is_some());
        assert_eq!(passing_place(Path::new("/usr/bin/oxikale")), None);
    }
}
