use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use super::Error;
use super::tool::in_path;
use crate::system::process::{self, Attached, Invocation};

/// How long a viewer may take to print its help, before it is taken for one that has opened a window instead.
const HELP: Duration = Duration::from_secs(3);

/// A program that shows a VNC server's screen in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Finds the VM by libvirt, which opens the connection for it (`--attach`): it needs no right to the socket.
    VirtViewer,
    /// Of the same package. It takes `vnc://HOST:PORT`, and no socket: up to 11.0, `vnc+unix:///PATH` ends in an
    /// assertion of gtk-vnc, and `unix-path` of a connection file is for SPICE alone (remote-viewer(1)).
    RemoteViewer,
    /// TigerVNC's, or another one of that name: TightVNC, RealVNC, ..
    VncViewer,
}

impl Viewer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::VirtViewer, Self::RemoteViewer, Self::VncViewer];

    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::VirtViewer => "virt-viewer",
            Self::RemoteViewer => "remote-viewer",
            Self::VncViewer => "vncviewer",
        }
    }

    /// Whether it is in `PATH`.
    pub fn is_installed(self) -> bool {
        in_path(self.program()).is_some()
    }

    /// Whether it connects to a Unix socket whose path it is given. TigerVNC's does from 1.9 on, and says so in its
    /// help, which it prints for `-h`, with status 1.
    pub async fn takes_sockets(self) -> bool {
        if self != Self::VncViewer {
            return false;
        }
        match Invocation::new(self.program(), HELP).arg("-h").output().await {
            Ok(output) => {
                names_sockets(&output.stderr) || names_sockets(&String::from_utf8_lossy(&output.stdout))
            }
            Err(process::Error::Failed(failure)) => {
                names_sockets(&failure.stderr) || names_sockets(&failure.stdout)
            }
            Err(_) => false,
        }
    }
}

fn names_sockets(help: &str) -> bool {
    help.to_lowercase().contains("[unix socket]")
}

/// Whether this process is in a graphical session, X11's or Wayland's.
pub fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value: OsString| !value.is_empty());
    ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(is_set)
}

/// A viewer's window. It is closed on drop.
pub struct ViewerProcess(Attached);

impl ViewerProcess {
    /// Opens it. What the program prints goes to standard error.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(viewer: Viewer, arguments: &[impl AsRef<OsStr>]) -> Result<Self, Error> {
        let words: Vec<OsString> = arguments.iter().map(|word| word.as_ref().to_owned()).collect();
        Attached::start_beside(viewer.program(), &words).map(Self).map_err(Error::Viewer)
    }

    /// Waits until it is closed, and gives the program's exit status, as a shell gives that of one that a signal
    /// ended. A wait that is cancelled can be resumed.
    ///
    /// # Errors
    /// When it was waited for before.
    pub async fn wait(&mut self) -> Result<u8, Error> {
        let status = self.0.wait().await.map_err(Error::Viewer)?;
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The first from TigerVNC 1.12.0, the second from TightVNC 1.3.10.
    #[test]
    fn help_tells_who_takes_sockets() {
        let tiger = "usage: xtigervncviewer [parameters] [host][:displayNum]\n       xtigervncviewer [parameters] \
                     [host][::port]\n       xtigervncviewer [parameters] [unix socket]\n";
        let tight = "Usage: xtightvncviewer [<OPTIONS>] [<HOST>][:<DISPLAY#>]\n       xtightvncviewer [<OPTIONS>] \
                     [<HOST>][::<PORT#>]\n       xtightvncviewer [<OPTIONS>] -listen [<DISPLAY#>]\n";
        assert!(names_sockets(tiger));
        assert!(!names_sockets(tight));
    }
}
