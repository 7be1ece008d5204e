//! Backends that drain, die, leave, and whose id is used again: no flow may end at the wrong one.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Spec, drops, spec, transmits};
use crate::doubles::{ServicePlan, World};

pub(super) fn specs() -> Vec<Spec> {
    vec![
        spec("drain: running connections go on, new ones go elsewhere")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| {
                world.drain("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&ack(), transmits(&ipip(1, &ack())))
            .packet(&syn_from(40_001), transmits(&ipip(2, &syn_from(40_001))))
            .packet(&ack().fin(), transmits(&ipip(1, &ack().fin()))),
        spec("drain undone: new connections come again")
            .given(web())
            .then(|world| world.drain("10.1.0.1"))
            .packet(&syn(), drops(Reason::NoBackend))
            .then(|world| world.backend("10.1.0.1").in_ring = true)
            .packet(&syn(), transmits(&ipip(1, &syn()))),
        spec("drain of the last backend: its connections still go on")
            .given(web())
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| world.drain("10.1.0.1"))
            .packet(&ack(), transmits(&ipip(1, &ack())))
            .packet(&syn_from(40_001), drops(Reason::NoBackend)),
        spec("dead backend: its running flows are hashed again")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| {
                world.kill("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&ack(), transmits(&ipip(2, &ack())).counting("rehashed", 1))
            .packet(&ack(), transmits(&ipip(2, &ack())).counting("rehashed", 0)),
        spec("dead backend: the flows that moved stay where they moved to")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| {
                world.kill("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&ack(), transmits(&ipip(2, &ack())))
            .then(|world| {
                let backend = world.backend("10.1.0.1");
                backend.state = statex_common::abi::BackendState::Alive;
                backend.in_ring = true;
                world.drain("10.1.0.2");
            })
            .packet(&ack(), transmits(&ipip(2, &ack()))),
        spec("dead backend: flows of the others do not move")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.1"))
            .packet(&syn(), transmits(&ipip(2, &syn())))
            .then(|world| world.kill("10.1.0.1"))
            .packet(&ack(), transmits(&ipip(2, &ack())).counting("rehashed", 0)),
        spec("dead UDP backend: flows move at once, without waiting for their idle time")
            .given(World::new().with(ServicePlan::udp(DNS).ipip("10.1.0.1").ipip("10.1.0.2")))
            .then(|world| world.drain("10.1.0.2"))
            .packet(&query(), transmits(&ipip(1, &query())))
            .then(|world| {
                world.kill("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&query(), transmits(&ipip(2, &query())).counting("rehashed", 1)),
        spec("dead backend that the ring still names: dropped, not sent to the dead")
            .given(web())
            .then(|world| {
                world.kill("10.1.0.1");
                world.backend("10.1.0.1").in_ring = true;
            })
            .packet(&syn(), drops(Reason::NoBackend)),
        spec("last backend leaves: nobody gets its packets")
            .given(web())
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| world.remove("10.1.0.1"))
            .packet(&ack(), drops(Reason::NoBackend))
            .packet(&syn_from(40_001), drops(Reason::NoBackend)),
        spec("id used again: a flow of the old backend does not reach the new one by its old entry")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| {
                world.reuse_id("10.1.0.1", "10.1.0.7");
                world.drain("10.1.0.7");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&ack(), transmits(&ipip(2, &ack())).counting("rehashed", 1)),
        spec("id used again: new flows reach the new backend")
            .given(web())
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| {
                world.reuse_id("10.1.0.1", "10.1.0.7");
                world.backend("10.1.0.7").mac = crate::packet::Mac::backend(7);
            })
            .packet(&syn_from(40_001), transmits(&ipip(7, &syn_from(40_001)))),
        spec("id used again by another service: the flow stays in its own service")
            .given(web_of_two().with(ServicePlan::tcp("10.200.0.2:80")))
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| {
                let moved = world.services[0].backends.remove(0);
                world.services[1].backends.push(moved);
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&ack(), transmits(&ipip(2, &ack())).counting("rehashed", 1)),
        spec("a backend that comes back within its generation keeps its flows")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| world.kill("10.1.0.1"))
            .then(|world| {
                world.backend("10.1.0.1").state = statex_common::abi::BackendState::Alive;
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&ack(), transmits(&ipip(1, &ack()))),
        spec("a service that leaves: its packets are nobody's business any more")
            .given(web())
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| world.services.clear())
            .packet(&ack(), super::spec::passes(Reason::NotOurs)),
    ]
}
