//! What is measured, inside the sandbox.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::compare::{compare, headline, time};

/// The program under test.
pub const VMTOOLS: &str = env!("CARGO_BIN_EXE_vmtools");

const VIRSH: [&str; 3] = ["virsh", "-c", "qemu:///system"];

/// Prints the table. The first row that makes a VM fills caches: the base image, the capabilities of QEMU.
pub fn measure(image: &str) {
    headline();
    let myself = std::env::current_exe().unwrap();
    let nothing = [myself.to_str().unwrap(), "--nothing"];
    compare("--version, an empty Rust program", 51, || time(&[VMTOOLS, "--version"]), || time(&nothing));
    let mut defined = 0;
    for (count, rounds) in [(1, 51), (100, 21), (1000, 11)] {
        define(defined..count);
        defined = count;
        let all = &["list", "--all"];
        compare(&format!("list --all, virsh's, {count} VMs"), rounds, || ours(all), || theirs(all));
        let json = &["list", "--all", "--json"];
        compare(&format!("list --all --json, virsh list, {count}"), rounds, || ours(json), || theirs(all));
        if count > 1 {
            peak(all, count);
            peak(json, count);
            grows(image, count);
        }
    }
    compare("status, 6 calls of virsh", 15, || ours(&["status", "bench-0"]), six_calls);
    undefine(0..defined);
    creates(image);
    super::images::measure();
    clones(image);
}

fn ours(args: &[&str]) -> Duration {
    time(&[&[VMTOOLS], args].concat())
}

pub fn theirs(args: &[&str]) -> Duration {
    time(&[&VIRSH, args].concat())
}

/// The memory of vmtools alone.
fn peak(args: &[&str], count: usize) {
    let peaks = (0..5).map(|_| peak_memory(&[&[VMTOOLS], args].concat()));
    println!("peak memory of {}, {count} VMs: {} KiB", args.join(" "), peaks.max().unwrap_or_default());
}

/// A change of a VM's disk, which no other VM's disks may stand on: all definitions are read for that.
fn grows(image: &str, count: usize) {
    time(&[VMTOOLS, "create", "grows", "--image", image, "-m", "256", "-d", "1"]);
    let size = std::cell::Cell::new(1);
    let grow = || {
        size.set(size.get() + 1);
        ours(&["set", "grows", "-d", &size.get().to_string()])
    };
    compare(&format!("set -d, virsh list --all, {count} VMs"), 11, grow, || theirs(&["list", "--all"]));
    time(&[VMTOOLS, "delete", "--yes", "grows"]);
}

/// What vmtools' page on a VM tells.
fn six_calls() -> Duration {
    ["domstate", "dominfo", "domblklist", "domiflist", "dumpxml", "snapshot-list"]
        .iter()
        .map(|verb| theirs(&[verb, "bench-0"]))
        .sum()
}

/// A VM on an overlay of a base image that is there already, with cloud-init's data, started.
fn creates(image: &str) {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2LhbgR8Sb0Gkzoo7Oe1aPzRzb8AsvZc6mmMvAAVbKH bench";
    let home = std::env::var("HOME").unwrap();
    fs::write(format!("{home}/bench.pub"), key).unwrap();
    if Command::new("virt-install").arg("--version").output().is_err() {
        return println!("create --start, virt-install: skipped: there is no virt-install");
    }
    // Debian's package makes it; this libvirt's folder is the sandbox' own. The seeds go there.
    fs::create_dir_all("/var/lib/libvirt/boot").unwrap();
    let create = [VMTOOLS, "create", "ours", "--image", image, "-m", "256", "-d", "1", "--start"];
    let disk = format!("size=1,backing_store={image},backing_format=qcow2,bus=virtio");
    let cloud_init = format!("clouduser-ssh-key={home}/bench.pub");
    let install = [
        "virt-install",
        "--connect",
        "qemu:///system",
        "--name",
        "theirs",
        "--memory",
        "256",
        "--vcpus",
        "1",
        "--virt-type",
        "qemu",
        "--osinfo",
        "debian11",
        "--import",
        "--disk",
        &disk,
        "--network",
        "network=default",
        "--graphics",
        "none",
        "--noautoconsole",
        "--cloud-init",
        &cloud_init,
    ];
    let undo_ours = || {
        time(&[VMTOOLS, "delete", "--force", "ours"]);
    };
    let undo_theirs = || {
        theirs(&["destroy", "theirs"]);
        theirs(&["undefine", "--nvram", "--remove-all-storage", "theirs"]);
    };
    // The first of each fills caches: the base image, the capabilities of QEMU.
    time(&create);
    undo_ours();
    time(&install);
    undo_theirs();
    let timed = |argv: &[&str], undo: &dyn Fn()| {
        let took = time(argv);
        undo();
        took
    };
    let theirs = || timed(&install, &undo_theirs);
    compare("create --start, virt-install", 7, || timed(&create, &undo_ours), theirs);
}

/// Linked beside virt-clone, which copies the overlay; full beside what would copy the disk alone.
fn clones(image: &str) {
    time(&[VMTOOLS, "create", "source", "--image", image, "-m", "256", "-d", "1"]);
    let undo = |name: &str| {
        time(&[VMTOOLS, "delete", "--yes", "--with-foreign-disks", name]);
    };
    let ours = |more: &[&str]| {
        let took = time(&[&[VMTOOLS, "clone", "source", "ours"], more].concat());
        undo("ours");
        took
    };
    if Command::new("virt-clone").arg("--version").output().is_err() {
        println!("clone --linked, virt-clone: skipped: there is no virt-clone");
    } else {
        let clone =
            ["virt-clone", "--connect", "qemu:///system", "-o", "source", "-n", "theirs", "--auto-clone"];
        let theirs = || {
            let took = time(&clone);
            theirs(&["pool-refresh", "vmtools"]);
            undo("theirs");
            took
        };
        compare("clone --linked, virt-clone", 7, || ours(&["--linked"]), theirs);
    }
    let disk = "/var/lib/libvirt/images/vmtools/source-disk.qcow2";
    let raw = format!("{}/random.raw", std::env::var("HOME").unwrap());
    time(&["sh", "-c", "head -c 800M /dev/urandom >\"$0\"", &raw]);
    time(&["qemu-img", "convert", "-f", "raw", "-O", "qcow2", &raw, disk]);
    fs::remove_file(&raw).unwrap();
    theirs(&["detach-disk", "source", "vda", "--config"]);
    let attach =
        ["attach-disk", "source", disk, "vda", "--config", "--driver", "qemu", "--subdriver", "qcow2"];
    theirs(&attach);
    theirs(&["pool-refresh", "vmtools"]);
    let copy = format!("{disk}.copy");
    let convert = || {
        let took = time(&["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", disk, &copy]);
        fs::remove_file(&copy).unwrap();
        took
    };
    compare("clone, qemu-img convert, 800 MiB", 5, || ours(&[]), convert);
}

fn define(which: std::ops::Range<usize>) {
    let home = std::env::var("HOME").unwrap();
    each_by_virsh(which, |number| {
        let file = format!("{home}/{number}.xml");
        let xml = format!(
            "<domain type='qemu'><name>bench-{number}</name><memory>65536</memory>\
             <os><type arch='x86_64' machine='q35'>hvm</type></os></domain>"
        );
        fs::write(&file, xml).unwrap();
        format!("define {file}")
    });
}

fn undefine(which: std::ops::Range<usize>) {
    each_by_virsh(which, |number| format!("undefine bench-{number}"));
}

/// Many commands in one virsh.
fn each_by_virsh(which: std::ops::Range<usize>, command: impl Fn(usize) -> String) {
    let mut script = String::new();
    for number in which {
        writeln!(script, "{}", command(number)).unwrap();
    }
    let file = format!("{}/script", std::env::var("HOME").unwrap());
    fs::write(&file, script).unwrap();
    let input = fs::File::open(&file).unwrap();
    let status =
        Command::new(VIRSH[0]).args(&VIRSH[1..]).stdin(input).stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
}

/// The high-water mark of the process' own resident memory in KiB, without its children's, which the
/// resource usage that `wait` gives would count in. The kernel only raises it, so what was read last
/// before the end is it.
fn peak_memory(argv: &[&str]) -> u64 {
    let mut child = Command::new(argv[0]).args(&argv[1..]).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let mark = mark.and_then(|mark| mark.trim_end_matches("kB").trim().parse().ok());
        peak = mark.unwrap_or(peak).max(peak);
    }
    peak
}
