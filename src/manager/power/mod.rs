//! Starting, stopping, pausing.

mod pause;
mod start;
mod stop;

pub use start::StateChange;
pub use stop::StopBy;

use super::operation::noun;

noun! {
    /// What makes a VM run, and what makes it stop.
    Power
}
