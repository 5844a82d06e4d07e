//! The file that gets what a guest prints on its serial console, with its older pieces: virtlogd begins a
//! new one at 2 MiB (`max_size`) and keeps the older ones as `FILE.0`, `FILE.1`, ..; a start of the VM
//! begins anew and drops them all.
//!
//! Read from the file itself where this user may; else through libvirt, as a volume of a storage pool:
//! virtlogd makes it for root alone.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use crate::libvirt::Client;
use crate::manager::{ConsoleError, Error};

/// How much is read at a time, in bytes.
const CHUNK_BYTES: u64 = 256 << 10;
/// How much of what was read last is compared, to see whether a volume is still the same file.
const OVERLAP: usize = 256;

/// A log, and how far it has been read.
pub(in crate::manager) enum SerialLog<'a> {
    /// A file of this host.
    File {
        /// Where it is.
        path: PathBuf,
        /// The file that is read at present. Open, it is there even when another has taken its place.
        current: Option<File>,
        /// How much of it has been read.
        position: u64,
    },
    /// A volume, by libvirt.
    Volume {
        /// The connection.
        client: &'a Client,
        /// Its pool.
        pool: String,
        /// Its name.
        volume: String,
        /// How much of it has been read.
        position: u64,
        /// The end of what has been read.
        last: Vec<u8>,
    },
}

impl<'a> SerialLog<'a> {
    pub(in crate::manager) fn of_file(path: PathBuf) -> Self {
        Self::File { path, current: None, position: 0 }
    }

    pub(in crate::manager) fn of_volume(client: &'a Client, pool: String, volume: String) -> Self {
        Self::Volume { client, pool, volume, position: 0, last: Vec::new() }
    }

    /// Gives all that is there, or the last `lines` of it; false when `out` wants no more.
    pub(in crate::manager) async fn so_far(
        &mut self,
        lines: Option<usize>,
        out: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, Error> {
        self.open()?;
        let mut older = 0;
        while self.size(Some(older)).await?.is_some() {
            older += 1;
        }
        let size = self.size(None).await?.unwrap_or(0);
        // The newest piece first, to find where to begin.
        let rotated: Vec<Option<usize>> = std::iter::once(None).chain((0..older).map(Some)).collect();
        let begin = match lines {
            None => (rotated.len() - 1, 0),
            Some(0) => (0, size),
            Some(lines) => self.begin_of(lines, &rotated, size).await?,
        };
        for at in (0..=begin.0).rev() {
            let rotation = rotated[at];
            let mut offset = if at == begin.0 { begin.1 } else { 0 };
            loop {
                // What is written to the newest one meanwhile comes with the next look.
                let limit = if rotation.is_none() {
                    CHUNK_BYTES.min(size.saturating_sub(offset))
                } else {
                    CHUNK_BYTES
                };
                let bytes = self.read(rotation, offset, limit).await?;
                if bytes.is_empty() {
                    break;
                }
                offset += bytes.len() as u64;
                if !out(&bytes) {
                    return Ok(false);
                }
            }
        }
        let known = size.min(OVERLAP as u64);
        let end = self.read(None, size - known, known).await?;
        match self {
            Self::File { position, .. } => *position = size,
            Self::Volume { position, last, .. } => (*position, *last) = (size, end),
        }
        Ok(true)
    }

    /// Gives what is new since; false when `out` wants no more.
    pub(in crate::manager) async fn news(
        &mut self,
        out: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, Error> {
        loop {
            let (bytes, replaced) = match self {
                Self::File { .. } => self.file_news()?,
                Self::Volume { .. } => self.volume_news().await?,
            };
            let more = !bytes.is_empty() || replaced;
            if !bytes.is_empty() && !out(&bytes) {
                return Ok(false);
            }
            if !more {
                return Ok(true);
            }
        }
    }

    /// The next bytes of the file, and whether another one has taken its place.
    fn file_news(&mut self) -> Result<(Vec<u8>, bool), Error> {
        self.open()?;
        let Self::File { path, current, position } = self else { return Ok((Vec::new(), false)) };
        let Some(file) = current else { return Ok((Vec::new(), false)) };
        let failed = |source| ConsoleError::LogUnreadable { path: path.display().to_string(), source };
        let mut bytes = vec![0; CHUNK_BYTES as usize];
        let read = file.read_at(&mut bytes, *position).map_err(failed)?;
        bytes.truncate(read);
        *position += read as u64;
        if read > 0 {
            return Ok((bytes, false));
        }
        let held = file.metadata().map_err(failed)?;
        if held.len() < *position {
            *position = 0;
            return Ok((bytes, true));
        }
        let same = |found: &std::fs::Metadata| (found.dev(), found.ino()) == (held.dev(), held.ino());
        // While there is none, the open one may still be written to.
        if std::fs::metadata(&*path).is_ok_and(|found| !same(&found)) {
            (*current, *position) = (None, 0);
            return Ok((bytes, true));
        }
        Ok((bytes, false))
    }

    /// The next bytes of the volume, and whether another one has taken its place.
    async fn volume_news(&mut self) -> Result<(Vec<u8>, bool), Error> {
        let size = self.size(None).await?;
        let Self::Volume { position, last, .. } = self else { return Ok((Vec::new(), false)) };
        let (was, known) = (*position, last.clone());
        let from = was - known.len() as u64;
        if size == Some(was) && was > 0 {
            return Ok((Vec::new(), false));
        }
        let of_piece = |mut bytes: Vec<u8>| {
            bytes.starts_with(&known).then(|| {
                bytes.drain(..known.len());
                bytes
            })
        };
        if size.is_some_and(|size| size >= was) {
            let bytes = self.read(None, from, CHUNK_BYTES).await?;
            if let Some(bytes) = of_piece(bytes) {
                self.advance(&bytes);
                return Ok((bytes, false));
            }
        }
        if was == 0 {
            return Ok((Vec::new(), false));
        }
        // It was begun anew; what was written before that may be in the first of the older pieces.
        let rest = match self.size(Some(0)).await? {
            Some(size) if size >= was => of_piece(self.read(Some(0), from, size - from).await?),
            _ => None,
        };
        if let Self::Volume { position, last, .. } = self {
            (*position, *last) = (0, Vec::new());
        }
        Ok((rest.unwrap_or_default(), true))
    }

    fn advance(&mut self, bytes: &[u8]) {
        if let Self::Volume { position, last, .. } = self {
            *position += bytes.len() as u64;
            last.extend_from_slice(bytes);
            last.drain(..last.len().saturating_sub(OVERLAP));
        }
    }

    fn open(&mut self) -> Result<(), Error> {
        let Self::File { path, current: current @ None, .. } = self else { return Ok(()) };
        match File::open(&*path) {
            Ok(file) => *current = Some(file),
            // It has not been started yet.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => {
                return Err(ConsoleError::LogUnreadable { path: path.display().to_string(), source }.into());
            }
        }
        Ok(())
    }

    /// The size of a piece in bytes, `None` when it isn't there.
    async fn size(&self, rotation: Option<usize>) -> Result<Option<u64>, Error> {
        match self {
            Self::File { current, .. } if rotation.is_none() => {
                Ok(current.as_ref().and_then(|file| Some(file.metadata().ok()?.len())))
            }
            Self::File { path, current, .. } => {
                let identity = |data: &std::fs::Metadata| (data.dev(), data.ino());
                let held = current.as_ref().and_then(|file| Some(identity(&file.metadata().ok()?)));
                let found = std::fs::metadata(rotated_path(path, rotation)).ok();
                // The open one may just have become an older piece.
                Ok(found.filter(|data| Some(identity(data)) != held).map(|data| data.len()))
            }
            Self::Volume { client, pool, volume, .. } => {
                let name = rotated_name(volume, rotation);
                let found = client.volumes().find_each(pool, &[&name]).await?.pop().flatten();
                if found.is_some() {
                    return Ok(found.map(|volume| volume.capacity_bytes));
                }
                // virtlogd makes them behind libvirt's back.
                let _ = client.pools().refresh(pool).await;
                let found = client.volumes().find_each(pool, &[&name]).await?.pop().flatten();
                Ok(found.map(|volume| volume.capacity_bytes))
            }
        }
    }

    async fn read(&self, rotation: Option<usize>, offset: u64, limit: u64) -> Result<Vec<u8>, Error> {
        match self {
            Self::File { path, current, .. } => {
                let failed =
                    |source| ConsoleError::LogUnreadable { path: path.display().to_string(), source };
                let older = rotation.and_then(|_| File::open(rotated_path(path, rotation)).ok());
                let file = if rotation.is_none() { current.as_ref() } else { older.as_ref() };
                let mut bytes = vec![0; limit as usize];
                let read = file.map_or(Ok(0), |file| file.read_at(&mut bytes, offset)).map_err(failed)?;
                bytes.truncate(read);
                Ok(bytes)
            }
            Self::Volume { client, pool, volume, .. } => {
                match client.volumes().bytes(pool, &rotated_name(volume, rotation), offset, limit).await {
                    // It was begun anew just now.
                    Err(error) if error.is_not_found() => Ok(Vec::new()),
                    other => Ok(other?),
                }
            }
        }
    }

    /// The piece and the offset in it at which the last `lines` lines begin. A last one that is not ended
    /// counts.
    async fn begin_of(
        &self,
        lines: usize,
        rotated: &[Option<usize>],
        size: u64,
    ) -> Result<(usize, u64), Error> {
        let last = self.read(None, size.saturating_sub(1), 1.min(size)).await?;
        let mut wanted = lines + usize::from(last.is_empty() || last == b"\n");
        for (at, rotation) in rotated.iter().enumerate() {
            let end = if rotation.is_none() { size } else { self.size(*rotation).await?.unwrap_or(0) };
            if let Some(offset) = self.nth_line_end(*rotation, end, &mut wanted).await? {
                return Ok((at, offset));
            }
        }
        Ok((rotated.len() - 1, 0))
    }

    /// Where in a piece, from its `end` backwards, the `wanted`-th line end lies: the offset behind it. Those
    /// that were passed are taken off `wanted`.
    async fn nth_line_end(
        &self,
        rotation: Option<usize>,
        mut end: u64,
        wanted: &mut usize,
    ) -> Result<Option<u64>, Error> {
        while end > 0 {
            let from = end.saturating_sub(CHUNK_BYTES);
            let bytes = self.read(rotation, from, end - from).await?;
            for (at, _) in bytes.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
                *wanted -= 1;
                if *wanted == 0 {
                    return Ok(Some(from + at as u64 + 1));
                }
            }
            end = from;
        }
        Ok(None)
    }
}

fn rotated_path(path: &std::path::Path, rotation: Option<usize>) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    if let Some(number) = rotation {
        name.push(format!(".{number}"));
    }
    name.into()
}

fn rotated_name(volume: &str, rotation: Option<usize>) -> String {
    rotation.map_or_else(|| volume.to_owned(), |number| format!("{volume}.{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("runtime").block_on(work)
    }

    fn so_far(log: &mut SerialLog<'_>, lines: Option<usize>) -> String {
        let mut text = Vec::new();
        let mut out = |bytes: &[u8]| {
            text.extend_from_slice(bytes);
            true
        };
        run(log.so_far(lines, &mut out)).expect("reads");
        String::from_utf8(text).expect("text")
    }

    fn news(log: &mut SerialLog<'_>) -> String {
        let mut text = Vec::new();
        let mut out = |bytes: &[u8]| {
            text.extend_from_slice(bytes);
            true
        };
        run(log.news(&mut out)).expect("reads");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn the_last_lines_reach_into_older_pieces() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("log");
        std::fs::write(folder.path().join("log.1"), "a\nb\nc").expect("writes");
        std::fs::write(folder.path().join("log.0"), "c\nd\n").expect("writes");
        for (newest, lines, expected) in [
            ("e\nf", None, "a\nb\ncc\nd\ne\nf"),
            ("e\nf", Some(0), ""),
            ("e\nf", Some(1), "f"),
            ("e\nf\n", Some(1), "f\n"),
            ("e\nf\n", Some(3), "d\ne\nf\n"),
            ("e\nf", Some(4), "cc\nd\ne\nf"),
            ("", Some(1), "d\n"),
            ("e\n", Some(99), "a\nb\ncc\nd\ne\n"),
        ] {
            std::fs::write(&path, newest).expect("writes");
            assert_eq!(
                so_far(&mut SerialLog::of_file(path.clone()), lines),
                expected,
                "{newest:?} {lines:?}"
            );
        }
    }

    #[test]
    fn a_log_that_is_not_there_yet_is_empty() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("log");
        let mut log = SerialLog::of_file(path.clone());
        assert_eq!(so_far(&mut log, None), "");
        assert_eq!(news(&mut log), "");
        std::fs::write(&path, "first\n").expect("writes");
        assert_eq!(news(&mut log), "first\n");
    }

    #[test]
    fn what_is_followed_may_be_moved_removed_and_cut_off() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("log");
        let append = |text: &str| {
            use std::io::Write;
            let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
            file.expect("opens").write_all(text.as_bytes()).expect("writes");
        };
        append("one\n");
        let mut log = SerialLog::of_file(path.clone());
        assert_eq!(so_far(&mut log, Some(0)), "");
        append("two\n");
        assert_eq!(news(&mut log), "two\n");
        append("three\n");
        std::fs::rename(&path, folder.path().join("log.0")).expect("moves");
        append("four\n");
        assert_eq!(news(&mut log), "three\nfour\n");
        append("five\n");
        std::fs::remove_file(&path).expect("removes");
        assert_eq!(news(&mut log), "five\n");
        append("six\n");
        assert_eq!(news(&mut log), "six\n");
        std::fs::write(&path, "7\n").expect("cuts");
        assert_eq!(news(&mut log), "7\n");
    }
}
