//! At most one launcher per folder.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};

use super::{Error, Place};

/// A lock on the folder. The kernel lets go of it when the process dies, so a
/// killed launcher never locks anybody out.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Takes the lock, or says who has it.
    pub(super) fn take(place: &Place) -> Result<Self, Error> {
        let path = place.dir.join("launcher.lock");
        let mut file = place.open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let known = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
                let holder = if known {
                    format!("another copy of this program, process {}", holder.trim())
                } else {
                    "another copy of this program".to_owned()
                };
                return Err(Error::InUse {
                    dir: place.dir.clone(),
                    holder,
                });
            }
            Err(TryLockError::Error(source)) => return Err(Error::File { path, source }),
        }
        file.set_len(0)
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(Error::file(&path))?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone does not do while a child that was just forked still has
        // its copy of the file. If unlocking fails, that moment is all it costs.
        let _ = self.0.unlock();
    }
}
