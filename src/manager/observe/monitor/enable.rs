use serde::Serialize;

use crate::manager::host_checks::HostChecks;
use crate::manager::observe::Monitoring;
use crate::manager::{Already, Error, Event, VmError};

/// A VM that has a QMP socket of vmtools' own, or gets it with its next start.
#[derive(Debug, Clone, Serialize)]
pub struct QmpEnabled {
    /// The VM.
    pub name: String,
    /// The socket.
    pub qmp: String,
    /// Whether its definition had it before.
    pub already: bool,
    /// Whether the VM runs without it, until it is restarted.
    pub on_next_start: bool,
}

impl Monitoring<'_> {
    /// Gives a VM a QMP socket, from its next start on; those that vmtools makes have one. What is so already is fine.
    ///
    /// # Errors
    /// [`VmError::NoQmpFolder`]; [`VmError::BeingMade`]; [`VmError::Transient`]; when libvirt refuses.
    pub async fn enable_qmp(&self, name: &str) -> Result<QmpEnabled, Error> {
        let vm = self.op.claim_vm(name).await?;
        let id = &vm.id;
        if !self.op.client().domains().is_persistent(id.uuid).await? {
            return Err(VmError::Transient { name: id.name.clone() }.into());
        }
        let on_next_start = vm.running.as_ref().is_some_and(|domain| domain.qmp_socket.is_none());
        if let Some(qmp) = vm.stored.qmp_socket.clone() {
            self.op.report(Event::AlreadySo { name: &id.name, what: Already::QmpEnabled });
            return Ok(QmpEnabled { name: id.name.clone(), qmp, already: true, on_next_start });
        }
        let socket = HostChecks::of(self.op).qmp_socket(id.uuid);
        let qmp = socket.ok_or_else(|| VmError::NoQmpFolder { name: id.name.clone() })?;
        self.op.check()?;
        self.op.client().hardware().add_monitor(id.uuid, &qmp).await?;
        Ok(QmpEnabled { name: id.name.clone(), qmp, already: false, on_next_start })
    }
}
