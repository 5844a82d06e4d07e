use super::{Error, Object, RefusalReason, classify};

fn of(stderr: &str) -> Error {
    classify("qemu:///system", "cmd", stderr)
}

#[test]
fn what_the_host_lacks_is_told() {
    let start = "error: Failed to define domain from /proc/1/fd/9\nerror: ";
    let tpm = format!("{start}unsupported configuration: TPM version '2.0' is not supported");
    assert!(matches!(of(&tpm), Error::NoTpm { .. }));
    let firmware = format!(
        "{start}operation failed: Unable to find 'efi' firmware that is compatible with the current configuration"
    );
    assert!(matches!(of(&firmware), Error::NoFirmware { .. }));
    // libvirt 11.3.
    let snapshot = "error: Operation not supported: internal snapshots of a VM with pflash based firmware require QCOW2 nvram format";
    assert!(matches!(of(snapshot), Error::Unsupported { .. }));
}

#[test]
fn a_file_without_a_name_is_called_something_else() {
    let error =
        of("error: Failed to attach device from /proc/12/fd/7\nerror: internal error: no free slot\n");
    let said = error.to_string();
    assert!(said.contains("Failed to attach device from the XML") && !said.contains("/proc"), "{said}");
}

#[test]
fn what_is_missing_is_named() {
    let error = of("error: failed to get domain 'web'\n");
    assert!(matches!(error, Error::NotFound { object: Object::Domain, name, .. } if name == "web"));
    let error = of(
        "error: failed to get network 'default'\nerror: Network not found: no network with matching name 'default'\n",
    );
    assert!(matches!(error, Error::NotFound { object: Object::Network, name, .. } if name == "default"));
    let error = of(
        "error: failed to get vol 'x.qcow2'\nerror: Storage volume not found: no storage vol with matching path 'x.qcow2'",
    );
    assert!(matches!(error, Error::NotFound { object: Object::Volume, name, .. } if name == "x.qcow2"));
}

#[test]
fn what_is_taken_is_named() {
    let error = of(
        "error: Failed to define domain from /proc/1/fd/9\nerror: operation failed: domain 'web' already exists with uuid 5f0b0a33-6b55-4b3c-9d1c-9f0c2f6d8f11\n",
    );
    assert!(matches!(error, Error::Exists { object: Object::Domain, name } if name == "web"));
    // virsh 11.3.0: `virsh domrename a web`
    let error = of("error: Requested operation is not valid: domain with name 'web' already exists\n");
    assert!(matches!(error, Error::Exists { object: Object::Domain, name } if name == "web"));
    let error = of("error: Failed to create vol x\nerror: storage volume 'x' exists already\n");
    assert!(matches!(error, Error::Exists { object: Object::Volume, name } if name == "x"));
}

#[test]
fn the_way_there_is_told_from_the_right_to_go() {
    assert!(matches!(
        of(
            "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/run/libvirt/libvirt-sock': No such file or directory"
        ),
        Error::Unreachable { .. }
    ));
    assert!(matches!(
        of(
            "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/run/libvirt/libvirt-sock': Permission denied"
        ),
        Error::Denied { .. }
    ));
    assert!(matches!(
        of(
            "error: failed to connect to the hypervisor\nerror: authentication unavailable: no polkit agent available to authenticate action 'org.libvirt.unix.manage'"
        ),
        Error::Denied { .. }
    ));
    assert!(matches!(of("error: Disconnected from qemu:///system due to end of file"), Error::Lost { .. }));
    assert!(matches!(of("error: no valid connection"), Error::Lost { .. }));
}

#[test]
fn states_agents_and_full_disks() {
    assert!(matches!(
        of("error: Requested operation is not valid: domain is not running"),
        Error::WrongState { .. }
    ));
    assert!(matches!(
        of("error: Guest agent is not responding: QEMU guest agent is not connected"),
        Error::Agent { .. }
    ));
    // libvirt 11.3.0, the agent stopped: the first command, and those after it.
    for text in [
        "error: guest agent command timed out: guest agent didn't respond to command within '2' seconds",
        "error: Guest agent is not responding: guest agent didn't respond to synchronization within '2' seconds",
    ] {
        assert!(matches!(of(text), Error::AgentSilent { .. }), "{text}");
    }
    let refused = "error: guest agent command failed: unable to execute QEMU agent command 'guest-exec': Guest agent command failed, error was 'Failed to execute child process \u{201c}x\u{201d} (Permission denied)'";
    let words = "Failed to execute child process \u{201c}x\u{201d} (Permission denied)";
    assert!(matches!(of(refused), Error::AgentRefused { message } if message == words));
    let refused = "error: internal error: unable to execute QEMU agent command 'guest-file-open': failed to open file '/x' (mode: 'r'): No such file or directory";
    assert!(matches!(of(refused), Error::AgentRefused { message } if message.starts_with("failed to open")));
    assert!(matches!(
        of("error: cannot write data to file 'x': No space left on device"),
        Error::NoSpace { .. }
    ));
    assert!(
        matches!(of("error: something new"), Error::Refused { message, .. } if message == "something new")
    );
}

#[test]
fn a_socket_that_is_the_daemons_to_connect_to_is_no_lost_connection() {
    // virsh 11.3.0: `virsh start vl`, with virtlogd killed.
    let text = "error: Failed to start domain 'vl'\nerror: Failed to connect socket to '/run/libvirt/virtlogd-sock': Connection refused\n";
    assert!(matches!(classify("qemu:///system", "virsh start", text), Error::Refused { .. }));
    let ours = "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory\n";
    assert!(matches!(classify("qemu:///system", "virsh list", ours), Error::Unreachable { .. }));
}

/// libvirt 11.3.0: `virsh` commands in a sandbox, with what each was given.
#[test]
fn reasons_for_a_refusal() {
    for (reason, text) in [
        (
            RefusalReason::PermissionDenied,
            "error: Failed to start domain 'perm'\nerror: Cannot access storage file '/srv/x.qcow2' (as uid:64055, gid:64055): Permission denied",
        ),
        (
            RefusalReason::NoPciSlot,
            "error: Failed to attach interface\nerror: internal error: No more available PCI slots",
        ),
        (
            RefusalReason::LogDaemonDown,
            "error: Failed to start domain 'logs'\nerror: Failed to connect socket to '/run/libvirt/virtlogd-sock': No such file or directory",
        ),
        (
            RefusalReason::Dnsmasq,
            "error: Failed to start network nodns\nerror: Unable to find 'dnsmasq' binary in $PATH: No such file or directory",
        ),
        (
            RefusalReason::Dnsmasq,
            "error: Failed to start network nodns\nerror: internal error: Child process (LC_ALL=C PATH=/usr/local/sbin:/usr/sbin /usr/sbin/dnsmasq --version) unexpected exit status 2: no such luck\n\n",
        ),
        (
            RefusalReason::Passt,
            "error: Failed to start domain 'x'\nerror: internal error: Child process (passt --one-off --socket /run/user/4242/libvirt/qemu/run/passt/3-x-net0.socket --tcp-ports 127.0.0.1/2222:22) unexpected exit status 1: Failed to send 46 bytes to syslog\nNo external routable interface for IPv4\nExternal interface not usable\n\n",
        ),
        (
            RefusalReason::Passt,
            "error: Failed to start domain 'x'\nerror: Cannot find 'passt' in path: No such file or directory",
        ),
        (
            RefusalReason::SubnetInUse,
            "error: Failed to start network clash\nerror: internal error: Network is already in use by interface out0",
        ),
        (
            RefusalReason::MemoryUnwritten,
            "error: operation failed: snapshot-save job failed: Error while writing VM state: Input/output error",
        ),
        (
            RefusalReason::ConsoleInUse,
            "error: operation failed: Active console session exists for this domain",
        ),
        (
            RefusalReason::ImageLocked,
            "error: Failed to start domain 'x'\nerror: internal error: QEMU unexpectedly closed the monitor (vm='x'): 2026-11-26T20:00:00.000000Z qemu-system-x86_64: -blockdev {\"node-name\":\"libvirt-1-format\"}: Failed to get \"write\" lock\nIs another process using the image [/srv/x.qcow2]?",
        ),
        (
            RefusalReason::ImageLocked,
            "error: Failed to create vol c\nerror: internal error: Child process (/usr/bin/qemu-img convert -f qcow2 -O qcow2 /srv/x.qcow2 /srv/c.qcow2) unexpected exit status 1: qemu-img: Could not open '/srv/x.qcow2': Failed to get shared \"write\" lock\nIs another process using the image [/srv/x.qcow2]?\n",
        ),
    ] {
        assert_eq!(of(text).refusal(), Some(reason), "{text}");
    }
}

/// The same, for what has a variant of its own.
#[test]
fn files_that_are_there_or_not() {
    for text in [
        "error: Storage volume not found: no storage vol with matching path '/p/c'",
        "error: cannot download from volume c\nerror: Unable to open stream for '/p/c': No such file or directory",
        "error: Failed to create vol d\nerror: inaccessible backing store volume /p/c: No such file or directory",
        "error: Failed to start pool p\nerror: cannot open directory '/p/c': No such file or directory",
        "error: Failed to start domain 'x'\nerror: Cannot access storage file '/p/c' (as uid:64055, gid:64055): No such file or directory",
    ] {
        assert!(matches!(of(text), Error::FileMissing { path } if path == "/p/c"), "{text}");
    }
    let there = "error: Failed to create vol b\nerror: Requested operation is not valid: volume target path '/p/b' already exists";
    assert!(matches!(of(there), Error::FileExists { path } if path == "/p/b"));
    let by_path = "error: failed to get vol '/p/c', specifying --pool might help\nerror: Storage volume not found: no storage vol with matching path '/p/c'";
    assert!(matches!(of(by_path), Error::NotFound { object: Object::Volume, name, .. } if name == "/p/c"));
}

#[test]
fn what_may_work_later_is_busy() {
    for text in [
        "error: Failed to refresh pool p\nerror: internal error: pool 'p' has asynchronous jobs running.",
        "error: Failed to delete vol x\nerror: internal error: volume 'x' is still being allocated.",
        "error: Failed to delete vol x\nerror: Requested operation is not valid: volume 'x' is still in use.",
        "error: Failed to start pool p\nerror: Requested operation is not valid: storage pool 'p' is starting up",
    ] {
        assert!(matches!(of(text), Error::Busy { .. }), "{text}");
    }
}

#[test]
fn metadata_that_is_not_there() {
    // By libvirt's virerror.c and virDomainObjGetMetadata.
    let text = "error: metadata not found: Requested metadata element is not present";
    assert!(matches!(of(text), Error::NotFound { object: Object::Metadata, .. }));
}

#[test]
fn devices_that_are_not_there() {
    // virsh 11.3, of `detach-disk`, `detach-interface` and `detach-device`.
    for (text, expected) in [
        ("error: Failed to get disk information", "Failed to get disk information"),
        ("error: No interface found whose type is network\nerror: Failed to detach interface", "network"),
        (
            "error: No interface with MAC address 52:54:00:00:00:02 was found\nerror: Failed to detach interface",
            "52:54:00:00:00:02",
        ),
        (
            "error: Failed to detach device from /tmp/disk.xml\nerror: device not found: disk vdq not found",
            "disk vdq not found",
        ),
    ] {
        match of(text) {
            Error::NotFound { object: Object::Device, name, .. } => assert_eq!(name, expected),
            other => panic!("{text}: {other:?}"),
        }
    }
    let other = "error: Failed to get disk information\nerror: internal error: something else";
    assert!(!of(other).is_not_found());
}

#[test]
fn reservations_and_pools_that_are_off() {
    let text = "error: Failed to update network default\nerror: Requested operation is not valid: there is an existing dhcp host entry in network 'default' that matches \"<host mac='52:54:00:00:00:02' name='b' ip='192.168.122.50'/>\"";
    assert!(matches!(of(text), Error::Exists { object: Object::Reservation, .. }));
    let text = "error: Failed to update network default\nerror: Requested operation is not valid: couldn't locate a matching dhcp host entry in network 'default'";
    assert!(matches!(of(text), Error::NotFound { object: Object::Reservation, .. }));
    for text in [
        "error: Failed to list volumes\nerror: Requested operation is not valid: storage pool 'q' is not active",
        "error: pool 'q' is not active",
    ] {
        assert!(matches!(of(text), Error::WrongState { .. }), "{text}");
    }
}

#[test]
fn an_answer_of_the_agent_that_is_too_long() {
    let text = "error: Unable to encode message payload";
    let asked = classify("qemu:///system", "virsh qemu-agent-command --domain 'x'", text);
    assert!(matches!(asked, Error::AgentAnswerTooLong));
    assert_eq!(of(text).refusal(), Some(RefusalReason::Other));
}

/// The case 18 of public reports: a word within a name is no reason.
#[test]
fn a_name_is_not_taken_for_a_reason() {
    for text in [
        "error: Failed to start domain 'c18-word'\nerror: unsupported configuration: host doesn't support passthrough of host PCI devices",
        "error: Failed to start domain 'gpu-passt'\nerror: internal error: something new",
        "error: Failed to start domain 'passt'\nerror: internal error: Child process (/usr/bin/passt-helper passt) unexpected exit status 1: no",
        "error: Failed to start network x: Permission denied\nerror: internal error: something new",
        "error: Failed to start network No more available PCI slots\nerror: internal error: something new",
        "error: Failed to start domain 'x'\nerror: internal error: cannot load '/srv/dnsmasq/No space left on device: Permission denied'",
        "error: Failed to start domain 'x'\nerror: unsupported configuration: machine 'is not supported' needs a bus",
    ] {
        assert_eq!(of(text).refusal(), Some(RefusalReason::Other), "{text}");
    }
    let missing = "error: Failed to start domain 'gpu-passthrough'\nerror: Cannot access storage file '/srv/passt: Permission denied' (as uid:64055, gid:64055): No such file or directory";
    assert!(matches!(of(missing), Error::FileMissing { path } if path == "/srv/passt: Permission denied"));
    let gone = "error: failed to get domain 'x' already exists'";
    assert!(matches!(of(gone), Error::NotFound { name, .. } if name == "x' already exists"));
}

#[test]
fn the_agents_words_are_no_words_of_libvirts() {
    for words in ["failed to write '/x': No space left on device", "access denied", "Permission denied"] {
        let text = format!(
            "error: internal error: unable to execute QEMU agent command 'guest-file-write': {words}"
        );
        assert!(matches!(of(&text), Error::AgentRefused { message } if message == words), "{words}");
    }
}
