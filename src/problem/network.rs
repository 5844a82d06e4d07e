//! The errors of networks, and of VMs' interfaces on them.

use super::{Advice, ErrorKind as K, command, hint, libvirt, option, vmtools};
use crate::manager::NetworkError;

pub(super) fn advice(error: &NetworkError) -> Advice {
    use NetworkError as E;
    match error {
        E::Session => (
            K::Incapable,
            hint(
                "create it on the system libvirt: --connect qemu:///system; VMs of a session have user-mode \
                 networking (--network user, --publish HOST:GUEST)",
            ),
        ),
        E::NotInSession { .. } => (
            K::NotFound,
            hint(
                "use user-mode networking (--network user, --publish HOST:GUEST), or the system libvirt, which has networks: --connect qemu:///system",
            ),
        ),
        E::SubnetTaken { subnet, .. } if subnet.is_ipv6() => (K::Exists, hint("choose another one")),
        E::SubnetTaken { .. } => {
            (K::Exists, hint("choose another one, or leave out --subnet for a free one"))
        }
        E::NoFreeSubnet => (K::Failed, hint("choose one that is not used here: --subnet 10.20.30.0/24")),
        E::NoBridge { .. } => (
            K::NotFound,
            hint(format_args!(
                "{} lists this host's bridges; the host's network configuration creates them",
                command("ip link show type bridge")
            )),
        ),
        E::NoPortGroup { network, known, .. } if known.is_empty() => {
            (K::NotFound, hint(format_args!("{network} has no port groups: omit portgroup=")))
        }
        E::NoPortGroup { network, known, .. } => (
            K::NotFound,
            hint(format_args!(
                "{network} has the port groups {}; {} shows them",
                known.join(", "),
                vmtools("network info").arg(network)
            )),
        ),
        E::NotABridge { name } => (
            K::Usage,
            hint(format_args!(
                "create a bridge and add {name} to it, or use a network of --mode nat or routed"
            )),
        ),
        E::Transient { network } => (
            K::WrongState,
            hint(format_args!(
                "{} creates another one that stays",
                vmtools("network create").arg(format_args!("{network}-2"))
            )),
        ),
        E::NotStarted { cause, .. } => libvirt::advice(cause),
        E::InUse { network, vms, running: true } => (
            K::WrongState,
            hint(format_args!(
                "stop them first with {}, or disconnect them with {}",
                vmtools("stop").args(vms),
                vmtools("network stop").arg(network).flag("--force")
            )),
        ),
        E::InUse { network, vms, running: false } => {
            let detach = vms.iter().map(|vm| vmtools("network detach").arg(network).arg(vm).to_string());
            let detach: Vec<String> = detach.collect();
            (K::WrongState, hint(format_args!("detach them first: {}", detach.join(", "))))
        }
        E::NoDhcp { .. } => (
            K::Incapable,
            hint("its guests get their addresses from elsewhere: reserve it there, or set it in the guest"),
        ),
        E::UnknownToDhcp { .. } => (
            K::Usage,
            hint(
                "its name is not a valid host name, or is taken: give the guest's DUID with --duid, or start the VM and reserve the address once it has an IPv6 lease",
            ),
        ),
        E::OutsideSubnet { subnet, .. } => {
            let guests = subnet.guests();
            let choice = if subnet.is_ipv6() {
                hint(format_args!("choose one in {subnet}"))
            } else {
                hint(format_args!("choose one from {} to {}", guests.start, guests.end))
            };
            (K::Usage, choice)
        }
        E::NotForGuests { .. } => (K::Usage, None),
        E::AddressTaken { network, .. } | E::DuidTaken { network, .. } => (
            K::Exists,
            hint(format_args!("{} lists the addresses in use", vmtools("network info").arg(network))),
        ),
        E::NoReservation { network, known, .. } if known.is_empty() => {
            (K::NotFound, hint(format_args!("{network} has no reservations")))
        }
        E::NoReservation { network, known, .. } => {
            let named = known.iter().map(|(ip, name)| match name {
                Some(name) => format!("{ip} ({name})"),
                None => ip.to_string(),
            });
            let named: Vec<String> = named.collect();
            (K::NotFound, hint(format_args!("{network} has reservations of {}", named.join(", "))))
        }
        E::NotPlugged { vm, .. } => (
            K::WrongState,
            hint(format_args!("{} shows what the VM is attached to", vmtools("status").arg(vm))),
        ),
        E::SeveralInterfaces { macs, .. } => {
            let macs: Vec<String> = macs.iter().map(|mac| option("--mac", mac)).collect();
            (K::Usage, hint(format_args!("specify one: {}", macs.join(" or "))))
        }
        E::NoSuchInterface { vm, .. } => {
            (K::NotFound, hint(format_args!("{} lists its interfaces", vmtools("status").arg(vm))))
        }
        E::MacTaken { .. } => (K::Exists, hint("omit --mac or mac= to generate one")),
        E::StillPlugged { vm, .. } => (
            K::Timeout,
            hint(format_args!("it is removed when the VM restarts: {}", vmtools("restart").arg(vm))),
        ),
    }
}
