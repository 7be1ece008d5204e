//! Packet specs: what the data plane does with each kind of packet, each run on the host and in the kernel.
//!
//! A spec reads *given a world, when this packet comes, then that*; one file a topic.

mod affinity;
mod anyport;
mod basic;
mod decap;
mod events;
mod flows;
mod fragments;
mod gue;
mod icmp_errors;
mod ipip;
mod l2;
mod limits;
mod local;
mod malformed;
mod membership;
mod nat;
mod nat_errors;
mod options;
mod ping;
mod probe;
mod quic;
mod run;
pub mod scene;
pub mod spec;
mod too_big;
mod vlan;

pub use run::{run, run_in_kernel};
pub use spec::Spec;

/// A topic and its specs.
pub type Topic = (&'static str, fn() -> Vec<Spec>);

/// Every topic, in the order in which a newcomer would read them.
pub const TOPICS: &[Topic] = &[
    ("basic", basic::specs),
    ("ipip", ipip::specs),
    ("gue", gue::specs),
    ("l2", l2::specs),
    ("nat", nat::specs),
    ("nat_errors", nat_errors::specs),
    ("local", local::specs),
    ("anyport", anyport::specs),
    ("affinity", affinity::specs),
    ("flows", flows::specs),
    ("membership", membership::specs),
    ("icmp_errors", icmp_errors::specs),
    ("too_big", too_big::specs),
    ("ping", ping::specs),
    ("fragments", fragments::specs),
    ("vlan", vlan::specs),
    ("options", options::specs),
    ("malformed", malformed::specs),
    ("quic", quic::specs),
    ("limits", limits::specs),
    ("events", events::specs),
    ("probe", probe::specs),
    ("decap", decap::specs),
];

/// All specs with their topics.
pub fn all() -> Vec<(&'static str, Spec)> {
    let of_topic = |(topic, specs): &Topic| {
        let topic = *topic;
        specs().into_iter().map(move |spec| (topic, spec))
    };
    TOPICS.iter().flat_map(of_topic).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_spec_has_a_name_of_its_own() {
        let specs = super::all();
        let names: BTreeSet<&str> = specs.iter().map(|(_, spec)| spec.name).collect();
        assert_eq!(names.len(), specs.len());
    }
}
