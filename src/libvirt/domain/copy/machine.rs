//! What is neither a disk, a network interface, a character device nor a display.

use super::Copying;
use super::obstacle::Conflict;
use crate::libvirt::domain::disk::{DiskSource, source_in};
use crate::libvirt::domain::{address, edit};
use crate::libvirt::xml::{Element, Node};

pub(super) fn empty(_: &mut Copying<'_>, element: &mut Element, _place: &str) {
    element.children.clear();
}

/// An entry of QEMU's firmware configuration.
pub(super) fn firmware_entry(copying: &mut Copying<'_>, entry: &mut Element, _place: &str) {
    if let Some(file) = entry.attribute("file").and_then(|file| copying.copy.files.get(file)) {
        entry.set_attribute("file", &file.path);
    }
}

/// An entry of what the firmware tells of the machine: libvirt wants the UUID to be the domain's.
pub(super) fn smbios_entry(copying: &mut Copying<'_>, entry: &mut Element, _place: &str) {
    let name = entry.attribute("name");
    // A serial number may tell cloud-init where its data is; then it is none.
    let is_serial = name == Some("serial") && !entry.content().starts_with("ds=");
    if name == Some("uuid") || is_serial {
        entry.children = vec![Node::Text(copying.copy.uuid.to_string())];
    }
}

pub(super) fn nvram(copying: &mut Copying<'_>, nvram: &mut Element, place: &str) {
    let source = source_in(nvram);
    let is_file = matches!(source, DiskSource::Empty | DiskSource::File { .. });
    nvram.children.clear();
    edit::remove_attribute(nvram, "type");
    let is_of_itself = source.path().is_some() && nvram.attribute("template") == source.path();
    match &copying.copy.nvram {
        Some(path) => {
            nvram.children.push(Node::Text(path.clone()));
            if is_of_itself {
                nvram.set_attribute("template", path);
            }
        }
        None if is_file => {}
        None => copying.obstacle(place, Conflict::FirmwareVariables, source.to_string()),
    }
}

pub(super) fn is_written_firmware(loader: &Element) -> bool {
    loader.attribute("type") == Some("pflash") && loader.attribute("readonly") == Some("no")
}

pub(super) fn written_firmware(copying: &mut Copying<'_>, loader: &mut Element, place: &str) {
    let path = loader.content();
    match copying.copy.files.get(&path) {
        Some(file) => loader.children = vec![Node::Text(file.path.clone())],
        // libvirt chooses the firmware, and makes a copy of it.
        None if path.is_empty() => {}
        None => copying.obstacle(place, Conflict::File, path),
    }
}

pub(super) fn name(element: &Element) -> String {
    element.name.clone()
}

pub(super) fn lease(lease: &Element) -> String {
    lease.find_text("key").unwrap_or_default()
}

/// The device of the host that is passed through, by the name that users know it by.
pub(super) fn host_device(device: &Element) -> String {
    let source = device.find("source");
    let of = |path: &str, name: &str| {
        source.and_then(|source| source.find_attribute(path, name)).map(str::to_owned)
    };
    let usb = || Some(format!("{}:{}", of("vendor", "id")?, of("product", "id")?));
    let pci = || source?.find("address").and_then(address::host_pci);
    let on_bus = || Some(format!("bus {} device {}", of("address", "bus")?, of("address", "device")?));
    let attribute = |name: &str| source.and_then(|source| source.attribute(name)).map(str::to_owned);
    let text = |name: &str| source.and_then(|source| source.find_text(name));
    usb()
        .or_else(pci)
        .or_else(|| of("address", "uuid"))
        .or_else(on_bus)
        .or_else(|| attribute("wwpn"))
        .or_else(|| of("adapter", "name"))
        .or_else(|| attribute("name"))
        .or_else(|| text("block"))
        .or_else(|| text("char"))
        .or_else(|| text("interface"))
        .unwrap_or_else(|| device.attribute("type").unwrap_or_default().to_owned())
}

pub(super) fn is_shareable(device: &Element) -> bool {
    device.find("shareable").is_some()
}

pub(super) fn has_source(device: &Element) -> bool {
    device.find("source").is_some()
}

pub(super) fn input(input: &Element) -> String {
    let of = |name: &str| input.find_attribute("source", name);
    of("evdev").or_else(|| of("dev")).unwrap_or_default().to_owned()
}

pub(super) fn is_host_smartcard(card: &Element) -> bool {
    matches!(card.attribute("mode"), Some("host" | "host-certificates"))
}

pub(super) fn is_passthrough_tpm(tpm: &Element) -> bool {
    tpm.find_attribute("backend", "type") == Some("passthrough")
}

pub(super) fn is_external_tpm(tpm: &Element) -> bool {
    tpm.find_attribute("backend", "type") == Some("external")
}

pub(super) fn tpm_device(tpm: &Element) -> String {
    tpm.find_attribute("backend/device", "path").unwrap_or("/dev/tpm0").to_owned()
}

pub(super) fn tpm_socket(tpm: &Element) -> String {
    tpm.find_attribute("backend/source", "path").unwrap_or_default().to_owned()
}

pub(super) fn vsock(_: &mut Copying<'_>, vsock: &mut Element, _place: &str) {
    if let Some(cid) = vsock.find_mut("cid") {
        edit::remove_attribute(cid, "address");
        cid.set_attribute("auto", "yes");
    }
}

pub(super) fn is_served_elsewhere(filesystem: &Element) -> bool {
    filesystem.find_attribute("source", "socket").is_some()
}

/// Whether it is an image or a device, which one machine at a time may mount for writing.
pub(super) fn is_written_image(filesystem: &Element) -> bool {
    matches!(filesystem.attribute("type"), Some("file" | "block" | "volume"))
        && filesystem.find("readonly").is_none()
}

pub(super) fn filesystem(filesystem: &Element) -> String {
    let source = filesystem.find("source");
    let values =
        source.into_iter().flat_map(|source| source.attributes.iter().map(|(_, value)| value.as_str()));
    values.collect::<Vec<_>>().join("/")
}

/// Whether the memory may be kept in a file that the guest writes to. Where QEMU maps it privately, which is
/// its default, nothing that the guest writes comes to the file; that is set at one of three places, so what
/// stands here may only be taken for it.
pub(super) fn is_written_memory(memory: &Element) -> bool {
    matches!(memory.attribute("model"), Some("nvdimm" | "virtio-pmem"))
        && memory.find("source/path").is_some()
        && memory.find("target/readonly").is_none()
        && memory.attribute("access") != Some("private")
}

pub(super) fn memory(copying: &mut Copying<'_>, memory: &mut Element, place: &str) {
    if !is_mapped_shared(copying.source, memory) {
        return;
    }
    let Some(path) = memory.find_mut("source/path") else { return };
    match copying.copy.files.get(&path.content()) {
        Some(file) => path.children = vec![Node::Text(file.path.clone())],
        None => copying.obstacle(place, Conflict::File, path.content()),
    }
}

/// The device's own `access`, else that of its NUMA cell, else that of all memory
/// (`qemuBuildMemoryBackendProps`).
fn is_mapped_shared(domain: &Element, memory: &Element) -> bool {
    let node = memory.find_text("target/node");
    let cells = domain.find("cpu/numa").into_iter().flat_map(|numa| numa.all("cell"));
    let of_cell = cells
        .filter(|cell| cell.attribute("id") == node.as_deref())
        .find_map(|cell| cell.attribute("memAccess"));
    let access = memory
        .attribute("access")
        .or(of_cell)
        .or_else(|| domain.find_attribute("memoryBacking/access", "mode"));
    // Persistent memory is synchronised with its file.
    access == Some("shared") || memory.find("source/pmem").is_some()
}

pub(super) fn has_server(shmem: &Element) -> bool {
    shmem.find("server").is_some()
}

pub(super) fn shared_memory(shmem: &Element) -> String {
    shmem.attribute("name").unwrap_or_default().to_owned()
}

pub(super) fn is_audio_file(audio: &Element) -> bool {
    audio.attribute("type") == Some("file")
}

pub(super) fn audio_file(copying: &mut Copying<'_>, audio: &mut Element, _place: &str) {
    if let Some(path) = audio.attribute("path").map(|path| copying.copy.beside(path)) {
        audio.set_attribute("path", path);
    }
}
