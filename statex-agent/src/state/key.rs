//! What rows are about: identities that outlive ids, agents and restarts.

use crate::config::{Destination, Forward, PortMatch, Service};
use statex_common::abi::Mode;
use std::fmt;
use std::net::IpAddr;

/// What a row of `SERVICES` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    pub destination: Destination,
    /// 0: any port.
    pub port: u16,
    /// IP protocol number; 0 on the row that stands for the whole address.
    pub protocol: u8,
}

impl ServiceKey {
    pub fn of(service: &Service) -> Self {
        let port = match service.port {
            PortMatch::Any => 0,
            PortMatch::One(port) => port,
        };
        Self { destination: service.destination, port, protocol: service.protocol.number() }
    }

    /// The row of the address that the service stands behind.
    pub fn address(self) -> Self {
        Self { port: 0, protocol: 0, ..self }
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destination, port, protocol } = self;
        let protocol = match protocol {
            0 => return destination.fmt(f),
            6 => "tcp",
            _ => "udp",
        };
        match (destination, port) {
            (_, 0) => write!(f, "{destination} any/{protocol}"),
            (Destination::Address(IpAddr::V6(address)), _) => write!(f, "[{address}]:{port}/{protocol}"),
            _ => write!(f, "{destination}:{port}/{protocol}"),
        }
    }
}

/// What a row of `BACKENDS` is about: a backend of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendKey {
    pub service: ServiceKey,
    pub address: IpAddr,
    /// 0 where ports are not translated.
    pub port: u16,
    /// Of [`Mode`].
    pub mode: u8,
}

/// The mode of a service's backend rows; `None` for `local`, which has none.
pub fn mode(forward: Forward) -> Option<Mode> {
    Some(match forward {
        Forward::Ipip => Mode::Ipip,
        Forward::Gue => Mode::Gue,
        Forward::L2 => Mode::L2,
        Forward::Nat => Mode::Nat,
        Forward::Local => return None,
    })
}

/// A backend as operators call it. One name stands for the backend in all services of its pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendName {
    pub pool: String,
    pub backend: String,
}

impl BackendName {
    /// Whether an operator's `POOL/BACKEND`, or `BACKEND` in whatever pool, means this one.
    pub fn is_meant_by(&self, text: &str) -> bool {
        let qualified = || text.strip_prefix(&self.pool)?.strip_prefix('/');
        text == self.backend || qualified() == Some(&self.backend)
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pool, self.backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_meant_by_its_name_with_or_without_the_pool() {
        let name = BackendName { pool: "web".into(), backend: "a".into() };
        assert!(name.is_meant_by("a") && name.is_meant_by("web/a"));
        assert!(!name.is_meant_by("api/a") && !name.is_meant_by("weba") && !name.is_meant_by("web/"));
    }

    #[test]
    fn services_read_as_operators_write_them() {
        let key = |address: &str, port, protocol| {
            let destination = Destination::Address(address.parse().unwrap());
            ServiceKey { destination, port, protocol }.to_string()
        };
        assert_eq!(key("192.0.2.1", 80, 6), "192.0.2.1:80/tcp");
        assert_eq!(key("2001:db8::1", 443, 17), "[2001:db8::1]:443/udp");
        assert_eq!(key("192.0.2.1", 0, 6), "192.0.2.1 any/tcp");
        assert_eq!(key("192.0.2.1", 0, 0), "192.0.2.1");
    }
}
