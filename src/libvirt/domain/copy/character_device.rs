//! Serial and parallel ports, consoles, channels, redirected USB devices, passed-through smart cards and entropy
//! daemons: what QEMU calls character devices. Their type tells what of the host is behind them.

use super::Copying;
use super::obstacle::Conflict;
use crate::libvirt::domain::edit;
use crate::libvirt::xml::Element;

/// The longest path of a Unix socket (unix(7)).
const SOCKET_PATH: usize = 107;

/// Gives the device its own end on the host.
pub(super) fn copy(copying: &mut Copying<'_>, device: &mut Element, place: &str) {
    set_log(copying, device);
    // The number of the host's terminal, which is new at each start.
    edit::remove_attribute(device, "tty");
    match device.attribute("type") {
        Some("pty") => edit::remove_children(device, "source"),
        // libvirt gives a virtio channel a socket of its own, and no other kind.
        Some("unix") if is_bound(device) && is_virtio_channel(device) => {
            edit::remove_children(device, "source")
        }
        Some("unix") if is_bound(device) => set_socket(copying, device, place),
        Some("file") => set_file(copying, device),
        Some("tcp") if is_bound(device) => set_port(copying, device, place, "tcp"),
        Some("udp") => set_port(copying, device, place, "udp"),
        Some("dev") => copying.obstacle(place, Conflict::Exclusive, target(device)),
        Some("pipe") => copying.obstacle(place, Conflict::SinglePeer, target(device)),
        // A server decides by itself whom it takes; all others are no resource of the host.
        _ => {}
    }
}

/// As [`copy`], of an entropy daemon, which stands one level deeper.
pub(super) fn entropy_server(copying: &mut Copying<'_>, rng: &mut Element, place: &str) {
    if let Some(backend) = rng.find_mut("backend") {
        copy(copying, backend, &format!("{place}/backend[1]"));
    }
}

/// Whether an `<rng>` asks a daemon.
pub(super) fn is_entropy_server(rng: &Element) -> bool {
    rng.find_attribute("backend", "model") == Some("egd")
}

/// Whether it connects to somebody who listens.
pub(super) fn is_connection(device: &Element) -> bool {
    matches!(device.attribute("type"), Some("tcp" | "unix")) && !is_bound(device)
}

/// What of the host is behind it.
pub(super) fn target(device: &Element) -> String {
    let of = |name: &str| device.find_attribute("source", name);
    match (of("path"), of("host"), of("service")) {
        (Some(path), ..) => path.to_owned(),
        (None, host, service) => format!("{}:{}", host.unwrap_or_default(), service.unwrap_or_default()),
    }
}

fn is_bound(device: &Element) -> bool {
    device.all("source").any(|source| source.attribute("mode") == Some("bind"))
}

fn is_virtio_channel(device: &Element) -> bool {
    device.name == "channel" && device.find_attribute("target", "type") == Some("virtio")
}

fn set_log(copying: &Copying<'_>, device: &mut Element) {
    if let Some(log) = device.find_mut("log")
        && let Some(file) = log.attribute("file").map(|file| copying.copy.beside(file))
    {
        log.set_attribute("file", file);
    }
}

fn set_file(copying: &Copying<'_>, device: &mut Element) {
    if let Some(source) = device.find_mut("source")
        && let Some(path) = source.attribute("path").map(|path| copying.copy.beside(path))
    {
        source.set_attribute("path", path);
    }
}

fn set_socket(copying: &mut Copying<'_>, device: &mut Element, place: &str) {
    let Some(source) = device.find_mut("source") else { return };
    let Some(path) = source.attribute("path").map(str::to_owned) else { return };
    let new_path = copying.copy.beside(&path);
    if new_path.len() > SOCKET_PATH {
        copying.obstacle(place, Conflict::File, path);
    } else {
        source.set_attribute("path", new_path);
    }
}

fn set_port(copying: &mut Copying<'_>, device: &mut Element, place: &str, protocol: &str) {
    let bound = edit::children_mut(device)
        .find(|child| child.name == "source" && child.attribute("mode") == Some("bind"));
    let Some(source) = bound else { return };
    let Some(service) = source.attribute("service").map(str::to_owned) else { return };
    match service.parse::<u16>() {
        // The system chooses one.
        Ok(0) => {}
        Ok(port) => {
            if let Some(new_port) = copying.new_port(place, protocol, port) {
                source.set_attribute("service", new_port.to_string());
            }
        }
        // By the name of a service.
        Err(_) => copying.obstacle(place, Conflict::Exclusive, format!("{service}/{protocol}")),
    }
}
