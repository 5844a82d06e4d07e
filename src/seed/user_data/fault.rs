/// Why a user's own user-data is refused: cloud-init would pass it over, or do without what lets vmtools in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserDataFault {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is no text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// It begins with the mark that some editors put before a text.
    #[error("it starts with a byte order mark, which hides its first line from cloud-init")]
    ByteOrderMark,
    /// Its first line is none that cloud-init knows.
    #[error(
        "its first line must be `#cloud-config`, `#!INTERPRETER`, `## template: jinja` or another \
         that cloud-init knows"
    )]
    UnknownKind,
    /// Blanks before a first line that must begin the file.
    #[error("there is white space before its first line, which must begin the file")]
    BlanksBefore,
    /// It says that it is packed, and can't be unpacked.
    #[error("it cannot be decompressed, or becomes too large")]
    Packed,
    /// A multipart message whose header names no boundary.
    #[error("its Content-Type has no boundary, so it has no parts")]
    NoBoundary,
    /// A multipart message in which no line starts a part.
    #[error("no line `--{boundary}` starts a part")]
    NoParts {
        /// The boundary that its header names.
        boundary: String,
    },
    /// A value of `users` that cloud-init takes for no users.
    #[error("`users` must be a list")]
    Users,
    /// An entry of `users` at which cloud-init fails, so that no user is made.
    #[error("entry {number} of `users` must be a name or a mapping")]
    UserEntry {
        /// Its place, from 1.
        number: usize,
    },
    /// Several parts have `users` in forms that can't be merged.
    #[error("its parts have `users` in different forms: make each a list")]
    UsersOfSeveralForms,
    /// A value of `groups` at which cloud-init fails, so that no user is made.
    #[error("`groups` must be a list of names, or of mappings of a name to its members")]
    Groups,
    /// What it says of vmtools' own user keeps vmtools out.
    #[error("`{key}` would keep vmtools from logging in as {user}")]
    LocksOut {
        /// The key.
        key: &'static str,
        /// The user.
        user: String,
    },
    /// A host key by which the guest can't be known.
    #[error("its `ssh_keys.ed25519_private` is not a private key in OpenSSH format")]
    HostKey,
    /// Keys of vmtools' own user in a form to which none can be added.
    #[error("`ssh_authorized_keys` of {user} must be a list")]
    Keys {
        /// The user.
        user: String,
    },
}

/// What a user's own user-data says, and cloud-init or vmtools will probably not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserDataWarning {
    /// A key that cloud-init passes over.
    UnknownKey {
        /// The key.
        key: String,
        /// Its line, from 1, of the file or of its part; `None` when it is not written plainly.
        line: Option<usize>,
        /// A key that cloud-init knows and that looks like it.
        nearest: Option<&'static str>,
    },
    /// A part of a type that cloud-init passes over.
    UnknownPart {
        /// Its place, from 1.
        number: usize,
        /// Its type.
        content_type: String,
    },
    /// A script that does not name its interpreter, which the kernel does not run.
    NoInterpreter {
        /// The part's place, from 1.
        number: usize,
    },
    /// A line that is a boundary but for the dashes before it, and so belongs to a part's content.
    BrokenBoundary {
        /// Its line, from 1.
        line: usize,
    },
    /// Text behind the last part, which nobody reads.
    TextBehindParts {
        /// The first line of it, from 1.
        line: usize,
    },
    /// A file of sshd's configuration that keeps vmtools' user out, or may.
    SshdConfig {
        /// The user.
        user: String,
        /// The file.
        path: String,
        /// The word in it, such as "AllowUsers".
        directive: String,
    },
    /// vmtools' user gets a shell with which nobody can work.
    Shell {
        /// The user.
        user: String,
        /// The shell.
        shell: String,
    },
    /// vmtools' user has to change its password before it may do anything else.
    PasswordExpires {
        /// The user.
        user: String,
    },
}
