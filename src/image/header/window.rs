use std::fs::File;
use std::os::unix::fs::FileExt;

use super::Error;

/// A part of an open file: the whole of it, or the disk within an archive.
#[derive(Debug)]
pub(in crate::image) struct Window {
    file: File,
    /// Where it begins in the file, in bytes.
    pub(in crate::image) start: u64,
    /// Its length, in bytes.
    pub(in crate::image) len: u64,
}

/// Why the bytes of a window could not be judged.
#[derive(Debug)]
pub(in crate::image) enum Fault {
    Read(std::io::Error),
    Header(Error),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Header(error)
    }
}

impl Window {
    pub(in crate::image) fn new(file: File, start: u64, len: u64) -> Self {
        Self { file, start, len }
    }

    pub(in crate::image) fn file(&self) -> &File {
        &self.file
    }

    /// `len` bytes from `at`, fewer where the window or its file ends: `at` may come from a hostile header.
    pub(in crate::image) fn read(&self, at: u64, len: usize) -> std::io::Result<Vec<u8>> {
        let Some(start) = self.start.checked_add(at).filter(|start| i64::try_from(*start).is_ok()) else {
            return Ok(Vec::new());
        };
        let rest = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; len.min(rest)];
        let mut done = 0;
        while done < bytes.len() {
            match self.file.read_at(&mut bytes[done..], start + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }
}
