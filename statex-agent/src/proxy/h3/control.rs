//! A client's control stream: its settings, then little of interest to a server that pushes nothing (RFC 9114
//! §6.2.1 and §7.2).

use bytes::Bytes;

use super::frame::{Heads, Kind};
use super::settings::Settings;
use super::{Breach, Code, varint};

/// Longest payload of a frame that is looked at: more settings than anybody has.
const LONGEST: u64 = 4096;

/// Reads the stream, in any portions.
#[derive(Debug, Default)]
pub(super) struct Control {
    heads: Heads,
    /// The frame that has begun, and bytes of it that are missing.
    frame: Option<(Kind, u64)>,
    payload: Vec<u8>,
    settings: Option<Settings>,
    /// The last identifiers of GOAWAY and MAX_PUSH_ID.
    goaway: Option<u64>,
    max_push: Option<u64>,
}

impl Control {
    /// The client's settings, when they have come.
    pub(super) fn settings(&self) -> Option<Settings> {
        self.settings
    }

    /// Takes what came.
    ///
    /// # Errors
    ///
    /// The connection has to end.
    pub(super) fn read(&mut self, mut bytes: Bytes) -> Result<(), Breach> {
        loop {
            let (kind, left) = match self.frame {
                Some(frame) => frame,
                None => {
                    let Some(head) = self.heads.read(&mut bytes) else { return Ok(()) };
                    self.check(head.kind, head.len)?;
                    self.payload.clear();
                    (head.kind, head.len)
                }
            };
            let taken = bytes.split_to(bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            let left = left - taken.len() as u64;
            if kind != Kind::Unknown {
                self.payload.extend_from_slice(&taken);
            }
            if left > 0 {
                self.frame = Some((kind, left));
                return Ok(());
            }
            self.frame = None;
            self.follow(kind)?;
        }
    }

    /// Whether such a frame may come now.
    fn check(&self, kind: Kind, len: u64) -> Result<(), Breach> {
        let why = match (kind, self.settings) {
            (Kind::Settings, Some(_)) => "settings twice",
            (Kind::Data | Kind::Headers | Kind::PushPromise, _) => "a message on the control stream",
            (Kind::OfHttp2, _) => "a frame of HTTP/2",
            (Kind::Settings, None) | (_, Some(_)) if kind != Kind::Unknown && len > LONGEST => {
                return Err(Breach::new(Code::EXCESSIVE_LOAD, "a frame that is too long"));
            }
            (Kind::Settings, None) | (_, Some(_)) => return Ok(()),
            (_, None) => return Err(Breach::new(Code::MISSING_SETTINGS, "no settings at the start")),
        };
        Err(Breach::new(Code::FRAME_UNEXPECTED, why))
    }

    /// A frame is whole.
    fn follow(&mut self, kind: Kind) -> Result<(), Breach> {
        let id_error = |why| Err(Breach::new(Code::ID_ERROR, why));
        match kind {
            Kind::Settings => self.settings = Some(Settings::read(&self.payload)?),
            Kind::Goaway => {
                let id = self.id()?;
                if self.goaway.is_some_and(|before| id > before) {
                    return id_error("a GOAWAY that takes back an earlier one");
                }
                self.goaway = Some(id);
            }
            Kind::MaxPushId => {
                let id = self.id()?;
                if self.max_push.is_some_and(|before| id < before) {
                    return id_error("a MAX_PUSH_ID that takes back an earlier one");
                }
                self.max_push = Some(id);
            }
            Kind::CancelPush => {
                self.id()?;
                return id_error("a push is cancelled that was never promised");
            }
            _ => {}
        }
        Ok(())
    }

    /// The one integer that a payload consists of.
    fn id(&self) -> Result<u64, Breach> {
        let mut payload = &self.payload[..];
        match varint::read(&mut payload) {
            Some(id) if payload.is_empty() => Ok(id),
            _ => Err(Breach::new(Code::FRAME_ERROR, "a frame that is not one integer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SETTINGS: &[u8] = &[0x04, 2, 0x01, 0];

    /// Gives the bytes in portions.
    fn read(wire: &[u8], portion: usize) -> Result<Control, Code> {
        let mut control = Control::default();
        for portion in wire.chunks(portion) {
            control.read(Bytes::copy_from_slice(portion)).map_err(|breach| breach.code)?;
        }
        Ok(control)
    }

    fn after_settings(frame: &[u8]) -> Result<Control, Code> {
        read(&[SETTINGS, frame].concat(), 3)
    }

    #[test]
    fn settings_come_in_any_portions() {
        let wire = [0x04, 5, 0x01, 0x50, 0x00, 0x08, 1];
        for portion in 1..=wire.len() {
            let settings = read(&wire, portion).unwrap().settings().unwrap();
            assert_eq!((settings.table, settings.connect), (4096, true));
        }
        assert_eq!(read(&wire[..6], 1).unwrap().settings(), None);
    }

    #[test]
    fn settings_come_first_and_once() {
        assert_eq!(read(&[0x07, 1, 0], 1).unwrap_err(), Code::MISSING_SETTINGS);
        assert_eq!(read(&[0x21, 0], 1).unwrap_err(), Code::MISSING_SETTINGS);
        assert_eq!(after_settings(SETTINGS).unwrap_err(), Code::FRAME_UNEXPECTED);
    }

    #[test]
    fn frames_of_other_streams_are_refused() {
        for kind in [0x0, 0x1, 0x2, 0x5, 0x6, 0x8, 0x9] {
            assert_eq!(after_settings(&[kind, 0]).unwrap_err(), Code::FRAME_UNEXPECTED, "{kind:#x}");
        }
    }

    #[test]
    fn unknown_frames_are_passed_over() {
        assert!(after_settings(&[0x21, 3, 1, 2, 3, 0x07, 1, 0]).is_ok());
        // However long they are.
        assert!(after_settings(&[0x21, 0xc0, 1, 2, 3, 4, 5, 6, 7, 8]).is_ok());
    }

    #[test]
    fn identifiers_go_one_way() {
        assert!(after_settings(&[0x07, 1, 8, 0x07, 1, 4]).is_ok());
        assert_eq!(after_settings(&[0x07, 1, 4, 0x07, 1, 8]).unwrap_err(), Code::ID_ERROR);
        assert!(after_settings(&[0x0d, 1, 4, 0x0d, 1, 8]).is_ok());
        assert_eq!(after_settings(&[0x0d, 1, 8, 0x0d, 1, 4]).unwrap_err(), Code::ID_ERROR);
        assert_eq!(after_settings(&[0x03, 1, 0]).unwrap_err(), Code::ID_ERROR);
    }

    #[test]
    fn payloads_are_as_long_as_what_is_in_them() {
        for frame in [&[0x07, 0][..], &[0x07, 2, 0, 0], &[0x0d, 1, 0x40], &[0x03, 2, 1, 1]] {
            assert_eq!(after_settings(frame).unwrap_err(), Code::FRAME_ERROR, "{frame:?}");
        }
    }

    #[test]
    fn settings_without_end_are_refused_before_they_have_come() {
        assert_eq!(read(&[0x04, 0x80, 1, 0, 0], 5).unwrap_err(), Code::EXCESSIVE_LOAD);
    }

    proptest! {
        #[test]
        fn any_bytes_are_followed_or_refused(wire: Vec<u8>, portion in 1..9usize) {
            let _ = after_settings(&wire);
            let _ = read(&wire, portion);
        }
    }
}
