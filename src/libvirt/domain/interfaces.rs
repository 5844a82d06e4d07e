//! What a [`Client`] does to the network cards of domains.

use std::time::Duration;

use super::Affects;
use super::spec::InterfaceSpec;
use crate::libvirt::Error;
use crate::libvirt::client::Client;
use crate::libvirt::command::Command;
use crate::model::NicModel;

// QEMU and passt have their say; libvirt itself waits 5 s for the guest to give a card up.
const PLUG: Duration = Duration::from_secs(60);

impl Client {
    /// Gives the domain a card, in its definition and, if it runs, at once.
    ///
    /// # Errors
    /// When libvirt or QEMU refuses; then neither is changed.
    pub async fn plug_interface(
        &self,
        uuid: &str,
        card: &InterfaceSpec,
        affects: Affects,
    ) -> Result<(), Error> {
        let verb = "attach-device";
        let file = self.handover_xml(verb, &card.to_element(NicModel::default()))?;
        let command =
            Command::new(verb).flag(affects.flags()).option("--domain", uuid).option("--file", &file.path);
        self.call(command.within(PLUG)).await.map(drop)
    }

    /// Takes a card away. From a running domain it is gone only when the guest has given it up, which may
    /// be later than this returns.
    ///
    /// # Errors
    /// When there is no such card.
    pub async fn unplug_interface(
        &self,
        uuid: &str,
        kind: &str,
        mac: &str,
        affects: Affects,
    ) -> Result<(), Error> {
        let command = Command::new("detach-interface")
            .flag(affects.flags())
            .option("--domain", uuid)
            .option("--type", kind)
            .option("--mac", mac);
        self.call(command.within(PLUG)).await.map(drop)
    }
}
