//! The errors of images: files, downloads, the catalogue.

use super::{Advice, ErrorKind as K, process};
use crate::image::{Error, header};

const RESUMES: &str = "try again: a download goes on where it broke off";

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        E::Header { name, source: header::Error::Convertible { .. } } => {
            (K::Integrity, Some(format!("vmtools image import {name} NAME")))
        }
        E::Header { name, source: header::Error::OtherFiles } => (
            K::Integrity,
            Some(format!(
                "make one file of it: qemu-img convert -O qcow2 {name} disk.qcow2, if you trust it"
            )),
        ),
        error if error.is_integrity() => (K::Integrity, None),
        E::NameTaken { .. } => (K::Exists, Some("take another name, or add --replace".into())),
        E::Convert { source, .. } => process::advice(source),
        E::DiskFull { .. } => {
            (K::Failed, Some("make room, or see what can go with `vmtools image prune --dry-run`".into()))
        }
        E::UnknownImage { name, nearest } => {
            let meant = nearest.first().map(|nearest| format!("did you mean {nearest}? "));
            (K::NotFound, Some(format!("{}A file needs a path: ./{name}", meant.unwrap_or_default())))
        }
        E::FileMissing { .. } => {
            (K::NotFound, Some("`vmtools image list --available` shows images that need no file".into()))
        }
        E::NotFound { .. } => (K::NotFound, None),
        E::Unreachable { .. } => {
            (K::Unreachable, Some("with a file instead of a download: --image FILE".into()))
        }
        E::Stalled { .. } => (K::Unreachable, Some(RESUMES.into())),
        E::Transfer { .. } => (K::Failed, Some(RESUMES.into())),
        E::NoChecksum { .. } => (
            K::Usage,
            Some(
                "give its digest behind the URL, #sha256:HEX, or take it as it is: --insecure-no-checksum"
                    .into(),
            ),
        ),
        E::Plaintext { .. } => {
            (K::Usage, Some("give its digest behind the URL, #sha256:HEX, or an https URL".into()))
        }
        E::NothingToPull { path } => {
            (K::Usage, Some(format!("vmtools image import {} NAME", path.display())))
        }
        E::Iso { .. } => (K::Usage, Some("an ISO to install from is named by --iso".into())),
        E::Invalid(_) | E::Catalog { .. } => (K::Usage, None),
        _ => (K::Failed, None),
    }
}
