//! Questions at a real terminal: only yes does it, and all else is no success.

use super::support::{Run, Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create, nothing_is_left, own_volumes, unbootable_image};

/// Runs vmtools with these words at a terminal, and presses the keys when the question is there. Its status
/// is the run's, what the terminal shows is the stdout.
pub(super) fn answer(sandbox: &Sandbox, words: &str, keys: &str) -> Run {
    type_at(sandbox, words, "y/N", keys)
}

/// The same at any prompt that ends in these words.
fn type_at(sandbox: &Sandbox, words: &str, prompt: &str, keys: &str) -> Run {
    let program = env!("CARGO_BIN_EXE_vmtools");
    let shown = sandbox.home().join("terminal");
    let _ = std::fs::remove_file(&shown);
    // When the terminal's input ends, `script` presses Ctrl-D: too early for what Ctrl-C does.
    let held = if keys == CTRL_C { "until grep -q 'error:' terminal; do sleep 0.1; done" } else { "true" };
    let script = format!(
        "(until grep -q '{prompt}' terminal 2>/dev/null; do sleep 0.1; done; printf '{keys}'; {held}) \
         | script -qefc 'exec {program} {words}' terminal"
    );
    sandbox.command("sh", &["-c", &script]).timeout(MINUTE).run()
}

/// As printf takes it.
pub(super) const CTRL_C: &str = "\\003";

/// Each way to say no, with the status and the word that it comes to.
const NO: [(&str, i32, &str); 5] = [
    ("n\\r", 1, "nothing was"),
    ("\\r", 1, "nothing was"),
    ("yy\\r", 1, "nothing was"),
    ("\\004", 1, "nothing was"),
    (CTRL_C, 130, "interrupted"),
];

#[test]
fn snapshots_of_several_vms_are_asked_for_once() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let snapshot = |args: &[&str]| sandbox.vmtools(&[&["snapshot"], args].concat()).run().success();
    for vm in ["db", "web", "tmp"] {
        create(&sandbox, vm, &image, &[]).run().success();
    }
    snapshot(&["create", "db", "web", "--name", "clean"]);
    let delete = "snapshot delete db tmp web --snapshot clean";
    for (keys, code, word) in NO {
        let code = if code == 130 { 130 } else { 10 };
        answer(&sandbox, delete, keys).code(code).stdout_has(word);
    }
    assert_eq!(snapshot(&["list", "--all"]).lines().len(), 3);
    let run = answer(&sandbox, delete, "y\\r").code(10);
    assert_eq!(run.stdout.matches("y/N").count(), 1, "{run}");
    run.stdout_has("delete the snapshot clean of db")
        .stdout_has("delete the snapshot clean of web")
        .stdout_has("deleted clean of db")
        .stdout_has("deleted clean of web")
        .stdout_has("the VM tmp has no snapshot");
    assert_eq!(snapshot(&["list", "--all"]).lines().len(), 1);
}

#[test]
fn only_yes_deletes_a_vm() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &[]).run().success();
    vmtools(&["disk", "add", "web", "1"]).success();
    let files = own_volumes(&sandbox);
    let words: Vec<&str> = files.iter().map(String::as_str).collect();
    let hashes = || sandbox.as_root("sha256sum", &words).run().success().stdout;
    let before = hashes();
    for (keys, code, word) in NO {
        let run = answer(&sandbox, "delete web", keys).code(code).stdout_has(word);
        let run = run.stdout_has("delete the VM web").stdout_has("created for this VM");
        // To say no is no error.
        assert_eq!(run.stdout.contains("error:"), code == 130, "{run}");
    }
    // What is asked is shown also to those who want quiet, and what failed before is said.
    let none = answer(&sandbox, "delete --quiet web none", "n\\r").code(10);
    none.stdout_has("delete the VM web").stdout_has("no VM \"none\"").stdout_has("nothing was deleted");
    answer(&sandbox, "disk remove web vdc", "n\\r").code(1).stdout_has("nothing was removed");
    answer(&sandbox, "disk remove web vdc", CTRL_C).code(130);
    assert_eq!((sandbox.domains(), hashes()), (vec!["web".to_owned()], before));
    answer(&sandbox, "disk remove web vdc", "y\\r").code(0);
    assert_eq!(own_volumes(&sandbox).len(), files.len() - 1);
    answer(&sandbox, "delete web", "Yes\\r").code(0).stdout_has("deleted web");
    nothing_is_left(&sandbox);

    let bases = sandbox.volumes();
    for (keys, code, word) in NO {
        answer(&sandbox, "image prune", keys).code(code).stdout_has(word);
    }
    assert_eq!(sandbox.volumes(), bases);
    answer(&sandbox, "image prune", "y\\r").code(0);
    assert_eq!(sandbox.volumes(), Vec::<String>::new());
}

#[test]
fn only_yes_deletes_a_network_and_gc_asks_nothing() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    vmtools(&["network", "create", "lab", "--mode", "isolated"]).success();
    let networks = || sandbox.virsh(&["net-list", "--all", "--name"]).lines();
    let xml = || sandbox.virsh(&["net-dumpxml", "lab"]).stdout;
    let before = xml();
    for (keys, code, word) in NO {
        answer(&sandbox, "network delete lab", keys).code(code).stdout_has(word);
        assert_eq!(xml(), before);
    }
    answer(&sandbox, "network delete lab", "y\\r").code(0).stdout_has("deleted lab");
    assert!(!networks().contains(&"lab".to_owned()));

    create(&sandbox, "old", &image, &["--ttl", "1s"]).run().success();
    let gc = format!("script -qefc 'exec {} gc' terminal </dev/null", env!("CARGO_BIN_EXE_vmtools"));
    wait_for("the end of its time", MINUTE, || {
        vmtools(&["gc", "--dry-run"]).stdout.contains("old").then_some(())
    });
    let run = sandbox.command("sh", &["-c", &gc]).run().code(0).stdout_has("removed old");
    assert!(!run.stdout.contains("y/N"), "{run}");
    nothing_is_left(&sandbox);
}

#[test]
fn create_offers_the_templates() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let folder = sandbox.home().join(".config/vmtools/templates");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    sandbox.exec(&["mkdir", "-p", folder.to_str().unwrap()]);
    write(
        "aaa.toml",
        &format!("description = 'First of all'\nimage = '{}'\nmemory = '64M'\n", image.display()),
    );
    write("broken.toml", "cpus = 0");
    let create = |name: &str, keys: &str| {
        type_at(&sandbox, &format!("create {name} --network none"), "by number or name", keys)
    };
    // The broken one is not offered, and a wrong answer is asked for again.
    let run = create("web", "aab\\r1\\r").code(0).stdout_has("1  aaa").stdout_has("First of all");
    let run = run.stdout_has("did you mean aaa?").stdout_has("web is shutoff; start it with");
    assert!(!run.stdout.contains("broken"), "{run}");
    create("db", "aaa\\r").code(0);
    for name in ["web", "db"] {
        let status = sandbox.vmtools(&["status", name, "--json"]).run().success();
        assert_eq!(status.json()["template"], "aaa", "{status}");
    }
    // What never ran has written nothing, which is said.
    sandbox.vmtools(&["logs", "web"]).run().success().stderr_has("the serial log of web is empty");
    // The end of the input creates nothing.
    create("none", "\\004").code(1).stdout_has("nothing was created");
    assert_eq!(sandbox.domains(), ["db", "web"]);

    // Nobody is asked where something to boot from is named, or without a terminal.
    let config = sandbox.home().join(".config/vmtools/config.toml");
    std::fs::write(&config, "[defaults]\ntemplate = 'aaa'").unwrap();
    type_at(&sandbox, "create usual --network none", "shutoff", "").code(0);
    std::fs::remove_file(&config).unwrap();
    let run = sandbox.vmtools(&["create", "none"]).run().code(2);
    run.stderr_has("`vmtools create none --template ubuntu`").stderr_has("`vmtools template list`");
}
