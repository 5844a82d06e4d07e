//! Networks, interfaces and reserved addresses.

use super::{Race, has, not_both, ok, racing};
use crate::public_cases::tiny_image;
use crate::support::{Run, Sandbox, sandbox_or_skip};

#[test]
fn networks_are_made_and_deleted_beside_each_other_and_an_attach() {
    racing!(sandbox, image);
    let networks = |sandbox: &Sandbox| sandbox.virsh(&["net-list", "--all", "--name"]).lines();
    let has_lab = |sandbox: &Sandbox| networks(sandbox).contains(&"lab".to_owned());
    let create = ["network", "create", "lab"];
    let delete = ["network", "delete", "lab", "--yes"];
    let made = |sandbox: &Sandbox, one: &Run, other: &Run| match (ok(one), ok(other)) {
        (true, true) => not_both(),
        (false, false) => Some("neither made it".to_owned()),
        _ => (!has_lab(sandbox)).then(|| "there is no lab".to_owned()),
    };
    Race { sandbox: &sandbox, prepare: &[], one: &create, other: &create, expires: false, rule: &made }.run();
    let gone = |sandbox: &Sandbox, one: &Run, other: &Run| match (ok(one), ok(other)) {
        (false, false) => Some("neither deleted it".to_owned()),
        _ => has_lab(sandbox).then(|| "it is still there".to_owned()),
    };
    let lab: [&[&str]; 1] = [&create];
    Race { sandbox: &sandbox, prepare: &lab, one: &delete, other: &delete, expires: false, rule: &gone }
        .run();
    // A VM that names a network which is not there cannot be started any more.
    let either = |sandbox: &Sandbox, attach: &Run, delete: &Run| match (ok(attach), ok(delete)) {
        (true, true) => not_both(),
        (false, false) => Some("neither is done".to_owned()),
        (_, deleted) => (has_lab(sandbox) == deleted).then(|| "delete tells another tale".to_owned()),
    };
    let vm: [&[&str]; 2] = [&create, &["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let attach = ["network", "attach", "lab", "p"];
    Race { sandbox: &sandbox, prepare: &vm, one: &attach, other: &delete, expires: false, rule: &either }
        .run();
    let with = ["create", "p", "--image", &image, "-m", "64", "-c", "1", "-n", "lab"];
    Race { sandbox: &sandbox, prepare: &lab, one: &with, other: &delete, expires: false, rule: &either }
        .run();
}

#[test]
fn a_network_is_attached_once() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, one: &Run, other: &Run| {
        let interfaces = sandbox.virsh(&["domiflist", "p"]).lines();
        let on_lab = interfaces.iter().filter(|line| line.split_whitespace().nth(2) == Some("lab")).count();
        (!ok(one) || !ok(other) || on_lab != 1).then(|| format!("{interfaces:?}"))
    };
    let prepare: [&[&str]; 2] =
        [&["network", "create", "lab"], &["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let attach = ["network", "attach", "lab", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &attach, other: &attach, expires: false, rule: &rule }
        .run();
}

#[test]
fn one_address_is_given_once() {
    racing!(sandbox, image);
    let once = |_: &Sandbox, one: &Run, other: &Run| match (ok(one), ok(other)) {
        (true, true) => not_both(),
        (false, false) => Some("neither got it".to_owned()),
        _ => None,
    };
    let create = |name: &'static str| ["create", name, "--image", &image, "-m", "64", "-c", "1"];
    let mac = "default,mac=52:54:00:aa:00:01";
    let [one, other] = ["p", "q"].map(|name| [&create(name)[..], &["-n", mac]].concat());
    Race { sandbox: &sandbox, prepare: &[], one: &one, other: &other, expires: false, rule: &once }.run();
    let (p, q) = (create("p"), create("q"));
    let prepare: [&[&str]; 2] = [&p, &q];
    let [one, other] = ["p", "q"].map(|name| ["network", "reserve", "default", name, "192.168.122.50"]);
    Race { sandbox: &sandbox, prepare: &prepare, one: &one, other: &other, expires: false, rule: &once }
        .run();
}

#[test]
fn an_address_is_kept_for_nobody_who_is_gone() {
    racing!(sandbox, image);
    let rule = |sandbox: &Sandbox, _: &Run, delete: &Run| {
        let kept = sandbox.virsh(&["net-dumpxml", "default"]).stdout.matches("<host ").count();
        let p = has(sandbox, "p");
        (ok(delete) == p || kept > usize::from(p)).then(|| format!("p: {p}, reservations: {kept}"))
    };
    let prepare: [&[&str]; 1] = [&["create", "p", "--image", &image, "-m", "64", "-c", "1"]];
    let reserve = ["network", "reserve", "default", "p", "192.168.122.50"];
    let delete = ["delete", "--yes", "p"];
    Race { sandbox: &sandbox, prepare: &prepare, one: &reserve, other: &delete, expires: false, rule: &rule }
        .run();
}
