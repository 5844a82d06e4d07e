use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Element, Node, XmlError};

/// Deeper nesting is an error: a tree that deep could not be dropped within a thread's stack. libvirt reads 256 levels
/// (libxml2's `xmlParserMaxDepth`), and the chain of a running domain's disk, which it writes as nested elements, has 200
/// files at most (`QEMU_DOMAIN_STORAGE_SOURCE_CHAIN_MAX_DEPTH`).
pub(super) const MAX_DEPTH: usize = 500;

impl Element {
    /// Reads a document of libvirt's. Tabs and line breaks in the values of attributes stay what they are, where XML
    /// would have them blanks: libvirt writes them without escaping (`virBufferEscapeString`).
    ///
    /// # Errors
    /// When it isn't well-formed, not whole, or nested too deeply.
    pub fn parse(document: &str) -> Result<Self, XmlError> {
        Self::parse_some(document, |_, _| true)
    }

    /// As [`Element::parse`], without the elements of which `is_wanted` says no, given those around it from the root on,
    /// as far as they are read, and its name. What is left out costs next to nothing.
    ///
    /// # Errors
    /// As there.
    pub fn parse_some(
        document: &str,
        is_wanted: impl Fn(&[Element], &str) -> bool,
    ) -> Result<Self, XmlError> {
        let mut reader = Reader::from_str(document);
        let mut open: Vec<Element> = Vec::new();
        // Half of a document's nodes are the blanks between its elements, which the writer makes anew.
        let mut blanks: Option<Cow<'_, str>> = None;
        loop {
            let event = reader.read_event().map_err(XmlError::Malformed)?;
            let done = match event {
                Event::Start(start) if !is_wanted(&open, start.name().as_ref()) => {
                    blanks = None;
                    reader.read_to_end(start.name()).map_err(XmlError::Malformed)?;
                    None
                }
                Event::Start(start) => {
                    if open.len() == MAX_DEPTH {
                        return Err(XmlError::TooDeep);
                    }
                    blanks = None;
                    open.push(read_start(&start)?);
                    None
                }
                Event::Empty(start) => {
                    blanks = None;
                    if !is_wanted(&open, start.name().as_ref()) {
                        continue;
                    }
                    Some(read_start(&start)?)
                }
                Event::End(_) => {
                    let mut done = open.pop();
                    if let (Some(blanks), Some(element)) = (blanks.take(), &mut done)
                        && element.elements().next().is_none()
                    {
                        element.push_text(&blanks);
                    }
                    done
                }
                Event::Eof => return Err(XmlError::Incomplete),
                Event::Text(text) if blanks.is_none() && text.trim_ascii().is_empty() => {
                    blanks = Some(text.into_inner());
                    None
                }
                other => {
                    if let Some(parent) = open.last_mut() {
                        if let Some(blanks) = blanks.take() {
                            parent.push_text(&blanks);
                        }
                        parent.push_content(other)?;
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

    fn push_content(&mut self, event: Event<'_>) -> Result<(), XmlError> {
        match event {
            Event::Text(text) => self.push_text(&text.into_inner()),
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
}

fn read_start(start: &BytesStart<'_>) -> Result<Element, XmlError> {
    let mut element = Element::new(start.name().as_ref());
    // That no name comes twice need not be checked of what libvirt has written.
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| XmlError::Malformed(error.into()))?;
        let value = quick_xml::escape::unescape(&attribute.value)
            .map_err(|error| XmlError::Malformed(error.into()))?;
        element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(element)
}
