//! A running domain's memory and disks as they are at one moment, while it goes on.
//!
//! ```text
//! snapshot   memory -> FILE; the guest's writes go to an overlay from then on, and its disk stays as it is
//! ..         whoever wants to copies the disk
//! commit     overlay -> disk, and the guest writes to its disk again
//! ```

use std::time::Duration;

use crate::libvirt::command::Command;
use crate::libvirt::{Error, Jobs};
use crate::model::Uuid;

/// How much the guest writes meanwhile decides how long a commit takes.
const COMMIT: Duration = Duration::from_secs(600);

/// An overlay that takes a disk's writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveOverlay {
    /// The disk's target.
    pub target: String,
    /// The file, which libvirt makes; `None` leaves the disk as it is.
    pub file: Option<String>,
}

impl Jobs<'_> {
    /// Writes the domain's memory to `memory`, a file of the daemon's host that it makes and nobody else may read, and
    /// moves its disks onto overlays at that moment. The domain runs on but for that moment. libvirt keeps no record of it.
    ///
    /// # Errors
    /// When libvirt or QEMU refuses, or it took longer than `within`: then nothing has changed, or all has.
    pub async fn snapshot(
        self,
        uuid: Uuid,
        memory: &str,
        disks: &[LiveOverlay],
        within: Duration,
    ) -> Result<(), Error> {
        let command = Command::new("snapshot-create-as --no-metadata --atomic --live").domain(uuid);
        let memory = format!("file={},snapshot=external", escaped(memory));
        let command = disks.iter().fold(command.option("--memspec", &memory), |command, disk| {
            let target = escaped(&disk.target);
            let disk = match &disk.file {
                Some(file) => format!("{target},snapshot=external,file={}", escaped(file)),
                None => format!("{target},snapshot=no"),
            };
            command.option("--diskspec", &disk)
        });
        self.client.call(command.within(within)).await.map(drop)
    }

    /// Writes what an overlay has to the disk below it, on which the domain runs from then on. The overlay's file stays,
    /// and is of no use any more.
    ///
    /// # Errors
    /// When the domain doesn't run, or there is nothing below; when QEMU can't write.
    pub async fn commit_overlay(self, uuid: Uuid, target: &str) -> Result<(), Error> {
        let command = Command::new("blockcommit --active --shallow --pivot --wait").domain(uuid);
        self.client.call(command.option("--path", target).within(COMMIT)).await.map(drop)
    }

    /// Ends a commit that was cut off before its end: the domain runs on the disk below the overlay from then on.
    ///
    /// # Errors
    /// When there is none, or it has not got so far.
    pub async fn end_commit(self, uuid: Uuid, target: &str) -> Result<(), Error> {
        let command = Command::new("blockjob --pivot").domain(uuid);
        self.client.call(command.option("--path", target)).await.map(drop)
    }
}

/// virsh splits such an option at its commas, but for those that are doubled.
fn escaped(value: &str) -> String {
    value.replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_are_no_end() {
        assert_eq!(escaped("/a,b/c"), "/a,,b/c");
    }
}
