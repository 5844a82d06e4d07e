//! A file copied as it is, holes and all.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{SeekFrom, copy_file_range, ioctl_ficlone, seek};
use rustix::io::Errno;

use crate::image::{Progress, Transfer};

/// Between two looks at whether to go on.
const STEP_BYTES: u64 = 8 << 20;
/// For one read, where the kernel can't copy by itself.
const BUFFER_BYTES: usize = 1 << 20;

/// What went wrong when a file was copied.
pub(in crate::image) enum CopyFault {
    /// It was cancelled.
    Stopped,
    Read(Error),
    Write(Error),
}

impl From<CopyFault> for Error {
    fn from(fault: CopyFault) -> Self {
        match fault {
            CopyFault::Stopped => ErrorKind::Interrupted.into(),
            CopyFault::Read(error) | CopyFault::Write(error) => error,
        }
    }
}

/// Copies `from` into `to`, which is empty: as a reflink where the file system can, else what is not a hole.
/// Waits until it is on the disk. Ends early with [`ErrorKind::Interrupted`] once `given_up` is true.
///
/// # Errors
/// When reading or writing fails.
pub fn copy_sparse(
    from: &File,
    to: &File,
    progress: Option<&Progress>,
    given_up: &AtomicBool,
) -> Result<(), Error> {
    Ok(copy(from, to, progress, given_up)?)
}

/// As [`copy_sparse`], of a file that is of no use after a crash of the host: nothing waits for the disk.
///
/// # Errors
/// When reading or writing fails.
pub fn copy_unsynced(from: &File, to: &File, given_up: &AtomicBool) -> Result<(), Error> {
    Ok(copy_data(from, to, None, given_up)?)
}

/// The same, telling which side failed.
pub(in crate::image) fn copy(
    from: &File,
    to: &File,
    progress: Option<&Progress>,
    given_up: &AtomicBool,
) -> Result<(), CopyFault> {
    copy_data(from, to, progress, given_up)?;
    to.sync_data().map_err(CopyFault::Write)
}

fn copy_data(
    from: &File,
    to: &File,
    progress: Option<&Progress>,
    given_up: &AtomicBool,
) -> Result<(), CopyFault> {
    if ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    let size = from.metadata().map_err(CopyFault::Read)?.len();
    let report = |done_bytes| {
        if let Some(progress) = progress {
            progress(Transfer { done_bytes, total_bytes: Some(size) });
        }
    };
    let mut in_kernel = true;
    let mut at = 0;
    while let Some((start, end)) = next_data(from, at, size).map_err(CopyFault::Read)? {
        at = start;
        while at < end {
            if given_up.load(Ordering::Relaxed) {
                return Err(CopyFault::Stopped);
            }
            let length = (end - at).min(STEP_BYTES);
            at += step(from, to, at, length, &mut in_kernel)?;
            report(at);
        }
    }
    to.set_len(size).map_err(CopyFault::Write)?;
    report(size);
    Ok(())
}

/// The next stretch that is no hole, if there is any behind `at`.
pub(in crate::image) fn next_data(file: &File, at: u64, size: u64) -> Result<Option<(u64, u64)>, Error> {
    if at >= size {
        return Ok(None);
    }
    let start = match seek(file, SeekFrom::Data(at)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        // A file system without holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some((at, size))),
        Err(error) => return Err(error.into()),
    };
    let end = seek(file, SeekFrom::Hole(start))?;
    Ok((start < size).then_some((start, end.min(size))))
}

/// By the kernel alone, and by way of this process where the kernel can't or fails: which side has failed shows
/// then.
fn step(from: &File, to: &File, at: u64, length: u64, in_kernel: &mut bool) -> Result<u64, CopyFault> {
    let length = usize::try_from(length).unwrap_or(BUFFER_BYTES);
    if *in_kernel {
        let (mut read_at, mut write_at) = (at, at);
        match copy_file_range(from, Some(&mut read_at), to, Some(&mut write_at), length) {
            Ok(copied) if copied > 0 => return Ok(copied as u64),
            _ => *in_kernel = false,
        }
    }
    let mut buffer = vec![0; length.min(BUFFER_BYTES)];
    from.read_exact_at(&mut buffer, at).map_err(CopyFault::Read)?;
    to.write_all_at(&buffer, at).map_err(CopyFault::Write)?;
    Ok(buffer.len() as u64)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn the_copy_is_the_same_and_as_sparse() {
        let (from, to) = (tempfile::tempfile().expect("makes"), tempfile::tempfile().expect("makes"));
        from.set_len(64 << 20).expect("grows");
        from.write_all_at(&[7; 3000], 5 << 20).expect("writes");
        from.write_all_at(&[8; 1 << 20], 20 << 20).expect("writes");
        copy_sparse(&from, &to, None, &AtomicBool::new(false)).expect("copies");
        let (from_size, to_size) = (from.metadata().expect("is"), to.metadata().expect("is"));
        assert_eq!(from_size.len(), to_size.len());
        assert!(to_size.blocks() <= from_size.blocks() + 64, "{} {}", from_size.blocks(), to_size.blocks());
        for at in [
            0,
            (5 << 20) - 1,
            5 << 20,
            (5 << 20) + 2999,
            (5 << 20) + 3000,
            20 << 20,
            (21 << 20) - 1,
            21 << 20,
        ] {
            let (mut one, mut other) = ([1], [2]);
            from.read_exact_at(&mut one, at).expect("reads");
            to.read_exact_at(&mut other, at).expect("reads");
            assert_eq!(one, other, "{at}");
        }
    }

    #[test]
    fn it_ends_when_it_is_given_up() {
        let (from, to) = (tempfile::tempfile().expect("makes"), tempfile::tempfile().expect("makes"));
        from.write_all_at(&[7; 3000], 0).expect("writes");
        let ended = copy_sparse(&from, &to, None, &AtomicBool::new(true));
        // A reflink is over before anybody could ask.
        assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::Interrupted));
    }
}
