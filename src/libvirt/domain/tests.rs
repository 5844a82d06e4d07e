//! What is read of definitions after public reports about other tools (tests/fixtures/domain).

use super::disk::free_target;
use super::*;

macro_rules! case {
    ($name:literal) => {
        Domain::parse(include_str!(concat!("../../../tests/fixtures/domain/", $name, ".xml")))
            .expect("parses")
    };
}

fn file(path: &str) -> DiskSource {
    DiskSource::File { path: format!("/var/lib/libvirt/images/{path}") }
}

fn boots(domain: &Domain) -> Option<&str> {
    domain.boot_disk().map(|disk| disk.target.as_str())
}

fn roles(domain: &Domain) -> Vec<(&str, DiskRole)> {
    domain.disks.iter().map(|disk| (disk.target.as_str(), domain.disk_role(disk))).collect()
}

/// A domain with these disks, and vmtools' record of these volumes if there are any.
fn domain(owned: &[&str], disks: &str) -> Domain {
    let volumes: String =
        owned.iter().map(|path| format!("<v:volume pool='p' name='n' path='{path}'/>")).collect();
    let record = match owned {
        [] => String::new(),
        _ => format!("<metadata><v:vm xmlns:v='urn:vmtools:vm:1'>{volumes}</v:vm></metadata>"),
    };
    Domain::parse(&format!("<domain>{record}<devices>{disks}</devices></domain>")).expect("parses")
}

fn disk(target: &str, format: &str, more: &str) -> String {
    format!(
        "<disk type='file' device='disk'><driver name='qemu' type='{format}'/><source file='/p/{target}'/>\
         <target dev='{target}' bus='virtio'/>{more}</disk>"
    )
}

#[test]
fn sources_of_every_kind_are_read() {
    let rbd_host = Some("203.0.113.11".to_owned());
    let network = |name: &str| DiskSource::Network {
        protocol: "rbd".into(),
        name: Some(name.into()),
        host: rbd_host.clone(),
    };
    let rbd = case!("01-rbd");
    assert_eq!(rbd.disks[1].source, network("pool-a/vm-data"));
    assert_eq!((rbd.disks[1].path.as_deref(), rbd.disks[1].is_own()), (None, true));
    let volume = |pool: &str, volume: &str| DiskSource::Volume { pool: pool.into(), volume: volume.into() };
    assert_eq!(case!("02-volume").disks[0].source, volume("c02pool", "root.qcow2"));
    assert_eq!(case!("07-inactive-pool").disks[0].source, volume("c07pool", "data.img"));
    let block = case!("08-block");
    assert_eq!(block.disks[1].source, DiskSource::Block { path: "@LOOP@".into() });
    assert_eq!(block.disks[1].path.as_deref(), Some("@LOOP@"));
    let lun = &case!("09-byid").disks[1];
    assert_eq!((lun.device, &lun.bus, lun.is_own()), (DiskDevice::Lun, &Bus::Scsi, true));
    assert_eq!(case!("55-blanks").disks[0].source, file("RedHat VM/disk 1.qcow2"));

    for (document, expected, shown) in [
        ("<disk type='dir'><source dir='/d'/></disk>", DiskSource::Directory { path: "/d".into() }, "/d"),
        (
            "<disk type='nvme'><source type='pci' managed='yes' namespace='2'><address domain='0x0000' bus='0x01' slot='0x00' function='0x3'/></source></disk>",
            DiskSource::Nvme { address: "0000:01:00.3".into(), namespace: "2".into() },
            "nvme://0000:01:00.3/2",
        ),
        (
            "<disk type='vhostuser'><source type='unix' path='/s'/></disk>",
            DiskSource::VhostUser { path: "/s".into() },
            "/s",
        ),
        (
            "<disk type='vhostvdpa'><source dev='/dev/vhost-vdpa-0'/></disk>",
            DiskSource::VhostVdpa { path: "/dev/vhost-vdpa-0".into() },
            "/dev/vhost-vdpa-0",
        ),
        (
            "<disk type='network'><source protocol='nbd'/></disk>",
            DiskSource::Network { protocol: "nbd".into(), name: None, host: None },
            "nbd:",
        ),
        ("<disk type='later'><source x='y'/></disk>", DiskSource::Other { kind: "later".into() }, "later"),
        ("<disk type='file'><source file=''/></disk>", DiskSource::Empty, "-"),
        ("<disk type='volume'><source pool='p'/></disk>", DiskSource::Empty, "-"),
        ("<disk/>", DiskSource::Empty, "-"),
    ] {
        let read = &domain(&[], document).disks[0];
        assert_eq!((&read.source, read.source.to_string().as_str()), (&expected, shown), "{document}");
    }
}

#[test]
fn drives_without_a_medium_hold_nothing() {
    let domain = case!("05-nosource");
    let devices: Vec<_> = domain.disks.iter().map(|disk| (disk.device.as_str(), &disk.source)).collect();
    let empty = &DiskSource::Empty;
    let first = &file("c05.qcow2");
    assert_eq!(devices, [("disk", first), ("cdrom", empty), ("cdrom", empty), ("floppy", empty)]);
    let are_own: Vec<_> = domain.disks.iter().map(Disk::is_own).collect();
    assert_eq!(are_own, [true, false, false, false]);
    assert_eq!(domain.disks[3].bus, Bus::Fdc);
}

#[test]
fn what_an_image_stands_on_is_read() {
    let with_data = &case!("10-datastore").disks[0];
    assert_eq!(with_data.data_store, Some(file("c10.data.raw")));
    assert!(!with_data.declares_backing && !with_data.is_slice);
    let encrypted = case!("37-encrypted").disks[0].encryption.clone().expect("is encrypted");
    assert_eq!(encrypted.format, "luks");
    assert_eq!(encrypted.secret.as_deref(), Some("37370000-0000-4000-8000-000000000037"));
    let chain = domain(
        &[],
        "<disk type='file'><source file='/top'><slices><slice type='storage' offset='1' size='2'/></slices></source>
         <backingStore type='file'><format type='qcow2'/><source file='/mid'/>
          <backingStore type='network'><format type='raw'/><source protocol='nbd' name='x'/><backingStore/></backingStore></backingStore>
         <mirror type='file' job='copy'><source file='/mirror'/></mirror><encryption format='luks'/></disk>",
    );
    let disk = &chain.disks[0];
    let network = DiskSource::Network { protocol: "nbd".into(), name: Some("x".into()), host: None };
    assert_eq!(disk.chain, [DiskSource::File { path: "/mid".into() }, network]);
    assert_eq!(disk.backing, ["/mid"]);
    assert_eq!(disk.mirror, Some(DiskSource::File { path: "/mirror".into() }));
    assert!(disk.declares_backing && disk.is_slice && disk.encryption.is_some());
    let alone = domain(&[], "<disk type='file'><source file='/top'/><backingStore/></disk>");
    assert!(alone.disks[0].declares_backing && alone.disks[0].chain.is_empty());
}

#[test]
fn the_disk_that_boots_is_the_one_the_definition_orders_first() {
    assert_eq!(boots(&case!("14-bootorder")), Some("vdb"));
    // Disks before the first one that boots are of no matter, nor are drives.
    assert_eq!(boots(&case!("24-sata-unit")), Some("sda"));
    assert_eq!(boots(&case!("01-rbd-first")), Some("vda"));
    assert_eq!(boots(&case!("05-nosource")), Some("hda"));
    let order = |order: u32| format!("<boot order='{order}'/>");
    let disks =
        [disk("vda", "raw", &order(12)), disk("vdb", "raw", &order(3)), disk("vdc", "raw", "")].concat();
    assert_eq!(boots(&domain(&[], &disks)), Some("vdb"));
    // A drive's place in the order says nothing of the disks.
    let drive = "<disk type='file' device='cdrom'><target dev='sda'/><boot order='1'/></disk>";
    assert_eq!(
        boots(&domain(&[], &[drive, &disk("vda", "raw", ""), &disk("vdb", "raw", "")].concat())),
        Some("vda")
    );
    assert_eq!(boots(&domain(&[], drive)), None);
}

#[test]
fn every_disk_has_one_role() {
    use DiskRole::{Cdrom, Data, Floppy, Seed, System};
    assert_eq!(roles(&case!("14-bootorder")), [("sda", Cdrom), ("vda", Data), ("vdb", System)]);
    assert_eq!(
        roles(&case!("05-nosource")),
        [("hda", System), ("hdc", Cdrom), ("hdd", Cdrom), ("fda", Floppy)]
    );
    assert_eq!(roles(&case!("09-byid")), [("vda", System), ("sda", Data)]);
    // As vmtools makes them: the system disk, the seed, a disk that was added.
    let (system, added) = (disk("vda", "qcow2", "<boot order='1'/>"), disk("vdc", "qcow2", ""));
    let seed = disk("vdb", "raw", "<readonly/>");
    let all = [system.as_str(), &seed, &added].concat();
    let of = |owned: &[&str], disks: &str| {
        let domain = domain(owned, disks);
        roles(&domain).into_iter().map(|(_, role)| role).collect::<Vec<_>>()
    };
    assert_eq!(of(&["/p/vda", "/p/vdb", "/p/vdc"], &all), [System, Seed, Data]);
    // A full clone of a VM with a raw disk.
    let raw = disk("vda", "raw", "");
    assert_eq!(of(&["/p/vda", "/p/vdb"], &[raw.as_str(), &seed].concat()), [System, Seed]);
    assert_eq!(of(&["/p/vda"], &raw), [System]);
    // The seed may stand first; without a record a disk that is only read is a disk.
    assert_eq!(of(&["/p/vda", "/p/vdb"], &[seed.as_str(), &raw].concat()), [Seed, System]);
    assert_eq!(of(&[], &[raw.as_str(), &seed].concat()), [System, Data]);
    assert_eq!(of(&["/p/other"], &[seed.as_str(), &raw].concat()), [System, Data]);
    // A read-only ISO of the user's own as a disk, and a disk without a name.
    assert_eq!(of(&[], "<disk type='file'><source file='/x'/></disk>"), [System]);
    let both = domain(&["/p/vdb"], &all);
    assert_eq!(both.disks_in_role(Seed).map(|disk| disk.target.as_str()).collect::<Vec<_>>(), ["vdb"]);
}

#[test]
fn what_libvirt_cannot_unplug_is_known() {
    let disk = |device: &str, bus: &str| {
        let disk = format!("<disk type='file' device='{device}'><target dev='x' bus='{bus}'/></disk>");
        domain(&[], &disk).disks[0].is_hot_unpluggable()
    };
    let can = [("disk", "virtio"), ("disk", "scsi"), ("lun", "scsi"), ("cdrom", "usb")];
    let cannot = [("disk", "sata"), ("disk", "ide"), ("cdrom", "sata"), ("cdrom", "ide"), ("floppy", "fdc")];
    assert_eq!(can.map(|(device, bus)| disk(device, bus)), [true; 4]);
    assert_eq!(cannot.map(|(device, bus)| disk(device, bus)), [false; 5]);
}

#[test]
fn a_free_target_has_a_free_place_and_boots_nothing() {
    // `sda` has the place that libvirt would give `sdb`, and `sdc` that of `sda`.
    let sata = case!("24-sata-unit");
    let target = free_target(&[&sata], &Bus::Sata).expect("has room");
    let address = |controller, bus, unit| Some(DriveAddress { controller, bus, target: 0, unit });
    assert_eq!((target.name.as_str(), target.address), ("sdb", address(0, 0, 2)));
    let added = target.applied_to(read_element(
        "<disk><source file='/new'/><target dev='old' bus='virtio'/><address type='pci'/></disk>",
    ));
    assert_eq!(
        added.to_line().expect("writes"),
        "<disk><source file=\"/new\"/><target dev=\"sdb\" bus=\"sata\"/>\
         <address type=\"drive\" controller=\"0\" bus=\"0\" target=\"0\" unit=\"2\"/></disk>"
    );

    // What is defined for the next start is taken, too, and a name is taken on every bus.
    let other = domain(
        &[],
        "<disk type='file'><target dev='sdd' bus='usb'/></disk><disk type='file'><target dev='sdb' bus='sata'/><address type='drive' controller='0' bus='0' target='0' unit='2'/></disk>",
    );
    let target = free_target(&[&sata, &other], &Bus::Sata).expect("has room");
    assert_eq!((target.name.as_str(), target.address), ("sde", address(0, 0, 4)));
}

fn read_element(document: &str) -> crate::libvirt::Element {
    crate::libvirt::Element::parse(document).expect("parses")
}

#[test]
fn a_new_disk_comes_after_the_one_that_boots() {
    let name = |domain: &Domain, bus: &Bus| free_target(&[domain], bus).map(|target| target.name);
    // libvirt would put `vda` first and boot it.
    let only_b = domain(&[], &disk("vdb", "raw", ""));
    assert_eq!(name(&only_b, &Bus::Virtio).as_deref(), Some("vdc"));
    // Where the order is written it stays.
    let ordered = domain(&[], &disk("vdb", "raw", "<boot order='1'/>"));
    assert_eq!(name(&ordered, &Bus::Virtio).as_deref(), Some("vda"));
    // Another bus comes behind anyway.
    assert_eq!(name(&only_b, &Bus::Sata).as_deref(), Some("sda"));
    // The last name of a full bus is no way around that.
    let ide = domain(&[], "<disk type='file'><source file='/x'/><target dev='hdd' bus='ide'/></disk>");
    assert_eq!(name(&ide, &Bus::Ide), None);
}

#[test]
fn targets_go_on_past_z() {
    let many = |count: u8| -> String {
        (0..count).map(|letter| disk(&format!("vd{}", char::from(b'a' + letter)), "raw", "")).collect()
    };
    let name = |disks: &str| free_target(&[&domain(&[], disks)], &Bus::Virtio).map(|target| target.name);
    assert_eq!(name(&many(25)).as_deref(), Some("vdz"));
    assert_eq!(name(&many(26)).as_deref(), Some("vdaa"));
    assert_eq!(name(&[many(26), disk("vdaa", "raw", "")].concat()).as_deref(), Some("vdab"));
    assert_eq!(free_target(&[&domain(&[], "")], &Bus::Other("nvme".into())), None);
}

#[test]
fn places_are_those_that_libvirt_derives() {
    let place =
        |disks: &str, bus: &Bus| free_target(&[&domain(&[], disks)], bus).and_then(|target| target.address);
    let scsi = |names: &[&str]| -> String {
        names
            .iter()
            .map(|name| {
                format!("<disk type='file'><source file='/x'/><target dev='{name}' bus='scsi'/></disk>")
            })
            .collect()
    };
    let address = |controller, bus, unit| Some(DriveAddress { controller, bus, target: 0, unit });
    assert_eq!(place("", &Bus::Sata), address(0, 0, 0));
    assert_eq!(place(&scsi(&["sda", "sdg"]), &Bus::Scsi), address(0, 0, 1));
    // Unit 7 is the SCSI controller.
    assert_eq!(
        place(&scsi(&["sda", "sdb", "sdc", "sdd", "sde", "sdf", "sdg"]), &Bus::Scsi),
        address(0, 0, 8)
    );
    let host = "<hostdev mode='subsystem' type='scsi'><address type='drive' controller='0' bus='0' target='0' unit='1'/></hostdev>";
    assert_eq!(place(&[scsi(&["sda"]).as_str(), host].concat(), &Bus::Scsi), address(0, 0, 2));
    let ide = "<disk type='file'><source file='/x'/><target dev='hda' bus='ide'/></disk><disk type='file' device='cdrom'><target dev='hdb' bus='ide'/></disk>";
    assert_eq!(place(ide, &Bus::Ide), address(0, 1, 0));
    // The seventh SATA disk gets a controller of its own.
    let sata: String = ('a'..='f')
        .map(|letter| {
            format!("<disk type='file'><source file='/x'/><target dev='sd{letter}' bus='sata'/></disk>")
        })
        .collect();
    assert_eq!(place(&sata, &Bus::Sata), address(1, 0, 0));
}

#[test]
fn firmware_variables_are_found_wherever_they_are() {
    let shared = Some(DiskSource::File { path: "/var/lib/libvirt/qemu/nvram/base_VARS.fd".into() });
    assert_eq!(case!("03-nvram-a").nvram_source(), shared);
    assert_eq!(case!("03-nvram-b").nvram_source(), shared);
    let of = |nvram: &str| {
        Domain::parse(&format!("<domain><os>{nvram}</os></domain>")).expect("parses").nvram_source()
    };
    let network = DiskSource::Network { protocol: "iscsi".into(), name: Some("iqn".into()), host: None };
    assert_eq!(of("<nvram type='network'><source protocol='iscsi' name='iqn'/></nvram>"), Some(network));
    assert_eq!(
        of("<nvram type='file'><source file='/v'/></nvram>"),
        Some(DiskSource::File { path: "/v".into() })
    );
    assert_eq!((of("<nvram template='/t'/>"), of("")), (None, None));
}

#[test]
fn a_maximum_changes_only_where_it_must() {
    let (wide, tight) = (case!("11-topology"), case!("11-topology-tight"));
    assert_eq!((wide.cpus, wide.max_cpus, tight.max_cpus), (2, 8, 4));
    for cpus in [1, 4, 8] {
        assert_eq!(wide.max_cpus_change(cpus, cpus), Ok(MaxCpusChange::Keep));
    }
    // libvirt refuses `setvcpus --maximum` even for the number that there is.
    assert_eq!(tight.max_cpus_change(2, 2), Ok(MaxCpusChange::Keep));
    let grown = |sockets| CpuTopology { sockets, dies: 1, clusters: 1, cores: 4, threads: 1 };
    assert_eq!(tight.max_cpus_change(8, 8), Ok(MaxCpusChange::Topology(grown(2))));
    assert_eq!(tight.max_cpus_change(6, 6), Err(TopologyMismatch { cpus: 6, per_socket: 4 }));
    let plain = case!("10-datastore");
    assert_eq!(plain.max_cpus_change(1, 1), Ok(MaxCpusChange::Keep));
    assert_eq!(plain.max_cpus_change(3, 8), Ok(MaxCpusChange::To(8)));
}

#[test]
fn screens_are_found() {
    let expected = VncEndpoint::Tcp { host: "0.0.0.0".into(), port: 5977, password: true };
    assert_eq!(case!("17-vnc-any").vnc, Some(expected));
    assert_eq!(case!("16-serial").vnc, None);
}
