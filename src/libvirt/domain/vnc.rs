//! Where a domain's screen is shown by VNC.

use crate::libvirt::command::Command;
use crate::libvirt::xml::Element;
use crate::libvirt::{DomainDefinitions, Error};
use crate::model::Uuid;

/// Where a VNC client connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VncEndpoint {
    /// A Unix socket of the host.
    Socket {
        /// Its path.
        path: String,
    },
    /// A TCP port.
    Tcp {
        /// The address that it listens on; `0.0.0.0` or `::` is all of the host's.
        host: String,
        /// The port.
        port: u16,
        /// Whether a password is asked for, as far as the definition shows: libvirt prints none, nor a
        /// sign of one, unless it is asked for the definition with its secrets.
        password: bool,
    },
}

/// The VNC server of a running domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VncServer {
    /// Where it listens.
    pub endpoint: VncEndpoint,
    /// Whether it asks for a password.
    pub password: bool,
}

impl DomainDefinitions<'_> {
    /// Where the running domain's screen is shown; `None` without VNC. The definition is read with its secrets,
    /// since libvirt otherwise hides that there is a password.
    ///
    /// # Errors
    /// When it is gone, or the connection fails or may only read.
    pub async fn vnc_server(self, uuid: Uuid) -> Result<Option<VncServer>, Error> {
        let command = Command::new("dumpxml --security-info").domain(uuid).secret();
        let display = command.display();
        let document = self.client.call(command).await?;
        let domain = Element::parse(&document)
            .map_err(|error| Error::Unexpected { command: display, reason: error.to_string() })?;
        Ok(read_server(&domain))
    }
}

fn read_server(domain: &Element) -> Option<VncServer> {
    Some(VncServer { endpoint: read(domain)?, password: graphics(domain)?.attribute("passwd").is_some() })
}

fn graphics(domain: &Element) -> Option<&Element> {
    domain.find("devices")?.all("graphics").find(|graphics| graphics.attribute("type") == Some("vnc"))
}

/// The `<graphics>`: at the socket, or at one that libvirt makes in the domain's private directory, where
/// only QEMU's user and root come (`qemuProcessGraphicsSetupListen`, from libvirt 9.0 to 11.3 alike). Never at
/// a TCP port: each user of the host could open it.
pub(super) fn at_socket(socket: Option<&str>) -> Element {
    let listen = Element::new("listen").with("type", "socket");
    let listen = match socket {
        Some(path) => listen.with("socket", path),
        None => listen,
    };
    Element::new("graphics").with("type", "vnc").child(listen)
}

/// The endpoint; `None` without VNC, and in a stored definition that leaves it to the start.
pub(super) fn read(domain: &Element) -> Option<VncEndpoint> {
    let vnc = graphics(domain)?;
    let listen = vnc.find("listen");
    let of =
        |element: Option<&Element>, name: &str| element.and_then(|e| e.attribute(name)).map(str::to_owned);
    match listen.and_then(|listen| listen.attribute("type")) {
        Some("none") => None,
        Some("socket") => {
            let path = of(listen, "socket").or_else(|| of(Some(vnc), "socket"))?;
            Some(VncEndpoint::Socket { path })
        }
        _ => {
            if let Some(path) = of(Some(vnc), "socket") {
                return Some(VncEndpoint::Socket { path });
            }
            let host = of(listen, "address").or_else(|| of(Some(vnc), "listen"));
            Some(VncEndpoint::Tcp {
                // QEMU's default in libvirt's qemu.conf.
                host: host.unwrap_or_else(|| "127.0.0.1".to_owned()),
                // -1 until the domain starts.
                port: vnc.attribute("port")?.parse().ok()?,
                password: vnc.attribute("passwd").is_some(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(graphics: &str) -> Option<VncEndpoint> {
        read(&Element::parse(&format!("<domain><devices>{graphics}</devices></domain>")).expect("parses"))
    }

    #[test]
    fn endpoints_are_read() {
        let socket = |path: &str| Some(VncEndpoint::Socket { path: path.into() });
        let tcp = |host: &str, password| Some(VncEndpoint::Tcp { host: host.into(), port: 5977, password });
        for (graphics, expected) in [
            ("", None),
            ("<graphics type='spice' port='5977'/>", None),
            ("<graphics type='vnc' socket='/s'><listen type='socket' socket='/s'/></graphics>", socket("/s")),
            ("<graphics type='vnc' socket='/s'/>", socket("/s")),
            ("<graphics type='vnc'><listen type='socket'/></graphics>", None),
            ("<graphics type='vnc'><listen type='none'/></graphics>", None),
            (
                "<graphics type='vnc' port='-1' autoport='yes'><listen type='address' address='127.0.0.1'/></graphics>",
                None,
            ),
            ("<graphics type='vnc' port='5977'/>", tcp("127.0.0.1", false)),
            (
                "<graphics type='vnc' port='5977' listen='::' passwd='x'><listen type='address' address='::'/></graphics>",
                tcp("::", true),
            ),
            (
                "<graphics type='vnc' port='5977'><listen type='network' address='10.0.0.1' network='n'/></graphics>",
                tcp("10.0.0.1", false),
            ),
        ] {
            assert_eq!(endpoint(graphics), expected, "{graphics}");
        }
    }

    #[test]
    fn a_password_is_seen_at_a_socket_too() {
        for (more, password) in [("", false), (" passwd='x'", true)] {
            let graphics =
                format!("<graphics type='vnc'{more}><listen type='socket' socket='/s'/></graphics>");
            let document = format!("<domain><devices>{graphics}</devices></domain>");
            let endpoint = VncEndpoint::Socket { path: "/s".into() };
            let server = read_server(&Element::parse(&document).expect("parses"));
            assert_eq!(server, Some(VncServer { endpoint, password }));
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = |socket| endpoint(&at_socket(socket).to_line().expect("writes"));
        assert_eq!(written(Some("/a & b")), Some(VncEndpoint::Socket { path: "/a & b".into() }));
        assert_eq!(written(None), None);
    }
}
