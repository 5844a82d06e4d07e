//! The documents that libvirt's own tests read, and the definitions of tests/fixtures: each comes back as it was, nothing
//! in one makes vmtools panic, and each change leaves alone what it does not name.
//!
//! libvirt's are fetched, never kept among the sources, so only `./build.sh test --all` reads them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::definition::Domain;
use super::disk::{Bus, free_target};
use super::summary::DomainSummary;
use super::{cpu, edit, monitor};
use crate::libvirt::DomainCopy;
use crate::libvirt::xml::{Element, Node};

const SOURCES: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn definitions_of_the_fixtures_come_back_and_changes_keep_to_themselves() {
    let folders = ["tests/fixtures/domain", "tests/fixtures/cases"];
    let files: Vec<PathBuf> =
        folders.iter().flat_map(|folder| documents(&Path::new(SOURCES).join(folder))).collect();
    assert!(files.len() > 40, "{files:?}");
    check(&files);
}

#[test]
fn documents_of_libvirts_tests_come_back_and_changes_keep_to_themselves() {
    if std::env::var_os("VMTOOLS_TEST_ALL").is_none_or(|value| value != "1") {
        return;
    }
    let script = Path::new(SOURCES).join("tests/support/libvirt_documents.sh");
    #[expect(clippy::disallowed_methods, reason = "a script of the tests")]
    let fetched = Command::new("bash").arg(script).output().expect("bash starts");
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    let folder = String::from_utf8(fetched.stdout).expect("a path");
    let files = documents(Path::new(folder.trim()));
    // 2318 definitions of domains in 11.3.0, and a thousand of networks, pools and the like.
    assert!(files.len() > 3000, "{} documents", files.len());
    check(&files);
}

/// The files below the directory that are documents.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("is there").flatten() {
        let path = entry.path();
        match path.extension() {
            _ if path.is_dir() => found.extend(documents(&path)),
            Some(end) if end == "xml" => found.push(path),
            _ => {}
        }
    }
    found.sort();
    found
}

#[track_caller]
fn check(files: &[PathBuf]) {
    let mut faults = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).expect("is text");
        // What a tool prints that has nothing to print.
        if text.trim().is_empty() {
            continue;
        }
        let found = std::panic::catch_unwind(|| faults_of(&text)).unwrap_or_else(|_| vec!["a panic".into()]);
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", file.display())));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn faults_of(text: &str) -> Vec<String> {
    let tree = match Element::parse(text) {
        Ok(tree) => tree,
        Err(error) => return vec![error.to_string()],
    };
    let mut faults = Vec::new();
    let written = tree.to_document().expect("writes");
    let mut differences = Vec::new();
    compare(&tree, &Element::parse(&written).expect("is well-formed"), &tree.name, &mut differences);
    faults.extend(differences.into_iter().map(|place| format!("{place} does not come back")));
    if tree.name == "domain" {
        read_all(&tree);
        let whole = DomainSummary::from(&Domain::of_tree(tree.clone()));
        let summary = DomainSummary::parse(text).map(|summary| format!("{summary:?}"));
        if summary.ok() != Some(format!("{whole:?}")) {
            faults.push("its summary tells something else".to_owned());
        }
        faults.extend(CHANGES.iter().flat_map(|change| change.faults(&tree)));
    }
    faults
}

/// Whatever is read of a definition is read without a panic.
fn read_all(tree: &Element) {
    let domain = Domain::of_tree(tree.clone());
    let _ = (domain.hardware(), domain.os_variant(), domain.nvram(), domain.tpm_state(), domain.boot_disk());
    let _ = (domain.owned_volumes().count(), domain.creator().is_some(), domain.is_parent());
    let _ = free_target(&[&domain], &Bus::from(domain.hardware().disk_bus));
    let _ = DomainCopy::needs(&domain);
    let _ = domain.max_cpus_change(domain.max_cpus.saturating_add(1), domain.max_cpus.saturating_add(2));
}

type Apply = fn(&mut Element);

/// A change of a definition, and all that it may touch: the places of elements, and attributes as `PLACE@NAME`.
struct Change {
    name: &'static str,
    apply: Apply,
    touches: &'static [&'static str],
}

const CHANGES: [Change; 5] = [
    Change { name: "nothing", apply: |_| {}, touches: &[] },
    Change {
        name: "another UUID",
        apply: |domain| edit::set_text(domain, "uuid", "0b0c0d0e-1111-2222-3333-444455556666"),
        touches: &["domain/uuid"],
    },
    Change {
        name: "a monitor",
        apply: |domain| monitor::add_to(domain, "/run/a,b.qmp"),
        touches: &["domain@xmlns:qemu", "domain/commandline"],
    },
    Change {
        name: "a monitor that goes again",
        apply: |domain| {
            monitor::add_to(domain, "/run/a.qmp");
            monitor::replace_in(domain, None);
        },
        touches: &["domain@xmlns:qemu", "domain/commandline"],
    },
    Change {
        name: "twice the sockets",
        apply: |domain| {
            if let Some(topology) = cpu::topology(domain) {
                let twice = topology.sockets.saturating_mul(2);
                cpu::CpuTopology { sockets: twice, ..topology }.apply_to(domain);
            }
        },
        touches: &["domain/vcpu", "domain/vcpus", "domain/cpu/topology@sockets"],
    },
];

impl Change {
    fn faults(&self, before: &Element) -> Vec<String> {
        let mut after = before.clone();
        (self.apply)(&mut after);
        let mut touched = Vec::new();
        compare(before, &after, before.local_name(), &mut touched);
        let is_allowed = |place: &String| {
            self.touches.iter().any(|&allowed| {
                let below = place.strip_prefix(allowed);
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '@']))
            })
        };
        touched.retain(|place| !is_allowed(place));
        touched.dedup();
        touched.into_iter().map(|place| format!("{} changes {place}", self.name)).collect()
    }
}

/// The places at which two trees differ.
fn compare(one: &Element, other: &Element, place: &str, differences: &mut Vec<String>) {
    let names: BTreeSet<&String> =
        one.attributes.iter().chain(&other.attributes).map(|(name, _)| name).collect();
    for name in names {
        if one.attribute(name) != other.attribute(name) {
            differences.push(format!("{place}@{name}"));
        }
    }
    // Those between elements are the writer's own.
    let is_blank = |node: &&Node| matches!(node, Node::Text(text) if text.trim_ascii().is_empty());
    let has_elements = one.elements().next().is_some();
    let counts = |node: &&Node| !(has_elements && is_blank(node));
    let mut rest = other.children.iter().filter(counts).peekable();
    for node in one.children.iter().filter(counts) {
        match (node, rest.peek()) {
            (Node::Element(was), Some(Node::Element(is))) if was.name == is.name => {
                compare(was, is, &format!("{place}/{}", was.local_name()), differences);
                rest.next();
            }
            (_, Some(is)) if node == *is => drop(rest.next()),
            (Node::Element(was), _) => differences.push(format!("{place}/{}", was.local_name())),
            _ => differences.push(place.to_owned()),
        }
    }
    for node in rest {
        match node {
            Node::Element(is) => differences.push(format!("{place}/{}", is.local_name())),
            _ => differences.push(place.to_owned()),
        }
    }
}

#[test]
fn what_a_change_touches_beside_its_own_is_noticed() {
    let before = Element::parse("<domain a='1'><uuid>1</uuid><x y='2'/><!-- c --></domain>").expect("parses");
    let spoilt: [(Apply, &str); 4] = [
        (|domain| domain.set_attribute("a", "2"), "domain@a"),
        (|domain| edit::remove_children(domain, "x"), "domain/x"),
        (|domain| edit::set_text(domain, "uuid", "2"), "domain/uuid"),
        (|domain| drop(domain.children.pop()), "domain"),
    ];
    for (apply, place) in spoilt {
        let faults = Change { name: "it", apply, touches: &[] }.faults(&before);
        assert_eq!(faults, [format!("it changes {place}")]);
    }
}
