//! The keys, as they are typed.

use std::io::Error;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

pub use super::typed::Key;
use super::typed::{Typed, parse};
use crate::cli::tty::Input;

/// How long the rest of a sequence may take; an Escape alone is known by that there is none.
const REST: Duration = Duration::from_millis(50);

/// Reads keys. Dropped, it reads no more: all that is typed from then on is for others.
pub struct Keys {
    terminal: Input,
    resized: Signal,
    bytes: Vec<u8>,
}

impl Keys {
    /// # Errors
    /// When the terminal can't be read.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            terminal: Input::open()?,
            resized: signal(SignalKind::window_change())?,
            bytes: Vec::new(),
        })
    }

    /// The next key. One that is cancelled can be asked again.
    ///
    /// # Errors
    /// When the terminal has gone.
    pub async fn next(&mut self) -> Result<Key, Error> {
        loop {
            match parse(&self.bytes) {
                Typed::Key(key, length) => {
                    self.bytes.drain(..length);
                    return Ok(key);
                }
                Typed::Nothing(length) => {
                    self.bytes.drain(..length.min(self.bytes.len()));
                    continue;
                }
                Typed::Partial => {}
            }
            if self.bytes.is_empty() {
                tokio::select! {
                    read = self.terminal.read(&mut self.bytes) => read?,
                    _ = self.resized.recv() => return Ok(Key::Resize),
                }
            } else if let Ok(read) = tokio::time::timeout(REST, self.terminal.read(&mut self.bytes)).await {
                read?;
            } else if std::mem::take(&mut self.bytes) == [0x1b] {
                return Ok(Key::Escape);
            }
        }
    }
}
