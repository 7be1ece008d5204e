//! Messages: their order, their lines, their lengths (RFC 7540 §8).

use super::peer::Expect::{Answer, Connection, Refused, Stream};
use super::wire::{GET, POST, block, data, frame, get_with, headers, post};
use super::{Case, cases};
use crate::proxy::h2::Code::ProtocolError;
use crate::proxy::h2::frame::{flag, kind};

/// How a request that is malformed is refused.
const MALFORMED: super::Expect = Refused(1, 400, ProtocolError);

/// A request of these lines only.
fn only(lines: &[(&str, &str)]) -> Vec<u8> {
    headers(1, flag::END_STREAM, lines)
}

/// A request without one of its pseudo-header fields.
fn without(name: &str) -> Vec<u8> {
    let lines: Vec<_> = GET.into_iter().filter(|(known, _)| *known != name).collect();
    only(&lines)
}

/// A request with another pseudo-header field in the place of its own.
fn instead(line: (&str, &str)) -> Vec<u8> {
    let lines = GET.map(|known| if known.0 == line.0 { line } else { known });
    only(&lines)
}

/// A request with a pseudo-header field once more.
fn twice(line: (&str, &str)) -> Vec<u8> {
    only(&[&[line], &GET[..]].concat())
}

/// A request that declares the length of its body.
fn long(length: &str) -> Vec<u8> {
    headers(1, 0, &[&POST[..], &[("content-length", length)]].concat())
}

/// Trailers.
fn trailers(lines: &[(&str, &str)]) -> Vec<u8> {
    headers(1, flag::END_STREAM, lines)
}

cases! {
    // §8.1.
    s8_1_trailers: [post(1), data(1, 0, b"x"), trailers(&[("x-sum", "7")])] => Answer(1, 200);
    s8_1_trailers_without_a_body: [post(1), trailers(&[("x-sum", "7")])] => Answer(1, 200);
    s8_1_trailers_and_no_end: [post(1), headers(1, 0, &[("x-sum", "7")])] => Stream(1, ProtocolError);
    s8_1_a_second_head_and_no_end: [post(1), post(1)] => Stream(1, ProtocolError);
    s8_1_empty_trailers: [post(1), trailers(&[])] => Answer(1, 200);

    // §8.1.2.
    s8_1_2_a_name_in_upper_case: [get_with(1, &[("X-TEST", "ok")])] => MALFORMED;
    s8_1_2_an_empty_name: [get_with(1, &[("", "ok")])] => MALFORMED;
    s8_1_2_a_name_with_a_space: [get_with(1, &[("x test", "ok")])] => MALFORMED;
    s8_1_2_a_name_with_a_colon: [get_with(1, &[("x:test", "ok")])] => MALFORMED;
    s8_1_2_a_value_with_a_line_feed: [get_with(1, &[("x", "a\nb: c")])] => MALFORMED;
    s8_1_2_a_value_with_a_carriage_return: [get_with(1, &[("x", "a\rb")])] => MALFORMED;
    s8_1_2_a_value_with_a_nul: [get_with(1, &[("x", "a\0")])] => MALFORMED;
    s8_1_2_a_value_that_begins_blank: [get_with(1, &[("x", " a")])] => MALFORMED;
    s8_1_2_a_path_with_a_line_feed: [instead((":path", "/ HTTP/1.1\r\nx: y"))] => MALFORMED;
    s8_1_2_a_method_with_a_space: [instead((":method", "GET /x"))] => MALFORMED;
    s8_1_2_a_name_in_upper_case_among_trailers: [post(1), trailers(&[("X-SUM", "7")])] => Stream(1, ProtocolError);

    // §8.1.2.1.
    s8_1_2_1_a_pseudo_field_that_is_not_known: [twice((":test", "ok"))] => MALFORMED;
    s8_1_2_1_a_pseudo_field_of_responses: [twice((":status", "200"))] => MALFORMED;
    s8_1_2_1_a_pseudo_field_among_trailers: [post(1), data(1, 0, b"x"), trailers(&[(":method", "GET")])]
        => Stream(1, ProtocolError);
    s8_1_2_1_a_pseudo_field_behind_a_field: [
        only(&[GET[0], GET[1], ("x", "y"), GET[2], GET[3]]),
    ] => MALFORMED;

    // §8.1.2.2.
    s8_1_2_2_connection: [get_with(1, &[("connection", "keep-alive")])] => MALFORMED;
    s8_1_2_2_keep_alive: [get_with(1, &[("keep-alive", "5")])] => MALFORMED;
    s8_1_2_2_proxy_connection: [get_with(1, &[("proxy-connection", "close")])] => MALFORMED;
    s8_1_2_2_transfer_encoding: [get_with(1, &[("transfer-encoding", "chunked")])] => MALFORMED;
    s8_1_2_2_upgrade: [get_with(1, &[("upgrade", "h2c")])] => MALFORMED;
    s8_1_2_2_te_of_more_than_trailers: [get_with(1, &[("te", "trailers, deflate")])] => MALFORMED;
    s8_1_2_2_te_of_trailers: [get_with(1, &[("te", "trailers")])] => Answer(1, 200);
    s8_1_2_2_connection_among_trailers: [post(1), trailers(&[("connection", "close")])] => Stream(1, ProtocolError);

    // §8.1.2.3.
    s8_1_2_3_an_empty_path: [instead((":path", ""))] => MALFORMED;
    s8_1_2_3_no_method: [without(":method")] => MALFORMED;
    s8_1_2_3_no_scheme: [without(":scheme")] => MALFORMED;
    s8_1_2_3_no_path: [without(":path")] => MALFORMED;
    s8_1_2_3_no_authority: [without(":authority")] => MALFORMED;
    s8_1_2_3_two_methods: [twice((":method", "GET"))] => MALFORMED;
    s8_1_2_3_two_schemes: [twice((":scheme", "http"))] => MALFORMED;
    s8_1_2_3_two_paths: [twice((":path", "/"))] => MALFORMED;
    s8_1_2_3_two_authorities: [twice((":authority", "localhost"))] => MALFORMED;
    s8_1_2_3_another_host: [get_with(1, &[("host", "example.net")])] => MALFORMED;
    s8_1_2_3_the_same_host: [get_with(1, &[("host", "localhost")])] => Answer(1, 200);
    s8_1_2_3_a_host_in_place_of_the_authority: [only(&[GET[0], GET[1], GET[2], ("host", "a")])] => Answer(1, 200);
    s8_1_2_3_a_path_that_is_none: [instead((":path", "x"))] => MALFORMED;
    s8_1_2_3_an_asterisk: [only(&[(":method", "OPTIONS"), GET[1], (":path", "*"), GET[3]])] => Answer(1, 200);
    s8_1_2_3_user_information: [instead((":authority", "user@localhost"))] => MALFORMED;

    // §8.1.2.5.
    s8_1_2_5_crumbs_of_a_cookie: [get_with(1, &[("cookie", "a=b"), ("cookie", "c=d")])] => Answer(1, 200);

    // §8.1.2.6.
    s8_1_2_6_less_than_was_declared: [long("4"), data(1, flag::END_STREAM, b"test"[..3].as_ref())]
        => Stream(1, ProtocolError);
    s8_1_2_6_more_than_was_declared: [long("1"), data(1, flag::END_STREAM, b"test")] => Stream(1, ProtocolError);
    s8_1_2_6_more_in_several_frames: [long("7"), data(1, 0, b"test"), data(1, flag::END_STREAM, b"test")]
        => Stream(1, ProtocolError);
    s8_1_2_6_less_before_trailers: [long("7"), data(1, 0, b"test"), trailers(&[("x", "y")])]
        => Stream(1, ProtocolError);
    s8_1_2_6_what_was_declared: [long("4"), data(1, flag::END_STREAM, b"test")] => Answer(1, 200);
    s8_1_2_6_what_was_declared_and_padding: [
        long("4"), data(1, flag::END_STREAM | flag::PADDED, b"\x02test\0\0"),
    ] => Answer(1, 200);
    s8_1_2_6_a_length_and_no_body: [get_with(1, &[("content-length", "1")])] => MALFORMED;
    s8_1_2_6_a_length_of_nothing: [get_with(1, &[("content-length", "0")])] => Answer(1, 200);
    s8_1_2_6_two_lengths: [get_with(1, &[("content-length", "0"), ("content-length", "0")])] => MALFORMED;
    s8_1_2_6_a_length_that_is_no_number: [get_with(1, &[("content-length", "+0")])] => MALFORMED;

    // §8.2.
    s8_2_a_push_of_a_client: [
        post(1), frame(kind::PUSH_PROMISE, flag::END_HEADERS, 1, &[&[0, 0, 0, 2][..], &block(&GET)].concat()),
    ] => Connection(ProtocolError);

    // §8.3, and RFC 8441 §4.
    s8_3_connect_with_a_path: [instead((":method", "CONNECT"))] => MALFORMED;
    s8_3_connect_without_an_authority: [only(&[(":method", "CONNECT")])] => MALFORMED;
    s8_3_connect: [only(&[(":method", "CONNECT"), (":authority", "localhost:1")])] => Answer(1, 200);
    s8_3_connect_that_asks_for_a_protocol: [
        only(&[(":method", "CONNECT"), GET[1], GET[2], GET[3], (":protocol", "websocket")]),
    ] => Answer(1, 200);
    s8_3_a_protocol_without_connect: [twice((":protocol", "websocket"))] => MALFORMED;

    // Limits, each with an answer of its own.
    s10_5_1_a_target_that_is_too_long: [instead((":path", &format!("/{}", "x".repeat(9000))))] => Answer(1, 414);
    s10_5_1_a_list_of_too_many_lines: [get_with(1, &[("x", "y"); 101])] => Answer(1, 431);
    s10_5_1_a_list_that_is_too_large: [get_with(1, &[("x", &"y".repeat(8000)[..]), ("z", "")])] => Answer(1, 200);
}
