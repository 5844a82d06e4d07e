//! Every element of a domain that names something of its host or identifies its machine, and what becomes of
//! it in a copy. Made from libvirt's formatdomain and its schema (domaincommon.rng of libvirt 11.3), element
//! by element.

use super::obstacle::Conflict;
use super::{Copying, character_device, command_line, disk, graphics, interface, machine};
use crate::libvirt::xml::Element;

/// What becomes of an element in a copy.
pub(super) enum Treatment {
    /// It is made the copy's own; what is in it is looked at, too.
    Replaced(fn(&mut Copying<'_>, &mut Element, &str)),
    /// It goes, so that libvirt makes another.
    Removed,
    /// It stays, with all that is in it: both may have it.
    Shared,
    /// It forbids a copy. The function names what is in conflict.
    Refused(Conflict, fn(&Element) -> String),
}

/// What becomes of the elements with a path.
struct Row {
    /// The path below `<domain>`, by names; `a|b` is either name, `*` any.
    path: &'static str,
    /// Which of the elements with that path it is about. Of several rows the first that fits counts.
    is_about: fn(&Element) -> bool,
    treatment: Treatment,
    #[expect(dead_code, reason = "for those who read and change the table, where it can't be left out")]
    reason: &'static str,
}

/// What becomes of the element; `None` when no row is about it.
pub(super) fn treatment(path: &str, element: &Element) -> Option<&'static Treatment> {
    let row = ROWS.iter().find(|row| matches(row.path, path) && (row.is_about)(element))?;
    Some(&row.treatment)
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut names) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(alternatives), Some(name)) => {
                if alternatives != "*" && !alternatives.split('|').any(|one| one == name) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

const fn row(
    path: &'static str,
    is_about: fn(&Element) -> bool,
    treatment: Treatment,
    reason: &'static str,
) -> Row {
    Row { path, is_about, treatment, reason }
}

fn any(_: &Element) -> bool {
    true
}

use Treatment::{Refused, Removed, Replaced, Shared};

const CHARACTER_DEVICES: &str = "devices/serial|parallel|console|channel|redirdev|smartcard";
const IN_CHARACTER_DEVICES: &str = "devices/serial|parallel|console|channel|redirdev|smartcard/*";

#[rustfmt::skip]
static ROWS: &[Row] = &[
    // Who the machine is.
    row("title|description", any, Shared, "text for people"),
    row("metadata", any, Shared, "what others keep there; vmtools' own record is made anew"),
    row("genid", any, Replaced(machine::empty), "libvirt makes another; the guest is to see that it is another machine"),
    row("sysinfo/entry", any, Replaced(machine::firmware_entry), "a file that is handed to the guest is read only; one that tells who the guest is gets a copy"),
    row("sysinfo/*/entry", any, Replaced(machine::smbios_entry), "the UUID has to be the domain's, and serial numbers tell machines apart"),
    // How it starts.
    row("os/nvram", any, Replaced(machine::nvram), "the firmware writes to it"),
    row("os/loader", machine::is_written_firmware, Replaced(machine::written_firmware), "firmware and its variables in one file, which the firmware writes to"),
    row("os/loader|kernel|initrd|cmdline|dtb|shim|root", any, Shared, "only read"),
    row("os/acpi", any, Shared, "only read"),
    row("os/init|initarg|initenv|initdir|inituser|initgroup", any, Shared, "of containers, in their own file system"),
    row("bootloader|bootloader_args", any, Shared, "a program of the host"),
    // How it is run.
    row("resource|blkiotune|cputune|numatune|memtune|idmap", any, Shared, "limits and places that the host's administrator has chosen; several machines may have the same"),
    row("seclabel", any, Shared, "a static label is the administrator's choice; libvirt makes dynamic ones itself"),
    row("launchSecurity/session|dhCert", any, Refused(Conflict::Identity, machine::name), "made by the guest's owner for one launch of one machine"),
    row("launchSecurity/*", any, Shared, "what the guest's owner demands of every launch"),
    row("qemu:commandline", any, Replaced(command_line::check), "QEMU's own arguments may name anything"),
    row("qemu:commandline/*", any, Shared, "looked at above"),
    row("qemu:override|capabilities|deprecation", any, Shared, "settings"),
    row("devices/emulator", any, Shared, "a program of the host"),
    // Its disks.
    row("devices/disk", any, Replaced(disk::copy), "both would write to one image"),
    row("devices/disk/serial|wwn|vendor|product", any, Shared, "only its guest sees it, which finds its disks by it (/dev/disk/by-id)"),
    row("devices/disk/*", any, Shared, "its image is the copy's own, is only read, or is meant for several machines"),
    row("devices/controller/*", any, Shared, "inside the machine"),
    row("devices/lease", any, Refused(Conflict::Exclusive, machine::lease), "a lock that lets one machine run"),
    // Its networks.
    row("devices/interface", interface::is_hostdev, Refused(Conflict::Exclusive, machine::host_device), "a device that is passed through"),
    row("devices/interface", interface::is_vdpa, Refused(Conflict::Exclusive, interface::device), "a device that one QEMU opens"),
    row("devices/interface", interface::is_passthrough, Refused(Conflict::Exclusive, interface::device), "macvtap in passthrough mode takes the whole device"),
    row("devices/interface", interface::is_given_tap, Refused(Conflict::Exclusive, interface::tap), "a tap device that somebody else has made for this machine"),
    row("devices/interface", interface::is_vhost_user, Refused(Conflict::SinglePeer, interface::socket), "the switch at the other end has one port for the socket"),
    row("devices/interface", interface::is_client, Refused(Conflict::SinglePeer, interface::peer), "the QEMU at the other end takes one connection"),
    row("devices/interface", interface::is_udp, Refused(Conflict::SinglePeer, interface::peer), "the QEMU at the other end sends to one port"),
    row("devices/interface", interface::has_host_address, Refused(Conflict::Identity, interface::host_address), "an address of the host's end of the tap"),
    row("devices/interface", interface::is_midonet, Refused(Conflict::Identity, interface::midonet_port), "the port of the virtual network, which is for one machine"),
    row("devices/interface", any, Replaced(interface::copy), "its hardware address, its device on the host, its ports"),
    row("devices/interface/*", any, Shared, "networks, bridges, programs and settings of the host"),
    // Its character devices.
    row("devices/smartcard", machine::is_host_smartcard, Shared, "card readers and certificates of the host, which are only read"),
    row("devices/redirdev", character_device::is_connection, Refused(Conflict::SinglePeer, character_device::target), "one USB device at the other end"),
    row(CHARACTER_DEVICES, any, Replaced(character_device::copy), "its port, socket, file or device"),
    row(IN_CHARACTER_DEVICES, any, Shared, "inside the machine, or made its own above"),
    row("devices/rng", character_device::is_entropy_server, Replaced(character_device::entropy_server), "a connection to an entropy daemon"),
    row("devices/rng/*", any, Shared, "the host's random numbers"),
    // What is passed through from the host.
    row("devices/hostdev", machine::is_shareable, Shared, "said to be for several machines"),
    row("devices/hostdev", any, Refused(Conflict::Exclusive, machine::host_device), "a device that is passed through"),
    row("devices/input", machine::has_source, Refused(Conflict::Exclusive, machine::input), "a keyboard or mouse of the host that one machine grabs"),
    row("devices/tpm", machine::is_passthrough_tpm, Refused(Conflict::Exclusive, machine::tpm_device), "the host's own TPM"),
    row("devices/tpm", machine::is_external_tpm, Refused(Conflict::SinglePeer, machine::tpm_socket), "an emulator that others run for this machine"),
    row("devices/tpm/backend/source", any, Removed, "the emulator's state, which libvirt keeps by the UUID"),
    row("devices/vsock", any, Replaced(machine::vsock), "the address of the guest on the host"),
    // What it shares with its host.
    row("devices/filesystem", machine::is_served_elsewhere, Refused(Conflict::SinglePeer, machine::filesystem), "a daemon that others run for this machine"),
    row("devices/filesystem", machine::is_written_image, Refused(Conflict::Exclusive, machine::filesystem), "a file system that two machines must not mount"),
    row("devices/filesystem", any, Shared, "a directory of the host, which several machines may mount"),
    row("devices/memory", machine::is_written_memory, Replaced(machine::memory), "memory that is kept in a file"),
    row("devices/memory/uuid", any, Removed, "libvirt makes another"),
    row("devices/memory/*", any, Shared, "only read, or a copy of its own in memory"),
    row("devices/shmem", machine::has_server, Shared, "a server that machines connect to in order to share"),
    row("devices/shmem", any, Refused(Conflict::Exclusive, machine::shared_memory), "memory that two machines talk through, where a third would interfere"),
    row("devices/pstore/path", any, Removed, "the guest's crash logs; libvirt makes another file"),
    // How it is shown and heard.
    row("devices/graphics", any, Replaced(graphics::copy), "its ports and sockets; passwords stay"),
    row("devices/graphics/*", any, Shared, "addresses and devices of the host for all machines"),
    row("devices/audio", machine::is_audio_file, Replaced(machine::audio_file), "a recording"),
    row("devices/audio", any, Shared, "the host's sound system"),
    row("devices/video", any, Shared, "the host's render nodes, which several programs use"),
    row("devices/crypto", any, Shared, "the host's cryptography"),
];
