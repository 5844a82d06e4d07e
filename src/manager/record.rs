//! Changes to vmtools' record of a VM, one at a time.

use super::{Error, VmManager};
use crate::libvirt::MetadataChange;

impl VmManager {
    /// Changes the VM's record as it is by then; nothing, if vmtools didn't make the VM.
    pub(super) async fn change_record(&self, uuid: &str, change: &MetadataChange) -> Result<(), Error> {
        let _held = self.paths.lock_vm(uuid).await?;
        self.change_record_held(uuid, change).await
    }

    /// As [`VmManager::change_record`], for who holds the VM's lock.
    pub(super) async fn change_record_held(&self, uuid: &str, change: &MetadataChange) -> Result<(), Error> {
        let stored = self.client.stored_domain(uuid).await?;
        if stored.metadata.is_none() {
            return Ok(());
        }
        let active = self.client.state(uuid).await?.is_active();
        Ok(self.client.change_metadata(&stored, change, active).await?)
    }
}
