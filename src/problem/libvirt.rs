//! libvirt's errors, and virsh's on the way to it.

use super::{Advice, ErrorKind as K, process};
use crate::libvirt::{Error, Object, RefusalReason as Reason};
use crate::manager::installer;

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    let hint = |text: &str| Some(text.to_owned());
    match error {
        E::NotFound { object: Object::Domain, .. } => {
            (K::NotFound, hint("`vmtools list --all` shows what there is"))
        }
        E::NotFound { object: Object::Network, name } if name == "default" => (
            K::NotFound,
            Some(format!(
                "`{}` defines it, or: virsh net-define /usr/share/libvirt/networks/default.xml",
                installer()
            )),
        ),
        E::NotFound { object: Object::Network, .. } => {
            (K::NotFound, hint("`vmtools networks` shows what there is"))
        }
        E::NotFound { .. } => (K::NotFound, None),
        E::Exists { object: Object::Network, name } => {
            (K::Exists, Some(format!("take another name, or see it with `vmtools network info {name}`")))
        }
        E::Exists { .. } => (K::Exists, None),
        E::FileExists { .. } => (K::Exists, hint("move or delete that file, then try again")),
        E::FileMissing { .. } => {
            (K::Failed, hint("was it moved or deleted? Put it back, or remove what names it"))
        }
        E::WrongState { .. } => (K::WrongState, None),
        E::Unreachable { uri, .. } if uri.starts_with("qemu:///s") => (
            K::Unreachable,
            Some(format!(
                "start libvirt (`sudo systemctl start libvirtd`), or install it: {}; `vmtools doctor` checks all",
                installer()
            )),
        ),
        E::Unreachable { uri, .. } => (
            K::Unreachable,
            Some(format!(
                "is the URI right, and does libvirt run there? `virsh -c {uri} version` tells more"
            )),
        ),
        E::Denied { .. } => (
            K::Denied,
            hint(
                "sudo usermod -aG libvirt \"$USER\" and log in again, or use your own: --connect qemu:///session",
            ),
        ),
        E::Busy { .. } => (K::Failed, hint("another operation is under way: try again")),
        E::Agent { .. } => (
            K::Incapable,
            hint("install and start qemu-guest-agent in the guest; without it there is `vmtools ssh`"),
        ),
        E::AgentSilent { .. } => (
            K::Timeout,
            hint("is the guest busy or still starting? Without the agent there is `vmtools ssh`"),
        ),
        E::AgentRefused { .. } => (
            K::Incapable,
            hint("the guest's own settings may forbid it (/etc/sysconfig/qemu-ga); there is `vmtools ssh`"),
        ),
        E::AgentAnswerTooLong => (K::Incapable, None),
        E::NoSpace { .. } => (K::Failed, hint("make room, or see what can go with `vmtools gc --dry-run`")),
        E::Unsupported { .. } => (K::Incapable, hint("`vmtools doctor` shows the versions")),
        E::NoTpm { .. } => (K::Incapable, hint("install swtpm and swtpm-tools: sudo ./install-qemu-kvm.sh")),
        E::NoFirmware { .. } => (K::Incapable, hint("install ovmf (edk2): sudo ./install-qemu-kvm.sh")),
        E::TimedOut { .. } => (K::Timeout, hint("the daemon hangs: see its log, `journalctl -u libvirtd`")),
        E::Lost { .. } => (K::Unreachable, hint("the daemon went away: `vmtools doctor`")),
        E::Refused { reason: Reason::PermissionDenied, .. } => (
            K::Denied,
            hint(
                "the user that QEMU runs as cannot read the file: `vmtools doctor`, and see dmesg for DENIED by AppArmor",
            ),
        ),
        E::Refused { reason: Reason::LogDaemonDown, .. } => (
            K::Failed,
            hint("start the daemon that writes guests' logs: sudo systemctl start virtlogd.socket"),
        ),
        E::Refused { reason: Reason::NoPciSlot, .. } => (
            K::Incapable,
            hint(
                "the running machine has no place left for a device: off, it is given one (`vmtools stop VM`)",
            ),
        ),
        E::Refused { reason: Reason::Dnsmasq, .. } => (
            K::Failed,
            hint(
                "dnsmasq gives addresses and names on it: is it installed (dnsmasq-base), and does another server \
                 hold port 53 or 67 there? The daemon's log says more: journalctl -u libvirtd",
            ),
        ),
        E::Refused { .. } => (K::Failed, None),
        E::Unquotable { .. } => (K::Usage, None),
        E::NotKept { .. } => (K::Usage, hint("rename the file")),
        E::Unexpected { .. } | E::Handover(_) => (K::Failed, None),
        E::Process(error) => process::advice(error),
    }
}
