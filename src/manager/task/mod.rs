//! One operation: its observer, and what cancels it. A [`Task`] knows no host, so one can span two.

mod already;
mod interrupt;
mod observer;
mod step;
mod wait_observation;
mod warning;

use std::sync::Arc;

pub use already::Already;
pub use interrupt::{Interrupt, interrupt_channel};
pub use observer::{Event, Observer};
pub use step::Step;
pub use wait_observation::WaitObservation;
pub use warning::{SnapshotLoss, Warning};

/// One operation, from the command or request to its end.
///
/// Many tasks may share a [`VmManager`](super::VmManager) at the same time.
#[derive(Clone)]
pub struct Task {
    observer: Arc<dyn Observer>,
    interrupt: Interrupt,
}

impl Task {
    /// A task that reports to `observer` and ends when `interrupt` asks for it.
    pub fn new(observer: Arc<dyn Observer>, interrupt: Interrupt) -> Self {
        Self { observer, interrupt }
    }

    /// What tells that the user wants the task to end.
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Receives progress and warnings.
    pub fn observer(&self) -> &Arc<dyn Observer> {
        &self.observer
    }
}
