//! A guest's file systems, frozen for a moment so that what is on its disks is consistent.

use std::time::{Duration, Instant};

use super::agent::{AgentClient, AgentError, ByLibvirt};
use crate::agent::{self, Thaw};
use crate::libvirt::{self, Domain};
use crate::manager::guest::GuestAgent;
use crate::manager::{Event, FreezeFault, Warning};

/// How long an agent may take to say that it is there.
const ANSWER: Duration = Duration::from_secs(2);
/// The longest that a guest's file systems are frozen: its programs wait meanwhile.
const LONGEST: Duration = Duration::from_secs(5);

/// Work that was done with a guest's file systems frozen, or to be.
pub(in crate::manager) struct FrozenWork<O> {
    /// What came of it.
    pub(in crate::manager) outcome: O,
    /// Why they were not frozen, or not until it was done.
    pub(in crate::manager) fault: Option<FreezeFault>,
    /// How long the guest was held: from the request to freeze them until they were thawed. That of the work alone where
    /// they were not frozen.
    pub(in crate::manager) took: Duration,
}

/// File systems of a guest that are frozen, and since when.
struct Begun<'b, 'a> {
    frozen: agent::Frozen<'b, ByLibvirt<'a>>,
    since: Instant,
}

impl<'a> GuestAgent<'a> {
    /// Does `work` with the file systems of the running VM frozen by its agent, and thaws them. Where they can't be
    /// frozen, or not for as long as `work` takes, it is done all the same, with a warning.
    ///
    /// They are thawed even if this is dropped or the process is killed. `work` must not need the second connection.
    pub(in crate::manager) async fn while_frozen<O>(
        &self,
        running: &Domain,
        work: impl Future<Output = O>,
    ) -> O {
        let agent = self.second_client(running.uuid);
        match self.begin_freeze(&agent, running).await {
            Ok(begun) => {
                let (outcome, thaw) = begun.frozen.during(work).await;
                if let Some(reason) = self.fault_of(running, &thaw) {
                    self.warn_not_frozen(running, reason);
                }
                outcome
            }
            Err(reason) => {
                self.warn_not_frozen(running, reason);
                work.await
            }
        }
    }

    /// As [`GuestAgent::while_frozen`], but it is the caller's to say what was not as it was to be. Where it is required
    /// that they are frozen, `work` is not begun when they can't be.
    ///
    /// # Errors
    /// Why they could not be frozen, where that is required.
    pub(in crate::manager) async fn work_frozen<O>(
        &self,
        running: &Domain,
        is_required: bool,
        work: impl Future<Output = O>,
    ) -> Result<FrozenWork<O>, FreezeFault> {
        let agent = self.second_client(running.uuid);
        match self.begin_freeze(&agent, running).await {
            Ok(begun) => {
                let (outcome, thaw) = begun.frozen.during(work).await;
                let took = begun.since.elapsed();
                Ok(FrozenWork { outcome, fault: self.fault_of(running, &thaw), took })
            }
            Err(reason) if is_required => Err(reason),
            Err(reason) => {
                let since = Instant::now();
                let outcome = work.await;
                Ok(FrozenWork { outcome, fault: Some(reason), took: since.elapsed() })
            }
        }
    }

    async fn begin_freeze<'b>(
        &self,
        agent: &'b AgentClient<'a>,
        running: &Domain,
    ) -> Result<Begun<'b, 'a>, FreezeFault> {
        if !running.agent_connected || !agent.answers(ANSWER).await {
            return Err(FreezeFault::NoAgent);
        }
        let since = Instant::now();
        match agent.freeze(LONGEST).await {
            Ok(frozen) => Ok(Begun { frozen, since }),
            Err(not_frozen) => {
                if !not_frozen.certain {
                    self.warn_still_frozen(running);
                }
                Err(not_frozen.error.into())
            }
        }
    }

    fn fault_of(&self, vm: &Domain, thaw: &Thaw<libvirt::Error>) -> Option<FreezeFault> {
        if thaw.thawed.is_err() {
            self.warn_still_frozen(vm);
        }
        (!thaw.in_time).then_some(FreezeFault::TooShort { at_most: LONGEST })
    }

    fn warn_not_frozen(&self, vm: &Domain, reason: FreezeFault) {
        self.op.report(Event::Warning(Warning::NotFrozen { vm: vm.name.clone(), reason }));
    }

    fn warn_still_frozen(&self, vm: &Domain) {
        self.op.report(Event::Warning(Warning::StillFrozen { vm: vm.name.clone() }));
    }
}

impl From<AgentError> for FreezeFault {
    fn from(error: AgentError) -> Self {
        if error.is_no_answer() { Self::NoAgent } else { Self::Failed { reason: error.to_string() } }
    }
}
