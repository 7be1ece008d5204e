//! Pools and their backends.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::proxy::Upstream;
use super::{Heal, Health, Outlier, Report, Words, Workload};

/// `[[pool]]`: backends that can stand in for one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    pub name: String,
    /// In the order of the file; names are unique within the pool, and so are address and port together.
    pub backends: Vec<Backend>,
    /// `None`: never probed, always believed alive.
    pub health: Option<Health>,
    pub outlier: Outlier,
    /// `None`: backends are not asked about themselves.
    pub report: Option<Report>,
    /// `None`: nobody here can start or stop its replicas.
    pub workload: Option<Workload>,
    /// `None`: nothing is healed, and nothing said about it.
    pub heal: Option<Heal>,
    /// What the proxy needs of it.
    pub upstream: Upstream,
}

impl Pool {
    /// The backend with this name.
    pub fn backend(&self, name: &str) -> Option<&Backend> {
        self.backends.iter().find(|backend| backend.name == name)
    }
}

/// `[[pool.backend]]`: one address that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Unique within the pool; the address (with the port, if it has one) where none is given.
    pub name: String,
    pub address: IpAddr,
    /// `None`: the service's port, or that of the protocol that the proxy speaks to it. Only the proxy and
    /// forward mode `nat` translate ports.
    pub port: Option<u16>,
    /// Share of new flows; 0 takes none.
    pub weight: u32,
    /// A free label.
    pub region: String,
    pub state: BackendState,
    /// Server id in QUIC connection ids; empty: none.
    pub server_id: Vec<u8>,
    /// Where packets to the backend go, instead of what routes and neighbours say.
    pub next_hop: Option<NextHop>,
}

/// What the operator wants of a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BackendState {
    #[default]
    Active,
    /// No new flows; those that run go on.
    Drain,
}

impl Words for BackendState {
    const KIND: &'static str = "backend state";
    const WORDS: &'static [(&'static str, Self)] = &[("active", Self::Active), ("drain", Self::Drain)];
}

/// A next hop that is not asked from the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextHop {
    pub interface: String,
    pub mac: Mac,
    /// Tag that packets get; `None`: untagged.
    pub vlan: Option<u16>,
}

/// An Ethernet address, written `02:00:00:00:00:01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(':');
        let mut bytes = [0; 6];
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2 && !part.starts_with('+')).ok_or(())?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| ())?;
        }
        if parts.next().is_some() { Err(()) } else { Ok(Self(bytes)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_reads_as_it_is_written() {
        let mac: Mac = "02:00:5e:00:AB:01".parse().unwrap();
        assert_eq!(mac.to_string(), "02:00:5e:00:ab:01");
        for wrong in [
            "",
            "02:00:5e:00:ab",
            "02:00:5e:00:ab:01:02",
            "2:0:5e:0:ab:1",
            "0g:00:5e:00:ab:01",
            "+2:00:00:00:00:00",
        ] {
            assert_eq!(wrong.parse::<Mac>(), Err(()), "{wrong}");
        }
    }
}
