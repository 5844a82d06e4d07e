//! QEMU's own arguments in a definition (`<qemu:commandline>`). They may name anything; those that name what two
//! machines can't share are found by their option and by the keys in its value, as qemu(1) documents them.

use super::Copying;
use super::obstacle::Conflict;
use crate::libvirt::domain::monitor;
use crate::libvirt::xml::{Element, Node};

/// Options whose values are only read, or name nothing of the host, whatever stands in them.
const HARMLESS: &[&str] = &[
    "accel",
    "append",
    "bios",
    "boot",
    "cdrom",
    "cpu",
    "d",
    "dfilter",
    "display",
    "dtb",
    "enable-kvm",
    "fsdev",
    "global",
    "icount",
    "initrd",
    "k",
    "kernel",
    "L",
    "m",
    "machine",
    "M",
    "name",
    "no-hpet",
    "no-reboot",
    "no-shutdown",
    "no-user-config",
    "nodefaults",
    "overcommit",
    "readconfig",
    "rtc",
    "sandbox",
    "set",
    "smp",
    "S",
    "acpitable",
    "audio",
    "compat",
    "msg",
    "no-acpi",
    "no-fd-bootchk",
    "numa",
    "vga",
    "virtfs",
    "watchdog-action",
    "win2k-hack",
];
/// Options that make QEMU listen or write, whatever their value.
const TAKING: &[&str] = &[
    "D", "fda", "fdb", "gdb", "hda", "hdb", "hdc", "hdd", "incoming", "mtdblock", "pflash", "pidfile", "s",
    "sd", "spice", "tpmdev", "trace", "vnc",
];
/// Keys of the other options' values that name something of the host or an identity.
const TAKING_KEYS: &[&str] = &[
    "connect",
    "fd",
    "file",
    "filename",
    "guest-cid",
    "guestfwd",
    "guid",
    "host",
    "hostaddr",
    "hostbus",
    "hostdevice",
    "hostfwd",
    "hostport",
    "ifname",
    "listen",
    "localaddr",
    "logfile",
    "mac",
    "mcast",
    "mem-path",
    "path",
    "port",
    "productid",
    "socket_path",
    "sysfsdev",
    "udp",
    "unix",
    "uuid",
    "vendorid",
    "vhostdev",
    "wwpn",
];
/// Beginnings of values that name an end of a character device.
const TAKING_VALUES: &[&str] = &["/dev/", "file:", "pipe:", "tcp:", "telnet:", "udp:", "unix:", "websocket:"];

/// Finds what the copy can't have of the arguments; vmtools' own monitor is moved later.
pub(super) fn check(copying: &mut Copying<'_>, commandline: &mut Element, place: &str) {
    let mut option = String::new();
    for node in &mut commandline.children {
        let is_ours = monitor::is_ours(node);
        let Node::Element(argument) = node else { continue };
        if argument.local_name() != "arg" {
            continue;
        }
        let Some(value) = argument.attribute("value").map(str::to_owned) else { continue };
        if let Some(name) = value.strip_prefix('-') {
            name.trim_start_matches('-').clone_into(&mut option);
            // A debugger's port, without a value.
            if option == "s" {
                copying.obstacle(place, Conflict::Exclusive, value);
            }
        } else if option == "fw_cfg" {
            replace_firmware_file(copying, argument, &value);
        } else if !is_ours && is_taking(&option, &value) {
            copying.obstacle(place, Conflict::Exclusive, format!("-{option} {value}"));
        }
    }
}

fn is_taking(option: &str, value: &str) -> bool {
    if HARMLESS.contains(&option) {
        return false;
    }
    let settings = || value.split(',').filter_map(|part| part.split_once('='));
    let is_read_only = settings()
        .any(|(key, value)| matches!((key, value), ("readonly" | "read-only", "on" | "true" | "yes")));
    if matches!(option, "drive" | "blockdev") && is_read_only {
        return false;
    }
    // Random numbers, and keys that are read.
    if option == "object"
        && ["rng-random,", "secret,", "tls-creds-"].iter().any(|kind| value.starts_with(kind))
    {
        return false;
    }
    // The SMBIOS serial tells cloud-init where its data is.
    if option == "smbios" {
        return settings().any(|(key, _)| key == "uuid");
    }
    // JSON is for -blockdev, -device, -netdev and -object; what it names is not looked for.
    value.starts_with('{')
        || TAKING.contains(&option)
        || TAKING_VALUES.iter().any(|start| value.starts_with(start))
        || settings().any(|(key, _)| TAKING_KEYS.contains(&key))
}

/// Ignition's configuration is handed to the guest so, too.
fn replace_firmware_file(copying: &Copying<'_>, argument: &mut Element, value: &str) {
    let parts: Vec<String> = value
        .split(',')
        .map(|part| match part.strip_prefix("file=").and_then(|file| copying.copy.files.get(file)) {
            Some(file) => format!("file={}", file.path),
            None => part.to_owned(),
        })
        .collect();
    argument.set_attribute("value", parts.join(","));
}
