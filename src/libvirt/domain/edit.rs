//! Small changes of XML trees that several files here make.

use crate::libvirt::xml::{Element, Node};

/// Removes the children of that name.
pub(super) fn remove_children(parent: &mut Element, name: &str) {
    retain_children(parent, |child| child.name != name);
}

/// Keeps the child elements for which `keep` holds, and all that is no element.
pub(super) fn retain_children(parent: &mut Element, mut keep: impl FnMut(&Element) -> bool) {
    parent.children.retain(|node| match node {
        Node::Element(child) => keep(child),
        _ => true,
    });
}

/// The child elements, to be changed.
pub(super) fn children_mut(parent: &mut Element) -> impl Iterator<Item = &mut Element> {
    parent.children.iter_mut().filter_map(|node| match node {
        Node::Element(child) => Some(child),
        _ => None,
    })
}

/// Removes an attribute; its value if it was there.
pub(super) fn remove_attribute(element: &mut Element, name: &str) -> Option<String> {
    let at = element.attributes.iter().position(|(known, _)| known == name)?;
    Some(element.attributes.remove(at).1)
}

/// Makes `text` all that is in the child of that name, which is added where it is missing.
pub(super) fn set_text(parent: &mut Element, name: &str, text: &str) {
    match parent.find_mut(name) {
        Some(child) => child.children = vec![Node::Text(text.to_owned())],
        None => parent.children.push(Node::Element(Element::new(name).text(text))),
    }
}
