//! libvirt's networks: what they are, who is plugged in, and what is done to them.

mod card;
mod create;
mod delete;
mod error;
mod info;
mod power;
mod reserve;
mod users;

pub use card::CardChange;
pub use create::{NetworkKind, NetworkPlan, NetworkRequest};
pub use delete::{DeletedNetwork, NetworkDeletePlan};
pub use error::NetworkError;
pub use info::{LeaseStatus, NetworkInfo, NetworkStatus, ReservationStatus};
pub use users::NetworkCard;

pub use crate::libvirt::Network;
