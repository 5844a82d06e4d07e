use std::time::Instant;

use super::by_libvirt;
use super::{Error, Seen, VmManager};
use crate::libvirt::DomainId;
use crate::model::Timestamp;

/// One VM.
pub(super) struct One {
    /// As the user calls it: when it is gone, another of this name takes its place.
    called: String,
    id: DomainId,
    /// Whether its guest was asked to tell what memory it uses, since it is on.
    asked: bool,
}

impl One {
    pub(super) fn new(called: &str, id: DomainId) -> Self {
        Self { called: called.to_owned(), id, asked: false }
    }

    pub(super) async fn look(&mut self, manager: &VmManager) -> Result<Seen, Error> {
        let stats = match manager.client.counters(&self.id.uuid).await {
            Err(error) if !error.is_connection() => {
                // virsh hides why a look-up failed; the list tells.
                self.id = manager.client.resolve(&self.called).await?;
                manager.client.counters(&self.id.uuid).await?
            }
            other => other?,
        };
        let counters = by_libvirt::counters(&stats, Instant::now(), Timestamp::now());
        if !counters.state.is_active() {
            self.asked = false;
        } else if !std::mem::replace(&mut self.asked, true) {
            manager.have_memory_told(&self.id.uuid, &counters).await;
        }
        Ok(Seen { name: stats.name, uuid: self.id.uuid.clone(), counters })
    }
}
