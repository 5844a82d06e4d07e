use super::VmEvent;
use crate::host::ShellCommand;
use crate::manager::Error;
use crate::manager::observe::Monitoring;

/// A command of the user's that runs for an event. Dropped, it is killed.
pub struct EventCommand(ShellCommand);

impl Monitoring<'_> {
    /// Runs the command by `sh`, with the event in its environment: `VMTOOLS_EVENT`, `VMTOOLS_EVENT_DETAIL`,
    /// `VMTOOLS_EVENT_TIME`, `VMTOOLS_EVENT_MISSED`, `VMTOOLS_VM_NAME`, `VMTOOLS_VM_UUID`, `VMTOOLS_VM_STATE` (the last
    /// two empty when they are not known), and the connection, so that a vmtools in it has the same.
    ///
    /// # Errors
    /// When no shell can be started.
    pub fn run_for_event(&self, command: &str, event: &VmEvent) -> Result<EventCommand, Error> {
        let variables = [
            ("VMTOOLS_EVENT", event.event.to_string()),
            ("VMTOOLS_EVENT_DETAIL", event.detail.clone()),
            ("VMTOOLS_EVENT_TIME", event.time.to_millis()),
            ("VMTOOLS_EVENT_MISSED", event.missed.to_string()),
            ("VMTOOLS_VM_NAME", event.name.clone()),
            ("VMTOOLS_VM_UUID", event.uuid.map(|uuid| uuid.to_string()).unwrap_or_default()),
            ("VMTOOLS_VM_STATE", event.state.map(|state| state.to_string()).unwrap_or_default()),
            ("VMTOOLS_CONNECT", self.op.uri().to_string()),
        ];
        Ok(EventCommand(ShellCommand::start(command, &variables)?))
    }
}

impl EventCommand {
    /// Waits for its end; how it failed, if it did. A wait that is cancelled can be resumed.
    ///
    /// # Errors
    /// When it was waited for before.
    pub async fn wait(&mut self) -> Result<Option<String>, Error> {
        Ok(self.0.wait().await?)
    }
}
