use std::ffi::OsString;

use tokio::io::AsyncReadExt;

use crate::libvirt::error::classify;
use crate::libvirt::{Domains, Error};
use crate::model::{EscapeKey, Uuid};
pub use crate::system::process::Keyboard;
use crate::system::process::{AtKeyboard, Attached};

/// How much of virsh's standard error is kept, in bytes.
const STDERR_LIMIT: u64 = 4096;

/// A virsh that connects a keyboard to a domain's first console. Dropped, it is ended.
pub struct Console {
    uri: String,
    command: String,
    virsh: AtKeyboard,
}

impl Domains<'_> {
    /// Starts a virsh that connects a keyboard to a domain's first console. It ends when `escape` is typed and is the
    /// first key that it reads at a time (`virConsoleEventOnStdin`), or when the domain shuts down. What it prints is
    /// the guest's.
    ///
    /// # Errors
    /// When virsh can't be started.
    pub fn open_console(self, uuid: Uuid, escape: EscapeKey, force: bool) -> Result<Console, Error> {
        let escape = escape.to_string();
        // Without -q it says first how to leave, among what the guest prints.
        let uuid = uuid.to_string();
        let mut words =
            vec!["-q", "-c", self.client.uri().as_str(), "-e", &escape, "console", "--domain", &uuid];
        // Else two at a time would each get a part of the output.
        words.push(if force { "--force" } else { "--safe" });
        let command = format!("virsh {}", words.join(" "));
        let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        let virsh = Attached::start_at_keyboard("virsh", &words)?;
        Ok(Console { uri: self.client.uri().to_string(), command, virsh })
    }
}

impl Console {
    /// What the guest prints, and what is typed to it, to be used at the same time.
    pub fn split(&mut self) -> (&mut tokio::process::ChildStdout, &Keyboard) {
        (&mut self.virsh.stdout, &self.virsh.keyboard)
    }

    /// Waits for virsh's end, once there is nothing more to read.
    ///
    /// # Errors
    /// What virsh ended with, such as [`RefusalReason::ConsoleInUse`](crate::libvirt::RefusalReason::ConsoleInUse).
    pub async fn end(mut self) -> Result<(), Error> {
        let mut stderr = Vec::new();
        let _ = self.virsh.stderr.take(STDERR_LIMIT).read_to_end(&mut stderr).await;
        if self.virsh.process.wait().await?.success() {
            return Ok(());
        }
        Err(classify(&self.uri, &self.command, &String::from_utf8_lossy(&stderr)))
    }
}
