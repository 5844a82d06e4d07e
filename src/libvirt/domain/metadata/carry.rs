//! What a domain keeps when it goes back to an older definition, and the mark of a revert.

use super::{
    ADDED_NAMESPACE, CREATING_NAMESPACE, Metadata, MetadataChange, NAMESPACE, OwnedVolume, PARENT_NAMESPACE,
    PROTECTED_NAMESPACE, REVERTING_NAMESPACE,
};
use crate::libvirt::domain::{edit, namespace};
use crate::libvirt::xml::{Element, Node};
use crate::model::{Timestamp, VmState};

/// All that vmtools keeps under `<metadata>`.
pub(in crate::libvirt::domain) const NAMESPACES: [&str; 6] = [
    NAMESPACE,
    PARENT_NAMESPACE,
    PROTECTED_NAMESPACE,
    CREATING_NAMESPACE,
    ADDED_NAMESPACE,
    REVERTING_NAMESPACE,
];

/// That a domain is being reverted to a snapshot, or was when the process that did it ended. It stands in the definition
/// before the revert, and, with `is_done`, in the one that the revert brings: libvirt puts that in the other's place at the
/// end, so the mark tells how far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertMark {
    /// The snapshot's name.
    pub snapshot: String,
    /// Whether libvirt has reverted the domain.
    pub is_done: bool,
    /// What the domain did before.
    pub was: VmState,
    /// What it is to do then.
    pub then: VmState,
    /// When the revert began.
    pub since: Option<Timestamp>,
    /// The process that does it.
    pub by: String,
}

impl RevertMark {
    /// Reads it from a definition.
    pub(in crate::libvirt::domain) fn of_domain(domain: &Element) -> Option<Self> {
        let (mark, _) = namespace::in_metadata(domain, REVERTING_NAMESPACE)?;
        let attribute = |name: &str| mark.attribute(name).map(str::to_owned);
        Some(Self {
            snapshot: attribute("snapshot")?,
            is_done: mark.attribute("done") == Some("yes"),
            was: mark.attribute("was").map_or(VmState::Unknown, VmState::from_name),
            then: mark.attribute("then").map_or(VmState::Unknown, VmState::from_name),
            since: mark.attribute("since").and_then(|time| time.parse().ok()),
            by: attribute("by")?,
        })
    }

    /// Without its namespace, as `virsh metadata` wants it.
    pub(in crate::libvirt::domain) fn to_element(&self) -> Element {
        let mark = Element::new("to")
            .with("snapshot", &self.snapshot)
            .with("done", if self.is_done { "yes" } else { "no" })
            .with("was", self.was.name())
            .with("then", self.then.name())
            .with("by", &self.by);
        match self.since {
            Some(since) => mark.with("since", since.to_string()),
            None => mark,
        }
    }
}

/// Gives an older definition what the domain keeps of its present one: its title and description, vmtools' record and
/// marks, with the volumes that either of them owns, and the mark of the revert.
pub(in crate::libvirt) fn carry_over(older: &mut Element, present: &Element, mark: &RevertMark) {
    for name in ["title", "description"] {
        edit::remove_children(older, name);
        older.children.extend(present.find(name).cloned().map(Node::Element));
    }
    let kept = kept_of(present, Metadata::of_domain(older).unwrap_or_default().owned);
    let mark = mark.to_element().with("xmlns", REVERTING_NAMESPACE);
    let ours: Vec<Node> = kept.into_iter().chain([mark]).map(Node::Element).collect();
    let Some(metadata) = older.find("metadata") else {
        let metadata = Element { children: ours, ..Element::new("metadata") };
        older.children.push(Node::Element(metadata));
        return;
    };
    let is_ours = |node: &Node| match node {
        Node::Element(element) => {
            NAMESPACES.iter().any(|ours| namespace::is_in(&[&*older, metadata, element], ours))
        }
        _ => false,
    };
    let others = metadata.children.iter().filter(|node| !is_ours(node)).cloned();
    let children = others.chain(ours).collect();
    if let Some(metadata) = older.find_mut("metadata") {
        metadata.children = children;
    }
}

/// vmtools' elements of the definition, each with its namespace declared in it.
fn kept_of(present: &Element, older_owned: Vec<OwnedVolume>) -> Vec<Element> {
    let mut kept = Vec::new();
    if let Some((record, [root, metadata])) = namespace::in_metadata(present, NAMESPACE) {
        let known = Metadata::of_domain(present).unwrap_or_default().owned;
        let owned = older_owned.into_iter().filter(|volume| !known.contains(volume)).collect();
        let change = MetadataChange { owned, ..MetadataChange::default() };
        kept.push(change.applied_to(&[root, metadata, record]).with("xmlns", NAMESPACE));
    }
    for ours in NAMESPACES.into_iter().filter(|ours| ![NAMESPACE, REVERTING_NAMESPACE].contains(ours)) {
        let Some((element, _)) = namespace::in_metadata(present, ours) else { continue };
        let prefix = namespace::prefix(&element.name);
        let declaration = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        kept.push(element.clone().with(&declaration, ours));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::Domain;

    fn mark() -> RevertMark {
        RevertMark {
            snapshot: "a'b".into(),
            is_done: true,
            was: VmState::Running,
            then: VmState::Shutoff,
            since: "2026-11-28T03:00:00Z".parse().ok(),
            by: "host/boot/1/2".into(),
        }
    }

    const OLDER: &str = "<domain><title>then</title><metadata>
        <v:vm xmlns:v='urn:vmtools:vm:1'><v:label key='a' value='then'/><v:volume pool='p' name='one' path='/p/one'/></v:vm>
        <o:other xmlns:o='urn:other'/></metadata><memory unit='MiB'>64</memory></domain>";
    const PRESENT: &str = "<domain xmlns:v='urn:vmtools:vm:1'><metadata>
        <v:vm><v:label key='a' value='now'/><v:expires>2027-01-01T00:00:00Z</v:expires>
        <v:volume pool='p' name='two' path='/p/two'/></v:vm>
        <protected:by xmlns:protected='urn:vmtools:protected:1'>me</protected:by><is xmlns='urn:vmtools:parent:1'/>
        <o:other xmlns:o='urn:other'>now</o:other></metadata><memory unit='MiB'>128</memory></domain>";

    #[test]
    fn what_is_of_today_stays_and_all_else_is_the_older_ones() {
        let mut older = Element::parse(OLDER).expect("parses");
        carry_over(&mut older, &Element::parse(PRESENT).expect("parses"), &mark());
        let document = older.to_document().expect("writes");
        let domain = Domain::parse(&document).expect("parses");
        let record = domain.metadata.as_ref().expect("is there");
        assert_eq!(record.labels, ["a=now".parse().expect("valid")]);
        assert!(record.expires.is_some() && domain.protected && domain.is_parent(), "{document}");
        let mut owned: Vec<&str> = record.owned.iter().map(|volume| volume.volume.as_str()).collect();
        owned.sort_unstable();
        assert_eq!((owned, domain.memory_mib), (vec!["one", "two"], 64));
        assert_eq!(domain.reverting, Some(mark()));
        assert!(document.contains("urn:other") && !document.contains("then<"), "{document}");
        assert_eq!(document.matches("urn:other").count(), 1, "{document}");
    }

    #[test]
    fn a_domain_of_others_gets_the_mark_alone() {
        let mut older = Element::parse("<domain><name>x</name></domain>").expect("parses");
        let present = older.clone();
        carry_over(&mut older, &present, &mark());
        let domain = Domain::parse(&older.to_document().expect("writes")).expect("parses");
        assert!(domain.metadata.is_none() && domain.reverting == Some(mark()));
    }
}
