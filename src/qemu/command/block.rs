//! Disks and their counters (qapi/block-core.json).

use serde::{Deserialize, Serialize};

use super::{commands_with_arguments, plain_commands};

plain_commands! {
    /// The drives and what is in them.
    QueryBlock = "query-block" -> Vec<Drive>;
}

commands_with_arguments! {
    QueryBlockStats = "query-blockstats" -> Vec<BlockStats>;
    QueryNamedBlockNodes = "query-named-block-nodes" -> Vec<BlockNode>;
}

/// The counters of each drive, or of each node of the disks' chains. They begin at zero with QEMU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct QueryBlockStats {
    /// Of each node that has a name, rather than of each drive.
    pub query_nodes: bool,
}

/// The nodes of the disks' chains: images, protocols, filters. Without the images below each, which would
/// otherwise be reported again and again, and cost QEMU time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct QueryNamedBlockNodes {
    flat: bool,
}

impl QueryNamedBlockNodes {
    /// The only form.
    pub fn flat() -> Self {
        Self { flat: true }
    }
}

/// One of [`QueryBlockStats`]'.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockStats {
    /// The drive's name; libvirt gives none.
    #[serde(default)]
    pub device: Option<String>,
    /// The device in the guest, by its id (`sata0-0-0`) or by its path in QEMU's tree
    /// (`/machine/peripheral/virtio-disk0/virtio-backend`).
    #[serde(default)]
    pub qdev: Option<String>,
    /// The node of the drive's top image.
    #[serde(default)]
    pub node_name: Option<String>,
    /// The counters.
    pub stats: BlockCounters,
}

impl BlockStats {
    /// The id of the device in the guest: libvirt's alias, such as `virtio-disk0`. None for one that the
    /// machine made by itself.
    pub fn device_id(&self) -> Option<&str> {
        let qdev = self.qdev.as_deref()?;
        match qdev.strip_prefix("/machine/peripheral/") {
            Some(below) => below.split('/').next(),
            None => Some(qdev).filter(|id| !id.starts_with('/')),
        }
    }
}

/// What a drive or node did since QEMU's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct BlockCounters {
    /// Bytes read.
    pub rd_bytes: u64,
    /// Bytes written.
    pub wr_bytes: u64,
    /// Bytes discarded.
    pub unmap_bytes: u64,
    /// Reads.
    pub rd_operations: u64,
    /// Writes.
    pub wr_operations: u64,
    /// Flushes.
    pub flush_operations: u64,
    /// Discards.
    pub unmap_operations: u64,
    /// Time spent on reads, in nanoseconds.
    pub rd_total_time_ns: u64,
    /// Time spent on writes, in nanoseconds.
    pub wr_total_time_ns: u64,
    /// Time spent on flushes, in nanoseconds.
    pub flush_total_time_ns: u64,
    /// The end of the furthest write, in bytes.
    pub wr_highest_offset: u64,
    /// Reads that failed.
    pub failed_rd_operations: u64,
    /// Writes that failed.
    pub failed_wr_operations: u64,
    /// Flushes that failed.
    pub failed_flush_operations: u64,
    /// Time since the last operation, in nanoseconds; `None` before the first.
    pub idle_time_ns: Option<u64>,
}

/// One of [`QueryBlock`]'s.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Drive {
    /// The drive's name; empty from libvirt.
    pub device: String,
    /// The device in the guest.
    #[serde(default)]
    pub qdev: Option<String>,
    /// Whether its medium can be changed.
    pub removable: bool,
    /// Whether the guest has locked its tray.
    pub locked: bool,
    /// Whether its tray is open; `None` for a drive without one.
    #[serde(rename = "tray_open", default)]
    pub tray_open: Option<bool>,
    /// `ok`, `failed`, or `nospace`; `None` where QEMU doesn't keep it.
    #[serde(default)]
    pub io_status: Option<String>,
    /// What is in it.
    #[serde(default)]
    pub inserted: Option<BlockNode>,
}

/// One of [`QueryNamedBlockNodes`]' or what is in a drive (`BlockDeviceInfo`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockNode {
    /// The node's name.
    #[serde(default)]
    pub node_name: Option<String>,
    /// The file, or a `json:` description.
    pub file: String,
    /// The driver, such as `qcow2`, `file`.
    pub drv: String,
    /// Whether it is read only.
    pub ro: bool,
    /// The backing file's name.
    #[serde(rename = "backing_file", default)]
    pub backing_file: Option<String>,
    /// How many backing files are below it.
    #[serde(rename = "backing_file_depth")]
    pub backing_file_depth: u64,
    /// The image.
    pub image: BlockImage,
}

/// An image, as the node that has it open sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockImage {
    /// The file, or a `json:` description.
    pub filename: String,
    /// The format.
    pub format: String,
    /// What the guest sees, in bytes.
    pub virtual_size: u64,
    /// What it takes on the host, in bytes, where that is known.
    #[serde(default)]
    pub actual_size: Option<u64>,
}
