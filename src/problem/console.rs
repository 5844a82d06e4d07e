//! The errors of serial consoles and their logs, and of screens.

use std::io::ErrorKind as Io;

use super::{Advice, ErrorKind as K, command, hint, virsh, vmtools};
use crate::manager::{ConsoleError, ScreenError};

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

pub(super) fn screen_advice(error: &ScreenError) -> Advice {
    use ScreenError as E;
    match error {
        E::NoScreen { name } => (
            K::Incapable,
            hint(format_args!(
                "add <graphics type='vnc'><listen type='socket'/></graphics> to its <devices> with {}, then restart it",
                virsh("edit").arg(name)
            )),
        ),
        E::NotHere { .. } => (K::Usage, hint("run it on that host, or forward a port by `ssh -L`")),
        E::Unreachable { name, source, .. } if source.kind() == Io::PermissionDenied => (
            K::Denied,
            hint(format_args!(
                "run it as root, or view it through libvirt: {}",
                command("virt-viewer").flag("--attach").arg(name)
            )),
        ),
        E::Unreachable { .. } => (K::Failed, None),
        E::CannotListen { source, .. } if source.kind() == Io::AddrInUse => {
            (K::Exists, hint("another program uses it; choose another port"))
        }
        E::CannotListen { source, .. } => (source.kind().into(), None),
    }
}
