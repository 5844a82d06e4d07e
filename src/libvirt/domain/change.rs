//! Changes of a domain's definition that virsh has commands for. With those nothing else of a definition
//! passes through vmtools, so nothing else can get lost, and no secret in it is seen.

use std::time::Duration;

use super::Affects;
use super::cpu::CpuTopology;
use super::definition::Domain;
use super::metadata::{
    self, ADDED_NAMESPACE, CREATING_NAMESPACE, MetadataChange, NAMESPACE, OwnedVolume, PARENT_NAMESPACE,
    PROTECTED_NAMESPACE, REVERTING_NAMESPACE, RevertMark,
};
use super::namespace;
use crate::libvirt::command::Command;
use crate::libvirt::xml::Element;
use crate::libvirt::{DomainHardware, DomainMetadata, Domains, Error, Object};
use crate::model::Uuid;

// A raw disk may have to be written out to its new end.
const RESIZE: Duration = Duration::from_secs(120);

impl Domains<'_> {
    /// Gives it another name.
    ///
    /// # Errors
    /// [`Error::Exists`] when the name is taken; [`Error::WrongState`] when it runs or is saved.
    pub async fn rename(self, uuid: Uuid, name: &str) -> Result<(), Error> {
        let command = Command::new("domrename").domain(uuid).option("--new-name", name);
        self.client.call(command).await.map(drop)
    }

    /// Lets libvirt start it by itself, or not.
    ///
    /// # Errors
    /// When it has no stored definition.
    pub async fn set_autostart(self, uuid: Uuid, on: bool) -> Result<(), Error> {
        let words = if on { "autostart" } else { "autostart --disable" };
        self.client.call(Command::new(words).domain(uuid)).await.map(drop)
    }
}

impl DomainHardware<'_> {
    /// Gives it so many vCPUs, within its maximum.
    ///
    /// # Errors
    /// When they are more than its maximum, or the guest doesn't release any.
    pub async fn set_cpus(self, uuid: Uuid, cpus: u32, affects: Affects) -> Result<(), Error> {
        self.client.call(sized("setvcpus --count", cpus, "", uuid).flag(affects.flags())).await.map(drop)
    }

    /// Sets the most vCPUs that it may have after its next start. When it has more, they become as many.
    ///
    /// # Errors
    /// When its definition doesn't allow so many, and always where it has a topology: see
    /// [`Domain::max_cpus_change`].
    pub async fn set_max_cpus(self, uuid: Uuid, cpus: u32) -> Result<(), Error> {
        self.client.call(sized("setvcpus --maximum --config --count", cpus, "", uuid)).await.map(drop)
    }

    /// Arranges its CPUs so, and gives it as many as the topology makes at most, from its next start on. How many
    /// it starts with stays.
    ///
    /// # Errors
    /// When it is gone, or its machine can't have so many.
    pub async fn set_cpu_topology(self, uuid: Uuid, topology: CpuTopology) -> Result<(), Error> {
        self.client.definitions().change(uuid, |domain| topology.apply_to(domain)).await
    }

    /// Gives it so much memory, within its maximum. A running guest's balloon takes its time.
    ///
    /// # Errors
    /// When it is more than its maximum.
    pub async fn set_memory(self, uuid: Uuid, mib: u64, affects: Affects) -> Result<(), Error> {
        self.client.call(sized("setmem --size", mib, "MiB", uuid).flag(affects.flags())).await.map(drop)
    }

    /// Sets the most memory that it may have after its next start. When it has more, it becomes as much.
    ///
    /// # Errors
    /// When its definition doesn't allow it, as by its NUMA nodes.
    pub async fn set_max_memory(self, uuid: Uuid, mib: u64) -> Result<(), Error> {
        self.client.call(sized("setmaxmem --config --size", mib, "MiB", uuid)).await.map(drop)
    }

    /// Sets the size of a running domain's disk, and tells its guest. Smaller ones are not refused.
    ///
    /// # Errors
    /// When its image can't be resized.
    pub async fn resize_disk(self, uuid: Uuid, target: &str, bytes: u64) -> Result<(), Error> {
        let command = sized("blockresize --size", bytes, "B", uuid).option("--path", target);
        self.client.call(command.within(RESIZE)).await.map(drop)
    }
}

impl DomainMetadata<'_> {
    /// Changes vmtools' record in both definitions.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the domain has none.
    pub async fn change(self, domain: &Domain, change: &MetadataChange, active: bool) -> Result<(), Error> {
        let missing = || Error::missing(Object::Domain, domain.uuid.to_string());
        let (record, [root, metadata]) =
            namespace::in_metadata(&domain.tree, NAMESPACE).ok_or_else(missing)?;
        let changed = change.applied_to(&[root, metadata, record]);
        self.put(domain.uuid, NAMESPACE, "vmtools", &changed, active).await
    }

    /// Sets the list of the disks that vmtools made for a domain of others, in both definitions.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn set_added(self, uuid: Uuid, volumes: &[OwnedVolume], active: bool) -> Result<(), Error> {
        match volumes {
            [] => self.remove(uuid, ADDED_NAMESPACE, active).await,
            volumes => {
                let list = metadata::added_to_element(volumes);
                self.put(uuid, ADDED_NAMESPACE, "added", &list, active).await
            }
        }
    }

    /// Marks it as not to be deleted, or removes the mark, in both definitions.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn set_protected(self, uuid: Uuid, on: bool, active: bool) -> Result<(), Error> {
        if on {
            let mark = Element::new("by").text("vmtools");
            self.put(uuid, PROTECTED_NAMESPACE, "protected", &mark, active).await
        } else {
            self.remove(uuid, PROTECTED_NAMESPACE, active).await
        }
    }

    /// Whether one of its definitions has the mark. libvirt tells it while the domain's QEMU hangs too: a question that
    /// has no answer yet holds up the definition, the stored one as well, but not its metadata (seen with 11.3).
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn is_protected(self, uuid: Uuid) -> Result<bool, Error> {
        let ask = |words: &str| Command::new(words).domain(uuid).option("--uri", PROTECTED_NAMESPACE);
        let replies = self.client.call_each(&[ask("metadata"), ask("metadata --config")]).await?;
        let mut protected = false;
        for reply in replies {
            match reply {
                // Of one that has none virsh 11.3 prints an empty line, and no error.
                Ok(text) => protected |= !text.trim().is_empty(),
                Err(Error::NotFound { object: Object::Metadata, .. }) => {}
                // A transient domain has no stored definition.
                Err(Error::WrongState { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(protected)
    }

    /// Marks it as one that the creator is making, or deleting, in both definitions.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn mark_creating(self, uuid: Uuid, creator: &str, active: bool) -> Result<(), Error> {
        let mark = Element::new("by").text(creator);
        self.put(uuid, CREATING_NAMESPACE, "creating", &mark, active).await
    }

    /// Removes the mark of an unfinished create from the running domain and its stored definition.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn clear_creating(self, uuid: Uuid, active: bool) -> Result<(), Error> {
        self.remove(uuid, CREATING_NAMESPACE, active).await
    }

    /// Marks it as one that is being reverted to a snapshot, in both definitions.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn mark_reverting(self, uuid: Uuid, mark: &RevertMark, active: bool) -> Result<(), Error> {
        self.put(uuid, REVERTING_NAMESPACE, "reverting", &mark.to_element(), active).await
    }

    /// Removes that mark. libvirt does this only once nothing else is being done to the domain.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn clear_reverting(self, uuid: Uuid, active: bool) -> Result<(), Error> {
        self.remove(uuid, REVERTING_NAMESPACE, active).await
    }

    async fn put(
        self,
        uuid: Uuid,
        namespace: &str,
        prefix: &str,
        element: &Element,
        active: bool,
    ) -> Result<(), Error> {
        let line = element.to_line().map_err(|error| Error::Unexpected {
            command: "virsh metadata".into(),
            reason: error.to_string(),
        })?;
        let command = Command::new("metadata").flag(Affects::all(active).flags()).domain(uuid);
        let command = command.option("--uri", namespace).option("--key", prefix).option("--set", &line);
        self.client.call(command).await.map(drop)
    }

    async fn remove(self, uuid: Uuid, namespace: &str, active: bool) -> Result<(), Error> {
        let command = Command::new("metadata --remove").flag(Affects::all(active).flags());
        self.client.call(command.option("--uri", namespace).domain(uuid)).await.map(drop)
    }

    /// Notes in the stored definition that disks of other domains stand on this one's.
    ///
    /// # Errors
    /// When it is gone, or the connection fails.
    pub async fn mark_parent(self, uuid: Uuid) -> Result<(), Error> {
        let command = Command::new("metadata --config --key parent --set '<is/>'");
        self.client.call(command.option("--uri", PARENT_NAMESPACE).domain(uuid)).await.map(drop)
    }
}

fn sized(words: &str, number: impl std::fmt::Display, unit: &str, uuid: Uuid) -> Command {
    Command::new(words).flag(&format!("{number}{unit}")).domain(uuid)
}
