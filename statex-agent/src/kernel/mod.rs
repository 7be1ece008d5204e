//! What the agent knows of the kernel's tables, and its hands on them: programs, maps, links, routes and neighbours.

pub mod attach;
pub mod counters;
pub mod events;
pub mod fake;
pub mod growth;
pub mod image;
pub mod links;
pub mod live;
pub mod load;
pub mod neighbours;
pub mod netlink;
pub mod next_hop;
pub mod object;
pub mod pin;
pub mod plane;
pub mod privileges;
pub mod probes;
pub mod ring;
pub mod rows;
pub mod secret;
pub mod shape;
pub mod steering;
pub mod tables;
