//! The errors of serial consoles and their logs.

use std::io::ErrorKind as Io;

use super::{Advice, ErrorKind as K, hint, virsh, vmtools};
use crate::manager::ConsoleError;

pub(super) fn advice(error: &ConsoleError) -> Advice {
    use ConsoleError as E;
    match error {
        E::InUse { name } => (
            K::WrongState,
            hint(format_args!(
                "--force disconnects it; {} only watches",
                vmtools("logs").arg(name).flag("-f")
            )),
        ),
        E::Refused { name, .. } => (
            K::Failed,
            hint(format_args!(
                "check that it has a serial console with {}, or use {}",
                virsh("ttyconsole").arg(name),
                vmtools("ssh").arg(name)
            )),
        ),
        E::NoLog { name } => (
            K::Incapable,
            hint(format_args!(
                "add <log file='/var/log/libvirt/qemu/NAME-serial.log'/> to its <serial> with {}, then restart it",
                virsh("edit").arg(name)
            )),
        ),
        E::LogUnreadable { source, .. } if source.kind() == Io::PermissionDenied => (
            K::Denied,
            hint("read it as root; if it is in a storage pool, members of the group libvirt may read it"),
        ),
        E::LogUnreadable { .. } => (K::Failed, None),
    }
}
