//! `oxikale.pipeline`: what `%pipeline` does, for a panel.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Comm;
use crate::kernel::Kernel;

pub(super) fn receive(_kernel: &Arc<Kernel>, _comm: &Comm, _data: &Map<String, Value>) {}
