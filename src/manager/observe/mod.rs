//! What VMs do and what happens to them, as it happens.

mod events;
mod monitor;

pub use events::{EventCommand, EventStream, VmEvent, VmEventKind};
pub use monitor::{
    CountedDisk, Counters, InterfaceCounters, Job, Monitor, MonitorRequest, QemuEvent, QmpEnabled, Reading,
    SampleSource, Transfers, VmSample,
};

use super::operation::noun;

noun! {
    /// Samples of what VMs do, and events.
    Monitoring
}
