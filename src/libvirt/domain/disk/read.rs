use super::{Bus, Disk, DiskDevice, DiskSource, Encryption, name};
use crate::libvirt::domain::address;
use crate::libvirt::xml::Element;

/// Reads a `<disk>`.
pub(in crate::libvirt::domain) fn read(disk: &Element) -> Disk {
    let target = disk.find_attribute("target", "dev").unwrap_or_default().to_owned();
    let source = source_in(disk);
    let chain = chain_of(disk);
    let below_source = |name: &str| disk.find("source").and_then(|source| source.find(name));
    Disk {
        device: device(disk),
        bus: bus(disk, &target),
        path: source.path().map(str::to_owned),
        source,
        format: disk.find_attribute("driver", "type").map(str::to_owned),
        // libvirt says so of CD-ROMs, too.
        read_only: disk.find("readonly").is_some(),
        shareable: disk.find("shareable").is_some(),
        boot_order: disk.find_attribute("boot", "order").and_then(|order| order.parse().ok()),
        address: disk.find("address").and_then(address::read),
        // libvirt prints it where it was read, which may be at either place.
        encryption: disk.find("encryption").or_else(|| below_source("encryption")).map(encryption),
        data_store: below_source("dataStore").map(source_in),
        is_slice: below_source("slices").is_some(),
        declares_backing: disk.find("backingStore").is_some(),
        backing: chain.iter().filter_map(DiskSource::path).map(str::to_owned).collect(),
        chain,
        mirror: disk.find("mirror").map(source_in),
        alias: disk.find_attribute("alias", "name").map(str::to_owned),
        target,
    }
}

fn device(disk: &Element) -> DiskDevice {
    match disk.attribute("device") {
        Some("cdrom") => DiskDevice::Cdrom,
        Some("floppy") => DiskDevice::Floppy,
        Some("lun") => DiskDevice::Lun,
        // The default, and what treats the data of an unknown kind most carefully.
        _ => DiskDevice::Disk,
    }
}

fn bus(disk: &Element, target: &str) -> Bus {
    match disk.find_attribute("target", "bus") {
        Some("virtio") => Bus::Virtio,
        Some("sata") => Bus::Sata,
        Some("scsi") => Bus::Scsi,
        Some("ide") => Bus::Ide,
        Some("usb") => Bus::Usb,
        Some("fdc") => Bus::Fdc,
        Some(other) => Bus::Other(other.to_owned()),
        None => name::implied_bus(target).unwrap_or(Bus::Other(String::new())),
    }
}

/// What is below the disk, as far as it is written there. The last `<backingStore/>` is empty: nothing is
/// below.
fn chain_of(disk: &Element) -> Vec<DiskSource> {
    let mut chain = Vec::new();
    let mut below = disk.find("backingStore");
    while let Some(store) = below {
        if store.find("source").is_some() {
            chain.push(source_in(store));
        }
        below = store.find("backingStore");
    }
    chain
}

/// The source in a `<disk>`, `<backingStore>`, `<dataStore>` or `<mirror>`: its kind is the `type` of that
/// element, its place the `<source>` in it.
pub(in crate::libvirt::domain) fn source_in(holder: &Element) -> DiskSource {
    let Some(source) = holder.find("source") else { return DiskSource::Empty };
    let of = |name: &str| source.attribute(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let kind = holder.attribute("type").unwrap_or("file");
    let found = match kind {
        "file" => of("file").map(|path| DiskSource::File { path }),
        "block" => of("dev").map(|path| DiskSource::Block { path }),
        "volume" => of("pool").zip(of("volume")).map(|(pool, volume)| DiskSource::Volume { pool, volume }),
        "network" => of("protocol").map(|protocol| DiskSource::Network {
            protocol,
            name: of("name"),
            host: source.find_attribute("host", "name").map(str::to_owned),
        }),
        "dir" => of("dir").map(|path| DiskSource::Directory { path }),
        "nvme" => Some(nvme(source)),
        "vhostuser" => of("path").map(|path| DiskSource::VhostUser { path }),
        "vhostvdpa" => of("dev").map(|path| DiskSource::VhostVdpa { path }),
        other => Some(DiskSource::Other { kind: other.to_owned() }),
    };
    // A drive whose medium was taken out keeps its kind.
    found.unwrap_or(DiskSource::Empty)
}

fn nvme(source: &Element) -> DiskSource {
    let address = source.find("address").and_then(address::host_pci).unwrap_or_default();
    DiskSource::Nvme { address, namespace: source.attribute("namespace").unwrap_or("1").to_owned() }
}

fn encryption(element: &Element) -> Encryption {
    Encryption {
        format: element.attribute("format").unwrap_or("default").to_owned(),
        secret: element.find_attribute("secret", "uuid").map(str::to_owned),
    }
}
