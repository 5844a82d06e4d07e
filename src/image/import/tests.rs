//! Files that qemu-img made, taken in and refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Original, OriginalFormat};
use crate::image::header::{self, Header};
use crate::image::{
    Catalog, DigestCache, Error, Format, HoldingKind, LocalImage, NewImage, OwnImages, Reference, Store,
};
use crate::system::process::Invocation;

const MIB: u64 = 1 << 20;

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn own(&self) -> OwnImages {
        OwnImages::new(self.path("data/images"), DigestCache::new(self.path("digests")))
    }

    fn store(&self) -> Store {
        Store::new(self.path("cache"), &self.path("data"), Catalog::builtin().expect("valid"))
    }

    /// A raw disk of 3 MiB with bytes that can be told again, and holes.
    fn raw(&self) -> PathBuf {
        let path = self.path("disk.raw");
        let mut bytes = vec![0; 3 << 20];
        for (index, byte) in bytes[MIB as usize..][..70_000].iter_mut().enumerate() {
            *byte = (index % 251) as u8;
        }
        std::fs::write(&path, bytes).expect("writes");
        path
    }

    /// The disk as a file of that format.
    fn made(&self, format: &str, options: &str) -> PathBuf {
        let (raw, path) = (self.raw(), self.path(&format!("disk.{format}")));
        let mut words = vec!["convert", "-f", "raw", "-O", format];
        if !options.is_empty() {
            words.extend(["-o", options]);
        }
        qemu_img(&words, &[&raw, &path]);
        path
    }

    fn import(&self, file: &Path, raw: bool) -> Result<Vec<String>, Error> {
        run(self.own().import(file, raw, new("mine"), false, None))
    }

    /// The disk's bytes, of the image that was taken in.
    fn content(&self) -> Vec<u8> {
        let path = self.path("content");
        qemu_img(&["convert", "-f", "qcow2", "-O", "raw"], &[&self.path("data/images/mine.img"), &path]);
        std::fs::read(path).expect("reads")
    }

    #[track_caller]
    fn is_refused(&self, file: &Path, expected: header::Error) {
        let error = self.import(file, false).expect_err("refused");
        assert!(error.is_integrity(), "{error}");
        let Error::Header { source, .. } = error else { panic!("{error}") };
        assert_eq!(source, expected);
        self.holds_nothing();
    }

    #[track_caller]
    fn holds_nothing(&self) {
        let listing = std::fs::read_dir(self.path("data/images")).map(|files| {
            files
                .flatten()
                .map(|file| file.file_name())
                .filter(|name| !name.to_string_lossy().ends_with(".lock"))
                .collect::<Vec<_>>()
        });
        assert_eq!(listing.unwrap_or_default(), Vec::<std::ffi::OsString>::new());
    }
}

fn new(name: &str) -> NewImage {
    NewImage {
        name: name.into(),
        source: "there".into(),
        default_user: Some("ada".into()),
        firmware: None,
        committed: false,
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(work)
}

#[track_caller]
fn qemu_img(words: &[&str], files: &[&Path]) {
    let run_it = Invocation::new("qemu-img", Duration::from_secs(60))
        .args(words)
        .args(files.iter().map(|f| f.as_os_str()));
    run(run_it.output()).expect("qemu-img, of the package qemu-utils");
}

/// Writes into a file that is there.
fn patch(path: &Path, at: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::options().write(true).open(path).expect("opens");
    file.write_all_at(bytes, at).expect("writes");
}

/// A tar archive of those files.
fn archive(path: &Path, members: &[(&str, &[u8])]) {
    let mut builder = tar::Builder::new(std::fs::File::create(path).expect("makes"));
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).expect("appends");
    }
    builder.finish().expect("ends");
}

fn ovf(files: &[&str]) -> String {
    let file = |(n, name): (usize, &&str)| format!("<File ovf:id='file{n}' ovf:href='{name}'/>");
    let disk = |n| format!("<Disk ovf:diskId='d{n}' ovf:fileRef='file{n}' ovf:capacity='3'/>");
    let all: String = files.iter().enumerate().map(file).collect();
    let disks: String = (0..files.len()).map(disk).collect();
    format!(
        "<?xml version='1.0'?><Envelope xmlns='http://schemas.dmtf.org/ovf/envelope/1' \
         xmlns:ovf='http://schemas.dmtf.org/ovf/envelope/1'><References>{all}</References>\
         <DiskSection>{disks}</DiskSection></Envelope>"
    )
}

#[test]
fn each_format_comes_out_as_it_went_in() {
    for (format, options, expected) in [
        ("qcow2", "", OriginalFormat::Qcow2),
        ("raw", "", OriginalFormat::Raw),
        ("vmdk", "", OriginalFormat::Vmdk),
        ("vmdk", "subformat=streamOptimized", OriginalFormat::Vmdk),
        ("vdi", "", OriginalFormat::Vdi),
        ("vdi", "static=on", OriginalFormat::Vdi),
        ("vhdx", "", OriginalFormat::Vhdx),
        ("vhdx", "subformat=fixed", OriginalFormat::Vhdx),
    ] {
        let bench = Bench::new();
        let file = if format == "raw" { bench.raw() } else { bench.made(format, options) };
        let original = Original::open(&file, false).expect(format);
        assert_eq!((original.format, original.virtual_size_bytes), (expected, 3 * MIB), "{format} {options}");
        assert_eq!(bench.import(&file, false).expect(format), Vec::<String>::new());
        assert!(bench.content() == std::fs::read(bench.raw()).expect("reads"), "{format} {options}");
    }
}

#[test]
fn a_qcow2_is_copied_byte_for_byte_with_its_holes() {
    use std::os::unix::fs::MetadataExt;
    let bench = Bench::new();
    let file = bench.path("holes.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2", "-o", "preallocation=metadata"], &[&file, Path::new("64M")]);
    let before = std::fs::metadata(&file).expect("is there");
    bench.import(&file, false).expect("taken");
    let kept = bench.path("data/images/mine.img");
    assert!(std::fs::read(&file).expect("reads") == std::fs::read(&kept).expect("reads"));
    let after = std::fs::metadata(&kept).expect("is there");
    assert!(after.blocks() <= before.blocks() + 128, "{} {}", after.blocks(), before.blocks());
}

#[test]
fn what_was_imported_goes_before_the_catalogue_and_has_its_record() {
    let bench = Bench::new();
    let file = bench.made("qcow2", "");
    let store = bench.store();
    run(store.own().import(&file, false, new("ubuntu"), false, None)).expect("taken");
    let reference = Reference::Catalog("ubuntu".into());
    assert!(store.is_cached(&reference));
    let image: LocalImage = run(store.obtain(&reference, None)).expect("obtained");
    assert_eq!((image.name.as_str(), image.source.as_str()), ("ubuntu", "there"));
    assert_eq!((image.format, image.virtual_size_bytes), (Format::Qcow2, 3 * MIB));
    assert_eq!((image.default_user.as_deref(), image.committed), (Some("ada"), false));
    let held = run(store.holdings()).expect("lists");
    assert_eq!((held.len(), held[0].kind, &held[0].digest), (1, HoldingKind::Own, &image.digest));
    let again = run(store.own().import(&file, false, new("ubuntu"), false, None));
    assert!(matches!(again, Err(Error::NameTaken { name }) if name == "ubuntu"));
    let other = bench.raw();
    patch(&other, 0, b"other");
    run(store.own().import(&other, false, new("ubuntu"), true, None)).expect("replaced");
    assert_ne!(run(store.obtain(&reference, None)).expect("obtained").digest, image.digest);
    // Damage is seen.
    patch(&bench.path("data/images/ubuntu.img"), 70_000, b"damage");
    assert!(matches!(run(store.obtain(&reference, None)), Err(Error::DigestMismatch { .. })));
    run(store.discard(&held[0])).expect("removes");
    assert!(run(store.holdings()).expect("lists").is_empty());
    let Err(Error::UnknownImage { .. }) = run(store.obtain(&Reference::Catalog("mime".into()), None)) else {
        panic!("should be unknown")
    };
    bench.import(&file, false).expect("taken");
    let Err(Error::UnknownImage { nearest, .. }) =
        run(store.obtain(&Reference::Catalog("mime".into()), None))
    else {
        panic!("should be unknown")
    };
    assert_eq!(nearest.first().map(String::as_str), Some("mine"));
}

#[test]
fn names_that_image_would_not_find_are_refused() {
    let bench = Bench::new();
    for name in ["a/b", "../x", "disk.qcow2", "a b", "", "x:y", ".hidden"] {
        let result = run(bench.own().import(&bench.raw(), false, new(name), false, None));
        assert!(matches!(result, Err(Error::Invalid(_))), "{name:?}");
    }
    let user = NewImage { default_user: Some("Ada L".into()), ..new("mine") };
    let result = run(bench.own().import(&bench.raw(), false, user, false, None));
    assert!(matches!(result, Err(Error::Invalid(_))));
    bench.holds_nothing();
}

#[test]
fn a_raw_disk_with_a_forged_header_is_raw_only_when_that_is_said() {
    let bench = Bench::new();
    let forged = bench.raw();
    let backed = include_bytes!("../../../tests/fixtures/image/qcow2-backing.bin");
    patch(&forged, 0, backed);
    bench.is_refused(&forged, header::Error::BackingFile);
    bench.import(&forged, true).expect("taken as raw");
    assert!(bench.content().starts_with(backed));
    let (header, _) = header::read(&bench.path("data/images/mine.img")).expect("a qcow2");
    assert_eq!(header, Header { format: Format::Qcow2, virtual_size_bytes: 3 * MIB });
}

#[test]
fn a_qcow2_that_names_files_or_is_damaged_is_refused() {
    let bench = Bench::new();
    let file = bench.made("qcow2", "");
    patch(&file, 72, &(1u64 << 40).to_be_bytes());
    bench.is_refused(&file, header::Error::UnknownFeatures { bits: 1 << 40 });
    patch(&file, 72, &0u64.to_be_bytes());
    patch(&file, 24, &(1u64 << 60).to_be_bytes());
    bench.is_refused(&file, header::Error::VirtualSize { bytes: 1 << 60 });
    let short = bench.path("short");
    std::fs::write(&short, &std::fs::read(&file).expect("reads")[..60]).expect("writes");
    bench.is_refused(&short, header::Error::Truncated);
}

#[test]
fn a_vmdk_that_names_other_files_is_refused() {
    let bench = Bench::new();
    for subformat in ["monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"] {
        let descriptor = bench.made("vmdk", &format!("subformat={subformat}"));
        bench.is_refused(&descriptor, header::Error::OtherFiles);
    }
    // One piece of a split disk.
    bench.made("vmdk", "subformat=twoGbMaxExtentSparse");
    let piece = header::Error::Foreign { what: "only a piece of a VMware disk (VMDK)" };
    bench.is_refused(&bench.path("disk-s001.vmdk"), piece);

    let file = bench.made("vmdk", "");
    let whole = std::fs::read(&file).expect("reads");
    let find =
        |word: &[u8]| whole.windows(word.len()).position(|part| part == word).expect("is there") as u64;
    patch(&file, find(b"parentCID=ffffffff"), b"parentCID=12345678");
    bench.is_refused(&file, header::Error::Parent);
    std::fs::write(&file, &whole).expect("writes");
    // Behind the descriptor's end, where QEMU would still find it.
    patch(&file, 512 + 2000, b"parentFileNameHint=\"/etc/passwd\"");
    bench.is_refused(&file, header::Error::Parent);
    std::fs::write(&file, &whole).expect("writes");
    patch(&file, 12, &0u64.to_le_bytes());
    bench.is_refused(&file, header::Error::OtherFiles);
    std::fs::write(&file, &whole).expect("writes");
    patch(&file, 12, &u64::MAX.to_le_bytes());
    bench.is_refused(&file, header::Error::VirtualSize { bytes: u64::MAX });
    std::fs::write(&file, &whole[..400]).expect("writes");
    let error = bench.import(&file, false).expect_err("refused");
    assert!(error.is_integrity(), "{error}");
}

#[test]
fn a_vdi_with_a_parent_or_nonsense_is_refused() {
    let bench = Bench::new();
    let file = bench.made("vdi", "");
    let whole = std::fs::read(&file).expect("reads");
    for (at, bytes, expected) in [
        (76, &[4, 0, 0, 0][..], header::Error::Parent),
        (424, &[1; 16], header::Error::Parent),
        (440, &[1; 16], header::Error::Parent),
        (368, &[0; 8], header::Error::VirtualSize { bytes: 0 }),
        (384, &[1, 0, 0, 0], header::Error::Damaged { what: "its block map is too small for the disk" }),
        (340, &[0xff; 4], header::Error::Damaged { what: "its block map lies behind the file's end" }),
    ] {
        std::fs::write(&file, &whole).expect("writes");
        patch(&file, at, bytes);
        bench.is_refused(&file, expected);
    }
}

#[test]
fn a_vhdx_with_a_parent_or_nonsense_is_refused() {
    let bench = Bench::new();
    let file = bench.made("vhdx", "");
    let whole = std::fs::read(&file).expect("reads");
    let metadata = whole.windows(8).rposition(|part| part == b"metadata").expect("is there");
    // File Parameters are the first item that qemu-img writes, 64 KiB behind the table; its flags follow.
    patch(&file, metadata as u64 + (64 << 10) + 4, &[2, 0, 0, 0]);
    bench.is_refused(&file, header::Error::Parent);
    std::fs::write(&file, &whole).expect("writes");
    patch(&file, 192 << 10, b"none");
    bench.is_refused(&file, header::Error::Damaged { what: "it has no region table" });
    std::fs::write(&file, &whole[..1 << 17]).expect("writes");
    bench.is_refused(&file, header::Error::Damaged { what: "it has no region table" });
}

#[test]
fn an_ova_gives_its_first_disk() {
    use crate::image::Hasher;
    use crate::model::Algorithm;
    let bench = Bench::new();
    let disk = std::fs::read(bench.made("vmdk", "subformat=streamOptimized")).expect("reads");
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(&disk);
    let hex = hasher.finish().expect("digest").hex().to_owned();
    let (ovf, file) = (ovf(&["vm-disk1.vmdk", "vm-disk2.vmdk"]), bench.path("vm.ova"));
    let manifest = |hex: &str| format!("SHA256(vm.ovf)= {}\nSHA256(vm-disk1.vmdk)= {hex}\n", "0".repeat(64));
    let archive_with = |manifest: &str| {
        archive(
            &file,
            &[
                ("vm.ovf", ovf.as_bytes()),
                ("vm.mf", manifest.as_bytes()),
                ("vm-disk2.vmdk", &disk[..512]),
                ("vm-disk1.vmdk", &disk),
            ],
        );
    };
    archive_with(&manifest(&"1".repeat(64)));
    assert!(matches!(bench.import(&file, false), Err(Error::Ova { .. })));
    bench.holds_nothing();
    archive_with(&manifest(&hex));
    assert_eq!(bench.import(&file, false).expect("taken"), ["vm-disk2.vmdk"]);
    assert!(bench.content() == std::fs::read(bench.raw()).expect("reads"));
}

#[test]
fn archives_of_other_things_are_refused() {
    let bench = Bench::new();
    let file = bench.path("vm.ova");
    let backed = include_bytes!("../../../tests/fixtures/image/qcow2-backing.bin");
    let gzip = "<E><File id='a' href='d.vmdk' compression='gzip'/><Disk fileRef='a'/></E>";
    for members in [
        &[("readme", &b"hello"[..])][..],
        &[("vm.ovf", ovf(&["none.vmdk"]).as_bytes())],
        &[("vm.ovf", ovf(&["../../etc/passwd"]).as_bytes())],
        &[("vm.ovf", b"<E></F>")],
        &[("vm.ovf", gzip.as_bytes()), ("d.vmdk", b"x")],
        &[("vm.ovf", ovf(&["d.vmdk"]).as_bytes()), ("d.vmdk", backed)],
        &[("vm.ovf", ovf(&["d.vmdk"]).as_bytes()), ("d.vmdk", b"# Disk DescriptorFile\n")],
    ] {
        archive(&file, members);
        let error = bench.import(&file, false).expect_err("refused");
        assert!(error.is_integrity(), "{error}");
        bench.holds_nothing();
    }
}

#[test]
fn what_the_disk_has_no_room_for_leaves_nothing() {
    let bench = Bench::new();
    let target = bench.made("qcow2", "");
    let original = Original::open(&target, false).expect("a qcow2");
    let stopped = std::sync::atomic::AtomicBool::new(false);
    let result = super::copy(&original, Path::new("/dev/full"), None, &stopped);
    assert!(matches!(result, Err(Error::DiskFull { .. })), "{result:?}");
    stopped.store(true, std::sync::atomic::Ordering::Relaxed);
    let result = super::copy(&original, &bench.raw(), None, &stopped);
    assert!(matches!(result, Err(Error::File(_))), "{result:?}");
}

#[test]
fn what_a_killed_import_left_is_found_when_nobody_is_at_it() {
    let bench = Bench::new();
    let own = bench.own();
    let staged = run(own.stage("mine", false)).expect("a place");
    let partial = staged.path();
    assert!(own.abandoned().expect("lists").is_empty());
    own.remove_abandoned(&partial).expect("is left alone");
    assert!(partial.exists());
    drop(staged);
    assert!(!partial.exists());
    std::fs::write(&partial, "rest").expect("writes");
    assert_eq!(own.abandoned().expect("lists"), std::slice::from_ref(&partial));
    own.remove_abandoned(&partial).expect("removes");
    assert!(own.abandoned().expect("lists").is_empty() && !partial.exists());
}
