use serde::Serialize;

use crate::qemu;

/// Something that goes on in a VM and takes its time: a copy of a disk, a commit, a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// `mirror`, `commit`, `stream`, `backup`, `migration`, or what else QEMU calls it.
    pub kind: String,
    /// What it is about, in libvirt's words, such as `drive-virtio-disk0`; `None` for the whole VM.
    pub device: Option<String>,
    /// What is done.
    pub done_bytes: u64,
    /// All that there is to do; it may grow.
    pub total_bytes: u64,
}

impl Job {
    pub(in crate::manager) fn of_block(job: qemu::BlockJob) -> Self {
        Self {
            kind: job.kind,
            device: Some(job.device).filter(|device| !device.is_empty()),
            done_bytes: job.offset,
            total_bytes: job.len,
        }
    }

    /// One that has ended, or never began, is none.
    pub(in crate::manager) fn of_migration(migration: qemu::Migration) -> Option<Self> {
        let going = matches!(
            migration.status.as_deref()?,
            "setup" | "active" | "postcopy-active" | "pre-switchover" | "device" | "cancelling"
        );
        let ram = migration.ram.filter(|_| going)?;
        Some(Self {
            kind: "migration".to_owned(),
            device: None,
            done_bytes: ram.total.saturating_sub(ram.remaining),
            total_bytes: ram.total,
        })
    }
}
