//! Pausing and resuming VMs.

use crate::libvirt::{self, DomainId};
use crate::manager::power::Power;
use crate::manager::{Already, Error, Event, StateChange, VmError};
use crate::model::VmState;

impl Power<'_> {
    /// Holds the VM's vCPUs; its memory stays. One that is paused already is fine.
    ///
    /// # Errors
    /// [`VmError::NotRunning`]; [`VmError::BeingMade`].
    pub async fn pause(&self, name: &str) -> Result<StateChange, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        let state = self.running_state(&id).await?;
        if state == VmState::Paused {
            self.op.report(Event::AlreadySo { name: &id.name, what: Already::Paused });
            return Ok(StateChange { name: id.name, state, already: true });
        }
        self.op.check()?;
        self.or_hangs(&id, self.op.client().domains().suspend(id.uuid).await).await?;
        self.arrived(id, VmState::Paused).await
    }

    /// Lets the VM go on: one that was paused, or whose guest has suspended itself. One that runs is fine.
    ///
    /// # Errors
    /// [`VmError::NotRunning`]; [`VmError::BeingMade`]; [`VmError::OtherState`] when it doesn't go on, as on a full disk.
    pub async fn resume(&self, name: &str) -> Result<StateChange, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        let state = self.running_state(&id).await?;
        self.op.check()?;
        match state {
            VmState::Paused => self.or_hangs(&id, self.op.client().domains().resume(id.uuid).await).await?,
            VmState::Suspended => self.op.client().domains().wake_up(id.uuid).await?,
            _ => {
                self.op.report(Event::AlreadySo { name: &id.name, what: Already::Running });
                return Ok(StateChange { name: id.name, state, already: true });
            }
        }
        self.arrived(id, VmState::Running).await
    }

    /// A daemon that still tells the VM's state is not what gave no answer.
    pub(in crate::manager) async fn or_hangs<T>(
        &self,
        id: &DomainId,
        answer: Result<T, libvirt::Error>,
    ) -> Result<T, Error> {
        match answer {
            Err(libvirt::Error::TimedOut { .. } | libvirt::Error::Busy { .. })
                if self.op.client().domains().state(id.uuid).await.is_ok() =>
            {
                Err(VmError::Hangs { name: id.name.clone() }.into())
            }
            other => Ok(other?),
        }
    }

    /// The state of a VM that is on and that nobody is making, past its QEMU's start.
    async fn running_state(&self, id: &DomainId) -> Result<VmState, Error> {
        if !self.op.client().domains().state(id.uuid).await?.is_active() {
            return Err(VmError::NotRunning { name: id.name.clone() }.into());
        }
        match self.refuse_being_made(id).await {
            Err(Error::Libvirt(error)) => self.or_hangs(id, Err(error)).await?,
            other => other?,
        }
        match self.await_running(id).await {
            Ok(()) | Err(Error::Vm(VmError::Paused { .. })) => {}
            Err(error) => return Err(error),
        }
        let state = self.op.client().domains().state(id.uuid).await?;
        if state.is_active() { Ok(state) } else { Err(VmError::NotRunning { name: id.name.clone() }.into()) }
    }

    /// libvirt comes back when it is done; QEMU may have stopped it again at once.
    async fn arrived(&self, id: DomainId, wanted: VmState) -> Result<StateChange, Error> {
        let state = self.op.client().domains().state(id.uuid).await?;
        if state != wanted {
            return Err(VmError::OtherState { name: id.name, wanted, state }.into());
        }
        Ok(StateChange { name: id.name, state, already: false })
    }
}
