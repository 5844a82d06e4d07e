//! Markdown as the blocks that guides are made of: the part of it that they use. A library for all of Markdown adds
//! 0.4 MB to the binary, mostly tables of entities and of letters' cases; in the tests this is compared with one.

use std::iter::Peekable;
use std::str::Lines;

/// A part of a line, of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Words.
    Text(String),
    /// Words that matter more.
    Strong(String),
    /// What is typed or printed as it is.
    Code(String),
}

/// Text that may be wrapped.
pub type Spans = Vec<Span>;

/// What stands on lines of its own.
#[derive(Debug, PartialEq, Eq)]
pub enum Block {
    /// A heading; the guide's title has level 1.
    Heading {
        /// 1 for the title, 2 for a section, 3 below.
        level: u8,
        /// Its words.
        title: Spans,
    },
    /// A paragraph.
    Paragraph(Spans),
    /// The items of a list.
    List(Vec<Spans>),
    /// Lines that are kept as they are.
    Code(String),
    /// Rows of cells, the first one their headings.
    Table(Vec<Vec<Spans>>),
}

/// Reads a guide. Pictures are left out, and of links only their words stay.
pub fn read(markdown: &str) -> Vec<Block> {
    let mut lines = markdown.lines().peekable();
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        let depth = line.bytes().take_while(|byte| *byte == b'#').count();
        blocks.push(match line {
            _ if line.trim().is_empty() || line.starts_with("![") => continue,
            _ if line.starts_with("```") => code(&mut lines),
            _ if line.starts_with('|') => table(line, &mut lines),
            _ if line.starts_with("- ") => list(line, &mut lines),
            _ if depth > 0 => {
                Block::Heading { level: depth.min(3) as u8, title: spans(line[depth..].trim()) }
            }
            _ => Block::Paragraph(spans(&paragraph(line, &mut lines))),
        });
    }
    blocks
}

fn code(lines: &mut Peekable<Lines<'_>>) -> Block {
    let kept = lines.take_while(|line| !line.starts_with("```"));
    Block::Code(kept.map(|line| format!("{line}\n")).collect())
}

/// The second row is dashes.
fn table(first: &str, lines: &mut Peekable<Lines<'_>>) -> Block {
    let mut rows = vec![cells(first)];
    while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
        rows.push(cells(line));
    }
    rows.remove(1.min(rows.len() - 1));
    Block::Table(rows)
}

fn cells(row: &str) -> Vec<Spans> {
    let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| spans(cell.trim())).collect()
}

fn list(first: &str, lines: &mut Peekable<Lines<'_>>) -> Block {
    let mut items = vec![spans(&paragraph(&first[2..], lines))];
    while let Some(line) = lines.next_if(|line| line.starts_with("- ")) {
        items.push(spans(&paragraph(&line[2..], lines)));
    }
    Block::List(items)
}

/// The line and those that go on with it.
fn paragraph(first: &str, lines: &mut Peekable<Lines<'_>>) -> String {
    let mut text = first.trim().to_owned();
    let goes_on = |line: &&str| {
        let begins_another = ["```", "|", "- ", "#", "!["].iter().any(|mark| line.starts_with(mark));
        !line.trim().is_empty() && !begins_another
    };
    while let Some(line) = lines.next_if(goes_on) {
        text.push(' ');
        text.push_str(line.trim());
    }
    text
}

/// A line's text, code, strong words, words that are stressed (as others here), links and escaped signs.
fn spans(text: &str) -> Spans {
    let mut found = Vec::new();
    add_spans(text, &mut found);
    found
}

fn add_spans(text: &str, found: &mut Spans) {
    let mut is_strong = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let behind = &rest[c.len_utf8()..];
        rest = match c {
            '`' => {
                let (code, behind) = behind.split_once('`').unwrap_or((behind, ""));
                found.push(Span::Code(code.to_owned()));
                behind
            }
            '*' if behind.starts_with('*') => {
                is_strong = !is_strong;
                &behind[1..]
            }
            '*' => behind,
            '[' => {
                match behind.split_once("](").and_then(|(words, link)| Some((words, link.split_once(')')?.1)))
                {
                    Some((words, behind)) => {
                        add_spans(words, found);
                        behind
                    }
                    None => take(found, c, is_strong, behind),
                }
            }
            '\\' => match behind.chars().next().filter(char::is_ascii_punctuation) {
                Some(escaped) => take(found, escaped, is_strong, &behind[1..]),
                None => take(found, c, is_strong, behind),
            },
            _ => take(found, c, is_strong, behind),
        };
    }
}

/// Adds a sign to the text, and gives what is behind it.
fn take<'a>(found: &mut Spans, sign: char, is_strong: bool, behind: &'a str) -> &'a str {
    match (found.last_mut(), is_strong) {
        (Some(Span::Text(last)), false) | (Some(Span::Strong(last)), true) => last.push(sign),
        (_, true) => found.push(Span::Strong(sign.to_string())),
        (_, false) => found.push(Span::Text(sign.to_string())),
    }
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Span {
        Span::Text(text.to_owned())
    }

    #[test]
    fn blocks_are_told_apart() {
        let read = read(
            "# T\n\n![a picture](x.svg)\n\nOne\ntwo `c d`, **no** [link](x.md).\n\n```sh\na  b\n\nc\n```\n\n\
             - x\n- y\n  z\n\n| A | B |\n|---|---|\n| 1 | `2` |\n",
        );
        let code = |text: &str| Span::Code(text.to_owned());
        let expected = [
            Block::Heading { level: 1, title: vec![plain("T")] },
            Block::Paragraph(vec![
                plain("One two "),
                code("c d"),
                plain(", "),
                Span::Strong("no".to_owned()),
                plain(" link."),
            ]),
            Block::Code("a  b\n\nc\n".to_owned()),
            Block::List(vec![vec![plain("x")], vec![plain("y z")]]),
            Block::Table(vec![
                vec![vec![plain("A")], vec![plain("B")]],
                vec![vec![plain("1")], vec![code("2")]],
            ]),
        ];
        assert_eq!(read, expected);
    }
}
