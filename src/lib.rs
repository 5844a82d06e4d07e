//! vmtools: from nothing to a virtual machine that answers ssh.
