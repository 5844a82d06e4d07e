use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::{ioctl_fionbio, ioctl_fionread};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::net::unix::pipe::Sender;

/// How often it is checked whether all has been read.
const PAUSE: Duration = Duration::from_millis(10);

/// The near end of a pseudo-terminal: what is written to it, the program at the far end reads as if it were typed.
///
/// The far end is raw from the beginning, so that nothing that is typed is echoed, edited or taken for a signal.
#[derive(Debug)]
pub struct Keyboard {
    /// tokio calls it a pipe, and asks of it only that it can be polled.
    near: Sender,
    /// Held open to see what has not been read yet.
    far: OwnedFd,
}

impl Keyboard {
    /// A keyboard, and the terminal for the program that reads it.
    ///
    /// # Errors
    /// When the system has no more terminals.
    pub(super) fn new() -> Result<(Self, OwnedFd), Error> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let near = openpt(flags)?;
        unlockpt(&near)?;
        let far = ioctl_tiocgptpeer(&near, flags)?;
        let mut raw = tcgetattr(&far)?;
        raw.make_raw();
        tcsetattr(&far, OptionalActions::Now, &raw)?;
        ioctl_fionbio(&near, true)?;
        let program = far.try_clone()?;
        Ok((Self { near: Sender::from_file_unchecked(File::from(near))?, far }, program))
    }

    /// Types some of the bytes, and gives how many: as long as the program reads nothing, about 4 KiB fit. One that is
    /// cancelled has typed nothing.
    ///
    /// # Errors
    /// When the terminal has gone.
    pub async fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
        loop {
            self.near.writable().await?;
            match self.near.try_write(bytes) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                written => return written,
            }
        }
    }

    /// Waits until the program has read all that was typed.
    ///
    /// # Errors
    /// When the terminal has gone.
    pub async fn read_by_program(&self) -> Result<(), Error> {
        let mut empty = 0;
        // The kernel hands over what was written a moment later: nothing to be read may be nothing yet.
        while empty < 3 {
            tokio::time::sleep(PAUSE).await;
            empty = if ioctl_fionread(&self.far)? == 0 { empty + 1 } else { 0 };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_typed_is_read_as_it_is() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let (keyboard, program) = Keyboard::new().expect("a terminal");
            let keys = b"a\r\n\x03\x04\x1a\x7f\x1d\xff";
            assert_eq!(keyboard.write(keys).await.expect("types"), keys.len());
            let unread = tokio::time::timeout(Duration::from_millis(200), keyboard.read_by_program()).await;
            assert!(unread.is_err(), "nobody has read it");
            let mut read = [0; 64];
            let length = File::from(program).read(&mut read).expect("reads");
            assert_eq!(&read[..length], keys);
            keyboard.read_by_program().await.expect("it was read");
        });
    }

    #[test]
    fn one_that_nobody_reads_takes_no_end_of_keys() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let (keyboard, _program) = Keyboard::new().expect("a terminal");
            let typed = async {
                let mut typed = 0;
                while typed < 1 << 20 {
                    typed += keyboard.write(&[b'x'; 4096]).await.expect("types");
                }
            };
            assert!(tokio::time::timeout(Duration::from_millis(300), typed).await.is_err());
        });
    }
}
