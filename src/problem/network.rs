//! The errors of networks and cards.

use super::{Advice, ErrorKind as K, libvirt};
use crate::manager::NetworkError;

pub(super) fn advice(error: &NetworkError) -> Advice {
    use NetworkError as E;
    let hint = |text: &str| Some(text.to_owned());
    match error {
        E::Session => (
            K::Incapable,
            hint(
                "make it on the system's libvirt: --connect qemu:///system; a session's VMs have user-mode networking (--network user, --publish HOST:GUEST)",
            ),
        ),
        E::SubnetTaken { .. } => {
            (K::Exists, hint("name another one, or leave --subnet out: a free one is found"))
        }
        E::NoFreeSubnet => (K::Failed, hint("name one that is not used here: --subnet 10.20.30.0/24")),
        E::NoBridge { .. } => (
            K::NotFound,
            hint("`ip link show type bridge` shows this host's; the host's network setup makes them"),
        ),
        E::NotABridge { name } => (
            K::Usage,
            Some(format!("make a bridge and put {name} into it, or take a network of --mode nat or routed")),
        ),
        E::NotStarted { cause, .. } => libvirt::advice(cause),
        E::InUse { network, vms, running: true } => (
            K::WrongState,
            Some(format!(
                "stop them first: `vmtools stop {}`; `vmtools network stop {network} --force` cuts them off",
                vms.join(" ")
            )),
        ),
        E::InUse { network, vms, running: false } => (
            K::WrongState,
            Some(format!(
                "unplug them first: {}",
                each(vms, |vm| format!("vmtools network detach {network} {vm}"))
            )),
        ),
        E::NoDhcp { .. } => (
            K::Incapable,
            hint("its guests get their addresses elsewhere: reserve it there, or set it in the guest"),
        ),
        E::OutsideSubnet { subnet, .. } => {
            let guests = subnet.guests();
            (K::Usage, Some(format!("take one from {} to {}", guests.start, guests.end)))
        }
        E::NotForGuests { .. } => (K::Usage, None),
        E::AddressTaken { network, .. } => {
            (K::Exists, Some(format!("`vmtools network info {network}` shows what is taken")))
        }
        E::NotPlugged { network, vm } => {
            (K::WrongState, Some(format!("vmtools network attach {network} {vm}")))
        }
        E::SeveralCards { macs, .. } => {
            (K::Usage, Some(format!("say which: --mac {}", macs.join(" or --mac "))))
        }
        E::NoSuchCard { vm, .. } => (K::NotFound, Some(format!("`vmtools status {vm}` shows its cards"))),
        E::MacTaken { .. } => (K::Exists, hint("without --mac or mac= one is made")),
        E::StillPlugged { vm, .. } => (
            K::Timeout,
            Some(format!("it will be gone when {vm} starts again: vmtools stop {vm} && vmtools start {vm}")),
        ),
    }
}

fn each(names: &[String], command: impl Fn(&String) -> String) -> String {
    names.iter().map(command).collect::<Vec<_>>().join("; ")
}
