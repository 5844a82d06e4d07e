//! One odd VM, pool or QEMU never disables a verb for the others, and no loop goes on without end.

use std::time::Duration;

use super::super::MINUTE;
use super::super::support::{Held, Hold, Sandbox, is_thorough, sandbox_or_skip, wait_for};
use super::{
    Faults, POOL, brief, create_tiny, define, disk, domain, exists, forget, output, path_of, qcow2, shell,
    stored, tiny_base, tiny_image,
};

/// A disk whose definition names a chain of so many files, none of which is there.
fn deep_disk(levels: usize) -> String {
    let below: String = (0..levels)
        .map(|level| {
            format!(
                "<backingStore type='file'><format type='qcow2'/><source file='/srv/level-{level}.qcow2'/>"
            )
        })
        .collect();
    let disk = disk("/srv/top.qcow2", "qcow2", "vda");
    disk.replace("<target", &format!("{below}{}<target", "</backingStore>".repeat(levels)))
}

/// The verbs that have to do with all VMs, and those of one that is as any other.
const OTHERS: [&[&str]; 17] = [
    &["list"],
    &["list", "--all"],
    &["list", "--all", "--json"],
    &["status", "plain"],
    &["networks"],
    &["network", "info", "default"],
    &["network", "create", "lab"],
    &["network", "attach", "lab", "plain"],
    &["network", "detach", "lab", "plain"],
    &["network", "delete", "lab", "--yes"],
    &["image", "list"],
    &["disk", "add", "plain", "16M"],
    &["clone", "plain", "twin"],
    &["gc", "--dry-run"],
    &["gc"],
    &["monitor", "--once"],
    &["delete", "--yes", "plain", "twin"],
];

#[test]
fn an_odd_definition_disables_no_verb_for_the_others() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let nested = |levels: usize| {
        format!("<x:a xmlns:x='urn:x'>{}{}</x:a>", "<x:a>".repeat(levels), "</x:a>".repeat(levels))
    };
    let with_metadata =
        |inside: &str| domain("odd", "").replace("<memory", &format!("<metadata>{inside}</metadata><memory"));
    let long = "x".repeat(300_000);
    let cases = [
        ("70 levels of backing files", domain("odd", &deep_disk(70))),
        ("150 levels of backing files", domain("odd", &deep_disk(150))),
        ("metadata of others, 200 deep", with_metadata(&nested(200))),
        (
            "a long description",
            domain("odd", "").replace("<memory", &format!("<description>{long}</description><memory")),
        ),
        (
            "a record that is none",
            with_metadata(
                "<vmtools:vm xmlns:vmtools='urn:vmtools:vm:1'><vmtools:created>never</vmtools:created><vmtools:volume/></vmtools:vm>",
            ),
        ),
        (
            "a record of a later version",
            with_metadata("<vmtools:vm xmlns:vmtools='urn:vmtools:vm:9'><vmtools:new a='b'/></vmtools:vm>"),
        ),
        (
            "comments and character data",
            domain("odd", "<!-- a > b <disk> --><![CDATA[ <disk> ]]>")
                .replace("<memory", "<title><![CDATA[ <b> ]]></title><memory"),
        ),
        ("a name of many bytes", domain(&"ö".repeat(120), "")),
        (
            "a disk without a source",
            domain("odd", "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>"),
        ),
        (
            "hugepages that are not there",
            domain("odd", "").replace("<features>", "<memoryBacking><hugepages/></memoryBacking><features>"),
        ),
        (
            "another architecture",
            domain("odd", "").replace(
                "<os><type arch='x86_64' machine='q35'>",
                "<os><type arch='x86_64' machine='microvm'>",
            ),
        ),
    ];
    // One by one tells which one it is that disables a verb; all at once whether one does.
    let at_once = if is_thorough() { 1 } else { cases.len() };
    let mut faults = Faults::default();
    for odd in cases.chunks(at_once) {
        let mut names = Vec::new();
        let mut what = Vec::new();
        for (number, (label, xml)) in odd.iter().enumerate() {
            let name = format!("odd-{number}");
            let xml = xml.replace("<name>odd</name>", &format!("<name>{name}</name>"));
            let defined = sandbox.virsh_command(&["define", "/dev/stdin"]).stdin(&xml).run();
            // A libvirt that does not take it has no such trouble.
            if defined.status.success() {
                names.push(if label.starts_with("a name") { "ö".repeat(120) } else { name });
                what.push(*label);
            }
        }
        let what = what.join(", ");
        create_tiny(&sandbox, "plain", &[]);
        for verb in OTHERS {
            let run = sandbox.vmtools(verb).timeout(MINUTE).run();
            faults.check(run.status.success(), format_args!("{what}: {}", brief(&run)));
        }
        for name in &names {
            for verb in [&["status", name][..], &["delete", "--yes", name]] {
                let run = sandbox.vmtools(verb).run();
                faults.check(run.status.success(), format_args!("{what}: {}", brief(&run)));
            }
        }
        for vm in names.iter().map(String::as_str).chain(["plain", "twin"]) {
            forget(&sandbox, vm);
        }
        sandbox.virsh_command(&["net-destroy", "lab"]).run();
        sandbox.virsh_command(&["net-undefine", "lab"]).run();
    }
    faults.none();
}

#[test]
fn a_record_is_found_wherever_its_namespace_is_declared() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let declaration = " xmlns:vmtools='urn:vmtools:vm:1'";
    let mut faults = Faults::default();
    for what in ["metadata", "domain", "another prefix", "no prefix"] {
        create_tiny(&sandbox, "web", &["-l", "a=b"]);
        let xml = stored(&sandbox, "web");
        let bare = xml.replace(&declaration.replace('\'', "\""), "").replace(declaration, "");
        assert_ne!(bare, xml, "the record has no declaration of its own: {xml}");
        let xml = match what {
            "metadata" => bare.replace("<metadata>", &format!("<metadata{declaration}>")),
            "domain" => bare.replacen("<domain ", &format!("<domain{declaration} "), 1),
            "another prefix" => xml
                .replace("vmtools:vm ", "v:vm ")
                .replace("xmlns:vmtools=", "xmlns:v=")
                .replace("<vmtools:", "<v:")
                .replace("</vmtools:", "</v:"),
            _ => {
                xml.replace("xmlns:vmtools=", "xmlns=").replace("<vmtools:", "<").replace("</vmtools:", "</")
            }
        };
        define(&sandbox, &xml);
        let listed = sandbox.vmtools(&["list", "--all", "--json"]).run().success().json();
        let is_found = listed[0]["managed"] == true && listed[0]["labels"]["a"] == "b";
        faults.check(is_found, format_args!("{what}: {}", listed[0]));
        let run = sandbox.vmtools(&["set", "web", "--label", "c=d"]).run();
        faults.check(run.status.success(), format_args!("{what}: {}", brief(&run)));
        let labels = sandbox.vmtools(&["status", "web", "--json"]).run().success().json()["labels"].clone();
        faults.check(labels == serde_json::json!({"a": "b", "c": "d"}), format_args!("{what}: {labels}"));
        let run = sandbox.vmtools(&["delete", "--yes", "web"]).run();
        let left = super::super::own_volumes(&sandbox);
        faults.check(
            run.status.success() && left.is_empty(),
            format_args!("{what}: {}: {left:?}", brief(&run)),
        );
        shell(&sandbox, "find \"$0\" -type f ! -name 'vmtools-base-*' -delete", &[POOL]);
    }
    faults.none();
}

#[test]
fn a_pool_that_is_not_there_is_told_and_not_made() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = tiny_image(&sandbox);
    create_tiny(&sandbox, "web", &[]);
    sandbox.vmtools(&["config", "--set", "storage.pool=nosuch"]).run().success();
    let mut faults = Faults::default();
    for verb in [
        &["create", "other", "--image", &image][..],
        &["clone", "web", "other"],
        &["clone", "--linked", "web", "other"],
        &["disk", "add", "web", "16M"],
        &["image", "commit", "web", "ready"],
    ] {
        let run = sandbox.vmtools(verb).run();
        let is_told = matches!(run.status.code(), Some(2 | 3)) && output(&run).contains("nosuch");
        faults.check(is_told, brief(&run));
        let pools = sandbox.virsh(&["pool-list", "--all", "--name"]).stdout;
        faults.check(!pools.contains("nosuch"), format_args!("{}: it has made the pool", brief(&run)));
        faults.check(sandbox.domains() == ["web"], format_args!("{}: a VM is left", brief(&run)));
        sandbox.virsh_command(&["pool-destroy", "nosuch"]).run();
        sandbox.virsh_command(&["pool-undefine", "nosuch"]).run();
    }
    for verb in [
        &["list", "--all"][..],
        &["status", "web"],
        &["gc", "--dry-run"],
        &["image", "list"],
        &["delete", "--yes", "web"],
    ] {
        let run = sandbox.vmtools(verb).run();
        faults.check(run.status.success(), brief(&run));
    }
    faults.none();
}

/// How the files of a base and what libvirt knows of them can part.
const STATES: [(&str, &str); 8] = [
    ("its file and marker are gone", "rm -f \"$0\" \"$0.json\""),
    ("its file is gone", "rm -f \"$0\""),
    ("its marker is gone, lately", "rm -f \"$0.json\" && touch -d '50 seconds ago' \"$0\""),
    ("its marker is gone, long ago", "rm -f \"$0.json\" && touch -d '1 day ago' \"$0\""),
    ("its marker is gone, in the future", "rm -f \"$0.json\" && touch -d '1 day' \"$0\""),
    (
        "libvirt does not know it",
        "mkdir -p /run/aside && mv \"$0\" \"$0.json\" /run/aside &&
        virsh -q pool-refresh vmtools && mv /run/aside/* \"${0%/*}\"",
    ),
    (
        "libvirt does not know it, and it has no marker",
        "mkdir -p /run/aside && mv \"$0\" /run/aside &&
        rm -f \"$0.json\" && virsh -q pool-refresh vmtools && mv /run/aside/* \"${0%/*}\"",
    ),
    ("it is a folder", "rm -f \"$0\" \"$0.json\" && mkdir \"$0\""),
];

fn base_in_that_state(sandbox: &Sandbox, script: &str) -> String {
    shell(sandbox, "rm -rf \"$0\"/vmtools-base-* && virsh -q pool-refresh vmtools || true", &[POOL]);
    create_tiny(sandbox, "first", &[]);
    sandbox.vmtools(&["delete", "--yes", "first"]).run().success();
    let base = tiny_base(sandbox);
    shell(sandbox, script, &[&base]);
    base
}

#[test]
fn a_base_that_libvirt_and_the_folder_disagree_on_makes_no_endless_loop() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = tiny_image(&sandbox);
    let args = ["create", "web", "--image", &image, "-m", "64", "-c", "1"];
    let mut faults = Faults::default();
    for (what, script) in STATES {
        base_in_that_state(&sandbox, script);
        let asked = Held::start(&sandbox, "loop", &args, Hold::Never).finish(MINUTE);
        let run = &asked.run;
        let is_made = run.status.success() && super::chain_holds(&sandbox, &path_of(&sandbox, "web", "vda"));
        // What is no file can only be told.
        let is_told = what.contains("folder") && matches!(run.status.code(), Some(4 | 5 | 11));
        faults.check(is_made || is_told, format_args!("{what}: {}", brief(run)));
        faults.check(run.took < MINUTE, format_args!("{what}: it took {:?}", run.took));
        faults.check(asked.commands < 600, format_args!("{what}: {} commands to virsh", asked.commands));
        sandbox.vmtools(&["delete", "--force", "--if-exists", "web"]).run();
        let run = sandbox.vmtools(&["gc"]).timeout(MINUTE).run();
        faults.check(run.status.success(), format_args!("{what}: {}", brief(&run)));
        let run = sandbox.vmtools(&["image", "prune", "--yes"]).timeout(MINUTE).run();
        faults.check(run.status.success(), format_args!("{what}: {}", brief(&run)));
    }
    faults.none();
}

#[test]
fn a_wait_for_a_base_heeds_the_first_interrupt() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = tiny_image(&sandbox);
    let args = ["create", "web", "--image", &image, "-m", "64", "-c", "1"];
    let mut faults = Faults::default();
    for (what, script) in STATES {
        for signal in if what.contains("marker are") { &["INT", "TERM"][..] } else { &["INT"] } {
            base_in_that_state(&sandbox, script);
            let mut running = sandbox.vmtools(&args).spawn();
            // Those that wait for nothing have ended by now.
            super::super::support::poll(Duration::from_secs(3), || (!running.is_running()).then_some(()));
            if running.is_running() {
                running.signal(signal);
                let ended = super::super::support::poll(Duration::from_secs(10), || {
                    (!running.is_running()).then_some(())
                });
                faults.check(ended.is_some(), format_args!("{what}: {signal} is not heeded"));
                if ended.is_none() {
                    running.signal("KILL");
                }
                let run = running.wait(MINUTE);
                let is_told = ended.is_none() || run.status.code() == Some(130);
                faults.check(is_told, format_args!("{what}: {}", brief(&run)));
            } else {
                running.wait(MINUTE);
            }
            sandbox.vmtools(&["delete", "--force", "--if-exists", "web"]).run();
            sandbox.vmtools(&["gc"]).timeout(MINUTE).run();
            forget(&sandbox, "web");
        }
    }
    faults.none();
}

/// Holds the QEMU of a running domain where it is, as one does whose storage has gone away.
fn hang(sandbox: &Sandbox, vm: &str) {
    let script = "pid=$(pgrep -f -- \"-name guest=$0,\") && kill -STOP $pid";
    shell(sandbox, script, &[vm]);
}

/// The same so that libvirt waits for an answer, and tells nothing of what runs.
fn hang_amid_a_question(sandbox: &Sandbox, vm: &str) {
    hang(sandbox, vm);
    let asks = "for ask in \"dommemstat $0\" \"domblkinfo $0 vda\"; do virsh -q $ask >/dev/null 2>&1 & done; sleep 1";
    shell(sandbox, asks, &[vm]);
    let listed = sandbox.vmtools(&["gc", "--dry-run"]).timeout(MINUTE).run();
    assert!(listed.stderr.contains(vm), "it is not hidden: {listed}");
}

#[test]
fn a_protected_vm_whose_qemu_hangs_is_not_stopped() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "hung", &[]);
    sandbox.vmtools(&["protect", "hung"]).run().success();
    sandbox.virsh(&["start", "hung"]);
    hang_amid_a_question(&sandbox, "hung");
    let mut faults = Faults::default();
    for args in [&["delete", "--force", "hung"][..], &["delete", "--force", "--dry-run", "hung"]] {
        let run = sandbox.vmtools(args).timeout(MINUTE).run();
        faults.check(run.status.code() == Some(5) && run.stderr.contains("unprotect"), brief(&run));
        let state =
            sandbox.as_root("sh", &["-c", "cat /run/libvirt/qemu/hung.pid && virsh list --name"]).run();
        faults.check(state.status.success() && state.stdout.contains("hung"), brief(&state));
    }
    shell(&sandbox, "kill -CONT $(cat /run/libvirt/qemu/hung.pid)", &[]);
    sandbox.vmtools(&["unprotect", "hung"]).run().success();
    // A linked clone that stays is told of before, too.
    sandbox.vmtools(&["stop", "--force", "hung"]).run().success();
    sandbox.vmtools(&["clone", "--linked", "hung", "twin"]).run().success();
    sandbox.virsh(&["start", "hung"]);
    hang_amid_a_question(&sandbox, "hung");
    let run = sandbox.vmtools(&["delete", "--force", "hung"]).timeout(MINUTE).run();
    faults.check(run.status.code() == Some(11) && run.stderr.contains("twin"), brief(&run));
    let listed = sandbox.virsh(&["list", "--name"]);
    faults.check(listed.stdout.contains("hung"), brief(&listed));
    let run = sandbox.vmtools(&["delete", "--force", "hung", "twin"]).timeout(MINUTE).run();
    faults.check(run.status.success() && sandbox.domains().is_empty(), brief(&run));
    faults.none();
}

#[test]
fn a_qemu_that_hangs_disables_no_verb_for_the_others() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = tiny_image(&sandbox);
    create_tiny(&sandbox, "hung", &[]);
    create_tiny(&sandbox, "plain", &[]);
    create_tiny(&sandbox, "gone", &["--ttl", "1s"]);
    sandbox.virsh(&["start", "--paused", "hung"]);
    let disk = path_of(&sandbox, "hung", "vda");
    hang(&sandbox, "hung");
    let interface = "default,mac=52:54:00:aa:00:01";
    let verbs: [(&[&str], bool); 20] = [
        (&["list"], false),
        (&["list", "--json"], false),
        (&["list", "--all", "--json"], false),
        (&["networks"], false),
        (&["network", "info", "default"], false),
        (&["network", "create", "lab"], false),
        (&["network", "attach", "lab", "plain"], false),
        (&["network", "detach", "lab", "plain"], false),
        (&["network", "delete", "lab", "--yes"], false),
        (&["create", "made", "--image", &image, "-m", "64", "-c", "1", "-n", interface], false),
        (&["image", "list"], false),
        // What these take away, a VM that cannot be asked may need.
        (&["image", "prune", "--yes"], true),
        (&["gc", "--dry-run"], true),
        (&["gc"], true),
        (&["disk", "add", "plain", "16M"], false),
        (&["clone", "--linked", "plain", "twin"], false),
        (&["start", "made"], false),
        (&["monitor", "--once"], false),
        (&["stop", "--force", "made"], false),
        (&["delete", "--yes", "plain", "twin", "made"], true),
    ];
    // Each waits some seconds for the one that hangs: for a quick look one does of those that ask the same of it.
    let quick = ["list", "networks", "create", "image prune", "gc", "disk add", "clone", "monitor", "delete"];
    let is_quick =
        |verb: &[&str]| verb == ["list"] || quick[1..].iter().any(|one| verb.join(" ").starts_with(one));
    let mut faults = Faults::default();
    for (verb, has_to_say) in verbs {
        if !is_thorough() && (!is_quick(verb) || verb.contains(&"--dry-run")) {
            continue;
        }
        let run = sandbox.vmtools(verb).timeout(MINUTE * 2).run();
        faults.check(run.status.success(), brief(&run));
        faults.check(
            run.took < Duration::from_secs(25),
            format_args!("{}: it took {:?}", brief(&run), run.took),
        );
        let says = output(&run).contains("hung");
        faults.check(
            says || !has_to_say,
            format_args!("{}: it does not say what it could not see", brief(&run)),
        );
    }
    let listed = sandbox.vmtools(&["list", "--json"]).run().success().stdout;
    faults.check(listed.contains("\"hung\""), format_args!("it is not listed: {listed}"));
    faults.check(super::chain_holds(&sandbox, &disk), "its disk is broken");
    // It is not the daemon that hangs.
    for verb in [&["pause", "hung"][..], &["resume", "hung"], &["stop", "hung", "--timeout", "2s"]] {
        let run = sandbox.vmtools(verb).timeout(MINUTE * 2).run();
        let blames = ["libvirtd", "daemon"].iter().any(|word| run.stderr.contains(word));
        // It was started paused, which libvirt 12 says without asking QEMU.
        let is_so = verb[0] == "pause" && run.stderr.contains("hung is already paused");
        faults.check((is_so || !run.status.success()) && run.stderr.contains("hung") && !blames, brief(&run));
        faults.check(
            run.took < Duration::from_secs(45),
            format_args!("{}: it took {:?}", brief(&run), run.took),
        );
    }
    // Of deletes, one that may stop it does so first, whether its definition can be read until then or not.
    for verb in [&["delete", "--force", "--dry-run", "hung"][..], &["delete", "--yes", "hung"]] {
        let run = sandbox.vmtools(verb).timeout(MINUTE * 2).run();
        let is_there = sandbox.virsh(&["list", "--name"]).stdout.contains("hung");
        faults.check(is_there && output(&run).contains("hung"), brief(&run));
    }
    let run = sandbox.vmtools(&["delete", "--force", "hung"]).timeout(MINUTE * 2).run();
    faults.check(run.status.success() && sandbox.domains().is_empty(), brief(&run));
    let files = sandbox.volumes();
    faults.check(!files.iter().any(|file| file.contains("hung")), format_args!("left: {files:?}"));
    create_tiny(&sandbox, "hung", &[]);
    sandbox.virsh(&["start", "--paused", "hung"]);
    hang(&sandbox, "hung");
    let run = sandbox.vmtools(&["stop", "--force", "hung"]).timeout(MINUTE * 2).run();
    faults.check(run.status.success(), brief(&run));
    faults.none();
}

/// Not even what a VM that hangs was given while it ran.
#[test]
fn what_a_qemu_that_hangs_needs_is_not_removed() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "low", &[]);
    create_tiny(&sandbox, "base-user", &[]);
    let low = path_of(&sandbox, "low", "vda");
    sandbox.tmpfs_at("/srv", "32M");
    let top = "/srv/top.qcow2";
    super::overlay(&sandbox, top, &low);
    shell(&sandbox, "chmod 666 \"$0\"", &[top]);
    let base = tiny_base(&sandbox);
    define(&sandbox, &domain("hung", ""));
    sandbox.virsh(&["start", "--paused", "hung"]);
    sandbox.virsh(&["attach-disk", "hung", top, "vda", "--live", "--subdriver", "qcow2"]);
    hang(&sandbox, "hung");
    let mut faults = Faults::default();
    let run = sandbox.vmtools(&["delete", "--yes", "low", "--json"]).timeout(MINUTE * 2).run();
    faults.check(run.status.code() == Some(11) && output(&run).contains("hung"), brief(&run));
    faults.check(super::chain_holds(&sandbox, top), "its disk is broken");
    let run = sandbox.vmtools(&["delete", "--yes", "base-user"]).timeout(MINUTE * 2).run();
    faults.check(run.status.success(), brief(&run));
    let run = sandbox.vmtools(&["image", "prune", "--yes"]).timeout(MINUTE * 2).run();
    faults.check(exists(&sandbox, &base), format_args!("{}: the base is gone", brief(&run)));
    faults.none();
}

#[test]
fn a_command_that_is_killed_leaves_no_process() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "web", &[]);
    let mut faults = Faults::default();
    for verb in [
        &["events"][..],
        &["events", "web", "--json"],
        &["wait", "web", "--for", "ip", "--timeout", "60s"],
        &["monitor", "--json", "--interval", "1s"],
        &["logs", "web", "-f"],
        &["stop", "web", "--timeout", "60s"],
    ] {
        // While nothing happens, nothing else would tell virsh that nobody listens any more.
        if verb[0] != "events" && sandbox.state("web") != "running" {
            sandbox.vmtools(&["start", "web"]).run().success();
        }
        let started = |word: &str| sandbox.processes().iter().any(|process| process.contains(word));
        let mut running = sandbox.vmtools(verb).spawn();
        wait_for("what it starts", MINUTE, || {
            // It says when it listens.
            let is_up = started("virsh") && (verb[0] != "events" || !running.stderr().is_empty());
            (is_up || !running.is_running()).then_some(())
        });
        running.signal("KILL");
        let run = running.wait(MINUTE);
        let none_left =
            super::super::support::poll(Duration::from_secs(5), || (!started("virsh")).then_some(()));
        faults.check(none_left.is_some(), format_args!("{}: virsh is left", brief(&run)));
        shell(&sandbox, "pkill -x virsh || true", &[]);
    }
    faults.none();
}

/// Files that others put into a pool, as one sees them.
#[test]
fn volumes_with_blanks_are_seen() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "low", &[]);
    let low = path_of(&sandbox, "low", "vda");
    let mut faults = Faults::default();
    for name in ["my overlay.qcow2", " first.qcow2", "last .qcow2", "two  blanks.qcow2", "a\u{a0}b.qcow2"] {
        let top = format!("{POOL}/{name}");
        super::overlay(&sandbox, &top, &low);
        // Nobody's: it is named as what needs it, and not broken.
        let run = sandbox.vmtools(&["delete", "--yes", "low", "--json"]).run();
        // Characters that a terminal does not show as they are, are escaped; read as JSON it is the name.
        let is_told = run.status.code() == Some(11)
            && run.json_error()["message"].as_str().is_some_and(|message| message.contains(&top));
        faults.check(is_told, format_args!("{name:?}: {}", brief(&run)));
        let run = sandbox.vmtools(&["delete", "--yes", "low"]).run();
        let shown = top.replace('\u{a0}', "\\u{a0}");
        let is_told = run.status.code() == Some(11) && run.stderr.contains(&shown);
        faults.check(is_told, format_args!("{name:?}: {}", brief(&run)));
        faults.check(super::chain_holds(&sandbox, &top), format_args!("{name:?} is broken"));
        if !sandbox.domains().contains(&"low".to_owned()) {
            break;
        }
        shell(&sandbox, "rm -f \"$0\"", &[&top]);
    }
    // As an image's base, by name alone.
    qcow2(&sandbox, &format!("{POOL}/my base.qcow2"), "8M");
    let run = sandbox.vmtools(&["image", "list"]).run();
    faults.check(run.status.success(), brief(&run));
    faults.none();
}
