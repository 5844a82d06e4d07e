use super::{Error, Event, VmManager, VmStatus};
use crate::libvirt;
use crate::model::VmName;

impl VmManager {
    /// Gives a VM that is off another name. All else stays: its UUID, its record, the names of its files,
    /// and what its guest calls itself.
    ///
    /// # Errors
    /// [`Error::NotOff`]; [`Error::Exists`] when the name is taken; [`Error::BeingMade`].
    pub async fn rename(&self, old: &str, new: &VmName) -> Result<VmStatus, Error> {
        let id = self.client.resolve(old).await?;
        if id.name == new.as_str() {
            self.report(Event::AlreadySo { name: &id.name, what: "called so" });
            return self.status_of(&id.uuid).await;
        }
        self.refuse_unmade(&self.client.domain(&id.uuid).await?).await?;
        if self.client.state(&id.uuid).await?.is_active() {
            return Err(Error::NotOff { name: id.name });
        }
        self.interrupt.check()?;
        self.client.rename(&id.uuid, new.as_str()).await.map_err(|error| match error {
            libvirt::Error::Exists { name, .. } => Error::NameTaken { name },
            other => other.into(),
        })?;
        self.status_of(&id.uuid).await
    }
}
