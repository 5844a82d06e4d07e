use quick_xml::Writer;
use quick_xml::events::{BytesCData, BytesEnd, BytesPI, BytesStart, BytesText, Event};

use super::{Element, Node, XmlError};

impl Element {
    /// Writes it as a document, indented where it holds no text of its own.
    ///
    /// # Errors
    /// [`XmlError::Character`].
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
        self.write(&mut writer)?;
        String::from_utf8(writer.into_inner()).map_err(|_| XmlError::Incomplete)
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> Result<(), XmlError> {
        let mut start = BytesStart::new(self.name.as_str());
        for (name, value) in &self.attributes {
            // It escapes tabs and line breaks too.
            start.push_attribute((name.as_str(), checked(value)?));
        }
        if self.children.is_empty() {
            return written(writer, Event::Empty(start));
        }
        written(writer, Event::Start(start))?;
        for node in &self.children {
            match node {
                Node::Element(element) => element.write(writer)?,
                // The blanks between elements are the writer's to make anew.
                Node::Text(text) if text.trim().is_empty() && self.elements().next().is_some() => {}
                Node::Text(text) => written(writer, Event::Text(BytesText::new(checked(text)?)))?,
                Node::CData(data) => written(writer, Event::CData(BytesCData::new(checked(data)?)))?,
                Node::Comment(text) => {
                    written(writer, Event::Comment(BytesText::from_escaped(checked(text)?)))?;
                }
                Node::Instruction(text) => written(writer, Event::PI(BytesPI::new(checked(text)?)))?,
            }
        }
        written(writer, Event::End(BytesEnd::new(self.name.as_str())))
    }
}

fn written(writer: &mut Writer<Vec<u8>>, event: Event<'_>) -> Result<(), XmlError> {
    writer.write_event(event).map_err(|error| XmlError::Malformed(error.into()))
}

/// The value, if XML 1.0 has all of its characters (its production `Char`).
fn checked(value: &str) -> Result<&str, XmlError> {
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    match value.chars().find(|c| !legal(*c)) {
        Some(character) => Err(XmlError::Character { character, value: value.to_owned() }),
        None => Ok(value),
    }
}
