//! `oxikale kernel install`, `uninstall` and `doctor`: what Jupyter finds afterwards, and what is told.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::{Done, Place};

/// The command on a machine where nothing is found but in these folders.
fn bare(place: &Place, home: &Path, path: &str, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    for name in [
        "CARGO",
        "CONDA_PREFIX",
        "JUPYTER_DATA_DIR",
        "JUPYTER_PATH",
        "RUSTC",
        "RUST_SRC_PATH",
        "VIRTUAL_ENV",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
    ] {
        command.env_remove(name);
    }
    command.env("PATH", path).env("HOME", home);
    command
}

fn call(place: &Place, home: &Path, arguments: &[&str]) -> Done {
    Done::of(bare(place, home, "", arguments).output().unwrap())
}

fn kernel_json(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("kernel.json")).unwrap()).unwrap()
}

#[test]
fn a_kernelspec_is_installed_again_and_removed() {
    let place = Place::new("kernel-install");
    let home = tempfile::tempdir().unwrap();
    let prefix = home.path().join("env");
    let text = prefix.to_str().unwrap();
    let folder = prefix.join("share/jupyter/kernels/oxikale");

    let done = call(&place, home.path(), &["kernel", "install", "--prefix", text]).exits(0);
    assert_eq!(done.out, format!("installed the kernel Rust (Oxikale) in {}\n", folder.display()));
    assert!(done.err.contains("pip install jupyterlab"), "{}", done.err);
    assert!(done.err.contains("warning: the kernelspec starts") && done.err.contains("cargo clean"), "{}", done.err);
    let program = fs::canonicalize(env!("CARGO_BIN_EXE_oxikale")).unwrap();
    let spec = kernel_json(&folder);
    assert_eq!(spec["argv"], json!([program, "kernel", "run", "{connection_file}"]));
    assert_eq!(spec["interrupt_mode"], "message");
    assert_eq!(spec["language"], "rust");
    assert!(spec.get("kernel_protocol_version").is_none());
    assert!(fs::read(folder.join("logo-64x64.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(fs::read_to_string(folder.join("logo-svg.svg")).unwrap().starts_with("<svg"));

    let again = ["kernel", "install", "--prefix", text, "--memory-limit", "1GiB", "--toolchain", "nightly", "--json"];
    let done = call(&place, home.path(), &again).exits(0).json();
    assert_eq!(done["replaced"], true);
    assert_eq!(done["folder"], json!(folder));
    let options =
        json!([program, "kernel", "run", "--toolchain=nightly", "--memory-limit=1073741824", "{connection_file}"]);
    assert_eq!(kernel_json(&folder)["argv"], options);

    let done = call(&place, home.path(), &["kernel", "uninstall", "--prefix", text]).exits(0);
    assert_eq!(done.out, format!("removed {}\n", folder.display()));
    assert!(!folder.exists());
    let done = call(&place, home.path(), &["kernel", "uninstall", "--prefix", text]).exits(0);
    assert!(done.out.starts_with("nothing to remove: there is no kernel `oxikale` in "), "{}", done.out);
}

#[test]
fn jupyters_own_variables_say_where() {
    let place = Place::new("kernel-places");
    let home = tempfile::tempdir().unwrap();
    let here = |name: &str| home.path().join(name);
    let installed = |arguments: &[&str], variables: &[(&str, &Path)]| {
        let mut all = vec!["kernel", "install", "--json"];
        all.extend(arguments);
        let mut command = bare(&place, home.path(), "", &all);
        command.envs(variables.iter().map(|(name, value)| (*name, value.as_os_str())));
        let done = Done::of(command.output().unwrap()).exits(0).json();
        done["folder"].as_str().unwrap().to_owned()
    };
    let kernels = |folder: &Path| folder.join("kernels/oxikale").to_str().unwrap().to_owned();
    if cfg!(target_os = "linux") {
        assert_eq!(installed(&[], &[]), kernels(&here(".local/share/jupyter")));
        assert_eq!(installed(&["--user"], &[("XDG_DATA_HOME", &here("data"))]), kernels(&here("data/jupyter")));
    }
    assert_eq!(installed(&[], &[("JUPYTER_DATA_DIR", &here("own"))]), kernels(&here("own")));
    let environment = ("VIRTUAL_ENV", here("venv"));
    let environment: [(&str, &Path); 1] = [(environment.0, &environment.1)];
    assert_eq!(installed(&["--sys-prefix"], &environment), kernels(&here("venv/share/jupyter")));

    let bin = here("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("python3"), format!("#!/bin/sh\necho '{}'\n", here("py").display())).unwrap();
    fs::set_permissions(bin.join("python3"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(installed(&["--sys-prefix"], &[("PATH", &bin)]), kernels(&here("py/share/jupyter")));
    let done = call(&place, home.path(), &["kernel", "install", "--sys-prefix"]).exits(4);
    assert!(done.err.contains("`--prefix`"), "{}", done.err);
}

#[test]
fn what_cannot_be_done_is_told_and_leaves_nothing() {
    let place = Place::new("kernel-refused");
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let done = call(&place, home.path(), &["kernel", "install", "--prefix", file.to_str().unwrap()]).exits(4);
    assert!(done.err.contains("cannot be created"), "{}", done.err);

    let closed = home.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser may write anywhere.
    if fs::create_dir(closed.join("probe")).is_err() {
        let done = call(&place, home.path(), &["kernel", "install", "--prefix", closed.to_str().unwrap()]).exits(4);
        assert!(done.err.contains("--user"), "{}", done.err);
    }
    let done = call(&place, home.path(), &["kernel", "install", "--name", "../x"]).exits(2);
    assert!(done.err.contains("cannot be the name of a kernel"), "{}", done.err);
    let both = call(&place, home.path(), &["kernel", "install", "--user", "--sys-prefix"]).exits(2);
    assert!(both.err.contains("cannot be used with"), "{}", both.err);

    let prefix = home.path().join("env");
    let other = prefix.join("share/jupyter/kernels/rust");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("kernel.json"), r#"{"argv": ["evcxr_jupyter"]}"#).unwrap();
    for command in ["install", "uninstall"] {
        let arguments = ["kernel", command, "--name", "rust", "--prefix", prefix.to_str().unwrap()];
        let done = call(&place, home.path(), &arguments).exits(2);
        assert!(done.err.contains("another kernel"), "{}", done.err);
    }
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
}

#[test]
fn the_doctor_says_what_is_missing_on_an_empty_path() {
    let place = Place::new("kernel-doctor-bare");
    let home = tempfile::tempdir().unwrap();
    let done = call(&place, home.path(), &["kernel", "doctor"]).exits(1);
    for line in ["✗ rustc", "✗ cargo", "✗ linker", "! rustup", "! std sources", "! jupyter", "! kernelspec", "✗ cell"]
    {
        assert!(done.out.contains(line), "{line}: {}", done.out);
    }
    for advice in ["https://rustup.rs", "gcc", "rustup component add rust-src", "oxikale kernel install"] {
        assert!(done.out.contains(advice), "{advice}: {}", done.out);
    }
    assert!(done.err.contains("cells do not run here yet"), "{}", done.err);
    let done = call(&place, home.path(), &["kernel", "doctor", "--json"]).exits(1).json();
    assert_eq!(done["cells_run"], false);
    assert!(done["findings"].as_array().unwrap().iter().any(|finding| finding["subject"] == "linker"));
}

#[test]
fn the_doctor_runs_a_cell() {
    let place = Place::new("kernel-doctor");
    let jupyter = tempfile::tempdir().unwrap();
    let doctor = || {
        let mut command = place.command(&["kernel", "doctor", "--json"]);
        command.env("JUPYTER_DATA_DIR", jupyter.path()).env_remove("JUPYTER_PATH").env_remove("VIRTUAL_ENV");
        Done::of(command.output().unwrap()).exits(0).json()
    };
    let finding = |report: &Value, subject: &str| {
        report["findings"].as_array().unwrap().iter().find(|finding| finding["subject"] == subject).unwrap().clone()
    };
    let report = doctor();
    assert_eq!(report["cells_run"], true);
    for subject in ["rustc", "cargo", "linker", "cache", "data", "cell"] {
        assert_eq!(finding(&report, subject)["state"], "good", "{report:#}");
    }
    let mut install = place.command(&["kernel", "install"]);
    Done::of(install.env("JUPYTER_DATA_DIR", jupyter.path()).output().unwrap()).exits(0);
    assert_eq!(finding(&doctor(), "kernelspec")["state"], "good");

    // A program that was moved away.
    let folder = jupyter.path().join("kernels/oxikale");
    let mut spec = kernel_json(&folder);
    let gone = jupyter.path().join("gone");
    symlink("nowhere", &gone).unwrap();
    spec["argv"][0] = json!(gone);
    fs::write(folder.join("kernel.json"), spec.to_string()).unwrap();
    let told = finding(&doctor(), "kernelspec");
    assert_eq!(told["state"], "lacking");
    assert!(told["advice"].as_str().unwrap().contains("oxikale kernel install"), "{told}");
}
