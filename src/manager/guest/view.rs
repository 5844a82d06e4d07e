//! A VM's screen in a window of the user's.

use crate::host::{self, Viewer, ViewerProcess};
use crate::libvirt::VncEndpoint;
use crate::manager::guest::GuestAccess;
use crate::manager::guest::screen::{Screen, ScreenForward, reachable};
use crate::manager::{Error, ScreenError};

/// A viewer that shows a VM's screen. Its window is closed on drop.
pub struct ScreenView {
    /// What it shows.
    pub screen: Screen,
    /// The program.
    pub program: &'static str,
    /// Whether it asks for the VNC server's password.
    pub password: bool,
    process: ViewerProcess,
    forward: Option<ScreenForward>,
}

/// How a viewer gets to a VNC server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// By the server's own socket or port.
    Direct,
    /// By a connection that libvirt opens for it.
    Libvirt,
    /// By a port of 127.0.0.1 that is forwarded to the server's socket, for this user alone.
    Forwarded,
}

/// What of a VNC server's place decides on the viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Tcp,
    Socket,
    /// A socket that this user may not open.
    ClosedSocket,
}

impl GuestAccess<'_> {
    /// Opens the VM's screen in the first viewer of this host that can show it.
    ///
    /// # Errors
    /// As [`GuestAccess::forward_screen`]; [`ScreenError::NoDisplay`], [`ScreenError::NoViewer`].
    pub async fn view_screen(&self, name: &str) -> Result<ScreenView, Error> {
        if !host::has_display() {
            return Err(ScreenError::NoDisplay { name: name.to_owned() }.into());
        }
        let (id, server) = self.vnc_server(name).await?;
        let target = self.screen_target(&id.name, &server)?;
        let (place, refused) = match (&server.endpoint, target.connect().await) {
            (VncEndpoint::Tcp { .. }, Ok(_)) => (Place::Tcp, None),
            (VncEndpoint::Socket { .. }, Ok(_)) => (Place::Socket, None),
            (VncEndpoint::Socket { .. }, Err(error)) => (Place::ClosedSocket, Some(error)),
            (VncEndpoint::Tcp { .. }, Err(error)) => return Err(error),
        };
        let Some((viewer, access)) = installed_for(place).await else {
            return Err(refused.unwrap_or_else(|| ScreenError::NoViewer { name: id.name }.into()));
        };
        let forward = match access {
            Access::Forwarded => {
                let user = Some(host::user_id());
                Some(ScreenForward::listen(target, server.password, 0, user).await?)
            }
            Access::Direct | Access::Libvirt => None,
        };
        let screen = Screen::of(id.name, server);
        let arguments = match access {
            Access::Libvirt => ["--attach", "--connect", self.op.uri().as_str(), "--", &id.uuid.to_string()]
                .map(str::to_owned)
                .to_vec(),
            Access::Direct => vec![operand(viewer, &screen)],
            Access::Forwarded => vec![operand(viewer, forward.as_ref().map_or(&screen, |at| &at.screen))],
        };
        let process = ViewerProcess::start(viewer, &arguments)?;
        // libvirt opens a connection that needs no password.
        let password = screen.password && access != Access::Libvirt;
        Ok(ScreenView { screen, program: viewer.program(), password, process, forward })
    }
}

impl ScreenView {
    /// Waits until the window is closed, and gives the viewer's exit status. `failed` gets why a viewer was not
    /// connected.
    ///
    /// # Errors
    /// When the port that is forwarded to the screen can't be listened on any more.
    pub async fn run(mut self, failed: impl Fn(Error)) -> Result<u8, Error> {
        match self.forward {
            None => Ok(self.process.wait().await?),
            Some(forward) => tokio::select! {
                status = self.process.wait() => Ok(status?),
                ended = forward.serve(failed) => match ended? {},
            },
        }
    }
}

/// The viewers for a VNC server at such a place, the best first. What needs no port comes before what needs one.
fn candidates(place: Place) -> &'static [(Viewer, Access)] {
    match place {
        Place::Tcp => &[
            (Viewer::RemoteViewer, Access::Direct),
            (Viewer::VncViewer, Access::Direct),
            (Viewer::VirtViewer, Access::Libvirt),
        ],
        Place::Socket => &[
            (Viewer::VirtViewer, Access::Libvirt),
            (Viewer::VncViewer, Access::Direct),
            (Viewer::RemoteViewer, Access::Forwarded),
            (Viewer::VncViewer, Access::Forwarded),
        ],
        // libvirt lets in who may manage the VM.
        Place::ClosedSocket => &[(Viewer::VirtViewer, Access::Libvirt)],
    }
}

async fn installed_for(place: Place) -> Option<(Viewer, Access)> {
    for &(viewer, access) in candidates(place) {
        let is_direct_socket = place == Place::Socket && access == Access::Direct;
        if viewer.is_installed() && (!is_direct_socket || viewer.takes_sockets().await) {
            return Some((viewer, access));
        }
    }
    None
}

/// The screen as the viewer takes it. After one colon, vncviewer takes a number for a display's, after two for a port.
fn operand(viewer: Viewer, screen: &Screen) -> String {
    let host = reachable(screen.host.as_deref().unwrap_or_default());
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match (&screen.socket, screen.port.unwrap_or_default(), viewer) {
        (Some(socket), ..) => socket.clone(),
        (None, port, Viewer::VncViewer) => format!("{host}::{port}"),
        (None, port, _) => format!("vnc://{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands() {
        let screen = |host: &str| Screen {
            vm: "web".into(),
            socket: None,
            host: Some(host.into()),
            port: Some(5900),
            password: true,
        };
        for (host, remote, tiger) in [
            ("127.0.0.1", "vnc://127.0.0.1:5900", "127.0.0.1::5900"),
            ("0.0.0.0", "vnc://127.0.0.1:5900", "127.0.0.1::5900"),
            ("::", "vnc://[::1]:5900", "[::1]::5900"),
        ] {
            assert_eq!(operand(Viewer::RemoteViewer, &screen(host)), remote);
            assert_eq!(operand(Viewer::VncViewer, &screen(host)), tiger);
        }
        let socket = Screen { socket: Some("/s".into()), host: None, port: None, ..screen("") };
        assert_eq!(operand(Viewer::VncViewer, &socket), "/s");
    }

    /// A port is open to more than a socket is.
    #[test]
    fn a_socket_is_forwarded_only_where_no_viewer_comes_to_it() {
        let all = candidates(Place::Socket);
        let first = all.iter().position(|(_, access)| *access == Access::Forwarded).expect("one");
        assert!(all[first..].iter().all(|(_, access)| *access == Access::Forwarded));
        assert!(Viewer::ALL.iter().all(|viewer| all.iter().any(|(known, _)| known == viewer)));
    }
}
