//! A QMP monitor of vmtools' own in a definition: libvirt's takes one client only.
//!
//! It is two of QEMU's own arguments, with their values, in `<qemu:commandline>`.

use super::namespace::{self, QEMU};
use crate::libvirt::xml::{Element, Node};
use crate::libvirt::{DomainHardware, Error};
use crate::model::Uuid;

/// How the value of `-chardev` begins.
const CHARDEV: &str = "socket,id=vmtqmp,";
/// The value of `-mon`.
const MONITOR: &str = "chardev=vmtqmp,mode=control";

impl DomainHardware<'_> {
    /// Gives the domain a QMP monitor at the socket, from its next start on.
    ///
    /// # Errors
    /// When it is gone, or libvirt refuses.
    pub async fn add_monitor(self, uuid: Uuid, socket: &str) -> Result<(), Error> {
        self.client.definitions().change(uuid, |domain| add_to(domain, socket)).await
    }
}

/// Adds the monitor behind the arguments that are there already, if there are any.
pub(super) fn add_to(domain: &mut Element, socket: &str) {
    if let Some(commandline) = commandline_mut(domain) {
        let prefix = namespace::prefix(&commandline.name).to_owned();
        commandline.children.extend(arguments(&prefix, socket).map(Node::Element));
        return;
    }
    let mut declared = domain.attributes.iter().filter(|(_, value)| value == QEMU);
    let prefix = declared.find_map(|(name, _)| name.strip_prefix("xmlns:")).map(str::to_owned);
    let prefix = prefix.unwrap_or_else(|| {
        domain.set_attribute("xmlns:qemu", QEMU);
        "qemu".to_owned()
    });
    let commandline = Element::new(&format!("{prefix}:commandline")).children(arguments(&prefix, socket));
    domain.children.push(Node::Element(commandline));
}

/// Moves a copy's monitor to its own socket; without one removes it, and none of the other arguments.
pub(super) fn replace_in(domain: &mut Element, socket: Option<&str>) {
    let Some(commandline) = commandline_mut(domain) else { return };
    match socket {
        Some(socket) => {
            for node in &mut commandline.children {
                if value(node).is_some_and(|value| value.starts_with(CHARDEV))
                    && let Node::Element(argument) = node
                {
                    argument.set_attribute("value", chardev(socket));
                }
            }
        }
        // Each of the two values with the option before it.
        None => {
            while let Some(at) = commandline.children.iter().position(is_ours) {
                commandline.children.remove(at);
                let before = commandline.children[..at].iter().rposition(|node| value(node).is_some());
                if let Some(before) = before {
                    commandline.children.remove(before);
                }
            }
        }
    }
}

/// The socket of the monitor in a definition.
pub(super) fn socket(domain: &Element) -> Option<String> {
    let commandline = namespace::child(&[domain], QEMU, "commandline")?;
    commandline.elements().find_map(|argument| {
        let options = argument.attribute("value")?.strip_prefix(CHARDEV)?.strip_prefix("path=")?;
        let end = options.find(",server=").unwrap_or(options.len());
        Some(options[..end].replace(",,", ","))
    })
}

/// Whether it is a value of one of the monitor's two arguments.
pub(super) fn is_ours(argument: &Node) -> bool {
    value(argument).is_some_and(|value| value.starts_with(CHARDEV) || value == MONITOR)
}

fn value(argument: &Node) -> Option<&str> {
    match argument {
        Node::Element(argument) => argument.attribute("value"),
        _ => None,
    }
}

fn commandline_mut(domain: &mut Element) -> Option<&mut Element> {
    let name = namespace::child(&[domain], QEMU, "commandline")?.name.clone();
    domain.find_mut(&name)
}

fn arguments(prefix: &str, socket: &str) -> [Element; 4] {
    let words = ["-chardev".to_owned(), chardev(socket), "-mon".to_owned(), MONITOR.to_owned()];
    let name = if prefix.is_empty() { "arg".to_owned() } else { format!("{prefix}:arg") };
    words.map(|word| Element::new(&name).with("value", word))
}

/// `wait=off`, else the domain would not start before somebody connects.
fn chardev(socket: &str) -> String {
    // In QEMU's option syntax a comma is written twice.
    format!("{CHARDEV}path={},server=on,wait=off", socket.replace(',', ",,"))
}

#[cfg(test)]
mod tests {
    use super::super::definition::Domain;
    use super::*;

    const BARE: &str =
        "<domain type='kvm'><name>x</name><!-- mine --><graphics type='vnc' passwd='s3cret'/></domain>";
    const WITH: &str = "<domain type='kvm' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><name>x</name>\
        <q:commandline><q:arg value='-S'/><q:env name='A' value='b'/></q:commandline></domain>";

    fn with_monitor(document: &str, socket: &str) -> Element {
        let mut domain = Element::parse(document).expect("is XML");
        add_to(&mut domain, socket);
        domain
    }

    #[test]
    fn the_rest_stays_as_it_was() {
        let changed = with_monitor(BARE, "/run/a,b.qmp");
        let document = changed.to_document().expect("writes");
        for kept in ["<!-- mine -->", "s3cret", "xmlns:qemu="] {
            assert!(document.contains(kept), "{document}");
        }
        assert_eq!(Domain::of_tree(changed).qmp_socket.as_deref(), Some("/run/a,b.qmp"));
    }

    #[test]
    fn arguments_that_are_there_stay_before() {
        let tree = with_monitor(WITH, "/q.qmp");
        assert_eq!(tree.all("q:commandline").count(), 1);
        let values: Vec<_> =
            tree.find("q:commandline").into_iter().flat_map(|line| line.all("q:arg")).collect();
        let values: Vec<_> = values.iter().filter_map(|arg| arg.attribute("value")).collect();
        assert_eq!(values[..3], ["-S", "-chardev", "socket,id=vmtqmp,path=/q.qmp,server=on,wait=off"]);
        assert_eq!(tree.find("q:commandline/q:env").and_then(|env| env.attribute("name")), Some("A"));
    }

    #[test]
    fn the_namespace_decides_what_a_command_line_is() {
        let other = "<domain xmlns:x='urn:other'><x:commandline><x:arg value='socket,id=vmtqmp,path=/s,server=on'/></x:commandline></domain>";
        assert_eq!(socket(&Element::parse(other).expect("is XML")), None);
        let near = "<domain><commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'><arg value='-S'/></commandline></domain>";
        let changed = with_monitor(near, "/q.qmp");
        assert_eq!(socket(&changed).as_deref(), Some("/q.qmp"));
        assert_eq!(changed.all("commandline").count(), 1);
    }

    #[test]
    fn a_monitor_is_moved_or_removed_alone() {
        let mut domain = with_monitor(WITH, "/q.qmp");
        replace_in(&mut domain, Some("/other.qmp"));
        assert_eq!(socket(&domain).as_deref(), Some("/other.qmp"));
        replace_in(&mut domain, None);
        assert_eq!(socket(&domain), None);
        assert_eq!(domain.find("q:commandline").map(|line| line.elements().count()), Some(2));
    }
}
