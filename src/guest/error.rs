use std::net::SocketAddr;
use std::path::PathBuf;

use crate::system::{fs, process};

/// Why a key can't be used, or a guest not be spoken to by ssh.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command in the guest could not be signalled.
    #[error("the command in the guest could not be sent SIG{signal}")]
    NotSignalled {
        /// The signal's name.
        signal: &'static str,
    },
    /// A file can't be read or written.
    #[error("cannot use the ssh keys")]
    File(#[from] fs::Error),
    /// No key could be made.
    #[error("cannot create an ssh key")]
    Generate(#[source] ssh_key::Error),
    /// vmtools' own key is there but is none.
    #[error("{} is not a usable private key", .path.display())]
    OwnKeyDamaged {
        /// The key's file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: ssh_key::Error,
    },
    /// A file that was given as a public key is a private one.
    #[error("{} is a private key", .path.display())]
    PrivateKeyGiven {
        /// The file.
        path: PathBuf,
    },
    /// A file that was given as a public key is none.
    #[error("{} is not an ssh public key: {reason}", .path.display())]
    NotAPublicKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without its content.
        reason: &'static str,
    },
    /// ssh could not be run, or took too long.
    #[error("cannot run ssh")]
    Process(#[from] process::Error),
    /// Nobody listens there, or no way leads there.
    #[error("ssh cannot reach {address}")]
    Unreachable {
        /// Where the guest was looked for.
        address: SocketAddr,
        /// What ssh said.
        #[source]
        source: process::Error,
    },
    /// The guest takes none of the keys.
    #[error("the guest accepts no key of this user for {user:?}")]
    Denied {
        /// The user in the guest.
        user: String,
        /// What ssh said.
        #[source]
        source: process::Error,
    },
    /// The guest has another host key than the one it was given.
    #[error("the host key of the guest has changed")]
    HostKeyChanged {
        /// What ssh said.
        #[source]
        source: process::Error,
    },
}

impl Error {
    /// Whether ssh is not installed.
    pub fn is_tool_missing(&self) -> bool {
        matches!(self, Self::Process(process::Error::Missing { .. }))
    }

    /// Whether ssh leads nobody in, so that another way may be tried. A host key that has changed is no such
    /// case: who answers there may be somebody else.
    pub fn is_access_denied(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Denied { .. } | Self::Process(process::Error::TimedOut { .. })
        )
    }
}

/// Why there was no ssh banner.
#[derive(Debug, thiserror::Error)]
pub enum Banner {
    /// Nobody listens yet, or the connection was closed before a banner came: a forwarder (passt, slirp)
    /// accepts it before the guest does. To be tried again.
    #[error("{address} does not answer yet")]
    NotYet {
        /// Where the banner was looked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Somebody took the connection and said nothing in time. To be tried again.
    #[error("{address} accepts connections but sends nothing")]
    Silent {
        /// Where the banner was looked for.
        address: SocketAddr,
    },
    /// Who answers there speaks something else than ssh.
    #[error("the server at {address} does not speak ssh")]
    NotSsh {
        /// Where the banner was looked for.
        address: SocketAddr,
    },
}
