//! The errors of waits for guests, and of the way to them.

use super::{Advice, ErrorKind as K, hint, vmtools};
use crate::manager::{EndpointError, WaitError};

pub(super) fn advice(error: &WaitError) -> Advice {
    use WaitError as E;
    match error {
        E::TimedOut { vm, condition, .. } => (
            K::Timeout,
            hint(format_args!(
                "keep waiting with {}",
                vmtools("wait").arg(vm).option("--for", condition).option("--timeout", "10m")
            )),
        ),
        E::Stopped { vm, .. } => (
            K::WrongState,
            hint(format_args!(
                "start it again with {}; QEMU's log is {vm}.log in /var/log/libvirt/qemu, for a VM of a session in \
                 ~/.cache/libvirt/qemu/log",
                vmtools("start").arg(vm).flag("--wait")
            )),
        ),
        E::CloudInit { vm, .. } => (
            K::Failed,
            hint(format_args!(
                "read its log: {}",
                vmtools("ssh").arg(vm).then("-- sudo cat /var/log/cloud-init-output.log")
            )),
        ),
        E::NoCloudInit { .. } => (K::Incapable, hint("wait for ssh instead: --for ssh")),
    }
}

pub(super) fn endpoint_advice(error: &EndpointError) -> Advice {
    use EndpointError as E;
    match error {
        E::NoNetwork { name } => (
            K::WrongState,
            hint(format_args!(
                "{} needs no network; {} adds an interface",
                vmtools("console").arg(name),
                vmtools("network attach").fixed("NETWORK").arg(name)
            )),
        ),
        E::NotPublished { port, .. } => (
            K::Incapable,
            hint(format_args!(
                "publish it when creating the VM: {}",
                vmtools("create").fixed("NAME").option("--publish", format_args!("8080:{port}"))
            )),
        ),
        E::NoAddress { name } => (
            K::Timeout,
            hint(format_args!("wait for one with {}", vmtools("wait").arg(name).option("--for", "ip"))),
        ),
    }
}
