//! What the compiler says of the machine that cells are compiled for.

use std::process::{Command, Stdio};

use oxikale_engine::Surroundings;
use ra_ap_base_db::Version;
use ra_ap_base_db::target::{Arch, TargetData, TargetLoadResult};
use ra_ap_hir::{CfgAtom, Symbol};

/// The machine that cells are compiled for.
pub(super) struct Target {
    /// `unix`, `target_os = "linux"`, …
    pub(super) cfg: Vec<CfgAtom>,
    /// How it lays out memory.
    pub(super) layout: TargetLoadResult,
    /// The compiler's version: what is unstable is offered by a nightly one only.
    pub(super) version: Option<Version>,
}

impl Target {
    /// Asks the compiler; what is most common where it does not answer.
    pub(super) fn ask(surroundings: &Surroundings) -> Self {
        let said = Command::new(&surroundings.rustc)
            .args(["--print=cfg", "--print=target-spec-json", "-Zunstable-options"])
            // How memory is laid out is said to those only who use unstable features.
            .env("RUSTC_BOOTSTRAP", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        let said =
            said.ok().filter(|output| output.status.success()).and_then(|output| String::from_utf8(output.stdout).ok());
        let said = said.unwrap_or_else(|| COMMON.to_owned());
        let (cfg, specification) = said.split_at(said.find("{\n").unwrap_or(said.len()));
        let layout = serde_json::from_str::<serde_json::Value>(specification)
            .ok()
            .and_then(|specification| Some(specification.get("data-layout")?.as_str()?.into()))
            .map(|data_layout| TargetData { data_layout, arch: Arch::Other })
            .ok_or_else(|| "the compiler does not say how it lays out memory".into());
        let release = surroundings.version.lines().find_map(|line| line.strip_prefix("release: "));
        let version = release.and_then(|release| Version::parse(release.trim()).ok());
        Self { cfg: cfg.lines().filter_map(atom).collect(), layout, version }
    }
}

const COMMON: &str = "debug_assertions\ntarget_arch=\"x86_64\"\ntarget_endian=\"little\"\ntarget_env=\"gnu\"\n\
                      target_family=\"unix\"\ntarget_has_atomic=\"8\"\ntarget_has_atomic=\"16\"\n\
                      target_has_atomic=\"32\"\ntarget_has_atomic=\"64\"\ntarget_has_atomic=\"ptr\"\n\
                      target_os=\"linux\"\ntarget_pointer_width=\"64\"\nunix\npanic=\"unwind\"\n";

/// A condition as cargo and rustc write it: `unix` or `target_os="linux"`.
pub(super) fn atom(text: &str) -> Option<CfgAtom> {
    let text = text.trim();
    match text.split_once('=') {
        Some((key, value)) => {
            let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
            Some(CfgAtom::KeyValue { key: Symbol::intern(key.trim()), value: Symbol::intern(value) })
        }
        None => (!text.is_empty()).then(|| CfgAtom::Flag(Symbol::intern(text))),
    }
}
