//! Changes to vmtools' record of a VM, one at a time.

use crate::libvirt::MetadataChange;
use crate::manager::Error;
use crate::manager::change::Changes;

impl Changes<'_> {
    /// Changes the VM's record as it is by then; nothing, if vmtools didn't make the VM. For who has claimed the VM.
    pub(in crate::manager) async fn change_record(
        &self,
        uuid: &str,
        change: &MetadataChange,
    ) -> Result<(), Error> {
        let stored = self.op.client().stored_domain(uuid).await?;
        if stored.metadata.is_none() {
            return Ok(());
        }
        let active = self.op.client().state(uuid).await?.is_active();
        Ok(self.op.client().change_metadata(&stored, change, active).await?)
    }
}
