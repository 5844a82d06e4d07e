use crate::manager::network::Networks;
use std::collections::HashSet;

use super::NetworkError;
use crate::libvirt::{self, Domain, DomainId, Interface, Network, Scope};
use crate::manager::{Error, Event, Warning};
use crate::model::MacAddress;

/// A VM's card that is plugged into a network.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NetworkCard {
    /// The VM.
    pub vm: String,
    /// Its hardware address, in lower case.
    pub mac: String,
    /// Its model, such as `virtio`.
    pub model: Option<String>,
    /// Whether the VM runs with it; else it gets it at its next start.
    pub active: bool,
}

/// The definitions of all VMs, those that run and those that are stored.
#[derive(Default)]
pub(super) struct Survey {
    /// Of a running VM as it runs, of others as they are stored.
    present: Vec<Domain>,
    /// Of running VMs, as they are stored.
    stored: Vec<Domain>,
    active: HashSet<String>,
}

impl Survey {
    /// The cards on the network, in the order of the VMs.
    pub(super) fn cards_on(&self, network: &Network) -> Vec<NetworkCard> {
        let mut cards: Vec<NetworkCard> = Vec::new();
        for domain in self.present.iter().chain(&self.stored) {
            for card in domain.interfaces.iter().filter(|card| is_on(card, network)) {
                if cards.iter().all(|known| known.vm != domain.name || known.mac != card.mac) {
                    cards.push(NetworkCard {
                        vm: domain.name.clone(),
                        mac: card.mac.clone(),
                        model: card.model.clone(),
                        active: self.runs_with(&domain.uuid, &card.mac),
                    });
                }
            }
        }
        cards.sort_by(|a, b| (&a.vm, &a.mac).cmp(&(&b.vm, &b.mac)));
        cards
    }

    /// The VM that has a card with the address, running or stored.
    pub(super) fn holder_of(&self, mac: &str) -> Option<&Domain> {
        self.present
            .iter()
            .chain(&self.stored)
            .find(|domain| domain.interfaces.iter().any(|card| card.mac == mac))
    }

    fn runs_with(&self, uuid: &str, mac: &str) -> bool {
        self.active.contains(uuid)
            && self
                .present
                .iter()
                .any(|domain| domain.uuid == uuid && domain.interfaces.iter().any(|card| card.mac == mac))
    }
}

/// Whether the card is plugged into the network, by its name or by the bridge that libvirt made for it.
pub(super) fn is_on(card: &Interface, network: &Network) -> bool {
    let own_bridge = network.bridge.as_ref().filter(|_| network.mode != "bridge");
    match card.kind.as_str() {
        "network" => card.source.as_ref() == Some(&network.name),
        "bridge" => own_bridge.is_some() && card.source.as_ref() == own_bridge,
        _ => false,
    }
}

/// The names of the VMs that have the cards, each once.
pub(super) fn names<'a>(cards: impl Iterator<Item = &'a NetworkCard>) -> Vec<String> {
    let mut names: Vec<String> = cards.map(|card| card.vm.clone()).collect();
    names.dedup();
    names
}

impl Networks<'_> {
    pub(super) async fn survey_cards(&self) -> Result<Survey, Error> {
        let all = self.op.client().domains(Scope::All).await?;
        let active = self.op.client().domains(Scope::Active).await?;
        let present = self.op.client().domains_in_full(&uuids(&all)).await?;
        let stored = self.op.client().stored_domains_in_full(&uuids(&active)).await?;
        Ok(Survey { present, stored, active: active.into_iter().map(|id| id.uuid).collect() })
    }

    /// As [`Networks::survey_cards`], to be looked at only: a QEMU that hangs leaves it empty, with a warning.
    pub(super) async fn glance_at_cards(&self) -> Result<Survey, Error> {
        match self.survey_cards().await {
            Err(Error::Libvirt(libvirt::Error::TimedOut { .. })) => {
                self.op.report(Event::Warning(Warning::Hung));
                Ok(Survey::default())
            }
            other => other,
        }
    }

    /// No VM but the one excepted has a card of one of the addresses.
    pub(in crate::manager) async fn refuse_taken_macs(
        &self,
        macs: &[MacAddress],
        except: Option<&str>,
    ) -> Result<(), Error> {
        if macs.is_empty() {
            return Ok(());
        }
        let survey = self.survey_cards().await?;
        for mac in macs {
            if let Some(holder) = survey.holder_of(&mac.to_string())
                && except != Some(holder.uuid.as_str())
            {
                return Err(NetworkError::MacTaken { mac: *mac, vm: holder.name.clone() }.into());
            }
        }
        Ok(())
    }
}

fn uuids(ids: &[DomainId]) -> Vec<&str> {
    ids.iter().map(|id| id.uuid.as_str()).collect()
}
