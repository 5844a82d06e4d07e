//! The stream of events.

use serde_json::Value;

use super::support::{Background, Run, Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create, define_empty, empty_domain, said, unbootable_image, word};

/// Events are listened to from here on.
#[track_caller]
fn listen(sandbox: &Sandbox, args: &[&str]) -> Background {
    let mut running = sandbox.vmtools(&[&["events"], args].concat()).spawn();
    said(&mut running, "listening to");
    running
}

/// Waits until that has been printed.
#[track_caller]
fn told(running: &Background, text: &str) {
    wait_for(text, MINUTE, || running.stdout().contains(text).then_some(()));
}

/// Ends it as the user does.
#[track_caller]
fn interrupted(mut running: Background) -> Run {
    running.signal_group("INT");
    running.wait(MINUTE).code(130)
}

/// The events of that name and of these kinds, each with the state after it.
fn of<'a>(lines: &'a [Value], name: &str, kinds: &[&str]) -> Vec<(&'a str, Option<&'a str>)> {
    let mine = lines.iter().filter(|line| line["name"] == name);
    let pairs = mine.map(|line| (line["event"].as_str().unwrap(), line["state"].as_str()));
    pairs.filter(|(event, _)| kinds.contains(event)).collect()
}

#[test]
fn a_vms_life_is_told_in_order() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let running = listen(&sandbox, &["--json"]);
    let virshs = || sandbox.processes().iter().filter(|line| line.starts_with("virsh")).count();
    assert_eq!(virshs(), 2, "{:?}", sandbox.processes());
    let made = create(&sandbox, "web", &image, &["--start", "--json"]).run().success();
    for args in
        [&["pause", "web"][..], &["resume", "web"], &["stop", "--force", "web"], &["delete", "--yes", "web"]]
    {
        sandbox.vmtools(args).run().success();
    }
    let odd = "it's \"x\": y";
    define_empty(&sandbox, &[odd]);
    sandbox.virsh(&["start", odd]);
    sandbox.virsh(&["destroy", odd]);
    sandbox.virsh(&["undefine", odd]);
    wait_for("the last event", MINUTE, || {
        let text = running.stdout();
        text.lines().any(|line| line.contains("undefined") && line.contains("it's")).then_some(())
    });
    let run = interrupted(running);
    wait_for("virsh's end", MINUTE, || (virshs() == 0).then_some(()));
    let lines = run.json_lines();
    let kinds = ["started", "suspended", "stopped", "undefined"];
    let life = [
        ("started", Some("running")),
        ("suspended", Some("paused")),
        ("stopped", Some("shutoff")),
        ("undefined", None),
    ];
    assert_eq!(of(&lines, "web", &kinds), life, "{run}");
    let kinds = ["suspended", "resumed", "stopped"];
    let held = [("suspended", Some("paused")), ("resumed", Some("running")), ("stopped", Some("shutoff"))];
    assert!(of(&lines, "web", &kinds).ends_with(&held), "{run}");
    let uuid = word(&made, "uuid");
    assert!(lines.iter().filter(|line| line["name"] == "web").all(|line| line["uuid"] == uuid), "{run}");
    let kinds = ["defined", "started", "stopped", "undefined"];
    let life = [
        ("defined", Some("shutoff")),
        ("started", Some("running")),
        ("stopped", Some("shutoff")),
        ("undefined", None),
    ];
    assert_eq!(of(&lines, odd, &kinds), life, "{run}");
    for line in &lines {
        assert_eq!(line["missed"], false, "{run}");
        let time = line["time"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    }
}

#[test]
fn only_those_that_are_named_and_as_many_as_wanted() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let missing = sandbox.vmtools(&["events", "nosuch", "--json"]).run().code(3);
    assert_eq!(missing.json_error()["vm"], "nosuch", "{missing}");
    define_empty(&sandbox, &["web"]);
    let first = sandbox.virsh(&["domuuid", "web"]).stdout.trim().to_owned();
    let running = listen(&sandbox, &["web", "--count", "2", "--json"]);
    define_empty(&sandbox, &["other"]);
    sandbox.virsh(&["undefine", "web"]);
    define_empty(&sandbox, &["web"]);
    let run = running.wait(MINUTE).success();
    let second = sandbox.virsh(&["domuuid", "web"]).stdout.trim().to_owned();
    let lines = run.json_lines();
    assert_eq!(
        of(&lines, "web", &["defined", "undefined"]),
        [("undefined", None), ("defined", Some("shutoff"))],
        "{run}"
    );
    assert_eq!([&lines[0]["uuid"], &lines[1]["uuid"]], [&first, &second], "{run}");
    // By its UUID, which stays when it is renamed.
    let running = listen(&sandbox, &[&second, "--count", "2"]);
    sandbox.virsh(&["domrename", "web", "db"]);
    let run = running.wait(MINUTE).success();
    let words: Vec<Vec<&str>> =
        run.stdout.lines().map(|line| line.split_whitespace().skip(1).collect()).collect();
    assert_eq!(
        words,
        [["web", "undefined", "Undefined", "Renamed"], ["db", "defined", "Defined", "Renamed"]]
    );
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let script = format!("{} events | head -n 1", env!("CARGO_BIN_EXE_vmtools"));
    let mut running = sandbox.command("sh", &["-c", &script]).spawn();
    said(&mut running, "listening to");
    define_empty(&sandbox, &["web"]);
    // It ends though nothing more happens.
    let run = running.wait(MINUTE).success().stdout_has("Defined Added");
    assert_eq!(run.stderr.lines().count(), 1, "{run}");
}

#[test]
fn what_happened_while_libvirt_was_away_is_told() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    define_empty(&sandbox, &["same", "web"]);
    sandbox.virsh(&["start", "web"]);
    let mut running = listen(&sandbox, &["--json"]);
    let pid = sandbox.as_root("cat", &["/run/libvirt/qemu/web.pid"]).run().success().stdout;
    sandbox.libvirtd_kill();
    said(&mut running, "waiting for it");
    sandbox.as_root("kill", &["-KILL", pid.trim()]).run().success();
    sandbox.libvirtd_start();
    said(&mut running, "libvirt answers again");
    told(&running, "\"missed\":true");
    sandbox.virsh(&["start", "web"]);
    told(&running, "\"started\"");
    let run = interrupted(running);
    let lines = run.json_lines();
    let missed: Vec<_> = lines.iter().filter(|line| line["missed"] == true).collect();
    assert_eq!(missed.len(), 1, "{run}");
    assert_eq!(
        of(&lines, "web", &["stopped", "started"]),
        [("stopped", Some("shutoff")), ("started", Some("running"))]
    );
    assert_eq!((&missed[0]["name"], &missed[0]["event"]), (&"web".into(), &"stopped".into()), "{run}");
    assert_eq!(of(&lines, "same", &["defined", "undefined"]), [], "{run}");
}

#[test]
fn a_command_runs_for_each_event_in_order() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let go = sandbox.tmp().join("go");
    let script = format!(
        "until [ -e {} ]; do sleep 0.1; done; echo \"$VMTOOLS_EVENT,$VMTOOLS_EVENT_DETAIL,$VMTOOLS_VM_NAME,$VMTOOLS_VM_STATE,\
         $VMTOOLS_VM_UUID,$VMTOOLS_CONNECT,$VMTOOLS_EVENT_MISSED,$(cat)\"; [ \"$VMTOOLS_EVENT\" = defined ]",
        go.display()
    );
    let running = listen(&sandbox, &["--count", "3", "--exec", &script]);
    let odd = "it's $(x)";
    define_empty(&sandbox, &["web", odd]);
    let uuids = ["web", odd].map(|name| sandbox.virsh(&["domuuid", name]).stdout.trim().to_owned());
    sandbox.virsh(&["undefine", "web"]);
    assert_eq!(running.stdout(), "");
    std::fs::write(&go, "").unwrap();
    let run = running.wait(MINUTE).success().stderr_has("exited with status 1");
    let [web, odd_uuid] = uuids;
    assert_eq!(
        run.lines(),
        [
            format!("defined,Defined Added,web,shutoff,{web},qemu:///system,false,"),
            format!("defined,Defined Added,{odd},shutoff,{odd_uuid},qemu:///system,false,"),
            format!("undefined,Undefined Removed,web,,{web},qemu:///system,false,"),
        ]
    );
}

#[test]
fn an_interrupt_ends_the_command_too() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    // What it has started in the background, too; and not because it is asked to, as it is when vmtools has gone.
    let command = "trap '' TERM HUP; (sleep 4711; true) & echo begins; sleep 4712; echo ends";
    let sleeps = || sandbox.processes().iter().any(|line| line.starts_with("sleep 471"));
    // To vmtools alone as by kill, and to its whole group as by a terminal, which the command is not in.
    for (signal, group, code) in [("INT", false, 130), ("TERM", false, 143), ("INT", true, 130)] {
        let mut running = listen(&sandbox, &["--exec", command]);
        define_empty(&sandbox, &["web"]);
        told(&running, "begins");
        wait_for("what it starts", MINUTE, || sleeps().then_some(()));
        if group {
            running.signal_group(signal);
        } else {
            running.signal(signal);
        }
        let run = running.wait(MINUTE).code(code);
        assert_eq!(run.stdout, "begins\n", "{run}");
        wait_for("the command's end", MINUTE, || (!sleeps()).then_some(()));
        sandbox.virsh(&["undefine", "web"]);
    }
}

#[test]
fn a_sessions_events_are_told() {
    let sandbox = sandbox_or_skip!(Sandbox::session());
    let running = listen(&sandbox, &["--count", "2", "--json"]);
    let file = sandbox.tmp().join("web.xml");
    std::fs::write(&file, empty_domain("web")).unwrap();
    sandbox.virsh(&["define", file.to_str().unwrap()]);
    sandbox.virsh(&["undefine", "web"]);
    let run = running.wait(MINUTE).success();
    let kinds = ["defined", "undefined"];
    assert_eq!(of(&run.json_lines(), "web", &kinds), [("defined", Some("shutoff")), ("undefined", None)]);
}

#[test]
fn nothing_outlives_a_vmtools_that_is_killed() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let mut running = listen(&sandbox, &["--exec", "sleep 4711 & sleep 4712"]);
    let left = || {
        let is_left = |line: &String| line.starts_with("virsh") || line.contains("sleep 471");
        sandbox.processes().into_iter().filter(is_left).collect::<Vec<_>>()
    };
    define_empty(&sandbox, &["web"]);
    wait_for("the command", MINUTE, || {
        (left().iter().filter(|line| line.starts_with("sleep")).count() == 2).then_some(())
    });
    assert!(left().len() > 3, "two of virsh and the command: {:?}", left());
    running.signal("KILL");
    wait_for("their end", MINUTE, || left().is_empty().then_some(()));
}
