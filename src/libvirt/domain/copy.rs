//! A domain's definition made over for a copy of it.

use std::collections::HashMap;

use super::definition::Domain;
use super::metadata::{CREATING_NAMESPACE, Metadata, NAMESPACE, PARENT_NAMESPACE, PROTECTED_NAMESPACE};
use crate::libvirt::xml::{Element, Node};
use crate::model::VmName;

/// What a copy of a domain has of its own. All else stays as its source has it.
#[derive(Debug, Clone)]
pub struct DomainCopy {
    /// Its name.
    pub name: VmName,
    /// Its UUID.
    pub uuid: uuid::Uuid,
    /// vmtools' record of it.
    pub metadata: Metadata,
    /// The files that take the places of the source's: disks, logs, what the firmware hands on.
    pub files: HashMap<String, CopiedFile>,
    /// The file of its firmware's variables; `None` lets libvirt make a new one.
    pub nvram: Option<String>,
    /// The addresses of its network cards, in order.
    pub macs: Vec<String>,
    /// The ports of the host that take the places of the source's.
    pub ports: HashMap<u16, u16>,
    /// The socket of vmtools' own QMP monitor, where there is a place for it.
    pub qmp_socket: Option<String>,
}

/// A file that takes another's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedFile {
    /// The file.
    pub path: String,
    /// The image's format, such as `qcow2`.
    pub format: String,
}

impl DomainCopy {
    /// The definition, made of the source's stored one.
    pub fn to_element(&self, source: &Domain) -> Element {
        let mut domain = source.tree.clone();
        domain.attributes.retain(|(name, _)| name != "id");
        set_text(&mut domain, "name", self.name.as_str());
        set_text(&mut domain, "uuid", &self.uuid.to_string());
        if let Some(generation) = domain.find_mut("genid") {
            // libvirt makes another.
            generation.children.clear();
        }
        self.record(&mut domain);
        if let Some(nvram) = domain.find_mut("os/nvram") {
            nvram.children.clear();
            nvram.attributes.retain(|(name, _)| name != "type");
            if let Some(path) = &self.nvram {
                nvram.children.push(Node::Text(path.clone()));
            }
        }
        for node in &mut domain.children {
            match node {
                Node::Element(element) if element.name == "sysinfo" => self.sysinfo(element),
                Node::Element(element) if element.name.ends_with(":commandline") => self.monitor(element),
                _ => {}
            }
        }
        if let Some(devices) = domain.find_mut("devices") {
            let mut macs = self.macs.iter();
            for node in &mut devices.children {
                let Node::Element(device) = node else { continue };
                match device.name.as_str() {
                    "disk" => self.disk(device),
                    "interface" => self.interface(device, macs.next()),
                    "serial" | "console" | "parallel" | "channel" => self.character_device(device),
                    "graphics" => graphics(device),
                    "tpm" => own_source(device, "backend"),
                    "vsock" => vsock(device),
                    _ => {}
                }
            }
        }
        domain
    }

    /// vmtools' own elements are made anew; what others keep there stays.
    fn record(&self, domain: &mut Element) {
        let ours = |element: &Element| {
            element.attributes.iter().any(|(name, value)| {
                name.starts_with("xmlns")
                    && [NAMESPACE, PARENT_NAMESPACE, PROTECTED_NAMESPACE, CREATING_NAMESPACE]
                        .contains(&value.as_str())
            })
        };
        let own = self.metadata.to_elements().into_iter().map(Node::Element);
        match domain.find_mut("metadata") {
            Some(metadata) => {
                metadata.children.retain(|node| !matches!(node, Node::Element(element) if ours(element)));
                metadata.children.extend(own);
            }
            None => {
                let metadata = Element { children: own.collect(), ..Element::new("metadata") };
                domain.children.push(Node::Element(metadata));
            }
        }
    }

    /// What the guest's firmware tells of the machine: libvirt wants the UUID to be the domain's.
    fn sysinfo(&self, sysinfo: &mut Element) {
        for node in &mut sysinfo.children {
            let Node::Element(part) = node else { continue };
            // A fwcfg entry stands here, a SMBIOS one a level below.
            self.entry(part);
            for node in &mut part.children {
                if let Node::Element(entry) = node {
                    self.entry(entry);
                }
            }
        }
    }

    fn entry(&self, entry: &mut Element) {
        if let Some(file) = entry.attribute("file").and_then(|file| self.files.get(file)) {
            entry.set_attribute("file", &file.path);
        }
        // A serial number may tell cloud-init where its data is; then it is none.
        let is_serial = entry.attribute("name") == Some("serial") && !entry.content().starts_with("ds=");
        if entry.name == "entry" && (entry.attribute("name") == Some("uuid") || is_serial) {
            entry.children = vec![Node::Text(self.uuid.to_string())];
        }
    }

    fn monitor(&self, commandline: &mut Element) {
        const CHARDEV: &str = "socket,id=vmtqmp,";
        let value = |node: &Node| match node {
            Node::Element(argument) => argument.attribute("value").map(str::to_owned),
            _ => None,
        };
        let ours = |node: &Node| {
            value(node)
                .is_some_and(|value| value.starts_with(CHARDEV) || value == "chardev=vmtqmp,mode=control")
        };
        match &self.qmp_socket {
            Some(socket) => {
                for node in &mut commandline.children {
                    if value(node).is_some_and(|value| value.starts_with(CHARDEV))
                        && let Node::Element(argument) = node
                    {
                        argument.set_attribute("value", super::spec::monitor_socket(socket));
                    }
                }
            }
            // Each of the two with the option before it.
            None => {
                while let Some(at) = commandline.children.iter().position(ours) {
                    commandline.children.remove(at);
                    let before = commandline.children[..at].iter().rposition(|node| value(node).is_some());
                    if let Some(before) = before {
                        commandline.children.remove(before);
                    }
                }
            }
        }
    }

    fn disk(&self, disk: &mut Element) {
        let path = disk.find("source").and_then(|source| {
            ["file", "dev"].iter().find_map(|name| source.attribute(name)).map(str::to_owned)
        });
        let Some(file) = path.and_then(|path| self.files.get(&path)) else { return };
        disk.set_attribute("type", "file");
        if let Some(source) = disk.find_mut("source") {
            source.attributes.retain(|(name, _)| !matches!(name.as_str(), "file" | "dev" | "index"));
            source.set_attribute("file", &file.path);
        }
        if let Some(driver) = disk.find_mut("driver") {
            driver.set_attribute("type", &file.format);
        }
        // libvirt reads the chain from the files.
        disk.children.retain(|node| !matches!(node, Node::Element(e) if e.name == "backingStore"));
    }

    fn interface(&self, card: &mut Element, mac: Option<&String>) {
        if let (Some(element), Some(mac)) = (card.find_mut("mac"), mac) {
            element.set_attribute("address", mac);
        }
        // The host's own device of the card, where somebody has given it a name.
        card.children.retain(|node| !matches!(node, Node::Element(e) if e.name == "target"));
        for node in &mut card.children {
            let Node::Element(forward) = node else { continue };
            if forward.name != "portForward" {
                continue;
            }
            let port = |node: &Node| match node {
                Node::Element(range) if range.name == "range" => {
                    range.attribute("start").and_then(|start| start.parse::<u16>().ok())
                }
                _ => None,
            };
            // A range that has no place of its own would be the source's.
            forward.children.retain(|node| port(node).is_none_or(|start| self.ports.contains_key(&start)));
            for node in &mut forward.children {
                let Some((start, new)) = port(node).and_then(|start| Some((start, self.ports.get(&start)?)))
                else {
                    continue;
                };
                if let Node::Element(range) = node {
                    range.set_attribute("start", new.to_string());
                    if range.attribute("to").is_none() {
                        range.set_attribute("to", start.to_string());
                    }
                }
            }
        }
        let empty = |e: &Element| e.name == "portForward" && e.find("range").is_none();
        card.children.retain(|node| !matches!(node, Node::Element(e) if empty(e)));
    }

    fn character_device(&self, device: &mut Element) {
        if let Some(log) = device.find_mut("log") {
            let file = log.attribute("file").and_then(|file| self.files.get(file));
            if let Some(file) = file {
                log.set_attribute("file", &file.path);
            }
        }
        let is_channel = device.name == "channel";
        let name = self.name.as_str();
        match device.attribute("type") {
            // libvirt gives a channel a socket of its own.
            Some("unix") if is_channel => own_source(device, ""),
            Some("unix" | "file") => {
                if let Some(source) = device.find_mut("source")
                    && let Some(path) = source.attribute("path")
                {
                    let path = format!("{path}.{name}");
                    source.set_attribute("path", path);
                }
            }
            // The number of the host's terminal, which is new at each start.
            Some("pty") => own_source(device, ""),
            _ => {}
        }
    }
}

/// Takes a device's `<source>` away, so that libvirt makes one.
fn own_source(device: &mut Element, below: &str) {
    let holder = if below.is_empty() { Some(device) } else { device.find_mut(below) };
    if let Some(holder) = holder {
        holder.children.retain(|node| !matches!(node, Node::Element(e) if e.name == "source"));
    }
}

/// A port that was fixed is the source's.
fn graphics(graphics: &mut Element) {
    for name in ["port", "tlsPort", "websocket"] {
        if graphics.attribute(name).is_some() {
            graphics.set_attribute(name, "-1");
        }
    }
    if graphics.attribute("port").is_some() {
        graphics.set_attribute("autoport", "yes");
    }
    graphics.attributes.retain(|(name, _)| name != "socket");
    for node in &mut graphics.children {
        if let Node::Element(listen) = node
            && listen.attribute("type") == Some("socket")
        {
            listen.attributes.retain(|(name, _)| name != "socket");
        }
    }
}

fn vsock(vsock: &mut Element) {
    if let Some(cid) = vsock.find_mut("cid") {
        cid.attributes.retain(|(name, _)| name != "address");
        cid.set_attribute("auto", "yes");
    }
}

fn set_text(domain: &mut Element, name: &str, text: &str) {
    let new = Element::new(name).text(text);
    match domain.find_mut(name) {
        Some(element) => *element = new,
        None => domain.children.push(Node::Element(new)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "<domain type='qemu' id='4' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>web</name><uuid>00000000-0000-0000-0000-000000000001</uuid><genid>00000000-0000-0000-0000-000000000009</genid>
  <metadata><o:x xmlns:o='urn:other'>mine</o:x><v:vm xmlns:v='urn:vmtools:vm:1'><v:image>a</v:image></v:vm>
    <p:is xmlns:p='urn:vmtools:parent:1'/></metadata>
  <sysinfo type='smbios'><system><entry name='uuid'>00000000-0000-0000-0000-000000000001</entry>
    <entry name='serial'>ds=nocloud</entry></system><baseBoard><entry name='serial'>77</entry></baseBoard></sysinfo>
  <sysinfo type='fwcfg'><entry name='opt/com.coreos/config' file='/p/web.ign'/></sysinfo>
  <os firmware='efi'><nvram template='/t'>/n/web_VARS.fd</nvram></os>
  <devices>
    <disk type='block' device='disk'><driver name='qemu' type='raw' cache='none'/><source dev='/dev/vg/web' index='1'/>
      <backingStore/><target dev='vda'/><serial>kept</serial></disk>
    <disk type='file' device='cdrom'><source file='/iso'/><target dev='sda'/></disk>
    <interface type='user'><mac address='52:54:00:00:00:01'/><target dev='tap7'/><backend type='passt'/>
      <portForward proto='tcp'><range start='2222' to='22'/></portForward>
      <portForward proto='udp'><range start='9000' end='9010'/></portForward></interface>
    <serial type='pty'><source path='/dev/pts/3'/><log file='/p/web.log' append='off'/></serial>
    <serial type='file'><source path='/var/log/web'/></serial>
    <channel type='unix'><source mode='bind' path='/run/agent'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <graphics type='vnc' port='5901' autoport='no'/>
    <vsock><cid auto='no' address='3'/></vsock>
    <!-- mine -->
  </devices>
  <qemu:commandline><qemu:arg value='-chardev'/><qemu:arg value='socket,id=vmtqmp,path=/q/1.qmp,server=on,wait=off'/>
    <qemu:arg value='-mon'/><qemu:arg value='chardev=vmtqmp,mode=control'/><qemu:arg value='-mine'/></qemu:commandline>
</domain>";

    fn copied(qmp_socket: Option<&str>) -> (Domain, String) {
        let source = Domain::parse(SOURCE).expect("parses");
        let file = |path: &str, format: &str| CopiedFile { path: path.into(), format: format.into() };
        let copy = DomainCopy {
            name: "twin".parse().expect("valid"),
            uuid: uuid::Uuid::from_u128(2),
            metadata: Metadata { image: Some("b".into()), ..Metadata::default() },
            files: [
                ("/dev/vg/web".to_owned(), file("/p/twin.qcow2", "qcow2")),
                ("/p/web.log".to_owned(), file("/p/twin.log", "raw")),
                ("/p/web.ign".to_owned(), file("/p/twin.ign", "raw")),
            ]
            .into(),
            nvram: Some("/p/twin_VARS.fd".into()),
            macs: vec!["52:54:00:00:00:02".into()],
            ports: [(2222, 4444)].into(),
            qmp_socket: qmp_socket.map(str::to_owned),
        };
        let document = copy.to_element(&source).to_document().expect("writes");
        (Domain::parse(&document).expect("parses"), document)
    }

    #[test]
    fn what_is_a_vms_own_is_the_copys_own() {
        let (copy, document) = copied(Some("/q/2.qmp"));
        let uuid = uuid::Uuid::from_u128(2).to_string();
        assert_eq!((copy.name.as_str(), copy.uuid.as_str()), ("twin", uuid.as_str()));
        assert_eq!(copy.metadata.as_ref().and_then(|record| record.image.as_deref()), Some("b"));
        assert!(!copy.is_parent() && document.contains("urn:other"), "{document}");
        assert_eq!(copy.disks[0].path.as_deref(), Some("/p/twin.qcow2"));
        assert_eq!(
            (copy.disks[0].format.as_deref(), copy.disks[1].path.as_deref()),
            (Some("qcow2"), Some("/iso"))
        );
        assert_eq!(copy.nvram().as_deref(), Some("/p/twin_VARS.fd"));
        assert_eq!(copy.interfaces[0].mac, "52:54:00:00:00:02");
        assert_eq!(copy.interfaces[0].forwards, [(4444, 22, "tcp".to_owned())]);
        assert_eq!(copy.serial_log.as_deref(), Some("/p/twin.log"));
        assert_eq!(copy.qmp_socket.as_deref(), Some("/q/2.qmp"));
        let has = |text: &str| document.contains(text);
        assert!(has("kept") && has("cache=\"none\"") && has("<!-- mine -->") && has("-mine"), "{document}");
        assert!(has("/p/twin.ign") && has("ds=nocloud") && has("/var/log/web.twin"), "{document}");
        for old in [
            "000000000001",
            "000000000009",
            "5901",
            "tap7",
            "/run/agent",
            "/dev/pts",
            "77",
            "id=\"4\"",
            "9000",
        ] {
            assert!(!document.contains(old), "{old}: {document}");
        }
        assert_eq!(copy.tree.find_attribute("devices/vsock/cid", "auto"), Some("yes"));
        assert_eq!(copy.tree.find_attribute("devices/graphics", "autoport"), Some("yes"));
    }

    #[test]
    fn without_a_place_for_its_socket_the_monitor_goes_and_no_more() {
        let (copy, document) = copied(None);
        assert_eq!(copy.qmp_socket, None);
        let left: Vec<_> =
            copy.tree.find("qemu:commandline").into_iter().flat_map(Element::elements).collect();
        assert_eq!(left.len(), 1, "{document}");
    }
}
