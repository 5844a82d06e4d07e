//! 38, 39, 41: files that are no image, are not what was announced, or are being written.

use super::super::MINUTE;
use super::super::support::{Background, Sandbox, sandbox_or_skip, wait_for};
use super::{
    Faults, IMAGES, POOL, brief, case, create_tiny, define, disk, domain, forget, output, path_of, qcow2,
    shell,
};

/// Holds a file as a QEMU that runs does.
fn open_file(sandbox: &Sandbox, format: &str, how: &[&str], file: &str) -> Background {
    let script = "sleep 300 | qemu-io -f \"$0\" \"${@:2}\" \"$1\"";
    let running = sandbox.as_root("bash", &[&["-c", script, format, file], how].concat()).spawn();
    wait_for("qemu-io to hold it", MINUTE, || {
        let script = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -qF \" -> $0\"";
        sandbox.as_root("sh", &["-c", script, file]).run().status.success().then_some(())
    });
    running
}

#[test]
fn a_file_that_is_being_written_is_no_image() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let mut faults = Faults::default();
    sandbox.virsh(&["pool-define-as", "images", "dir", "--target", IMAGES]);
    sandbox.virsh(&["pool-start", "images"]);
    for format in ["qcow2", "raw"] {
        let file = format!("{IMAGES}/c41.{format}");
        shell(&sandbox, "qemu-img create -q -f \"$1\" \"$0\" 8M", &[&file, format]);
        let devices = disk(&file, format, "vda");
        define(&sandbox, &domain("c41", &devices));
        let mut holding = open_file(&sandbox, format, &[], &file);
        for verb in [
            &["image", "import", &file, "torn"][..],
            &["create", "torn", "--image", &file],
            &["clone", "c41", "torn"],
            &["clone", "--linked", "c41", "torn"],
            &["image", "commit", "c41", "torn"],
            &["disk", "resize", "c41", "vda", "16M"],
            &["set", "c41", "-d", "16M"],
        ] {
            let run = sandbox.vmtools(&[verb, &["--json"]].concat()).run();
            let is_told = run.status.code() == Some(5) && output(&run).contains(&file);
            faults.check(is_told, format_args!("{format}: {}", brief(&run)));
            let images = sandbox.vmtools(&["image", "list", "--json"]).run().success().stdout;
            let is_clean = !images.contains("torn") && sandbox.domains() == ["c41"];
            faults.check(is_clean, format_args!("{format}: {} left something", brief(&run)));
            sandbox.vmtools(&["delete", "--force", "--if-exists", "torn"]).run();
            sandbox.vmtools(&["image", "rm", "torn", "--yes"]).run();
        }
        holding.signal_group("KILL");
        drop(holding);
        // Who only reads it, writes nothing while it is copied.
        let mut holding = open_file(&sandbox, format, &["-r"], &file);
        let run = sandbox.vmtools(&["image", "import", &file, "whole"]).run();
        faults.check(run.status.success(), format_args!("{format}, read by another: {}", brief(&run)));
        sandbox.vmtools(&["image", "rm", "whole", "--yes"]).run();
        holding.signal_group("KILL");
        forget(&sandbox, "c41");
    }
    faults.none();
}

#[test]
fn what_another_qemu_has_open_is_not_removed() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let mut faults = Faults::default();
    create_tiny(&sandbox, "web", &[]);
    sandbox.vmtools(&["disk", "add", "web", "16M"]).run().success();
    let (system, data) = (path_of(&sandbox, "web", "vda"), path_of(&sandbox, "web", "vdc"));
    let base = super::tiny_base(&sandbox);
    let there = |file: &str| sandbox.as_root("test", &["-e", file]).run().status.success();
    let refuses = |faults: &mut Faults, file: &str, verb: &[&str]| {
        let run = sandbox.vmtools(&[verb, &["--json"]].concat()).run();
        let is_told = run.status.code() == Some(11) && output(&run).contains("qemu-io (pid ");
        faults.check(is_told, brief(&run));
        faults.check(there(file) && sandbox.domains() == ["web"], format_args!("{} took it", brief(&run)));
    };
    for how in [&[][..], &["-r"]] {
        let mut holding = open_file(&sandbox, "qcow2", how, &system);
        refuses(&mut faults, &system, &["delete", "--yes", "web"]);
        refuses(&mut faults, &system, &["delete", "--force", "web"]);
        refuses(&mut faults, &system, &["delete", "--dry-run", "web"]);
        holding.signal_group("KILL");
    }
    let mut holding = open_file(&sandbox, "qcow2", &[], &data);
    refuses(&mut faults, &data, &["disk", "remove", "web", "vdc", "--yes"]);
    refuses(&mut faults, &data, &["delete", "--force", "web"]);
    holding.signal_group("KILL");
    drop(holding);
    // A VM that runs has its files open itself, and so have those that it is deleted with.
    sandbox.vmtools(&["clone", "--linked", "web", "twin"]).run().success();
    sandbox.virsh(&["start", "--paused", "twin"]);
    let run = sandbox.vmtools(&["delete", "--force", "web", "twin"]).run();
    faults.check(run.status.success() && sandbox.domains().is_empty(), brief(&run));
    let mut holding = open_file(&sandbox, "qcow2", &["-r"], &base);
    let run = sandbox.vmtools(&["image", "prune", "--yes"]).run();
    faults.check(run.status.code() == Some(11) && there(&base), brief(&run));
    holding.signal_group("KILL");
    drop(holding);
    let run = sandbox.vmtools(&["image", "prune", "--yes"]).run();
    faults.check(run.status.success() && !there(&base), brief(&run));
    faults.none();
}

#[test]
fn the_disk_of_a_vm_that_runs_is_no_image() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let file = format!("{IMAGES}/c41.qcow2");
    qcow2(&sandbox, &file, "8M");
    let xml = case("41-dom.xml");
    let (head, rest) = xml.split_once("<kernel>").unwrap();
    define(&sandbox, &format!("{head}{}", rest.split_once("</cmdline>").unwrap().1));
    sandbox.virsh(&["start", "--paused", "c41"]);
    let mut faults = Faults::default();
    for verb in [&["image", "import", &file, "torn"][..], &["create", "torn", "--image", &file]] {
        let run = sandbox.vmtools(&[verb, &["--json"]].concat()).run();
        faults.check(run.status.code() == Some(5) && output(&run).contains(&file), brief(&run));
        let images = sandbox.vmtools(&["image", "list", "--json"]).run().success().stdout;
        faults.check(!images.contains("torn"), format_args!("{} left an image", brief(&run)));
    }
    // What stands below the disk of a VM that runs is only read.
    create_tiny(&sandbox, "web", &["--start"]);
    let base = super::tiny_base(&sandbox);
    let run = sandbox.vmtools(&["image", "import", &base, "whole"]).run();
    faults.check(run.status.success(), brief(&run));
    faults.none();
}

/// Makes `one.ova` of a disk and a descriptor, with the manifest that the script `$0` prints.
const OVA: &str = r#"
cd "$HOME" && rm -rf ova && mkdir ova && cd ova
truncate -s 8M src.raw && printf payload | dd of=src.raw bs=1M seek=1 conv=notrunc status=none
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized src.raw appliance-disk1.vmdk
cat >one.ovf <<X
<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
  <References><File ovf:id="file1" ovf:href="appliance-disk1.vmdk"/></References>
  <DiskSection><Info>disks</Info>
    <Disk ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:capacity="8" ovf:capacityAllocationUnits="byte * 2^20"
      ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <VirtualSystem ovf:id="appliance"><Info>a</Info></VirtualSystem>
</Envelope>
X
line() { printf '%s(%s)= %s\n' "$1" "$2" "$("$3" "$2" | cut -d ' ' -f 1)"; }
all() { line "$1" one.ovf "$2"; line "$1" appliance-disk1.vmdk "$2"; }
wrong() { sed "s/($1)= ..../($1)= 0000/"; }
eval "$0" >one.mf
tar --format=ustar -cf one.ova $1
"#;

#[test]
fn an_appliance_whose_manifest_tells_another_digest_is_not_imported() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let mut faults = Faults::default();
    let usual = "one.ovf one.mf appliance-disk1.vmdk";
    let disk = "wrong appliance-disk1.vmdk";
    let cases = [
        ("all SHA1 sha1sum".to_owned(), usual, true),
        ("all SHA256 sha256sum".to_owned(), usual, true),
        ("all SHA512 sha512sum".to_owned(), usual, true),
        ("all SHA256 sha256sum | sed 's/= /=/'".to_owned(), usual, true),
        ("all SHA256 sha256sum | sed 's/.*/&\\r/'".to_owned(), usual, true),
        ("all SHA1 sha1sum".to_owned(), "one.ovf appliance-disk1.vmdk one.mf", true),
        (format!("all SHA1 sha1sum | {disk}"), usual, false),
        (format!("all SHA256 sha256sum | {disk}"), usual, false),
        (format!("all SHA512 sha512sum | {disk}"), usual, false),
        (format!("all sha1 sha1sum | {disk}"), usual, false),
        ("all SHA1 sha1sum | sed 's/= /=/; s/=..../=0000/'".to_owned(), usual, false),
        (format!("all SHA1 sha1sum | {disk}"), "one.ovf appliance-disk1.vmdk one.mf", false),
        ("all SHA1 sha1sum | wrong one.ovf".to_owned(), usual, false),
        ("all SHA256 sha256sum | wrong one.ovf".to_owned(), usual, false),
        (
            format!("{{ line SHA256 one.ovf sha256sum; line SHA1 appliance-disk1.vmdk sha1sum; }} | {disk}"),
            usual,
            false,
        ),
    ];
    for (manifest, files, is_right) in cases {
        shell(&sandbox, OVA, &[&manifest, files]);
        let ova = sandbox.home().join("ova/one.ova");
        let run = sandbox.vmtools(&["image", "import", ova.to_str().unwrap(), "app", "--json"]).run();
        let code = if is_right { 0 } else { 11 };
        faults.check(run.status.code() == Some(code), format_args!("{manifest}: {}", brief(&run)));
        let listed = sandbox.vmtools(&["image", "list", "--json"]).run().success().stdout;
        let is_told = listed.contains("\"app\"") == is_right;
        faults.check(is_told, format_args!("{manifest}: the list tells another tale"));
        sandbox.vmtools(&["image", "rm", "app", "--yes"]).run();
    }
    // A digest that cannot be checked proves nothing.
    for manifest in ["all MD5 md5sum", "all SHA3 sha256sum", "line SHA256 one.ovf sha256sum"] {
        shell(&sandbox, OVA, &[manifest, usual]);
        let ova = sandbox.home().join("ova/one.ova");
        let run = sandbox.vmtools(&["image", "import", ova.to_str().unwrap(), "app", "--json"]).run();
        let claims = run.status.success() && run.json()["verified"] == true;
        faults.check(!claims, format_args!("{manifest}: it says that it is verified"));
        sandbox.vmtools(&["image", "rm", "app", "--yes"]).run();
    }
    faults.none();
}

/// What a file begins with, that is neither a disk's own bytes nor of a format that is imported.
const HEADERS: [(&str, &str); 27] = [
    ("Parallels", "WithoutFreeSpace\\x02\\0\\0\\0"),
    ("Parallels of 2 TiB", "WithouFreSpacExt\\x02\\0\\0\\0"),
    ("Bochs", "Bochs Virtual HD Image\\0"),
    ("cloop", "#!/bin/sh\\n#V2.0 Format\\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\\n"),
    ("Android sparse", "\\x3a\\xff\\x26\\xed\\x01\\0\\0\\0"),
    ("EWF", "EVF\\x09\\x0d\\x0a\\xff\\0"),
    ("EWF's logical evidence", "LVF\\x09\\x0d\\x0a\\xff\\0"),
    ("EWF 2", "EVF2\\x0d\\x0a\\x81\\0"),
    ("AFF", "AFF10\\x0d\\x0a\\0"),
    ("a backup by Proxmox", "VMA\\0\\0\\0\\0\\x01"),
    ("a Windows image", "MSWIM\\0\\0\\0"),
    ("VMware of ESX", "COWD\\x01\\0\\0\\0"),
    ("VHD", "conectix\\0\\0\\0\\x02"),
    ("QED", "QED\\0\\0\\0\\x01\\0"),
    ("qcow", "QFI\\xfb\\0\\0\\0\\x01"),
    ("a later qcow", "QFI\\xfb\\0\\0\\0\\x04"),
    ("LUKS", "LUKS\\xba\\xbe\\0\\x01"),
    ("LUKS 2", "LUKS\\xba\\xbe\\0\\x02"),
    ("7z", "7z\\xbc\\xaf\\x27\\x1c"),
    ("zip", "PK\\x03\\x04"),
    ("gzip", "\\x1f\\x8b\\x08\\0"),
    ("bzip2", "BZh91AY&SY"),
    ("xz", "\\xfd7zXZ\\0"),
    ("zstd", "\\x28\\xb5\\x2f\\xfd"),
    ("lz4", "\\x04\\x22\\x4d\\x18"),
    ("a web page", "<!DOCTYPE html><html>"),
    ("Virtual PC's XML", "<?xml version='1.0'?><domain/>"),
];

#[test]
fn a_format_that_is_not_known_is_never_taken_for_raw() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let file = sandbox.tmp().join("some.img");
    let file = file.to_str().unwrap();
    super::super::define_empty(&sandbox, &["other"]);
    let mut faults = Faults::default();
    for (what, header) in HEADERS {
        shell(&sandbox, "rm -f \"$0\" && printf \"$1\" >\"$0\" && truncate -s 1M \"$0\"", &[file, header]);
        let verbs = [
            &["image", "import", file, "odd"][..],
            &["create", "odd", "--image", file],
            &["disk", "add", "other", "--file", file],
        ];
        // The same file is read by all of them.
        let verbs = if header.starts_with('Q') || header.starts_with("Wi") { &verbs } else { &verbs[..1] };
        for verb in verbs {
            let run = sandbox.vmtools(&[verb, &["--json"][..]].concat()).run();
            faults.check(run.status.code() == Some(11), format_args!("{what}: {}", brief(&run)));
            if run.status.success() {
                sandbox.vmtools(&["delete", "--force", "--if-exists", "odd"]).run();
                sandbox.vmtools(&["image", "rm", "odd", "--yes"]).run();
            }
        }
    }
    // Asked to, it is taken as it is.
    sandbox.vmtools(&["image", "import", file, "odd", "--format", "raw"]).run().success();
    faults.none();
}

#[test]
fn a_directory_given_as_a_file_is_told_as_one() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let make =
        "mkdir \"$0/folder.qcow2\" && mkfifo \"$0/fifo.qcow2\" && ln -s folder.qcow2 \"$0/link.qcow2\"";
    shell(&sandbox, make, &[sandbox.tmp().to_str().unwrap()]);
    let image = super::tiny_image(&sandbox);
    define(
        &sandbox,
        &domain("other", "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>"),
    );
    let mut faults = Faults::default();
    for (name, words) in [
        ("folder.qcow2", &["directory", "folder"][..]),
        ("link.qcow2", &["directory", "folder"]),
        ("fifo.qcow2", &["regular file", "pipe", "fifo", "FIFO"]),
    ] {
        let path = sandbox.tmp().join(name);
        let path = path.to_str().unwrap();
        for verb in [
            &["image", "import", path, "odd"][..],
            &["create", "odd", "--image", path],
            &["create", "odd", "--image", &image, "--iso", path],
            &["create", "odd", "--image", &image, "--user-data", path],
            &["disk", "add", "other", "--file", path],
            &["disk", "insert", "other", path],
        ] {
            // A pipe of the shell's is a document as any other.
            if verb.contains(&"--user-data") && name.starts_with("fifo") {
                continue;
            }
            let run = sandbox.vmtools(verb).timeout(MINUTE / 3).run();
            let said = run.stderr.replace(path, "");
            let is_told = matches!(run.status.code(), Some(1 | 2 | 3 | 11))
                && words.iter().any(|word| said.contains(word));
            faults.check(is_told, brief(&run));
            faults.check(sandbox.domains() == ["other"], format_args!("{}: a VM is left", brief(&run)));
        }
    }
    faults.none();
}

#[test]
fn a_disk_of_which_libvirt_has_not_learned_becomes_an_image() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "first", &[]);
    // As a clone leaves it whose daemon crashes, or whoever copies a file there.
    let unseen = format!("{POOL}/unseen.qcow2");
    qcow2(&sandbox, &unseen, "16M");
    define(&sandbox, &domain("theirs", &disk(&unseen, "qcow2", "vda")));
    sandbox.vmtools(&["image", "commit", "theirs", "ready"]).run().success();
    sandbox.vmtools(&["image", "info", "ready"]).run().success();
}
