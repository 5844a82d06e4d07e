//! Devices that are added to a domain and removed from it.

use std::time::Duration;

use super::Affects;
use super::interface::InterfaceKind;
use super::spec::InterfaceSpec;
use crate::libvirt::command::Command;
use crate::libvirt::xml::Element;
use crate::libvirt::{DomainHardware, Error};
use crate::model::{NicModel, Uuid};

// QEMU and passt take their time; libvirt itself waits 5 s for the guest to release an interface.
const PLUG: Duration = Duration::from_secs(60);

impl DomainHardware<'_> {
    /// Adds a device.
    ///
    /// # Errors
    /// When libvirt or QEMU refuses.
    pub async fn attach(self, uuid: Uuid, device: &Element, affects: Affects) -> Result<(), Error> {
        self.device_command("attach-device", "attach-device", uuid, device, affects).await
    }

    /// Changes the device that has the same target to what is said here.
    ///
    /// # Errors
    /// When libvirt or QEMU refuses, or the guest, which may hold a CD-ROM drive locked; that is overridden by `force`.
    pub async fn update(
        self,
        uuid: Uuid,
        device: &Element,
        affects: Affects,
        force: bool,
    ) -> Result<(), Error> {
        let words = if force { "update-device --force" } else { "update-device" };
        self.device_command("update-device", words, uuid, device, affects).await
    }

    async fn device_command(
        self,
        verb: &str,
        words: &str,
        uuid: Uuid,
        device: &Element,
        affects: Affects,
    ) -> Result<(), Error> {
        let file = self.client.pass_xml(verb, device)?;
        let command = Command::new(words).flag(affects.flags()).domain(uuid);
        self.client.call(command.option("--file", &file.path)).await.map(drop)
    }

    /// Removes a disk; of a running machine, the guest is only asked to release it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such disk.
    pub async fn detach_disk(self, uuid: Uuid, target: &str, affects: Affects) -> Result<(), Error> {
        let command = Command::new("detach-disk").flag(affects.flags());
        self.client.call(command.domain(uuid).option("--target", target)).await.map(drop)
    }

    /// Adds a network interface, to the stored definition and, if the domain runs, at once.
    ///
    /// # Errors
    /// When libvirt or QEMU refuses; then neither is changed.
    pub async fn attach_interface(
        self,
        uuid: Uuid,
        interface: &InterfaceSpec,
        affects: Affects,
    ) -> Result<(), Error> {
        let verb = "attach-device";
        let file = self.client.pass_xml(verb, &interface.to_element(NicModel::default()))?;
        let command = Command::new(verb).flag(affects.flags()).domain(uuid).option("--file", &file.path);
        self.client.call(command.within(PLUG)).await.map(drop)
    }

    /// Plugs the cable of a running domain's network interface in or out.
    ///
    /// # Errors
    /// When there is no such interface.
    pub async fn set_link(self, uuid: Uuid, mac: &str, is_up: bool) -> Result<(), Error> {
        let command = Command::new("domif-setlink").domain(uuid).option("--interface", mac);
        let command = command.option("--state", if is_up { "up" } else { "down" });
        self.client.call(command).await.map(drop)
    }

    /// Removes a network interface. From a running domain it is gone only when the guest has released it, which
    /// may be later than this returns.
    ///
    /// # Errors
    /// When there is no such interface.
    pub async fn detach_interface(
        self,
        uuid: Uuid,
        kind: &InterfaceKind,
        mac: &str,
        affects: Affects,
    ) -> Result<(), Error> {
        let command = Command::new("detach-interface")
            .flag(affects.flags())
            .domain(uuid)
            .option("--type", kind.as_str())
            .option("--mac", mac);
        self.client.call(command.within(PLUG)).await.map(drop)
    }
}
