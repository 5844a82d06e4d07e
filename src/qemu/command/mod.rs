//! The commands that can be sent, each with its reply. They change nothing in the VM: the socket gives full
//! control of it, so the trait is sealed, and no other command can be added from outside.
//!
//! The replies are those of QEMU 7.2 to 10.0 (qapi/*.json): members that one of them lacks are options,
//! members that are of no use here are left out, and what a later QEMU adds is passed over. Words that may
//! grow in number, such as states, stay texts where nobody needs to tell them apart.

mod block;
mod device;
mod machine;
mod progress;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use block::*;
pub use device::*;
pub use machine::*;
pub use progress::*;

/// A command that is safe to send, and its reply.
pub trait Command: sealed::Sealed {
    /// QEMU's name for it.
    const NAME: &'static str;
    /// What it replies.
    type Reply: DeserializeOwned;

    /// Its arguments, an object; `None` without any.
    fn arguments(&self) -> Option<impl Serialize> {
        None::<()>
    }
}

impl<C: Command> Command for &C {
    const NAME: &'static str = C::NAME;
    type Reply = C::Reply;

    fn arguments(&self) -> Option<impl Serialize> {
        (*self).arguments()
    }
}

mod sealed {
    pub trait Sealed {}

    impl<C: Sealed> Sealed for &C {}
}

/// Commands without arguments: their docs, type, name and reply.
macro_rules! plain_commands {
    ($($(#[$doc:meta])+ $command:ident = $name:literal -> $reply:ty;)+) => {
        $(
            $(#[$doc])+
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct $command;

            impl $crate::qemu::command::sealed::Sealed for $command {}

            impl $crate::qemu::command::Command for $command {
                const NAME: &'static str = $name;
                type Reply = $reply;
            }
        )+
    };
}
use plain_commands;

/// Commands that are their own arguments.
macro_rules! commands_with_arguments {
    ($($command:ident $(<$value:ident>)? = $name:literal -> $reply:ty;)+) => {
        $(
            impl$(<$value>)? $crate::qemu::command::sealed::Sealed for $command$(<$value>)? {}

            impl$(<$value: serde::de::DeserializeOwned>)? $crate::qemu::command::Command
                for $command$(<$value>)?
            {
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

/// The first command of every connection; the client alone sends it.
pub(super) struct Negotiate;

impl sealed::Sealed for Negotiate {}

impl Command for Negotiate {
    const NAME: &'static str = "qmp_capabilities";
    type Reply = serde::de::IgnoredAny;
}

#[cfg(test)]
mod tests;
