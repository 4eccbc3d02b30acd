//! What a look finds in real folders.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::super::look::{Look, Looker};
use super::super::name::Ignore;
use super::*;

struct Place {
    home: TempDir,
    looker: Looker,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("watched");
        fs::create_dir(&folder).expect("the folder is made");
        let looker = Looker {
            folder,
            ignore: Arc::new(Ignore::default()),
            capacity: 1_000,
        };
        Self { home, looker }
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.looker.folder.join(path)
    }

    fn write(&self, path: impl AsRef<Path>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folders are made");
        fs::write(path, "text").expect("the file is written");
    }

    fn look(&self, path: &str) -> (Look, Vec<String>) {
        let looks = self.looker.look(&[path.to_owned()]).expect("it is there");
        let look = looks.looks.into_iter().next().expect("one path, one look");
        (look, looks.problems.told)
    }

    fn files(&self, path: &str) -> Vec<String> {
        let (look, _) = self.look(path);
        let mut files: Vec<String> = look.files.into_iter().map(|(path, _)| path).collect();
        files.sort();
        files
    }
}

#[test]
fn every_file_below_the_folder_is_found_with_its_state() {
    let place = Place::new();
    place.write("a.pdf");
    place.write("deep/down/b.pdf");
    fs::create_dir(place.path("empty")).expect("it is made");
    assert_eq!(place.files(""), ["a.pdf", "deep/down/b.pdf"]);
    assert_eq!(place.files("deep"), ["deep/down/b.pdf"]);
    assert_eq!(place.files("deep/down/b.pdf"), ["deep/down/b.pdf"]);
    assert_eq!(place.files("missing/b.pdf"), [""; 0]);
    assert_eq!(place.files("a.pdf/b.pdf"), [""; 0]);

    let (look, problems) = place.look("a.pdf");
    let (_, state) = look.files[0];
    assert_eq!(state.size, 4);
    assert_ne!(state.inode, 0);
    assert!(SystemClock.now().since(state.modified) < Duration::from_secs(600));
    assert_eq!((look.unread, problems), (vec![], vec![]));
}

#[test]
fn temporary_and_hidden_files_are_left_out_and_folders_only_if_hidden() {
    let place = Place::new();
    for path in [
        ".hidden",
        "a.part",
        "b.tmp",
        "c~",
        "d.pdf.ocTransferId17.part",
        ".git/config",
        "drafts.tmp/kept",
    ] {
        place.write(path);
    }
    assert_eq!(place.files(""), ["drafts.tmp/kept"]);
    for path in ["a.part", ".git/config", ".git", ".hidden"] {
        assert_eq!(place.files(path), [""; 0], "{path}");
    }
}

#[test]
fn no_link_is_followed_wherever_it_leads() {
    let place = Place::new();
    fs::create_dir(place.home.path().join("outside")).expect("it is made");
    fs::write(place.home.path().join("outside/secret"), "text").expect("it is written");
    place.write("inside/file");
    for (target, link) in [
        ("../outside", "folder-out"),
        ("../outside/secret", "file-out"),
        ("inside", "folder-in"),
        ("inside/file", "file-in"),
        (".", "itself"),
        ("nowhere", "dangling"),
        ("/etc", "absolute"),
    ] {
        symlink(target, place.path(link)).expect("the link is made");
    }
    assert_eq!(place.files(""), ["inside/file"]);
    for path in [
        "folder-out",
        "folder-out/secret",
        "file-out",
        "folder-in/file",
        "file-in",
        "itself/inside/file",
        "absolute/passwd",
        "../outside/secret",
    ] {
        let (look, _) = place.look(path);
        assert_eq!(look.files, [], "{path}");
    }
}

#[test]
fn the_watched_path_itself_may_be_a_link() {
    let mut place = Place::new();
    place.write("a");
    let link = place.home.path().join("link");
    symlink("watched", &link).expect("the link is made");
    place.looker.folder = link;
    assert_eq!(place.files(""), ["a"]);
}

#[test]
fn pipes_sockets_and_devices_are_left_alone() {
    let place = Place::new();
    place.write("file");
    let make = |name, kind, device| {
        let (mode, device) = (Mode::RUSR | Mode::WUSR, device);
        mknodat(CWD, place.path(name), kind, mode, device)
    };
    make("pipe", FileType::Fifo, 0).expect("a pipe is made");
    make("socket", FileType::Socket, 0).expect("a socket is made");
    // Not everybody may make a device, not even root in a container.
    let _not_allowed = make("device", FileType::CharacterDevice, makedev(1, 5));
    assert_eq!(place.files(""), ["file"]);
    for name in ["pipe", "socket", "device"] {
        let (look, problems) = place.look(name);
        assert_eq!((look.files, problems), (vec![], vec![]), "{name}");
    }
}

#[test]
fn hostile_names_are_names() {
    let place = Place::new();
    let long = "x".repeat(255);
    let names: [&[u8]; 6] = [
        b"$(reboot)",
        b"new\nline",
        b"\x1b[31mred",
        b"-rf",
        b"caf\xe9",
        long.as_bytes(),
    ];
    for name in names {
        place.write(Path::new("in").join(OsStr::from_bytes(name)));
    }
    // Names that begin with a dot are hidden, and so are those that look like the way out.
    place.write("in/..\\x");
    place.write("in/...");
    let mut expected = [
        "in/$(reboot)".to_owned(),
        "in/new\nline".to_owned(),
        "in/\x1b[31mred".to_owned(),
        "in/-rf".to_owned(),
        r"in/caf\xe9".to_owned(),
        format!("in/{long}"),
    ];
    expected.sort();
    assert_eq!(place.files(""), expected);
    for path in expected {
        assert_eq!(place.files(&path), [path]);
    }
}

#[test]
fn folders_that_are_nested_too_deep_are_said_and_not_entered() {
    let place = Place::new();
    let deep = |depth: usize| vec!["d"; depth].join("/");
    place.write(format!("{}/found", deep(64)));
    place.write(format!("{}/lost", deep(65)));
    let (look, problems) = place.look("");
    let paths: Vec<String> = look.files.into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [format!("{}/found", deep(64))]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("more than 64 folders"), "{problems:?}");
    // The same is found when word leads there.
    assert_eq!(place.files(&format!("{}/found", deep(64))).len(), 1);
    assert_eq!(place.files(&deep(65)), [""; 0]);
}

#[test]
fn a_path_that_is_too_long_is_said_and_left_out() {
    let place = Place::new();
    let mut folder = fs::File::open(&place.looker.folder).expect("it is there");
    let name = "n".repeat(250);
    for _ in 0..20 {
        rustix::fs::mkdirat(&folder, &name, Mode::RWXU).expect("it is made");
        folder = rustix::fs::openat(&folder, &name, rustix::fs::OFlags::RDONLY, Mode::empty())
            .expect("it is there")
            .into();
    }
    let (look, problems) = place.look("");
    assert_eq!((look.files, look.unread), (vec![], vec![]));
    assert!(
        problems[0].ends_with("its path is too long"),
        "{problems:?}"
    );
}

#[test]
fn more_files_than_there_may_be_are_said_and_nothing_counts_as_gone() {
    let mut place = Place::new();
    for number in 0..10 {
        place.write(format!("in/{number}"));
    }
    place.looker.capacity = 7;
    let (look, problems) = place.look("");
    assert_eq!(look.files.len(), 7);
    assert_eq!(look.unread, [""]);
    assert_eq!(problems.len(), 1);
}

/// Does something on a thread whose user may only read what its rights allow, as root may read everything.
fn without_privileges<T: Send>(something: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut sets = capabilities(None).expect("the rights are known");
            sets.effective
                .remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
            set_capabilities(None, sets).expect("rights can be given up");
            something()
        });
        thread.join().expect("it does not panic")
    })
}

#[test]
fn a_folder_that_may_not_be_read_is_said_and_the_rest_is_found() {
    let place = Place::new();
    place.write("closed/a");
    place.write("open/b");
    place.write("unsearchable/c");
    let set = |path, mode| {
        let rights = fs::Permissions::from_mode(mode);
        fs::set_permissions(place.path(path), rights).expect("the rights are set");
    };
    set("closed", 0o000);
    // Its names can be listed, and nothing be asked about them.
    set("unsearchable", 0o400);
    let (whole, direct) = without_privileges(|| (place.look(""), place.look("closed/a")));
    set("closed", 0o700);
    set("unsearchable", 0o700);

    let (look, mut problems) = whole;
    let files: Vec<_> = look.files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(files, ["open/b"]);
    let mut unread = look.unread;
    unread.sort();
    assert_eq!(unread, ["closed", "unsearchable"]);
    problems.sort();
    assert!(
        problems[0].starts_with("`closed` cannot be read: "),
        "{problems:?}"
    );
    assert_eq!(
        (direct.0.files, direct.0.unread),
        (vec![], vec!["closed/a".to_owned()])
    );
}

#[test]
fn a_folder_that_may_not_be_read_at_all_is_an_error() {
    let place = Place::new();
    place.write("a");
    let folder = &place.looker.folder;
    let set = |mode| {
        let rights = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder, rights).expect("the rights are set");
    };
    set(0o000);
    let looked = without_privileges(|| place.looker.look(&[String::new()]).err());
    set(0o700);
    let error = looked.expect("it may not be read");
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);

    fs::remove_dir_all(folder).expect("it is removed");
    assert!(place.looker.look(&[String::new()]).is_err());
    fs::write(folder, "a file").expect("it is written");
    assert!(place.looker.look(&[String::new()]).is_err());
}

#[test]
fn a_folder_that_may_be_listed_and_not_entered_is_unread_once() {
    let place = Place::new();
    for number in 0..50 {
        place.write(format!("in/{number}"));
    }
    let set = |path, mode| {
        let rights = fs::Permissions::from_mode(mode);
        fs::set_permissions(place.path(path), rights).expect("the rights are set");
    };
    set("in", 0o400);
    let (look, problems) = without_privileges(|| place.look(""));
    set("in", 0o700);
    assert_eq!(look.unread, ["in"]);
    assert_eq!(problems.len(), 1, "{problems:?}");

    // In the watched folder itself nothing can be found then.
    set("", 0o400);
    let looked = without_privileges(|| place.looker.look(&[String::new()]).err());
    set("", 0o700);
    let error = looked.expect("it may not be entered");
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
}
