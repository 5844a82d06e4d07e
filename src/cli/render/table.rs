use unicode_width::UnicodeWidthStr;

use super::visible;

/// Rows below a heading, in columns as wide as their widest cell on a terminal. It never wraps or cuts.
pub fn table(heading: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let shown = |row: &Vec<String>| row.iter().map(|cell| visible(cell).into_owned()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(shown).collect();
    let mut widths: Vec<usize> = heading.iter().map(|cell| cell.width()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&heading).chain(&rows) {
        let last = row.len().saturating_sub(1);
        for (number, (cell, width)) in row.iter().zip(&widths).enumerate() {
            text.push_str(cell);
            if number < last {
                text.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = table(row(["NAME", "IP"]), vec![row(["a-long-name", "1"]), row(["\u{1b}b", "2"])]);
        assert_eq!(text, "NAME         IP\na-long-name  1\n\\u{1b}b      2\n");
        // A terminal gives these two columns each, and a mark that joins the letter before it none.
        let text = table(row(["NAME", "IP"]), vec![row(["\u{6a5f}\u{5668}", "1"]), row(["e\u{301}", "2"])]);
        assert_eq!(text, "NAME  IP\n\u{6a5f}\u{5668}  1\ne\u{301}     2\n");
    }
}
