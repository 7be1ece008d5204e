//! What hosts, paths, field names, expressions and URLs must look like.

use std::path::PathBuf;

use regex_syntax::Error;

use crate::config::error::{Place, Report};
use crate::config::meant::proxy::{Host, Template};
use crate::config::resolve::fit;
use crate::config::written::{Element, Key, quoted};

/// `PATH_MAX`.
const LONGEST_PATH: usize = 4096;

/// An absolute path of a file or folder.
pub(super) fn file(key: &Key<String>, report: &mut Report) -> Option<PathBuf> {
    fit::absolute(key, LONGEST_PATH, report)
}

/// A host name, or `*.` and one; in lower case. `*` alone is any.
pub(super) fn host(text: &str, place: &Place, report: &mut Report) -> Option<Host> {
    if text == "*" {
        return Some(Host::Any);
    }
    match text.strip_prefix("*.") {
        Some(under) => name(under, text, place, report).map(Host::Under),
        None => name(text, text, place, report).map(Host::Exact),
    }
}

/// A host name or an IP address, in lower case and without a dot at its end.
fn name(part: &str, whole: &str, place: &Place, report: &mut Report) -> Option<String> {
    const LONGEST: usize = 253;
    let name = part.strip_suffix('.').unwrap_or(part).to_ascii_lowercase();
    let is_address = name.starts_with('[') && name.ends_with(']');
    let is_fit = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if !is_address && (name.len() > LONGEST || !name.split('.').all(is_fit)) {
        let advice = "give a name such as \"www.example.net\", \"*.example.net\" or \"*\", without port and in ASCII (xn--…)";
        report.error(place, format!("{} is no host name; {advice}", quoted(whole)));
        return None;
    }
    Some(name)
}

/// A path that requests could have: absolute, and in its one form.
pub(super) fn path(key: &Key<String>, report: &mut Report) -> Option<String> {
    let path = key.given()?;
    let problem = if !path.starts_with('/') {
        "does not begin with \"/\""
    } else if path.contains(['?', '#']) {
        "has a query or a fragment; a path ends before \"?\""
    } else if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        "holds spaces or other bytes that no path has; encode them (%20)"
    } else if path.contains("//") || path.split('/').any(|part| part == "." || part == "..") {
        "is never asked for: \"//\", \".\" and \"..\" are resolved before routes are looked at"
    } else {
        return Some(path.clone());
    };
    report.error(&key.place, format!("{} {problem}", quoted(path)));
    None
}

/// The name of a field (RFC 9110 §5.1), in lower case.
pub(super) fn field_name(text: &str, place: &Place, report: &mut Report) -> Option<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        report.error(place, format!("{} cannot be the name of a field", quoted(text)));
        return None;
    }
    Some(text.to_ascii_lowercase())
}

/// The value of a field (RFC 9110 §5.5), with places in braces.
pub(super) fn field_value(text: &str, place: &Place, report: &mut Report) -> Option<Template> {
    if text.trim() != text || !text.bytes().all(|byte| byte == b'\t' || (b' '..0x7f).contains(&byte)) {
        let message = "cannot be the value of a field: it holds control characters or other than ASCII, or spaces at an end";
        report.error(place, format!("{} {message}", quoted(text)));
        return None;
    }
    template(text, place, report)
}

pub(super) fn template(text: &str, place: &Place, report: &mut Report) -> Option<Template> {
    Template::parse(text).map_err(|message| report.error(place, message)).ok()
}

/// A regular expression.
pub(super) fn regex(text: &str, place: &Place, report: &mut Report) -> Option<String> {
    let at = |offset: usize| text.get(..offset).map_or(0, |before| before.chars().count()) + 1;
    let (offset, why) = match regex_syntax::parse(text) {
        Ok(_) => return Some(text.to_owned()),
        Err(Error::Parse(error)) => (error.span().start.offset, error.kind().to_string()),
        Err(Error::Translate(error)) => (error.span().start.offset, error.kind().to_string()),
        Err(other) => (0, other.to_string()),
    };
    report.error(
        place,
        format!("{} is no regular expression: at character {}: {why}", quoted(text), at(offset)),
    );
    None
}

/// A URL that the agent asks by itself.
pub(super) fn url(key: &Key<String>, report: &mut Report) -> Option<String> {
    let url = key.given()?;
    let is_fit = url.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    if !is_fit {
        report.error(
            &key.place,
            format!("{} is no URL; give one such as \"https://example.net/x\"", quoted(url)),
        );
        return None;
    }
    Some(url.clone())
}

/// Every element that `read` takes.
pub(super) fn list<T>(
    key: &Key<Vec<Element<String>>>,
    report: &mut Report,
    mut read: impl FnMut(&str, &Place, &mut Report) -> Option<T>,
) -> Vec<T> {
    key.list().iter().filter_map(|element| read(&element.value, &element.place, report)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_in_lower_case() {
        let host = |text| host(text, &Place::default(), &mut Report::default());
        assert_eq!(host("WWW.Example.net."), Some(Host::Exact("www.example.net".into())));
        assert_eq!(host("*.example.net"), Some(Host::Under("example.net".into())));
        assert_eq!(host("[2001:db8::1]"), Some(Host::Exact("[2001:db8::1]".into())));
        for wrong in ["", "a..b", "a:80", "*a.net", "a.*.net", "häuser.de", "http://a"] {
            assert_eq!(host(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_expression_that_is_none_is_told_with_its_place() {
        let mut report = Report::default();
        assert_eq!(regex("ä(b", &Place::default(), &mut report), None);
        assert_eq!(
            report.errors[0].message,
            "\"ä(b\" is no regular expression: at character 2: unclosed group"
        );
    }
}
