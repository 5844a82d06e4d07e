//! 10, 13, 16, 17: what a VM and its clone may not share.

use super::super::MINUTE;
use super::super::support::{Sandbox, sandbox_or_skip};
use super::{
    Faults, IMAGES, brief, case, chain_holds, define, disk, domain, forget, hash, output, path_of, qcow2,
    qcow2_with, reads, shell, stored,
};

/// Both ways of cloning.
const WAYS: [&[&str]; 2] = [&["clone", "--json"], &["clone", "--linked", "--json"]];

/// Clones and gives the clone's definition, or `None` of one that is refused and has left nothing.
fn clone(sandbox: &Sandbox, way: &[&str], source: &str, faults: &mut Faults) -> Option<String> {
    let run = sandbox.vmtools(&[way, &[source, "twin"]].concat()).run();
    let is_there = sandbox.domains().contains(&"twin".to_owned());
    faults.check(run.status.success() == is_there, format_args!("{}: a clone is left", brief(&run)));
    is_there.then(|| stored(sandbox, "twin"))
}

fn drop_clone(sandbox: &Sandbox) {
    sandbox.vmtools(&["delete", "--force", "--if-exists", "twin"]).run();
    forget(sandbox, "twin");
}

#[test]
fn a_clone_never_writes_into_its_sources_data_file() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let (meta, data) = (format!("{IMAGES}/c10.meta.qcow2"), format!("{IMAGES}/c10.data.raw"));
    let make =
        "rm -f \"$0\" \"$1\"; qemu-img create -q -f qcow2 -o data_file=\"$1\",data_file_raw=on \"$0\" 8M &&
        qemu-io -f qcow2 -c 'write -q -P 0x41 1M 64k' \"$0\"";
    let mut faults = Faults::default();
    for (xml, name) in [("10-datafile-plain.xml", "c10-plain"), ("10-datastore.xml", "c10-ds")] {
        define(&sandbox, &case(xml));
        for way in WAYS {
            shell(&sandbox, make, &[&meta, &data]);
            let before = [&meta, &data].map(|file| hash(&sandbox, file));
            if clone(&sandbox, way, name, &mut faults).is_some() {
                let twin = path_of(&sandbox, "twin", "vda");
                faults.check(reads(&sandbox, &twin, 0x41), format_args!("{name}: the clone lacks its data"));
                let write = ["-f", "qcow2", "-c", "write -q -P 0x42 1M 64k", &twin];
                let run = sandbox.as_root("qemu-io", &write).run();
                faults
                    .check(run.status.success(), format_args!("{name}: the clone cannot be written: {run}"));
            }
            let after = [&meta, &data].map(|file| hash(&sandbox, file));
            faults.check(after == before, format_args!("{name} {way:?}: the source's files are changed"));
            drop_clone(&sandbox);
        }
        // Nor is such a disk given to two VMs, or away for an image without its data.
        let run = sandbox.vmtools(&["image", "commit", name, "ready", "--json"]).run();
        if run.status.success() {
            let image = ["create", "twin", "--image", "ready", "-m", "64", "-c", "1", "--json"];
            let made = sandbox.vmtools(&image).run().success();
            let twin = made.json()["disks"][0]["path"].as_str().unwrap().to_owned();
            faults.check(reads(&sandbox, &twin, 0x41), format_args!("{name}: the image lacks its data"));
            drop_clone(&sandbox);
            sandbox.vmtools(&["image", "rm", "ready", "--yes"]).run();
        }
        super::super::define_empty(&sandbox, &["other"]);
        for file in [&meta, &data] {
            let run = sandbox.vmtools(&["disk", "add", "other", "--file", file]).run();
            faults.check(run.status.code() == Some(11), brief(&run));
        }
        forget(&sandbox, "other");
        forget(&sandbox, name);
    }
    faults.none();
}

#[test]
fn a_clone_has_memory_devices_of_its_own() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    qcow2(&sandbox, &format!("{IMAGES}/c13.qcow2"), "8M");
    let pmem = format!("{IMAGES}/c13-pmem.img");
    shell(
        &sandbox,
        "truncate -s 256M \"$0\" && printf mark | dd of=\"$0\" conv=notrunc status=none",
        &[&pmem],
    );
    let virtio = case("13-nvdimm.xml")
        .replace("<memory model='nvdimm' access='shared'>", "<memory model='virtio-pmem' access='shared'>")
        .replace("<node>0</node><label><size unit='KiB'>128</size></label>", "");
    let mut faults = Faults::default();
    for xml in [case("13-nvdimm.xml"), virtio] {
        define(&sandbox, &xml);
        for way in WAYS {
            let Some(twin) = clone(&sandbox, way, "c13-nvdimm", &mut faults) else { continue };
            let path = twin.split("<path>").nth(1).and_then(|rest| rest.split("</path>").next());
            let own = path.filter(|path| *path != pmem);
            faults.check(own.is_some() || path.is_none(), format_args!("{way:?}: both write {pmem}"));
            if let Some(own) = own {
                let is_same = hash(&sandbox, own) == hash(&sandbox, &pmem);
                faults.check(is_same, format_args!("{way:?}: {own} is no copy"));
            }
            drop_clone(&sandbox);
            faults.check(hash(&sandbox, &pmem) != "gone", format_args!("{way:?}: {pmem} is gone"));
            if let Some(own) = own {
                faults.check(hash(&sandbox, own) == "gone", format_args!("{way:?}: {own} is left"));
            }
        }
        forget(&sandbox, "c13-nvdimm");
    }
    faults.none();
}

/// Devices that name something of the host or of the network that only one VM can have, and what it is.
const SINGLE: [(&str, &str, &str); 18] = [
    (
        "serial console by TCP",
        "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='45566'/><protocol type='telnet'/></serial>",
        "45566",
    ),
    (
        "serial console by UDP",
        "<serial type='udp'><source mode='bind' host='127.0.0.1' service='45567'/>\
         <source mode='connect' host='127.0.0.1' service='45599'/></serial>",
        "45567",
    ),
    (
        "serial console by a socket",
        "<serial type='unix'><source mode='bind' path='/run/c16/serial.sock'/></serial>",
        "/run/c16/serial.sock",
    ),
    (
        "serial console in a file",
        "<serial type='file'><source path='/var/log/libvirt/qemu/c16-console.log'/></serial>",
        "/var/log/libvirt/qemu/c16-console.log",
    ),
    (
        "serial console with a log",
        "<serial type='pty'><log file='/var/log/libvirt/qemu/c16-pty.log'/></serial>",
        "/var/log/libvirt/qemu/c16-pty.log",
    ),
    (
        "serial console by a pipe",
        "<serial type='pipe'><source path='/run/c16/pipe'/></serial>",
        "/run/c16/pipe",
    ),
    (
        "parallel port in a file",
        "<parallel type='file'><source path='/var/log/libvirt/qemu/c16-printer.log'/></parallel>",
        "/var/log/libvirt/qemu/c16-printer.log",
    ),
    (
        "channel by a socket",
        "<channel type='unix'><source mode='bind' path='/run/c16/channel.sock'/>\
         <target type='virtio' name='org.example.0'/></channel>",
        "/run/c16/channel.sock",
    ),
    (
        "channel by TCP",
        "<channel type='tcp'><source mode='bind' host='127.0.0.1' service='45568'/>\
         <target type='virtio' name='org.example.1'/></channel>",
        "45568",
    ),
    (
        "channel that the guest's network forwards",
        "<channel type='unix'><source mode='bind' path='/run/c16/guestfwd'/>\
         <target type='guestfwd' address='10.0.2.1' port='4600'/></channel>",
        "/run/c16/guestfwd",
    ),
    (
        "console by TCP",
        "<console type='tcp'><source mode='bind' host='127.0.0.1' service='45569'/><target type='virtio'/></console>",
        "45569",
    ),
    ("vsock", "<vsock model='virtio'><cid auto='no' address='77'/></vsock>", "77"),
    (
        "VNC on a port",
        "<graphics type='vnc' port='5977' autoport='no' websocket='5777' listen='127.0.0.1'/>",
        "5977",
    ),
    (
        "VNC's websocket",
        "<graphics type='vnc' port='5977' autoport='no' websocket='5777' listen='127.0.0.1'/>",
        "5777",
    ),
    ("VNC by a socket", "<graphics type='vnc' socket='/run/c16/vnc.sock'/>", "/run/c16/vnc.sock"),
    (
        "a tap device of a name",
        "<interface type='ethernet'><target dev='c16tap0' managed='no'/><model type='virtio'/></interface>",
        "c16tap0",
    ),
    (
        "a vhost-user socket",
        "<interface type='vhostuser'><source type='unix' path='/run/c16/vhost.sock' mode='server'/>\
         <model type='virtio'/></interface>",
        "/run/c16/vhost.sock",
    ),
    (
        "sound into a file",
        "<sound model='ich9'><audio id='1'/></sound><audio id='1' type='file' path='/var/log/c16.wav'/>",
        "/var/log/c16.wav",
    ),
];

#[test]
fn a_clone_shares_nothing_that_only_one_vm_can_have() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let own = format!("{IMAGES}/c16.qcow2");
    qcow2(&sandbox, &own, "8M");
    let mut faults = Faults::default();
    for (what, device, single) in SINGLE {
        let xml = domain("c16-serial", &format!("{}{device}", disk(&own, "qcow2", "vda")));
        let shared = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking><features>";
        define(&sandbox, &xml.replace("<features>", shared));
        let run = sandbox.vmtools(&["clone", "--linked", "c16-serial", "twin", "--json"]).run();
        // What cannot be had anew is refused, and named.
        let is_named = run.status.code() == Some(9) && output(&run).contains(single);
        faults.check(run.status.success() || is_named, format_args!("{what}: {}", brief(&run)));
        if run.status.success() {
            let twin = stored(&sandbox, "twin");
            let is_own = !twin.contains(&format!("'{single}'"));
            faults.check(is_own, format_args!("{what}: the clone has {single} too"));
            drop_clone(&sandbox);
        }
        forget(&sandbox, "c16-serial");
    }
    faults.none();
}

#[test]
fn a_clone_has_an_identity_of_its_own() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let own = format!("{IMAGES}/c16.qcow2");
    qcow2(&sandbox, &own, "8M");
    let uuid = "16160000-0000-4000-8000-000000000016";
    let genid = "16160000-0000-4000-8000-0000000000ff";
    let sysinfo = format!(
        "<sysinfo type='smbios'><system><entry name='manufacturer'>ACME</entry>\
         <entry name='serial'>SN-C16</entry><entry name='uuid'>{uuid}</entry></system></sysinfo>"
    );
    let xml = domain("c16-serial", &disk(&own, "qcow2", "vda"))
        .replace("</memory>", &format!("</memory><uuid>{uuid}</uuid><genid>{genid}</genid>"))
        .replace("<features>", &format!("{sysinfo}<features>"))
        .replace("hvm</type>", "hvm</type><smbios mode='sysinfo'/>")
        .replace(
            "</devices>",
            "<interface type='network'><mac address='52:54:00:16:00:01'/>\
                                <source network='default'/></interface></devices>",
        );
    define(&sandbox, &xml);
    let mut faults = Faults::default();
    for way in WAYS {
        let run = sandbox.vmtools(&[way, &["c16-serial", "twin"]].concat()).run();
        faults.check(run.status.success(), brief(&run));
        if run.status.success() {
            // As its parent the source is named.
            let twin = stored(&sandbox, "twin");
            let twin = twin.split_once("</metadata>").map_or(twin.as_str(), |(_, rest)| rest);
            for single in [uuid, genid, "SN-C16", "52:54:00:16:00:01"] {
                faults.check(!twin.contains(single), format_args!("{way:?}: the clone has {single} too"));
            }
            faults.check(twin.contains("ACME"), format_args!("{way:?}: what is no identity is lost"));
            drop_clone(&sandbox);
        }
    }
    faults.none();
}

#[test]
fn a_vm_and_its_clone_run_side_by_side() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let own = format!("{IMAGES}/c16.qcow2");
    qcow2(&sandbox, &own, "8M");
    shell(&sandbox, "mkdir -p /run/c16 && chmod 777 /run/c16 && chmod 666 \"$0\"", &[&own]);
    let devices: String = SINGLE
        .iter()
        .filter(|(what, ..)| {
            let takes =
                ["serial console by TCP", "serial console by a socket", "channel by TCP", "VNC on a port"];
            takes.contains(what)
        })
        .map(|(_, device, _)| *device)
        .collect();
    define(&sandbox, &domain("c16-serial", &format!("{}{devices}", disk(&own, "qcow2", "vda"))));
    sandbox.vmtools(&["clone", "c16-serial", "twin"]).run().success();
    sandbox.virsh(&["start", "--paused", "c16-serial"]);
    let run = sandbox.virsh_command(&["start", "--paused", "twin"]).timeout(MINUTE).run();
    assert!(run.status.success(), "{run}\n{}", stored(&sandbox, "twin"));
    drop_clone(&sandbox);
    sandbox.virsh(&["destroy", "c16-serial"]);
    // The case itself: a console and a log.
    forget(&sandbox, "c16-serial");
    define(&sandbox, &case("16-serial.xml"));
    sandbox.vmtools(&["clone", "c16-serial", "twin"]).run().success();
    let twin = stored(&sandbox, "twin");
    assert!(!twin.contains("45566") && !twin.contains("c16-console.log'"), "{twin}");
}

#[test]
fn a_clones_screen_is_not_open_to_more_than_its_sources() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let own = format!("{IMAGES}/c17.qcow2");
    qcow2_with(&sandbox, &own, "8M", "c17");
    let spice = "<graphics type='spice' autoport='yes' listen='0.0.0.0' passwd='letmein1'/>";
    let timed = "<graphics type='vnc' port='-1' autoport='yes' listen='0.0.0.0' passwd='letmein1' \
                 passwdValidTo='2038-01-01T00:00:00'/>";
    let of = |graphics: &str| domain("c17-pw", &format!("{}{graphics}", disk(&own, "qcow2", "vda")));
    let mut faults = Faults::default();
    for xml in [case("17-vnc-any.xml"), case("17-vnc.xml"), of(spice), of(timed)] {
        let name = if xml.contains("c17-vnc") { "c17-vnc" } else { "c17-pw" };
        // A libvirt without SPICE takes no such definition.
        let defined = sandbox.virsh_command(&["define", "/dev/stdin"]).stdin(&xml).run();
        if !defined.status.success() && xml.contains("spice") {
            continue;
        }
        defined.success();
        for way in WAYS {
            let run = sandbox.vmtools(&[way, &[name, "twin", "-vv"]].concat()).run();
            faults.check(run.status.success(), brief(&run));
            if run.status.success() {
                let twin = stored(&sandbox, "twin");
                let is_open = twin.contains("0.0.0.0") && !twin.contains("letmein1");
                faults.check(!is_open, format_args!("{way:?} {name}: open to all, without a password"));
                faults.check(twin.contains("letmein1"), format_args!("{way:?} {name}: the password is lost"));
                let is_timed = !xml.contains("passwdValidTo") || twin.contains("passwdValidTo");
                faults.check(is_timed, format_args!("{way:?} {name}: the password's end is lost"));
            }
            faults.check(!output(&run).contains("letmein1"), format_args!("{way:?} {name}: it is printed"));
            faults.check(stored(&sandbox, name).contains("letmein1"), "the source's password is lost");
            drop_clone(&sandbox);
        }
        forget(&sandbox, name);
    }
    faults.none();
    assert!(chain_holds(&sandbox, &own));
}
