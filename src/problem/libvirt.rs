//! libvirt's errors, and virsh's on the way to it.

use super::{
    Advice, ErrorKind as K, agent, command, daemon_start, did_you_mean, hint, install, process, virsh,
    vmtools,
};
use crate::libvirt::{Error, Object, RefusalReason as Reason};

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        E::NotFound { object, name, nearest } => (K::NotFound, missing(*object, name, nearest)),
        E::Exists { object: Object::Network, name } => (
            K::Exists,
            hint(format_args!(
                "choose another name, or inspect it with {}",
                vmtools("network info").arg(name)
            )),
        ),
        E::Exists { object: Object::Domain, name } => (
            K::Exists,
            hint(format_args!("choose another name, or inspect it with {}", vmtools("status").arg(name))),
        ),
        E::Exists { .. } => (K::Exists, None),
        E::FileExists { .. } => (K::Exists, hint("move or delete that file, then try again")),
        E::FileMissing { .. } => {
            (K::Failed, hint("restore the file if it was moved or deleted, or remove what refers to it"))
        }
        E::OtherVolume { .. } => (K::Integrity, hint("the record was changed, so nothing is deleted")),
        E::WrongState { .. } => (K::WrongState, None),
        E::Unreachable { uri, .. } if uri == "qemu:///session" => (
            K::Unreachable,
            hint(format_args!(
                "a session's libvirt is started by its first client, if it is installed: {} checks this",
                vmtools("doctor")
            )),
        ),
        E::Unreachable { uri, .. } if uri.starts_with("qemu:///s") => (
            K::Unreachable,
            match daemon_start() {
                Some(start) => {
                    let start = command(start);
                    hint(format_args!("start libvirt with {start}; {} checks the host", vmtools("doctor")))
                }
                None => hint(format_args!(
                    "install libvirt with {}; {} checks the host",
                    install(),
                    vmtools("doctor")
                )),
            },
        ),
        E::Unreachable { uri, .. } => (
            K::Unreachable,
            hint(format_args!(
                "check the URI, and that libvirt runs there: {}",
                virsh("version").option("--connect", uri)
            )),
        ),
        E::Denied { .. } => (
            K::Denied,
            hint(format_args!(
                "join the group with {} and log in again, or use your own session: --connect qemu:///session",
                command("sudo usermod -aG libvirt \"$USER\"")
            )),
        ),
        E::Busy { .. } => (K::Failed, hint("another operation is in progress: try again")),
        E::Agent { .. } => agent::absent(),
        E::AgentSilent { .. } => agent::silent(),
        E::AgentAnswerTooLong => (K::Incapable, agent::too_long()),
        E::AgentRefused { .. } => (K::Incapable, None),
        E::NoSpace { .. } => (
            K::Failed,
            hint(format_args!(
                "free some space; {} shows what can be removed",
                vmtools("gc").flag("--dry-run")
            )),
        ),
        E::Unsupported { .. } => {
            (K::Incapable, hint(format_args!("{} shows the installed versions", vmtools("doctor"))))
        }
        E::NoTpm { .. } => {
            (K::Incapable, hint(format_args!("install swtpm and swtpm-tools, or run {}", install())))
        }
        E::NoFirmware { .. } => {
            (K::Incapable, hint(format_args!("install ovmf (edk2), or run {}", install())))
        }
        E::TimedOut { .. } => (
            K::Timeout,
            hint(format_args!("the daemon hangs; see its log: {}", command("journalctl -u libvirtd"))),
        ),
        E::Lost { .. } => (
            K::Unreachable,
            hint(format_args!("the daemon stopped or restarted; check it with {}", vmtools("doctor"))),
        ),
        E::Refused { reason, .. } => refused(*reason),
        E::Unquotable { .. } => (K::Usage, None),
        E::NotKept { .. } => (K::Usage, hint("rename the file")),
        E::Unexpected { .. } | E::File(_) => (K::Failed, None),
        E::Process(error) => process::advice(error),
    }
}

fn missing(object: Object, name: &str, nearest: &[String]) -> Option<String> {
    match object {
        Object::Domain => {
            let lists = vmtools("list").flag("--all");
            hint(format_args!("{}{lists} lists all VMs", did_you_mean(nearest)))
        }
        Object::Network if name == "default" => hint(format_args!(
            "define it with {} or {}",
            install(),
            command("virsh net-define /usr/share/libvirt/networks/default.xml")
        )),
        Object::Network => {
            hint(format_args!("{}{} lists networks", did_you_mean(nearest), vmtools("networks")))
        }
        Object::Pool => hint(format_args!("{} lists storage pools", virsh("pool-list").flag("--all"))),
        _ => None,
    }
}

fn refused(reason: Reason) -> Advice {
    match reason {
        Reason::PermissionDenied => (
            K::Denied,
            hint(format_args!(
                "the user that QEMU runs as cannot read the file: see {}, and DENIED by AppArmor in {}",
                vmtools("doctor"),
                command("dmesg")
            )),
        ),
        Reason::LogDaemonDown => {
            let start = command("sudo systemctl start virtlogd.socket");
            (K::Failed, hint(format_args!("start the daemon that writes the guest logs: {start}")))
        }
        Reason::NoPciSlot => (
            K::Incapable,
            hint(format_args!(
                "the running VM has no free slot for a device; shut it down first: {}",
                vmtools("stop").fixed("NAME")
            )),
        ),
        Reason::ImageLocked => (
            K::WrongState,
            hint(
                "another VM or program has the file open: shut that VM down, or wait until the program has finished",
            ),
        ),
        Reason::SubnetInUse => (
            K::Failed,
            hint(format_args!(
                "this host has a route to the network's subnet: {} shows which interface it uses",
                command("ip route")
            )),
        ),
        Reason::Dnsmasq => (
            K::Failed,
            hint(format_args!(
                "dnsmasq serves addresses and names on it: check that it is installed (dnsmasq-base), and that no \
                 other server uses port 53 or 67 there. See also the daemon's log: {}",
                command("journalctl -u libvirtd")
            )),
        ),
        _ => (K::Failed, None),
    }
}
