//! The host's directories that a domain's guest can mount.

use crate::libvirt::xml::Element;
use crate::model::{MountDriver, SharedFolder};

/// A directory of the host in a domain's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filesystem {
    /// The directory; `None` where another program serves it.
    pub host: Option<String>,
    /// The name by which the guest mounts it.
    pub tag: String,
    /// Whether the guest may only read it.
    pub read_only: bool,
    /// How it gets there; `None` is a way of which vmtools knows nothing.
    pub driver: Option<MountDriver>,
}

/// The device. `virtiofsd` is the program that serves it, where it is virtiofs.
pub(super) fn device(folder: &SharedFolder, virtiofsd: Option<&str>) -> Element {
    let device = Element::new("filesystem").with("type", "mount");
    let device = match folder.driver {
        // virtiofsd, which is root's in a system, acts with the rights of the guest's own users.
        MountDriver::Virtiofs => device
            .with("accessmode", "passthrough")
            .child(Element::new("driver").with("type", "virtiofs"))
            .children(virtiofsd.map(|path| Element::new("binary").with("path", path))),
        // QEMU makes all files as its own user's and keeps the guest's owners beside them. Unsaid, nobody else on
        // the host could read what it makes.
        MountDriver::NineP => device.with("accessmode", "mapped").with("fmode", "0644").with("dmode", "0755"),
    };
    device
        .child(Element::new("source").with("dir", &folder.host))
        .child(Element::new("target").with("dir", &folder.tag))
        .children(folder.read_only.then(|| Element::new("readonly")))
}

/// The memory that virtiofsd can share, if any of the directories needs it.
pub(super) fn memory_backing(folders: &[SharedFolder]) -> Option<Element> {
    let shared = folders.iter().any(|folder| folder.driver == MountDriver::Virtiofs);
    shared.then(|| {
        Element::new("memoryBacking")
            .child(Element::new("source").with("type", "memfd"))
            .child(Element::new("access").with("mode", "shared"))
    })
}

/// Reads a `<filesystem>`.
pub(super) fn read(device: &Element) -> Option<Filesystem> {
    let driver = match device.find_attribute("driver", "type") {
        Some("virtiofs") => Some(MountDriver::Virtiofs),
        None | Some("path" | "handle") => Some(MountDriver::NineP),
        Some(_) => None,
    };
    Some(Filesystem {
        host: device.find_attribute("source", "dir").map(str::to_owned),
        tag: device.find_attribute("target", "dir")?.to_owned(),
        read_only: device.find("readonly").is_some(),
        driver,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (driver, read_only) in [(MountDriver::Virtiofs, true), (MountDriver::NineP, false)] {
            let folder = SharedFolder {
                host: "/a & b,c".into(),
                tag: "vmtools:0".into(),
                guest: "/b".into(),
                read_only,
                driver,
            };
            let document = device(&folder, Some("/usr/libexec/virtiofsd")).to_document().expect("writes");
            assert_eq!(document.contains("virtiofsd"), driver == MountDriver::Virtiofs, "{document}");
            let found = read(&Element::parse(&document).expect("parses")).expect("is one");
            let expected = Filesystem {
                host: Some(folder.host.clone()),
                tag: folder.tag.clone(),
                read_only,
                driver: Some(driver),
            };
            assert_eq!(found, expected);
            assert_eq!(memory_backing(&[folder]).is_some(), driver == MountDriver::Virtiofs);
        }
    }

    #[test]
    fn what_others_made_is_read() {
        let socket = "<filesystem type='mount'><driver type='virtiofs'/><source socket='/s'/><target dir='t'/></filesystem>";
        let found = read(&Element::parse(socket).expect("parses")).expect("is one");
        assert_eq!((found.host, found.driver), (None, Some(MountDriver::Virtiofs)));
        let odd =
            "<filesystem type='file'><driver type='loop'/><source file='/f'/><target dir='t'/></filesystem>";
        assert_eq!(read(&Element::parse(odd).expect("parses")).expect("is one").driver, None);
    }
}
