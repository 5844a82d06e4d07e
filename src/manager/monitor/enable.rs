use serde::Serialize;

use crate::manager::{Error, Event, VmManager};

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

impl VmManager {
    /// Gives a VM a QMP socket, from its next start on; those that vmtools makes have one. What is so already is fine.
    ///
    /// # Errors
    /// [`Error::NoQmpFolder`]; [`Error::BeingMade`]; [`Error::Unkept`]; when libvirt refuses.
    pub async fn enable_qmp(&self, name: &str) -> Result<QmpEnabled, Error> {
        let id = self.client.resolve(name).await?;
        let _held = self.paths.lock_vm(&id.uuid).await?;
        if !self.client.is_persistent(&id.uuid).await? {
            return Err(Error::Unkept { name: id.name });
        }
        let stored = self.client.stored_domain(&id.uuid).await?;
        self.refuse_unmade(&stored).await?;
        let active = self.client.state(&id.uuid).await?.is_active();
        let running = if active { self.client.domain(&id.uuid).await?.qmp_socket } else { None };
        let on_next_start = active && running.is_none();
        if let Some(qmp) = stored.qmp_socket {
            self.report(Event::AlreadySo { name: &id.name, what: "given a QMP socket" });
            return Ok(QmpEnabled { name: id.name, qmp, already: true, on_next_start });
        }
        let socket = id.uuid.parse().ok().and_then(|uuid| self.qmp_socket(uuid));
        let qmp = socket.ok_or_else(|| Error::NoQmpFolder { name: id.name.clone() })?;
        self.interrupt.check()?;
        self.client.add_monitor(&id.uuid, &qmp).await?;
        Ok(QmpEnabled { name: id.name, qmp, already: false, on_next_start })
    }
}
