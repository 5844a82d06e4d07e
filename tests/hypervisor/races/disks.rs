//! Disks beside each other and beside what happens to their VM.

use super::{Race, has, ok, racing};
use crate::MINUTE;
use crate::public_cases::{brief, output, tiny_image};
use crate::support::{Held, Hold, Run, Sandbox, is_thorough, sandbox_or_skip};

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

/// Between a removal's plan and its act another command removes the disk, and a third adds one, which gets its name.
#[test]
fn a_removed_disks_name_passes_on() {
    racing!(sandbox, image);
    let run = |args: &[&str]| sandbox.vmtools(args).run();
    let remove = ["disk", "remove", "p", "vdc", "--yes", "--json"];
    let (mut known, mut at) = (1, 1);
    while at <= known {
        output(&run(&["create", "p", "--image", &image, "-m", "64", "-c", "1"]));
        output(&run(&["disk", "add", "p", "16M"]));
        let mut one = Held::start(&sandbox, "one", &remove, Hold::AtCommand(at));
        one.await_hold();
        let mut other = Held::start(&sandbox, "other", &remove, Hold::Never);
        other.await_end_or_claim();
        let mut third = Held::start(&sandbox, "third", &["disk", "add", "p", "16M", "--json"], Hold::Never);
        third.await_end_or_claim();
        one.go_on();
        let third = third.finish(MINUTE).run;
        let (one, other) = (one.finish(MINUTE), other.finish(MINUTE).run);
        known = known.max(one.commands);
        let added = third.success().json();
        let disks = sandbox.virsh(&["domblklist", "p"]).stdout;
        let told = format!("held at {at}: {}\n{}\n{disks}", brief(&one.run), brief(&other));
        // Of the two that remove, the second finds nothing to do, or another disk, unless it looked after that was added.
        let removers = [&one.run, &other];
        assert!(removers.iter().all(|run| matches!(run.status.code(), Some(0 | 3))), "{told}");
        let is_told = removers.iter().any(|run| ok(run) && run.json()["path"] == added["path"]);
        assert_eq!(disks.contains(added["path"].as_str().unwrap()), !is_told, "{added}\n{told}");
        output(&run(&["delete", "p", "--yes"]));
        at += if is_thorough() { 1 } else { known.div_ceil(5).max(1) };
    }
    assert_eq!(output(&run(&["gc", "--dry-run", "--json", "-q"])).trim(), "[]");
}
