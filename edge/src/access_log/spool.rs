//! Rows in files, so that the death of this process loses none.
//!
//! Requests append to the newest of several segments; that is a write to the
//! memory of the system, which outlives the process. A task makes what was written
//! durable a few milliseconds later, so that the death of the machine loses no more
//! than that. Segments go when everything in them is delivered; what a former
//! process left is delivered first.

mod frame;
mod reader;

use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    mem,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

pub use reader::{Chunk, Position, Reader};

use super::{Shared, record::Record};

/// How large a segment grows, in bytes.
const SEGMENT: u64 = 1024 * 1024;

/// How long written rows may wait until they are durable.
const SYNC: Duration = Duration::from_millis(5);

/// How long nothing is written after it failed.
const REST: Duration = Duration::from_secs(1);

/// The end of the names of segments; it names the layout.
const ENDING: &str = ".bitacora1";

/// The files of one process.
pub struct Spool {
    folder: PathBuf,
    /// The most bytes of all segments.
    limit: u64,
    state: Mutex<State>,
    dirty: Notify,
    /// Held for as long as this process uses the folder.
    _lock: File,
}

struct State {
    /// Number and length of each segment, oldest first; the last one grows.
    segments: VecDeque<(u64, u64)>,
    /// The segment that grows; none before the first row and after a failure.
    growing: Option<Arc<File>>,
    /// The number of the next segment.
    next: u64,
    /// All segments together, in bytes.
    total: u64,
    frame: Vec<u8>,
    unsynced: Vec<Arc<File>>,
    /// Whether there are new names in the folder, which have to be durable too.
    named: bool,
    rest_until: Option<Instant>,
}

impl Spool {
    /// Takes a folder into use, at most `limit` bytes of it. The reader begins
    /// with what is there.
    pub fn open(folder: &Path, limit: u64) -> io::Result<(Self, Reader)> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.join("lock"))?;
        lock.try_lock()
            .map_err(|_| io::Error::other("another process uses it"))?;
        let mut segments = VecDeque::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if let Some(number) = number_of(&entry.file_name().to_string_lossy()) {
                segments.push_back((number, entry.metadata()?.len()));
            }
        }
        segments.make_contiguous().sort_unstable();
        let next = segments.back().map_or(1, |(number, _)| number + 1);
        let oldest = segments.front().map_or(next, |(number, _)| *number);
        let state = State {
            total: segments.iter().map(|(_, length)| length).sum(),
            segments,
            growing: None,
            next,
            frame: Vec::new(),
            unsynced: Vec::new(),
            named: false,
            rest_until: None,
        };
        let reader = Reader::new(folder.to_owned(), oldest);
        let spool = Self {
            folder: folder.to_owned(),
            limit,
            state: Mutex::new(state),
            dirty: Notify::new(),
            _lock: lock,
        };
        Ok((spool, reader))
    }

    /// Appends a row; false when there is no room or the disk does not take it.
    pub fn append(&self, record: &Record) -> bool {
        let mut state = self.state();
        if state.rest_until.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        let appended = state.append(record, &self.folder, self.limit);
        let first = state.unsynced.len() == 1;
        match appended {
            Ok(()) => state.rest_until = None,
            Err(error) => {
                tracing::warn!(%error, "the spool of the access log takes nothing");
                state.growing = None;
                state.rest_until = Some(Instant::now() + REST);
                return false;
            }
        }
        drop(state);
        if first {
            self.dirty.notify_one();
        }
        true
    }

    /// Up to where rows were written.
    pub fn written(&self) -> Position {
        let state = self.state();
        let last = state.segments.back();
        last.map_or(Position::start(state.next), |(segment, offset)| Position {
            segment: *segment,
            offset: *offset,
        })
    }

    /// Removes the segments of which everything is delivered, up to `delivered`.
    pub fn release(&self, delivered: Position) {
        let mut state = self.state();
        while let Some((number, length)) = state.segments.front().copied()
            && number < delivered.segment
        {
            state.segments.pop_front();
            state.total -= length;
            self.remove(number);
        }
    }

    /// Removes everything, when all is delivered and nothing comes any more.
    pub fn clear(&self) {
        let mut state = self.state();
        state.growing = None;
        state.total = 0;
        for (number, _) in mem::take(&mut state.segments) {
            self.remove(number);
        }
    }

    fn remove(&self, number: u64) {
        if let Err(error) = fs::remove_file(path(&self.folder, number)) {
            tracing::warn!(%error, number, "a delivered segment of the spool stays");
        }
    }

    /// Makes durable what was written so far.
    fn sync(&self) -> io::Result<()> {
        let (written, named) = {
            let mut state = self.state();
            (mem::take(&mut state.unsynced), mem::take(&mut state.named))
        };
        for file in written {
            file.sync_data()?;
        }
        if named {
            File::open(&self.folder)?.sync_all()?;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, record: &Record, folder: &Path, limit: u64) -> io::Result<()> {
        self.frame.clear();
        frame::encode(record, &mut self.frame);
        let length = self.frame.len() as u64;
        if self.total + length > limit {
            return Err(io::Error::other("it is full"));
        }
        let room = |(_, used): &(u64, u64)| used + length <= SEGMENT;
        let fits = self.segments.back().is_some_and(room);
        let file = match self.growing.clone() {
            Some(file) if fits => file,
            _ => self.begin_segment(folder)?,
        };
        // In one piece, so that a reader sees whole rows only.
        (&*file).write_all(&self.frame)?;
        if let Some((_, used)) = self.segments.back_mut() {
            *used += length;
        }
        self.total += length;
        if self
            .unsynced
            .last()
            .is_none_or(|last| !Arc::ptr_eq(last, &file))
        {
            self.unsynced.push(file);
        }
        Ok(())
    }

    fn begin_segment(&mut self, folder: &Path) -> io::Result<Arc<File>> {
        let number = self.next;
        self.next += 1;
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path(folder, number))?;
        let file = Arc::new(file);
        self.growing = Some(Arc::clone(&file));
        self.named = true;
        self.segments.push_back((number, 0));
        Ok(file)
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}{ENDING}"))
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(ENDING)?.parse().ok()
}

/// Makes rows durable soon after they were written, until no more come.
pub async fn keep_synced(shared: Arc<Shared>) -> anyhow::Result<()> {
    loop {
        let Some(spool) = &shared.spool else {
            return Ok(());
        };
        tokio::select! {
            () = spool.dirty.notified() => {}
            () = shared.closed.requested() => return Ok(()),
        }
        // Those that come meanwhile are made durable together.
        tokio::time::sleep(SYNC).await;
        let shared = Arc::clone(&shared);
        let synced = tokio::task::spawn_blocking(move || match &shared.spool {
            Some(spool) => spool.sync(),
            None => Ok(()),
        });
        if let Err(error) = synced.await? {
            tracing::warn!(%error, "the spool of the access log is not durable");
        }
    }
}

#[cfg(test)]
mod tests;
