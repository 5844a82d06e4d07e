//! The files of clones: overlays beside qemu-img's own, extents that are shared.

use std::path::{Path, PathBuf};

use super::support::{Run, Sandbox, sandbox_or_skip};
use super::{as_member, create, own_volumes, unbootable_image};

const TIB: u64 = 1 << 40;

/// A domain of others with a huge disk, which has a large first-level table, and one of an odd size.
fn odd(sandbox: &Sandbox) -> [PathBuf; 2] {
    let files = ["huge.qcow2", "odd.raw"].map(|name| sandbox.root().join("images").join(name));
    let make = "qemu-img create -q -f qcow2 \"$0\" 10T && head -c 1000001 /dev/zero >\"$1\"";
    sandbox.as_root("sh", &[Path::new("-c"), Path::new(make), &files[0], &files[1]]).run().success();
    let disk = |file: &Path, target: &str| {
        let format = file.extension().unwrap().to_str().unwrap();
        format!(
            "<disk type='file' device='disk'><driver name='qemu' type='{format}'/><source file='{}'/>\
             <target dev='{target}'/></disk>",
            file.display()
        )
    };
    let xml = format!(
        "<domain type='qemu'><name>odd</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>{}{}</devices></domain>",
        disk(&files[0], "vda"),
        disk(&files[1], "vdb")
    );
    sandbox.command("virsh", &["-c", sandbox.uri(), "define", "/dev/stdin"]).stdin(xml).run().success();
    files
}

/// The clone's disks are what qemu-img makes, to the last byte, and their owner's alone.
#[track_caller]
fn is_qemu_imgs(sandbox: &Sandbox, clone: &Run, below: &[(&Path, &str)]) {
    let other = sandbox.tmp().join("by-qemu-img.qcow2");
    let other = other.to_str().unwrap();
    for (number, (file, format)) in below.iter().enumerate() {
        let path = clone.json()["disks"][number]["path"].as_str().unwrap().to_owned();
        let file = file.to_str().unwrap();
        let make = ["create", "-q", "-f", "qcow2", "-o", "extended_l2=on", "-b", file, "-F", format, other];
        sandbox.as_root("qemu-img", &make).run().success();
        sandbox.as_root("cmp", &[path.as_str(), other]).run().success();
        sandbox.as_root("qemu-img", &["check", "-q", "-f", "qcow2", &path]).run().success();
        let chain = sandbox.as_root("qemu-img", &["info", "--backing-chain", "--output=json", &path]);
        let chain = chain.run().success();
        assert_eq!(chain.json()[0]["backing-filename"], *file, "{chain}");
        assert_eq!(chain.json()[0]["backing-filename-format"], *format, "{chain}");
        let rights = sandbox.as_root("stat", &["-c", "%a %u %g", &path]).run().success().stdout;
        assert_eq!(rights, "600 0 0\n", "{path}");
        assert_eq!(clone.json()["disks"][number]["backing"], *file, "libvirt knows of it: {clone}");
    }
}

#[test]
fn a_linked_clones_overlays_are_those_that_qemu_img_makes() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let files = odd(&sandbox);
    let below = [(files[0].as_path(), "qcow2"), (files[1].as_path(), "raw")];
    let low = sandbox.vmtools(&["clone", "odd", "low", "--linked", "-v", "--json"]).run().success();
    assert!(!low.stderr.contains("vol-create"), "{low}");
    is_qemu_imgs(&sandbox, &low, &below);
    let disks = low.json()["disks"].clone();
    let sizes = disks.as_array().unwrap().iter().map(|disk| disk["capacity_bytes"].as_u64());
    assert_eq!(sizes.collect::<Vec<_>>(), [Some(10 * TIB), Some(1_000_448)], "{low}");

    // Who may not write in the pool's folder has libvirt make them.
    let args = ["clone", "odd", "members", "--linked", "-v", "--json"];
    let member = as_member(&sandbox, &args).run().success();
    assert!(member.stderr.contains("vol-create"), "{member}");
    is_qemu_imgs(&sandbox, &member, &below[..1]);

    // So does who sees another folder in the pool's place.
    let apart = "mount -t tmpfs none /var/lib/libvirt/images/vmtools && \"$@\" && \
                 ls /var/lib/libvirt/images/vmtools >&2";
    let args = ["-m", "sh", "-c", apart, "sh", env!("CARGO_BIN_EXE_vmtools"), "clone", "odd", "apart"];
    let apart = sandbox.as_root("unshare", &[&args[..], &["--linked", "-v", "--json"]].concat());
    let apart = apart.run().success().stderr_has("vol-create");
    assert!(apart.stderr.ends_with("\n") && !apart.stderr.ends_with(".qcow2\n"), "{apart}");
    is_qemu_imgs(&sandbox, &apart, &below[..1]);
    for name in ["apart", "members", "low"] {
        sandbox.vmtools(&["delete", "--force", name]).run().success();
    }
    assert_eq!(own_volumes(&sandbox), Vec::<String>::new());
}

#[test]
fn a_full_clone_shares_its_extents_where_the_file_system_can() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let pool = sandbox.root().join("reflinks");
    sandbox_or_skip!(sandbox.reflinks_at(&pool));
    sandbox.vmtools(&["config", "--set", &format!("storage.path={}", pool.display())]).run().success();
    create(&sandbox, "web", &image, &[]).run().success();
    let source = own_volumes(&sandbox).into_iter().find(|path| path.ends_with(".qcow2")).unwrap();
    sandbox.exec(&["qemu-io", "-f", "qcow2", "-c", "write -q -P 7 300M 200M", &source]);
    let used_mib = || {
        let script = "sync -f \"$0\" && df --output=used -BM \"$0\" | tail -n 1 | tr -dc 0-9";
        let used = sandbox.as_root("sh", &["-c", script, pool.to_str().unwrap()]).run().success();
        used.stdout.parse::<i64>().unwrap()
    };
    let before = used_mib();
    assert!(before >= 200, "{before} MiB");
    let twin = sandbox.vmtools(&["clone", "web", "twin", "--json"]).run().success();
    let grown = used_mib() - before;
    assert!(grown < 8, "{grown} MiB more");
    let copy = twin.json()["disks"][0]["path"].as_str().unwrap().to_owned();
    sandbox.as_root("cmp", &[&source, &copy]).run().success();
    let extents = sandbox.as_root("filefrag", &["-v", &copy]).run().success();
    assert!(extents.stdout.contains("shared"), "{extents}");
    // What the clone writes is its own.
    sandbox.exec(&["qemu-io", "-f", "qcow2", "-c", "write -q -P 8 300M 1M", &copy]);
    sandbox.exec(&["qemu-io", "-f", "qcow2", "-c", "read -q -P 7 300M 1M", &source]);
    sandbox.vmtools(&["delete", "--force", "twin"]).run().success();
}

/// What was in a snapshot is in no copy, whoever makes it, though it stays in the source's file.
#[test]
fn nothing_of_a_snapshot_comes_along() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &[]).run().success();
    let source = own_volumes(&sandbox).into_iter().find(|path| path.ends_with(".qcow2")).unwrap();
    let secret = "a secret of last year's";
    let file = sandbox.tmp().join("secret");
    std::fs::write(&file, secret.repeat(5000)).unwrap();
    let write = |command: &str| sandbox.exec(&["qemu-io", "-f", "qcow2", "-c", command, &source]);
    write(&format!("write -q -s {} 100M 64k", file.display()));
    sandbox.virsh(&["snapshot-create-as", "web", "then"]);
    write("write -q -z 100M 64k");
    write("write -q -P 7 200M 1M");
    sandbox.exec(&["qemu-img", "bitmap", "--add", &source, "c1"]);
    let holds = |path: &str| sandbox.as_root("grep", &["-q", secret, path]).run().status.success();
    let base = |path: &str| {
        let info = sandbox.exec(&["qemu-img", "info", "--output=json", path]).json();
        (info["backing-filename"].clone(), info["backing-filename-format"].clone())
    };
    let clean = |path: &str| {
        assert!(!holds(path), "{path}");
        let info = sandbox.exec(&["qemu-img", "info", "--output=json", path]).json();
        assert!(info["snapshots"].is_null(), "{info}");
        assert!(info["format-specific"]["data"]["bitmaps"].is_null(), "{info}");
        sandbox.exec(&["qemu-img", "compare", "-q", "-f", "qcow2", "-F", "qcow2", &source, path]);
    };
    let disk = |run: &Run| run.json()["disks"][0]["path"].as_str().unwrap().to_owned();
    // With the snapshot there, and once it is deleted: its clusters are free then, and not empty.
    for (number, step) in ["there", "deleted"].iter().enumerate() {
        assert!(holds(&source), "{step}");
        let twin = sandbox.vmtools(&["clone", "web", &format!("twin-{number}"), "--json"]).run().success();
        clean(&disk(&twin));
        assert_eq!(base(&disk(&twin)), base(&source), "{step}");
        let args = ["clone", "web", &format!("member-{number}"), "--json"];
        clean(&disk(&as_member(&sandbox, &args).run().success()));
        let linked = ["clone", "web", &format!("low-{number}"), "--linked", "--json"];
        clean(&disk(&sandbox.vmtools(&linked).run().success()));
        let image = format!("image-{number}");
        sandbox.vmtools(&["image", "commit", "web", &image]).run().success();
        let images = sandbox.home().join(".local/share/vmtools/images");
        sandbox.as_root("test", &["-d", images.to_str().unwrap()]).run().success();
        let found = sandbox.as_root("grep", &["-rlq", secret, images.to_str().unwrap()]).run();
        assert_eq!(found.status.code(), Some(1), "{found}");
        if number == 0 {
            sandbox.virsh(&["snapshot-delete", "web", "then"]);
            sandbox.exec(&["qemu-img", "bitmap", "--remove", &source, "c1"]);
        }
    }
}
