//! The variables of a new VM's firmware. At the first start libvirt copies the firmware's template, which is raw on most
//! hosts. Internal snapshots of a running VM need a qcow2, and libvirt 11.3 makes none of a raw template ("conversion of
//! the nvram template to another target format is not supported"), so it is made here.

use std::path::Path;

use super::Prepared;
use crate::image::{Driver, Rewrite};
use crate::libvirt::{MetadataChange, OwnedVolume, Version, VolumeSpec};
use crate::manager::Error;
use crate::manager::change::Changes;
use crate::manager::operation::noun;
use crate::manager::undo::UndoStack;
use crate::model::{Firmware, Uuid};

/// Since then libvirt takes a qcow2 whose template is raw, and saves it in snapshots.
pub(in crate::manager) const QCOW2_NVRAM: Version = Version(10, 9, 0);

noun! {
    /// The variables of a new VM's firmware.
    Nvram
}

impl Nvram<'_> {
    /// Whether the VM's variables can be a qcow2. Those of another host's firmware can't be read.
    ///
    /// # Errors
    /// When libvirt can't be asked for its version.
    pub(super) async fn takes_qcow2_nvram(&self, firmware: Firmware) -> Result<bool, Error> {
        if firmware == Firmware::Bios || !self.op.locality().is_here() {
            return Ok(false);
        }
        Ok(self.op.client().versions().await?.daemon >= QCOW2_NVRAM)
    }

    /// Makes the file of the template that libvirt chose with the firmware. Where that fails the VM gets the raw one
    /// that libvirt makes: it lacks nothing but snapshots.
    pub(super) async fn make_nvram(
        &self,
        undo: &mut UndoStack<'_>,
        prepared: &Prepared,
    ) -> Result<(), Error> {
        let Some(nvram) = &prepared.names.nvram else { return Ok(()) };
        self.op.check()?;
        undo.will_make(nvram);
        let stored = self.op.client().definitions().stored(prepared.domain.uuid).await?;
        let bytes = match stored.nvram_template() {
            // libvirt copies it at the first start.
            Some(template) if template.is_qcow2 => return Ok(()),
            Some(template) => {
                let from = Path::new(&template.path);
                let rewrite = Rewrite { from, driver: Driver::Raw, below: None, shared: false };
                self.op.race(async { Ok(rewrite.to_bytes().await) }).await?
            }
            None => return self.use_raw_nvram(prepared.domain.uuid, nvram).await,
        };
        match bytes {
            Ok(bytes) => {
                self.fill_nvram(nvram, &bytes).await?;
                let definitions = self.op.client().definitions();
                Ok(definitions.set_qcow2_nvram(prepared.domain.uuid, &nvram.path).await?)
            }
            Err(error) => {
                log::debug!("making {}: {error}", nvram.path);
                self.use_raw_nvram(prepared.domain.uuid, nvram).await
            }
        }
    }

    async fn fill_nvram(&self, nvram: &OwnedVolume, bytes: &[u8]) -> Result<(), Error> {
        let volume = VolumeSpec {
            name: &nvram.volume,
            capacity_bytes: bytes.len() as u64,
            // The bytes that come are the whole file.
            format: "raw",
            mode: "0600",
            backing: None,
        };
        let volumes = self.op.client().volumes();
        volumes.create(&nvram.pool, &volume).await?;
        Ok(volumes.fill(&nvram.pool, &nvram.volume, bytes).await?)
    }

    async fn use_raw_nvram(&self, uuid: Uuid, nvram: &OwnedVolume) -> Result<(), Error> {
        self.op.client().definitions().set_raw_nvram(uuid).await?;
        let change = MetadataChange { disown: vec![nvram.path.clone()], ..MetadataChange::default() };
        Changes::of(self.op).change_record(uuid, &change).await
    }
}
