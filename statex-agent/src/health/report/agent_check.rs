//! HAProxy's agent-check: a backend says in one line how it is (HAProxy Configuration Manual, `agent-check`).
//!
//! ```text
//! 75%                       the part of its weight that it wants
//! maxconn:30                most connections
//! ready | drain | maint     what it wishes
//! up | down | failed | fail | stopped [#reason]
//! ```
//!
//! Words are separated by spaces, tabs or commas; the line ends at a line break. What is not said stays as it was.

use crate::health::facts::{Wish, Word};

/// Longest line that is read, in bytes.
pub const LONGEST: usize = 1024;

/// Takes a line in, on top of what was said before.
///
/// # Errors
/// The first word that means nothing; nothing of the line counts then.
pub fn read(line: &str, before: &Word) -> Result<Word, String> {
    let line = line.lines().next().unwrap_or_default();
    let (words, reason) = match line.split_once('#') {
        Some((words, reason)) => (words, Some(reason.trim().to_owned()).filter(|it| !it.is_empty())),
        None => (line, None),
    };
    let mut word = Word { reason, ..before.clone() };
    let mut said = false;
    for text in words.split([' ', '\t', ',']).filter(|text| !text.is_empty()) {
        let unknown = || format!("{text:?} means nothing here");
        said = true;
        match text {
            "ready" => word.wish = Some(Wish::Ready),
            "drain" => word.wish = Some(Wish::Drain),
            "maint" => word.wish = Some(Wish::Maintain),
            // It is in order; whether it wants flows is another question.
            "up" if matches!(before.wish, Some(Wish::Drain | Wish::Maintain)) => {}
            "up" => word.wish = Some(Wish::Up),
            "down" | "failed" | "fail" | "stopped" => word.wish = Some(Wish::Down),
            _ => match (text.strip_suffix('%'), text.strip_prefix("maxconn:")) {
                (Some(percent), _) => {
                    let percent = percent.strip_prefix("weight:").unwrap_or(percent);
                    let percent: f64 = percent
                        .parse()
                        .ok()
                        .filter(|it| (0.0..=25_600.0).contains(it))
                        .ok_or_else(unknown)?;
                    word.weight = Some(percent / 100.0);
                }
                (_, Some(most)) => word.most_connections = Some(most.parse().map_err(|_| unknown())?),
                _ => return Err(unknown()),
            },
        }
    }
    if said { Ok(word) } else { Err("an empty line".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(line: &str) -> Word {
        read(line, &Word::default()).unwrap()
    }

    #[test]
    fn words_are_read_whatever_separates_them() {
        let word = of("up, 75%\tmaxconn:30\r\nignored");
        assert_eq!((word.wish, word.weight, word.most_connections), (Some(Wish::Up), Some(0.75), Some(30)));
    }

    #[test]
    fn a_reason_goes_to_the_end_of_the_line() {
        let word = of("down#disk is full, 90%\n");
        assert_eq!(
            (word.wish, word.reason.as_deref(), word.weight),
            (Some(Wish::Down), Some("disk is full, 90%"), None)
        );
    }

    #[test]
    fn what_is_not_said_stays() {
        let before = of("50% drain");
        let after = read("maxconn:5", &before).unwrap();
        assert_eq!(
            (after.weight, after.wish, after.most_connections),
            (Some(0.5), Some(Wish::Drain), Some(5))
        );
    }

    #[test]
    fn who_drains_is_not_undrained_by_being_up() {
        assert_eq!(read("up", &of("drain")).unwrap().wish, Some(Wish::Drain));
        assert_eq!(read("up", &of("down")).unwrap().wish, Some(Wish::Up));
        assert_eq!(read("ready", &of("maint")).unwrap().wish, Some(Wish::Ready));
    }

    #[test]
    fn nonsense_is_refused_as_a_whole() {
        for line in ["", "\n", "tired", "-5%", "101x%", "NaN%", "maxconn:many", "up maybe"] {
            assert!(read(line, &Word::default()).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(line in ".{0,60}") {
            if let Ok(word) = read(&line, &Word::default()) {
                prop_assert!(word.weight.is_none_or(|it| it.is_finite() && it >= 0.0));
            }
        }
    }
}
