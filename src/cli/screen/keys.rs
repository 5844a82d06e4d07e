//! The keys, as they are typed.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use rustix::fs::OFlags;
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub use super::typed::Key;
use super::typed::{Typed, parse};

/// How long the rest of a sequence may take; an Escape alone is known by that there is none.
const REST: Duration = Duration::from_millis(50);

/// Reads keys. Dropped, it reads no more: all that is typed from then on is for others.
///
/// crossterm's own reader isn't used: it never returns when the terminal has gone, and reads on in a thread.
pub struct Keys {
    /// tokio calls it a pipe, and asks of it only that it can be polled.
    terminal: Receiver,
    resized: Signal,
    bytes: Vec<u8>,
}

impl Keys {
    /// # Errors
    /// When the terminal can't be read.
    pub fn new() -> Result<Self, Error> {
        let terminal = Receiver::from_file_unchecked(open()?)?;
        Ok(Self { terminal, resized: signal(SignalKind::window_change())?, bytes: Vec::new() })
    }

    /// The next key. One that is given up can be asked again.
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
                    read = read(&self.terminal, &mut self.bytes) => read?,
                    _ = self.resized.recv() => return Ok(Key::Resize),
                }
            } else if let Ok(read) = tokio::time::timeout(REST, read(&self.terminal, &mut self.bytes)).await {
                read?;
            } else if std::mem::take(&mut self.bytes) == [0x1b] {
                return Ok(Key::Escape);
            }
        }
    }
}

/// Opens the terminal of stdin once more, so that reads which don't block are this process' alone: others share
/// stdin itself. After `su` the terminal is another user's, and goes by /dev/tty.
fn open() -> Result<File, Error> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let open = |path: &str| OpenOptions::new().read(true).custom_flags(flags as i32).open(path);
    open("/proc/self/fd/0").or_else(|_| open("/dev/tty"))
}

/// Reads what is there, once something is.
async fn read(terminal: &Receiver, bytes: &mut Vec<u8>) -> Result<(), Error> {
    loop {
        terminal.readable().await?;
        let mut chunk = [0; 1024];
        match terminal.try_read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                bytes.extend_from_slice(&chunk[..length]);
                return Ok(());
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}
