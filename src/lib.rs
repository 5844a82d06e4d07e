//! vmtools: from nothing to a virtual machine that answers ssh.

pub mod libvirt;
pub mod model;
pub mod system;
