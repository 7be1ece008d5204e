//! Colour, where a person looks and none where a program reads.

use std::io::IsTerminal;

pub(super) const RED: &str = "\x1b[31m";
pub(super) const GREEN: &str = "\x1b[32m";
pub(super) const YELLOW: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[0m";

/// The text in colour if standard output is a terminal.
pub(super) fn stdout(text: &str, colour: &str) -> String {
    paint(text, colour, std::io::stdout().is_terminal())
}

/// The text in colour if standard error is a terminal.
pub(super) fn stderr(text: &str, colour: &str) -> String {
    paint(text, colour, std::io::stderr().is_terminal())
}

/// Heeds <https://no-color.org>.
fn paint(text: &str, colour: &str, terminal: bool) -> String {
    match terminal && std::env::var_os("NO_COLOR").is_none() {
        true => format!("{colour}{text}{PLAIN}"),
        false => text.to_owned(),
    }
}
