//! The table of drop reasons in the documentation, made from the enum that names them.

use super::Finding;
use super::source::Source;
use crate::workspace;
use anyhow::{Context, Result};
use std::fmt::Write;

const CODE: &str = "statex-common/src/reason.rs";
const DOCUMENT: &str = "docs/reasons.md";

/// One arm of `reasons!`: `/// help` `Name => Verdict, "label";`.
#[derive(Debug, PartialEq, Eq)]
struct Reason {
    label: String,
    verdict: String,
    help: String,
}

/// Whether the document is what [`write`] would write.
pub(super) fn check(sources: &[Source]) -> Option<Finding> {
    let expected = document(sources)?;
    let written = sources.iter().find(|source| source.path == DOCUMENT);
    let differs = written.is_none_or(|source| source.text != expected);
    let message = format!("does not list the reasons of {CODE} as they are: run `cargo xtask tidy --fix`");
    differs.then(|| Finding { path: DOCUMENT.into(), line: 1, message })
}

/// Writes the document anew.
pub(super) fn write(sources: &[Source]) -> Result<()> {
    let Some(text) = document(sources) else {
        return Ok(());
    };
    let path = workspace::root().join(DOCUMENT);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn document(sources: &[Source]) -> Option<String> {
    let code = sources.iter().find(|source| source.path == CODE)?;
    let mut text = String::from(
        "# Why a packet was not forwarded\n\n\
         The label `reason` of `statex_packets_total`, and the names in events and logs. \
         Made from `statex-common/src/reason.rs` by `cargo xtask tidy --fix`.\n\n\
         | reason | the packet is | when |\n|---|---|---|\n",
    );
    for Reason { label, verdict, help } in reasons(code) {
        let verdict = match verdict.as_str() {
            "Pass" => "passed",
            "Drop" => "dropped",
            "Transmit" => "answered",
            other => other,
        };
        let _ = writeln!(text, "| `{label}` | {verdict} | {help} |");
    }
    Some(text)
}

/// Finds `Name => Verdict, "label"` among the tokens, with the documentation just before it.
fn reasons(code: &Source) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut help = Vec::new();
    for at in 0..code.tokens.len() {
        let text = |ahead| code.text_at(at + ahead);
        if (text(0), text(1)) == ("doc", "=") {
            help.extend(string(text(2)));
        } else if (text(1), text(2), text(4)) == ("=", ">", ",")
            && let Some(label) = string(text(5))
        {
            reasons.push(Reason {
                label,
                verdict: text(3).into(),
                help: std::mem::take(&mut help).join(" "),
            });
        } else if text(0) == "}" {
            help.clear();
        }
    }
    reasons
}

/// The trimmed text of a plain string literal.
fn string(literal: &str) -> Option<String> {
    let inside = literal.strip_prefix('"')?.strip_suffix('"')?;
    Some(inside.replace("\\\"", "\"").replace("\\'", "'").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE_TEXT: &str = r#"
reasons! {
    /// The frame ends before its header
    /// does.
    Runt => Pass, "runt";
    /// A source on the deny list.
    Denied => Drop, "denied";
}"#;

    #[test]
    fn each_reason_is_a_row() {
        let document = document(&[Source::new(CODE, CODE_TEXT)]).unwrap();
        assert!(
            document.contains("| `runt` | passed | The frame ends before its header does. |\n"),
            "{document}"
        );
        assert!(document.ends_with("| `denied` | dropped | A source on the deny list. |\n"));
    }

    #[test]
    fn reason_that_is_not_documented_is_found() {
        let code = || Source::new(CODE, CODE_TEXT);
        assert!(check(&[code(), Source::new(DOCUMENT, "# Why\n")]).is_some());
        assert!(check(&[code()]).is_some());
        let written = document(&[code()]).unwrap();
        assert_eq!(check(&[code(), Source::new(DOCUMENT, written)]), None);
    }
}
