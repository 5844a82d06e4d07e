use super::spec::DNSMASQ;
use crate::libvirt::xml::{Element, Node};

/// The option of dnsmasq by which it offers an address at once.
const NO_PING: &str = "no-ping";

/// What delays the first lease of each guest on a network whose bridge and dnsmasq are libvirt's: about four seconds
/// and three, as measured with libvirt 11.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct LeaseDelay {
    /// The bridge takes part in the Spanning Tree Protocol, and passes on nothing of a guest that has just been
    /// attached. It is what libvirt does where a definition says nothing.
    pub stp: bool,
    /// dnsmasq pings each address before it offers it.
    pub ping: bool,
}

impl LeaseDelay {
    pub(super) fn read(network: &Element, has_dhcp: bool) -> Self {
        let options = network.find_qualified("", DNSMASQ, "options");
        Self {
            stp: has_bridge_of_libvirts(network) && network.find_attribute("bridge", "stp") != Some("off"),
            ping: has_dhcp && !options.is_some_and(has_no_ping),
        }
    }

    /// Whether there is any.
    pub fn is_some(self) -> bool {
        self.stp || self.ping
    }

    /// How long it is, in seconds.
    pub fn seconds(self) -> u64 {
        u64::from(self.stp) * 4 + u64::from(self.ping) * 3
    }

    /// Changes a definition so that there is none.
    pub(super) fn remove_from(self, network: &mut Element) {
        if self.stp {
            match network.find_mut("bridge") {
                Some(bridge) => bridge.set_attribute("stp", "off"),
                None => network.children.push(Node::Element(Element::new("bridge").with("stp", "off"))),
            }
        }
        if self.ping {
            let no_ping = |name: &str| Element::new(name).with("value", NO_PING);
            match network.find_qualified_mut("", DNSMASQ, "options") {
                Some(options) => {
                    // In the namespace of its parent, whatever the prefix of that is.
                    let prefix = options
                        .name
                        .split_once(':')
                        .map_or(String::new(), |(prefix, _)| format!("{prefix}:"));
                    options.children.push(Node::Element(no_ping(&format!("{prefix}option"))));
                }
                None => {
                    network.set_attribute("xmlns:dnsmasq", DNSMASQ);
                    let options = Element::new("dnsmasq:options").child(no_ping("dnsmasq:option"));
                    network.children.push(Node::Element(options));
                }
            }
        }
    }
}

/// An isolated network has one, too, but has no forward.
fn has_bridge_of_libvirts(network: &Element) -> bool {
    let forward = network.find("forward").map(|forward| forward.attribute("mode").unwrap_or("nat"));
    matches!(forward, None | Some("nat" | "route" | "open"))
}

fn has_no_ping(options: &Element) -> bool {
    options.elements().any(|option| option.attribute("value") == Some(NO_PING))
}
