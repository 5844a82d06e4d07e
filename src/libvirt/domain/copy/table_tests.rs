//! What becomes of single elements in a copy.

use super::*;
use crate::libvirt::domain::complete::CompleteDefinition;
use crate::model::Uuid;

fn copy() -> DomainCopy {
    let file = |path: &str, format: &str| CopiedFile { path: path.into(), format: format.into() };
    DomainCopy {
        name: "twin".parse().expect("valid"),
        uuid: Uuid::from_u128(2),
        metadata: Metadata::default(),
        files: [("/p/a".to_owned(), file("/p/own", "qcow2"))].into(),
        disks: [("vdv".to_owned(), file("/p/own", "raw"))].into(),
        nvram: Some("/p/own_VARS.fd".into()),
        macs: vec!["52:54:00:00:00:02".into()],
        ports: [(4000, 5000)].into(),
        qmp_socket: None,
        vnc_socket: Some("/q/own.vnc".into()),
    }
}

fn made(inside: &str) -> (String, Vec<Obstacle>) {
    let document =
        format!("<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{inside}</domain>");
    let source = CompleteDefinition::for_test(&document);
    let (tree, obstacles) = copy().made_of(source.tree());
    assert_eq!(copy().definition(&source).is_ok(), obstacles.is_empty(), "{inside}");
    (tree.to_line().expect("writes"), obstacles)
}

fn device(inside: &str) -> (String, Vec<Obstacle>) {
    made(&format!("<devices>{inside}</devices>"))
}

#[track_caller]
fn becomes(inside: &str, expected: &str) {
    let (document, obstacles) = device(inside);
    assert_eq!(obstacles, [], "{inside}");
    assert!(document.contains(expected), "{document}");
}

#[track_caller]
fn stays(inside: &str) {
    becomes(inside, &inside.replace('\'', "\""));
}

#[track_caller]
fn is_refused(inside: &str, conflict: Conflict, resource: &str) {
    let (_, obstacles) = device(inside);
    let found: Vec<_> = obstacles.iter().map(|one| (&one.conflict, one.resource.as_str())).collect();
    assert_eq!(found, [(&conflict, resource)], "{inside}");
}

#[test]
fn rows_are_found_by_the_whole_path() {
    let element = Element::new("x");
    let treatment = |path: &str| table::treatment(path, &element).is_some();
    assert!(treatment("os/kernel") && treatment("devices/disk/source") && treatment("devices/emulator"));
    assert!(
        !treatment("kernel") && !treatment("os") && !treatment("devices/disk/source/host") && !treatment("")
    );
}

#[test]
fn a_path_that_no_row_knows_is_refused() {
    is_refused("<later><thing file='/x'/></later>", Conflict::Unknown, "/x");
    is_refused("<later>/dev/later</later>", Conflict::Unknown, "/dev/later");
    stays("<later><thing size='5'/>text</later>");
    let (_, obstacles) = made("<later path='/x'/><title>/home</title><description>/</description>");
    assert_eq!(obstacles.len(), 1);
    assert_eq!((obstacles[0].element.as_str(), &obstacles[0].conflict), ("later[1]", &Conflict::Unknown));
}

#[test]
fn disks_get_their_images() {
    becomes(
        "<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='/p/a' startupPolicy='optional'><dataStore type='file'><source file='/data'/></dataStore></source><backingStore/><target dev='vda'/><serial>kept</serial></disk>",
        "<disk type=\"file\" device=\"disk\"><driver name=\"qemu\" type=\"qcow2\" cache=\"none\"/><source file=\"/p/own\" startupPolicy=\"optional\"/><target dev=\"vda\"/><serial>kept</serial></disk>",
    );
    becomes(
        "<disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='vdv'/></disk>",
        "<disk type=\"file\" device=\"disk\"><driver name=\"qemu\" type=\"raw\"/><source file=\"/p/own\"/><target dev=\"vdv\"/></disk>",
    );
    becomes(
        "<disk type='block' device='lun' rawio='yes' sgio='unfiltered'><driver name='qemu' type='raw'/><source dev='/p/a'><reservations managed='yes'/></source><target dev='sda'/></disk>",
        "<disk type=\"file\" device=\"disk\"><driver name=\"qemu\" type=\"qcow2\"/><source file=\"/p/own\"/><target dev=\"sda\"/></disk>",
    );
    becomes(
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/><auth username='u'><secret type='ceph' uuid='x'/></auth><source protocol='rbd' name='n'><host name='h'/></source><target dev='vdv'/></disk>",
        "<disk type=\"file\" device=\"disk\"><driver name=\"qemu\" type=\"raw\"/><source file=\"/p/own\"/><target dev=\"vdv\"/></disk>",
    );
}

#[test]
fn disks_that_nobody_writes_or_all_may_stay() {
    stays("<disk type='file' device='cdrom'><source file='/iso'/><target dev='sda'/></disk>");
    stays("<disk type='file' device='cdrom'><target dev='sda'/></disk>");
    stays("<disk type='file' device='floppy'><target dev='fda'/></disk>");
    stays("<disk type='file' device='disk'><source file='/x'/><target dev='vdb'/><readonly/></disk>");
    stays("<disk type='file' device='disk'><source file='/x'/><target dev='vdb'/><shareable/></disk>");
    stays(
        "<disk type='network' device='cdrom'><source protocol='https' name='/x.iso'><host name='h'/><cookies><cookie name='a'>b</cookie></cookies></source><target dev='sda'/></disk>",
    );
}

#[test]
fn disks_that_both_would_write_are_refused() {
    let disk = |target: &str| Conflict::Disk { target: target.into() };
    is_refused(
        "<disk type='file' device='disk'><source file='/x'/><target dev='vda'/></disk>",
        disk("vda"),
        "/x",
    );
    is_refused(
        "<disk type='file' device='floppy'><source file='/f'/><target dev='fda'/></disk>",
        disk("fda"),
        "/f",
    );
    is_refused(
        "<disk type='volume'><source pool='p' volume='v'/><target dev='vda'/></disk>",
        disk("vda"),
        "p/v",
    );
    is_refused(
        "<disk type='network'><source protocol='rbd' name='n'/><target dev='vda'/></disk>",
        disk("vda"),
        "rbd:n",
    );
    is_refused("<disk type='dir'><source dir='/d'/><target dev='vda'/></disk>", disk("vda"), "/d");
    is_refused(
        "<disk type='vhostuser'><source type='unix' path='/s'/><target dev='vda'/></disk>",
        Conflict::SinglePeer,
        "/s",
    );
    is_refused(
        "<disk type='vhostvdpa'><source dev='/dev/v'/><target dev='vda'/><readonly/></disk>",
        Conflict::Exclusive,
        "/dev/v",
    );
    is_refused(
        "<disk type='file'><source file='/p/a'><slices><slice offset='0'/></slices></source><target dev='vda'/></disk>",
        Conflict::Slice,
        "/p/a",
    );
    is_refused(
        "<disk type='file'><source file='/p/a'><encryption format='luks'/></source><target dev='vda'/></disk>",
        Conflict::Encrypted,
        "/p/a",
    );
    is_refused(
        "<disk type='file'><source file='/p/a'/><encryption format='luks'/><target dev='vda'/></disk>",
        Conflict::Encrypted,
        "/p/a",
    );
}

#[test]
fn character_devices_get_an_end_of_their_own() {
    becomes(
        "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='4000'/><protocol type='telnet'/></serial>",
        "<source mode=\"bind\" host=\"127.0.0.1\" service=\"5000\"/>",
    );
    becomes(
        "<serial type='udp'><source mode='connect' host='h' service='9'/><source mode='bind' service='4000'/></serial>",
        "<source mode=\"connect\" host=\"h\" service=\"9\"/><source mode=\"bind\" service=\"5000\"/>",
    );
    becomes("<serial type='file'><source path='/l'/></serial>", "<source path=\"/l.twin\"/>");
    becomes("<serial type='file'><source path='/p/a'/></serial>", "<source path=\"/p/own\"/>");
    becomes(
        "<serial type='unix'><source mode='bind' path='/s'/></serial>",
        "<source mode=\"bind\" path=\"/s.twin\"/>",
    );
    becomes(
        "<console type='pty' tty='/dev/pts/3'><source path='/dev/pts/3'/><target type='serial'/></console>",
        "<console type=\"pty\"><target type=\"serial\"/></console>",
    );
    becomes(
        "<redirdev bus='usb' type='tcp'><source mode='bind' host='localhost' service='4000'/></redirdev>",
        "service=\"5000\"",
    );
    becomes(
        "<smartcard mode='passthrough' type='tcp'><source mode='bind' host='h' service='4000'/></smartcard>",
        "service=\"5000\"",
    );
    becomes(
        "<rng model='virtio'><backend model='egd' type='udp'><source mode='bind' service='4000'/><source mode='connect' host='h' service='1'/><log file='/l'/></backend></rng>",
        "<source mode=\"bind\" service=\"5000\"/><source mode=\"connect\" host=\"h\" service=\"1\"/><log file=\"/l.twin\"/>",
    );
    for shared in [
        "<serial type='tcp'><source mode='connect' host='log' service='4001'/></serial>",
        "<serial type='tcp'><source mode='bind' host='h' service='0'/></serial>",
        "<channel type='unix'><source mode='connect' path='/s'/><target type='guestfwd' address='10.0.2.1' port='4601'/></channel>",
        "<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>",
        "<channel type='dbus'><source channel='org.qemu.vdagent'/><target type='virtio' name='com.redhat.spice.0'/></channel>",
        "<redirdev bus='usb' type='spicevmc'/>",
        "<smartcard mode='host-certificates'><certificate>a</certificate><database>/etc/pki/nssdb/</database></smartcard>",
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
        "<parallel type='null'/>",
    ] {
        stays(shared);
    }
}

#[test]
fn a_channel_keeps_the_socket_that_it_needs() {
    // libvirt makes one for a virtio channel only.
    becomes(
        "<channel type='unix'><source mode='bind' path='/a'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
        "<channel type=\"unix\"><target type=\"virtio\" name=\"org.qemu.guest_agent.0\"/></channel>",
    );
    becomes(
        "<channel type='unix'><source mode='bind' path='/tmp/f.socket'/><target type='guestfwd' address='10.0.2.1' port='4600'/></channel>",
        "<source mode=\"bind\" path=\"/tmp/f.socket.twin\"/>",
    );
    let long = "x".repeat(105);
    is_refused(
        &format!(
            "<channel type='unix'><source mode='bind' path='/{long}'/><target type='guestfwd'/></channel>"
        ),
        Conflict::File,
        &format!("/{long}"),
    );
}

#[test]
fn ports_and_devices_that_are_anothers_are_refused() {
    let port = |protocol: &str, port| Conflict::Port(HostPort { protocol: protocol.into(), port });
    is_refused(
        "<serial type='tcp'><source mode='bind' host='h' service='4001'/></serial>",
        port("tcp", 4001),
        "4001",
    );
    // A console is the serial port once more.
    is_refused(
        "<serial type='tcp'><source mode='bind' service='4001'/></serial><console type='tcp'><source mode='bind' service='4001'/></console>",
        port("tcp", 4001),
        "4001",
    );
    is_refused("<serial type='udp'><source mode='bind' service='4001'/></serial>", port("udp", 4001), "4001");
    is_refused(
        "<serial type='tcp'><source mode='bind' service='telnet'/></serial>",
        Conflict::Exclusive,
        "telnet/tcp",
    );
    is_refused(
        "<parallel type='dev'><source path='/dev/parport0'/></parallel>",
        Conflict::Exclusive,
        "/dev/parport0",
    );
    is_refused("<serial type='pipe'><source path='/fifo'/></serial>", Conflict::SinglePeer, "/fifo");
    is_refused(
        "<redirdev bus='usb' type='tcp'><source mode='connect' host='h' service='4000'/></redirdev>",
        Conflict::SinglePeer,
        "h:4000",
    );
}

#[test]
fn interfaces_get_what_is_their_own() {
    let mac = "<mac address='52:54:00:00:00:01'/>";
    becomes(
        &format!(
            "<interface type='bridge'>{mac}<source bridge='br0'/><virtualport type='openvswitch'><parameters interfaceid='u' profileid='p'/></virtualport><target dev='tap7'/></interface>"
        ),
        "<interface type=\"bridge\"><mac address=\"52:54:00:00:00:02\"/><source bridge=\"br0\"/><virtualport type=\"openvswitch\"><parameters profileid=\"p\"/></virtualport></interface>",
    );
    becomes(
        "<interface type='user'><backend type='passt' logFile='/l'/><portForward proto='tcp' address='127.0.0.1'><range start='4000' to='22'/></portForward></interface>",
        "<backend type=\"passt\" logFile=\"/l.twin\"/><portForward proto=\"tcp\" address=\"127.0.0.1\"><range start=\"5000\" to=\"22\"/></portForward>",
    );
    becomes(
        "<interface type='server'><source address='127.0.0.1' port='4000'/></interface>",
        "port=\"5000\"",
    );
    for shared in [
        "<interface type='mcast'><source address='230.0.0.1' port='5558'/></interface>",
        "<interface type='direct'><source dev='eno1' mode='bridge'/></interface>",
        "<interface type='network'><source network='default' portgroup='p'/><filterref filter='clean-traffic'/></interface>",
        "<interface type='ethernet'><script path='/etc/up'/></interface>",
        "<interface type='vhostuser'><backend type='passt'/></interface>",
    ] {
        stays(shared);
    }
}

#[test]
fn interfaces_that_only_one_can_have_are_refused() {
    let pci = "<source><address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/></source>";
    is_refused(&format!("<interface type='hostdev'>{pci}</interface>"), Conflict::Exclusive, "0000:3b:02.1");
    is_refused(
        "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>",
        Conflict::Exclusive,
        "/dev/vhost-vdpa-0",
    );
    is_refused(
        "<interface type='direct'><source dev='eno1' mode='passthrough'/></interface>",
        Conflict::Exclusive,
        "eno1",
    );
    is_refused(
        "<interface type='ethernet'><target dev='tap0' managed='no'/></interface>",
        Conflict::Exclusive,
        "tap0",
    );
    is_refused(
        "<interface type='ethernet'><source><ip address='10.0.0.1' prefix='24'/></source></interface>",
        Conflict::Identity,
        "10.0.0.1",
    );
    is_refused(
        "<interface type='vhostuser'><source type='unix' path='/s' mode='client'/></interface>",
        Conflict::SinglePeer,
        "/s",
    );
    is_refused(
        "<interface type='client'><source address='127.0.0.1' port='5558'/></interface>",
        Conflict::SinglePeer,
        "127.0.0.1:5558",
    );
    is_refused(
        "<interface type='udp'><source address='127.0.0.1' port='1'><local address='127.0.0.1' port='2'/></source></interface>",
        Conflict::SinglePeer,
        "127.0.0.1:1",
    );
    is_refused(
        "<interface type='bridge'><virtualport type='midonet'><parameters interfaceid='u'/></virtualport></interface>",
        Conflict::Identity,
        "u",
    );
    is_refused(
        "<interface type='network'><filterref filter='f'><parameter name='IP' value='10.0.0.9'/></filterref></interface>",
        Conflict::Identity,
        "10.0.0.9",
    );
    is_refused(
        "<interface type='user'><portForward proto='udp'/></interface>",
        Conflict::Exclusive,
        "all udp ports",
    );
    is_refused(
        "<interface type='user'><portForward proto='tcp'><range start='1' end='1000'/></portForward></interface>",
        Conflict::Exclusive,
        "1000 tcp ports",
    );
    // A guest that stays who it is may keep its filter.
    stays(
        "<interface type='network'><mac address='52:54:00:00:00:02'/><filterref filter='f'><parameter name='IP' value='10.0.0.9'/></filterref></interface>",
    );
}

#[test]
fn a_display_keeps_its_password_and_gets_its_own_place() {
    becomes(
        "<graphics type='vnc' port='5977' autoport='no' websocket='5777' listen='0.0.0.0' passwd='s'><listen type='address' address='0.0.0.0'/></graphics>",
        "<graphics type=\"vnc\" port=\"-1\" autoport=\"yes\" websocket=\"-1\" listen=\"0.0.0.0\" passwd=\"s\"><listen type=\"address\" address=\"0.0.0.0\"/></graphics>",
    );
    becomes(
        "<graphics type='vnc' socket='/s' passwd='s'><listen type='socket' socket='/s'/></graphics>",
        "<graphics type=\"vnc\" passwd=\"s\"><listen type=\"socket\" socket=\"/q/own.vnc\"/></graphics>",
    );
    // Without its socket it would listen on a port.
    becomes(
        "<graphics type='spice' socket='/s'/>",
        "<graphics type=\"spice\"><listen type=\"socket\"/></graphics>",
    );
    becomes(
        "<graphics type='spice' port='5900' tlsPort='5901' passwd='s'/>",
        "port=\"-1\" tlsPort=\"-1\" passwd=\"s\" autoport=\"yes\"",
    );
    stays("<graphics type='sdl' display=':0.0' xauth='/root/.Xauthority'/>");
    stays(
        "<graphics type='vnc' port='-1' autoport='yes'><listen type='address' address='127.0.0.1'/></graphics>",
    );
}

#[test]
fn the_copy_of_a_vm_of_an_older_vmtools_is_shown_at_a_socket() {
    let graphics = "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'><listen type='address' address='127.0.0.1'/></graphics>";
    let with = |graphics: &str| {
        made(&format!("<metadata><v:vm xmlns:v='urn:vmtools:vm:1'/></metadata><devices>{graphics}</devices>"))
            .0
    };
    assert!(
        with(graphics)
            .contains("<graphics type=\"vnc\"><listen type=\"socket\" socket=\"/q/own.vnc\"/></graphics>")
    );
    for own_choice in [
        graphics.replace("-1", "5900"),
        graphics.replace("autoport", "passwd='x' autoport"),
        graphics.replace("127.0.0.1", "0.0.0.0"),
    ] {
        assert!(!with(&own_choice).contains("socket"), "{own_choice}");
    }
}

#[test]
fn what_is_passed_through_is_refused() {
    let exclusive = |inside: &str, resource: &str| is_refused(inside, Conflict::Exclusive, resource);
    exclusive(
        "<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x65' slot='0x00' function='0x0'/></source></hostdev>",
        "0000:65:00.0",
    );
    exclusive(
        "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>",
        "0x1234:0xbeef",
    );
    exclusive(
        "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='4'/></source></hostdev>",
        "bus 1 device 4",
    );
    exclusive(
        "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='c2177883'/></source></hostdev>",
        "c2177883",
    );
    exclusive(
        "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/><address bus='0'/></source></hostdev>",
        "scsi_host0",
    );
    exclusive(
        "<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn'><host name='h'/></source></hostdev>",
        "iqn",
    );
    exclusive(
        "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5'/></hostdev>",
        "naa.5",
    );
    exclusive(
        "<hostdev mode='capabilities' type='storage'><source><block>/dev/sdz</block></source></hostdev>",
        "/dev/sdz",
    );
    exclusive(
        "<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>",
        "/dev/input/event1",
    );
    exclusive("<input type='evdev'><source dev='/dev/input/event2'/></input>", "/dev/input/event2");
    exclusive(
        "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>",
        "/dev/tpm0",
    );
    exclusive("<lease><lockspace>l</lockspace><key>k</key><target path='/lease'/></lease>", "k");
    exclusive("<shmem name='looking-glass'><model type='ivshmem-plain'/></shmem>", "looking-glass");
    exclusive("<filesystem type='file'><source file='/fs.img'/><target dir='t'/></filesystem>", "/fs.img");
    is_refused(
        "<tpm model='tpm-tis'><backend type='external'><source type='unix' mode='connect' path='/t'/></backend></tpm>",
        Conflict::SinglePeer,
        "/t",
    );
    is_refused(
        "<filesystem type='mount'><driver type='virtiofs'/><source socket='/v'/><target dir='t'/></filesystem>",
        Conflict::SinglePeer,
        "/v",
    );
    stays(
        "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/></source><shareable/></hostdev>",
    );
    stays("<shmem name='s'><model type='ivshmem-doorbell'/><server path='/tmp/socket'/></shmem>");
    stays("<filesystem type='mount'><source dir='/home'/><target dir='t'/></filesystem>");
    stays("<input type='tablet' bus='usb'/>");
}

#[test]
fn state_that_libvirt_keeps_is_made_anew() {
    becomes(
        "<tpm model='tpm-crb'><backend type='emulator' version='2.0'><source type='file' path='/s'/><encryption secret='u'/></backend></tpm>",
        "<backend type=\"emulator\" version=\"2.0\"><encryption secret=\"u\"/></backend>",
    );
    becomes(
        "<pstore backend='acpi-erst'><path>/p</path><size unit='KiB'>8</size></pstore>",
        "<pstore backend=\"acpi-erst\"><size unit=\"KiB\">8</size></pstore>",
    );
    becomes("<vsock model='virtio'><cid auto='no' address='4'/></vsock>", "<cid auto=\"yes\"/>");
    becomes("<audio id='1' type='file' path='/a.wav'/>", "path=\"/a.wav.twin\"");
    stays("<audio id='1' type='oss'><input dev='/dev/dsp0'/></audio>");
}

#[test]
fn memory_that_both_would_write_is_refused() {
    let memory = |access: &str, path: &str, more: &str| {
        format!(
            "<memory model='nvdimm'{access}><source><path>{path}</path></source><target><size>1</size>{more}</target></memory>"
        )
    };
    is_refused(&memory(" access='shared'", "/m", ""), Conflict::File, "/m");
    is_refused(
        "<memory model='virtio-pmem' access='shared'><source><path>/m</path></source><target/></memory>",
        Conflict::File,
        "/m",
    );
    is_refused(
        "<memory model='nvdimm'><source><path>/m</path><pmem/></source><target/></memory>",
        Conflict::File,
        "/m",
    );
    becomes(&memory(" access='shared'", "/p/a", ""), "<path>/p/own</path>");
    stays(&memory(" access='shared'", "/m", "<readonly/>"));
    stays(&memory(" access='private'", "/m", ""));
    // QEMU maps it privately unless it is told otherwise.
    stays(&memory("", "/m", ""));
    let node = "<node>1</node>";
    for shared in [
        "<memoryBacking><access mode='shared'/></memoryBacking>",
        "<cpu><numa><cell id='0'/><cell id='1' memAccess='shared'/></numa></cpu>",
    ] {
        let (_, obstacles) = made(&format!("{shared}<devices>{}</devices>", memory("", "/m", node)));
        assert_eq!(obstacles.len(), 1, "{shared}");
    }
    becomes(
        "<memory model='nvdimm'><uuid>u</uuid><source><path>/m</path></source></memory>",
        "<memory model=\"nvdimm\"><source>",
    );
}

#[test]
fn firmware_and_identities() {
    let (document, obstacles) = made(
        "<genid>g</genid><os><loader readonly='yes' type='pflash'>/f</loader><nvram template='/t' type='network'><source protocol='iscsi' name='n'/></nvram><kernel>/k</kernel></os>
         <sysinfo type='smbios'><system><entry name='serial'>77</entry><entry name='uuid'>1</entry></system><chassis><entry name='asset'>kept</entry></chassis></sysinfo>
         <launchSecurity type='sev'><policy>0x1</policy></launchSecurity><resource><partition>/machine/p</partition></resource>",
    );
    assert_eq!(obstacles, []);
    for part in ["<genid/>", "<nvram template=\"/t\">/p/own_VARS.fd</nvram>", "kept", "/machine/p"] {
        assert!(document.contains(part), "{part}: {document}");
    }
    assert!(!document.contains("77") && document.matches("00000002").count() == 3, "{document}");
    let refused =
        |inside: &str| made(inside).1.into_iter().map(|one| (one.element, one.conflict)).collect::<Vec<_>>();
    assert_eq!(
        refused("<os><loader readonly='no' type='pflash'>/f</loader></os>"),
        [("os[1]/loader[1]".to_owned(), Conflict::File)]
    );
    assert_eq!(
        refused("<launchSecurity type='sev'><session>s</session></launchSecurity>"),
        [("launchSecurity[1]/session[1]".to_owned(), Conflict::Identity)]
    );
}

#[test]
fn arguments_of_qemus_own() {
    let refused = |words: &[&str]| {
        let arguments: String = words.iter().map(|word| format!("<qemu:arg value='{word}'/>")).collect();
        let (_, obstacles) =
            made(&format!("<qemu:commandline>{arguments}<qemu:env name='A' value='/b'/></qemu:commandline>"));
        obstacles.into_iter().map(|one| one.resource).collect::<Vec<_>>()
    };
    for shared in [
        &["-set", "device.net0.x=1"][..],
        &["-cpu", "host,+vmx"],
        &["-smbios", "type=1,serial=ds=nocloud;s=http://h/"],
        &["-fw_cfg", "name=opt/x,file=/x"],
        &["-drive", "file=/iso,readonly=on,if=none"],
        &["-object", "rng-random,id=r,filename=/dev/urandom"],
        &["-netdev", "user,id=n"],
        &["-kernel", "/k", "-append", "console=ttyS0"],
        &["-device", "virtio-net-pci,netdev=n"],
    ] {
        assert_eq!(refused(shared), [""; 0], "{shared:?}");
    }
    for taken in [
        ["-netdev", "user,id=n,hostfwd=tcp::2222-:22"],
        ["-drive", "file=/disk.img,if=virtio"],
        ["-serial", "tcp::4555,server"],
        ["-monitor", "unix:/m,server"],
        ["-chardev", "socket,id=c,path=/s,server=on"],
        ["-device", "vfio-pci,host=65:00.0"],
        ["-device", "virtio-net-pci,mac=52:54:00:00:00:09"],
        ["-object", "memory-backend-file,id=m,mem-path=/dev/shm/x"],
        ["-gdb", "tcp::1234"],
        ["-vnc", ":7"],
        ["-uuid", "uuid=x"],
        ["-hda", "/disk.img"],
        ["-device", "{\"driver\":\"x\"}"],
    ] {
        assert_eq!(refused(&taken), [taken.join(" ")]);
    }
    assert_eq!(refused(&["-s", "-S"]), ["-s"]);
}

#[test]
fn needs_tell_what_a_caller_can_give() {
    let domain = crate::libvirt::Domain::parse(
        "<domain><devices><disk type='file'><source file='/x'/><target dev='vda'/></disk>
         <serial type='tcp'><source mode='bind' service='45566'/></serial>
         <memory model='nvdimm' access='shared'><source><path>/m</path></source></memory>
         <hostdev type='usb'><source><vendor id='1'/><product id='2'/></source></hostdev></devices></domain>",
    )
    .expect("parses");
    let needs = DomainCopy::needs(&domain);
    assert_eq!((needs.disks, needs.files), (vec!["vda".to_owned()], vec!["/m".to_owned()]));
    assert_eq!(needs.ports, [HostPort { protocol: "tcp".into(), port: 45566 }]);
    assert_eq!(needs.refused.len(), 1);
    assert_eq!(needs.refused[0].element, "devices[1]/hostdev[1]");
}
