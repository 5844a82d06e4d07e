//! The terminal that this process was started on, while a verb has it to itself.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, Once};

use rustix::fs::OFlags;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::net::unix::pipe::Receiver;

/// What has to be put back, while the terminal is raw.
static SAVED: Mutex<Option<SavedTerminal>> = Mutex::new(None);

struct SavedTerminal {
    settings: Termios,
    farewell: &'static str,
}

/// The terminal in raw mode: each key comes at once and as it is, without an echo. Dropped, it is as it was before.
#[derive(Debug)]
pub struct RawMode(());

impl RawMode {
    /// Sets the terminal. At the end, `farewell` is printed before it is set back, also when this process panics.
    ///
    /// # Errors
    /// When stdin is no terminal.
    pub fn enter(farewell: &'static str) -> Result<Self, Error> {
        leave_on_panic();
        let settings = tcgetattr(std::io::stdin())?;
        let mut raw = settings.clone();
        raw.make_raw();
        if let Ok(mut saved) = SAVED.lock() {
            *saved = Some(SavedTerminal { settings, farewell });
        }
        let entered = Self(());
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw)?;
        Ok(entered)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        put_back();
    }
}

/// A panic may end the process without any drop.
fn leave_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            put_back();
            usual(panic);
        }));
    });
}

/// Puts the terminal back, once. Nothing can be done for one that has gone.
fn put_back() {
    let Ok(mut saved) = SAVED.try_lock() else { return };
    if let Some(SavedTerminal { settings, farewell }) = saved.take() {
        let mut out = std::io::stdout();
        let _ = out.write_all(farewell.as_bytes()).and_then(|()| out.flush());
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &settings);
    }
}

/// What is typed. Dropped, it reads no more: all that is typed from then on is for others.
///
/// crossterm's own reader isn't used: it never returns when the terminal has gone, and reads on in a thread.
pub struct Input {
    /// tokio calls it a pipe, and asks of it only that it can be polled.
    terminal: Receiver,
}

impl Input {
    /// # Errors
    /// When the terminal can't be read.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { terminal: Receiver::from_file_unchecked(open()?)? })
    }

    /// Adds what was typed, once something was. One that is cancelled can be asked again.
    ///
    /// # Errors
    /// When the terminal has gone.
    pub async fn read(&self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        loop {
            self.terminal.readable().await?;
            let mut chunk = [0; 1024];
            match self.terminal.try_read(&mut chunk) {
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
}

/// Opens the terminal of stdin once more, so that reads which don't block are this process' alone: others share
/// stdin itself. After `su` the terminal is another user's, and goes by /dev/tty.
fn open() -> Result<File, Error> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let open = |path: &str| OpenOptions::new().read(true).custom_flags(flags as i32).open(path);
    open("/proc/self/fd/0").or_else(|_| open("/dev/tty"))
}
