//! A guide as plain text: what is typed keeps its backquotes, as in the help of commands.

use super::document::{Block, Span};

/// How far text stands to the right of headings, and code to the right of text.
const INDENT: usize = 2;
const CODE_INDENT: usize = 6;
/// Between the columns of a table.
const GAP: usize = 2;

/// The blocks, an empty line between them.
pub fn render(blocks: &[Block], width: usize, bold: bool) -> String {
    let parts: Vec<String> = blocks.iter().map(|block| of_block(block, width, bold)).collect();
    let mut text = String::new();
    for (index, (block, part)) in blocks.iter().zip(&parts).enumerate() {
        // A section follows its heading at once.
        let follows = index > 0 && matches!(blocks[index - 1], Block::Heading { .. });
        if index > 0 && (!follows || matches!(block, Block::Heading { .. })) {
            text.push('\n');
        }
        text.push_str(part);
    }
    text
}

fn of_block(block: &Block, width: usize, bold: bool) -> String {
    match block {
        Block::Heading { title, .. } if bold => format!("\x1b[1m{}\x1b[0m\n", flat(title)),
        Block::Heading { title, .. } => format!("{}\n", flat(title)),
        Block::Paragraph(spans) => indented(&wrapped(spans, width.saturating_sub(INDENT)), INDENT, ""),
        Block::List(items) => items
            .iter()
            .map(|spans| indented(&wrapped(spans, width.saturating_sub(INDENT + 2)), INDENT + 2, "- "))
            .collect(),
        Block::Code(code) => indented(&code.lines().map(str::to_owned).collect::<Vec<_>>(), CODE_INDENT, ""),
        Block::Table(rows) => table(rows, width.saturating_sub(INDENT)),
    }
}

/// Lines with blanks before them, which the first one has its mark in.
fn indented(lines: &[String], indent: usize, mark: &str) -> String {
    let line = |(index, line): (usize, &String)| match (index, line.as_str()) {
        (_, "") => "\n".to_owned(),
        (0, line) => format!("{}{mark}{line}\n", " ".repeat(indent - mark.len())),
        (_, line) => format!("{}{line}\n", " ".repeat(indent)),
    };
    lines.iter().enumerate().map(line).collect()
}

fn flat(spans: &[Span]) -> String {
    spans.iter().map(written).collect()
}

fn written(span: &Span) -> String {
    match span {
        Span::Text(text) | Span::Strong(text) => text.clone(),
        Span::Code(code) => format!("`{code}`"),
    }
}

/// Lines of at most that width, but for words that are longer. What is typed is not torn at its blanks.
fn wrapped(spans: &[Span], width: usize) -> Vec<String> {
    // A blank that no line ends at: not one of those that are split at.
    const KEPT: &str = "\u{a0}";
    let text: String = spans
        .iter()
        .map(|span| match span {
            Span::Code(_) => written(span).replace(' ', KEPT),
            _ => written(span),
        })
        .collect();
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_ascii_whitespace().map(|word| word.replace(KEPT, " ")) {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(&word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// Columns as wide as what is in them; if that is too much, the widest give way, and their cells are wrapped. None gets
/// narrower than its longest word.
fn table(rows: &[Vec<Vec<Span>>], width: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let most = |column: usize, width: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let lines = cells.flat_map(|cell| wrapped(cell, width));
        lines.map(|line| line.chars().count()).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..columns).map(|column| most(column, usize::MAX)).collect();
    let longest_words: Vec<usize> = (0..columns).map(|column| most(column, 0)).collect();
    let room = width.saturating_sub(GAP * columns.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let may_shrink = widths.iter_mut().zip(&longest_words).filter(|(width, word)| **width > **word);
        let Some((widest, _)) = may_shrink.max_by_key(|(width, _)| **width) else { break };
        *widest -= 1;
    }
    rows.iter().map(|row| table_row(row, &widths)).collect()
}

fn table_row(row: &[Vec<Span>], widths: &[usize]) -> String {
    let cells: Vec<Vec<String>> = row.iter().zip(widths).map(|(cell, width)| wrapped(cell, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |number: usize| {
        let mut line = " ".repeat(INDENT);
        for (cell, width) in cells.iter().zip(widths) {
            let part = cell.get(number).map_or("", String::as_str);
            line.push_str(&format!("{part:width$}{}", " ".repeat(GAP)));
        }
        format!("{}\n", line.trim_end())
    };
    (0..height).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::document::read;
    use super::*;

    #[test]
    fn text_is_wrapped_and_code_is_not() {
        let markdown = "# Title\n\nSome words that `do not fit` here.\n\n## Next\n\n- one two three four\n\n\
                        ```\na long line of code that stays\n```\n";
        let expected = "Title\n  Some words that\n  `do not fit`\n  here.\n\nNext\n  - one two three\n    four\n\n      \
                        a long line of code that stays\n";
        assert_eq!(render(&read(markdown), 18, false), expected);
    }

    #[test]
    fn the_widest_column_gives_way() {
        let markdown = "| A | Long |\n|---|---|\n| x | one two three four |\n";
        assert_eq!(render(&read(markdown), 16, false), "  A  Long\n  x  one two\n     three four\n");
        assert_eq!(render(&read(markdown), 80, false), "  A  Long\n  x  one two three four\n");
        let typed = "| A | Long |\n|---|---|\n| `x y z` | one two |\n";
        assert_eq!(render(&read(typed), 12, false), "  A        Long\n  `x y z`  one\n           two\n");
    }
}
