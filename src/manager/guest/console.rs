//! The serial console of a VM at this process' terminal.

use crate::manager::guest::GuestAccess;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdout};

use crate::libvirt::ConsoleProcess;
use crate::manager::Error;

/// How much of virsh's complaint is kept, in bytes.
const WORDS: u64 = 4096;

/// A console that is open. Dropped, its virsh is ended; the terminal is then as that left it.
pub struct Console {
    name: String,
    virsh: ConsoleProcess,
    stdout: ChildStdout,
    stderr: ChildStderr,
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
        let (virsh, stdout, stderr) = self.op.client().open_console(&id.uuid, escape, force)?;
        Ok(Console { name: id.name, virsh, stdout, stderr })
    }
}

impl Console {
    /// What the guest prints next; nothing at the end. One that is given up can be asked again.
    ///
    /// # Errors
    /// When the pipe breaks.
    pub async fn next(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(8192);
        self.stdout.read_buf(&mut bytes).await?;
        Ok(bytes)
    }

    /// Why it ended, once there is nothing more.
    ///
    /// # Errors
    /// [`Error::ConsoleTaken`], [`Error::ConsoleRefused`].
    pub async fn end(mut self) -> Result<(), Error> {
        let mut words = Vec::new();
        let _ = self.stderr.take(WORDS).read_to_end(&mut words).await;
        let status = self.virsh.wait().await.map_err(crate::libvirt::Error::from)?;
        if status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&words).replace("error: ", "").trim().to_owned();
        if message.contains("Active console session exists") {
            return Err(Error::ConsoleTaken { name: self.name });
        }
        Err(Error::ConsoleRefused { name: self.name, message })
    }
}
