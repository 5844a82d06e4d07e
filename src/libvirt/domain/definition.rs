//! A domain's definition, read.

use super::hardware;
use super::metadata::{self, Metadata, PARENT_NAMESPACE, PROTECTED_NAMESPACE};
use super::shared_folder::{self, Filesystem};
use super::spec::IGNITION_ENTRY;
use crate::libvirt::xml::{Element, XmlError};
use crate::model::{Firmware, Hardware, OsVariant};

/// What vmtools reads from a domain's XML. The tree itself stays for those who change it.
#[derive(Debug, Clone)]
pub struct Domain {
    /// The name.
    pub name: String,
    /// The UUID.
    pub uuid: String,
    /// The most memory it may have, in MiB.
    pub memory_mib: u64,
    /// The memory it has at its start, in MiB: the balloon takes the rest.
    pub current_memory_mib: u64,
    /// The virtual processors it has.
    pub cpus: u32,
    /// The most virtual processors it may have.
    pub max_cpus: u32,
    /// What boots it.
    pub firmware: Firmware,
    /// Whether KVM runs it.
    pub kvm: bool,
    /// Its disks, CD-ROM drives included.
    pub disks: Vec<Disk>,
    /// Its network cards.
    pub interfaces: Vec<Interface>,
    /// The host's folders that its guest can mount.
    pub folders: Vec<Filesystem>,
    /// The file that gets its serial console's output.
    pub serial_log: Option<String>,
    /// The socket of vmtools' own QMP monitor.
    pub qmp_socket: Option<String>,
    /// Whether it has a channel for the guest agent.
    pub has_agent_channel: bool,
    /// Whether the agent in the guest has opened the channel.
    pub agent_connected: bool,
    /// Whether it has a power button.
    pub acpi: bool,
    /// Whether it is not to be deleted.
    pub protected: bool,
    /// vmtools' record; `None` for a domain that others made.
    pub metadata: Option<Metadata>,
    /// The whole document.
    pub tree: Element,
}

/// A disk or CD-ROM drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The device, such as `vda`.
    pub target: String,
    /// `disk`, `cdrom`, `floppy` or `lun`.
    pub device: String,
    /// The file or block device; `None` for an empty drive or a network disk.
    pub path: Option<String>,
    /// The image's format, such as `qcow2`.
    pub format: Option<String>,
    /// Whether the guest may only read it.
    pub read_only: bool,
    /// Whether other VMs may write to it at the same time.
    pub shareable: bool,
    /// The files below it, nearest first, as far as libvirt knows them (it does while it runs).
    pub backing: Vec<String>,
    /// libvirt's alias of the device while it runs, such as `virtio-disk0`.
    pub alias: Option<String>,
}

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its hardware address, in lower case.
    pub mac: String,
    /// libvirt's type: `network`, `bridge`, `user`, `direct`, ...
    pub kind: String,
    /// The network, bridge or device it is plugged into.
    pub source: Option<String>,
    /// The card's model, such as `virtio`.
    pub model: Option<String>,
    /// Whether passt stands behind a user-mode card.
    pub passt: bool,
    /// The ports of the host that passt forwards, as `(host port, guest port, protocol)`.
    pub forwards: Vec<(u16, u16, String)>,
    /// libvirt's alias of the device while it runs, such as `net0`.
    pub alias: Option<String>,
    /// The host's device behind it while it runs, such as `vnet0`.
    pub host_device: Option<String>,
}

impl Disk {
    /// Whether the VM alone writes to the file.
    pub fn writes_to(&self, path: &str) -> bool {
        self.path.as_deref() == Some(path) && self.is_own()
    }

    /// Whether it is a disk with data of this VM's alone: no CD-ROM, nothing shared.
    pub fn is_own(&self) -> bool {
        matches!(self.device.as_str(), "disk" | "lun") && !self.read_only && !self.shareable
    }
}

impl Domain {
    /// Reads `dumpxml`'s output.
    ///
    /// # Errors
    /// When it is not XML.
    pub fn parse(document: &str) -> Result<Self, XmlError> {
        let tree = Element::parse(document)?;
        let text = |path: &str| tree.find_text(path);
        let devices = tree.find("devices");
        let all = |name: &'static str| devices.into_iter().flat_map(move |devices| devices.all(name));
        let agent_targets = || {
            let targets = all("channel").filter_map(|channel| channel.find("target"));
            targets.filter(|target| target.attribute("name") == Some("org.qemu.guest_agent.0"))
        };
        let mut domain = Self {
            name: text("name").unwrap_or_default(),
            uuid: text("uuid").unwrap_or_default(),
            memory_mib: tree.find("memory").map_or(0, memory_mib),
            current_memory_mib: tree
                .find("currentMemory")
                .or_else(|| tree.find("memory"))
                .map_or(0, memory_mib),
            cpus: tree.find("vcpu").map_or(1, |vcpu| {
                let number = vcpu.attribute("current").map_or_else(|| vcpu.content(), str::to_owned);
                number.parse().unwrap_or(1)
            }),
            max_cpus: tree.find("vcpu").and_then(|vcpu| vcpu.content().parse().ok()).unwrap_or(1),
            firmware: firmware(&tree),
            kvm: tree.attribute("type") == Some("kvm"),
            disks: all("disk").map(disk).collect(),
            interfaces: all("interface").filter_map(interface).collect(),
            folders: all("filesystem").filter_map(shared_folder::read).collect(),
            serial_log: all("serial")
                .chain(all("console"))
                .find_map(|serial| serial.find_attribute("log", "file").map(str::to_owned)),
            qmp_socket: qmp_socket(&tree),
            has_agent_channel: agent_targets().next().is_some(),
            agent_connected: agent_targets().any(|target| target.attribute("state") == Some("connected")),
            acpi: tree.find("features/acpi").is_some(),
            protected: tree
                .find("metadata")
                .is_some_and(|metadata| metadata::find(metadata, PROTECTED_NAMESPACE).is_some()),
            metadata: tree.find("metadata").and_then(Metadata::from_element),
            tree: Element::new("domain"),
        };
        domain.tree = tree;
        Ok(domain)
    }

    /// Whether the volume of this path is the VM's own.
    pub fn owns(&self, path: &str) -> bool {
        self.metadata.as_ref().is_some_and(|record| record.owned.iter().any(|owned| owned.path == path))
    }

    /// The file of its firmware's variables.
    pub fn nvram(&self) -> Option<String> {
        let nvram = self.tree.find("os/nvram")?;
        let file = nvram.find_attribute("source", "file").map(str::to_owned);
        file.or_else(|| Some(nvram.content()).filter(|path| !path.is_empty()))
    }

    /// Whether disks of other VMs were made to stand on its own.
    pub fn is_parent(&self) -> bool {
        let metadata = self.tree.find("metadata");
        metadata.into_iter().flat_map(Element::elements).any(|element| {
            let is_it =
                |(name, value): &(String, String)| name.starts_with("xmlns") && value == PARENT_NAMESPACE;
            element.attributes.iter().any(is_it)
        })
    }

    /// Whether Ignition sets its guest up, not cloud-init.
    pub fn has_ignition(&self) -> bool {
        self.tree
            .find("sysinfo")
            .is_some_and(|info| info.find_attribute("entry", "name") == Some(IGNITION_ENTRY))
    }

    /// What kind of machine it is.
    pub fn hardware(&self) -> Hardware {
        hardware::read(&self.tree)
    }

    /// The system in it, if that is recorded.
    pub fn os_variant(&self) -> Option<OsVariant> {
        hardware::read_libosinfo(&self.tree)
    }

    /// Whether the machine that libvirt was asked for is one that a creator has left half-made, or is
    /// still at work on.
    pub fn creator(&self) -> Option<&str> {
        self.metadata.as_ref().and_then(|record| record.creator.as_deref())
    }
}

fn memory_mib(element: &Element) -> u64 {
    let number: u64 = element.content().parse().unwrap_or(0);
    // The units that libvirt's `formatdomain` documentation names; it prints KiB.
    match element.attribute("unit").unwrap_or("KiB") {
        "b" | "bytes" => number >> 20,
        "KB" => (number * 1000) >> 20,
        "MB" => (number * 1_000_000) >> 20,
        "M" | "MiB" => number,
        "GB" => (number * 1_000_000_000) >> 20,
        "G" | "GiB" => number << 10,
        "T" | "TiB" => number << 20,
        _ => number >> 10,
    }
}

fn firmware(tree: &Element) -> Firmware {
    let Some(os) = tree.find("os") else {
        return Firmware::Bios;
    };
    let secure = os.find_attribute("loader", "secure") == Some("yes")
        || os.find("firmware").is_some_and(|firmware| {
            firmware.all("feature").any(|feature| {
                feature.attribute("name") == Some("secure-boot")
                    && feature.attribute("enabled") == Some("yes")
            })
        });
    let efi = os.attribute("firmware") == Some("efi")
        || os.find_attribute("loader", "type") == Some("pflash")
        || os.find("nvram").is_some();
    match (efi, secure) {
        (true, true) => Firmware::EfiSecure,
        (true, false) => Firmware::Efi,
        (false, _) => Firmware::Bios,
    }
}

fn disk(element: &Element) -> Disk {
    let mut backing = Vec::new();
    let mut below = element.find("backingStore");
    while let Some(store) = below {
        if let Some(path) = source_path(store) {
            backing.push(path);
        }
        below = store.find("backingStore");
    }
    Disk {
        target: element.find_attribute("target", "dev").unwrap_or_default().to_owned(),
        device: element.attribute("device").unwrap_or("disk").to_owned(),
        path: source_path(element),
        format: element.find_attribute("driver", "type").map(str::to_owned),
        // libvirt says so of CD-ROMs, too.
        read_only: element.find("readonly").is_some(),
        shareable: element.find("shareable").is_some(),
        backing,
        alias: element.find_attribute("alias", "name").map(str::to_owned),
    }
}

fn source_path(element: &Element) -> Option<String> {
    let source = element.find("source")?;
    ["file", "dev"].iter().find_map(|name| source.attribute(name)).map(str::to_owned)
}

fn interface(element: &Element) -> Option<Interface> {
    let source = element.find("source");
    let source =
        source.and_then(|source| ["network", "bridge", "dev"].iter().find_map(|name| source.attribute(name)));
    let forwards = element.all("portForward").flat_map(|forward| {
        let protocol = forward.attribute("proto").unwrap_or("tcp");
        forward.all("range").filter_map(move |range| {
            let host = range.attribute("start")?.parse().ok()?;
            let guest = range.attribute("to").and_then(|to| to.parse().ok()).unwrap_or(host);
            Some((host, guest, protocol.to_owned()))
        })
    });
    Some(Interface {
        mac: element.find_attribute("mac", "address")?.to_ascii_lowercase(),
        kind: element.attribute("type").unwrap_or("unknown").to_owned(),
        source: source.map(str::to_owned),
        model: element.find_attribute("model", "type").map(str::to_owned),
        passt: element.find_attribute("backend", "type") == Some("passt"),
        forwards: forwards.collect(),
        alias: element.find_attribute("alias", "name").map(str::to_owned),
        host_device: element.find_attribute("target", "dev").map(str::to_owned),
    })
}

fn qmp_socket(tree: &Element) -> Option<String> {
    let commandline = tree.elements().find(|element| element.name.ends_with(":commandline"))?;
    commandline.elements().find_map(|argument| {
        let options = argument.attribute("value")?.strip_prefix("socket,id=vmtqmp,path=")?;
        let end = options.find(",server=").unwrap_or(options.len());
        Some(options[..end].replace(",,", ","))
    })
}

#[cfg(test)]
mod tests {
    use super::super::spec::{DiskSpec, DomainSpec, InterfaceSource, InterfaceSpec};
    use super::*;
    use crate::model::{ClockOffset, DiskBus, MemorySize, NicModel, PortPublish, Protocol, VideoModel};

    fn spec() -> DomainSpec {
        DomainSpec {
            name: "web".parse().expect("valid"),
            uuid: uuid::Uuid::from_u128(7),
            metadata: Metadata::default(),
            memory: MemorySize::from_mib(2048),
            max_memory: None,
            cpus: 2,
            max_cpus: None,
            firmware: Firmware::EfiSecure,
            kvm: false,
            disks: vec![DiskSpec { path: "/a&b/<x>'\".qcow2".into(), format: "qcow2", read_only: false }],
            cdroms: vec!["/iso".into()],
            hardware: Hardware::default(),
            os_variant: None,
            interfaces: vec![InterfaceSpec {
                mac: "52:54:00:00:00:01".into(),
                source: InterfaceSource::Passt(vec![PortPublish {
                    host: 2222,
                    guest: 22,
                    protocol: Protocol::Tcp,
                }]),
                model: None,
            }],
            folders: Vec::new(),
            virtiofsd: None,
            ignition: None,
            serial_log: "/log".into(),
            qmp_socket: Some("/run/a,b.qmp".into()),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let document = spec().to_element().to_document().expect("writes");
        let domain = Domain::parse(&document).expect("parses");
        assert_eq!(
            (domain.name.as_str(), domain.memory_mib, domain.cpus, domain.kvm),
            ("web", 2048, 2, false)
        );
        assert_eq!(domain.firmware, Firmware::EfiSecure);
        assert_eq!(domain.disks[0].path.as_deref(), Some("/a&b/<x>'\".qcow2"));
        assert_eq!((domain.disks[1].device.as_str(), domain.disks[1].target.as_str()), ("cdrom", "sda"));
        assert_eq!(domain.interfaces[0].forwards, [(2222, 22, "tcp".to_owned())]);
        assert_eq!(domain.qmp_socket.as_deref(), Some("/run/a,b.qmp"));
        assert_eq!(domain.serial_log.as_deref(), Some("/log"));
        assert!(domain.has_agent_channel && domain.metadata.is_some());
        assert!(domain.acpi && !domain.agent_connected);
    }

    #[test]
    fn room_above_what_it_is_given_is_read() {
        let of = |spec: DomainSpec| {
            let document = spec.to_element().to_document().expect("writes");
            let domain = Domain::parse(&document).expect("parses");
            (domain.cpus, domain.max_cpus, domain.current_memory_mib, domain.memory_mib)
        };
        assert_eq!(of(spec()), (2, 2, 2048, 2048));
        let max_memory = Some(MemorySize::from_mib(4096));
        assert_eq!(of(DomainSpec { max_cpus: Some(8), max_memory, ..spec() }), (2, 8, 2048, 4096));
    }

    #[test]
    fn a_machine_of_another_kind_is_read() {
        let hardware = Hardware {
            machine: "pc".parse().ok(),
            cpu_model: "EPYC".parse().ok(),
            disk_bus: DiskBus::Sata,
            nic_model: NicModel::E1000e,
            video: VideoModel::Virtio,
            clock: ClockOffset::Localtime,
            hyperv: true,
            tpm: true,
            tablet: true,
        };
        let os_variant = "win11".parse().ok();
        for hardware in [hardware, Hardware::default()] {
            let spec = DomainSpec { hardware: hardware.clone(), os_variant: os_variant.clone(), ..spec() };
            let document = spec.to_element().to_document().expect("writes");
            let domain = Domain::parse(&document).expect("parses");
            assert_eq!(domain.hardware(), hardware, "{document}");
            assert_eq!(domain.os_variant(), os_variant);
        }
    }

    #[test]
    fn the_disk_boots_before_the_cdrom_and_the_second_cdrom_never() {
        let mut spec = spec();
        spec.hardware.disk_bus = DiskBus::Sata;
        spec.cdroms.push("/drivers".into());
        let domain = Domain::parse(&spec.to_element().to_document().expect("writes")).expect("parses");
        let disks = domain.tree.find("devices").into_iter().flat_map(|devices| devices.all("disk"));
        let found: Vec<_> = disks
            .map(|disk| (disk.find_attribute("target", "dev"), disk.find_attribute("boot", "order")))
            .collect();
        assert_eq!(found, [(Some("sda"), Some("1")), (Some("sdb"), Some("2")), (Some("sdc"), None)]);
    }

    #[test]
    fn memory_comes_in_any_unit() {
        for (xml, mib) in [
            ("<memory unit='KiB'>1048576</memory>", 1024),
            ("<memory>1048576</memory>", 1024),
            ("<memory unit='GiB'>2</memory>", 2048),
            ("<memory unit='bytes'>1073741824</memory>", 1024),
        ] {
            assert_eq!(memory_mib(&Element::parse(xml).expect("parses")), mib, "{xml}");
        }
    }

    #[test]
    fn a_bare_domain_of_others_is_read() {
        let domain = Domain::parse("<domain type='kvm'><name>x</name><vcpu current='2'>4</vcpu></domain>")
            .expect("parses");
        assert_eq!((domain.cpus, domain.max_cpus), (2, 4));
        assert_eq!((domain.kvm, domain.firmware), (true, Firmware::Bios));
        assert!(domain.metadata.is_none() && domain.disks.is_empty() && !domain.protected);
        let document = "<domain><memory unit='MiB'>9</memory><currentMemory unit='MiB'>8</currentMemory><metadata><p:by xmlns:p='urn:vmtools:protected:1'/></metadata></domain>";
        let domain = Domain::parse(document).expect("parses");
        assert_eq!((domain.memory_mib, domain.current_memory_mib, domain.protected), (9, 8, true));
    }
}
