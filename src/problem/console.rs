//! The errors of serial consoles and their logs, and of screens.

use std::io::ErrorKind as Io;

use super::{Advice, Command, ErrorKind as K, command, hint, virsh, vmtools};
use crate::manager::{ConsoleError, Screen, ScreenError};
use crate::model::ConnectionUri;

/// The port of this host that hints forward to a screen: that of the display 1, where no VM's VNC server is by chance
/// as often as at 5900.
const LOCAL_PORT: u16 = 5901;

pub(super) fn advice(error: &ConsoleError) -> Advice {
    use ConsoleError as E;
    match error {
        E::InUse { name } => (
            K::WrongState,
            hint(format_args!(
                "--force disconnects it; {} shows the output without attaching",
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
            hint("read it as root; if it is in a storage pool, members of the group libvirt can read it"),
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
        E::NotHere { screen, uri } => (K::Usage, hint(view_elsewhere(screen, uri))),
        E::NoDisplay { name } => (
            K::Incapable,
            hint(format_args!("forward a port instead, and connect to it: {}", forward_a_port(name))),
        ),
        E::NoViewer { name } => (
            K::Incapable,
            hint(format_args!(
                "install the package virt-viewer, or TigerVNC's viewer (tigervnc-viewer, on Fedora tigervnc); {} \
                 forwards a port for any other",
                forward_a_port(name)
            )),
        ),
        E::Unreachable { name, source, .. } if source.kind() == Io::PermissionDenied => (
            K::Denied,
            hint(format_args!(
                "only root and QEMU's own user can open it; libvirt opens it for any user who can manage the VM: install the \
                 package virt-viewer, then use {}",
                vmtools("vnc").arg(name).flag("--viewer")
            )),
        ),
        E::Unreachable { .. } => (K::Failed, None),
        E::CannotListen { source, .. } if source.kind() == Io::AddrInUse => {
            (K::Exists, hint("another program uses it; choose another port"))
        }
        E::CannotListen { source, .. } => (source.kind().into(), None),
    }
}

fn forward_a_port(vm: &str) -> Command {
    vmtools("vnc").arg(vm).option("--port", LOCAL_PORT)
}

/// How the screen of a VM of another host is seen on this one.
pub fn view_elsewhere(screen: &Screen, uri: &ConnectionUri) -> String {
    let Some(destination) = uri.ssh_destination() else {
        return "run it on that host".to_owned();
    };
    let far = match (&screen.socket, &screen.host, screen.port) {
        (None, Some(host), Some(port)) if host.contains(':') => format!("[{host}]:{port}"),
        (None, Some(host), Some(port)) => format!("{host}:{port}"),
        (socket, ..) => socket.clone().unwrap_or_default(),
    };
    let ssh = command("ssh -N").option("-L", format_args!("{LOCAL_PORT}:{far}"));
    let ssh = match destination.port {
        Some(port) => ssh.option("-p", port),
        None => ssh,
    };
    format!(
        "forward a port with {}, and connect with {}; or use {}",
        ssh.arg(destination.host),
        command("vncviewer").arg(format_args!("127.0.0.1::{LOCAL_PORT}")),
        command("virt-viewer").option("--connect", uri).arg(&screen.vm)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_hosts_screen_is_reached_by_ssh() {
        let socket = Screen {
            vm: "a b".into(),
            socket: Some("/run/x.vnc".into()),
            host: None,
            port: None,
            password: false,
        };
        let tcp = Screen { socket: None, host: Some("::1".into()), port: Some(5900), ..socket.clone() };
        let of = |screen: &Screen, uri: &str| view_elsewhere(screen, &uri.parse().expect("a URI"));
        assert_eq!(
            of(&socket, "qemu+ssh://root@far/system"),
            "forward a port with `ssh -N -L 5901:/run/x.vnc root@far`, and connect with `vncviewer \
             127.0.0.1::5901`; or use `virt-viewer --connect qemu+ssh://root@far/system 'a b'`"
        );
        let by_port = of(&tcp, "qemu+ssh://far:2222/system");
        assert!(
            by_port.starts_with("forward a port with `ssh -N -L '5901:[::1]:5900' -p 2222 far`"),
            "{by_port}"
        );
        assert_eq!(of(&socket, "qemu+tcp://far/system"), "run it on that host");
    }
}
