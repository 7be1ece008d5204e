//! What is wrong with a configuration: every problem at once, each with its place and what to do.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// Key path, as `service[2].forward`; indices count from 0. Empty: the file itself.
    pub key: String,
    /// Counted from 1; 0 where there is none.
    pub line: usize,
}

/// One thing that is wrong, or probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    /// What is wrong and what to do, without the place.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.key.is_empty() {
            write!(f, "{}: ", self.place.key)?;
        }
        f.write_str(&self.message)
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

/// One line a problem: `path/to/file.toml:31: service[2].forward: unknown …`.
impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(|problem| line(&self.file, problem)).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// A problem as a line for people: file, line number, key path, message.
pub fn line(file: &Path, problem: &Problem) -> String {
    match problem.place.line {
        0 => format!("{}: {problem}", file.display()),
        line => format!("{}:{line}: {problem}", file.display()),
    }
}
