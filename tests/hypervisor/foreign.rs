//! VMs that others made, under any name that libvirt takes.

use super::define_empty;
use super::support::{Run, Sandbox, sandbox_or_skip};

#[test]
fn odd_names_are_listed_and_operated_on_and_their_disks_kept() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let names = ["5", "a b", "--x", "it's", "naïve"];
    let disk = sandbox.root().join("images/foreign.raw");
    sandbox.exec(&["truncate", "-s", "1M", disk.to_str().unwrap()]);
    for name in names {
        let xml = format!(
            "<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>\
             <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>\
             <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{}'/>\
             <target dev='vda' bus='virtio'/><shareable/></disk></devices></domain>",
            disk.display()
        );
        let file = sandbox.tmp().join("foreign.xml");
        sandbox.command("sh", &["-c", "cat >\"$0\"", file.to_str().unwrap()]).stdin(xml).run().success();
        sandbox.virsh(&["define", file.to_str().unwrap()]);
    }
    let listed = sandbox.vmtools(&["list", "--all", "--json"]).run().success().json();
    let mut found: Vec<&str> =
        listed.as_array().unwrap().iter().filter_map(|vm| vm["name"].as_str()).collect();
    found.sort_unstable();
    let mut wanted = names.to_vec();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    for name in names {
        let verb = |verb: &[&str]| sandbox.vmtools(&[verb, &["--", name]].concat()).run().success();
        let status = verb(&["status", "--json"]).json();
        assert_eq!((status["name"].as_str(), status["managed"].as_bool()), (Some(name), Some(false)));
        verb(&["start"]);
        assert_eq!(verb(&["status", "--json"]).json()["state"], "running");
        verb(&["stop", "--force"]);
        verb(&["delete", "--yes"]);
    }
    assert!(sandbox.domains().is_empty());
    assert!(disk.exists());
}

/// Nothing that does more to a terminal than show text.
#[track_caller]
fn only_shows(run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        let bad = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(!text.contains(bad), "{text:?}");
    }
}

#[test]
fn names_that_would_command_the_terminal_are_written_out() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    // XML has no way to write ESC: 0x9b is the same and `[` in one character.
    let names = ["red\u{9b}31m", "nimda\u{202e}", "a\tb", "\u{7f}\u{85}x"];
    define_empty(&sandbox, &names);
    let renamed = sandbox.virsh_command(&["domrename", names[2], "esc\u{1b}[2J"]).run();
    let names = if renamed.status.success() { [names[0], names[1], "esc\u{1b}[2J", names[3]] } else { names };
    let network = "<network><name>lan&#10;error: \u{9b}x</name></network>";
    let define = sandbox.command("virsh", &["-c", sandbox.uri(), "net-define", "/dev/stdin"]);
    let with_network = define.stdin(network).run().status.success();

    let list = sandbox.vmtools(&["list", "--all"]).run().success().stdout_has(r"red\u{9b}31m");
    only_shows(&list);
    let json = sandbox.vmtools(&["list", "--all", "--json"]).run().success();
    only_shows(&json);
    for name in names {
        let found = json.json().as_array().unwrap().iter().any(|vm| vm["name"] == name);
        assert!(found, "{name:?} in {json}");
        for verb in ["status", "start", "stop", "clone", "disk"] {
            let args = match verb {
                "stop" => vec!["stop", "--force", "--", name],
                "clone" => vec!["clone", "--", name, "copy"],
                "disk" => vec!["disk", "list", "--", name],
                verb => vec![verb, "--", name],
            };
            only_shows(&sandbox.vmtools(&args).run());
        }
        only_shows(&sandbox.vmtools(&["-vv", "status", "--", name]).run());
        only_shows(&sandbox.vmtools(&["rename", "--", name, "web"]).run());
        only_shows(&sandbox.vmtools(&["delete", "--dry-run", "--", "web"]).run());
    }
    let networks = sandbox.vmtools(&["networks"]).run().success();
    only_shows(&networks);
    if with_network {
        let mine = networks.stdout.lines().filter(|line| line.starts_with("lan")).count();
        assert_eq!((mine, networks.stdout.matches("\nerror").count()), (1, 0), "{networks}");
    }
    for args in
        [&["monitor", "--once"][..], &["monitor", "--once", "--json"], &["doctor"], &["gc", "--dry-run"]]
    {
        only_shows(&sandbox.vmtools(args).run());
    }
}
