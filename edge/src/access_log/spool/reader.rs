//! Reads the rows of a spool in the order in which they were written.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::PathBuf,
};

use proto::tenancy::v1::AccessRecord;

use super::{frame, path};

/// How much is read at once, in bytes; a batch is smaller.
const WINDOW: u64 = 256 * 1024;

/// A place between two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub segment: u64,
    pub offset: u64,
}

impl Position {
    /// The beginning of a segment.
    pub fn start(segment: u64) -> Self {
        Self { segment, offset: 0 }
    }
}

/// Rows, where they begin, and where the next ones do.
pub struct Chunk {
    pub records: Vec<AccessRecord>,
    pub start: Position,
    pub end: Position,
}

/// Reads on from where it stands.
pub struct Reader {
    folder: PathBuf,
    at: Position,
    /// The segment at which it stands.
    open: Option<(u64, File)>,
}

impl Reader {
    pub(super) fn new(folder: PathBuf, oldest: u64) -> Self {
        Self {
            folder,
            at: Position::start(oldest),
            open: None,
        }
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Goes back to where it stood before.
    pub fn rewind(&mut self, to: Position) {
        self.at = to;
    }

    /// The next rows, at most `most`, of what was written up to `written`. `None`
    /// when there are no more. A row that was cut off, as by the death of the
    /// machine, ends its segment.
    pub fn read(&mut self, most: usize, written: Position) -> io::Result<Option<Chunk>> {
        while self.at.segment <= written.segment {
            let last = self.at.segment == written.segment;
            let length = if last { written.offset } else { self.length()? };
            if self.at.offset < length {
                let start = self.at;
                let records = self.rows(most, length)?;
                if !records.is_empty() {
                    return Ok(Some(Chunk {
                        records,
                        start,
                        end: self.at,
                    }));
                }
            } else if last {
                return Ok(None);
            } else {
                self.at = Position::start(self.at.segment + 1);
            }
        }
        Ok(None)
    }

    /// Rows of the segment; none when what follows is damaged, which is left out.
    fn rows(&mut self, most: usize, length: u64) -> io::Result<Vec<AccessRecord>> {
        let Position { segment, offset } = self.at;
        let Some(file) = self.file()? else {
            self.at.offset = length;
            return Ok(Vec::new());
        };
        let size = (length - offset).min(WINDOW);
        let mut window = vec![0; usize::try_from(size).unwrap_or(0)];
        file.read_exact_at(&mut window, offset)?;
        let mut rest = window.as_slice();
        let mut records = Vec::new();
        while records.len() < most
            && let Some((record, taken)) = frame::decode(rest)
        {
            records.push(record);
            rest = &rest[taken..];
            self.at.offset += taken as u64;
        }
        if records.is_empty() {
            let bytes = length - offset;
            tracing::warn!(
                segment,
                offset,
                bytes,
                "the end of a spooled segment is damaged"
            );
            self.at.offset = length;
        }
        Ok(records)
    }

    /// How long the segment is; nothing when it is gone.
    fn length(&mut self) -> io::Result<u64> {
        match self.file()? {
            Some(file) => Ok(file.metadata()?.len()),
            None => Ok(0),
        }
    }

    fn file(&mut self) -> io::Result<Option<&File>> {
        let segment = self.at.segment;
        if self.open.as_ref().is_none_or(|(open, _)| *open != segment) {
            self.open = match File::open(path(&self.folder, segment)) {
                Ok(file) => Some((segment, file)),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
        }
        Ok(self.open.as_ref().map(|(_, file)| file))
    }
}
