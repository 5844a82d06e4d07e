//! libvirt's networks: what they are, who is plugged in, and what is done to them.

mod create;
mod delete;
mod error;
mod identity;
mod info;
mod interface;
mod power;
mod release;
mod reserve;
mod set;
mod users;

pub use create::{Ipv4Choice, NetworkKind, NetworkPlan, NetworkRequest};
pub use delete::{DeletedNetwork, NetworkDeletePlan};
pub use error::{AddressHolder, NetworkError, SpecialAddress, SubnetUser};
pub use info::{LeaseStatus, NetworkInfo, NetworkStatus, ReservationStatus};
pub use interface::InterfaceChange;
pub use reserve::ReservationRequest;
pub use set::SpeedupPlan;
pub use users::AttachedInterface;

pub use crate::libvirt::{Network, PortGroup};

use super::operation::noun;

noun! {
    /// libvirt's networks, and VMs' interfaces on them.
    Networks
}
