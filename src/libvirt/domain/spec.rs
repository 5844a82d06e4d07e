use super::complete::NewDomain;
use super::firmware::qcow2_nvram;
use super::hardware::{self, cdrom, disk_prefix};
use super::metadata::Metadata;
use super::{monitor, shared_folder, vnc};
use crate::libvirt::xml::Element;
use crate::model::{
    DiskBus, Firmware, Hardware, MemorySize, NicModel, OsVariant, PortPublish, SharedFolder, Uuid, VmName,
};

/// Where Ignition's configuration lies in QEMU's firmware configuration.
pub(super) const IGNITION_ENTRY: &str = "opt/com.coreos/config";

/// All that goes into the definition of a new domain.
#[derive(Debug, Clone)]
pub struct DomainSpec {
    /// Its name.
    pub name: VmName,
    /// Its UUID, minted by vmtools: `define` with a fresh one refuses a name that exists.
    pub uuid: Uuid,
    /// vmtools' record.
    pub metadata: Metadata,
    /// Its memory.
    pub memory: MemorySize,
    /// The most memory that it may be given; `None` is what it has.
    pub max_memory: Option<MemorySize>,
    /// Its vCPUs.
    pub cpus: u32,
    /// The most of them that it may be given; `None` is what it has.
    pub max_cpus: Option<u32>,
    /// What boots it.
    pub firmware: Firmware,
    /// The file, a qcow2, in which UEFI keeps its variables; `None` lets libvirt make a raw one.
    pub nvram: Option<String>,
    /// What kind of machine it is.
    pub hardware: Hardware,
    /// The system in it, for libosinfo's tools.
    pub os_variant: Option<OsVariant>,
    /// Whether KVM runs it; else QEMU emulates.
    pub kvm: bool,
    /// Its disks, the first one is booted from.
    pub disks: Vec<DiskSpec>,
    /// Its CD-ROMs, the first one is booted from as long as the disk can't be.
    pub cdroms: Vec<String>,
    /// Its network interfaces.
    pub interfaces: Vec<InterfaceSpec>,
    /// The host's directories that its guest mounts.
    pub folders: Vec<SharedFolder>,
    /// The program that serves those of them that are virtiofs.
    pub virtiofsd: Option<String>,
    /// A file that Ignition in the guest reads from QEMU's firmware configuration.
    pub ignition: Option<String>,
    /// The file that gets all that the guest prints on its serial console.
    pub serial_log: String,
    /// The socket of a QMP monitor of its own, at most 107 bytes.
    pub qmp_socket: Option<String>,
    /// The socket of its screen's VNC, at most 107 bytes; `None` lets libvirt make one, which only QEMU's user
    /// and root can open.
    pub vnc_socket: Option<String>,
}

/// A disk.
#[derive(Debug, Clone)]
pub struct DiskSpec {
    /// The file.
    pub path: String,
    /// `qcow2` or `raw`.
    pub format: &'static str,
    /// Whether the guest may only read it.
    pub read_only: bool,
}

/// A network interface.
#[derive(Debug, Clone)]
pub struct InterfaceSpec {
    /// Its address, minted by vmtools.
    pub mac: String,
    /// What it is connected to.
    pub source: InterfaceSource,
    /// Its model; `None` is the machine's usual one.
    pub model: Option<NicModel>,
}

/// What a network interface is connected to.
#[derive(Debug, Clone)]
pub enum InterfaceSource {
    /// A libvirt network.
    Network {
        /// Its name.
        name: String,
        /// The port group of it that the interface is in.
        portgroup: Option<String>,
    },
    /// A bridge of the host.
    Bridge(String),
    /// User-mode networking by passt, with ports of 127.0.0.1 forwarded.
    Passt(Vec<PortPublish>),
    /// User-mode networking by QEMU itself (slirp); it has no forwards in libvirt's XML.
    Slirp,
}

impl DomainSpec {
    /// The definition, to be given to libvirt.
    pub fn definition(&self) -> NewDomain {
        NewDomain::written(self.to_element())
    }

    /// The definition, to be shown.
    pub fn to_element(&self) -> Element {
        let mut domain = Element::new("domain")
            .with("type", if self.kvm { "kvm" } else { "qemu" })
            .child(Element::new("name").text(self.name.as_str()))
            .child(Element::new("uuid").text(self.uuid.to_string()))
            .children(hardware::generation_id())
            .child(
                Element::new("metadata")
                    .children(self.metadata.to_elements())
                    .children(self.os_variant.as_ref().map(hardware::libosinfo)),
            )
            .children(self.memory())
            .children(shared_folder::memory_backing(&self.folders))
            .child(self.cpus())
            .child(self.os())
            .child(hardware::features(&self.hardware))
            .child(hardware::cpu(&self.hardware, self.kvm))
            .child(hardware::clock(&self.hardware))
            .child(Element::new("on_poweroff").text("destroy"))
            .child(Element::new("on_reboot").text("restart"))
            .child(Element::new("on_crash").text("destroy"))
            .child(self.devices());
        if let Some(file) = &self.ignition {
            domain = domain.child(firmware_configuration(file));
        }
        if let Some(socket) = &self.qmp_socket {
            monitor::add_to(&mut domain, socket);
        }
        domain
    }

    fn memory(&self) -> impl Iterator<Item = Element> {
        let size = |name: &str, size: MemorySize| {
            Element::new(name).with("unit", "MiB").text(size.mib().to_string())
        };
        let current = self.max_memory.map(|_| size("currentMemory", self.memory));
        std::iter::once(size("memory", self.max_memory.unwrap_or(self.memory))).chain(current)
    }

    fn cpus(&self) -> Element {
        let cpus = Element::new("vcpu").text(self.max_cpus.unwrap_or(self.cpus).to_string());
        if self.max_cpus.is_some() { cpus.with("current", self.cpus.to_string()) } else { cpus }
    }

    fn os(&self) -> Element {
        let os = Element::new("os").child(hardware::os_type(&self.hardware));
        let feature =
            |name: &str, enabled: &str| Element::new("feature").with("enabled", enabled).with("name", name);
        let firmware = Element::new("firmware");
        let firmware = match self.firmware {
            Firmware::Bios => return os,
            // Unsaid, libvirt takes the firmware that the host ranks first: Debian's has Secure Boot on.
            Firmware::Efi => firmware.child(feature("secure-boot", "no")),
            Firmware::EfiSecure => {
                firmware.child(feature("enrolled-keys", "yes")).child(feature("secure-boot", "yes"))
            }
        };
        // Unsaid, libvirt 12 takes one that keeps no variables, were it ranked first: Debian's for AMD SEV is.
        let loader = Element::new("loader").with("stateless", "no");
        let nvram = self.nvram.as_deref().map(qcow2_nvram);
        os.with("firmware", "efi").child(loader).children(nvram).child(firmware)
    }

    fn devices(&self) -> Element {
        Element::new("devices")
            .children(hardware::ports(&self.hardware))
            .children(self.disks.iter().zip('a'..='z').map(|(disk, letter)| self.disk(disk, letter)))
            .children(self.cdroms())
            .children(
                self.folders.iter().map(|folder| shared_folder::device(folder, self.virtiofsd.as_deref())),
            )
            .children(self.interfaces.iter().map(|interface| interface.to_element(self.hardware.nic_model)))
            .children(self.serial())
            .child(
                Element::new("channel").with("type", "unix").child(
                    Element::new("target").with("type", "virtio").with("name", "org.qemu.guest_agent.0"),
                ),
            )
            .child(vnc::at_socket(self.vnc_socket.as_deref()))
            .child(
                Element::new("video").child(Element::new("model").with("type", self.hardware.video.name())),
            )
            .children(hardware::extras(&self.hardware))
            .child(
                Element::new("rng")
                    .with("model", "virtio")
                    .child(Element::new("backend").with("model", "random").text("/dev/urandom")),
            )
            // The guest reports its memory's use every 5 seconds.
            .child(
                Element::new("memballoon")
                    .with("model", "virtio")
                    .child(Element::new("stats").with("period", "5")),
            )
    }

    /// The first disk stands before the CD-ROM in the order of booting: as long as it is empty, the firmware
    /// goes on to the CD-ROM, and after the installation's reboot it is the disk that boots, though the ISO
    /// stays. So nothing has to change in between, not even `on_reboot`.
    fn disk(&self, disk: &DiskSpec, letter: char) -> Element {
        let bus = self.hardware.disk_bus;
        disk.to_element(&format!("{}{letter}", disk_prefix(bus)), bus)
            .children((letter == 'a').then(|| Element::new("boot").with("order", "1")))
    }

    fn cdroms(&self) -> impl Iterator<Item = Element> {
        // On SATA too, so behind the disks if they are there.
        let taken = if disk_prefix(self.hardware.disk_bus) == "sd" { self.disks.len() } else { 0 };
        let targets = ('a'..='z').skip(taken).map(|letter| format!("sd{letter}"));
        let orders = std::iter::once(Some(2)).chain(std::iter::repeat(None));
        self.cdroms.iter().zip(targets).zip(orders).map(|((path, target), order)| cdrom(path, &target, order))
    }

    fn serial(&self) -> [Element; 2] {
        let log = Element::new("log").with("file", &self.serial_log).with("append", "off");
        let target = |kind: &str| Element::new("target").with("type", kind).with("port", "0");
        [
            Element::new("serial")
                .with("type", "pty")
                .child(log.clone())
                .child(Element::new("target").with("port", "0")),
            Element::new("console").with("type", "pty").child(log).child(target("serial")),
        ]
    }
}

impl DiskSpec {
    /// The device of that name, such as `vdb`.
    pub fn to_element(&self, target: &str, bus: DiskBus) -> Element {
        Element::new("disk")
            .with("type", "file")
            .with("device", "disk")
            .child(
                Element::new("driver")
                    .with("name", "qemu")
                    .with("type", self.format)
                    .with("discard", "unmap"),
            )
            // By file, not by pool and volume: AppArmor's helper follows only files.
            .child(Element::new("source").with("file", &self.path))
            .child(Element::new("target").with("dev", target).with("bus", bus.name()))
            .children(self.read_only.then(|| Element::new("readonly")))
    }
}

impl InterfaceSpec {
    /// `usual` is the model of the machine's other interfaces.
    pub(super) fn to_element(&self, usual: NicModel) -> Element {
        let interface = match &self.source {
            InterfaceSource::Network { name, portgroup } => {
                let mut source = Element::new("source").with("network", name);
                if let Some(group) = portgroup {
                    source.set_attribute("portgroup", group);
                }
                Element::new("interface").with("type", "network").child(source)
            }
            InterfaceSource::Bridge(name) => Element::new("interface")
                .with("type", "bridge")
                .child(Element::new("source").with("bridge", name)),
            InterfaceSource::Passt(_) => Element::new("interface")
                .with("type", "user")
                .child(Element::new("backend").with("type", "passt")),
            InterfaceSource::Slirp => Element::new("interface").with("type", "user"),
        };
        let interface = interface
            .child(Element::new("mac").with("address", &self.mac))
            .child(Element::new("model").with("type", self.model.unwrap_or(usual).name()));
        match &self.source {
            InterfaceSource::Passt(ports) => interface.children(ports.iter().map(forward)),
            _ => interface,
        }
    }
}

fn forward(port: &PortPublish) -> Element {
    Element::new("portForward")
        .with("proto", port.protocol.name())
        .with("address", "127.0.0.1")
        .child(Element::new("range").with("start", port.host.to_string()).with("to", port.guest.to_string()))
}

/// Under the names that Fedora CoreOS and Flatcar look for (Ignition's qemu provider, Flatcar's patch to it).
fn firmware_configuration(file: &str) -> Element {
    let entry = |name: &str| Element::new("entry").with("name", name).with("file", file);
    Element::new("sysinfo")
        .with("type", "fwcfg")
        .child(entry(IGNITION_ENTRY))
        .child(entry("opt/org.flatcar-linux/config"))
}
