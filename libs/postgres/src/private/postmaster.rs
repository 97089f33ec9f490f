//! The server process as its data folder knows it: `postmaster.pid`, and whether
//! the process named there is one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};

use super::Error;

/// The port in the name of the socket; nothing listens on the network.
pub(super) const PORT: u16 = 5432;

/// A live server of a data folder.
#[derive(Debug)]
pub(super) struct Postmaster {
    pub(super) pid: Pid,
    /// The folder of its socket. None in the first moments of a start.
    pub(super) socket_dir: Option<PathBuf>,
}

impl Postmaster {
    /// The live server of `data`, if there is one.
    pub(super) fn find(data: &Path) -> Result<Option<Self>, Error> {
        let path = data.join("postmaster.pid");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::File { path, source }),
        };
        let mut lines = text.lines();
        let Some(pid) = lines
            .next()
            .and_then(parse)
            .filter(|pid| serves(*pid, data))
        else {
            return Ok(None);
        };
        // Process id, data folder, start time, port, folder of the socket.
        let socket_dir = lines
            .nth(3)
            .filter(|dir| !dir.is_empty())
            .map(PathBuf::from);
        Ok(Some(Self { pid, socket_dir }))
    }
}

/// Whether this process is alive and the server of `data`. A zombie is dead, though
/// PostgreSQL takes it for alive; and a number that meanwhile belongs to another
/// program is told from a server by where that program runs: a server runs in its
/// data folder. A zombie runs nowhere.
pub(super) fn serves(pid: Pid, data: &Path) -> bool {
    if !cfg!(target_os = "linux") {
        return test_kill_process(pid).is_ok();
    }
    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_pid()));
    match fs::read_link(process.join("cwd")) {
        Ok(cwd) => data.canonicalize().is_ok_and(|data| cwd == data),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            was_started_for(&process, data)
        }
        Err(_) => false,
    }
}

/// Whether the arguments of a process name `data`. Root in a container may often
/// not ask where the processes of others run, but everybody may see how they were
/// started.
fn was_started_for(process: &Path, data: &Path) -> bool {
    let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
    arguments
        .split(|byte| *byte == 0)
        .any(|word| word == data.as_os_str().as_encoded_bytes())
}

/// Removes lock files of servers that are dead but that PostgreSQL would believe to
/// be alive, which would keep it from starting for as long as another process bears
/// the number. Only to be called while no server runs.
pub(super) fn remove_stale_locks(data: &Path, socket_dir: &Path) -> Result<(), Error> {
    for lock in [
        data.join("postmaster.pid"),
        socket_dir.join(format!(".s.PGSQL.{PORT}.lock")),
    ] {
        let dead = fs::read_to_string(&lock).is_ok_and(|text| {
            !text
                .lines()
                .next()
                .and_then(parse)
                .is_some_and(|p| serves(p, data))
        });
        if dead {
            tracing::info!("removing {}, left by a server that is dead", lock.display());
            fs::remove_file(&lock).map_err(Error::file(&lock))?;
        }
    }
    Ok(())
}

fn parse(pid: &str) -> Option<Pid> {
    pid.trim().parse().ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_elsewhere_is_no_server_of_this_folder() {
        let own = rustix::process::getpid();
        assert!(serves(own, &std::env::current_dir().unwrap()));
        assert!(!serves(own, Path::new("/proc")));
    }

    #[test]
    fn where_that_is_secret_the_arguments_tell() {
        let own = Path::new("/proc/self");
        let started_as = std::env::args_os().next().unwrap();
        assert!(was_started_for(own, Path::new(&started_as)));
        assert!(!was_started_for(
            own,
            Path::new(&started_as).parent().unwrap()
        ));
    }
}
