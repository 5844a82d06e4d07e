//! The seed: a guest's first-boot configuration, for cloud-init or Ignition.
//!
//! ```text
//! a user's file ─ check_user_data ─ warnings, or a refusal before anything is made
//! CloudInit ─ to_documents ─ Documents ─ volume::build ─ bytes of a vfat volume labelled CIDATA
//! Ignition ─ to_document ─ JSON, which QEMU's firmware configuration carries
//! ```
//!
//! cloud-init and Ignition report a mistake only in a log inside the guest, which nobody can reach when the
//! mistake is in what lets people in. So what they would ignore or refuse is looked for here first.
//!
//! Ways to fail: a value or a document that can't be used ([`Error`]); nothing here does I/O.

mod cloud_init;
mod documents;
mod error;
mod ignition;
mod password;
mod user_data;
pub mod volume;

pub use cloud_init::CloudInit;
pub use documents::{Documents, HostKey};
pub use error::Error;
pub use ignition::{Ignition, check_ignition};
pub use password::PasswordHash;
pub use user_data::{UserDataFault, UserDataWarning, check_login, check_user_data, host_key_in};
