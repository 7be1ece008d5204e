//! Counters by name, so that a spec can say what must be counted.

use std::collections::BTreeMap;

use statex_common::Reason;
use statex_common::abi::{BackendCounters, ServiceCounters};

/// Counters that are not zero: reasons by their label, counters of services added up, counters of
/// backends with the backend's id (`backend 1 packets`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// What was counted since `before`.
    #[must_use]
    pub fn since(&self, before: &Counts) -> Counts {
        let grown = self.0.iter().map(|(name, count)| (name.clone(), count - before.get(name)));
        Counts(grown.filter(|(_, count)| *count != 0).collect())
    }

    /// The reasons among them.
    pub fn reasons(&self) -> Vec<(&str, u64)> {
        let is_reason = |name: &str| Reason::ALL.iter().any(|reason| reason.label() == name);
        let named = self.0.iter().map(|(name, count)| (name.as_str(), *count));
        named.filter(|(name, _)| is_reason(name)).collect()
    }

    pub(super) fn reason(&mut self, reason: Reason, count: u64) {
        self.add(reason.label().to_string(), count);
    }

    pub(super) fn backend(&mut self, id: usize, row: &BackendCounters) {
        for (name, counter) in [
            ("packets", &row.packets),
            ("bytes", &row.bytes),
            ("new_flows", &row.new_flows),
            ("returned", &row.returned),
        ] {
            self.add(format!("backend {id} {name}"), counter.get());
        }
    }

    pub(super) fn service(&mut self, row: &ServiceCounters) {
        for (name, counter) in [
            ("new_flows", &row.new_flows),
            ("stateless", &row.stateless),
            ("refused", &row.refused),
            ("quic_routed", &row.quic_routed),
            ("quic_unknown", &row.quic_unknown),
            ("rehashed", &row.rehashed),
            ("local_packets", &row.local),
        ] {
            self.add(name.to_string(), counter.get());
        }
    }

    fn add(&mut self, name: String, count: u64) {
        if count != 0 {
            *self.0.entry(name).or_default() += count;
        }
    }
}
