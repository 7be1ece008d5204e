//! What is wrong with a configuration: every problem at once, each with its place and what to do.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Key path, as `service[2].forward`; indices count from 0. Empty: the file itself.
    pub key: String,
    /// Counted from 1; 0 where there is none. Of an absent key: the line of its table.
    pub line: usize,
}

impl Place {
    /// The place of a key in the table at this place.
    pub(super) fn key(&self, name: &str) -> Self {
        let dot = if self.key.is_empty() { "" } else { "." };
        Self { key: format!("{}{dot}{name}", self.key), line: self.line }
    }

    /// The key path of the table that this key stands in.
    pub(super) fn table(&self) -> &str {
        self.key.rsplit_once('.').map_or(self.key.as_str(), |(table, _)| table)
    }

    /// The place of an element in the list at this place.
    pub(super) fn index(&self, index: usize) -> Self {
        Self { key: format!("{}[{index}]", self.key), line: self.line }
    }
}

/// One thing that is wrong, or probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    /// What is wrong and what to do, without the place.
    pub message: String,
}

impl Problem {
    /// The problem as one line for people: `path/to/file.toml:31: service[2].forward: unknown …`.
    pub fn in_file(&self, file: &Path) -> String {
        let Place { key, line } = &self.place;
        let file = file.display();
        let line = if *line == 0 { String::new() } else { format!(":{line}") };
        let key = if key.is_empty() { String::new() } else { format!(" {key}:") };
        // Values from the file may hold control characters; a terminal shall not obey them.
        let message: String =
            self.message.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        format!("{file}{line}:{key} {message}")
    }
}

/// Collects what is wrong while a file is read.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) errors: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Report {
    pub(super) fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.errors.push(Problem { place: place.clone(), message: message.into() });
    }

    pub(super) fn warn(&mut self, place: &Place, message: impl Into<String>) {
        self.warnings.push(Problem { place: place.clone(), message: message.into() });
    }
}

/// All that is wrong with one file, in the order of its lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    file: PathBuf,
    problems: Vec<Problem>,
}

impl Errors {
    pub(super) fn new(file: &Path, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.place.line);
        Self { file: file.to_owned(), problems }
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for Errors {}

/// One line a problem.
impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(|problem| problem.in_file(&self.file)).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Advice on an unknown word: `; did you mean "…"?`, or else what is known.
pub(super) fn did_you_mean(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("; did you mean \"{near}\"?"),
        None => format!("; known are {}", known.join(", ")),
    }
}

/// The known word that a misspelt one probably stands for.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    // One slip in three letters is still a slip; more is another word.
    let slips = (word.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(key: &str, line: usize) -> Problem {
        Problem { place: Place { key: key.to_owned(), line }, message: "wrong".to_owned() }
    }

    #[test]
    fn errors_are_lines_in_the_order_of_the_file() {
        let errors =
            Errors::new(Path::new("a/b.toml"), vec![problem("x[2].y", 7), problem("z", 3), problem("", 0)]);
        assert_eq!(errors.to_string(), "a/b.toml: wrong\na/b.toml:3: z: wrong\na/b.toml:7: x[2].y: wrong");
    }

    #[test]
    fn slips_are_recognized() {
        let known = ["interfaces", "ipip", "gue"];
        assert_eq!(nearest("interface", &known), Some("interfaces"));
        assert_eq!(nearest("IPPI", &known), Some("ipip"));
        assert_eq!(nearest("teapot", &known), None);
        assert_eq!(nearest("", &known), None);
    }

    #[test]
    fn advice_names_what_is_known_where_nothing_is_near() {
        assert_eq!(did_you_mean("interface", &["interfaces"]), "; did you mean \"interfaces\"?");
        assert_eq!(did_you_mean("teapot", &["tcp", "udp"]), "; known are tcp, udp");
    }

    #[test]
    fn a_terminal_is_not_sent_control_characters() {
        let bell = Problem { place: Place::default(), message: "\u{1b}[31m\n".to_owned() };
        assert_eq!(bell.in_file(Path::new("f")), "f: \u{fffd}[31m\u{fffd}");
    }
}
