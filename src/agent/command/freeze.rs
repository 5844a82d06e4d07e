//! Freezing the guest's file systems, so that a copy of the disks is consistent. The agent allows hardly any other
//! command meanwhile.

use serde::Deserialize;

use super::plain_commands;

plain_commands! {
    /// Writes out and freezes all file systems that can be, and gives their number. Windows thaws them by itself after
    /// 10 s. Refused while they are frozen.
    FsfreezeFreeze = "guest-fsfreeze-freeze" -> u64;
    /// Thaws all file systems, and gives the number of those that were frozen.
    FsfreezeThaw = "guest-fsfreeze-thaw" -> u64;
    /// Whether file systems are frozen, as far as the agent has done it.
    FsfreezeStatus = "guest-fsfreeze-status" -> FreezeState;
}

/// The reply to [`FsfreezeStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FreezeState {
    /// They are written to.
    Thawed,
    /// They are frozen.
    Frozen,
}
