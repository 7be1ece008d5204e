//! What a backend changes on its host, written down before it is done, so that it is taken back even after a crash.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use ipnet::IpNet;
use rtnetlink::Handle;

use super::change::{Change, read_parameter};
use crate::kernel::links::{Link, Links};

/// The changes that are in force.
pub(super) struct Host {
    handle: Handle,
    journal: PathBuf,
    made: Vec<Change>,
    /// Held as long as the backend runs.
    _lock: fs::File,
}

impl Host {
    /// Takes back what a backend that was killed has left behind.
    ///
    /// # Errors
    ///
    /// Another backend has the journal, or it cannot be read or written.
    pub(super) async fn open(handle: Handle, journal: PathBuf) -> anyhow::Result<Self> {
        if let Some(folder) = journal.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let lock = lock(&journal.with_extension("lock"))?;
        let made = read(&journal).with_context(|| format!("{} is damaged; remove it", journal.display()))?;
        let mut host = Self { handle, journal, made, _lock: lock };
        if !host.made.is_empty() {
            tracing::warn!(changes = host.made.len(), "taking back what an earlier backend left behind");
            host.restore().await;
        }
        Ok(host)
    }

    /// Makes the host accept packets for the addresses that come in by the interfaces, and keeps it from telling the
    /// neighbours that the addresses are here.
    ///
    /// # Errors
    ///
    /// The first change that failed.
    pub(super) async fn accept(
        &mut self,
        addresses: &[IpNet],
        interfaces: &[Link],
        links: &Links,
    ) -> anyhow::Result<()> {
        let loopback = links.named("lo").context("a backend keeps virtual addresses on lo")?;
        if !loopback.up {
            tracing::warn!("lo is down: packets for virtual addresses will not be accepted until it is up");
        }
        let own = |net: &IpNet| links.iter().any(|l| l.addresses.iter().any(|a| a.addr() == net.addr()));
        for net in addresses {
            let change = if net.prefix_len() < net.max_prefix_len() {
                Change::Prefix { loopback: loopback.index, prefix: *net }
            } else if own(net) {
                tracing::info!(address = %net.addr(), "is on this host already, and stays when the backend stops");
                continue;
            } else {
                Change::Address { loopback: loopback.index, address: net.addr() }
            };
            self.make(change).await?;
        }
        if addresses.iter().any(|net| net.addr().is_ipv4()) {
            for (key, value) in parameters(interfaces, |key| read_parameter(key).ok())? {
                let before = read_parameter(&key)?;
                self.make(Change::Parameter { key, before, after: value.to_owned() }).await?;
            }
        }
        Ok(())
    }

    async fn make(&mut self, change: Change) -> anyhow::Result<()> {
        self.made.push(change);
        write(&self.journal, &self.made)
            .with_context(|| format!("cannot write {}", self.journal.display()))?;
        let change = &self.made[self.made.len() - 1];
        Ok(change.make(&self.handle).await?)
    }

    /// Takes everything back, last change first; what cannot be taken back is said and forgotten.
    pub(super) async fn restore(&mut self) {
        while let Some(change) = self.made.pop() {
            if let Err(error) = change.undo(&self.handle).await {
                tracing::warn!(%error, "could not be taken back");
            }
        }
        if let Err(error) = fs::remove_file(&self.journal)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, journal = %self.journal.display(), "not removed");
        }
    }
}

/// Kernel parameters that must change: no ARP for addresses of another interface, and no reverse path filter that drops
/// clients' packets because their way back is another. `now` reads a parameter.
///
/// # Errors
///
/// A parameter does not exist.
fn parameters(
    interfaces: &[Link],
    now: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Vec<(String, &'static str)>> {
    let read = |key: &str| -> anyhow::Result<u32> {
        let value = now(key).with_context(|| format!("/proc/sys/{key} cannot be read"))?;
        value.parse().with_context(|| format!("/proc/sys/{key} is no number"))
    };
    let mut changes = Vec::new();
    for (name, wanted) in [("arp_ignore", "1"), ("arp_announce", "2")] {
        let key = format!("net/ipv4/conf/all/{name}");
        if read(&key)? == 0 {
            changes.push((key, wanted));
        }
    }
    let everywhere = read("net/ipv4/conf/all/rp_filter")?;
    for link in interfaces {
        let key = format!("net/ipv4/conf/{}/rp_filter", link.name);
        // The larger of the two numbers is in force: 1 is strict, 2 is loose.
        if everywhere.max(read(&key)?) == 1 {
            changes.push((key, "2"));
        }
    }
    Ok(changes)
}

/// The kernel gives the lock back when the process ends, however it does.
fn lock(path: &Path) -> anyhow::Result<fs::File> {
    let file = fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            bail!("another `statex backend` runs on this interface ({} is locked)", path.display())
        }
        Err(fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

fn read(journal: &Path) -> anyhow::Result<Vec<Change>> {
    match fs::read(journal) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn write(journal: &Path, changes: &[Change]) -> anyhow::Result<()> {
    let next = journal.with_extension("next");
    fs::write(&next, serde_json::to_vec(changes)?)?;
    Ok(fs::rename(&next, journal)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::links::ethernet;

    fn changes(ignore: &str, announce: &str, everywhere: &str, here: &str) -> Vec<(String, &'static str)> {
        let now = |key: &str| {
            Some(match key {
                "net/ipv4/conf/all/arp_ignore" => ignore.to_owned(),
                "net/ipv4/conf/all/arp_announce" => announce.to_owned(),
                "net/ipv4/conf/all/rp_filter" => everywhere.to_owned(),
                "net/ipv4/conf/eth0/rp_filter" => here.to_owned(),
                _ => return None,
            })
        };
        parameters(&[ethernet(2, "eth0")], now).unwrap()
    }

    #[test]
    fn host_that_is_set_up_stays_as_it_is() {
        assert_eq!(changes("1", "2", "0", "0"), []);
        assert_eq!(changes("1", "2", "2", "1"), [], "loose everywhere");
    }

    #[test]
    fn strict_reverse_path_filter_becomes_loose() {
        let loose = [("net/ipv4/conf/eth0/rp_filter".to_owned(), "2")];
        assert_eq!(changes("1", "2", "1", "0"), loose);
        assert_eq!(changes("1", "2", "0", "1"), loose);
    }

    #[test]
    fn neighbours_are_not_told_of_virtual_addresses() {
        let quiet = changes("0", "0", "0", "0");
        assert_eq!(quiet[0], ("net/ipv4/conf/all/arp_ignore".to_owned(), "1"));
        assert_eq!(quiet[1], ("net/ipv4/conf/all/arp_announce".to_owned(), "2"));
    }

    #[test]
    fn journal_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backend.json");
        assert_eq!(read(&path).unwrap(), []);
        let changes = [Change::Address { loopback: 1, address: "192.0.2.1".parse().unwrap() }];
        write(&path, &changes).unwrap();
        assert_eq!(read(&path).unwrap(), changes);
    }

    #[test]
    fn second_backend_is_kept_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backend.lock");
        let first = lock(&path).unwrap();
        let error = lock(&path).unwrap_err().to_string();
        assert!(error.starts_with("another `statex backend` runs"), "{error}");
        drop(first);
        lock(&path).unwrap();
    }

    #[test]
    fn damaged_journal_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backend.json");
        fs::write(&path, "{").unwrap();
        assert!(read(&path).is_err());
    }
}
