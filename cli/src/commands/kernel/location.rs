//! The options that say where a kernelspec lies, and what it is called.

use std::path::PathBuf;

use clap::ValueHint;
use oxikale_kernel::kernelspec::{self, KernelspecError, Location};

use crate::outcome::Failure;

/// Which kernelspec, and where.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// In the user's own folder, for every Jupyter of this user; this is the default
    #[arg(long, conflicts_with_all = ["prefix", "sys_prefix"])]
    user: bool,
    /// In FOLDER/share/jupyter, such as the folder of a virtual environment
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, conflicts_with = "sys_prefix")]
    prefix: Option<PathBuf>,
    /// In the active Python environment, or else in that of the `python3` on the PATH
    #[arg(long)]
    sys_prefix: bool,
    /// The kernelspec's name, which notebooks refer to
    #[arg(long, value_name = "NAME", default_value = kernelspec::NAME)]
    pub name: String,
}

impl Place {
    /// The place that was asked for.
    pub fn location(&self) -> Location {
        match &self.prefix {
            Some(prefix) => Location::Prefix(prefix.clone()),
            None if self.sys_prefix => Location::SysPrefix,
            None => Location::User,
        }
    }
}

impl From<KernelspecError> for Failure {
    fn from(error: KernelspecError) -> Self {
        let message = error.to_string();
        match error {
            KernelspecError::Name(_) | KernelspecError::Foreign(_) => Self::usage(message),
            _ => Self::environment(message),
        }
    }
}
