use std::fmt;

use serde::Serialize;

/// What happened to a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VmEventKind {
    /// libvirt has a definition of it, or another one.
    Defined,
    /// Its definition was removed.
    Undefined,
    /// It was started, or goes on with what was saved of it.
    Started,
    /// It was paused.
    Suspended,
    /// It goes on.
    Resumed,
    /// Its guest has shut down; the VM is stopped next.
    Shutdown,
    /// It is shut off.
    Stopped,
    /// Its guest or its QEMU crashed; its state tells whether it is shut off.
    Crashed,
    /// Its guest suspended itself.
    #[serde(rename = "pmsuspended")]
    PmSuspended,
    /// Its guest woke up.
    #[serde(rename = "pmwakeup")]
    PmWakeup,
    /// Its guest was restarted within the same QEMU.
    Rebooted,
    /// Its guest's agent is there.
    AgentConnected,
    /// Its guest's agent is gone.
    AgentDisconnected,
    /// A copy, merge or backup of a disk has come to another stage.
    BlockJob,
    /// A disk holds more than the threshold that somebody set.
    BlockThreshold,
    /// A device was plugged in.
    DeviceAdded,
    /// The guest released a device.
    DeviceRemoved,
    /// The guest did not release a device.
    DeviceRemovalFailed,
    /// A CD-ROM or floppy drive got another medium.
    DiskChange,
    /// A drive was opened or closed.
    TrayChange,
    /// A disk failed.
    IoError,
    /// The guest's memory grew or shrank by its balloon.
    BalloonChange,
    /// Its title, description or metadata changed.
    MetadataChange,
    /// A limit of a disk or of its vCPUs changed.
    Tunable,
    /// A save, dump, backup or migration has ended.
    JobCompleted,
    /// A migration or save goes through its memory once more.
    MigrationIteration,
    /// Somebody came to or left its screen.
    Graphics,
    /// Its watchdog struck.
    Watchdog,
    /// Its guest set its clock.
    RtcChange,
    /// A part of the host's memory that it uses has failed.
    MemoryFailure,
    /// Its memory device has another size.
    MemoryDeviceSizeChange,
    /// The guest gave a network interface another address.
    NicMacChange,
    /// libvirt lost the connection to its QEMU.
    ControlError,
    /// Anything else.
    Other,
}

impl VmEventKind {
    /// What libvirt's name for a kind and its words come to; `None` for what it tells twice, in another form.
    pub(in crate::manager) fn of(kind: &str, detail: &str) -> Option<Self> {
        Some(match kind {
            "lifecycle" => Self::of_lifecycle(detail),
            // Again as block-job-2, io-error-reason and lifecycle.
            "block-job" | "io-error" | "pm-suspend" | "pm-suspend-disk" => return None,
            "agent-lifecycle" if detail.starts_with("state: 'connected'") => Self::AgentConnected,
            "agent-lifecycle" => Self::AgentDisconnected,
            "reboot" => Self::Rebooted,
            "rtc-change" => Self::RtcChange,
            "watchdog" => Self::Watchdog,
            "graphics" => Self::Graphics,
            "io-error-reason" => Self::IoError,
            "control-error" => Self::ControlError,
            "disk-change" => Self::DiskChange,
            "tray-change" => Self::TrayChange,
            "pm-wakeup" => Self::PmWakeup,
            "balloon-change" => Self::BalloonChange,
            "device-removed" => Self::DeviceRemoved,
            "block-job-2" => Self::BlockJob,
            "tunable" => Self::Tunable,
            "device-added" => Self::DeviceAdded,
            "migration-iteration" => Self::MigrationIteration,
            "job-completed" => Self::JobCompleted,
            "device-removal-failed" => Self::DeviceRemovalFailed,
            "metadata-change" => Self::MetadataChange,
            "block-threshold" => Self::BlockThreshold,
            "memory-failure" => Self::MemoryFailure,
            "memory-device-size-change" => Self::MemoryDeviceSizeChange,
            "nic-mac-change" => Self::NicMacChange,
            _ => Self::Other,
        })
    }

    fn of_lifecycle(detail: &str) -> Self {
        match detail {
            "Stopped Crashed" | "Stopped Failed" => return Self::Crashed,
            _ => {}
        }
        match detail.split(' ').next().unwrap_or_default() {
            "Defined" => Self::Defined,
            "Undefined" => Self::Undefined,
            "Started" => Self::Started,
            "Suspended" => Self::Suspended,
            "Resumed" => Self::Resumed,
            "Stopped" => Self::Stopped,
            "Shutdown" => Self::Shutdown,
            "PMSuspended" => Self::PmSuspended,
            "Crashed" => Self::Crashed,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for VmEventKind {
    /// The name that it has in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json() {
        let of = |kind: &str, detail: &str| VmEventKind::of(kind, detail).map(|kind| kind.to_string());
        let named = |kind: &str, detail: &str| of(kind, detail).unwrap_or_default();
        assert_eq!(named("lifecycle", "Started Booted"), "started");
        assert_eq!(named("lifecycle", "Stopped Destroyed"), "stopped");
        assert_eq!(named("lifecycle", "Stopped Failed"), "crashed");
        assert_eq!(named("lifecycle", "Stopped Crashed"), "crashed");
        assert_eq!(named("lifecycle", "PMSuspended Memory"), "pmsuspended");
        assert_eq!(named("lifecycle", "Levitated Slowly"), "other");
        assert_eq!(named("agent-lifecycle", "state: 'connected' reason: 'channel event'"), "agent_connected");
        assert_eq!(named("agent-lifecycle", "state: 'disconnected' reason: 'x'"), "agent_disconnected");
        assert_eq!(named("reboot", ""), "rebooted");
        assert_eq!(named("block-job-2", "Backup for vda completed"), "block_job");
        assert_eq!(named("levitation", "slow"), "other");
        assert_eq!(of("block-job", "Backup for /x completed"), None);
        let json = serde_json::to_string(&VmEventKind::NicMacChange).unwrap_or_default();
        assert_eq!(json, "\"nic_mac_change\"");
    }
}
