//! The VM's volumes: an overlay on the shared base, the seed, the serial log.

use super::Prepared;
use super::nvram::Nvram;
use crate::image::{Format, LocalImage};
use crate::libvirt::{DiskSpec, OwnedVolume, Pool, VolumeSpec};
use crate::manager::claim::Claim;
use crate::manager::create::Creation;
use crate::manager::storage::{Storage, base, file_mark};
use crate::manager::undo::UndoStack;
use crate::manager::{Error, VmSpec};
use crate::model::Uuid;

/// The names and paths of a VM's volumes. The VM's name is in them for people, a part of its UUID so that
/// they never meet those of another VM, or of an earlier one of that name.
pub(super) struct Names {
    pub(super) disk: OwnedVolume,
    pub(super) extra: Vec<OwnedVolume>,
    pub(super) seed: OwnedVolume,
    pub(super) serial_log: OwnedVolume,
    /// The variables of its firmware, unless libvirt makes their file.
    pub(super) nvram: Option<OwnedVolume>,
    /// The base's volume name, with an image.
    pub(super) base: Option<String>,
}

impl Names {
    pub(super) fn new(
        spec: &VmSpec,
        uuid: Uuid,
        pool: &Pool,
        image: Option<&LocalImage>,
        qcow2_nvram: bool,
    ) -> Self {
        let stem = format!("{}-{}", spec.name, file_mark(uuid));
        let volume = |suffix: &str| {
            let volume = format!("{stem}{suffix}");
            OwnedVolume { pool: pool.name.clone(), path: format!("{}/{volume}", pool.path), volume }
        };
        Self {
            disk: volume(".qcow2"),
            extra: (2..spec.extra_disks.len() + 2).map(|n| volume(&format!("-disk{n}.qcow2"))).collect(),
            seed: volume(if spec.ignition.is_some() { ".ign" } else { "-seed.img" }),
            serial_log: volume(".log"),
            nvram: qcow2_nvram.then(|| volume("_VARS.qcow2")),
            base: image.map(base::volume_name),
        }
    }

    pub(super) fn owned(&self, with_seed: bool) -> Vec<OwnedVolume> {
        let seed = with_seed.then(|| self.seed.clone());
        let others = seed.into_iter().chain(self.nvram.clone()).chain([self.serial_log.clone()]);
        self.qcow2().cloned().chain(others).collect()
    }

    pub(super) fn disks(&self, with_seed: bool) -> Vec<DiskSpec> {
        let disks = self.qcow2().map(|volume| DiskSpec {
            path: volume.path.clone(),
            format: "qcow2",
            read_only: false,
        });
        // On virtio-blk: Debian's cloud kernel has no AHCI driver and would not see a SATA CD-ROM.
        let seed =
            with_seed.then(|| DiskSpec { path: self.seed.path.clone(), format: "raw", read_only: true });
        disks.chain(seed).collect()
    }

    fn qcow2(&self) -> impl Iterator<Item = &OwnedVolume> {
        std::iter::once(&self.disk).chain(&self.extra)
    }
}

impl Creation<'_> {
    /// The base that the disks stand on, and a claim under which it stays.
    pub(super) async fn base(&self, prepared: &Prepared) -> Result<Option<(String, Format, Claim)>, Error> {
        let (Some(image), Some(volume)) = (&prepared.image, &prepared.names.base) else { return Ok(None) };
        let (path, claim) = Storage::of(self.op).base(image, volume, &prepared.names.disk.pool).await?;
        Ok(Some((path, image.format, claim)))
    }

    pub(super) async fn make_disks(
        &self,
        undo: &mut UndoStack<'_>,
        prepared: &Prepared,
        warm_base: Option<&str>,
    ) -> Result<(), Error> {
        let names = &prepared.names;
        undo.will_make(&names.serial_log);
        undo.will_make(&names.disk);
        match warm_base {
            Some(base) => self.make_system_disk(prepared, Some((base, "qcow2"))).await?,
            None => self.make_disk_on_image(prepared).await?,
        }
        for (volume, size) in names.extra.iter().zip(&prepared.extra_disks) {
            self.op.check()?;
            undo.will_make(volume);
            let empty = VolumeSpec {
                name: &volume.volume,
                capacity_bytes: size.bytes(),
                format: "qcow2",
                mode: "0600",
                backing: None,
            };
            self.op.client().volumes().create(&volume.pool, &empty).await?;
        }
        Nvram::of(self.op).make_nvram(undo, prepared).await?;
        if let Some(setup) = &prepared.setup {
            self.op.check()?;
            undo.will_make(&names.seed);
            let volume = VolumeSpec {
                name: &names.seed.volume,
                capacity_bytes: setup.bytes().len() as u64,
                format: "raw",
                // It holds the guest's private host key.
                mode: "0600",
                backing: None,
            };
            self.op.client().volumes().create(&names.seed.pool, &volume).await?;
            self.op.client().volumes().fill(&names.seed.pool, &names.seed.volume, setup.bytes()).await?;
        }
        Ok(())
    }

    /// The disk that the VM boots from, on its image if it has one.
    pub(super) async fn make_disk_on_image(&self, prepared: &Prepared) -> Result<(), Error> {
        // Claimed until the overlay stands on it.
        let base = self.base(prepared).await?;
        self.op.check()?;
        let backing = base.as_ref().map(|(path, format, _)| (path.as_str(), base::format_name(*format)));
        self.make_system_disk(prepared, backing).await
    }

    async fn make_system_disk(
        &self,
        prepared: &Prepared,
        backing: Option<(&str, &str)>,
    ) -> Result<(), Error> {
        let disk = &prepared.names.disk;
        let overlay = VolumeSpec {
            name: &disk.volume,
            capacity_bytes: prepared.disk_size_bytes,
            format: "qcow2",
            mode: "0600",
            backing,
        };
        Ok(self.op.client().volumes().create(&disk.pool, &overlay).await?)
    }
}
