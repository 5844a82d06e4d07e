use serde::Serialize;

use crate::manager::claim::Subject;
use crate::manager::host_checks::HostChecks;
use crate::manager::observe::Monitoring;
use crate::manager::power::Power;
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
        let id = self.op.client().domains().resolve(name).await?;
        let _held = self.op.own(Subject::Vm(id.uuid), &id.name).await?;
        if !self.op.client().domains().is_persistent(id.uuid).await? {
            return Err(VmError::Transient { name: id.name }.into());
        }
        let stored = self.op.client().definitions().stored(id.uuid).await?;
        Power::of(self.op).refuse_unmade(&stored).await?;
        let active = self.op.client().domains().state(id.uuid).await?.is_active();
        let running =
            if active { self.op.client().definitions().current(id.uuid).await?.qmp_socket } else { None };
        let on_next_start = active && running.is_none();
        if let Some(qmp) = stored.qmp_socket {
            self.op.report(Event::AlreadySo { name: &id.name, what: Already::QmpEnabled });
            return Ok(QmpEnabled { name: id.name, qmp, already: true, on_next_start });
        }
        let socket = HostChecks::of(self.op).qmp_socket(id.uuid);
        let qmp = socket.ok_or_else(|| VmError::NoQmpFolder { name: id.name.clone() })?;
        self.op.check()?;
        self.op.client().hardware().add_monitor(id.uuid, &qmp).await?;
        Ok(QmpEnabled { name: id.name, qmp, already: false, on_next_start })
    }
}
