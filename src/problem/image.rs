//! The errors of images: files, downloads, the catalogue.

use super::{Advice, ErrorKind as K, process};
use crate::image::{self, Error, header};

const RESUMES: &str = "try again: a download goes on where it broke off";

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        E::Header { name, source } => (K::Integrity, of_header(name, source)),
        E::InUse { .. } => (
            K::Integrity,
            Some(
                "stop that VM first; the disk of a VM of libvirt's becomes an image by `vmtools image commit VM NAME`"
                    .into(),
            ),
        ),
        E::Changed { .. } => (K::Integrity, Some("try again once nothing writes to it".into())),
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
            (K::NotFound, Some("check the path: relative ones start at the current directory".into()))
        }
        E::NotAFile { .. } => (K::Usage, None),
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

/// What to do with a file or URL that is no image as it is.
fn of_header(name: &str, error: &header::Error) -> Option<String> {
    use header::{Error as E, Foreign, NamedFile};
    let file = if name.contains("://") { "FILE" } else { name };
    match error {
        E::Foreign(Foreign::Importable(_)) => Some(format!("vmtools image import {file} NAME")),
        E::Foreign(Foreign::Disk(_, driver)) => Some(to_qcow2(file, *driver)),
        E::NamesFile(NamedFile::Extent) => Some(to_qcow2(file, image::Driver::Vmdk)),
        E::Foreign(Foreign::Packed(_)) => Some("unpack it first".to_owned()),
        E::Corrupt => Some(format!("qemu-img check {file}")),
        _ => None,
    }
}

fn to_qcow2(file: &str, driver: image::Driver) -> String {
    let form = driver.name();
    format!("make a qcow2 of it, if you trust it: qemu-img convert -f {form} -O qcow2 {file} disk.qcow2")
}
