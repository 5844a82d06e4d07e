//! All of Markdown's rules, which the small reader is compared with.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::TOPICS;
use super::document::{Block, Span, Spans, read};

#[test]
fn guides_are_read_as_markdown_is() {
    for topic in &TOPICS {
        let (ours, expected) = (read(topic.markdown), read_by_the_rules(topic.markdown));
        for (ours, expected) in ours.iter().zip(&expected) {
            assert_eq!(ours, expected, "{}", topic.name);
        }
        assert_eq!(ours.len(), expected.len(), "{}", topic.name);
    }
}

fn read_by_the_rules(markdown: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        reader.take(event);
    }
    reader.blocks
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    spans: Spans,
    items: Option<Vec<Spans>>,
    rows: Vec<Vec<Spans>>,
    code: Option<String>,
    is_strong: bool,
    in_picture: bool,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => self.spans.push(Span::Code(code.into_string())),
            Event::SoftBreak | Event::HardBreak => self.text(" "),
            // Guides have neither HTML nor rules, footnotes, formulas or boxes to tick.
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::CodeBlock(_) => self.code = Some(String::new()),
            Tag::List(_) => self.items = Some(Vec::new()),
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            Tag::Strong => self.is_strong = true,
            Tag::Image { .. } => self.in_picture = true,
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let title = std::mem::take(&mut self.spans);
                self.blocks.push(Block::Heading { level: number(level), title });
            }
            // Of a list that has empty lines; else an item has just spans.
            TagEnd::Paragraph if self.items.is_some() => {}
            TagEnd::Paragraph if self.spans.is_empty() => {}
            TagEnd::Paragraph => self.blocks.push(Block::Paragraph(std::mem::take(&mut self.spans))),
            TagEnd::Item => {
                let spans = std::mem::take(&mut self.spans);
                self.items.iter_mut().for_each(|items| items.push(spans.clone()));
            }
            TagEnd::List(_) => self.blocks.extend(self.items.take().map(Block::List)),
            TagEnd::CodeBlock => self.blocks.extend(self.code.take().map(Block::Code)),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.spans);
                self.rows.iter_mut().last().into_iter().for_each(|row| row.push(cell.clone()));
            }
            TagEnd::Table => self.blocks.push(Block::Table(std::mem::take(&mut self.rows))),
            TagEnd::Strong => self.is_strong = false,
            TagEnd::Image => self.in_picture = false,
            _ => {}
        }
    }

    /// Text comes in pieces.
    fn text(&mut self, text: &str) {
        if let Some(code) = &mut self.code {
            code.push_str(text);
            return;
        }
        if self.in_picture {
            return;
        }
        match (self.spans.last_mut(), self.is_strong) {
            (Some(Span::Text(last)), false) | (Some(Span::Strong(last)), true) => last.push_str(text),
            (_, true) => self.spans.push(Span::Strong(text.to_owned())),
            (_, false) => self.spans.push(Span::Text(text.to_owned())),
        }
    }
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        _ => 3,
    }
}
