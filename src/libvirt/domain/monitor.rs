//! A QMP monitor of vmtools' own for a domain that others made.
//!
//! No command of virsh changes QEMU's command line in a definition, so here the whole of it passes through
//! vmtools, with its secrets: it is neither logged nor shown.

use super::spec::{MONITOR_NAMESPACE, monitor_arguments};
use crate::libvirt::Error;
use crate::libvirt::client::Client;
use crate::libvirt::command::Command;
use crate::libvirt::xml::{Element, XmlError};

impl Client {
    /// Gives the domain a QMP monitor at the socket, from its next start on.
    ///
    /// # Errors
    /// When it is gone, or libvirt refuses.
    pub async fn add_monitor(&self, uuid: &str, socket: &str) -> Result<(), Error> {
        let command = Command::new("dumpxml --inactive --security-info").option("--domain", uuid).secret();
        let display = command.display();
        let document = self.call(command).await?;
        let document = with_monitor(&document, socket)
            .map_err(|error| Error::Unexpected { command: display, reason: error.to_string() })?;
        let file = Self::handover(document.as_bytes())?;
        self.call(Command::new("define").option("--file", &file.path)).await.map(drop)
    }
}

/// Behind the arguments that are there already, if there are any.
fn with_monitor(document: &str, socket: &str) -> Result<String, XmlError> {
    let mut domain = Element::parse(document)?;
    let declared = domain.attributes.iter().find_map(|(name, value)| {
        let prefix = name.strip_prefix("xmlns:")?;
        (value == MONITOR_NAMESPACE).then(|| prefix.to_owned())
    });
    let prefix = match declared {
        Some(prefix) => prefix,
        None => {
            domain.set_attribute("xmlns:qemu", MONITOR_NAMESPACE);
            "qemu".to_owned()
        }
    };
    let name = format!("{prefix}:commandline");
    let arguments = monitor_arguments(&prefix, socket);
    match domain.find_mut(&name) {
        Some(commandline) => commandline.children.extend(arguments.map(crate::libvirt::Node::Element)),
        None => domain = domain.child(Element::new(&name).children(arguments)),
    }
    domain.to_document()
}

#[cfg(test)]
mod tests {
    use super::super::definition::Domain;
    use super::*;

    const BARE: &str =
        "<domain type='kvm'><name>x</name><!-- mine --><graphics type='vnc' passwd='s3cret'/></domain>";
    const WITH: &str = "<domain type='kvm' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><name>x</name>\
        <q:commandline><q:arg value='-S'/><q:env name='A' value='b'/></q:commandline></domain>";

    #[test]
    fn the_rest_stays_as_it_was() {
        let changed = with_monitor(BARE, "/run/a,b.qmp").expect("is XML");
        for kept in ["<!-- mine -->", "s3cret", "xmlns:qemu="] {
            assert!(changed.contains(kept), "{changed}");
        }
        assert_eq!(Domain::parse(&changed).expect("is XML").qmp_socket.as_deref(), Some("/run/a,b.qmp"));
    }

    #[test]
    fn arguments_that_are_there_stay_before() {
        let changed = with_monitor(WITH, "/q.qmp").expect("is XML");
        let tree = Element::parse(&changed).expect("is XML");
        assert_eq!(tree.all("q:commandline").count(), 1);
        let values: Vec<_> =
            tree.find("q:commandline").into_iter().flat_map(|line| line.all("q:arg")).collect();
        let values: Vec<_> = values.iter().filter_map(|arg| arg.attribute("value")).collect();
        assert_eq!(values[..3], ["-S", "-chardev", "socket,id=vmtqmp,path=/q.qmp,server=on,wait=off"]);
        assert!(changed.contains("name=\"A\"") || changed.contains("name='A'"), "{changed}");
    }
}
