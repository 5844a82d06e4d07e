use std::ffi::OsString;

use super::Error;
use super::client::Client;
use crate::model::EscapeKey;
use crate::system::process::Attached;
pub use crate::system::process::{AtKeyboard as ConsoleProcess, Keyboard};

impl Client {
    /// Starts a virsh that joins a keyboard to a domain's first console. It ends when `escape` is typed and is the
    /// first key that it reads at a time (`virConsoleEventOnStdin`), or when the domain shuts down. What it prints is
    /// the guest's.
    ///
    /// # Errors
    /// When virsh can't be started.
    pub fn open_console(&self, uuid: &str, escape: EscapeKey, force: bool) -> Result<ConsoleProcess, Error> {
        let escape = escape.to_string();
        // Without -q it says first how to leave, among what the guest prints.
        let mut words = vec!["-q", "-c", self.uri().as_str(), "-e", &escape, "console", "--domain", uuid];
        // Else two at a time would each get a part of the output.
        words.push(if force { "--force" } else { "--safe" });
        let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        Ok(Attached::start_at_keyboard("virsh", &words)?)
    }
}
