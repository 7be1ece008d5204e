//! What a client accepts (RFC 9110 §12.5): content codings by weight, and WebP.

use crate::proxy::http::{Fields, Name};

/// A content coding (RFC 9110 §8.4.1) that Statex makes, or finds made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// RFC 1952.
    Gzip,
}

impl Coding {
    pub const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in fields and in the configuration.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What a file's name ends with that holds another one so coded.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }

    fn of(name: &[u8]) -> Option<Self> {
        let same = |coding: &Self| name.eq_ignore_ascii_case(coding.text().as_bytes());
        // RFC 9110 §8.4.1.3: x-gzip is another name.
        let gzip = name.eq_ignore_ascii_case(b"x-gzip").then_some(Self::Gzip);
        Self::ALL.into_iter().find(same).or(gzip)
    }
}

/// How content is to be coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Coded(Coding),
    /// As it is.
    Identity,
    /// The client accepts nothing that there is.
    Nothing,
}

/// A quality value in thousandths (RFC 9110 §12.4.2); 0: not acceptable.
type Weight = u16;

const MOST: Weight = 1000;

/// The codings that a client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    codings: [Weight; Coding::ALL.len()],
    /// None: not mentioned, so acceptable and the last resort.
    identity: Option<Weight>,
}

impl Accepted {
    /// Reads `Accept-Encoding` (RFC 9110 §12.5.3). Where there is none, only what every client reads is
    /// taken for accepted: content as it is.
    pub fn of(fields: &Fields) -> Self {
        let mut codings = [None; Coding::ALL.len()];
        let (mut identity, mut others) = (None, None);
        for element in fields.elements(Name::AcceptEncoding) {
            let (name, weight) = weighed(element);
            match (Coding::of(name), name) {
                (Some(coding), _) => codings[coding as usize] = Some(weight),
                (None, b"*") => others = Some(weight),
                (None, name) if name.eq_ignore_ascii_case(b"identity") => identity = Some(weight),
                (None, _) => {}
            }
        }
        Self {
            codings: codings.map(|weight| weight.or(others).unwrap_or(0)),
            identity: identity.or(others.filter(|weight| *weight == 0)),
        }
    }

    /// The best of `codings`, which are in the order of the server's preference. Among equals a coding goes
    /// before content as it is.
    pub fn choose(&self, codings: impl IntoIterator<Item = Coding>) -> Choice {
        let mut best = (0, Choice::Nothing);
        for coding in codings {
            let weight = self.codings[coding as usize];
            if weight > best.0 {
                best = (weight, Choice::Coded(coding));
            }
        }
        match self.identity {
            Some(0) => best.1,
            Some(weight) if weight > best.0 => Choice::Identity,
            None if best.0 == 0 => Choice::Identity,
            _ => best.1,
        }
    }

    /// Whether content may come as it is.
    pub fn takes_identity(&self) -> bool {
        self.identity != Some(0)
    }
}

/// Whether `Accept` names WebP itself: a client that accepts all images may not know it.
pub fn takes_webp(fields: &Fields) -> bool {
    fields
        .elements(Name::Accept)
        .map(weighed)
        .any(|(range, weight)| weight > 0 && range.eq_ignore_ascii_case(b"image/webp"))
}

/// An element of a list and its weight; other parameters do not matter. A weight that makes no sense is the
/// least: what the client meant by it is not known.
fn weighed(element: &[u8]) -> (&[u8], Weight) {
    let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| match part {
        [b'q' | b'Q', b'=', value @ ..] => Some(weight(value).unwrap_or(0)),
        _ => None,
    });
    (name, weight.unwrap_or(MOST))
}

/// `0.5` → 500. `None`: it is no quality value.
fn weight(text: &[u8]) -> Option<Weight> {
    let (whole, digits) = match text {
        [whole @ (b'0' | b'1')] => (whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', digits @ ..] if digits.len() <= 3 => (whole, digits),
        _ => return None,
    };
    let mut weight = Weight::from(whole - b'0');
    for at in 0..3 {
        let digit = digits.get(at).copied().unwrap_or(b'0');
        weight = weight * 10 + char::from(digit).to_digit(10)? as Weight;
    }
    Some(weight).filter(|weight| *weight <= MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Choice::{Coded, Identity, Nothing};
    use Coding::{Brotli, Gzip, Zstd};
    use proptest::prelude::*;

    fn fields(name: &str, values: &[&str]) -> Fields {
        let mut fields = Fields::default();
        values.iter().for_each(|value| fields.push(name.as_bytes(), value.as_bytes()));
        fields
    }

    fn chosen(values: &[&str]) -> Choice {
        Accepted::of(&fields("Accept-Encoding", values)).choose(Coding::ALL)
    }

    #[test]
    fn the_coding_with_the_greatest_weight_is_chosen() {
        for (value, choice) in [
            ("gzip", Coded(Gzip)),
            ("x-gzip", Coded(Gzip)),
            ("GZIP", Coded(Gzip)),
            ("gzip, deflate, br, zstd", Coded(Brotli)),
            ("gzip, zstd", Coded(Zstd)),
            ("br;q=0.5, gzip;q=0.8", Coded(Gzip)),
            ("br;q=0.5,gzip ; q=0.500", Coded(Brotli)),
            ("br;q=0, gzip;q=0.001", Coded(Gzip)),
            ("br;Q=0.1, zstd;q=1.000", Coded(Zstd)),
            ("*", Coded(Brotli)),
            ("*;q=0.1", Coded(Brotli)),
            ("br;q=0, *", Coded(Zstd)),
            ("br;q=0, zstd;q=0, *;q=0.3", Coded(Gzip)),
            ("identity, gzip", Coded(Gzip)),
            ("gzip, identity;q=0.5", Coded(Gzip)),
            ("gzip, identity;q=0", Coded(Gzip)),
            ("gzip;x=y;q=0.4, br;q=0.2", Coded(Gzip)),
        ] {
            assert_eq!(chosen(&[value]), choice, "{value}");
        }
    }

    #[test]
    fn content_comes_as_it_is_where_no_coding_is_better() {
        for value in [
            "",
            " , ",
            "identity",
            "deflate",
            "compress, bzip2",
            "gzip;q=0",
            "gzip;q=0.5, identity",
            "gzip;q=0.5, identity;q=0.6",
            "identity;q=0.5, *;q=0",
            "deflate;q=1, br;q=0",
            "gzip;q=2",
            "gzip;q=0.1234",
            "gzip;q=-1",
            "gzip;q=",
            "gzip;q=1.001",
            "gzip;q=0,5",
            "brotli",
        ] {
            assert_eq!(chosen(&[value]), Identity, "{value}");
        }
        assert_eq!(chosen(&[]), Identity);
    }

    #[test]
    fn a_client_can_refuse_all_that_there_is() {
        for value in ["identity;q=0", "*;q=0", "deflate, identity;q=0.000", "gzip;q=0, *;q=0"] {
            assert_eq!(chosen(&[value]), Nothing, "{value}");
            assert!(!Accepted::of(&fields("Accept-Encoding", &[value])).takes_identity());
        }
        assert_eq!(chosen(&["*;q=0, identity"]), Identity);
        assert_eq!(chosen(&["*;q=0, gzip"]), Coded(Gzip));
    }

    #[test]
    fn all_fields_are_one_list() {
        assert_eq!(chosen(&["gzip;q=0.1", "zstd;q=0.2, br;q=0.1"]), Coded(Zstd));
    }

    #[test]
    fn only_what_is_there_is_chosen() {
        let accepted = Accepted::of(&fields("Accept-Encoding", &["br, gzip;q=0.5"]));
        assert_eq!(accepted.choose([Gzip]), Coded(Gzip));
        assert_eq!(accepted.choose([Zstd]), Identity);
        assert_eq!(accepted.choose([]), Identity);
    }

    #[test]
    fn webp_must_be_named() {
        for (value, takes) in [
            ("image/avif,image/webp,*/*", true),
            ("IMAGE/WebP;q=0.8", true),
            ("image/*", false),
            ("*/*", false),
            ("image/webp;q=0", false),
            ("image/webpx", false),
        ] {
            assert_eq!(takes_webp(&fields("Accept", &[value])), takes, "{value}");
        }
        assert!(!takes_webp(&Fields::default()));
    }

    proptest! {
        #[test]
        fn any_value_is_read(value in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut fields = Fields::default();
            fields.push(b"Accept-Encoding", &value);
            fields.push(b"Accept", &value);
            Accepted::of(&fields).choose(Coding::ALL);
            takes_webp(&fields);
        }
    }
}
