//! What stands around the commands: things of others, which have to stay as they are, and what is there in the end.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use super::super::public_cases::brief;
use super::super::support::{Sandbox, poll, wait_for};
use super::super::whole::misfits;
use super::super::{MINUTE, own_volumes};

/// Things of others: a VM that is off with a disk in vmtools' own pool, one that is held at its first instruction, a
/// network, a pool, an image of libvirt's.
const FOREIGN: &str = r#"
    images=/var/lib/libvirt/images
    mkdir -p "$images/vmtools" "$images/theirs"
    qemu-img create -q -f qcow2 "$images/vmtools/canary.qcow2" 16M
    qemu-io -f qcow2 -c 'write -P 0x5a 1M 64k' "$images/vmtools/canary.qcow2" >/dev/null
    qemu-img create -q -f qcow2 "$images/theirs/canary.qcow2" 16M
    echo canary >"$images/canary.iso"
    for vm in theirs-off theirs-held; do
        disk=$images/vmtools/canary.qcow2
        [ "$vm" = theirs-off ] || disk=$images/theirs/canary.qcow2
        virsh -q define /dev/stdin <<XML
<domain type='qemu'><name>$vm</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$disk'/>
    <target dev='vda' bus='virtio'/></disk></devices></domain>
XML
    done
    virsh -q start --paused theirs-held
    virsh -q net-define /dev/stdin <<XML
<network><name>theirs</name><bridge name='theirs0'/><ip address='10.99.0.1' prefix='24'/></network>
XML
    virsh -q net-start theirs
    virsh -q pool-define-as theirs dir --target "$images/theirs"
    virsh -q pool-start theirs"#;

/// What must not change of it.
const CANARIES: &str = r#"
    cd /var/lib/libvirt/images
    sha256sum vmtools/canary.qcow2 theirs/canary.qcow2 canary.iso
    sha256sum /etc/libvirt/qemu/theirs-*.xml /etc/libvirt/qemu/networks/theirs.xml /etc/libvirt/storage/theirs.xml
    for vm in theirs-off theirs-held; do virsh -q dumpxml --inactive --security-info "$vm"; done
    virsh -q domstate --reason theirs-held
    virsh -q net-list --name | grep -x theirs
    virsh -q pool-list --name | grep -x 'theirs *'"#;

/// What no command may leave: a line each.
const LITTER: &str = r#"
    shopt -s nullglob
    pool=/var/lib/libvirt/images/vmtools
    for file in /run/libvirt/qemu/vmtools/*.lock "$HOME"/.cache/libvirt/virsh/*.tmp; do echo "$file is left"; done
    virsh -q pool-list --all --name | grep -F vmtools-folder- | sed 's/$/ is a pool that is left/'
    find "$HOME" "$TMPDIR" -name '*.part' -o -name '*.tmp' -o -name '*.new' -o -name '.tmp*' | sed 's/$/ is left/'
    macs=$(for uuid in $(virsh -q list --all --uuid); do virsh -q domiflist "$uuid"; done | awk '{ print $5 }')
    for mac in $(virsh -q net-dumpxml default | sed -n "s/.*<host mac='\([^']*\)'.*/\1/p"); do
        grep -qxF "$mac" <<<"$macs" || echo "an address is reserved for $mac, which nobody has"
    done
    for file in "$pool"/*.qcow2; do
        qemu-img check -q -U "$file" >/dev/null 2>&1 || echo "$file is damaged"
    done"#;

/// A sandbox, and what stood in it before.
pub struct World<'a> {
    sandbox: &'a Sandbox,
    canaries: String,
}

impl<'a> World<'a> {
    #[track_caller]
    pub fn new(sandbox: &'a Sandbox) -> Self {
        sandbox.as_root("bash", &["-euc", FOREIGN]).run().success();
        let canaries = canaries(sandbox);
        Self { sandbox, canaries }
    }

    /// Lets `gc` remove what is left; gives how much that is. What it names first is what it removes, and then there
    /// is nothing more.
    #[track_caller]
    pub fn collect(&self) -> (usize, Vec<String>) {
        let idle = || {
            let busy = ["-x", "virsh|qemu-img|vmtools"];
            (!self.sandbox.as_root("pgrep", &busy).run().status.success()).then_some(())
        };
        wait_for("the end of what killed commands have begun", MINUTE, idle);
        // That nobody has written to a file for a minute tells that nobody will.
        let age =
            "find /var/lib/libvirt/images/vmtools ~/.local ~/.cache -type f -exec touch -c -d '-2 min' {} +";
        self.sandbox.as_root("bash", &["-c", age]).run();
        let mut wrong = Vec::new();
        let named = self.gc(&["--dry-run"], &mut wrong);
        let removed = self.gc(&[], &mut wrong);
        let rest = self.gc(&[], &mut wrong);
        let names = |items: &[Value]| items.iter().map(describe).collect::<HashSet<_>>();
        if names(&named) != names(&removed) {
            wrong.push(format!("gc names {named:?} and removes {removed:?}"));
        }
        if !rest.is_empty() {
            wrong.push(format!("a second gc finds {rest:?}"));
        }
        (named.len(), wrong)
    }

    fn gc(&self, more: &[&str], wrong: &mut Vec<String>) -> Vec<Value> {
        let run = self.sandbox.vmtools(&[&["gc", "--json"], more].concat()).run();
        if !run.status.success() {
            wrong.push(brief(&run));
        }
        serde_json::from_str(&run.stdout).unwrap_or_default()
    }

    /// The VMs, by UUID, with their disks' files.
    #[track_caller]
    pub fn vms(&self) -> HashMap<String, Vec<String>> {
        let script = "for uuid in $(virsh -q list --all --uuid); do echo \"$uuid\" \
            $(virsh -q domblklist --inactive \"$uuid\" | awk '{ print $2 }'); done";
        let lines = self.sandbox.as_root("bash", &["-euc", script]).run().success().lines();
        let words = lines.iter().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        words.map(|mut words| (words.remove(0), words)).collect()
    }

    /// What does not fit together, what is left, and what of others has changed.
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = misfits(self.sandbox);
        faults.extend(self.sandbox.as_root("bash", &["-c", LITTER]).run().lines());
        let now = canaries(self.sandbox);
        if now != self.canaries {
            faults.push(format!("what is others' was\n{}\nand is\n{now}", self.canaries));
        }
        faults
    }

    /// Removes all that the commands made, by vmtools; then nothing is left.
    pub fn clear(&self) -> Vec<String> {
        let vms: Vec<String> =
            self.sandbox.domains().into_iter().filter(|name| !name.starts_with("theirs")).collect();
        let mut wrong = Vec::new();
        let mut run = |args: Vec<&str>| {
            let run = self.sandbox.vmtools(&args).timeout(MINUTE * 4).run();
            if !matches!(run.status.code(), Some(0 | 3)) {
                wrong.push(brief(&run));
            }
        };
        if !vms.is_empty() {
            run([vec!["delete", "--force"], vms.iter().map(String::as_str).collect()].concat());
        }
        for network in ["net0", "net1", "net2"] {
            run(vec!["network", "delete", "--yes", network]);
        }
        run(vec!["image", "prune", "--own", "--yes"]);
        let is_left = |path: &String| !path.contains("canary");
        poll(Duration::from_secs(5), || own_volumes(self.sandbox).iter().all(|p| !is_left(p)).then_some(()));
        let pool = self.sandbox.volumes().into_iter().filter(is_left);
        let sockets = self.sandbox.files_under("/run/libvirt/qemu/vmtools").into_iter();
        wrong.extend(pool.chain(sockets).map(|file| format!("{file} is left when all is deleted")));
        wrong
    }
}

fn describe(item: &Value) -> String {
    format!("{} {}", item["name"], item["reason"])
}

#[track_caller]
fn canaries(sandbox: &Sandbox) -> String {
    sandbox.as_root("bash", &["-c", CANARIES]).run().stdout
}
