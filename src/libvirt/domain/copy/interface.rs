use super::Copying;
use super::obstacle::Conflict;
use crate::libvirt::domain::edit;
use crate::libvirt::domain::interface::PortRange;
use crate::libvirt::xml::{Element, Node};

/// More forwarded ports than this are not looked for one by one.
const MOST_PORTS: usize = 128;

/// Gives the interface its own address, ports and device on the host.
pub(super) fn copy(copying: &mut Copying<'_>, interface: &mut Element, place: &str) {
    let is_same_mac = set_mac(copying, interface);
    // The host's own device, where somebody has given it a name.
    edit::remove_children(interface, "target");
    if let Some(parameters) = interface.find_mut("virtualport/parameters") {
        for identity in ["interfaceid", "instanceid"] {
            edit::remove_attribute(parameters, identity);
        }
    }
    if let Some(source) = interface.find_mut("source") {
        // libvirt's own number for the port of a network.
        edit::remove_attribute(source, "portid");
    }
    if let Some(backend) = interface.find_mut("backend") {
        for name in ["hostname", "fqdn"] {
            edit::remove_attribute(backend, name);
        }
        if let Some(log) = backend.attribute("logFile").map(|log| copying.copy.beside(log)) {
            backend.set_attribute("logFile", log);
        }
    }
    if !is_same_mac {
        for address in filtered_addresses(interface) {
            copying.obstacle(place, Conflict::Identity, address);
        }
    }
    forwards(copying, interface, place);
    if interface.attribute("type") == Some("server") {
        listening_port(copying, interface, place);
    }
}

/// Whether the address is the source's, as it is when the guest stays who it is.
fn set_mac(copying: &mut Copying<'_>, interface: &mut Element) -> bool {
    let Some(mac) = interface.find_mut("mac") else { return false };
    edit::remove_attribute(mac, "currentAddress");
    let new = copying.copy.macs.get(copying.interfaces);
    copying.interfaces += 1;
    let Some(new) = new else { return false };
    let is_same = mac.attribute("address").is_some_and(|old| old.eq_ignore_ascii_case(new));
    mac.set_attribute("address", new);
    is_same
}

/// The addresses that a filter lets the guest use: it would keep the copy from using its own.
fn filtered_addresses(interface: &Element) -> Vec<String> {
    let parameters = interface.find("filterref").into_iter().flat_map(|filter| filter.all("parameter"));
    let addresses = parameters.filter(|parameter| {
        parameter.attribute("name").is_some_and(|name| matches!(name, "IP" | "IPV6" | "MAC"))
    });
    addresses.filter_map(|parameter| parameter.attribute("value")).map(str::to_owned).collect()
}

fn forwards(copying: &mut Copying<'_>, interface: &mut Element, place: &str) {
    for forward in edit::children_mut(interface).filter(|child| child.name == "portForward") {
        let protocol = forward.attribute("proto").unwrap_or("tcp").to_owned();
        let is_exclusion = |range: &&Element| range.attribute("exclude") == Some("yes");
        let pairs = |range: &Element| PortRange::read(range).into_iter().flat_map(PortRange::pairs);
        let excluded: Vec<u16> =
            forward.all("range").filter(is_exclusion).flat_map(pairs).map(|(host, _)| host).collect();
        let pairs: Vec<(u16, u16)> = forward
            .all("range")
            .filter(|range| !is_exclusion(range))
            .flat_map(pairs)
            .filter(|(host, _)| !excluded.contains(host))
            .collect();
        // Without a range passt forwards all ports that there are.
        if pairs.is_empty() || pairs.len() > MOST_PORTS {
            let number = if pairs.is_empty() { "all".to_owned() } else { pairs.len().to_string() };
            copying.obstacle(place, Conflict::Exclusive, format!("{number} {protocol} ports"));
            continue;
        }
        let ranges: Vec<Option<Node>> = pairs
            .into_iter()
            .map(|(host, guest)| {
                let new_port = copying.new_port(place, &protocol, host)?;
                let range =
                    Element::new("range").with("start", new_port.to_string()).with("to", guest.to_string());
                Some(Node::Element(range))
            })
            .collect();
        edit::remove_children(forward, "range");
        forward.children.extend(ranges.into_iter().flatten());
    }
}

/// The port of a socket that another QEMU connects to.
fn listening_port(copying: &mut Copying<'_>, interface: &mut Element, place: &str) {
    let Some(source) = interface.find_mut("source") else { return };
    let Some(port) = source.attribute("port").and_then(|port| port.parse().ok()) else { return };
    if let Some(new_port) = copying.new_port(place, "tcp", port) {
        source.set_attribute("port", new_port.to_string());
    }
}

fn is_type(interface: &Element, kind: &str) -> bool {
    interface.attribute("type") == Some(kind)
}

pub(super) fn is_hostdev(interface: &Element) -> bool {
    is_type(interface, "hostdev")
}

pub(super) fn is_vdpa(interface: &Element) -> bool {
    is_type(interface, "vdpa")
}

pub(super) fn is_passthrough(interface: &Element) -> bool {
    is_type(interface, "direct") && interface.find_attribute("source", "mode") == Some("passthrough")
}

/// Whether the tap is there before the machine starts.
pub(super) fn is_given_tap(interface: &Element) -> bool {
    is_type(interface, "ethernet") && interface.find_attribute("target", "managed") == Some("no")
}

/// Whether it names the socket; with passt libvirt makes it.
pub(super) fn is_vhost_user(interface: &Element) -> bool {
    is_type(interface, "vhostuser") && interface.find_attribute("source", "path").is_some()
}

pub(super) fn is_client(interface: &Element) -> bool {
    is_type(interface, "client")
}

pub(super) fn is_udp(interface: &Element) -> bool {
    is_type(interface, "udp")
}

/// Whether the host's end of the tap gets an address.
pub(super) fn has_host_address(interface: &Element) -> bool {
    is_type(interface, "ethernet") && interface.find("source/ip").is_some()
}

pub(super) fn is_midonet(interface: &Element) -> bool {
    interface.find_attribute("virtualport", "type") == Some("midonet")
}

pub(super) fn device(interface: &Element) -> String {
    interface.find_attribute("source", "dev").unwrap_or_default().to_owned()
}

pub(super) fn tap(interface: &Element) -> String {
    interface.find_attribute("target", "dev").unwrap_or_default().to_owned()
}

pub(super) fn socket(interface: &Element) -> String {
    interface.find_attribute("source", "path").unwrap_or_default().to_owned()
}

pub(super) fn peer(interface: &Element) -> String {
    let of = |name: &str| interface.find_attribute("source", name).unwrap_or_default();
    format!("{}:{}", of("address"), of("port"))
}

pub(super) fn host_address(interface: &Element) -> String {
    interface.find_attribute("source/ip", "address").unwrap_or_default().to_owned()
}

pub(super) fn midonet_port(interface: &Element) -> String {
    interface.find_attribute("virtualport/parameters", "interfaceid").unwrap_or_default().to_owned()
}
