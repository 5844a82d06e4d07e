//! The locks that QEMU holds on the images that it has open.
//!
//! By QEMU's block/file-posix.c each of its block layer's permissions has a byte in the file: byte 100 + n is
//! locked for reading by who has permission n, byte 200 + n by who lets no other have it. The lock is asked
//! about and never taken, so nothing that runs notices.

use std::fs::File;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, flock};

const PERMISSIONS_AT: i64 = 100;
const NOT_SHARED_AT: i64 = 200;
/// `BLK_PERM_CONSISTENT_READ`, `_WRITE` and `_RESIZE` of include/block/block-common.h, as numbers of bits.
const CONSISTENT_READ: i64 = 0;
const WRITE: i64 = 1;
const RESIZE: i64 = 3;

/// Whether a QEMU has the file open so that what is read of it now may be torn: it may write to it, or says that
/// nobody can read it as a whole. Where the file system knows no locks that can't be told, and is no.
pub fn is_written_by_qemu(file: &File) -> bool {
    let bytes = [PERMISSIONS_AT + WRITE, PERMISSIONS_AT + RESIZE, NOT_SHARED_AT + CONSISTENT_READ];
    bytes.into_iter().any(|byte| match is_locked(file, byte) {
        Ok(locked) => locked,
        Err(error) => {
            log::debug!("locks can't be asked about: {error}");
            false
        }
    })
}

/// By a reader's or a writer's lock of any kind, in this process too. Not by rustix: its `fcntl_getlk` asserts
/// that there is a process behind each lock, and QEMU's (OFD) have none.
fn is_locked(file: &File, byte: i64) -> Result<bool, nix::Error> {
    let mut asked = flock {
        // What a reader's lock stands against.
        l_type: narrow(F_WRLCK),
        l_whence: narrow(SEEK_SET),
        l_start: byte,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked))?;
    Ok(asked.l_type != narrow(F_UNLCK))
}

/// The constants have more bits than the fields that they are for.
fn narrow(constant: i32) -> i16 {
    i16::try_from(constant).unwrap_or_default()
}
