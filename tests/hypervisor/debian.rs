//! A real distribution's cloud image, with cloud-init, sshd and the guest agent.

use std::path::Path;
use std::time::Duration;

use super::nothing_is_left;
use super::support::{Sandbox, is_thorough, sandbox_or_skip, virtiofsd, wait_for};

/// More than vmtools waits for such a guest.
const LONG: Duration = Duration::from_secs(1260);

#[test]
fn debian_comes_up_lets_in_and_is_committed() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.debian_image());
    let image = image.to_str().unwrap();
    let virtiofsd = sandbox_or_skip!(virtiofsd());
    let user_data = sandbox.home().join("user-data");
    std::fs::write(
        &user_data,
        "#cloud-config\nruncmd: [[touch, /their-own]]\npackges: [none]\nusers: deploy,ops\n",
    )
    .unwrap();
    let create = ["create", "deb", "--image", image, "-m", "1G", "-c", "1", "-d", "4", "--start", "--wait"];
    let (work, data) = (sandbox.home().join("work"), sandbox.home().join("my data"));
    for folder in [&work, &data] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("host"), "from the host\n").unwrap();
    }
    let mounts = [format!("{}:/mnt/work", work.display()), "my data:/mnt/data:ro".to_owned()];
    let more = ["--user-data", user_data.to_str().unwrap(), "--password-file", "-"];
    let mount = ["--mount", &mounts[0], "--mount", &mounts[1]];
    let made = sandbox.vmtools(&[&create[..], &more, &mount].concat()).stdin("geheim\n");
    let made = made.path_first(virtiofsd.parent().unwrap());
    made.timeout(LONG).run().success().stderr_has("line 3").stderr_has("packages");
    let ssh = sandbox.vmtools(&["ssh", "deb", "--", "hostname; cloud-init status"]).run().success();
    assert!(ssh.stdout.starts_with("deb\n") && ssh.stdout.contains("done"), "{ssh}");
    // Both halves of the user-data, and the password, which is hashed.
    let shadow = sandbox.vmtools(&["ssh", "deb", "--", "ls /their-own && sudo cut -d: -f1,2 /etc/shadow"]);
    let shadow = shadow.run().success();
    assert!(shadow.lines().iter().any(|line| line.contains(":$6$")), "{shadow}");
    // Theirs are made beside vmtools' own.
    sandbox.vmtools(&["ssh", "deb", "--", "getent passwd deploy ops"]).run().success();
    // Both ways, by the guest's own users; and only one way.
    let script = "cat /mnt/work/host /mnt/data/host && sudo sh -c 'umask 077; echo from the guest >/mnt/work/guest'; \
                  sudo touch /mnt/data/guest || findmnt -no FSTYPE,OPTIONS /mnt/data; sudo mount -o remount,rw /mnt/data; \
                  sudo touch /mnt/data/guest || echo still";
    let shared = sandbox.vmtools(&["ssh", "deb", "--", script]).run().success();
    assert_eq!(shared.lines()[..2], ["from the host", "from the host"], "{shared}");
    assert!(shared.lines()[2].starts_with("virtiofs ro,") && shared.stdout.ends_with("still\n"), "{shared}");
    assert_eq!(std::fs::read_to_string(work.join("guest")).unwrap(), "from the guest\n");
    let status = sandbox.vmtools(&["status", "deb", "--json"]).run().success();
    let mount = |number: usize| status.json()["mounts"][number].clone();
    let expected = |host: &Path, guest: &str, number: u32, read_only: bool| {
        let tag = format!("vmtools:{number}");
        serde_json::json!({"host": host, "tag": tag, "guest": guest, "read_only": read_only, "driver": "virtiofs"})
    };
    let both = (expected(&work, "/mnt/work", 0, false), expected(&data, "/mnt/data", 1, true));
    assert_eq!((mount(0), mount(1)), both, "{status}");
    // sudo's process is root's.
    let mut running = sandbox.vmtools(&["ssh", "deb", "--", "echo up; sudo sleep 1000"]).spawn();
    wait_for("the command in the guest", Duration::from_secs(60), || {
        running.stdout().contains("up").then_some(())
    });
    running.signal("TERM");
    running.wait(Duration::from_secs(60)).code(143);
    // The guest's ssh server learns of it when it gets to run.
    wait_for("its end in the guest", Duration::from_secs(120), || {
        let left = sandbox.vmtools(&["ssh", "deb", "--", "pgrep -x sleep || echo none"]).run().success();
        (left.stdout == "none\n").then_some(())
    });
    sandbox.vmtools(&["wait", "deb", "--for", "agent"]).timeout(LONG).run().success();
    a_committed_image_gets_an_identity_of_its_own(&sandbox);
    sandbox.vmtools(&["delete", "--force", "deb", "two"]).run().success();
    sandbox.vmtools(&["image", "rm", "ready"]).run().success();
    nothing_is_left(&sandbox);
    assert!(work.join("guest").is_file() && data.join("host").is_file() && !data.join("guest").exists());
}

/// With the real cloud-init: what it renews, and what vmtools has it renew.
fn a_committed_image_gets_an_identity_of_its_own(sandbox: &Sandbox) {
    let identity = |name: &str| {
        // That it is logged in to at all says that its host key is the one that was made for it.
        let script = "cat /etc/machine-id; hostname";
        sandbox.vmtools(&["ssh", name, "--", script]).run().success().lines()
    };
    let first = identity("deb");
    sandbox.vmtools(&["stop", "deb"]).timeout(LONG).run().success();
    sandbox.vmtools(&["image", "commit", "deb", "ready"]).run().success();
    let create = ["create", "two", "--image", "ready", "-m", "1G", "-c", "1", "-d", "4", "--start", "--wait"];
    sandbox.vmtools(&create).timeout(LONG).run().success();
    let second = identity("two");
    assert_eq!((first.len(), second.len()), (2, 2), "{first:?} {second:?}");
    for (old, new) in first.iter().zip(&second) {
        assert_ne!(old, new);
    }
    assert_eq!(second[0].len(), 32, "{second:?}");
    if !is_thorough() {
        return;
    }
    // Once for an instance, not at each start.
    sandbox.vmtools(&["stop", "two"]).timeout(LONG).run().success();
    sandbox.vmtools(&["start", "two", "--wait=ssh"]).timeout(LONG).run().success();
    assert_eq!(identity("two"), second);
}
