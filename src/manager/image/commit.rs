//! A VM's disk becomes an image: flattened into a volume by libvirt, so that no root is needed and another
//! host's VM can be committed, then brought here.

use crate::model::Uuid;
use std::time::Duration;

use super::{ImageStatus, image_store, kept};
use crate::image::{NewImage, Progress, Staged, Transfer};
use crate::libvirt::{self, DiskRole, Domain, OwnedVolume, VolumeSpec};
use crate::manager::claim::Subject;
use crate::manager::image::Images;
use crate::manager::retry::Retry;
use crate::manager::storage::Storage;
use crate::manager::undo::UndoStack;
use crate::manager::{DiskError, Error, Event, Place, Step, StorageError, Warning};
use crate::model::{DiskSize, Firmware};

/// The beginning of the names of the volumes that a commit makes for a while.
pub(in crate::manager) const PREFIX: &str = "vmtools-commit-";

/// How long the removal of the copy may try.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same when the user wants the end.
const HASTE: Duration = Duration::from_secs(5);
/// How often it is looked how far a download is.
const LOOK: Duration = Duration::from_millis(250);

/// A VM whose system disk is to become an image.
#[derive(Debug, Clone)]
pub struct ImageCommit {
    /// The VM.
    pub vm: String,
    /// The name to give the image.
    pub name: String,
    /// Whether an image that has the name goes.
    pub replace: bool,
}

impl Images<'_> {
    /// Makes an image of the VM's system disk.
    ///
    /// # Errors
    /// [`VmError::NotOff`](crate::manager::VmError); [`VmError::Saved`](crate::manager::VmError); [`DiskError::NoDisk`]; [`StorageError::Forged`];
    /// [`image::Error::InUse`](crate::image::Error::InUse) when a process that libvirt does not know writes to its
    /// files; when there is not enough space. Then what was made is rolled back.
    pub async fn commit(&self, request: &ImageCommit) -> Result<ImageStatus, Error> {
        let vm = self.op.claim_vm_shared(&request.vm).await?;
        vm.refuse_on()?;
        let domain = &vm.stored;
        let source = self.system_disk(domain).await?;
        let store = image_store(self.op.paths())?;
        let staged =
            self.op.race(async { Ok(store.user_images().stage(&request.name, request.replace).await?) });
        let staged = staged.await?;
        let pool = Storage::of(self.op).storage_pool(true).await?;
        let volume = format!("{PREFIX}{}.qcow2", &Uuid::new_v4().simple().to_string()[..12]);
        let path = format!("{}/{volume}", pool.path);
        let temporary = OwnedVolume { pool: pool.name, volume, path };
        // As long as it is at it, it is none of what `gc` finds.
        let _copy = self.op.claim_exclusive(Subject::Base(&temporary.volume), &temporary.volume).await?;
        let brought = self.flatten_and_fetch(domain, &source, &temporary, &staged, &request.name).await;
        self.remove_copy(&temporary, brought).await?;
        let new = NewImage {
            name: request.name.clone(),
            source: format!("the VM {} at {}", domain.name, self.op.uri()),
            default_user: domain.metadata.as_ref().and_then(|record| Some(record.ssh.as_ref()?.user.clone())),
            firmware: Some(domain.firmware).filter(|firmware| *firmware != Firmware::Bios),
            committed: true,
        };
        self.op.race(async { Ok(store.user_images().keep(staged, new).await?) }).await?;
        kept(&store, &request.name).await
    }

    /// The volume that the VM's system is on.
    async fn system_disk(&self, domain: &Domain) -> Result<OwnedVolume, Error> {
        let system = domain.boot_disk();
        let others: Vec<String> =
            domain.disks_in_role(DiskRole::Data).map(|disk| disk.target.clone()).collect();
        let Some(disk) = system else { return Err(DiskError::NoDisk { name: domain.name.clone() }.into()) };
        let path = &Storage::of(self.op).disk_file(domain, disk)?;
        // Those that open it later wait for the copy: libvirt makes it by qemu-img, which holds QEMU's locks.
        Storage::of(self.op).refuse_written(path, disk.format.as_deref())?;
        if !others.is_empty() {
            self.op.report(Event::Warning(Warning::DisksLeftOut { of: domain.name.clone(), disks: others }));
        }
        let found = Storage::of(self.op).volume_at(path).await?.map(|(volume, _)| volume);
        let missing = || StorageError::NotInPool { name: domain.name.clone(), path: path.clone() };
        let volume = found.ok_or_else(missing)?;
        Storage::of(self.op).volume_to_copy(domain, disk, &volume).await?;
        Ok(volume)
    }

    async fn flatten_and_fetch(
        &self,
        domain: &Domain,
        source: &OwnedVolume,
        temporary: &OwnedVolume,
        staged: &Staged,
        name: &str,
    ) -> Result<(), Error> {
        let capacity_bytes = Storage::of(self.op).volume_now(source).await?.capacity_bytes;
        let spec = VolumeSpec {
            name: &temporary.volume,
            capacity_bytes,
            format: "qcow2",
            mode: "0600",
            backing: None,
        };
        self.op.report(Event::Step { vm: &domain.name, step: Step::FlattenDisk });
        let copy = async { Ok(self.op.client().volumes().copy(&temporary.pool, &spec, source).await?) };
        self.op.race(copy).await?;
        let size_bytes = Storage::of(self.op).volume_now(temporary).await?.allocation_bytes;
        let folder = self.op.paths().data_folder();
        if let Ok(free) = crate::host::disk_free(folder)
            && free < size_bytes
        {
            let (available, needed) = (DiskSize::from_bytes(free), DiskSize::from_bytes(size_bytes));
            return Err(
                StorageError::NoSpace { place: Place::Folder(folder.to_owned()), available, needed }.into()
            );
        }
        self.op.report(Event::Step { vm: &domain.name, step: Step::FetchCopy });
        let file = std::fs::File::options().write(true).open(staged.path());
        let file = file.map_err(libvirt::Error::at("write", &staged.path()))?;
        let fetch =
            self.op.client().volumes().download(&temporary.pool, &temporary.volume, &file, size_bytes);
        let on_progress = super::progress_of(self.op.observer(), name);
        let work = async { Ok(watched(fetch, &file, size_bytes, on_progress).await?) };
        self.op.race(work).await
    }

    /// Removes the temporary volume, whatever came of the work. libvirt goes on with a copy whose virsh is gone, and
    /// has the volume as long: who interrupts does not want to wait for that, and `gc` finds it.
    async fn remove_copy(&self, copy: &OwnedVolume, result: Result<(), Error>) -> Result<(), Error> {
        let patience = if matches!(result, Err(Error::Interrupted)) { HASTE } else { PATIENCE };
        let mut undo = UndoStack::new(self.op).within(patience);
        undo.will_make(copy);
        match result {
            Err(error) => Err(undo.unwind(error).await),
            Ok(()) => {
                match undo.unwind(StorageError::NotRemoved { name: copy.volume.clone() }.into()).await {
                    Error::Storage(StorageError::NotRemoved { .. }) => Ok(()),
                    left => Err(left),
                }
            }
        }
    }
}

/// Tells how large the file is while the work goes on.
async fn watched<T>(
    work: impl Future<Output = T>,
    file: &std::fs::File,
    total_bytes: u64,
    on_progress: Progress,
) -> T {
    tokio::pin!(work);
    let mut looks = Retry::beside_work().every(LOOK);
    loop {
        tokio::select! {
            done = &mut work => {
                on_progress(Transfer { done_bytes: total_bytes, total_bytes: Some(total_bytes) });
                return done;
            }
            _ = looks.again() => {
                let done_bytes = file.metadata().map_or(0, |metadata| metadata.len()).min(total_bytes);
                on_progress(Transfer { done_bytes, total_bytes: Some(total_bytes) });
            }
        }
    }
}
