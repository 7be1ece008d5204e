//! SETTINGS (RFC 7540 §6.5).

use super::peer::Expect::{Acknowledged, Answer, Connection, Lengths};
use super::wire::{frame, get, settings};
use super::{Case, cases};
use crate::proxy::h2::Code::{FlowControlError, FrameSizeError, ProtocolError};
use crate::proxy::h2::frame::{flag, kind};
use crate::proxy::h2::setting::{
    ENABLE_CONNECT_PROTOCOL, ENABLE_PUSH, HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE,
};

cases! {
    // §6.5.
    s6_5_an_acknowledgement_that_says_something: [frame(kind::SETTINGS, flag::ACK, 0, &[0; 6])]
        => Connection(FrameSizeError);
    s6_5_settings_on_a_stream: [frame(kind::SETTINGS, 0, 1, &[])] => Connection(ProtocolError);
    s6_5_settings_that_are_not_whole: [frame(kind::SETTINGS, 0, 0, &[0, 3, 0])] => Connection(FrameSizeError);
    s6_5_all_settings: [
        settings(&[
            (HEADER_TABLE_SIZE, 100), (ENABLE_PUSH, 0), (MAX_CONCURRENT_STREAMS, 1), (INITIAL_WINDOW_SIZE, 99),
            (MAX_FRAME_SIZE, 16_777_215), (MAX_HEADER_LIST_SIZE, 9),
        ]),
        get(1),
    ] => Answer(1, 200);

    // §6.5.2.
    s6_5_2_a_push_that_is_neither: [settings(&[(ENABLE_PUSH, 2)])] => Connection(ProtocolError);
    s6_5_2_a_push_that_is_allowed: [settings(&[(ENABLE_PUSH, 1)])] => Acknowledged;
    s6_5_2_a_window_that_is_too_large: [settings(&[(INITIAL_WINDOW_SIZE, 0x8000_0000)])]
        => Connection(FlowControlError);
    s6_5_2_the_largest_window: [settings(&[(INITIAL_WINDOW_SIZE, 0x7fff_ffff)]), get(1)] => Answer(1, 200);
    s6_5_2_a_frame_size_that_is_too_small: [settings(&[(MAX_FRAME_SIZE, 16_383)])] => Connection(ProtocolError);
    s6_5_2_a_frame_size_that_is_too_large: [settings(&[(MAX_FRAME_SIZE, 16_777_216)])] => Connection(ProtocolError);
    s6_5_2_a_setting_that_is_not_known: [settings(&[(0xff, 7)]), get(1)] => Answer(1, 200);
    // RFC 8441 §3.
    s6_5_2_protocols_that_are_taken_back: [
        settings(&[(ENABLE_CONNECT_PROTOCOL, 1)]), settings(&[(ENABLE_CONNECT_PROTOCOL, 0)]),
    ] => Connection(ProtocolError);

    // §6.5.3.
    s6_5_3_the_last_value_holds: [settings(&[(INITIAL_WINDOW_SIZE, 100), (INITIAL_WINDOW_SIZE, 1)]), get(1)]
        => Lengths(&[1]);
    s6_5_3_settings_are_acknowledged: [settings(&[(MAX_CONCURRENT_STREAMS, 0)])] => Acknowledged;
}
