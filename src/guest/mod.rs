//! Reaching a guest from outside: over the network, by ssh.
//!
//! - [`KeyPair`], [`own_key`], [`user_public_keys`], [`read_public_key`]: who is let in, and how the guest
//!   proves that it is itself;
//! - [`read_banner`], [`port_open`]: whether a server listens yet;
//! - [`Target`] with [`arguments`], [`run`], [`stream`] and [`Remote`]: ssh without a question ever asked;
//! - [`cloud_init`]: what the guest says of its own setup;
//! - [`identity`]: who a guest is that was copied while it ran.
//!
//! A guest that is still starting is the normal case here: "not yet" is distinguished from "never".

mod banner;
pub mod cloud_init;
mod error;
pub mod identity;
mod key_pair;
mod known_hosts;
mod own_key;
mod public_key;
mod remote;
mod ssh;
mod ssh_run;
mod ssh_stream;

pub use banner::{port_open, read_banner};
pub use error::{Banner, Error};
pub use key_pair::KeyPair;
pub use known_hosts::forget_known_host;
pub use own_key::{OwnKey, own_key};
pub use public_key::{PublicKey, parse_public_key, read_public_key, user_public_keys};
pub use remote::{Remote, Signal};
pub use ssh::{Target, arguments, become_ssh, settings};
pub use ssh_run::{Output, run};
pub use ssh_stream::stream;
