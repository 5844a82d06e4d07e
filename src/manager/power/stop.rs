//! Stopping: the guest is asked, and watched until it is shut off.
//!
//! ```text
//!   0 s   the power button is pressed: it holds nothing up, whatever the guest does
//!   5 s   an agent that is connected is asked too, for guests that don't heed the button; it may never
//!         answer, so this goes over a virsh of its own
//!  15 s   the button again, for its driver in the guest may not have been up; and so on
//! ```
//!
//! Meanwhile the state is asked for, so that many are stopped in the time of the slowest.

use std::time::{Duration, Instant};

use crate::agent::ShutdownMode;
use crate::libvirt::{self, Domain, DomainId, Scope};
use crate::manager::gc::GarbageCollection;
use crate::manager::gc::Maker;
use crate::manager::guest::GuestAgent;
use crate::manager::power::Power;
use crate::manager::retry::{Retry, is_away};
use crate::manager::{Already, Error, Event, StateChange, VmError, VmStatus, WaitFor, Warning};
use crate::model::{Uuid, VmState};

/// How often a guest that was asked to shut down is looked at.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a look at the definition may take.
const GLANCE: Duration = Duration::from_secs(3);
/// How long the power button alone is tried.
const BUTTON: Duration = Duration::from_secs(5);
/// How long an agent may take over it: one that does it says nothing.
const AGENT: Duration = Duration::from_secs(1);
/// When the guest is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// How a VM is to be stopped.
#[derive(Debug, Clone, Copy)]
pub enum StopBy {
    /// Its guest is asked, and has so long.
    Asking(Duration),
    /// The plug is pulled.
    Force,
}

impl Power<'_> {
    /// Stops the VM and waits until it is shut off. One that is already is fine.
    ///
    /// # Errors
    /// [`VmError::StillRunning`] when the guest doesn't within its time; [`VmError::Paused`] when it can't.
    pub async fn stop(&self, name: &str, by: StopBy) -> Result<StateChange, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        let state = self.op.client().domains().state(id.uuid).await?;
        if !state.is_active() {
            self.op.report(Event::AlreadySo { name: &id.name, what: Already::ShutOff });
            return Ok(StateChange { name: id.name, state, already: true });
        }
        self.bring_down(&id, by).await?;
        let state = self.state_or_gone(id.uuid).await?;
        Ok(StateChange { name: id.name, state, already: false })
    }

    /// Stops the VM and starts it anew, so that it has what was changed in its definition meanwhile.
    /// One that is shut off is started.
    ///
    /// # Errors
    /// As [`Power::stop`] and [`Power::start`]; [`VmError::StillRunning`] when the guest doesn't shut down.
    pub async fn restart(&self, name: &str, by: StopBy, wait: Option<&WaitFor>) -> Result<VmStatus, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        if self.op.client().domains().state(id.uuid).await?.is_active() {
            if !self.op.client().domains().is_persistent(id.uuid).await? {
                return Err(VmError::Transient { name: id.name }.into());
            }
            self.bring_down(&id, by).await?;
        } else {
            self.op.report(Event::WasOff { name: &id.name });
        }
        let started = self.start(&id.uuid.to_string(), wait).await;
        if matches!(started, Err(Error::Interrupted))
            && !self.op.client().domains().state(id.uuid).await?.is_active()
        {
            self.op.report(Event::Warning(Warning::LeftOff { vm: id.name }));
        }
        started
    }

    async fn bring_down(&self, id: &DomainId, by: StopBy) -> Result<(), Error> {
        // A QEMU that hangs holds its definition back; nobody is making that VM.
        let domain = match tokio::time::timeout(GLANCE, self.op.client().definitions().current(id.uuid)).await
        {
            Ok(domain) => Some(domain?),
            Err(_) => None,
        };
        if let Some(domain) = &domain
            && matches!(GarbageCollection::of(self.op).maker_of(domain).await?, Maker::AtWork)
        {
            return Err(VmError::BeingMade { name: id.name.clone() }.into());
        }
        self.op.check()?;
        match by {
            StopBy::Force => match self.op.client().domains().destroy(id.uuid).await {
                Ok(()) | Err(libvirt::Error::WrongState { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            },
            StopBy::Asking(timeout) => self.shut_down(id, domain.as_ref(), timeout).await,
        }
    }

    async fn shut_down(
        &self,
        id: &DomainId,
        domain: Option<&Domain>,
        timeout: Duration,
    ) -> Result<(), Error> {
        let stats = self.op.client().statistics().state(id.uuid).await?;
        if matches!(stats.state(), VmState::Paused | VmState::Suspended) && !stats.is_starting() {
            return Err(VmError::Paused { name: id.name.clone() }.into());
        }
        let still_running = || Err(VmError::StillRunning { name: id.name.clone(), timeout }.into());
        let deadline = Instant::now() + timeout;
        let work = async {
            tokio::select! {
                biased;
                off = self.watch_until_off(id.uuid, deadline) => off,
                asked = self.keep_asking(id.uuid, domain, deadline) => asked,
            }
        };
        // A QEMU that hangs may hold an answer back for longer than there is time.
        let watched = async { tokio::time::timeout(timeout, work).await.unwrap_or(Ok(false)) };
        let watched = async { if watched.await? { Ok(()) } else { still_running() } };
        match self.op.race(watched).await {
            Err(Error::Interrupted) => {
                self.op.report(Event::Warning(Warning::MayGoOff { vm: id.name.clone() }));
                Err(Error::Interrupted)
            }
            other => other,
        }
    }

    /// Whether it is shut off before the deadline. A daemon that restarts in between is no matter.
    async fn watch_until_off(&self, uuid: Uuid, deadline: Instant) -> Result<bool, Error> {
        let mut retry = Retry::until(deadline, self.op.interrupt()).at_most(PAUSE);
        loop {
            let state = async || Ok(self.state_or_gone(uuid).await?);
            if !self.op.while_daemon_restarts(state).await?.is_active() {
                return Ok(true);
            }
            if !retry.again().await? {
                return Ok(false);
            }
        }
    }

    /// The state. A VM that was never defined is gone with its end, which counts as off.
    async fn state_or_gone(&self, uuid: Uuid) -> Result<VmState, libvirt::Error> {
        match self.op.client().domains().state(uuid).await {
            // virsh hides why a look-up failed; the list tells.
            Err(error) if error.is_not_found() => {
                let known = self.op.client().domains().list(Scope::All).await?;
                let gone = known.iter().all(|id| id.uuid != uuid);
                Ok(if gone { VmState::Shutoff } else { VmState::Running })
            }
            other => other,
        }
    }

    /// Asks the guest again and again until the deadline, and gives false then: that it is shut off shows elsewhere.
    async fn keep_asking(
        &self,
        uuid: Uuid,
        domain: Option<&Domain>,
        deadline: Instant,
    ) -> Result<bool, Error> {
        let agent = domain.is_some_and(|domain| domain.agent_connected);
        let button = domain.is_none_or(|domain| domain.acpi) || !agent;
        let mut retry = Retry::until(deadline, self.op.interrupt());
        loop {
            if button {
                passing(self.op.client().domains().press_power_button(uuid).await)?;
                if !retry.again_after(BUTTON).await? {
                    return Ok(false);
                }
            }
            if agent {
                // That it says nothing is no sign of anything.
                let agent = GuestAgent::of(self.op).second_client(uuid);
                let _ = agent.shut_down(ShutdownMode::Powerdown, AGENT).await;
            }
            if !retry.again_after(ASK_AGAIN).await? {
                return Ok(false);
            }
        }
    }
}

/// What asking again may fix is no error: it is shut off by now, its QEMU hangs, or the daemon is away.
fn passing(asked: Result<(), libvirt::Error>) -> Result<(), libvirt::Error> {
    match asked {
        Err(
            libvirt::Error::WrongState { .. } | libvirt::Error::TimedOut { .. } | libvirt::Error::Busy { .. },
        ) => Ok(()),
        Err(error) if is_away(&error) || error.is_not_found() => Ok(()),
        other => other,
    }
}
