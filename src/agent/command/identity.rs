//! The one command that is not the agent's: it is answered by vmtools' helper, which has the agent's channel in a guest
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
