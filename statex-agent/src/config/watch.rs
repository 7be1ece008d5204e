//! Tells when the content of a configuration file changes, however it is changed: written in place,
//! renamed over, or by a symbolic link on the way that now leads elsewhere (as Kubernetes swaps its
//! volumes).
//!
//! The directories on the way are watched, not the file: a rename replaces the file that a watch would
//! hold on to. What counts in the end is whether the content differs.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A change is told when nothing more has happened for so long.
const QUIET: Duration = Duration::from_millis(100);
/// A change is told after so long even if there is no quiet.
const LONGEST: Duration = Duration::from_secs(2);
/// As many symbolic links as the kernel follows (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Watches one file until it is dropped.
pub struct Watch {
    changes: mpsc::Receiver<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    /// Begins to watch. Make it before the file is loaded for the first time, so that no change between
    /// the two is lost. The file need not exist.
    ///
    /// Must be called in a tokio runtime.
    ///
    /// # Errors
    ///
    /// The kernel grants no watch; usually `fs.inotify.max_user_instances` or `max_user_watches` is
    /// exhausted.
    pub fn new(path: &Path) -> notify::Result<Self> {
        // One waiting sign is as good as many.
        let (sign, mut signs) = mpsc::channel(1);
        let mut watched = Watched::new(path, move |event: notify::Result<notify::Event>| {
            if event.is_err() || event.is_ok_and(|event| may_change_content(&event.kind)) {
                let _ = sign.try_send(());
            }
        })?;
        let (change, changes) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            while signs.recv().await.is_some() {
                let quiet = async { while let Ok(Some(())) = timeout(QUIET, signs.recv()).await {} };
                let _ = timeout(LONGEST, quiet).await;
                if watched.has_changed() {
                    let _ = change.try_send(());
                }
            }
        });
        Ok(Self { changes, task })
    }

    /// Waits until the content is another than when this last returned, or when watching began. A file
    /// that goes or comes is a change too.
    pub async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            // The task only ends with `self`.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reading the file must not look like a change of it.
fn may_change_content(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}

/// A file's content when it was last looked at, and the watches that say when to look again.
struct Watched {
    path: PathBuf,
    content: Option<Vec<u8>>,
    directories: BTreeSet<PathBuf>,
    watcher: RecommendedWatcher,
}

impl Watched {
    fn new(path: &Path, handler: impl notify::EventHandler) -> notify::Result<Self> {
        let path = std::path::absolute(path)?;
        let watcher = notify::recommended_watcher(handler)?;
        let mut watched = Self { path, content: None, directories: BTreeSet::new(), watcher };
        watched.follow()?;
        watched.has_changed();
        Ok(watched)
    }

    /// Whether the content differs from the last time.
    fn has_changed(&mut self) -> bool {
        if let Err(error) = self.follow() {
            tracing::warn!(%error, path = %self.path.display(), "the configuration file is not watched");
        }
        // After the watches are set: what changes from here on gives a sign.
        let content = std::fs::read(&self.path).ok();
        let changed = content != self.content;
        self.content = content;
        changed
    }

    /// Watches the directories that now lead to the file, anew: one of the same name may be another.
    fn follow(&mut self) -> notify::Result<()> {
        for gone in std::mem::take(&mut self.directories) {
            // The watch went with the directory, if that was removed.
            let _ = self.watcher.unwatch(&gone);
        }
        // The way may change while it is followed; twice in a row the same is the way.
        for _ in 0..MOST_LINKS {
            let directories = directories(&self.path);
            if directories == self.directories {
                break;
            }
            for new in directories.difference(&self.directories) {
                match self.watcher.watch(new, RecursiveMode::NonRecursive) {
                    Err(error) if !matches!(error.kind, notify::ErrorKind::PathNotFound) => {
                        return Err(error);
                    }
                    _ => {}
                }
            }
            self.directories = directories;
        }
        Ok(())
    }
}

/// The directories in which a change can make `path`, which is absolute, lead to another file: that of
/// each symbolic link on the way, and that of the file. Where the way ends early, the last that exists.
fn directories(path: &Path) -> BTreeSet<PathBuf> {
    let mut directories = BTreeSet::new();
    let mut at = PathBuf::from("/");
    let mut ahead: VecDeque<OsString> = names(path).collect();
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&name);
        if let Ok(target) = next.read_link() {
            directories.insert(at.clone());
            links += 1;
            if links > MOST_LINKS {
                return directories;
            }
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            for name in names(&target).collect::<Vec<_>>().into_iter().rev() {
                ahead.push_front(name);
            }
        } else if ahead.is_empty() || !next.is_dir() {
            directories.insert(at);
            return directories;
        } else {
            at = next;
        }
    }
    directories
}

fn names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    fn watched(path: &Path) -> Watched {
        Watched::new(path, |_: notify::Result<notify::Event>| {}).unwrap()
    }

    async fn told(watch: &mut Watch) {
        timeout(Duration::from_secs(20), watch.changed()).await.expect("the change is told");
    }

    #[tokio::test]
    async fn writing_in_place_is_told() {
        let (_guard, folder) = folder();
        let file = folder.join("statex.toml");
        fs::write(&file, "1").unwrap();
        let mut watch = Watch::new(&file).unwrap();
        for content in ["2", "3"] {
            fs::write(&file, content).unwrap();
            told(&mut watch).await;
        }
    }

    #[tokio::test]
    async fn renaming_over_is_told_again_and_again() {
        let (_guard, folder) = folder();
        let file = folder.join("statex.toml");
        fs::write(&file, "1").unwrap();
        let mut watch = Watch::new(&file).unwrap();
        for content in ["2", "3", "4"] {
            fs::write(folder.join("new"), content).unwrap();
            fs::rename(folder.join("new"), &file).unwrap();
            told(&mut watch).await;
        }
    }

    /// `statex.toml → ..data/statex.toml`, `..data → ..1`: a new folder, then `..data` renamed over.
    #[tokio::test]
    async fn a_swapped_link_is_told_again_and_again() {
        let (_guard, folder) = folder();
        let publish = |version: &str| {
            fs::create_dir(folder.join(version)).unwrap();
            fs::write(folder.join(version).join("statex.toml"), version).unwrap();
            symlink(version, folder.join("..data_tmp")).unwrap();
            fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
        };
        publish("..1");
        symlink("..data/statex.toml", folder.join("statex.toml")).unwrap();
        let mut watch = Watch::new(&folder.join("statex.toml")).unwrap();
        for (old, new) in [("..1", "..2"), ("..2", "..3")] {
            publish(new);
            fs::remove_dir_all(folder.join(old)).unwrap();
            told(&mut watch).await;
        }
    }

    #[tokio::test]
    async fn a_file_is_told_that_comes_with_its_folder() {
        let (_guard, folder) = folder();
        let file = folder.join("a/b/statex.toml");
        let mut watch = Watch::new(&file).unwrap();
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(&file, "1").unwrap();
        told(&mut watch).await;
        fs::remove_dir_all(folder.join("a")).unwrap();
        told(&mut watch).await;
    }

    #[test]
    fn only_another_content_is_a_change() {
        let (_guard, folder) = folder();
        let file = folder.join("statex.toml");
        fs::write(&file, "1").unwrap();
        let mut watched = watched(&file);
        fs::write(folder.join("other"), "x").unwrap();
        fs::write(&file, "1").unwrap();
        assert!(!watched.has_changed());
        fs::write(&file, "2").unwrap();
        assert!(watched.has_changed());
        assert!(!watched.has_changed());
        fs::remove_file(&file).unwrap();
        assert!(watched.has_changed());
    }

    #[test]
    fn every_link_on_the_way_is_watched() {
        let (_guard, folder) = folder();
        fs::create_dir_all(folder.join("releases/1")).unwrap();
        fs::create_dir(folder.join("etc")).unwrap();
        fs::write(folder.join("releases/1/statex.toml"), "").unwrap();
        symlink("releases/1", folder.join("current")).unwrap();
        symlink(folder.join("etc/../current/statex.toml"), folder.join("etc/statex.toml")).unwrap();
        let expected = [folder.join("etc"), folder.clone(), folder.join("releases/1")];
        assert_eq!(directories(&folder.join("etc/statex.toml")), BTreeSet::from(expected));
    }

    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let (_guard, folder) = folder();
        symlink("b", folder.join("a")).unwrap();
        symlink("a", folder.join("b")).unwrap();
        assert_eq!(directories(&folder.join("a")), BTreeSet::from([folder.clone()]));
        assert!(!watched(&folder.join("a")).has_changed());
    }

    #[test]
    fn reading_is_no_change() {
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(!may_change_content(&opened));
        assert!(may_change_content(&written));
    }
}
