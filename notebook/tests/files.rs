//! Notebooks in files.

use std::fs;

use oxikale_notebook::{CellKind, Notebook, ReadErrorKind};
use serde_json::Map;

fn notebook() -> Notebook {
    Notebook::new(vec![(CellKind::Code, "x".to_owned(), vec![])], Map::new())
}

#[test]
fn a_file_is_written_and_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.ipynb");
    notebook().write(&path).expect("written");
    let mut read = Notebook::read(&path).expect("read");
    assert_eq!(read.to_text(), notebook().to_text());
    read.set_source(0, "y").expect("source");
    read.write(&path).expect("written again");
    assert_eq!(fs::read_to_string(&path).expect("text"), read.to_text());
    let names: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["a.ipynb"]);
}

#[test]
fn what_cannot_be_read_is_said_with_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.ipynb");
    let error = Notebook::read(&path).expect_err("there is no file");
    assert_eq!((error.kind(), error.path()), (ReadErrorKind::File, Some(path.as_path())));
    for (bytes, byte) in [(&b"{\n\xff"[..], Some(2)), (b"\xff\xfe{\0}\0", None)] {
        fs::write(&path, bytes).expect("written");
        let error = Notebook::read(&path).expect_err("not UTF-8");
        assert_eq!((error.kind(), error.place().map(|place| place.byte)), (ReadErrorKind::File, byte));
        assert!(error.to_string().contains("a.ipynb"), "{error}");
    }
    fs::write(&path, "{").expect("written");
    assert_eq!(Notebook::read(&path).expect_err("not JSON").path(), Some(path.as_path()));
    assert_eq!(Notebook::read(folder.path()).expect_err("a folder").kind(), ReadErrorKind::File);
}

#[test]
fn a_failed_write_leaves_the_folder_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(notebook().write(folder.path().join("no").join("a.ipynb")).is_err());
    let target = folder.path().join("taken");
    fs::create_dir(&target).expect("a folder");
    assert!(notebook().write(&target).is_err());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.ipynb");
    notebook().write(&path).expect("written");
    let plain = folder.path().join("plain");
    fs::write(&plain, "").expect("written");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&path), mode(&plain));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("permissions");
    let link = folder.path().join("link.ipynb");
    symlink(&path, &link).expect("a link");
    let mut changed = notebook();
    changed.set_source(0, "changed").expect("source");
    changed.write(&link).expect("written");
    assert!(fs::symlink_metadata(&link).expect("metadata").is_symlink());
    assert_eq!(mode(&path), 0o640);
    assert_eq!(Notebook::read(&path).expect("read").cells()[0].source, "changed");
}
