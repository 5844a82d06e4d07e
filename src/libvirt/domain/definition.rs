//! A domain's definition, read.

use super::cpu::{self, CpuTopology};
use super::disk::{self, Disk, DiskSource};
use super::interface::{self, Interface};
use super::metadata::{self, Metadata, OwnedVolume, PARENT_NAMESPACE, PROTECTED_NAMESPACE, RevertMark};
use super::namespace;
use super::shared_folder::{self, Filesystem};
use super::spec::IGNITION_ENTRY;
use super::vnc::{self, VncEndpoint};
use super::{hardware, monitor};
use crate::libvirt::xml::{Element, Node, XmlError};
use crate::model::{Firmware, Hardware, OsVariant, Uuid};

/// What vmtools reads from a domain's XML. The tree itself stays for those who change it.
#[derive(Debug, Clone)]
pub struct Domain {
    /// The name.
    pub name: String,
    /// The UUID.
    pub uuid: Uuid,
    /// The most memory it may have, in MiB.
    pub memory_mib: u64,
    /// The memory it has at its start, in MiB: the balloon takes the rest.
    pub current_memory_mib: u64,
    /// The vCPUs it has.
    pub cpus: u32,
    /// The most vCPUs it may have.
    pub max_cpus: u32,
    /// How they are arranged, where the definition says so.
    pub topology: Option<CpuTopology>,
    /// What boots it.
    pub firmware: Firmware,
    /// Whether KVM runs it.
    pub kvm: bool,
    /// Its disks, CD-ROM drives included.
    pub disks: Vec<Disk>,
    /// Its network interfaces.
    pub interfaces: Vec<Interface>,
    /// The host's directories that its guest can mount.
    pub folders: Vec<Filesystem>,
    /// The file that gets its serial console's output.
    pub serial_log: Option<String>,
    /// The socket of vmtools' own QMP monitor.
    pub qmp_socket: Option<String>,
    /// Where its screen is shown by VNC; `None` also where that is decided when it starts.
    pub vnc: Option<VncEndpoint>,
    /// Whether it has a channel for the guest agent.
    pub has_agent_channel: bool,
    /// Whether the agent in the guest has opened the channel.
    pub agent_connected: bool,
    /// Whether it has a power button.
    pub acpi: bool,
    /// Whether it is not to be deleted.
    pub protected: bool,
    /// That it is being reverted to a snapshot, or was when that was cut off.
    pub reverting: Option<RevertMark>,
    /// vmtools' record; `None` for a domain that others made.
    pub metadata: Option<Metadata>,
    /// The disks that vmtools made for it though others made the domain: they are its own, too.
    pub added: Vec<OwnedVolume>,
    /// The whole document.
    pub tree: Element,
}

impl Domain {
    /// Reads `dumpxml`'s output.
    ///
    /// # Errors
    /// When it is not XML.
    pub fn parse(document: &str) -> Result<Self, XmlError> {
        Ok(Self::of_tree(Element::parse(document)?))
    }

    /// Reads a definition.
    pub(in crate::libvirt) fn of_tree(tree: Element) -> Self {
        let text = |path: &str| tree.find_text(path);
        let devices = tree.find("devices");
        let all = |name: &'static str| devices.into_iter().flat_map(move |devices| devices.all(name));
        let agent_targets = || {
            let targets = all("channel").filter_map(|channel| channel.find("target"));
            targets.filter(|target| target.attribute("name") == Some("org.qemu.guest_agent.0"))
        };
        let mut domain = Self {
            name: tree.find("name").map(raw_text).unwrap_or_default(),
            uuid: text("uuid").and_then(|uuid| Uuid::try_parse(&uuid).ok()).unwrap_or_default(),
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
            topology: cpu::topology(&tree),
            firmware: firmware(&tree),
            kvm: tree.attribute("type") == Some("kvm"),
            disks: all("disk").map(disk::read).collect(),
            interfaces: all("interface").filter_map(interface::read).collect(),
            folders: all("filesystem").filter_map(shared_folder::read).collect(),
            serial_log: all("serial")
                .chain(all("console"))
                .find_map(|serial| serial.find_attribute("log", "file").map(str::to_owned)),
            qmp_socket: monitor::socket(&tree),
            vnc: vnc::read(&tree),
            has_agent_channel: agent_targets().next().is_some(),
            agent_connected: agent_targets().any(|target| target.attribute("state") == Some("connected")),
            acpi: tree.find("features/acpi").is_some(),
            protected: namespace::in_metadata(&tree, PROTECTED_NAMESPACE).is_some(),
            reverting: RevertMark::of_domain(&tree),
            metadata: Metadata::of_domain(&tree),
            added: metadata::added_of(&tree),
            tree: Element::new("domain"),
        };
        domain.tree = tree;
        domain
    }

    /// The disk of that name.
    pub fn disk(&self, target: &str) -> Option<&Disk> {
        self.disks.iter().find(|disk| disk.target == target && !target.is_empty())
    }

    /// The devices of that kind, by the name of their element.
    pub(super) fn devices<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Element> {
        self.tree.find("devices").into_iter().flat_map(move |devices| devices.all(kind))
    }

    /// Whether the volume of this path is the VM's own.
    pub fn owns(&self, path: &str) -> bool {
        self.owned_volumes().any(|owned| owned.path == path)
    }

    /// The volumes that vmtools made for it.
    pub fn owned_volumes(&self) -> impl Iterator<Item = &OwnedVolume> {
        self.metadata.iter().flat_map(|record| &record.owned).chain(&self.added)
    }

    /// The directory with its TPM's state where the definition names one. Else libvirt keeps it by the domain's UUID,
    /// for it alone.
    pub fn tpm_state(&self) -> Option<String> {
        let source = self.tree.find("devices/tpm/backend/source")?;
        source.attribute("path").or(source.attribute("file")).map(str::to_owned)
    }

    /// Where its firmware keeps its variables; `None` without firmware that does, and where libvirt makes
    /// the file at the first start.
    pub fn nvram_source(&self) -> Option<DiskSource> {
        let nvram = self.tree.find("os/nvram")?;
        let named = Some(nvram.content()).filter(|path| !path.is_empty());
        // A file stands in the text, anything since libvirt 8.5 in a `<source>` like a disk's.
        let source = named.map_or_else(|| disk::source_in(nvram), |path| DiskSource::File { path });
        Some(source).filter(|source| *source != DiskSource::Empty)
    }

    /// The format of the image with its firmware's variables, where libvirt writes it: it is raw else.
    pub fn nvram_format(&self) -> Option<&str> {
        self.tree.find_attribute("os/nvram", "format")
    }

    /// The file or device of the host with its firmware's variables.
    pub fn nvram(&self) -> Option<String> {
        self.nvram_source()?.path().map(str::to_owned)
    }

    /// Whether disks of other VMs were made to stand on its own.
    pub fn is_parent(&self) -> bool {
        namespace::in_metadata(&self.tree, PARENT_NAMESPACE).is_some()
    }

    /// Whether Ignition sets its guest up, not cloud-init.
    pub fn has_ignition(&self) -> bool {
        let mut entries = self.tree.all("sysinfo").flat_map(|info| info.all("entry"));
        entries.any(|entry| entry.attribute("name") == Some(IGNITION_ENTRY))
    }

    /// What kind of machine it is.
    pub fn hardware(&self) -> Hardware {
        hardware::read(&self.tree)
    }

    /// The system in it, if that is recorded.
    pub fn os_variant(&self) -> Option<OsVariant> {
        hardware::read_libosinfo(&self.tree)
    }

    /// The process that is making it, or that has left it half-made.
    pub fn creator(&self) -> Option<&str> {
        self.metadata.as_ref().and_then(|record| record.creator.as_deref())
    }
}

/// The text in an element as it is: a name may begin and end with blanks.
fn raw_text(element: &Element) -> String {
    let text = element.children.iter().filter_map(|node| match node {
        Node::Text(text) | Node::CData(text) => Some(text.as_str()),
        _ => None,
    });
    text.collect()
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

#[cfg(test)]
mod tests {
    use super::super::spec::{DiskSpec, DomainSpec, InterfaceSource, InterfaceSpec};
    use super::*;
    use crate::model::{ClockOffset, DiskBus, MemorySize, NicModel, PortPublish, Protocol, VideoModel};

    fn spec() -> DomainSpec {
        DomainSpec {
            name: "web".parse().expect("valid"),
            uuid: Uuid::from_u128(7),
            metadata: Metadata::default(),
            memory: MemorySize::from_mib(2048),
            max_memory: None,
            cpus: 2,
            max_cpus: None,
            firmware: Firmware::EfiSecure,
            nvram: Some("/n/<web>_VARS.qcow2".into()),
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
            vnc_socket: Some("/run/a&b.vnc".into()),
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
        assert_eq!(domain.nvram().as_deref(), Some("/n/<web>_VARS.qcow2"));
        assert!(domain.has_qcow2_nvram());
        assert_eq!(domain.disks[0].path.as_deref(), Some("/a&b/<x>'\".qcow2"));
        assert_eq!((domain.disks[1].device.as_str(), domain.disks[1].target.as_str()), ("cdrom", "sda"));
        assert_eq!(domain.interfaces[0].forwards, [(2222, 22, "tcp".to_owned())]);
        assert_eq!(domain.qmp_socket.as_deref(), Some("/run/a,b.qmp"));
        assert_eq!(domain.serial_log.as_deref(), Some("/log"));
        assert_eq!(domain.vnc, Some(VncEndpoint::Socket { path: "/run/a&b.vnc".into() }));
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
    fn a_name_keeps_its_blanks() {
        let domain = Domain::parse("<domain><name> a  b </name></domain>").expect("parses");
        assert_eq!(domain.name, " a  b ");
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
