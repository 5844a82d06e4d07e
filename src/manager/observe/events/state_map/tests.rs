use VmState::{Paused, Running, Shutoff, ShuttingDown};

use super::*;
use crate::model::Uuid;

fn id(number: u128, name: &str) -> DomainId {
    DomainId { uuid: Uuid::from_u128(number), name: name.into() }
}

fn map(vms: &[(u128, &str, VmState)]) -> StateMap {
    StateMap::of(vms.iter().map(|(number, name, state)| (id(*number, name), *state)).collect())
}

/// The state after each event, of libvirt's words.
fn after(map: &mut StateMap, name: &str, details: &[&str]) -> Vec<Option<VmState>> {
    let state = |detail: &&str| {
        let event = Kind::of("lifecycle", detail).unwrap_or(Kind::Other);
        map.apply(name, event, detail).1
    };
    details.iter().map(state).collect()
}

#[test]
fn a_vms_life() {
    let mut map = map(&[(1, "web", Shutoff)]);
    // In the order in which libvirt 11.3.0 told them.
    let details = [
        "Resumed Unpaused",
        "Started Booted",
        "Suspended Paused",
        "Resumed Unpaused",
        "Shutdown Finished after host request",
        "Stopped Destroyed",
        "Undefined Removed",
    ];
    let states = [Running, Running, Paused, Running, ShuttingDown, Shutoff].map(Some);
    assert_eq!(after(&mut map, "web", &details), [&states[..], &[None]].concat());
    assert!(!map.knows("web"));
}

#[test]
fn one_that_is_undefined_while_it_runs_is_gone_when_it_is_off() {
    let mut map = map(&[(1, "web", Running)]);
    assert_eq!(after(&mut map, "web", &["Undefined Removed"]), [Some(Running)]);
    assert!(map.knows("web"));
    assert_eq!(after(&mut map, "web", &["Stopped Destroyed"]), [Some(Shutoff)]);
    assert!(!map.knows("web"));
}

#[test]
fn one_that_is_defined_again_stays() {
    let mut map = map(&[(1, "web", Running)]);
    after(&mut map, "web", &["Undefined Removed", "Defined Added", "Stopped Failed"]);
    assert!(map.knows("web"));
    assert_eq!(map.all(), [(id(1, "web"), Some(Shutoff))]);
}

#[test]
fn what_changes_no_state_keeps_it() {
    let mut map = map(&[(1, "web", Paused)]);
    for (event, detail) in [(Kind::Defined, "Defined Updated"), (Kind::TrayChange, "x: opened")] {
        assert_eq!(map.apply("web", event, detail), (Some(Uuid::from_u128(1)), Some(Paused)));
    }
}

#[test]
fn a_name_is_asked_for_when_it_may_be_another_vms() {
    let mut map = map(&[(1, "web", Shutoff), (2, "db", Running)]);
    for (name, event, detail, doubtful) in [
        ("new", Kind::Defined, "Defined Added", true),
        ("new", Kind::Undefined, "Undefined Removed", false),
        ("web", Kind::Defined, "Defined Added", true),
        ("web", Kind::Defined, "Defined Updated", false),
        ("web", Kind::Started, "Started Booted", true),
        ("db", Kind::Started, "Started Booted", false),
        ("db", Kind::Stopped, "Stopped Destroyed", false),
        ("web", Kind::MetadataChange, "type title, uri <null>", false),
    ] {
        assert_eq!(map.is_doubtful(name, event, detail), doubtful, "{name} {detail}");
    }
    map.answer("web", Kind::Started, Some((Uuid::from_u128(3), None)));
    assert_eq!(map.apply("web", Kind::Started, "Started Booted"), (Some(Uuid::from_u128(3)), Some(Running)));
    map.answer("new", Kind::Defined, None);
    assert_eq!(map.apply("new", Kind::Defined, "Defined Added"), (None, Some(Shutoff)));
}

#[test]
fn what_was_missed_follows_from_two_pictures() {
    let was = map(&[
        (1, "same", Running),
        (2, "gone", Running),
        (3, "off", Running),
        (4, "held", Running),
        (5, "freed", Paused),
        (6, "old", Shutoff),
        (8, "again", Shutoff),
    ]);
    let now = map(&[
        (1, "same", Running),
        (3, "off", Shutoff),
        (4, "held", Paused),
        (5, "freed", Running),
        (6, "renamed", Shutoff),
        (7, "born", Running),
        (9, "again", Shutoff),
    ]);
    let changes = was.changes_to(&now);
    let brief: Vec<_> = changes
        .iter()
        .map(|(id, event, state)| (id.uuid.as_u128(), id.name.as_str(), *event, *state))
        .collect();
    assert_eq!(
        brief,
        [
            (8, "again", Kind::Undefined, None),
            (2, "gone", Kind::Undefined, None),
            (6, "old", Kind::Undefined, None),
            (9, "again", Kind::Defined, Some(Shutoff)),
            (7, "born", Kind::Defined, Some(Running)),
            (7, "born", Kind::Started, Some(Running)),
            (5, "freed", Kind::Resumed, Some(Running)),
            (4, "held", Kind::Suspended, Some(Paused)),
            (3, "off", Kind::Stopped, Some(Shutoff)),
            (6, "renamed", Kind::Defined, Some(Shutoff)),
        ]
    );
    assert_eq!(now.changes_to(&now), []);
}
