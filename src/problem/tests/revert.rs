use super::sample::{check, section, text, vda, web};
use crate::libvirt::{self, RefusalReason};
use crate::manager::RevertError;
use crate::model::VmState;

#[test]
fn reverts() {
    let refused = || libvirt::Error::Refused {
        command: text("virsh snapshot-revert --domain .. --snapshotname 'clean'"),
        message: text("operation failed: load of internal snapshot 'clean' job failed"),
        reason: RefusalReason::Other,
    };
    let clean = || text("clean");
    let errors = every!(RevertError {
        Saved { vm: web() },
        Incomplete { vm: web(), name: clean() },
        NotInDisk { vm: web(), name: clean(), target: vda() },
        DiskLeftOut { vm: web(), name: clean(), target: vda(), is_new: true }
            | { vm: web(), name: clean(), target: vda(), is_new: false },
        Bitmap { path: text("/srv/web.qcow2"), bitmap: text("c1") },
        Failed { vm: web(), name: clean(), state: VmState::Shutoff, source: refused() },
    });
    check("revert", &[section("RevertError", errors)]);
}
