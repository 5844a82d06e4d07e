//! The serial console of a VM at this process' terminal.

use crate::libvirt::{self, RefusalReason};
use crate::manager::Error;
use crate::manager::guest::GuestAccess;

/// A console that is open. Dropped, its virsh is ended; the terminal is then as that left it.
pub struct Console {
    name: String,
    console: libvirt::Console,
}

impl GuestAccess<'_> {
    /// Joins the terminal to the VM's console until `escape` (`^]`) is typed or the VM goes off.
    ///
    /// # Errors
    /// [`Error::NotRunning`], or when virsh is missing.
    pub async fn console(&self, name: &str, escape: &str, force: bool) -> Result<Console, Error> {
        let id = self.op.client().resolve(name).await?;
        if !self.op.client().state(&id.uuid).await?.is_active() {
            return Err(Error::NotRunning { name: id.name });
        }
        let console = self.op.client().open_console(&id.uuid, escape, force)?;
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
