//! Changing VMs that are there: their names, their size, their record.

use super::support::{Sandbox, sandbox_or_skip};
use super::{create, define_empty, own_volumes, unbootable_image, word};

#[test]
fn a_vm_gets_another_name() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["-l", "team=a"]).run().success();
    define_empty(&sandbox, &["a b", "5", "--x"]);
    let before = vmtools(&["status", "web", "--json"]).success().json();
    let renamed = vmtools(&["rename", "web", "db", "--json"]).success().json();
    assert_eq!(renamed["name"], "db");
    for same in ["uuid", "labels", "disks", "image"] {
        assert_eq!(renamed[same], before[same]);
    }
    vmtools(&["rename", "db", "db"]).success().stderr_has("already");
    for (odd, new) in [("a b", "blank"), ("5", "five"), ("--x", "x")] {
        vmtools(&["rename", "--", odd, new]).success();
    }
    let taken = vmtools(&["rename", "db", "x", "--json"]).code(4);
    assert_eq!(taken.json_error()["vm"], "db", "{taken}");
    vmtools(&["rename", "web", "y"]).code(3);
    vmtools(&["start", "x"]).success();
    vmtools(&["rename", "x", "y"]).code(5).stderr_has("vmtools stop x");
    vmtools(&["delete", "--force", "db"]).success();
    assert_eq!(own_volumes(&sandbox), Vec::<String>::new());
}

#[test]
fn a_running_vm_takes_what_it_can_at_once() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["-l", "ci=1", "-l", "team=a", "--start", "--wait=ssh"]).run().success();
    let inactive = || sandbox.virsh(&["dumpxml", "--inactive", "web"]).stdout;
    let before = inactive();

    let set = [
        "set",
        "web",
        "-m",
        "192",
        "-c",
        "2",
        "-d",
        "2",
        "--label",
        "team=<b'",
        "--unlabel",
        "ci",
        "--autostart",
        "--json",
    ];
    let run = vmtools(&set).success();
    let json = run.json();
    assert_eq!(json["applied"], serde_json::json!(["memory", "disk_size", "labels", "autostart"]), "{run}");
    assert_eq!(json["on_next_start"], serde_json::json!(["cpus"]), "{run}");
    assert_eq!((json["memory_mib"].as_u64(), json["cpus"].as_u64()), (Some(192), Some(1)), "{run}");
    assert_eq!(json["labels"], serde_json::json!({"team": "<b'"}), "{run}");
    assert_eq!(
        (json["autostart"].as_bool(), json["disks"][0]["capacity_bytes"].as_u64()),
        (Some(true), Some(2 << 30))
    );
    // What is so already is not changed, and said so.
    let same =
        ["set", "web", "-m", "192", "-d", "2", "--label", "team=<b'", "--unlabel", "ci", "--ttl", "none"];
    let same = [&same[..], &["--autostart", "--json"]].concat();
    let again = vmtools(&same).success().stderr_has("already has these settings");
    assert_eq!(
        (&again.json()["applied"], &again.json()["on_next_start"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    let again = vmtools(&["set", "web", "-d", "2"]).success();
    assert_eq!(again.stdout, "", "{again}");
    let partitions = vmtools(&["ssh", "web", "--", "cat /proc/partitions"]).success();
    assert!(partitions.stdout.contains("2097152 vda\n"), "{partitions}");

    // Nothing else in its definition has changed.
    let kept = |xml: &str| -> Vec<String> {
        let changed = ["<memory ", "<currentMemory ", "<vcpu ", "<vmtools:label "];
        let lines = xml.lines().filter(|line| !changed.iter().any(|word| line.contains(word)));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(kept(&inactive()), kept(&before));
    assert!(inactive().contains(">2</vcpu>"), "{}", inactive());

    vmtools(&["set", "web", "-d", "1", "--label", "no=1"]).code(11).stderr_has("specify 2G");
    vmtools(&["set", "web", "-m", "100T", "--label", "no=1"]).code(9);
    let more = vmtools(&["set", "web", "-c", "1", "-m", "300", "--no-autostart"])
        .success()
        .stdout_has("vmtools restart web");
    assert_eq!(more.stdout.lines().next(), Some("web: changed: cpus, autostart"), "{more}");
    let restarted = vmtools(&["restart", "web", "--json"]).success().json();
    assert_eq!((restarted["memory_mib"].as_u64(), restarted["cpus"].as_u64()), (Some(300), Some(1)));
    assert_eq!(restarted["labels"], serde_json::json!({"team": "<b'"}));

    vmtools(&["stop", "web", "--force"]).success();
    let off = vmtools(&["set", "web", "-m", "256", "-c", "2", "-d", "3G", "--json"]).success().json();
    assert_eq!(off["applied"], serde_json::json!(["cpus", "memory", "disk_size"]));
    assert_eq!((off["memory_mib"].as_u64(), off["cpus"].as_u64()), (Some(256), Some(2)));
    assert_eq!(off["disks"][0]["capacity_bytes"], 3_u64 << 30);
    vmtools(&["set", "web", "-d", "2"]).code(11);
    vmtools(&["delete", "--force", "web"]).success();
    assert_eq!(own_volumes(&sandbox), Vec::<String>::new());
}

#[test]
fn vms_of_others_are_changed_as_far_as_they_can_be() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    define_empty(&sandbox, &["it's", "5"]);
    for (name, state) in [("it's", "shutoff"), ("5", "running")] {
        sandbox.virsh(&["setvcpus", "--domain", name, "--maximum", "--config", "--count", "2"]);
        if state == "running" {
            vmtools(&["start", name]).success();
        }
        let set = vmtools(&["set", name, "-c", "2", "-m", "48", "--autostart", "--json"]).success();
        let json = set.json();
        assert_eq!((word(&set, "state").as_str(), json["managed"].as_bool()), (state, Some(false)));
        // QEMU's processors come and go, but no guest is there to give memory back.
        let waits = if state == "running" { serde_json::json!(["memory"]) } else { serde_json::json!([]) };
        assert_eq!((&json["on_next_start"], &json["autostart"]), (&waits, &true.into()), "{set}");
        vmtools(&["set", name, "-d", "1"]).code(9).stderr_has("no hard disk");
        vmtools(&["set", name, "-m", "40", "--label", "a=b"]).code(5).stderr_has("not created by vmtools");
        vmtools(&["set", name, "--ttl", "1h"]).code(5);
        let xml = sandbox.virsh(&["dumpxml", "--inactive", "--domain", name]).stdout;
        assert!(xml.contains(">49152</memory>") && !xml.contains("urn:vmtools"), "{xml}");
    }
    vmtools(&["set", "none", "-c", "1"]).code(3);
    sandbox.virsh(&["managedsave", "--domain", "5"]);
    vmtools(&["set", "5", "-m", "64"]).code(5).stderr_has("vmtools start 5");
    vmtools(&["set", "5", "--no-autostart"]).success();
    for verb in [&["clone", "5", "six"][..], &["image", "commit", "5", "six"]] {
        vmtools(verb).code(5).stderr_has("managedsave-remove 5");
    }
}

#[test]
fn what_is_protected_is_not_deleted_and_what_has_expired_is() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "keep", &image, &["--ttl", "1s"]).run().success();
    create(&sandbox, "renewed", &image, &["--ttl", "1s"]).run().success();
    create(&sandbox, "forever", &image, &["--ttl", "1s"]).run().success();
    create(&sandbox, "old", &image, &["--ttl", "1s", "--start"]).run().success();
    let odd = ["a b", "5", "--x", "it's"];
    define_empty(&sandbox, &odd);
    vmtools(&["start", "5"]).success();

    let all = [&["protect", "--json", "--"][..], &odd, &["keep"]].concat();
    assert_eq!(vmtools(&all).success().json()[4]["protected"], true);
    vmtools(&["protect", "keep"]).success().stderr_has("already protected");
    for name in odd.iter().chain(&["keep"]) {
        let word = match *name {
            "a b" => "'a b'",
            "it's" => r"'it'\''s'",
            "--x" => "-- --x",
            plain => plain,
        };
        vmtools(&["delete", "--force", "--", name]).code(5).stderr_has(&format!("vmtools unprotect {word}"));
        vmtools(&["delete", "--dry-run", "--", name]).code(5);
        let status = vmtools(&["status", "--json", "--", name]).success().json();
        assert_eq!((&status["protected"], &status["managed"]), (&true.into(), &(*name == "keep").into()));
    }
    create(&sandbox, "keep", &image, &["--replace"]).run().code(5).stderr_has("vmtools unprotect keep");
    // It stays so through a stop, and in the definition.
    vmtools(&["stop", "5", "--force"]).success();
    assert_eq!(vmtools(&["status", "5", "--json"]).success().json()["protected"], true);

    vmtools(&["set", "renewed", "--ttl", "1h"]).success();
    let forever = vmtools(&["set", "forever", "--ttl", "none", "--json"]).success().json();
    assert!(forever["ttl_expires"].is_null() && forever["applied"][0] == "ttl", "{forever}");
    let listed = vmtools(&["list", "--all", "--columns", "name,ttl,protected"]).success();
    assert!(
        listed.lines().iter().any(|line| line.starts_with("keep ") && line.ends_with("(expired)  yes")),
        "{listed}"
    );
    let planned = vmtools(&["gc", "--dry-run", "--json"]).success().json();
    assert_eq!(planned.as_array().unwrap().len(), 1, "{planned}");
    assert_eq!((&planned[0]["name"], &planned[0]["reason"]), (&"old".into(), &"expired".into()));
    assert!(sandbox.domains().contains(&"old".to_owned()));
    vmtools(&["gc"]).success().stdout_has("removed old");
    assert_eq!(sandbox.domains().len(), 3 + odd.len());

    vmtools(&["unprotect", "keep"]).success();
    vmtools(&["gc"]).success().stdout_has("removed keep");
    vmtools(&[&["unprotect", "--"][..], &odd].concat()).success();
    assert!(!sandbox.virsh(&["dumpxml", "--domain", "a b"]).stdout.contains("vmtools"));
    vmtools(&[&["delete", "--force", "renewed", "forever", "--"][..], &odd].concat()).success();
    super::nothing_is_left(&sandbox);
}

#[test]
fn a_running_vm_moves_within_the_room_that_it_was_made_with() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    let room = ["--max-memory", "384", "--max-cpus", "2"];
    let plan = create(&sandbox, "web", &image, &[&room[..], &["--dry-run"]].concat()).run().success();
    plan.stdout_has("1 vCPU (up to 2)").stdout_has("256 MiB (up to 384 MiB) of memory");
    let made = create(&sandbox, "web", &image, &[&room[..], &["--start", "--wait=ssh"]].concat()).run();
    made.success();
    let sizes = |json: &serde_json::Value| {
        ["cpus", "max_cpus", "memory_mib", "max_memory_mib"].map(|field| json[field].as_u64().unwrap())
    };
    let status = || vmtools(&["status", "web", "--json"]).success().json();
    assert_eq!(sizes(&status()), [1, 2, 256, 384]);
    let guest = |command: &str| vmtools(&["ssh", "web", "--", command]).success().stdout;
    let total = || -> u64 {
        let line = guest("grep MemTotal /proc/meminfo");
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
    };
    let small = total();
    assert_eq!(guest("ls -d /sys/devices/system/cpu/cpu[0-9]*").lines().count(), 1);

    let more = vmtools(&["set", "web", "-m", "384", "-c", "2", "--json"]).success();
    assert_eq!(more.json()["applied"], serde_json::json!(["cpus", "memory"]), "{more}");
    assert_eq!(sizes(&more.json()), [2, 2, 384, 384], "{more}");
    assert!(total() >= small + 100, "{small} {}", total());
    assert_eq!(guest("ls -d /sys/devices/system/cpu/cpu[0-9]*").lines().count(), 2);
    let less = vmtools(&["set", "web", "-m", "192", "--json"]).success();
    assert_eq!(less.json()["applied"], serde_json::json!(["memory"]), "{less}");
    assert!(total() < small, "{small} {}", total());
    // Above its room, only a new start helps.
    let beyond = vmtools(&["set", "web", "-m", "400", "--json"]).success();
    assert_eq!(beyond.json()["on_next_start"], serde_json::json!(["memory"]), "{beyond}");
    vmtools(&["set", "web", "-m", "256", "-c", "1"]).success();

    // What is made of it has the same room.
    vmtools(&["stop", "web", "--force"]).success();
    assert_eq!(sizes(&status()), [1, 2, 256, 384]);
    let twin = vmtools(&["clone", "web", "twin", "--json"]).success().json();
    assert_eq!(sizes(&twin), [1, 2, 256, 384]);
    vmtools(&["template", "new", "like", "--from", "web"]).success();
    let shown = vmtools(&["template", "show", "like"]).success();
    for (key, value) in [("cpus", "1"), ("max_cpus", "2"), ("memory", "256M"), ("max_memory", "384M")] {
        let row = |line: &String| line.split_whitespace().take(2).eq([key, value]);
        assert!(shown.lines().iter().any(row), "no {key} {value}: {shown}");
    }
    let like = ["create", "like", "--template", "like", "--image", image.to_str().unwrap(), "--json"];
    assert_eq!(sizes(&vmtools(&like).success().json()), [1, 2, 256, 384]);
    vmtools(&["delete", "--force", "web", "twin", "like"]).success();
    super::nothing_is_left(&sandbox);
}
