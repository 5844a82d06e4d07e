use std::time::Duration;

use crate::system::process;

/// What kind of thing libvirt could not find, or found already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A domain: libvirt's word for a VM.
    Domain,
    /// A virtual network.
    Network,
    /// A storage pool.
    Pool,
    /// A storage volume.
    Volume,
    /// A snapshot of a domain.
    Snapshot,
}

impl Object {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Domain => "VM",
            Self::Network => "network",
            Self::Pool => "storage pool",
            Self::Volume => "storage volume",
            Self::Snapshot => "snapshot",
        }
    }
}

/// Why libvirt, or virsh on the way to it, did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("there is no {} {name:?}", .object.name())]
    NotFound {
        /// What was looked for.
        object: Object,
        /// Its name or UUID.
        name: String,
    },
    /// The name is taken.
    #[error("the {} {name:?} exists already", .object.name())]
    Exists {
        /// What stands in the way.
        object: Object,
        /// Its name.
        name: String,
    },
    /// It can't be done in the state that the domain, network or pool is in.
    #[error("`{command}`: {message}")]
    WrongState {
        /// The virsh command.
        command: String,
        /// libvirt's words.
        message: String,
    },
    /// No daemon answers at the URI.
    #[error("no libvirt answers at {uri}: {message}")]
    Unreachable {
        /// The connection URI.
        uri: String,
        /// libvirt's words.
        message: String,
    },
    /// This user may not.
    #[error("libvirt at {uri} refuses: {message}")]
    Denied {
        /// The connection URI.
        uri: String,
        /// libvirt's words.
        message: String,
    },
    /// Another operation holds the domain.
    #[error("`{command}`: {message}")]
    Busy {
        /// The virsh command.
        command: String,
        /// libvirt's words.
        message: String,
    },
    /// The guest agent is not there, or gives no answer.
    #[error("the guest agent does not answer: {message}")]
    Agent {
        /// libvirt's words.
        message: String,
    },
    /// The guest agent is connected, but gave no answer in time.
    #[error("the guest agent gave no answer in time: {message}")]
    AgentSilent {
        /// libvirt's words.
        message: String,
    },
    /// The guest agent answered that it does not.
    #[error("the guest agent refuses: {message}")]
    AgentRefused {
        /// Its words.
        message: String,
    },
    /// The guest agent's answer is longer than the 4 MiB that libvirt passes on (`REMOTE_STRING_MAX`), and lost.
    #[error("the guest agent's answer is longer than libvirt passes on")]
    AgentAnswerTooLong,
    /// The storage is full.
    #[error("`{command}`: {message}")]
    NoSpace {
        /// The virsh command.
        command: String,
        /// libvirt's words.
        message: String,
    },
    /// libvirt or virsh is too old for it.
    #[error("`{command}`: {message}")]
    Unsupported {
        /// The virsh command.
        command: String,
        /// libvirt's words.
        message: String,
    },
    /// The daemon's host has no TPM emulator.
    #[error("there is no TPM for VMs: {message}")]
    NoTpm {
        /// libvirt's words.
        message: String,
    },
    /// The daemon's host has no UEFI of the kind that was asked for.
    #[error("there is no UEFI for VMs: {message}")]
    NoFirmware {
        /// libvirt's words.
        message: String,
    },
    /// The daemon gave no answer in time. virsh was killed; the next call opens a new one.
    #[error("libvirt at {uri} gave no answer to `{command}` within {}", humantime::format_duration(*.deadline))]
    TimedOut {
        /// The connection URI.
        uri: String,
        /// The virsh command.
        command: String,
        /// The time that it had.
        deadline: Duration,
    },
    /// virsh or the daemon went away amid the call. The next call opens a new one.
    #[error("the connection to {uri} broke during `{command}`{}", if .message.is_empty() { String::new() } else { format!(": {}", .message) })]
    Lost {
        /// The connection URI.
        uri: String,
        /// The virsh command.
        command: String,
        /// virsh's last words.
        message: String,
    },
    /// libvirt refused for a reason of its own.
    #[error("`{command}`: {message}")]
    Refused {
        /// The virsh command.
        command: String,
        /// libvirt's words.
        message: String,
    },
    /// An argument that virsh's line-wise reader can't take.
    #[error("{text:?} holds a control character, which virsh cannot be given")]
    Unquotable {
        /// The argument.
        text: String,
    },
    /// What libvirt printed is not what its documentation says.
    #[error("cannot understand what `{command}` printed: {reason}")]
    Unexpected {
        /// The virsh command.
        command: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file for virsh could not be made.
    #[error("cannot hand a document to virsh")]
    Handover(#[source] std::io::Error),
    /// virsh itself could not be run.
    #[error("cannot run virsh")]
    Process(#[from] process::Error),
}

impl Error {
    /// Whether it says that a domain, network, pool or volume isn't there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the daemon could not be spoken with at all, so that asking again now is no use.
    pub fn is_connection(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Denied { .. }
                | Self::TimedOut { .. }
                | Self::Lost { .. }
                | Self::Process(_)
        )
    }
}

/// Makes a typed error of what virsh printed on standard error: the one place that reads libvirt's
/// English. The texts are those of libvirt 9.0 to 11.3 (virsh's sources, `src/util/virerror.c`).
pub(in crate::libvirt) fn classify(uri: &str, command: &str, stderr: &str) -> Error {
    let lines: Vec<&str> = stderr
        .lines()
        .map(|line| line.strip_prefix("error: ").unwrap_or(line).trim())
        .filter(|line| !line.is_empty())
        .collect();
    let message = lines.join(": ");
    let begins = |prefix: &str| lines.iter().any(|line| line.starts_with(prefix));
    let holds = |part: &str| lines.iter().any(|line| line.contains(part));
    let (uri, command) = (uri.to_owned(), command.to_owned());

    if [
        "authentication unavailable",
        "authentication failed",
        "authentication cancelled",
        "access denied",
        "operation forbidden",
    ]
    .iter()
    .any(|text| begins(text))
        || (begins("failed to connect to the hypervisor") && holds("Permission denied"))
        || (begins("failed to connect to the hypervisor") && holds("system bus connection"))
    {
        return Error::Denied { uri, message };
    }
    // virtlogd's socket is the daemon's to connect to, not ours.
    let ours = !holds("virtlogd");
    if begins("failed to connect to the hypervisor") || (begins("Failed to connect socket") && ours) {
        return Error::Unreachable { uri, message };
    }
    if [
        "Disconnected from",
        "client socket is closed",
        "internal error: client socket is closed",
        "Cannot recv data",
        "Cannot write data",
        "End of file while reading data",
    ]
    .iter()
    .any(|text| begins(text))
    {
        return Error::Lost { uri, command, message };
    }
    if holds("No space left on device") {
        return Error::NoSpace { command, message };
    }
    for (prefix, object) in [
        ("storage volume '", Object::Volume),
        ("operation failed: domain '", Object::Domain),
        ("Requested operation is not valid: domain with name '", Object::Domain),
        ("operation failed: network '", Object::Network),
        ("operation failed: pool '", Object::Pool),
        ("operation failed: storage pool '", Object::Pool),
    ] {
        let taken = lines.iter().find(|line| {
            line.starts_with(prefix) && line.contains(" already")
                || line.starts_with(prefix) && line.contains("' exists already")
        });
        if let Some(line) = taken {
            return Error::Exists { object, name: first_quoted(line) };
        }
    }
    for (prefix, object) in [
        ("Storage volume not found", Object::Volume),
        ("failed to get vol '", Object::Volume),
        ("Storage pool not found", Object::Pool),
        ("failed to get pool '", Object::Pool),
        ("Network not found", Object::Network),
        ("failed to get network '", Object::Network),
        ("Domain snapshot not found", Object::Snapshot),
        ("Domain not found", Object::Domain),
        ("failed to get domain '", Object::Domain),
    ] {
        if let Some(line) = lines.iter().find(|line| line.starts_with(prefix)) {
            return Error::NotFound { object, name: first_quoted(line) };
        }
    }
    if begins("guest agent command timed out") || holds("guest agent didn't respond") {
        return Error::AgentSilent { message };
    }
    if begins("Guest agent is not responding")
        || begins("argument unsupported: QEMU guest agent is not configured")
    {
        return Error::Agent { message };
    }
    if let Some(message) = lines.iter().find_map(|line| agents_words(line)) {
        return Error::AgentRefused { message };
    }
    if begins("Timed out during operation: cannot acquire state change lock") || begins("resource busy") {
        return Error::Busy { command, message };
    }
    if begins("Requested operation is not valid") || begins("Domain is already active") {
        return Error::WrongState { command, message };
    }
    if holds("unsupported configuration: TPM") {
        return Error::NoTpm { message };
    }
    if holds("Unable to find 'efi' firmware") {
        return Error::NoFirmware { message };
    }
    if begins("unknown command")
        || holds("is not supported") && holds("unsupported configuration")
        || begins("command '") && holds("doesn't support option")
    {
        return Error::Unsupported { command, message };
    }
    Error::Refused { command, message }
}

/// What the guest agent itself said, in libvirt's words around it.
fn agents_words(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("unable to execute QEMU agent command '")?;
    let (_, words) = rest.split_once("': ")?;
    let bare = words.strip_prefix("Guest agent command failed, error was '");
    Some(bare.and_then(|bare| bare.strip_suffix('\'')).unwrap_or(words).to_owned())
}

fn first_quoted(line: &str) -> String {
    let mut parts = line.split('\'');
    parts.next();
    parts.next().unwrap_or("").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = of("error: failed to get domain 'web'\n");
        assert!(matches!(error, Error::NotFound { object: Object::Domain, name } if name == "web"));
        let error = of(
            "error: failed to get network 'default'\nerror: Network not found: no network with matching name 'default'\n",
        );
        assert!(matches!(error, Error::NotFound { object: Object::Network, name } if name == "default"));
        let error = of(
            "error: failed to get vol 'x.qcow2'\nerror: Storage volume not found: no storage vol with matching path 'x.qcow2'",
        );
        assert!(matches!(error, Error::NotFound { object: Object::Volume, name } if name == "x.qcow2"));
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
        assert!(matches!(
            of("error: Disconnected from qemu:///system due to end of file"),
            Error::Lost { .. }
        ));
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
        assert!(
            matches!(of(refused), Error::AgentRefused { message } if message.starts_with("failed to open"))
        );
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
}
