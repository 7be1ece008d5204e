//! What has to work (generic cases of RFC 7540 and RFC 7541), and field compression.

use super::peer::Expect::{Answer, Connection, Goes};
use super::wire::{GET, POST, block, data, frame, get, headers, post};
use super::{Act, Case, cases};
use crate::proxy::h2::Code::CompressionError;
use crate::proxy::h2::frame::{flag, kind};

/// A request whose block begins with the usual lines and goes on with these bytes.
fn get_and(bytes: &[u8]) -> Vec<u8> {
    let block = [&[0x82, 0x86, 0x84, 0x01, 9][..], b"localhost", bytes].concat();
    frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &block)
}

/// The same for another stream.
fn then(stream: u32, bytes: &[u8]) -> Vec<u8> {
    let block = [&[0x82, 0x86, 0x84, 0x01, 9][..], b"localhost", bytes].concat();
    frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &block)
}

cases! {
    g1_the_preface: [] => Goes;
    g4_get: [get(1)] => Answer(1, 200);
    g4_head: [headers(1, flag::END_STREAM, &[(":method", "HEAD"), GET[1], GET[2], GET[3]])] => Answer(1, 200);
    g4_post: [post(1), data(1, flag::END_STREAM, b"body")] => Answer(1, 200);
    g4_post_with_trailers: [
        headers(1, 0, &[&POST[..], &[("trailer", "x")]].concat()),
        data(1, 0, b"body"),
        headers(1, flag::END_STREAM, &[("x", "y")]),
    ] => Answer(1, 200);
    g4_requests_at_once: [post(1), get(3), Act::Await(3), data(1, flag::END_STREAM, b"x")] => Answer(1, 200);
    g4_requests_one_after_another: [get(1), Act::Await(1), get(3), Act::Await(3), get(5)] => Answer(5, 200);
    g4_a_body_of_many_frames: [
        post(1), Act::Repeat(60, |_| data(1, 0, &[0; 4000])), data(1, flag::END_STREAM, b""),
    ] => Answer(1, 200);

    // RFC 7541 §6.
    g5_an_indexed_line: [get_and(&[0x90])] => Answer(1, 200);
    g5_a_literal_that_enters_with_a_known_name: [get_and(&[0x7a, 1, b'x'])] => Answer(1, 200);
    g5_a_literal_that_enters: [get_and(&[0x40, 1, b'x', 1, b'y'])] => Answer(1, 200);
    g5_a_literal_with_a_known_name: [get_and(&[0x0f, 43, 1, b'x'])] => Answer(1, 200);
    g5_a_literal: [get_and(&[0x00, 1, b'x', 1, b'y'])] => Answer(1, 200);
    g5_a_literal_that_never_enters: [get_and(&[0x10, 1, b'x', 1, b'y'])] => Answer(1, 200);
    g5_a_line_of_the_dynamic_table: [get_and(&[0x40, 1, b'x', 1, b'y', 0xbe]), Act::Await(1), then(3, &[0xbe])]
        => Answer(3, 200);
    g5_a_smaller_table: [frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &[&[0x20][..], &block(&GET)].concat())]
        => Answer(1, 200);
    g5_a_table_smaller_and_larger: [
        frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &[&[0x20, 0x3f, 0xe1, 0x1f][..], &block(&GET)].concat()),
    ] => Answer(1, 200);
    g5_huffman_code: [get_and(&[0x40, 0x81, 0xf3, 0x83, 0xa8, 0xeb, 0x0f])] => Answer(1, 200);

    hpack_2_3_3_an_index_behind_both_tables: [get_and(&[0xff, 0x00])] => Connection(CompressionError);
    hpack_2_3_3_a_name_behind_both_tables: [get_and(&[0x7f, 0x00, 1, b'x'])] => Connection(CompressionError);
    hpack_4_2_a_size_at_the_end: [get_and(&[0x20])] => Connection(CompressionError);
    hpack_5_1_an_integer_without_end: [get_and(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])]
        => Connection(CompressionError);
    hpack_5_2_padding_of_a_byte: [get_and(&[0x00, 0x82, 0xf3, 0xff, 0x01, b'y'])] => Connection(CompressionError);
    hpack_5_2_padding_of_zeros: [get_and(&[0x00, 0x81, 0x1e, 0x01, b'y'])] => Connection(CompressionError);
    hpack_5_2_the_end_of_a_string: [get_and(&[0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, b'y'])]
        => Connection(CompressionError);
    hpack_5_2_a_string_that_is_cut_off: [get_and(&[0x00, 0x05, b'a'])] => Connection(CompressionError);
    hpack_6_1_index_nothing: [get_and(&[0x80])] => Connection(CompressionError);
    hpack_6_3_a_size_that_was_not_allowed: [
        frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, &[&[0x3f, 0xe2, 0x1f][..], &block(&GET)].concat()),
    ] => Connection(CompressionError);
}
