//! A running domain's disks, snapshotted by QEMU: what libvirt has no command for.
//!
//! The commands go through libvirt's own monitor, one at a time with libvirt's, and change nothing that libvirt keeps
//! track of: a snapshot in a qcow2 file is no node of a chain. libvirt notes `custom-monitor` in the domain's log.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::libvirt::command::Command;
use crate::libvirt::{Error, Snapshots};
use crate::model::Uuid;

/// An image that a running domain's QEMU has open for one of its devices, or for its firmware's variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveImage {
    /// libvirt's alias of the device, such as `virtio-disk0`; `None` for firmware.
    pub alias: Option<String>,
    /// QEMU's name for the node.
    pub node: String,
    /// The driver: of a qcow2 image `qcow2`, of a disk with a filter on top that.
    pub driver: String,
    /// The file, or a `json:` description.
    pub file: String,
    /// Whether it is open for reading alone.
    pub read_only: bool,
    /// The names of the snapshots in it, in the file's order.
    pub snapshots: Vec<String>,
}

#[derive(Deserialize)]
struct Drive {
    #[serde(default)]
    qdev: Option<String>,
    #[serde(default)]
    inserted: Option<Inserted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Inserted {
    node_name: Option<String>,
    drv: String,
    file: String,
    ro: bool,
    image: Image,
}

#[derive(Deserialize)]
struct Image {
    #[serde(default)]
    snapshots: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Job {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default, rename = "return")]
    value: Option<Value>,
    #[serde(default)]
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    desc: String,
}

impl Snapshots<'_> {
    /// The images that the running domain's QEMU has open.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it does not run; when the connection fails.
    pub async fn images(self, uuid: Uuid) -> Result<Vec<LiveImage>, Error> {
        let (command, value) = self.monitor(uuid, &json!({ "execute": "query-block" })).await?;
        read_images(value)
            .map_err(|error| Error::Unexpected { command: command.display(), reason: error.to_string() })
    }

    /// Takes a snapshot of that name in all of these nodes at one moment: in every one, or in none. libvirt knows of it by
    /// [`Snapshots::record`] alone.
    ///
    /// # Errors
    /// When QEMU refuses, as it does where one of that name is there.
    pub async fn take(self, uuid: Uuid, name: &str, nodes: &[String]) -> Result<(), Error> {
        let action = |node: &String| json!({ "type": "blockdev-snapshot-internal-sync", "data": { "device": node, "name": name } });
        let actions: Vec<Value> = nodes.iter().map(action).collect();
        let transaction = json!({ "execute": "transaction", "arguments": { "actions": actions } });
        self.monitor(uuid, &transaction).await.map(drop)
    }

    /// Whether the running domain's QEMU is saving its memory and disks as a snapshot. It goes on with that when the daemon
    /// that had begun it is gone, and the next daemon knows of no job.
    ///
    /// # Errors
    /// As [`Snapshots::images`].
    pub async fn is_saving(self, uuid: Uuid) -> Result<bool, Error> {
        let (command, value) = self.monitor(uuid, &json!({ "execute": "query-jobs" })).await?;
        has_save(value)
            .map_err(|error| Error::Unexpected { command: command.display(), reason: error.to_string() })
    }

    async fn monitor(self, uuid: Uuid, qmp: &Value) -> Result<(Command, Value), Error> {
        let command = Command::new("qemu-monitor-command").domain(uuid).option("--cmd", &qmp.to_string());
        let reply = self.client.call(command.clone()).await?;
        let value = read_reply(&command, &reply)?;
        Ok((command, value))
    }
}

impl LiveImage {
    /// Whether a snapshot of that name is in it.
    pub fn has(&self, snapshot: &str) -> bool {
        self.snapshots.iter().any(|name| name == snapshot)
    }
}

/// What QEMU returned. virsh prints its errors as it does its answers, and ends well with both.
fn read_reply(command: &Command, text: &str) -> Result<Value, Error> {
    let unexpected = |reason: String| Error::Unexpected { command: command.display(), reason };
    let reply: Reply = serde_json::from_str(text).map_err(|error| unexpected(error.to_string()))?;
    match (reply.value, reply.error) {
        (_, Some(failure)) => Err(Error::refused(command.display(), failure.desc)),
        (Some(value), None) => Ok(value),
        (None, None) => Err(unexpected("it is no reply of QEMU's".to_owned())),
    }
}

fn read_images(value: Value) -> Result<Vec<LiveImage>, serde_json::Error> {
    let drives: Vec<Drive> = serde_json::from_value(value)?;
    let images = drives.into_iter().filter_map(|drive| {
        let inserted = drive.inserted?;
        Some(LiveImage {
            alias: drive.qdev.as_deref().and_then(alias).map(str::to_owned),
            node: inserted.node_name?,
            driver: inserted.drv,
            file: inserted.file,
            read_only: inserted.ro,
            snapshots: inserted.image.snapshots.into_iter().map(|snapshot| snapshot.name).collect(),
        })
    });
    Ok(images.collect())
}

/// Whether a snapshot is being saved. A job that has ended is there until it is dismissed.
fn has_save(value: Value) -> Result<bool, serde_json::Error> {
    let jobs: Vec<Job> = serde_json::from_value(value)?;
    let has_ended = |job: &Job| matches!(job.status.as_str(), "concluded" | "null");
    Ok(jobs.iter().any(|job| job.kind == "snapshot-save" && !has_ended(job)))
}

/// libvirt's alias in QEMU's name of a device: its id, or its path in QEMU's tree. Those that the machine has by itself,
/// its flash among them, have none.
fn alias(qdev: &str) -> Option<&str> {
    match qdev.strip_prefix("/machine/peripheral/") {
        Some(below) => below.split('/').next(),
        None => Some(qdev).filter(|id| !id.starts_with('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command::new("qemu-monitor-command")
    }

    #[test]
    fn refusals_come_as_replies_do() {
        // virsh 11.3.0, QEMU 10.0.2.
        let text = r#"{"id":"libvirt-381","error":{"class":"GenericError","desc":"Snapshot with name 'd1' already exists on device 'libvirt-2-format'"}}"#;
        let error = read_reply(&command(), text).expect_err("refused");
        assert!(matches!(error, Error::Refused { message, .. } if message.starts_with("Snapshot with name")));
        assert_eq!(read_reply(&command(), r#"{"return":{},"id":"libvirt-12"}"#).expect("done"), json!({}));
        for odd in ["", "{}", "[]", "error: x"] {
            assert!(matches!(read_reply(&command(), odd), Err(Error::Unexpected { .. })), "{odd}");
        }
    }

    // tests/fixtures/snapshot/README.md has the command.
    const QUERY_BLOCK: &str = include_str!("../../../tests/fixtures/snapshot/query-block.json");

    #[test]
    fn what_qemu_has_open_from_recorded_output() {
        let value = read_reply(&command(), QUERY_BLOCK).expect("is a reply");
        let images = read_images(value).expect("reads");
        let found: Vec<_> = images
            .iter()
            .map(|image| {
                (image.alias.as_deref(), image.node.as_str(), image.driver.as_str(), image.read_only)
            })
            .collect();
        // The empty drive is left out.
        assert_eq!(
            found,
            [
                (Some("virtio-disk0"), "libvirt-4-format", "qcow2", false),
                (Some("virtio-disk1"), "libvirt-3-format", "qcow2", false),
                (Some("virtio-disk2"), "libvirt-2-storage", "file", true),
            ]
        );
        assert!(images[0].has("mem") && images[0].has("d1") && !images[0].has("d2"));
        assert_eq!(images[1].file, "/var/lib/libvirt/images/rv.qcow2");
        assert!(images[2].snapshots.is_empty());
    }

    #[test]
    fn only_a_save_that_goes_on_is_one() {
        // qapi/job.json: JobInfo.
        let job = |kind: &str, status: &str| json!({ "id": "snapsave", "type": kind, "status": status, "current-progress": 1, "total-progress": 9 });
        let has = |jobs: &[Value]| has_save(Value::Array(jobs.to_vec())).expect("reads");
        assert!(has(&[job("backup", "running"), job("snapshot-save", "running")]));
        assert!(!has(&[job("snapshot-save", "concluded"), job("backup", "running")]) && !has(&[]));
        assert!(has_save(json!({})).is_err());
    }

    #[test]
    fn devices_have_aliases_and_flash_has_none() {
        assert_eq!(alias("/machine/peripheral/virtio-disk0/virtio-backend"), Some("virtio-disk0"));
        assert_eq!(alias("sata0-0-0"), Some("sata0-0-0"));
        assert_eq!(alias("/machine/system.flash1"), None);
    }
}
