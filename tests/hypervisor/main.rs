//! The program against a real libvirtd of its own and real guests, in sandboxes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

#[path = "../support/mod.rs"]
mod support;

mod change;
mod client;
mod clone;
mod clone_failure;
mod clone_files;
mod complete;
mod debian;
mod definition;
mod delete;
mod disk;
mod events;
mod failure;
mod first_boot;
mod foreign;
mod fork;
mod image;
mod lifecycle;
mod litter;
mod monitor;
mod mounts;
mod network;
mod own_image;
mod picture;
mod power;
mod processes;
mod public_cases;
mod qmp;
mod question;
mod races;
mod reach;
mod replace;
mod screen;
mod snapshot;
mod snapshot_kills;
mod snapshot_of_several;
mod snapshot_revert;
mod stress;
mod template;
mod uefi;
mod warm;
mod whole;

use std::path::{Path, PathBuf};
use std::time::Duration;

use support::{Background, Cmd, Run, Sandbox, wait_for};

const MINUTE: Duration = Duration::from_secs(60);

/// A create of a small guest by that image, with more arguments behind.
fn create(sandbox: &Sandbox, name: &str, image: &Path, more: &[&str]) -> Cmd {
    // One processor: QEMU 10.0 was seen to abort (iotlb_to_section) and to hang when it emulated two.
    let mut args =
        vec!["create", name, "--image", image.to_str().unwrap(), "-m", "256", "-c", "1", "-d", "1"];
    args.extend(more);
    sandbox.vmtools(&args)
}

/// The program as an ordinary user of libvirt's group, with a home of their own, who may not read what is root's.
fn as_member(sandbox: &Sandbox, args: &[&str]) -> Cmd {
    let home = sandbox.tmp().join("member");
    sandbox.as_root("install", &["-d", "-o", "4242", "-g", "4242", home.to_str().unwrap()]).run().success();
    let command = sandbox.as_user(&["libvirt"], env!("CARGO_BIN_EXE_vmtools"), args);
    command.env("HOME", &home).env("TMPDIR", &home).cwd(&home)
}

/// An image for VMs of which no test asks the guest anything: emulating one that boots would keep a processor busy.
fn unbootable_image(sandbox: &Sandbox) -> PathBuf {
    public_cases::tiny_image(sandbox).into()
}

/// The definition of a domain that others made, with nothing in it.
fn empty_domain(name: &str) -> String {
    let name = name.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os><devices/></domain>"
    )
}

/// Defines such domains of these names.
fn define_empty(sandbox: &Sandbox, names: &[&str]) {
    for name in names {
        let define = sandbox.command("virsh", &["-c", sandbox.uri(), "define", "/dev/stdin"]);
        define.stdin(empty_domain(name)).run().success();
    }
}

/// The volumes that belong to VMs: all but the shared bases, their markers, and the image given.
fn own_volumes(sandbox: &Sandbox) -> Vec<String> {
    let mut volumes = sandbox.volumes();
    volumes.retain(|path| !path.contains("/vmtools-base-"));
    volumes
}

/// The file of a VM's firmware's variables, by its stored definition; libvirt 9.0 keeps no path of it.
fn nvram_of(sandbox: &Sandbox, vm: &str) -> Option<String> {
    let xml = sandbox.virsh(&["dumpxml", "--inactive", vm]).stdout;
    xml.split_once("</nvram>").map(|(before, _)| before.rsplit('>').next().unwrap().to_owned())
}

/// No domain, and no volume but shared bases.
#[track_caller]
fn nothing_is_left(sandbox: &Sandbox) {
    assert_eq!(sandbox.domains(), Vec::<String>::new());
    assert_eq!(own_volumes(sandbox), Vec::<String>::new());
}

/// Waits until the running command has said that on stderr.
#[track_caller]
fn said(running: &mut Background, text: &str) {
    wait_for(text, MINUTE, || (running.stderr().contains(text) || !running.is_running()).then_some(()));
    assert!(running.stderr().contains(text), "it ended without {text:?}: {}", running.stderr());
}

/// A word of the run's JSON.
#[track_caller]
fn word(run: &Run, field: &str) -> String {
    run.json()[field].as_str().unwrap_or_else(|| panic!("{field} is not a word: {run}")).to_owned()
}
