//! An XML document as a tree, read and written by quick-xml.
//!
//! A document that is read, changed and written keeps all that was not touched: unknown elements,
//! namespaces, comments, the order. Text and attribute values are held unescaped; the writer escapes,
//! so a value can never become markup, and no parser takes its tabs and line breaks for blanks.

mod namespace;
mod read;
mod write;

/// A document that can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum XmlError {
    /// It is not well-formed.
    #[error("the XML is not well-formed")]
    Malformed(#[source] quick_xml::Error),
    /// It ends amid an element, or has none.
    #[error("the XML is incomplete")]
    Incomplete,
    /// It is nested deeper than libvirt's own parser would read.
    #[error("the XML is nested deeper than {} levels", read::MAX_DEPTH)]
    TooDeep,
    /// A value has a character that XML 1.0 has no way to hold.
    #[error("XML cannot contain the character {character:?} of {value:?}")]
    Character {
        /// The character.
        character: char,
        /// The whole value.
        value: String,
    },
}

/// An element: its name (with prefix), its attributes in order, and what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The name, as written, with its prefix.
    pub name: String,
    /// Names and unescaped values.
    pub attributes: Vec<(String, String)>,
    /// What stands in it.
    pub children: Vec<Node>,
}

/// What can stand in an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, unescaped.
    Text(String),
    /// A CDATA section.
    CData(String),
    /// A comment.
    Comment(String),
    /// A processing instruction.
    Instruction(String),
}

impl Element {
    /// An empty element.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), attributes: Vec::new(), children: Vec::new() }
    }

    /// With an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set_attribute(name, value);
        self
    }

    /// With a child.
    #[must_use]
    pub fn child(mut self, child: Element) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// With children.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// With text in it.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// Sets an attribute, in its old place if it was there.
    pub fn set_attribute(&mut self, name: &str, value: impl Into<String>) {
        match self.attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.into(),
            None => self.attributes.push((name.to_owned(), value.into())),
        }
    }

    /// An attribute's value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The name without its prefix.
    pub fn local_name(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or_default()
    }

    /// The elements in it.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            _ => None,
        })
    }

    /// The elements in it that have the name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |element| element.name == name)
    }

    /// The first element at the end of a path such as `os/type`.
    pub fn find(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.elements().find(|child| child.name == name))
    }

    /// The first element at the end of a path, to be changed.
    pub fn find_mut(&mut self, path: &str) -> Option<&mut Element> {
        path.split('/').try_fold(self, |element, name| {
            element.children.iter_mut().find_map(|node| match node {
                Node::Element(child) if child.name == name => Some(child),
                _ => None,
            })
        })
    }

    /// An attribute of the first element at the end of a path.
    pub fn find_attribute(&self, path: &str, attribute: &str) -> Option<&str> {
        self.find(path)?.attribute(attribute)
    }

    /// The trimmed text of the first element at the end of a path.
    pub fn find_text(&self, path: &str) -> Option<String> {
        self.find(path).map(Element::content)
    }

    /// Its own text without the blanks of XML around it. Others belong to it.
    pub fn content(&self) -> String {
        self.raw_content().trim_matches([' ', '\t', '\r', '\n']).to_owned()
    }

    /// Its own text to the last blank, as a name or a path needs it.
    pub fn raw_content(&self) -> String {
        let texts = self.children.iter().filter_map(|node| match node {
            Node::Text(text) | Node::CData(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

#[cfg(test)]
mod tests;
