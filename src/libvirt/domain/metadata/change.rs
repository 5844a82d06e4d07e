use super::{FirstStart, Metadata, NAMESPACE, OwnedVolume};
use crate::libvirt::domain::namespace;
use crate::libvirt::xml::{Element, Node};
use crate::model::{Label, Timestamp};

/// What is changed in a record; all else in it stays, also what a later vmtools wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetadataChange {
    /// The keys of labels that are removed.
    pub unlabel: Vec<String>,
    /// The labels that are added, or get this value.
    pub label: Vec<Label>,
    /// When `gc` may remove the VM: a time, or never.
    pub expires: Option<Option<Timestamp>>,
    /// The volumes that the VM owns from now on.
    pub owned: Vec<OwnedVolume>,
    /// The paths of those that it no longer owns.
    pub disown: Vec<String>,
    /// How it was first started.
    pub first_start: Option<FirstStart>,
}

impl MetadataChange {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Without what the record says already.
    #[must_use]
    pub fn new_to(mut self, record: Option<&Metadata>) -> Self {
        let Some(record) = record else { return self };
        let is_new = |label: &Label| !record.labels.contains(label);
        let changed: Vec<String> =
            self.label.iter().filter(|label| is_new(label)).map(|label| label.key.clone()).collect();
        self.label.retain(|label| changed.contains(&label.key));
        self.unlabel.retain(|key| record.labels.iter().any(|label| label.key == *key));
        self.expires = self.expires.filter(|expires| *expires != record.expires);
        self
    }

    /// The changed record, without prefixes and declarations of its namespace, which libvirt adds and refuses
    /// to find there already (`virDomainSetMetadata`). The record is the last of `path`, which leads there
    /// from the outermost element.
    pub(in crate::libvirt::domain) fn applied_to(&self, path: &[&Element]) -> Element {
        let Some((record, around)) = path.split_last() else { return Element::new("vm") };
        let mut changed = without_prefixes(record, around);
        // A prefix that is declared further out would mean nothing in what libvirt is given.
        for prefix in free_prefixes(&changed) {
            if let Some(namespace) = namespace::resolve(&prefix, around) {
                changed.set_attribute(&format!("xmlns:{prefix}"), namespace);
            }
        }
        changed.children.retain(|node| !matches!(node, Node::Element(element) if self.replaces(element)));
        let label = |label: &Label| Element::new("label").with("key", &label.key).with("value", &label.value);
        let expires = self.expires.flatten().map(|time| Element::new("expires").text(time.to_string()));
        let volume = |owned: &OwnedVolume| {
            Element::new("volume")
                .with("pool", &owned.pool)
                .with("name", &owned.volume)
                .with("path", &owned.path)
        };
        changed
            .children(self.first_start.as_ref().map(|start| start.to_element("start")))
            .children(self.label.iter().map(label))
            .children(expires)
            .children(self.owned.iter().map(volume))
    }

    fn replaces(&self, element: &Element) -> bool {
        match element.name.as_str() {
            "label" => element.attribute("key").is_some_and(|key| {
                self.unlabel.iter().any(|gone| gone == key) || self.label.iter().any(|label| label.key == key)
            }),
            "expires" => self.expires.is_some(),
            "start" => self.first_start.is_some(),
            "volume" => element.attribute("path").is_some_and(|path| self.disown.iter().any(|p| p == path)),
            _ => false,
        }
    }
}

fn without_prefixes(element: &Element, around: &[&Element]) -> Element {
    let mut path = around.to_vec();
    path.push(element);
    let name = match namespace::is_in(&path, NAMESPACE) {
        true => element.local_name(),
        false => &element.name,
    };
    let declares = |(name, value): &&(String, String)| {
        value == NAMESPACE && (name == "xmlns" || name.starts_with("xmlns:"))
    };
    Element {
        name: name.to_owned(),
        attributes: element.attributes.iter().filter(|attribute| !declares(attribute)).cloned().collect(),
        children: element
            .children
            .iter()
            .map(|node| match node {
                Node::Element(child) => Node::Element(without_prefixes(child, &path)),
                other => other.clone(),
            })
            .collect(),
    }
}

/// The prefixes that are used in the element and declared further out.
fn free_prefixes(element: &Element) -> Vec<String> {
    let names = element.attributes.iter().map(|(name, _)| name).chain([&element.name]);
    let used = names.map(|name| namespace::prefix(name).to_owned());
    let mut free: Vec<String> = used.chain(element.elements().flat_map(free_prefixes)).collect();
    free.sort();
    free.dedup();
    let is_declared = |prefix: &str| element.attribute(&format!("xmlns:{prefix}")).is_some();
    free.retain(|prefix| !matches!(prefix.as_str(), "" | "xml" | "xmlns") && !is_declared(prefix));
    free
}

#[cfg(test)]
mod tests {
    use super::super::Metadata;
    use super::super::tests::full;
    use super::*;

    /// As libvirt puts it in: into the namespace, with a prefix of its own choice.
    fn put_in(changed: Element) -> Element {
        let record = changed.with("xmlns", NAMESPACE);
        Element::new("domain").child(Element::new("metadata").child(record))
    }

    #[test]
    fn a_change_leaves_the_rest() {
        let change = MetadataChange {
            unlabel: vec!["ci".into()],
            label: vec!["team=b".parse().expect("valid"), "new='".parse().expect("valid")],
            expires: Some(None),
            owned: vec![OwnedVolume { pool: "p".into(), volume: "new".into(), path: "/p/new".into() }],
            disown: full().owned.into_iter().map(|owned| owned.path).collect(),
            first_start: Some(FirstStart::Cold { reason: "no_state".into() }),
        };
        let before = Metadata {
            labels: vec!["ci=1".parse().expect("valid"), "team=a".parse().expect("valid")],
            creator: None,
            ..full()
        };
        let record =
            before.to_elements().remove(0).child(Element::new("vmtools:later").child(Element::new("q:x")));
        let changed = change.applied_to(&[&record]);
        assert!(changed.find("later/q:x").is_some() && changed.name == "vm");
        let line = changed.to_line().expect("writes");
        assert!(!line.contains("<vmtools:") && !line.contains("xmlns") && !line.contains('\n'), "{line}");
        let (labels, owned) = (change.label.clone(), change.owned.clone());
        let first_start = change.first_start.clone();
        let expected = Metadata { labels, owned, expires: None, first_start, ..before };
        assert_eq!(Metadata::of_domain(&put_in(changed)), Some(expected));
        assert!(MetadataChange::default().is_empty() && !change.is_empty());
    }

    #[test]
    fn what_a_record_says_already_is_no_change() {
        let label = |text: &str| text.parse::<Label>().expect("valid");
        let record = Metadata { labels: vec![label("team=a"), label("x=1")], expires: None, ..full() };
        let change = |labels: &[&str], unlabel: &[&str], expires| MetadataChange {
            label: labels.iter().map(|text| label(text)).collect(),
            unlabel: unlabel.iter().map(|key| (*key).to_owned()).collect(),
            expires,
            ..MetadataChange::default()
        };
        assert!(change(&["team=a"], &["ci"], Some(None)).new_to(Some(&record)).is_empty());
        let new = change(&["team=b", "x=1"], &["ci", "x"], None).new_to(Some(&record));
        assert_eq!(new, change(&["team=b"], &["x"], None));
        // The last one of a key counts.
        let twice = change(&["team=b", "team=a"], &[], None);
        assert_eq!(twice.clone().new_to(Some(&record)), twice);
        assert_eq!(twice.clone().new_to(None), twice);
    }

    #[test]
    fn a_record_whose_namespace_is_declared_further_out_is_changed_too() {
        let change =
            MetadataChange { label: vec!["a=b".parse().expect("valid")], ..MetadataChange::default() };
        for document in [
            "<domain xmlns:v='urn:vmtools:vm:1' xmlns:q='urn:q'><metadata><v:vm><v:image>i</v:image><q:x/></v:vm></metadata></domain>",
            "<domain xmlns:q='urn:q' xmlns:u='urn:unused'><metadata xmlns:v='urn:vmtools:vm:1'><v:vm><v:image>i</v:image><q:x/></v:vm></metadata></domain>",
            "<domain xmlns:q='urn:q' xmlns:u='urn:unused'><metadata><vm xmlns='urn:vmtools:vm:1'><image>i</image><q:x/></vm></metadata></domain>",
        ] {
            let domain = Element::parse(document).expect("parses");
            let (record, [domain, metadata]) = namespace::in_metadata(&domain, NAMESPACE).expect("is there");
            let changed = change.applied_to(&[domain, metadata, record]);
            let line = changed.to_line().expect("writes");
            assert!(!line.contains("urn:unused"), "{line}");
            assert!(
                !line.contains(NAMESPACE) && line.contains("xmlns:q=\"urn:q\"") && line.contains("<q:x/>"),
                "{line}"
            );
            let read = Metadata::of_domain(&put_in(changed)).expect("is a record");
            assert_eq!((read.image.as_deref(), read.labels), (Some("i"), change.label.clone()), "{document}");
        }
    }
}
