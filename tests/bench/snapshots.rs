//! Snapshots beside what virsh and qemu-img need for them: of the disks of a running guest, a revert, a list.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::compare::{compare, headline, output, time};
use super::inside::{VMTOOLS, theirs};
use super::support::Sandbox;

/// An emulated guest has to come up.
const LIMIT: Duration = Duration::from_secs(600);
const LISTED: usize = 50;

pub fn measure(sandbox: &Sandbox, image: &Path) {
    let myself = std::env::current_exe().unwrap();
    let words = [OsStr::new("--inside-snapshots"), image.as_os_str()];
    print!("{}", sandbox.command(myself, &words).timeout(LIMIT).run().success().stdout);
    let counted = sandbox.count_processes(&["snapshot", "list", "web"]);
    println!("processes of snapshot list, of {LISTED}: {:?}", counted.counts);
}

/// The same inside the sandbox; leaves the VM `web` with [`LISTED`] snapshots.
pub fn measure_inside(image: &str) {
    headline();
    time(&[VMTOOLS, "create", "web", "--image", image, "-m", "256", "-c", "1", "-d", "1"]);
    time(&[VMTOOLS, "start", "web", "--wait=agent", "--timeout", "8m"]);
    for (quiesce, name) in
        [("no", "snapshot create, virsh --disk-only"), ("auto", "snapshot create, virsh --quiesce")]
    {
        creates(name, quiesce);
    }
    time(&[VMTOOLS, "stop", "--force", "web"]);
    let status = json(&[VMTOOLS, "status", "web", "--json"]).1;
    let disk = status["disks"][0]["path"].as_str().unwrap();
    let write = |offset: &str| {
        time(&["qemu-io", "-f", "qcow2", "-c", &format!("write -q {offset} 64M"), disk]);
    };
    write("0");
    time(&[VMTOOLS, "snapshot", "create", "web", "--name", "s"]);
    let revert = || {
        write("64M");
        time(&[VMTOOLS, "snapshot", "revert", "web", "s", "--yes"])
    };
    let by_image = || {
        write("64M");
        time(&["qemu-img", "snapshot", "-a", "s", disk])
    };
    let by_virsh = || {
        write("64M");
        theirs(&["snapshot-revert", "web", "s"])
    };
    compare("snapshot revert, off, qemu-img -a", 11, revert, by_image);
    compare("snapshot revert, off, virsh's", 11, revert, by_virsh);
    let more: Vec<String> = (1..LISTED).map(|number| format!("snapshot-create-as web s{number}")).collect();
    theirs(&[&more.join("; ")]);
    let list = || time(&[VMTOOLS, "snapshot", "list", "web"]);
    compare(&format!("snapshot list, virsh's, {LISTED}"), 21, list, || theirs(&["snapshot-list", "web"]));
}

fn json(argv: &[&str]) -> (Duration, Value) {
    let (took, stdout) = output(argv);
    (took, serde_json::from_str(&stdout).unwrap())
}

/// Of the disks alone. virsh makes external ones of a running VM, which it deletes again by a commit.
fn creates(name: &str, quiesce: &str) {
    let held = RefCell::new(Vec::new());
    let ours = || {
        let create =
            ["snapshot", "create", "web", "--name", "s", "--no-memory", "--quiesce", quiesce, "--json"];
        let (took, made) = json(&[&[VMTOOLS], &create[..]].concat());
        held.borrow_mut().push(made["held_ms"].as_u64().unwrap());
        time(&[VMTOOLS, "snapshot", "delete", "web", "s", "--yes"]);
        took
    };
    let create = ["snapshot-create-as", "web", "t", "--disk-only"];
    let freeze: &[&str] = if quiesce == "no" { &[] } else { &["--quiesce"] };
    let others = || {
        let took = theirs(&[&create, freeze].concat());
        theirs(&["snapshot-delete", "web", "t"]);
        took
    };
    compare(name, 11, ours, others);
    let mut held = held.into_inner();
    held.sort_unstable();
    println!(
        "  of that the guest was held: {} ms ({}..{})",
        held[held.len() / 2],
        held[0],
        held[held.len() - 1]
    );
}
