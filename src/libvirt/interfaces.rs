//! What a [`Client`] does to the network cards of domains.

use std::time::Duration;

use super::Error;
use super::client::Client;
use super::command::Command;
use super::domain_spec::InterfaceSpec;
use super::xml::Element;
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
        scope: CardScope,
    ) -> Result<(), Error> {
        self.change_interface("attach-device", uuid, &card.to_element(NicModel::default()), scope).await
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
        scope: CardScope,
    ) -> Result<(), Error> {
        let card =
            Element::new("interface").with("type", kind).child(Element::new("mac").with("address", mac));
        self.change_interface("detach-device", uuid, &card, scope).await
    }

    async fn change_interface(
        &self,
        verb: &str,
        uuid: &str,
        card: &Element,
        scope: CardScope,
    ) -> Result<(), Error> {
        let file = self.handover_xml(verb, card)?;
        let scope = match scope {
            CardScope::Both => "--live --config",
            CardScope::Running => "--live",
            CardScope::Stored => "--config",
        };
        let command = Command::new(verb).flag(scope).option("--domain", uuid).option("--file", &file.path);
        self.call(command.within(PLUG)).await.map(drop)
    }
}

/// Which of a domain's two states is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardScope {
    /// The running domain and its definition.
    Both,
    /// The running domain alone.
    Running,
    /// The definition alone.
    Stored,
}
