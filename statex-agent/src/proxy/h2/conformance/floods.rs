//! Abuse (RFC 9113 §10.5): borne for a while, then answered with ENHANCE_YOUR_CALM.

use super::peer::Expect::{Answer, Calm, Goes};
use super::wire::{GET, data, frame, get, get_with, headers, ping, post, priority, reset, settings, window};
use super::{Act, Case, cases};
use crate::proxy::h2::frame::{flag, kind};

/// The stream of a round.
fn stream(round: usize) -> u32 {
    round as u32 * 2 + 1
}

cases! {
    /// CVE-2023-44487.
    f_rapid_resets: [Act::Repeat(1000, |round| [post(stream(round)), reset(stream(round), 8)].concat())] => Calm;
    f_some_resets: [Act::Repeat(100, |round| [post(stream(round)), reset(stream(round), 8)].concat())] => Goes;

    /// CVE-2025-8671: the server is made to reset.
    f_resets_provoked_by_windows: [
        Act::Repeat(1000, |round| [post(stream(round)), window(stream(round), 0)].concat()),
    ] => Calm;
    f_resets_provoked_by_heads: [Act::Repeat(1000, |round| get_with(stream(round), &[("X", "y")]))] => Calm;
    f_resets_provoked_by_bodies: [
        Act::Repeat(1000, |round| {
            let head = headers(stream(round), 0, &[&GET[..], &[("content-length", "1")]].concat());
            [head, data(stream(round), 0, b"xx")].concat()
        }),
    ] => Calm;
    f_streams_past_the_limit: [Act::Repeat(1000, |round| post(stream(round)))] => Calm;

    /// CVE-2024-27316.
    f_continuations: [
        frame(kind::HEADERS, flag::END_STREAM, 1, b""),
        Act::Repeat(1000, |_| frame(kind::CONTINUATION, 0, 1, &[0; 16_000])),
    ] => Calm;
    f_small_continuations: [
        frame(kind::HEADERS, flag::END_STREAM, 1, &[0x82]),
        Act::Repeat(1000, |_| frame(kind::CONTINUATION, 0, 1, &[0x82])),
    ] => Calm;
    f_empty_continuations: [
        frame(kind::HEADERS, flag::END_STREAM, 1, b""),
        Act::Repeat(1000, |_| frame(kind::CONTINUATION, 0, 1, b"")),
    ] => Calm;

    /// CVE-2019-9518.
    f_empty_data: [post(1), Act::Repeat(1000, |_| data(1, 0, b""))] => Calm;
    f_data_of_nothing_but_padding: [post(1), Act::Repeat(1000, |_| data(1, flag::PADDED, &[0; 200][..1]))] => Calm;
    /// CVE-2019-9512.
    f_pings: [Act::Repeat(5000, |_| ping())] => Calm;
    f_some_pings: [Act::Repeat(500, |_| ping())] => Goes;
    /// CVE-2019-9515.
    f_settings: [Act::Repeat(1000, |_| settings(&[]))] => Calm;
    f_some_settings: [Act::Repeat(50, |_| settings(&[]))] => Goes;
    f_windows: [Act::Repeat(5000, |_| window(0, 1))] => Calm;
    /// CVE-2019-9513.
    f_priorities: [Act::Repeat(5000, |round| frame(kind::PRIORITY, 0, stream(round), &priority(0, 1)))] => Calm;
    f_frames_that_are_not_known: [Act::Repeat(5000, |_| frame(0x77, 0, 0, b"x"))] => Calm;

    /// A small block that refers to a large line again and again (CVE-2016-6581).
    f_a_bomb: [bomb(1)] => Answer(1, 431);
    f_bombs: [Act::Repeat(100, |round| bomb(stream(round)))] => Calm;

    f_much_work: [
        work(0), Act::Await(stream(99)), work(1), Act::Await(stream(199)), work(2), Act::Await(stream(299)),
        work(3), Act::Await(stream(399)), work(4), Act::Await(stream(499)), work(5), Act::Await(stream(599)),
    ] => Goes;
}

/// A hundred requests, each with what belongs to it.
fn work(batch: usize) -> Vec<u8> {
    let one = |round| [get(stream(round)), window(0, 5), window(stream(round), 1), ping()];
    (batch * 100..(batch + 1) * 100).flat_map(|round| one(round).concat()).collect()
}

/// A line of 4000 bytes, and a thousand times the same.
fn bomb(stream: u32) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x84, 0x01, 1, b'a', 0x40, 1, b'x', 0x7f, 0xa1, 0x1e];
    block.extend([b'y'; 4000]);
    block.extend([0xbe; 1000]);
    frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &block)
}
