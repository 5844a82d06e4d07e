//! What libvirt carries to a guest's agent. What is said is the agent's protocol, which this room knows nothing of.

use std::time::Duration;

use crate::libvirt::command::Command;
use crate::libvirt::{AgentChannel, Error};
use crate::model::Uuid;
use crate::system::process::{Failsafe, Invocation};

// Beyond the agent's own time, which libvirt keeps.
const GRACE: Duration = Duration::from_secs(5);
/// How long an agent may take to answer to a failsafe, as virsh has it.
const FAILSAFE_SECONDS: &str = "5";

impl AgentChannel<'_> {
    /// Gives a request to the guest's agent and gives its JSON reply. libvirt counts the time in seconds, one at
    /// least.
    ///
    /// # Errors
    /// [`Error::Agent`] when the agent isn't there, [`Error::AgentSilent`], [`Error::AgentRefused`],
    /// [`Error::AgentAnswerTooLong`].
    pub async fn command(self, uuid: Uuid, request: &str, within: Duration) -> Result<String, Error> {
        let command = to_agent(uuid, within).option("--cmd", request);
        self.client.call(command.within(within + GRACE)).await
    }

    /// As [`AgentChannel::command`], of a request that holds secrets: neither it nor the reply is logged.
    ///
    /// # Errors
    /// As there.
    pub async fn secret_command(self, uuid: Uuid, request: &str, within: Duration) -> Result<String, Error> {
        let command = to_agent(uuid, within).hidden_from_here().option("--cmd", request);
        self.client.call(command.within(within + GRACE)).await
    }

    /// Has a request to the guest's agent ready that a virsh of its own sends, which outlives this process.
    ///
    /// # Errors
    /// When no process can be started.
    pub fn arm_failsafe(self, uuid: Uuid, request: &str, after: Duration) -> Result<Failsafe, Error> {
        let virsh = Invocation::new("virsh", after).args(["-c", self.client.uri().as_str()]).args([
            "qemu-agent-command",
            "--timeout",
            FAILSAFE_SECONDS,
            "--domain",
            &uuid.to_string(),
            "--cmd",
            request,
        ]);
        Ok(Failsafe::arm(&virsh, after)?)
    }
}

fn to_agent(uuid: Uuid, within: Duration) -> Command {
    let seconds = within.as_secs().max(1).to_string();
    Command::new("qemu-agent-command").option("--timeout", &seconds).domain(uuid)
}
