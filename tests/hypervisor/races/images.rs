//! Images and bases beside those who use them.

use super::{Race, has, ok, racing};
use crate::public_cases::tiny_image;
use crate::support::{Run, Sandbox, sandbox_or_skip};

#[test]
fn image_prune_beside_a_create_of_an_unused_base() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, prune: &Run, create: &Run| {
        // An unused base may go, and a create may need it: both can be done, one after the other.
        (!ok(prune) || !ok(create) || !has(sandbox, "p")).then(|| "it is not done".to_owned())
    };
    let prepare: [&[&str]; 2] =
        [&["create", "q", "--image", &image, "-m", "64", "-c", "1"], &["delete", "--yes", "q"]];
    let one = ["image", "prune", "--yes"];
    let other = ["create", "p", "--image", &image, "-m", "64", "-c", "1"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn image_rm_beside_a_create_of_the_image() {
    racing!(sandbox, image);
    // Both can be done: once its base is in the pool, the VM needs the image no more.
    let rule = |sandbox: &Sandbox, rm: &Run, create: &Run| {
        let is_told = ok(create) == has(sandbox, "p") && (ok(rm) || ok(create));
        (!is_told).then(|| "neither is done, or create tells another tale".to_owned())
    };
    let prepare: [&[&str]; 1] = [&["image", "import", &image, "own", "--replace"]];
    let one = ["image", "rm", "own", "--yes"];
    let other = ["create", "p", "--image", "own", "-m", "64", "-c", "1"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn two_removals_of_images() {
    racing!(sandbox, image);
    let rule = |_: &Sandbox, one: &Run, other: &Run| {
        (!ok(one) && !ok(other)).then(|| "neither removed it".to_owned())
    };
    let prepare: [&[&str]; 3] = [
        &["image", "import", &image, "own", "--replace"],
        &["create", "q", "--image", "own", "-m", "64", "-c", "1"],
        &["delete", "--yes", "q"],
    ];
    let rm = ["image", "rm", "own", "--yes"];
    let prune = ["image", "prune", "--own", "--yes"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &rm, other: &prune, expires: false, rule: &rule }.run();
    Race { sandbox: &sandbox, prepare: &prepare, one: &prune, other: &prune, expires: false, rule: &rule }
        .run();
}

#[test]
fn image_commit_beside_start_and_delete() {
    racing!(sandbox, image);
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let commit = ["image", "commit", "p", "ready", "--replace"];
    let rule = |sandbox: &Sandbox, commit: &Run, _: &Run| {
        let info = sandbox.vmtools(&["image", "info", "ready"]).run();
        let is_wrong = ok(commit) && !ok(&info);
        let _ = sandbox.vmtools(&["image", "rm", "ready", "--yes"]).run();
        is_wrong.then(|| "there is no image".to_owned())
    };
    for other in [&["start", "p"][..], &["delete", "--yes", "p"]] {
        Race { sandbox: &sandbox, prepare: &prepare, one: &commit, other, expires: false, rule: &rule }.run();
    }
}
