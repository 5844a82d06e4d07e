//! Into a guest and out of it: its serial log, commands, files, its console, the user's own ssh.

use super::support::{Background, Cmd, Sandbox, Terminal, sandbox_or_skip, wait_for};
use super::{MINUTE, as_member, create, said};

/// A script in the guest, by the agent: a login under emulation takes a second.
fn inside(sandbox: &Sandbox, script: &str) -> Cmd {
    sandbox.vmtools(&["exec", "web", "--", "sh", "-c", script])
}

/// Has the guest print that on its serial console.
fn print_on_console(sandbox: &Sandbox, text: &str) {
    inside(sandbox, &format!("echo '{text}' >/dev/ttyS0")).run().success();
}

#[track_caller]
fn printed(running: &Background, text: &str) {
    wait_for(text, MINUTE, || running.stdout().contains(text).then_some(()));
}

#[test]
fn the_serial_console_its_log_and_plain_ssh() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait"]).run().success();
    plain_ssh(&sandbox);
    the_console(&sandbox);
    sandbox.virsh(&["resume", "web"]);
    the_escape_key_is_seen_among_others(&sandbox);
    the_serial_log_is_shown_and_followed(&sandbox);
}

#[test]
fn commands_by_the_agent_and_copies() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &["--start", "--wait"]).run().success();
    commands_run_by_the_agent(&sandbox);
    files_are_copied_both_ways(&sandbox);
    a_wait_ends_in_time(&sandbox);
    the_guest_goes_off(&sandbox);
}

fn plain_ssh(sandbox: &Sandbox) {
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();

    let fragment = vmtools(&["ssh-config", "web"]).success();
    std::fs::write(sandbox.home().join("vms"), &fragment.stdout).unwrap();
    let plain = sandbox.command("ssh", &["-F", "vms", "web", "echo", "in"]).run().success();
    assert_eq!((plain.stdout.as_str(), plain.stderr.as_str()), ("in\n", ""));
    let all = vmtools(&["ssh-config", "--json"]).success();
    assert_eq!((all.json()[0]["name"].as_str(), all.json()[0]["port"].as_u64()), (Some("web"), Some(22)));
    vmtools(&["ssh-config", "nosuch"]).code(3);
}

fn the_console(sandbox: &Sandbox) {
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    vmtools(&["console", "web"]).code(2).stderr_has("vmtools logs web -f");
    // Keys are pressed when the console is open, and the terminal's settings are shown before and after.
    let program = env!("CARGO_BIN_EXE_vmtools");
    let at_terminal = |name: &str, flags: &str| {
        let inner = format!(
            "stty -a >{name}.before; {program} console web {flags}; echo status $?; stty -a >{name}.after"
        );
        format!("script -qefc '{inner}' {name}")
    };
    let until = |text: &str, name: &str, key: &str| {
        format!("until grep -q '{text}' {name} 2>/dev/null; do sleep 0.2; printf '{key}'; done")
    };
    let script = format!(
        "({}; {}) | {} >/dev/null",
        until("web login:", "first", "\\r"),
        until("^status", "first", "\\024"),
        at_terminal("first", "--escape ^T")
    );
    sandbox.exec(&["sh", "-c", &script]);
    let screen = |name: &str| std::fs::read_to_string(sandbox.home().join(name)).unwrap();
    let shown = screen("first");
    let told = shown.find("press Ctrl-T to detach").expect("it is said how to leave");
    assert!(told < shown.find("web login:").unwrap() && shown.contains("status 0"), "{shown}");
    assert_eq!(screen("first.before"), screen("first.after"));

    // One is open; the second is refused, the third takes its place, and ends with its virsh.
    let held = format!("({}; sleep 1000) | {}", until("web login:", "held", "\\r"), at_terminal("held", ""));
    let held = sandbox.command("sh", &["-c", &held]).spawn();
    wait_for("the console", MINUTE, || held.stdout().contains("web login:").then_some(()));
    let refused = format!("{} </dev/null", at_terminal("refused", ""));
    sandbox.exec(&["sh", "-c", &refused]);
    let shown = screen("refused");
    assert!(shown.contains("status 5") && shown.contains("--force"), "{shown}");
    let kill = "kill -KILL $(pgrep -f 'v[i]rsh -q.*--force')";
    let forced = format!(
        "({}; {kill}) | {} >/dev/null",
        until("web login:", "forced", "\\r"),
        at_terminal("forced", "--force")
    );
    sandbox.exec(&["sh", "-c", &forced]);
    let shown = screen("forced");
    assert!(shown.contains("status 1"), "{shown}");
    assert_eq!(screen("forced.before"), screen("forced.after"));

    // Nobody answers while it is paused; then vmtools itself is asked to end.
    sandbox.virsh(&["suspend", "web"]);
    // What it had printed before is not left for the next one.
    let drain = "dd if=$(virsh ttyconsole web) of=/dev/null iflag=nonblock";
    sandbox.as_root("sh", &["-c", drain]).run();
    let silent = format!(
        "({}; kill -TERM $(pgrep -x vmtools)) | {} >/dev/null",
        until("no output for", "silent", ""),
        at_terminal("silent", "--force")
    );
    sandbox.exec(&["sh", "-c", &silent]);
    let shown = screen("silent");
    assert!(shown.contains("status 143") && shown.contains("getty"), "{shown}");
    assert_eq!(screen("silent.before"), screen("silent.after"));
}

fn the_escape_key_is_seen_among_others(sandbox: &Sandbox) {
    let program = ["--ctty", "--wait", env!("CARGO_BIN_EXE_vmtools"), "console", "web"];
    let mut terminal = Terminal::start(&sandbox.command("setsid", &program).env("TERM", "xterm"), (100, 30));
    terminal.shows("press Ctrl-] to detach");
    wait_for("a getty's answer", MINUTE, || {
        terminal.types("\r");
        std::thread::sleep(std::time::Duration::from_millis(500));
        terminal.text().contains("web login:").then_some(())
    });
    terminal.types("xyzzy\x1dplugh");
    assert_eq!(terminal.ends(MINUTE).code(), Some(0), "{}", terminal.text());
    terminal.is_as_before();
    let log = sandbox.vmtools(&["logs", "web"]).run().success().stdout_has("login: xyzzy");
    assert!(!log.stdout.contains("plugh"), "{log}");
}

fn the_serial_log_is_shown_and_followed(sandbox: &Sandbox) {
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    print_on_console(sandbox, "first mark");
    vmtools(&["logs", "web"]).success().stdout_has("vmtools-guest: ready\r\n").stdout_has("first mark");
    let last = vmtools(&["logs", "web", "-n", "1", "--json"]).success();
    assert!(last.json()["line"].as_str().unwrap().contains("first mark"), "{last}");

    // virtlogd has made it for root alone.
    as_member(sandbox, &["logs", "web", "-n", "1"]).run().success().stdout_has("first mark");
    let follow = ["logs", "web", "-f", "-n", "0"];
    let followers = [sandbox.vmtools(&follow).spawn(), as_member(sandbox, &follow).spawn()];
    // Until both are at it, what is printed may come before their beginning.
    for number in 0.. {
        print_on_console(sandbox, &format!("mark {number}"));
        if followers.iter().all(|running| running.stdout().contains("mark")) {
            break;
        }
    }
    vmtools(&["stop", "web", "--force"]).success();
    vmtools(&["start", "web", "--wait=agent"]).success();
    print_on_console(sandbox, "second mark");
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

fn commands_run_by_the_agent(sandbox: &Sandbox) {
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
    let missing = exec(&[], &["nosuch", "a|b"]).run().code(127).stderr_has("nosuch").stderr_has("PATH");
    assert!(!missing.stderr.contains("shell"), "{missing}");
    exec(&[], &["ls | wc"]).run().code(127).stderr_has("sh -c");
    exec(&[], &["/etc/passwd"]).run().code(126).stderr_has("executable");
    let input = "0123456789abcdef".repeat(8192);
    assert_eq!(exec(&["-i"], &["cat"]).stdin(&input).run().success().stdout, input);
    // Without -i a loop's input stays the loop's.
    assert_eq!(exec(&[], &["cat"]).stdin("x").run().success().stdout, "");
    exec(&[], &["sh", "-c", "head -c 3300000 /dev/zero"]).run().code(1).stderr_has("vmtools cp web:");

    let sleeper = ["sh", "-c", "echo begun; sleep 1000; true"];
    let timed_out = exec(&["--timeout", "1s", "--json"], &sleeper).run().code(6);
    assert_eq!(
        (timed_out.json()["stdout"].as_str(), timed_out.json()["timed_out"].as_bool()),
        (Some("begun\n"), Some(true))
    );
    assert_eq!(timed_out.json_error()["code"], "timeout");
    // Its own end is waited for; that of what it has started comes a moment later.
    let gone = || {
        let none = || exec(&[], &["sh", "-c", "! pidof sleep"]).run().status.success().then_some(());
        wait_for("the end of what the command has started", MINUTE / 6, none);
    };
    gone();
    let mut interrupted = exec(&[], &sleeper).spawn();
    wait_for("the command", MINUTE, || exec(&[], &["pidof", "sleep"]).run().status.success().then_some(()));
    interrupted.signal("INT");
    let interrupted = interrupted.wait(MINUTE).code(130);
    assert_eq!(interrupted.stdout, "begun\n", "{interrupted}");
    gone();

    // The agent is there, and never answers; then there is none.
    let by_ssh = |script: &str| sandbox.vmtools(&["ssh", "web", "--", script]).run().success();
    let stop = ["sh", "-c", "sleep 0.5; killall -STOP qemu-ga"];
    exec(&["--timeout", "2s", "--json"], &stop).run().code(6).json_error();
    exec(&[], &["true"]).run().code(6).stderr_has("vmtools ssh");
    by_ssh("sudo killall -KILL qemu-ga");
    let none = exec(&["--json"], &["true"]).run().code(9);
    assert!(none.json_error()["hint"].as_str().unwrap().contains("vmtools ssh"), "{none}");
    by_ssh(
        "sudo /usr/sbin/qemu-ga -d -m virtio-serial -p /dev/virtio-ports/org.qemu.guest_agent.0 -t /run -f /run/ga.pid",
    );
    sandbox.vmtools(&["wait", "web", "--for", "agent"]).run().success();
}

/// Whatever becomes of ssh, which asks the guest for cloud-init's end.
fn a_wait_ends_in_time(sandbox: &Sandbox) {
    let wait = ["wait", "web", "--for", "cloud-init", "--timeout"];
    let wait = |timeout| sandbox.vmtools(&[&wait[..], &[timeout]].concat());
    sandbox.fake_tool("ssh", "exec sleep 300");
    let hung = wait("4s").run().code(6).stderr_has("timed out after 4s");
    assert!((4..6).contains(&hung.took.as_secs()), "{hung}");
    sandbox.real_tool("ssh");
    let only = sandbox.root().join("no-ssh");
    std::fs::create_dir_all(&only).unwrap();
    std::os::unix::fs::symlink("/usr/bin/virsh", only.join("virsh")).unwrap();
    // Not for what enters the sandbox.
    let path = format!("PATH={}", only.display());
    let args = [&path, env!("CARGO_BIN_EXE_vmtools"), "wait", "web", "--for", "cloud-init"];
    let missing = sandbox.command("env", &args).run().code(9).stderr_has("ssh is not installed");
    assert!(missing.took.as_secs() < 10, "{missing}");
    wait("60s").run().success();
}

fn files_are_copied_both_ways(sandbox: &Sandbox) {
    let cp = |args: &[&str]| sandbox.vmtools(&[&["cp"], args].concat());
    let here = |script: &str| sandbox.exec(&["sh", "-c", script]);
    let inside = |script: &str| inside(sandbox, script);
    let odd = "-a b'\"\n$(touch injected)`id`*\\";
    here(
        "head -c 600000 /dev/urandom >big; chmod 640 big; touch -d @1000000000 big; mkdir -p tree/sub; \
          echo small >tree/sub/small; ln -s sub/small tree/link; echo x >tree/co:lon; chmod 751 tree/sub",
    );
    std::fs::write(sandbox.home().join(odd), "odd").unwrap();
    for by in ["ssh", "agent"] {
        let way = ["--by", by];
        let copy = |args: &[&str]| cp(&[&way, args].concat());
        let at = |name: &str| format!("web:/tmp/{by}/{name}");
        inside(&format!("mkdir -m 777 /tmp/{by}")).run().success();
        let done = copy(&["--json", "big", &at("")]).run().success();
        assert_eq!((done.json()["by"].as_str(), done.json()["bytes"].as_u64()), (Some(by), Some(600_000)));
        copy(&[&at("big"), &format!("{by}-big")]).run().success();
        here(&format!("cmp big {by}-big && test \"$(stat -c '%a %Y' {by}-big)\" = '640 1000000000'"));
        copy(&["tree", &at("tree")]).run().code(2).stderr_has("-r");
        // As a new name; then into the folder of that name; then over what is there.
        let places = if by == "ssh" { &["tree", "tree"][..] } else { &["tree", "tree", "tree/"] };
        for to in places {
            copy(&["-r", "tree", &at(to)]).run().success();
        }
        copy(&["-r", &at("tree"), &format!("{by}-tree")]).run().success();
        here(&format!("diff -r tree {by}-tree/tree && rm -r {by}-tree/tree && diff -r tree {by}-tree"));
        here(&format!("test \"$(stat -c %a {by}-tree/sub)\" = 751 && test -L {by}-tree/link"));
        copy(&["--", &format!("./{odd}"), &at("")]).run().success();
        copy(&["--", &at(odd), &format!("./{by}")]).run().success();
        assert_eq!(std::fs::read_to_string(sandbox.home().join(by)).unwrap(), "odd");
        copy(&["-", &at("words")]).stdin("some words").run().success();
        assert_eq!(copy(&[&at("words"), "-"]).run().success().stdout, "some words");
        for (from, to) in [
            (at("nosuch").as_str(), "."),
            ("nosuch", at("").as_str()),
            ("./tree/co:lon", at("no/such").as_str()),
        ] {
            copy(&[from, to]).run().code(3);
        }
    }
    // What the script in the guest finds is the same by either way.
    for to in ["web:/tmp/agent/nosuch/", "web:/tmp/agent/words/x"] {
        cp(&["--by", "agent", "./tree/co:lon", to]).run().code(3);
    }
    let version = cp(&["--by", "agent", "web:/proc/version", "-"]).run().success();
    assert!(version.stdout.starts_with("Linux"), "{version}");
    cp(&["--by", "ssh", "./tree/co:lon", "web:/root/"]).run().code(7).stderr_has("--by agent");

    for (by, work) in WORK {
        let mut running = endless(sandbox, &format!("--by {by}"), by);
        running.signal("INT");
        running.wait(MINUTE).code(130);
        inside(&format!("! {} && ! test -e /tmp/{by}/half", begun(work))).run().success();
    }
    // A pipe or a device gets the bytes; a file takes no pipe's place in a guest.
    here("mkfifo empty");
    inside("mkfifo /tmp/pipe").run().success();
    let reader = sandbox.command("cat", &["empty"]).spawn();
    cp(&["--by", "agent", "web:/etc/passwd", "empty"]).run().success();
    reader.wait(MINUTE).success().stdout_has("root:");
    for by in ["agent", "ssh"] {
        let full = cp(&["--by", by, "web:/etc/passwd", "/dev/full"]).run().code(1);
        full.stderr_has("cannot write /dev/full").stderr_has("No space left");
        cp(&["--by", by, "web:/etc/passwd", "/dev/null"]).run().success();
        let script = format!("{} cp --by {by} web:/etc/passwd - >/dev/full", env!("CARGO_BIN_EXE_vmtools"));
        let full = sandbox.command("sh", &["-c", &script]).run().code(1);
        full.stderr_has("cannot write to standard output");
    }
    cp(&["--by", "agent", "./tree/co:lon", "web:/tmp/pipe"]).run().code(4).stderr_has("kind");
    // One that nobody writes to.
    let mut running = cp(&["-v", "--by", "agent", "empty", "web:/tmp/"]).spawn();
    said(&mut running, "dumpxml");
    running.signal("INT");
    running.wait(MINUTE).code(130);
    inside("! test -e /tmp/injected && ! test -e /injected && ! test -e /home/*/injected").run().success();
}

/// Where in the guest the ways keep what is not complete yet.
const WORK: [(&str, &str); 2] = [("ssh", "/tmp/ssh"), ("agent", "/tmp")];

/// A script that tells whether a copy lies half done there.
fn begun(work: &str) -> String {
    format!("ls -A {work} | grep -q vmtools-")
}

/// A copy to the guest by that way, from a pipe that never ends, once it has begun.
fn endless(sandbox: &Sandbox, flags: &str, by: &str) -> Background {
    let script =
        format!("[ -p p ] || mkfifo p; echo half >p & exec \"$0\" cp {flags} - web:/tmp/{by}/half <>p");
    let running = sandbox.command("sh", &["-c", &script, env!("CARGO_BIN_EXE_vmtools")]).spawn();
    let (_, work) = WORK.into_iter().find(|(way, _)| *way == by).unwrap();
    wait_for("the copy", MINUTE, || inside(sandbox, &begun(work)).run().status.success().then_some(()));
    running
}

/// The way of a copy is found: ssh where that answers, else the agent. A guest that goes off ends either, and a
/// command.
fn the_guest_goes_off(sandbox: &Sandbox) {
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    let copies = ["ssh", "agent"].map(|by| {
        let done = vmtools(&["cp", "--json", "big", "web:/tmp/"]).success();
        assert_eq!(done.json()["by"].as_str(), Some(by), "{done}");
        let running = endless(sandbox, "", by);
        // The connection that there is stays.
        inside(sandbox, "! test -e /run/dropbear.pid || kill $(cat /run/dropbear.pid)").run().success();
        running
    });
    let command = sandbox.vmtools(&["exec", "web", "--", "sleep", "1000"]).spawn();
    wait_for("the command", MINUTE, || inside(sandbox, "pidof sleep").run().status.success().then_some(()));
    sandbox.virsh(&["destroy", "web"]);
    // By itself ssh takes a minute to notice. By the agent it was not yet more than on its way.
    for (running, left) in copies.into_iter().zip([".vmtools-", "web:/tmp/.vmtools-"]) {
        let said = format!("the VM web is not running; left behind: {left}");
        let run = running.wait(MINUTE / 2).code(5).stderr_has(&said);
        assert_eq!(run.stderr.matches(".vmtools-").count(), 1, "{run}");
    }
    command.wait(MINUTE / 2).code(5).stderr_has("web");
    vmtools(&["cp", "web:/etc/passwd", "."]).code(5);
    vmtools(&["exec", "web", "--", "true"]).code(5).stderr_has("vmtools start");
}
