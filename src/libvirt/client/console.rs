use std::ffi::OsString;

use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdout};

use super::Client;
use crate::libvirt::Error;
use crate::libvirt::error::classify;
use crate::system::process::Attached;

/// How much of virsh's standard error is kept, in bytes.
const STDERR_LIMIT: u64 = 4096;

/// A virsh that connects this process' terminal to a domain's first console. Dropped, it is ended; the terminal is
/// then as virsh left it.
pub struct Console {
    uri: String,
    command: String,
    virsh: Attached,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

impl Client {
    /// Connects this process' terminal to a domain's first console. virsh puts the terminal into raw mode, and ends when
    /// it reads `escape` (`^]`) or the domain stops.
    ///
    /// # Errors
    /// When virsh can't be started.
    pub fn open_console(&self, uuid: &str, escape: &str, force: bool) -> Result<Console, Error> {
        // Without -q it says first how to leave, among what the guest prints.
        let mut words = vec!["-q", "-c", self.uri().as_str(), "-e", escape, "console", "--domain", uuid];
        // Else two at a time would each get a part of the output.
        words.push(if force { "--force" } else { "--safe" });
        let command = format!("virsh {}", words.join(" "));
        let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        let (virsh, stdout, stderr) = Attached::start_at_input("virsh", &words)?;
        Ok(Console { uri: self.uri().to_string(), command, virsh, stdout, stderr })
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

    /// Waits for virsh's end, once there is nothing more to read.
    ///
    /// # Errors
    /// What virsh ended with, such as [`RefusalReason::ConsoleInUse`](crate::libvirt::RefusalReason::ConsoleInUse).
    pub async fn end(mut self) -> Result<(), Error> {
        let mut stderr = Vec::new();
        let _ = self.stderr.take(STDERR_LIMIT).read_to_end(&mut stderr).await;
        if self.virsh.wait().await?.success() {
            return Ok(());
        }
        Err(classify(&self.uri, &self.command, &String::from_utf8_lossy(&stderr)))
    }
}
