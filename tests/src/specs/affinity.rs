//! Source-address affinity: all of a client's connections meet one backend.

use super::scene::*;
use super::spec::{Spec, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::harness::{DataPlane as _, Host, Side};
use crate::packet::Frame;

fn with_affinity() -> World {
    World::new().with(
        ServicePlan::tcp(WEB).ipip("10.1.0.1").ipip("10.1.0.2").ipip("10.1.0.3").ipip("10.1.0.4").affinity(),
    )
}

/// The backend that the ring has for this client.
fn chosen(frame: &Frame) -> u8 {
    let outcome = Host::new(with_affinity().tables()).send(Side::Node, &frame.bytes());
    outcome.frame[33]
}

pub(super) fn specs() -> Vec<Spec> {
    let backend = chosen(&syn());
    vec![
        spec("affinity: connections from other ports go to the same backend")
            .given(with_affinity())
            .packet(&syn(), transmits(&ipip(backend, &syn())))
            .packet(&syn_from(1), transmits(&ipip(backend, &syn_from(1))))
            .packet(&syn_from(2), transmits(&ipip(backend, &syn_from(2))))
            .packet(&syn_from(3), transmits(&ipip(backend, &syn_from(3))))
            .packet(&syn_from(60_000), transmits(&ipip(backend, &syn_from(60_000)))),
        spec("affinity: connections are flows all the same")
            .given(with_affinity())
            .packet(&syn_from(1), transmits(&ipip(backend, &syn_from(1))).counting("new_flows", 1))
            .packet(&syn_from(2), transmits(&ipip(backend, &syn_from(2))).counting("new_flows", 1))
            .packet(&ack_from(1), transmits(&ipip(backend, &ack_from(1))).counting("new_flows", 0)),
    ]
}
