use std::net::IpAddr;

use crate::libvirt::xml::Element;
use crate::model::Duid;

/// An address that dnsmasq keeps for one host (`<host>`). Of IPv4 that is known by its hardware address or its name, of
/// IPv6 by its DUID or its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The host's hardware address, in lower case; of IPv4 only.
    pub mac: Option<String>,
    /// The id that the host gives of itself: for IPv6 its DUID, as hexadecimal bytes with colons.
    pub id: Option<String>,
    /// The address.
    pub ip: IpAddr,
    /// The name that the host is given, or with IPv6 is known by.
    pub name: Option<String>,
    /// The element that it was read from, with all that is not understood here, such as `<lease>`.
    element: Option<Element>,
}

impl Reservation {
    /// A new one of IPv4, for the host of that hardware address.
    pub fn of_mac(mac: impl Into<String>, ip: impl Into<IpAddr>, name: Option<String>) -> Self {
        let mac = Some(mac.into().to_ascii_lowercase());
        Self { mac, id: None, ip: ip.into(), name, element: None }
    }

    /// A new one of IPv6, for the host of that DUID or that name; libvirt wants one of them.
    pub fn of_id(id: Option<String>, ip: impl Into<IpAddr>, name: Option<String>) -> Self {
        Self { mac: None, id, ip: ip.into(), name, element: None }
    }

    /// Whether the host is the one of that hardware address.
    pub fn is_of_mac(&self, mac: &str) -> bool {
        self.mac.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(mac))
    }

    /// Whether the host is the one of that name.
    pub fn is_of_name(&self, name: &str) -> bool {
        self.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
    }

    /// The id, if it is a DUID.
    pub fn duid(&self) -> Option<Duid> {
        self.id.as_deref()?.parse().ok()
    }

    /// Whether both keep the same address for the same host.
    pub fn is_same(&self, other: &Self) -> bool {
        self.ip == other.ip && self.is_of_same_host(other)
    }

    /// Whether both keep an address of one family for the same host.
    pub(super) fn is_of_same_host(&self, other: &Self) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| match (a, b) {
            (Some(a), Some(b)) => Some(a.eq_ignore_ascii_case(b)),
            _ => None,
        };
        self.ip.is_ipv4() == other.ip.is_ipv4()
            && same(&self.mac, &other.mac)
                .or_else(|| same(&self.id, &other.id))
                .or_else(|| same(&self.name, &other.name))
                .unwrap_or(false)
    }

    pub(super) fn read(host: &Element) -> Option<Self> {
        let attribute = |name: &str| host.attribute(name).map(str::to_owned);
        Some(Self {
            mac: attribute("mac").map(|mac| mac.to_ascii_lowercase()),
            id: attribute("id"),
            ip: host.attribute("ip")?.parse().ok()?,
            name: attribute("name"),
            element: Some(host.clone()),
        })
    }

    /// The element: what it was read from, or what the present one was read from, with what is given here.
    pub(super) fn to_element(&self, present: Option<&Self>) -> Element {
        let known = self.element.as_ref().or_else(|| present?.element.as_ref());
        let mut host = known.cloned().unwrap_or_else(|| Element::new("host"));
        for (attribute, value) in [("mac", &self.mac), ("id", &self.id), ("name", &self.name)] {
            // The spelling stays, too.
            let same = |old: &str, new: &str| old.eq_ignore_ascii_case(new);
            if let Some(value) = value
                && !host.attribute(attribute).is_some_and(|old| same(old, value))
            {
                host.set_attribute(attribute, value);
            }
        }
        host.set_attribute("ip", self.ip.to_string());
        host
    }
}
