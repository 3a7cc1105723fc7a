//! Takes a group of figures in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use super::groups::Group;
use super::session::{Place, Result, Side};

/// The first argument of such a process; the group, the side, the cache and the folder follow.
pub const ARGUMENT: &str = "alone";

/// Figures by name: seconds, or bytes.
pub type Figures = Vec<(String, f64)>;

/// Starts such processes.
pub struct Alone {
    program: PathBuf,
    cache: PathBuf,
    folder: PathBuf,
}

impl Alone {
    /// With a cache and a working folder inside `place`.
    pub fn new(place: &Path) -> Result<Self> {
        let (cache, folder) = (place.join("cache"), place.join("folder"));
        fs::create_dir_all(&cache)?;
        fs::create_dir_all(&folder)?;
        Ok(Self { program: env::current_exe()?, cache, folder })
    }

    /// Forgets what was compiled of cells; the runtime and the crates stay built.
    pub fn forget_cells(&self) -> Result<()> {
        for kind in ["cells", "units"] {
            match fs::remove_dir_all(self.cache.join("engine").join(kind)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(format!("the compiled {kind} cannot be removed: {error}").into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The figures of a group.
    pub fn measure(&self, group: Group, side: Side) -> Result<Figures> {
        let mut command = Command::new(&self.program);
        command.args([ARGUMENT, group.name(), side.name()]).arg(&self.cache).arg(&self.folder);
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("{} with {} could not be measured", group.name(), side.name()).into());
        }
        let text = String::from_utf8(output.stdout)?;
        text.lines().map(figure).collect()
    }
}

fn figure(line: &str) -> Result<(String, f64)> {
    let (value, name) = line.split_once(' ').ok_or_else(|| format!("not a figure: {line}"))?;
    Ok((name.to_owned(), value.parse()?))
}

/// What such a process does.
pub fn serve(arguments: &[String]) -> Result<()> {
    let [group, side, cache, folder] = arguments else {
        return Err(format!("`{ARGUMENT}` is for the benchmark itself").into());
    };
    let side = if side == Side::Evcxr.name() { Side::Evcxr } else { Side::Direct };
    let place = Place { cache: Path::new(cache), folder: Path::new(folder) };
    for (name, value) in Group::named(group)?.take(side, place)? {
        println!("{value} {name}");
    }
    Ok(())
}
