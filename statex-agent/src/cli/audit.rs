//! `statex audit`: what was decided and done, and whether the record of it is whole.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::{
    audit::{self, Sealed},
    config,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, clap::Subcommand)]
enum Order {
    /// Check that no line was changed, taken out or put in. Ends with 1 if one was.
    Verify {
        #[command(flatten)]
        log: Log,
        /// The hash that the last line must have, kept somewhere else: then a log that was cut shows, too.
        #[arg(long)]
        head: Option<String>,
    },
    /// Print the last entries.
    Show {
        #[command(flatten)]
        log: Log,
        /// How many.
        #[arg(long, default_value_t = 20)]
        last: usize,
        /// Only entries about this backend, as POOL/BACKEND, or pool.
        #[arg(long)]
        about: Option<String>,
        /// Print the lines as they are.
        #[arg(long)]
        json: bool,
    },
}

/// Which log.
#[derive(Debug, clap::Args)]
pub(super) struct Log {
    /// The log, as `heal.audit` says.
    #[arg(long = "log", value_name = "PATH", default_value_os_t = config::Healing::default().audit)]
    pub(super) path: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.order {
        Order::Verify { log, head } => verify(&log.path, head.as_deref()),
        Order::Show { log, last, about, json } => {
            let about =
                |entry: &Sealed| about.as_ref().is_none_or(|about| is_about(&entry.entry.subject, about));
            let entries: Vec<Sealed> =
                audit::last(&log.path, usize::MAX)?.into_iter().filter(about).collect();
            for entry in entries.iter().skip(entries.len().saturating_sub(*last)) {
                match json {
                    true => println!("{}", serde_json::to_string(entry)?),
                    false => print!("{}", text(entry)),
                }
            }
            Ok(())
        }
    }
}

fn verify(path: &Path, head: Option<&str>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let whole = audit::verify(text.lines(), head).with_context(|| path.display().to_string())?;
    println!("{}: whole, {} entries, the last one's hash is {}", path.display(), whole.entries, whole.head);
    Ok(())
}

fn is_about(subject: &str, about: &str) -> bool {
    subject == about || subject.strip_prefix(about).is_some_and(|rest| rest.starts_with('/'))
}

/// An entry as people read it.
pub(super) fn text(entry: &Sealed) -> String {
    let says = entry.entry.says.iter().map(|line| format!("  - {line}\n"));
    let head = format!("{} {} {} {}\n", entry.seq, entry.at, entry.entry.kind, entry.entry.subject);
    head + &says.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_means_its_backends_and_no_other_pool() {
        assert!(is_about("web/web-1", "web") && is_about("web/web-1", "web/web-1") && is_about("web", "web"));
        assert!(!is_about("webby/a", "web") && !is_about("web/web-10", "web/web-1"));
    }
}
