//! The commands that can be sent, each with its reply: those that vmtools has a use for. The trait is sealed, so that
//! no other can be added from outside.
//!
//! The replies are those of qemu-ga 7.2 to 10.0 and of Windows' (qga/qapi-schema.json): members that one of them
//! lacks are options, members that are of no use here are left out, and what a later agent adds is passed over.

mod agent;
mod exec;
mod file;
mod freeze;
mod identity;
mod system;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use agent::*;
pub use exec::*;
pub use file::*;
pub use freeze::*;
pub use identity::*;
pub use system::*;

/// A command, and its reply.
pub trait Command: sealed::Sealed {
    /// The agent's name for it.
    const NAME: &'static str;
    /// What it replies.
    type Reply: DeserializeOwned;

    /// Its arguments, an object; `None` without any.
    fn arguments(&self) -> Option<impl Serialize> {
        None::<()>
    }
}

/// The reply of a command that tells only that it was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub struct Done {}

mod sealed {
    pub trait Sealed {}
}

/// Commands without arguments: their docs, type, name and reply.
macro_rules! plain_commands {
    ($($(#[$doc:meta])+ $command:ident = $name:literal -> $reply:ty;)+) => {
        $(
            $(#[$doc])+
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct $command;

            impl $crate::agent::command::sealed::Sealed for $command {}

            impl $crate::agent::command::Command for $command {
                const NAME: &'static str = $name;
                type Reply = $reply;
            }
        )+
    };
}
use plain_commands;

/// Commands that are their own arguments.
macro_rules! commands_with_arguments {
    ($($command:ident = $name:literal -> $reply:ty;)+) => {
        $(
            impl $crate::agent::command::sealed::Sealed for $command {}

            impl $crate::agent::command::Command for $command {
                const NAME: &'static str = $name;
                type Reply = $reply;

                fn arguments(&self) -> Option<impl serde::Serialize> {
                    Some(self)
                }
            }
        )+
    };
}
use commands_with_arguments;

#[cfg(test)]
mod tests;
