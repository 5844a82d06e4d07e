//! Disks beside each other and beside what happens to their VM.

use super::{Race, has, ok, racing};
use crate::public_cases::tiny_image;
use crate::support::{Run, Sandbox, sandbox_or_skip};

#[test]
fn disk_add_beside_delete() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, add: &Run, delete: &Run| {
        let p = has(sandbox, "p");
        (ok(delete) == p || (!ok(add) && !ok(delete))).then(|| format!("p: {p}"))
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let one = ["disk", "add", "p", "16M"];
    let other = ["delete", "--yes", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn two_disks_are_added() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, one: &Run, other: &Run| {
        let disks = sandbox.virsh(&["domblklist", "p"]).lines();
        let added = disks.iter().filter(|line| line.starts_with("vd") && line.contains("/p-")).count();
        // The system's disk and the seed.
        let expected = 2 + usize::from(ok(one)) + usize::from(ok(other));
        (!ok(one) || !ok(other) || added != expected).then(|| format!("{disks:?}"))
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let add = ["disk", "add", "p", "16M"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &add, other: &add, expires: false, rule: &rule }.run();
}

#[test]
fn disk_remove_beside_a_linked_clone() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, _: &Run, clone: &Run| {
        (ok(clone) != has(sandbox, "k")).then(|| "clone tells another tale".to_owned())
    };
    let prepare: [&[&str]; 2] =
        [&["create", "p", "--image", &image, "-m", "64", "-c", "1"], &["disk", "add", "p", "16M"]];
    let one = ["disk", "remove", "p", "vdc", "--yes"];
    let other = ["clone", "--linked", "p", "k"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn disk_resize_beside_a_linked_clone() {
    racing!(sandbox, image);
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let one = ["set", "p", "-d", "30G"];
    let other = ["clone", "--linked", "p", "k"];
    Race {
        sandbox: &sandbox,
        prepare: &prepare,
        one: &one,
        other: &other,
        expires: false,
        rule: &|_, _, _| None,
    }
    .run();
}
