use super::RefusalReason;
use super::messages::Messages;
use super::template::{captures, is_of};

/// What libvirt's message means, if it is none that has an error of its own.
pub(super) fn refusal_reason(messages: &Messages) -> RefusalReason {
    let body = messages.body();
    let of_socket = captures(body, "Failed to connect socket to '{}': {}");
    let by_program = |program: &str| {
        failed_program(body) == Some(program)
            || is_of(body, &format!("Cannot find '{program}' in path: {{}}"))
            || is_of(body, &format!("Could not start '{program}': {{}}"))
            || is_of(body, &format!("Unable to find '{program}' binary in $PATH{{}}"))
    };
    match body {
        "No more available PCI slots" => RefusalReason::NoPciSlot,
        "Active console session exists for this domain" => RefusalReason::ConsoleInUse,
        _ if of_socket.is_some_and(|found| found.first().is_some_and(|path| is_virtlogds(path))) => {
            RefusalReason::LogDaemonDown
        }
        _ if body.starts_with("can't connect to virtlogd") => RefusalReason::LogDaemonDown,
        _ if is_of(body, "Network is already in use by interface {}") => RefusalReason::SubnetInUse,
        _ if messages.has_line(is_of_lock) => RefusalReason::ImageLocked,
        _ if messages.ends_a_line("Error while writing VM state: Input/output error") => {
            RefusalReason::MemoryUnwritten
        }
        _ if by_program("dnsmasq") => RefusalReason::Dnsmasq,
        _ if by_program("passt") => RefusalReason::Passt,
        _ if messages.ends_a_line("Permission denied") => RefusalReason::PermissionDenied,
        _ => RefusalReason::Other,
    }
}

/// The program that libvirt ran and that failed, by its file's name.
fn failed_program(body: &str) -> Option<&str> {
    let mut words = body.strip_prefix("Child process (")?.split(' ');
    // Variables of its environment come before it: `LC_ALL=C /usr/sbin/dnsmasq --version`.
    let is_variable = |word: &str| word.split('/').next().is_some_and(|start| start.contains('='));
    words.find(|word| !is_variable(word))?.rsplit('/').next()
}

/// The second line of what QEMU and qemu-img say of a lock (block/file-posix.c, `raw_check_lock_bytes`).
fn is_of_lock(line: &str) -> bool {
    is_of(line, "Is another process using the image [{}]?")
}

pub(super) fn is_virtlogds(path: &str) -> bool {
    path.ends_with("/virtlogd-sock")
}
