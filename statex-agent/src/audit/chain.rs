//! Lines that each hold the hash of the one before: pure.

use super::Entry;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// The hash that the first line follows.
pub const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sealed {
    /// Counted from 1.
    pub seq: u64,
    /// When, in UTC.
    pub at: jiff::Timestamp,
    pub node: String,
    #[serde(flatten)]
    pub entry: Entry,
    pub prev: String,
    /// Of the line's bytes up to here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
}

impl Sealed {
    /// The line, sealed, without its line break.
    ///
    /// # Errors
    /// The entry cannot be written as JSON.
    pub fn seal(mut self) -> Result<(String, Self), serde_json::Error> {
        self.hash = String::new();
        let body = serde_json::to_string(&self)?;
        let open = body.strip_suffix('}').unwrap_or(&body);
        self.hash = hash(open.as_bytes());
        Ok((format!("{open},\"hash\":\"{}\"}}", self.hash), self))
    }
}

fn hash(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A log without a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    pub entries: u64,
    /// Hash of the last line: keep it somewhere else, and a log that was cut shows, too.
    pub head: String,
}

/// The first fault of a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("line {line} is no entry: {why}")]
    Unreadable { line: u64, why: String },
    #[error("line {line} was changed: its hash is not that of its contents")]
    Changed { line: u64 },
    #[error("line {line} does not follow the line before: something was taken out or put in")]
    Unlinked { line: u64 },
    #[error("line {line} has the number {seq}, expected {expected}")]
    Numbered { line: u64, seq: u64, expected: u64 },
    #[error(
        "the last line's hash is {head}, expected {expected}: lines are missing at the end, or it is another log"
    )]
    Cut { head: String, expected: String },
}

/// Checks a whole log; `head` is the hash that its last line must have, where that is known.
///
/// # Errors
/// The first fault.
pub fn verify<'a>(lines: impl IntoIterator<Item = &'a str>, head: Option<&str>) -> Result<Whole, Broken> {
    let mut whole = Whole { entries: 0, head: FIRST.to_owned() };
    for text in lines {
        let line = whole.entries + 1;
        let sealed: Sealed = serde_json::from_str(text)
            .map_err(|error| Broken::Unreadable { line, why: error.to_string() })?;
        let end = format!(",\"hash\":\"{}\"}}", sealed.hash);
        if text.strip_suffix(&end).is_none_or(|open| hash(open.as_bytes()) != sealed.hash) {
            return Err(Broken::Changed { line });
        }
        if sealed.prev != whole.head {
            return Err(Broken::Unlinked { line });
        }
        if sealed.seq != line {
            return Err(Broken::Numbered { line, seq: sealed.seq, expected: line });
        }
        whole = Whole { entries: line, head: sealed.hash };
    }
    match head {
        Some(expected) if expected != whole.head => {
            Err(Broken::Cut { head: whole.head, expected: expected.to_owned() })
        }
        _ => Ok(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log(entries: u64) -> Vec<String> {
        let mut head = FIRST.to_owned();
        let line = |seq: u64| {
            let entry = Entry::new("act", "web/web-1", vec![format!("for the {seq}. time, \"quoted\"")]);
            let at = "2026-03-02T12:00:00Z".parse().unwrap();
            let (line, sealed) =
                Sealed { seq, at, node: "n1".into(), entry, prev: head.clone(), hash: String::new() }
                    .seal()
                    .unwrap();
            head = sealed.hash;
            line
        };
        (1..=entries).map(line).collect()
    }

    fn verdict(lines: &[String]) -> Result<Whole, Broken> {
        verify(lines.iter().map(String::as_str), None)
    }

    #[test]
    fn a_log_as_it_was_written_is_whole() {
        assert_eq!(verdict(&log(5)).unwrap().entries, 5);
        assert_eq!(verdict(&[]).unwrap().entries, 0);
    }

    #[test]
    fn a_changed_word_shows() {
        let mut lines = log(5);
        lines[2] = lines[2].replace("web-1", "web-2");
        assert_eq!(verdict(&lines), Err(Broken::Changed { line: 3 }));
    }

    #[test]
    fn a_line_that_is_gone_or_put_in_shows() {
        let mut gone = log(5);
        gone.remove(2);
        assert_eq!(verdict(&gone), Err(Broken::Unlinked { line: 3 }));
        let mut twice = log(5);
        twice.insert(2, twice[1].clone());
        assert_eq!(verdict(&twice), Err(Broken::Unlinked { line: 3 }));
    }

    #[test]
    fn a_line_that_was_sealed_again_breaks_the_chain() {
        let mut lines = log(3);
        let mut sealed: Sealed = serde_json::from_str(&lines[1]).unwrap();
        sealed.entry.subject = "web/web-9".into();
        lines[1] = sealed.seal().unwrap().0;
        assert_eq!(verdict(&lines), Err(Broken::Unlinked { line: 3 }));
    }

    #[test]
    fn a_cut_end_shows_to_who_kept_the_head() {
        let lines = log(5);
        let head = verdict(&lines).unwrap().head;
        let cut = verify(lines[..4].iter().map(String::as_str), Some(&head));
        assert!(matches!(cut, Err(Broken::Cut { .. })));
    }

    #[test]
    fn what_is_no_entry_is_named() {
        let mut lines = log(2);
        lines.push("{}".into());
        assert!(matches!(verdict(&lines), Err(Broken::Unreadable { line: 3, .. })));
    }

    proptest! {
        #[test]
        fn any_changed_byte_shows(line in 0..4usize, at in any::<prop::sample::Index>(), byte in 32..127u8) {
            let mut lines = log(4);
            let mut bytes = lines[line].clone().into_bytes();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != byte);
            bytes[at] = byte;
            lines[line] = String::from_utf8(bytes).unwrap();
            prop_assert!(verdict(&lines).is_err());
        }
    }
}
