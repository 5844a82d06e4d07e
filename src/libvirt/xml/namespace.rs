use super::{Element, Node};

impl Element {
    /// The element of that name in the namespace, below the element at the end of `path` (this one for an empty path).
    /// Its prefix may be any, and be declared on it, on this element or on one on the way. This element counts as the
    /// document's root.
    pub fn find_qualified(&self, path: &str, namespace: &str, name: &str) -> Option<&Element> {
        let (parent, scope) = self.descend(path)?;
        parent.elements().find(|child| child.local_name() == name && child.is_in(namespace, &scope))
    }

    /// As [`Element::find_qualified`], to be changed.
    pub fn find_qualified_mut(&mut self, path: &str, namespace: &str, name: &str) -> Option<&mut Element> {
        let (parent, scope) = self.descend(path)?;
        let index = parent.children.iter().position(|node| match node {
            Node::Element(child) => child.local_name() == name && child.is_in(namespace, &scope),
            _ => false,
        })?;
        let parent = if path.is_empty() { self } else { self.find_mut(path)? };
        match parent.children.get_mut(index) {
            Some(Node::Element(child)) => Some(child),
            _ => None,
        }
    }

    /// The first element at the end of the path, and all on the way there from this one.
    fn descend(&self, path: &str) -> Option<(&Element, Vec<&Element>)> {
        let mut scope = vec![self];
        let mut element = self;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            element = element.elements().find(|child| child.name == name)?;
            scope.push(element);
        }
        Some((element, scope))
    }

    /// Whether its name is one of the namespace, given the elements around it from the root on.
    fn is_in(&self, namespace: &str, scope: &[&Element]) -> bool {
        let declaration = match self.name.split_once(':') {
            Some((prefix, _)) => format!("xmlns:{prefix}"),
            None => "xmlns".to_owned(),
        };
        let inner_first = std::iter::once(self).chain(scope.iter().rev().copied());
        let declared = inner_first.into_iter().find_map(|element| element.attribute(&declaration));
        declared == Some(namespace)
    }
}
