//! The operating system user that the server runs as: ourselves, unless we are
//! root, whom PostgreSQL refuses.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Error;

/// Where local users are listed. Service accounts are local, so nothing else is asked.
const USERS: &str = "/etc/passwd";

/// Whom the server runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether that is someone else than ourselves.
    pub(super) switched: bool,
}

impl Account {
    /// Whom the server of this data folder runs as. Root leaves existing data with
    /// its owner, so that `sudo` once in a while does no harm, and otherwise takes
    /// the user that PostgreSQL's packages create.
    pub(super) fn for_data(data: &Path) -> Result<Self, Error> {
        let own = rustix::process::geteuid();
        if !own.is_root() {
            let gid = rustix::process::getegid().as_raw();
            return Ok(Self {
                uid: own.as_raw(),
                gid,
                switched: false,
            });
        }
        if let Ok(found) = data.metadata()
            && found.uid() != 0
        {
            return Ok(Self {
                uid: found.uid(),
                gid: found.gid(),
                switched: true,
            });
        }
        let users = fs::read_to_string(USERS).map_err(Error::file(Path::new(USERS)))?;
        listed(&users, "postgres")
            .or_else(|| listed(&users, "nobody"))
            .ok_or(Error::NoAccount)
    }

    /// Makes a command run as this user, outside our terminal's process group (an
    /// interrupt typed there is for us: we stop the server when we are done with
    /// it), and in a folder that every user can enter.
    pub(super) fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if self.switched {
            command.uid(self.uid).gid(self.gid);
        }
        command.process_group(0).current_dir("/")
    }

    /// Whether this user can enter an existing folder. Trying it is the only answer
    /// that counts access lists and mount options too.
    pub(super) fn can_enter(&self, folder: &Path) -> bool {
        if !self.switched {
            return true;
        }
        let mut probe = Command::new("/bin/sh");
        self.apply(&mut probe)
            .args(["-c", ":"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// The line `name:password:uid:gid:…` of a user.
fn listed(users: &str, name: &str) -> Option<Account> {
    let line = users
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    let (uid, gid) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (uid != 0).then_some(Account {
        uid,
        gid,
        switched: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "root:x:0:0::/root:/bin/sh\n\
                        postgresql:x:7:7::/:/bin/false\n\
                        nobody:*:65534:65533::/:/bin/false\n";

    #[test]
    fn users_are_found_by_their_whole_name() {
        assert_eq!(listed(LIST, "postgres"), None);
        let nobody = Account {
            uid: 65534,
            gid: 65533,
            switched: true,
        };
        assert_eq!(listed(LIST, "nobody"), Some(nobody));
    }

    #[test]
    fn root_under_another_name_is_no_user_to_switch_to() {
        assert_eq!(listed("postgres:x:0:0::/:/bin/sh\n", "postgres"), None);
    }
}
