//! Range requests (RFC 9110 §14): which parts of a file a client asks for.

use std::ops::Range;

/// More ranges than this are not worth their cost: the whole file is sent.
const MOST_RANGES: usize = 32;
/// Parts that are closer together are sent as one: this is about what the head of a part takes.
const GAP: u64 = 80;

/// What of a file is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parts {
    /// All of it: no part that could be understood was asked for.
    Whole,
    One(Range<u64>),
    /// Two or more, which neither overlap nor nearly touch; in the order that was asked for.
    Several(Vec<Range<u64>>),
    /// 416: the file has none of what was asked for.
    Nothing,
}

/// Which parts of a file of `size` bytes the value of a `Range` field asks for.
///
/// What is malformed, of another unit or asks for very many parts is ignored, as RFC 9110 §14.2 allows. So is a
/// range of an empty file: there is no part that could be sent, and the whole is no more.
pub fn parts(value: &[u8], size: u64) -> Parts {
    let Some((unit, ranges)) = value.iter().position(|byte| *byte == b'=').map(|at| value.split_at(at))
    else {
        return Parts::Whole;
    };
    if size == 0 || !unit.eq_ignore_ascii_case(b"bytes") {
        return Parts::Whole;
    }
    let mut parts: Vec<Range<u64>> = Vec::new();
    let mut count = 0;
    for text in ranges[1..].split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if text.is_empty() {
            continue;
        }
        let Some(range) = range(text, size) else { return Parts::Whole };
        count += 1;
        if count > MOST_RANGES {
            return Parts::Whole;
        }
        if !range.is_empty() {
            join(&mut parts, range);
        }
    }
    match parts.len() {
        0 if count == 0 => Parts::Whole,
        0 => Parts::Nothing,
        1 => Parts::One(parts.remove(0)),
        _ => Parts::Several(parts),
    }
}

/// One range, within the file; empty where the file has nothing of it. `None`: it is malformed.
fn range(text: &[u8], size: u64) -> Option<Range<u64>> {
    let dash = text.iter().position(|byte| *byte == b'-')?;
    let (first, last) = (&text[..dash], &text[dash + 1..]);
    if first.is_empty() {
        return Some(size - number(last)?.min(size)..size);
    }
    let first = number(first)?;
    let end =
        if last.is_empty() { size } else { number(last).filter(|last| *last >= first)?.saturating_add(1) };
    Some(first.min(size)..end.min(size))
}

/// Digits alone; more than fit are as good as the largest number.
fn number(text: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let grow = |number: u64, digit| number.saturating_mul(10).saturating_add(digit);
    if text.is_empty() {
        None
    } else {
        text.iter().try_fold(0, |number, byte| Some(grow(number, digit(byte)?)))
    }
}

/// Adds a range, and makes one of all that then lie close together, where the first of them stood
/// (RFC 9110 §15.3.7.2).
fn join(parts: &mut Vec<Range<u64>>, mut range: Range<u64>) {
    let close = |a: &Range<u64>, b: &Range<u64>| {
        a.start <= b.end.saturating_add(GAP) && b.start <= a.end.saturating_add(GAP)
    };
    let mut place = parts.len();
    while let Some(at) = parts.iter().position(|part| close(part, &range)) {
        let part = parts.remove(at);
        range = part.start.min(range.start)..part.end.max(range.end);
        place = place.min(at);
    }
    parts.insert(place, range);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(value: &str, size: u64) -> Parts {
        parts(value.as_bytes(), size)
    }

    #[test]
    fn one_range_is_cut_to_the_file() {
        for (value, part) in [
            // The examples of RFC 9110 §14.1.2.
            ("bytes=0-499", 0..500),
            ("bytes=500-999", 500..1000),
            ("bytes=-500", 9500..10_000),
            ("bytes=9500-", 9500..10_000),
            ("bytes=0-0", 0..1),
            ("bytes=-1", 9999..10_000),
            ("bytes=9999-20000", 9999..10_000),
            ("bytes=0-", 0..10_000),
            ("bytes=-20000", 0..10_000),
            ("bytes=0-99999999999999999999999", 0..10_000),
            ("bytes=-99999999999999999999999", 0..10_000),
            ("BYTES=0-1", 0..2),
            ("bytes= 0-1 , ", 0..2),
            ("bytes=,0-1", 0..2),
            ("bytes=0-1,20000-", 0..2),
        ] {
            assert_eq!(of(value, 10_000), Parts::One(part), "{value}");
        }
    }

    #[test]
    fn what_is_malformed_or_of_another_unit_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-4",
            "bytes=1",
            "bytes=1-2-3",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=--1",
            "bytes=0x1-2",
            "bytes=1 -2",
            "bytes=0-1;2-3",
            "lines=0-1",
            "bytes =0-1",
            "bytes=0-1,x",
            "bytes=0-1,5-4",
        ] {
            assert_eq!(of(value, 10_000), Parts::Whole, "{value}");
        }
    }

    #[test]
    fn what_the_file_does_not_have_cannot_be_sent() {
        for value in [
            "bytes=10000-",
            "bytes=10000-10001",
            "bytes=-0",
            "bytes=99999999999999999999-",
            "bytes=-0,20000-",
        ] {
            assert_eq!(of(value, 10_000), Parts::Nothing, "{value}");
        }
    }

    #[test]
    fn an_empty_file_is_sent_as_it_is() {
        assert_eq!(of("bytes=0-", 0), Parts::Whole);
        assert_eq!(of("bytes=-5", 0), Parts::Whole);
    }

    #[test]
    fn several_ranges_keep_their_order() {
        assert_eq!(of("bytes=5000-5001,0-1", 10_000), Parts::Several(vec![5000..5002, 0..2]));
        // The example of RFC 9110 §14.1.2.
        assert_eq!(of("bytes=0-0,-1", 10_000), Parts::Several(vec![0..1, 9999..10_000]));
        assert_eq!(
            of("bytes= 0-999, 4500-5499, -1000", 10_000),
            Parts::Several(vec![0..1000, 4500..5500, 9000..10_000])
        );
    }

    #[test]
    fn ranges_that_overlap_or_nearly_touch_are_one() {
        // The examples of RFC 9110 §14.1.2.
        assert_eq!(of("bytes=500-600,601-999", 10_000), Parts::One(500..1000));
        assert_eq!(of("bytes=500-700,601-999", 10_000), Parts::One(500..1000));
        assert_eq!(of("bytes=0-0,80-80", 10_000), Parts::One(0..81));
        assert_eq!(of("bytes=0-0,82-82", 10_000), Parts::Several(vec![0..1, 82..83]));
        assert_eq!(of("bytes=8000-,0-9,9-8100", 10_000), Parts::One(0..10_000));
        let joined = of("bytes=5000-5009,0-9,7000-7009,4900-7005", 10_000);
        assert_eq!(joined, Parts::Several(vec![4900..7010, 0..10]));
    }

    #[test]
    fn very_many_ranges_get_the_whole_file() {
        let many =
            |count: u64| (0..count).map(|at| format!("{0}-{0}", at * 100)).collect::<Vec<_>>().join(",");
        assert!(
            matches!(of(&format!("bytes={}", many(32)), 10_000), Parts::Several(parts) if parts.len() == 32)
        );
        assert_eq!(of(&format!("bytes={}", many(33)), 10_000), Parts::Whole);
        // The same ones over and over are no fewer.
        assert_eq!(of(&format!("bytes={}", ["0-"; 1000].join(",")), 10_000), Parts::Whole);
    }

    proptest! {
        #[test]
        fn parts_lie_within_the_file_and_apart(
            ranges in prop::collection::vec((prop::option::of(0..2000u64), prop::option::of(0..2000u64)), 1..9),
            size in 1..2000u64,
        ) {
            let text = |end: &Option<u64>| end.map(|end| end.to_string()).unwrap_or_default();
            let ranges: Vec<_> = ranges.iter().map(|(first, last)| format!("{}-{}", text(first), text(last))).collect();
            if let Parts::Several(mut parts) = of(&format!("bytes={}", ranges.join(",")), size) {
                parts.sort_by_key(|part| part.start);
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= size));
                prop_assert!(parts.windows(2).all(|pair| pair[0].end + GAP < pair[1].start));
            }
        }

        #[test]
        fn any_value_is_read(value in prop::collection::vec(any::<u8>(), 0..40), size in any::<u64>()) {
            parts(&value, size);
            parts(&[&b"bytes="[..], &value].concat(), size);
        }
    }
}
