//! A file as it was when it was opened, with the neighbours that can stand in for it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use bytes::Bytes;

use super::open::{self, Identity, Links, Opened, Patience};
use super::read::{self, Waiting};
use super::validator::Validators;
use crate::proxy::encode::Coding;

/// A plain h1 connection sends stretches from this size on by `sendfile`; below it, a copy costs less than the
/// second system call.
pub const LEAST_EXTENT: usize = 32 << 10;

/// Ends of the names of pictures that a WebP neighbour can stand in for.
const PICTURES: [&[u8]; 3] = [b".png", b".jpg", b".jpeg"];
const WEBP: &[u8] = b".webp";

/// One state of one file.
#[derive(Clone, Debug)]
pub struct File {
    pub validators: Validators,
    pub source: Source,
    identity: Identity,
}

/// Where the contents of a file are: in memory, behind a descriptor, or both.
#[derive(Clone, Debug)]
pub struct Source {
    pub contents: Option<Bytes>,
    pub descriptor: Option<Arc<OwnedFd>>,
    pub waiting: Waiting,
}

/// A file and what may be sent in its place.
#[derive(Debug)]
pub struct Family {
    pub file: File,
    /// The same content coded, by [`Coding`].
    pub coded: [Option<File>; Coding::ALL.len()],
    /// The same picture as WebP.
    pub webp: Option<File>,
}

/// The states of a family's members: they are equal as long as nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identities {
    file: Identity,
    coded: [Option<Identity>; Coding::ALL.len()],
    webp: Option<Identity>,
}

/// How a name is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub links: Links,
    /// Whether neighbours with coded content are looked for.
    pub coded: bool,
    /// Whether WebP neighbours of pictures are.
    pub webp: bool,
    /// Contents of files up to this many bytes are read.
    pub small: u64,
}

/// What became of a look.
#[derive(Debug)]
pub enum Looked {
    Family(Box<Family>),
    /// The family is still in the states that were known.
    Same,
    Folder,
    Missing,
    Forbidden,
}

/// Looks for a name under a root; `known` is what it stood for before.
///
/// # Errors
///
/// As [`open::open`].
pub fn look(
    root: BorrowedFd<'_>,
    name: &[u8],
    look: &Look,
    known: Option<&Identities>,
    patience: Patience,
) -> io::Result<Looked> {
    let opened = |name: &[u8]| open::open(root, name, look.links, patience);
    let neighbour = |name: &[u8]| match opened(name)? {
        Opened::File(descriptor, identity) => Ok(Some((descriptor, identity))),
        _ => io::Result::Ok(None),
    };
    let file = match opened(name)? {
        Opened::File(descriptor, identity) => (descriptor, identity),
        Opened::Folder => return Ok(Looked::Folder),
        Opened::Missing => return Ok(Looked::Missing),
        Opened::Forbidden => return Ok(Looked::Forbidden),
    };
    let mut coded = [const { None }; Coding::ALL.len()];
    if look.coded {
        for coding in Coding::ALL {
            coded[coding as usize] = neighbour(&[name, coding.suffix().as_bytes()].concat())?;
        }
    }
    let mut webp = None;
    if let Some(stem) = picture(name).filter(|_| look.webp) {
        // `a.png.webp` before `a.webp`, which an `a.jpg` would have to share.
        webp = neighbour(&[name, WEBP].concat())?;
        if webp.is_none() {
            webp = neighbour(&[stem, WEBP].concat())?;
        }
    }
    let identity = |opened: &Option<(OwnedFd, Identity)>| opened.as_ref().map(|(_, identity)| *identity);
    let found = Identities { file: file.1, coded: coded.each_ref().map(identity), webp: identity(&webp) };
    if known == Some(&found) {
        return Ok(Looked::Same);
    }
    let load = |(descriptor, identity)| File::load(descriptor, identity, look.small, patience);
    let [brotli, zstd, gzip] = coded.map(|opened| opened.map(load).transpose());
    let coded = [brotli?, zstd?, gzip?];
    let family = Family { file: load(file)?, coded, webp: webp.map(load).transpose()? };
    Ok(Looked::Family(Box::new(family)))
}

/// The name of a picture that WebP can stand in for, without its end.
fn picture(name: &[u8]) -> Option<&[u8]> {
    PICTURES.iter().find_map(|end| {
        let (stem, own) = name.split_at_checked(name.len().checked_sub(end.len())?)?;
        own.eq_ignore_ascii_case(end).then_some(stem)
    })
}

/// Whether a picture of this name varies by what a client accepts.
pub fn is_picture(name: &[u8]) -> bool {
    picture(name).is_some()
}

impl File {
    fn load(descriptor: OwnedFd, identity: Identity, small: u64, patience: Patience) -> io::Result<Self> {
        let waiting = Waiting::of(&descriptor);
        let contents = match usize::try_from(identity.size()) {
            Ok(size) if identity.size() <= small => contents(&descriptor, size, waiting, patience)?,
            _ => None,
        };
        // What was written to while it was read is in no one state.
        let contents = contents.filter(|_| open::identity(&descriptor).is_ok_and(|after| after == identity));
        let validators = match &contents {
            Some(contents) => Validators::of_contents(identity.modified(), contents),
            None => Validators::of_time(identity.modified(), identity.size()),
        };
        let needed = contents.as_ref().is_none_or(|contents| contents.len() >= LEAST_EXTENT);
        let descriptor = needed.then(|| Arc::new(descriptor));
        Ok(Self { validators, source: Source { contents, descriptor, waiting }, identity })
    }

    pub fn size(&self) -> u64 {
        self.identity.size()
    }

    /// Bytes that it holds in memory.
    fn weight(&self) -> usize {
        self.source.contents.as_ref().map_or(0, Bytes::len)
    }
}

impl Family {
    pub fn identities(&self) -> Identities {
        let identity = |file: &Option<File>| file.as_ref().map(|file| file.identity);
        Identities {
            file: self.file.identity,
            coded: self.coded.each_ref().map(identity),
            webp: identity(&self.webp),
        }
    }

    /// Bytes that it holds in memory.
    pub fn weight(&self) -> usize {
        let neighbours = self.coded.iter().chain([&self.webp]).flatten();
        self.file.weight() + neighbours.map(File::weight).sum::<usize>()
    }
}

/// All `size` bytes of a file; `None`: it has become shorter.
fn contents(file: impl AsFd, size: usize, waiting: Waiting, patience: Patience) -> io::Result<Option<Bytes>> {
    let mut contents = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match read::read_at(file.as_fd(), &mut contents[filled..], filled as u64, waiting, patience)? {
            0 => return Ok(None),
            read => filled += read,
        }
    }
    Ok(Some(contents.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const LOOK: Look = Look { links: Links::Inside, coded: true, webp: true, small: 40 << 10 };

    fn folder(names: &[&str]) -> TempDir {
        let folder = TempDir::new().unwrap();
        names.iter().for_each(|name| fs::write(folder.path().join(name), *name).unwrap());
        folder
    }

    fn looked(folder: &TempDir, name: &str, known: Option<&Identities>) -> Looked {
        let root = open::root(folder.path(), Patience::Waits).unwrap();
        look(root.as_fd(), name.as_bytes(), &LOOK, known, Patience::Waits).unwrap()
    }

    fn family(folder: &TempDir, name: &str) -> Family {
        match looked(folder, name, None) {
            Looked::Family(family) => *family,
            other => panic!("{name} is {other:?}"),
        }
    }

    fn text(file: Option<&File>) -> Option<&str> {
        file.map(|file| std::str::from_utf8(file.source.contents.as_deref().unwrap()).unwrap())
    }

    #[test]
    fn neighbours_come_with_the_file() {
        let folder =
            folder(&["a.js", "a.js.br", "a.js.gz", "b.png", "b.webp", "c.jpg", "c.jpg.webp", "c.webp"]);
        let js = family(&folder, "a.js");
        assert_eq!(
            js.coded.each_ref().map(|file| text(file.as_ref())),
            [Some("a.js.br"), None, Some("a.js.gz")]
        );
        assert_eq!((text(Some(&js.file)), text(js.webp.as_ref())), (Some("a.js"), None));
        assert_eq!(text(family(&folder, "b.png").webp.as_ref()), Some("b.webp"));
        assert_eq!(text(family(&folder, "c.jpg").webp.as_ref()), Some("c.jpg.webp"));
        assert_eq!(js.weight(), "a.js".len() + 2 * "a.js.br".len());
    }

    #[test]
    fn what_has_not_changed_is_the_same() {
        let folder = folder(&["a.js", "a.js.br"]);
        let known = family(&folder, "a.js").identities();
        assert!(matches!(looked(&folder, "a.js", Some(&known)), Looked::Same));
        fs::write(folder.path().join("a.js.gz"), "new").unwrap();
        assert!(matches!(looked(&folder, "a.js", Some(&known)), Looked::Family(_)));
    }

    #[test]
    fn descriptors_are_kept_where_they_are_needed() {
        let folder = folder(&["small"]);
        fs::write(folder.path().join("middle"), vec![0; LEAST_EXTENT]).unwrap();
        fs::write(folder.path().join("large"), vec![0; 50 << 10]).unwrap();
        let kept = |name| {
            let source = family(&folder, name).file.source;
            (source.contents.is_some(), source.descriptor.is_some())
        };
        assert_eq!(
            [kept("small"), kept("middle"), kept("large")],
            [(true, false), (true, true), (false, true)]
        );
    }

    #[test]
    fn only_pictures_have_webp_neighbours() {
        assert_eq!(picture(b"a/b.PNG"), Some(&b"a/b"[..]));
        assert_eq!(picture(b"a.jpeg"), Some(&b"a"[..]));
        assert_eq!(picture(b"a.gif"), None);
        assert_eq!(picture(b"png"), None);
    }
}
