//! Anything a peer may send: no bytes make a connection panic, or hold more than its windows.

use proptest::prelude::*;

use super::memory::Memory;
use super::peer::{Peer, Seen};
use super::wire::{GET, block, data, frame, get, headers, ping, post, preface, reset, settings, window};
use crate::proxy::h2::frame::{flag, kind};

/// A stream that a client may open.
fn odd(stream: u32) -> u32 {
    stream.wrapping_mul(2) | 1
}

/// A frame that may well be right.
fn some_frame() -> impl Strategy<Value = Vec<u8>> {
    let stream = prop_oneof![4 => 0..6u32, 1 => any::<u32>()];
    let flags = prop_oneof![3 => Just(0u8), 3 => Just(flag::END_STREAM), 2 => Just(flag::END_HEADERS),
        1 => any::<u8>()];
    let payload = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        4 => stream.clone().prop_map(|stream| get(odd(stream))),
        4 => stream.clone().prop_map(|stream| post(odd(stream))),
        4 => (stream.clone(), flags.clone(), 0..20_000usize)
            .prop_map(|(stream, flags, len)| data(odd(stream), flags, &vec![7; len])),
        2 => (stream.clone(), any::<u32>()).prop_map(|(stream, code)| reset(stream, code)),
        2 => (stream.clone(), any::<u32>()).prop_map(|(stream, increment)| window(stream, increment)),
        2 => (0..10u16, prop_oneof![0..70_000u32, any::<u32>()]).prop_map(|pair| settings(&[pair])),
        1 => Just(ping()),
        2 => (stream.clone(), flags.clone(), payload.clone())
            .prop_map(|(stream, flags, more)| frame(kind::HEADERS, flags, stream, &[block(&GET), more].concat())),
        2 => (stream.clone(), flags.clone(), payload.clone())
            .prop_map(|(stream, flags, payload)| frame(kind::CONTINUATION, flags, stream, &payload)),
        2 => (stream.clone(), "[a-zA-Z:]{0,4}", "[ -~]{0,9}")
            .prop_map(|(stream, name, value)| headers(odd(stream), flag::END_STREAM, &[(&name, &value)])),
        2 => (0..12u8, flags, stream, payload)
            .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload)),
    ]
}

/// Sends all of it in portions, and looks after each what the connection holds.
fn feed(bytes: &[u8], portion: usize, takes: bool) {
    let mut memory = Memory::new();
    for part in bytes.chunks(portion.max(1)) {
        memory.send(part);
        let most = memory.most_held();
        assert!(memory.held() <= most, "{} bytes are held", memory.held());
        while takes && matches!(memory.next(), Seen::Frame(..)) {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..300), portion in 1..50usize) {
        feed(&bytes, portion, true);
        feed(&[preface(), bytes].concat(), portion, true);
    }

    #[test]
    fn any_frames_are_borne(
        frames in prop::collection::vec(some_frame(), 0..60),
        portion in 1..3000usize,
        takes: bool,
    ) {
        feed(&[preface(), frames.concat()].concat(), portion, takes);
    }

    #[test]
    fn frames_mean_the_same_however_they_are_cut(
        frames in prop::collection::vec(some_frame(), 0..30),
        portion in 1..100usize,
    ) {
        let bytes = [preface(), frames.concat()].concat();
        let seen = |portion: usize| {
            // When requests are served depends on the cut: they are not.
            let mut memory = Memory::deaf();
            bytes.chunks(portion).for_each(|part| memory.send(part));
            let mut resets = Vec::new();
            while let Seen::Frame(head, payload) = memory.next() {
                if matches!(head.kind, kind::RST_STREAM | kind::GOAWAY) {
                    resets.push((head, payload));
                }
            }
            resets
        };
        prop_assert_eq!(seen(portion), seen(usize::MAX));
    }
}
