//! Variables of the environment inside text values.
//!
//! | written | becomes |
//! |---|---|
//! | `${NAME}` | the value of `NAME`; an error if it is not set |
//! | `${NAME:-text}` | the value of `NAME`, or `text` if it is not set or empty |
//! | `$$` | `$` |
//!
//! Any other `$` stands for itself. Values are put in after the file was parsed, so they cannot change
//! its structure.

use std::borrow::Cow;

/// Puts variables into `text`, asking `lookup` for their values.
///
/// # Errors
///
/// A sentence for people: a variable that is not set, or `${` that is not followed by a name and `}`.
pub(super) fn expand<'a>(
    text: &'a str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Cow<'a, str>, String> {
    if !text.contains('$') {
        return Ok(Cow::Borrowed(text));
    }
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = if let Some(escaped) = after.strip_prefix('$') {
            expanded.push('$');
            escaped
        } else if let Some(inside) = after.strip_prefix('{') {
            let (variable, behind) = inside.split_once('}').ok_or_else(|| {
                format!("\"${{{inside}\" has no closing brace; write \"$$\" for a dollar sign")
            })?;
            expanded.push_str(&value(variable, lookup)?);
            behind
        } else {
            expanded.push('$');
            after
        };
    }
    expanded.push_str(rest);
    Ok(Cow::Owned(expanded))
}

fn value(variable: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (name, default) = match variable.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (variable, None),
    };
    if !is_name(name) {
        return Err(format!("\"${{{variable}}}\" is not a variable; write ${{NAME}} or ${{NAME:-default}}"));
    }
    match (lookup(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(format!("variable {name} is not set; set it, or write ${{{name}:-default}}")),
    }
}

/// A name as shells have it (POSIX.1-2024, Base Definitions 3.216).
fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let lookup = |name: &str| match name {
            "HOST" => Some("web".to_owned()),
            "EMPTY" => Some(String::new()),
            "TRICKY" => Some("${HOST} $$ \"".to_owned()),
            _ => None,
        };
        expand(text, &lookup).map(Cow::into_owned)
    }

    #[test]
    fn variables_become_their_values() {
        assert_eq!(expanded("a ${HOST} b ${HOST}").unwrap(), "a web b web");
        assert_eq!(expanded("no variables").unwrap(), "no variables");
    }

    #[test]
    fn defaults_stand_in_for_unset_and_empty_variables() {
        assert_eq!(expanded("${UNSET:-x}${EMPTY:-y}${HOST:-z}").unwrap(), "xyweb");
        assert_eq!(expanded("[${UNSET:-}]").unwrap(), "[]");
        assert_eq!(expanded("${UNSET:-a:-b}").unwrap(), "a:-b");
    }

    #[test]
    fn a_variable_without_default_may_be_empty() {
        assert_eq!(expanded("[${EMPTY}]").unwrap(), "[]");
    }

    #[test]
    fn dollars_can_be_written() {
        assert_eq!(expanded("$$ $${HOST} $5 $").unwrap(), "$ ${HOST} $5 $");
    }

    #[test]
    fn values_are_not_expanded_again() {
        assert_eq!(expanded("${TRICKY}").unwrap(), "${HOST} $$ \"");
    }

    #[test]
    fn unset_and_malformed_variables_are_refused() {
        assert_eq!(
            expanded("${UNSET}").unwrap_err(),
            "variable UNSET is not set; set it, or write ${UNSET:-default}"
        );
        assert_eq!(
            expanded("${HOST").unwrap_err(),
            "\"${HOST\" has no closing brace; write \"$$\" for a dollar sign"
        );
        for wrong in ["${}", "${1A}", "${a b}", "${A-b}", "${:-x}"] {
            assert!(expanded(wrong).unwrap_err().contains("is not a variable"), "{wrong}");
        }
    }
}
