//! Opening what lies under a root, so that the kernel itself holds it there.
//!
//! A worker must not wait for a disk. So everything is first tried without waiting (`RESOLVE_CACHED` for
//! names, `RWF_NOWAIT` for contents), which answers all that the kernel has in memory; only what it has not is
//! done again by a thread that may wait (`cache.rs`, `content.rs`).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2};
use rustix::io::Errno;

/// How often a name is resolved again when folders were renamed meanwhile.
const TRIES: usize = 16;

/// What is made of symbolic links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// A name that leads through one is not there.
    Refuse,
    /// They are followed as long as they lead to a place beneath the root.
    #[default]
    Inside,
    /// They are followed wherever they lead.
    Follow,
}

/// Whether the calling thread may wait for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    None,
    Waits,
}

/// Which state of which file: what is equal has the same contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: Duration,
    changed: Duration,
}

/// What a name stands for.
#[derive(Debug)]
pub enum Opened {
    File(OwnedFd, Identity),
    Folder,
    /// Nothing, or nothing that is served.
    Missing,
    Forbidden,
}

/// Opens a root, wherever its path leads.
///
/// # Errors
///
/// It is no folder, or cannot be opened; `WouldBlock` as by [`open`].
pub fn root(path: &Path, patience: Patience) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = if patience == Patience::None { ResolveFlags::CACHED } else { ResolveFlags::empty() };
    Ok(openat2(CWD, path, flags, Mode::empty(), resolve)?)
}

/// Opens a name under a root; it is relative and not empty.
///
/// # Errors
///
/// `WouldBlock`: with [`Patience::None`], a disk would have to be waited for. Others: there is no knowing what the
/// name stands for, such as when no descriptors are left.
pub fn open(root: BorrowedFd<'_>, name: &[u8], links: Links, patience: Patience) -> io::Result<Opened> {
    let mut resolve = ResolveFlags::NO_MAGICLINKS;
    resolve |= match links {
        Links::Refuse => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        Links::Inside => ResolveFlags::BENEATH,
        Links::Follow => ResolveFlags::empty(),
    };
    if patience == Patience::None {
        resolve |= ResolveFlags::CACHED;
    }
    // A named pipe or a terminal must not hold the worker up before it is seen that it is none to serve.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let open = || openat2(root, name, flags, Mode::empty(), resolve);
    let mut opened = open();
    // Where folders are renamed meanwhile, the kernel may be unable to tell whether a name leads out.
    for _ in 1..if patience == Patience::Waits { TRIES } else { 1 } {
        if opened.as_ref().err() != Some(&Errno::AGAIN) {
            break;
        }
        opened = open();
    }
    match opened {
        Ok(descriptor) => {
            let stat = fstat(&descriptor)?;
            Ok(match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Opened::File(descriptor, Identity::of(&stat)),
                FileType::Directory => Opened::Folder,
                _ => Opened::Missing,
            })
        }
        Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::LOOP | Errno::XDEV) => {
            Ok(Opened::Missing)
        }
        // A socket, or a device that nothing drives.
        Err(Errno::NXIO | Errno::NODEV) => Ok(Opened::Missing),
        Err(Errno::ACCESS | Errno::PERM) => Ok(Opened::Forbidden),
        Err(error) => Err(error.into()),
    }
}

/// Which state of a file is open.
///
/// # Errors
///
/// The kernel does not say.
pub fn identity(file: impl AsFd) -> io::Result<Identity> {
    Ok(Identity::of(&fstat(file)?))
}

impl Identity {
    fn of(stat: &Stat) -> Self {
        // What is older than 1970 is as good as of 1970.
        let time = |seconds: i64, nanos: u64| {
            Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanos).unwrap_or(0))
        };
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: time(stat.st_mtime, stat.st_mtime_nsec),
            changed: time(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Since 1970.
    pub fn modified(&self) -> Duration {
        self.modified
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    /// A folder with `secret` beside the root `www`, in which there are `a`, `sub/b` and links.
    fn place() -> TempDir {
        let place = TempDir::new().unwrap();
        let www = place.path().join("www");
        fs::create_dir_all(www.join("sub")).unwrap();
        for (path, text) in [("secret", "secret"), ("www/a", "a"), ("www/sub/b", "b")] {
            fs::write(place.path().join(path), text).unwrap();
        }
        symlink("../a", www.join("sub/inside")).unwrap();
        symlink("sub", www.join("folder")).unwrap();
        symlink("../secret", www.join("outside")).unwrap();
        symlink(place.path().join("www/a"), www.join("absolute")).unwrap();
        symlink("..", www.join("up")).unwrap();
        symlink("/proc/self/exe", www.join("magic")).unwrap();
        symlink("loop", www.join("loop")).unwrap();
        rustix::fs::mkfifoat(CWD, www.join("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        place
    }

    fn opened(place: &TempDir, name: &str, links: Links) -> &'static str {
        let root = root(&place.path().join("www"), Patience::Waits).unwrap();
        match open(root.as_fd(), name.as_bytes(), links, Patience::Waits).unwrap() {
            Opened::File(..) => "file",
            Opened::Folder => "folder",
            Opened::Missing => "missing",
            Opened::Forbidden => "forbidden",
        }
    }

    #[test]
    fn links_lead_as_far_as_they_may() {
        let place = place();
        for (name, refused, inside, followed) in [
            ("a", "file", "file", "file"),
            ("sub", "folder", "folder", "folder"),
            ("sub/b", "file", "file", "file"),
            ("sub/inside", "missing", "file", "file"),
            ("folder", "missing", "folder", "folder"),
            ("folder/b", "missing", "file", "file"),
            ("outside", "missing", "missing", "file"),
            ("absolute", "missing", "missing", "file"),
            ("up/secret", "missing", "missing", "file"),
            ("../secret", "missing", "missing", "file"),
            ("magic", "missing", "missing", "missing"),
            ("loop", "missing", "missing", "missing"),
            ("none", "missing", "missing", "missing"),
            ("a/b", "missing", "missing", "missing"),
            ("pipe", "missing", "missing", "missing"),
        ] {
            let each = [Links::Refuse, Links::Inside, Links::Follow].map(|links| opened(&place, name, links));
            assert_eq!(each, [refused, inside, followed], "{name}");
        }
        assert_eq!(opened(&place, &"x".repeat(300), Links::Inside), "missing");
    }

    #[test]
    fn a_change_changes_the_identity() {
        let place = place();
        let root = root(&place.path().join("www"), Patience::Waits).unwrap();
        let identity = |name: &[u8]| match open(root.as_fd(), name, Links::Inside, Patience::Waits).unwrap() {
            Opened::File(_, identity) => identity,
            other => panic!("{other:?}"),
        };
        let before = identity(b"a");
        assert_eq!(identity(b"a"), before);
        fs::write(place.path().join("www/a"), "longer").unwrap();
        assert_ne!(identity(b"a"), before);
    }

    #[test]
    fn a_root_must_be_a_folder() {
        let place = place();
        assert!(root(&place.path().join("secret"), Patience::Waits).is_err());
        assert!(root(&place.path().join("none"), Patience::Waits).is_err());
    }
}
