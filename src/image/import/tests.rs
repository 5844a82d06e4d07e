//! Files that qemu-img made, taken in and refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Original;
use super::original::OriginalFormat;
use crate::image::header::{self, Header};
use crate::image::{
    Catalog, DigestCache, Error, Format, Leftover, LocalImage, NewImage, OvaError, Reference, Store,
    StoredImageKind, UserImages,
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

    fn user_images(&self) -> UserImages {
        UserImages::new(self.path("data/images"), DigestCache::new(self.path("digests")))
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
        run(self.user_images().import(file, raw, new("mine"), false, None))
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
    run(store.user_images().import(&file, false, new("ubuntu"), false, None)).expect("taken");
    let reference = Reference::Catalog("ubuntu".into());
    assert!(store.is_cached(&reference));
    let image: LocalImage = run(store.obtain(&reference, None)).expect("obtained");
    assert_eq!((image.name.as_str(), image.source.as_str()), ("ubuntu", "there"));
    assert_eq!((image.format, image.virtual_size_bytes), (Format::Qcow2, 3 * MIB));
    assert_eq!((image.default_user.as_deref(), image.committed), (Some("ada"), false));
    let held = run(store.stored_images()).expect("lists");
    assert_eq!((held.len(), held[0].kind, &held[0].digest), (1, StoredImageKind::Own, &image.digest));
    let again = run(store.user_images().import(&file, false, new("ubuntu"), false, None));
    assert!(matches!(again, Err(Error::NameTaken { name }) if name == "ubuntu"));
    let other = bench.raw();
    patch(&other, 0, b"other");
    run(store.user_images().import(&other, false, new("ubuntu"), true, None)).expect("replaced");
    assert_ne!(run(store.obtain(&reference, None)).expect("obtained").digest, image.digest);
    // Damage is seen.
    patch(&run(store.obtain(&reference, None)).expect("obtained").path, 70_000, b"damage");
    assert!(matches!(run(store.obtain(&reference, None)), Err(Error::DigestMismatch { .. })));
    run(store.discard(&held[0])).expect("removes");
    assert!(run(store.stored_images()).expect("lists").is_empty());
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
        let result = run(bench.user_images().import(&bench.raw(), false, new(name), false, None));
        assert!(matches!(result, Err(Error::Invalid(_))), "{name:?}");
    }
    let user = NewImage { default_user: Some("Ada L".into()), ..new("mine") };
    let result = run(bench.user_images().import(&bench.raw(), false, user, false, None));
    assert!(matches!(result, Err(Error::Invalid(_))));
    bench.holds_nothing();
}

#[test]
fn a_raw_disk_with_a_forged_header_is_raw_only_when_that_is_said() {
    let bench = Bench::new();
    let forged = bench.raw();
    let backed = include_bytes!("../../../tests/fixtures/image/qcow2-backing.bin");
    patch(&forged, 0, backed);
    bench.is_refused(&forged, header::Error::NamesFile(header::NamedFile::Backing));
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
        bench.is_refused(&descriptor, header::Error::NamesFile(header::NamedFile::Extent));
    }
    // One piece of a split disk.
    bench.made("vmdk", "subformat=twoGbMaxExtentSparse");
    let partial = header::Error::Foreign(header::Foreign::Other("only a part of a VMware disk (VMDK)"));
    bench.is_refused(&bench.path("disk-s001.vmdk"), partial);

    let file = bench.made("vmdk", "");
    let whole = std::fs::read(&file).expect("reads");
    let find =
        |word: &[u8]| whole.windows(word.len()).position(|part| part == word).expect("is there") as u64;
    patch(&file, find(b"parentCID=ffffffff"), b"parentCID=12345678");
    bench.is_refused(&file, header::Error::NamesFile(header::NamedFile::Parent));
    std::fs::write(&file, &whole).expect("writes");
    // Behind the descriptor's end, where QEMU would still find it.
    patch(&file, 512 + 2000, b"parentFileNameHint=\"/etc/passwd\"");
    bench.is_refused(&file, header::Error::NamesFile(header::NamedFile::Parent));
    std::fs::write(&file, &whole).expect("writes");
    patch(&file, 12, &0u64.to_le_bytes());
    bench.is_refused(&file, header::Error::NamesFile(header::NamedFile::Extent));
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
        (76, &[4, 0, 0, 0][..], header::Error::NamesFile(header::NamedFile::Parent)),
        (424, &[1; 16], header::Error::NamesFile(header::NamedFile::Parent)),
        (440, &[1; 16], header::Error::NamesFile(header::NamedFile::Parent)),
        (368, &[0; 8], header::Error::VirtualSize { bytes: 0 }),
        (384, &[1, 0, 0, 0], header::Error::Damaged { what: "its block map is too small for the disk" }),
        (340, &[0xff; 4], header::Error::Damaged { what: "its block map is past the end of the file" }),
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
    bench.is_refused(&file, header::Error::NamesFile(header::NamedFile::Parent));
    std::fs::write(&file, &whole).expect("writes");
    patch(&file, 192 << 10, b"none");
    bench.is_refused(&file, header::Error::Damaged { what: "it has no region table" });
    std::fs::write(&file, &whole[..1 << 17]).expect("writes");
    bench.is_refused(&file, header::Error::Damaged { what: "it has no region table" });
}

/// A manifest of those files by that function, whose digest of the last is spoilt if that is asked for.
fn manifest_of(function: &str, files: &[(&str, &[u8])], spoilt: bool) -> String {
    use sha1::Digest as _;
    let hex = |bytes: &[u8]| -> String {
        let digest = match function {
            "SHA1" => sha1::Sha1::digest(bytes).to_vec(),
            "SHA256" => sha2::Sha256::digest(bytes).to_vec(),
            _ => sha2::Sha512::digest(bytes).to_vec(),
        };
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let mut text: String =
        files.iter().map(|(name, bytes)| format!("{function}({name})= {}\n", hex(bytes))).collect();
    if spoilt {
        let at = text.len() - 2;
        let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
        text.replace_range(at..=at, other);
    }
    text
}

#[test]
fn an_ova_gives_its_first_disk_if_its_manifest_agrees() {
    let bench = Bench::new();
    let disk = std::fs::read(bench.made("vmdk", "subformat=streamOptimized")).expect("reads");
    let (ovf, file) = (ovf(&["vm-disk1.vmdk", "vm-disk2.vmdk"]), bench.path("vm.ova"));
    let archive_with = |manifest: &str| {
        archive(
            &file,
            &[
                ("._vm.ovf", b"of macOS"),
                ("./vm.ovf", ovf.as_bytes()),
                ("vm.mf", manifest.as_bytes()),
                ("vm-disk2.vmdk", &disk[..512]),
                ("vm-disk1.vmdk", &disk),
            ],
        );
    };
    let refused = |manifest: &str| {
        archive_with(manifest);
        let error = bench.import(&file, false).expect_err("refused");
        bench.holds_nothing();
        match error {
            Error::Ova { source, .. } => source,
            other => panic!("{other}"),
        }
    };
    let files: [(&str, &[u8]); 2] = [("vm.ovf", ovf.as_bytes()), ("vm-disk1.vmdk", &disk)];
    for function in ["SHA1", "SHA256", "SHA512"] {
        let error = refused(&manifest_of(function, &files, true));
        assert!(
            matches!(&error, OvaError::DigestMismatch { file, .. } if file == "vm-disk1.vmdk"),
            "{function}: {error}"
        );
        archive_with(&manifest_of(function, &files, false));
        assert_eq!(bench.import(&file, false).expect("taken"), ["vm-disk2.vmdk"]);
        run(bench.store().discard(&run(bench.store().stored_images()).expect("lists")[0])).expect("removes");
    }
    // The descriptor counts as well as the disk.
    let swapped = manifest_of("SHA1", &[files[1], files[0]], true);
    assert!(matches!(refused(&swapped), OvaError::DigestMismatch { file, .. } if file == "vm.ovf"));
    let only_one = manifest_of("SHA256", &files[..1], false);
    assert!(matches!(refused(&only_one), OvaError::NotInManifest { file } if file == "vm-disk1.vmdk"));
    let more = manifest_of("SHA256", &[files[0], files[1], ("vm.nvram", b"")], false);
    assert!(matches!(refused(&more), OvaError::FileMissing { file } if file == "vm.nvram"));
    let unknown = format!("{}MD5(vm.ovf)= {}\n", manifest_of("SHA1", &files, false), "0".repeat(32));
    assert!(matches!(refused(&unknown), OvaError::UnknownDigest { .. }));
    assert!(matches!(refused("<html>"), OvaError::Manifest { line: 1 }));
    archive_with(&manifest_of("SHA1", &files, false));
    bench.import(&file, false).expect("taken");
    assert!(bench.content() == std::fs::read(bench.raw()).expect("reads"));
}

#[test]
fn a_file_that_is_written_to_meanwhile_is_not_kept() {
    let bench = Bench::new();
    // Converted, and copied as it is.
    for file in [bench.raw(), bench.made("qcow2", "")] {
        let written = file.clone();
        let writes: crate::image::Progress = std::sync::Arc::new(move |_| {
            std::thread::sleep(Duration::from_millis(30));
            patch(&written, 3 * MIB - 10, b"meanwhile");
        });
        let result = run(bench.user_images().import(&file, false, new("mine"), false, Some(writes)));
        match result {
            Err(error @ Error::Changed { .. }) => assert!(error.is_integrity()),
            // A reflink is over before anybody could write.
            Ok(_) if file.ends_with("disk.qcow2") => {
                run(bench.store().discard(&run(bench.store().stored_images()).expect("lists")[0]))
                    .expect("removes");
            }
            other => panic!("{other:?}"),
        }
        bench.holds_nothing();
    }
}

#[test]
fn a_disk_that_a_qemu_writes_is_neither_imported_nor_used() {
    let bench = Bench::new();
    for file in [bench.made("qcow2", ""), bench.raw()] {
        let form = if file.ends_with("disk.qcow2") { "qcow2" } else { "raw" };
        run(async {
            let holder = Invocation::new("qemu-io", Duration::from_secs(60)).args(["-f", form]).arg(&file);
            let holder = holder.spawn_piped().expect("qemu-io, of the package qemu-utils");
            let begin = std::time::Instant::now();
            while Original::open(&file, form == "raw").is_ok() {
                assert!(begin.elapsed() < Duration::from_secs(60), "no lock");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            for raw in [false, true] {
                let result = bench.user_images().import(&file, raw, new("mine"), false, None).await;
                assert!(matches!(result, Err(Error::InUse { .. })), "{result:?}");
            }
            let result = bench.store().obtain(&Reference::File(file.clone()), None).await;
            assert!(result.is_err_and(|error| error.is_integrity()));
            bench.holds_nothing();
            holder.close(Duration::from_secs(20)).await;
        });
        let image = run(bench.store().obtain(&Reference::File(file.clone()), None)).expect("free again");
        image.check_unchanged().expect("is the same");
        std::thread::sleep(Duration::from_millis(30));
        patch(&file, MIB, b"later");
        assert!(matches!(image.check_unchanged(), Err(Error::Changed { .. })));
    }
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
    let result = run(super::copy(original, "/dev/full".into(), None));
    assert!(matches!(result, Err(Error::DiskFull { .. })), "{result:?}");
}

#[test]
fn what_a_killed_import_left_is_found_when_nobody_is_at_it() {
    let bench = Bench::new();
    let images = bench.user_images();
    let staged = run(images.stage("mine", false)).expect("a place");
    let partial = staged.path();
    assert!(images.abandoned().expect("lists").is_empty());
    let left = Leftover { path: partial.clone(), files: vec![partial.clone()] };
    images.remove_abandoned(&left).expect("is left alone");
    assert!(partial.exists());
    drop(staged);
    assert!(!partial.exists());
    std::fs::write(&partial, "rest").expect("writes");
    assert_eq!(images.abandoned().expect("lists"), std::slice::from_ref(&left));
    images.remove_abandoned(&left).expect("removes");
    assert!(images.abandoned().expect("lists").is_empty() && !partial.exists());
}

#[test]
fn a_replacement_that_is_killed_leaves_one_whole_image_and_what_is_left_is_found() {
    let bench = Bench::new();
    let store = bench.store();
    let reference = Reference::Catalog("ubuntu".into());
    let obtain = || run(store.obtain(&reference, None)).expect("obtained");
    let files = || {
        let listing = std::fs::read_dir(bench.path("data/images")).expect("lists");
        let mut files: Vec<_> = listing.map(|file| file.expect("is").path()).collect();
        files.sort();
        files
    };
    let (one, other) = (bench.made("qcow2", ""), bench.raw());
    run(store.user_images().import(&one, false, new("ubuntu"), false, None)).expect("taken");
    let first = obtain();
    let removed = |expected: &[PathBuf]| {
        let left = store.user_images().abandoned().expect("lists");
        let found: Vec<_> = left.iter().flat_map(|left| left.files.clone()).collect();
        assert_eq!(found, expected);
        left.iter().for_each(|left| store.user_images().remove_abandoned(left).expect("removes"));
        assert!(store.user_images().abandoned().expect("lists").is_empty());
    };
    let before = files();
    // Before its record was written.
    let new_file = bench.path("data/images/ubuntu~0123abcd.img");
    std::fs::copy(&other, &new_file).expect("copies");
    assert_eq!(obtain().digest, first.digest);
    removed(std::slice::from_ref(&new_file));
    assert_eq!(files(), before);
    // Behind it, before the old image was removed.
    run(store.user_images().import(&other, false, new("ubuntu"), true, None)).expect("replaced");
    let second = obtain();
    assert_ne!((second.digest.clone(), &second.path), (first.digest, &first.path));
    std::fs::copy(&one, &first.path).expect("copies");
    assert_eq!(obtain().digest, second.digest);
    removed(std::slice::from_ref(&first.path));
    assert_eq!(files(), [bench.path("data/images/ubuntu.json"), second.path.clone()]);
    // A record that nobody understands may be of a newer version: its image is not ours to remove.
    std::fs::write(bench.path("data/images/ubuntu.json"), "{").expect("writes");
    removed(&[]);
}
