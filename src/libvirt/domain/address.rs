//! Where a device is attached in its machine.

use crate::libvirt::xml::Element;

/// A device's `<address>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceAddress {
    /// On a disk controller.
    Drive(DriveAddress),
    /// On the PCI bus of the machine, such as `0000:00:02.0`.
    Pci(String),
    /// Of another kind, by libvirt's name for it.
    Other(String),
}

/// A place on a disk controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DriveAddress {
    /// The controller's index among those of its kind.
    pub controller: u32,
    /// The bus of the controller.
    pub bus: u32,
    /// The target on that bus; other controllers than SCSI ones have one.
    pub target: u32,
    /// The unit.
    pub unit: u32,
}

impl DriveAddress {
    /// The `<address>`.
    pub fn to_element(self) -> Element {
        Element::new("address")
            .with("type", "drive")
            .with("controller", self.controller.to_string())
            .with("bus", self.bus.to_string())
            .with("target", self.target.to_string())
            .with("unit", self.unit.to_string())
    }
}

/// Reads a device's `<address>`; `None` when it says nothing of use.
pub(super) fn read(address: &Element) -> Option<DeviceAddress> {
    let number = |name: &str| address.attribute(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    match address.attribute("type")? {
        "drive" => Some(DeviceAddress::Drive(DriveAddress {
            controller: number("controller"),
            bus: number("bus"),
            target: number("target"),
            unit: number("unit"),
        })),
        "pci" => {
            Some(host_pci(address).map_or_else(|| DeviceAddress::Other("pci".into()), DeviceAddress::Pci))
        }
        other => Some(DeviceAddress::Other(other.to_owned())),
    }
}

/// A PCI address as Linux writes it.
pub(super) fn host_pci(address: &Element) -> Option<String> {
    let number = |name: &str| {
        let text = address.attribute(name)?;
        match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    };
    let domain = number("domain").unwrap_or(0);
    let (bus, slot, function) = (number("bus")?, number("slot")?, number("function").unwrap_or(0));
    Some(format!("{domain:04x}:{bus:02x}:{slot:02x}.{function}"))
}
