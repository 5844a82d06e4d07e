//! The serial console of a VM.

use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;

use super::{Error, VmManager};
use crate::libvirt::{ConsoleProcess, Keyboard};
use crate::model::EscapeKey;

/// How much of virsh's complaint is kept, in bytes.
const WORDS: u64 = 4096;

/// A console that is open. Dropped, its virsh is ended.
pub struct Console {
    name: String,
    escape: EscapeKey,
    virsh: ConsoleProcess,
}

impl VmManager {
    /// Attaches to the VM's console, until it is [left](ConsoleInput::leave) or the VM shuts down.
    ///
    /// # Errors
    /// [`Error::NotRunning`], or when virsh is missing.
    pub async fn console(&self, name: &str, escape: EscapeKey, force: bool) -> Result<Console, Error> {
        let id = self.client.resolve(name).await?;
        if !self.client.state(&id.uuid).await?.is_active() {
            return Err(Error::NotRunning { name: id.name });
        }
        let virsh = self.client.open_console(&id.uuid, escape, force)?;
        Ok(Console { name: id.name, escape, virsh })
    }
}

impl Console {
    /// Its two directions, to be used at the same time.
    pub fn split(&mut self) -> (ConsoleOutput<'_>, ConsoleInput<'_>) {
        let input = ConsoleInput { keyboard: &self.virsh.keyboard, escape: self.escape };
        (ConsoleOutput(&mut self.virsh.stdout), input)
    }

    /// Why it ended, once there is nothing more.
    ///
    /// # Errors
    /// [`Error::ConsoleTaken`], [`Error::ConsoleRefused`].
    pub async fn end(mut self) -> Result<(), Error> {
        let mut words = Vec::new();
        let _ = self.virsh.stderr.take(WORDS).read_to_end(&mut words).await;
        let status = self.virsh.process.wait().await.map_err(crate::libvirt::Error::from)?;
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

/// What the guest prints on its console.
pub struct ConsoleOutput<'a>(&'a mut ChildStdout);

impl ConsoleOutput<'_> {
    /// What it prints next; nothing at the end. One that is given up can be asked again.
    ///
    /// # Errors
    /// When the pipe breaks.
    pub async fn next(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(8192);
        self.0.read_buf(&mut bytes).await?;
        Ok(bytes)
    }
}

/// What is typed on the guest's console.
pub struct ConsoleInput<'a> {
    keyboard: &'a Keyboard,
    escape: EscapeKey,
}

impl ConsoleInput<'_> {
    /// Types some of the bytes, none of which may be the escape key, and gives how many. One that is given up has
    /// typed nothing.
    ///
    /// # Errors
    /// When virsh's terminal has gone.
    pub async fn write(&self, bytes: &[u8]) -> std::io::Result<usize> {
        self.keyboard.write(bytes).await
    }

    /// Leaves the console: the output ends then, unless virsh hangs.
    ///
    /// virsh heeds the key only where it is the first one that it reads at a time, so what was typed before has to be
    /// read first.
    ///
    /// # Errors
    /// When virsh's terminal has gone.
    pub async fn leave(&self) -> std::io::Result<()> {
        self.keyboard.read_by_program().await?;
        self.keyboard.write(&[self.escape.byte()]).await.map(drop)
    }
}
