//! The errors of images: files, downloads, the catalogue.

use std::path::Path;

use super::{Advice, ErrorKind as K, command, hint, option, process, vmtools};
use crate::image::{Error, header};

const RESUMES: &str = "try again: the download resumes where it stopped";

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        E::Header { name, source: header::Error::Convertible { .. } } => {
            (K::Integrity, hint(format_args!("import it with {}", import(Path::new(name)))))
        }
        E::Header { name, source: header::Error::OtherFiles } => (
            K::Integrity,
            hint(format_args!(
                "if you trust it, copy it into one file: {}",
                command("qemu-img convert -O qcow2").path(Path::new(name)).fixed("disk.qcow2")
            )),
        ),
        error if error.is_integrity() => (K::Integrity, None),
        E::NameTaken { .. } => (K::Exists, hint("choose another name, or add --replace")),
        E::Convert { source, .. } => process::advice(source),
        E::DiskFull { .. } => (
            K::Failed,
            hint(format_args!(
                "free some space; {} shows what can be removed",
                vmtools("image prune").flag("--dry-run")
            )),
        ),
        E::UnknownImage { name, nearest } => {
            let meant =
                nearest.first().map(|nearest| format!("did you mean {nearest}? ")).unwrap_or_default();
            let file = option("--image", format_args!("./{name}"));
            (K::NotFound, hint(format_args!("{meant}A file is given by its path: {file}")))
        }
        E::FileMissing { .. } => (
            K::NotFound,
            hint(format_args!("{} lists images to download", vmtools("image list").flag("--available"))),
        ),
        E::NotFound { .. } => (K::NotFound, None),
        E::Unreachable { .. } => (K::Unreachable, hint("give a file instead of a download: --image FILE")),
        E::Stalled { .. } => (K::Unreachable, hint(RESUMES)),
        E::Transfer { .. } => (K::Failed, hint(RESUMES)),
        E::NoChecksum { .. } => (
            K::Usage,
            hint(
                "append its digest to the URL, #sha256:HEX, or accept it unverified: --insecure-no-checksum",
            ),
        ),
        E::Plaintext { .. } => {
            (K::Usage, hint("append its digest to the URL, #sha256:HEX, or give an https URL"))
        }
        E::NothingToPull { path } => (K::Usage, hint(format_args!("import it with {}", import(path)))),
        E::Iso { .. } => (K::Usage, hint("give an installation ISO with --iso")),
        E::Invalid(_) | E::Catalog { .. } => (K::Usage, None),
        _ => (K::Failed, None),
    }
}

fn import(file: &Path) -> super::Command {
    vmtools("image import").path(file).fixed("NAME")
}
