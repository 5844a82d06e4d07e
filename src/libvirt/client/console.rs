use std::ffi::OsString;

use tokio::process::{ChildStderr, ChildStdout};

use super::Client;
use crate::libvirt::Error;
pub use crate::system::process::Attached as ConsoleProcess;

impl Client {
    /// Starts a virsh that joins this process' terminal to a domain's first console. It puts the terminal into
    /// raw mode, and ends when it reads `escape` (`^]`) or the domain goes off. What it prints is the guest's.
    ///
    /// # Errors
    /// When virsh can't be started.
    pub fn open_console(
        &self,
        uuid: &str,
        escape: &str,
        force: bool,
    ) -> Result<(ConsoleProcess, ChildStdout, ChildStderr), Error> {
        // Without -q it says first how to leave, among what the guest prints.
        let mut words = vec!["-q", "-c", self.uri().as_str(), "-e", escape, "console", "--domain", uuid];
        // Else two at a time would each get a part of the output.
        words.push(if force { "--force" } else { "--safe" });
        let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        Ok(ConsoleProcess::start_at_input("virsh", &words)?)
    }
}
