//! Where most specs play: one client, one virtual address of each family, backends by number.
//!
//! ```text
//! 192.0.2.1     ─ router ─ node 10.0.0.1 ─┬─ 10.1.0.1, 2001:db8:b::1
//! 2001:db8:c::1                           └─ 10.1.0.2, 2001:db8:b::2 …
//!                10.200.0.1, 2001:db8:f::1
//! ```

use crate::doubles::{GUE_PORT, NODE_V4, NODE_V6, ServicePlan, World};
use crate::packet::{Frame, Mac, ip, tcp, udp};

pub const CLIENT: &str = "192.0.2.1";
pub const CLIENT_V6: &str = "2001:db8:c::1";
pub const VIRTUAL: &str = "10.200.0.1";
pub const VIRTUAL_V6: &str = "2001:db8:f::1";

/// HTTP and DNS, as the specs call them.
pub const WEB: &str = "10.200.0.1:80";
pub const WEB_V6: &str = "[2001:db8:f::1]:80";
pub const DNS: &str = "10.200.0.1:53";
pub const DNS_V6: &str = "[2001:db8:f::1]:53";

const FROM: &str = "192.0.2.1:40000";
const FROM_V6: &str = "[2001:db8:c::1]:40000";

/// A client's first segment.
pub fn syn() -> Frame {
    tcp(FROM, WEB).syn()
}

/// A later segment of the same connection.
pub fn ack() -> Frame {
    tcp(FROM, WEB).payload("GET / HTTP/1.1\r\n\r\n")
}

pub fn syn_v6() -> Frame {
    tcp(FROM_V6, WEB_V6).syn()
}

pub fn ack_v6() -> Frame {
    tcp(FROM_V6, WEB_V6).payload("GET / HTTP/1.1\r\n\r\n")
}

pub fn query() -> Frame {
    udp(FROM, DNS).payload("query")
}

pub fn query_v6() -> Frame {
    udp(FROM_V6, DNS_V6).payload("query")
}

/// A segment of another connection of the same client.
pub fn syn_from(port: u16) -> Frame {
    tcp(&format!("{CLIENT}:{port}"), WEB).syn()
}

pub fn ack_from(port: u16) -> Frame {
    tcp(&format!("{CLIENT}:{port}"), WEB).payload("data")
}

pub fn query_from(port: u16) -> Frame {
    udp(&format!("{CLIENT}:{port}"), DNS).payload("query")
}

/// HTTP with one backend by IPIP.
pub fn web() -> World {
    World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1"))
}

/// HTTP with two backends by IPIP.
pub fn web_of_two() -> World {
    World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").ipip("10.1.0.2"))
}

/// HTTP over IPv6 with one backend by IPIP.
pub fn web_v6() -> World {
    World::new().with(ServicePlan::tcp(WEB_V6).ipip("2001:db8:b::1"))
}

/// DNS with one backend by IPIP.
pub fn dns() -> World {
    World::new().with(ServicePlan::udp(DNS).ipip("10.1.0.1"))
}

/// DNS over IPv6 with one backend by IPIP.
pub fn dns_v6() -> World {
    World::new().with(ServicePlan::udp(DNS_V6).ipip("2001:db8:b::1"))
}

/// `frame` in an IPv4 tunnel to the backend with this number.
pub fn ipip(backend: u8, frame: &Frame) -> Frame {
    to_backend(backend, ip(NODE_V4, &format!("10.1.0.{backend}")).dont_fragment().carry(frame))
}

/// `frame` in an IPv6 tunnel to the backend with this number.
pub fn ipip_v6(backend: u8, frame: &Frame) -> Frame {
    to_backend(backend, ip(NODE_V6, &format!("2001:db8:b::{backend}")).carry(frame))
}

/// `frame` in UDP over IPv4 to the backend with this number.
pub fn gue(backend: u8, frame: &Frame) -> Frame {
    let outer = ip(NODE_V4, &format!("10.1.0.{backend}")).dont_fragment();
    to_backend(backend, outer.udp(0, GUE_PORT).no_checksum().gue(frame))
}

/// `frame` in UDP over IPv6 to the backend with this number.
pub fn gue_v6(backend: u8, frame: &Frame) -> Frame {
    let outer = ip(NODE_V6, &format!("2001:db8:b::{backend}"));
    to_backend(backend, outer.udp(0, GUE_PORT).no_checksum().gue(frame))
}

/// `frame` as it is, from the node to the backend with this number.
pub fn l2(backend: u8, frame: &Frame) -> Frame {
    to_backend(backend, frame.clone())
}

/// `frame` back to the router that it came from.
pub fn back(frame: Frame) -> Frame {
    frame.sent(Mac::NODE, Mac::ROUTER)
}

fn to_backend(backend: u8, frame: Frame) -> Frame {
    frame.sent(Mac::NODE, Mac::backend(backend))
}
