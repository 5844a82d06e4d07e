//! Inventories for tests.

use super::{Files, Inventory, VmDefinitions};
use crate::libvirt::{Domain, Volume};
use crate::model::Uuid;

fn volume(path: &str, backing: Option<&str>) -> (String, Volume) {
    let volume = Volume {
        name: path.rsplit('/').next().unwrap_or_default().into(),
        path: path.into(),
        backing: backing.map(str::to_owned),
        ..Volume::default()
    };
    ("p".to_owned(), volume)
}

/// The UUID of a VM of that name.
pub(in crate::manager) fn uuid_of(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    for (byte, of_name) in bytes.iter_mut().zip(name.bytes()) {
        *byte = of_name;
    }
    Uuid::from_bytes(bytes)
}

/// A VM with one disk; its UUID is that of its name, and `more` goes into its definition.
pub(in crate::manager) fn domain(name: &str, disk: &str, more: &str) -> Domain {
    let document = format!(
        "<domain><name>{name}</name><uuid>{}</uuid>{more}<devices><disk type='file' device='disk'>\
         <driver type='qcow2'/><source file='{disk}'/><target dev='vda'/></disk></devices></domain>",
        uuid_of(name)
    );
    Domain::parse(&document).expect("parses")
}

/// These files of a pool, each with the one below it, and these VMs.
pub(in crate::manager) fn inventory(volumes: &[(&str, Option<&str>)], domains: Vec<Domain>) -> Inventory {
    let volumes = volumes.iter().map(|(path, backing)| volume(path, *backing)).collect();
    let definitions = VmDefinitions::of(domains, Vec::new());
    let files = Files::new(volumes, definitions.all(), true);
    Inventory { definitions, files }
}
