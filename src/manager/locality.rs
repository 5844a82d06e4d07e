use crate::model::ConnectionUri;

/// Where a connection's daemon runs, as seen from this process: it decides whether files, devices, sockets
/// and processes that the daemon names can be looked at directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::manager) struct Locality {
    here: bool,
    session: bool,
}

impl Locality {
    pub(in crate::manager) fn of(uri: &ConnectionUri) -> Self {
        Self { here: uri.is_local(), session: uri.is_session() }
    }

    /// Whether the daemon is on this host.
    pub(in crate::manager) fn is_here(self) -> bool {
        self.here
    }

    /// Whether it is a user's own daemon, without the host's privileges.
    pub(in crate::manager) fn is_session(self) -> bool {
        self.session
    }
}
