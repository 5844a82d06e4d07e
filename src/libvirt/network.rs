use super::xml::{Element, XmlError};

/// A libvirt network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The name.
    pub name: String,
    /// The UUID.
    pub uuid: String,
    /// Whether it is up.
    pub active: bool,
    /// Whether libvirt starts it by itself.
    pub autostart: bool,
    /// The bridge on the host.
    pub bridge: Option<String>,
    /// `nat`, `route`, `bridge`, ... ; `None` for an isolated network.
    pub forward: Option<String>,
    /// The host's addresses on it with prefix lengths, such as `192.168.122.1/24`.
    pub addresses: Vec<String>,
    /// Whether libvirt's dnsmasq gives addresses there.
    pub dhcp: bool,
}

impl Network {
    /// Reads `net-dumpxml`'s output; whether it is active and starts by itself comes from `net-list`.
    pub(super) fn parse(document: &str, active: bool, autostart: bool) -> Result<Self, XmlError> {
        let tree = Element::parse(document)?;
        Ok(Self {
            name: tree.find_text("name").unwrap_or_default(),
            uuid: tree.find_text("uuid").unwrap_or_default(),
            active,
            autostart,
            bridge: tree.find_attribute("bridge", "name").map(str::to_owned),
            forward: tree
                .find("forward")
                .map(|forward| forward.attribute("mode").unwrap_or("nat").to_owned()),
            addresses: tree.all("ip").filter_map(address).collect(),
            dhcp: tree.all("ip").any(|ip| ip.find("dhcp").is_some()),
        })
    }
}

fn address(ip: &Element) -> Option<String> {
    let address = ip.attribute("address")?;
    let prefix = match (ip.attribute("prefix"), ip.attribute("netmask")) {
        (Some(prefix), _) => prefix.parse().ok(),
        (None, Some(mask)) => {
            mask.parse::<std::net::Ipv4Addr>().ok().map(|mask| u32::from(mask).leading_ones())
        }
        (None, None) => None,
    };
    Some(prefix.map_or_else(|| address.to_owned(), |prefix| format!("{address}/{prefix}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    // libvirt 11.3.0: `net-dumpxml default`
    const DEFAULT: &str = "<network>
  <name>default</name>
  <uuid>6b55b5a2-0d5c-4dc5-9d19-0be0e4a2c5a1</uuid>
  <forward mode='nat'>
    <nat>
      <port start='1024' end='65535'/>
    </nat>
  </forward>
  <bridge name='virbr0' stp='on' delay='0'/>
  <mac address='52:54:00:7e:0c:33'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'/>
    </dhcp>
  </ip>
</network>";

    #[test]
    fn recorded_output() {
        let network = Network::parse(DEFAULT, true, false).expect("parses");
        assert_eq!((network.bridge.as_deref(), network.forward.as_deref()), (Some("virbr0"), Some("nat")));
        assert_eq!(network.addresses, ["192.168.122.1/24"]);
        assert!(network.dhcp && network.active && !network.autostart);
    }
}
