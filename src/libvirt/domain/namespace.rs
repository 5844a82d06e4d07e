//! Elements found by their XML namespace, wherever its prefix is declared: on the element itself, as libvirt
//! writes it, or on any element around it, as others may.

use crate::libvirt::xml::Element;

/// QEMU's own arguments in a definition (libvirt's drvqemu documentation).
pub(super) const QEMU: &str = "http://libvirt.org/schemas/domain/qemu/1.0";
/// The namespace in which libosinfo's tools record a domain's system.
pub(super) const LIBOSINFO: &str = "http://libosinfo.org/xmlns/libvirt/domain/1.0";

/// The namespace that a name's prefix stands for on the innermost of the elements, which are given from the
/// outermost to the innermost. A name without a prefix has the default namespace, if one is declared.
pub(super) fn resolve<'a>(prefix: &str, scopes: &[&'a Element]) -> Option<&'a str> {
    let declaration = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
    let declared = scopes.iter().rev().find_map(|scope| scope.attribute(&declaration))?;
    // An empty one takes the default namespace away.
    Some(declared).filter(|namespace| !namespace.is_empty())
}

/// Whether the element at the end of the path is in the namespace.
pub(super) fn is_in(path: &[&Element], namespace: &str) -> bool {
    path.last().is_some_and(|element| resolve(prefix(&element.name), path) == Some(namespace))
}

/// The children, in the namespace, of the element at the end of the path.
pub(super) fn children<'a>(
    path: &[&'a Element],
    namespace: &str,
) -> impl Iterator<Item = &'a Element> + use<'a> {
    let of = path.to_vec();
    let namespace = namespace.to_owned();
    path.last().copied().into_iter().flat_map(Element::elements).filter(move |child| {
        let mut scopes = of.clone();
        scopes.push(child);
        is_in(&scopes, &namespace)
    })
}

/// The first child with that namespace and local name of the element at the end of the path.
pub(super) fn child<'a>(path: &[&'a Element], namespace: &str, local_name: &str) -> Option<&'a Element> {
    children(path, namespace).find(|child| child.local_name() == local_name)
}

/// The prefix of a name; empty where it has none.
pub(super) fn prefix(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

/// The first element of the namespace under the domain's `<metadata>`, where libvirt keeps one for each, and the
/// elements around it.
pub(super) fn in_metadata<'a>(
    domain: &'a Element,
    namespace: &str,
) -> Option<(&'a Element, [&'a Element; 2])> {
    let scopes = [domain, domain.find("metadata")?];
    Some((children(&scopes, namespace).next()?, scopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_found_wherever_it_is_declared() {
        for document in [
            "<domain><metadata><v:vm xmlns:v='urn:x'/></metadata></domain>",
            "<domain><metadata xmlns:v='urn:x'><v:vm/></metadata></domain>",
            "<domain xmlns:v='urn:x'><metadata><v:vm/></metadata></domain>",
            "<domain><metadata><vm xmlns='urn:x'/></metadata></domain>",
            "<domain xmlns:v='urn:other'><metadata xmlns:v='urn:x'><v:vm/></metadata></domain>",
        ] {
            let domain = Element::parse(document).expect("parses");
            let found = in_metadata(&domain, "urn:x").map(|(element, _)| element.local_name());
            assert_eq!(found, Some("vm"), "{document}");
        }
    }

    #[test]
    fn a_name_alone_is_nothing() {
        for document in [
            "<domain><metadata><v:vm/></metadata></domain>",
            "<domain><metadata><vm/></metadata></domain>",
            "<domain xmlns:v='urn:x'><metadata xmlns:v='urn:other'><v:vm/></metadata></domain>",
            "<domain><metadata><o:vm xmlns:o='urn:other' xmlns:v='urn:x'/></metadata></domain>",
            "<domain xmlns='urn:x'><metadata xmlns=''><vm/></metadata></domain>",
        ] {
            assert!(in_metadata(&Element::parse(document).expect("parses"), "urn:x").is_none(), "{document}");
        }
    }
}
