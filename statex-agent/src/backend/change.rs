//! One change of the host that can be taken back.

use std::{fs, io, net::IpAddr, path::PathBuf};

use ipnet::IpNet;
use netlink_packet_route::{
    address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressScope, CacheInfo},
    route::{RouteHeader, RouteScope, RouteType},
};
use rtnetlink::{Handle, RouteMessageBuilder};
use serde::{Deserialize, Serialize};

/// Number of the routing table of local addresses.
const LOCAL_TABLE: u8 = 255;

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// A virtual address on the loopback interface.
    Address { loopback: u32, address: IpAddr },
    /// Every address of a prefix is the host's own.
    Prefix { loopback: u32, prefix: IpNet },
    /// A kernel parameter below `/proc/sys`.
    Parameter { key: String, before: String, after: String },
}

/// Why a change, or its taking back, failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChangeError {
    #[error("{what}: {error}")]
    Netlink { what: String, error: rtnetlink::Error },
    #[error("{}: {error}", path.display())]
    Parameter { path: PathBuf, error: io::Error },
    #[error("{0} is no route destination")]
    Prefix(IpNet),
}

impl Change {
    pub(super) async fn make(&self, handle: &Handle) -> Result<(), ChangeError> {
        match self {
            Self::Address { loopback, address } => {
                let request = address_request(handle, *loopback, *address).replace();
                let what = || format!("adding {address} to the loopback interface");
                request.execute().await.map_err(|error| ChangeError::Netlink { what: what(), error })
            }
            Self::Prefix { loopback, prefix } => {
                let route = local_route(*loopback, *prefix)?;
                let what = || format!("making {prefix} local");
                let request = handle.route().add(route).replace();
                request.execute().await.map_err(|error| ChangeError::Netlink { what: what(), error })
            }
            Self::Parameter { key, after, .. } => write_parameter(key, after),
        }
    }

    /// Takes the change back; one that is not there any more is no error.
    pub(super) async fn undo(&self, handle: &Handle) -> Result<(), ChangeError> {
        let (what, result) = match self {
            Self::Address { loopback, address } => {
                let message = address_request(handle, *loopback, *address).message_mut().clone();
                (format!("removing {address}"), handle.address().del(message).execute().await)
            }
            Self::Prefix { loopback, prefix } => {
                let route = local_route(*loopback, *prefix)?;
                (format!("removing {prefix}"), handle.route().del(route).execute().await)
            }
            // A parameter that somebody has changed meanwhile is theirs.
            Self::Parameter { key, before, after } => {
                return match read_parameter(key) {
                    Ok(now) if now == *after => write_parameter(key, before),
                    Ok(_) => Ok(()),
                    Err(error) => Err(error),
                };
            }
        };
        match result {
            Err(rtnetlink::Error::NetlinkError(error))
                if matches!(-error.raw_code(), libc::EADDRNOTAVAIL | libc::ESRCH | libc::ENODEV) =>
            {
                Ok(())
            }
            result => result.map_err(|error| ChangeError::Netlink { what, error }),
        }
    }
}

/// An address that the host answers by and never chooses as a source of its own.
fn address_request(handle: &Handle, loopback: u32, address: IpAddr) -> rtnetlink::AddressAddRequest {
    let length = if address.is_ipv4() { 32 } else { 128 };
    let mut request = handle.address().add(loopback, address, length);
    let message = request.message_mut();
    message.header.scope = AddressScope::Host;
    if address.is_ipv6() {
        message.header.scope = AddressScope::Universe;
        message.header.flags = AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        // Deprecated (RFC 4862 §5.5.4): no use as a source for new connections of this host.
        let mut lifetime = CacheInfo::default();
        lifetime.ifa_preferred = 0;
        lifetime.ifa_valid = u32::MAX;
        message.attributes.push(AddressAttribute::CacheInfo(lifetime));
    }
    request
}

fn local_route(
    loopback: u32,
    prefix: IpNet,
) -> Result<netlink_packet_route::route::RouteMessage, ChangeError> {
    let mut route = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(prefix.network(), prefix.prefix_len())
        .map_err(|_| ChangeError::Prefix(prefix))?
        .output_interface(loopback)
        .kind(RouteType::Local)
        .scope(RouteScope::Host)
        .build();
    route.header.table = LOCAL_TABLE;
    debug_assert_ne!(LOCAL_TABLE, RouteHeader::RT_TABLE_MAIN);
    Ok(route)
}

/// The value of a kernel parameter, by its path below `/proc/sys`.
pub(super) fn read_parameter(key: &str) -> Result<String, ChangeError> {
    let path = PathBuf::from("/proc/sys").join(key);
    match fs::read_to_string(&path) {
        Ok(value) => Ok(value.trim().to_owned()),
        Err(error) => Err(ChangeError::Parameter { path, error }),
    }
}

fn write_parameter(key: &str, value: &str) -> Result<(), ChangeError> {
    let path = PathBuf::from("/proc/sys").join(key);
    fs::write(&path, value).map_err(|error| ChangeError::Parameter { path, error })
}
