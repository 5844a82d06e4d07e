//! The mark that keeps a VM from being deleted. It stands in the VM's own definition, apart from the
//! record, so that VMs of others can have it too.

use crate::libvirt::Domain;
use crate::manager::change::Changes;
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
        let vm = self.op.claim_vm(name).await?;
        let already = vm.stored.protected == on;
        if already {
            self.op.report(Event::AlreadySo {
                name: &vm.id.name,
                what: if on { Already::Protected } else { Already::Unprotected },
            });
        } else {
            self.op.check()?;
            let active = vm.state.is_active();
            self.op.client().metadata().set_protected(vm.id.uuid, on, active).await?;
            self.renew_saved(vm.id.uuid, active).await?;
        }
        Ok(Protection { name: vm.id.name, protected: on, already })
    }
}

/// # Errors
/// [`VmError::Protected`] when the VM is.
pub(in crate::manager) fn refuse_protected(domain: &Domain) -> Result<(), Error> {
    if domain.protected { Err(VmError::Protected { name: domain.name.clone() }.into()) } else { Ok(()) }
}
