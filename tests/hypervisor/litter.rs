//! Small files that ended processes leave: sockets, locks, histories.

use super::MINUTE;
use super::public_cases::tiny_image;
use super::support::{Sandbox, sandbox_or_skip, wait_for};

const SOCKETS: &str = "/run/libvirt/qemu/vmtools";

#[test]
fn sockets_and_locks_that_nobody_holds_are_collected() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = tiny_image(&sandbox);
    for vm in ["killed", "runs"] {
        sandbox.vmtools(&["create", vm, "--image", &image, "-m", "64", "-c", "1"]).run().success();
        sandbox.virsh(&["start", "--paused", vm]);
    }
    let uuid = |vm: &str| sandbox.virsh(&["domuuid", vm]).stdout.trim().to_owned();
    let (killed, runs) = (uuid("killed"), uuid("runs"));
    let script = "kill -9 $(cat /run/libvirt/qemu/killed.pid)";
    sandbox.as_root("bash", &["-c", script]).run().success();
    wait_for("its end", MINUTE, || (sandbox.state("killed") == "shut off").then_some(()));
    // As of a VM of an earlier vmtools that is gone, and of a command that was killed.
    let gone = "0b0c0d0e-1111-2222-3333-444455556666";
    let make = "cd \"$0\" && cp -a \"$2.vnc\" \"$1.vnc\" && : >\"vm-$1.lock\"";
    sandbox.as_root("bash", &["-c", make, SOCKETS, gone, &killed]).run().success();

    let found = sandbox.vmtools(&["gc", "--dry-run", "--json"]).run().success().json();
    let mut named: Vec<(String, String, usize)> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let word = |field: &str| item[field].as_str().unwrap_or_default().to_owned();
            (word("uuid"), word("reason"), item["files"].as_array().map_or(0, Vec::len))
        })
        .collect();
    named.sort();
    let mut expected =
        [(gone.to_owned(), "orphan".to_owned(), 1), (killed.clone(), "stale_socket".to_owned(), 2)];
    expected.sort();
    assert_eq!(named, expected, "{found}");
    let before = sandbox.files_under(SOCKETS);
    assert!(
        before.contains(&format!("{killed}.qmp")) && before.contains(&format!("{killed}.vnc")),
        "{before:?}"
    );

    sandbox.vmtools(&["gc"]).run().success();
    assert_eq!(sandbox.files_under(SOCKETS), [format!("{runs}.qmp"), format!("{runs}.vnc")]);
    let rest = sandbox.vmtools(&["gc", "--dry-run", "--json"]).run().success();
    assert_eq!(rest.json(), serde_json::json!([]), "{rest}");
    sandbox.vmtools(&["start", "killed"]).run().success();
    sandbox.vmtools(&["delete", "--force", "killed", "runs"]).run().success();
    assert_eq!(sandbox.files_under(SOCKETS), Vec::<String>::new());
}

#[test]
fn virsh_leaves_no_history_behind() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    // To be killed while virsh writes it is a matter of luck: all of them have to be lucky.
    for _ in 0..60 {
        sandbox.vmtools(&["list", "--all"]).run().success();
    }
    let files = sandbox.files_under(sandbox.home().join(".cache/libvirt/virsh"));
    assert_eq!(files, Vec::<String>::new());
}
