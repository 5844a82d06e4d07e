use crate::libvirt;
use crate::manager::change::Changes;
use crate::manager::vms::Vms;
use crate::manager::{Already, Error, Event, VmError, VmStatus};
use crate::model::VmName;

impl Changes<'_> {
    /// Gives a VM that is off another name. All else stays: its UUID, its record, the names of its files,
    /// and what its guest calls itself.
    ///
    /// # Errors
    /// [`VmError::NotOff`]; [`VmError::Saved`]; [`VmError::Exists`] when the name is taken; [`VmError::BeingMade`].
    pub async fn rename(&self, old: &str, new: &VmName) -> Result<VmStatus, Error> {
        let id = self.op.client().domains().resolve(old).await?;
        if id.name == new.as_str() {
            self.op.report(Event::AlreadySo { name: &id.name, what: Already::Named });
            return Vms::of(self.op).status_of(id.uuid).await;
        }
        let vm = self.op.own_vm_of(id).await?;
        vm.refuse_on()?;
        self.op.check()?;
        self.op.client().domains().rename(vm.id.uuid, new.as_str()).await.map_err(|error| match error {
            libvirt::Error::Exists { name, .. } => VmError::Exists { name }.into(),
            other => Error::from(other),
        })?;
        Vms::of(self.op).status_of(vm.id.uuid).await
    }
}
