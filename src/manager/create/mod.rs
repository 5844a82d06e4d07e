//! The create: checks, then acts, each with its undo.

mod check;
mod disks;
mod error;
mod mounts;
pub(super) mod network;
mod nvram;
mod plan;
mod replace;
mod seed;
mod spec;
mod warm;

use crate::image::{LocalImage, Reference};
use crate::libvirt::{
    self, Domain, DomainSpec, HotplugLimits, Mounted, NewDomain, OwnedVolume, Pool, SshAccess,
};
use crate::manager::claim::Claim;
use crate::manager::guest::GuestAccess;
use crate::manager::host_checks::{HostChecks, utf8_path};
use crate::manager::image::Images;
use crate::manager::power::Power;
use crate::manager::storage::Storage;
use crate::manager::undo::UndoStack;
use crate::manager::vms::Vms;
use crate::manager::warm::WarmStart;
use crate::manager::{Step, VmError, WaitError, WaitFor};
use crate::model::{DiskSize, Hardware, MemorySize, SharedFolder, Timestamp, Uuid};
use mounts::Mounts;
pub(super) use network::Wiring;
use network::{Access, NetworkSetup};
use nvram::Nvram;
use seed::Setup;
use warm::Started;

pub use error::CreateError;
pub use mounts::VirtiofsFault;
pub use network::PasstFault;
pub(super) use nvram::QCOW2_NVRAM;
pub use plan::Plan;
pub use spec::{KeySource, UserDocument, VmSpec};
pub(super) use warm::Built;

use super::{DeletePlan, Error, Event, VmStatus, Warning};
use crate::manager::operation::noun;

/// All that is settled before the first act.
struct Prepared {
    image: Option<LocalImage>,
    pool: Pool,
    names: disks::Names,
    domain: DomainSpec,
    setup: Option<Setup>,
    disk_size_bytes: u64,
    extra_disks: Vec<DiskSize>,
    kvm: bool,
    /// Under which what it needs stays until its name is claimed, and its definition tells.
    claims: Vec<Claim>,
}

noun! {
    /// A VM made from an image or an ISO.
    Creation
}

impl Creation<'_> {
    /// Makes a VM, starts it and waits for it, as the spec says.
    ///
    /// # Errors
    /// On every error, and when the user interrupts, all that was made is rolled back; only a wait that
    /// ran out of time leaves the VM, so that it can be looked at. One that replaces another stays once that one is
    /// deleted.
    pub(in crate::manager) async fn create(&self, spec: &VmSpec) -> Result<VmStatus, Error> {
        let spec = &*self.for_provisioner(spec)?;
        let mut undo = UndoStack::new(self.op);
        let made = self.create_steps(spec, &mut undo).await;
        self.conclude(undo, made).await
    }

    /// The end of a transaction that makes a VM.
    pub(super) async fn conclude(
        &self,
        undo: UndoStack<'_>,
        made: Result<Uuid, Failure>,
    ) -> Result<VmStatus, Error> {
        match made {
            Ok(uuid) => self.op.while_daemon_restarts(async || Vms::of(self.op).status_of(uuid).await).await,
            Err(Failure::Keep { uuid, error }) => {
                let active = self.op.client().domains().state(uuid).await?.is_active();
                self.op.client().metadata().clear_creating(uuid, active).await?;
                Err(error)
            }
            Err(Failure::TakeBack(error)) => Err(undo.unwind(error).await),
        }
    }

    async fn create_steps(&self, spec: &VmSpec, undo: &mut UndoStack<'_>) -> Result<Uuid, Failure> {
        self.check_user_data(spec)?;
        self.check_mounts(spec)?;
        let _place = self.claim_place(spec).await?;
        let old = self.check_name(spec).await?;
        let mounts = self.mounts(spec).await?;
        let (image, image_claim) = match self.reference(spec)? {
            Some(reference) => {
                Some(Images::of(self.op).obtain_claimed(&reference, spec.takes_unvouched).await?)
            }
            None => None,
        }
        .unzip();
        let mut prepared = self.prepare(spec, image, old.as_ref(), mounts, true).await?;
        if old.is_some() {
            prepared.domain.name = Self::name_beside(&prepared)?;
        }
        let uuid = prepared.domain.uuid;
        let warm = self.choose_start(spec, &prepared).await?;
        prepared.domain.metadata.first_start = warm.record();
        let definition = prepared.domain.definition();

        self.step(spec, Step::ClaimName)?;
        self.claim(undo, uuid, &definition).await?;
        prepared.claims.clear();
        self.step(spec, Step::MakeDisks)?;
        self.make_disks(undo, &prepared, warm.base()).await?;
        drop(image_claim);
        self.op.check()?;
        let replaces = old.is_some();
        if let Some(old) = old {
            self.take_place(spec, old, (uuid, &prepared.domain.name)).await?;
        }
        match self.start_made(spec, &prepared, warm, undo).await {
            Err(Failure::TakeBack(error)) if replaces => Err(self.keep_new(uuid, &spec.name, error)),
            other => other.map(|()| uuid),
        }
    }

    /// Starts the VM and waits for it, as the spec says; then it is finished.
    async fn start_made(
        &self,
        spec: &VmSpec,
        prepared: &Prepared,
        warm: WarmStart,
        undo: &mut UndoStack<'_>,
    ) -> Result<(), Failure> {
        let uuid = prepared.domain.uuid;
        let mut left_to_wait_for = spec.wait.clone().filter(|_| spec.start);
        if spec.start {
            self.step(spec, Step::Start)?;
            undo.will_start(uuid);
            match warm {
                WarmStart::From(chosen) => {
                    if self.resume_or_boot(spec, prepared, chosen).await? == Started::FromState {
                        left_to_wait_for = left_to_wait_for.and_then(WaitFor::after_resume);
                    }
                }
                WarmStart::NotAsked | WarmStart::Cold(_) => Power::of(self.op).power_on(uuid).await?,
            }
        }
        if let Some(wait) = &left_to_wait_for {
            let domain = self.op.client().definitions().current(uuid).await.map_err(Error::from)?;
            self.wait_or_keep(&domain, wait).await?;
        }
        self.op.check()?;
        self.op.client().metadata().clear_creating(uuid, spec.start).await.map_err(Error::from)?;
        Ok(())
    }

    /// A wait that failed for what the guest did leaves the VM there; an interrupt doesn't.
    pub(super) async fn wait_or_keep(&self, domain: &Domain, wait: &WaitFor) -> Result<(), Failure> {
        match GuestAccess::of(self.op).wait_for(domain, wait).await {
            Ok(()) => Ok(()),
            Err(
                error @ (Error::Wait(WaitError::TimedOut { .. })
                | Error::Wait(WaitError::CloudInit { .. })
                | Error::Wait(WaitError::Stopped { .. })
                // ssh is missing, which is no fault of the VM's.
                | Error::Guest(_)),
            ) => Err(Failure::Keep { uuid: domain.uuid, error }),
            Err(error) => Err(error.into()),
        }
    }

    /// The name is claimed by `define`, which is atomic: of two creates at once one gets it.
    async fn claim(&self, undo: &mut UndoStack<'_>, uuid: Uuid, definition: &NewDomain) -> Result<(), Error> {
        undo.will_define(uuid);
        self.op.client().definitions().define(definition).await.map_err(not_claimed)
    }

    fn step(&self, spec: &VmSpec, step: Step) -> Result<(), Error> {
        self.op.check()?;
        self.op.report(Event::Step { vm: spec.name.as_str(), step });
        Ok(())
    }

    fn reference(&self, spec: &VmSpec) -> Result<Option<Reference>, Error> {
        match (&spec.image, &spec.iso) {
            (Some(image), _) => Ok(Some(image.parse().map_err(crate::image::Error::from)?)),
            (None, Some(_)) => Ok(None),
            (None, None) => Err(CreateError::NothingToBoot { name: spec.name.to_string() }.into()),
        }
    }

    /// Settles everything, and checks what can be checked. With `act`, the pool and the network are made
    /// ready.
    async fn prepare(
        &self,
        spec: &VmSpec,
        image: Option<LocalImage>,
        old: Option<&DeletePlan>,
        mounts: Mounts,
        act: bool,
    ) -> Result<Prepared, Error> {
        let kvm = self.check_host(spec)?;
        let disk_size_bytes = check::disk_size(spec, image.as_ref())?;
        let pool = Storage::of(self.op).storage_pool(act).await?;
        self.check_room(spec, image.as_ref(), &pool)?;
        self.check_paths(spec, &pool)?;
        let uuid = Uuid::new_v4();
        let firmware = spec.firmware.or(image.as_ref().and_then(|image| image.firmware));
        let firmware = firmware.unwrap_or(self.op.config().defaults.firmware);
        let qcow2_nvram = Nvram::of(self.op).takes_qcow2_nvram(firmware).await?;
        let names = disks::Names::new(spec, uuid, &pool, image.as_ref(), qcow2_nvram);
        let wiring = Wiring::of(self.op).wire(spec, old, act).await?;
        let access = Wiring::of(self.op).access(spec, image.as_ref())?;
        let setup = match &image {
            Some(image) if spec.cloud_init => {
                let macs = wiring.interfaces.iter().map(|interface| interface.mac.clone()).collect();
                Some(self.setup(spec, uuid, (&access, macs), image, &mounts)?)
            }
            _ => None,
        };
        let seeded = setup.as_ref().is_some_and(Setup::is_seed);
        self.warn_of_no_seed(spec, setup.as_ref(), &mounts.folders);
        let domain = DomainSpec {
            name: spec.name.clone(),
            uuid,
            metadata: record(
                spec,
                image.as_ref(),
                names.owned(setup.is_some()),
                setup.as_ref().map(|_| access.to_record(&wiring)),
                &wiring,
                &mounts.folders,
            ),
            memory: spec.memory,
            max_memory: spec.max_memory,
            cpus: spec.cpus,
            max_cpus: spec.max_cpus,
            firmware,
            nvram: names.nvram.as_ref().map(|nvram| nvram.path.clone()),
            // Without cloud-init somebody has to look at the screen.
            hardware: Hardware { tablet: setup.is_none() || spec.hardware.tablet, ..spec.hardware.clone() },
            os_variant: spec.os_variant.clone(),
            kvm,
            disks: names.disks(seeded),
            cdroms: spec.cdroms().map(|iso| utf8_path(iso)).collect::<Result<_, _>>()?,
            interfaces: wiring.interfaces,
            folders: mounts.folders,
            virtiofsd: mounts.virtiofsd,
            ignition: setup.as_ref().filter(|_| !seeded).map(|_| names.seed.path.clone()),
            serial_log: names.serial_log.path.clone(),
            qmp_socket: HostChecks::of(self.op).qmp_socket(uuid),
            vnc_socket: HostChecks::of(self.op).vnc_socket(uuid),
        };
        let extra_disks = spec.extra_disks.clone();
        let claims = wiring.claims;
        Ok(Prepared { image, pool, names, domain, setup, disk_size_bytes, extra_disks, kvm, claims })
    }

    /// What configures the guest, for interfaces of these addresses.
    fn setup(
        &self,
        spec: &VmSpec,
        uuid: Uuid,
        (access, macs): (&Access, Vec<String>),
        image: &LocalImage,
        mounts: &Mounts,
    ) -> Result<Setup, Error> {
        let (setup, warnings) = seed::build(spec, uuid, access, image, macs, &mounts.folders)?;
        for warning in warnings {
            self.op.report(Event::Warning(Warning::UserData(warning)));
        }
        Ok(setup)
    }

    fn warn_of_no_seed(&self, spec: &VmSpec, setup: Option<&Setup>, folders: &[SharedFolder]) {
        if setup.is_some_and(Setup::is_seed) {
            return;
        }
        let vm = || spec.name.to_string();
        if spec.password.is_some() && setup.is_none() {
            self.op.report(Event::Warning(Warning::PasswordIgnored { vm: vm() }));
        }
        if !spec.setup.is_empty() {
            self.op.report(Event::Warning(Warning::SetupLeftOut { vm: vm() }));
        }
        if !folders.is_empty() {
            self.op.report(Event::Warning(Warning::NotMounted { vm: vm(), folders: folders.to_vec() }));
        }
    }
}

/// What vmtools has to know of the VM later.
fn record(
    spec: &VmSpec,
    image: Option<&LocalImage>,
    owned: Vec<OwnedVolume>,
    ssh: Option<SshAccess>,
    wiring: &NetworkSetup,
    folders: &[SharedFolder],
) -> libvirt::Metadata {
    libvirt::Metadata {
        template: spec.template.clone(),
        image: image.map(|image| image.name.clone()),
        image_digest: image.map(|image| image.digest.to_string()),
        image_file: image.and_then(image_file),
        owned,
        created: Some(Timestamp::now()),
        labels: spec.labels.clone(),
        ssh,
        published: wiring.published.clone(),
        mounts: folders.iter().map(Mounted::from).collect(),
        hotplug_limits: HotplugLimits {
            cpus: spec.max_cpus,
            memory_mib: spec.max_memory.map(MemorySize::mib),
        },
        expires: spec.ttl.map(|ttl| Timestamp::now().after(ttl)),
        parent: None,
        first_start: None,
        creator: crate::host::Creator::current().map(|creator| creator.to_string()),
    }
}

/// Why a `define` got no name.
pub(super) fn not_claimed(error: libvirt::Error) -> Error {
    match error {
        libvirt::Error::Exists { name, object: libvirt::Object::Domain } => VmError::Exists { name }.into(),
        other => other.into(),
    }
}

/// The file that an image is, if it is one of the user's own.
fn image_file(image: &LocalImage) -> Option<String> {
    let is_url = image.source.contains("://");
    let path = std::path::absolute(&image.source).ok().filter(|_| !is_url)?;
    Some(path.to_string_lossy().into_owned())
}

/// How a create ends that didn't go well.
pub(super) enum Failure {
    /// The VM stays, to be looked at.
    Keep { uuid: Uuid, error: Error },
    /// All is rolled back.
    TakeBack(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::TakeBack(error)
    }
}
