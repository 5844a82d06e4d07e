//! Firmware's variables made ready for snapshots: those of VMs that were made before vmtools made them a qcow2, or by
//! others, are in a raw file, which has no snapshots. libvirt makes the new file, for the old one is nobody else's to read.

use std::time::{Duration, Instant};

use super::Changes;
use crate::libvirt::{MetadataChange, OwnedVolume, Volume, VolumeSpec};
use crate::manager::clone::Cloning;
use crate::manager::clone::copying::Folders;
use crate::manager::create::QCOW2_NVRAM;
use crate::manager::retry::Retry;
use crate::manager::storage::{Storage, file_mark};
use crate::manager::undo::UndoStack;
use crate::manager::vm::Vm;
use crate::manager::{Error, Event, Step, StorageError};
use crate::model::{VmName, VmState};

/// How long the removal of the old file may take.
const REMOVAL: Duration = Duration::from_secs(30);

impl<'a> Changes<'a> {
    /// Whether the VM's variables are in a raw file that [`Changes::convert_nvram`] can convert: libvirt takes a qcow2,
    /// and the VM is shut off and has no snapshots, whose definitions name the old file.
    ///
    /// # Errors
    /// When there is no such VM, or libvirt can't be asked.
    pub async fn has_raw_nvram(&self, vm: &str) -> Result<bool, Error> {
        let vm = self.op.load_vm(vm).await?;
        self.is_convertible(&vm).await
    }

    async fn is_convertible(&self, vm: &Vm) -> Result<bool, Error> {
        let is_raw = vm.stored.nvram().is_some() && !vm.stored.has_qcow2_nvram();
        if !is_raw || vm.state != VmState::Shutoff || vm.refuse_saved().is_err() {
            return Ok(false);
        }
        let is_able = self.op.client().versions().await?.daemon >= QCOW2_NVRAM;
        Ok(is_able && self.op.client().snapshots().names(vm.id.uuid).await?.is_empty())
    }

    /// Has the VM keep its firmware's variables, as they are, in a qcow2 of its own instead of a raw file. Gives whether it
    /// did not before.
    ///
    /// # Errors
    /// [`StorageError::Forged`] when the guest has written what reads as another format; when libvirt can't make the file.
    /// Then all is as it was.
    pub async fn convert_nvram(&self, vm: &str) -> Result<bool, Error> {
        let vm = self.op.claim_vm(vm).await?;
        let (true, Some(old)) = (self.is_convertible(&vm).await?, vm.stored.nvram()) else {
            return Ok(false);
        };
        self.op.report(Event::Step { vm: &vm.id.name, step: Step::ConvertNvram });
        let mut folders = Folders::default();
        let mut undo = UndoStack::new(self.op);
        let converted = self.convert_claimed(&vm, &old, &mut folders, &mut undo).await;
        let removed = match converted {
            Ok(source) => {
                let volumes = self.op.client().volumes();
                let delete = async || volumes.delete(&source.pool, &source.volume).await;
                // Nobody names it any more; one that stays does no harm.
                let _ = Retry::regardless(Instant::now() + REMOVAL).while_busy(delete).await;
                Ok(true)
            }
            Err(error) => Err(undo.unwind(error).await),
        };
        Cloning::of(self.op).close_folders(folders).await;
        removed
    }

    /// Makes the new file and has the VM use it. Gives the old one, which nobody needs any more.
    async fn convert_claimed(
        &self,
        vm: &Vm,
        old: &str,
        folders: &mut Folders,
        undo: &mut UndoStack<'a>,
    ) -> Result<OwnedVolume, Error> {
        let uuid = vm.id.uuid;
        let pool = Storage::of(self.op).storage_pool(true).await?;
        let (source, file) = Cloning::of(self.op).source_volume(&vm.id.name, old, folders).await?;
        refuse_forged(vm, &file)?;
        // The name may be one that no file can have.
        let name = vm.id.name.parse::<VmName>().map_or_else(|_| "vm".to_owned(), |name| name.to_string());
        let volume = format!("{name}-{}_VARS.qcow2", file_mark(uuid));
        let new = OwnedVolume { pool: pool.name.clone(), path: format!("{}/{volume}", pool.path), volume };
        let disown = vec![new.path.clone()];
        let op = self.op;
        undo.will(Vec::new(), async move {
            let change = MetadataChange { disown, ..MetadataChange::default() };
            Changes::of(op).change_record(uuid, &change).await
        });
        // First of all: what is killed midway leaves a file that the VM owns.
        let change = MetadataChange { owned: vec![new.clone()], ..MetadataChange::default() };
        self.change_record(uuid, &change).await?;
        undo.will_make(&new);
        let spec = VolumeSpec {
            name: &new.volume,
            capacity_bytes: file.capacity_bytes,
            format: "qcow2",
            mode: "0600",
            backing: None,
        };
        self.op.client().volumes().copy(&new.pool, &spec, &source).await?;
        self.op.check()?;
        self.op.client().definitions().set_qcow2_nvram(uuid, &new.path).await?;
        Ok(source)
    }
}

/// libvirt copies a file as what it has found it to be, and the guest can write to this one.
fn refuse_forged(vm: &Vm, file: &Volume) -> Result<(), Error> {
    match file.format.as_deref() {
        None | Some("raw") => Ok(()),
        Some(_) => Err(StorageError::Forged { name: vm.id.name.clone(), disk: "nvram".to_owned() }.into()),
    }
}
