//! What users of other tools ran into, each case with more of its kind. The numbers are those of the inputs in
//! tests/fixtures/cases. Nearly all need no guest: VMs of empty images, domains that are only defined, or held
//! at their first instruction.

mod chains;
mod changes;
mod clones;
mod deletes;
mod disks;
mod images;
mod networks;
mod odd;
mod secrets;
mod user_data;

use std::fmt::Display;
use std::path::Path;

use super::support::{Run, Sandbox};

/// libvirt's own folder of images.
const IMAGES: &str = "/var/lib/libvirt/images";
/// The folder of vmtools' pool.
const POOL: &str = "/var/lib/libvirt/images/vmtools";

/// What is wrong in a row of cases of one kind, so that one run tells all of it.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    /// Takes note of a case that is not as it should be.
    fn check(&mut self, is_right: bool, what: impl Display) {
        if !is_right {
            self.0.push(what.to_string());
        }
    }

    /// Fails the test if anything was noted.
    #[track_caller]
    fn none(self) {
        assert!(self.0.is_empty(), "{} faults:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// A run in one line or few: what was typed, its status, the end of what it said.
pub fn brief(run: &Run) -> String {
    let said: Vec<&str> =
        run.stderr.lines().filter(|line| !line.starts_with("warning: KVM cannot be used")).collect();
    let from = said.len().saturating_sub(3);
    let command = run.command.rsplit("/debug/").next().unwrap_or_default();
    format!("`{command}` ended with {:?}: {}", run.status.code(), said[from..].join(" / "))
}

/// What a run printed, on both streams.
pub fn output(run: &Run) -> String {
    format!("{}{}", run.stdout, run.stderr)
}

/// The input of a public report, by its file's name.
#[track_caller]
fn case(file: &str) -> String {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cases")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs a shell script as root in the sandbox, with arguments from `$0` on.
#[track_caller]
fn shell(sandbox: &Sandbox, script: &str, args: &[&str]) -> Run {
    sandbox.as_root("bash", &[&["-euc", script], args].concat()).run().success()
}

/// Gives libvirt a definition: `define`, `net-define`, `pool-define`, `create`, ..
#[track_caller]
fn give(sandbox: &Sandbox, verb: &[&str], xml: &str) {
    sandbox.virsh_command(&[&[verb[0], "/dev/stdin"], &verb[1..]].concat()).stdin(xml).run().success();
}

#[track_caller]
fn define(sandbox: &Sandbox, xml: &str) {
    give(sandbox, &["define"], xml);
}

/// Ends and undefines a domain behind vmtools' back, if it is there; its files stay.
fn forget(sandbox: &Sandbox, vm: &str) {
    sandbox.virsh_command(&["destroy", vm]).run();
    let undefine = ["undefine", vm, "--managed-save", "--snapshots-metadata", "--keep-nvram", "--keep-tpm"];
    sandbox.virsh_command(&undefine).run();
}

/// The definition of a small domain that others made, with these devices.
fn domain(name: &str, devices: &str) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>\
         <devices>{devices}</devices></domain>"
    )
}

/// A virtio disk that is a file.
fn disk(file: &str, format: &str, target: &str) -> String {
    let file = file.replace('&', "&amp;").replace('\'', "&apos;").replace('<', "&lt;");
    format!(
        "<disk type='file' device='disk'><driver name='qemu' type='{format}'/><source file='{file}'/>\
         <target dev='{target}'/></disk>"
    )
}

/// Makes an empty qcow2 file, with the folders above it.
#[track_caller]
fn qcow2(sandbox: &Sandbox, file: &str, size: &str) {
    shell(sandbox, "mkdir -p \"${0%/*}\" && qemu-img create -q -f qcow2 \"$0\" \"$1\"", &[file, size]);
}

/// The same with the text at 1 MiB.
#[track_caller]
fn qcow2_with(sandbox: &Sandbox, file: &str, size: &str, text: &str) {
    let script = "mkdir -p \"${0%/*}\" && rm -f \"$0.src\" && truncate -s \"$1\" \"$0.src\" &&
        printf %s \"$2\" | dd of=\"$0.src\" bs=1M seek=1 conv=notrunc status=none &&
        qemu-img convert -f raw -O qcow2 \"$0.src\" \"$0\" && rm \"$0.src\"";
    shell(sandbox, script, &[file, size, text]);
}

/// Makes a file that stands on another, which its header names as given here.
#[track_caller]
fn overlay(sandbox: &Sandbox, file: &str, backing: &str) {
    let script = "mkdir -p \"${0%/*}\" && qemu-img create -q -f qcow2 -b \"$1\" -F qcow2 \"$0\"";
    shell(sandbox, script, &[file, backing]);
}

/// Whether every file that this one stands on is there and opens.
fn chain_holds(sandbox: &Sandbox, file: &str) -> bool {
    let info = ["info", "-U", "--backing-chain", "--output=json", file];
    sandbox.as_root("qemu-img", &info).run().status.success()
}

/// Whether the file has 64 KiB of that byte at 1 MiB.
fn reads(sandbox: &Sandbox, file: &str, byte: u8) -> bool {
    let command = format!("read -P {byte:#x} 1M 64k");
    let run = sandbox.as_root("qemu-io", &["-U", "-r", "-f", "qcow2", "-c", &command, file]).run();
    run.status.success() && !output(&run).contains("verification failed")
}

fn exists(sandbox: &Sandbox, file: &str) -> bool {
    sandbox.as_root("test", &["-e", file]).run().status.success()
}

/// A file's hash, or of a file that is not there a word that says so.
fn hash(sandbox: &Sandbox, file: &str) -> String {
    let run = sandbox.as_root("sha256sum", &[file]).run();
    if run.status.success() { run.stdout[..64].to_owned() } else { "gone".to_owned() }
}

/// An image of a few MiB with nothing in it, for VMs that never boot.
#[track_caller]
pub fn tiny_image(sandbox: &Sandbox) -> String {
    let image = sandbox.root().join("images/tiny.qcow2").to_str().unwrap().to_owned();
    if !Path::new(&image).exists() {
        qcow2_with(sandbox, &image, "8M", "vmtools test image");
    }
    image
}

/// Creates a VM of the tiny image, not started.
#[track_caller]
fn create_tiny(sandbox: &Sandbox, name: &str, more: &[&str]) -> Run {
    let image = tiny_image(sandbox);
    let args = ["create", name, "--image", &image, "-m", "64", "-c", "1", "-d", "16M", "--json"];
    sandbox.vmtools(&[&args[..], more].concat()).run().success()
}

/// The path of a domain's disk, by libvirt.
#[track_caller]
fn path_of(sandbox: &Sandbox, vm: &str, target: &str) -> String {
    let listed = sandbox.virsh(&["domblklist", vm]).lines();
    let found = listed.iter().find_map(|line| line.strip_prefix(target));
    found.unwrap_or_else(|| panic!("{vm} has no {target}: {listed:?}")).trim().to_owned()
}

/// The file of the base that VMs of the tiny image stand on.
#[track_caller]
fn tiny_base(sandbox: &Sandbox) -> String {
    let is_base = |path: &String| path.contains("/vmtools-base-") && path.ends_with(".qcow2");
    sandbox.volumes().into_iter().find(is_base).expect("a base")
}

/// A domain's stored definition, with its secrets.
#[track_caller]
fn stored(sandbox: &Sandbox, vm: &str) -> String {
    sandbox.virsh(&["dumpxml", "--inactive", "--security-info", vm]).stdout
}
