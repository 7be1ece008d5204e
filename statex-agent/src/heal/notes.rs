//! What must outlive the agent: whether healing is switched off, and whom it has drained.

use super::healer::Who;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Two files beside one another.
#[derive(Debug, Default)]
pub struct Notes {
    switch: PathBuf,
    list: PathBuf,
    /// Backends that were drained by healing, and not by an operator.
    pub drained: BTreeSet<Who>,
}

impl Notes {
    /// Reads what an earlier agent left.
    pub fn read(switch: &Path) -> Self {
        let list = switch.with_extension("drained");
        let text = std::fs::read_to_string(&list).unwrap_or_default();
        let who =
            |line: &str| line.split_once('/').map(|(pool, backend)| (pool.to_owned(), backend.to_owned()));
        Self { switch: switch.to_owned(), drained: text.lines().filter_map(who).collect(), list }
    }

    /// Why healing is off; `None`: it is on.
    pub fn off(&self) -> Option<String> {
        let text = std::fs::read_to_string(&self.switch);
        match text {
            Ok(text) if text.trim().is_empty() => Some(format!("{} is there", self.switch.display())),
            Ok(text) => Some(text.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            // Nobody knows what it says; off is the safe side.
            Err(error) => Some(format!("{} cannot be read: {error}", self.switch.display())),
        }
    }

    /// Switches healing off or on, for all agents with this file.
    ///
    /// # Errors
    /// The file cannot be written or removed.
    pub fn switch(&self, why_off: Option<&str>) -> std::io::Result<()> {
        match why_off {
            Some(why) => {
                self.switch.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                std::fs::write(&self.switch, format!("{why}\n"))
            }
            None => match std::fs::remove_file(&self.switch) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    pub fn drain(&mut self, who: &Who) {
        if self.drained.insert(who.clone()) {
            self.write();
        }
    }

    pub fn undrain(&mut self, who: &Who) {
        if self.drained.remove(who) {
            self.write();
        }
    }

    fn write(&self) {
        let text: String = self.drained.iter().map(|(pool, backend)| format!("{pool}/{backend}\n")).collect();
        let written = self.list.parent().map_or(Ok(()), std::fs::create_dir_all);
        if let Err(error) = written.and_then(|()| std::fs::write(&self.list, text)) {
            tracing::warn!(path = %self.list.display(), %error, "after a restart, who is drained will stay so");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_says_who_turned_it() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::read(&folder.path().join("run/heal.off"));
        assert_eq!(notes.off(), None);
        notes.switch(Some("by anna")).unwrap();
        assert_eq!(notes.off().as_deref(), Some("by anna"));
        notes.switch(None).unwrap();
        notes.switch(None).unwrap();
        assert_eq!(notes.off(), None);
    }

    #[test]
    fn an_empty_file_switches_off_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heal.off");
        std::fs::write(&path, "").unwrap();
        assert!(Notes::read(&path).off().unwrap().ends_with("heal.off is there"));
    }

    #[test]
    fn who_is_drained_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heal.off");
        let (a, b) = (("web".to_owned(), "a".to_owned()), ("web".to_owned(), "b".to_owned()));
        let mut notes = Notes::read(&path);
        notes.drain(&a);
        notes.drain(&b);
        notes.undrain(&b);
        assert_eq!(Notes::read(&path).drained, BTreeSet::from([a]));
    }
}
