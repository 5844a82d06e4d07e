use super::{Bus, Disk, name};
use crate::libvirt::domain::Domain;
use crate::libvirt::domain::address::{self, DeviceAddress, DriveAddress};
use crate::libvirt::domain::edit;
use crate::libvirt::xml::Element;

/// A name, and where needed a place on the bus, that a new disk can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeTarget {
    /// The name, such as `vdb`.
    pub name: String,
    /// The bus.
    pub bus: Bus,
    /// The place on a bus that has numbered places; on others libvirt or QEMU finds one.
    pub address: Option<DriveAddress>,
}

impl FreeTarget {
    /// The `<disk>` with its name, bus and place, whatever it had of these before.
    #[must_use]
    pub fn applied_to(&self, disk: Element) -> Element {
        let mut disk = disk;
        edit::remove_children(&mut disk, "target");
        edit::remove_children(&mut disk, "address");
        let target = Element::new("target").with("dev", &self.name).with("bus", self.bus.as_str());
        disk.child(target).children(self.address.map(DriveAddress::to_element))
    }
}

/// A target for another disk on the bus; `None` when the bus is full or takes no disks by name.
///
/// It is free in all the given definitions, which are that of the next start and, while the domain runs,
/// the running one. libvirt derives a disk's place on a SATA, SCSI, IDE or floppy controller from its name
/// and refuses one that is taken, as it may be by a disk whose name and place differ; so the place is chosen
/// here. And since libvirt keeps the disks of a bus in the order of their names and boots the first one, the
/// name comes after that of the disk that boots, unless the definition says by itself what boots.
pub fn free_target(definitions: &[&Domain], bus: &Bus) -> Option<FreeTarget> {
    let prefix = name::prefix(bus)?;
    let is_taken = |name: &str| definitions.iter().any(|domain| domain.disk(name).is_some());
    let first = definitions.iter().filter_map(|domain| index_after_boot_disk(domain, bus)).max().unwrap_or(0);
    let slots = Slots::of(bus);
    let limit = slots.as_ref().and_then(|slots| slots.limit).unwrap_or(u32::MAX);
    let index = (first..limit).find(|index| !is_taken(&name::name(prefix, *index)))?;
    let address = match slots {
        Some(slots) => {
            let is_free = |address: &DriveAddress| {
                !definitions.iter().any(|domain| taken_on(domain, bus, &slots).any(|taken| taken == *address))
            };
            let usual = slots.address(index);
            let mut others = (0..limit).map(|index| slots.address(index));
            Some(if is_free(&usual) { usual } else { others.find(is_free)? })
        }
        None => None,
    };
    Some(FreeTarget { name: name::name(prefix, index), bus: bus.clone(), address })
}

fn index_after_boot_disk(domain: &Domain, bus: &Bus) -> Option<u32> {
    let boots = domain.boot_disk().filter(|disk| disk.boot_order.is_none() && disk.bus == *bus)?;
    Some(name::index(&boots.target)? + 1)
}

/// The places that disks of the bus, and SCSI devices of the host on it, have.
fn taken_on<'a>(
    domain: &'a Domain,
    bus: &'a Bus,
    slots: &'a Slots,
) -> impl Iterator<Item = DriveAddress> + 'a {
    let of_disk = |disk: &'a Disk| match &disk.address {
        Some(DeviceAddress::Drive(address)) => Some(*address),
        _ => name::index(&disk.target).map(|index| slots.address(index)),
    };
    let disks = domain.disks.iter().filter(move |disk| disk.bus == *bus).filter_map(of_disk);
    let hostdevs = domain.devices("hostdev").filter(move |_| *bus == Bus::Scsi);
    disks.chain(hostdevs.filter_map(|device| match device.find("address").and_then(address::read) {
        Some(DeviceAddress::Drive(address)) => Some(address),
        _ => None,
    }))
}

/// How libvirt maps the position of a name to a place (`virDomainDiskDefAssignAddress`).
struct Slots {
    buses_per_controller: u32,
    units_per_bus: u32,
    /// The unit that the controller itself has.
    controller_unit: Option<u32>,
    /// How many names there are places for; a controller more is made where there is no such limit.
    limit: Option<u32>,
}

impl Slots {
    fn of(bus: &Bus) -> Option<Self> {
        let slots = |buses_per_controller, units_per_bus, controller_unit, limit| {
            Some(Self { buses_per_controller, units_per_bus, controller_unit, limit })
        };
        match bus {
            Bus::Sata => slots(1, 6, None, None),
            Bus::Scsi => slots(1, 15, Some(7), None),
            // QEMU's PC has one IDE and one floppy controller.
            Bus::Ide => slots(2, 2, None, Some(4)),
            Bus::Fdc => slots(1, 2, None, Some(2)),
            Bus::Virtio | Bus::Usb | Bus::Other(_) => None,
        }
    }

    fn address(&self, index: u32) -> DriveAddress {
        let per_controller = self.buses_per_controller * self.units_per_bus;
        let (controller, rest) = (index / per_controller, index % per_controller);
        let (bus, unit) = (rest / self.units_per_bus, rest % self.units_per_bus);
        let unit =
            if self.controller_unit.is_some_and(|reserved| unit >= reserved) { unit + 1 } else { unit };
        DriveAddress { controller, bus, target: 0, unit }
    }
}
