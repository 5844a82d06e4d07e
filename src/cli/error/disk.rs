//! The errors of disks and drives in a person's words.

use crate::cli::exit_code::Code;
use crate::manager::DiskError;

pub(super) fn judge(error: &DiskError) -> (Code, Option<String>) {
    use DiskError as E;
    match error {
        E::NoSuchDisk { name, .. } => (Code::NotFound, Some(format!("vmtools disk list {name}"))),
        E::TooManyDisks { name } => (Code::Failed, Some(format!("vmtools disk list {name}"))),
        E::NeededDisk { name, .. } => {
            (Code::Usage, Some(format!("vmtools delete {name} removes the VM with it")))
        }
        E::StillAttached { name, .. } => (
            Code::Timeout,
            Some(format!(
                "unmount it in the guest and try again, or after `vmtools stop {name}`; it may still go"
            )),
        ),
        E::NoDrive { name } => (
            Code::WrongState,
            Some(format!("vmtools disk insert {name} ISO gives it one, from its next start on")),
        ),
        E::WhichDrive { targets, .. } => (
            Code::Usage,
            Some(format!("say which: --target {}", targets.first().map_or("sda", String::as_str))),
        ),
    }
}
