//! The audit log on disk: one line an entry, each on disk before anybody goes on.

use super::chain::{FIRST, Sealed};
use super::{Broken, Entry, Whole, verify};
use crate::clock::Clock;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Why there is no entry.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit log {} cannot be written: {error}; make room or set heal.audit", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("the audit log {} is broken: {broken}; it was left as it is: move it away to begin another", path.display())]
    Broken { path: PathBuf, broken: Broken },
    #[error("an entry cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// An audit log that is open. Clones write to the same.
#[derive(Clone, Debug)]
pub struct Log(Arc<Mutex<Open>>);

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    node: String,
    clock: Clock,
    whole: Whole,
    /// Bytes of whole lines.
    len: u64,
}

impl Log {
    /// Opens a log, or begins one. Half a line at its end, which a crash may leave, is kept beside it and noted.
    ///
    /// # Errors
    /// It cannot be read or written, or it was changed.
    pub fn open(path: &Path, node: &str, clock: Clock) -> Result<Self, AuditError> {
        let failed = |error| AuditError::Io { path: path.to_owned(), error };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let options = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path);
        let mut file = options.map_err(failed)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = String::from_utf8_lossy(&text[..end]);
        let whole = verify(lines.lines(), None)
            .map_err(|broken| AuditError::Broken { path: path.to_owned(), broken })?;
        let torn = &text[end..];
        if !torn.is_empty() {
            let aside = path.with_extension(format!("torn-{}", clock.timestamp().as_second()));
            std::fs::write(&aside, torn).map_err(failed)?;
            file.set_len(end as u64).map_err(failed)?;
        }
        let open = Open { file, path: path.to_owned(), node: node.to_owned(), clock, whole, len: end as u64 };
        let log = Self(Arc::new(Mutex::new(open)));
        if !torn.is_empty() {
            let says = format!("the last line was torn, {} bytes; it was kept beside the log", torn.len());
            tracing::warn!(path = %path.display(), "{says}");
            log.append(Entry::new("recovered", node, vec![says]))?;
        }
        Ok(log)
    }

    /// Writes an entry to the disk; answers with its number.
    ///
    /// # Errors
    /// It is not there: nothing may be done that it would have told of. What was half written is taken back.
    pub fn append(&self, entry: Entry) -> Result<u64, AuditError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = &mut *open;
        let (line, sealed) = Sealed {
            seq: open.whole.entries + 1,
            at: open.clock.timestamp(),
            node: open.node.clone(),
            entry,
            prev: open.whole.head.clone(),
            hash: String::new(),
        }
        .seal()?;
        let bytes = format!("{line}\n").into_bytes();
        let written = open.file.write_all(&bytes).and_then(|()| open.file.sync_data());
        if let Err(error) = written {
            // A part of the line may be there; the next one must not stand behind it.
            let _ = open.file.set_len(open.len).and_then(|()| open.file.seek(SeekFrom::End(0)).map(drop));
            return Err(AuditError::Io { path: open.path.clone(), error });
        }
        open.len += bytes.len() as u64;
        open.whole = Whole { entries: sealed.seq, head: sealed.hash };
        Ok(sealed.seq)
    }

    /// Hash of the last line; that of the beginning where there is none.
    pub fn head(&self) -> Whole {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).whole.clone()
    }

    /// The last entries, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn last(&self, count: usize) -> Result<Vec<Sealed>, AuditError> {
        let path = self.0.lock().unwrap_or_else(PoisonError::into_inner).path.clone();
        last(&path, count)
    }
}

/// The last entries of a log, oldest first; lines that are none are left out.
///
/// # Errors
/// The file cannot be read.
pub fn last(path: &Path, count: usize) -> Result<Vec<Sealed>, AuditError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| AuditError::Io { path: path.to_owned(), error })?;
    let mut lines: Vec<Sealed> =
        text.lines().rev().take(count).filter_map(|line| serde_json::from_str(line).ok()).collect();
    lines.reverse();
    Ok(lines)
}

impl Default for Whole {
    fn default() -> Self {
        Self { entries: 0, head: FIRST.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(subject: &str) -> Entry {
        Entry::new("act", subject, vec!["because".into()])
    }

    fn open(path: &Path) -> Result<Log, AuditError> {
        Log::open(path, "n1", Clock::by_hand())
    }

    fn check(path: &Path) -> Result<Whole, Broken> {
        verify(std::fs::read_to_string(path).unwrap().lines(), None)
    }

    #[test]
    fn a_log_goes_on_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/audit.log");
        open(&path).unwrap().append(entry("a")).unwrap();
        let log = open(&path).unwrap();
        assert_eq!(log.append(entry("b")).unwrap(), 2);
        assert_eq!(check(&path), Ok(log.head()));
        let subjects: Vec<_> = log.last(5).unwrap().into_iter().map(|it| it.entry.subject).collect();
        assert_eq!(subjects, ["a", "b"]);
    }

    #[test]
    fn half_a_line_is_kept_aside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        open(&path).unwrap().append(entry("a")).unwrap();
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"seq\":2,\"at\":\"20");
        std::fs::write(&path, text).unwrap();
        let log = open(&path).unwrap();
        assert_eq!(log.last(1).unwrap()[0].entry.kind, "recovered");
        assert_eq!(check(&path).unwrap().entries, 2);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_changed_log_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        open(&path).unwrap().append(entry("a")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap().replace("because", "for fun");
        std::fs::write(&path, &text).unwrap();
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains("line 1 was changed"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    /// `/dev/full` takes no byte.
    #[test]
    fn a_full_disk_is_an_error_that_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let log = open(&folder.path().join("audit.log")).unwrap();
        log.0.lock().unwrap().file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = log.append(entry("a")).unwrap_err().to_string();
        assert!(error.contains("No space left") && error.contains("make room"), "{error}");
        assert_eq!(log.head().entries, 0);
    }
}
