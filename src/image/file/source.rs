use std::fs::File;
use std::path::{Path, PathBuf};

use super::kind::open_regular;
use super::qemu_lock::is_written;
use super::stamp::Stamp;
use crate::image::Error;
use crate::system::fs;

/// A user's file that is read as an image: nobody may write to it meanwhile, or what comes of it is torn.
#[derive(Debug)]
pub(in crate::image) struct SourceFile {
    path: PathBuf,
    file: File,
    stamp: Stamp,
}

impl SourceFile {
    /// Opens it. Blocks.
    ///
    /// # Errors
    /// [`Error::FileMissing`], [`Error::NotAFile`]; [`Error::InUse`] when a QEMU may write to it; when it can't
    /// be read.
    pub(in crate::image) fn open(path: &Path) -> Result<Self, Error> {
        let (file, _) = open_regular(path)?;
        let metadata = file.metadata().map_err(fs::Error::at("read", path))?;
        let stamp = Stamp::of_metadata(path, &metadata);
        let source = Self { path: path.to_owned(), file, stamp };
        source.check_lock()?;
        Ok(source)
    }

    pub(in crate::image) fn file(&self) -> &File {
        &self.file
    }

    /// Its size in bytes when it was opened.
    pub(in crate::image) fn size_bytes(&self) -> u64 {
        self.stamp.size_bytes()
    }

    pub(in crate::image) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// That what was read of it since it was opened is of one piece.
    ///
    /// # Errors
    /// [`Error::Changed`] when it was written to; [`Error::InUse`] when a QEMU may write to it by now, whose
    /// writes need not have come to the file yet.
    pub(in crate::image) fn check_unchanged(&self) -> Result<(), Error> {
        let metadata = self.file.metadata().map_err(fs::Error::at("read", &self.path))?;
        if Stamp::of_metadata(&self.path, &metadata) != self.stamp {
            return Err(Error::Changed { path: self.path.clone() });
        }
        self.check_lock()
    }

    fn check_lock(&self) -> Result<(), Error> {
        match is_written(&self.file) {
            true => Err(self.in_use()),
            false => Ok(()),
        }
    }

    pub(in crate::image) fn in_use(&self) -> Error {
        Error::InUse { path: self.path.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::system::process::{Invocation, Piped};

    /// Waits until `file` is in use, or is no longer.
    fn wait_until(path: &Path, in_use: bool) {
        let begin = Instant::now();
        while matches!(SourceFile::open(path), Err(Error::InUse { .. })) != in_use {
            assert!(begin.elapsed() < Duration::from_secs(60), "in use: {}", !in_use);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A real QEMU that has the file open until it is dropped.
    async fn holder(path: &Path, words: &[&str]) -> Piped {
        let run = Invocation::new("qemu-io", Duration::from_secs(60)).args(words).arg(path);
        run.spawn_piped().expect("qemu-io, of the package qemu-utils")
    }

    #[test]
    fn what_a_qemu_writes_is_in_use_and_what_it_reads_is_not() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("disk.img");
        std::fs::write(&path, vec![0; 1 << 20]).expect("writes");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let source = SourceFile::open(&path).expect("nobody has it");
            let writer = holder(&path, &["-f", "raw"]).await;
            wait_until(&path, true);
            // Of one that was opened before, too: what it writes need not have come to the file yet.
            assert!(matches!(source.check_unchanged(), Err(Error::InUse { .. })));
            writer.close(Duration::from_secs(20)).await;
            wait_until(&path, false);
            source.check_unchanged().expect("nothing was written");

            let _reader = holder(&path, &["-r", "-f", "raw"]).await;
            // It has come to the prompt once it echoes what it reads.
            tokio::time::sleep(Duration::from_millis(500)).await;
            SourceFile::open(&path).expect("a reader disturbs nobody");
        });
    }

    #[test]
    fn what_was_written_to_meanwhile_has_changed() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("disk.img");
        std::fs::write(&path, vec![0; 4096]).expect("writes");
        let source = SourceFile::open(&path).expect("opens");
        source.check_unchanged().expect("is the same");
        // The kernel's clock for files ticks each 4 ms or so.
        std::thread::sleep(Duration::from_millis(30));
        let writer = File::options().write(true).open(&path).expect("opens");
        writer.write_all_at(b"x", 100).expect("writes");
        assert!(matches!(source.check_unchanged(), Err(Error::Changed { .. })));
        let source = SourceFile::open(&path).expect("opens");
        writer.set_len(8192).expect("grows");
        assert!(matches!(source.check_unchanged(), Err(Error::Changed { .. })));
        // Another file in its place does not matter to one that is open.
        let source = SourceFile::open(&path).expect("opens");
        std::fs::write(folder.path().join("other"), b"other").expect("writes");
        std::fs::rename(folder.path().join("other"), &path).expect("renames");
        assert_eq!(source.size_bytes(), 8192);
    }
}
