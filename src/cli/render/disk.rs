use super::{or_dash, table, yes_no};
use crate::manager::DiskStatus;
use crate::model::DiskSize;

/// The table of `disk list`.
pub fn disks(disks: &[DiskStatus]) -> String {
    let heading = ["DISK", "SIZE", "ALLOCATED", "FORMAT", "OWNED", "FILE"];
    let size = |bytes: Option<u64>| or_dash(bytes.map(|bytes| DiskSize::from_bytes(bytes).to_string()));
    let rows = disks.iter().map(|disk| {
        vec![
            disk.target.clone(),
            size(disk.capacity_bytes),
            size(disk.allocation_bytes),
            or_dash(disk.format.clone()),
            yes_no(disk.owned).to_owned(),
            or_dash(disk.path.clone().or_else(|| disk.source.clone())),
        ]
    });
    table(heading.map(str::to_owned).to_vec(), rows.collect())
}
