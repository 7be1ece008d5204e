//! How much a client wants a response (RFC 9218 §4 and §5).

/// What a client says of one response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// 0 to 7, the most urgent first.
    pub urgency: u8,
    /// It is of use in part, so that it may share the way with others.
    pub incremental: bool,
}

/// Of a client that says nothing. Its responses share the way: none has to wait for the end of another.
impl Default for Priority {
    fn default() -> Self {
        Self { urgency: URGENCY, incremental: true }
    }
}

const URGENCY: u8 = 3;

impl Priority {
    /// The value of a `Priority` field. What it does not say, or not as it should, is as the RFC has it.
    pub fn read(value: &[u8]) -> Self {
        let mut priority = Self { urgency: URGENCY, incremental: false };
        for member in value.split(|byte| *byte == b',') {
            let member = member.split(|byte| *byte == b';').next().unwrap_or_default();
            match member.trim_ascii() {
                [b'u', b'=', digit @ b'0'..=b'7'] => priority.urgency = digit - b'0',
                b"i" | b"i=?1" => priority.incremental = true,
                b"i=?0" => priority.incremental = false,
                _ => {}
            }
        }
        priority
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_as_if_it_were_not_there() {
        let read = |value: &str| {
            let Priority { urgency, incremental } = Priority::read(value.as_bytes());
            (urgency, incremental)
        };
        assert_eq!(read(""), (3, false));
        assert_eq!(read("u=5, i"), (5, true));
        assert_eq!(read("i=?1;a=b,u=0;c"), (0, true));
        assert_eq!(read("u=8, u=1, i=?0, x=\"y\", u=a"), (1, false));
    }
}
