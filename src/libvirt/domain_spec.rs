use super::metadata::Metadata;
use super::xml::Element;
use crate::model::{Firmware, MemorySize, PortPublish, VmName};

/// Where Ignition's configuration lies in QEMU's firmware configuration.
pub(super) const IGNITION_ENTRY: &str = "opt/com.coreos/config";

/// All that goes into the definition of a new domain.
#[derive(Debug, Clone)]
pub struct DomainSpec {
    /// Its name.
    pub name: VmName,
    /// Its UUID, minted by vmtools: `define` with a fresh one refuses a name that exists.
    pub uuid: uuid::Uuid,
    /// vmtools' record.
    pub metadata: Metadata,
    /// Its memory.
    pub memory: MemorySize,
    /// Its virtual processors.
    pub cpus: u32,
    /// What boots it.
    pub firmware: Firmware,
    /// Whether KVM runs it; else QEMU emulates.
    pub kvm: bool,
    /// Its disks, the first one is booted from.
    pub disks: Vec<DiskSpec>,
    /// An ISO image to boot from first.
    pub iso: Option<String>,
    /// Its network cards.
    pub interfaces: Vec<InterfaceSpec>,
    /// A file that Ignition in the guest reads from QEMU's firmware configuration.
    pub ignition: Option<String>,
    /// The file that gets all that the guest prints on its serial console.
    pub serial_log: String,
    /// The socket of a QMP monitor of its own, at most 107 bytes.
    pub qmp_socket: Option<String>,
}

/// A virtio disk.
#[derive(Debug, Clone)]
pub struct DiskSpec {
    /// The file.
    pub path: String,
    /// `qcow2` or `raw`.
    pub format: &'static str,
    /// Whether the guest may only read it.
    pub read_only: bool,
}

/// A virtio network card.
#[derive(Debug, Clone)]
pub struct InterfaceSpec {
    /// Its address, minted by vmtools.
    pub mac: String,
    /// What it is plugged into.
    pub source: InterfaceSource,
}

/// What a network card is plugged into.
#[derive(Debug, Clone)]
pub enum InterfaceSource {
    /// A libvirt network.
    Network(String),
    /// A bridge of the host.
    Bridge(String),
    /// User-mode networking by passt, with ports of 127.0.0.1 forwarded.
    Passt(Vec<PortPublish>),
    /// User-mode networking by QEMU itself (slirp); it has no forwards in libvirt's XML.
    Slirp,
}

impl DomainSpec {
    /// The definition.
    pub fn to_element(&self) -> Element {
        let mut domain = Element::new("domain")
            .with("type", if self.kvm { "kvm" } else { "qemu" })
            .child(Element::new("name").text(self.name.as_str()))
            .child(Element::new("uuid").text(self.uuid.to_string()))
            .child(Element::new("metadata").children(self.metadata.to_elements()))
            .child(Element::new("memory").with("unit", "MiB").text(self.memory.mib().to_string()))
            .child(Element::new("vcpu").text(self.cpus.to_string()))
            .child(self.os())
            .child(self.features())
            .child(self.cpu())
            .child(clock())
            .child(Element::new("on_poweroff").text("destroy"))
            .child(Element::new("on_reboot").text("restart"))
            .child(Element::new("on_crash").text("destroy"))
            .child(self.devices());
        if let Some(file) = &self.ignition {
            domain = domain.child(firmware_configuration(file));
        }
        if let Some(socket) = &self.qmp_socket {
            domain.set_attribute("xmlns:qemu", "http://libvirt.org/schemas/domain/qemu/1.0");
            domain = domain.child(monitor(socket));
        }
        domain
    }

    fn os(&self) -> Element {
        let machine = if cfg!(target_arch = "x86_64") { "q35" } else { "virt" };
        let kind =
            Element::new("type").with("arch", std::env::consts::ARCH).with("machine", machine).text("hvm");
        let mut os = Element::new("os").child(kind);
        match self.firmware {
            Firmware::Bios => {}
            Firmware::Efi | Firmware::EfiSecure => os.set_attribute("firmware", "efi"),
        }
        if self.firmware == Firmware::EfiSecure {
            let feature = |name: &str| Element::new("feature").with("enabled", "yes").with("name", name);
            os = os.child(
                Element::new("firmware").child(feature("enrolled-keys")).child(feature("secure-boot")),
            );
        }
        os
    }

    fn features(&self) -> Element {
        let features = Element::new("features").child(Element::new("acpi"));
        if cfg!(target_arch = "x86_64") { features.child(Element::new("apic")) } else { features }
    }

    fn cpu(&self) -> Element {
        // Under emulation "maximum" is all that QEMU can do; with KVM the host's own processor.
        let mode = if self.kvm { "host-passthrough" } else { "maximum" };
        Element::new("cpu").with("mode", mode)
    }

    fn devices(&self) -> Element {
        Element::new("devices")
            .children(
                self.disks
                    .iter()
                    .zip('a'..='z')
                    .map(|(disk, letter)| disk.to_element(letter, self.iso.is_some())),
            )
            .children(self.iso.as_deref().map(cdrom))
            .children(self.interfaces.iter().map(InterfaceSpec::to_element))
            .children(self.serial())
            .child(
                Element::new("channel").with("type", "unix").child(
                    Element::new("target").with("type", "virtio").with("name", "org.qemu.guest_agent.0"),
                ),
            )
            .child(
                Element::new("graphics")
                    .with("type", "vnc")
                    .with("port", "-1")
                    .with("autoport", "yes")
                    .child(Element::new("listen").with("type", "address").with("address", "127.0.0.1")),
            )
            .child(Element::new("video").child(Element::new("model").with("type", "vga")))
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
    fn to_element(&self, letter: char, boot_iso_first: bool) -> Element {
        let mut disk = Element::new("disk")
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
            .child(Element::new("target").with("dev", format!("vd{letter}")).with("bus", "virtio"));
        if letter == 'a' {
            disk = disk.child(Element::new("boot").with("order", if boot_iso_first { "2" } else { "1" }));
        }
        if self.read_only {
            disk = disk.child(Element::new("readonly"));
        }
        disk
    }
}

impl InterfaceSpec {
    fn to_element(&self) -> Element {
        let interface = match &self.source {
            InterfaceSource::Network(name) => Element::new("interface")
                .with("type", "network")
                .child(Element::new("source").with("network", name)),
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
            .child(Element::new("model").with("type", "virtio"));
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

fn cdrom(path: &str) -> Element {
    Element::new("disk")
        .with("type", "file")
        .with("device", "cdrom")
        .child(Element::new("driver").with("name", "qemu").with("type", "raw"))
        .child(Element::new("source").with("file", path))
        .child(Element::new("target").with("dev", "sda").with("bus", "sata"))
        .child(Element::new("boot").with("order", "1"))
        .child(Element::new("readonly"))
}

/// The timers that virt-install gives to a PC.
/// Under the names that Fedora CoreOS and Flatcar look for (Ignition's qemu provider, Flatcar's patch to it).
fn firmware_configuration(file: &str) -> Element {
    let entry = |name: &str| Element::new("entry").with("name", name).with("file", file);
    Element::new("sysinfo")
        .with("type", "fwcfg")
        .child(entry(IGNITION_ENTRY))
        .child(entry("opt/org.flatcar-linux/config"))
}

fn clock() -> Element {
    let timer = |name: &str| Element::new("timer").with("name", name);
    let clock = Element::new("clock").with("offset", "utc");
    if cfg!(not(target_arch = "x86_64")) {
        return clock;
    }
    clock
        .child(timer("rtc").with("tickpolicy", "catchup"))
        .child(timer("pit").with("tickpolicy", "delay"))
        .child(timer("hpet").with("present", "no"))
}

/// A monitor of vmtools' own: libvirt's takes one client only. `wait=off`, else the domain would not
/// start before somebody connects.
fn monitor(socket: &str) -> Element {
    // In QEMU's option syntax a comma is written twice.
    let path = socket.replace(',', ",,");
    let words = [
        "-chardev".to_owned(),
        format!("socket,id=vmtqmp,path={path},server=on,wait=off"),
        "-mon".to_owned(),
        "chardev=vmtqmp,mode=control".to_owned(),
    ];
    Element::new("qemu:commandline").children(words.map(|word| Element::new("qemu:arg").with("value", word)))
}
