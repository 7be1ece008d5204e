//! What a worker knows of the files that it serves: names and what they stand for, also that they stand for
//! nothing. A name that was asked for lately costs no system call.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::RandomState;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use rustix::io::Errno;

use super::file::{self, Family, Identities, Look, Looked};
use super::open::{self, Patience};
use crate::clock::Moment;

/// Names that are forgotten at once when there are no descriptors left.
const SHED: usize = 64;
/// What a name takes beside its bytes and its file's contents; about.
const OVERHEAD: usize = 256;

/// How much a worker keeps in mind, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Names.
    pub entries: usize,
    /// Bytes of names and contents.
    pub memory: usize,
    /// A name that nobody asked for meanwhile is forgotten, and its descriptor closed.
    pub idle: Duration,
    /// How long a name is taken to stand for what it stood for.
    pub valid: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (idle, valid) = (Duration::from_secs(300), Duration::from_secs(1));
        Self { entries: 10_000, memory: 64 << 20, idle, valid }
    }
}

/// A folder whose files are served, and how names are looked for in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    path: PathBuf,
    look: Look,
    /// What the keys of all its names begin with.
    key: Box<[u8]>,
}

impl Root {
    pub fn new(path: &Path, look: Look) -> Self {
        let Look { links, coded, webp, small } = look;
        let mut key = path.as_os_str().as_encoded_bytes().to_vec();
        key.extend([0, links as u8, u8::from(coded), u8::from(webp)]);
        key.extend(small.to_ne_bytes());
        Self { path: path.to_owned(), look, key: key.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub enum Found {
    Family(Rc<Family>),
    Folder,
    Missing,
    Forbidden,
}

/// A worker's knowledge.
#[derive(Debug)]
pub struct Cache(RefCell<State>);

#[derive(Debug)]
struct State {
    limits: Limits,
    names: LruCache<Box<[u8]>, Entry, RandomState>,
    roots: HashMap<PathBuf, OpenRoot>,
    /// Bytes of all entries.
    weight: usize,
    /// The key of the name that is looked up.
    key: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    found: Found,
    weight: usize,
    checked: Moment,
    used: Moment,
}

/// What is known of a name.
enum Known {
    /// What it stands for: it was looked at lately.
    Now(Found),
    /// The file that it stood for when it was looked at.
    Before(Option<Box<Identities>>),
}

#[derive(Debug)]
struct OpenRoot {
    folder: Arc<OwnedFd>,
    checked: Moment,
}

impl Cache {
    pub fn new(limits: Limits) -> Self {
        Self(RefCell::new(State {
            limits,
            names: LruCache::unbounded_with_hasher(RandomState::new()),
            roots: HashMap::new(),
            weight: 0,
            key: Vec::new(),
        }))
    }

    /// Goes by other limits from now on.
    pub fn limit(&self, limits: Limits) {
        self.0.borrow_mut().limits = limits;
    }

    /// What a name under a root stands for; the empty name is the root itself.
    ///
    /// # Errors
    ///
    /// There is no knowing now: the root cannot be opened, a disk fails, descriptors have run out.
    pub async fn find(&self, root: &Root, name: &[u8], now: Moment) -> io::Result<Found> {
        if name.is_empty() {
            return Ok(Found::Folder);
        }
        let known = match self.0.borrow_mut().known(root, name, now) {
            Known::Now(found) => return Ok(found),
            Known::Before(known) => known,
        };
        let looked = match self.look(root, name, known, now).await {
            Err(error) if is_shortage(&error) && self.0.borrow_mut().shed() => {
                self.look(root, name, None, now).await
            }
            looked => looked,
        };
        let mut looked = looked?;
        if matches!(looked, Looked::Same) {
            let same = self.0.borrow_mut().confirm(root, name, now);
            if let Some(found) = same {
                return Ok(found);
            }
            // It was forgotten while it was looked at.
            looked = self.look(root, name, None, now).await?;
        }
        Ok(self.0.borrow_mut().learn(root, name, looked, now))
    }

    /// Forgets what nobody asked for during the idle time. To be called every few seconds.
    pub fn sweep(&self, now: Moment) {
        let mut state = self.0.borrow_mut();
        let idle = state.limits.idle;
        while state.names.peek_lru().is_some_and(|(_, entry)| now.saturating_sub(entry.used) > idle) {
            state.forget_one();
        }
        state.roots.retain(|_, root| now.saturating_sub(root.checked) <= idle);
    }

    async fn look(
        &self,
        root: &Root,
        name: &[u8],
        known: Option<Box<Identities>>,
        now: Moment,
    ) -> io::Result<Looked> {
        let folder = self.open_root(root, now).await?;
        match file::look(folder.as_fd(), name, &root.look, known.as_deref(), Patience::None) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let (name, look) = (name.to_vec(), root.look);
                with_patience(move || {
                    file::look(folder.as_fd(), &name, &look, known.as_deref(), Patience::Waits)
                })
                .await
            }
            looked => looked,
        }
    }

    /// The root's folder. Its path may come to lead elsewhere, as when a new release is put in place.
    async fn open_root(&self, root: &Root, now: Moment) -> io::Result<Arc<OwnedFd>> {
        if let Some(open) = self.0.borrow().fresh_root(root, now) {
            return Ok(open);
        }
        let opened = match open::root(&root.path, Patience::None) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let path = root.path.clone();
                with_patience(move || open::root(&path, Patience::Waits)).await
            }
            opened => opened,
        };
        let folder = Arc::new(opened?);
        let open = OpenRoot { folder: folder.clone(), checked: now };
        self.0.borrow_mut().roots.insert(root.path.clone(), open);
        Ok(folder)
    }
}

impl State {
    fn known(&mut self, root: &Root, name: &[u8], now: Moment) -> Known {
        self.key.clear();
        self.key.extend_from_slice(&root.key);
        self.key.extend_from_slice(name);
        let Some(entry) = self.names.get_mut(&self.key[..]) else { return Known::Before(None) };
        entry.used = now;
        if now.saturating_sub(entry.checked) < self.limits.valid {
            return Known::Now(entry.found.clone());
        }
        Known::Before(match &entry.found {
            Found::Family(family) => Some(Box::new(family.identities())),
            _ => None,
        })
    }

    fn fresh_root(&self, root: &Root, now: Moment) -> Option<Arc<OwnedFd>> {
        let open = self.roots.get(&root.path)?;
        (now.saturating_sub(open.checked) < self.limits.valid).then(|| open.folder.clone())
    }

    /// The name stands for what it stood for.
    fn confirm(&mut self, root: &Root, name: &[u8], now: Moment) -> Option<Found> {
        let entry = self.names.get_mut(&*[&root.key[..], name].concat())?;
        entry.checked = now;
        Some(entry.found.clone())
    }

    fn learn(&mut self, root: &Root, name: &[u8], looked: Looked, now: Moment) -> Found {
        let found = match looked {
            Looked::Family(family) => Found::Family(family.into()),
            Looked::Folder => Found::Folder,
            // Nothing was known that it could be the same as.
            Looked::Missing | Looked::Same => Found::Missing,
            Looked::Forbidden => Found::Forbidden,
        };
        let key = [&root.key[..], name].concat().into_boxed_slice();
        let contents = if let Found::Family(family) = &found { family.weight() } else { 0 };
        let weight = key.len() + contents + OVERHEAD;
        self.weight += weight;
        let entry = Entry { found: found.clone(), weight, checked: now, used: now };
        if let Some((_, before)) = self.names.push(key, entry) {
            self.weight -= before.weight;
        }
        while self.names.len() > self.limits.entries || self.weight > self.limits.memory {
            self.forget_one();
        }
        found
    }

    /// Forgets the name that was asked for longest ago.
    fn forget_one(&mut self) {
        if let Some((_, entry)) = self.names.pop_lru() {
            self.weight -= entry.weight;
        }
    }

    /// Frees descriptors; whether there were any.
    fn shed(&mut self) -> bool {
        let before = self.names.len();
        (0..SHED).for_each(|_| self.forget_one());
        before > 0
    }
}

fn is_shortage(error: &io::Error) -> bool {
    let short = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    short(Errno::MFILE) || short(Errno::NFILE)
}

/// Has a thread do what may wait for a disk.
pub(super) async fn with_patience<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const SECOND: Duration = Duration::from_secs(1);

    struct Place {
        folder: TempDir,
        root: Root,
        cache: Cache,
    }

    fn place(limits: Limits) -> Place {
        let folder = TempDir::new().unwrap();
        let look = Look { links: open::Links::Inside, coded: true, webp: true, small: 64 << 10 };
        let root = Root::new(&folder.path().join("www"), look);
        fs::create_dir(root.path()).unwrap();
        Place { root, folder, cache: Cache::new(limits) }
    }

    impl Place {
        fn write(&self, name: &str, text: &str) {
            fs::write(self.root.path().join(name), text).unwrap();
        }

        async fn find(&self, name: &str, now: Duration) -> String {
            match self.cache.find(&self.root, name.as_bytes(), now).await.unwrap() {
                Found::Family(family) => {
                    String::from_utf8(family.file.source.contents.clone().unwrap().into()).unwrap()
                }
                other => format!("{other:?}"),
            }
        }

        fn count(&self) -> usize {
            self.cache.0.borrow().names.len()
        }
    }

    #[tokio::test]
    async fn a_change_is_seen_when_what_was_known_is_too_old() {
        let place = place(Limits::default());
        place.write("a", "old");
        assert_eq!(place.find("a", SECOND).await, "old");
        place.write("a", "new!");
        assert_eq!(place.find("a", SECOND * 3 / 2).await, "old");
        assert_eq!(place.find("a", SECOND * 2).await, "new!");
    }

    #[tokio::test]
    async fn that_there_is_nothing_is_known_too() {
        let place = place(Limits::default());
        assert_eq!(place.find("a", SECOND).await, "Missing");
        place.write("a", "there");
        assert_eq!(place.find("a", SECOND).await, "Missing");
        assert_eq!(place.find("a", SECOND * 2).await, "there");
        fs::remove_file(place.root.path().join("a")).unwrap();
        assert_eq!(place.find("a", SECOND * 3).await, "Missing");
    }

    #[tokio::test]
    async fn what_did_not_change_is_not_read_again() {
        let place = place(Limits::default());
        place.write("a", "text");
        let family = |now| async move {
            match place.cache.find(&place.root, b"a", now).await.unwrap() {
                Found::Family(family) => (family, place),
                other => panic!("{other:?}"),
            }
        };
        let (before, place) = family(SECOND).await;
        let again = place.cache.find(&place.root, b"a", SECOND * 9).await.unwrap();
        assert!(matches!(again, Found::Family(again) if Rc::ptr_eq(&again, &before)));
    }

    #[tokio::test]
    async fn a_root_that_is_put_elsewhere_is_followed() {
        let place = place(Limits::default());
        place.write("a", "old");
        assert_eq!(place.find("a", SECOND).await, "old");
        fs::rename(place.root.path(), place.folder.path().join("before")).unwrap();
        fs::create_dir(place.root.path()).unwrap();
        place.write("a", "other");
        assert_eq!(place.find("a", SECOND * 3).await, "other");
        fs::remove_dir_all(place.root.path()).unwrap();
        assert!(place.cache.find(&place.root, b"a", SECOND * 5).await.is_err());
    }

    #[tokio::test]
    async fn names_are_bounded_by_count_and_memory() {
        let place = place(Limits { entries: 3, memory: 1500, ..Limits::default() });
        for name in ["a", "b", "c", "d", "e"] {
            place.find(name, SECOND).await;
        }
        assert_eq!(place.count(), 3);
        place.write("large", &"x".repeat(1000));
        place.find("large", SECOND).await;
        assert!(place.cache.0.borrow().weight <= 1500 && place.count() < 3, "{:?}", place.cache);
        assert_eq!(place.find("large", SECOND).await.len(), 1000);
    }

    #[tokio::test]
    async fn what_idles_is_forgotten() {
        let place = place(Limits::default());
        place.find("a", SECOND).await;
        place.find("b", SECOND * 200).await;
        place.cache.sweep(SECOND * 302);
        assert_eq!(place.count(), 1);
        place.cache.sweep(SECOND * 900);
        let state = place.cache.0.borrow();
        assert_eq!((state.names.len(), state.roots.len(), state.weight), (0, 0, 0));
    }

    #[test]
    fn roots_that_are_looked_at_differently_share_no_names() {
        let look = Look { links: open::Links::Inside, coded: true, webp: false, small: 1 };
        let other = Look { links: open::Links::Follow, ..look };
        assert_ne!(Root::new(Path::new("/a"), look).key, Root::new(Path::new("/a"), other).key);
    }
}
