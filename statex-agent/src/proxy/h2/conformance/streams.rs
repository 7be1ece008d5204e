//! States, identifiers and numbers of streams (RFC 7540 §5).

use super::peer::Expect::{Answer, Connection, Goes, Stream};
use super::wire::{
    GET, POST, block, data, frame, get, headers, ping, post, prioritize, priority, reset, window,
};
use super::{Act, Case, cases, memory};
use crate::proxy::h2::Code::{
    FlowControlError, FrameSizeError, NoError, ProtocolError, RefusedStream, StreamClosed,
};
use crate::proxy::h2::frame::{flag, kind};

/// One more request than may be open.
fn too_many() -> Vec<u8> {
    (0..=memory::STREAMS).flat_map(|at| post(at * 2 + 1)).collect()
}

/// A hundred requests.
fn many(from: u32) -> Vec<u8> {
    (from..from + 100).flat_map(|at| get(at * 2 + 1)).collect()
}

cases! {
    // §5.1, idle.
    s5_1_data_on_an_idle_stream: [data(1, flag::END_STREAM, b"x")] => Connection(ProtocolError);
    s5_1_reset_of_an_idle_stream: [reset(1, 8)] => Connection(ProtocolError);
    s5_1_window_of_an_idle_stream: [window(1, 100)] => Connection(ProtocolError);
    s5_1_continuation_on_an_idle_stream: [frame(kind::CONTINUATION, flag::END_HEADERS, 1, &block(&GET))]
        => Connection(ProtocolError);
    s5_1_priority_on_an_idle_stream: [frame(kind::PRIORITY, 0, 1, &priority(0, 255)), get(1)] => Answer(1, 200);
    s5_1_data_on_an_idle_stream_of_a_server: [data(2, flag::END_STREAM, b"x")] => Connection(ProtocolError);
    s5_1_window_of_an_idle_stream_of_a_server: [get(1), window(2, 1)] => Connection(ProtocolError);

    // §5.1, half closed (remote): the answer is held back by a window of nothing.
    s5_1_data_behind_the_end: [wait(), get(1), data(1, flag::END_STREAM, b"x")] => Stream(1, StreamClosed);
    s5_1_head_behind_the_end: [wait(), get(1), get(1)] => Stream(1, StreamClosed);
    s5_1_continuation_behind_the_end: [wait(), get(1), frame(kind::CONTINUATION, flag::END_HEADERS, 1, b"")]
        => Connection(ProtocolError);
    s5_1_window_behind_the_end: [wait(), get(1), window(1, 100)] => Answer(1, 200);
    s5_1_priority_behind_the_end: [wait(), get(1), frame(kind::PRIORITY, 0, 1, &priority(0, 9)), window(1, 100)]
        => Answer(1, 200);
    s5_1_reset_behind_the_end: [wait(), get(1), reset(1, 8)] => Goes;

    // §5.1, closed by a reset of the peer.
    s5_1_data_behind_a_reset: [post(1), reset(1, 8), data(1, flag::END_STREAM, b"x")] => Stream(1, StreamClosed);
    s5_1_head_behind_a_reset: [post(1), reset(1, 8), get(1)] => Stream(1, StreamClosed);
    s5_1_continuation_behind_a_reset: [post(1), reset(1, 8), frame(kind::CONTINUATION, flag::END_HEADERS, 1, b"")]
        => Connection(ProtocolError);
    s5_1_window_behind_a_reset: [post(1), reset(1, 8), window(1, 1)] => Goes;

    // §5.1, closed by the ends of both.
    s5_1_data_behind_both_ends: [get(1), Act::Await(1), data(1, flag::END_STREAM, b"x")]
        => Connection(StreamClosed);
    s5_1_head_behind_both_ends: [get(1), Act::Await(1), get(1)] => Connection(StreamClosed);
    s5_1_continuation_behind_both_ends: [get(1), Act::Await(1), frame(kind::CONTINUATION, flag::END_HEADERS, 1, b"")]
        => Connection(ProtocolError);
    s5_1_priority_behind_both_ends: [get(1), Act::Await(1), frame(kind::PRIORITY, 0, 1, &priority(0, 9))] => Goes;
    s5_1_window_behind_both_ends: [get(1), Act::Await(1), window(1, 9)] => Goes;
    s5_1_reset_behind_both_ends: [get(1), Act::Await(1), reset(1, 5)] => Goes;

    // §5.1, closed by a reset of the server: what was under way is ignored, and still counts.
    s5_1_data_behind_a_reset_of_the_server: [post(1), window(1, 0), data(1, flag::END_STREAM, b"x"), get(3)]
        => Stream(1, ProtocolError);
    s5_1_head_behind_a_reset_of_the_server: [
        post(1), window(1, 0), headers(1, flag::END_STREAM, &[("x-a", "b")]), Act::Skip(kind::RST_STREAM), get(3),
    ] => Answer(3, 200);
    s5_1_data_behind_a_reset_of_the_server_is_ignored: [
        post(1), window(1, 0), data(1, flag::END_STREAM, b"x"), Act::Skip(kind::RST_STREAM), get(3),
    ] => Answer(3, 200);

    // §5.1.1.
    s5_1_1_an_even_identifier: [get(2)] => Connection(ProtocolError);
    s5_1_1_an_identifier_smaller_than_before: [get(5), get(3)] => Connection(ProtocolError);
    s5_1_1_an_identifier_of_nothing: [get(0)] => Connection(ProtocolError);
    s5_1_1_the_largest_identifier: [get(0x7fff_ffff)] => Answer(0x7fff_ffff, 200);
    s5_1_1_the_reserved_bit: [get(0x8000_0001)] => Answer(1, 200);

    // §5.1.2.
    s5_1_2_one_stream_too_many: [too_many()] => Stream(memory::STREAMS * 2 + 1, RefusedStream);
    s5_1_2_streams_that_closed_do_not_count: [
        many(0), Act::Await(199), many(100), Act::Await(399), many(200), Act::Await(599), get(601),
    ] => Answer(601, 200);

    // §5.3.1.
    s5_3_1_a_head_that_depends_on_itself: [
        frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM | flag::PRIORITY, 1,
            &[priority(1, 255), block(&GET)].concat()),
    ] => Stream(1, ProtocolError);
    s5_3_1_a_priority_of_itself: [post(1), frame(kind::PRIORITY, 0, 1, &priority(1, 255))] => Stream(1, ProtocolError);
    s5_3_1_a_priority_of_an_idle_stream_of_itself: [frame(kind::PRIORITY, 0, 1, &priority(1, 255))]
        => Connection(ProtocolError);
    s5_3_3_a_priority_does_not_open_a_stream: [
        frame(kind::PRIORITY, 0, 5, &priority(0, 15)), get(3),
    ] => Answer(3, 200);

    // RFC 9218 §7.1.
    s9218_7_1_a_priority_of_a_stream: [post(1), prioritize(1, "u=1"), data(1, flag::END_STREAM, b"")] => Answer(1, 200);
    s9218_7_1_a_priority_of_a_stream_to_come: [prioritize(1, "u=1, i"), get(1)] => Answer(1, 200);
    s9218_7_1_a_priority_that_is_nonsense: [get(1), prioritize(1, "\u{1}=")] => Answer(1, 200);
    s9218_7_1_a_priority_of_no_stream: [prioritize(0, "u=1")] => Connection(ProtocolError);
    s9218_7_1_a_priority_on_a_stream: [post(1), frame(kind::PRIORITY_UPDATE, 0, 1, &[0, 0, 0, 1])]
        => Connection(ProtocolError);
    s9218_7_1_a_priority_that_is_not_whole: [frame(kind::PRIORITY_UPDATE, 0, 0, &[0, 0, 1])]
        => Connection(FrameSizeError);

    // §5.4.1.
    s5_4_1_a_wrong_ping_ends_the_connection: [frame(kind::PING, 0, 0, b"1234567")] => Connection(FrameSizeError);
    s5_4_1_nothing_is_looked_at_behind_an_error: [frame(kind::PING, 0, 0, b"1"), get(1), ping()]
        => Connection(FrameSizeError);

    // §5.2 and §6.9.1: windows of what comes.
    s5_2_more_than_the_window_of_a_stream: [deaf(1), flood(1, 262_145)] => Stream(1, FlowControlError);
    s5_2_a_body_that_nobody_reads_can_be_ended: [reset_early()] => Goes;

    // §5.5.
    s5_5_a_frame_that_is_not_known: [frame(0x77, 0xff, 0, b"anything"), get(1)] => Answer(1, 200);
    s5_5_a_frame_that_is_not_known_on_a_stream: [post(1), frame(0x77, 0xff, 1, b"x"), data(1, flag::END_STREAM, b"")]
        => Answer(1, 200);
    s5_5_a_frame_that_is_not_known_within_a_block: [
        frame(kind::HEADERS, flag::END_STREAM, 1, &block(&GET)), frame(0x77, 0, 0, b"x"),
    ] => Connection(ProtocolError);
}

/// The server may send nothing on streams that come.
fn wait() -> Vec<u8> {
    super::wire::settings(&[(crate::proxy::h2::setting::INITIAL_WINDOW_SIZE, 0)])
}

/// A request whose body is not read.
fn deaf(stream: u32) -> Vec<u8> {
    headers(stream, 0, &[POST[0], POST[1], (":path", memory::DEAF), POST[3]])
}

/// So many bytes of a body, in frames.
fn flood(stream: u32, len: usize) -> Vec<u8> {
    vec![0; len].chunks(16_384).flat_map(|part| data(stream, 0, part)).collect()
}

/// A request that is taken back with its body under way.
fn reset_early() -> Vec<u8> {
    [post(1), data(1, 0, b"x"), reset(1, NoError.number())].concat()
}
