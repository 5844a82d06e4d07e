//! Into a guest and out of it: its serial log, commands, files, its console, the user's own ssh.

use super::support::{Background, Cmd, Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create};

/// The program as an ordinary user of the group libvirt, with a home of his own.
fn as_member(sandbox: &Sandbox, args: &[&str]) -> Cmd {
    let home = sandbox.root().join("member");
    sandbox.as_root("install", &["-d", "-o", "4242", home.to_str().unwrap()]).run().success();
    let command = sandbox.as_user(&["libvirt"], env!("CARGO_BIN_EXE_vmtools"), args);
    command.env("HOME", &home).env("TMPDIR", &home).cwd(&home)
}

/// Has the guest print that on its serial console.
fn print_on_console(sandbox: &Sandbox, text: &str) {
    let script = format!("echo '{text}' | sudo tee /dev/ttyS0");
    sandbox.vmtools(&["ssh", "web", "--", &script]).run().success();
}

#[track_caller]
fn printed(running: &Background, text: &str) {
    wait_for(text, MINUTE, || running.stdout().contains(text).then_some(()));
}

#[test]
fn the_serial_log_is_shown_and_followed() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait"]).run().success();
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    print_on_console(&sandbox, "first mark");
    vmtools(&["logs", "web"]).success().stdout_has("vmtools-guest: ready\r\n").stdout_has("first mark");
    let last = vmtools(&["logs", "web", "-n", "1", "--json"]).success();
    assert!(last.json()["line"].as_str().unwrap().contains("first mark"), "{last}");

    // virtlogd has made it for root alone.
    as_member(&sandbox, &["logs", "web", "-n", "1"]).run().success().stdout_has("first mark");
    let follow = ["logs", "web", "-f", "-n", "0"];
    let followers = [sandbox.vmtools(&follow).spawn(), as_member(&sandbox, &follow).spawn()];
    // Until both are at it, what is printed may come before their beginning.
    for number in 0.. {
        print_on_console(&sandbox, &format!("mark {number}"));
        if followers.iter().all(|running| running.stdout().contains("mark")) {
            break;
        }
    }
    vmtools(&["stop", "web", "--force"]).success();
    vmtools(&["start", "web", "--wait=ssh"]).success();
    print_on_console(&sandbox, "second mark");
    for running in &followers {
        printed(running, "second mark");
        assert!(!running.stdout().contains("first mark"));
        assert_eq!(running.stdout().matches("second mark").count(), 1);
    }
    let mut interrupted = sandbox.vmtools(&["logs", "web", "-f"]).spawn();
    printed(&interrupted, "second mark");
    interrupted.signal("INT");
    assert_eq!(interrupted.wait(MINUTE).code(130).stderr, "");
    // A reader that is gone ends it, though nothing more is printed.
    let program = env!("CARGO_BIN_EXE_vmtools");
    sandbox.exec(&["sh", "-c", "\"$0\" logs web -f | head -n 1", program]);
    vmtools(&["delete", "web", "--force"]).success();
    for running in followers {
        running.wait(MINUTE).success();
    }
    vmtools(&["logs", "web"]).code(3);
}
