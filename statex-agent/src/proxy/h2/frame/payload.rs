//! What payloads say.

use super::{Head, MOST_31, flag};
use crate::proxy::h2::{Code, setting::Setting};

/// Where the content of a padded payload lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padded {
    pub start: usize,
    pub end: usize,
}

impl Padded {
    /// `first` is the payload's first byte, if it has any.
    ///
    /// # Errors
    ///
    /// The padding is longer than the payload (RFC 9113 §6.1).
    pub fn of(head: &Head, first: Option<u8>) -> Result<Self, Code> {
        if !head.has(flag::PADDED) {
            return Ok(Self { start: 0, end: head.len });
        }
        let padding = usize::from(first.ok_or(Code::FrameSizeError)?);
        let end = head.len.checked_sub(padding).filter(|end| *end > 0).ok_or(Code::ProtocolError)?;
        Ok(Self { start: 1, end })
    }
}

/// The fragment of a field block in a HEADERS frame, and the stream that this one depends on (RFC 9113 §6.2).
///
/// # Errors
///
/// The payload is too short for what its flags say.
pub fn block<'a>(head: &Head, payload: &'a [u8]) -> Result<(&'a [u8], Option<u32>), Code> {
    let padded = Padded::of(head, payload.first().copied())?;
    let content = payload.get(padded.start..padded.end).ok_or(Code::ProtocolError)?;
    if !head.has(flag::PRIORITY) {
        return Ok((content, None));
    }
    let (priority, block) = content.split_first_chunk::<5>().ok_or(Code::ProtocolError)?;
    let [parent @ .., _weight] = priority;
    Ok((block, Some(u32::from_be_bytes(*parent) & MOST_31)))
}

/// The code in a RST_STREAM frame (RFC 9113 §6.4).
pub fn reset(payload: &[u8]) -> Option<Code> {
    Some(Code::of(u32::from_be_bytes(payload.try_into().ok()?)))
}

/// The settings in a SETTINGS frame (RFC 9113 §6.5.1); `None`: they are not whole.
pub fn settings(payload: &[u8]) -> Option<impl Iterator<Item = Setting>> {
    let (settings, rest) = payload.as_chunks::<6>();
    rest.is_empty().then(|| {
        settings.iter().map(|[a, b, value @ ..]| Setting {
            name: u16::from_be_bytes([*a, *b]),
            value: u32::from_be_bytes(*value),
        })
    })
}

/// The last stream that the peer looked at, and why it goes (RFC 9113 §6.8).
pub fn go_away(payload: &[u8]) -> Option<(u32, Code)> {
    let (last, rest) = payload.split_first_chunk()?;
    let code = rest.first_chunk()?;
    Some((u32::from_be_bytes(*last) & MOST_31, Code::of(u32::from_be_bytes(*code))))
}

/// The stream in a PRIORITY_UPDATE frame, and what is said of it (RFC 9218 §7.1).
pub fn priority_update(payload: &[u8]) -> Option<(u32, &[u8])> {
    let (stream, value) = payload.split_first_chunk()?;
    Some((u32::from_be_bytes(*stream) & MOST_31, value))
}

/// The increment in a WINDOW_UPDATE frame (RFC 9113 §6.9).
pub fn window(payload: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(payload.try_into().ok()?) & MOST_31)
}
