//! Sampled flow events.

use statex_common::abi::EventKind;

use super::scene::*;
use super::spec::{Spec, spec, transmits};
use crate::doubles::World;

/// Every event is told.
fn told(world: World) -> World {
    world.settings(|settings| settings.event_sample = 1)
}

pub(super) fn specs() -> Vec<Spec> {
    vec![
        spec("events: a new flow is told, its later packets are not")
            .given(told(web()))
            .packet(&syn(), transmits(&ipip(1, &syn())).telling(EventKind::Opened, 1))
            .packet(&ack(), transmits(&ipip(1, &ack()))),
        spec("events: a flow that moves from a dead backend is told")
            .given(told(web_of_two()))
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())).telling(EventKind::Opened, 1))
            .then(|world| {
                world.kill("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&ack(), transmits(&ipip(2, &ack())).telling(EventKind::Moved, 2)),
        spec("events: none where they are off").given(web()).packet(&syn(), transmits(&ipip(1, &syn()))),
    ]
}
