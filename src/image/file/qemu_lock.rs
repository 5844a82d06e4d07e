//! The locks that QEMU holds on the images that it has open.
//!
//! By QEMU's block/file-posix.c each of its block layer's permissions has a byte in the file: byte 100 + n is
//! locked for reading by who has permission n, byte 200 + n by who lets no other have it. The lock is asked
//! about and never taken, so nothing that runs notices.

use std::fs::{File, Metadata};
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, flock};

use super::kind::{FileKind, open_quietly};
use crate::image::Error;

const PERMISSIONS_AT: i64 = 100;
const NOT_SHARED_AT: i64 = 200;
/// `BLK_PERM_CONSISTENT_READ`, `_WRITE` and `_RESIZE` of include/block/block-common.h, as numbers of bits.
const CONSISTENT_READ: i64 = 0;
const WRITE: i64 = 1;
const RESIZE: i64 = 3;

/// What a QEMU that may write holds: see [`is_written`].
const WRITERS: [RangeInclusive<i64>; 3] =
    [of(PERMISSIONS_AT + WRITE), of(PERMISSIONS_AT + RESIZE), of(NOT_SHARED_AT + CONSISTENT_READ)];
/// Where any QEMU that has the file open holds something, such as one that only reads: its permissions, and what it
/// lets no other do. There were five of them at most.
const ALL: [RangeInclusive<i64>; 1] = [PERMISSIONS_AT..=NOT_SHARED_AT + 4];

const fn of(byte: i64) -> RangeInclusive<i64> {
    byte..=byte
}

/// Checks that no QEMU has the file or block device at `path` open so that what is read of it now may be torn.
/// One that this user may not read is looked for in the kernel's list of all locks. Blocks shortly.
///
/// # Errors
/// [`Error::InUse`]. Where it cannot be determined there is none.
pub fn check_not_written(path: &Path) -> Result<(), Error> {
    if has_lock(path, &WRITERS) { Err(Error::InUse { path: path.to_owned() }) } else { Ok(()) }
}

/// Whether any QEMU has the file or block device at `path` open, be it to read it. Where that cannot be determined none
/// has. Blocks shortly.
pub fn is_open_in_qemu(path: &Path) -> bool {
    has_lock(path, &ALL)
}

fn has_lock(path: &Path, ranges: &[RangeInclusive<i64>]) -> bool {
    let Ok(metadata) = std::fs::metadata(path) else { return false };
    // Opening any other device may do something.
    if !matches!(FileKind::of_metadata(&metadata), None | Some(FileKind::BlockDevice)) {
        return false;
    }
    match open_quietly(path) {
        Ok(file) => is_any_locked(&file, ranges),
        Err(_) => {
            std::fs::read_to_string("/proc/locks").is_ok_and(|locks| is_listed(&locks, &metadata, ranges))
        }
    }
}

/// Whether a QEMU has the file open so that what is read of it now may be torn: it may write to it, or says that
/// nobody can read it as a whole. A file system that knows no locks says no.
pub(super) fn is_written(file: &File) -> bool {
    is_any_locked(file, &WRITERS)
}

fn is_any_locked(file: &File, ranges: &[RangeInclusive<i64>]) -> bool {
    ranges.iter().any(|bytes| match is_locked(file, bytes) {
        Ok(locked) => locked,
        Err(error) => {
            log::debug!("cannot query locks: {error}");
            false
        }
    })
}

/// By a reader's or a writer's lock of any kind, in this process too. Not by rustix: its `fcntl_getlk` asserts
/// that there is a process behind each lock, and QEMU's (OFD) have none.
fn is_locked(file: &File, bytes: &RangeInclusive<i64>) -> Result<bool, nix::Error> {
    let mut asked = flock {
        // What a reader's lock stands against.
        l_type: narrow(F_WRLCK),
        l_whence: narrow(SEEK_SET),
        l_start: *bytes.start(),
        l_len: bytes.end() - bytes.start() + 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked))?;
    Ok(asked.l_type != narrow(F_UNLCK))
}

/// The constants have more bits than the fields that they are for.
fn narrow(constant: i32) -> i16 {
    i16::try_from(constant).unwrap_or_default()
}

/// The same by the text of /proc/locks (proc_locks(5)), which names a file by its device and inode alone.
fn is_listed(locks: &str, file: &Metadata, ranges: &[RangeInclusive<i64>]) -> bool {
    let id =
        format!("{:02x}:{:02x}:{}", rustix::fs::major(file.dev()), rustix::fs::minor(file.dev()), file.ino());
    locks.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        let is_waiting = words.nth(1) == Some("->");
        let (of, start, end) = (words.nth(3), words.next(), words.next());
        let number = |word: Option<&str>| word.and_then(|word| word.parse::<i64>().ok());
        let (start, end) = (number(start).unwrap_or(i64::MAX), number(end).unwrap_or(i64::MAX));
        let meets = |range: &RangeInclusive<i64>| start <= *range.end() && *range.start() <= end;
        !is_waiting && of == Some(&id) && ranges.iter().any(meets)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_names_writers() {
        let file = tempfile::NamedTempFile::new().expect("makes");
        let metadata = file.as_file().metadata().expect("is");
        let of = |range: &str| {
            let (major, minor) = (rustix::fs::major(metadata.dev()), rustix::fs::minor(metadata.dev()));
            let other = "1: POSIX  ADVISORY  WRITE 812 00:19:1036 0 EOF";
            format!(
                "{other}\n2: OFDLCK ADVISORY  READ -1 {major:02x}:{minor:02x}:{} {range}\n",
                metadata.ino()
            )
        };
        let is_listed = |locks: &str, file| is_listed(locks, file, &WRITERS);
        // As Linux 6.1 writes it, of a qemu-io that writes and of one that reads.
        assert!(is_listed(&of("100 101"), &metadata));
        assert!(is_listed(&of("103 103"), &metadata));
        assert!(is_listed(&of("0 EOF"), &metadata));
        assert!(!is_listed(&of("100 100"), &metadata));
        assert!(!is_listed(&of("201 201"), &metadata));
        assert!(!is_listed(&of("101 101").replace(": OFDLCK", ": -> OFDLCK"), &metadata));
        assert!(!is_listed("1: POSIX  ADVISORY  WRITE 812 00:19:1036 0 EOF\n", &metadata));
        assert!(!is_listed("", &metadata));
        let is_open = |range: &str| super::is_listed(&of(range), &metadata, &ALL);
        assert!(is_open("100 100") && is_open("201 201") && is_open("0 EOF"));
        assert!(!is_open("0 99") && !is_open("205 EOF"));
    }

    #[test]
    fn a_lock_of_any_permission_tells_that_it_is_open() {
        let file = tempfile::NamedTempFile::new().expect("makes");
        assert!(!is_open_in_qemu(file.path()));
        // As of a QEMU that reads.
        let lock = flock {
            l_type: narrow(nix::libc::F_RDLCK),
            l_whence: narrow(SEEK_SET),
            l_start: PERMISSIONS_AT + CONSISTENT_READ,
            l_len: 1,
            l_pid: 0,
        };
        let reader = File::open(file.path()).expect("opens");
        fcntl(&reader, FcntlArg::F_OFD_SETLK(&lock)).expect("locks");
        assert!(is_open_in_qemu(file.path()));
        check_not_written(file.path()).expect("is only read");
    }
}
