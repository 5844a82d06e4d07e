/// Why a VM is shut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutoffReason {
    /// Its guest shut down.
    GuestShutdown,
    /// It was powered off.
    Destroyed,
    /// QEMU or the guest crashed.
    Crashed,
    /// It was migrated to another host.
    Migrated,
    /// It was saved to a file.
    Saved,
    /// QEMU failed.
    Failed,
    /// It was reverted to a snapshot of a VM that was shut off.
    FromSnapshot,
    /// the libvirt daemon stopped it.
    Daemon,
}

impl ShutoffReason {
    /// libvirt's number of the reason (`virDomainShutoffReason`), as `domstats` prints it.
    pub fn from_libvirt(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::GuestShutdown,
            2 => Self::Destroyed,
            3 => Self::Crashed,
            4 => Self::Migrated,
            5 => Self::Saved,
            6 => Self::Failed,
            7 => Self::FromSnapshot,
            8 => Self::Daemon,
            _ => return None,
        })
    }

    /// The reason in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::GuestShutdown => "the guest shut down",
            Self::Destroyed => "it was powered off",
            Self::Crashed => "QEMU or the guest crashed",
            Self::Migrated => "it was migrated away",
            Self::Saved => "it was saved to a file",
            Self::Failed => "QEMU failed",
            Self::FromSnapshot => "it was reverted to a snapshot",
            Self::Daemon => "the libvirt daemon stopped it",
        }
    }
}
