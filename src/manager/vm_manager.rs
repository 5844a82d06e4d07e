use std::sync::Arc;

use super::{Event, Interrupt, Observer};
use crate::config::{Config, Paths};
use crate::libvirt::Client;
use crate::model::ConnectionUri;

/// A connection's VMs, and what can be done to them.
pub struct VmManager {
    pub(super) client: Client,
    /// For questions that a guest may hold up; its virsh is started only for the first of them.
    pub(super) aside: Client,
    pub(super) config: Config,
    pub(super) paths: Paths,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) interrupt: Interrupt,
}

impl VmManager {
    /// The connection that its VMs are on.
    pub fn uri(&self) -> &ConnectionUri {
        self.client.uri()
    }

    /// What tells that the user wants the present command to end.
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    pub(super) fn report(&self, event: Event<'_>) {
        self.observer.event(event);
    }
}
