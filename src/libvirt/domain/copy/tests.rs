use super::*;
use crate::model::Uuid;

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
      <portForward proto='udp'><range start='9000' end='9001'/></portForward></interface>
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
    let file = |path: &str, format: &str| CopiedFile { path: path.into(), format: format.into() };
    let copy = DomainCopy {
        name: "twin".parse().expect("valid"),
        uuid: Uuid::from_u128(2),
        metadata: Metadata { image: Some("b".into()), ..Metadata::default() },
        files: [
            ("/dev/vg/web".to_owned(), file("/p/twin.qcow2", "qcow2")),
            ("/p/web.log".to_owned(), file("/p/twin.log", "raw")),
            ("/p/web.ign".to_owned(), file("/p/twin.ign", "raw")),
        ]
        .into(),
        disks: HashMap::new(),
        nvram: Some("/p/twin_VARS.fd".into()),
        macs: vec!["52:54:00:00:00:02".into()],
        ports: [(2222, 4444), (9000, 4445), (9001, 4447)].into(),
        qmp_socket: qmp_socket.map(str::to_owned),
        vnc_socket: Some("/q/2.vnc".into()),
    };
    let made = copy.definition(&CompleteDefinition::for_test(SOURCE)).expect("can be copied").to_domain();
    let document = made.tree.to_document().expect("writes");
    (made, document)
}

#[test]
fn what_is_a_vms_own_is_the_copys_own() {
    let (copy, document) = copied(Some("/q/2.qmp"));
    let uuid = Uuid::from_u128(2);
    assert_eq!((copy.name.as_str(), copy.uuid), ("twin", uuid));
    assert_eq!(copy.metadata.as_ref().and_then(|record| record.image.as_deref()), Some("b"));
    assert!(!copy.is_parent() && document.contains("urn:other"), "{document}");
    assert_eq!(copy.disks[0].path.as_deref(), Some("/p/twin.qcow2"));
    assert_eq!(
        (copy.disks[0].format.as_deref(), copy.disks[1].path.as_deref()),
        (Some("qcow2"), Some("/iso"))
    );
    assert_eq!(copy.nvram().as_deref(), Some("/p/twin_VARS.fd"));
    assert_eq!(copy.interfaces[0].mac, "52:54:00:00:00:02");
    assert_eq!(
        copy.interfaces[0].forwards,
        [(4444, 22, "tcp".to_owned()), (4445, 9000, "udp".to_owned()), (4447, 9001, "udp".to_owned())]
    );
    assert_eq!(copy.serial_log.as_deref(), Some("/p/twin.log"));
    assert_eq!(copy.qmp_socket.as_deref(), Some("/q/2.qmp"));
    let has = |text: &str| document.contains(text);
    assert!(has("kept") && has("cache=\"none\"") && has("<!-- mine -->") && has("-mine"), "{document}");
    assert!(has("/p/twin.ign") && has("ds=nocloud") && has("/var/log/web.twin"), "{document}");
    for old in ["000000000001", "000000000009", "5901", "tap7", "/run/agent", "/dev/pts", "77", "id=\"4\""] {
        assert!(!document.contains(old), "{old}: {document}");
    }
    assert_eq!(copy.tree.find_attribute("devices/vsock/cid", "auto"), Some("yes"));
    assert_eq!(copy.tree.find_attribute("devices/graphics", "autoport"), Some("yes"));
}

#[test]
fn without_a_place_for_its_socket_the_monitor_goes_and_no_more() {
    let (copy, document) = copied(None);
    assert_eq!(copy.qmp_socket, None);
    let left: Vec<_> = copy.tree.find("qemu:commandline").into_iter().flat_map(Element::elements).collect();
    assert_eq!(left.len(), 1, "{document}");
}
