//! What tells one state of a file from another (RFC 9110 §8.8): its entity tag and the time of its last change.

use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// Seconds since 1970: what a date in a field counts in.
pub type Seconds = u64;

/// Most bytes of an entity tag that is made here.
const LONGEST_TAG: usize = 40;
/// Bytes of a date in a field (RFC 9110 §5.6.7).
const DATE: usize = 29;

/// The validators of one state of a file, as they go into fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators {
    tag: [u8; LONGEST_TAG],
    tag_len: usize,
    modified: Seconds,
    date: [u8; DATE],
}

impl Validators {
    /// For a file whose contents are not looked at: two states of one length have the same tag only where they
    /// were written in the same nanosecond. The tag does not depend on the node that the file lies on, as long
    /// as copies keep the time.
    pub fn of_time(modified: Duration, size: u64) -> Self {
        Self::new(
            modified,
            format_args!("\"{:x}.{:x}-{size:x}\"", modified.as_secs(), modified.subsec_nanos()),
        )
    }

    /// For a file by its contents: the same on all nodes, whenever it was copied there.
    pub fn of_contents(modified: Duration, contents: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(contents);
        Self::new(modified, format_args!("\"{:016x}-{:x}\"", hasher.finish(), contents.len()))
    }

    fn new(modified: Duration, text: std::fmt::Arguments<'_>) -> Self {
        let (mut tag, mut date) = ([0; LONGEST_TAG], [0; DATE]);
        let mut rest = &mut tag[..];
        // The longest tag fits, so nothing is cut.
        let _ = rest.write_fmt(text);
        let tag_len = LONGEST_TAG - rest.len();
        let _ = write!(&mut date[..], "{}", HttpDate::from(UNIX_EPOCH + modified));
        Self { tag, tag_len, modified: modified.as_secs(), date }
    }

    /// With its quotation marks; strong.
    pub fn tag(&self) -> &[u8] {
        &self.tag[..self.tag_len]
    }

    pub fn modified(&self) -> Seconds {
        self.modified
    }

    /// The time of the last change as a field has it.
    pub fn date(&self) -> &[u8] {
        &self.date
    }
}

/// Reads a date in one of its three forms (RFC 9110 §5.6.7). `None`: it is none, or before 1970.
pub fn date(text: &[u8]) -> Option<Seconds> {
    let date = httpdate::parse_http_date(std::str::from_utf8(text).ok()?).ok()?;
    date.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The date of RFC 9110 §5.6.7.
    const MODIFIED: Duration = Duration::new(784_111_777, 123);

    #[test]
    fn dates_are_read_in_all_three_forms() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(date(text.as_bytes()), Some(MODIFIED.as_secs()), "{text}");
        }
        for text in ["", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 66 Nov 1994 08:49:37 GMT", "\u{ff}"] {
            assert_eq!(date(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn validators_are_written_as_fields_have_them() {
        let validators = Validators::of_time(MODIFIED, 0x1234);
        assert_eq!(validators.tag(), b"\"2ebc98a1.7b-1234\"");
        assert_eq!(validators.date(), b"Sun, 06 Nov 1994 08:49:37 GMT");
        let longest = Validators::of_time(Duration::new(253_402_300_799, 999_999_999), u64::MAX);
        assert!(longest.tag().ends_with(b"-ffffffffffffffff\""));
    }

    #[test]
    fn contents_alone_decide_a_tag_of_contents() {
        let (early, late) = (MODIFIED, MODIFIED + Duration::from_secs(1));
        assert_eq!(Validators::of_contents(early, b"a").tag(), Validators::of_contents(late, b"a").tag());
        assert_ne!(Validators::of_contents(early, b"a").tag(), Validators::of_contents(early, b"b").tag());
        assert_ne!(Validators::of_time(early, 1).tag(), Validators::of_time(late, 1).tag());
    }
}
