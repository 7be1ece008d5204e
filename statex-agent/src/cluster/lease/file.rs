//! A lease among the agents of one host: a locked file, which the kernel unlocks when its holder ends, however it ends.

use super::{Lease, LeaseError};
use futures_util::future::BoxFuture;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The file holds the last fence as a decimal number.
#[derive(Debug)]
pub struct FileLease {
    path: PathBuf,
    held: Option<(Flock<File>, u64)>,
}

impl FileLease {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), held: None }
    }

    fn take(&mut self) -> io::Result<Option<u64>> {
        if let Some((_, fence)) = &self.held {
            return Ok(Some(*fence));
        }
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)?;
        let mut file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => locked,
            Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
            Err((_, error)) => return Err(error.into()),
        };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let last: u64 = match text.trim() {
            "" => 0,
            number => number
                .parse()
                .map_err(|_| io::Error::other(format!("it holds {number:?}, no number; remove it")))?,
        };
        let fence = last + 1;
        file.rewind()?;
        file.write_all(format!("{fence}\n").as_bytes())?;
        file.sync_data()?;
        self.held = Some((file, fence));
        Ok(Some(fence))
    }
}

impl Lease for FileLease {
    fn hold(&mut self) -> BoxFuture<'_, Result<Option<u64>, LeaseError>> {
        let taken = self
            .take()
            .map_err(|error| LeaseError { place: self.path.display().to_string(), why: error.to_string() });
        Box::pin(async { taken })
    }

    fn release(&mut self) -> BoxFuture<'_, ()> {
        self.held = None;
        Box::pin(async {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_two_one_holds_it_and_the_fence_grows_when_it_changes_hands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/heal.lease");
        let (mut one, mut two) = (FileLease::new(&path), FileLease::new(&path));
        assert_eq!(one.hold().await, Ok(Some(1)));
        assert_eq!((one.hold().await, two.hold().await), (Ok(Some(1)), Ok(None)));
        one.release().await;
        assert_eq!((two.hold().await, one.hold().await), (Ok(Some(2)), Ok(None)));
    }

    #[tokio::test]
    async fn a_holder_that_is_gone_has_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heal.lease");
        let mut gone = FileLease::new(&path);
        gone.hold().await.unwrap();
        drop(gone);
        assert_eq!(FileLease::new(&path).hold().await, Ok(Some(2)));
    }

    #[tokio::test]
    async fn a_file_that_holds_no_number_is_an_error_and_not_a_lease() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heal.lease");
        std::fs::write(&path, "seven").unwrap();
        let error = FileLease::new(&path).hold().await.unwrap_err();
        assert!(error.to_string().contains("it holds \"seven\", no number; remove it"), "{error}");
    }
}
