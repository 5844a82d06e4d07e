//! The names that headers have for other files, understood as QEMU's block.c does.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::json_name;
use crate::image::header::Driver;

/// Prefixes of names that stand for a file or device of this host all the same.
const LOCAL_PROTOCOLS: [&str; 3] = ["file", "host_device", "host_cdrom"];

/// Prefixes of names that stand for several files of this host.
const SEVERAL_FILES: [&str; 3] = ["blkdebug", "blkverify", "fat"];

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// A file of this host.
    File {
        path: PathBuf,
        /// The form that the name itself declares.
        driver: Option<Driver>,
        below: Below,
    },
    /// Something that QEMU reaches by a protocol.
    Remote { protocol: String },
    /// Nothing that can be followed.
    Unknown,
}

/// What a file stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Below {
    /// What its header says.
    ByHeader,
    /// Nothing, whatever its header says.
    Nothing,
    /// This, whatever its header says.
    Given(Box<Name>),
}

impl Name {
    /// Understands a name in the header of a file that lies in `folder`.
    pub(super) fn parse(name: &[u8], folder: &Path) -> Self {
        if let Some(json) = name.strip_prefix(b"json:") {
            return json_name::parse(json);
        }
        match protocol(name) {
            // Relative to that folder by its name, not by where symbolic links lead.
            None => Self::file(folder.join(OsStr::from_bytes(name))),
            Some(protocol) => Self::of_protocol(protocol, &name[protocol.len() + 1..]),
        }
    }

    /// Understands a name that no file stands before.
    pub(super) fn parse_absolute(name: &[u8]) -> Self {
        if name.starts_with(b"/") { Self::parse(name, Path::new("/")) } else { Self::without_folder(name) }
    }

    fn without_folder(name: &[u8]) -> Self {
        match protocol(name) {
            Some(protocol) => Self::of_protocol(protocol, &name[protocol.len() + 1..]),
            // Relative to the folder in which QEMU happens to run.
            None => Self::Unknown,
        }
    }

    fn of_protocol(protocol: &[u8], rest: &[u8]) -> Self {
        let protocol = String::from_utf8_lossy(protocol).into_owned();
        match LOCAL_PROTOCOLS.contains(&protocol.as_str()) {
            true if rest.starts_with(b"/") => Self::file(PathBuf::from(OsStr::from_bytes(rest))),
            true => Self::Unknown,
            false if SEVERAL_FILES.contains(&protocol.as_str()) => Self::Unknown,
            false => Self::Remote { protocol },
        }
    }

    fn file(path: PathBuf) -> Self {
        Self::File { path, driver: None, below: Below::ByHeader }
    }
}

/// What stands before the first colon, if no slash does (path_has_protocol).
fn protocol(name: &[u8]) -> Option<&[u8]> {
    let at = name.iter().position(|byte| matches!(byte, b':' | b'/'))?;
    (name[at] == b':').then_some(&name[..at])
}

pub(super) fn os_string(bytes: Vec<u8>) -> OsString {
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> Name {
        Name::parse(name.as_bytes(), Path::new("/vms"))
    }

    #[test]
    fn names_of_files() {
        for (name, path) in [
            ("base.qcow2", "/vms/base.qcow2"),
            ("../base.qcow2", "/vms/../base.qcow2"),
            ("/a/b c\n", "/a/b c\n"),
            ("./foo:bar", "/vms/./foo:bar"),
            ("a/foo:bar", "/vms/a/foo:bar"),
            ("file:/a/b", "/a/b"),
            ("file:///a/b", "///a/b"),
            ("host_device:/dev/sdb", "/dev/sdb"),
        ] {
            assert_eq!(parsed(name), Name::file(path.into()), "{name}");
        }
    }

    #[test]
    fn names_of_other_things() {
        for (name, protocol) in [
            ("nbd:unix:/run/x.sock", "nbd"),
            ("nbd+unix:///x?socket=/y", "nbd+unix"),
            ("https://example.org/a.qcow2", "https"),
            ("rbd:pool/image:id=admin", "rbd"),
            ("foo:bar.qcow2", "foo"),
        ] {
            assert_eq!(parsed(name), Name::Remote { protocol: protocol.into() }, "{name}");
        }
        assert_eq!(parsed("file:base.qcow2"), Name::Unknown);
        assert_eq!(parsed("json:{"), Name::Unknown);
    }
}
