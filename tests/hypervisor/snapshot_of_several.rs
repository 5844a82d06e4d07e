//! Snapshots of several VMs at once: by name, label and `--all`.

use serde_json::{Value, json};

use super::support::{HeldCalls, Passing, Run, Sandbox, sandbox_or_skip};
use super::{MINUTE, create, nothing_is_left, unbootable_image};

/// What one field says in each object of an array.
#[track_caller]
fn each<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap()).collect()
}

/// `VM/SNAPSHOT` of all that there are.
#[track_caller]
fn all(sandbox: &Sandbox) -> Vec<String> {
    let listed = sandbox.vmtools(&["snapshot", "list", "--json"]).run().success().json();
    let names = each(&listed, "vm").into_iter().zip(each(&listed, "name"));
    names.map(|(vm, name)| format!("{vm}/{name}")).collect()
}

#[test]
fn snapshots_of_several_vms_are_listed_changed_and_deleted() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    for (vm, label) in [("db", "tier=a"), ("web", "tier=a"), ("tmp", "tier=b")] {
        create(&sandbox, vm, &image, &["-l", label]).run().success();
    }
    let snapshot = |args: &[&str]| sandbox.vmtools(&[&["snapshot"], args].concat()).run();
    assert_eq!(snapshot(&["list", "--json"]).success().json(), json!([]));
    for args in [&["-l", "tier=a", "--name", "clean"][..], &["web", "--name", "old"]] {
        snapshot(&[&["create"], args].concat()).success();
    }
    listed(&sandbox, &snapshot);
    changed(&snapshot);
    deleted(&sandbox, &snapshot);
    sandbox.vmtools(&["delete", "--force", "--all"]).run().success();
    nothing_is_left(&sandbox);
}

fn listed(sandbox: &Sandbox, snapshot: &dyn Fn(&[&str]) -> Run) {
    // Those of a VM that vmtools did not create, too.
    let file = sandbox.home().join("others.xml");
    let disk = sandbox.root().join("images/others.qcow2");
    let disk = disk.to_str().unwrap();
    sandbox.exec(&["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"]);
    let xml = format!(
        "<domain type='qemu'><name>others</name><memory>65536</memory><os><type>hvm</type></os><devices>\
         <disk type='file'><driver type='qcow2'/><source file='{disk}'/><target dev='sda'/></disk></devices></domain>"
    );
    std::fs::write(&file, xml).unwrap();
    sandbox.virsh(&["define", file.to_str().unwrap()]).success();
    sandbox.virsh(&["snapshot-create-as", "others", "theirs"]).success();
    assert_eq!(all(sandbox), ["db/clean", "others/theirs", "web/clean", "web/old"]);
    let table = snapshot(&["list"]).success();
    assert!(table.stdout.starts_with("VM ") && table.lines().len() == 5, "{table}");
    assert_eq!(each(&snapshot(&["list", "--all", "--json"]).success().json(), "vm"), ["db", "web", "web"]);
    assert_eq!(each(&snapshot(&["list", "-l", "tier=b", "--json"]).success().json(), "vm"), [""; 0]);
    let counted = sandbox.count_processes(&["snapshot", "list"]);
    assert_eq!((counted.of("virsh"), counted.log.len()), (1, 1), "{:?}", counted.log);
    sandbox.virsh(&["undefine", "others", "--snapshots-metadata"]).success();
    // Of one that goes meanwhile there are none, unless it was asked for.
    for (args, code) in [(&["list", "--json"][..], 0), (&["list", "all-gone", "web", "--json"], 10)] {
        std::fs::write(&file, "<domain type='qemu'><name>all-gone</name><memory>65536</memory><os><type>hvm</type></os></domain>").unwrap();
        sandbox.virsh(&["define", file.to_str().unwrap()]).success();
        let calls = HeldCalls::hold(sandbox, "snapshot-list", Passing::Kept);
        let mut running = sandbox.vmtools(&[&["snapshot"], args].concat()).spawn();
        calls.await_call(&mut running);
        sandbox.virsh(&["undefine", "all-gone"]).success();
        calls.go_on();
        let run = running.wait(MINUTE).code(code);
        assert!(each(&run.json(), "vm").contains(&"web"), "{run}");
    }
    let run = snapshot(&["list", "db", "none", "--json"]).code(10);
    assert_eq!(
        (run.json_error()["vm"].as_str(), each(&run.json(), "vm")),
        (Some("none"), vec!["db"]),
        "{run}"
    );
    assert_eq!(snapshot(&["list", "none", "--json"]).code(3).stdout, "");
    snapshot(&["list", "none", "web"]).code(10).stdout_has("web  clean").stderr_has("no VM \"none\"");
}

fn changed(snapshot: &dyn Fn(&[&str]) -> Run) {
    snapshot(&["set", "web", "clean", "--pin"]).success();
    // That one has it already is said of that one.
    let run = snapshot(&["set", "-l", "tier=a", "--snapshot", "clean", "--pin"]).success();
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        ("changed clean of db: pinned\n", "clean of web already has these settings\n")
    );
    let of_one = snapshot(&["set", "web", "clean", "old", "--expires", "7d", "--json"]).success().json();
    assert_eq!(each(&of_one, "name"), ["clean", "old"]);
    let run = snapshot(&["set", "db", "web", "--snapshot", "old", "--description", "x", "--json"]).code(10);
    assert_eq!(
        (each(&run.json(), "vm"), run.json_error()["vm"].as_str()),
        (vec!["web"], Some("db")),
        "{run}"
    );
    assert_eq!(snapshot(&["set", "web", "old", "--expires", "none", "--json"]).success().json()["vm"], "web");
}

fn deleted(sandbox: &Sandbox, snapshot: &dyn Fn(&[&str]) -> Run) {
    let before = ["db/clean", "web/clean", "web/old"];
    // Of which nothing is deleted, the next ones are.
    let plan = snapshot(&["delete", "db", "web", "tmp", "--snapshot", "old", "--dry-run", "--json"]).code(10);
    let plans = plan.json();
    assert_eq!(
        (each(&plans, "vm"), each(&plans[0]["snapshots"], "name")),
        (vec!["web"], vec!["old"]),
        "{plan}"
    );
    plan.stderr_has("\"vm\":\"db\"").stderr_has("\"vm\":\"tmp\"");
    let pinned = snapshot(&["delete", "-l", "tier=a", "--snapshot", "clean", "--yes", "--json"]).code(5);
    assert_eq!(pinned.json(), json!([]));
    assert_eq!(all(sandbox), before);
    snapshot(&["set", "db", "clean", "--unpin"]).success();
    let some = snapshot(&["delete", "--all", "--snapshot", "clean", "--yes", "--json"]).code(10);
    assert_eq!((each(&some.json(), "vm"), each(&some.json(), "name")), (vec!["db"], vec!["clean"]), "{some}");
    // Why each of the others has it still.
    some.stderr_has("--unpin").stderr_has("the VM tmp has no snapshot");
    assert_eq!(all(sandbox), ["web/clean", "web/old"]);
    // All that were named behind the VM are its snapshots.
    snapshot(&["delete", "web", "db", "--before", "1ms", "--yes"]).code(3).stderr_has("no snapshot \"db\"");
    let run = snapshot(&["delete", "--all", "--before", "1ms", "--dry-run"]).success();
    assert!(run.stdout.starts_with("delete the snapshot old of web (") && run.lines().len() == 2, "{run}");
    run.stdout_has("keep the snapshot clean of web (");
    snapshot(&["delete", "web", "tmp", "--snapshot", "old", "--snapshot", "clean", "--force"]).code(10);
    assert_eq!(all(sandbox), [""; 0]);
    snapshot(&["delete", "--all", "--before", "1ms", "--yes"]).success().stderr_has("nothing to delete");
    assert_eq!(
        snapshot(&["delete", "-l", "tier=z", "--snapshot", "x", "--yes", "--json"]).success().json(),
        json!([])
    );
}
