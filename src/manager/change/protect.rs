//! The mark that keeps a VM from being deleted. It stands in the VM's own definition, apart from the
//! record, so that VMs of others can have it too.

use crate::libvirt::Domain;
use crate::manager::change::Changes;
use crate::manager::claim::Subject;
use crate::manager::power::Power;
use crate::manager::{Already, Error, Event, VmError};

/// A VM that was protected, or is no longer.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Protection {
    /// The VM.
    pub name: String,
    /// Whether it is protected now.
    pub protected: bool,
    /// Whether it was so before.
    pub already: bool,
}

impl Changes<'_> {
    /// Protects the VM against being deleted, or lets it be deleted again. What is so already is fine.
    ///
    /// # Errors
    /// [`VmError::BeingMade`]; when libvirt refuses.
    pub async fn protect(&self, name: &str, on: bool) -> Result<Protection, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        let _claim = self.op.own(Subject::Vm(id.uuid), &id.name).await?;
        let stored = self.op.client().definitions().stored(id.uuid).await?;
        Power::of(self.op).refuse_unmade(&stored).await?;
        let already = stored.protected == on;
        if already {
            self.op.report(Event::AlreadySo {
                name: &id.name,
                what: if on { Already::Protected } else { Already::Unprotected },
            });
        } else {
            self.op.check()?;
            let active = self.op.client().domains().state(id.uuid).await?.is_active();
            self.op.client().metadata().set_protected(id.uuid, on, active).await?;
        }
        Ok(Protection { name: id.name, protected: on, already })
    }
}

/// # Errors
/// [`VmError::Protected`] when the VM is.
pub(in crate::manager) fn refuse_protected(domain: &Domain) -> Result<(), Error> {
    if domain.protected { Err(VmError::Protected { name: domain.name.clone() }.into()) } else { Ok(()) }
}
