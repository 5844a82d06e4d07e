//! VMs that are made, started, renamed, replaced and deleted at once.

use super::{Race, has, not_both, ok, racing};
use crate::public_cases::tiny_image;
use crate::support::{Run, Sandbox, sandbox_or_skip};

#[test]
fn start_beside_delete() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, start: &Run, delete: &Run| {
        let p = has(sandbox, "p");
        match (ok(start), ok(delete)) {
            (true, true) => not_both(),
            (false, false) => Some("neither is done".to_owned()),
            (_, deleted) if p == deleted => Some(format!("p: {p}")),
            _ => None,
        }
    };
    let forced = |sandbox: &Sandbox, _: &Run, delete: &Run| {
        let p = has(sandbox, "p");
        (!ok(delete) || p).then(|| format!("p: {p}"))
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let (start, delete) = (["start", "p"], ["delete", "--yes", "p"]);
    Race { sandbox: &sandbox, prepare: &prepare, one: &start, other: &delete, expires: false, rule: &rule }
        .run();
    let delete = ["delete", "--force", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &start, other: &delete, expires: false, rule: &forced }
        .run();
}

#[test]
fn rename_beside_delete() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, rename: &Run, delete: &Run| {
        let there = sandbox.domains();
        match (ok(rename), ok(delete)) {
            // The VM that was meant is gone, whatever its name is.
            (_, true) => (!there.is_empty()).then(|| format!("there: {there:?}")),
            (true, false) => (there != ["w"]).then(|| format!("there: {there:?}")),
            (false, false) => Some("neither is done".to_owned()),
        }
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let (one, other) = (["rename", "p", "w"], ["delete", "--yes", "p"]);
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn rename_beside_a_create_of_the_name() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, rename: &Run, create: &Run| match (ok(rename), ok(create)) {
        (true, true) => not_both(),
        (renamed, _) if has(sandbox, "p") == renamed => Some("rename tells another tale".to_owned()),
        _ => (!has(sandbox, "w")).then(|| "there is no w".to_owned()),
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let other = ["create", "w", "--image", &image, "-m", "64", "-c", "1"];
    Race {
        sandbox: &sandbox,
        prepare: &prepare,
        one: &["rename", "p", "w"],
        other: &other,
        expires: false,
        rule: &rule,
    }
    .run();
}

#[test]
fn gc_beside_create() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, gc: &Run, create: &Run| {
        (!ok(gc) || !ok(create) || !has(sandbox, "p")).then(|| "it is not done".to_owned())
    };
    let other = ["create", "p", "--image", &image, "-m", "64", "-c", "1"];
    Race { sandbox: &sandbox, prepare: &[], one: &["gc"], other: &other, expires: false, rule: &rule }.run();
    // With the upload of its base.
    let prepare: [&[&str]; 1] = [&["image", "prune", "--yes"]];
    Race { sandbox: &sandbox, prepare: &prepare, one: &["gc"], other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn gc_of_an_expired_vm_beside_what_keeps_it() {
    racing!(sandbox, image);
    let create = ["create", "p", "--image", &image, "-m", "64", "-c", "1", "--ttl", "1s"];
    let prepare: [&[&str]; 1] = [&create];
    for keep in [&["set", "p", "--ttl", "none"][..], &["protect", "p"], &["clone", "--linked", "p", "k"]] {
        let rule = |sandbox: &Sandbox, _: &Run, kept: &Run| {
            let p = has(sandbox, "p");
            (ok(kept) && !p).then(|| format!("`{}` is done, and it is gone", keep[0]))
        };
        // The clone has its source's end of time.
        let one = ["gc"];
        Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: keep, expires: true, rule: &rule }
            .run();
    }
}

#[test]
fn two_creates_and_two_replacements() {
    racing!(sandbox, image);
    let there = |sandbox: &Sandbox, _: &Run, _: &Run| {
        (sandbox.domains() != ["p"]).then(|| format!("there: {:?}", sandbox.domains()))
    };
    let create = ["create", "p", "--image", &image, "-m", "64", "-c", "1"];
    let once = |sandbox: &Sandbox, one: &Run, other: &Run| match (ok(one), ok(other)) {
        (true, true) => not_both(),
        _ => there(sandbox, one, other),
    };
    Race { sandbox: &sandbox, prepare: &[], one: &create, other: &create, expires: false, rule: &once }.run();
    let replace = ["create", "p", "--image", &image, "-m", "64", "-c", "1", "--replace", "--yes"];
    let prepare: [&[&str]; 1] = [&create];
    // The second one waits, and then replaces what the first one has made.
    let in_turn = |sandbox: &Sandbox, one: &Run, other: &Run| match (ok(one), ok(other)) {
        (true, true) => there(sandbox, one, other),
        _ => Some("one did not replace it".to_owned()),
    };
    Race {
        sandbox: &sandbox,
        prepare: &prepare,
        one: &replace,
        other: &replace,
        expires: false,
        rule: &in_turn,
    }
    .run();
}

#[test]
fn protect_beside_delete() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, protect: &Run, delete: &Run| match (ok(protect), ok(delete)) {
        (true, true) => not_both(),
        (_, deleted) => (has(sandbox, "p") == deleted).then(|| "delete tells another tale".to_owned()),
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let (one, other) = (["protect", "p"], ["delete", "--yes", "p"]);
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn two_renames() {
    racing!(sandbox, image);
    let codes = |one: &Run, other: &Run| [one.status.code(), other.status.code()];
    // One VM: the second does not find it by its old name any more.
    let of_one = |sandbox: &Sandbox, one: &Run, other: &Run, names: [&str; 2]| {
        let expected = match codes(one, other) {
            [Some(0), Some(3)] => names[0],
            [Some(3), Some(0)] => names[1],
            [Some(0), Some(0)] => return not_both(),
            codes => return Some(format!("{codes:?}")),
        };
        (sandbox.domains() != [expected]).then(|| format!("there: {:?}", sandbox.domains()))
    };
    let vm = |name: &'static str| ["create", name, "--image", &image, "-m", "64", "-c", "1"];
    let (p, q) = (vm("p"), vm("q"));
    let prepare: [&[&str]; 1] = [&p];
    let (to_v, to_w) = (["rename", "p", "v"], ["rename", "p", "w"]);
    for (other, names) in [(&to_v, ["v", "v"]), (&to_w, ["v", "w"])] {
        let rule = |sandbox: &Sandbox, one: &Run, other: &Run| of_one(sandbox, one, other, names);
        Race { sandbox: &sandbox, prepare: &prepare, one: &to_v, other, expires: false, rule: &rule }.run();
    }
    // Two VMs and one new name.
    let rule = |sandbox: &Sandbox, one: &Run, other: &Run| {
        let expected = match codes(one, other) {
            [Some(0), Some(4)] => ["q", "w"],
            [Some(4), Some(0)] => ["p", "w"],
            [Some(0), Some(0)] => return not_both(),
            codes => return Some(format!("{codes:?}")),
        };
        let mut there = sandbox.domains();
        there.sort();
        (there != expected).then(|| format!("there: {there:?}"))
    };
    let prepare: [&[&str]; 2] = [&p, &q];
    let other = ["rename", "q", "w"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &to_w, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn a_change_beside_a_rename_is_of_the_vm_that_was_named() {
    racing!(sandbox, image);
    // The name may have come to mean another VM, so what is late finds none.
    let rule = |_: &Sandbox, rename: &Run, change: &Run| match (ok(rename), change.status.code()) {
        (true, Some(0 | 3)) => None,
        (_, code) => Some(format!("rename and {code:?}")),
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let (one, other) = (["rename", "p", "w"], ["set", "p", "-m", "96"]);
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}
