//! A backend's report as JSON: how much it does just now, and how long it takes.
//!
//! ```json
//! {"in_flight": 12, "latency_ms": 8.5, "load": 0.4, "weight": 1.0, "state": "ready", "reason": "…"}
//! ```
//!
//! Every key may be absent; others are left alone, so that an endpoint which is there already will do.

use crate::health::facts::{Wish, Word};
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
struct Report {
    in_flight: Option<u32>,
    latency_ms: Option<f64>,
    load: Option<f64>,
    weight: Option<f64>,
    state: Option<String>,
    reason: Option<String>,
}

/// Reads a report.
///
/// # Errors
/// It is none, or holds a value that cannot be.
pub fn read(text: &[u8]) -> Result<Word, String> {
    let report: Report = serde_json::from_slice(text).map_err(|error| format!("is no report: {error}"))?;
    let sane = |name: &str, value: Option<f64>, most: f64| match value {
        Some(value) if !(0.0..=most).contains(&value) => {
            Err(format!("{name} is {value}; expected 0 to {most}"))
        }
        value => Ok(value),
    };
    let wish = match report.state.as_deref() {
        None => None,
        Some("ready") => Some(Wish::Ready),
        Some("drain") => Some(Wish::Drain),
        Some("maint") => Some(Wish::Maintain),
        Some("up") => Some(Wish::Up),
        Some("down") => Some(Wish::Down),
        Some(state) => return Err(format!("state {state:?} means nothing here")),
    };
    Ok(Word {
        wish,
        weight: sane("weight", report.weight, 256.0)?,
        most_connections: None,
        in_flight: report.in_flight,
        latency: sane("latency_ms", report.latency_ms, 3.6e6)?
            .map(|millis| Duration::from_secs_f64(millis / 1000.0)),
        load: sane("load", report.load, 1e6)?,
        reason: report.reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_read_and_the_rest_left_alone() {
        let word = read(br#"{"in_flight": 12, "latency_ms": 8.5, "load": 0.4, "queue": [1]}"#).unwrap();
        assert_eq!(
            (word.in_flight, word.latency, word.load),
            (Some(12), Some(Duration::from_micros(8500)), Some(0.4))
        );
        assert_eq!(read(b"{}").unwrap(), Word::default());
        assert_eq!(read(br#"{"state":"drain"}"#).unwrap().wish, Some(Wish::Drain));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "",
            "[]",
            r#"{"load":-1}"#,
            r#"{"latency_ms":1e99}"#,
            r#"{"state":"tired"}"#,
            r#"{"in_flight":-1}"#,
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
