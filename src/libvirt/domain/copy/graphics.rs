use super::Copying;
use crate::libvirt::domain::edit;
use crate::libvirt::xml::{Element, Node};

/// Gives the display its own ports or socket. A password stays: without it, a display that listens for other
/// hosts would be open to them.
pub(super) fn copy(copying: &mut Copying<'_>, graphics: &mut Element, _place: &str) {
    let is_vnc = graphics.attribute("type") == Some("vnc");
    if is_at_socket(graphics) || is_vnc && copying.is_open_locally(graphics) {
        return at_own_socket(graphics, copying.copy.vnc_socket.as_deref().filter(|_| is_vnc));
    }
    // Ports that were fixed are the source's.
    for name in ["port", "tlsPort", "websocket"] {
        if graphics.attribute(name).is_some() {
            graphics.set_attribute(name, "-1");
        }
    }
    if graphics.attribute("port").is_some() {
        graphics.set_attribute("autoport", "yes");
    }
}

impl Copying<'_> {
    /// Whether it is what older versions of vmtools gave their VMs: a port of 127.0.0.1 that every user of the
    /// host can open.
    fn is_open_locally(&self, graphics: &Element) -> bool {
        let is = |name: &str, value: &str| graphics.attribute(name) == Some(value);
        crate::libvirt::Metadata::of_domain(self.source).is_some()
            && is("port", "-1")
            && is("autoport", "yes")
            && graphics.attribute("passwd").is_none()
            && graphics.attribute("websocket").is_none()
            && graphics.all("listen").all(|listen| listen.attribute("address") == Some("127.0.0.1"))
    }
}

fn is_at_socket(graphics: &Element) -> bool {
    graphics.attribute("socket").is_some()
        || graphics.all("listen").any(|listen| listen.attribute("type") == Some("socket"))
}

/// It must not come to listen on a port when its socket goes.
fn at_own_socket(graphics: &mut Element, socket: Option<&str>) {
    for name in ["socket", "port", "autoport", "listen"] {
        edit::remove_attribute(graphics, name);
    }
    edit::remove_children(graphics, "listen");
    let mut listen = Element::new("listen").with("type", "socket");
    if let Some(socket) = socket {
        listen.set_attribute("socket", socket);
    }
    graphics.children.insert(0, Node::Element(listen));
}
