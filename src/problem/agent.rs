//! The errors of guests' agents.

use super::{Advice, ErrorKind as K, hint, libvirt, virsh, vmtools};
use crate::agent::RefusalKind;
use crate::manager::AgentError;

pub(super) fn advice(error: &AgentError) -> Advice {
    use AgentError as E;
    match error {
        E::Absent { .. } => absent(),
        E::Silent { .. } => silent(),
        E::Refused { refusal, .. } => refused(refusal.kind),
        E::ReplyTooLong { .. } => (K::Incapable, too_long()),
        E::RequestTooLong { .. } => (K::Usage, hint("pass fewer or shorter arguments")),
        E::Reply { .. } | E::Command { .. } | E::ShortWrite { .. } => (K::Failed, None),
        E::Transport(error) => libvirt::advice(error),
    }
}

pub(super) fn absent() -> Advice {
    let ssh = vmtools("ssh").fixed("NAME");
    (
        K::Incapable,
        hint(format_args!("install and start qemu-guest-agent in the guest; {ssh} works without it")),
    )
}

pub(super) fn silent() -> Advice {
    let ssh = vmtools("ssh").fixed("NAME");
    (K::Timeout, hint(format_args!("the guest may be busy or still booting; {ssh} works without the agent")))
}

pub(super) fn too_long() -> Option<String> {
    hint(format_args!("{} has no such limit", vmtools("ssh").fixed("NAME")))
}

fn refused(kind: RefusalKind) -> Advice {
    let ssh = vmtools("ssh").fixed("NAME");
    match kind {
        RefusalKind::NoSuchFile | RefusalKind::NoSuchUser => (K::NotFound, None),
        RefusalKind::IsDirectory => (K::Usage, None),
        RefusalKind::Denied => (
            K::Denied,
            hint(format_args!(
                "the agent's user has no permission, or SELinux or AppArmor in the guest denies it; {ssh} works without the agent"
            )),
        ),
        RefusalKind::NoSpace => (K::Failed, hint("free some space in the guest")),
        RefusalKind::Frozen => (
            K::WrongState,
            hint(format_args!("thaw the guest's file systems with {}", virsh("domfsthaw").fixed("NAME"))),
        ),
        RefusalKind::UnknownCommand => {
            (K::Incapable, hint(format_args!("update qemu-guest-agent in the guest; {ssh} works without it")))
        }
        RefusalKind::NoSuchProgram | RefusalKind::CannotStart => {
            (K::Incapable, hint("the guest needs sh, tar, base64 and stat"))
        }
        RefusalKind::Disabled | RefusalKind::Unsupported | RefusalKind::Other => (
            K::Incapable,
            hint(format_args!(
                "the agent's configuration may forbid it (/etc/sysconfig/qemu-ga); {ssh} works without the agent"
            )),
        ),
        RefusalKind::NoSuchProcess | RefusalKind::NoSuchHandle => (K::Failed, None),
    }
}
