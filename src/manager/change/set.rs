//! Changing a VM: in its definition, and in the guest that runs as far as that can take it.

use std::time::Duration;

use crate::libvirt::MaxCpusChange;
use crate::libvirt::{self, Affects, Domain, HotplugLimits, MetadataChange};
use crate::manager::change::Changes;
use crate::manager::disk::Disks;
use crate::manager::host_checks::HostChecks;
use crate::manager::storage::Storage;
use crate::manager::vm::Vm;
use crate::manager::vms::Vms;
use crate::manager::{Already, DiskError, Error, Event, VmError, VmStatus, Warning};
use crate::model::{DiskSize, Label, MemorySize, TimeToLive, Timestamp, VmState};

/// How long a guest may take over giving memory back.
const BALLOON: Duration = Duration::from_secs(10);

/// What is to be changed; what is `None` or empty stays.
#[derive(Debug, Clone, Default)]
pub struct VmChange {
    /// Its memory.
    pub memory: Option<MemorySize>,
    /// Its vCPUs.
    pub cpus: Option<u32>,
    /// The size of its first disk.
    pub disk_size: Option<DiskSize>,
    /// Labels that it gets.
    pub label: Vec<Label>,
    /// The keys of labels that it loses.
    pub unlabel: Vec<String>,
    /// Whether libvirt starts it by itself.
    pub autostart: Option<bool>,
    /// How long it may live from now on.
    pub ttl: Option<TimeToLive>,
}

/// What was changed.
#[derive(Debug, Clone, serde::Serialize)]
pub struct VmChanged {
    /// The VM as it is now.
    #[serde(flatten)]
    pub vm: VmStatus,
    /// What it has now.
    pub applied: Vec<Setting>,
    /// What the guest that runs could not take, and will have when the VM is started the next time. What it had
    /// before stands in neither.
    pub on_next_start: Vec<Setting>,
}

/// Something of a VM that can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// Its vCPUs.
    Cpus,
    /// Its memory.
    Memory,
    /// The size of its first disk.
    DiskSize,
    /// Its labels.
    Labels,
    /// How long it may live.
    Ttl,
    /// Whether libvirt starts it by itself.
    Autostart,
}

impl Setting {
    /// Its name in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpus => "cpus",
            Self::Memory => "memory",
            Self::DiskSize => "disk size",
            Self::Labels => "labels",
            Self::Ttl => "time to live",
            Self::Autostart => "autostart",
        }
    }
}

/// A disk to be grown.
struct DiskGrowth {
    target: String,
    path: String,
    bytes: u64,
}

impl Changes<'_> {
    /// Changes the VM. All is checked before anything is changed.
    ///
    /// # Errors
    /// [`DiskError::WouldShrink`] for a smaller disk, [`VmError::NotManaged`] for labels and times to live of VMs
    /// that others made, [`VmError::Saved`], and when libvirt refuses.
    pub async fn set(&self, name: &str, change: &VmChange) -> Result<VmChanged, Error> {
        let vm = self.op.claim_vm(name).await?;
        let growth = self.check_change(&vm, change).await?;
        self.op.check()?;
        let mut done = AppliedChanges::default();
        match self.change(&vm, change, growth, &mut done).await {
            Ok(()) => {}
            Err(error) => {
                let done: Vec<Setting> = done.applied.into_iter().chain(done.on_next_start).collect();
                if !done.is_empty() {
                    self.op.report(Event::Warning(Warning::PartlySet { vm: vm.id.name.clone(), done }));
                }
                return Err(error);
            }
        }
        if done.applied.is_empty() && done.on_next_start.is_empty() {
            self.op.report(Event::AlreadySo { name: &vm.id.name, what: Already::Set });
        }
        let status = Vms::of(self.op).status_of(vm.id.uuid).await?;
        Ok(VmChanged { vm: status, applied: done.applied, on_next_start: done.on_next_start })
    }

    async fn check_change(&self, vm: &Vm, change: &VmChange) -> Result<Option<DiskGrowth>, Error> {
        let name = || vm.stored.name.clone();
        if let Some(cpus) = change.cpus {
            HostChecks::of(self.op).check_cpus(cpus)?;
        }
        if let Some(memory) = change.memory {
            HostChecks::of(self.op).check_memory(memory, false)?;
        }
        if !change.metadata().is_empty() && vm.stored.metadata.is_none() {
            return Err(VmError::NotManaged { name: name() }.into());
        }
        let machine = change.cpus.is_some() || change.memory.is_some() || change.disk_size.is_some();
        if machine {
            vm.refuse_saved()?;
        }
        let Some(wanted) = change.disk_size else { return Ok(None) };
        let domain = vm.current();
        let disk = domain.boot_disk().ok_or_else(|| DiskError::NoDisk { name: name() })?;
        let path = Storage::of(self.op).disk_file(domain, disk)?;
        let (capacity, _) = Storage::of(self.op).disk_sizes(domain.uuid, disk).await?;
        let has = capacity.ok_or_else(|| DiskError::SizeUnknown { path: path.clone() })?;
        if wanted.bytes() < has {
            return Err(DiskError::WouldShrink { path, has: DiskSize::from_bytes(has), wanted }.into());
        }
        Ok((wanted.bytes() > has).then(|| DiskGrowth {
            target: disk.target.clone(),
            path,
            bytes: wanted.bytes(),
        }))
    }

    async fn change(
        &self,
        vm: &Vm,
        change: &VmChange,
        growth: Option<DiskGrowth>,
        done: &mut AppliedChanges,
    ) -> Result<(), Error> {
        let uuid = vm.stored.uuid;
        if let Some(cpus) = change.cpus {
            done.note(Setting::Cpus, self.set_cpus(vm, cpus).await?);
        }
        if let Some(memory) = change.memory {
            done.note(Setting::Memory, self.set_memory(vm, memory.mib()).await?);
        }
        if let Some(growth) = growth {
            self.grow(vm, &growth).await?;
            done.note(Setting::DiskSize, Effect::Now);
        }
        let metadata = change.metadata().new_to(vm.stored.metadata.as_ref());
        if !metadata.is_empty() {
            self.change_record(uuid, &metadata).await?;
            if !(metadata.label.is_empty() && metadata.unlabel.is_empty()) {
                done.note(Setting::Labels, Effect::Now);
            }
            if metadata.expires.is_some() {
                done.note(Setting::Ttl, Effect::Now);
            }
        }
        if let Some(on) = change.autostart
            && on != self.op.client().domains().autostarted().await?.contains(&vm.id.name)
        {
            self.op.client().domains().set_autostart(uuid, on).await?;
            done.note(Setting::Autostart, Effect::Now);
        }
        Ok(())
    }

    /// Room that the definition leaves above what it gives stays.
    async fn set_cpus(&self, vm: &Vm, cpus: u32) -> Result<Effect, Error> {
        let stored = &vm.stored;
        let made_with = hotplug_limits(stored).cpus.map(u64::from);
        let max = with_room(stored.cpus.into(), stored.max_cpus.into(), made_with, cpus.into());
        let max = u32::try_from(max).unwrap_or(cpus);
        let change = stored
            .max_cpus_change(cpus, max)
            .map_err(|cause| VmError::CpuTopology { name: stored.name.clone(), cause })?;
        let max = match change {
            MaxCpusChange::Keep => stored.max_cpus,
            MaxCpusChange::To(max) => {
                self.op.client().hardware().set_max_cpus(stored.uuid, max).await?;
                max
            }
            MaxCpusChange::Topology(topology) => {
                self.op.client().hardware().set_cpu_topology(stored.uuid, topology).await?;
                cpus
            }
        };
        let is_new = stored.cpus != cpus || stored.max_cpus != max;
        if stored.cpus.min(max) != cpus {
            self.op.client().hardware().set_cpus(stored.uuid, cpus, Affects::Stored).await?;
        }
        let Some(running) = &vm.running else { return Ok(now_if(is_new)) };
        let now = async || self.op.client().statistics().of(stored.uuid).await;
        if now().await?.cpus() == Some(cpus) {
            return Ok(now_if(is_new));
        }
        if cpus > running.max_cpus {
            return Ok(Effect::OnNextStart);
        }
        // A guest may keep a processor that it is to give back.
        taken(self.op.client().hardware().set_cpus(stored.uuid, cpus, Affects::Running).await)?;
        match now().await?.cpus() == Some(cpus) {
            true => Ok(Effect::Now),
            false => Ok(Effect::OnNextStart),
        }
    }

    async fn set_memory(&self, vm: &Vm, mib: u64) -> Result<Effect, Error> {
        let stored = &vm.stored;
        let made_with = hotplug_limits(stored).memory_mib;
        let max = with_room(stored.current_memory_mib, stored.memory_mib, made_with, mib);
        let is_new = stored.current_memory_mib != mib || stored.memory_mib != max;
        if max != stored.memory_mib {
            self.op.client().hardware().set_max_memory(stored.uuid, max).await?;
        }
        if stored.current_memory_mib.min(max) != mib {
            self.op.client().hardware().set_memory(stored.uuid, mib, Affects::Stored).await?;
        }
        let Some(running) = &vm.running else { return Ok(now_if(is_new)) };
        let now = async || self.op.client().statistics().of(stored.uuid).await;
        let stats = now().await?;
        if stats.memory_mib() == Some(mib) {
            return Ok(now_if(is_new));
        }
        // Of what it uses nothing is taken away: it would kill its programs.
        let used = stats.memory_used_mib().is_some_and(|used| used >= mib);
        if mib > running.memory_mib || used || stats.state() != VmState::Running {
            return Ok(Effect::OnNextStart);
        }
        if !taken(self.op.client().hardware().set_memory(stored.uuid, mib, Affects::Running).await)? {
            return Ok(Effect::OnNextStart);
        }
        let mut retry = self.op.retry(BALLOON);
        while now().await?.memory_mib() != Some(mib) {
            // An interrupt ends the wait as the deadline does: the rest comes with the next start.
            if !matches!(retry.again().await, Ok(true)) {
                return Ok(Effect::OnNextStart);
            }
        }
        Ok(Effect::Now)
    }

    async fn grow(&self, vm: &Vm, growth: &DiskGrowth) -> Result<(), Error> {
        let running = vm.running.is_some();
        Disks::of(self.op)
            .set_disk_size(&vm.stored, running, &growth.target, &growth.path, growth.bytes)
            .await
    }
}

impl VmChange {
    fn metadata(&self) -> MetadataChange {
        let expires = |ttl| match ttl {
            TimeToLive::Unlimited => None,
            TimeToLive::For(span) => Some(Timestamp::now().after(span)),
        };
        MetadataChange {
            unlabel: self.unlabel.clone(),
            label: self.label.clone(),
            expires: self.ttl.map(expires),
            ..MetadataChange::default()
        }
    }
}

#[derive(Default)]
struct AppliedChanges {
    applied: Vec<Setting>,
    on_next_start: Vec<Setting>,
}

impl AppliedChanges {
    fn note(&mut self, setting: Setting, effect: Effect) {
        match effect {
            Effect::None => {}
            Effect::Now => self.applied.push(setting),
            Effect::OnNextStart => self.on_next_start.push(setting),
        }
    }
}

/// When a setting counts.
enum Effect {
    /// The VM had it before.
    None,
    /// The VM has it now.
    Now,
    /// The VM has it when it is started the next time.
    OnNextStart,
}

/// What the definition alone decides: the guest has it already, or there is none.
fn now_if(is_new: bool) -> Effect {
    if is_new { Effect::Now } else { Effect::None }
}

fn hotplug_limits(domain: &Domain) -> HotplugLimits {
    domain.metadata.as_ref().map(|record| record.hotplug_limits).unwrap_or_default()
}

/// The maximum for a wanted number: one that was equal to what was given stays so, but for the room that the VM
/// was made with; other room stays.
fn with_room(given: u64, max: u64, made_with: Option<u64>, wanted: u64) -> u64 {
    let room = if given == max { made_with } else { Some(max) };
    wanted.max(room.unwrap_or(0))
}

/// Whether the running guest took it; what libvirt or QEMU can't do there is no error.
fn taken(result: Result<(), libvirt::Error>) -> Result<bool, libvirt::Error> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.is_connection() => Err(error),
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_that_was_left_stays() {
        assert_eq!([with_room(2, 2, None, 4), with_room(2, 2, None, 1)], [4, 1]);
        assert_eq!([with_room(2, 8, None, 4), with_room(2, 8, None, 16)], [8, 16]);
        assert_eq!([with_room(8, 8, Some(8), 4), with_room(16, 16, Some(8), 2)], [8, 8]);
    }
}
