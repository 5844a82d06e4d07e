use std::fmt;

/// Why the agent does not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of a reason it is.
    pub kind: RefusalKind,
    /// The agent's own words, for people.
    pub message: String,
}

/// Kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The program that is to run is not there.
    NoSuchProgram,
    /// The program is there, or may be, and cannot be started.
    CannotStart,
    /// There is no process of that id that the agent has started; its end was reported before, perhaps.
    NoSuchProcess,
    /// There is no file, or no directory, of that name.
    NoSuchFile,
    /// The file is a directory.
    IsDirectory,
    /// There is no open file of that handle.
    NoSuchHandle,
    /// There is no user of that name.
    NoSuchUser,
    /// The agent's user may not.
    Denied,
    /// A file system of the guest is full.
    NoSpace,
    /// The guest's administrator has forbidden the command. 10.0's agent says the same of a command that is not
    /// allowed while file systems are frozen; [`Agent::ask`](super::Agent::ask) tells the two apart.
    Disabled,
    /// The file systems are frozen, and the command is not allowed until they are thawed.
    Frozen,
    /// The agent is too old for the command, or built without it.
    UnknownCommand,
    /// The guest cannot do it.
    Unsupported,
    /// Anything else.
    Other,
}

impl Refusal {
    /// Reads the agent's English: the one place that does. The texts are qemu-ga's 7.2 and 10.0 (qga/*.c,
    /// qapi/qmp-dispatch.c), GLib's (gspawn.c, gspawn-win32.c), and the guest system's in them.
    pub fn new(message: &str) -> Self {
        let message = unwrapped(message);
        Self { kind: kind(message), message: message.to_owned() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// 7.2 and older wrap some messages in words of their own (`QERR_QGA_COMMAND_FAILED`).
fn unwrapped(message: &str) -> &str {
    let message = message.trim();
    let inner = message.strip_prefix("Guest agent command failed, error was '");
    inner.and_then(|inner| inner.strip_suffix('\'')).unwrap_or(message)
}

fn kind(message: &str) -> RefusalKind {
    let begins = |text: &str| message.starts_with(text);
    let ends = |text: &str| message.ends_with(text);
    // The names of programs, files and users stand in the middle, whatever they are.
    if begins("Failed to execute child process") || begins("Failed to execute helper program") {
        return if ends("(No such file or directory)") {
            RefusalKind::NoSuchProgram
        } else {
            RefusalKind::CannotStart
        };
    }
    if (begins("Command ") || begins("The command ")) && message.contains(" has been disabled") {
        return if ends("the agent is in frozen state") {
            RefusalKind::Frozen
        } else {
            RefusalKind::Disabled
        };
    }
    if begins("The command ") && ends(" has not been found") {
        return RefusalKind::UnknownCommand;
    }
    if begins("handle '") && ends("' has not been found") {
        return RefusalKind::NoSuchHandle;
    }
    // 10.0 has a fault in its format here: "PID ld does not exist".
    if message == "Invalid parameter 'pid'" || begins("PID ") && ends(" does not exist") {
        return RefusalKind::NoSuchProcess;
    }
    if begins("failed to lookup user '") {
        return RefusalKind::NoSuchUser;
    }
    by_reason(message.rsplit(": ").next().unwrap_or(message))
}

/// By what the guest's system says, which stands behind the last colon.
fn by_reason(reason: &str) -> RefusalKind {
    match reason.trim_end_matches('.') {
        "No such file or directory" | "The system cannot find the file specified" | "Not a directory" => {
            RefusalKind::NoSuchFile
        }
        "Is a directory" => RefusalKind::IsDirectory,
        "Permission denied"
        | "Operation not permitted"
        | "Insufficient permissions"
        | "Access is denied"
        | "Read-only file system" => RefusalKind::Denied,
        "No space left on device" | "Disk quota exceeded" | "There is not enough space on the disk" => {
            RefusalKind::NoSpace
        }
        "this feature or command is not currently supported"
        | "Operation not supported"
        | "Function not implemented" => RefusalKind::Unsupported,
        _ => RefusalKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::RefusalKind::*;
    use super::*;

    #[test]
    fn recorded_messages_are_told_apart() {
        for (message, kind) in [
            // qemu-ga 10.0.2
            (
                "Failed to execute child process \u{201c}no-such-program\u{201d} (No such file or directory)",
                NoSuchProgram,
            ),
            ("Failed to execute child process \u{201c}/etc/passwd\u{201d} (Permission denied)", CannotStart),
            ("PID ld does not exist", NoSuchProcess),
            ("handle '1000' has not been found", NoSuchHandle),
            ("failed to open file '/nope' (mode: 'r'): No such file or directory", NoSuchFile),
            ("failed to open file '/tmp' (mode: 'w'): Is a directory", IsDirectory),
            ("failed to write to file: No space left on device", NoSpace),
            ("failed to lookup user 'nobody-there': Success", NoSuchUser),
            ("Command guest-exec has been disabled: the command is not allowed", Disabled),
            ("The command guest-nothing has not been found", UnknownCommand),
            ("Base64 data contains invalid characters", Other),
            ("failed to read file: Bad file descriptor", Other),
            ("mode is invalid (valid values are: halt|powerdown|reboot", Other),
            // qemu-ga 7.2.22
            (
                "Guest agent command failed, error was 'Failed to execute child process \u{201c}x\u{201d} (No such file or directory)'",
                NoSuchProgram,
            ),
            ("Invalid parameter 'pid'", NoSuchProcess),
            ("Command guest-exec has been disabled", Disabled),
            ("Command guest-exec has been disabled: the agent is in frozen state", Frozen),
            ("this feature or command is not currently supported", Unsupported),
            // RHEL 7's, and Windows' GLib, by public reports.
            ("The command guest-exec has been disabled for this instance", Disabled),
            ("Failed to execute helper program (No such file or directory)", NoSuchProgram),
            ("Failed to execute helper program (Invalid argument)", CannotStart),
            ("Failed to execute child process (No such file or directory)", NoSuchProgram),
            ("Insufficient permissions", Denied),
            ("", Other),
        ] {
            assert_eq!(Refusal::new(message).kind, kind, "{message}");
        }
    }

    #[test]
    fn names_are_not_taken_for_reasons() {
        for (message, kind) in [
            ("failed to open file '/x: No such file or directory' (mode: 'r'): Permission denied", Denied),
            ("failed to open file 'No such file or directory' (mode: 'r'): Too many open files", Other),
            ("Failed to execute child process \u{201c}No such file\u{201d} (Permission denied)", CannotStart),
            ("failed to lookup user 'x': No such file or directory", NoSuchUser),
        ] {
            assert_eq!(Refusal::new(message).kind, kind, "{message}");
        }
    }

    #[test]
    fn the_words_around_older_messages_are_taken_off() {
        let old = "Guest agent command failed, error was 'Failed to execute child process \u{201c}x\u{201d} (Permission denied)'";
        let refusal = Refusal::new(old);
        assert_eq!(
            refusal.to_string(),
            "Failed to execute child process \u{201c}x\u{201d} (Permission denied)"
        );
    }
}
