//! vmtools: from nothing to a virtual machine that answers ssh.

pub mod image;
pub mod model;
pub mod system;
