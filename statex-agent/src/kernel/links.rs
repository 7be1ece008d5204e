//! The node's interfaces as the kernel describes them: index, hardware address, MTU, state, VLAN.

use std::collections::BTreeMap;

use ipnet::IpNet;
use netlink_packet_route::link::{
    InfoData, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage, LinkXdp, XdpAttached,
};

/// A hardware address, in the order of the wire.
pub type Mac = [u8; 6];

/// How an XDP program hangs on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// In the driver, before the kernel has made a socket buffer.
    Native,
    /// In the stack, after it; works with every driver.
    Generic,
    /// On the card itself.
    Offloaded,
}

impl Attached {
    /// The word for it in configuration, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Offloaded => "offloaded",
        }
    }
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    pub name: String,
    /// None where frames have no Ethernet header (tun, wireguard).
    pub mac: Option<Mac>,
    /// Bytes of the largest packet, without the Ethernet header.
    pub mtu: u32,
    /// Administratively up, and with a carrier.
    pub up: bool,
    /// For a VLAN device: where its frames really leave, and with which tag.
    pub vlan: Option<Vlan>,
    /// The XDP program on it, whoever attached it: its kernel id and how it hangs there.
    pub xdp: Option<(u32, Attached)>,
    /// Addresses with their prefix; kept by [`Links`], since the kernel tells of them separately.
    pub addresses: Vec<IpNet>,
}

/// The tag of a VLAN device and the device below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vlan {
    pub parent: u32,
    pub id: u16,
}

impl Link {
    /// What a link message of the kernel says; the addresses stay empty.
    pub fn from_message(message: &LinkMessage) -> Self {
        let flags = message.header.flags;
        let ethernet =
            matches!(message.header.link_layer_type, LinkLayerType::Ether | LinkLayerType::Loopback);
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            mac: None,
            mtu: 0,
            up: flags.contains(LinkFlags::Up) && flags.contains(LinkFlags::LowerUp),
            vlan: None,
            xdp: None,
            addresses: Vec::new(),
        };
        let mut parent = None;
        let mut tag = None;
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
                LinkAttribute::Address(bytes) if ethernet => link.mac = bytes[..].try_into().ok(),
                LinkAttribute::Link(index) => parent = Some(*index),
                LinkAttribute::LinkInfo(infos) => tag = vlan_tag(infos),
                LinkAttribute::Xdp(facts) => link.xdp = attached(facts),
                _ => {}
            }
        }
        link.vlan = parent.zip(tag).map(|(parent, id)| Vlan { parent, id });
        link
    }
}

fn vlan_tag(infos: &[LinkInfo]) -> Option<u16> {
    infos.iter().find_map(|info| match info {
        LinkInfo::Data(InfoData::Vlan(facts)) => facts.iter().find_map(|fact| match fact {
            InfoVlan::Id(id) => Some(*id),
            _ => None,
        }),
        _ => None,
    })
}

fn attached(facts: &[LinkXdp]) -> Option<(u32, Attached)> {
    let mode = facts.iter().find_map(|fact| match fact {
        LinkXdp::Attached(XdpAttached::Driver) => Some(Attached::Native),
        LinkXdp::Attached(XdpAttached::SocketBuffer) => Some(Attached::Generic),
        LinkXdp::Attached(XdpAttached::Hardware) => Some(Attached::Offloaded),
        _ => None,
    })?;
    let program = facts.iter().find_map(|fact| match fact {
        LinkXdp::ProgId(id) => Some(*id),
        _ => None,
    })?;
    Some((program, mode))
}

/// An interface was asked for by a name that nothing here has.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("interface \"{name}\" does not exist{}; here are: {there}", suggestion.as_ref().map(|s| format!(" (did you mean \"{s}\"?)")).unwrap_or_default())]
pub struct UnknownInterface {
    pub name: String,
    pub suggestion: Option<String>,
    /// The names there are, with commas.
    pub there: String,
}

/// All interfaces of this network namespace, by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links(BTreeMap<u32, Link>);

impl Links {
    pub fn get(&self, index: u32) -> Option<&Link> {
        self.0.get(&index)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.0.values()
    }

    /// The interface with this name, or an error that suggests one.
    pub fn named(&self, name: &str) -> Result<&Link, UnknownInterface> {
        self.iter().find(|link| link.name == name).ok_or_else(|| {
            let nearest = self
                .iter()
                .map(|link| (strsim::jaro_winkler(name, &link.name), link))
                .filter(|(likeness, _)| *likeness > 0.7)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            UnknownInterface {
                name: name.to_owned(),
                suggestion: nearest.map(|(_, link)| link.name.clone()),
                there: self.iter().map(|link| link.name.as_str()).collect::<Vec<_>>().join(", "),
            }
        })
    }

    /// Takes in what the kernel says of one interface; the addresses it had stay. True if that is
    /// news.
    pub fn put(&mut self, mut link: Link) -> bool {
        if let Some(old) = self.0.get(&link.index) {
            link.addresses.clone_from(&old.addresses);
            if *old == link {
                return false;
            }
        }
        self.0.insert(link.index, link);
        true
    }

    pub fn remove(&mut self, index: u32) -> Option<Link> {
        self.0.remove(&index)
    }

    pub fn add_address(&mut self, index: u32, address: IpNet) {
        if let Some(link) = self.0.get_mut(&index)
            && !link.addresses.contains(&address)
        {
            link.addresses.push(address);
        }
    }

    pub fn remove_address(&mut self, index: u32, address: IpNet) {
        if let Some(link) = self.0.get_mut(&index) {
            link.addresses.retain(|known| *known != address);
        }
    }
}

#[cfg(test)]
pub(crate) fn ethernet(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.to_owned(),
        mac: Some([2, 0, 0, 0, 0, index as u8]),
        mtu: 1500,
        up: true,
        vlan: None,
        xdp: None,
        addresses: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Links {
        let mut links = Links::default();
        links.put(ethernet(2, "eth0"));
        links.put(ethernet(3, "uplink1"));
        links
    }

    #[test]
    fn misspelt_interface_gets_a_suggestion() {
        let error = two().named("uplnk1").unwrap_err().to_string();
        assert_eq!(
            error,
            "interface \"uplnk1\" does not exist (did you mean \"uplink1\"?); here are: eth0, uplink1"
        );
    }

    #[test]
    fn hopeless_name_gets_the_list_only() {
        let error = two().named("wlan7").unwrap_err().to_string();
        assert_eq!(error, "interface \"wlan7\" does not exist; here are: eth0, uplink1");
    }

    #[test]
    fn addresses_survive_news_of_the_link() {
        let mut links = two();
        let address = "10.0.0.1/24".parse().unwrap();
        links.add_address(2, address);
        assert!(!links.put(ethernet(2, "eth0")), "nothing new in it");
        assert!(links.put(Link { up: false, ..ethernet(2, "eth0") }));
        assert_eq!(links.named("eth0").unwrap().addresses, [address]);
    }

    #[test]
    fn vlan_device_names_parent_and_tag() {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.header.link_layer_type = LinkLayerType::Ether;
        message.header.flags = LinkFlags::Up | LinkFlags::LowerUp;
        message.attributes = vec![
            LinkAttribute::IfName("eth0.42".into()),
            LinkAttribute::Link(2),
            LinkAttribute::LinkInfo(vec![LinkInfo::Data(InfoData::Vlan(vec![InfoVlan::Id(42)]))]),
        ];
        assert_eq!(Link::from_message(&message).vlan, Some(Vlan { parent: 2, id: 42 }));
    }
}
