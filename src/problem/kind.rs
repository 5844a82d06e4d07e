use std::process::ExitCode;

/// What kind of failure it is: the exit code of a command, the code of a JSON error. Scripts rely on them: a
/// number and a name never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Anything that is not below.
    Failed,
    /// Bad flags, bad names, invalid configuration or template.
    Usage,
    /// No such VM, image, template, network, key.
    NotFound,
    /// The name is taken.
    Exists,
    /// It needs another state of the VM.
    WrongState,
    /// The deadline passed.
    Timeout,
    /// Permission or authentication.
    Denied,
    /// No libvirt at that URI, no network.
    Unreachable,
    /// A tool, a version or a host feature is missing.
    Incapable,
    /// Some done, some failed.
    Partial,
    /// Checksum mismatch, hostile or damaged image, refused to lose data.
    Integrity,
    /// A quota would be passed.
    QuotaExceeded,
    /// Ctrl-C, after roll-back.
    Interrupted,
}

impl ErrorKind {
    /// All of them, by their numbers.
    pub const ALL: [Self; 13] = [
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::Exists,
        Self::WrongState,
        Self::Timeout,
        Self::Denied,
        Self::Unreachable,
        Self::Incapable,
        Self::Partial,
        Self::Integrity,
        Self::QuotaExceeded,
        Self::Interrupted,
    ];

    /// The exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Exists => 4,
            Self::WrongState => 5,
            Self::Timeout => 6,
            Self::Denied => 7,
            Self::Unreachable => 8,
            Self::Incapable => 9,
            Self::Partial => 10,
            Self::Integrity => 11,
            Self::QuotaExceeded => 12,
            Self::Interrupted => 130,
        }
    }

    /// The name in JSON errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Exists => "exists",
            Self::WrongState => "wrong_state",
            Self::Timeout => "timeout",
            Self::Denied => "denied",
            Self::Unreachable => "unreachable",
            Self::Incapable => "incapable",
            Self::Partial => "partial",
            Self::Integrity => "integrity",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<std::io::ErrorKind> for ErrorKind {
    /// What a file's error is, where nothing else is known of it.
    fn from(kind: std::io::ErrorKind) -> Self {
        match kind {
            std::io::ErrorKind::NotFound => Self::NotFound,
            std::io::ErrorKind::PermissionDenied => Self::Denied,
            // A port of the host, where it is not a file.
            std::io::ErrorKind::AddrInUse => Self::Exists,
            _ => Self::Failed,
        }
    }
}

impl From<ErrorKind> for ExitCode {
    fn from(kind: ErrorKind) -> Self {
        Self::from(kind.exit_code())
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorKind;

    #[test]
    fn codes_are_those_of_the_contract() {
        let codes: Vec<_> = ErrorKind::ALL.iter().map(|kind| (kind.exit_code(), kind.name())).collect();
        let contract = [
            (1, "failed"),
            (2, "usage"),
            (3, "not_found"),
            (4, "exists"),
            (5, "wrong_state"),
            (6, "timeout"),
            (7, "denied"),
            (8, "unreachable"),
            (9, "incapable"),
            (10, "partial"),
            (11, "integrity"),
            (12, "quota_exceeded"),
            (130, "interrupted"),
        ];
        assert_eq!(codes, contract);
    }
}
