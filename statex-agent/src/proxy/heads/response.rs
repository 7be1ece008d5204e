//! A response from its lines (RFC 9113 §8.3.2, RFC 9114 §4.3.2).

use super::{Kind, Limits, Line, Refusal, Section, digits};
use crate::proxy::http::{Response, StatusCode};

/// Reads a response line by line. Lines behind one that is wrong change nothing.
#[derive(Debug)]
pub struct ResponseReader<'a> {
    status: &'a mut StatusCode,
    section: Section<'a>,
    seen: Option<StatusCode>,
    wrong: Option<Refusal>,
}

impl<'a> ResponseReader<'a> {
    /// Reads into `response`, which is overwritten.
    pub fn new(response: &'a mut Response, limits: &Limits) -> Self {
        let Response { status, fields, .. } = response;
        Self { status, section: Section::new(fields, limits), seen: None, wrong: None }
    }

    pub fn line(&mut self, line: &Line<'_>) {
        if self.wrong.is_none() {
            self.wrong = self.take(line).err();
        }
    }

    fn take(&mut self, line: &Line<'_>) -> Result<(), Refusal> {
        self.section.charge(line)?;
        match line.kind {
            Kind::Status if self.seen.is_some() => Err(Refusal::Malformed("two statuses")),
            Kind::Status => {
                self.seen = status(line.value);
                if self.seen.is_some() { Ok(()) } else { Err(Refusal::Malformed("the status")) }
            }
            // The status comes first.
            Kind::Field(name) if self.seen.is_some() => self.section.take(name, line),
            _ => Err(Refusal::Malformed("a field")),
        }
    }

    /// The end of the lines: the length that the response declares.
    ///
    /// # Errors
    ///
    /// It cannot be passed on.
    pub fn finish(self) -> Result<Option<u64>, Refusal> {
        match (self.wrong, self.seen) {
            (Some(wrong), _) => Err(wrong),
            (None, None) => Err(Refusal::Malformed("no status")),
            (None, Some(status)) => {
                *self.status = status;
                Ok(self.section.length)
            }
        }
    }
}

/// Three digits below 600, and not 101, which these protocols do not have (RFC 9113 §8.6, RFC 9114 §4.5).
fn status(text: &[u8]) -> Option<StatusCode> {
    let number = digits(text).filter(|number| text.len() == 3 && *number < 600 && *number != 101)?;
    StatusCode::from_u16(u16::try_from(number).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&str, &str)]) -> Result<(Response, Option<u64>), Refusal> {
        let mut response = Response::default();
        let mut reader = ResponseReader::new(&mut response, &Limits::default());
        for (name, value) in lines {
            reader.line(&Line::new(name.as_bytes(), value.as_bytes()));
        }
        let length = reader.finish()?;
        Ok((response, length))
    }

    #[test]
    fn a_response_is_taken_apart() {
        let (response, length) = read(&[(":status", "404"), ("content-length", "3")]).unwrap();
        assert_eq!((response.status, response.fields.len(), length), (StatusCode::NOT_FOUND, 1, Some(3)));
    }

    #[test]
    fn nonsense_is_malformed() {
        for lines in [
            &[][..],
            &[("x", "y")],
            &[("x", "y"), (":status", "200")],
            &[(":status", "200"), (":status", "200")],
            &[(":status", "20")],
            &[(":status", "2000")],
            &[(":status", "600")],
            &[(":status", "099")],
            &[(":status", "101")],
            &[(":status", "200"), (":path", "/")],
            &[(":status", "200"), ("connection", "close")],
            &[(":status", "200"), ("x", "a\nb")],
        ] {
            assert!(matches!(read(lines), Err(Refusal::Malformed(_))), "{lines:?}");
        }
    }
}
