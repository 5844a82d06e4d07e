use std::path::PathBuf;

/// Why files were not copied to or from a guest.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Not just one side of a copy is in a guest.
    #[error("one side of a copy must be in a guest and the other on this host")]
    Sides,
    /// There is no such file, or no such directory to put it in.
    #[error("there is no such file or directory: {place}")]
    NotFound {
        /// What was named.
        place: String,
    },
    /// It is a directory, and directories were not asked for.
    #[error("{place} is a directory")]
    IsFolder {
        /// What was named.
        place: String,
    },
    /// A file would take the place of a directory, or the other way round; or it is neither.
    #[error("{place} is not a kind of file that can be copied there")]
    WrongKind {
        /// What was named.
        place: String,
    },
    /// The guest did not do it.
    #[error("{place} cannot be copied: {message}")]
    Refused {
        /// What was named.
        place: String,
        /// What the words mean.
        reason: CopyRefusal,
        /// The words of the guest's tool.
        message: String,
    },
    /// Not all of it has arrived.
    #[error("the copy was cut short")]
    CutOff,
    /// The stream that is copied can't be read or written.
    #[error("the copy was cut short")]
    Stream(#[source] std::io::Error),
    /// Standard output, to which a file of the guest's goes, can't be written.
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
    /// This host's side can't be read or written.
    #[error("cannot {action} {}", .path.display())]
    Host {
        /// Such as "read" or "write".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Why the guest's tools did not copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyRefusal {
    /// The user there may not.
    Denied,
    /// The guest lacks a tool.
    ToolMissing,
    /// Neither: the words say it.
    Other,
}
