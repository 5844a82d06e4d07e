//! Images by URL.

use std::path::Path;

use super::support::{Fault, Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create, nothing_is_left, unbootable_image};

#[test]
fn an_image_that_was_cut_off_is_refused() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let mut bytes = std::fs::read(&image).unwrap();
    bytes.truncate(bytes.len() / 2);
    let cut = image.with_file_name("cut.qcow2");
    std::fs::write(&cut, bytes).unwrap();
    create(&sandbox, "web", &cut, &[]).run().code(11).stderr_has("truncated");
    nothing_is_left(&sandbox);
}

#[test]
fn a_url_with_its_digest_is_believed_and_with_another_is_not() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let server = sandbox.serve(image.parent().unwrap());
    let url = server.url("busybox.qcow2");
    let wrong = format!("{url}#sha256:{}", "0".repeat(64));
    let failed = create(&sandbox, "web", Path::new(&wrong), &["--json"]).run().code(11);
    assert_eq!(failed.json_error()["code"], "integrity", "{failed}");
    nothing_is_left(&sandbox);
    let right = format!("{url}#sha256:{}", sha256(&sandbox, &image));
    let asked = server.count("busybox.qcow2");
    // Twenty at once, of an image that nobody has: one download, one base.
    let creates: Vec<_> = (0..20)
        .map(|number| create(&sandbox, &format!("web{number}"), Path::new(&right), &[]).spawn())
        .collect();
    for running in creates {
        running.wait(MINUTE * 2).success();
    }
    assert_eq!(server.count("busybox.qcow2"), asked + 1, "{:?}", server.requests());
    let bases = sandbox.volumes().into_iter().filter(|path| path.contains("vmtools-base-"));
    assert_eq!(bases.count(), 2, "a base and its marker");
    // One more comes out of the cache.
    create(&sandbox, "later", Path::new(&right), &[]).run().success();
    assert_eq!(server.count("busybox.qcow2"), asked + 1, "{:?}", server.requests());
    let none = server.url("none.qcow2");
    create(&sandbox, "none", Path::new(&right.replace("busybox", "none")), &[]).run().code(3);
    // Without a digest it is not even asked for.
    let refused = create(&sandbox, "none", Path::new(&none), &[]).run().code(2);
    refused.stderr_has("#sha256:HEX");
    assert_eq!(server.count("none.qcow2"), 1, "{:?}", server.requests());
    sandbox.vmtools(&["delete", "--yes", "--all"]).run().success();
    nothing_is_left(&sandbox);
}

#[test]
fn a_full_disk_is_noticed_before_and_midway_and_leaves_nothing() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let (www, cache) = (sandbox.tmp().join("www"), sandbox.tmp().join("small"));
    std::fs::create_dir_all(&www).unwrap();
    let block: Vec<u8> = (0..1u32 << 16).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let large = block.repeat(64);
    std::fs::write(www.join("large.img"), &large).unwrap();
    std::fs::write(www.join("large.img.zst"), zstd::encode_all(large.as_slice(), 9).unwrap()).unwrap();
    let server = sandbox.serve(&www);
    sandbox.tmpfs_at(&cache, "8m");
    for name in ["large.img", "large.img.zst"] {
        let digest = format!("sha256:{}", sha256(&sandbox, &www.join(name)));
        let pull = ["image", "pull", &server.url(name), "--checksum", &digest, "--json"];
        let full = sandbox.vmtools(&pull).env("XDG_CACHE_HOME", &cache).run().code(1);
        assert!(full.json_error()["message"].as_str().unwrap().contains("no space left"), "{full}");
        assert_eq!(server.count(name), 1);
        assert_eq!(files_in(&sandbox, &cache), Vec::<String>::new());
    }
    // A raw file goes through qemu-img, a qcow2 is copied.
    let (raw, qcow2) = (www.join("large.img"), www.join("large.qcow2"));
    let [raw, qcow2] = [&raw, &qcow2].map(|path| path.to_str().unwrap());
    sandbox.exec(&["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2]);
    for import in
        [&["image", "import", qcow2, "big", "--json"][..], &["image", "import", raw, "big", "--json"]]
    {
        let full = sandbox.vmtools(import).env("XDG_DATA_HOME", &cache).run().code(1);
        assert!(full.json_error()["message"].as_str().unwrap().contains("no space left"), "{full}");
        assert_eq!(files_in(&sandbox, &cache), Vec::<String>::new());
    }
}

fn files_in(sandbox: &Sandbox, folder: &Path) -> Vec<String> {
    sandbox.exec(&["find", folder.to_str().unwrap(), "-type", "f", "!", "-name", "*.lock"]).lines()
}

#[test]
fn gc_removes_a_download_that_nobody_is_at() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let mut server = sandbox.serve(image.parent().unwrap());
    let digest = format!("sha256:{}", sha256(&sandbox, &image));
    let pull = ["image", "pull", &server.url("busybox.qcow2"), "--checksum", &digest];
    server.fault("busybox.qcow2", Some(Fault::Stall(65_536)));
    let found = || sandbox.vmtools(&["gc", "--dry-run", "--json"]).run().success().json();
    let mut running = sandbox.vmtools(&pull).spawn();
    wait_for("the request", MINUTE, || (server.count("busybox.qcow2") == 1).then_some(()));
    wait_for("the first bytes", MINUTE, || partial(&sandbox).is_some().then_some(()));
    assert_eq!(found(), serde_json::json!([]), "it is under way");
    running.signal("KILL");
    running.wait(MINUTE);
    let garbage = found();
    assert_eq!(garbage[0]["reason"], "broken_download", "{garbage}");
    assert_eq!(garbage[0]["files"].as_array().map(Vec::len), Some(2), "{garbage}");
    sandbox.vmtools(&["gc"]).run().success();
    assert_eq!(partial(&sandbox), None);
    assert_eq!(found(), serde_json::json!([]));
    server.fault("busybox.qcow2", None);
    sandbox.vmtools(&pull).run().success();
    let pulled = sandbox.vmtools(&[&pull[..], &["--json"]].concat()).run().success().json();
    assert_eq!(pulled["used_by"], serde_json::json!([]));
    let url = format!("{}#{digest}", server.url("busybox.qcow2"));
    create(&sandbox, "web", Path::new(&url), &[]).run().success();
    let pulled = sandbox.vmtools(&[&pull[..], &["--json"]].concat()).run().success().json();
    assert_eq!(pulled["used_by"], serde_json::json!(["web"]));
}

/// The file of a download that has begun, in the sandbox's own home.
fn partial(sandbox: &Sandbox) -> Option<String> {
    let found = sandbox.command(
        "sh",
        &["-c", "find \"${XDG_CACHE_HOME:-$HOME/.cache}/vmtools\" -name '*.partial' -size +0"],
    );
    found.run().lines().pop()
}

fn sha256(sandbox: &Sandbox, file: &Path) -> String {
    let told = sandbox.command("sha256sum", &[file]).run().success();
    told.stdout.split(' ').next().unwrap().to_owned()
}

#[test]
fn the_disk_of_a_running_vm_is_no_image() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    create(&sandbox, "web", &image, &["--start"]).run().success();
    let status = sandbox.vmtools(&["status", "web", "--json"]).run().success().json();
    let disk = status["disks"][0]["path"].as_str().unwrap().to_owned();
    let import = || sandbox.vmtools(&["image", "import", &disk, "torn"]).run();
    import().code(5).stderr_has("open for writing");
    create(&sandbox, "two", Path::new(&disk), &[]).run().code(5).stderr_has("open for writing");
    sandbox.vmtools(&["stop", "--force", "web"]).run().success();
    // Nobody writes to it now, and it is still no image by itself.
    import().code(11).stderr_has("backing file");
    assert!(
        sandbox.vmtools(&["image", "list"]).run().success().lines().iter().all(|line| !line.contains("torn"))
    );
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}
