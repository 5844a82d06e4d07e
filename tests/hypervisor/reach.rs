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

#[test]
fn commands_run_by_the_agent() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait=agent"]).run().success();
    let exec = |flags: &[&str], command: &[&str]| {
        sandbox.vmtools(&[&["exec", "web"], flags, &["--"], command].concat())
    };
    let both = exec(&[], &["sh", "-c", "echo out; echo err >&2; exit 7"]).run().code(7);
    assert_eq!((both.stdout.as_str(), both.stderr.as_str()), ("out\n", "err\n"));
    let odd = ["a b", "it's", "new\nline", "", "--json", "naïve\u{7f}", "$(id)"];
    let echoed = exec(&[], &[&["printf", "%s|"][..], &odd].concat()).run().success();
    assert_eq!(echoed.stdout, odd.map(|word| format!("{word}|")).concat());
    let killed = exec(&["--json"], &["sh", "-c", "kill -9 $$"]).run().code(137);
    assert_eq!((killed.json()["exit_code"].as_u64(), killed.json()["signal"].as_u64()), (Some(137), Some(9)));
    exec(&[], &["nosuch"]).run().code(127).stderr_has("nosuch");
    exec(&[], &["/etc/passwd"]).run().code(126);
    let input = "0123456789abcdef".repeat(8192);
    assert_eq!(exec(&["-i"], &["cat"]).stdin(&input).run().success().stdout, input);
    // Without -i a loop's input stays the loop's.
    assert_eq!(exec(&[], &["cat"]).stdin("x").run().success().stdout, "");
    exec(&[], &["sh", "-c", "head -c 5000000 /dev/zero"]).run().code(1).stderr_has("vmtools cp web:");

    let sleeper = ["sh", "-c", "echo begun; sleep 1000; true"];
    let timed_out = exec(&["--timeout", "1s", "--json"], &sleeper).run().code(6);
    assert_eq!(
        (timed_out.json()["stdout"].as_str(), timed_out.json()["timed_out"].as_bool()),
        (Some("begun\n"), Some(true))
    );
    assert_eq!(timed_out.json_error()["code"], "timeout");
    let gone = ["sh", "-c", "! pidof sleep"];
    exec(&[], &gone).run().success();
    let mut interrupted = exec(&[], &sleeper).spawn();
    wait_for("the command", MINUTE, || exec(&[], &["pidof", "sleep"]).run().status.success().then_some(()));
    interrupted.signal("INT");
    let interrupted = interrupted.wait(MINUTE).code(130);
    assert_eq!(interrupted.stdout, "begun\n", "{interrupted}");
    exec(&[], &gone).run().success();

    let killed = exec(&[], &["sleep", "1000"]).spawn();
    wait_for("the command", MINUTE, || exec(&[], &["pidof", "sleep"]).run().status.success().then_some(()));
    sandbox.virsh(&["destroy", "web"]);
    killed.wait(MINUTE).code(5).stderr_has("web");
    exec(&[], &["true"]).run().code(5).stderr_has("vmtools start");
    sandbox.vmtools(&["start", "web", "--wait=agent"]).run().success();
    // The agent is there, and never answers.
    exec(&[], &["sh", "-c", "sleep 1; killall -STOP qemu-ga"]).run().code(6).stderr_has("vmtools ssh");
    exec(&["--timeout", "2s", "--json"], &["true"]).run().code(6).json_error();
    sandbox.vmtools(&["start", "web", "--wait=ssh"]).run().success();
    sandbox.vmtools(&["ssh", "web", "--", "sudo killall -KILL qemu-ga"]).run().success();
    let none = exec(&["--json"], &["true"]).run().code(9);
    assert!(none.json_error()["hint"].as_str().unwrap().contains("vmtools ssh"), "{none}");
}
