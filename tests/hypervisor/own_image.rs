//! Images of the user's own: imported, committed, needed, removed.

use std::path::{Path, PathBuf};

use super::support::{HeldCalls, Passing, Sandbox, is_thorough, sandbox_or_skip, wait_for};
use super::{MINUTE, create, own_volumes};

/// The busybox guest's disk as a raw file.
fn raw_guest(sandbox: &Sandbox, image: &Path) -> PathBuf {
    let raw = sandbox.tmp().join("guest.raw");
    let (from, to) = (image.to_str().unwrap(), raw.to_str().unwrap());
    sandbox.exec(&["qemu-img", "convert", "-f", "qcow2", "-O", "raw", from, to]);
    raw
}

/// A file of nobody's that stands on an image's base; libvirt has not looked since.
fn overlay_of_the_base_of(image: &str, sandbox: &Sandbox) -> PathBuf {
    let info = sandbox.vmtools(&["image", "info", image, "--json"]).run().success().json();
    let digest = info["digest"].as_str().unwrap().rsplit(':').next().unwrap();
    let base = sandbox.volumes().into_iter().find(|path| {
        path.contains("/vmtools-base-") && path.contains(&digest[..12]) && !path.ends_with(".json")
    });
    let base = base.expect("the base of the image");
    let overlay = Path::new(&base).with_file_name("foreign.qcow2");
    let to = overlay.to_str().unwrap();
    sandbox.exec(&["qemu-img", "create", "-q", "-f", "qcow2", "-b", &base, "-F", "qcow2", to]);
    overlay
}

fn spare(sandbox: &Sandbox) -> String {
    let spare = sandbox.tmp().join("spare.raw");
    std::fs::write(&spare, vec![7; 1 << 20]).unwrap();
    spare.to_str().unwrap().to_owned()
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let listed = sandbox.vmtools(&["image", "list", "--json"]).run().success().json();
    listed.as_array().unwrap().iter().map(|image| image["name"].as_str().unwrap().to_owned()).collect()
}

fn used_by(sandbox: &Sandbox, name: &str) -> serde_json::Value {
    sandbox.vmtools(&["image", "info", name, "--json"]).run().success().json()["used_by"].clone()
}

#[test]
fn a_systems_images_from_import_to_prune() {
    life(&sandbox_or_skip!(Sandbox::system()));
}

#[test]
fn a_sessions_images_from_import_to_prune() {
    // As the system's, but for who owns what; a session's life is tested in lifecycle.rs.
    if !is_thorough() {
        return;
    }
    life(&sandbox_or_skip!(Sandbox::session()));
}

fn life(sandbox: &Sandbox) {
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    let raw = raw_guest(sandbox, &image);
    vmtools(&["image", "import", raw.to_str().unwrap(), "tiny"]).success();
    create(sandbox, "web", Path::new("tiny"), &["--start", "--wait"]).run().success();
    vmtools(&["ssh", "web", "--", "echo kept >/data/file && sync"]).success();
    assert_eq!(used_by(sandbox, "tiny"), serde_json::json!(["web"]));

    let running = vmtools(&["image", "commit", "web", "ready", "--json"]).code(5);
    assert_eq!(running.json_error()["vm"], "web", "{running}");
    vmtools(&["stop", "web"]).success();
    let before = own_volumes(sandbox);
    let committed = vmtools(&["image", "commit", "web", "ready", "--json"]).success();
    assert_eq!(
        (&committed.json()["committed"], &committed.json()["format"]),
        (&true.into(), &"qcow2".into())
    );
    assert_eq!(own_volumes(sandbox), before);
    vmtools(&["image", "commit", "web", "ready"]).code(4).stderr_has("--replace");
    create(sandbox, "web2", Path::new("ready"), &["--start", "--wait"]).run().success();
    assert_eq!(vmtools(&["ssh", "web2", "--", "cat /data/file; hostname"]).success().stdout, "kept\nweb2\n");

    for (name, vm) in [("tiny", "web"), ("ready", "web2")] {
        vmtools(&["image", "rm", name]).code(11).stderr_has(&format!("needed by the VM {vm}"));
    }
    // A base alone, a cached one, and one of the user's own, none of them needed.
    let spare = spare(sandbox);
    vmtools(&["image", "import", &spare, "spare"]).success();
    create(sandbox, "other", &image, &[]).run().success();
    vmtools(&["delete", "--yes", "other"]).success();
    let foreign = overlay_of_the_base_of("busybox.qcow2", sandbox);
    vmtools(&["image", "rm", "busybox.qcow2"]).code(11).stderr_has("foreign.qcow2");
    let shown = vmtools(&["image", "prune", "--dry-run"]).success();
    assert!(!shown.stdout.contains("busybox"), "{shown}");
    sandbox.exec(&["rm", foreign.to_str().unwrap()]);
    let shown = vmtools(&["image", "prune", "--dry-run"]).success().stdout_has("busybox.qcow2");
    assert!(!shown.stdout.contains("tiny") && !shown.stdout.contains("spare"), "{shown}");
    vmtools(&["image", "prune", "--yes", "--older-than", "1h"]).success();
    assert_eq!(names(sandbox), ["ready", "spare", "tiny", "busybox.qcow2"]);
    vmtools(&["image", "prune", "--yes"]).success().stdout_has("busybox.qcow2");
    assert_eq!(names(sandbox), ["ready", "spare", "tiny"]);
    vmtools(&["image", "prune", "--yes", "--own"]).success().stdout_has("spare");
    assert_eq!(names(sandbox), ["ready", "tiny"]);

    vmtools(&["delete", "--yes", "web"]).success();
    vmtools(&["image", "rm", "tiny"]).success();
    assert_eq!(names(sandbox), ["ready"]);
    let bases = sandbox.volumes().into_iter().filter(|path| path.contains("/vmtools-base-"));
    assert_eq!(bases.count(), 2, "a base and its marker");
    vmtools(&["stop", "web2"]).success();
    vmtools(&["start", "web2", "--wait=ssh"]).success();
    vmtools(&["ssh", "web2", "--", "grep kept /data/file"]).success();
}

#[test]
fn a_commit_that_is_ended_leaves_no_copy() {
    /// The copy is downloaded, and not only looked at.
    const FETCH: &str = "vol-download*vmtools-commit-";
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    create(&sandbox, "web", &image, &[]).run().success();
    let before = own_volumes(&sandbox);
    for step in ["vol-create-from", FETCH] {
        let calls = HeldCalls::hold(&sandbox, step, Passing::Passed);
        let mut running = sandbox.vmtools(&["image", "commit", "web", "ready", "--json"]).spawn();
        calls.await_call(&mut running);
        running.signal("INT");
        running.await_signals_seen();
        calls.go_on();
        let run = running.wait(MINUTE * 2).code(130);
        assert_eq!(run.json_error()["code"], "interrupted", "{run}");
        assert_eq!(own_volumes(&sandbox), before, "{step}");
        assert_eq!(names(&sandbox), ["busybox.qcow2"]);
    }
    let calls = HeldCalls::hold(&sandbox, FETCH, Passing::Passed);
    let mut running = sandbox.vmtools(&["image", "commit", "web", "ready"]).spawn();
    calls.await_call(&mut running);
    running.signal("KILL");
    running.wait(MINUTE);
    drop(calls);
    let copy = own_volumes(&sandbox).into_iter().find(|path| path.contains("/vmtools-commit-")).unwrap();
    // Younger, it could be of a commit that goes on: it is named, and stays.
    for args in [&["gc", "--dry-run", "--json"][..], &["gc", "--json"]] {
        let named = sandbox.vmtools(args).run().success();
        let items = named.json().as_array().unwrap().clone();
        let item = items.iter().find(|item| item["reason"] == "broken_commit");
        assert!(item.is_some_and(|item| item["removable_at"].is_string()), "{named}");
        assert!(own_volumes(&sandbox).contains(&copy));
    }
    sandbox.vmtools(&["gc"]).run().success().stdout_has("cannot be removed yet: vmtools-commit-");
    sandbox.as_root("touch", &["-d", "2 minutes ago", &copy]).run().success();
    wait_for("gc to find the copy", MINUTE, || {
        sandbox.vmtools(&["gc"]).run().success();
        (own_volumes(&sandbox) == before).then_some(())
    });
    let here = sandbox.home().join(".local/share/vmtools/images");
    assert_eq!(sandbox.files_under(here), Vec::<String>::new());
    sandbox.vmtools(&["image", "commit", "web", "ready"]).run().success();
    assert_eq!(names(&sandbox), ["ready", "busybox.qcow2"]);
}

#[test]
fn an_image_that_is_there_twice_is_removed_once() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    let file = spare(&sandbox);
    for name in ["one", "two", "three"] {
        vmtools(&["image", "import", &file, name]).success();
    }
    let bases = || sandbox.volumes().into_iter().filter(|path| path.contains("/vmtools-base-")).count();
    let create = ["create", "web", "--image", "one", "-m", "64", "-c", "1"];
    vmtools(&create).success();
    assert_eq!(bases(), 2, "a base and its marker");
    // Nothing stands on the image itself, and the base is the others', too.
    let removed = vmtools(&["image", "rm", "two", "--json"]).success();
    assert_eq!(removed.json()["files"].as_array().map(Vec::len), Some(1), "{removed}");
    vmtools(&["image", "rm", "one"]).success();
    assert_eq!((names(&sandbox), bases()), (vec!["three".to_owned()], 2));
    vmtools(&["image", "rm", "three"]).code(11).stderr_has("the VM web");
    vmtools(&["delete", "--yes", "web"]).success();

    // What prune says that it would do is what it does, each file once.
    vmtools(&["image", "import", &file, "one"]).success();
    let planned = vmtools(&["image", "prune", "--own", "--dry-run", "--json"]).success().json();
    let files = |images: &serde_json::Value| {
        let images = images.as_array().unwrap().iter();
        let files = images.flat_map(|image| image["files"].as_array().unwrap().clone());
        files.map(|file| file.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(files(&planned).len(), 3, "{planned}");
    let would = vmtools(&["image", "prune", "--own", "--dry-run"]).success();
    vmtools(&["image", "prune", "--own"]).code(2).stderr_has("--yes");
    let did = vmtools(&["image", "prune", "--own", "--yes"]).success();
    let words = |text: &str| {
        let lines = text.lines().map(|line| line.split(" (").next().unwrap().to_owned());
        lines.map(|line| line.replace("would remove ", "removed ")).collect::<Vec<_>>()
    };
    assert_eq!(words(&would.stdout), words(&did.stdout), "{would}{did}");
    assert_eq!((names(&sandbox), bases()), (Vec::new(), 0));
    // Without anything to remove there is nothing to ask.
    vmtools(&["image", "prune"]).success().stderr_has("nothing to remove");

    // What a command that was killed was writing is named and removed, with the files of its locks.
    let folder = sandbox.home().join(".local/share/vmtools/images");
    for file in [".vmtools-x1", "gone.lock", "gone.img", "gone.partial"] {
        std::fs::write(folder.join(file), "").unwrap();
    }
    let named = vmtools(&["gc", "--dry-run", "--json"]).success().json();
    assert_eq!(files(&named).len(), 3, "{named}");
    vmtools(&["gc"]).success().stdout_has("removed .vmtools-x1").stdout_has("removed gone (");
    assert_eq!(sandbox.files_under(folder), Vec::<String>::new());
}
