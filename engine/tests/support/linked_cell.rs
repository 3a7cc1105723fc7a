//! Compiles cells written by hand against a session's crates, and runs them in a process that loads them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use oxikale_engine::Toolchain;
use oxikale_engine::deps::Externs;

/// The program that loads libraries: `load <path>` keeps one, `run <path>` calls its `cell`, `block_on <symbol>` and
/// `install_pool <symbol>` call the hooks.
const LOADER: &str = r#"
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::future::Future;
use std::pin::Pin;
unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlerror() -> *const c_char;
}
fn check(pointer: *mut c_void) -> *mut c_void {
    if pointer.is_null() {
        eprintln!("{}", unsafe { CStr::from_ptr(dlerror()) }.to_string_lossy());
        std::process::exit(7);
    }
    pointer
}
fn open(path: &str, flags: c_int) -> *mut c_void {
    let path = CString::new(path).unwrap();
    check(unsafe { dlopen(path.as_ptr(), flags) })
}
fn symbol(library: *mut c_void, name: &str) -> *mut c_void {
    let name = CString::new(name).unwrap();
    check(unsafe { dlsym(library, name.as_ptr()) })
}
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        let [what, name] = pair else { panic!("arguments come in pairs") };
        match what.as_str() {
            "load" => drop(open(name, 0x102)),
            "run" => {
                let cell: fn() = unsafe { std::mem::transmute(symbol(open(name, 2), "cell")) };
                cell();
            }
            "block_on" => {
                type Hook = fn(u64, Pin<&mut dyn Future<Output = ()>>);
                let hook: Hook = unsafe { std::mem::transmute(symbol(std::ptr::null_mut(), name)) };
                for generation in [0, 0, 1] {
                    let mut shown = false;
                    hook(generation, std::pin::pin!(async { shown = true }));
                    println!("generation {generation}: {shown}");
                }
            }
            "install_pool" => {
                let hook: fn() -> bool = unsafe { std::mem::transmute(symbol(std::ptr::null_mut(), name)) };
                println!("first {} second {}", hook(), hook());
            }
            other => panic!("{other}"),
        }
    }
}
"#;

/// The compiler, and a folder for what it makes.
pub struct Bench {
    toolchain: Toolchain,
    folder: PathBuf,
}

impl Bench {
    pub fn new(toolchain: &Toolchain, folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        Self { toolchain: toolchain.clone(), folder: folder.to_path_buf() }
    }

    /// The library of a cell with this body.
    pub fn cell(&self, name: &str, externs: &Externs, body: &str) -> Result<(PathBuf, Duration), String> {
        let file = self.folder.join(format!("{name}.rs"));
        let library = self.folder.join(format!("lib{name}.so"));
        let linked: String = externs.dylibs.iter().map(|(name, _)| format!("extern crate {name} as _;\n")).collect();
        let (items, body) = body.split_once("---").unwrap_or(("", body));
        let source = format!("{linked}{items}\n#[unsafe(no_mangle)] pub fn cell() {{ {body} }}\n");
        fs::write(&file, source).expect("the source is written");
        let mut command = Command::new(&self.toolchain.rustc);
        command.args(["--edition", "2024", "--crate-type", "cdylib", "-C", "prefer-dynamic"]);
        command.args(["--emit=link,mir", "-Ztrim-diagnostic-paths=no"]).env("RUSTC_BOOTSTRAP", "1");
        for (name, path) in externs.crates.iter().chain(&externs.dylibs) {
            command.arg("--extern").arg(assign(name, path));
        }
        for (kind, folders) in [("dependency", &externs.search), ("native", &externs.native)] {
            for folder in folders {
                command.arg("-L").arg(assign(kind, folder));
            }
        }
        let start = Instant::now();
        let output = command.arg("--out-dir").arg(&self.folder).arg(&file).output().expect("rustc runs");
        let time = start.elapsed();
        match output.status.success() {
            true => Ok((library, time)),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// What the loader prints when it loads the dylibs and then does this.
    pub fn load(&self, externs: &Externs, arguments: &[(&str, &str)]) -> String {
        let loader = self.folder.join("loader");
        if !loader.exists() {
            let source = self.folder.join("loader.rs");
            fs::write(&source, LOADER).expect("the loader is written");
            let mut command = Command::new(&self.toolchain.rustc);
            command.args(["--edition", "2024", "-C", "prefer-dynamic", "-o"]).arg(&loader).arg(&source);
            let output = command.output().expect("rustc runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let mut command = Command::new(&loader);
        command.env("LD_LIBRARY_PATH", &self.toolchain.libraries);
        for (_, path) in &externs.dylibs {
            command.arg("load").arg(path);
        }
        for (what, name) in arguments {
            command.args([what, name]);
        }
        let output = command.output().expect("the loader runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// Compiles a cell and runs it; what it prints.
    pub fn run(&self, name: &str, externs: &Externs, body: &str) -> String {
        let (library, _) = self.cell(name, externs, body).unwrap_or_else(|said| panic!("{said}"));
        self.load(externs, &[("run", library.to_str().expect("a path in UTF-8"))])
    }
}

fn assign(name: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(name);
    argument.push("=");
    argument.push(path);
    argument
}

/// A cache that stays between runs of the tests, so that crates are built once.
pub fn lasting_cache() -> PathBuf {
    let folder = env::var_os("OXIKALE_TEST_CACHE").map(PathBuf::from);
    folder.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
}
