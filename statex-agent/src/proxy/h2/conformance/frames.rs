//! Formats and sizes of frames (RFC 7540 §4 and §6, without SETTINGS).

use super::peer::Expect::{Acknowledged, Answer, Close, Connection, Goes, Lengths, Stream};
use super::wire::{GET, block, data, frame, get, ping, post, priority, reset, settings, window};
use super::{Act, Case, cases};
use crate::proxy::h2::Code::{
    CompressionError, FlowControlError, FrameSizeError, ProtocolError, StreamClosed,
};
use crate::proxy::h2::frame::{PREFACE, flag, kind};
use crate::proxy::h2::setting::INITIAL_WINDOW_SIZE;

/// HEADERS of a request, cut in two, the first with these flags.
fn halves(flags: u8) -> (Vec<u8>, Vec<u8>) {
    let block = block(&GET);
    let (first, second) = block.split_at(7);
    (frame(kind::HEADERS, flags, 1, first), second.to_vec())
}

fn first_half() -> Vec<u8> {
    halves(flag::END_STREAM).0
}

fn second_half(flags: u8) -> Vec<u8> {
    frame(kind::CONTINUATION, flags, 1, &halves(0).1)
}

/// A payload with padding behind it.
fn padded(padding: u8, content: &[u8]) -> Vec<u8> {
    [&[padding], content, &vec![0; usize::from(padding)]].concat()
}

cases! {
    // §4.1.
    s4_1_flags_that_are_not_known: [frame(kind::PING, 0x16, 0, b"12345678"), get(1)] => Answer(1, 200);
    s4_1_the_reserved_bit: [frame(kind::PING, 0, 0x8000_0000, b"12345678"), get(1)] => Answer(1, 200);

    // §4.2.
    s4_2_the_largest_payload: [post(1), data(1, flag::END_STREAM, &[0; 16_384])] => Answer(1, 200);
    s4_2_data_that_is_too_large: [post(1), data(1, flag::END_STREAM, &[0; 16_385])] => Connection(FrameSizeError);
    s4_2_a_head_that_is_too_large: [frame(kind::HEADERS, flag::END_HEADERS, 1, &[0; 16_385])]
        => Connection(FrameSizeError);
    s4_2_a_frame_that_is_not_known_and_too_large: [frame(0x77, 0, 0, &[0; 16_385])] => Connection(FrameSizeError);
    s4_2_settings_that_are_too_large: [frame(kind::SETTINGS, 0, 0, &[0; 16_386])] => Connection(FrameSizeError);

    // §4.3.
    s4_3_a_block_that_is_no_hpack: [frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &[0x00, 0x85])]
        => Connection(CompressionError);
    s4_3_a_priority_within_a_block: [first_half(), frame(kind::PRIORITY, 0, 1, &priority(0, 1))]
        => Connection(ProtocolError);
    s4_3_another_head_within_a_block: [first_half(), get(3)] => Connection(ProtocolError);
    s4_3_every_block_is_decoded: [
        // A block of a stream that is refused changes the table as any other does.
        frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &[&indexing()[..], &[0, 1, b'X', 0]].concat()),
        Act::Skip(kind::RST_STREAM),
        frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 3, &[0x82, 0x86, 0x84, 0xbf, 0xbe]),
    ] => Answer(3, 200);

    // §6.1.
    s6_1_data_on_no_stream: [data(0, flag::END_STREAM, b"x")] => Connection(ProtocolError);
    s6_1_data_on_a_stream_that_closed: [get(1), Act::Await(1), data(1, flag::END_STREAM, b"x")]
        => Connection(StreamClosed);
    s6_1_padding: [post(1), data(1, flag::END_STREAM | flag::PADDED, &padded(5, b"x"))] => Answer(1, 200);
    s6_1_nothing_but_padding: [post(1), data(1, flag::END_STREAM | flag::PADDED, &padded(255, b""))]
        => Answer(1, 200);
    s6_1_more_padding_than_payload: [post(1), data(1, flag::END_STREAM | flag::PADDED, &[6, 0, 0, 0, 0, 0])]
        => Connection(ProtocolError);
    s6_1_padding_as_long_as_the_payload: [post(1), data(1, flag::END_STREAM | flag::PADDED, &[1])]
        => Connection(ProtocolError);
    s6_1_padding_without_its_length: [post(1), data(1, flag::END_STREAM | flag::PADDED, &[])]
        => Connection(FrameSizeError);
    s6_1_frames_of_data: [post(1), data(1, 0, b"a"), data(1, 0, b"b"), data(1, flag::END_STREAM, b"")]
        => Answer(1, 200);

    // §6.2.
    s6_2_a_head_on_no_stream: [get(0)] => Connection(ProtocolError);
    s6_2_padding: [frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM | flag::PADDED, 1, &padded(9, &block(&GET)))]
        => Answer(1, 200);
    s6_2_more_padding_than_payload: [
        frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM | flag::PADDED, 1, &[200, 0x82, 0x86]),
    ] => Connection(ProtocolError);
    s6_2_a_priority: [
        frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM | flag::PRIORITY, 1,
            &[priority(0x8000_0000, 255), block(&GET)].concat()),
    ] => Answer(1, 200);
    s6_2_a_priority_and_padding: [
        frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM | flag::PRIORITY | flag::PADDED, 1,
            &padded(3, &[priority(3, 255), block(&GET)].concat())),
    ] => Answer(1, 200);
    s6_2_a_priority_that_is_cut_off: [
        frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM | flag::PRIORITY, 1, &[0, 0, 0, 0]),
    ] => Connection(ProtocolError);

    // §6.3.
    s6_3_priorities: [
        frame(kind::PRIORITY, 0, 1, &priority(0, 0)), frame(kind::PRIORITY, 0, 1, &priority(3, 255)),
        frame(kind::PRIORITY, 0, 1, &priority(0x8000_0000, 255)), get(1),
    ] => Answer(1, 200);
    s6_3_a_priority_of_no_stream: [frame(kind::PRIORITY, 0, 0, &priority(0, 1))] => Connection(ProtocolError);
    s6_3_a_priority_of_another_length: [post(1), frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 0])]
        => Stream(1, FrameSizeError);

    // §6.4.
    s6_4_a_reset: [post(1), reset(1, 8)] => Goes;
    s6_4_a_reset_of_no_stream: [reset(0, 8)] => Connection(ProtocolError);
    s6_4_a_reset_of_an_idle_stream: [reset(1, 8)] => Connection(ProtocolError);
    s6_4_a_reset_of_another_length: [post(1), frame(kind::RST_STREAM, 0, 1, &[0, 0, 0])]
        => Connection(FrameSizeError);

    // §6.6 and §8.2.
    s6_6_a_push: [get(1), frame(kind::PUSH_PROMISE, flag::END_HEADERS, 1, &[0, 0, 0, 2])]
        => Connection(ProtocolError);

    // §6.7.
    s6_7_a_ping: [get(1)] => Goes;
    s6_7_an_answer_to_no_ping: [frame(kind::PING, flag::ACK, 0, b"12345678")] => Goes;
    s6_7_a_ping_on_a_stream: [frame(kind::PING, 0, 1, b"12345678")] => Connection(ProtocolError);
    s6_7_a_ping_of_another_length: [frame(kind::PING, 0, 0, b"123456789")] => Connection(FrameSizeError);

    // §6.8.
    s6_8_going_away: [frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0, b'b', b'y', b'e'])] => Goes;
    s6_8_requests_end_after_going_away: [post(1), frame(kind::GOAWAY, 0, 0, &[0; 8]), data(1, flag::END_STREAM, b"x")]
        => Answer(1, 200);
    s6_8_going_away_on_a_stream: [frame(kind::GOAWAY, 0, 1, &[0; 8])] => Connection(ProtocolError);
    s6_8_going_away_cut_off: [frame(kind::GOAWAY, 0, 0, &[0; 7])] => Connection(FrameSizeError);

    // §6.9.
    s6_9_a_window_of_the_connection: [window(0, 1), get(1)] => Answer(1, 200);
    s6_9_a_window_of_a_stream: [post(1), window(1, 1), data(1, flag::END_STREAM, b"")] => Answer(1, 200);
    s6_9_no_increment_of_the_connection: [window(0, 0)] => Connection(ProtocolError);
    s6_9_no_increment_of_a_stream: [post(1), window(1, 0)] => Stream(1, ProtocolError);
    s6_9_a_window_of_another_length: [frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 1])] => Connection(FrameSizeError);

    // §6.9.1: windows of what goes.
    s6_9_1_a_window_of_one_byte: [settings(&[(INITIAL_WINDOW_SIZE, 1)]), get(1)] => Lengths(&[1]);
    s6_9_1_each_byte_waits_for_its_window: [
        settings(&[(INITIAL_WINDOW_SIZE, 1)]), get(1), Act::Skip(kind::DATA), window(1, 2), Act::Skip(kind::DATA),
        window(1, 9),
    ] => Lengths(&[2]);
    s6_9_1_a_window_of_the_connection_that_is_too_large: [window(0, 0x7fff_ffff), window(0, 0x7fff_ffff)]
        => Connection(FlowControlError);
    s6_9_1_a_window_of_a_stream_that_is_too_large: [post(1), window(1, 0x7fff_ffff), window(1, 0x7fff_ffff)]
        => Stream(1, FlowControlError);

    // §6.9.2.
    s6_9_2_a_new_size_changes_windows_in_use: [
        settings(&[(INITIAL_WINDOW_SIZE, 0)]), get(1), settings(&[(INITIAL_WINDOW_SIZE, 1)]),
    ] => Lengths(&[1]);
    s6_9_2_a_window_below_nothing: [
        settings(&[(INITIAL_WINDOW_SIZE, 3)]), get(1), Act::Skip(kind::DATA), settings(&[(INITIAL_WINDOW_SIZE, 2)]),
        window(1, 2),
    ] => Lengths(&[1]);
    s6_9_2_a_size_that_is_too_large: [settings(&[(INITIAL_WINDOW_SIZE, 0x8000_0000)])]
        => Connection(FlowControlError);
    s6_9_2_a_size_that_makes_a_window_too_large: [
        settings(&[(INITIAL_WINDOW_SIZE, 0)]), post(1), window(1, 0x7fff_ffff), settings(&[(INITIAL_WINDOW_SIZE, 1)]),
    ] => Connection(FlowControlError);

    // §6.10.
    s6_10_continuations: [first_half(), second_half(0), frame(kind::CONTINUATION, flag::END_HEADERS, 1, b"")]
        => Answer(1, 200);
    s6_10_something_else_within_a_block: [first_half(), data(1, 0, b"x")] => Connection(ProtocolError);
    s6_10_a_ping_within_a_block: [first_half(), ping()] => Connection(ProtocolError);
    s6_10_settings_within_a_block: [first_half(), settings(&[])] => Connection(ProtocolError);
    s6_10_a_continuation_on_no_stream: [first_half(), frame(kind::CONTINUATION, flag::END_HEADERS, 0, b"")]
        => Connection(ProtocolError);
    s6_10_a_continuation_on_another_stream: [first_half(), frame(kind::CONTINUATION, flag::END_HEADERS, 3, b"")]
        => Connection(ProtocolError);
    s6_10_a_continuation_behind_a_whole_head: [get(1), second_half(flag::END_HEADERS)] => Connection(ProtocolError);
    s6_10_a_continuation_behind_the_last_one: [
        first_half(), second_half(flag::END_HEADERS), second_half(flag::END_HEADERS),
    ] => Connection(ProtocolError);
    s6_10_a_continuation_behind_data: [post(1), data(1, 0, b"x"), second_half(flag::END_HEADERS)]
        => Connection(ProtocolError);

    // §7.
    s7_going_away_for_an_unknown_reason: [frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0xff])] => Goes;
    s7_a_reset_for_an_unknown_reason: [post(1), reset(1, 0xff)] => Goes;

    // §3.5.
    s3_5_the_first_frame_is_settings: [Act::Anew, PREFACE.to_vec(), ping()] => Connection(ProtocolError);
    s3_5_another_preface: [Act::Anew, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_vec()] => Close;
    s3_5_http_1: [Act::Anew, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()] => Close;
    s3_5_settings_are_acknowledged: [settings(&[])] => Acknowledged;
}

/// A block with `x: y`, which enters the table.
fn indexing() -> Vec<u8> {
    [&[0x82, 0x86, 0x84, 0x41, 9][..], b"localhost", &[0x40, 1, b'x', 1, b'y']].concat()
}
