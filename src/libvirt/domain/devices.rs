//! Devices that come and go while their domain stays.

use super::Affects;
use crate::libvirt::Error;
use crate::libvirt::client::Client;
use crate::libvirt::command::Command;
use crate::libvirt::xml::Element;

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
}
