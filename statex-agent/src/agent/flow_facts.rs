//! What the data plane's counters tell of backends' health.

use std::{collections::HashMap, sync::Arc};

use crate::{
    health::{doctor::Told, facts::Flows, ward::Fact},
    kernel::counters::Counters,
    state::snapshot::Snapshot,
};

/// What was counted of a row when it was looked at last; the row's id and generation tell it from others.
type Row = (u16, u8);

/// Turns counters into what happened since the last look.
pub(super) struct FlowFacts {
    counters: Arc<Counters>,
    before: HashMap<Row, Counted>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counted {
    opened: u64,
    sent: u64,
    returned: u64,
}

impl FlowFacts {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { counters, before: HashMap::new() }
    }

    /// What happened to the backends of a picture since they were looked at last. A backend that is seen for the first
    /// time has no past.
    pub(super) fn since(&mut self, snapshot: &Snapshot) -> Vec<Told> {
        let mut seen = HashMap::new();
        let mut all: HashMap<(Arc<str>, Arc<str>), Flows> = HashMap::new();
        for service in &snapshot.services {
            // Only translated answers pass the node.
            let returns = snapshot
                .config
                .services
                .iter()
                .any(|it| it.name == service.name && it.forward == crate::config::Forward::Nat);
            for backend in &service.backends {
                let Some(row) = backend.id else { continue };
                let Ok(counters) = self.counters.backend(row.0.into()) else { continue };
                let now = Counted {
                    opened: counters.new_flows.get(),
                    sent: counters.packets.get(),
                    returned: counters.returned.get(),
                };
                seen.insert(row, now);
                let Some(before) = self.before.get(&row) else { continue };
                let name = (backend.name.pool.as_str().into(), backend.name.backend.as_str().into());
                add(all.entry(name).or_default(), *before, now, returns);
            }
        }
        self.before = seen;
        let told = |((pool, backend), flows)| Told { pool, backend, fact: Fact::Flows(flows) };
        all.into_iter().map(told).collect()
    }
}

/// Counters that were cleared meanwhile tell nothing.
fn add(flows: &mut Flows, before: Counted, now: Counted, returns: bool) {
    let since = |now: u64, before: u64| now.saturating_sub(before);
    flows.opened += since(now.opened, before.opened);
    flows.sent += since(now.sent, before.sent);
    if returns {
        *flows.returned.get_or_insert(0) += since(now.returned, before.returned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_add_up_and_only_translated_answers_count() {
        let mut flows = Flows::default();
        let counted = |opened, sent, returned| Counted { opened, sent, returned };
        add(&mut flows, counted(1, 10, 0), counted(3, 20, 0), false);
        assert_eq!(flows, Flows { opened: 2, sent: 10, returned: None });
        add(&mut flows, counted(0, 0, 5), counted(1, 4, 9), true);
        assert_eq!(flows, Flows { opened: 3, sent: 14, returned: Some(4) });
        add(&mut flows, counted(9, 9, 9), counted(0, 0, 0), true);
        assert_eq!(flows, Flows { opened: 3, sent: 14, returned: Some(4) });
    }
}
