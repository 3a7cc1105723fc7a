//! `oxikale kernel uninstall`: makes Jupyter forget this kernel.

use oxikale_kernel::kernelspec;
use serde_json::json;

use super::location::Place;
use crate::outcome::{OK, Outcome};
use crate::present::text::plain;
use crate::session::Session;

/// Make Jupyter forget this kernel
///
/// Removes what `oxikale kernel install` wrote at the same place, and nothing else.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  oxikale kernel uninstall\n  oxikale kernel uninstall --sys-prefix --name rust-nightly\n\n\
                  Exit codes: 0 it is not there any more; 2 the name belongs to another kernel; 4 it cannot be removed."
)]
pub struct Uninstall {
    #[command(flatten)]
    place: Place,
}

impl Uninstall {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let name = &self.place.name;
        let kernels = self.place.location().kernels()?;
        let removed = kernelspec::uninstall(name, &kernels)?;
        let elsewhere: Vec<_> = kernelspec::list().into_iter().map(|found| found.folder).collect();
        if session.json {
            session.print_json(&json!({
                "removed": removed.as_ref().map_or(&[][..], |removed| &removed.files),
                "folder": removed.as_ref().map(|removed| &removed.folder),
                "folder_stays": removed.as_ref().is_some_and(|removed| removed.folder_stays),
                "elsewhere": elsewhere,
            }))?;
            return Ok(OK);
        }
        match removed {
            Some(removed) => {
                let folder = plain(&removed.folder.display().to_string());
                session.print(&if removed.folder_stays {
                    format!("removed kernel.json and the logos from {folder}; the folder has other files and stays\n")
                } else {
                    format!("removed {folder}\n")
                })?;
            }
            None => session.print(&format!(
                "nothing to remove: there is no kernel `{}` in {}\n",
                plain(name),
                plain(&kernels.display().to_string())
            ))?,
        }
        for folder in elsewhere {
            session.note(&format!("there is one in {}", plain(&folder.display().to_string())));
        }
        Ok(OK)
    }
}
