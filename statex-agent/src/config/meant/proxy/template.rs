//! Text with `{places}` that each request fills.

use crate::config::meant::Words;

/// Pieces of text and places between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(pub Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Variable(Variable),
}

/// What a place stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// The client's address.
    Client,
    /// The host that was asked for, without its port.
    Host,
    Method,
    Path,
    /// With its `?`; empty where there is none.
    Query,
    Scheme,
    /// What the access log calls the request.
    RequestId,
    /// The node's name.
    Node,
}

impl Words for Variable {
    const KIND: &'static str = "place";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("client", Self::Client),
        ("host", Self::Host),
        ("method", Self::Method),
        ("path", Self::Path),
        ("query", Self::Query),
        ("scheme", Self::Scheme),
        ("request_id", Self::RequestId),
        ("node", Self::Node),
    ];
}

impl Template {
    /// Reads `text {place} text`; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    ///
    /// A place that does not end, or is not known.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let behind = &rest[at..];
            if behind.starts_with("{{") || behind.starts_with("}}") {
                plain.push_str(&behind[..1]);
                rest = &behind[2..];
                continue;
            }
            let (name, behind) = behind
                .strip_prefix('{')
                .and_then(|behind| behind.split_once('}'))
                .ok_or("a brace stands alone; write it twice if it is meant as a brace")?;
            let variable = Variable::WORDS.iter().find(|(word, _)| *word == name).ok_or_else(|| {
                let known: Vec<String> =
                    Variable::WORDS.iter().map(|(word, _)| format!("{{{word}}}")).collect();
                format!("{{{name}}} stands for nothing; known are {}", known.join(", "))
            })?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Variable(variable.1));
            rest = behind;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// The text, if it has no places.
    pub fn as_text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_text_take_turns() {
        let text = |text: &str| Part::Text(text.to_owned());
        let parsed = Template::parse("https://{host}{path}?{{x}}").unwrap();
        let expected =
            [text("https://"), Part::Variable(Variable::Host), Part::Variable(Variable::Path), text("?{x}")];
        assert_eq!(parsed.0, expected);
        assert_eq!(Template::parse("plain").unwrap().as_text(), Some("plain"));
    }

    #[test]
    fn what_stands_for_nothing_is_refused() {
        assert!(
            Template::parse("{hots}")
                .unwrap_err()
                .starts_with("{hots} stands for nothing; known are {client}")
        );
        for text in ["{host", "host}", "}{"] {
            assert!(Template::parse(text).unwrap_err().contains("brace"), "{text}");
        }
    }
}
