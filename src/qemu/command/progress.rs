//! What takes its time: jobs and migration (qapi/block-core.json, job.json, migration.json).

use serde::Deserialize;

use super::plain_commands;

plain_commands! {
    /// Jobs on disks: copies, commits, backups.
    QueryBlockJobs = "query-block-jobs" -> Vec<BlockJob>;
    /// All jobs, those on disks too.
    QueryJobs = "query-jobs" -> Vec<Job>;
    /// How a migration goes on, or went.
    QueryMigrate = "query-migrate" -> Migration;
}

/// One of [`QueryBlockJobs`]'.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockJob {
    /// `mirror`, `commit`, `stream`, `backup` and others (`JobType`).
    #[serde(rename = "type")]
    pub kind: String,
    /// The job's name; for old ones the drive's.
    pub device: String,
    /// All that there is to do, in bytes; it may grow.
    pub len: u64,
    /// What is done of it, in bytes.
    pub offset: u64,
    /// Its limit, in bytes per second; zero without one.
    pub speed: u64,
    /// Whether it was paused.
    pub paused: bool,
    /// Whether it can be completed: it holds the copy up to date.
    pub ready: bool,
    /// `created`, `running`, `ready`, `concluded` and others (`JobStatus`).
    pub status: String,
    /// `ok`, `failed`, or `nospace`.
    pub io_status: String,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
}

/// One of [`QueryJobs`]'.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// Its name.
    pub id: String,
    /// `mirror`, `commit`, `stream`, `backup` and others (`JobType`).
    #[serde(rename = "type")]
    pub kind: String,
    /// `created`, `running`, `ready`, `concluded` and others (`JobStatus`).
    pub status: String,
    /// What is done, in no certain unit.
    pub current_progress: u64,
    /// All that there is to do; it may grow.
    pub total_progress: u64,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
}

/// The reply to [`QueryMigrate`]; nothing is known before the first migration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Migration {
    /// `setup`, `active`, `completed`, `failed` and others (`MigrationStatus`).
    #[serde(default)]
    pub status: Option<String>,
    /// The memory's part of it.
    #[serde(default)]
    pub ram: Option<MigrationRam>,
    /// How long it takes so far, in milliseconds.
    #[serde(default)]
    pub total_time: Option<u64>,
    /// How long the guest stood still in the end, in milliseconds.
    #[serde(default)]
    pub downtime: Option<u64>,
    /// How long it would stand still if that were now, in milliseconds.
    #[serde(default)]
    pub expected_downtime: Option<u64>,
    /// Why it failed.
    #[serde(default)]
    pub error_desc: Option<String>,
}

/// The memory's part of a migration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MigrationRam {
    /// Sent, in bytes.
    pub transferred: u64,
    /// Still to be sent, in bytes.
    pub remaining: u64,
    /// All of the guest's memory, in bytes.
    pub total: u64,
    /// How fast it goes, in megabits per second.
    pub mbps: f64,
    /// How many pages the guest writes to in a second.
    #[serde(default)]
    pub dirty_pages_rate: u64,
    /// How often all of the memory was looked through.
    #[serde(default)]
    pub dirty_sync_count: u64,
}
