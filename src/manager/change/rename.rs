use crate::libvirt;
use crate::manager::change::Changes;
use crate::manager::claim::Subject;
use crate::manager::power::Power;
use crate::manager::vms::Vms;
use crate::manager::{Already, Error, Event, VmError, VmStatus};
use crate::model::VmName;

impl Changes<'_> {
    /// Gives a VM that is off another name. All else stays: its UUID, its record, the names of its files,
    /// and what its guest calls itself.
    ///
    /// # Errors
    /// [`VmError::NotOff`]; [`VmError::Exists`] when the name is taken; [`VmError::BeingMade`].
    pub async fn rename(&self, old: &str, new: &VmName) -> Result<VmStatus, Error> {
        let id = self.op.client().domains().resolve(old).await?;
        if id.name == new.as_str() {
            self.op.report(Event::AlreadySo { name: &id.name, what: Already::Named });
            return Vms::of(self.op).status_of(id.uuid).await;
        }
        let _claim = self.op.own(Subject::Vm(id.uuid), &id.name).await?;
        Power::of(self.op).refuse_unmade(&self.op.client().definitions().current(id.uuid).await?).await?;
        let state = self.op.client().domains().state(id.uuid).await?;
        if state.is_active() {
            return Err(VmError::NotOff { name: id.name, state }.into());
        }
        self.op.check()?;
        self.op.client().domains().rename(id.uuid, new.as_str()).await.map_err(|error| match error {
            libvirt::Error::Exists { name, .. } => VmError::Exists { name }.into(),
            other => Error::from(other),
        })?;
        Vms::of(self.op).status_of(id.uuid).await
    }
}
