use std::time::Duration;

use quick_xml::errors::IllFormedError;

use super::sample::{check, denied, failed, file, missing, parsed, section, text, texts};
use crate::image::checksum::Error as ChecksumError;
use crate::image::header::{Error as HeaderError, Foreign, NamedFile};
use crate::image::{Driver, Error as ImageFileError, FileKind, OvaError, catalog};
use crate::manager::{ColdReason, Dependent, ImageError, WarmError};
use crate::model::{Algorithm, Digest, Invalid};

use catalog::Error as CatalogError;

fn url() -> String {
    text("https://example.org/disk.qcow2")
}

fn path() -> std::path::PathBuf {
    "/srv/disk.qcow2".into()
}

fn digest(digit: &str) -> Digest {
    parsed(&format!("sha256:{}", digit.repeat(64)))
}

#[test]
fn stored_images() {
    let name = || text("appliance");
    let errors = every!(ImageError {
        NotFound { name: name(), nearest: None } | { name: name(), nearest: Some(text("appliances")) },
        Ambiguous { name: name(), digests: texts(&["sha256:0b8c61", "sha256:77aa02"]) },
        InUse { image: name(), needed_by: vec![Dependent::Vm(text("web")), Dependent::File(text("/srv/x.qcow2"))] },
    });
    let states = every!(WarmError {
        NotPossible { name: text("ubuntu"), reason: ColdReason::Mounts }
            | { name: text("ubuntu"), reason: ColdReason::NotPermitted },
        NotPrepared { said: text("python3 is not installed") },
        InterfaceStays {},
        Unusable { reason: ColdReason::BadState },
    });
    // Tasks are numbered throughout the process.
    let cancelled = cancelled();
    let number = format!("task {} ", cancelled.id());
    let files = section("image::Error", files(cancelled)).replace(&number, "task 7 ");
    check("image", &[section("ImageError", errors), section("WarmError", states), files]);
}

fn files(cancelled: tokio::task::JoinError) -> Vec<(&'static str, ImageFileError)> {
    let name = || text("debian-13");
    let file_name = || text("./disk.qcow2");
    let reqwest = || Box::new(ureq::Error::HostNotFound);
    let mut errors = every!(ImageFileError {
        Invalid (Invalid::new("image name", "a b", "it has a space")),
        File (file(denied())),
        FileMissing { path: path() },
        NotAFile { path: path(), kind: FileKind::Folder },
        NotAnIso { path: path(), driver: Driver::Qcow2 },
        InUse { path: path() },
        Changed { path: path() },
        UnknownImage { name: text("debain"), nearest: texts(&["debian"]) } | { name: text("x"), nearest: vec![] },
        NoBuild { name: name(), arch: text("riscv64"), published: texts(&["x86_64", "aarch64"]) },
        Catalog { path: None, source: Box::new(CatalogError::Twice(name())) }
            | { path: Some("/home/anna/catalog.toml".into()), source: Box::new(CatalogError::Twice(name())) },
        Header { name: file_name(), source: HeaderError::Empty },
        Iso { name: file_name() },
        Ova { name: text("./appliance.ova"), source: OvaError::NoDescriptor },
        Convert { name: text("./disk.vmdk"), source: failed("qemu-img convert", "Invalid footer") },
        NameTaken { name: text("appliance") },
        DigestMismatch { name: url(), expected: digest("a"), actual: digest("b") },
        Checksum {
            url: text("https://example.org/SHA256SUMS"),
            file: text("disk.qcow2"),
            source: ChecksumError::NotText,
        },
        Unreachable { url: url(), source: reqwest() },
        NotFound { url: url() },
        Status { url: url(), status: 503 },
        Redirects { url: url() },
        Stalled { url: url(), after: Duration::from_secs(30) },
        Transfer { url: url(), source: Box::new(ureq::Error::ConnectionFailed) },
        TooLarge { url: url(), limit_bytes: 1 << 40 },
        Unpack { name: url(), source: std::io::Error::other("corrupt deflate stream") },
        UnpackedTooLarge { name: url(), limit_bytes: 1 << 40 },
        Unvouched { url: url(), is_plaintext: false } | { url: text("http://example.org/disk"), is_plaintext: true },
        NothingToPull { path: path() },
        DiskFull { folder: "/var/cache/vmtools".into(), needed_bytes: Some(1 << 30), available_bytes: 4096 },
        Interrupted (cancelled),
    });
    let kinds = every!(FileKind { Folder {}, Fifo {}, Socket {}, CharacterDevice {}, BlockDevice {} });
    let not_a_file = |kind| ImageFileError::NotAFile { path: path(), kind };
    errors.extend(kinds.into_iter().skip(1).map(|(_, kind)| ("NotAFile", not_a_file(kind))));
    errors
}

/// The error of a task whose runtime has ended.
fn cancelled() -> tokio::task::JoinError {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let task = runtime.spawn(std::future::pending::<()>());
    task.abort();
    runtime.block_on(task).expect_err("it was aborted")
}

#[test]
fn headers() {
    let errors = every!(HeaderError {
        Empty {},
        Foreign (Foreign::Packed("a gzip file")),
        Truncated {},
        Version (9),
        NamesFile (NamedFile::Backing),
        Encrypted {},
        Corrupt {},
        UnknownFeatures { bits: 0x40 },
        VirtualSize { bytes: 1 << 62 },
        Damaged { what: "the cluster size" },
        NoSectors { bytes: 1000 },
    });
    let foreign = every!(Foreign {
        Importable ("a VMware disk (VMDK)"),
        Disk ("a Parallels disk", Driver::Parallels),
        Export ("an EnCase image (EWF)", "ewfexport"),
        Packed ("a gzip file"),
        FileSystem ("a squashfs file system"),
        Other ("a Linux kernel"),
    });
    let named = every!(NamedFile { Backing {}, Data {}, Parent {}, Extent {} });
    let of = |source| ImageFileError::Header { name: text("./disk.qcow2"), source };
    let errors = errors.into_iter().map(|(name, error)| (name, of(error))).collect();
    let foreign = foreign.into_iter().map(|(name, what)| (name, of(HeaderError::Foreign(what)))).collect();
    let named = named.into_iter().map(|(name, what)| (name, of(HeaderError::NamesFile(what)))).collect();
    let sections = [
        section("header::Error", errors),
        section("Foreign", foreign),
        section("NamedFile", named),
        section("OvaError", archives()),
        section("checksum::Error", checksums()),
        section("catalog::Error", catalogs()),
    ];
    check("image-content", &sections);
}

fn archives() -> Vec<(&'static str, ImageFileError)> {
    let file = || text("disk1.vmdk");
    let errors = every!(OvaError {
        Archive (std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
        TooLarge {},
        NoDescriptor {},
        Malformed (Box::new(IllFormedError::MissingEndTag(text("File")).into())),
        NoDisk {},
        Compressed { file: file(), compression: text("gzip") },
        DigestMismatch { file: file(), expected: text("sha1:aa"), actual: text("sha1:bb") },
        UnknownDigest { file: file(), function: text("CRC32") },
        NotInManifest { file: file() },
        FileMissing { file: file() },
        Manifest { line: 3 },
    });
    let of = |source| ImageFileError::Ova { name: text("./appliance.ova"), source };
    errors.into_iter().map(|(name, error)| (name, of(error))).collect()
}

fn checksums() -> Vec<(&'static str, ImageFileError)> {
    let algorithm = Algorithm::Sha512;
    let errors = every!(ChecksumError {
        NotListed { algorithm },
        Malformed { line: 3 },
        Ambiguous { line: 3 },
        NotOne { algorithm },
        NotText {},
        NotJson { line: 1 },
    });
    let (url, file) = (text("https://example.org/SHA512SUMS"), text("disk.qcow2"));
    let of = |source| ImageFileError::Checksum { url: url.clone(), file: file.clone(), source };
    errors.into_iter().map(|(name, error)| (name, of(error))).collect()
}

fn catalogs() -> Vec<(&'static str, ImageFileError)> {
    let toml = toml::from_str::<toml::Table>("[[image]]\nname = ").expect_err("no TOML");
    let errors = every!(CatalogError {
        File (file(missing())),
        Toml (toml),
        Entry { entry: text("x"), source: Invalid::new("URL", "ftp://x", "expected https://") },
        Twice (text("x")),
    });
    let path = || Some("/home/anna/catalog.toml".into());
    let of = |source| ImageFileError::Catalog { path: path(), source: Box::new(source) };
    errors.into_iter().map(|(name, error)| (name, of(error))).collect()
}
