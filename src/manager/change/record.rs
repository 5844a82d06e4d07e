//! Changes to vmtools' record of a VM, one at a time.

use crate::libvirt::MetadataChange;
use crate::manager::Error;
use crate::manager::change::Changes;
use crate::model::Uuid;

impl Changes<'_> {
    /// Changes the VM's record as it is by then; of a VM of others only the disks
    /// that vmtools made for it. For who has claimed the VM.
    pub(in crate::manager) async fn change_record(
        &self,
        uuid: Uuid,
        change: &MetadataChange,
    ) -> Result<(), Error> {
        let stored = self.op.client().definitions().stored(uuid).await?;
        let active = self.op.client().domains().state(uuid).await?.is_active();
        if stored.metadata.is_none() {
            let mut added = stored.added.clone();
            added.retain(|volume| !change.disown.contains(&volume.path));
            added.extend(change.owned.iter().cloned());
            if added != stored.added {
                self.op.client().metadata().set_added(uuid, &added, active).await?;
            }
        } else {
            self.op.client().metadata().change(&stored, change, active).await?;
        }
        self.renew_saved(uuid, active).await
    }

    /// A VM that is saved goes on with the definition that was saved with it, and so with the record in that.
    pub(super) async fn renew_saved(&self, uuid: Uuid, active: bool) -> Result<(), Error> {
        if !active && self.op.client().domains().is_saved(uuid).await? {
            self.op.client().definitions().bring_metadata_to_saved(uuid).await?;
        }
        Ok(())
    }
}
