//! An XML document as a tree, read and written by quick-xml.
//!
//! A document that is read, changed and written keeps all that was not touched: unknown elements,
//! namespaces, comments, the order. Text and attribute values are held unescaped; the writer escapes,
//! so a value can never become markup.

use std::borrow::Cow;

use quick_xml::events::{BytesCData, BytesEnd, BytesPI, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer, XmlVersion};

/// Deeper nesting than this is not libvirt's.
const MAX_DEPTH: usize = 64;

/// A document that can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum XmlError {
    /// It is not well-formed.
    #[error("the XML is not well-formed")]
    Malformed(#[source] quick_xml::Error),
    /// It ends amid an element, or has none.
    #[error("the XML is not whole")]
    Incomplete,
    /// It is nested without reason.
    #[error("the XML is nested too deeply")]
    TooDeep,
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

    /// Its own text, trimmed.
    pub fn content(&self) -> String {
        let text: String = self
            .children
            .iter()
            .filter_map(|node| match node {
                Node::Text(text) | Node::CData(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        text.trim().to_owned()
    }

    /// Reads a document.
    ///
    /// # Errors
    /// When it isn't well-formed, or not whole.
    pub fn parse(document: &str) -> Result<Self, XmlError> {
        let mut reader = Reader::from_str(document);
        let mut open: Vec<Element> = Vec::new();
        loop {
            let event = reader.read_event().map_err(XmlError::Malformed)?;
            let done = match event {
                Event::Start(start) => {
                    open.push(read_start(&start)?);
                    if open.len() > MAX_DEPTH {
                        return Err(XmlError::TooDeep);
                    }
                    None
                }
                Event::Empty(start) => Some(read_start(&start)?),
                Event::End(_) => open.pop(),
                Event::Eof => return Err(XmlError::Incomplete),
                other => {
                    if let Some(parent) = open.last_mut() {
                        parent.take_content(other)?;
                    }
                    None
                }
            };
            if let Some(element) = done {
                match open.last_mut() {
                    Some(parent) => parent.children.push(Node::Element(element)),
                    None => return Ok(element),
                }
            }
        }
    }

    fn take_content(&mut self, event: Event<'_>) -> Result<(), XmlError> {
        match event {
            Event::Text(text) => self.push_text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().map_err(XmlError::Malformed)? {
                    Some(character) => Cow::Owned(character.to_string()),
                    None => {
                        let name = reference.into_inner();
                        match quick_xml::escape::resolve_predefined_entity(&name) {
                            Some(text) => Cow::Borrowed(text),
                            None => Cow::Owned(format!("&{name};")),
                        }
                    }
                };
                self.push_text(&character);
            }
            Event::CData(data) => self.children.push(Node::CData(data.into_inner().into_owned())),
            Event::Comment(text) => self.children.push(Node::Comment(text.into_inner().into_owned())),
            Event::PI(instruction) => {
                self.children.push(Node::Instruction(instruction.into_inner().into_owned()))
            }
            _ => {}
        }
        Ok(())
    }

    fn push_text(&mut self, more: &str) {
        match self.children.last_mut() {
            Some(Node::Text(text)) => text.push_str(more),
            _ => self.children.push(Node::Text(more.to_owned())),
        }
    }

    /// Writes it as a document, indented where it holds no text of its own.
    ///
    /// # Errors
    /// None in practice: the document goes to memory.
    pub fn to_document(&self) -> Result<String, XmlError> {
        self.written_by(Writer::new_with_indent(Vec::new(), b' ', 2))
    }

    /// As [`Element::to_document`], in one line where it holds no line break of its own.
    ///
    /// # Errors
    /// As there.
    pub fn to_line(&self) -> Result<String, XmlError> {
        self.written_by(Writer::new(Vec::new()))
    }

    fn written_by(&self, mut writer: Writer<Vec<u8>>) -> Result<String, XmlError> {
        self.write(&mut writer).map_err(|error| XmlError::Malformed(error.into()))?;
        String::from_utf8(writer.into_inner()).map_err(|_| XmlError::Incomplete)
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let mut start = BytesStart::new(self.name.as_str());
        for (name, value) in &self.attributes {
            start.push_attribute((name.as_str(), value.as_str()));
        }
        if self.children.is_empty() {
            return writer.write_event(Event::Empty(start));
        }
        writer.write_event(Event::Start(start))?;
        for node in &self.children {
            match node {
                Node::Element(element) => element.write(writer)?,
                // The blanks between elements are the writer's to make anew.
                Node::Text(text) if text.trim().is_empty() && self.elements().next().is_some() => {}
                Node::Text(text) => writer.write_event(Event::Text(BytesText::new(text)))?,
                Node::CData(data) => writer.write_event(Event::CData(BytesCData::new(data.as_str())))?,
                Node::Comment(text) => {
                    writer.write_event(Event::Comment(BytesText::from_escaped(text.as_str())))?
                }
                Node::Instruction(text) => writer.write_event(Event::PI(BytesPI::new(text.as_str())))?,
            }
        }
        writer.write_event(Event::End(BytesEnd::new(self.name.as_str())))
    }
}

fn read_start(start: &BytesStart<'_>) -> Result<Element, XmlError> {
    let mut element = Element::new(start.name().as_ref());
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| XmlError::Malformed(error.into()))?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(XmlError::Malformed)?;
        element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_touched_stays() {
        let document = "<domain type=\"qemu\" xmlns:q=\"u\">\n  <!-- mine -->\n  <name>web</name>\n  <q:x a=\"1\"/>\n</domain>";
        let tree = Element::parse(document).expect("parses");
        assert_eq!(tree.to_document().expect("writes"), document);
    }

    #[test]
    fn values_are_escaped_and_come_back() {
        let hostile = "</name><x a='1'>&amp;\"";
        let tree = Element::new("domain").with("title", hostile).child(Element::new("name").text(hostile));
        let document = tree.to_document().expect("writes");
        assert!(!document.contains("<x a="), "{document}");
        let back = Element::parse(&document).expect("parses");
        assert_eq!(
            (back.attribute("title"), back.find_text("name").as_deref()),
            (Some(hostile), Some(hostile))
        );
    }

    #[test]
    fn references_are_resolved() {
        let tree = Element::parse("<a b='&#x41;&lt;'>x &amp; &#66;</a>").expect("parses");
        assert_eq!((tree.attribute("b"), tree.content().as_str()), (Some("A<"), "x & B"));
    }

    #[test]
    fn paths_lead_to_elements() {
        let tree =
            Element::parse("<domain><os><type machine='q35'>hvm</type></os></domain>").expect("parses");
        assert_eq!(tree.find_attribute("os/type", "machine"), Some("q35"));
        assert_eq!(tree.find_text("os/type"), Some("hvm".into()));
        assert_eq!(tree.find("os/nothing"), None);
    }

    #[test]
    fn malformed_documents_are_errors() {
        for document in ["", "text", "<a>", "<a></b>", "<a b=1/>", "<a><b></a>", &"<a>".repeat(100)] {
            assert!(Element::parse(document).is_err(), "{document:?}");
        }
    }
}
