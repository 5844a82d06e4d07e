use std::collections::HashMap;

use super::VmEventKind as Kind;
use crate::libvirt::DomainId;
use crate::model::{Uuid, VmState};

/// What libvirt answers of a name: its UUID, and the state if that was asked for.
pub(in crate::manager) type DomainAnswer = (Uuid, Option<VmState>);

/// What is known of all VMs, by name, and kept right by their events.
#[derive(Debug, Default)]
pub(in crate::manager) struct StateMap(HashMap<String, Known>);

#[derive(Debug, Clone, Default)]
struct Known {
    uuid: Option<Uuid>,
    state: Option<VmState>,
    /// Its definition was removed while it ran, so it is gone once it is shut off.
    undefined: bool,
}

impl StateMap {
    pub(in crate::manager) fn of(states: Vec<(DomainId, VmState)>) -> Self {
        let known = |(id, state): (DomainId, VmState)| {
            let state = (state != VmState::Unknown).then_some(state);
            (id.name, Known { uuid: Some(id.uuid), state, undefined: false })
        };
        Self(states.into_iter().map(known).collect())
    }

    pub(in crate::manager) fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The VMs and their states, by name. One without a UUID is left out.
    pub(in crate::manager) fn all(&self) -> Vec<(DomainId, Option<VmState>)> {
        let id = |name: &str, known: &Known| Some(DomainId { uuid: known.uuid?, name: name.into() });
        let mut all: Vec<_> =
            self.0.iter().filter_map(|(name, known)| Some((id(name, known)?, known.state))).collect();
        all.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        all
    }

    /// Whether it is not sure which VM the name stands for: it is new, or one that was off may have been replaced
    /// by one that has no definition, of which libvirt doesn't tell when it goes.
    pub(in crate::manager) fn is_doubtful(&self, name: &str, event: Kind, detail: &str) -> bool {
        let Some(known) = self.0.get(name) else { return event != Kind::Undefined };
        let off = known.state.is_none_or(|state| !state.is_active());
        match event {
            Kind::Defined => detail == "Defined Added" || detail == "Defined Renamed",
            Kind::Started | Kind::Resumed | Kind::Suspended => off,
            Kind::AgentConnected | Kind::AgentDisconnected => off,
            _ => false,
        }
    }

    /// Takes in what libvirt answered of a doubtful name: nothing when it is gone already.
    pub(in crate::manager) fn answer(&mut self, name: &str, event: Kind, found: Option<DomainAnswer>) {
        let known = self.0.entry(name.to_owned()).or_default();
        match found {
            Some((uuid, state)) if known.uuid != Some(uuid) => {
                // Another one, or one that was not known.
                *known = Known { uuid: Some(uuid), state: state.or(known.state), undefined: false };
            }
            Some(_) => {}
            None if event == Kind::Defined => known.uuid = None,
            None => {}
        }
    }

    /// Takes in an event; the VM's UUID and its state after it.
    pub(in crate::manager) fn apply(
        &mut self,
        name: &str,
        event: Kind,
        detail: &str,
    ) -> (Option<Uuid>, Option<VmState>) {
        let mut known = self.0.remove(name).unwrap_or_default();
        let before = known.state;
        known.state = match event {
            Kind::Defined => before.or(Some(VmState::Shutoff)),
            Kind::Undefined => before.filter(|state| state.is_active() && detail != "Undefined Renamed"),
            // Its memory comes first; then it is resumed.
            Kind::Started if detail == "Started Migrated" => Some(VmState::Paused),
            Kind::Started | Kind::Resumed => Some(VmState::Running),
            Kind::Suspended => Some(VmState::Paused),
            Kind::Shutdown => Some(VmState::ShuttingDown),
            Kind::Stopped => Some(VmState::Shutoff),
            Kind::Crashed if detail.starts_with("Stopped") => Some(VmState::Shutoff),
            Kind::Crashed if detail == "Crashed Panicked" => Some(VmState::Crashed),
            Kind::PmSuspended => Some(VmState::Suspended),
            _ => before,
        };
        let result = (known.uuid, known.state);
        match event {
            Kind::Defined => known.undefined = false,
            Kind::Undefined => known.undefined = true,
            _ => {}
        }
        let gone = known.undefined && known.state.is_none_or(|state| state == VmState::Shutoff);
        if !gone {
            self.0.insert(name.to_owned(), known);
        }
        result
    }

    /// What must have happened for this map to become that one. What came and went in between doesn't show.
    pub(in crate::manager) fn changes_to(&self, now: &Self) -> Vec<(DomainId, Kind, Option<VmState>)> {
        let (was, is) = (self.all(), now.all());
        let mut changes = Vec::new();
        for (id, _) in &was {
            if !is.iter().any(|(other, _)| other == id) {
                changes.push((id.clone(), Kind::Undefined, None));
            }
        }
        for (id, state) in is {
            let before = was.iter().find(|(other, _)| other.uuid == id.uuid);
            if before.is_none_or(|(other, _)| other.name != id.name) {
                changes.push((id.clone(), Kind::Defined, state));
            }
            let before = before.map_or(Some(VmState::Shutoff), |(_, state)| *state);
            if let Some(state) = state.filter(|_| state != before) {
                let event = into(state, before);
                changes.push((id, event, Some(state)));
            }
        }
        changes
    }
}

/// What brings a VM into a state.
fn into(state: VmState, before: Option<VmState>) -> Kind {
    match state {
        VmState::Running if before.is_some_and(VmState::is_active) => Kind::Resumed,
        VmState::Running => Kind::Started,
        VmState::Paused => Kind::Suspended,
        VmState::Shutoff => Kind::Stopped,
        VmState::Crashed => Kind::Crashed,
        VmState::Suspended => Kind::PmSuspended,
        VmState::ShuttingDown => Kind::Shutdown,
        VmState::Unknown => Kind::Other,
    }
}

#[cfg(test)]
mod tests;
