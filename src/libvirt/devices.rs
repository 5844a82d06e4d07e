//! Devices that come and go while their domain stays.

use super::client::Client;
use super::command::Command;
use super::metadata::{Metadata, NAMESPACE};
use super::xml::{Element, Node};
use super::{Error, OwnedVolume};

/// Where a change to a domain counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affects {
    /// The definition: from the next start on.
    NextStart,
    /// The machine that runs, until it stops.
    Running,
    /// Both.
    Both,
}

impl Affects {
    /// Both of a domain that runs.
    pub fn of(active: bool) -> Self {
        if active { Self::Both } else { Self::NextStart }
    }

    pub(super) fn flags(self) -> &'static str {
        match self {
            Self::NextStart => "--config",
            Self::Running => "--live",
            Self::Both => "--live --config",
        }
    }
}

impl Client {
    /// Adds a device.
    ///
    /// # Errors
    /// When libvirt or QEMU refuses.
    pub async fn attach_device(&self, uuid: &str, device: &Element, affects: Affects) -> Result<(), Error> {
        self.device_command("attach-device", "attach-device", uuid, device, affects).await
    }

    /// Changes a device to what is said here; what it is, its target tells.
    ///
    /// # Errors
    /// When libvirt or QEMU refuses, or the guest, which may hold a CD-ROM drive locked; that is overridden by `force`.
    pub async fn update_device(
        &self,
        uuid: &str,
        device: &Element,
        affects: Affects,
        force: bool,
    ) -> Result<(), Error> {
        let words = if force { "update-device --force" } else { "update-device" };
        self.device_command("update-device", words, uuid, device, affects).await
    }

    async fn device_command(
        &self,
        verb: &str,
        words: &str,
        uuid: &str,
        device: &Element,
        affects: Affects,
    ) -> Result<(), Error> {
        let file = self.handover_xml(verb, device)?;
        let command = Command::new(words).flag(affects.flags()).option("--domain", uuid);
        self.call(command.option("--file", &file.path)).await.map(drop)
    }

    /// Takes a disk away; of a machine that runs, its guest is only asked to let go of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such disk.
    pub async fn detach_disk(&self, uuid: &str, target: &str, affects: Affects) -> Result<(), Error> {
        let command = Command::new("detach-disk").flag(affects.flags());
        self.call(command.option("--domain", uuid).option("--target", target)).await.map(drop)
    }

    /// Grows a disk of a machine that runs, which is told.
    ///
    /// # Errors
    /// When QEMU refuses.
    pub async fn resize_running_disk(&self, uuid: &str, target: &str, bytes: u64) -> Result<(), Error> {
        let command = Command::new("blockresize").option("--domain", uuid).option("--path", target);
        self.call(command.option("--size", &format!("{bytes}b"))).await.map(drop)
    }

    /// Grows a disk that nothing uses.
    ///
    /// # Errors
    /// When it is in use, or its pool is gone.
    pub async fn resize_volume(&self, volume: &OwnedVolume, bytes: u64) -> Result<(), Error> {
        let command = Command::new("vol-resize")
            .option("--pool", &volume.pool)
            .option("--vol", &volume.volume)
            .option("--capacity", &format!("{bytes}b"));
        self.call(command).await.map(drop)
    }

    /// Replaces vmtools' record of the domain.
    ///
    /// # Errors
    /// When the domain is gone, or the connection fails.
    pub async fn set_record(&self, uuid: &str, record: &Metadata, affects: Affects) -> Result<(), Error> {
        let document = without_prefix(record.to_element()).to_line().map_err(|error| Error::Unexpected {
            command: "virsh metadata".to_owned(),
            reason: error.to_string(),
        })?;
        let command = Command::new("metadata --key vmtools").flag(affects.flags());
        let command = command.option("--domain", uuid).option("--uri", NAMESPACE);
        self.call(command.option("--set", &document)).await.map(drop)
    }
}

/// libvirt gives the element its namespace itself, by the key, and refuses one that has it.
fn without_prefix(mut element: Element) -> Element {
    element.name = element.local_name().to_owned();
    element.attributes.retain(|(name, _)| !name.starts_with("xmlns"));
    for node in &mut element.children {
        if let Node::Element(child) = node {
            *child = without_prefix(std::mem::replace(child, Element::new("")));
        }
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_prefixes_is_read_as_with_them() {
        let record = Metadata { labels: vec!["a=<&\"'".parse().expect("valid")], ..Metadata::default() };
        let bare = without_prefix(record.to_element());
        assert!(!bare.to_line().expect("writes").contains("vmtools"));
        // As libvirt puts it into the definition.
        let stored =
            Element { name: format!("vmtools:{}", bare.name), ..bare }.with("xmlns:vmtools", NAMESPACE);
        assert_eq!(Metadata::from_element(&Element::new("metadata").child(stored)), Some(record));
    }
}
