//! The parts of a definition that make a machine of some kind, written and read.

use super::namespace::{self, LIBOSINFO};
use crate::libvirt::xml::Element;
use crate::model::{ClockOffset, DiskBus, Hardware, OsVariant};

/// The record of the system, as virt-install writes it under `<metadata>`.
pub(super) fn libosinfo(os: &OsVariant) -> Element {
    Element::new("libosinfo:libosinfo")
        .with("xmlns:libosinfo", LIBOSINFO)
        .child(Element::new("libosinfo:os").with("id", os.id()))
}

/// `<type>` of `<os>`.
pub(super) fn os_type(hardware: &Hardware) -> Element {
    let usual = if cfg!(target_arch = "x86_64") { "q35" } else { "virt" };
    let machine = hardware.machine.as_ref().map_or(usual, |machine| machine.as_str());
    Element::new("type").with("arch", std::env::consts::ARCH).with("machine", machine).text("hvm")
}

/// The virtual machine generation ID: libvirt chooses one, and another one when the guest becomes a second machine, by
/// which a guest with a driver for it knows that its random numbers are to be seeded anew. QEMU has it for x86 alone.
pub(super) fn generation_id() -> Option<Element> {
    cfg!(target_arch = "x86_64").then(|| Element::new("genid"))
}

/// `<features>`. Windows gets what virt-install 4.1 gives Windows 10 and 11.
pub(super) fn features(hardware: &Hardware) -> Element {
    let features = Element::new("features").child(Element::new("acpi"));
    if cfg!(not(target_arch = "x86_64")) {
        return features;
    }
    let on = |name: &str| Element::new(name).with("state", "on");
    let hyperv = Element::new("hyperv")
        .child(on("relaxed"))
        .child(on("vapic"))
        .child(on("spinlocks").with("retries", "8191"));
    features.child(Element::new("apic")).children(hardware.hyperv.then_some(hyperv))
}

/// `<cpu>`. Under emulation "maximum" is all that QEMU can do; with KVM the host's own CPU is best.
pub(super) fn cpu(hardware: &Hardware, kvm: bool) -> Element {
    let cpu = Element::new("cpu");
    match &hardware.cpu_model {
        None => cpu.with("mode", if kvm { "host-passthrough" } else { "maximum" }),
        Some(model) if model.is_mode() => cpu.with("mode", model.as_str()),
        Some(model) => cpu
            .with("mode", "custom")
            .with("match", "exact")
            .child(Element::new("model").text(model.as_str())),
    }
}

/// `<clock>`, with the timers that virt-install gives to a PC.
pub(super) fn clock(hardware: &Hardware) -> Element {
    let timer = |name: &str| Element::new("timer").with("name", name);
    let clock = Element::new("clock").with("offset", hardware.clock.name());
    if cfg!(not(target_arch = "x86_64")) {
        return clock;
    }
    clock
        .child(timer("rtc").with("tickpolicy", "catchup"))
        .child(timer("pit").with("tickpolicy", "delay"))
        .child(timer("hpet").with("present", "no"))
        .children(hardware.hyperv.then(|| timer("hypervclock").with("present", "yes")))
}

/// Where devices are plugged in. libvirt makes as many ports as there are devices and one more, so that a
/// running guest could be given one device only; virt-install makes 14.
pub(super) fn ports(hardware: &Hardware) -> impl Iterator<Item = Element> {
    let machine = hardware.machine.as_ref().map(|machine| machine.as_str());
    let has_ports = machine.is_none_or(is_usual);
    let controller = |model: &str| Element::new("controller").with("type", "pci").with("model", model);
    // Unsaid, the first port would be taken for what all of them hang on.
    let root = has_ports.then(|| controller("pcie-root").with("index", "0"));
    root.into_iter().chain(std::iter::repeat_n(controller("pcie-root-port"), if has_ports { 14 } else { 0 }))
}

/// The devices that not every machine has.
pub(super) fn extras(hardware: &Hardware) -> impl Iterator<Item = Element> {
    let tablet = hardware.tablet.then(|| Element::new("input").with("type", "tablet").with("bus", "usb"));
    let tpm = hardware.tpm.then(|| {
        let backend = Element::new("backend").with("type", "emulator").with("version", "2.0");
        // Windows takes either model; tpm-crb is TPM 2.0's own, and what virt-install takes.
        let model = if cfg!(target_arch = "x86_64") { "tpm-crb" } else { "tpm-tis" };
        Element::new("tpm").with("model", model).child(backend)
    });
    tablet.into_iter().chain(tpm)
}

/// The names of a disk bus' devices, up to their letter.
pub(in crate::libvirt) fn disk_prefix(bus: DiskBus) -> &'static str {
    match bus {
        DiskBus::Virtio => "vd",
        DiskBus::Sata => "sd",
    }
}

/// A CD-ROM drive, with its place in the order of booting if it has one.
pub fn cdrom(path: &str, target: &str, boot_order: Option<u32>) -> Element {
    Element::new("disk")
        .with("type", "file")
        .with("device", "cdrom")
        .child(Element::new("driver").with("name", "qemu").with("type", "raw"))
        .child(Element::new("source").with("file", path))
        .child(Element::new("target").with("dev", target).with("bus", "sata"))
        .children(boot_order.map(|order| Element::new("boot").with("order", order.to_string())))
        .child(Element::new("readonly"))
}

/// What kind of machine a definition makes. What vmtools has no word for is taken for the usual.
pub(super) fn read(domain: &Element) -> Hardware {
    let device = |path: &str, attribute: &str| domain.find("devices")?.find_attribute(path, attribute);
    let disks = || domain.find("devices").into_iter().flat_map(|devices| devices.all("disk"));
    let main = disks().find(|disk| disk.attribute("device").is_none_or(|device| device == "disk"));
    let machine = domain.find_attribute("os/type", "machine").filter(|machine| !is_usual(machine));
    let mode = domain.find_attribute("cpu", "mode");
    let cpu = match mode {
        Some("custom") => domain.find_text("cpu/model"),
        mode => mode.map(str::to_owned),
    };
    let usual_cpu = if domain.attribute("type") == Some("kvm") { "host-passthrough" } else { "maximum" };
    let read = |word: Option<&str>| word.unwrap_or_default().to_owned();
    Hardware {
        // libvirt makes `pc` precise: a template is for other hosts too.
        machine: machine
            .and_then(|name| if name.starts_with("pc-i440fx") { "pc" } else { name }.parse().ok()),
        cpu_model: cpu.filter(|cpu| cpu != usual_cpu).and_then(|cpu| cpu.parse().ok()),
        disk_bus: read(main.and_then(|disk| disk.find_attribute("target", "bus")))
            .parse()
            .unwrap_or_default(),
        nic_model: read(device("interface/model", "type")).parse().unwrap_or_default(),
        video: read(device("video/model", "type")).parse().unwrap_or_default(),
        clock: read(domain.find_attribute("clock", "offset")).parse().unwrap_or(ClockOffset::Utc),
        hyperv: domain.find("features/hyperv").is_some(),
        tpm: device("tpm/backend", "type") == Some("emulator"),
        tablet: device("input", "type") == Some("tablet"),
    }
}

/// The system that is recorded in a definition.
pub(super) fn read_libosinfo(domain: &Element) -> Option<OsVariant> {
    let (record, [domain, metadata]) = namespace::in_metadata(domain, LIBOSINFO)?;
    let os = namespace::child(&[domain, metadata, record], LIBOSINFO, "os")?;
    os.attribute("id")?.parse().ok()
}

fn is_usual(machine: &str) -> bool {
    ["q35", "pc-q35-", "virt"].iter().any(|usual| machine.starts_with(usual))
}
