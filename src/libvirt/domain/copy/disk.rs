use super::obstacle::Conflict;
use super::{CopiedFile, Copying};
use crate::libvirt::domain::disk::{DiskSource, read};
use crate::libvirt::domain::edit;
use crate::libvirt::xml::{Element, Node};

/// Gives the disk its own image. One that has none stays as it is if the guest can't write to it, or others may.
pub(super) fn copy(copying: &mut Copying<'_>, element: &mut Element, place: &str) {
    let disk = read(element);
    let by_path = || copying.copy.files.get(disk.path.as_deref()?);
    if let Some(file) = copying.copy.disks.get(&disk.target).or_else(by_path).cloned() {
        if disk.encryption.is_some() {
            copying.obstacle(place, Conflict::Encrypted, disk.source.to_string());
        }
        if disk.is_slice {
            copying.obstacle(place, Conflict::Slice, disk.source.to_string());
        }
        replace(element, &file);
    } else if let Some(conflict) = conflict(&disk) {
        copying.obstacle(place, conflict, disk.source.to_string());
    }
}

fn conflict(disk: &crate::libvirt::Disk) -> Option<Conflict> {
    match &disk.source {
        DiskSource::Empty => None,
        // Even for reading only one process has it.
        DiskSource::Nvme { .. } | DiskSource::VhostVdpa { .. } => Some(Conflict::Exclusive),
        DiskSource::VhostUser { .. } => Some(Conflict::SinglePeer),
        _ if disk.is_own() => Some(Conflict::Disk { target: disk.target.clone() }),
        _ => None,
    }
}

/// All that describes the old image goes with it; libvirt reads the new one's chain from its files.
fn replace(disk: &mut Element, file: &CopiedFile) {
    disk.set_attribute("type", "file");
    // A LUN can't be a file.
    if disk.attribute("device") == Some("lun") {
        disk.set_attribute("device", "disk");
    }
    for name in ["rawio", "sgio"] {
        edit::remove_attribute(disk, name);
    }
    for name in ["backingStore", "mirror", "auth", "encryption"] {
        edit::remove_children(disk, name);
    }
    let mut source = Element::new("source").with("file", &file.path);
    if let Some(old) = disk.find("source") {
        if let Some(policy) = old.attribute("startupPolicy") {
            source.set_attribute("startupPolicy", policy);
        }
        source = source.children(old.all("seclabel").cloned());
    }
    match disk.find_mut("source") {
        Some(old) => *old = source,
        None => disk.children.push(Node::Element(source)),
    }
    match disk.find_mut("driver") {
        Some(driver) => driver.set_attribute("type", &file.format),
        None => {
            // Unsaid, libvirt takes every image for raw.
            let driver = Element::new("driver").with("name", "qemu").with("type", &file.format);
            disk.children.insert(0, Node::Element(driver));
        }
    }
}
