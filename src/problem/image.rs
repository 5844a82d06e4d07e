//! The errors of images: files, downloads, the catalogue.

use std::path::Path;

use super::{Advice, Command, Doing, ErrorKind as K, command, did_you_mean, hint, option, process, vmtools};
use crate::image::{self, Error, header};
use crate::manager::ImageError;

const RESUMES: &str = "try again: the download resumes where it stopped";

pub(super) fn advice(error: &Error, doing: Doing) -> Advice {
    use Error as E;
    match error {
        E::Header { name, source } => (K::Integrity, of_header(name, source)),
        E::InUse { .. } => (
            K::WrongState,
            hint(format_args!(
                "shut that VM down, or wait until the program has finished; {} creates an image from a VM's disk",
                vmtools("image commit").fixed("VM NAME")
            )),
        ),
        E::Changed { .. } => (K::Integrity, hint("try again once nothing writes to it")),
        error if error.is_integrity() => (K::Integrity, None),
        E::NameTaken { name } => (
            K::Exists,
            hint(format_args!(
                "choose another name, or remove that image with {}; import and commit replace it with --replace",
                vmtools("image rm").arg(name)
            )),
        ),
        E::Convert { source, .. } => process::advice(source),
        E::DiskFull { .. } => (
            K::Failed,
            hint(format_args!(
                "free some space; {} shows what can be removed",
                vmtools("image prune").flag("--dry-run")
            )),
        ),
        E::UnknownImage { name, nearest } => {
            let meant = did_you_mean(nearest);
            let catalog = vmtools("image list").flag("--available");
            let file = match doing {
                Doing::Pull => {
                    format!("to use a file, import it: {}", import(Path::new(&format!("./{name}"))))
                }
                _ => format!("to use a file, give its path: {}", option("--image", format_args!("./{name}"))),
            };
            (K::NotFound, hint(format_args!("{meant}{catalog} lists the catalogue; {file}")))
        }
        E::FileMissing { .. } => {
            (K::NotFound, hint("check the path; a relative path starts at the current directory"))
        }
        E::NotAFile { .. } => (K::Usage, None),
        E::NotAnIso { path, .. } => (
            K::Usage,
            hint(format_args!(
                "{} attaches it as a disk",
                vmtools("disk add").fixed("VM").option("--file", path.display())
            )),
        ),
        E::NoBuild { .. } => (
            K::NotFound,
            hint(format_args!(
                "{} shows the architectures of each image",
                vmtools("image list").flag("--available")
            )),
        ),
        E::NotFound { .. } => (K::NotFound, None),
        E::Unreachable { .. } => {
            (K::Unreachable, hint("check the network; a file on this host needs no download"))
        }
        // 408 Request Timeout, 425 Too Early, 429 Too Many Requests, and faults of the server's.
        E::Status { status: 408 | 425 | 429 | 500.., .. } => (K::Failed, hint("try again later")),
        E::Stalled { .. } => (K::Unreachable, hint(RESUMES)),
        E::Transfer { .. } => (K::Failed, hint(RESUMES)),
        E::Unvouched { is_plaintext: false, .. } => (
            K::Usage,
            hint(
                "append its digest to the URL, #sha256:HEX, or accept it unverified: --insecure-no-checksum",
            ),
        ),
        E::Unvouched { is_plaintext: true, .. } => {
            (K::Usage, hint("append its digest to the URL, #sha256:HEX, or give an https URL"))
        }
        E::NothingToPull { path } => (K::Usage, hint(format_args!("import it with {}", import(path)))),
        E::Iso { .. } => (K::Usage, hint("use an installation ISO with --iso")),
        E::Invalid(_) | E::Catalog { .. } => (K::Usage, None),
        _ => (K::Failed, None),
    }
}

pub(super) fn stored_advice(error: &ImageError) -> Advice {
    use ImageError as E;
    match error {
        E::NotFound { nearest: Some(nearest), .. } => {
            (K::NotFound, hint(format_args!("did you mean {nearest}?")))
        }
        E::NotFound { nearest: None, .. } => {
            (K::NotFound, hint(format_args!("{} lists images", vmtools("image list"))))
        }
        E::Ambiguous { digests, .. } => {
            (K::Usage, hint(format_args!("select one by its digest: {}", digests.join(", "))))
        }
        // As with a VM's disk that another needs: to remove it would lose data.
        E::InUse { .. } => (K::Integrity, hint("delete what uses it first")),
    }
}

fn import(file: &Path) -> Command {
    vmtools("image import").path(file).fixed("NAME")
}

/// What to do with a file or URL that is no image as it is.
fn of_header(name: &str, error: &header::Error) -> Option<String> {
    use header::{Error as E, Foreign, NamedFile};
    // An image that is to be downloaded has no file yet.
    let file = Path::new(if name.contains("://") { "FILE" } else { name });
    match error {
        E::Foreign(Foreign::Importable(_)) => hint(format_args!("import it with {}", import(file))),
        E::Foreign(Foreign::Disk(_, driver)) => to_qcow2(file, *driver),
        E::NamesFile(NamedFile::Extent) => to_qcow2(file, image::Driver::Vmdk),
        E::Foreign(Foreign::Export(_, program)) => {
            hint(format_args!("export its disk as a raw file first, for example with {program}"))
        }
        E::Foreign(Foreign::Packed(_)) => hint("unpack it first"),
        E::Corrupt => hint(format_args!("check it with {}", command("qemu-img check").path(file))),
        _ => None,
    }
}

fn to_qcow2(file: &Path, driver: image::Driver) -> Option<String> {
    let convert = command("qemu-img convert").option("-f", driver.name()).flag("-O qcow2").path(file);
    hint(format_args!("if you trust it, convert it: {}", convert.fixed("disk.qcow2")))
}
