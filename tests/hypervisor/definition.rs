//! Definitions: where a VM's screen is shown, and what a copy or a change of one keeps and makes anew.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::qmp::reachable;
use super::support::{Sandbox, Skip, sandbox_or_skip};
use super::{create, unbootable_image};

fn define(sandbox: &Sandbox, xml: &str) {
    let file = sandbox.tmp().join("definition.xml");
    std::fs::write(&file, xml).unwrap();
    sandbox.virsh(&["define", file.to_str().unwrap()]);
}

/// A domain with an image of its own and these devices.
fn with_devices(sandbox: &Sandbox, name: &str, more: &str) -> String {
    let folder =
        if sandbox.uri().contains("session") { sandbox.tmp() } else { sandbox.root().join("images") };
    let path = folder.join(format!("{name}.qcow2"));
    let path = path.to_str().unwrap();
    sandbox.exec(&["qemu-img", "create", "-q", "-f", "qcow2", path, "1M"]);
    format!(
        "<domain type='qemu'><name>{name}</name><maxMemory slots='4' unit='MiB'>2048</maxMemory>\
         <memory unit='MiB'>64</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>\
         <cpu mode='maximum'><numa><cell id='0' cpus='0' memory='64' unit='MiB'/></numa></cpu><devices>\
         <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{path}'/>\
         <target dev='vda' bus='virtio'/></disk>{more}</devices></domain>"
    )
}

fn stored(sandbox: &Sandbox, name: &str) -> String {
    sandbox.virsh(&["dumpxml", "--inactive", "--security-info", name]).stdout
}

fn running(sandbox: &Sandbox, name: &str) -> String {
    sandbox.virsh(&["dumpxml", name]).stdout
}

fn vnc_socket(xml: &str) -> String {
    let found = xml.split("<listen type='socket' socket='").nth(1).and_then(|rest| rest.split('\'').next());
    found.unwrap_or_else(|| panic!("no socket: {xml}")).to_owned()
}

fn nobody_listens(sandbox: &Sandbox) {
    let listening = sandbox.command("ss", &["-Hltn"]).run().success().stdout;
    assert!(!listening.contains(":59"), "{listening}");
}

#[test]
fn a_screen_is_at_a_socket_in_the_folder() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    sandbox.as_root("install", &["-d", "-m", "0777", "/run/libvirt/qemu/vmtools"]).run().success();
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let socket = vnc_socket(&running(&sandbox, "web"));
    assert!(socket.starts_with("/run/libvirt/qemu/vmtools/") && socket.ends_with(".vnc"), "{socket}");
    let mut greeting = [0; 3];
    let mut client = UnixStream::connect(reachable(&sandbox, Path::new(&socket))).unwrap();
    client.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"RFB");
    nobody_listens(&sandbox);
    sandbox.vmtools(&["stop", "--force", "web"]).run().success();
    sandbox.vmtools(&["clone", "web", "twin", "--start"]).run().success();
    sandbox.vmtools(&["start", "web"]).run().success();
    let own = vnc_socket(&running(&sandbox, "twin"));
    assert!(own != socket && own.ends_with(".vnc"), "{own}");
    sandbox.vmtools(&["delete", "--force", "web", "twin"]).run().success();
}

#[test]
fn without_the_folder_a_screen_is_at_a_private_socket() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    sandbox.as_root("rm", &["-rf", "/run/libvirt/qemu/vmtools"]).run().success();
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let socket = vnc_socket(&running(&sandbox, "web"));
    assert!(socket.starts_with("/var/lib/libvirt/qemu/domain-"), "{socket}");
    let folder = Path::new(&socket).parent().unwrap().to_str().unwrap();
    let mode = sandbox.as_root("stat", &["-c", "%a", folder]).run().success().stdout;
    assert_eq!(mode.trim(), "750");
    nobody_listens(&sandbox);
    assert!(!stored(&sandbox, "web").contains("vnc.sock"), "it is made anew at each start");
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
}

#[test]
fn a_sessions_screen_is_at_a_socket() {
    let sandbox = sandbox_or_skip!(Sandbox::session());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let socket = vnc_socket(&running(&sandbox, "web"));
    assert!(socket.ends_with(".vnc") || socket.ends_with("vnc.sock"), "{socket}");
    nobody_listens(&sandbox);
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
}

#[test]
fn a_clone_has_its_own_ports_and_keeps_the_password() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let log = sandbox.root().join("images").join("c16.log");
    let log = log.to_str().unwrap();
    let xml = with_devices(
        &sandbox,
        "theirs",
        &format!(
            "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='45566'/><protocol type='telnet'/><target port='0'/></serial>\
         <serial type='file'><source path='{log}'/><target port='1'/></serial>\
         <channel type='unix'><source mode='bind' path='/var/lib/libvirt/qemu/fwd.socket'/><target type='guestfwd' address='10.0.2.1' port='4600'/></channel>\
         <graphics type='vnc' port='5977' autoport='no' listen='0.0.0.0' passwd='letmein1'/>"
        ),
    );
    define(&sandbox, &xml);
    let made = sandbox.vmtools(&["clone", "theirs", "twin", "-vv", "--json"]).run().success();
    assert!(!made.stderr.contains("letmein1") && !made.stdout.contains("letmein1"), "{made}");
    let twin = stored(&sandbox, "twin");
    assert!(twin.contains("passwd='letmein1'") && twin.contains("/c16.log.twin"), "{twin}");
    assert!(twin.contains("/var/lib/libvirt/qemu/fwd.socket.twin"), "{twin}");
    assert!(!twin.contains("45566") && !twin.contains("5977"), "{twin}");
    assert!(stored(&sandbox, "theirs").contains("letmein1"));
    sandbox.vmtools(&["start", "theirs", "twin"]).run().success();
    sandbox.vmtools(&["delete", "--force", "twin"]).run().success();
}

#[test]
fn what_only_one_can_have_is_not_cloned() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let memory = sandbox.root().join("images").join("pmem.img");
    let memory = memory.to_str().unwrap();
    sandbox.as_root("truncate", &["-s", "256M", memory]).run().success();
    let xml = with_devices(
        &sandbox,
        "theirs",
        &format!(
            "<memory model='nvdimm' access='shared'><source><path>{memory}</path></source>\
             <target><size unit='MiB'>256</size><node>0</node><label><size unit='KiB'>128</size></label></target></memory>"
        ),
    );
    define(&sandbox, &xml);
    sandbox.vmtools(&["clone", "theirs", "twin"]).run().code(11).stderr_has("pmem.img");
    assert_eq!(sandbox.domains(), ["theirs"]);
    let xml = with_devices(
        &sandbox,
        "passes",
        "<hostdev mode='subsystem' type='usb' managed='yes'><source startupPolicy='optional'><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>",
    );
    define(&sandbox, &xml);
    sandbox.vmtools(&["clone", "passes", "twin"]).run().code(9).stderr_has("0x1234:0xbeef");
    assert_eq!(sandbox.domains(), ["passes", "theirs"]);
}

#[test]
fn a_start_without_passt_keeps_the_secrets() {
    let sandbox = sandbox_or_skip!(Sandbox::builder().without_passt().session());
    let xml = with_devices(
        &sandbox,
        "gpu-passthrough",
        "<interface type='user'><backend type='passt'/></interface>\
         <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='letmein1'/>",
    );
    let file = sandbox.tmp().join("definition.xml");
    std::fs::write(&file, xml).unwrap();
    let defined = sandbox.virsh_command(&["define", file.to_str().unwrap()]).run();
    if defined.stderr.contains("in element 'backend': 'passt'") {
        return Skip("needs a libvirt with passt".into()).report();
    }
    defined.success();
    let started = sandbox.vmtools(&["start", "gpu-passthrough", "-vv"]).run().success();
    assert!(!started.stderr.contains("letmein1"), "{started}");
    let now = stored(&sandbox, "gpu-passthrough");
    assert!(now.contains("letmein1") && !now.contains("passt'/>"), "{now}");
    sandbox.vmtools(&["stop", "--force", "gpu-passthrough"]).run().success();
}
