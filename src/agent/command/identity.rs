//! The commands that are not the agent's: they are answered by vmtools' helper, which has the agent's channel in a guest
//! that was copied while it ran.

use serde::{Deserialize, Serialize};

use super::Command;
use super::sealed::Sealed;

/// Gives a copied guest an identity of its own, which the helper knows how to read.
#[derive(Debug, Clone, Copy)]
pub struct GiveIdentity<'a, T>(pub &'a T);

/// The reply to [`GiveIdentity`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IdentityGiven {
    /// Whether all of it is in place, the random seed first of all.
    pub applied: bool,
}

impl<T> Sealed for GiveIdentity<'_, T> {}

impl<T: Serialize> Command for GiveIdentity<'_, T> {
    const NAME: &'static str = "vmtools-identity";
    type Reply = IdentityGiven;

    fn arguments(&self) -> Option<impl Serialize> {
        Some(self.0)
    }
}

/// Asks the helper, once the guest has its identity and its new network interfaces are plugged in, to answer when the guest
/// has brought them up: then their links are to be connected.
#[derive(Debug, Clone, Copy)]
pub struct AwaitInterfaces;

/// The reply to [`AwaitInterfaces`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InterfacesAwaited {
    /// Whether all of them are up; else the helper has waited for a second.
    pub up: bool,
}

impl Sealed for AwaitInterfaces {}

impl Command for AwaitInterfaces {
    const NAME: &'static str = "vmtools-interfaces";
    type Reply = InterfacesAwaited;

    fn arguments(&self) -> Option<impl Serialize> {
        None::<()>
    }
}
