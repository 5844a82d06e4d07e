//! The serial console of a VM at this process' terminal.

use super::{Error, VmManager};
use crate::libvirt::{self, RefusalReason};

/// A console that is open. Dropped, its virsh is ended; the terminal is then as that left it.
pub struct Console {
    name: String,
    console: libvirt::Console,
}

impl VmManager {
    /// Joins the terminal to the VM's console until `escape` (`^]`) is typed or the VM goes off.
    ///
    /// # Errors
    /// [`Error::NotRunning`], or when virsh is missing.
    pub async fn console(&self, name: &str, escape: &str, force: bool) -> Result<Console, Error> {
        let id = self.client.resolve(name).await?;
        if !self.client.state(&id.uuid).await?.is_active() {
            return Err(Error::NotRunning { name: id.name });
        }
        let console = self.client.open_console(&id.uuid, escape, force)?;
        Ok(Console { name: id.name, console })
    }
}

impl Console {
    /// What the guest prints next; nothing at the end. One that is given up can be asked again.
    ///
    /// # Errors
    /// When the pipe breaks.
    pub async fn next(&mut self) -> std::io::Result<Vec<u8>> {
        self.console.next().await
    }

    /// Why it ended, once there is nothing more.
    ///
    /// # Errors
    /// [`Error::ConsoleTaken`], [`Error::ConsoleRefused`].
    pub async fn end(self) -> Result<(), Error> {
        let name = self.name;
        self.console.end().await.map_err(|error| match error {
            libvirt::Error::Refused { reason: RefusalReason::ConsoleInUse, .. } => {
                Error::ConsoleTaken { name }
            }
            libvirt::Error::Refused { message, .. } => Error::ConsoleRefused { name, message },
            other => other.into(),
        })
    }
}
