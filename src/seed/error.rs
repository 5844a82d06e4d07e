use super::UserDataFault;
use crate::model::Invalid;

/// Why a seed could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that cannot be taken: a user's or host's name, an address.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// An ssh key that can't go into authorized_keys. The message does not contain the key.
    #[error("ssh key number {number} cannot be used: {reason}")]
    AuthorizedKey {
        /// Its place in the list, from 1.
        number: usize,
        /// Why.
        reason: &'static str,
    },
    /// A user-data file that cloud-init would not understand, or that would keep vmtools out.
    #[error("the user-data cannot be used: {0}")]
    UserData(UserDataFault),
    /// A mistake in a cloud-config.
    #[error(
        "the user-data has a mistake{} in line {line}, column {column}: {reason}",
        .part.map(|number| format!(" in its part {number},")).unwrap_or_default()
    )]
    CloudConfig {
        /// The part, from 1, of user-data that has several.
        part: Option<usize>,
        /// The line, from 1, of the part.
        line: u64,
        /// The column, from 1.
        column: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A configuration that Ignition would not take.
    #[error("the Ignition configuration cannot be used: {reason}")]
    Ignition {
        /// Why.
        reason: String,
    },
    /// Documents that are too large for a seed.
    #[error("the cloud-init documents have {bytes} bytes, more than the limit of {limit_bytes}")]
    TooLarge {
        /// What they have.
        bytes: usize,
        /// The most that fits.
        limit_bytes: usize,
    },
    /// The seed volume could not be made.
    #[error("cannot create the cloud-init seed")]
    Volume(#[source] std::io::Error),
    /// A document could not be written as JSON.
    #[error("cannot write the cloud-init {document}")]
    Document {
        /// Such as "user-data".
        document: &'static str,
        /// What the writer said.
        #[source]
        source: serde_json::Error,
    },
}
