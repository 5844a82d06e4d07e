//! vmtools: from nothing to a virtual machine that answers ssh.

<<<<<<< HEAD
pub mod libvirt;
=======
pub mod config;
>>>>>>> host
pub mod model;
pub mod system;
