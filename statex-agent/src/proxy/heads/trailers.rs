//! Trailers from their lines (RFC 9113 §8.1, RFC 9114 §4.1).

use super::{Kind, Limits, Line, Refusal, Section};
use crate::proxy::http::{Fields, Name};

/// Reads trailers line by line. Lines behind one that is wrong change nothing.
#[derive(Debug)]
pub struct TrailerReader<'a> {
    section: Section<'a>,
    wrong: Option<Refusal>,
}

impl<'a> TrailerReader<'a> {
    /// Reads into `fields`, which are overwritten.
    pub fn new(fields: &'a mut Fields, limits: &Limits) -> Self {
        Self { section: Section::new(fields, limits), wrong: None }
    }

    pub fn line(&mut self, line: &Line<'_>) {
        if self.wrong.is_none() {
            self.wrong = self.take(line).err();
        }
    }

    fn take(&mut self, line: &Line<'_>) -> Result<(), Refusal> {
        self.section.charge(line)?;
        match line.kind {
            // RFC 9110 §6.5.1: what frames or routes a message cannot come behind it.
            Kind::Field(Name::ContentLength | Name::Host | Name::Te) => {
                Err(Refusal::Malformed("a trailer that frames or routes"))
            }
            Kind::Field(name) => self.section.take(name, line),
            Kind::Malformed => Err(Refusal::Malformed("a field")),
            _ => Err(Refusal::Malformed("a pseudo-header field among the trailers")),
        }
    }

    /// The end of the lines.
    ///
    /// # Errors
    ///
    /// They cannot be passed on.
    pub fn finish(self) -> Result<(), Refusal> {
        self.wrong.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Fields, Refusal> {
        let mut fields = Fields::default();
        let mut reader = TrailerReader::new(&mut fields, &Limits::default());
        reader.line(&Line::new(name.as_bytes(), value.as_bytes()));
        reader.finish().map(|()| fields)
    }

    #[test]
    fn trailers_are_fields() {
        assert_eq!(read("grpc-status", "0").unwrap().named(b"grpc-status"), Some(&b"0"[..]));
    }

    #[test]
    fn what_frames_or_routes_is_no_trailer() {
        for name in
            [":path", ":status", "content-length", "host", "transfer-encoding", "connection", "te", "X"]
        {
            assert!(read(name, "1").is_err(), "{name}");
        }
    }
}
