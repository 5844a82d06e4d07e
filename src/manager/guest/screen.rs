//! The screen of a VM, which its QEMU shows by VNC.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

use crate::host;
use crate::libvirt::{DomainId, VncEndpoint, VncServer};
use crate::manager::guest::GuestAccess;
use crate::manager::{Error, ScreenError, VmError};

/// How many viewers are served at a time; others wait.
const VIEWERS: usize = 16;

/// Where a VNC viewer connects to: to a socket, or to a host and port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Screen {
    /// The VM.
    pub vm: String,
    /// The Unix socket, on the host of libvirt's daemon.
    pub socket: Option<String>,
    /// The address that the VNC server listens on; `0.0.0.0` or `::` is all of the host's.
    pub host: Option<String>,
    /// The port there.
    pub port: Option<u16>,
    /// Whether the VNC server asks for a password.
    pub password: bool,
}

/// A port of 127.0.0.1 that leads to a VM's screen, while it is served.
#[derive(Debug)]
pub struct ScreenForward {
    /// Where viewers connect to.
    pub screen: Screen,
    target: Target,
    listener: TcpListener,
    /// The only user who is connected; `None` for all.
    user: Option<u32>,
}

/// A VNC server of this host.
#[derive(Debug, Clone)]
pub(super) struct Target {
    vm: String,
    endpoint: VncEndpoint,
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl GuestAccess<'_> {
    /// Where the VM's screen is.
    ///
    /// # Errors
    /// [`VmError::NotRunning`], or [`ScreenError::NoScreen`] without VNC.
    pub async fn screen(&self, name: &str) -> Result<Screen, Error> {
        let (id, server) = self.vnc_server(name).await?;
        Ok(Screen::of(id.name, server))
    }

    /// Listens on the port of 127.0.0.1, on behalf of the VM's screen.
    ///
    /// # Errors
    /// As [`GuestAccess::screen`]; [`ScreenError::NotHere`]; [`ScreenError::Unreachable`], as when this user may not
    /// open the socket; [`ScreenError::CannotListen`].
    pub async fn forward_screen(&self, name: &str, port: u16) -> Result<ScreenForward, Error> {
        let (id, server) = self.vnc_server(name).await?;
        let target = self.screen_target(&id.name, &server)?;
        // Who may not connect is told so now, and not when a viewer comes.
        target.connect().await?;
        ScreenForward::listen(target, server.password, port, None).await
    }

    pub(super) async fn vnc_server(&self, name: &str) -> Result<(DomainId, VncServer), Error> {
        let id = self.op.client().domains().resolve(name).await?;
        if !self.op.client().domains().state(id.uuid).await?.is_active() {
            return Err(VmError::NotRunning { name: id.name }.into());
        }
        match self.op.client().definitions().vnc_server(id.uuid).await? {
            Some(server) => Ok((id, server)),
            None => Err(ScreenError::NoScreen { name: id.name }.into()),
        }
    }

    /// The VNC server, if it is on this host.
    pub(super) fn screen_target(&self, vm: &str, server: &VncServer) -> Result<Target, Error> {
        let target = Target { vm: vm.to_owned(), endpoint: server.endpoint.clone() };
        if self.op.locality().is_here() {
            return Ok(target);
        }
        let screen = Screen::of(vm.to_owned(), server.clone());
        Err(ScreenError::NotHere { screen, uri: self.op.uri().clone() }.into())
    }
}

impl Screen {
    pub(super) fn of(vm: String, server: VncServer) -> Self {
        let password = server.password;
        match server.endpoint {
            VncEndpoint::Socket { path } => Self { vm, socket: Some(path), host: None, port: None, password },
            VncEndpoint::Tcp { host, port, .. } => {
                Self { vm, socket: None, host: Some(host), port: Some(port), password }
            }
        }
    }
}

impl ScreenForward {
    /// Listens on the port of 127.0.0.1, or on any for 0, on behalf of that user alone if one is given.
    pub(super) async fn listen(
        target: Target,
        password: bool,
        port: u16,
        user: Option<u32>,
    ) -> Result<Self, Error> {
        let failed = |source| ScreenError::CannotListen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let (host, port) = (Ipv4Addr::LOCALHOST.to_string(), listener.local_addr().map_err(failed)?.port());
        let server = VncServer { endpoint: VncEndpoint::Tcp { host, port, password }, password };
        Ok(Self { screen: Screen::of(target.vm.clone(), server), target, listener, user })
    }

    /// Connects each viewer that comes to the screen. `failed` gets why one was not connected.
    ///
    /// # Errors
    /// [`ScreenError::CannotListen`] when no more viewers can be taken.
    pub async fn serve(self, failed: impl Fn(Error)) -> Result<Infallible, Error> {
        let port = self.screen.port.unwrap_or_default();
        let mut viewers = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if viewers.len() < VIEWERS => match accepted {
                    Ok((viewer, from)) if self.is_allowed(&viewer, from) => {
                        viewers.spawn(serve_viewer(self.target.clone(), viewer));
                    }
                    Ok(_) => {}
                    // That viewer alone is gone (accept(2)).
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(source) => return Err(ScreenError::CannotListen { port, source }.into()),
                },
                Some(ended) = viewers.join_next() => {
                    if let Ok(Err(error)) = ended {
                        failed(error);
                    }
                }
            }
        }
    }
}

impl ScreenForward {
    fn is_allowed(&self, viewer: &TcpStream, from: SocketAddr) -> bool {
        let user = |to| host::tcp_user(from, to);
        self.user.is_none_or(|only| viewer.local_addr().ok().and_then(user) == Some(only))
    }
}

async fn serve_viewer(target: Target, mut viewer: TcpStream) -> Result<(), Error> {
    let mut screen = target.connect().await?;
    // A viewer that goes away is no failure, nor is a VM that shuts down.
    let _ = copy_bidirectional(&mut viewer, &mut screen).await;
    Ok(())
}

impl Target {
    pub(super) async fn connect(&self) -> Result<Box<dyn Stream>, Error> {
        let stream: io::Result<Box<dyn Stream>> = match &self.endpoint {
            VncEndpoint::Socket { path } => {
                UnixStream::connect(path).await.map(|stream| Box::new(stream) as _)
            }
            VncEndpoint::Tcp { host, port, .. } => {
                TcpStream::connect((reachable(host), *port)).await.map(|stream| Box::new(stream) as _)
            }
        };
        Ok(stream.map_err(|source| ScreenError::Unreachable {
            name: self.vm.clone(),
            endpoint: self.name(),
            source,
        })?)
    }

    fn name(&self) -> String {
        match &self.endpoint {
            VncEndpoint::Socket { path } => path.clone(),
            VncEndpoint::Tcp { host, port, .. } => format!("{host}:{port}"),
        }
    }
}

/// The address for one that listens on all of the host's.
pub(super) fn reachable(host: &str) -> &str {
    match host {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn run(work: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(work);
    }

    async fn forward(endpoint: VncEndpoint) -> (ScreenForward, u16) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
        let port = listener.local_addr().expect("is bound").port();
        let server = VncServer { endpoint: endpoint.clone(), password: false };
        let screen = Screen::of("web".into(), server);
        (ScreenForward { screen, target: Target { vm: "web".into(), endpoint }, listener, user: None }, port)
    }

    #[test]
    fn viewers_get_the_socket_and_a_failure_ends_none_of_them() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("vnc");
        run(async {
            let (forward, port) = forward(VncEndpoint::Socket { path: path.display().to_string() }).await;
            let (sender, mut failures) = tokio::sync::mpsc::unbounded_channel();
            let serving = tokio::spawn(forward.serve(move |error| drop(sender.send(error.to_string()))));
            let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port));
            let _early = connect().await.expect("connects");
            let failure = failures.recv().await.expect("a failure is reported");
            assert!(failure.contains("the screen of the VM web"), "{failure}");

            let vnc = tokio::net::UnixListener::bind(&path).expect("binds");
            for text in [b"one", b"two"] {
                let mut viewer = connect().await.expect("connects");
                let (mut server, _) = vnc.accept().await.expect("comes");
                let mut read = [0; 3];
                server.write_all(text).await.expect("writes");
                viewer.read_exact(&mut read).await.expect("reads");
                assert_eq!(&read, text);
                viewer.write_all(b"key").await.expect("writes");
                server.read_exact(&mut read).await.expect("reads");
                assert_eq!(&read, b"key");
            }
            serving.abort();
        });
    }

    #[test]
    fn an_address_for_all_is_reached_by_loopback() {
        assert_eq!(["0.0.0.0", "::", "10.0.0.1"].map(reachable), ["127.0.0.1", "::1", "10.0.0.1"]);
    }
}
