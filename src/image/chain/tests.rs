//! Chains of files that qemu-img made, and of some that it would not make.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::time::Duration;

use super::*;
use crate::image::{FileKind, Overlay, header};
use crate::system::process::Invocation;

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// An empty image of that form.
    fn made(&self, form: &str, name: &str) -> PathBuf {
        self.create(&["-f", form], name, &["4M"])
    }

    /// An overlay whose header has just these words; nothing below is looked at.
    fn overlay(&self, name: &str, below: &str, form: &str) -> PathBuf {
        self.create(&["-u", "-f", "qcow2", "-b", below, "-F", form], name, &["4M"])
    }

    fn create(&self, before: &[&str], name: &str, after: &[&str]) -> PathBuf {
        let path = self.path(name);
        let work = Invocation::new("qemu-img", Duration::from_secs(60))
            .args(["create", "-q"])
            .args(before)
            .arg(&path)
            .args(after)
            .output();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(work).expect("qemu-img, of the package qemu-utils");
        path
    }
}

/// Writes into a file that is there.
fn patch(path: &Path, at: u64, bytes: &[u8]) {
    let file = std::fs::File::options().write(true).open(path).expect("opens");
    file.write_all_at(bytes, at).expect("writes");
}

fn paths(chain: &Chain) -> Vec<&Path> {
    chain.links.iter().map(|link| link.file.path.as_path()).collect()
}

fn read(path: &Path) -> Chain {
    Chain::read(path, Some(Driver::Qcow2))
}

#[test]
fn a_chain_is_followed_down_to_its_base() {
    let bench = Bench::new();
    let base = bench.made("raw", "base.img");
    let middle = bench.overlay("middle.qcow2", base.to_str().expect("text"), "raw");
    let top = bench.overlay("top.qcow2", "middle.qcow2", "qcow2");
    let chain = read(&top);
    assert_eq!(paths(&chain), [&top, &middle, &base]);
    let forms: Vec<_> = chain.links.iter().map(|link| (link.driver, link.is_declared)).collect();
    assert_eq!(forms, [(Some(Driver::Qcow2), true), (Some(Driver::Qcow2), true), (Some(Driver::Raw), true)]);
    assert_eq!(chain.links[1].named, "middle.qcow2");
    assert_eq!((&chain.end, chain.is_complete(), chain.encryption()), (&End::Bottom, true, None));
    assert!(chain.needs(FileId::of(&base).expect("is there")));
    assert!(!read(&middle).needs(FileId::of(&top).expect("is there")));
    // The same file by another name.
    let link = bench.path("link");
    std::fs::hard_link(&base, &link).expect("links");
    assert!(chain.needs(FileId::of(&link).expect("is there")));
}

#[test]
fn version_two_and_a_form_that_nobody_declares() {
    let bench = Bench::new();
    let base = bench.made("qcow2", "base");
    bench.create(&["-u", "-f", "qcow2", "-o", "compat=0.10", "-b", "base", "-F", "qcow2"], "v2", &["4M"]);
    let chain = read(&bench.path("v2"));
    assert_eq!((paths(&chain)[1], chain.links[1].is_declared), (base.as_path(), true));
    // The backing format's extension becomes one that nobody knows.
    let at = 72;
    patch(&bench.path("v2"), at, &0x1234_5678u32.to_be_bytes());
    let chain = read(&bench.path("v2"));
    assert_eq!((chain.links[1].driver, chain.links[1].is_declared), (Some(Driver::Qcow2), false));
    assert!(chain.is_complete());
}

#[test]
fn relative_names_are_relative_to_the_overlays_name_and_not_to_its_links_target() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.path("a")).expect("makes");
    std::fs::create_dir_all(bench.path("b")).expect("makes");
    let in_a = bench.made("qcow2", "a/base");
    bench.made("qcow2", "b/base");
    let top = bench.overlay("b/top", "base", "qcow2");
    symlink(&top, bench.path("a/top")).expect("links");
    assert_eq!(paths(&read(&bench.path("a/top")))[1], in_a);
}

#[test]
fn blanks_newlines_and_colons_in_names() {
    let bench = Bench::new();
    let base = bench.made("qcow2", "my base\n:image.qcow2");
    let name = format!(
        "json:{}",
        serde_json::json!({"driver": "qcow2", "file": {"driver": "file", "filename": base}})
    );
    let middle = bench.overlay("my overlay.qcow2", &name, "qcow2");
    let top = bench.overlay("top", "./my overlay.qcow2", "qcow2");
    let chain = read(&top);
    assert_eq!(paths(&chain)[2], base);
    assert_eq!((chain.links.len(), &chain.end), (3, &End::Bottom));
    assert_eq!(FileId::of(&middle).ok(), chain.links[1].file.id);
    // No text at all.
    let odd = bench.path("x").with_file_name(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
    std::fs::copy(&base, &odd).expect("copies");
    let over = bench.overlay("over", "XX", "qcow2");
    let at = u64::from_be_bytes(std::fs::read(&over).expect("reads")[8..16].try_into().expect("eight"));
    patch(&over, at, b"\xff\xfe");
    assert_eq!(paths(&read(&over))[1], odd);
}

#[test]
fn raw_has_no_chain_whatever_its_bytes_say() {
    let bench = Bench::new();
    let forged = bench.overlay("disk", "/etc/passwd", "raw");
    let chain = Chain::read(&forged, Some(Driver::Raw));
    assert_eq!(
        (paths(&chain), &chain.end, chain.is_complete()),
        (vec![forged.as_path()], &End::Bottom, true)
    );
    // And so with one that an overlay declares to be raw.
    let top = bench.overlay("top", "disk", "raw");
    assert_eq!(paths(&read(&top)), [&top, &forged]);
    assert_eq!(Chain::read(&forged, None).links.len(), 2);
}

#[test]
fn two_hundred_levels_and_more() {
    let bench = Bench::new();
    let level = |number: usize| bench.path(&format!("level {number}"));
    bench.made("qcow2", "level 0");
    for number in 1..=1100 {
        let below = level(number - 1);
        let overlay = Overlay::new(4 << 20, below.to_str().expect("text"), "qcow2").expect("possible");
        overlay.write_to(&std::fs::File::create(level(number)).expect("makes")).expect("writes");
    }
    let chain = read(&level(200));
    assert_eq!((chain.links.len(), &chain.end), (201, &End::Bottom));
    assert_eq!(chain.links[200].file.path, level(0));
    let chain = read(&level(1100));
    assert_eq!((chain.links.len(), &chain.end, chain.is_complete()), (1000, &End::TooDeep, false));
}

#[test]
fn circles_end() {
    let bench = Bench::new();
    let one = bench.overlay("one", "two", "qcow2");
    let two = bench.overlay("two", "./link", "qcow2");
    symlink(&one, bench.path("link")).expect("links");
    let chain = read(&one);
    assert_eq!(
        (paths(&chain), &chain.end, chain.is_complete()),
        (vec![one.as_path(), &two], &End::Cycle, false)
    );
    let alone = bench.overlay("alone", "alone", "qcow2");
    assert_eq!((read(&alone).links.len(), read(&alone).end), (1, End::Cycle));
}

#[test]
fn what_cannot_be_read_is_told_at_its_link() {
    let bench = Bench::new();
    let state = |name: &str| {
        let chain = read(&bench.overlay("top", name, "qcow2"));
        assert_eq!((chain.links.len(), &chain.end, chain.is_complete()), (2, &End::Unread, false), "{name}");
        chain.links[1].file.state.clone()
    };
    assert_eq!(state("gone"), FileState::Missing);
    std::fs::create_dir(bench.path("folder")).expect("makes");
    assert_eq!(state("folder"), FileState::NotADisk(FileKind::Folder));
    assert_eq!(state("folder/x"), FileState::Missing);
    rustix::fs::mkfifoat(rustix::fs::CWD, bench.path("pipe"), rustix::fs::Mode::RUSR).expect("makes");
    assert_eq!(state("pipe"), FileState::NotADisk(FileKind::Fifo));
    assert_eq!(state("/dev/null"), FileState::NotADisk(FileKind::CharacterDevice));
    std::fs::write(bench.path("empty"), "").expect("writes");
    assert!(matches!(state("empty"), FileState::Damaged(_)));
    std::fs::write(bench.path("other"), vec![7; 4096]).expect("writes");
    assert!(matches!(state("other"), FileState::Damaged(_)));
    bench.made("qcow2", "long");
    patch(&bench.path("long"), 8, &u64::MAX.to_be_bytes());
    patch(&bench.path("long"), 16, &8u32.to_be_bytes());
    assert_eq!(state("long"), FileState::Damaged(header::Error::Truncated));
    bench.made("qcow2", "secret");
    std::fs::set_permissions(bench.path("secret"), PermissionsExt::from_mode(0o000)).expect("sets");
    if std::fs::File::open(bench.path("secret")).is_err() {
        assert_eq!(state("secret"), FileState::Denied);
    }
    // A raw one that is gone stands on nothing all the same.
    let chain = read(&bench.overlay("top", "gone", "raw"));
    assert_eq!((&chain.links[1].file.state, &chain.end), (&FileState::Missing, &End::Bottom));
    assert_eq!(chain.links[1].file.id, None);
}

#[test]
fn what_is_no_file_of_this_host_ends_the_chain() {
    let bench = Bench::new();
    let end = |name: &str| read(&bench.overlay("top", name, "raw")).end;
    let remote = |protocol: &str| End::Remote { protocol: protocol.into() };
    assert_eq!(end("nbd://example.org/x"), remote("nbd"));
    assert_eq!(end("rbd:pool/image"), remote("rbd"));
    let json = r#"json:{"driver":"raw","file":{"driver":"nbd","server":{"type":"unix","path":"/x"}}}"#;
    assert_eq!(end(json), remote("nbd"));
    let odd = "json:{\"driver\":\"quorum\",\"children\":[]}";
    assert_eq!(end(odd), End::Unknown { name: Some(odd.into()) });
    assert!(!read(&bench.path("top")).is_complete());
}

#[test]
fn what_a_json_name_gives_goes_before_the_header_below() {
    let bench = Bench::new();
    let (a, b) = (bench.made("qcow2", "a"), bench.made("raw", "b"));
    let middle = bench.overlay("middle", a.to_str().expect("text"), "qcow2");
    let over = |backing: serde_json::Value| {
        let name = serde_json::json!({"driver": "qcow2", "file": {"driver": "file", "filename": middle}, "backing": backing});
        read(&bench.overlay("top", &format!("json:{name}"), "qcow2"))
    };
    assert_eq!(paths(&over(serde_json::Value::Null)).len(), 2);
    let chain = over(serde_json::json!({"driver": "raw", "file": {"driver": "file", "filename": b}}));
    assert_eq!((paths(&chain)[2], &chain.end), (b.as_path(), &End::Bottom));
}

#[test]
fn an_external_data_file_belongs_to_its_disk() {
    let bench = Bench::new();
    let data = bench.path("data file.raw");
    let option = format!("data_file={}", data.display());
    let disk = bench.create(&["-f", "qcow2", "-o", &option], "disk", &["4M"]);
    let top = bench.overlay("top", "disk", "qcow2");
    let chain = read(&top);
    assert_eq!(chain.links[1].data_files[0].path, data);
    assert!(chain.needs(FileId::of(&data).expect("is there")) && chain.is_complete());
    assert_eq!(chain.files().count(), 3);
    std::fs::remove_file(&data).expect("removes");
    assert_eq!(read(&top).links[1].data_files[0].state, FileState::Missing);
    // The header wants one and does not name it.
    let bytes = std::fs::read(&disk).expect("reads");
    let at = bytes.windows(4).position(|word| word == b"DATA").expect("is there");
    patch(&disk, at as u64, b"XXXX");
    assert!(read(&disk).links[0].has_unknown_data_file && !read(&disk).is_complete());
}

#[test]
fn encryption_is_told() {
    let bench = Bench::new();
    let luks = "--object secret,id=s,data=pw -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10";
    let disk = bench.create(&luks.split(' ').collect::<Vec<_>>(), "luks", &["4M"]);
    assert_eq!(read(&disk).encryption(), Some(Encryption::Luks));
    let top = bench.overlay("top", "luks", "qcow2");
    assert_eq!(read(&top).encryption(), Some(Encryption::Luks));
    let alone = "--object secret,id=s,data=pw -f luks -o key-secret=s,iter-time=10";
    let alone = bench.create(&alone.split(' ').collect::<Vec<_>>(), "alone", &["4M"]);
    assert_eq!(Chain::read(&alone, None).encryption(), Some(Encryption::Luks));
    // The guest's own: its bytes are as it wrote them.
    assert_eq!(Chain::read(&alone, Some(Driver::Raw)).encryption(), None);
    let aes = bench.made("qcow2", "aes");
    patch(&aes, 32, &1u32.to_be_bytes());
    assert_eq!(read(&aes).encryption(), Some(Encryption::LegacyAes));
}

#[test]
fn other_programs_disks() {
    let bench = Bench::new();
    let base = bench.made("vmdk", "base.vmdk");
    let top = bench.create(&["-u", "-f", "vmdk", "-b", "base.vmdk", "-F", "vmdk"], "top.vmdk", &["4M"]);
    let chain = Chain::read(&top, None);
    assert_eq!((paths(&chain), &chain.end), (vec![top.as_path(), &base], &End::Bottom));

    let flat = bench.create(&["-f", "vmdk", "-o", "subformat=twoGbMaxExtentFlat"], "split.vmdk", &["3G"]);
    let chain = Chain::read(&flat, Some(Driver::Vmdk));
    let extents: Vec<_> = chain.links[0].data_files.iter().map(|file| file.path.clone()).collect();
    assert_eq!(extents, [bench.path("split-f001.vmdk"), bench.path("split-f002.vmdk")]);
    assert!(chain.is_complete());

    let qed = bench.create(&["-u", "-f", "qed", "-b", "base.vmdk", "-F", "raw"], "top.qed", &["4M"]);
    let chain = Chain::read(&qed, None);
    assert_eq!((paths(&chain)[1], chain.links[1].driver), (base.as_path(), Some(Driver::Raw)));

    let qcow = bench.create(&["-u", "-f", "qcow", "-b", "base.vmdk", "-F", "vmdk"], "top.qcow", &["4M"]);
    assert_eq!(Chain::read(&qcow, None).links[1].driver, Some(Driver::Vmdk));

    for (form, name, at, bytes) in
        [("vdi", "a.vdi", 76, &[4, 0, 0, 0][..]), ("vpc", "a.vhd", 60, &[0, 0, 0, 4])]
    {
        let disk = bench.made(form, name);
        assert_eq!(Chain::read(&disk, None).end, End::Bottom, "{form}");
        patch(&disk, at, bytes);
        assert_eq!(Chain::read(&disk, None).end, End::Unknown { name: None }, "{form}");
    }
    let vhdx = bench.made("vhdx", "a.vhdx");
    assert_eq!(Chain::read(&vhdx, Driver::from_name("vhdx")).end, End::Bottom);
}

#[test]
fn hostile_headers_neither_panic_nor_fill_the_memory() {
    let bench = Bench::new();
    let disk = bench.overlay("disk", "base", "qcow2");
    let whole = std::fs::read(&disk).expect("reads");
    for at in (4..112).step_by(4) {
        for value in [0u32, 1, 0x7fff_ffff, u32::MAX] {
            std::fs::write(&disk, &whole).expect("writes");
            patch(&disk, at, &value.to_be_bytes());
            let chain = read(&disk);
            assert!(chain.links.len() <= 2, "{at} {value}");
        }
    }
    std::fs::write(&disk, &whole).expect("writes");
    patch(&disk, 116, &u32::MAX.to_be_bytes());
    assert!(matches!(read(&disk).links[0].file.state, FileState::Damaged(_)));
}
