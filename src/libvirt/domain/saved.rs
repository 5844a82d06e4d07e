//! The definition of a saved domain as that of another one, which continues where the first was.

use super::Domain;
use crate::libvirt::xml::{Element, Node};

/// What of a domain does not fit a state that another one was saved in. QEMU notices some of it and says only that a
/// load failed; a disk too many or another CPU it does not notice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateMismatch {
    /// A setting is another one.
    #[error("its {setting} is {now:?}, and was {saved:?}")]
    Setting {
        /// The element of the definition.
        setting: &'static str,
        /// What the state has.
        saved: String,
        /// What the new domain has.
        now: String,
    },
    /// It has other disks.
    #[error("its disks are {now:?}, and were {saved:?}")]
    Disks {
        /// The targets that the state has.
        saved: Vec<String>,
        /// The targets that the new domain has.
        now: Vec<String>,
    },
    /// The state has network interfaces, and must not; or it has others than the new domain.
    #[error("the state has other network interfaces")]
    Interfaces,
}

impl Domain {
    /// The definition that a save image has, as this domain's: the name, the UUID, the record and all files are this
    /// one's, and every device else is as the state has it. The domain's network interfaces are left out, since the
    /// state must have none.
    ///
    /// # Errors
    /// When the state is of another kind of machine.
    pub fn resumed_from(&self, saved: &Element) -> Result<Element, StateMismatch> {
        if saved.find("devices/interface").is_some() {
            return Err(StateMismatch::Interfaces);
        }
        self.continued_from(saved)
    }

    /// As [`Domain::resumed_from`], of a state that has the same network interfaces as this domain: each stays the device
    /// that it is, with this domain's address and at this domain's place in the network. QEMU takes the addresses that the
    /// guest knows and the state of the links from the state. So the domain must not run before their links are down.
    ///
    /// # Errors
    /// When the state is of another kind of machine.
    pub fn forked_from(&self, saved: &Element) -> Result<Element, StateMismatch> {
        let saved_interfaces = saved.find("devices").into_iter().flat_map(|devices| devices.all("interface"));
        let (mut theirs, mut own) = (saved_interfaces, self.devices("interface"));
        loop {
            match (theirs.next(), own.next()) {
                (None, None) => break,
                (Some(theirs), Some(own)) if is_same_device(theirs, own) => {}
                _ => return Err(StateMismatch::Interfaces),
            }
        }
        self.continued_from(saved)
    }

    fn continued_from(&self, saved: &Element) -> Result<Element, StateMismatch> {
        self.fits(saved)?;
        let mut domain = saved.clone();
        for name in ["name", "uuid", "genid", "metadata"] {
            take(&mut domain, &self.tree, name);
        }
        for name in ["qemu:commandline", "seclabel"] {
            remove(&mut domain, name);
        }
        domain = domain.children(self.tree.all("qemu:commandline").cloned());
        if let Some(os) = domain.find_mut("os") {
            remove(os, "nvram");
            *os = os.clone().children(self.tree.find("os/nvram").cloned());
        }
        let Some(devices) = domain.find_mut("devices") else { return Ok(domain) };
        remove(devices, "graphics");
        *devices = devices.clone().children(self.devices("graphics").cloned());
        let mut interfaces = self.devices("interface");
        for node in &mut devices.children {
            let Node::Element(device) = node else { continue };
            match device.name.as_str() {
                "disk" => self.give_source(device),
                "interface" => {
                    if let Some(own) = interfaces.next() {
                        give_place(device, own);
                    }
                }
                "serial" | "console" => {
                    // The terminal that the saved one had is another's by now.
                    remove(device, "source");
                    device.attributes.retain(|(name, _)| name != "tty");
                    let kind = device.name.clone();
                    let log = self.devices(&kind).find_map(|own| own.find("log"));
                    remove(device, "log");
                    *device = device.clone().children(log.cloned());
                }
                _ => {}
            }
        }
        Ok(domain)
    }

    /// The network interfaces, to be plugged in once the domain runs, with their cables out:
    /// [`DomainHardware::set_link`](crate::libvirt::DomainHardware::set_link) plugs them in.
    pub fn unlinked_interfaces(&self) -> impl Iterator<Item = Element> {
        self.devices("interface").map(|interface| {
            let mut interface = interface.clone();
            remove(&mut interface, "link");
            interface.child(Element::new("link").with("state", "down"))
        })
    }

    fn give_source(&self, device: &mut Element) {
        let target = device.find_attribute("target", "dev").unwrap_or_default().to_owned();
        let own = self.devices("disk").find(|own| own.find_attribute("target", "dev") == Some(&target));
        remove(device, "source");
        remove(device, "backingStore");
        *device = device.clone().children(own.and_then(|own| own.find("source")).cloned());
    }

    fn fits(&self, saved: &Element) -> Result<(), StateMismatch> {
        for ((setting, saved), (_, now)) in settings(saved).into_iter().zip(settings(&self.tree)) {
            if saved != now {
                return Err(StateMismatch::Setting { setting, saved, now });
            }
        }
        let targets = |domain: &Element| -> Vec<String> {
            let disks = domain.find("devices").into_iter().flat_map(|devices| devices.all("disk"));
            disks.filter_map(|disk| disk.find_attribute("target", "dev")).map(str::to_owned).collect()
        };
        let (saved_disks, now) = (targets(saved), targets(&self.tree));
        match saved_disks == now {
            true => Ok(()),
            false => Err(StateMismatch::Disks { saved: saved_disks, now }),
        }
    }
}

/// Whether QEMU takes one network interface's state for the other's.
fn is_same_device(one: &Element, other: &Element) -> bool {
    let is_same = |path: &str| {
        let attributes = |element: &Element| element.find(path).map(|found| found.attributes.clone());
        attributes(one) == attributes(other)
    };
    one.attribute("type") == other.attribute("type") && is_same("model") && is_same("address")
}

/// Gives a device of a state the place in the network that the domain's own has. What is forwarded to it is left out: the
/// domain's own is plugged in in its place, and needs the ports.
fn give_place(device: &mut Element, own: &Element) {
    const PLACE: [&str; 7] = ["mac", "source", "target", "virtualport", "filterref", "backend", "vlan"];
    for name in PLACE.into_iter().chain(["portForward", "link", "alias"]) {
        remove(device, name);
    }
    *device = device.clone().children(PLACE.into_iter().filter_map(|name| own.find(name)).cloned());
}

/// What has to be the same for QEMU to take a stream for its own.
fn settings(domain: &Element) -> [(&'static str, String); 4] {
    let text = |path: &str| domain.find_text(path).unwrap_or_default();
    [
        ("type", domain.attribute("type").unwrap_or_default().to_owned()),
        ("machine", domain.find_attribute("os/type", "machine").unwrap_or_default().to_owned()),
        ("memory", text("memory")),
        ("vcpu", text("vcpu")),
    ]
}

fn remove(element: &mut Element, name: &str) {
    element.children.retain(|node| !matches!(node, Node::Element(child) if child.name == name));
}

/// Puts the other's element of that name in the place of this one's, if it has one; else it goes.
fn take(element: &mut Element, other: &Element, name: &str) {
    let new = other.find(name).cloned();
    let is_old = |node: &Node| matches!(node, Node::Element(child) if child.name == name);
    match (element.children.iter().position(is_old), new) {
        (Some(at), Some(new)) => element.children[at] = Node::Element(new),
        (Some(at), None) => drop(element.children.remove(at)),
        (None, Some(new)) => element.children.insert(0, Node::Element(new)),
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libvirt 11.3 has them, cut down.
    const SAVED: &str = "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
      <name>old</name><uuid>11111111-1111-1111-1111-111111111111</uuid>
      <metadata><v:vm xmlns:v='urn:vmtools:vm:1'><v:image>i</v:image></v:vm></metadata>
      <genid>22222222-2222-2222-2222-222222222222</genid><memory unit='KiB'>524288</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type><nvram>/old_VARS.fd</nvram></os>
      <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
      <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/p/old.qcow2'/><backingStore/>
        <target dev='vda' bus='virtio'/><address type='pci' bus='0x04'/></disk>
      <disk type='file' device='disk'><source file='/p/old-seed.img'/><target dev='vdb' bus='virtio'/></disk>
      <serial type='pty'><source path='/dev/pts/7'/><log file='/p/old.log' append='off'/><target port='0'/></serial>
      <console type='pty' tty='/dev/pts/7'><log file='/p/old.log'/><target type='serial' port='0'/></console>
      <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
      <graphics type='vnc' socket='/run/old.vnc'/></devices>
      <seclabel type='dynamic' model='dac'/>
      <qemu:commandline><qemu:arg value='path=/run/old.qmp'/></qemu:commandline></domain>";

    fn new() -> String {
        let new = SAVED.replace("old", "new").replace("1111", "3333");
        let interface = "<interface type='network'><mac address='52:54:00:00:00:01'/></interface>";
        new.replace("2222", "4444").replace("<channel", &format!("{interface}<channel"))
    }

    fn resumed(new: &str, saved: &str) -> Result<Element, StateMismatch> {
        Domain::parse(new).expect("parses").resumed_from(&Element::parse(saved).expect("parses"))
    }

    const INTERFACE: &str = "<interface type='network'><mac address='52:54:00:00:00:09'/><source network='was' portid='1'/>
        <target dev='tap-old'/><portForward proto='tcp'><range start='2222'/></portForward><model type='virtio'/>
        <link state='up'/><driver queues='2'/><address type='pci' bus='0x01'/></interface>";

    #[test]
    fn interfaces_are_plugged_in_with_their_cables_out() {
        let definition = SAVED.replace("<channel", &format!("{INTERFACE}<channel"));
        let domain = Domain::parse(&definition).expect("parses");
        let unlinked: Vec<Element> = domain.unlinked_interfaces().collect();
        let [interface] = unlinked.as_slice() else { panic!("one interface: {unlinked:?}") };
        let links: Vec<_> = interface.all("link").map(|link| link.attribute("state")).collect();
        assert_eq!(links, [Some("down")]);
        assert_eq!(interface.find_attribute("mac", "address"), Some("52:54:00:00:00:09"));
    }

    #[test]
    fn a_fork_keeps_the_devices_of_the_interfaces_at_its_own_place() {
        let own = "<interface type='network'><mac address='52:54:00:00:00:01'/><source network='is'/><model type='virtio'/>
            <address type='pci' bus='0x01'/></interface>";
        let with =
            |document: &str, interface: &str| document.replace("<channel", &format!("{interface}<channel"));
        let bare = SAVED.replace("old", "new").replace("1111", "3333");
        let fork = |own: &str, saved: &str| {
            let saved = Element::parse(&with(SAVED, saved)).expect("parses");
            Domain::parse(&with(&bare, own)).expect("parses").forked_from(&saved)
        };
        let document = fork(own, INTERFACE).expect("fits").to_document().expect("writes");
        let tree = Element::parse(&document).expect("parses");
        let interface = tree.find("devices/interface").expect("stays");
        assert_eq!(interface.find_attribute("mac", "address"), Some("52:54:00:00:00:01"));
        assert_eq!(interface.find_attribute("source", "network"), Some("is"));
        assert_eq!(interface.find_attribute("driver", "queues"), Some("2"));
        for gone in ["portid", "tap-old", "portForward", "link", "52:54:00:00:00:09"] {
            assert!(!document.contains(gone), "{gone}: {document}");
        }
        // Without any it is as from a state that has none.
        assert_eq!(fork("", "").ok(), resumed(&bare, SAVED).ok());
        for (own, saved) in [
            (own, String::new()),
            ("", INTERFACE.into()),
            (own, INTERFACE.replace("0x01", "0x02")),
            (own, INTERFACE.replace("'virtio'", "'e1000'")),
            (own, format!("{INTERFACE}{INTERFACE}")),
        ] {
            assert_eq!(fork(own, &saved), Err(StateMismatch::Interfaces), "{own} {saved}");
        }
    }

    #[test]
    fn nothing_of_the_old_one_is_left_and_no_device_is_lost() {
        let document = resumed(&new(), SAVED).expect("fits").to_document().expect("writes");
        for gone in ["old", "11111111", "22222222", "seclabel", "interface", "/dev/pts", "backingStore"] {
            assert!(!document.contains(gone), "{gone}: {document}");
        }
        for there in [
            "/p/new.qcow2",
            "/p/new-seed.img",
            "/p/new.log",
            "/run/new.vnc",
            "/run/new.qmp",
            "/new_VARS.fd",
            "bus=\"0x04\"",
            "guest_agent",
            "type=\"qcow2\"",
        ] {
            assert!(document.contains(there), "{there}: {document}");
        }
        assert_eq!(document.matches("/p/new.log").count(), 2);
    }

    #[test]
    fn a_state_of_another_machine_is_refused() {
        for (from, to, message) in [
            ("pc-q35-10.0", "pc-q35-9.2", "its machine is \"pc-q35-9.2\", and was \"pc-q35-10.0\""),
            ("524288", "1048576", "its memory is \"1048576\", and was \"524288\""),
            ("<vcpu>1", "<vcpu>2", "its vcpu is \"2\", and was \"1\""),
            ("type='qemu' xmlns", "type='kvm' xmlns", "its type is \"kvm\", and was \"qemu\""),
            ("dev='vdb'", "dev='vdc'", "its disks are [\"vda\", \"vdc\"], and were [\"vda\", \"vdb\"]"),
        ] {
            let error = resumed(&new().replace(from, to), SAVED).expect_err("is refused");
            assert_eq!(error.to_string(), message);
        }
        assert_eq!(resumed(&new(), &new()).expect_err("is refused"), StateMismatch::Interfaces);
    }
}
