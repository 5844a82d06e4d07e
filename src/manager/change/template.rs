//! A VM as a template for others.

use crate::config::{Template, load_template};
use crate::libvirt::{DiskRole, Domain};
use crate::manager::Error;
use crate::manager::change::Changes;
use crate::manager::storage::Storage;
use crate::model::{DiskSize, Firmware, Hardware, MemorySize, NetworkSpec};

impl Changes<'_> {
    /// What the VM's definition and vmtools' record of it tell. A template that it was made from is extended
    /// if it is still there, so that what only the template knows, such as packages, comes along.
    ///
    /// # Errors
    /// When there is no such VM, or libvirt can't be asked.
    pub async fn template_of(&self, name: &str) -> Result<Template, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        // Its guest may have given memory back for a while.
        let domain = self.op.client().definitions().stored(id.uuid).await?;
        let mut sizes = Vec::new();
        let record = domain.metadata.as_ref();
        for disk in domain.disks_in_role(DiskRole::System).chain(domain.disks_in_role(DiskRole::Data)) {
            let (capacity, _) = Storage::of(self.op).disk_sizes(domain.uuid, disk).await?;
            sizes.extend(capacity.map(DiskSize::from_bytes));
        }
        let extends = record.and_then(|record| record.template.clone());
        let template = Template {
            extends: extends.filter(|name| load_template(self.op.paths(), name).is_ok()),
            ..of_domain(&domain)
        };
        let mut sizes = sizes.into_iter();
        let disk_size = sizes.next();
        let disks: Vec<DiskSize> = sizes.collect();
        Ok(Template { disk_size, disks: (!disks.is_empty()).then_some(disks), ..template })
    }
}

fn of_domain(domain: &Domain) -> Template {
    let record = domain.metadata.as_ref();
    // A file's record as an image has its name alone.
    let image = record.and_then(|record| record.image_file.clone().or_else(|| record.image.clone()));
    let mut cdroms = domain.disks.iter().filter(|disk| disk.device == "cdrom");
    let iso = cdroms.next().and_then(|disk| disk.path.as_ref()).map(Into::into);
    let virtio_win = cdroms.next().and_then(|disk| disk.path.as_ref()).map(Into::into);
    let hardware = domain.hardware();
    let usual = Hardware::default();
    let limits = record.map(|record| record.hotplug_limits).unwrap_or_default();
    let labels = record.into_iter().flat_map(|record| &record.labels);
    Template {
        description: Some(format!("as the VM {}", domain.name)),
        iso: iso.filter(|_| image.is_none()),
        image,
        virtio_win,
        os_variant: domain.os_variant(),
        memory: Some(MemorySize::from_mib(domain.current_memory_mib)),
        max_memory: Some(domain.memory_mib.max(limits.memory_mib.unwrap_or(0)))
            .filter(|max| *max > domain.current_memory_mib)
            .map(MemorySize::from_mib),
        cpus: Some(domain.cpus),
        max_cpus: Some(domain.max_cpus.max(limits.cpus.unwrap_or(0))).filter(|max| *max > domain.cpus),
        firmware: Some(domain.firmware).filter(|firmware| *firmware != Firmware::Bios),
        machine: hardware.machine,
        cpu_model: hardware.cpu_model,
        disk_bus: Some(hardware.disk_bus).filter(|bus| *bus != usual.disk_bus),
        nic_model: Some(hardware.nic_model).filter(|model| *model != usual.nic_model),
        video: Some(hardware.video).filter(|model| *model != usual.video),
        clock: Some(hardware.clock).filter(|clock| *clock != usual.clock),
        hyperv: hardware.hyperv.then_some(true),
        tpm: hardware.tpm.then_some(true),
        networks: Some(networks(domain)),
        user: record.and_then(|record| record.ssh.as_ref()).map(|ssh| ssh.user.clone()),
        labels: labels.map(|label| (label.key.clone(), label.value.clone())).collect(),
        ..Template::default()
    }
}

/// What its interfaces are plugged into, as far as a template can say it.
fn networks(domain: &Domain) -> Vec<NetworkSpec> {
    let interfaces =
        domain.interfaces.iter().filter_map(|interface| match (interface.kind.as_str(), &interface.source) {
            ("network", Some(name)) => {
                Some(NetworkSpec::Network { name: name.clone(), portgroup: interface.portgroup.clone() })
            }
            ("bridge", Some(name)) => Some(NetworkSpec::Bridge(name.clone())),
            ("user", _) => Some(NetworkSpec::User),
            _ => None,
        });
    let interfaces: Vec<NetworkSpec> = interfaces.collect();
    if interfaces.is_empty() { vec![NetworkSpec::None] } else { interfaces }
}
