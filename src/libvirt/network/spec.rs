use crate::libvirt::xml::Element;
use crate::model::{IpSubnet, NetworkMode, NetworkName, Uuid};

/// The namespace of dnsmasq's own options, as libvirt 5.6 and later knows it.
pub(super) const DNSMASQ: &str = "http://libvirt.org/schemas/network/dnsmasq/1.0";

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
    /// A bridge that libvirt makes, with subnets of its own.
    Own {
        /// How it is joined to the world: any mode but [`NetworkMode::Bridge`].
        mode: NetworkMode,
        /// The addresses there, of each family one subnet at most; the host has the first of each. In a /64 of IPv6
        /// guests also make addresses of their own.
        subnets: Vec<IpSubnet>,
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
            NetworkDevice::Own { mode, subnets, dhcp, dns, domain } => {
                let options = dhcp.then(|| {
                    let no_ping = Element::new("dnsmasq:option").with("value", "no-ping");
                    Element::new("dnsmasq:options").child(no_ping)
                });
                let network = match dhcp {
                    true => network.with("xmlns:dnsmasq", DNSMASQ),
                    false => network,
                };
                let forward = match mode {
                    NetworkMode::Isolated => None,
                    NetworkMode::Routed => Some("route"),
                    other => Some(other.name()),
                };
                // Else libvirt only routes IPv6, and the answers to private addresses find no way back.
                let translated = *mode == NetworkMode::Nat && subnets.iter().any(is_private_ipv6);
                let forward = forward.map(|mode| {
                    let nat = translated.then(|| Element::new("nat").with("ipv6", "yes"));
                    Element::new("forward").with("mode", mode).children(nat)
                });
                network
                    .children(forward)
                    // libvirt finds a name for it that is free. STP would hold back what a guest sends in its first
                    // four seconds, its request for an address too.
                    .child(Element::new("bridge").with("stp", "off").with("delay", "0"))
                    // What the domain has no name for is not asked of the outside.
                    .children(
                        domain.as_ref().map(|domain| {
                            Element::new("domain").with("name", domain).with("localOnly", "yes")
                        }),
                    )
                    .children((!dns).then(|| Element::new("dns").with("enable", "no")))
                    .children(subnets.iter().map(|subnet| addresses(*subnet, *dhcp)))
                    // Else dnsmasq waits three seconds before each first offer, for an answer from the address.
                    .children(options)
            }
        }
    }
}

fn is_private_ipv6(subnet: &IpSubnet) -> bool {
    matches!(subnet, IpSubnet::V6(subnet) if subnet.is_private())
}

fn addresses(subnet: IpSubnet, dhcp: bool) -> Element {
    let (prefix, family) = match subnet {
        IpSubnet::V4(subnet) => (subnet.prefix(), None),
        IpSubnet::V6(subnet) => (subnet.prefix(), Some("ipv6")),
    };
    let guests = subnet.guests();
    let range =
        Element::new("range").with("start", guests.start.to_string()).with("end", guests.end.to_string());
    let ip = match family {
        Some(family) => Element::new("ip").with("family", family),
        None => Element::new("ip"),
    };
    ip.with("address", subnet.gateway().to_string())
        .with("prefix", prefix.to_string())
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

    fn device(mode: NetworkMode, subnets: &[&str]) -> NetworkDevice {
        let subnet = |text: &&str| match text.parse() {
            Ok(subnet) => IpSubnet::V4(subnet),
            Err(_) => IpSubnet::V6(text.parse().expect("valid")),
        };
        let subnets = subnets.iter().map(subnet).collect();
        NetworkDevice::Own { mode, subnets, dhcp: true, dns: true, domain: None }
    }

    #[test]
    fn what_is_written_is_read() {
        for mode in [NetworkMode::Nat, NetworkMode::Isolated, NetworkMode::Routed, NetworkMode::Open] {
            let subnets: Vec<IpSubnet> = vec![IpSubnet::V4("10.9.0.0/28".parse().expect("valid"))];
            let domain = Some("<lab>.test".to_owned());
            let network = read(NetworkDevice::Own {
                mode,
                subnets: subnets.clone(),
                dhcp: true,
                dns: false,
                domain: domain.clone(),
            });
            assert_eq!(
                (network.mode.as_str(), network.domain.clone(), network.dns),
                (mode.name(), domain, false)
            );
            assert_eq!((network.addresses[0].as_str(), &network.subnets), ("10.9.0.1/28", &subnets));
            assert_eq!(network.dhcp_ranges[0].to_string(), "10.9.0.2-10.9.0.14");
            let bare = read(NetworkDevice::Own { mode, subnets, dhcp: false, dns: true, domain: None });
            assert!(bare.dns && !bare.dhcp && bare.domain.is_none() && bare.bridge.is_none());
        }
        let bridged = read(NetworkDevice::Host { bridge: "br0".into() });
        assert_eq!((bridged.mode.as_str(), bridged.bridge.as_deref()), ("bridge", Some("br0")));
        assert!(bridged.subnets.is_empty() && !bridged.dns);
    }

    #[test]
    fn two_families_are_two_addresses() {
        let network = read(device(NetworkMode::Nat, &["10.9.0.0/28", "fd00:9::/64"]));
        assert_eq!(network.addresses, ["10.9.0.1/28", "fd00:9::1/64"]);
        assert_eq!(network.ips[1].ranges[0].to_string(), "fd00:9::2-fd00:9::ffff");
        let only = read(device(NetworkMode::Isolated, &["fd00:9::/112"]));
        assert_eq!((only.addresses, only.mode.as_str()), (vec!["fd00:9::1/112".to_owned()], "isolated"));
    }

    #[test]
    fn private_addresses_alone_are_translated() {
        let translates = |mode, subnet6| {
            let name = "lab".parse().expect("valid");
            let device = device(mode, &["10.9.0.0/28", subnet6]);
            let spec = NetworkSpec { name, uuid: Uuid::from_u128(7), device };
            spec.to_element().find_attribute("forward/nat", "ipv6") == Some("yes")
        };
        assert!(translates(NetworkMode::Nat, "fd00:9::/64"));
        assert!(!translates(NetworkMode::Nat, "2001:db8::/64"));
        assert!(!translates(NetworkMode::Routed, "fd00:9::/64"));
    }
}
