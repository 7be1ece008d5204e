//! Where a node keeps its maps and links in a BPF file system, so that they outlive the agent.
//!
//! ```text
//! <pins>/v<ABI>/SERVICES …   maps; a binary with another layout has another folder
//! <pins>/v<ABI>/NODE         the constants that they were filled by
//! <pins>/next/…              maps of a start that is not finished
//! <pins>/links/<index>       XDP links, by interface index; shared by all layouts
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use aya::maps::{Array, Map, MapData, MapInfo};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};
use statex_common::abi::{ABI_VERSION, Node, Row, names};

use super::{load::LoadError, privileges::Missing};

/// Maps whose rows name one another by id: one of them new, all of them new.
const TOGETHER: &[&str] = &[
    names::INDEX,
    names::SERVICES,
    names::SERVICE_COUNTERS,
    names::BACKENDS,
    names::BACKEND_COUNTERS,
    names::RINGS,
    names::PREFIXES,
    names::QUIC,
    names::FLOWS,
    names::NAT,
];

/// Maps that mean something to the next agent. Events are told to this one only; DECAP is a backend's.
const PINNED: &[&str] = &[
    names::INDEX,
    names::SERVICES,
    names::SERVICE_COUNTERS,
    names::BACKENDS,
    names::BACKEND_COUNTERS,
    names::RINGS,
    names::PREFIXES,
    names::QUIC,
    names::FLOWS,
    names::NAT,
    names::SOURCES,
    names::DENY,
    names::LINKS,
    names::CONTROL,
    names::REASON_COUNTERS,
];

/// The sizes by which a pinned map is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
}

/// The folder of one node's pins.
#[derive(Clone, Debug)]
pub struct Pins {
    root: PathBuf,
}

impl Pins {
    /// Makes the folders.
    ///
    /// # Errors
    ///
    /// [`Missing`] when they would not lie in a BPF file system.
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        let there = root.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
        let kind = statfs(there).with_context(|| format!("cannot look at {}", there.display()))?;
        if kind.filesystem_type() != BPF_FS_MAGIC {
            return Err(Missing::new(
                format!("{} does not lie in a BPF file system", root.display()),
                "mount one (mount -t bpf bpf /sys/fs/bpf), or set [node].pins",
            )
            .into());
        }
        let pins = Self { root: root.to_owned() };
        for folder in [pins.maps(), pins.next(), pins.links()] {
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(pins)
    }

    fn maps(&self) -> PathBuf {
        self.root.join(format!("v{ABI_VERSION}"))
    }

    fn next(&self) -> PathBuf {
        self.root.join("next")
    }

    fn links(&self) -> PathBuf {
        self.root.join("links")
    }

    /// Where the XDP link of an interface is pinned.
    pub fn link(&self, interface: u32) -> PathBuf {
        self.links().join(interface.to_string())
    }

    /// Indices of the interfaces that have a pinned link.
    pub fn linked(&self) -> io::Result<Vec<u32>> {
        let names = fs::read_dir(self.links())?.map(|entry| Ok(entry?.file_name()));
        let names: Vec<_> = names.collect::<io::Result<_>>()?;
        Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
    }

    /// The constants that the pinned maps were filled by; None where there are no pins.
    pub fn node(&self) -> Option<Node> {
        let map = MapData::from_pin(self.maps().join(names::NODE)).ok()?;
        let map = Array::<_, [u8; size_of::<Node>()]>::try_from(Map::Array(map)).ok()?;
        Some(Node::from_bytes(map.get(&0, 0).ok()?))
    }

    /// Decides which pinned maps a new object takes over, and names the place of every map: where it is, or where it is
    /// to be made until [`Pins::commit`].
    pub(super) fn places(
        &self,
        wanted: &BTreeMap<String, Layout>,
        node: &Node,
    ) -> io::Result<BTreeMap<&'static str, PathBuf>> {
        let folder = self.next();
        for entry in fs::read_dir(&folder)? {
            fs::remove_file(entry?.path())?;
        }
        let found = PINNED.iter().filter_map(|name| {
            let info = MapInfo::from_pin(self.maps().join(name)).ok()?;
            let layout = Layout {
                key_size: info.key_size(),
                value_size: info.value_size(),
                max_entries: info.max_entries(),
            };
            Some((*name, layout))
        });
        let kept = kept(&found.collect(), wanted, self.node().as_ref(), node);
        let place = |name: &&'static str| {
            let folder = if kept.contains(name) { self.maps() } else { self.next() };
            (*name, folder.join(name))
        };
        Ok(PINNED.iter().filter(|name| wanted.contains_key(**name)).map(place).collect())
    }

    /// Pins the constants beside the maps that were made by them.
    pub(super) fn put_node(&self, node: &Node) -> Result<(), LoadError> {
        let mut map = Array::<_, [u8; size_of::<Node>()]>::create(1, 0)?;
        map.set(0, node.to_bytes(), 0)?;
        map.pin(self.next().join(names::NODE))?;
        Ok(())
    }

    /// Puts the maps of this start into the place of older ones: the programs that use them are attached now.
    pub fn commit(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.next())? {
            let entry = entry?;
            fs::rename(entry.path(), self.maps().join(entry.file_name()))?;
        }
        Ok(())
    }
}

/// Removes everything pinned below a folder, links first, so that no program runs without its maps being known. Returns
/// what was removed.
pub fn remove_all(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    let folders = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(removed),
        folders => folders?.map(|entry| Ok(entry?.path())).collect::<io::Result<BTreeSet<_>>>()?,
    };
    let (links, others): (Vec<_>, Vec<_>) = folders.into_iter().partition(|folder| folder.ends_with("links"));
    for folder in links.into_iter().chain(others) {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            fs::remove_file(&path)?;
            removed.push(path);
        }
        fs::remove_dir(&folder)?;
    }
    fs::remove_dir(root)?;
    Ok(removed)
}

/// Which of the maps that were found can serve a new object.
fn kept(
    found: &BTreeMap<&'static str, Layout>,
    wanted: &BTreeMap<String, Layout>,
    old: Option<&Node>,
    new: &Node,
) -> BTreeSet<&'static str> {
    let fits = |name: &&&'static str| found.contains_key(**name) && found.get(**name) == wanted.get(**name);
    let mut kept: BTreeSet<_> = PINNED.iter().filter(fits).copied().collect();
    // The index holds hashes, so another key or another number of buckets makes it worthless. FLOWS and NAT may be
    // new by themselves, but with new ids they must be.
    let same_key = old.is_some_and(|old| words(&old.hash_key) == words(&new.hash_key));
    let alone = [names::FLOWS, names::NAT];
    let whole = TOGETHER.iter().filter(|name| !alone.contains(name)).all(|name| kept.contains(name));
    if !same_key || !whole {
        kept.retain(|name| !TOGETHER.contains(name));
    }
    if old.is_none_or(|old| nat_geometry(old) != nat_geometry(new)) {
        kept.remove(names::NAT);
    }
    kept
}

fn words<T: Copy, const N: usize>(fixed: &[statex_common::shared::Fixed<T>; N]) -> [T; N] {
    fixed.map(|word| word.get())
}

/// What a row's place in `NAT` depends on.
fn nat_geometry(node: &Node) -> impl PartialEq + use<> {
    (
        node.nat_first_port.get(),
        node.nat_ports.get(),
        node.nat_v4_count.get(),
        node.nat_v6_count.get(),
        words(&node.nat_v4),
        node.nat_v6.map(|address| words(&address)),
    )
}

#[cfg(test)]
mod tests {
    use statex_common::shared::Fixed;

    use super::*;

    const LAYOUT: Layout = Layout { key_size: 4, value_size: 64, max_entries: 100 };

    fn found() -> BTreeMap<&'static str, Layout> {
        PINNED.iter().map(|name| (*name, LAYOUT)).collect()
    }

    fn kept_with(change: impl FnOnce(&mut BTreeMap<String, Layout>, &mut Node)) -> BTreeSet<&'static str> {
        let mut wanted = found().into_iter().map(|(name, l)| (name.to_owned(), l)).collect();
        let mut node = Node::NONE;
        change(&mut wanted, &mut node);
        kept(&found(), &wanted, Some(&Node::NONE), &node)
    }

    fn resize(wanted: &mut BTreeMap<String, Layout>, name: &str) {
        wanted.get_mut(name).unwrap().max_entries = 200;
    }

    #[test]
    fn same_shape_keeps_everything() {
        assert_eq!(kept_with(|_, _| {}).len(), PINNED.len());
    }

    #[test]
    fn larger_flow_table_is_new_alone() {
        let kept = kept_with(|wanted, _| resize(wanted, names::FLOWS));
        assert_eq!(kept.len(), PINNED.len() - 1);
        assert!(!kept.contains(names::FLOWS));
    }

    #[test]
    fn more_backends_make_all_that_names_them_new() {
        let kept = kept_with(|wanted, _| resize(wanted, names::BACKENDS));
        assert!(TOGETHER.iter().all(|name| !kept.contains(name)), "{kept:?}");
        assert!(kept.contains(names::DENY));
    }

    #[test]
    fn another_secret_makes_the_index_new() {
        let kept = kept_with(|_, node| node.hash_key[0] = Fixed::new(7));
        assert!(!kept.contains(names::INDEX) && !kept.contains(names::FLOWS));
    }

    #[test]
    fn another_port_range_forgets_translated_flows_only() {
        let kept = kept_with(|_, node| node.nat_ports = Fixed::new(7));
        assert_eq!(kept.len(), PINNED.len() - 1);
        assert!(!kept.contains(names::NAT));
    }

    #[test]
    fn pins_without_constants_are_not_trusted() {
        let wanted = found().into_iter().map(|(name, l)| (name.to_owned(), l)).collect();
        assert!(!kept(&found(), &wanted, None, &Node::NONE).contains(names::INDEX));
    }
}
