//! Makes a typed error of what virsh printed on standard error: the one place that reads libvirt's English.
//!
//! virsh prints a headline of its own (`error: Failed to start domain 'web'`), then libvirt's message
//! (`error: internal error: ...`), whose further lines, such as those of QEMU, have no `error: ` before them. Both hold
//! names that anyone may have chosen. So a message is compared as a whole with the templates of libvirt 9.0 to 11.3
//! (`src/util/virerror.c` and where each is reported), never searched for a word.

use super::messages::Messages;
use super::refusal::{is_virtlogds, refusal_reason};
use super::template::{captures, is_of};
use super::{Error, Object, RefusalReason};

/// What virsh prints before it tells why it has no connection.
const NO_CONNECTION: &str = "failed to connect to the hypervisor";
/// The error that these lines of a virsh command's standard error tell of.
pub(in crate::libvirt) fn classify(uri: &str, command: &str, stderr: &str) -> Error {
    let messages = Messages::read(stderr);
    let of_connection = connection_error(uri, command, &messages);
    // The agent's words are the guest's own, and may read like any of the others.
    let found = of_connection
        .or_else(|| agent_error(command, &messages))
        .or_else(|| name_taken(&messages))
        .or_else(|| not_found(&messages))
        .or_else(|| file_missing(&messages))
        .or_else(|| busy_or_full(command, &messages))
        .or_else(|| not_available(command, &messages));
    found.unwrap_or_else(|| {
        let (command, message) = (command.to_owned(), messages.joined());
        match refusal_reason(&messages) {
            RefusalReason::Other if is_wrong_state(&messages) => Error::WrongState { command, message },
            reason => Error::Refused { command, message, reason },
        }
    })
}

fn connection_error(uri: &str, command: &str, messages: &Messages) -> Option<Error> {
    let (uri, command) = (uri.to_owned(), command.to_owned());
    let last = messages.last();
    let connecting = messages.has(NO_CONNECTION);
    let refused = [
        "authentication unavailable",
        "authentication failed",
        "authentication cancelled",
        "access denied",
        "operation forbidden",
    ];
    let no_bus = messages.body().starts_with("Unable to get system bus connection");
    if refused.iter().any(|text| last.starts_with(text))
        || (connecting && (messages.ends_a_line("Permission denied") || no_bus))
    {
        return Some(Error::Denied { uri, message: messages.joined() });
    }
    // virtlogd's socket is the daemon's to connect to, not ours.
    let socket = captures(last, "Failed to connect socket to '{}': {}");
    let ours = socket.is_some_and(|found| found.first().is_some_and(|path| !is_virtlogds(path)));
    if connecting || ours {
        return Some(Error::Unreachable { uri, message: messages.joined() });
    }
    let ended = [
        "client socket is closed",
        "Cannot recv data",
        "Cannot write data",
        "End of file while reading data",
        // virsh's own, where the connection that it has just made is gone already (`virshConnectionUsability`).
        "no valid connection",
    ];
    let disconnected = messages.captures(&["Disconnected from {} due to {}"]).is_some();
    (disconnected || ended.iter().any(|text| messages.body().starts_with(text))).then(|| Error::Lost {
        uri,
        command,
        message: messages.joined(),
    })
}

fn agent_error(command: &str, messages: &Messages) -> Option<Error> {
    let (last, message) = (messages.last(), || messages.joined());
    if last.starts_with("guest agent command timed out")
        || last.starts_with("Guest agent is not responding: guest agent didn't respond")
    {
        return Some(Error::AgentSilent { message: message() });
    }
    if last.starts_with("Guest agent is not responding")
        || last == "argument unsupported: QEMU guest agent is not configured"
    {
        return Some(Error::Agent { message: message() });
    }
    let asks_it = command.starts_with("virsh qemu-agent-command ");
    if asks_it && messages.body() == "Unable to encode message payload" {
        return Some(Error::AgentAnswerTooLong);
    }
    let body = last.strip_prefix("guest agent command failed: ").unwrap_or(messages.body());
    let (_, words) = body.strip_prefix("unable to execute QEMU agent command '")?.split_once("': ")?;
    let bare = captures(words, "Guest agent command failed, error was '{}'");
    let words = bare.and_then(|found| found.first().copied()).unwrap_or(words);
    Some(Error::AgentRefused { message: words.to_owned() })
}

fn name_taken(messages: &Messages) -> Option<Error> {
    let body = messages.body();
    if let Some([path]) = captures(body, "volume target path '{}' already exists").as_deref() {
        return Some(Error::FileExists { path: (*path).to_owned() });
    }
    let templates = [
        (Object::Volume, "storage volume '{}' exists already"),
        (Object::Domain, "domain '{}' already exists with uuid {}"),
        (Object::Domain, "domain '{}' is already defined with uuid {}"),
        (Object::Domain, "domain with name '{}' already exists"),
        (Object::Network, "network '{}' already exists with uuid {}"),
        (Object::Network, "network '{}' is already defined with uuid {}"),
        (Object::Pool, "pool '{}' already exists with uuid {}"),
        (Object::Pool, "pool '{}' is already defined with uuid {}"),
        (Object::Snapshot, "domain moment {} already exists"),
    ];
    let reservation =
        captures(body, "there is an existing dhcp host entry in network '{}' that matches \"{}\"");
    if let Some([_, entry]) = reservation.as_deref() {
        return Some(Error::Exists { object: Object::Reservation, name: (*entry).to_owned() });
    }
    templates.iter().find_map(|(object, template)| {
        let name = (*captures(body, template)?.first()?).to_owned();
        Some(Error::Exists { object: *object, name })
    })
}

fn not_found(messages: &Messages) -> Option<Error> {
    let last = messages.last();
    for (object, category, headline) in [
        (Object::Volume, "Storage volume not found: ", "failed to get vol '{}'"),
        (Object::Pool, "Storage pool not found: ", "failed to get pool '{}'"),
        (Object::Network, "Network not found: ", "failed to get network '{}'"),
        (Object::Snapshot, "Domain snapshot not found: ", "Domain snapshot not found: {}"),
        (Object::Domain, "Domain not found: ", "failed to get domain '{}'"),
    ] {
        let with_advice = format!("{headline}, specifying --pool might help");
        let asked_for = messages.captures(&[headline, &with_advice]);
        if let Some(detail) = last.strip_prefix(category) {
            let named = captures(detail, "no {} with matching {} '{}' ({})")
                .or_else(|| captures(detail, "no {} with matching {} '{}'"));
            let name = named.as_ref().and_then(|found| found.get(2).copied()).unwrap_or(detail).to_owned();
            // A volume that virsh found, and then libvirt its file not.
            let listed = object == Object::Volume && asked_for.is_none() && name.starts_with('/');
            return Some(if listed {
                Error::FileMissing { path: name }
            } else {
                Error::missing(object, name)
            });
        }
        if let Some(name) = asked_for.as_ref().and_then(|found| found.first()) {
            return Some(Error::missing(object, (*name).to_owned()));
        }
    }
    if let Some(detail) = last.strip_prefix("metadata not found: ") {
        return Some(Error::missing(Object::Metadata, detail.to_owned()));
    }
    if let Some(name) = missing_device(messages) {
        return Some(Error::missing(Object::Device, name.to_owned()));
    }
    let reservation = [
        "couldn't locate a matching dhcp host entry in network '{}'",
        "couldn't locate an existing dhcp host entry with {} in network '{}'",
    ];
    let missing = reservation.iter().any(|template| is_of(messages.body(), template));
    missing.then(|| Error::missing(Object::Reservation, messages.body().to_owned()))
}

/// virsh looks detached devices up itself, and says so in words of its own.
fn missing_device(messages: &Messages) -> Option<&str> {
    let of_virsh = [
        "No disk found whose source path or target is {}",
        "No interface found whose type is {}",
        "No interface with MAC address {} was found",
    ];
    let last = messages.last();
    let named = messages.captures(&of_virsh).and_then(|found| found.first().copied());
    named
        .or_else(|| last.strip_prefix("device not found: "))
        .or_else(|| (last == "Failed to get disk information").then_some(last))
}

fn file_missing(messages: &Messages) -> Option<Error> {
    let templates = [
        "Cannot access storage file '{}' (as uid:{}, gid:{}): No such file or directory",
        "Cannot access storage file '{}': No such file or directory",
        "Unable to open stream for '{}': No such file or directory",
        "inaccessible backing store volume {}: No such file or directory",
        "cannot unlink file '{}': No such file or directory",
        "cannot open directory '{}': No such file or directory",
    ];
    let path = templates.iter().find_map(|template| captures(messages.body(), template)?.first().copied())?;
    Some(Error::FileMissing { path: path.to_owned() })
}

fn busy_or_full(command: &str, messages: &Messages) -> Option<Error> {
    let (command, message) = (command.to_owned(), messages.joined());
    let busy = [
        "pool '{}' has asynchronous jobs running.",
        "pool '{}' is starting up",
        "storage pool '{}' is starting up",
        "volume '{}' is still being allocated.",
        "volume '{}' is still in use.",
    ];
    if busy.iter().any(|template| is_of(messages.body(), template))
        || messages.last().starts_with("Timed out during operation: cannot acquire state change lock")
        || messages.last().starts_with("resource busy")
    {
        return Some(Error::Busy { command, message });
    }
    messages.ends_a_line("No space left on device").then_some(Error::NoSpace { command, message })
}

/// What the daemon's host, its libvirt or virsh can't do.
fn not_available(command: &str, messages: &Messages) -> Option<Error> {
    let (command, message) = (command.to_owned(), messages.joined());
    let last = messages.last();
    if is_of(last, "unsupported configuration: TPM {}") {
        return Some(Error::NoTpm { message });
    }
    if messages.body() == "Unable to find 'efi' firmware that is compatible with the current configuration" {
        return Some(Error::NoFirmware { message });
    }
    let unsupported = is_of(last, "unsupported configuration: {} is not supported{}")
        && unquoted(last).contains("is not supported");
    (unsupported
        // VIR_ERR_OPERATION_UNSUPPORTED: this libvirt has no such operation, or not for such a domain.
        || last.starts_with("Operation not supported: ")
        || is_of(last, "unknown command: '{}'")
        || is_of(last, "command '{}' doesn't support option {}"))
    .then_some(Error::Unsupported { command, message })
}

fn is_wrong_state(messages: &Messages) -> bool {
    let last = messages.last();
    last.starts_with("Requested operation is not valid")
        || last == "Domain is already active"
        // virsh's own words.
        || is_of(last, "pool '{}' is not active")
}

/// The message without what stands in its quotes.
fn unquoted(message: &str) -> String {
    message.split('\'').step_by(2).collect()
}
