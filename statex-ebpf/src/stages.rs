//! The stages as functions that the verifier looks at one by one: it takes each exported function for
//! itself, from no more than the types of its arguments.

use crate::frame::Frame;
use crate::instructions::keep;
use crate::tables::Maps;
use aya_ebpf::bindings::xdp_md;
use statex_common::stage::{Answer, Stage, Told};

macro_rules! stages {
    ($($function:ident => $stage:ident,)+) => {
        $(
            #[unsafe(no_mangle)]
            #[inline(never)]
            pub extern "C" fn $function(ctx: *mut xdp_md, low: u64, fingerprint: u64) -> u64 {
                // A number that is not looked at would not be passed at all, and the verifier insists on it.
                let told = Told::from_words(keep(low), keep(fingerprint));
                Stage::$stage.run(&mut Frame::new(ctx), &Maps, told).0
            }
        )+

        #[inline(always)]
        pub(crate) fn call(stage: Stage, ctx: *mut xdp_md, told: Told) -> Answer {
            let (low, fingerprint) = told.words();
            Answer(match stage { $(Stage::$stage => $function(ctx, low, fingerprint),)+ })
        }
    };
}

stages! {
    stage_ipv4 => Ipv4,
    stage_ipv6 => Ipv6,
    stage_extensions => Extensions,
    stage_old_flow => OldFlow,
    stage_new_flow => NewFlow,
    stage_source_rate => SourceRate,
    stage_remember => Remember,
    stage_nat_forward => NatForward,
    stage_nat_open => NatOpen,
    stage_nat_back => NatBack,
    stage_icmp => Icmp,
    stage_icmp_error => IcmpError,
    stage_nat_error_forward => NatErrorForward,
    stage_nat_error_back => NatErrorBack,
    stage_first_fragment => FirstFragment,
    stage_later_fragment => LaterFragment,
    stage_deliver => Deliver,
    stage_too_big => TooBig,
}
