//! Where a packet goes, and why it is not forwarded when it is not.

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Up this host's own stack.
    Pass,
    Drop,
    /// Out by the interface it came by.
    Transmit,
    /// Out by the interface with this index.
    Redirect(u32),
}

macro_rules! reasons {
    ($($(#[doc = $help:literal])+ $name:ident => $verdict:ident, $label:literal;)+) => {
        /// Why a packet was passed or dropped without being forwarded. Counted each, named the same in
        /// metrics, events, logs and documentation.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Reason { $($(#[doc = $help])+ $name,)+ }

        impl Reason {
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)+];

            /// The verdict that follows from the reason.
            #[inline(always)]
            pub const fn verdict(self) -> Verdict {
                match self { $(Reason::$name => Verdict::$verdict,)+ }
            }

            /// The name in metrics, events and logs.
            pub const fn label(self) -> &'static str {
                match self { $(Reason::$name => $label,)+ }
            }

            /// One line that tells an operator what happened.
            pub const fn help(self) -> &'static str {
                match self { $(Reason::$name => concat!($($help),+),)+ }
            }
        }
    };
}

reasons! {
    /// The destination is no virtual address of this node; the packet goes on untouched.
    NotOurs => Pass, "not_ours";
    /// The frame is neither IPv4 nor IPv6.
    NotIp => Pass, "not_ip";
    /// The frame ends before its Ethernet or IP header does.
    Runt => Pass, "runt";
    /// The IP header contradicts itself: version, header length or total length.
    MalformedIp => Pass, "malformed_ip";
    /// More IPv6 extension headers than are followed, or one that hides the ports.
    ExtensionHeaders => Pass, "extension_headers";
    /// The virtual address is ours, but no service has this port and protocol.
    NoSuchPort => Pass, "no_such_port";
    /// A service in mode `local`: the packet goes up this node's own stack.
    Local => Pass, "local";
    /// ICMP of a kind that the node does not handle itself.
    IcmpOther => Pass, "icmp_other";
    /// An ICMP error about a flow that no service of this node has.
    IcmpNoFlow => Pass, "icmp_no_flow";
    /// For a service, but the frame ends inside the TCP, UDP or ICMP header.
    Truncated => Drop, "truncated";
    /// A later fragment whose first fragment was not seen.
    FragmentUnknown => Drop, "fragment_unknown";
    /// The source address is in the deny list.
    Denied => Drop, "denied";
    /// The source prefix opens flows faster than the service allows.
    SourceRate => Drop, "source_rate";
    /// The service has no backend that could take the packet.
    NoBackend => Drop, "no_backend";
    /// The backend has no next hop: no route to it, or its neighbour does not answer.
    NoNextHop => Drop, "no_next_hop";
    /// The packet does not fit behind the encapsulation and the sender could not be told.
    TooBig => Drop, "too_big";
    /// There was no room in front of the frame for another header.
    NoHeadroom => Drop, "no_headroom";
    /// No port of the node's addresses was free for a translated flow.
    NatPorts => Drop, "nat_ports";
    /// A packet to a translated port that no flow owns.
    NatUnknown => Pass, "nat_unknown";
    /// Time to live ran out at this node.
    TimeToLive => Drop, "time_to_live";
    /// A table row that must exist does not; tell the developers.
    TableMissing => Drop, "table_missing";
    /// An encapsulated packet that is not for a virtual address of this backend.
    DecapNotOurs => Pass, "decap_not_ours";
    /// A ping to a virtual address, answered.
    EchoReplied => Transmit, "echo_replied";
    /// A packet too big for the encapsulation, answered with the size that fits.
    TooBigReplied => Transmit, "too_big_replied";
    /// Encapsulation taken off; the packet goes up this backend's stack.
    Decapsulated => Pass, "decapsulated";
}

impl Reason {
    pub const COUNT: usize = Self::ALL.len();
}
