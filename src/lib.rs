//! vmtools: from nothing to a virtual machine that answers ssh.

pub mod config;
pub mod guest;
pub mod host;
pub mod model;
pub mod system;
