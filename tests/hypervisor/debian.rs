//! A real distribution's cloud image, with cloud-init, sshd and the guest agent.

use std::time::Duration;

use super::nothing_is_left;
use super::support::{Sandbox, sandbox_or_skip};

#[test]
fn debian_comes_up_and_lets_in() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.debian_image());
    let image = image.to_str().unwrap();
    let args =
        ["create", "deb", "--image", image, "-m", "1G", "-d", "4", "--start", "--wait", "--timeout", "8m"];
    sandbox.vmtools(&args).timeout(Duration::from_secs(600)).run().success();
    let ssh = sandbox.vmtools(&["ssh", "deb", "--", "hostname; cloud-init status"]).run().success();
    assert!(ssh.stdout.starts_with("deb\n") && ssh.stdout.contains("done"), "{ssh}");
    sandbox
        .vmtools(&["wait", "deb", "--for", "agent", "--timeout", "2m"])
        .timeout(Duration::from_secs(180))
        .run()
        .success();
    sandbox.vmtools(&["delete", "--force", "deb"]).run().success();
    nothing_is_left(&sandbox);
}
