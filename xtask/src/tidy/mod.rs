//! `cargo xtask tidy`: the repository's own rules, as code.
//!
//! | file | rules |
//! |---|---|
//! | `arrows.rs` | who may name whom |
//! | `shape.rs` | length, first line and name of a file; nothing left unfinished |
//! | `fences.rs` | where `unsafe` and printing may stand |
//! | `texts.rs` | what no file may say |
//! | `reasons.rs` | the documentation lists every drop reason |

mod arrows;
mod fences;
mod reasons;
mod shape;
mod source;
mod texts;

use crate::workspace;
use anyhow::{Context, Result, bail};
use source::Source;
use std::fmt;
use std::path::Path;

#[derive(Default, clap::Args)]
pub(crate) struct Args {
    /// Write the documents that are made from the code anew.
    #[arg(long)]
    fix: bool,
}

/// A rule that a line breaks.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// The rules that look at one file at a time.
const RULES: [fn(&Source) -> Vec<Finding>; 4] = [arrows::check, shape::check, fences::check, texts::check];

pub(crate) fn run(args: Args) -> Result<()> {
    if args.fix {
        reasons::write(&read_all(workspace::root())?)?;
    }
    let sources = read_all(workspace::root())?;
    let each = sources.iter().flat_map(|source| RULES.iter().flat_map(move |rule| rule(source)));
    let mut findings: Vec<_> = each.chain(reasons::check(&sources)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => bail!("{count} lines break the repository's rules"),
    }
}

/// Every file of the repository that is text, by its path from the root.
fn read_all(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if name == "target" || name == ".git" {
                continue;
            }
            if path.is_dir() {
                dirs.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let path = path.strip_prefix(root).unwrap_or(&path);
                sources.push(Source::new(path.to_string_lossy(), text));
            }
        }
    }
    Ok(sources)
}
