//! A node's own health probes: to one backend of a service, just as a client's packet would go.

use statex_common::abi::BackendState;

use super::scene::*;
use super::spec::{Any, Spec, redirects, refuses, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::packet::{Frame, Mac, tcp};

/// As the node's own stack would send it to the virtual address.
fn probe() -> Frame {
    tcp("10.0.0.1:50000", WEB).syn().sent(Mac::NODE, Mac::ROUTER)
}

fn probe_v6() -> Frame {
    tcp("[2001:db8:a::1]:50000", WEB_V6).syn().sent(Mac::NODE, Mac::ROUTER)
}

fn of_two() -> World {
    World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").gue("10.1.0.2"))
}

pub(super) fn specs() -> Vec<Spec> {
    vec![
        spec("probe: by IPIP, through the tunnel that clients' packets take")
            .probing(1)
            .given(of_two())
            .packet(&probe(), transmits(&ipip(1, &probe()))),
        spec("probe: by GUE, to the backend that the mark names")
            .probing(2)
            .given(of_two())
            .packet(&probe(), transmits(&gue(2, &probe())).any(Any::GueSource)),
        spec("probe: by L2")
            .probing(1)
            .given(World::new().with(ServicePlan::tcp(WEB).l2("10.1.0.1")))
            .packet(&probe(), transmits(&l2(1, &probe()))),
        spec("probe: IPv6 in IPv6")
            .probing(1)
            .given(web_v6())
            .packet(&probe_v6(), transmits(&ipip_v6(1, &probe_v6())).any(Any::FlowLabel)),
        spec("probe: IPv4 in IPv6")
            .probing(1)
            .given(World::new().with(ServicePlan::tcp(WEB).gue("2001:db8:b::1")))
            .packet(&probe(), transmits(&gue_v6(1, &probe())).any(Any::GueSource).any(Any::FlowLabel)),
        spec("probe: a dead backend is probed as well, or it would stay dead")
            .probing(1)
            .given(of_two())
            .then(|world| world.backend("10.1.0.1").state = BackendState::Dead)
            .packet(&probe(), transmits(&ipip(1, &probe()))),
        spec("probe: a backend by another interface")
            .probing(1)
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").that(|b| b.interface = 9)))
            .packet(&probe(), redirects(9, &ipip(1, &probe()))),
        spec("probe: a backend behind a VLAN gets its tag")
            .probing(1)
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").that(|b| b.vlan = 200)))
            .packet(&probe(), transmits(&ipip(1, &probe()).vlan(200))),
        spec("probe: an id that nobody has")
            .probing(1)
            .given(of_two())
            .then(|world| world.remove("10.1.0.1"))
            .packet(&probe(), refuses()),
        spec("probe: no next hop")
            .probing(1)
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").that(|b| b.interface = 0)))
            .packet(&probe(), refuses()),
        spec("probe: where packets are translated a plain socket does")
            .probing(1)
            .given(World::new().with(ServicePlan::tcp(WEB).nat("10.1.0.1:8080")))
            .packet(&probe(), refuses()),
    ]
}
