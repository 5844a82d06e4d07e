//! 01, 02, 07, 09, 60: disks that are no plain file: volumes of pools, of the network, devices, and what is missing.

use super::super::MINUTE;
use super::super::support::{Sandbox, sandbox_or_skip};
use super::{
    Faults, IMAGES, brief, case, create_tiny, define, disk, domain, exists, forget, give, hash, output,
    path_of, qcow2, qcow2_with, shell, stored,
};

/// What the VM's disk of that target is, by `status` and by `disk list`.
fn told(sandbox: &Sandbox, vm: &str, target: &str) -> [serde_json::Value; 2] {
    let status = sandbox.vmtools(&["status", vm, "--json"]).run().success().json()["disks"].clone();
    let list = sandbox.vmtools(&["disk", "list", vm, "--json"]).run().success().json();
    [status, list].map(|disks| {
        let found = disks.as_array().unwrap().iter().find(|disk| disk["target"] == target).cloned();
        found.unwrap_or_else(|| panic!("{vm} has no {target}: {disks}"))
    })
}

fn virtual_size(sandbox: &Sandbox, file: &str) -> u64 {
    let info = sandbox.as_root("qemu-img", &["info", "-U", "--output=json", file]).run().success();
    info.json()["virtual-size"].as_u64().unwrap()
}

#[test]
fn a_disk_that_is_a_volume_is_as_any_other() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    give(&sandbox, &["pool-define"], &case("02-pool.xml"));
    let file = format!("{IMAGES}/c02 pool/root.qcow2");
    qcow2_with(&sandbox, &file, "16M", "payload");
    sandbox.virsh(&["pool-start", "c02pool"]);
    define(&sandbox, &case("02-volume.xml"));
    let mut faults = Faults::default();
    for disk in told(&sandbox, "c02-volume", "vda") {
        let is_told = disk["path"] == file.as_str()
            && disk["capacity_bytes"] == 16 << 20
            && disk["allocation_bytes"].as_u64().is_some_and(|bytes| bytes > 0);
        faults.check(is_told, format_args!("told as {disk}"));
    }
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    let run = vmtools(&["disk", "resize", "c02-volume", "vda", "24M"]);
    faults.check(run.status.success() && virtual_size(&sandbox, &file) == 24 << 20, brief(&run));
    let run = vmtools(&["set", "c02-volume", "-d", "32M"]);
    faults.check(run.status.success() && virtual_size(&sandbox, &file) == 32 << 20, brief(&run));
    let run = vmtools(&["image", "commit", "c02-volume", "ready"]);
    faults.check(run.status.success(), brief(&run));
    let before = hash(&sandbox, &file);
    for more in [&[][..], &["--linked"]] {
        let run = vmtools(&[&["clone", "c02-volume", "twin", "--json"], more].concat());
        faults.check(run.status.success(), brief(&run));
        if run.status.success() {
            let made = run.json()["disks"][0].clone();
            let own = made["path"].as_str().unwrap_or_default().to_owned();
            faults.check(own != file && exists(&sandbox, &own), format_args!("the clone's disk is {made}"));
            faults.check(super::chain_holds(&sandbox, &own), "the clone's disk is broken");
            let backing = made["backing"].as_str().unwrap_or_default();
            faults.check(more.is_empty() || backing == file, format_args!("it stands on {backing}"));
            let run = vmtools(&["delete", "--yes", "c02-volume"]);
            faults.check(more.is_empty() || run.status.code() == Some(11), brief(&run));
            vmtools(&["delete", "--force", "twin"]).success();
        }
        if sandbox.domains().is_empty() {
            define(&sandbox, &case("02-volume.xml"));
        }
    }
    // Given to a second VM it would be written by both.
    super::super::define_empty(&sandbox, &["other"]);
    let run = vmtools(&["disk", "add", "other", "--file", &file]);
    faults.check(run.status.code() == Some(11) && output(&run).contains("c02-volume"), brief(&run));
    let run = vmtools(&["delete", "--yes", "c02-volume"]);
    faults.check(run.status.success() && output(&run).contains("root.qcow2"), brief(&run));
    faults.check(hash(&sandbox, &file) == before, "the disk of others is changed");
    define(&sandbox, &case("02-volume.xml"));
    let run = vmtools(&["delete", "--yes", "--with-foreign-disks", "c02-volume"]);
    faults.check(run.status.success() && !exists(&sandbox, &file), brief(&run));
    faults.none();
}

#[test]
fn a_volume_of_a_pool_that_is_stopped_is_told_and_left() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    give(&sandbox, &["pool-define"], &case("07-pool.xml"));
    define(&sandbox, &case("07-inactive-pool.xml"));
    let nowhere =
        case("07-inactive-pool.xml").replace("c07-inactive", "c07-none").replace("c07pool", "nosuchpool");
    define(&sandbox, &nowhere);
    let mut faults = Faults::default();
    for (vm, pool) in [("c07-inactive", "c07pool"), ("c07-none", "nosuchpool")] {
        for disk in told(&sandbox, vm, "vda") {
            let text = disk.to_string();
            faults.check(
                text.contains(pool) && text.contains("data.img"),
                format_args!("{vm}: told as {disk}"),
            );
        }
        let shown = sandbox.vmtools(&["disk", "list", vm]).run().success().stdout;
        faults.check(shown.contains("data.img"), format_args!("{vm}: shown as {shown}"));
        for verb in [
            &["disk", "resize", vm, "vda", "96M"][..],
            &["set", vm, "-d", "96M"],
            &["image", "commit", vm, "ready"],
            &["clone", vm, "twin"],
            &["clone", "--linked", vm, "twin"],
        ] {
            let run = sandbox.vmtools(verb).run();
            let is_told = matches!(run.status.code(), Some(3 | 5 | 9)) && output(&run).contains(pool);
            faults.check(is_told, brief(&run));
            let is_wrong = output(&run).contains("has no disk");
            faults.check(!is_wrong, format_args!("{}: a wrong cause", brief(&run)));
        }
        let plan = sandbox.vmtools(&["delete", vm, "--dry-run"]).run();
        faults.check(plan.status.success() && output(&plan).contains("data.img"), brief(&plan));
        let run = sandbox.vmtools(&["delete", "--yes", vm]).run();
        faults.check(run.status.success(), brief(&run));
    }
    let active = sandbox.virsh(&["pool-list", "--name"]).stdout;
    faults.check(!active.contains("c07pool"), "it has been started");
    faults.none();
}

#[test]
fn a_disk_of_the_network_is_told_and_left() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    sandbox.tmpfs_at("/srv", "16M");
    shell(&sandbox, "mkdir /srv/fat && echo kept >/srv/fat/file", &[]);
    qcow2(&sandbox, &format!("{IMAGES}/c01.qcow2"), "8M");
    let remote = |protocol: &str, name: &str| {
        let xml = format!(
            "<disk type='network' device='disk'><driver name='qemu' type='raw'/>\
             <source protocol='{protocol}'{name}><host name='203.0.113.11' port='6789'/></source>\
             <target dev='vda' bus='virtio'/></disk>"
        );
        domain("c01-other", &xml)
    };
    let nvme = "<disk type='nvme' device='disk'><driver name='qemu' type='raw'/>\
        <source type='pci' managed='yes' namespace='1'><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\
        </source><target dev='vda' bus='virtio'/></disk>";
    // libvirt defines none that its guest may write.
    let folder = "<disk type='dir' device='disk'><driver name='qemu' type='fat'/><source dir='/srv/fat'/>\
        <target dev='vda' bus='virtio'/><readonly/></disk>";
    let cases = [
        (case("01-rbd.xml"), "c01-rbd", "vdb", "pool-a/vm-data"),
        (case("01-rbd-first.xml"), "c01-rbd-first", "vda", "pool-a/vm-root"),
        (remote("nbd", " name='export-1'"), "c01-other", "vda", "export-1"),
        (remote("nbd", ""), "c01-other", "vda", "203.0.113.11"),
        (
            remote("iscsi", " name='iqn.2013-07.com.example:target/1'"),
            "c01-other",
            "vda",
            "iqn.2013-07.com.example",
        ),
        (remote("gluster", " name='volume/some.img'"), "c01-other", "vda", "volume/some.img"),
        (remote("https", " name='images/some.img'"), "c01-other", "vda", "images/some.img"),
        (domain("c01-other", nvme), "c01-other", "vda", "0000:01:00.0"),
        (domain("c01-other", folder), "c01-other", "vda", "/srv/fat"),
    ];
    let mut faults = Faults::default();
    for (xml, vm, target, name) in cases {
        define(&sandbox, &xml);
        for disk in told(&sandbox, vm, target) {
            faults.check(disk.to_string().contains(name), format_args!("{vm} {name}: told as {disk}"));
        }
        let shown = sandbox.vmtools(&["disk", "list", vm]).run().success().stdout;
        faults.check(shown.contains(name), format_args!("{vm} {name}: shown as {shown}"));
        let is_first = target == "vda";
        for verb in [
            &["disk", "resize", vm, target, "96M"][..],
            &["set", vm, "-d", "96M"],
            &["image", "commit", vm, "ready"],
            &["clone", vm, "twin"],
            &["clone", "--linked", vm, "twin"],
        ] {
            if !is_first && matches!(verb[0], "set" | "image") {
                continue;
            }
            let run = sandbox.vmtools(verb).timeout(MINUTE).run();
            // What nobody writes to, two may have.
            if verb[0] == "clone" && name == "/srv/fat" {
                let is_shared = run.status.success() && stored(&sandbox, "twin").contains(name);
                faults.check(is_shared, format_args!("{vm} {name}: {}", brief(&run)));
                let run = sandbox.vmtools(&["delete", "--yes", "twin"]).run();
                faults.check(run.status.success() && output(&run).contains(name), brief(&run));
                continue;
            }
            let said = output(&run);
            // A reason that is this disk's, and names it.
            let is_told = matches!(run.status.code(), Some(2 | 5 | 9)) && said.contains(name);
            faults.check(is_told && !said.contains("has no disk"), brief(&run));
            faults.check(sandbox.domains() == [vm], format_args!("{}: a clone is left", brief(&run)));
        }
        let run = sandbox.vmtools(&["delete", "--yes", vm]).run();
        faults.check(run.status.success() && output(&run).contains(name), brief(&run));
        forget(&sandbox, vm);
        faults.check(exists(&sandbox, "/srv/fat/file"), format_args!("{name}: the folder is gone"));
    }
    faults.none();
}

#[test]
fn a_file_or_device_that_is_missing_is_told_as_missing() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    sandbox.tmpfs_at("/srv", "16M");
    let dangling = "/srv/dangling.qcow2";
    shell(&sandbox, "ln -s nowhere.qcow2 \"$0\" && mkdir -p /srv/deep", &[dangling]);
    let broken = "/srv/broken.qcow2";
    qcow2(&sandbox, "/srv/base.qcow2", "8M");
    super::overlay(&sandbox, broken, "/srv/base.qcow2");
    shell(&sandbox, "rm /srv/base.qcow2", &[]);
    let at = |file: &str| domain("c09-file", &disk(file, "qcow2", "vda"));
    let cases = [
        (case("09-byid.xml"), "c09-byid", "/dev/disk/by-id/ata-ACME8000_SN0001-part1"),
        (at("/srv/not-there.qcow2"), "c09-file", "/srv/not-there.qcow2"),
        (at("/srv/no/such/folder/disk.qcow2"), "c09-file", "/srv/no/such/folder/disk.qcow2"),
        (at(&format!("{IMAGES}/not-there.qcow2")), "c09-file", "not-there.qcow2"),
        (at(dangling), "c09-file", dangling),
        (at(broken), "c09-file", "/srv/base.qcow2"),
    ];
    let mut faults = Faults::default();
    for (xml, vm, missing) in cases {
        define(&sandbox, &xml);
        for verb in [
            &["clone", vm, "twin"][..],
            &["clone", "--linked", vm, "twin"],
            &["image", "commit", vm, "ready"],
            &["set", vm, "-d", "96M"],
            &["disk", "resize", vm, "vda", "96M"],
        ] {
            let run = sandbox.vmtools(verb).run();
            let said = output(&run);
            let words = ["not there", "missing", "does not exist", "not exist", "No such file", "not found"];
            let is_told = said.contains(missing) && words.iter().any(|word| said.contains(word));
            faults.check(matches!(run.status.code(), Some(3 | 5 | 9 | 11)) && is_told, brief(&run));
            let is_wrong = said.contains("pool-create") || said.contains("storage pool");
            faults.check(!is_wrong, format_args!("{}: a hint that does not help", brief(&run)));
            faults.check(sandbox.domains() == [vm], format_args!("{}: a clone is left", brief(&run)));
        }
        // It can be looked at, and deleted.
        for verb in [&["status", vm][..], &["disk", "list", vm], &["delete", "--yes", vm]] {
            let run = sandbox.vmtools(verb).run();
            faults.check(run.status.success(), brief(&run));
        }
        forget(&sandbox, vm);
    }
    faults.none();
}

#[test]
fn what_the_disk_of_a_running_vm_takes_is_what_its_file_takes() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let files = ["full.qcow2", "full.raw"].map(|name| format!("{IMAGES}/{name}"));
    for (file, format) in files.iter().zip(["qcow2", "raw"]) {
        let script =
            "qemu-img create -q -f \"$1\" \"$0\" 16M && qemu-io -f \"$1\" -c 'write -q 0 4M' \"$0\" &&
            chmod 666 \"$0\"";
        shell(&sandbox, script, &[file, format]);
    }
    let disks = format!("{}{}", disk(&files[0], "qcow2", "vda"), disk(&files[1], "raw", "vdb"));
    define(&sandbox, &domain("c60", &disks));
    create_tiny(&sandbox, "web", &[]);
    let own = path_of(&sandbox, "web", "vda");
    shell(&sandbox, "qemu-io -f qcow2 -c 'write -q 0 4M' \"$0\"", &[&own]);
    for vm in ["c60", "web"] {
        sandbox.virsh(&["start", "--paused", vm]);
    }
    let mut faults = Faults::default();
    for (vm, target, file) in [("c60", "vda", &files[0]), ("c60", "vdb", &files[1]), ("web", "vda", &own)] {
        let blocks = shell(&sandbox, "stat -c %b \"$0\"", &[file]).stdout;
        let takes = blocks.trim().parse::<u64>().unwrap() * 512;
        for disk in told(&sandbox, vm, target) {
            let is_told = disk["allocation_bytes"].as_u64() == Some(takes);
            faults.check(is_told, format_args!("{file} takes {takes}, told as {disk}"));
        }
    }
    faults.none();
}
