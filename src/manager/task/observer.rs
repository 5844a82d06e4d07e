use std::time::Duration;

use super::{Already, Step, WaitObservation, Warning};
use crate::model::Condition;

/// Somebody who watches what a verb does.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);
}

/// What goes on during a verb.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step begins.
    Step {
        /// The VM, or the image.
        vm: &'a str,
        /// What is done.
        step: Step,
    },
    /// An image is being downloaded or read.
    Transfer {
        /// The image.
        image: &'a str,
        /// How much is done, in bytes.
        done_bytes: u64,
        /// How much there is, in bytes, if that is known.
        total_bytes: Option<u64>,
    },
    /// A wait has come to another stage.
    Waiting {
        /// The VM.
        vm: &'a str,
        /// What is waited for.
        condition: Condition,
        /// What is seen at present.
        seen: &'a WaitObservation,
        /// Since the wait began.
        elapsed: Duration,
    },
    /// Something that was to be is already so.
    AlreadySo {
        /// The VM or network.
        name: &'a str,
        /// What it is already.
        what: Already,
    },
    /// Another command is at work on what this one needs; it is waited for.
    AwaitsClaim {
        /// The VM, image or network.
        name: &'a str,
    },
    /// A VM that was to be restarted was off, and is started.
    WasOff {
        /// Its name.
        name: &'a str,
    },
    /// A network was off and has been started.
    NetworkStarted {
        /// Its name.
        name: &'a str,
    },
    /// libvirt's daemon doesn't answer any more; it is waited for.
    LibvirtAway {
        /// Why, in the words of the error.
        reason: &'a str,
    },
    /// It answers again.
    LibvirtBack,
    /// Something that the user should know.
    Warning(Warning),
}
