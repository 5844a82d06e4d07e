//! The serial console of a VM.

use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;

use crate::libvirt::{self, Keyboard, RefusalReason};
use crate::manager::guest::GuestAccess;
use crate::manager::{ConsoleError, Error, VmError};
use crate::model::EscapeKey;

/// A console that is open. Dropped, its virsh is ended.
pub struct Console {
    name: String,
    escape: EscapeKey,
    console: libvirt::Console,
}

impl GuestAccess<'_> {
    /// Attaches to the VM's console, until it is [left](ConsoleInput::leave) or the VM shuts down.
    ///
    /// # Errors
    /// [`VmError::NotRunning`], or when virsh is missing.
    pub async fn console(&self, name: &str, escape: EscapeKey, force: bool) -> Result<Console, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        if !self.op.client().domains().state(id.uuid).await?.is_active() {
            return Err(VmError::NotRunning { name: id.name }.into());
        }
        let console = self.op.client().domains().open_console(id.uuid, escape, force)?;
        Ok(Console { name: id.name, escape, console })
    }
}

impl Console {
    /// Its two directions, to be used at the same time.
    pub fn split(&mut self) -> (ConsoleOutput<'_>, ConsoleInput<'_>) {
        let (stdout, keyboard) = self.console.split();
        (ConsoleOutput(stdout), ConsoleInput { keyboard, escape: self.escape })
    }

    /// Why it ended, once there is nothing more.
    ///
    /// # Errors
    /// [`ConsoleError::InUse`], [`ConsoleError::Refused`].
    pub async fn end(self) -> Result<(), Error> {
        let name = self.name;
        self.console.end().await.map_err(|error| match error {
            libvirt::Error::Refused { reason: RefusalReason::ConsoleInUse, .. } => {
                ConsoleError::InUse { name }.into()
            }
            libvirt::Error::Refused { message, .. } => ConsoleError::Refused { name, message }.into(),
            other => Error::from(other),
        })
    }
}

/// What the guest prints on its console.
pub struct ConsoleOutput<'a>(&'a mut ChildStdout);

impl ConsoleOutput<'_> {
    /// What it prints next; nothing at the end. Dropped midway, nothing is lost.
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
    /// Types some of the bytes, none of which may be the escape key, and gives how many. Dropped midway, it has
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
