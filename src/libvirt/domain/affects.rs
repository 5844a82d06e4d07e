/// Which of a domain's two definitions a change is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affects {
    /// That of the machine that runs, and that of its next start.
    Both,
    /// That of the machine that runs, until it stops.
    Running,
    /// That of its next start.
    Stored,
}

impl Affects {
    /// All that a domain has.
    pub fn all(active: bool) -> Self {
        if active { Self::Both } else { Self::Stored }
    }

    /// virsh's options for it.
    pub(super) fn flags(self) -> &'static str {
        match self {
            Self::Both => "--live --config",
            Self::Running => "--live",
            Self::Stored => "--config",
        }
    }
}
