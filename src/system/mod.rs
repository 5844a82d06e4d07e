//! Processes, files and the environment: the room that knows nothing of VMs.
//!
//! Every process that vmtools starts is started here, with a deadline, in its own process session, with
//! a clean environment, and killed when it is no longer waited for.

pub mod fs;
pub mod process;
