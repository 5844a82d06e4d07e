use std::process::ExitCode;

/// The documented exit codes. Scripts rely on them: a number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Done, or already so.
    Ok,
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
    /// Ctrl-C, after roll-back.
    Interrupted,
}

impl Code {
    /// The number.
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
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
            Self::Interrupted => 130,
        }
    }

    /// The name in JSON errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
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
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code.number())
    }
}
