//! 11, 14, 20, 24: a change is what was asked, and no more; what boots today boots after it.

use super::super::support::{Run, Sandbox, sandbox_or_skip};
use super::{
    Faults, IMAGES, brief, case, create_tiny, define, disk, domain, forget, output, path_of, qcow2,
    qcow2_with, shell, stored,
};

/// The file of the disk that the firmware is told to boot first, by the command line that libvirt would give QEMU.
fn boots(sandbox: &Sandbox, vm: &str) -> String {
    let line = sandbox.virsh(&["domxml-to-native", "qemu-argv", "--domain", vm]).stdout;
    let after = |text: &str, key: &str| {
        let rest = text.split(key).nth(1).unwrap_or_default();
        rest.split(['"', ',', '}', '\'']).next().unwrap_or_default().to_owned()
    };
    let devices = line.split_whitespace().filter(|word| word.contains("bootindex"));
    let index = |word: &&str| after(word, "\"bootindex\":").parse::<u32>().unwrap_or(u32::MAX);
    let Some(first) = devices.min_by_key(index) else { return String::new() };
    let node = after(first, "\"drive\":\"").replace("-format", "-storage");
    let file = line.split_whitespace().find(|word| word.contains(&format!("\"node-name\":\"{node}\"")));
    file.map_or(String::new(), |file| after(file, "\"filename\":\""))
}

#[test]
fn cpus_are_set_where_a_topology_is() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    qcow2(&sandbox, &format!("{IMAGES}/c11.qcow2"), "8M");
    let mut faults = Faults::default();
    let numa = domain("c11-numa", "")
        .replace("<vcpu>1</vcpu>", "<vcpu current='2'>4</vcpu>")
        .replace("<features>", "<cpu mode='maximum'><topology sockets='2' cores='2' threads='1'/>\
            <numa><cell id='0' cpus='0-1' memory='32' unit='MiB'/><cell id='1' cpus='2-3' memory='32' unit='MiB'/>\
            </numa></cpu><features>");
    let pinned = domain("c11-pinned", "")
        .replace("<vcpu>1</vcpu>", "<vcpu>4</vcpu><cputune><vcpupin vcpu='3' cpuset='0'/></cputune>")
        .replace(
            "<features>",
            "<cpu mode='maximum'><topology sockets='1' cores='4' threads='1'/></cpu><features>",
        );
    let cases = [
        (case("11-topology.xml"), "c11-topo", 8),
        (case("11-topology-tight.xml"), "c11-tight", 4),
        (numa, "c11-numa", 4),
        (pinned, "c11-pinned", 4),
    ];
    for (xml, vm, most) in cases {
        define(&sandbox, &xml);
        for count in [1, 2, 3, 4].into_iter().filter(|count| *count <= most) {
            let before = stored(&sandbox, vm);
            let run = sandbox.vmtools(&["set", vm, "-c", &count.to_string()]).run();
            let after = stored(&sandbox, vm);
            let status = sandbox.vmtools(&["status", vm, "--json"]).run().success().json();
            let is_set = run.status.success() && status["cpus"] == count && status["max_cpus"] == most;
            faults
                .check(is_set, format_args!("{}: {} of {}", brief(&run), status["cpus"], status["max_cpus"]));
            let rest = |xml: &str| xml.lines().filter(|line| !line.contains("<vcpu ")).collect::<String>();
            faults.check(rest(&before) == rest(&after), format_args!("{}: more is changed", brief(&run)));
        }
        // More than the topology has: refused as what it is, or done with a topology that fits.
        let run = sandbox.vmtools(&["set", vm, "-c", &(most * 2).to_string()]).run();
        let is_right = match run.status.code() {
            Some(0) => sandbox.vmtools(&["status", vm, "--json"]).run().json()["cpus"] == most * 2,
            Some(2 | 5 | 9) => output(&run).contains("topology"),
            _ => false,
        };
        faults.check(is_right, brief(&run));
        forget(&sandbox, vm);
    }
    faults.none();
}

#[test]
fn the_disk_that_is_set_and_committed_is_the_one_that_boots() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let [data, root] = ["c14-data", "c14-root"].map(|name| format!("{IMAGES}/{name}.qcow2"));
    sandbox.virsh(&["pool-define-as", "images", "dir", "--target", IMAGES]);
    sandbox.virsh(&["pool-start", "images"]);
    let two = |first: &str, second: &str, boot: &str| {
        let ordered = disk(&root, "qcow2", second).replace("</disk>", &format!("{boot}</disk>"));
        domain("c14-boot", &format!("{}{ordered}", disk(&data, "qcow2", first)))
    };
    let sata = two("vda", "sda", "<boot order='1'/>");
    // The data's disk is not the first that libvirt lists: by its target it comes behind.
    let by_target = two("vdb", "vda", "").replace("hvm</type>", "hvm</type><boot dev='hd'/>");
    let cdrom = "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>";
    let behind_cdrom = domain("c14-boot", &format!("{cdrom}{}", disk(&root, "qcow2", "vda")))
        .replace("hvm</type>", "hvm</type><boot dev='cdrom'/><boot dev='hd'/>");
    let mut faults = Faults::default();
    for (what, xml) in [
        ("by order", case("14-bootorder.xml")),
        ("by order, of another bus", sata),
        ("by target", by_target),
        ("behind a CD-ROM", behind_cdrom),
    ] {
        qcow2_with(&sandbox, &data, "8M", "this is the data");
        qcow2_with(&sandbox, &root, "8M", "this is the root");
        sandbox.virsh(&["pool-refresh", "images"]);
        define(&sandbox, &xml);
        let run = sandbox.vmtools(&["image", "commit", "c14-boot", "ready", "--replace"]).run();
        let is_root = run.status.success() && {
            let info = sandbox.vmtools(&["image", "info", "ready", "--json"]).run().success().json();
            let image = info["path"].as_str().unwrap().to_owned();
            let convert =
                "qemu-img convert -O raw \"$0\" \"$0.raw\" && grep -qa 'this is the root' \"$0.raw\"";
            sandbox.as_root("bash", &["-c", convert, &image]).run().status.success()
        };
        faults.check(is_root, format_args!("{what}: it is another disk's image: {}", brief(&run)));
        let run = sandbox.vmtools(&["set", "c14-boot", "-d", "16M"]).run();
        let sizes = [&data, &root].map(|file| {
            let info = sandbox.as_root("qemu-img", &["info", "--output=json", file]).run().success();
            info.json()["virtual-size"].as_u64().unwrap() >> 20
        });
        faults.check(
            run.status.success() && sizes == [8, 16],
            format_args!("{what}: {}: {sizes:?}", brief(&run)),
        );
        forget(&sandbox, "c14-boot");
    }
    faults.none();
}

#[test]
fn a_disk_finds_a_free_place_and_what_boots_still_does() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let own = format!("{IMAGES}/c24a.qcow2");
    qcow2(&sandbox, &own, "8M");
    shell(&sandbox, "chmod 666 \"$0\"", &[&own]);
    let disk_at = |target: &str, bus: &str, more: &str| {
        disk(&own, "qcow2", target)
            .replace(&format!("dev='{target}'"), &format!("dev='{target}' bus='{bus}'"))
            .replace("</disk>", &format!("{more}</disk>"))
    };
    let unit = |unit: u32| format!("<address type='drive' controller='0' bus='0' target='0' unit='{unit}'/>");
    let cdrom = |target: &str, bus: &str, more: &str| {
        format!(
            "<disk type='file' device='cdrom'><target dev='{target}' bus='{bus}'/><readonly/>{more}</disk>"
        )
    };
    let scsi = "<controller type='scsi' index='0' model='virtio-scsi'/>";
    let hd = |xml: String| xml.replace("hvm</type>", "hvm</type><boot dev='hd'/>");
    let pci = "<address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>";
    let cases = [
        ("sata, by the case", case("24-sata-unit.xml")),
        (
            "sata, the other way round",
            domain(
                "c24-sata",
                &format!("{}{}", disk_at("sdb", "sata", &unit(0)), cdrom("sda", "sata", &unit(2))),
            ),
        ),
        (
            "sata, full up to the last",
            domain("c24-sata", &{
                let drives: String = (1..5)
                    .map(|at| cdrom(&format!("sd{}", char::from(b'a' + at)), "sata", &unit(u32::from(at))))
                    .collect();
                format!("{}{drives}", disk_at("sda", "sata", &unit(0)))
            }),
        ),
        (
            "sata, full",
            domain("c24-sata", &{
                let drives: String = (1..6)
                    .map(|at| cdrom(&format!("sd{}", char::from(b'a' + at)), "sata", &unit(u32::from(at))))
                    .collect();
                format!("{}{drives}", disk_at("sda", "sata", &unit(0)))
            }),
        ),
        (
            "scsi",
            domain(
                "c24-sata",
                &format!("{scsi}{}{}", disk_at("sda", "scsi", &unit(1)), cdrom("sdc", "scsi", &unit(0))),
            ),
        ),
        (
            "ide",
            domain(
                "c24-sata",
                &format!("{}{}", disk_at("hda", "ide", &unit(1)), cdrom("hdc", "ide", &unit(0))),
            )
            .replace("q35", "pc"),
        ),
        ("usb", domain("c24-sata", &disk_at("sda", "usb", ""))),
        ("virtio, a gap before it", hd(domain("c24-sata", &disk_at("vdb", "virtio", "")))),
        ("virtio, far behind", hd(domain("c24-sata", &disk_at("vdz", "virtio", "")))),
        (
            "virtio, an address of the next",
            domain("c24-sata", &format!("{}{}", disk_at("vda", "virtio", pci), cdrom("sda", "sata", ""))),
        ),
        ("sata, a gap before it", hd(domain("c24-sata", &disk_at("sdb", "sata", "")))),
        (
            "boot order of an interface",
            domain(
                "c24-sata",
                &format!(
                    "{}<interface type='network'><source network='default'/>\
            <boot order='1'/></interface>",
                    disk_at("vdb", "virtio", "<boot order='2'/>")
                ),
            ),
        ),
    ];
    let iso = sandbox.tmp().join("some.iso");
    std::fs::write(&iso, vec![0; 1 << 20]).unwrap();
    let mut faults = Faults::default();
    for (what, xml) in cases {
        define(&sandbox, &xml);
        let before = boots(&sandbox, "c24-sata");
        let mut add = |args: &[&str]| -> Run {
            let run = sandbox.vmtools(args).run();
            let is_full = what == "sata, full" && matches!(run.status.code(), Some(2 | 5 | 9));
            faults.check(run.status.success() || is_full, format_args!("{what}: {}", brief(&run)));
            let now = boots(&sandbox, "c24-sata");
            faults
                .check(now == before, format_args!("{what}: {}: it boots {now}, not {before}", brief(&run)));
            run
        };
        let one = add(&["disk", "add", "c24-sata", "16M", "--json"]);
        let two = add(&["disk", "add", "c24-sata", "16M", "--json"]);
        if one.status.success() && two.status.success() {
            add(&["disk", "remove", "c24-sata", one.json()["target"].as_str().unwrap(), "--yes"]);
            add(&["disk", "add", "c24-sata", "16M"]);
        }
        if !what.contains("full") {
            let run = sandbox.vmtools(&["disk", "insert", "c24-sata", iso.to_str().unwrap()]).run();
            // A VM without a drive may be told so.
            faults.check(matches!(run.status.code(), Some(0 | 5)), format_args!("{what}: {}", brief(&run)));
        }
        let run = sandbox.virsh_command(&["start", "--paused", "c24-sata"]).run();
        faults.check(run.status.success(), format_args!("{what}: it does not start: {}", run.stderr));
        forget(&sandbox, "c24-sata");
        shell(&sandbox, "rm -f /var/lib/libvirt/images/vmtools/*", &[]);
    }
    faults.none();
}

/// libvirt starts a saved VM with the definition that was saved.
#[test]
fn a_change_of_a_saved_vm_is_refused_or_done() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let (own, extra) = (format!("{IMAGES}/c20.qcow2"), format!("{IMAGES}/extra.qcow2"));
    for file in [&own, &extra] {
        qcow2(&sandbox, file, "8M");
        shell(&sandbox, "chmod 666 \"$0\"", &[file]);
    }
    let iso = sandbox.tmp().join("some.iso");
    std::fs::write(&iso, vec![0; 1 << 20]).unwrap();
    let iso = iso.to_str().unwrap();
    sandbox.vmtools(&["network", "create", "lab"]).run().success();
    // Whatever else its disk would be refused for.
    sandbox.virsh(&["pool-define-as", "images", "dir", "--target", IMAGES]);
    sandbox.virsh(&["pool-start", "images"]);
    let drive = "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>";
    let interface = "<interface type='network'><source network='default'/></interface>";
    let size = || {
        let info = sandbox.as_root("qemu-img", &["info", "-U", "--output=json", &own]).run().success();
        info.json()["virtual-size"].as_u64().unwrap() >> 20
    };
    let mut faults = Faults::default();
    // What the running VM then has, or has no more.
    let verbs: [(&[&str], &str, bool); 12] = [
        (&["disk", "add", "c20", "16M"], "/vmtools/c20-", true),
        (&["disk", "add", "c20", "--file", &extra], &extra, true),
        (&["disk", "insert", "c20", iso], iso, true),
        (&["disk", "remove", "c20", "vdb", "--yes"], "<target dev='vdb'", false),
        (&["network", "attach", "lab", "c20"], "network='lab'", true),
        (&["network", "detach", "default", "c20"], "network='default'", false),
        (&["set", "c20", "-m", "128"], "<memory unit='KiB'>131072<", true),
        (&["set", "c20", "-c", "2"], ">2</vcpu>", true),
        (&["rename", "c20", "other"], "<name>other<", true),
        (&["set", "c20", "-d", "16M"], "the disk's size is another thing", false),
        (&["disk", "resize", "c20", "vda", "16M"], "the disk's size is another thing", false),
        (&["restart", "--force", "c20"], "<name>c20<", true),
    ];
    qcow2(&sandbox, &format!("{IMAGES}/second.qcow2"), "8M");
    shell(&sandbox, "chmod 666 \"$0\"", &[&format!("{IMAGES}/second.qcow2")]);
    for (verb, mark, has) in verbs {
        let second = disk(&format!("{IMAGES}/second.qcow2"), "qcow2", "vdb");
        let devices = format!("{}{second}{drive}{interface}", disk(&own, "qcow2", "vda"));
        define(&sandbox, &domain("c20", &devices));
        sandbox.virsh(&["start", "--paused", "c20"]);
        sandbox.virsh(&["managedsave", "c20"]);
        let run = sandbox.vmtools(verb).run();
        if run.status.success() {
            let name = if verb[0] == "rename" { "other" } else { "c20" };
            if verb[0] != "restart" {
                sandbox.virsh(&["start", "--paused", name]);
            }
            let live = sandbox.virsh(&["dumpxml", name]).stdout;
            faults.check(live.contains(mark) == has, format_args!("{}, and it is not so", brief(&run)));
            forget(&sandbox, name);
        } else {
            let is_told = run.status.code() == Some(5) && output(&run).contains("save");
            faults.check(is_told, brief(&run));
            let saved = sandbox.virsh(&["list", "--all", "--managed-save"]).stdout;
            faults.check(saved.contains("saved"), format_args!("{}: what was saved is gone", brief(&run)));
        }
        // Its guest believes in the size that it knows.
        faults.check(size() == 8, format_args!("{}: the disk has grown below what was saved", brief(&run)));
        forget(&sandbox, "c20");
        qcow2(&sandbox, &own, "8M");
    }
    faults.none();
}

/// It goes on with the definition that was saved, and so with the record in that.
#[test]
fn what_is_noted_of_a_saved_vm_is_so_when_it_runs() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "web", &["-l", "old=1"]);
    // What libvirt prints only if asked to must be there still.
    let graphics = "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='letmein1'/>";
    define(&sandbox, &domain("other", graphics));
    for vm in ["web", "other"] {
        sandbox.virsh(&["start", "--paused", vm]);
        sandbox.virsh(&["managedsave", vm]);
    }
    let run = |args: &[&str]| sandbox.vmtools(args).run().success();
    run(&["set", "web", "--label", "a=b", "--unlabel", "old", "--ttl", "5h"]);
    for vm in ["web", "other"] {
        run(&["protect", vm]);
        sandbox.virsh(&["start", "--paused", vm]);
    }
    for state in ["saved", "running"] {
        let listed = run(&["list", "--all", "--json"]).json();
        for vm in listed.as_array().unwrap() {
            assert!(vm["protected"] == true && vm["state"] == "paused", "{state}: {vm}");
            let labels =
                if vm["name"] == "web" { serde_json::json!({"a": "b"}) } else { serde_json::json!({}) };
            assert!(vm["labels"] == labels && vm["ttl_expires"].is_null() == (vm["name"] != "web"), "{vm}");
        }
        if state == "saved" {
            for vm in ["web", "other"] {
                sandbox.virsh(&["managedsave", vm]);
                run(&["unprotect", vm]);
                run(&["protect", vm]);
                sandbox.virsh(&["start", "--paused", vm]);
            }
        }
    }
    assert!(sandbox.virsh(&["dumpxml", "--security-info", "other"]).stdout.contains("letmein1"));
    assert!(stored(&sandbox, "other").contains("letmein1"));
    run(&["unprotect", "web", "other"]);
    run(&["delete", "--force", "web", "other"]);
}

#[test]
fn a_saved_vm_is_told_as_saved() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "web", &[]);
    sandbox.virsh(&["start", "--paused", "web"]);
    sandbox.virsh(&["managedsave", "web"]);
    let disk = path_of(&sandbox, "web", "vda");
    // A copy would lack what its memory has yet to write.
    let mut faults = Faults::default();
    for verb in [
        &["clone", "web", "twin"][..],
        &["clone", "--linked", "web", "twin"],
        &["image", "commit", "web", "ready"],
    ] {
        let run = sandbox.vmtools(verb).run();
        faults.check(!run.status.success() || output(&run).contains("save"), brief(&run));
        sandbox.vmtools(&["delete", "--force", "--if-exists", "twin"]).run();
    }
    faults.check(super::chain_holds(&sandbox, &disk), "its disk is broken");
    faults.none();
}
