//! The examples of RFC 7541 Appendix C, blocks that must be refused, and both directions against each other.

use super::{Decoder, Encoder, TABLE};
use crate::proxy::compression::Fault;
use crate::proxy::heads::Line;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<String>, Fault> {
    let mut lines = Vec::new();
    decoder.decode(block, |line| {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        lines.push(format!("{}: {}", text(line.name), text(line.value)));
    })?;
    Ok(lines)
}

/// Blocks of one connection, each with the lines that it stands for.
fn agree(blocks: &[(&str, &[&str])]) {
    let mut decoder = Decoder::default();
    for (block, lines) in blocks {
        assert_eq!(decode(&mut decoder, &bytes(block)).unwrap(), *lines, "{block}");
    }
}

#[test]
fn literals_and_indexes() {
    // RFC 7541 §C.2.1 to §C.2.4.
    agree(&[(
        "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
        &["custom-key: custom-header"],
    )]);
    agree(&[("040c 2f73 616d 706c 652f 7061 7468", &[":path: /sample/path"])]);
    agree(&[("1008 7061 7373 776f 7264 0673 6563 7265 74", &["password: secret"])]);
    agree(&[("82", &[":method: GET"])]);
}

const REQUESTS: [&[&str]; 3] = [
    &[":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
    &[":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
    &[
        ":method: GET",
        ":scheme: https",
        ":path: /index.html",
        ":authority: www.example.com",
        "custom-key: custom-value",
    ],
];

#[test]
fn requests_without_huffman_code() {
    // RFC 7541 §C.3.
    agree(&[
        ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", REQUESTS[0]),
        ("8286 84be 5808 6e6f 2d63 6163 6865", REQUESTS[1]),
        ("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", REQUESTS[2]),
    ]);
}

#[test]
fn requests_with_huffman_code() {
    // RFC 7541 §C.4.
    agree(&[
        ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", REQUESTS[0]),
        ("8286 84be 5886 a8eb 1064 9cbf", REQUESTS[1]),
        ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", REQUESTS[2]),
    ]);
}

const DATE: [&str; 2] = ["date: Mon, 21 Oct 2013 20:13:21 GMT", "date: Mon, 21 Oct 2013 20:13:22 GMT"];
const LOCATION: &str = "location: https://www.example.com";
const COOKIE: &str = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

const RESPONSES: [&[&str]; 3] = [
    &[":status: 302", "cache-control: private", DATE[0], LOCATION],
    &[":status: 307", "cache-control: private", DATE[0], LOCATION],
    &[":status: 200", "cache-control: private", DATE[1], LOCATION, "content-encoding: gzip", COOKIE],
];

/// The examples' table has 256 bytes, so entries leave it.
const SMALL: &str = "3fe1 01";

#[test]
fn responses_without_huffman_code() {
    // RFC 7541 §C.5.
    let first = "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 \
                 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d";
    let third = "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a \
                 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d \
                 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31";
    let first = format!("{SMALL}{first}");
    agree(&[(&first, RESPONSES[0]), ("4803 3330 37c1 c0bf", RESPONSES[1]), (third, RESPONSES[2])]);
}

#[test]
fn responses_with_huffman_code() {
    // RFC 7541 §C.6.
    let first = "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d \
                 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
    let third = "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d \
                 d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 \
                 3d50 07";
    let first = format!("{SMALL}{first}");
    agree(&[(&first, RESPONSES[0]), ("4883 640e ffc1 c0bf", RESPONSES[1]), (third, RESPONSES[2])]);
}

#[test]
fn blocks_that_are_wrong_are_refused() {
    for (block, why) in [
        ("80", "index 0 (§6.1)"),
        ("be", "an index behind both tables (§2.3.3)"),
        ("ffffffffffffffffffffff7f", "an index that is too large (§5.1)"),
        ("7e00", "a name's index behind both tables"),
        ("8220", "a size update behind a line (§4.2)"),
        ("3fe2 1f", "a size that was not allowed (§6.3)"),
        ("40", "a literal without a name"),
        ("4001 61", "a literal without a value"),
        ("4003 6161", "a name that is cut off"),
        ("0081 1e00", "padding that is not of ones (§5.2)"),
        ("0082 1fff 00", "padding of a whole byte (§5.2)"),
        ("0084 ffff ffff 00", "the end of a string inside one (§5.2)"),
    ] {
        assert!(decode(&mut Decoder::default(), &bytes(block)).is_err(), "{why}");
    }
}

#[test]
fn sizes_are_told_where_a_block_begins() {
    agree(&[("20 3fe1 1f 82", &[":method: GET"])]);
    let (mut encoder, mut block) = (Encoder::new(), Vec::new());
    encoder.resize(100);
    encoder.resize(70_000);
    encoder.begin(&mut block);
    assert_eq!(block, bytes("3f45 3fe1 1f"));
    block.clear();
    encoder.begin(&mut block);
    assert!(block.is_empty());
    encoder.resize(TABLE);
    encoder.begin(&mut block);
    assert!(block.is_empty());
}

/// Encodes one line as a block.
fn encode(encoder: &mut Encoder, name: &str, value: &str) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.begin(&mut block);
    encoder.line(&Line::new(name.as_bytes(), value.as_bytes()), &mut block);
    block
}

#[test]
fn a_line_enters_the_table_when_it_comes_again() {
    let mut encoder = Encoder::new();
    assert_eq!(encode(&mut encoder, "server", "a")[0], 0x0f);
    assert_eq!(encode(&mut encoder, "server", "a")[0], 0x76);
    assert_eq!(encode(&mut encoder, "x-a", "b")[0], 0x00);
    assert_eq!(encode(&mut encoder, "server", "a"), [0xbe]);
    assert_eq!(encode(&mut encoder, "x-a", "b")[0], 0x40);
    assert_eq!(encode(&mut encoder, "server", "a"), [0xbf]);
    assert_eq!(encode(&mut encoder, ":status", "200"), [0x88]);
}

#[test]
fn secrets_never_enter_a_table() {
    let mut encoder = Encoder::new();
    for name in ["authorization", "proxy-authorization", "cookie", "set-cookie"] {
        for _ in 0..3 {
            assert_eq!(encode(&mut encoder, name, "s")[0] & 0xf0, 0x10, "{name}");
        }
    }
}
