//! A guest's file systems, frozen for a moment so that what is on its disks is consistent.

use std::time::Duration;

use super::agent::AgentError;
use crate::agent::Thaw;
use crate::libvirt::{self, Domain};
use crate::manager::guest::GuestAgent;
use crate::manager::{Event, FreezeFault, Warning};

/// How long an agent may take to say that it is there.
const ANSWER: Duration = Duration::from_secs(2);
/// The longest that a guest's file systems are frozen: its programs wait meanwhile.
const LONGEST: Duration = Duration::from_secs(5);

impl GuestAgent<'_> {
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
        if !running.agent_connected || !agent.answers(ANSWER).await {
            self.warn_not_frozen(running, FreezeFault::NoAgent);
            return work.await;
        }
        match agent.freeze(LONGEST).await {
            Ok(frozen) => {
                let (outcome, thaw) = frozen.during(work).await;
                self.warn_of_thaw(running, &thaw);
                outcome
            }
            Err(not_frozen) => {
                self.warn_not_frozen(running, not_frozen.error.into());
                if !not_frozen.certain {
                    self.warn_still_frozen(running);
                }
                work.await
            }
        }
    }

    fn warn_of_thaw(&self, vm: &Domain, thaw: &Thaw<libvirt::Error>) {
        if !thaw.in_time {
            self.warn_not_frozen(vm, FreezeFault::TooShort { at_most: LONGEST });
        }
        if thaw.thawed.is_err() {
            self.warn_still_frozen(vm);
        }
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
