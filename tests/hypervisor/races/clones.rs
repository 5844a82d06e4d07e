//! Clones beside what changes or removes their source.

use super::{Race, has, not_both, ok, racing};
use crate::public_cases::tiny_image;
use crate::support::{Run, Sandbox, sandbox_or_skip};

#[test]
fn delete_beside_a_linked_clone() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, delete: &Run, clone: &Run| {
        let (p, k) = (has(sandbox, "p"), has(sandbox, "k"));
        match (ok(delete), ok(clone)) {
            (true, true) => not_both(),
            (deleted, cloned) if p == deleted || k != cloned => Some(format!("p: {p}, k: {k}")),
            _ => None,
        }
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let one = ["delete", "--yes", "p"];
    let other = ["clone", "--linked", "p", "k"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn delete_beside_a_full_clone() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, delete: &Run, clone: &Run| {
        let (p, k) = (has(sandbox, "p"), has(sandbox, "k"));
        (p == ok(delete) || k != ok(clone)).then(|| format!("p: {p}, k: {k}"))
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let other = ["clone", "p", "k"];
    let one = ["delete", "--yes", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn start_beside_a_linked_clone() {
    racing!(sandbox, image);
    let rule = |_: &Sandbox, start: &Run, clone: &Run| {
        if ok(start) && ok(clone) { not_both() } else { None }
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let other = ["clone", "--linked", "p", "k"];
    Race {
        sandbox: &sandbox,
        prepare: &prepare,
        one: &["start", "p"],
        other: &other,
        expires: false,
        rule: &rule,
    }
    .run();
}

#[test]
fn delete_beside_clones_by_count() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, delete: &Run, clone: &Run| {
        let clones = ["k-1", "k-2", "k-3"].iter().filter(|name| has(sandbox, name)).count();
        match (ok(delete), clone.status.code()) {
            (true, Some(0)) => not_both(),
            (deleted, _) if has(sandbox, "p") == deleted => Some("delete tells another tale of p".to_owned()),
            (_, Some(0)) if clones != 3 => Some(format!("{clones} of 3 clones")),
            (_, Some(10)) if clones == 0 || clones == 3 => Some(format!("partial, and {clones} of 3 clones")),
            (_, Some(3 | 4 | 5 | 11)) if clones != 0 => Some(format!("failed, and {clones} of 3 clones")),
            _ => None,
        }
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let other = ["clone", "--linked", "--count", "3", "p", "k"];
    let one = ["delete", "--yes", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &rule }
        .run();
}

#[test]
fn clones_by_count_of_the_same_names() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, one: &Run, other: &Run| {
        let clones = ["k-1", "k-2"].iter().filter(|name| has(sandbox, name)).count();
        match (ok(one), ok(other)) {
            (true, true) => not_both(),
            (true, _) | (_, true) if clones != 2 => Some(format!("{clones} of 2 clones")),
            _ => None,
        }
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let one = ["clone", "--linked", "--count", "2", "p", "k"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &one, expires: false, rule: &rule }.run();
}

#[test]
fn gc_beside_clones() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, gc: &Run, clone: &Run| {
        (!ok(gc) || !ok(clone) || !has(sandbox, "k")).then(|| "it is not done".to_owned())
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    for other in [&["clone", "p", "k"][..], &["clone", "--linked", "p", "k"]] {
        Race { sandbox: &sandbox, prepare: &prepare, one: &["gc"], other, expires: false, rule: &rule }.run();
    }
}
