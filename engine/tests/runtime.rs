//! The runtime of cells in the cache: compiled once, whole, and again when it was damaged.

use std::fs;
use std::time::SystemTime;

use oxikale_engine::Toolchain;
use oxikale_engine::host::Runtime;

fn toolchain() -> Toolchain {
    Toolchain::find(None).expect("a compiler")
}

fn written(runtime: &Runtime) -> SystemTime {
    fs::metadata(&runtime.dylib).unwrap().modified().unwrap()
}

#[test]
fn it_is_compiled_once_also_by_two_engines_at_a_time_and_again_when_damaged() {
    let (toolchain, cache) = (toolchain(), tempfile::tempdir().unwrap());
    let ensure = || Runtime::ensure(&toolchain, cache.path()).unwrap();
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(ensure);
        (ensure(), other.join().unwrap())
    });
    assert_eq!(first, second);
    let before = written(&first);
    assert_eq!(ensure(), first);
    assert_eq!(written(&first), before);

    fs::write(&first.dylib, "cut short").unwrap();
    assert_eq!(ensure(), first);
    assert!(written(&first) > before && fs::metadata(&first.dylib).unwrap().len() > 10_000);
    fs::remove_file(&first.executable).unwrap();
    assert_eq!(ensure(), first);
    assert!(first.executable.is_file());

    // Nothing half made stays.
    let left: Vec<_> =
        fs::read_dir(first.folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, std::slice::from_ref(&first.folder));
}

#[test]
fn a_cache_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("file");
    fs::write(&cache, "").unwrap();
    let error = Runtime::ensure(&toolchain(), &cache).unwrap_err();
    assert!(error.message.contains(&cache.display().to_string()), "{error}");
    assert!(error.message.contains("choose another cache folder"), "{error}");
}

#[test]
fn a_compiler_that_fails_is_quoted() {
    let (cache, mut toolchain) = (tempfile::tempdir().unwrap(), toolchain());
    toolchain.rustc = "/bin/false".into();
    let error = Runtime::ensure(&toolchain, cache.path()).unwrap_err();
    assert!(error.message.contains("/bin/false"), "{error}");
    toolchain.rustc = "/nonexistent/rustc".into();
    let error = Runtime::ensure(&toolchain, cache.path()).unwrap_err();
    assert!(error.message.contains("/nonexistent/rustc cannot be started"), "{error}");
}
