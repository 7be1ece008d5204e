//! The pieces of a packet's way as functions that the verifier looks at one by one: it takes each exported
//! function for itself, from no more than the types of its arguments.

use crate::frame::Frame;
use crate::maps::TOLD;
use crate::tables::Maps;
use aya_ebpf::bindings::xdp_md;
use statex_common::flow::{self, NewFlow};
use statex_common::forward;
use statex_common::parse::ipv6;
use statex_common::stage::{self, Answer, Stage, Told};

/// The common way of an IPv4 packet.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn common_ipv4(ctx: *mut xdp_md) -> u64 {
    forward::common(&mut Frame::new(ctx), &Maps, false).0
}

/// The common way of an IPv6 packet.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn common_ipv6(ctx: *mut xdp_md) -> u64 {
    forward::common(&mut Frame::new(ctx), &Maps, true).0
}

/// What is not common.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rest(ctx: *mut xdp_md, answer: u64, vlan: u64) -> u64 {
    // SAFETY: a live row of the map, this CPU's own, which nobody else refers to.
    match TOLD.get_ptr_mut(0).and_then(|told| unsafe { told.as_mut() }) {
        Some(told) => stage::follow(&mut Frame::new(ctx), &Maps, told, Answer(answer), vlan as u16).word(),
        None => UNTOLD,
    }
}

/// What lies behind IPv6 extension headers.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn behind(ctx: *mut xdp_md, next: u64, start: u64) -> u64 {
    ipv6::follow(&Frame::new(ctx), next as u8, start as usize).0
}

/// Notes a flow.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn remember(fingerprint: u64, rest: u64) -> u64 {
    let (flow, now) = NewFlow::from_words(fingerprint, rest);
    flow::remember(&Maps, flow, now) as u64
}

/// What a stage that was called without being told anything answers: a drop. It never happens, but the
/// verifier takes every pointer for one that may be null.
const UNTOLD: u64 = 1 << 48;

/// Functions that are told by reference.
macro_rules! told {
    ($($function:ident: $run:expr;)+) => {$(
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $function(ctx: *mut xdp_md, told: *mut Told) -> u64 {
            // SAFETY: the pointer is null or to this CPU's row of `TOLD`.
            match unsafe { told.as_mut() } {
                Some(told) => $run(&mut Frame::new(ctx), told).0,
                None => UNTOLD,
            }
        }
    )+};
}

macro_rules! stages {
    ($($function:ident => $stage:ident,)+) => {
        told! { $($function: |frame: &mut Frame, told| Stage::$stage.run(frame, &Maps, told);)+ }

        #[inline(always)]
        pub(crate) fn call(stage: Stage, ctx: *mut xdp_md, told: &mut Told) -> Answer {
            Answer(match stage { $(Stage::$stage => $function(ctx, told),)+ })
        }
    };
}

stages! {
    stage_old_flow => OldFlow,
    stage_source_rate => SourceRate,
    stage_new_flow => NewFlow,
    stage_nat_forward => NatForward,
    stage_nat_open => NatOpen,
    stage_nat_back => NatBack,
    stage_icmp => Icmp,
    stage_icmp_error => IcmpError,
    stage_nat_error_forward => NatErrorForward,
    stage_nat_error_back => NatErrorBack,
    stage_later_fragment => LaterFragment,
    stage_first_for_local => FirstForLocal,
    stage_deliver => Deliver,
    stage_too_big => TooBig,
}
