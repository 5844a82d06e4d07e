use crate::libvirt::xml::Element;
use crate::model::{NetworkMode, NetworkName, Subnet, Subnet6, Uuid};

/// All that goes into the definition of a new network.
#[derive(Debug, Clone)]
pub struct NetworkSpec {
    /// Its name.
    pub name: NetworkName,
    /// Its UUID, minted by vmtools: defining with a fresh one refuses a name that exists.
    pub uuid: Uuid,
    /// How it is joined to the world, by which device.
    pub device: NetworkDevice,
}

/// What the guests are plugged into.
#[derive(Debug, Clone)]
pub enum NetworkDevice {
    /// A bridge that the host has.
    Host {
        /// The bridge.
        bridge: String,
    },
    /// A bridge that libvirt makes, with a subnet of its own.
    Own {
        /// How it is joined to the world: any mode but [`NetworkMode::Bridge`].
        mode: NetworkMode,
        /// The addresses there; the host has the first one.
        subnet: Subnet,
        /// The IPv6 addresses there; the host has the first one. In a /64 guests also make addresses of their own.
        subnet6: Option<Subnet6>,
        /// Whether dnsmasq gives the others to guests.
        dhcp: bool,
        /// Whether dnsmasq answers for names.
        dns: bool,
        /// The domain of the guests' names.
        domain: Option<String>,
    },
}

impl NetworkSpec {
    /// The definition.
    pub fn to_element(&self) -> Element {
        let network = Element::new("network")
            .child(Element::new("name").text(self.name.as_str()))
            .child(Element::new("uuid").text(self.uuid.to_string()));
        match &self.device {
            NetworkDevice::Host { bridge } => network
                .child(Element::new("forward").with("mode", "bridge"))
                .child(Element::new("bridge").with("name", bridge)),
            NetworkDevice::Own { mode, subnet, subnet6, dhcp, dns, domain } => {
                let forward = match mode {
                    NetworkMode::Isolated => None,
                    NetworkMode::Routed => Some("route"),
                    other => Some(other.name()),
                };
                // Else libvirt only routes IPv6, and the answers to private addresses find no way back.
                let translated = *mode == NetworkMode::Nat && subnet6.is_some_and(Subnet6::is_private);
                let forward = forward.map(|mode| {
                    let nat = translated.then(|| Element::new("nat").with("ipv6", "yes"));
                    Element::new("forward").with("mode", mode).children(nat)
                });
                network
                    .children(forward)
                    // libvirt finds a name for it that is free.
                    .child(Element::new("bridge").with("stp", "on").with("delay", "0"))
                    // What the domain has no name for is not asked of the outside.
                    .children(
                        domain.as_ref().map(|domain| {
                            Element::new("domain").with("name", domain).with("localOnly", "yes")
                        }),
                    )
                    .children((!dns).then(|| Element::new("dns").with("enable", "no")))
                    .child(addresses(*subnet, *dhcp))
                    .children(subnet6.map(|subnet| addresses6(subnet, *dhcp)))
            }
        }
    }
}

fn addresses(subnet: Subnet, dhcp: bool) -> Element {
    let guests = subnet.guests();
    let range =
        Element::new("range").with("start", guests.start.to_string()).with("end", guests.end.to_string());
    Element::new("ip")
        .with("address", subnet.gateway().to_string())
        .with("prefix", subnet.prefix().to_string())
        .children(dhcp.then(|| Element::new("dhcp").child(range)))
}

fn addresses6(subnet: Subnet6, dhcp: bool) -> Element {
    let (first, last) = subnet.guests();
    let range = Element::new("range").with("start", first.to_string()).with("end", last.to_string());
    Element::new("ip")
        .with("family", "ipv6")
        .with("address", subnet.gateway().to_string())
        .with("prefix", subnet.prefix().to_string())
        .children(dhcp.then(|| Element::new("dhcp").child(range)))
}

#[cfg(test)]
mod tests {
    use super::super::{Network, Standing};
    use super::*;

    fn read(device: NetworkDevice) -> Network {
        let spec = NetworkSpec { name: "lab".parse().expect("valid"), uuid: Uuid::from_u128(7), device };
        let document = spec.to_element().to_document().expect("writes");
        let standing = Standing { active: false, autostart: false, persistent: true };
        Network::parse(&document, standing).expect("parses")
    }

    #[test]
    fn what_is_written_is_read() {
        for mode in [NetworkMode::Nat, NetworkMode::Isolated, NetworkMode::Routed, NetworkMode::Open] {
            let subnet = "10.9.0.0/28".parse().expect("valid");
            let domain = Some("<lab>.test".to_owned());
            let network = read(NetworkDevice::Own {
                mode,
                subnet,
                subnet6: None,
                dhcp: true,
                dns: false,
                domain: domain.clone(),
            });
            assert_eq!(
                (network.mode.as_str(), network.domain.clone(), network.dns),
                (mode.name(), domain, false)
            );
            assert_eq!((network.addresses[0].as_str(), network.dhcp_subnet()), ("10.9.0.1/28", Some(subnet)));
            assert_eq!(network.dhcp_ranges[0].to_string(), "10.9.0.2-10.9.0.14");
            let bare = read(NetworkDevice::Own {
                mode,
                subnet,
                subnet6: None,
                dhcp: false,
                dns: true,
                domain: None,
            });
            assert!(bare.dns && !bare.dhcp && bare.domain.is_none() && bare.bridge.is_none());
        }
        let bridged = read(NetworkDevice::Host { bridge: "br0".into() });
        assert_eq!((bridged.mode.as_str(), bridged.bridge.as_deref()), ("bridge", Some("br0")));
        assert!(bridged.subnets.is_empty() && !bridged.dns);
    }

    #[test]
    fn two_families_are_two_addresses() {
        let spec = |mode, subnet6: &str| NetworkDevice::Own {
            mode,
            subnet: "10.9.0.0/28".parse().expect("valid"),
            subnet6: Some(subnet6.parse().expect("valid")),
            dhcp: true,
            dns: true,
            domain: None,
        };
        let network = read(spec(NetworkMode::Nat, "fd00:9::/64"));
        assert_eq!(network.addresses, ["10.9.0.1/28", "fd00:9::1/64"]);
        assert_eq!(network.ips[1].ranges[0].to_string(), "fd00:9::2-fd00:9::ffff");
        let translates = |device| {
            let name = "lab".parse().expect("valid");
            let spec = NetworkSpec { name, uuid: Uuid::from_u128(7), device };
            spec.to_element().find_attribute("forward/nat", "ipv6") == Some("yes")
        };
        assert!(translates(spec(NetworkMode::Nat, "fd00:9::/64")));
        assert!(!translates(spec(NetworkMode::Nat, "2001:db8::/64")));
        assert!(!translates(spec(NetworkMode::Routed, "fd00:9::/64")));
    }
}
