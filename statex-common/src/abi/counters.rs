//! What is counted, per CPU; readers add the CPUs up.

use crate::shared::Shared;

/// A row of `BACKEND_COUNTERS`, one a backend id.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub struct BackendCounters {
    /// Packets sent to the backend.
    pub packets: Shared<u64>,
    /// Bytes of their IP packets, without encapsulation.
    pub bytes: Shared<u64>,
    /// Flows that the ring gave to the backend.
    pub new_flows: Shared<u64>,
    /// Packets that came back from it (`nat` only).
    pub returned: Shared<u64>,
}

const _: () = assert!(size_of::<BackendCounters>() == 32);

/// A row of `SERVICE_COUNTERS`, one a service id: what befell packets that started no known flow.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub struct ServiceCounters {
    /// New flows by the ring, remembered or not.
    pub new_flows: Shared<u64>,
    /// Of these, not remembered because flows came faster than the service's rate.
    pub stateless: Shared<u64>,
    /// Of these, not remembered because the line was full of confirmed flows.
    pub refused: Shared<u64>,
    /// Packets routed by a QUIC connection id.
    pub quic_routed: Shared<u64>,
    /// QUIC short headers whose connection id named no living backend.
    pub quic_unknown: Shared<u64>,
    /// Packets of remembered flows whose backend was gone, hashed again.
    pub rehashed: Shared<u64>,
    /// Packets of any port for mode `local`.
    pub local: Shared<u64>,
    /// The window of the flow rate: second (high half) and flows in it (low half).
    pub window: Shared<u64>,
}

const _: () = assert!(size_of::<ServiceCounters>() == 64);

/// Adds to a counter of this CPU.
#[inline(always)]
pub(crate) fn add(counter: &Shared<u64>, amount: u64) {
    counter.set(counter.get().wrapping_add(amount));
}
