use crate::libvirt::xml::Element;

/// A port group of a network: settings that an interface there can choose (`-n NAME,portgroup=P`).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PortGroup {
    /// The name.
    pub name: String,
    /// Whether interfaces that name none get this one.
    #[serde(rename = "default")]
    pub is_default: bool,
    /// The VLANs whose frames an interface of it sees.
    pub vlans: Vec<u16>,
    /// Whether the guest sees the tags of its VLANs.
    pub trunk: bool,
    /// What manages its ports, if not the kernel alone: `openvswitch`, ...
    pub virtual_port: Option<String>,
}

/// The port groups of a network. Of several that say they are the default one libvirt takes the first
/// (`virPortGroupFindByName`).
pub(super) fn read_all(network: &Element) -> Vec<PortGroup> {
    let mut groups: Vec<PortGroup> = network.all("portgroup").map(PortGroup::read).collect();
    for other in groups.iter_mut().filter(|group| group.is_default).skip(1) {
        other.is_default = false;
    }
    groups
}

impl PortGroup {
    fn read(group: &Element) -> Self {
        let vlan = group.find("vlan");
        let tags = vlan.into_iter().flat_map(|vlan| vlan.all("tag"));
        let vlans: Vec<u16> = tags.filter_map(|tag| tag.attribute("id")?.parse().ok()).collect();
        Self {
            name: group.attribute("name").unwrap_or_default().to_owned(),
            is_default: group.attribute("default") == Some("yes"),
            // libvirt's rule: several are a trunk, whether it is said or not.
            trunk: vlans.len() > 1 || vlan.and_then(|vlan| vlan.attribute("trunk")) == Some("yes"),
            vlans,
            virtual_port: group.find_attribute("virtualport", "type").map(str::to_owned),
        }
    }
}
