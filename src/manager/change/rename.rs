use crate::libvirt;
use crate::manager::change::Changes;
use crate::manager::vms::Vms;
use crate::manager::{Already, Error, Event, VmError, VmStatus};
use crate::model::VmName;

impl Changes<'_> {
    /// Gives a VM that is shut off another name. All else stays: its UUID, its record, the names of its files,
    /// and what its guest calls itself.
    ///
    /// Of two renames of one VM at once the second finds the old name gone, since the VM is claimed before it is
    /// read. That the new name is free is for libvirt to say, which decides it and takes the name in one step: a
    /// create, or a rename of another VM, may be after the same name.
    ///
    /// # Errors
    /// [`VmError::NotOff`]; [`VmError::Saved`]; [`VmError::Exists`] when the name is taken; [`VmError::BeingMade`].
    pub async fn rename(&self, old: &str, new: &VmName) -> Result<VmStatus, Error> {
        let vm = self.op.claim_vm(old).await?;
        if vm.id.name == new.as_str() {
            self.op.report(Event::AlreadySo { name: &vm.id.name, what: Already::Named });
            return Vms::of(self.op).status_of(vm.id.uuid).await;
        }
        vm.refuse_on()?;
        self.op.check()?;
        self.op.client().domains().rename(vm.id.uuid, new.as_str()).await.map_err(|error| match error {
            libvirt::Error::Exists { name, .. } => VmError::Exists { name }.into(),
            other => Error::from(other),
        })?;
        Vms::of(self.op).status_of(vm.id.uuid).await
    }
}
