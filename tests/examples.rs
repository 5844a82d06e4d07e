//! The README's examples, as examples.sh runs them, in a private libvirt.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use support::{Sandbox, sandbox_or_skip};

#[test]
fn every_example_works_and_leaves_no_vm() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    sandbox
        .command("bash", &[concat!(env!("CARGO_MANIFEST_DIR"), "/examples.sh"), "all"])
        .env("VMTOOLS", env!("CARGO_BIN_EXE_vmtools"))
        .env("VMTOOLS_EXAMPLE_IMAGE", &image)
        .timeout(Duration::from_secs(300))
        .run()
        .success();
    assert!(sandbox.domains().is_empty());
}
