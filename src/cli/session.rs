use crate::manager::{
    Changes, Check, CloneRequest, Deletion, Disks, Error, FileCopy, GarbageCollection, GuestAccess,
    GuestAgent, Images, Interrupt, Monitoring, Networks, Plan, Power, Reverts, Snapshots, Task, VmManager,
    VmSpec, VmStatus, Vms, WarmStates,
};
use crate::model::ConnectionUri;

/// A verb's host and the task that it is there.
pub struct Session {
    manager: VmManager,
    task: Task,
}

impl Session {
    pub fn new(manager: VmManager, task: Task) -> Self {
        Self { manager, task }
    }

    /// Another session of the same task, with a connection of its own: what one of them waits for does not hold up the
    /// other.
    pub fn beside(&self) -> Self {
        Self::new(self.manager.beside(), self.task.clone())
    }

    pub fn uri(&self) -> &ConnectionUri {
        self.manager.uri()
    }

    pub fn interrupt(&self) -> &Interrupt {
        self.task.interrupt()
    }

    pub fn vms(&self) -> Vms<'_> {
        self.manager.vms(&self.task)
    }

    pub fn power(&self) -> Power<'_> {
        self.manager.power(&self.task)
    }

    pub fn changes(&self) -> Changes<'_> {
        self.manager.changes(&self.task)
    }

    pub fn deletion(&self) -> Deletion<'_> {
        self.manager.deletion(&self.task)
    }

    pub fn garbage(&self) -> GarbageCollection<'_> {
        self.manager.garbage(&self.task)
    }

    pub fn disks(&self) -> Disks<'_> {
        self.manager.disks(&self.task)
    }

    pub fn snapshots(&self) -> Snapshots<'_> {
        self.manager.snapshots(&self.task)
    }

    pub fn reverts(&self) -> Reverts<'_> {
        self.manager.reverts(&self.task)
    }

    pub fn images(&self) -> Images<'_> {
        self.manager.images(&self.task)
    }

    pub fn warm_states(&self) -> WarmStates<'_> {
        self.manager.warm_states(&self.task)
    }

    pub fn networks(&self) -> Networks<'_> {
        self.manager.networks(&self.task)
    }

    pub fn guest(&self) -> GuestAccess<'_> {
        self.manager.guest(&self.task)
    }

    pub fn agent(&self) -> GuestAgent<'_> {
        self.manager.agent(&self.task)
    }

    pub fn file_copy(&self) -> FileCopy<'_> {
        self.manager.file_copy(&self.task)
    }

    pub fn monitoring(&self) -> Monitoring<'_> {
        self.manager.monitoring(&self.task)
    }

    pub async fn create(&self, spec: &VmSpec) -> Result<VmStatus, Error> {
        self.manager.create(&self.task, spec).await
    }

    pub async fn plan(&self, spec: &VmSpec) -> Result<Plan, Error> {
        self.manager.plan(&self.task, spec).await
    }

    pub async fn clone_vm(&self, request: &CloneRequest) -> Result<VmStatus, Error> {
        self.manager.clone_vm(&self.task, request).await
    }

    pub async fn doctor(&self) -> Vec<Check> {
        self.manager.doctor(&self.task).await
    }
}
