//! A guide as a man page.

use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::Topic;
use super::document::{Block, Span, Spans};

/// Cells that are longer are wrapped.
const WIDE: usize = 16;

/// The page, for a roff that runs tbl before it where the first line asks for it, as man does.
pub fn render(topic: &Topic, blocks: &[Block]) -> String {
    let mut page = Page { roff: Roff::new(), follows_heading: true };
    let name = format!("vmtools-{}", topic.name);
    let version = concat!("vmtools ", env!("CARGO_PKG_VERSION"));
    // No date: the same sources give the same page at any time.
    page.roff.control("TH", [name.as_str(), "7", "\"\"", version, "vmtools guides"]);
    page.roff.control("SH", ["NAME"]);
    page.roff.text([roman(format!("{name} - {}", topic.summary.replace('`', "")))]);
    page.roff.control("SH", ["DESCRIPTION"]);
    for block in blocks {
        page.block(block);
    }
    let tables = blocks.iter().any(|block| matches!(block, Block::Table(_)));
    format!("{}{}", if tables { "'\\\" t\n" } else { "" }, page.roff.render())
}

struct Page {
    roff: Roff,
    /// Behind a heading there is space enough.
    follows_heading: bool,
}

impl Page {
    fn block(&mut self, block: &Block) {
        match block {
            // The page's name says what the title does.
            Block::Heading { level: 1, .. } => return,
            Block::Heading { level, title } => {
                let title: String = title.iter().map(words).collect();
                match level {
                    2 => self.roff.control("SH", [title.to_uppercase().as_str()]),
                    _ => self.roff.control("SS", [title.as_str()]),
                };
            }
            Block::Paragraph(spans) => {
                self.space("PP");
                self.roff.text(inlines(spans));
            }
            Block::List(items) => {
                for spans in items {
                    self.roff.control("IP", ["\\(bu", "2"]);
                    self.roff.text(inlines(spans));
                }
            }
            Block::Code(code) => self.code(code),
            Block::Table(rows) => self.table(rows),
        }
        self.follows_heading = matches!(block, Block::Heading { .. });
    }

    fn space(&mut self, request: &str) {
        if !self.follows_heading {
            self.roff.control(request, []);
        }
    }

    fn code(&mut self, code: &str) {
        self.space("sp");
        self.roff.control("RS", ["4"]).control("nf", []);
        for line in code.lines() {
            self.roff.text([roman(line)]);
        }
        self.roff.control("fi", []).control("RE", []);
    }

    fn table(&mut self, rows: &[Vec<Spans>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let is_wide = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.iter().map(words).map(|text| text.len()).sum::<usize>()).any(|n| n > WIDE)
        };
        let format: Vec<&str> = (0..columns).map(|column| if is_wide(column) { "lx" } else { "l" }).collect();
        self.space("PP");
        self.roff.control("TS", []);
        self.roff.text([roman(format!("{}.", format.join(" ")))]);
        for (index, row) in rows.iter().enumerate() {
            self.row(row, index == 0);
        }
        self.roff.control("TE", []);
    }

    /// A row of cells, each a block of text, as tbl has them.
    fn row(&mut self, row: &[Spans], is_heading: bool) {
        self.roff.text([roman("T{")]);
        for (index, cell) in row.iter().enumerate() {
            match cell.as_slice() {
                [] => {}
                _ if is_heading => {
                    self.roff.text([bold(cell.iter().map(words).collect::<String>())]);
                }
                spans => {
                    self.roff.text(inlines(spans));
                }
            }
            self.roff.text([roman(if index + 1 == row.len() { "T}" } else { "T}\tT{" })]);
        }
    }
}

fn words(span: &Span) -> &str {
    match span {
        Span::Text(text) | Span::Strong(text) | Span::Code(text) => text,
    }
}

fn inlines(spans: &[Span]) -> Vec<Inline> {
    let inline = |span: &Span| match span {
        Span::Text(text) => roman(text.as_str()),
        Span::Strong(text) | Span::Code(text) => bold(text.as_str()),
    };
    spans.iter().map(inline).collect()
}

#[cfg(test)]
mod tests {
    use super::super::document::read;
    use super::*;

    #[test]
    fn a_page_has_sections_code_and_tables() {
        let markdown = "# T\n\nA `-x` b.\n\n## Next\n\n```\n.dot\n```\n\n- it's\n\n| A | B |\n|---|---|\n| 1 | a long cell of some words |\n";
        let topic = Topic { name: "x", summary: "About x", markdown: "" };
        let page = render(&topic, &read(markdown));
        let (head, body) = page.split_once(".SH NAME\n").unwrap_or_default();
        assert!(head.starts_with("'\\\" t\n"), "{head}");
        let expected = "vmtools\\-x \\- About x\n.SH DESCRIPTION\nA \\fB\\-x\\fR b.\n.SH NEXT\n.RS 4\n.nf\n\\&.dot\n.fi\n.RE\n\
                        .IP \\(bu 2\nit\\*(Aqs\n.PP\n.TS\nl lx.\nT{\n\\fBA\\fR\nT}\tT{\n\\fBB\\fR\nT}\nT{\n1\nT}\tT{\n\
                        a long cell of some words\nT}\n.TE\n";
        assert_eq!(body, expected);
    }
}
